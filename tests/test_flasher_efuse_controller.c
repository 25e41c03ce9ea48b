/* SPDX-License-Identifier: Apache-2.0 */
/* Burning blocks through a register bus with the eFuse model behind it. */
#include "config.h"

#include "flasher/efuse/controller_int.h"
#include "tests/test_flasher_efuse_util.h"

enum { LOG_MAX = 512 };

/* A bus that remembers what was written and can go wrong. */
struct rig {
    struct em_efuse_model *model;
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    struct em_efuse_bus bus;
    struct em_efuse_controller ctl;
    struct em_efuse_write log[LOG_MAX];
    size_t logged;
    unsigned slept_ms;
    bool bad_window;      /* the first program register reads differently */
    bool stuck;           /* CMD never becomes idle */
    unsigned fail_at_cmd; /* the n-th write of CMD and all after it fail; 0: never */
    unsigned cmds;
    size_t written, flip_at; /* of the write of this number … */
    unsigned flip_bit;       /* … this bit of address, value and mask is changed */
};

static enum em_status rig_read(void *user, uint32_t addr, uint32_t *out,
                               struct em_error *err)
{
    (void)err;
    struct rig *rig = user;
    *out = em_efuse_model_read(rig->model, addr);
    if (rig->bad_window && addr == rig->chip->efuse_base)
        *out ^= 0x100;
    if (rig->stuck && addr == rig->chip->efuse_base + rig->table->regs.cmd)
        *out = 2;
    return EM_OK;
}

static void flip(struct em_efuse_write *w, unsigned bit)
{
    uint32_t *words[] = {&w->addr, &w->value, &w->mask};
    *words[bit / 32] ^= UINT32_C(1) << bit % 32;
}

static enum em_status rig_write(void *user, const struct em_efuse_write *writes,
                                size_t count, struct em_error *err)
{
    struct rig *rig = user;
    CU_ASSERT(count > 0 && count <= EM_EFUSE_PGM_WORDS);
    for (size_t i = 0; i < count; i++) {
        if (rig->logged < LOG_MAX)
            rig->log[rig->logged++] = writes[i];
        if (writes[i].mask == 0)
            continue;
        rig->cmds += writes[i].addr == rig->chip->efuse_base + rig->table->regs.cmd;
        if (rig->fail_at_cmd != 0 && rig->cmds >= rig->fail_at_cmd)
            return em_error_set(err, EM_ERR_LINK, NULL, "gone");
        struct em_efuse_write w = writes[i];
        if (rig->written++ == rig->flip_at)
            flip(&w, rig->flip_bit);
        int64_t busy_us = 0;
        if (w.mask != UINT32_MAX)
            w.value =
                (em_efuse_model_read(rig->model, w.addr) & ~w.mask) | (w.value & w.mask);
        em_efuse_model_write(rig->model, w.addr, w.value, &busy_us);
    }
    return EM_OK;
}

static void rig_sleep(void *user, unsigned ms)
{
    struct rig *rig = user;
    rig->slept_ms += ms;
}

static void rig_up(struct rig *rig, const char *chip)
{
    struct em_error err = {0};
    memset(rig, 0, sizeof *rig);
    rig->flip_at = SIZE_MAX;
    rig->model = model_of(chip, &rig->chip, &rig->table);
    rig->bus = (struct em_efuse_bus){rig_read, rig_write, rig_sleep, rig};
    EM_CHECK_STATUS(em_efuse_controller_init(&rig->ctl, rig->chip, &rig->bus,
                                             rig->chip->xtal_mhz, &err),
                    EM_OK, &err);
}

/* Registers that a program command would burn must be empty. */
static void check_cleared(struct rig *rig)
{
    for (size_t b = 0; b < rig->table->block_count; b++)
        for (uint32_t w = 0; w < 8 && rig->table->blocks[b].write != 0; w++)
            if (w < rig->table->blocks[b].words)
                CU_ASSERT_EQUAL(
                    get(rig->model, rig->chip, rig->table->blocks[b].write + 4 * w), 0);
    if (rig->table->regs.check != 0)
        for (uint32_t w = 0; w < EM_EFUSE_PGM_WORDS; w++)
            CU_ASSERT_EQUAL(get(rig->model, rig->chip, 4 * w), 0);
}

