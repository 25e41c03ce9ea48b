/* SPDX-License-Identifier: Apache-2.0 */
/* The eFuse tables walked row by row, and facts from other sources against them. */
#include "config.h"

#include "flasher/efuse/fields_int.h"

#include "tests/em_test.h"

/* Revisions on either side of every change in a table. */
static const unsigned revisions[] = {0, 101, 102, 299, 300, 399};
enum { REVISIONS = sizeof revisions / sizeof revisions[0] };

static const enum em_efuse_edition editions[] = {EM_EFUSE_NEWEST, EM_EFUSE_V520};

/* Call @p check with every view there is. */
static void for_views(void (*check)(const struct em_efuse_view *view))
{
    for (size_t t = 0; t < em_efuse_tables_count; t++)
        for (size_t e = 0; e < 2; e++)
            for (size_t r = 0; r < REVISIONS; r++) {
                struct em_efuse_view view = {&em_efuse_tables[t], editions[e],
                                             revisions[r]};
                check(&view);
            }
}

static void complain(const struct em_efuse_view *view, const char *what, const char *who)
{
    printf("\n  %s, revision %u: %s: %s\n", view->table->chip, view->revision, who, what);
    CU_FAIL("table");
}

static bool same_name(const struct em_efuse_field *a, const struct em_efuse_field *b)
{
    /* The ESP32's blocks have one row for each coding scheme. */
    return strcmp(a->name, b->name) == 0 &&
           !(a->group == EM_EFUSE_BLOCK_NONE && b->group == EM_EFUSE_BLOCK_34);
}

static bool takes_space(const struct em_efuse_field *f)
{
    return f->group == EM_EFUSE_MAIN || f->group == EM_EFUSE_CALIB ||
           f->group == EM_EFUSE_CUSTOM_MAC || f->group == EM_EFUSE_HIDDEN;
}

static bool overlap(const struct em_efuse_field *a, const struct em_efuse_field *b)
{
    return takes_space(a) && takes_space(b) && a->block == b->block &&
           a->bit < b->bit + b->bits && b->bit < a->bit + a->bits;
}

static void check_pairs(const struct em_efuse_view *view)
{
    const struct em_efuse_field *a = NULL;
    while ((a = em_efuse_field_next(view, EM_EFUSE_ANY_BLOCK, a)) != NULL) {
        const struct em_efuse_field *b = a;
        while ((b = em_efuse_field_next(view, EM_EFUSE_ANY_BLOCK, b)) != NULL) {
            if (same_name(a, b))
                complain(view, "twice", a->name);
            if (overlap(a, b))
                complain(view, a->name, b->name);
        }
    }
    CU_PASS("pairs");
}

static void check_field(const struct em_efuse_view *view, const struct em_efuse_field *f)
{
    const struct em_efuse_block *block = em_efuse_block_at(view->table, f->block);
    if (block == NULL || f->bits == 0 || f->about[0] == '\0' || f->category[0] == '\0')
        complain(view, "incomplete", f->name);
    else if (f->group != EM_EFUSE_CALC && f->bit + f->bits > block->words * 32)
        complain(view, "beyond its block", f->name);
    else if (f->block != 0 && f->group != EM_EFUSE_CALC && f->wr_dis != block->wr_dis)
        complain(view, "another WR_DIS bit than its block", f->name);
    const struct em_efuse_field *wr = em_efuse_field_find(view, "WR_DIS");
    const struct em_efuse_field *rd = em_efuse_field_find(view, "RD_DIS");
    if (f->wr_dis != EM_EFUSE_NO_BIT && f->wr_dis >= wr->bits)
        complain(view, "no such WR_DIS bit", f->name);
    for (size_t i = 0; i < f->rd_dis_count; i++)
        if (f->rd_dis[i] < 0 || f->rd_dis[i] >= rd->bits)
            complain(view, "no such RD_DIS bit", f->name);
    if ((f->type == EM_EFUSE_BOOL && f->bits != 1) ||
        (f->type == EM_EFUSE_BYTES && f->bits % 8 != 0))
        complain(view, "type and width", f->name);
    for (const struct em_efuse_value *v = f->values; v->text != NULL; v++)
        if (f->bits < 32 && v->value >> f->bits != 0)
            complain(view, "value too large", f->name);
    if (f->group != EM_EFUSE_HIDDEN && em_efuse_field_find(view, f->name) == NULL)
        complain(view, "not found", f->name);
}

static void check_fields(const struct em_efuse_view *view)
{
    const struct em_efuse_field *f = NULL;
    while ((f = em_efuse_field_next(view, EM_EFUSE_ANY_BLOCK, f)) != NULL)
        check_field(view, f);
    static const char *const everywhere[] = {"WR_DIS", "RD_DIS", "MAC", "CUSTOM_MAC",
                                             "SECURE_VERSION"};
    for (size_t i = 0; i < sizeof everywhere / sizeof everywhere[0]; i++)
        CU_ASSERT_PTR_NOT_NULL(em_efuse_field_find(view, everywhere[i]));
}

