/* SPDX-License-Identifier: Apache-2.0 */
/* Every rule on every chip that has it: found, refused, let through by its name alone. */
#include "config.h"

#include "flasher/efuse/rules_int.h"

#include "tests/em_test.h"

enum { KEY_BYTE = 0x5A, KEY_LEN = 32 };

static void put(struct em_efuses *e, const char *name, uint64_t value)
{
    const struct em_efuse_field *field = em_efuses_named(e, name);
    struct em_efuses_bits bits = em_efuses_of_number(value);
    CU_ASSERT_PTR_NOT_NULL_FATAL(field);
    em_efuses_join(&e->staged[field->block], field->bit, field->bits, &bits);
}

static void put_first(struct em_efuses *e, const char *list)
{
    for (size_t i = 0; i < e->field_count; i++)
        if (em_efuse_listed(list, e->fields[i]->name)) {
            put(e, e->fields[i]->name, 1);
            return;
        }
    CU_FAIL("no such field");
}

static void close_bit(struct em_efuses *e, const char *by, int bit)
{
    const struct em_efuse_field *field = em_efuses_named(e, by);
    CU_ASSERT_FATAL(field != NULL && bit >= 0);
    em_efuses_set(e->staged[field->block].bytes, (size_t)(field->bit + bit));
}

static void close_field(struct em_efuses *e, const char *list)
{
    for (size_t i = 0; i < e->field_count; i++)
        if (em_efuse_listed(list, e->fields[i]->name) && e->fields[i]->wr_dis >= 0) {
            close_bit(e, "WR_DIS", e->fields[i]->wr_dis);
            return;
        }
    CU_FAIL("no such field");
}

static bool by_place(const struct em_efuses *e)
{
    return e->view.table->purposes[0].in_block;
}

static void data(struct em_efuses *e, unsigned block, unsigned half)
{
    memset(e->staged[block].bytes + (half == 2 ? KEY_LEN / 2 : 0), KEY_BYTE,
           half == 0 ? KEY_LEN : KEY_LEN / 2);
}

/* A key with this purpose in a block that has a field for it. */
static void key(struct em_efuses *e, const struct em_efuse_block *block, int purpose)
{
    struct em_efuses_parts parts;
    struct em_error err;
    const struct em_efuse_field *field = em_efuses_purpose_field(e, block);
    memset(&parts, 0, sizeof parts);
    EM_CHECK_STATUS(em_efuses_spread(e, field, (uint64_t)purpose, &parts, &err), EM_OK,
                    &err);
    for (size_t i = 0; i < parts.count; i++)
        em_efuses_join(&e->staged[parts.part[i].field->block], parts.part[i].field->bit,
                       parts.part[i].field->bits, &parts.part[i].bits);
    data(e, block->number, 0);
}

static const struct em_efuse_block *key_block(const struct em_efuses *e)
{
    for (size_t b = 1; b < e->view.table->block_count; b++)
        if (em_efuses_key_block(e, &e->view.table->blocks[b]))
            return &e->view.table->blocks[b];
    return NULL;
}

/* A key for flash encryption, or another secret one if the chip has none of these. */
static void secret(struct em_efuses *e)
{
    const struct em_efuse_table *table = e->view.table;
    const struct em_efuse_purpose *found = NULL;
    if (by_place(e)) { /* the whole BLOCK1 of the ESP32, the low half of the C2's key */
        data(e, key_block(e)->number,
             table->blocks[key_block(e)->number].rd_dis_count - 1U);
        return;
    }
    for (size_t i = 0; i < table->purpose_count; i++) {
        const struct em_efuse_purpose *p = &table->purposes[i];
        if (p->value >= 0 && p->protect &&
            (found == NULL || strcmp(p->name, "XTS_AES_128_KEY") == 0))
            found = p;
    }
    key(e, key_block(e), found->value);
}

