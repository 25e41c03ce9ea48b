/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of bytes that many devices get: compressed once, and only used where they are
 * what is written. */
#include "config.h"

#include "tests/em_test.h"
#include "tests/test_flasher_flash_sim.h"

#include <pthread.h>

enum { LEN = 100001, PADDED = 100004 };

static uint8_t *text_data;

static struct em_flash_shared *share(const uint8_t *data, size_t len)
{
    struct em_error err = {0};
    struct em_flash_shared *shared;
    EM_CHECK_STATUS(em_flash_share(&shared, data, len, &err), EM_OK, &err);
    return shared;
}

static void packs_once(void)
{
    struct em_error err = {0};
    struct em_flash_shared *shared = share(text_data, LEN);
    struct em_flash_packed first, second, other, plain;
    uint8_t *padded = malloc(PADDED);
    const uint8_t *bytes;
    uint8_t md5[EM_FLASH_MD5_LEN];
    CU_ASSERT_FATAL(padded != NULL && shared != NULL);
    memcpy(padded, text_data, LEN);
    memset(padded + LEN, 0xFF, PADDED - LEN);
    CU_ASSERT_TRUE(em_flash_shared_is(shared, padded, PADDED, &bytes));
    CU_ASSERT_FALSE(em_flash_shared_is(shared, text_data, LEN, &bytes));
    padded[PADDED - 1] = 0;
    CU_ASSERT_FALSE(em_flash_shared_is(shared, padded, PADDED, &bytes));
    padded[PADDED - 1] = 0xFF;
    EM_CHECK_STATUS(em_flash_md5(md5, padded, PADDED, &err), EM_OK, &err);
    EM_CHECK_BYTES(em_flash_shared_md5(shared), md5, sizeof md5);
    EM_CHECK_STATUS(em_flash_pack(&plain, padded, PADDED, 0x400, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_shared_pack(&first, shared, 0x400, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_shared_pack(&other, shared, 0x4000, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_shared_pack(&second, shared, 0x400, &err), EM_OK, &err);
    CU_ASSERT_PTR_EQUAL(first.data, second.data);
    CU_ASSERT_PTR_NOT_EQUAL(first.data, other.data);
    CU_ASSERT_EQUAL(other.block, 0x4000);
    CU_ASSERT_EQUAL_FATAL(first.len, plain.len);
    EM_CHECK_BYTES(first.data, plain.data, plain.len);
    CU_ASSERT_EQUAL(first.blocks, plain.blocks);
    CU_ASSERT_EQUAL(first.inflated[first.blocks - 1], PADDED);
    em_flash_packed_free(&plain);
    em_flash_share_free(shared);
    free(padded);
}

static void edges(void)
{
    struct em_error err = {0};
    struct em_flash_shared *shared;
    struct em_flash_packed packed;
    uint8_t *noise = malloc(LEN);
    CU_ASSERT_FATAL(noise != NULL);
    EM_CHECK_STATUS(em_flash_share(&shared, noise, 0, &err), EM_ERR_USAGE, &err);
    CU_ASSERT_PTR_NULL(shared);
    em_flash_share_free(NULL);
    em_t_random(noise, LEN, 1);
    shared = share(noise, LEN);
    for (int i = 0; i < 2; i++) {
        EM_CHECK_STATUS(em_flash_shared_pack(&packed, shared, 0x400, &err), EM_OK, &err);
        CU_ASSERT_PTR_NULL(packed.data); /* it does not shrink */
    }
    em_flash_share_free(shared);
    free(noise);
}

enum { THREADS = 8 };

struct asking {
    const struct em_flash_shared *shared;
    struct em_flash_packed got;
    enum em_status status;
};

static void *ask(void *user)
{
    struct asking *a = user;
    a->status = em_flash_shared_pack(&a->got, a->shared, 0x400, NULL);
    return NULL;
}

static void from_many_threads(void)
{
    struct em_flash_shared *shared = share(text_data, LEN);
    pthread_t threads[THREADS];
    struct asking asking[THREADS] = {0};
    for (size_t i = 0; i < THREADS; i++) {
        asking[i].shared = shared;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, ask, &asking[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CU_ASSERT_EQUAL(pthread_join(threads[i], NULL), 0);
        CU_ASSERT_EQUAL(asking[i].status, EM_OK);
        CU_ASSERT_PTR_NOT_NULL(asking[i].got.data);
        CU_ASSERT_PTR_EQUAL(asking[i].got.data, asking[0].got.data);
    }
    em_flash_share_free(shared);
}

/* A small image of the ESP32-C3: DIO, 4 MB, 40 MHz, one segment of four zeros. */
static void put_image(uint8_t *out)
{
    static const uint8_t head[16] = {0xE9, 1, 2, 0x20, [8] = 0xEE, [12] = 5};
    memset(out, 0, 48);
    memcpy(out, head, sizeof head);
    out[28] = 4;    /* length of the segment */
    out[47] = 0xEF; /* check byte: the seed and zeros */
}

/* Which jobs use it: those that write exactly its bytes. */
static void used_where_equal(void)
{
    static const struct {
        const char *name;
        uint32_t addr;
        bool other, header, encrypt, used;
    } rows[] = {
        {"the same", 0x10000, false, false, false, true},
        {"another byte", 0x10000, true, false, false, false},
        {"within a sector", 0x10010, false, false, false, false},
        {"header changes", 0, false, true, false, false},
        {"encrypted by the chip", 0x10000, false, false, true, false},
    };
    uint8_t *copy = malloc(LEN);
    CU_ASSERT_FATAL(copy != NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct em_device dev;
        struct em_flash_job job;
        struct em_error err = {0};
        const struct em_flash_space space = {0};
        const struct em_flash_options options = {.mode = rows[i].header ? "dout" : NULL};
        em_t_device(&dev, "esp32c3", false);
        memcpy(copy, text_data, LEN);
        put_image(copy);
        struct em_flash_shared *shared = share(copy, LEN);
        uint8_t *mine = malloc(LEN);
        CU_ASSERT_FATAL(mine != NULL);
        memcpy(mine, copy, LEN);
        mine[500] ^= rows[i].other ? 1 : 0;
        const struct em_flash_piece piece = {.name = rows[i].name,
                                             .addr = rows[i].addr,
                                             .data = mine,
                                             .len = LEN,
                                             .encrypt = rows[i].encrypt,
                                             .shared = shared};
        EM_CHECK_STATUS(
            em_flash_job_plan(&job, &dev, &piece, &options, &space, rows[i].header, &err),
            EM_OK, &err);
        CU_ASSERT_EQUAL(job.shared != NULL, rows[i].used);
        EM_CHECK_STATUS(em_flash_job_pack(&job, 0x400, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(job.packed_shared, rows[i].used);
        CU_ASSERT_EQUAL(job.own == NULL, rows[i].used);
        em_flash_job_free(&job);
        em_flash_share_free(shared);
        free(mine);
    }
    free(copy);
}

/* Two boards with the same piece; on the second, a part of it is there already. */
static void writes(void)
{
    struct em_flash_shared *shared = share(text_data, LEN);
    for (int round = 0; round < 3; round++) {
        struct em_t_chip chip;
        struct em_error err = {0};
        struct em_flash_written result;
        const struct em_sim_options sim = {.chip = "esp32c3"};
        const struct em_flash_piece piece = {.name = "app",
                                             .addr = 0x10000,
                                             .data = text_data,
                                             .len = LEN,
                                             .old_data = round == 1 ? text_data : NULL,
                                             .old_len = round == 1 ? 8192 : 0,
                                             .shared = shared};
        const struct em_flash_write write = {
            .pieces = &piece, .count = 1, .skip_flashed = round == 2};
        EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
        size_t size;
        uint8_t *flash = (uint8_t *)(uintptr_t)em_sim_flash(chip.sim, &size);
        if (round > 0)
            memcpy(flash + 0x10000, text_data, round == 2 ? LEN : 8192);
        EM_CHECK_STATUS(em_flash_write(chip.dev, &write, &result, &err), EM_OK, &err);
        CU_ASSERT_TRUE(result.verified);
        CU_ASSERT_EQUAL(result.skipped, round == 2);
        CU_ASSERT_EQUAL(result.compressed, round != 2);
        EM_CHECK_BYTES(flash + 0x10000, text_data, LEN);
        em_t_close(&chip);
    }
    em_flash_share_free(shared);
}

static void run_all(void (*test)(void))
{
    text_data = malloc(LEN);
    CU_ASSERT_FATAL(text_data != NULL);
    em_t_text(text_data, LEN, 3);
    test();
    free(text_data);
}

static void test_packs_once(void)
{
    run_all(packs_once);
}

static void test_threads(void)
{
    run_all(from_many_threads);
}

static void test_used(void)
{
    run_all(used_where_equal);
}

static void test_writes(void)
{
    run_all(writes);
}

static const struct em_test tests[] = {
    {"compressed once for each size of blocks", test_packs_once},
    {"nothing, and what does not shrink", edges},
    {"many threads", test_threads},
    {"used where exactly these bytes are written", test_used},
    {"written, in part, skipped", test_writes},
};

EM_TEST_MAIN("flasher/flash/shared", tests)