static void check_blocks(const struct em_efuse_view *view)
{
    const struct em_efuse_table *table = view->table;
    for (size_t i = 0; i < table->block_count; i++) {
        const struct em_efuse_block *block = &table->blocks[i];
        CU_ASSERT_EQUAL(block->number, i);
        CU_ASSERT(block->words > 0 && block->words <= EM_EFUSE_WORDS_MAX);
        CU_ASSERT(block->read + 4 * block->words <= table->window);
        CU_ASSERT_EQUAL(block->coding == EM_EFUSE_RS, block->count_bit >= 0);
        if (block->coding == EM_EFUSE_RS)
            CU_ASSERT(block->count_bit + 3 <= 32 * table->rs_err_words &&
                      block->fail_bit < 32 * table->rs_err_words);
        CU_ASSERT_PTR_EQUAL(em_efuse_block_find(table, block->name), block);
        if (block->purpose_field != NULL)
            CU_ASSERT_PTR_NOT_NULL(em_efuse_field_find(view, block->purpose_field));
        for (size_t k = 0; k < i; k++) {
            const struct em_efuse_block *other = &table->blocks[k];
            CU_ASSERT(block->read >= other->read + 4 * other->words ||
                      other->read >= block->read + 4 * block->words);
        }
    }
    CU_ASSERT(table->regs.conf != 0 && table->regs.cmd != 0);
    CU_ASSERT_EQUAL(table->regs.check == 0, table->regs.dec_status != 0);
    if (table->repeat_err_words > 0) /* one for each word of BLOCK0 but WR_DIS */
        CU_ASSERT_EQUAL(table->repeat_err_words, table->blocks[0].words - 1);
}

static void check_purpose(const struct em_efuse_view *view,
                          const struct em_efuse_purpose *p)
{
    if (em_efuse_purpose_find(view, p->name) != p)
        complain(view, "purpose twice", p->name);
    for (size_t i = 0; i < 2; i++)
        if (p->parts[i] != NULL &&
            (p->value >= 0 || em_efuse_purpose_find(view, p->parts[i]) == NULL))
            complain(view, "parts", p->name);
    if ((p->value < 0) != (p->parts[0] != NULL) || p->bits == 0)
        complain(view, "parts", p->name);
    if (p->in_block && em_efuse_block_at(view->table, (unsigned)p->block) == NULL)
        complain(view, "no such block", p->name);
    if (p->digest && p->protect && !p->in_block)
        complain(view, "digests must stay readable", p->name);
    /* Names may share a number only if one is another word for the other; the first
     * counts. RESERVED was the word of older tables (ESP32-C5). */
    const struct em_efuse_purpose *first = em_efuse_purpose_by_value(view, p->value);
    if (first != p && !p->in_block && strcmp(p->name, "RESERVED") != 0 &&
        (first->reverse != p->reverse || first->protect != p->protect))
        complain(view, first->name, p->name);
    if (!p->in_block && p->value >= 0) {
        const struct em_efuse_field *low = em_efuse_field_find(view, "KEY_PURPOSE_0");
        const struct em_efuse_field *high = em_efuse_field_find(view, "KEY_PURPOSE_0_H");
        unsigned bits = (low == NULL ? 0U : low->bits) + (high == NULL ? 0U : 1U);
        if (bits == 0 || (bits < 5 && p->value >> bits != 0 &&
                          strcmp(view->table->chip, "esp32p4") != 0))
            complain(view, "does not fit KEY_PURPOSE", p->name);
    }
}

static void check_purposes(const struct em_efuse_view *view)
{
    CU_ASSERT(view->table->purpose_count > 0);
    for (size_t i = 0; i < view->table->purpose_count; i++)
        if ((view->table->purposes[i].editions & view->edition) != 0)
            check_purpose(view, &view->table->purposes[i]);
}

static void test_pairs(void)
{
    for_views(check_pairs);
}

static void test_fields(void)
{
    for_views(check_fields);
}

static void test_blocks(void)
{
    for_views(check_blocks);
}

static void test_purposes(void)
{
    for_views(check_purposes);
}

static void test_against_chips(void)
{
    size_t count = 0;
    const struct em_chip *chips = em_chips(&count);
    size_t with = 0;
    for (size_t i = 0; i < count; i++) {
        const struct em_efuse_table *table = em_efuse_table_find(&chips[i]);
        if (table == NULL)
            continue;
        with++;
        struct em_efuse_view view = {table, EM_EFUSE_NEWEST, 0};
        const struct em_efuse_field *mac = em_efuse_field_find(&view, "MAC");
        uint32_t read = table->blocks[mac->block].read + mac->bit / 8U;
        CU_ASSERT_EQUAL(chips[i].efuse_base + read, chips[i].mac_lo);
        bool fits = table->xtal[0] == 0;
        for (size_t k = 0; k < 3; k++)
            fits = fits || table->xtal[k] == chips[i].xtal_mhz;
        CU_ASSERT(fits);
    }
    CU_ASSERT_EQUAL(with, 14);
    CU_ASSERT_EQUAL(em_efuse_tables_count, 14);
}

