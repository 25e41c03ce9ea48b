/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of reading and verifying, on every simulated chip, over good lines and bad. */
#include "config.h"

#include "tests/em_test.h"
#include "tests/test_flasher_flash_sim.h"

enum { LEN = 150 * 1024 + 3 };

static uint8_t data[LEN];

struct taken {
    uint8_t bytes[LEN];
    size_t len;
    size_t stop_at; /* the sink fails from here on; 0: never */
};

static enum em_status take(void *user, const uint8_t *bytes, size_t len,
                           struct em_error *err)
{
    struct taken *taken = user;
    if (taken->stop_at != 0 && taken->len >= taken->stop_at)
        return em_error_set(err, EM_ERR_IO, NULL, "disk full");
    CU_ASSERT_FATAL(taken->len + len <= LEN);
    memcpy(taken->bytes + taken->len, bytes, len);
    taken->len += len;
    return EM_OK;
}

static uint8_t *flash_of(struct em_t_chip *chip, size_t *size)
{
    return (uint8_t *)(uintptr_t)em_sim_flash(chip->sim, size);
}

static struct taken taken;

static void read_once(const char *name, bool stub)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = name};
    size_t size;
    EM_CHECK_STATUS(em_t_open(&chip, &sim, stub, &err), EM_OK, &err);
    memcpy(flash_of(&chip, &size) + 0x1001, data, LEN);
    bool can = em_flash_is_full(chip.dev);
    taken.len = taken.stop_at = 0;
    EM_CHECK_STATUS(em_flash_read(chip.dev, NULL, 0x1001, LEN, take, &taken, &err),
                    can ? EM_OK : EM_ERR_UNSUPPORTED, &err);
    if (can) {
        CU_ASSERT_EQUAL(taken.len, LEN);
        EM_CHECK_BYTES(taken.bytes, data, LEN);
        EM_CHECK_STATUS(em_flash_read(chip.dev, NULL, 4 << 20, 1, take, &taken, &err),
                        EM_ERR_FULL, &err);
        taken.len = 0;
        EM_CHECK_STATUS(em_flash_read(chip.dev, NULL, (4 << 20) - 5000, EM_FLASH_ALL,
                                      take, &taken, &err),
                        EM_OK, &err);
        CU_ASSERT_EQUAL(taken.len, 5000);
        taken.len = 0;
        taken.stop_at = 1;
        EM_CHECK_STATUS(em_flash_read(chip.dev, NULL, 0, LEN, take, &taken, &err),
                        EM_ERR_IO, &err);
    }
    CU_ASSERT_FALSE(chip.fell);
    em_t_close(&chip);
}

static void reads(void)
{
    for (size_t i = 0; i < EM_T_CHIPS; i++) {
        read_once(em_t_chips[i], false);
        read_once(em_t_chips[i], true);
    }
}

/* Bad lines: the right bytes or an error. */
static void reads_faulty(void)
{
    static const char *const mixes[] = {"garble=0.00005", "drop=0.00005", "dup=0.00005",
                                        "garble=0.0003",  "bad-md5=0.2",  "bad-md5=1",
                                        "drop=0.002"};
    unsigned good = 0;
    unsigned bad = 0;
    for (unsigned seed = 0; seed < 140; seed++) {
        struct em_t_chip chip;
        struct em_error err = {0};
        struct em_sim_options sim = {
            .chip = "esp32c3", .seed = seed, .faults = mixes[seed % 7]};
        size_t size;
        enum em_status status = em_t_open(&chip, &sim, seed / 7 % 2 == 1, &err);
        if (status == EM_OK) {
            memcpy(flash_of(&chip, &size) + 0x3000, data, LEN);
            taken.len = taken.stop_at = 0;
            status = em_flash_read(chip.dev, NULL, 0x3000, LEN / 2, take, &taken, &err);
        }
        if (status == EM_OK) {
            CU_ASSERT_EQUAL(taken.len, LEN / 2);
            EM_CHECK_BYTES(taken.bytes, data, taken.len);
            good++;
        } else {
            CU_ASSERT(err.what[0] != '\0');
            CU_ASSERT_EQUAL(err.status, status);
            bad++;
        }
        if (strcmp(mixes[seed % 7], "bad-md5=1") == 0)
            CU_ASSERT_EQUAL(status, EM_ERR_LINK);
        em_t_close(&chip);
    }
    printf("\n  reading over bad lines: %u right, %u told\n", good, bad);
    CU_ASSERT(good >= 70);
}

struct seen {
    size_t count;
    struct em_flash_difference first, last;
    size_t piece;
};

