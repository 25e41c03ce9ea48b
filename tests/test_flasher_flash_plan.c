/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of how a piece becomes bytes at an address that the loader takes. */
#include "config.h"

#include "tests/em_test.h"
#include "tests/test_flasher_flash_util.h"

/* Padding and pulling down, reckoned by hand from rom-protocol.md, 6.4. */
static void pads(void)
{
    static const struct {
        const char *chip;
        bool stub, encrypt;
        uint32_t addr;
        size_t len;
        uint32_t wanted_addr;
        size_t wanted_len;
    } cases[] = {
        {"esp32c3", false, false, 0x0, 4096, 0x0, 4096},
        {"esp32c3", false, false, 0x9000, 1, 0x9000, 4},
        {"esp32c3", false, false, 0x9000, 4095, 0x9000, 4096},
        {"esp32c3", false, false, 0x9010, 16, 0x9000, 32},
        {"esp32c3", false, false, 0x9FFF, 2, 0x9000, 0x1004},
        {"esp32c3", true, false, 0x9010, 17, 0x9010, 20},
        {"esp32c3", true, false, 0x9011, 1, 0x9010, 4},
        {"esp32c3", true, true, 0x9010, 1, 0x9010, 16},
        {"esp32", true, true, 0x9020, 33, 0x9020, 64},
        {"esp8266", false, false, 0x1004, 4, 0x1000, 8},
    };
    uint8_t data[4096];
    em_t_random(data, sizeof data, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_device dev;
        struct em_error err = {0};
        struct em_flash_space space = {0};
        struct em_flash_job job;
        struct em_flash_piece piece = {.name = "f",
                                       .addr = cases[i].addr,
                                       .data = data,
                                       .len = cases[i].len,
                                       .encrypt = cases[i].encrypt};
        em_t_device(&dev, cases[i].chip, cases[i].stub);
        EM_CHECK_STATUS(em_flash_job_plan(&job, &dev, &piece, &em_flash_options_none,
                                          &space, true, &err),
                        EM_OK, &err);
        CU_ASSERT_EQUAL(job.addr, cases[i].wanted_addr);
        CU_ASSERT_EQUAL(job.len, cases[i].wanted_len);
        CU_ASSERT_EQUAL(job.run_count, 1);
        CU_ASSERT_EQUAL(job.runs[0].len, job.len);
        size_t lead = cases[i].addr - cases[i].wanted_addr;
        for (size_t k = 0; k < job.len; k++) {
            uint8_t wanted =
                k >= lead && k < lead + piece.len ? data[k - lead] : (uint8_t)0xFF;
            if (job.data[k] != wanted) {
                CU_FAIL("padding");
                break;
            }
        }
        /* Nothing is copied that can be sent as it is. */
        CU_ASSERT_EQUAL(job.own == NULL, job.len == piece.len);
        em_flash_job_free(&job);
    }
}

static void plans_nothing(void)
{
    struct em_device dev;
    struct em_error err = {0};
    struct em_flash_space space = {0};
    struct em_flash_job job;
    struct em_flash_piece piece = {.name = "empty", .addr = 0x1001};
    em_t_device(&dev, "esp32c3", false);
    EM_CHECK_STATUS(
        em_flash_job_plan(&job, &dev, &piece, &em_flash_options_none, &space, true, &err),
        EM_OK, &err);
    CU_ASSERT_EQUAL(job.len, 0);
    CU_ASSERT_EQUAL(job.run_count, 0);
    em_flash_job_free(&job);
}

