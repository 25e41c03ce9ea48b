/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs as they should be: what becomes of each key, of defaults and of the two hashes. */
#include "tests/test_line_job_util.h"

#include <openssl/evp.h>

static const char head[] = "batch: B\nchip: ESP32-C3\n";
static const char units[] =
    "units: {config: config.csv, values: values.csv, size: 16k, at: 0x9000}\n";

static void open_job(struct line_job *job, const char *text)
{
    struct em_error err = {0};
    char path[PATH_LEN];
    put_text("job.yaml", text);
    EM_CHECK_STATUS(line_job_open(job, in_folder("job.yaml", path), NULL, &err), EM_OK,
                    &err);
}

static void same_path(const char *got, const char *name)
{
    char path[PATH_LEN];
    CU_ASSERT_PTR_NOT_NULL_FATAL(got);
    CU_ASSERT_STRING_EQUAL(got, in_folder(name, path));
}

static void defaults(void)
{
    struct line_job job;
    char text[1024];
    begin_folder();
    (void)snprintf(text, sizeof text, "%s%s", head, units);
    open_job(&job, text);
    CU_ASSERT_STRING_EQUAL(job.name, "B");
    CU_ASSERT_STRING_EQUAL(job.chip, "esp32c3");
    same_path(job.ledger, "batch.db");
    CU_ASSERT_EQUAL(job.image_count, 0);
    CU_ASSERT_EQUAL(job.step_count, 0);
    CU_ASSERT_PTR_NULL(job.flash_size);
    CU_ASSERT_PTR_NULL(job.flash_mode);
    CU_ASSERT_FALSE(job.erase_all);
    CU_ASSERT_FALSE(job.boot_check);
    CU_ASSERT_EQUAL(job.attempts, 3);
    CU_ASSERT_EQUAL(job.stop_after, 5);
    CU_ASSERT_EQUAL(job.keys_after, LINE_KEYS_KEEP);
    CU_ASSERT_PTR_NULL(job.stub);
    CU_ASSERT_EQUAL(job.units.size, 0x4000);
    CU_ASSERT_EQUAL(job.units.version, EM_NVS_V2);
    CU_ASSERT_EQUAL(job.units.encryption, EM_UNITS_PLAIN);
    CU_ASSERT_EQUAL(job.nvs_addr, 0x9000);
    CU_ASSERT_EQUAL(em_units_count(job.source), 2);
    CU_ASSERT_EQUAL(line_yaml_line(job.yaml, "units.at"), 3);
    CU_ASSERT_EQUAL(line_yaml_line(job.yaml, "ledger"), 0);
    line_job_free(&job);
    end_folder();
}

