/* SPDX-License-Identifier: Apache-2.0 */
/* The hash of a plan changes with every bit of chip and plan; approval holds for one. */
#include "config.h"

#include "flasher/efuse/efuses_int.h"

#include "tests/em_test.h"

#include <unistd.h>

static struct em_efuses *open_file(const char *chip, const char *file, bool read_only)
{
    struct em_efuses_options options = EM_EFUSES_OPTIONS_INIT;
    struct em_efuses *e = NULL;
    struct em_error err;
    options.read_only = read_only;
    EM_CHECK_STATUS(em_efuses_open_virtual(&e, chip, file, &options, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    return e;
}

static void stage(struct em_efuses *e, unsigned bit)
{
    struct em_error err;
    EM_CHECK_STATUS(em_efuses_stage_bits(e, "BLOCK3", &bit, 1, &err), EM_OK, &err);
}

static void plan_hash(struct em_efuses *e, char out[EM_EFUSES_HASH_TEXT])
{
    struct em_error err;
    EM_CHECK_STATUS(em_efuses_plan_hash(e, out, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(strlen(out), EM_EFUSES_HASH_TEXT - 1);
}

static void flip_each(struct em_efuses *e, struct em_efuses_bits *bits)
{
    char before[EM_EFUSES_HASH_TEXT];
    char after[EM_EFUSES_HASH_TEXT];
    plan_hash(e, before);
    for (size_t i = 0; i < sizeof bits->bytes * 8; i++) {
        bits->bytes[i / 8] = (uint8_t)(bits->bytes[i / 8] ^ 1U << i % 8);
        plan_hash(e, after);
        CU_ASSERT_STRING_NOT_EQUAL(before, after);
        bits->bytes[i / 8] = (uint8_t)(bits->bytes[i / 8] ^ 1U << i % 8);
    }
    plan_hash(e, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

static void test_every_bit(void)
{
    static const char *const chips[] = {"esp32", "esp32c3", "esp32s31"};
    for (size_t c = 0; c < sizeof chips / sizeof chips[0]; c++) {
        struct em_efuses *e = open_file(chips[c], NULL, false);
        for (size_t b = 0; b < e->view.table->block_count; b++) {
            flip_each(e, &e->now[b]);
            flip_each(e, &e->staged[b]);
        }
        em_efuses_close(e);
    }
}

static void test_identity(void)
{
    char a[EM_EFUSES_HASH_TEXT];
    char b[EM_EFUSES_HASH_TEXT];
    struct em_error err;
    struct em_efuses *e = open_file("esp32c3", NULL, false);
    struct em_efuses *other = open_file("esp32c6", NULL, false);
    stage(e, 1);
    stage(other, 1);
    plan_hash(e, a);
    plan_hash(other, b);
    CU_ASSERT_STRING_NOT_EQUAL(a, b);
    e->view.revision++;
    plan_hash(e, b);
    CU_ASSERT_STRING_NOT_EQUAL(a, b);
    e->view.revision--;
    e->options.no_postpone = true;
    plan_hash(e, b);
    CU_ASSERT_STRING_NOT_EQUAL(a, b);
    e->options.no_postpone = false;
    EM_CHECK_STATUS(em_efuses_override(e, "flash-pins", &err), EM_OK, &err);
    plan_hash(e, b);
    CU_ASSERT_STRING_NOT_EQUAL(a, b);
    em_efuses_close(e);
    em_efuses_close(other);
}

static enum em_status burn(struct em_efuses *e, enum em_efuses_result *result,
                           struct em_error *err)
{
    return em_efuses_burn(e, NULL, NULL, result, err);
}

static void test_approved(void)
{
    char hash[EM_EFUSES_HASH_TEXT];
    enum em_efuses_result result;
    struct em_error err;
    struct em_efuses *e = open_file("esp32", NULL, false);
    stage(e, 5);
    plan_hash(e, hash);
    EM_CHECK_STATUS(em_efuses_approve(e, "12", &err), EM_ERR_USAGE, &err);
    EM_CHECK_STATUS(em_efuses_approve(e, hash, &err), EM_OK, &err);
    stage(e, 6); /* not what was approved */
    EM_CHECK_STATUS(burn(e, &result, &err), EM_ERR_REFUSED, &err);
    EM_CHECK_HAS(err.what, "not what was approved");
    CU_ASSERT(em_efuses_zero(&e->now[3]));
    stage(e, 5);
    EM_CHECK_STATUS(burn(e, &result, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(result, EM_EFUSES_BURNED);
    stage(e, 5); /* done: nothing to approve */
    EM_CHECK_STATUS(burn(e, &result, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(result, EM_EFUSES_NOTHING);
    em_efuses_close(e);
}

/* Somebody else burns between the plan and the burn. */
static void test_race(void)
{
    static const uint8_t other[EM_EFUSES_BYTES] = {0x80};
    char hash[EM_EFUSES_HASH_TEXT];
    enum em_efuses_result result;
    struct em_efuse_burn report;
    struct em_error err;
    struct em_efuses *e = open_file("esp32c3", NULL, false);
    stage(e, 5);
    plan_hash(e, hash);
    EM_CHECK_STATUS(em_efuses_approve(e, hash, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuse_burn_block(&e->ctl, 4, other, &report, &err), EM_OK, &err);
    EM_CHECK_STATUS(burn(e, &result, &err), EM_ERR_REFUSED, &err);
    EM_CHECK_HAS(err.what, "not what was approved");
    CU_ASSERT(em_efuses_zero(&e->now[3]));
    em_efuses_close(e);
}

/* A chip that is only looked at leaves no file. */
static void test_read_only(void)
{
    char folder[] = "/tmp/espmfg_efuse_plan_XXXXXX";
    char path[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/e.bin", folder);
    em_efuses_close(open_file("esp32c3", path, true));
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    em_efuses_close(open_file("esp32c3", path, false));
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

/* BLOCK0 is shown field by field, with what dangerous fields do. */
static void test_changes(void)
{
    const struct em_efuses_change *changes;
    size_t count;
    struct em_error err;
    struct em_efuses *e = open_file("esp32c3", NULL, false);
    EM_CHECK_STATUS(em_efuses_stage_field(e, "DIS_PAD_JTAG", "1", false, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_efuses_stage_field(e, "SECURE_VERSION", "1", false, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_efuses_plan(e, &changes, &count, &err), EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(count, 2);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_PTR_NOT_NULL(changes[i].field);
        CU_ASSERT_STRING_NOT_EQUAL(changes[i].danger, "");
    }
    em_efuses_close(e);
}

static const struct em_test tests[] = {
    {"hash: every bit of chip and plan", test_every_bit},
    {"hash: chip, revision, options, overrides", test_identity},
    {"only the approved plan is burned", test_approved},
    {"a chip that changed meanwhile", test_race},
    {"a dry run leaves no file", test_read_only},
    {"changes with consequences", test_changes},
};

EM_TEST_MAIN("flasher/efuse/plan", tests)
