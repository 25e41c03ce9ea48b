/* SPDX-License-Identifier: Apache-2.0 */
/* Stages before a job's own firmware, as the job file has them: what becomes of them,
 * what they do to the job's digest, and what is wrong with them. */
#include "tests/test_line_job_util.h"

#define HEAD                                                                             \
    "batch: B\nchip: esp32c3\nflash: {size: 1MB}\npartition_table: table.csv\n"          \
    "units: {config: config.csv, values: values.csv, at: nvs}\nbefore:\n"
#define BOOT        "    boot_check: {expect: ok}\n"
#define ONE(images) HEAD "  - name: a\n    images: " images "\n" BOOT

static enum em_status open_text(struct line_job *job, const char *text,
                                struct em_error *err)
{
    char path[PATH_LEN];
    put_text("job.yaml", text);
    return line_job_open(job, in_folder("job.yaml", path), NULL, err);
}

static void all_keys(void)
{
    struct line_job job;
    struct em_error err = {0};
    begin_folder();
    EM_CHECK_STATUS(
        open_text(&job,
                  HEAD
                  "  - name: self-test\n"
                  "    images:\n"
                  "      - {file: boot.bin, at: 0}\n"
                  "      - {file: app.bin, at: ota_0, encrypt: yes}\n"
                  "    boot_check: {expect: '^ok [0-9]+$', within: 90s, baud: 74880}\n"
                  "  - {name: run.in_2, images: [{file: app.bin, at: 0x20000}],\n"
                  "     boot_check: {expect: up}}\n"
                  "images:\n  - {file: boot.bin, at: 0}\n",
                  &err),
        EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(job.before_count, 2);
    const struct line_before *first = &job.before[0], *second = &job.before[1];
    CU_ASSERT_STRING_EQUAL(first->name, "self-test");
    CU_ASSERT_STRING_EQUAL(first->flash_step, "flash/self-test");
    CU_ASSERT_STRING_EQUAL(first->boot_step, "boot/self-test");
    CU_ASSERT_EQUAL_FATAL(first->image_count, 2);
    CU_ASSERT_EQUAL(first->images[1].addr, 0x20000);
    CU_ASSERT_EQUAL(first->images[1].limit, 0x120000);
    CU_ASSERT_EQUAL(first->images[1].line, 10);
    CU_ASSERT_TRUE(first->images[1].encrypt && !first->images[0].encrypt);
    CU_ASSERT_EQUAL(first->boot_timeout_ms, 90000);
    CU_ASSERT_EQUAL(first->boot_baud, 74880);
    CU_ASSERT_EQUAL(
        regexec(&first->boot_regex, "booting\nok 7\nmore\n", 0, NULL, REG_NOTEOL), 0);
    CU_ASSERT_NOT_EQUAL(
        regexec(&first->boot_regex, "it is not ok 7\nok x\n", 0, NULL, REG_NOTEOL), 0);
    CU_ASSERT_EQUAL(second->boot_timeout_ms, 10000);
    CU_ASSERT_EQUAL(second->boot_baud, 115200);
    CU_ASSERT_FALSE(job.boot_check);
    CU_ASSERT_PTR_EQUAL(line_job_image(&job, 0), &job.images[0]);
    CU_ASSERT_PTR_EQUAL(line_job_image(&job, 2), &first->images[1]);
    CU_ASSERT_PTR_EQUAL(line_job_image(&job, 3), &second->images[0]);
    CU_ASSERT_PTR_NULL(line_job_image(&job, 4));
    line_job_free(&job);
    end_folder();
}

/* What is written and what has to be heard make the job; times and rates do not. */
static void digest(void)
{
    static const struct {
        bool other;
        const char *rest;
    } jobs[] = {
        {false,
         "  - {name: a, images: [{file: boot.bin, at: 0}], boot_check: {expect: x}}\n"},
        {false, "  - {name: a, images: [{file: boot.bin, at: 0x0}],\n"
                "     boot_check: {expect: x, within: 3s, baud: 9600}}\n"},
        {true,
         "  - {name: b, images: [{file: boot.bin, at: 0}], boot_check: {expect: x}}\n"},
        {true,
         "  - {name: a, images: [{file: boot.bin, at: 0}], boot_check: {expect: y}}\n"},
        {true,
         "  - {name: a, images: [{file: app.bin, at: 0}], boot_check: {expect: x}}\n"},
        {true, "  - {name: a, images: [{file: boot.bin, at: 0x20000}],\n"
               "     boot_check: {expect: x}}\n"},
        {true,
         "  - {name: a, images: [{file: boot.bin, at: 0}], boot_check: {expect: x}}\n"
         "  - {name: b, images: [{file: boot.bin, at: 0}], boot_check: {expect: x}}\n"},
        {true, "  []\n"},
    };
    char first[65] = "", plan[65] = "", text[1024];
    struct line_job job;
    struct em_error err = {0};
    begin_folder();
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        (void)snprintf(text, sizeof text, "%s%s", HEAD, jobs[i].rest);
        EM_CHECK_STATUS(open_text(&job, text, &err), EM_OK, &err);
        if (i == 0) {
            memcpy(first, job.digest, sizeof first);
            memcpy(plan, job.plan, sizeof plan);
        }
        CU_ASSERT_EQUAL(strcmp(first, job.digest) != 0, jobs[i].other);
        CU_ASSERT_STRING_EQUAL(plan, job.plan); /* of eFuses */
        line_job_free(&job);
    }
    end_folder();
}