static void all_keys(void)
{
    struct line_job job;
    begin_folder();
    open_job(
        &job,
        "batch: B 2\nchip: esp32c3\nledger: postgresql://host/x\n"
        "flash: {size: 4mb, mode: dio, freq: 80M, erase_all: yes}\n"
        "partition_table: table.bin\n"
        "images:\n"
        "  - {file: boot.bin, at: 0}\n"
        "  - {file: app.bin, at: ota_0, encrypt: yes}\n"
        "units: {config: config.csv, values: values.csv, prefix: P, file_id: serial,\n"
        "  version: 1, encryption: hmac}\n"
        "efuses:\n"
        "  - burn_key: {block: BLOCK_KEY1, purpose: HMAC_UP, write_protect: no}\n"
        "  - burn_key: {purpose: SECURE_BOOT_DIGEST0, file: open32.bin}\n"
        "  - burn_efuse: {field: DIS_PAD_JTAG}\n"
        "  - burn_custom_mac: {column: mac}\n"
        "  - read_protect: [BLOCK_KEY2, BLOCK_KEY3]\n"
        "  - write_protect: [DIS_PAD_JTAG]\n"
        "  - script: steps.lua\n"
        "overrides: [readable-read-protect]\n"
        "boot_check: {expect: '^ready [0-9]+', within: 2m, baud: 74880}\n"
        "retry: {attempts: 1, stop_after: 0}\n"
        "keys_after: destroy\n"
        "stub: steps.lua\n");
    CU_ASSERT_STRING_EQUAL(job.ledger, "postgresql://host/x");
    CU_ASSERT_STRING_EQUAL(job.flash_size, "4MB");
    CU_ASSERT_STRING_EQUAL(job.flash_mode, "dio");
    CU_ASSERT_STRING_EQUAL(job.flash_freq, "80m");
    CU_ASSERT_TRUE(job.erase_all);
    CU_ASSERT_EQUAL_FATAL(job.image_count, 2);
    CU_ASSERT_EQUAL(job.images[1].addr, 0x20000);
    CU_ASSERT_EQUAL(job.images[1].limit, 0x120000);
    CU_ASSERT_TRUE(job.images[1].encrypt);
    CU_ASSERT_EQUAL(job.images[1].line, 8);
    CU_ASSERT_EQUAL(job.units.size, 0x6000);
    CU_ASSERT_EQUAL(job.units.version, EM_NVS_V1);
    CU_ASSERT_EQUAL(job.units.encryption, EM_UNITS_HMAC);
    same_path(job.units.keys_dir, "keys");
    CU_ASSERT_EQUAL(job.nvs_addr, 0x9000);
    CU_ASSERT_EQUAL_FATAL(job.step_count, 8);
    CU_ASSERT_EQUAL(job.steps[0].kind, LINE_STEP_KEY);
    CU_ASSERT_TRUE(job.steps[0].no_write_protect && !job.steps[0].no_read_protect);
    CU_ASSERT_STRING_EQUAL(job.steps[1].block, "auto");
    same_path(job.steps[1].key_file, "open32.bin");
    CU_ASSERT_STRING_EQUAL(job.steps[2].value, "");
    CU_ASSERT_TRUE(job.steps[3].column);
    CU_ASSERT_STRING_EQUAL(job.steps[5].name, "BLOCK_KEY3");
    CU_ASSERT_EQUAL(job.steps[6].kind, LINE_STEP_WRITE_PROTECT);
    CU_ASSERT_EQUAL(job.steps[7].line, 18);
    CU_ASSERT_EQUAL(job.boot_timeout_ms, 120000);
    CU_ASSERT_EQUAL(job.boot_baud, 74880);
    CU_ASSERT_EQUAL(regexec(&job.boot_regex, "ready 12", 0, NULL, 0), 0);
    CU_ASSERT_EQUAL(job.attempts, 1);
    CU_ASSERT_EQUAL(job.stop_after, 0);
    CU_ASSERT_EQUAL(job.keys_after, LINE_KEYS_DESTROY);
    line_job_free(&job);
    end_folder();
}

/* The plan's text is written down in mfg_job(5): people can compute the hash. */
static void plan_by_hand(void)
{
    static const char text[] = "espmfg eFuse plan 1\nesp32c3\n"
                               "burn-key\tblock=auto\tpurpose=HMAC_UP\tkey=unit\n"
                               "burn-efuse\tname=DIS_PAD_JTAG\tvalue=1\n"
                               "burn-custom-mac\tcolumn=mac\n"
                               "write-protect\tname=DIS_PAD_JTAG\n";
    struct line_job job;
    unsigned char digest[32];
    begin_folder();
    open_job(&job,
             "batch: B\nchip: esp32c3\n"
             "units: {config: config.csv, values: values.csv, size: 0x4000, at: 0,\n"
             "  encryption: hmac}\n"
             "efuses:\n"
             "  - burn_key: {purpose: HMAC_UP}\n"
             "  - burn_efuse: {field: DIS_PAD_JTAG, value: 1}\n"
             "  - burn_custom_mac: {column: mac}\n"
             "  - write_protect: [DIS_PAD_JTAG]\n");
    CU_ASSERT_EQUAL(EVP_Digest(text, sizeof text - 1, digest, NULL, EVP_sha256(), NULL),
                    1);
    for (size_t i = 0; i < sizeof digest; i++) {
        char hex[3];
        (void)snprintf(hex, sizeof hex, "%02x", digest[i]);
        CU_ASSERT_NSTRING_EQUAL(job.plan + 2 * i, hex, 2);
    }
    line_job_free(&job);
    end_folder();
}

