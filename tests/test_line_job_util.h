/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of jobs and stations: a folder with all that a job may name. */
#ifndef TESTS_TEST_LINE_JOB_UTIL_H
#define TESTS_TEST_LINE_JOB_UTIL_H

#include "base/buf_int.h"
#include "base/file_int.h"
#include "src/line/job.h"
#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#include <sys/stat.h>

static char folder[PATH_LEN];

static inline const char *in_folder(const char *name, char out[PATH_LEN])
{
    join_path(out, folder, name);
    return out;
}

static inline void put_bytes(const char *name, const void *data, size_t len, mode_t mode)
{
    char path[PATH_LEN];
    write_file(in_folder(name, path), data, len);
    require(chmod(path, mode) == 0);
}

static inline void put_text(const char *name, const char *text)
{
    put_bytes(name, text, strlen(text), 0644);
}

/* A file of samples/, copied. */
static inline void put_sample(const char *name, const char *sample)
{
    const char *top = getenv("top_srcdir");
    struct em_buf content = {0};
    char path[512];
    struct em_error err;
    (void)snprintf(path, sizeof path, "%s/samples/%s", top == NULL ? "." : top, sample);
    if (em_file_read(&content, path, 1 << 20, &err) != EM_OK) {
        (void)printf("%s\n", err.what);
        exit(EXIT_FAILURE);
    }
    put_bytes(name, content.data, content.len, 0644);
    em_buf_free(&content);
}

static inline void end_folder(void)
{
    remove_folder(folder);
}

/* Firmware, tables of two units, keys. */
static inline void begin_folder(void)
{
    static const uint8_t zeros[70000];
    make_folder(folder);
    put_sample("boot.bin", "firmware/bootloader.bin");
    put_sample("app.bin", "firmware/app.bin");
    put_sample("table.bin", "firmware/partition-table.bin");
    put_sample("table.csv", "partitions.csv");
    put_bytes("empty.bin", "", 0, 0644);
    put_bytes("key32.bin", zeros, 32, 0600);
    put_bytes("open32.bin", zeros, 32, 0640);
    put_bytes("key64.bin", zeros, 64, 0600);
    put_bytes("open64.bin", zeros, 64, 0644);
    put_bytes("zeros.bin", zeros, 0x6001, 0644);
    put_text("config.csv", "ns,namespace,,\nserial,data,string,\n");
    put_text("values.csv", "serial,mac,order\nS1,02:00:00:00:00:01,1\n"
                           "S2,02:00:00:00:00:02,1\n");
    put_text("steps.lua", "print(1)\n");
    put_text("bad.lua", "print(\n");
    put_text("one.hex", ":020000040000FA\n:0400000001020304F2\n:00000001FF\n");
}

#endif