static void differ(void *user, size_t piece, const struct em_flash_difference *difference)
{
    struct seen *seen = user;
    if (seen->count++ == 0)
        seen->first = *difference;
    seen->last = *difference;
    seen->piece = piece;
}

static void verifies(void)
{
    for (int stub = 0; stub < 2; stub++) {
        struct em_t_chip chip;
        struct em_error err = {0};
        struct em_sim_options sim = {.chip = "esp32s2"};
        struct em_flash_piece pieces[3] = {
            {.name = "a", .addr = 0x1000, .data = data, .len = 5001},
            {.name = "empty", .addr = 0x3000},
            {.name = "b", .addr = 0x4003, .data = data, .len = LEN}};
        bool equal[3];
        size_t size;
        struct seen seen = {0};
        EM_CHECK_STATUS(em_t_open(&chip, &sim, stub == 1, &err), EM_OK, &err);
        uint8_t *flash = flash_of(&chip, &size);
        memcpy(flash + 0x1000, data, 5001);
        memcpy(flash + 0x4003, data, LEN);
        EM_CHECK_STATUS(
            em_flash_verify(chip.dev, NULL, pieces, 3, equal, differ, &seen, &err), EM_OK,
            &err);
        CU_ASSERT(equal[0] && equal[1] && equal[2]);
        CU_ASSERT_EQUAL(seen.count, 0);
        flash[0x4003 + 7] ^= 0x10;
        flash[0x4003 + LEN - 1] ^= 0xFF;
        flash[0x4003 + LEN] ^= 0xFF; /* behind the piece */
        EM_CHECK_STATUS(
            em_flash_verify(chip.dev, NULL, pieces, 3, equal, differ, &seen, &err), EM_OK,
            &err);
        CU_ASSERT(equal[0] && equal[1] && !equal[2]);
        CU_ASSERT_EQUAL(seen.count, 2);
        CU_ASSERT_EQUAL(seen.piece, 2);
        CU_ASSERT_EQUAL(seen.first.addr, 0x4003 + 7);
        CU_ASSERT_EQUAL(seen.first.in_file, data[7]);
        CU_ASSERT_EQUAL(seen.first.in_flash, data[7] ^ 0x10);
        CU_ASSERT_EQUAL(seen.last.addr, 0x4003 + LEN - 1);
        EM_CHECK_STATUS(
            em_flash_verify(chip.dev, NULL, pieces, 3, equal, NULL, NULL, &err), EM_OK,
            &err);
        CU_ASSERT_FALSE(equal[2]);
        CU_ASSERT_FALSE(chip.fell);
        em_t_close(&chip);
    }
}

static void secure_download(void)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = "esp32c3", .secure_download = true};
    struct em_flash_piece piece = {.name = "a", .data = data, .len = 100};
    struct em_flash_id id;
    bool equal;
    uint32_t word;
    uint8_t bytes[4];
    EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_read(chip.dev, NULL, 0, 4, take, &taken, &err),
                    EM_ERR_UNSUPPORTED, &err);
    EM_CHECK_STATUS(em_flash_verify(chip.dev, NULL, &piece, 1, &equal, NULL, NULL, &err),
                    EM_ERR_UNSUPPORTED, &err);
    EM_CHECK_STATUS(em_flash_identify(chip.dev, NULL, &id, &err), EM_ERR_UNSUPPORTED,
                    &err);
    EM_CHECK_STATUS(em_flash_status_read(chip.dev, NULL, 2, &word, &err),
                    EM_ERR_UNSUPPORTED, &err);
    EM_CHECK_STATUS(em_flash_sfdp(chip.dev, NULL, 0, 4, bytes, &err), EM_ERR_UNSUPPORTED,
                    &err);
    em_t_close(&chip);
}

/* Stopping is possible between steps: two seconds apart at most on the usual rates. */
static void steps(void)
{
    struct em_device dev = {.stub = true, .baud = 115200};
    CU_ASSERT_TRUE(em_flash_read_step(&dev) <= 2 * 11520);
    CU_ASSERT_TRUE(em_flash_read_step(&dev) >= 11520);
    dev.baud = 921600;
    CU_ASSERT_EQUAL(em_flash_read_step(&dev), EM_FLASH_READ_CHUNK);
    dev.baud = 1; /* but not without end */
    CU_ASSERT_EQUAL(em_flash_read_step(&dev), 8192);
}

static const struct em_test tests[] = {
    {"steps of a stub", steps},
    {"reading on every chip", reads},
    {"reading over bad lines", reads_faulty},
    {"verifying", verifies},
    {"secure download mode", secure_download},
};

int main(void)
{
    em_t_random(data, LEN, 6);
    return em_test_main("flasher/flash/read", tests, sizeof tests / sizeof *tests);
}
