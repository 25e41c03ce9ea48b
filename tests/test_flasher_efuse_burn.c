/* SPDX-License-Identifier: Apache-2.0 */
/* Burning through the library: order, postponed fields, lost contact, and what power cuts
 * leave behind. */
#include "config.h"

#include "tests/test_flasher_efuse_host_util.h"

enum { CUTS = 500, MAX_PROGRAMS = 8 };

static const uint8_t secret[64] = {
    0x9D, 0x01, 0xF2, 0x33, 0x74, 0xA5, 0x06, 0xC7, 0x18, 0xE9, 0x5A, 0x2B, 0xBC, 0x4D,
    0x8E, 0x7F, 0x10, 0x21, 0x42, 0x83, 0x04, 0xFF, 0x00, 0x55, 0xAA, 0x0F, 0xF0, 0x3C,
    0xC3, 0x96, 0x69, 0x77, 0x88, 0xDE, 0xAD, 0xBE, 0xEF, 0x13, 0x57, 0x9B};

static const struct em_efuses_options plain = EM_EFUSES_OPTIONS_INIT;

/* What each chip is to get: keys in several blocks, a MAC, fields of BLOCK0. */
static const struct job {
    const char *chip;
    struct em_efuses_key keys[2];
    size_t count;
    const char *field, *value;
} jobs[] = {
    {"esp32s2",
     {{"BLOCK_KEY1", secret, 64, "XTS_AES_256_KEY", false},
      {"BLOCK_KEY4", secret, 32, "HMAC_UP", false}},
     2,
     "SPI_BOOT_CRYPT_CNT",
     "7"},
    {"esp32c3",
     {{"BLOCK_KEY0", secret, 32, "XTS_AES_128_KEY", false},
      {"auto", secret + 8, 32, "SECURE_BOOT_DIGEST0", false}},
     2,
     "SECURE_VERSION",
     "0x15"},
    {"esp32",
     {{"flash_encryption", secret, 32, NULL, false},
      {"secure_boot_v2", secret + 8, 32, NULL, false}},
     2,
     "FLASH_CRYPT_CNT",
     "0x7f"},
    {"esp32c2",
     {{"BLOCK_KEY0", secret, 32, "XTS_AES_128_KEY", false}},
     1,
     "SPI_BOOT_CRYPT_CNT",
     "1"},
    {"esp32s31",
     {{"BLOCK_KEY2", secret, 32, "HMAC_UP", false}},
     1,
     "SECURE_VERSION",
     "3"},
};
enum { JOBS = sizeof jobs / sizeof jobs[0] };

static enum em_status run(struct host *host, const struct job *job,
                          enum em_efuses_result *result, struct em_error *err)
{
    struct em_efuses *e = host_open(host, &plain);
    *result = EM_EFUSES_NOTHING;
    enum em_status status = em_efuses_stage_keys(e, job->keys, job->count, NULL, err);
    if (status == EM_OK)
        status = em_efuses_stage_field(e, job->field, job->value, false, err);
    if (status == EM_OK)
        status = em_efuses_stage_custom_mac(e, "AA:CD:EF:01:02:03", err);
    if (status == EM_OK)
        status = em_efuses_burn(e, NULL, NULL, result, err);
    em_efuses_close(e);
    return status;
}

static bool same_words(const struct host *a, const struct host *b)
{
    for (unsigned i = 0; i < a->table->block_count; i++)
        for (unsigned w = 0; w < a->table->blocks[i].words; w++)
            if (em_efuse_model_word(a->model, i, w) !=
                em_efuse_model_word(b->model, i, w))
                return false;
    return true;
}

/* No bit may be burned that an uncut run does not burn. */
static bool within(const struct host_journal *part, const struct host_journal *whole)
{
    for (size_t b = 0; b < EM_EFUSE_BLOCKS_MAX; b++)
        for (size_t i = 0; i < HOST_BITS; i++)
            if ((part->data[b][i] && !whole->data[b][i]) ||
                (part->check[b][i] && !whole->check[b][i]))
                return false;
    return true;
}