struct fault {
    const char *name, *text;
    enum em_status status;
    unsigned long line;
    const char *what;
};

/* clang-format off */
static const struct fault faults[] = {
    {"no name", HEAD "  - images: [{file: boot.bin, at: 0}]\n" BOOT, EM_ERR_INPUT, 7, "key 'name' is missing in before[0]"},
    {"no images", HEAD "  - name: a\n" BOOT, EM_ERR_INPUT, 7, "key 'images' is missing in before[0]"},
    {"empty images", ONE("[]"), EM_ERR_INPUT, 8, "at least 1 entry"},
    {"no check", HEAD "  - name: a\n    images: [{file: boot.bin, at: 0}]\n", EM_ERR_INPUT, 7, "key 'boot_check' is missing in before[0]"},
    {"no expression", HEAD "  - name: a\n    images: [{file: boot.bin, at: 0}]\n    boot_check: {within: 1s}\n", EM_ERR_INPUT, 9, "key 'expect' is missing in before[0].boot_check"},
    {"expression", HEAD "  - name: a\n    images: [{file: boot.bin, at: 0}]\n    boot_check: {expect: '(ok'}\n", EM_ERR_INPUT, 9, "expect: '(ok'"},
    {"time", HEAD "  - name: a\n    images: [{file: boot.bin, at: 0}]\n    boot_check:\n      expect: ok\n      within: 2h\n", EM_ERR_INPUT, 11, "'2h' is not a time"},
    {"unknown", HEAD "  - name: a\n    efuses: []\n", EM_ERR_INPUT, 8, "unknown key 'efuses' in before[0]"},
    {"name", HEAD "  - name: a b\n    images: [{file: boot.bin, at: 0}]\n" BOOT, EM_ERR_INPUT, 7, "'a b' is not a name"},
    {"long name", HEAD "  - name: aaaaaaaaaaaaaaaaaaaaaaaaa\n    images: [{file: boot.bin, at: 0}]\n" BOOT, EM_ERR_INPUT, 7, "at most 24 letters"},
    {"same name", HEAD "  - name: a\n    images: [{file: boot.bin, at: 0}]\n" BOOT "  - name: a\n    images: [{file: boot.bin, at: 0}]\n" BOOT, EM_ERR_INPUT, 10, "'a' is that of another stage"},
    {"no file", ONE("[{file: none.bin, at: 0}]"), EM_ERR_IO, 8, "none.bin"},
    {"other chip", "batch: B\nchip: esp32\nunits: {config: config.csv, values: values.csv, at: 0x9000, size: 0x4000}\nbefore:\n  - name: a\n    images: [{file: boot.bin, at: 0x1000}]\n" BOOT, EM_ERR_CHIP, 6, "made for ESP32-C3"},
    {"place", ONE("[{file: boot.bin, at: otta}]"), EM_ERR_INPUT, 8, "'otta' is no address"},
    {"too long", ONE("[{file: boot.bin, at: otadata}]"), EM_ERR_FULL, 8, "partition 'otadata' has"},
    {"overlap", ONE("[{file: boot.bin, at: 0}, {file: table.bin, at: 0x2000}]"), EM_ERR_INPUT, 8, "overlap"},
    {"beyond the flash", ONE("[{file: app.bin, at: 0xF0000}]"), EM_ERR_FULL, 8, "the flash (1MB) at 0x100000"},
};
/* clang-format on */

static void bad(void)
{
    begin_folder();
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct line_job job;
        struct em_error err = {0};
        enum em_status status = open_text(&job, faults[i].text, &err);
        bool good = status == faults[i].status && err.line == faults[i].line &&
                    strstr(err.what, faults[i].what) != NULL && err.hint[0] != '\0';
        if (!good)
            (void)printf("\n  %s: %s, %lu: %s (%s)", faults[i].name,
                         em_status_name(status), err.line, err.what, err.hint);
        CU_ASSERT_TRUE(good);
        if (status == EM_OK)
            line_job_free(&job);
    }
    end_folder();
}

static const struct em_test tests[] = {
    {"all keys", all_keys},
    {"digest", digest},
    {"faults", bad},
};

EM_TEST_MAIN("line/job_before", tests)
