/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of writing, on every simulated chip, by ROM and by stub. */
#include "config.h"

#include "tests/em_test.h"
#include "tests/test_flasher_flash_sim.h"

enum { BIG = 200 * 1024 + 12 };

static uint8_t *random_data, *text_data;

static void check_flash(struct em_t_chip *chip, uint32_t addr, const uint8_t *data,
                        size_t len)
{
    size_t size;
    const uint8_t *flash = em_sim_flash(chip->sim, &size);
    CU_ASSERT_FATAL(addr + len <= size);
    EM_CHECK_BYTES(flash + addr, data, len);
}

static bool all_ff(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (data[i] != 0xFF)
            return false;
    return true;
}

/* Fill the flash with something else first. */
static void soil(struct em_t_chip *chip)
{
    size_t size;
    uint8_t *flash = (uint8_t *)(uintptr_t)em_sim_flash(chip->sim, &size);
    memset(flash, 0x00, size);
}

static void write_three(const char *name, bool stub, enum em_flash_compress compress)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = name};
    struct em_flash_written results[4];
    struct em_flash_piece pieces[4] = {
        {.name = "text", .addr = 0x10000, .data = text_data, .len = BIG},
        {.name = "random", .addr = 0x80000, .data = random_data, .len = BIG},
        {.name = "small", .addr = 0x9000, .data = random_data + 7, .len = 5},
        {.name = "empty", .addr = 0xA000},
    };
    struct em_flash_write write = {.pieces = pieces, .count = 4, .compress = compress};
    EM_CHECK_STATUS(em_t_open(&chip, &sim, stub, &err), EM_OK, &err);
    if (chip.dev == NULL)
        goto out;
    CU_ASSERT_EQUAL(chip.dev->stub, stub);
    soil(&chip);
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, results, &err), EM_OK, &err);
    check_flash(&chip, 0x10000, text_data, BIG);
    check_flash(&chip, 0x80000, random_data, BIG);
    check_flash(&chip, 0x9000, random_data + 7, 5);
    size_t size;
    const uint8_t *flash = em_sim_flash(chip.sim, &size);
    CU_ASSERT(all_ff(flash + 0x9005, 0xA000 - 0x9005));
    bool full = em_flash_is_full(chip.dev);
    CU_ASSERT_EQUAL(flash[0xA000], full ? 0 : 0xFF); /* not a sector more, if it can */
    CU_ASSERT_EQUAL(flash[0x8FFF], 0);
    bool packs = full && compress != EM_FLASH_COMPRESS_OFF;
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(results[i].verified, full);
        CU_ASSERT_EQUAL(results[i].retries, 0);
        CU_ASSERT_EQUAL(results[i].compressed, packs && i == 0);
    }
    CU_ASSERT_EQUAL(results[0].bytes, BIG);
    CU_ASSERT_EQUAL(results[2].bytes, 8);
    if (packs)
        CU_ASSERT(results[0].sent < BIG * 2 / 3);
    CU_ASSERT_EQUAL(results[3].bytes, 0);
    EM_CHECK_HAS(chip.told, "empty: is empty");
    CU_ASSERT_FALSE(chip.fell);
    /* The loader is still there. */
    uint32_t word;
    EM_CHECK_STATUS(em_rom_read_reg(chip.dev, chip.dev->chip->uart_date, &word, &err),
                    EM_OK, &err);
out:
    em_t_close(&chip);
}

static void all_chips(void)
{
    for (size_t i = 0; i < EM_T_CHIPS; i++) {
        for (int stub = 0; stub < 2; stub++) {
            write_three(em_t_chips[i], stub == 1, EM_FLASH_COMPRESS_AUTO);
            write_three(em_t_chips[i], stub == 1, EM_FLASH_COMPRESS_OFF);
        }
    }
}

