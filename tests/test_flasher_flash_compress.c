/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of compression: streams that zlib reads, sizes of blocks, the thread. */
#include "config.h"

#include "tests/em_test.h"
#include "tests/test_flasher_flash_util.h"

#include <zlib.h>

enum { LEN = 200000 };

static void check_packed(const struct em_flash_packed *packed, const uint8_t *data,
                         size_t len, size_t block)
{
    uint8_t *out = malloc(len + 1);
    CU_ASSERT_FATAL(out != NULL);
    uLongf got = (uLongf)len + 1;
    CU_ASSERT_EQUAL(uncompress(out, &got, packed->data, (uLong)packed->len), Z_OK);
    CU_ASSERT_EQUAL(got, len);
    EM_CHECK_BYTES(out, data, len);
    CU_ASSERT_EQUAL(packed->blocks, (packed->len + block - 1) / block);
    /* Each figure is what zlib has after so many bytes of the stream. */
    for (size_t i = 0; i < packed->blocks; i += 7) {
        z_stream stream = {0};
        CU_ASSERT_EQUAL_FATAL(inflateInit(&stream), Z_OK);
        stream.next_in = packed->data;
        size_t in = (i + 1) * block;
        stream.avail_in = (uInt)(in < packed->len ? in : packed->len);
        stream.next_out = out;
        stream.avail_out = (uInt)len + 1;
        (void)inflate(&stream, Z_SYNC_FLUSH);
        CU_ASSERT_EQUAL(packed->inflated[i], stream.total_out);
        (void)inflateEnd(&stream);
    }
    CU_ASSERT_EQUAL(packed->inflated[packed->blocks - 1], len);
    free(out);
}

static void packs(void)
{
    uint8_t *data = malloc(LEN);
    CU_ASSERT_FATAL(data != NULL);
    static const size_t lens[] = {4, 400, 4096, 32768, 65536, LEN};
    static const size_t blocks[] = {0x400, 0x800, 0x4000};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        for (size_t k = 0; k < 3; k++) {
            struct em_flash_packed packed;
            struct em_error err = {0};
            if (k == 2)
                memset(data, 0xFF, LEN);
            else
                em_t_text(data, LEN, i);
            EM_CHECK_STATUS(em_flash_pack(&packed, data, lens[i], blocks[k], &err), EM_OK,
                            &err);
            if (lens[i] < 400) {
                CU_ASSERT_PTR_NULL(packed.data); /* header and check are longer */
            } else if (packed.data == NULL) {
                CU_FAIL("should shrink");
            } else {
                CU_ASSERT(packed.len < lens[i]);
                check_packed(&packed, data, lens[i], blocks[k]);
            }
            em_flash_packed_free(&packed);
        }
    }
    free(data);
}

static void leaves_random(void)
{
    struct em_flash_packed packed;
    struct em_error err = {0};
    uint8_t *data = malloc(LEN);
    CU_ASSERT_FATAL(data != NULL);
    em_t_random(data, LEN, 5);
    EM_CHECK_STATUS(em_flash_pack(&packed, data, LEN, 0x400, &err), EM_OK, &err);
    CU_ASSERT_PTR_NULL(packed.data);
    EM_CHECK_STATUS(em_flash_pack(&packed, data, 0, 0x400, &err), EM_OK, &err);
    CU_ASSERT_PTR_NULL(packed.data);
    em_flash_packed_free(&packed);
    free(data);
}

enum { JOBS = 5 };

static void make_jobs(struct em_flash_job jobs[JOBS], uint8_t *data)
{
    memset(jobs, 0, JOBS * sizeof *jobs);
    for (size_t i = 0; i < JOBS; i++) {
        jobs[i].data = data + i * 1000;
        jobs[i].len = 100000;
        jobs[i].run_count = i == 2 ? 0 : 2;
        jobs[i].runs = calloc(2, sizeof *jobs[i].runs);
        CU_ASSERT_PTR_NOT_NULL_FATAL(jobs[i].runs);
        jobs[i].runs[0] = (struct em_flash_run){0, 4096};
        jobs[i].runs[1] = (struct em_flash_run){8192, 50000};
        jobs[i].encrypt = i == 3;
    }
}

static void packs_ahead(void)
{
    uint8_t *data = malloc(LEN);
    CU_ASSERT_FATAL(data != NULL);
    em_t_text(data, LEN, 9);
    for (size_t count = 1; count <= JOBS; count++) {
        struct em_flash_job jobs[JOBS];
        struct em_flash_packer *packer;
        struct em_error err = {0};
        make_jobs(jobs, data);
        EM_CHECK_STATUS(em_flash_packer_new(&packer, jobs, count, 0x400, &err), EM_OK,
                        &err);
        for (size_t i = 0; i < count; i++) {
            EM_CHECK_STATUS(em_flash_packer_wait(packer, i, &err), EM_OK, &err);
            CU_ASSERT_EQUAL(jobs[i].packed == NULL, i == 2 || i == 3);
            if (jobs[i].packed != NULL)
                check_packed(&jobs[i].packed[1], jobs[i].data + 8192, 50000, 0x400);
        }
        em_flash_packer_free(packer);
        for (size_t i = 0; i < JOBS; i++)
            em_flash_job_free(&jobs[i]);
    }
    free(data);
}

/* Stopped before it is done: the thread is joined, nothing leaks. */
static void packer_stops(void)
{
    uint8_t *data = malloc(LEN);
    CU_ASSERT_FATAL(data != NULL);
    em_t_text(data, LEN, 3);
    for (unsigned round = 0; round < 20; round++) {
        struct em_flash_job jobs[JOBS];
        struct em_flash_packer *packer;
        struct em_error err = {0};
        make_jobs(jobs, data);
        EM_CHECK_STATUS(em_flash_packer_new(&packer, jobs, JOBS, 0x400, &err), EM_OK,
                        &err);
        if (round % 2 == 1)
            EM_CHECK_STATUS(em_flash_packer_wait(packer, 0, &err), EM_OK, &err);
        em_flash_packer_free(packer);
        for (size_t i = 0; i < JOBS; i++)
            em_flash_job_free(&jobs[i]);
    }
    em_flash_packer_free(NULL);
    free(data);
}

static const struct em_test tests[] = {
    {"streams and blocks", packs},
    {"what does not shrink", leaves_random},
    {"ahead, in a thread", packs_ahead},
    {"stopped early", packer_stops},
};

EM_TEST_MAIN("flasher/flash/compress", tests)