static void one_cut(const struct job *job, const struct host *whole, unsigned programs,
                    uint64_t seed, unsigned tally[3])
{
    struct host host;
    struct em_error err = {0};
    enum em_efuses_result result;
    host_new(&host, job->chip);
    host.cut_at = 1 + (unsigned)(seed % programs);
    host.permille = (unsigned)(seed * 7919 % 1000);
    host.seed = seed;
    CU_ASSERT_NOT_EQUAL(run(&host, job, &result, &err), EM_OK);
    CU_ASSERT_TRUE(host.dead);
    unsigned burned = host.journal.count;
    host.cut_at = 0;
    enum em_status again = run(&host, job, &result, &err);
    if (again == EM_OK) {
        tally[0]++;
        CU_ASSERT_TRUE(same_words(&host, whole));
    } else {
        /* It says which block or field is in the way, and burns nothing. */
        tally[1]++;
        CU_ASSERT_EQUAL(again, EM_ERR_REFUSED);
        if (strstr(err.what, "no part of this key") == NULL &&
            strstr(err.what, "may hold a part of a key") == NULL)
            EM_CHECK_HAS(err.what, "protected");
        CU_ASSERT_TRUE(strstr(err.what, "BLOCK") != NULL ||
                       strstr(err.what, "MAC") != NULL ||
                       strstr(err.what, "KEY_PURPOSE") != NULL ||
                       strstr(err.what, "SECURE_VERSION") != NULL);
        CU_ASSERT_EQUAL(host.journal.count, burned);
        if (strstr(err.what, "cannot be compared") != NULL) {
            struct job known = *job;
            for (size_t i = 0; i < known.count; i++)
                known.keys[i].recorded = true;
            EM_CHECK_STATUS(run(&host, &known, &result, &err), EM_OK, &err);
            CU_ASSERT_TRUE(same_words(&host, whole));
            tally[2]++;
        }
    }
    CU_ASSERT_TRUE(within(&host.journal, &whole->journal));
    em_efuse_model_free(host.model);
}

static void test_power_cuts(void)
{
    unsigned tally[3] = {0, 0, 0};
    for (size_t j = 0; j < JOBS; j++) {
        struct host whole;
        struct em_error err = {0};
        enum em_efuses_result result;
        host_new(&whole, jobs[j].chip);
        EM_CHECK_STATUS(run(&whole, &jobs[j], &result, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(result, EM_EFUSES_BURNED);
        CU_ASSERT_TRUE(whole.programs > 1 && whole.programs <= MAX_PROGRAMS);
        for (uint64_t seed = j; seed < CUTS; seed += JOBS)
            one_cut(&jobs[j], &whole, whole.programs, seed * 31 + 5, tally);
        em_efuse_model_free(whole.model);
    }
    CU_ASSERT_EQUAL(tally[0] + tally[1], CUTS);
    CU_ASSERT_TRUE(tally[0] > CUTS / 2 && tally[2] > 0);
    printf("%u of %d cut burns completed by a second run, %u refused with reason, %u of "
           "them completed by the record ",
           tally[0], (int)CUTS, tally[1], tally[2]);
}

static void test_registers_cleared(void)
{
    for (size_t j = 0; j < JOBS; j++) {
        struct host host;
        struct em_error err = {0};
        enum em_efuses_result result;
        host_new(&host, jobs[j].chip);
        EM_CHECK_STATUS(run(&host, &jobs[j], &result, &err), EM_OK, &err);
        for (size_t b = 0; b < host.table->block_count; b++)
            for (uint32_t w = 0; w < 8; w++)
                CU_ASSERT_EQUAL(em_efuse_model_read(
                                    host.model, host.chip->efuse_base +
                                                    host.table->blocks[b].write + 4 * w),
                                0);
        for (uint32_t w = 0; host.table->regs.check != 0 && w < 3; w++)
            CU_ASSERT_EQUAL(em_efuse_model_read(host.model, host.chip->efuse_base +
                                                                host.table->regs.check +
                                                                4 * w),
                            0);
        em_efuse_model_free(host.model);
    }
}

/* A field that closes the download mode takes the line with it. */
static void closing(const char *field, bool secure, enum em_status wanted)
{
    struct host host;
    struct em_error err = {0};
    enum em_efuses_result result = EM_EFUSES_NOTHING;
    host_new(&host, "esp32c3");
    struct em_efuses *e = host_open(&host, &plain);
    EM_CHECK_STATUS(em_efuses_stage_field(e, field, NULL, false, &err), EM_OK, &err);
    host.cut_at = 1;
    host.permille = 1000;
    host.secure = secure;
    EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), wanted, &err);
    CU_ASSERT_EQUAL(result, wanted == EM_OK ? EM_EFUSES_CUT_OFF : EM_EFUSES_BURNED);
    em_efuses_close(e);
    em_efuse_model_free(host.model);
}