static void key_bytes(uint8_t *out)
{
    for (size_t i = 0; i < 8; i++)
        em_put_le32(out + 4 * i, key[i]);
}

static void test_every_block(void)
{
    for (size_t i = 0; i < CHIPS; i++) {
        struct rig rig;
        struct em_error err = {0};
        rig_up(&rig, with_efuses[i]);
        for (unsigned b = (unsigned)rig.table->block_count - 1; b > 0; b--) {
            uint8_t data[32];
            struct em_efuse_burn burn;
            key_bytes(data);
            EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, b, data, &burn, &err), EM_OK,
                            &err);
            CU_ASSERT_EQUAL(burn.attempts, 1);
            CU_ASSERT_FALSE(burn.lost || burn.incomplete || burn.after.fail);
            check_cleared(&rig);
        }
        struct em_efuse_state state;
        EM_CHECK_STATUS(em_efuse_read_all(&rig.ctl, &state, &err), EM_OK, &err);
        for (unsigned b = 1; b < rig.table->block_count; b++) {
            CU_ASSERT_FALSE(state.errors[b].fail || state.errors[b].count != 0);
            for (unsigned w = 0; w < rig.table->blocks[b].words; w++)
                CU_ASSERT_EQUAL(state.words[b][w], key[w]);
        }
        em_efuse_model_free(rig.model);
    }
}

static void test_block0(void)
{
    for (size_t i = 0; i < CHIPS; i++) {
        struct rig rig;
        struct em_error err = {0};
        struct em_efuse_burn burn;
        rig_up(&rig, with_efuses[i]);
        const struct em_efuse_block *block = &rig.table->blocks[0];
        uint8_t data[EM_EFUSE_WORDS_MAX * 4] = {0};
        data[4 * block->words - 1] = 0x80; /* the very last bit */
        EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 0, data, &burn, &err), EM_OK, &err);
        /* A second burn adds bits. */
        data[4 * block->words - 1] = 0x40;
        EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 0, data, &burn, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(burn.attempts, 1);
        CU_ASSERT_FALSE(burn.incomplete);
        CU_ASSERT_EQUAL(em_efuse_model_word(rig.model, 0, block->words - 1U), 0xC0000000);
        check_cleared(&rig);
        em_efuse_model_free(rig.model);
    }
}

static void expect(const struct rig *rig, size_t *at, uint32_t off, uint32_t value)
{
    CU_ASSERT_EQUAL(rig->log[*at].addr, rig->chip->efuse_base + off);
    CU_ASSERT_EQUAL(rig->log[*at].value, value);
    (*at)++;
}

static void test_sequence_c3(void)
{
    struct rig rig;
    struct em_error err = {0};
    struct em_efuse_burn burn;
    rig_up(&rig, "esp32c3");
    uint8_t data[32] = {2};
    EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 4, data, &burn, &err), EM_OK, &err);
    size_t at = 0;
    expect(&rig, &at, 0x1E8, 0x1FE00);
    expect(&rig, &at, 0x1E8, 0x1FE28);
    expect(&rig, &at, 0x1F0, 0x300000);
    expect(&rig, &at, 0x1F4, 0x190);
    for (uint32_t w = 0; w < 11; w++)
        expect(&rig, &at, 4 * w, 0);
    /* Check words of "02 and 31 zeros", worked out in the controller's description. */
    const uint32_t words[11] = {2, 0, 0,          0,          0,         0,
                                0, 0, 0xdcc41edf, 0xeb97c543, 0x5e33dd91};
    for (uint32_t w = 0; w < 11; w++)
        expect(&rig, &at, 4 * w, words[w]);
    expect(&rig, &at, 0x1CC, 0x5A5A);
    expect(&rig, &at, 0x1D4, 4 << 2);
    CU_ASSERT_EQUAL(rig.log[at].mask, 2); /* the command's bit alone */
    expect(&rig, &at, 0x1D4, 2 | 4 << 2);
    for (uint32_t w = 0; w < 11; w++)
        expect(&rig, &at, 4 * w, 0);
    for (unsigned i = 0; i < 6; i++) {
        expect(&rig, &at, 0x1CC, 0x5AA5);
        expect(&rig, &at, 0x1D4, 1);
        CU_ASSERT_EQUAL(rig.log[at].addr, 0x6000007C);
        CU_ASSERT_EQUAL(rig.log[at].mask, 0);
        CU_ASSERT_EQUAL(rig.log[at].delay_us, 1000);
        at++;
    }
    CU_ASSERT_EQUAL(at, rig.logged);
    em_efuse_model_free(rig.model);
}