/* The settings go into a header at the boot loader's address only. */
static void patches_header(void)
{
    uint8_t image[32] = {0xE9, 1, 2, 0x20};
    image[12] = 5; /* ESP32-C3 */
    image[28] = 4; /* one segment of 4 bytes … */
    uint8_t whole[64];
    memset(whole, 0, sizeof whole);
    memcpy(whole, image, sizeof image);
    memcpy(whole + 32, "\1\2\4\10", 4);
    whole[47] = 0xEF ^ 1 ^ 2 ^ 4 ^ 8; /* … and its checksum at the end of a row */
    static const struct {
        uint32_t addr;
        const char *size, *mode, *freq;
        uint64_t header;
        bool patch;
        uint8_t wanted_mode, wanted_sizes;
    } cases[] = {
        {0, NULL, NULL, NULL, 0, true, 2, 0x20},
        {0, "8MB", "qio", "80m", 8 << 20, true, 0, 0x3F},
        {0, "detect", NULL, NULL, 16 << 20, true, 2, 0x40},
        {0, "8MB", "qio", "80m", 8 << 20, false, 2, 0x20},
        {0x10000, "8MB", "qio", "80m", 8 << 20, true, 2, 0x20},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_device dev;
        struct em_error err = {0};
        struct em_flash_job job;
        struct em_flash_options options = {
            .size = cases[i].size, .mode = cases[i].mode, .freq = cases[i].freq};
        struct em_flash_space space = {.header = cases[i].header};
        if (cases[i].size != NULL && strcmp(cases[i].size, "detect") != 0)
            space.told = space.header;
        struct em_flash_piece piece = {
            .name = "boot", .addr = cases[i].addr, .data = whole, .len = 48};
        em_t_device(&dev, "esp32c3", false);
        EM_CHECK_STATUS(
            em_flash_job_plan(&job, &dev, &piece, &options, &space, cases[i].patch, &err),
            EM_OK, &err);
        CU_ASSERT_EQUAL(job.data[2], cases[i].wanted_mode);
        CU_ASSERT_EQUAL(job.data[3], cases[i].wanted_sizes);
        CU_ASSERT_EQUAL(whole[3], 0x20); /* the caller's stay */
        em_flash_job_free(&job);
    }
}

struct diff_case {
    uint32_t addr;
    size_t len, old_len;
    size_t touch[4]; /* bytes that differ; (size_t)-1: none */
    bool blank;
    size_t count;
    struct em_flash_run wanted[3];
};

static const size_t none = (size_t)-1;

