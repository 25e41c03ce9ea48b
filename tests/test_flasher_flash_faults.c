/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of writing over a line that loses, garbles, doubles and delays bytes: each run
 * ends in a proved write or in an error, never in a false success, never without end. */
#include "config.h"

#include "tests/em_test.h"
#include "tests/test_flasher_flash_sim.h"

#include <pthread.h>

enum {
    LEN = 64 * 1024,
    ROM_RUNS = 1000,
    STUB_RUNS = 300,
    MINUTES_MAX = 10,
    STATUSES = 16
};

/* Faults a byte that leave some runs whole, break many and end some. */
static const char *const mixes[] = {
    "garble=0.00002",
    "drop=0.00002",
    "dup=0.00002",
    "garble=0.0002,drop=0.0001",
    "garble=0.001",
    "dup=0.0005,drop=0.0005,garble=0.0005",
    "delay=0.0005:50",
    "delay=0.0001:4000",
    "bad-md5=0.5",
    "bad-md5=1",
    "stuck-after=60",
    "cut-after=30000",
    "cut-after=90000,garble=0.0001",
    "drop=0.003,garble=0.003",
};
enum { MIXES = sizeof mixes / sizeof mixes[0] };

struct tally {
    unsigned ended[STATUSES]; /* by -status */
    unsigned proved, unproved, false_success, endless, unconnected, retried;
    int64_t longest_us;
};

static uint8_t text_data[LEN], random_data[LEN];

static void check_run(struct em_t_chip *chip, enum em_status status,
                      const struct em_flash_written *result, const uint8_t *data,
                      uint32_t addr, const struct em_error *err, struct tally *tally)
{
    size_t size;
    const uint8_t *flash = em_sim_flash(chip->sim, &size);
    bool equal = memcmp(flash + addr, data, LEN) == 0;
    tally->ended[-status]++;
    if (status == EM_OK) {
        tally->proved += result->verified && equal;
        tally->unproved += !result->verified;
        tally->false_success += !equal;
    } else if (err->what[0] == '\0' || err->status != status) {
        CU_FAIL("an error without a message");
    }
    tally->retried += result->retries > 0;
    CU_ASSERT_FALSE(chip->fell);
}

static void run_once(unsigned seed, bool stub, struct tally *tally)
{
    static const char *const chips[] = {"esp32c3", "esp32", "esp32s3", "esp32c6"};
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {
        .chip = chips[seed % 4], .seed = seed, .faults = mixes[seed % MIXES]};
    const uint8_t *data = seed / MIXES % 2 == 0 ? text_data : random_data;
    uint32_t addr = 0x10000;
    struct em_flash_written result = {0};
    struct em_flash_piece piece = {.name = "f", .addr = addr, .data = data, .len = LEN};
    struct em_flash_write write = {.pieces = &piece, .count = 1};
    enum em_status status = em_t_open(&chip, &sim, stub, &err);
    if (status != EM_OK) {
        tally->unconnected++;
        CU_ASSERT(err.what[0] != '\0');
        em_t_close(&chip);
        return;
    }
    int64_t begin_us = chip.dev->io->ops->now_us(chip.dev->io);
    err = (struct em_error){0};
    status = em_flash_write(chip.dev, &write, &result, &err);
    int64_t took_us = chip.dev->io->ops->now_us(chip.dev->io) - begin_us;
    if (took_us > tally->longest_us)
        tally->longest_us = took_us;
    tally->endless += took_us > (int64_t)MINUTES_MAX * 60 * 1000000;
    check_run(&chip, status, &result, data, addr, &err, tally);
    if (getenv("EM_T_VERBOSE") != NULL)
        printf("%u %s %s: %s, %u retries, %.1f s: %s\n", seed, sim.chip, sim.faults,
               em_status_name(status), result.retries, (double)took_us / 1e6, err.what);
    em_t_close(&chip);
}