static void test_sequence_esp32(void)
{
    struct rig rig;
    struct em_error err = {0};
    struct em_efuse_burn burn;
    rig_up(&rig, "esp32");
    uint8_t data[28] = {0};
    data[4] = 1;
    EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 0, data, &burn, &err), EM_OK, &err);
    size_t at = 0;
    expect(&rig, &at, 0x118, 0x50);
    expect(&rig, &at, 0x0F8, 0xA0);
    expect(&rig, &at, 0x0F8, 0xFFA0);
    at += 7 + 8 + 8 + 8; /* all write registers are cleared first */
    for (uint32_t w = 0; w < 7; w++)
        expect(&rig, &at, 0x1C + 4 * w, w == 1);
    expect(&rig, &at, 0x0FC, 0x5A5A);
    expect(&rig, &at, 0x104, 2);
    at += 31;
    expect(&rig, &at, 0x0FC, 0x5AA5);
    expect(&rig, &at, 0x104, 1);
    em_efuse_model_free(rig.model);
}

static void test_timing_of_all_crystals(void)
{
    static const struct {
        const char *chip;
        unsigned mhz;
        uint32_t off;
        uint32_t value;
    } rows[] = {
        {"esp32", 26, 0x0F8, 0xFFFA},       {"esp32", 40, 0x118, 80},
        {"esp32s2", 20, 0x1F0, 0x00C80101}, {"esp32s2", 40, 0x1F0, 0x01900201},
        {"esp32s2", 80, 0x1F0, 0x03200402}, {"esp32s2", 40, 0x1F4, 0x00510001},
        {"esp32s2", 80, 0x1EC, 0x00000402}, {"esp32s2", 40, 0x1F8, 0x80},
        {"esp32s3", 40, 0x1F4, 0x300000},   {"esp32s3", 40, 0x1F8, 0x190},
        {"esp32c2", 26, 0x110, 0x8200},     {"esp32c2", 40, 0x110, 0xC800},
        {"esp32c5", 40, 0x1EC, 0x1FE28},    {"esp32c5", 48, 0x1F8, 0x190},
        {"esp32h2", 32, 0x1E8, 0x1FE28},    {"esp32p4", 40, 0x1E8, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rig rig;
        struct em_error err = {0};
        struct em_efuse_burn burn;
        uint8_t data[36] = {0, 0, 0, 0, 0, 0, 0, 0x10};
        rig_up(&rig, rows[i].chip);
        rig.ctl.xtal_mhz = rows[i].mhz;
        em_efuse_model_set_xtal(rig.model, rows[i].mhz);
        EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 0, data, &burn, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(burn.attempts, 1);
        CU_ASSERT_EQUAL(get(rig.model, rig.chip, rows[i].off), rows[i].value);
        em_efuse_model_free(rig.model);
    }
}

static void test_wrong_crystal(void)
{
    struct rig rig;
    struct em_error err = {0};
    struct em_efuse_burn burn;
    uint8_t data[32] = {1};
    rig_up(&rig, "esp32c3");
    rig.ctl.xtal_mhz = 26;
    EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 4, data, &burn, &err),
                    EM_ERR_UNSUPPORTED, &err);
    EM_CHECK_HAS(err.what, "26 MHz");
    CU_ASSERT_EQUAL(rig.logged, 0);
    em_efuse_model_free(rig.model);
}