static void diffs(void)
{
    const struct diff_case cases[] = {
        /* nothing differs */
        {0, 0x4000, 0x4000, {none, none, none, none}, false, 0, {{0, 0}}},
        {0, 0x4000, 0x4000, {0x1FFF, none, none, none}, false, 1, {{0x1000, 0x1000}}},
        /* neighbours are merged, others stay apart */
        {0,
         0x6000,
         0x6000,
         {0, 0x1000, 0x4FFF, none},
         false,
         2,
         {{0, 0x2000}, {0x4000, 0x1000}}},
        /* the end of the piece within a sector */
        {0x8000, 0x1804, 0x1804, {0x1803, none, none, none}, false, 1, {{0x1000, 0x804}}},
        /* the new one is longer: what lies behind is unknown, or blank */
        {0, 0x3000, 0x1000, {none, none, none, none}, false, 1, {{0x1000, 0x2000}}},
        {0, 0x3000, 0x1000, {none, none, none, none}, true, 1, {{0x1000, 0x2000}}},
        /* the new one is shorter: the rest of its last sector goes */
        {0, 0x1800, 0x2000, {none, none, none, none}, false, 1, {{0x1000, 0x800}}},
        {0, 0x1000, 0x2000, {none, none, none, none}, false, 0, {{0, 0}}},
        /* it begins within a sector: the front is unknown */
        {0x8010, 0x1FF0, 0x1FF0, {none, none, none, none}, false, 1, {{0, 0x1000}}},
    };
    uint8_t *data = malloc(0x8000);
    uint8_t *old = malloc(0x8000);
    CU_ASSERT_FATAL(data != NULL && old != NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct diff_case *c = &cases[i];
        struct em_device dev;
        struct em_error err = {0};
        struct em_flash_space space = {0};
        struct em_flash_job job;
        em_t_random(data, 0x8000, i);
        memcpy(old, data, 0x8000);
        for (size_t k = 0; k < 4; k++)
            if (c->touch[k] != none)
                data[c->touch[k]] ^= 1;
        struct em_flash_piece piece = {.name = "f",
                                       .addr = c->addr,
                                       .data = data,
                                       .len = c->len,
                                       .old_data = old,
                                       .old_len = c->old_len};
        em_t_device(&dev, "esp32c3", false);
        EM_CHECK_STATUS(em_flash_job_plan(&job, &dev, &piece, &em_flash_options_none,
                                          &space, true, &err),
                        EM_OK, &err);
        EM_CHECK_STATUS(em_flash_job_diff(&job, c->blank, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(job.run_count, c->count);
        for (size_t k = 0; k < job.run_count && k < c->count; k++) {
            CU_ASSERT_EQUAL(job.runs[k].off, c->wanted[k].off);
            CU_ASSERT_EQUAL(job.runs[k].len, c->wanted[k].len);
        }
        em_flash_job_free(&job);
    }
    free(data);
    free(old);
}

/* A blank rest is left alone where the new piece is blank too. */
static void diff_blank_rest(void)
{
    struct em_device dev;
    struct em_error err = {0};
    struct em_flash_space space = {0};
    struct em_flash_job job;
    uint8_t *data = malloc(0x3000);
    CU_ASSERT_FATAL(data != NULL);
    memset(data, 0xFF, 0x3000);
    memset(data, 0x55, 0x1000);
    struct em_flash_piece piece = {
        .name = "f", .data = data, .len = 0x3000, .old_data = data, .old_len = 0x1000};
    em_t_device(&dev, "esp32c3", false);
    EM_CHECK_STATUS(
        em_flash_job_plan(&job, &dev, &piece, &em_flash_options_none, &space, true, &err),
        EM_OK, &err);
    EM_CHECK_STATUS(em_flash_job_diff(&job, true, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(job.run_count, 0);
    EM_CHECK_STATUS(em_flash_job_diff(&job, false, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(job.run_count, 1);
    em_flash_job_free(&job);
    free(data);
}

/* What the ESP8266's ROM erases when it is told so many bytes: the sectors up to the next
 * block of 16, then all that were announced, as if none of those had been done
 * (published analyses of the ROM; rom-protocol.md, 6.6). */
static uint32_t rom_8266_erases(uint32_t first, uint32_t size)
{
    uint32_t told = (size + 4095) / 4096;
    uint32_t head = 16 - first % 16;
    head = head < told ? head : told;
    return head + told;
}

static void erase_sizes(void)
{
    struct em_device dev;
    em_t_device(&dev, "esp8266", false);
    /* Two by hand: 4 sectors at 0, and 40 sectors from sector 3. */
    CU_ASSERT_EQUAL(em_flash_erase_size(&dev, 0, 4 * 4096), 2 * 4096);
    CU_ASSERT_EQUAL(em_flash_erase_size(&dev, 3 * 4096, 40 * 4096), 27 * 4096);
    for (uint32_t first = 0; first < 20; first++) {
        for (uint32_t count = 1; count < 80; count++) {
            uint32_t told = em_flash_erase_size(&dev, first * 4096, count * 4096);
            uint32_t erased = rom_8266_erases(first, told);
            if (erased != count && erased != count + 1) /* odd counts: one more */
                printf("\n  first %u count %u: %u\n", first, count, erased);
            CU_ASSERT(erased == count || erased == count + 1);
        }
    }
    em_t_device(&dev, "esp32", false);
    CU_ASSERT_EQUAL(em_flash_erase_size(&dev, 0x3000, 4100), 4100);
    em_t_device(&dev, "esp8266", true);
    CU_ASSERT_EQUAL(em_flash_erase_size(&dev, 0x3000, 4100), 4100);
}

static const struct em_test tests[] = {
    {"padding and sectors", pads},
    {"an empty piece", plans_nothing},
    {"flash settings in the header", patches_header},
    {"sectors that differ", diffs},
    {"a blank rest", diff_blank_rest},
    {"erase sizes of the ESP8266", erase_sizes},
};

EM_TEST_MAIN("flasher/flash/plan", tests)