static void hide_or_keep_digest(struct em_efuses *e, bool hide)
{
    const struct em_efuse_table *table = e->view.table;
    const struct em_efuse_block *block = key_block(e);
    if (!by_place(e)) {
        for (size_t i = 0; i < table->purpose_count; i++)
            if (strcmp(table->purposes[i].name, "SECURE_BOOT_DIGEST0") == 0)
                key(e, block, table->purposes[i].value);
        if (hide)
            close_bit(e, "RD_DIS", block->rd_dis[0]);
        return;
    }
    bool c2 = block->rd_dis_count == 2;
    block = c2 ? block : &table->blocks[2];
    data(e, block->number, c2 ? 2 : 0);
    if (!hide)
        return;
    put(e, c2 ? "SECURE_BOOT_EN" : "ABS_DONE_1", 1);
    close_bit(e, "RD_DIS", block->rd_dis[c2 ? 1 : 0]);
}

static void hidden_digest(struct em_efuses *e)
{
    hide_or_keep_digest(e, true);
}

static void digest(struct em_efuses *e)
{
    hide_or_keep_digest(e, false);
}

static void hidden_plain(struct em_efuses *e)
{
    close_bit(e, "RD_DIS", key_block(e)->rd_dis[0]);
}

static void wrong_place(struct em_efuses *e)
{
    const struct em_efuse_table *table = e->view.table;
    for (size_t i = 0; i < table->purpose_count; i++)
        if (table->purposes[i].not_block != EM_EFUSE_NO_BIT &&
            table->purposes[i].value >= 0) {
            key(e, &table->blocks[table->purposes[i].not_block],
                table->purposes[i].value);
            return;
        }
}

static void unknown(struct em_efuses *e)
{
    int value = 1;
    while (em_efuse_purpose_by_value(&e->view, value) != NULL)
        value++;
    CU_ASSERT(value < 16);
    key(e, key_block(e), value);
}

static void empty_closed(struct em_efuses *e)
{
    close_bit(e, "WR_DIS", key_block(e)->wr_dis);
}

static void encrypt(struct em_efuses *e)
{
    put_first(e, "FLASH_CRYPT_CNT SPI_BOOT_CRYPT_CNT");
}

static void half(struct em_efuses *e)
{
    const struct em_efuse_table *table = e->view.table;
    if (by_place(e)) {
        data(e, key_block(e)->number, 1);
        put(e, "XTS_KEY_LENGTH_256", 1);
        return;
    }
    for (size_t i = 0; i < table->purpose_count; i++)
        if (table->purposes[i].parts[0] != NULL) {
            key(e, key_block(e),
                em_efuse_purpose_find(&e->view, table->purposes[i].parts[0])->value);
            return;
        }
}

static void close_download(struct em_efuses *e)
{
    put_first(e, "UART_DOWNLOAD_DIS DIS_DOWNLOAD_MODE");
}

static void close_too_early(struct em_efuses *e)
{
    secret(e);
    close_download(e);
}

static void close_jtag_open(struct em_efuses *e)
{
    put_first(e, "ABS_DONE_1 SECURE_BOOT_EN");
    close_download(e);
}

static void voltage(struct em_efuses *e)
{
    put_first(e, "XPD_SDIO_REG VDD_SPI_XPD");
}

static void pins(struct em_efuses *e)
{
    put_first(e, "SPI_PAD_CONFIG_D SPI_PAD_CONFIG_CLK");
}

static void coding(struct em_efuses *e)
{
    put(e, "CODING_SCHEME", 1);
    e->staged[3].bytes[0] = 1;
}

static void lock_later(struct em_efuses *e)
{
    if (!by_place(e)) {
        close_field(e, "KEY_PURPOSE_0");
        return;
    }
    secret(e);
    close_field(e, "FLASH_CRYPT_CNT SPI_BOOT_CRYPT_CNT");
}

static void lock_group(struct em_efuses *e)
{
    close_field(e, "SECURE_VERSION FLASH_CRYPT_CNT DIS_DOWNLOAD_MODE "
                   "ENABLE_SECURITY_DOWNLOAD");
}

static void lock_wr_dis(struct em_efuses *e)
{
    close_field(e, "WR_DIS");
}

static void lock_rd_dis(struct em_efuses *e)
{
    secret(e);
    close_field(e, "RD_DIS");
}

static void secure_boot(struct em_efuses *e)
{
    put_first(e, "ABS_DONE_1 SECURE_BOOT_EN");
}