static void test_second_attempt(void)
{
    for (size_t i = 0; i < CHIPS; i++) {
        struct rig rig;
        struct em_error err = {0};
        struct em_efuse_burn burn;
        uint8_t data[32];
        key_bytes(data);
        rig_up(&rig, with_efuses[i]);
        em_efuse_model_cut(rig.model, 700, 11);
        EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 3, data, &burn, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(burn.attempts, 2);
        CU_ASSERT_EQUAL(em_efuse_model_word(rig.model, 3, 7), key[7]);
        em_efuse_model_free(rig.model);
    }
}

static void test_write_protected(void)
{
    struct rig rig;
    struct em_error err = {0};
    struct em_efuse_burn burn;
    uint8_t protect[24] = {0, 0, 0, 1}; /* WR_DIS bit 24: block 5 */
    uint8_t data[32] = {1};
    rig_up(&rig, "esp32c3");
    EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 0, protect, &burn, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 5, data, &burn, &err), EM_ERR_VERIFY,
                    &err);
    CU_ASSERT_EQUAL(burn.attempts, 3);
    CU_ASSERT(burn.incomplete);
    EM_CHECK_HAS(err.what, "BLOCK_KEY1");
    check_cleared(&rig);
    em_efuse_model_free(rig.model);
}

static void test_two_code_words(void)
{
    /* A second burn of a Reed-Solomon block ruins it, and that is told. */
    struct rig rig;
    struct em_error err = {0};
    struct em_efuse_burn burn;
    uint8_t data[32];
    rig_up(&rig, "esp32c6");
    key_bytes(data);
    EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 4, data, &burn, &err), EM_OK, &err);
    memset(data, 0xF0, sizeof data);
    EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 4, data, &burn, &err), EM_ERR_VERIFY,
                    &err);
    CU_ASSERT(burn.after.fail && !burn.before.fail);
    em_efuse_model_free(rig.model);
}

static void test_stuck(void)
{
    struct rig rig;
    struct em_error err = {0};
    struct em_efuse_burn burn;
    uint8_t data[32] = {1};
    rig_up(&rig, "esp32s3");
    rig.stuck = true;
    EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 4, data, &burn, &err), EM_ERR_CHIP,
                    &err);
    CU_ASSERT_EQUAL(rig.slept_ms, 250);
    CU_ASSERT_EQUAL(burn.attempts, 0);
    em_efuse_model_free(rig.model);
}

/* Of all blocks but @p block nothing may be burned, of it nothing but @p data. */
static bool only_burned(const struct rig *rig, unsigned block, const uint8_t *data)
{
    for (unsigned b = 0; b < rig->table->block_count; b++)
        for (unsigned w = 0; w < rig->table->blocks[b].words; w++) {
            uint32_t allowed = b == block ? em_get_le32(data + 4 * (size_t)w) : 0;
            if ((em_efuse_model_word(rig->model, b, w) & ~allowed) != 0)
                return false;
        }
    return true;
}

/* A bit that the cable changes, in any write: nothing else is burned for it. (In the
 * timing it may make bits weak, which is seen and told.) */
static void test_changed_bits(void)
{
    static const struct {
        const char *chip;
        unsigned block;
    } rows[] = {{"esp32c3", 4}, {"esp32c3", 0}, {"esp32s2", 5}, {"esp32", 2}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t writes = 1;
        for (size_t n = 0; n < writes; n++)
            for (unsigned bit = (unsigned)(n % 7); bit < 96; bit += 7) {
                struct rig rig;
                struct em_error err = {0};
                struct em_efuse_burn burn;
                uint8_t data[36] = {0, 0, 0, 0, 0, 0, 0, 0x10};
                rig_up(&rig, rows[i].chip);
                rig.flip_at = n;
                rig.flip_bit = bit;
                (void)em_efuse_burn_block(&rig.ctl, rows[i].block, data, &burn,
                                          &err); /* it may fail, but not burn */
                if (!only_burned(&rig, rows[i].block, data)) {
                    printf("%s, write %zu, bit %u\n", rows[i].chip, n, bit);
                    CU_FAIL("something else was burned");
                }
                writes = rig.written;
                em_efuse_model_free(rig.model);
            }
        CU_ASSERT(writes > 40);
    }
}