/* What changes which hash: 'p' the plan and so the job, 'j' the job alone, '=' none. */
static void hashes(void)
{
    static const struct {
        char changes;
        const char *images, *rest;
    } jobs[] = {
        {0, "  - {file: boot.bin, at: 0}\n", "  - burn_efuse: {field: DIS_PAD_JTAG}\n"},
        {'=', "  - {file: boot.bin, at: 0x0}\n",
         "  - burn_efuse: {field: DIS_PAD_JTAG}\nretry: {attempts: 7}\nledger: "
         "other.db\n"},
        {'j', "  - {file: boot.bin, at: 0x20000}\n",
         "  - burn_efuse: {field: DIS_PAD_JTAG}\n"},
        {'j', "  - {file: app.bin, at: 0x20000}\n",
         "  - burn_efuse: {field: DIS_PAD_JTAG}\n"},
        {'j', "  - {file: boot.bin, at: 0}\n",
         "  - burn_efuse: {field: DIS_PAD_JTAG}\nflash: {mode: dio}\n"},
        {'p', "  - {file: boot.bin, at: 0}\n",
         "  - burn_efuse: {field: DIS_PAD_JTAG, value: 1}\n"},
        {'p', "  - {file: boot.bin, at: 0}\n",
         "  - burn_efuse: {field: DIS_PAD_JTAG, column: order}\n"},
        {'p', "  - {file: boot.bin, at: 0}\n", "  - script: steps.lua\n"},
        {'p', "  - {file: boot.bin, at: 0}\n", "  - write_protect: [DIS_PAD_JTAG]\n"},
        {'p', "  - {file: boot.bin, at: 0}\n",
         "  - burn_key: {purpose: USER, file: key32.bin}\n"},
    };
    char digest[65] = "", plan[65] = "", text[1024];
    struct line_job job;
    begin_folder();
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        (void)snprintf(text, sizeof text, "%s%simages:\n%sefuses:\n%s", head, units,
                       jobs[i].images, jobs[i].rest);
        open_job(&job, text);
        if (i == 0) {
            memcpy(digest, job.digest, sizeof digest);
            memcpy(plan, job.plan, sizeof plan);
        }
        CU_ASSERT_EQUAL(strlen(job.plan), 64);
        CU_ASSERT_EQUAL(strcmp(plan, job.plan) != 0, jobs[i].changes == 'p');
        CU_ASSERT_EQUAL(strcmp(digest, job.digest) != 0,
                        jobs[i].changes == 'p' || jobs[i].changes == 'j');
        line_job_free(&job);
    }
    end_folder();
}

/* A script or a key file that has another content makes another plan. */
static void contents_count(void)
{
    static const char text[] =
        "batch: B\nchip: esp32c3\n"
        "units: {config: config.csv, values: values.csv, size: 0x4000, at: 0}\n"
        "efuses:\n  - script: steps.lua\n  - burn_key: {purpose: USER, file: "
        "key32.bin}\n";
    struct line_job job;
    char plans[3][65];
    begin_folder();
    for (size_t i = 0; i < 3; i++) {
        if (i == 1)
            put_text("steps.lua", "print(2)\n");
        if (i == 2)
            put_bytes("key32.bin", "0123456789abcdef0123456789abcdef", 32, 0600);
        open_job(&job, text);
        memcpy(plans[i], job.plan, sizeof plans[i]);
        line_job_free(&job);
    }
    CU_ASSERT_STRING_NOT_EQUAL(plans[0], plans[1]);
    CU_ASSERT_STRING_NOT_EQUAL(plans[1], plans[2]);
    end_folder();
}

/* The sample is a job; its table in binary is the one in CSV. */
static void sample(void)
{
    struct line_job job;
    struct em_error err = {0};
    const char *top = getenv("top_srcdir");
    char here[PATH_LEN];
    require(getcwd(here, sizeof here) != NULL);
    require(chdir(top == NULL ? "." : top) == 0);
    EM_CHECK_STATUS(line_job_open(&job, "samples/job.yaml", NULL, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(em_units_count(job.source), 12);
    CU_ASSERT_EQUAL(job.image_count, 3);
    CU_ASSERT_STRING_EQUAL(job.ledger, "samples/batch.db");
    CU_ASSERT_STRING_EQUAL(job.units.keys_dir, "samples/keys");
    line_job_free(&job);
    struct line_station station;
    EM_CHECK_STATUS(line_station_open(&station, "samples/station.yaml", &err), EM_OK,
                    &err);
    CU_ASSERT_EQUAL(station.slot_count, 4);
    line_station_free(&station);
    require(chdir(here) == 0);
}

static const struct em_test tests[] = {
    {"defaults", defaults}, {"all keys", all_keys},    {"plan", plan_by_hand},
    {"hashes", hashes},     {"files", contents_count}, {"sample", sample},
};

EM_TEST_MAIN("line/job", tests)