static void usb(struct em_efuses *e)
{
    put_first(e, "DIS_USB_DOWNLOAD_MODE DIS_USB_SERIAL_JTAG_DOWNLOAD_MODE "
                 "DIS_USB_OTG_DOWNLOAD_MODE");
}

static void usb_both(struct em_efuses *e)
{
    put(e, "DIS_USB_JTAG", 1);
    put(e, "DIS_USB_SERIAL_JTAG", 1);
}

static void encrypt_off(struct em_efuses *e)
{
    enum em_efuses_result result;
    struct em_error err;
    encrypt(e);
    EM_CHECK_STATUS(em_efuses_override(e, "encryption-no-key", &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), EM_OK, &err);
    put(e,
        em_efuses_named(e, "FLASH_CRYPT_CNT") != NULL ? "FLASH_CRYPT_CNT"
                                                      : "SPI_BOOT_CRYPT_CNT",
        3);
}

/* A way to break each rule. */
static const struct {
    const char *id;
    void (*breaks)(struct em_efuses *e);
} ways[] = {
    {"digest-read-protect", hidden_digest},
    {"readable-read-protect", hidden_plain},
    {"key-block-forbidden", wrong_place},
    {"purpose-unknown", unknown},
    {"write-protect-empty", empty_closed},
    {"encryption-no-key", encrypt},
    {"half-key", half},
    {"encryption-download-open", encrypt},
    {"encryption-config", encrypt},
    {"encryption-off", encrypt_off},
    {"download-steps-remain", close_too_early},
    {"lockdown-order", close_jtag_open},
    {"download-off", close_download},
    {"flash-voltage", voltage},
    {"flash-pins", pins},
    {"coding-scheme", coding},
    {"write-lock-later", lock_later},
    {"write-lock-group", lock_group},
    {"wr-dis-closed", lock_wr_dis},
    {"rd-dis-closed", lock_rd_dis},
    {"secure-boot-no-digest", secure_boot},
    {"secure-boot-revision", secure_boot},
    {"digest-no-secure-boot", digest},
    {"usb-link", usb},
    {"usb-jtag-both", usb_both},
    {"key-readable", secret},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static struct em_efuses *open_chip(const char *chip, const char *id, bool compatible)
{
    struct em_efuses_options options = EM_EFUSES_OPTIONS_INIT;
    struct em_efuses *e = NULL;
    struct em_error err;
    options.revision = strcmp(id, "secure-boot-revision") == 0 ? 100 : 0;
    options.table_520 = compatible;
    EM_CHECK_STATUS(em_efuses_open_virtual(&e, chip, NULL, &options, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    return e;
}

static bool found(const struct em_efuses *e, const char *id,
                  struct em_efuses_finding *out)
{
    for (size_t i = 0; em_efuses_finding(e, i, out); i++)
        if (strcmp(out->id, id) == 0)
            return true;
    return false;
}

static void override_all_but(struct em_efuses *e, const char *id)
{
    struct em_efuses_rule rule;
    struct em_error err;
    for (size_t i = 0; em_efuses_rule(i, &rule); i++)
        if (strcmp(rule.id, id) != 0)
            EM_CHECK_STATUS(em_efuses_override(e, rule.id, &err), EM_OK, &err);
}

/* All others overridden: this one alone decides. */
static void try_rule(const char *chip, const struct em_efuses_rule *rule,
                     void (*breaks)(struct em_efuses *e))
{
    const struct em_efuses_change *changes;
    struct em_efuses_finding finding = {0};
    enum em_efuses_result result;
    struct em_error err;
    char wanted[64];
    size_t count;
    struct em_efuses *e = open_chip(chip, rule->id, false);
    breaks(e);
    EM_CHECK_STATUS(em_efuses_plan(e, &changes, &count, &err), EM_OK, &err);
    if (!found(e, rule->id, &finding))
        printf("\n  %s: %s is not found\n", chip, rule->id);
    CU_ASSERT_FATAL(found(e, rule->id, &finding));
    CU_ASSERT_EQUAL(finding.refuses, rule->refuses);
    CU_ASSERT(!finding.overridden);
    override_all_but(e, rule->id);
    struct em_efuses_bits before = e->now[0];
    enum em_status status = em_efuses_burn(e, NULL, NULL, &result, &err);
    if (rule->refuses) {
        (void)snprintf(wanted, sizeof wanted, "rule %s:", rule->id);
        CU_ASSERT_EQUAL(status, EM_ERR_REFUSED);
        EM_CHECK_HAS(err.what, wanted);
        CU_ASSERT_EQUAL(result, EM_EFUSES_NOTHING);
        EM_CHECK_STATUS(em_efuses_check_errors(e, &err), EM_OK, &err);
        CU_ASSERT(em_efuses_same(&before, &e->now[0]));
        em_efuses_close(e);
        e = open_chip(chip, rule->id, false);
        breaks(e);
        override_all_but(e, "");
        status = em_efuses_burn(e, NULL, NULL, &result, &err);
        CU_ASSERT(found(e, rule->id, &finding) && finding.overridden);
    }
    EM_CHECK_STATUS(status, EM_OK, &err);
    CU_ASSERT_EQUAL(result, EM_EFUSES_BURNED);
    em_efuses_close(e);
}

static void test_every_rule(void)
{
    struct em_efuses_rule rule;
    size_t i;
    unsigned pairs = 0;
    for (i = 0; em_efuses_rule(i, &rule); i++) {
        CU_ASSERT_FATAL(i < WAYS);
        CU_ASSERT_STRING_EQUAL(rule.id, ways[i].id);
        const char *chip;
        for (size_t at = 0; (chip = em_efuses_rule_chip(i, &at)) != NULL; pairs++)
            try_rule(chip, &rule, ways[i].breaks);
    }
    CU_ASSERT_EQUAL(i, WAYS);
    CU_ASSERT(pairs > 200); /* most rules are for most of the 14 chips */
}

/* As published tools, that know no rules: they only warn. */
static void test_compatible(void)
{
    enum em_efuses_result result;
    struct em_error err;
    struct em_efuses *e = open_chip("esp32c3", "", true);
    encrypt(e);
    hidden_plain(e);
    EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(result, EM_EFUSES_BURNED);
    em_efuses_close(e);
}

static void test_unknown(void)
{
    struct em_error err;
    struct em_efuses *e = open_chip("esp32c3", "", false);
    EM_CHECK_STATUS(em_efuses_override(e, "no-such-rule", &err), EM_ERR_USAGE, &err);
    EM_CHECK_HAS(err.what, "no-such-rule");
    em_efuses_close(e);
}

/* Locking down in the order of the manuals breaks no rule that refuses. */
static void test_good_plan(void)
{
    static const char *const chips[] = {"esp32c3", "esp32s3", "esp32c6", "esp32p4",
                                        "esp32h2", "esp32c5", "esp32s2"};
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        enum em_efuses_result result;
        struct em_error err;
        uint8_t bytes[KEY_LEN];
        memset(bytes, KEY_BYTE, sizeof bytes);
        struct em_efuses *e = open_chip(chips[i], "", false);
        const struct em_efuses_key keys[] = {
            {"BLOCK_KEY0", bytes, KEY_LEN, "XTS_AES_128_KEY", false},
            {"BLOCK_KEY1", bytes, KEY_LEN, "HMAC_UP", false},
            {"BLOCK_KEY2", bytes, KEY_LEN, "SECURE_BOOT_DIGEST0", false}};
        EM_CHECK_STATUS(em_efuses_stage_keys(e, keys, 3, NULL, &err), EM_OK, &err);
        put(e, "SECURE_BOOT_EN", 1);
        put(e, "SPI_BOOT_CRYPT_CNT", 7);
        put(e, "DIS_DOWNLOAD_MANUAL_ENCRYPT", 1);
        put_first(e, "DIS_PAD_JTAG HARD_DIS_JTAG");
        close_field(e, "RD_DIS");
        put(e, "ENABLE_SECURITY_DOWNLOAD", 1);
        EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(result, EM_EFUSES_BURNED);
        em_efuses_close(e);
    }
}

static const struct em_test tests[] = {
    {"every rule on every chip", test_every_rule},
    {"good plans pass", test_good_plan},
    {"rules only warn with --table 520", test_compatible},
    {"an override needs a rule", test_unknown},
};

EM_TEST_MAIN("flasher/efuse/rules", tests)