/* Bytes on the wire, counted by hand: nothing is sent twice or in vain. */
static void few_commands(void)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = "esp32c3"};
    struct em_flash_piece piece = {.name = "f", .data = random_data, .len = 16384};
    struct em_flash_write write = {.pieces = &piece, .count = 1};
    struct em_sim_stats before;
    struct em_sim_stats after;
    EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
    struct em_flash_id id;
    const struct em_device_info *info; /* asked for once */
    EM_CHECK_STATUS(em_flash_identify(chip.dev, NULL, &id, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_device_info(chip.dev, &info, &err), EM_OK, &err);
    em_sim_stats(chip.sim, &before);
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, NULL, &err), EM_OK, &err);
    em_sim_stats(chip.sim, &after);
    /* 3 fuses, each read twice, 1 SET_PARAMS, 1 BEGIN, 16 blocks, 1 MD5 */
    CU_ASSERT_EQUAL(after.commands - before.commands, 6 + 1 + 1 + 16 + 1);
    CU_ASSERT_EQUAL(after.erased_sectors - before.erased_sectors, 4);
    em_t_close(&chip);
}

/* In ROM mode the address is pulled down to a sector, with a note. */
static void within_sector(void)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = "esp32s3"};
    struct em_flash_piece piece = {
        .name = "f", .addr = 0x9104, .data = random_data, .len = 0x2000};
    struct em_flash_write write = {.pieces = &piece, .count = 1};
    EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
    soil(&chip);
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, NULL, &err), EM_OK, &err);
    check_flash(&chip, 0x9104, random_data, 0x2000);
    size_t size;
    const uint8_t *flash = em_sim_flash(chip.sim, &size);
    CU_ASSERT(all_ff(flash + 0x9000, 0x104));
    CU_ASSERT_EQUAL(flash[0x8FFF], 0);
    EM_CHECK_HAS(chip.told, "within a sector");
    em_t_close(&chip);
}

static void skips_and_diffs(void)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = "esp32c6"};
    struct em_flash_written result;
    struct em_flash_piece piece = {
        .name = "f", .addr = 0x10000, .data = random_data, .len = BIG};
    struct em_flash_write write = {.pieces = &piece, .count = 1, .skip_flashed = true};
    uint8_t *changed = malloc(BIG);
    CU_ASSERT_FATAL(changed != NULL);
    memcpy(changed, random_data, BIG);
    changed[0x5000] ^= 1;
    changed[BIG - 1] ^= 1;
    EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_OK, &err);
    CU_ASSERT_FALSE(result.skipped);
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_OK, &err);
    CU_ASSERT_TRUE(result.skipped);
    CU_ASSERT_TRUE(result.verified);
    CU_ASSERT_EQUAL(result.sent, 0);
    /* two sectors differ */
    piece.data = changed;
    piece.old_data = random_data;
    piece.old_len = BIG;
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_OK, &err);
    CU_ASSERT_FALSE(result.skipped);
    CU_ASSERT_TRUE(result.verified);
    CU_ASSERT_EQUAL(result.sent, 4096 + 1024); /* the last one is a block only */
    check_flash(&chip, 0x10000, changed, BIG);
    /* the flash does not hold the old content any more: all is written */
    piece.data = random_data;
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_OK, &err);
    CU_ASSERT(result.sent >= BIG);
    check_flash(&chip, 0x10000, random_data, BIG);
    EM_CHECK_HAS(chip.told, "does not hold the old content");
    /* trusted wrongly: the proof at the end finds out, and mends it */
    piece.data = random_data;
    piece.old_data = changed;
    write.skip_flashed = false;
    write.no_diff_verify = true;
    soil(&chip);
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_OK, &err);
    CU_ASSERT_TRUE(result.verified);
    check_flash(&chip, 0x10000, random_data, BIG);
    em_t_close(&chip);
    free(changed);
}

static void erases_all_first(void)
{
    for (int stub = 0; stub < 2; stub++) {
        struct em_t_chip chip;
        struct em_error err = {0};
        struct em_sim_options sim = {.chip = "esp32"};
        struct em_flash_piece piece = {
            .name = "f", .addr = 0x9000, .data = random_data, .len = 100};
        struct em_flash_write write = {.pieces = &piece, .count = 1, .erase_all = true};
        EM_CHECK_STATUS(em_t_open(&chip, &sim, stub == 1, &err), EM_OK, &err);
        soil(&chip);
        EM_CHECK_STATUS(em_flash_write(chip.dev, &write, NULL, &err), EM_OK, &err);
        size_t size;
        const uint8_t *flash = em_sim_flash(chip.sim, &size);
        check_flash(&chip, 0x9000, random_data, 100);
        CU_ASSERT(all_ff(flash, 0x9000));
        CU_ASSERT(all_ff(flash + 0xA000, size - 0xA000));
        em_t_close(&chip);
    }
}