static void run_many(bool stub, unsigned runs)
{
    struct tally tally = {0};
    for (unsigned seed = 1; seed <= runs; seed++)
        run_once(seed, stub, &tally);
    printf("\n  %s, %u runs: %u proved (%u of all after retries), %u without contact, "
           "longest %.0f virtual s;",
           stub ? "stub" : "ROM", runs, tally.proved, tally.retried, tally.unconnected,
           (double)tally.longest_us / 1e6);
    for (int i = 1; i < STATUSES; i++)
        if (tally.ended[i] > 0)
            printf(" %s %u", em_status_name((enum em_status) - i), tally.ended[i]);
    printf("\n");
    CU_ASSERT_EQUAL(tally.false_success, 0);
    CU_ASSERT_EQUAL(tally.unproved, 0);
    CU_ASSERT_EQUAL(tally.endless, 0);
    CU_ASSERT_EQUAL(tally.ended[0], tally.proved);
    /* Most lines are good enough. */
    CU_ASSERT(tally.proved > runs / 2);
}

static void rom_runs(void)
{
    run_many(false, ROM_RUNS);
}

static void stub_runs(void)
{
    run_many(true, STUB_RUNS);
}

/* The cable is cut once, in the middle: written after all. */
static void cut_cable(void)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = "esp32c3", .faults = "cut-after=40000"};
    struct em_flash_written result;
    struct em_flash_piece piece = {.name = "f", .data = random_data, .len = LEN};
    struct em_flash_write write = {.pieces = &piece, .count = 1};
    for (int stub = 0; stub < 2; stub++) {
        EM_CHECK_STATUS(em_t_open(&chip, &sim, stub == 1, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_OK, &err);
        CU_ASSERT_TRUE(result.verified);
        CU_ASSERT(result.retries > 0);
        EM_CHECK_HAS(chip.told, "contact lost");
        em_t_close(&chip);
    }
}

/* What the chip encrypts is not tried twice. */
static void cut_encrypted(void)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {
        .chip = "esp32c3", .faults = "cut-after=40000", .flash_encryption = true};
    struct em_flash_piece piece = {
        .name = "f", .data = random_data, .len = LEN, .encrypt = true};
    struct em_flash_write write = {
        .pieces = &piece, .count = 1, .ignore_flash_encryption = true};
    EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, NULL, &err), EM_ERR_PORT, &err);
    em_t_close(&chip);
}

/* Digests that are always wrong: written three times, then an error. */
static void digests_lie(void)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = "esp32c3", .faults = "bad-md5=1"};
    struct em_flash_written result;
    struct em_flash_piece piece = {.name = "file.bin", .data = random_data, .len = LEN};
    struct em_flash_write write = {.pieces = &piece, .count = 1};
    EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_ERR_VERIFY, &err);
    EM_CHECK_HAS(err.what, "file.bin");
    CU_ASSERT_FALSE(result.verified);
    CU_ASSERT_EQUAL(result.sent, 3 * LEN);
    em_t_close(&chip);
}

/* Two devices in two threads. */
static void *in_thread(void *user)
{
    struct tally *tally = user;
    for (unsigned seed = 1; seed <= 60; seed++)
        run_once(seed, seed % 2 == 0, tally);
    return NULL;
}

static void two_threads(void)
{
    struct tally tally[2] = {{{0}, 0, 0, 0, 0, 0, 0, 0}, {{0}, 0, 0, 0, 0, 0, 0, 0}};
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, in_thread, &tally[i]), 0);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(pthread_join(thread[i], NULL), 0);
    /* The same seeds come to the same ends. */
    CU_ASSERT_EQUAL(memcmp(&tally[0], &tally[1], sizeof tally[0]), 0);
    CU_ASSERT(tally[0].proved > 30);
    CU_ASSERT_EQUAL(tally[0].false_success, 0);
}

/* The simulated line, but the first BEGIN gets another size or address on its way. */
struct spoiler {
    struct em_io_ops ops;
    const struct em_io_ops *real;
    size_t at;       /* of the byte in the frame */
    uint8_t flipped; /* bits of it; 0: done */
};
static struct spoiler spoiler;