static void test_lost_contact(void)
{
    closing("DIS_DOWNLOAD_MODE", false, EM_OK);
    closing("ENABLE_SECURITY_DOWNLOAD", true, EM_OK);
    closing("ENABLE_SECURITY_DOWNLOAD", false, EM_ERR_LINK);
    closing("DIS_DOWNLOAD_MODE", true, EM_ERR_LINK);
    closing("DIS_FORCE_DOWNLOAD", false, EM_ERR_LINK);
}

static bool decline(void *user, const struct em_efuses_change *changes, size_t count)
{
    unsigned *asked = user;
    *asked += (unsigned)count;
    CU_ASSERT_STRING_EQUAL(changes[0].field, "DIS_TWAI");
    CU_ASSERT_STRING_EQUAL(changes[0].from, "0x0");
    CU_ASSERT_STRING_EQUAL(changes[0].to, "0x1");
    return false;
}

static void test_declined(void)
{
    struct host host;
    struct em_error err = {0};
    enum em_efuses_result result = EM_EFUSES_BURNED;
    unsigned asked = 0;
    host_new(&host, "esp32c3");
    struct em_efuses *e = host_open(&host, &plain);
    EM_CHECK_STATUS(em_efuses_stage_field(e, "DIS_TWAI", NULL, false, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuses_burn(e, decline, &asked, &result, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(asked, 1);
    CU_ASSERT_EQUAL(result, EM_EFUSES_DECLINED);
    EM_CHECK_STATUS(em_efuses_burn(e, decline, &asked, &result, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(result, EM_EFUSES_NOTHING);
    CU_ASSERT_EQUAL(host.journal.count, 0);
    em_efuses_close(e);
    em_efuse_model_free(host.model);
}

/* One failed command of a line: nothing is burned, not even what was staged well. */
static void test_all_or_nothing(void)
{
    struct host host;
    struct em_error err = {0};
    enum em_efuses_result result;
    host_new(&host, "esp32c6");
    struct em_efuses *e = host_open(&host, &plain);
    EM_CHECK_STATUS(em_efuses_stage_field(e, "DIS_TWAI", NULL, false, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuses_stage_field(e, "DIS_TWAO", NULL, false, &err), EM_ERR_USAGE,
                    &err);
    EM_CHECK_HAS(err.hint, "DIS_TWAI");
    EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), EM_ERR_REFUSED, &err);
    CU_ASSERT_EQUAL(host.journal.count, 0);
    em_efuses_unstage(e);
    EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(result, EM_EFUSES_NOTHING);
    em_efuses_close(e);
    em_efuse_model_free(host.model);
}

/* Each word is read once: 84 of blocks, 5 of BLOCK0's copies, 2 of Reed-Solomon errors.
 */
static void test_few_reads(void)
{
    struct host host;
    host_new(&host, "esp32c3");
    em_efuses_close(host_open(&host, &plain));
    CU_ASSERT_EQUAL(host.reads, 6 + 6 + 9 * 8 + 5 + 2);
    em_efuse_model_free(host.model);
}

static void test_recovery(void)
{
    struct host host;
    struct em_error err = {0};
    enum em_efuses_result result;
    host_new(&host, "esp32c3");
    struct em_efuses *e = host_open(&host, &plain);
    EM_CHECK_STATUS(em_efuses_stage_block(e, "BLOCK3", secret, 32, 0, &err), EM_OK, &err);
    host.cut_at = 1;
    host.permille = 985;
    host.seed = 11;
    EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), EM_ERR_LINK, &err);
    em_efuses_close(e);
    host.cut_at = 0;
    e = host_open(&host, &plain);
    EM_CHECK_STATUS(em_efuses_check_errors(e, &err), EM_ERR_VERIFY, &err);
    EM_CHECK_HAS(err.what, "BLOCK3");
    EM_CHECK_STATUS(em_efuses_stage_recovery(e, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuses_burn(e, NULL, NULL, &result, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_efuses_check_errors(e, &err), EM_OK, &err);
    struct em_efuses_block block;
    EM_CHECK_STATUS(em_efuses_block_find(e, "BLOCK_USR_DATA", &block, &err), EM_OK, &err);
    EM_CHECK_BYTES(block.data, secret, 32);
    em_efuses_close(e);
    em_efuse_model_free(host.model);
}

static const struct em_test tests[] = {
    {"500 power cuts", test_power_cuts},
    {"registers are cleared", test_registers_cleared},
    {"lost contact", test_lost_contact},
    {"declined", test_declined},
    {"all or nothing", test_all_or_nothing},
    {"each word is read once", test_few_reads},
    {"recovery", test_recovery},
};

EM_TEST_MAIN("flasher/efuse/efuses_burn", tests)