/* Registers that never hold what was written: nothing is burned. */
static void test_bad_registers(void)
{
    struct rig rig;
    struct em_error err = {0};
    struct em_efuse_burn burn;
    uint8_t data[32] = {1};
    rig_up(&rig, "esp32c3");
    rig.bad_window = true;
    EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 4, data, &burn, &err), EM_ERR_LINK,
                    &err);
    EM_CHECK_HAS(err.what, "not burned");
    CU_ASSERT_EQUAL(burn.attempts, 0);
    CU_ASSERT_FALSE(burn.lost);
    CU_ASSERT(only_burned(&rig, 4, (const uint8_t[32]){0}));
    em_efuse_model_free(rig.model);
}

static void test_line_is_lost(void)
{
    /* With the read command after the program command: those bits may have done it. */
    struct rig rig;
    struct em_error err = {0};
    struct em_efuse_burn burn;
    uint8_t data[24] = {0};
    data[16] = 1; /* DIS_DOWNLOAD_MODE */
    rig_up(&rig, "esp32c3");
    rig.fail_at_cmd = 3; /* number, program, read */
    EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 0, data, &burn, &err), EM_ERR_LINK,
                    &err);
    CU_ASSERT(burn.lost);
    CU_ASSERT_EQUAL(burn.attempts, 1);
    CU_ASSERT_EQUAL(em_efuse_model_word(rig.model, 0, 4), 1);
    em_efuse_model_free(rig.model);
}

static void test_esp32_schemes(void)
{
    struct rig rig;
    struct em_error err = {0};
    struct em_efuse_burn burn;
    struct em_efuse_state state;
    uint8_t data[24];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(0x10 + i);
    rig_up(&rig, "esp32");
    em_efuse_model_seed(rig.model, 0, 6 * 32, 2, 1);
    EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 2, data, &burn, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuse_read_all(&rig.ctl, &state, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(state.scheme, EM_EFUSE_SCHEME_34);
    CU_ASSERT_EQUAL(em_efuse_block_bytes(&rig.table->blocks[2], state.scheme), 24);
    CU_ASSERT_EQUAL(state.words[2][5], 0x27262524);
    CU_ASSERT_EQUAL(state.words[2][6], 0);
    CU_ASSERT_FALSE(state.errors[2].fail);
    em_efuse_model_seed(rig.model, 0, 6 * 32, 2, 3); /* none, in another way */
    EM_CHECK_STATUS(em_efuse_read_all(&rig.ctl, &state, &err), EM_OK, &err);
    em_efuse_model_free(rig.model);

    rig_up(&rig, "esp32");
    em_efuse_model_seed(rig.model, 0, 6 * 32, 2, 2);
    EM_CHECK_STATUS(em_efuse_burn_block(&rig.ctl, 2, data, &burn, &err),
                    EM_ERR_UNSUPPORTED, &err);
    CU_ASSERT_EQUAL(rig.logged, 0);
    em_efuse_model_free(rig.model);
}

static const struct em_test tests[] = {
    {"every block of every chip", test_every_block},
    {"BLOCK0", test_block0},
    {"sequence, ESP32-C3", test_sequence_c3},
    {"sequence, ESP32", test_sequence_esp32},
    {"timing of all crystals", test_timing_of_all_crystals},
    {"wrong crystal", test_wrong_crystal},
    {"second attempt", test_second_attempt},
    {"write protected", test_write_protected},
    {"two code words", test_two_code_words},
    {"stuck controller", test_stuck},
    {"a bit that is changed on the way", test_changed_bits},
    {"registers that do not hold what is written", test_bad_registers},
    {"line is lost", test_line_is_lost},
    {"ESP32: coding schemes", test_esp32_schemes},
};

EM_TEST_MAIN("flasher/efuse/controller", tests)