static enum em_status spoil(struct em_io *io, const uint8_t *data, size_t len,
                            int64_t timeout_us, struct em_error *err)
{
    uint8_t frame[128];
    bool begin = len > 24 && len < sizeof frame && data[0] == 0xC0 && data[1] == 0 &&
                 (data[2] == EM_OP_FLASH_BEGIN || data[2] == EM_OP_FLASH_DEFL_BEGIN);
    if (!begin || spoiler.flipped == 0)
        return spoiler.real->write(io, data, len, timeout_us, err);
    memcpy(frame, data, len);
    frame[spoiler.at] ^= spoiler.flipped;
    spoiler.flipped = 0;
    return spoiler.real->write(io, frame, len, timeout_us, err);
}

/* What a spoilt BEGIN does to other pieces is seen and mended. */
static void test_spoilt_begin(void)
{
    enum { FRAME_SIZE = 1 + 8, FRAME_ADDR = 1 + 8 + 12 };
    static const struct {
        const char *name;
        size_t at;
        uint8_t flipped;
        uint32_t addr, other;
        bool other_is_there; /* before */
    } rows[] = {
        /* 64 KiB and 1 MiB are erased; the piece behind was left out. */
        {"size", FRAME_SIZE + 2, 0x10, 0x40000, 0x80000, true},
        /* The first piece goes to 0x40000 or from there, into the other. */
        {"address, behind", FRAME_ADDR + 2, 0x04, 0x80000, 0xC0000, true},
        {"address, before", FRAME_ADDR + 2, 0x04, 0x40000, 0x10000, true},
        {"address, both new", FRAME_ADDR + 2, 0x04, 0x40000, 0x20000, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct em_t_chip chip;
        struct em_error err = {0};
        const struct em_sim_options sim = {.chip = "esp32c3", .seed = 3};
        struct em_flash_written results[2];
        const struct em_flash_piece pieces[] = {
            {.name = "b", .addr = rows[i].other, .data = text_data, .len = LEN},
            {.name = "a", .addr = rows[i].addr, .data = random_data, .len = LEN}};
        struct em_flash_write write = {.pieces = pieces, .skip_flashed = true};
        size_t size;
        EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
        write.count = 1;
        if (rows[i].other_is_there)
            EM_CHECK_STATUS(em_flash_write(chip.dev, &write, results, &err), EM_OK, &err);
        spoiler = (struct spoiler){.ops = *chip.dev->io->ops,
                                   .real = chip.dev->io->ops,
                                   .at = rows[i].at,
                                   .flipped = rows[i].flipped};
        spoiler.ops.write = spoil;
        chip.dev->io->ops = &spoiler.ops;
        write.count = 2;
        EM_CHECK_STATUS(em_flash_write(chip.dev, &write, results, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(spoiler.flipped, 0);
        const uint8_t *flash = em_sim_flash(chip.sim, &size);
        if (memcmp(flash + rows[i].other, text_data, LEN) != 0 ||
            memcmp(flash + rows[i].addr, random_data, LEN) != 0)
            CU_FAIL("false success");
        CU_ASSERT(results[0].verified && results[1].verified);
        CU_ASSERT(results[0].retries + results[1].retries > 0);
        chip.dev->io->ops = spoiler.real;
        em_t_close(&chip);
    }
}

static const struct em_test tests[] = {
    {"a BEGIN that the line spoils", test_spoilt_begin},
    {"faulty lines, ROM", rom_runs},
    {"faulty lines, stub", stub_runs},
    {"the cable is cut", cut_cable},
    {"the cable is cut, encrypted", cut_encrypted},
    {"digests lie", digests_lie},
    {"two devices at once", two_threads},
};

int main(void)
{
    em_t_text(text_data, LEN, 3);
    em_t_random(random_data, LEN, 4);
    return em_test_main("flasher/flash/faults", tests, sizeof tests / sizeof *tests);
}