/* Secure download mode: written, not verified, and it says so. */
static void secure_download(void)
{
    static const char *const names[] = {"esp32s2", "esp32c3", "esp32s3", "esp32c6"};
    for (size_t i = 0; i < 4; i++) {
        struct em_t_chip chip;
        struct em_error err = {0};
        struct em_sim_options sim = {.chip = names[i], .secure_download = true};
        struct em_flash_written result;
        struct em_flash_piece piece = {
            .name = "f", .addr = 0x9000, .data = text_data, .len = BIG};
        struct em_flash_write write = {.pieces = &piece, .count = 1};
        EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
        write.flash.size = "4MB";
        write.compress = i % 2 == 0 ? EM_FLASH_COMPRESS_OFF : EM_FLASH_COMPRESS_AUTO;
        EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_OK, &err);
        CU_ASSERT_FALSE(result.verified);
        check_flash(&chip, 0x9000, text_data, BIG);
        EM_CHECK_HAS(chip.told, "secure download mode");
        piece.addr = 0x3FF000;
        EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_ERR_FULL,
                        &err);
        em_t_close(&chip);
    }
}

static void flash_encryption(void)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = "esp32c3", .flash_encryption = true};
    struct em_flash_written result;
    struct em_flash_piece piece = {
        .name = "f", .addr = 0x9000, .data = text_data, .len = BIG, .encrypt = true};
    struct em_flash_write write = {
        .pieces = &piece, .count = 1, .ignore_flash_encryption = true};
    EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_OK, &err);
    CU_ASSERT_FALSE(result.verified);
    CU_ASSERT_FALSE(result.compressed);
    EM_CHECK_HAS(chip.told, "cannot be verified");
    size_t size;
    const uint8_t *flash = em_sim_flash(chip.sim, &size);
    CU_ASSERT(memcmp(flash + 0x9000, text_data, 4096) != 0);
    /* plain data is possible as long as download mode encrypts, with a warning */
    piece.encrypt = false;
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_OK, &err);
    EM_CHECK_HAS(chip.told, "written plain");
    check_flash(&chip, 0x9000, text_data, BIG);
    /* erasing is not */
    write.erase_all = true;
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_ERR_REFUSED,
                    &err);
    write.force = true;
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_OK, &err);
    em_t_close(&chip);
}

/* Stopped at any block, the loader is ready for what comes next. */
static void stops(void)
{
    for (int stub = 0; stub < 2; stub++) {
        for (unsigned after = 1; after < 4; after++) {
            struct em_t_chip chip;
            struct em_error err = {0};
            struct em_sim_options sim = {.chip = "esp32c3", .real_timing = true};
            struct em_flash_piece piece = {.name = "f", .data = random_data, .len = BIG};
            struct em_flash_write write = {.pieces = &piece, .count = 1};
            EM_CHECK_STATUS(em_t_open(&chip, &sim, stub == 1, &err), EM_OK, &err);
            chip.progress = 0;
            chip.stop_after = after;
            EM_CHECK_STATUS(em_flash_write(chip.dev, &write, NULL, &err), EM_ERR_STOPPED,
                            &err);
            chip.stop_after = 0;
            piece.len = 8192;
            EM_CHECK_STATUS(em_flash_write(chip.dev, &write, NULL, &err), EM_OK, &err);
            check_flash(&chip, 0, random_data, 8192);
            em_t_close(&chip);
        }
    }
}

static void make_data(void)
{
    random_data = malloc(BIG);
    text_data = malloc(BIG);
    if (random_data == NULL || text_data == NULL)
        abort();
    em_t_random(random_data, BIG, 1);
    em_t_text(text_data, BIG, 2);
}

static const struct em_test tests[] = {
    {"every chip", all_chips},
    {"no command too many", few_commands},
    {"within a sector", within_sector},
    {"what is there already", skips_and_diffs},
    {"all erased first", erases_all_first},
    {"secure download mode", secure_download},
    {"flash encryption", flash_encryption},
    {"stopped", stops},
};

int main(void)
{
    make_data();
    int status = em_test_main("flasher/flash/write", tests, sizeof tests / sizeof *tests);
    free(random_data);
    free(text_data);
    return status;
}