static size_t visible(const char *chip, enum em_efuse_edition edition)
{
    const struct em_efuse_table *table = em_efuse_table_find(em_chip_find(chip));
    size_t n = 0;
    for (size_t i = 0; i < table->field_count; i++)
        if (table->fields[i].group != EM_EFUSE_HIDDEN &&
            (table->fields[i].editions & edition) != 0)
            n++;
    return n;
}

static void test_counts(void)
{
    /* Numbers of fields in published tools, newest and 5.2.0, all revisions. */
    static const struct {
        const char *chip;
        size_t newest;
        size_t v520;
    } rows[] = {{"esp32", 55, 55},    {"esp32s2", 95, 95},  {"esp32s3", 112, 112},
                {"esp32c2", 49, 49},  {"esp32c3", 86, 86},  {"esp32c5", 114, 113},
                {"esp32c6", 88, 88},  {"esp32c61", 90, 90}, {"esp32h2", 91, 91},
                {"esp32h21", 81, 88}, {"esp32h4", 115, 75}, {"esp32p4", 166, 165},
                {"esp32s31", 94, 93}, {"esp32e22", 52, 52}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT_EQUAL(visible(rows[i].chip, EM_EFUSE_NEWEST), rows[i].newest);
        CU_ASSERT_EQUAL(visible(rows[i].chip, EM_EFUSE_V520), rows[i].v520);
    }
}

static void test_look_ups(void)
{
    const struct em_efuse_table *c3 = em_efuse_table_find(em_chip_find("esp32c3"));
    struct em_efuse_view view = {c3, EM_EFUSE_NEWEST, 4};
    const struct em_efuse_field *f = em_efuse_field_find(&view, "DIS_CAN");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_STRING_EQUAL(f->name, "DIS_TWAI");
    CU_ASSERT_EQUAL(f->bit, 32 + 14);
    CU_ASSERT_PTR_NULL(em_efuse_field_find(&view, "FLASH_TYPE")); /* hidden */
    CU_ASSERT_PTR_NULL(em_efuse_field_find(&view, "DIS_"));
    f = em_efuse_field_find(&view, "WDT_DELAY_SEL");
    CU_ASSERT_STRING_EQUAL(em_efuse_value_text(f, 2), "160000");
    CU_ASSERT_PTR_NULL(em_efuse_value_text(f, 4));
    CU_ASSERT_STRING_EQUAL(em_efuse_field_find(&view, "KEY5_PURPOSE")->about,
                           "What key block 5 is for");
    CU_ASSERT_EQUAL(em_efuse_block_find(c3, "BLOCK9")->number, 9);
    CU_ASSERT_EQUAL(em_efuse_purpose_find(&view, "HMAC_UP")->value, 8);
    CU_ASSERT_EQUAL(em_efuse_purpose_find(&view, "XTS_AES_128_KEY")->not_block, 9);

    struct em_efuse_view p4 = {em_efuse_table_find(em_chip_find("esp32p4")),
                               EM_EFUSE_NEWEST, 100};
    CU_ASSERT_PTR_NULL(em_efuse_field_find(&p4, "KEY_PURPOSE_0_H"));
    CU_ASSERT_PTR_NULL(em_efuse_field_find(&p4, "DOWNLOAD_MODE_XPD_ON"));
    p4.revision = 300;
    CU_ASSERT_PTR_NOT_NULL(em_efuse_field_find(&p4, "KEY_PURPOSE_0_H"));
    CU_ASSERT_PTR_NOT_NULL(em_efuse_field_find(&p4, "DOWNLOAD_MODE_XPD_ON"));
    p4.edition = EM_EFUSE_V520;
    CU_ASSERT_PTR_NULL(em_efuse_field_find(&p4, "DOWNLOAD_MODE_XPD_ON"));
    CU_ASSERT_EQUAL(em_efuse_place(0xFFFF00, 0x3000), 0x300000);
    CU_ASSERT_EQUAL(em_efuse_place(0xFF, 5), 5);
}

static const struct em_test tests[] = {
    {"no overlaps, no name twice", test_pairs},
    {"fields", test_fields},
    {"blocks and registers", test_blocks},
    {"key purposes", test_purposes},
    {"against the chips' tables", test_against_chips},
    {"numbers of fields", test_counts},
    {"look-ups", test_look_ups},
};

EM_TEST_MAIN("flasher/efuse/tables", tests)
