/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a job is told in one message with file and line, before anything is
 * touched. */
#include "tests/test_line_job_util.h"

#define HEAD "batch: B\nchip: esp32c3\n"
#define UNITS                                                                            \
    "units: {config: config.csv, values: values.csv, size: 0x4000, at: 0x9000}\n"
#define TABLE "partition_table: table.csv\n"
#define HMAC                                                                             \
    "units: {config: config.csv, values: values.csv, size: 0x4000, at: 0x9000, "         \
    "encryption: hmac}\n"
#define STEP(text) HEAD UNITS "efuses:\n  - " text "\n"

struct fault {
    const char *name, *text;
    enum em_status status;
    unsigned long line;
    const char *what, *hint;
};

/* clang-format off */
static const struct fault yaml_faults[] = {
    {"empty", "", EM_ERR_INPUT, 0, "empty", "samples/"},
    {"comment only", "# nothing\n", EM_ERR_INPUT, 2, "empty", "samples/"},
    {"tab", "batch: B\nflash:\n\tsize: 4MB\n", EM_ERR_INPUT, 3, "not readable as YAML", "no tabs"},
    {"open quote", HEAD "ledger: \"x\n", EM_ERR_INPUT, 4, "not readable as YAML", "quotes"},
    {"not UTF-8", HEAD "ledger: \xff\n", EM_ERR_INPUT, 3, "UTF-8", ""},
    {"a list", "- a\n", EM_ERR_INPUT, 1, "the file has to be 'name: value' pairs, not a list", ""},
    {"a text", "hello\n", EM_ERR_INPUT, 1, "the file has to be 'name: value' pairs, not a text", ""},
    {"unknown key", HEAD UNITS "imagse: []\n", EM_ERR_INPUT, 4, "unknown key 'imagse'", "'images'"},
    {"unknown inner key", HEAD UNITS "images:\n  - {file: app.bin,\n     adress: 0}\n",
     EM_ERR_INPUT, 6, "unknown key 'adress' in images[0]", "nearest name is"},
    {"key twice", HEAD UNITS "chip: esp32\n", EM_ERR_INPUT, 4, "'chip' is given twice, first in line 2", ""},
    {"inner key twice", HEAD "units:\n  at: 0\n  size: 1\n  at: 0\n", EM_ERR_INPUT, 6,
     "'at' is given twice, first in line 4", ""},
    {"missing key", "batch: B\n" UNITS, EM_ERR_INPUT, 1, "key 'chip' is missing", ""},
    {"missing inner key", HEAD UNITS "images:\n  - {at: 0}\n", EM_ERR_INPUT, 5,
     "key 'file' is missing in images[0]", ""},
    {"no units", HEAD, EM_ERR_INPUT, 1, "key 'units' is missing", ""},
    {"text for pairs", HEAD "units: nvs\n", EM_ERR_INPUT, 3, "'units' has to be 'name: value' pairs, not a text", ""},
    {"pairs for a list", HEAD UNITS "images: {file: x}\n", EM_ERR_INPUT, 4, "'images' has to be a list", ""},
    {"list for a text", HEAD UNITS "ledger: [a]\n", EM_ERR_INPUT, 4, "'ledger' has to be a text, not a list", ""},
    {"nested", HEAD UNITS "ledger: [[[[[[[[[[[[[[[[\n", EM_ERR_INPUT, 4, "not a list", ""},
    {"no value", HEAD UNITS "ledger:\nstub: x\n", EM_ERR_INPUT, 4, "'ledger' has no value", "default"},
    {"control character", HEAD UNITS "ledger: \"a\\0b\"\n", EM_ERR_INPUT, 4, "control character (0x00)", ""},
    {"anchor", HEAD UNITS "ledger: &a x\n", EM_ERR_INPUT, 4, "anchors and aliases (&a)", ""},
    {"alias", HEAD UNITS "ledger: *a\n", EM_ERR_INPUT, 4, "anchors and aliases (&a)", ""},
    {"anchor on a list", HEAD "images: &i []\n", EM_ERR_INPUT, 3, "anchors and aliases (&i)", ""},
    {"anchor on pairs", HEAD "units: &u {}\n", EM_ERR_INPUT, 3, "anchors and aliases (&u)", ""},
    {"tag", HEAD "ledger: !!binary aGk=\n", EM_ERR_INPUT, 3, "tags (tag:yaml.org,2002:binary)", ""},
    {"key is a list", "? [a]\n: b\n", EM_ERR_INPUT, 1, "a key has to be a name", ""},
    {"two documents", HEAD UNITS "---\nbatch: C\n", EM_ERR_INPUT, 4, "second document", "---"},
};

static const struct fault value_faults[] = {
    {"chip", "batch: B\nchip: esp32c33\n" UNITS, EM_ERR_INPUT, 2, "no chip is named 'esp32c33'", "'esp32c3'"},
    {"flash size", HEAD UNITS "flash: {size: 3MB}\n", EM_ERR_INPUT, 4, "no '3MB'", "4MB"},
    {"flash mode", HEAD UNITS "flash: {mode: dii}\n", EM_ERR_INPUT, 4, "mode: 'dii'", "'dio'"},
    {"flash freq", HEAD UNITS "flash:\n  mode: dio\n  freq: 41m\n", EM_ERR_INPUT, 6, "freq", "40m"},
    {"erase_all", HEAD UNITS "flash: {erase_all: maybe}\n", EM_ERR_INPUT, 4, "neither yes nor no", "yes or no"},
    {"no table", HEAD UNITS "partition_table: none.csv\n", EM_ERR_IO, 4, "none.csv", ""},
    {"regex", HEAD UNITS "boot_check:\n  within: 5s\n  expect: '(ready'\n", EM_ERR_INPUT, 6, "(ready", "regex(7)"},
    {"no regex", HEAD UNITS "boot_check: {within: 5s}\n", EM_ERR_INPUT, 4, "key 'expect' is missing in boot_check", ""},
    {"time", HEAD UNITS "boot_check: {expect: a, within: 5}\n", EM_ERR_INPUT, 4, "'5' is not a time", "5s"},
    {"time of nothing", HEAD UNITS "boot_check: {expect: a, within: 0s}\n", EM_ERR_INPUT, 4, "not a time", ""},
    {"time too long", HEAD UNITS "boot_check: {expect: a, within: 61m}\n", EM_ERR_INPUT, 4, "not a time", "60m"},
    {"long digits", HEAD UNITS "boot_check: {expect: a, within: 99999999999999999999s}\n", EM_ERR_INPUT, 4, "not a time", ""},
    {"baud", HEAD UNITS "boot_check: {expect: a, baud: 0}\n", EM_ERR_INPUT, 4, "from 1 to 20000000", ""},
    {"attempts", HEAD UNITS "retry: {attempts: 0}\n", EM_ERR_INPUT, 4, "from 1 to 1000", ""},
    {"stop_after", HEAD UNITS "retry: {stop_after: -1}\n", EM_ERR_INPUT, 4, "stop_after: '-1'", ""},
    {"keys_after", HEAD UNITS "keys_after: destory\n", EM_ERR_INPUT, 4, "'destory'", "'destroy'"},
    {"no keys to destroy", HEAD UNITS "keys_after: destroy\n", EM_ERR_INPUT, 4, "no keys of their own", ""},
    {"no stub", HEAD UNITS "stub: none.json\n", EM_ERR_IO, 4, "none.json", ""},
};

static const struct fault image_faults[] = {
    {"missing", HEAD UNITS "images:\n  - {file: none.bin, at: 0}\n", EM_ERR_IO, 5, "none.bin", ""},
    {"empty", HEAD UNITS "images:\n  - {file: empty.bin, at: 0}\n", EM_ERR_INPUT, 5, "empty", ""},
    {"a folder", HEAD UNITS "images:\n  - {file: ., at: 0}\n", EM_ERR_IO, 5, "", ""},
    {"hex", HEAD UNITS "images:\n  - {file: one.hex, at: 0}\n", EM_ERR_INPUT, 5, "Intel HEX", ".bin"},
    {"no address", HEAD UNITS "images:\n  - {file: app.bin, at: ota_0}\n", EM_ERR_INPUT, 5, "'ota_0' is not an address", "partition_table"},
    {"no partition", HEAD UNITS TABLE "images:\n  - {file: app.bin, at: ota_2}\n", EM_ERR_INPUT, 6, "no partition of the table", "ota_0"},
    {"unaligned", HEAD UNITS "images:\n  - file: app.bin\n    at: 0x1004\n", EM_ERR_INPUT, 6, "0x1004 is not a multiple", ""},
    {"other chip", "batch: B\nchip: esp32s3\n" UNITS "images:\n  - {file: app.bin, at: 0x10000}\n", EM_ERR_CHIP, 5, "app.bin", ""},
    {"too large", HEAD UNITS TABLE "images:\n  - {file: zeros.bin, at: otadata}\n", EM_ERR_FULL, 6, "24577 bytes, but partition 'otadata' has 8192", ""},
    {"too large by address", HEAD UNITS TABLE "images:\n  - {file: zeros.bin, at: 0xf000}\n", EM_ERR_FULL, 6, "has 8192", ""},
    {"overlap", HEAD UNITS "images:\n  - {file: boot.bin, at: 0}\n  - {file: app.bin, at: 0x2000}\n",
     EM_ERR_INPUT, 6, "boot.bin (0x0..0x3000) and ", "further apart"},
    {"overlaps the units", HEAD UNITS "images:\n  - {file: boot.bin, at: 0x8000}\n", EM_ERR_INPUT, 3, "the units' NVS image (0x9000..0xd000) overlap", ""},
    {"behind the flash", HEAD UNITS "flash: {size: 1MB}\nimages:\n  - {file: app.bin, at: 0xf0000}\n", EM_ERR_FULL, 6, "the flash (1MB) at 0x100000", ""},
    {"encrypt", HEAD UNITS "images:\n  - {file: app.bin, at: 0, encrypt: 1}\n", EM_ERR_INPUT, 5, "neither yes nor no", ""},
};

static const struct fault unit_faults[] = {
    {"no place", HEAD "units: {config: config.csv, values: values.csv, size: 0x4000}\n", EM_ERR_INPUT, 3, "key 'at' is missing", "nvs"},
    {"no size", HEAD "units: {config: config.csv, values: values.csv, at: 0x9000}\n", EM_ERR_INPUT, 3, "key 'size' is missing", ""},
    {"no values", HEAD "units: {config: config.csv, size: 0x4000, at: 0x9000}\n", EM_ERR_INPUT, 3, "key 'values' is missing", "manifest"},
    {"size", HEAD "units:\n  config: config.csv\n  values: values.csv\n  at: 0x9000\n  size: big\n", EM_ERR_INPUT, 7, "'big' is not a size", ""},
    {"size unlike", HEAD TABLE "units:\n  config: config.csv\n  values: values.csv\n  size: 0x5000\n", EM_ERR_FULL, 7, "0x5000, but partition 'nvs' has 0x6000", ""},
    {"version", HEAD "units: {config: config.csv, values: values.csv, size: 0x4000, at: 0x9000, version: 3}\n", EM_ERR_INPUT, 3, "from 1 to 2", ""},
    {"encryption", HEAD "units: {config: config.csv, values: values.csv, at: 0x9000, encryption: hmca}\n", EM_ERR_INPUT, 3, "'hmca'", "'hmac'"},
    {"key without file", HEAD "units: {config: config.csv, values: values.csv, at: 0x9000, encryption: key}\n", EM_ERR_INPUT, 3, "needs a key_file", ""},
    {"file without key", HEAD "units: {config: config.csv, values: values.csv, at: 0x9000, key_file: key64.bin}\n", EM_ERR_INPUT, 3, "encryption is none", ""},
    {"folder without hmac", HEAD "units: {config: config.csv, values: values.csv, at: 0x9000, keys_dir: k}\n", EM_ERR_INPUT, 3, "encryption is none", ""},
    {"key for all", HEAD "units: {config: config.csv, values: values.csv, size: 0x4000, at: 0x9000,\n  encryption: key, key_file: open64.bin}\n", EM_ERR_INPUT, 4, "mode 644", "chmod 600"},
    {"no key", HEAD "units: {config: config.csv, values: values.csv, size: 0x4000, at: 0x9000,\n  encryption: key, key_file: none.bin}\n", EM_ERR_IO, 4, "none.bin", ""},
    {"two sources", HEAD "units: {manifest: m.csv, config: config.csv, at: 0x9000}\n", EM_ERR_INPUT, 3, "config and manifest do not go together", ""},
    {"folder of nothing", HEAD "units: {config: config.csv, values: values.csv, folder: x, at: 0x9000}\n", EM_ERR_INPUT, 3, "folder and config", ""},
    {"no tables", HEAD "units: {config: none.csv, values: values.csv, size: 0x4000, at: 0x9000}\n", EM_ERR_IO, 0, "none.csv", ""},
};

static const struct fault step_faults[] = {
    {"nothing", STEP("{}"), EM_ERR_INPUT, 5, "says nothing", "burn_key"},
    {"two in one", STEP("script: steps.lua\n    burn_key: {}"), EM_ERR_INPUT, 5, "several steps", ""},
    {"empty list", STEP("read_protect: []"), EM_ERR_INPUT, 5, "says nothing", ""},
    {"block", STEP("burn_key: {block: BLOCK_KEY9, purpose: USER, file: key32.bin}"), EM_ERR_INPUT, 5, "BLOCK_KEY9", "nearest name is BLOCK_KEY"},
    {"purpose", STEP("burn_key:\n      purpose: HMAC_UPP\n      file: key32.bin"), EM_ERR_INPUT, 6, "no key purpose 'HMAC_UPP'", "'HMAC_UP'"},
    {"key file", STEP("burn_key: {purpose: USER, file: none.bin}"), EM_ERR_IO, 5, "none.bin", ""},
    {"open key file", STEP("burn_key: {purpose: USER, file: open32.bin}"), EM_ERR_INPUT, 5, "mode 640", "chmod 600"},
    {"protected digest", STEP("burn_key: {purpose: SECURE_BOOT_DIGEST0, file: open32.bin, read_protect: yes}"), EM_ERR_INPUT, 5, "digest", ""},
    {"field", STEP("burn_efuse: {field: DIS_PAD_JTG}"), EM_ERR_INPUT, 5, "DIS_PAD_JTG", "DIS_PAD_JTAG"},
    {"value and column", STEP("burn_efuse: {field: DIS_PAD_JTAG, value: 1, column: mac}"), EM_ERR_INPUT, 5, "do not go together", ""},
    {"column", STEP("burn_efuse: {field: USER_DATA, column: mca}"), EM_ERR_INPUT, 5, "no column 'mca'", "mac"},
    {"mac column", STEP("burn_custom_mac: {column: ma}"), EM_ERR_INPUT, 5, "no column 'ma'", ""},
    {"protect", STEP("write_protect: [DIS_PAD_JTAG, NOTHING]"), EM_ERR_INPUT, 5, "NOTHING", ""},
    {"script", STEP("script: none.lua"), EM_ERR_IO, 5, "none.lua", ""},
    {"override", STEP("script: steps.lua") "overrides: [no-such-rule]\n", EM_ERR_INPUT, 6, "no-such-rule", ""},
    {"a rule", STEP("burn_efuse: {field: DIS_PAD_JTAG}\n  - read_protect: [BLOCK_KEY2]"), EM_ERR_REFUSED, 6, "rule readable-read-protect", ""},
    {"not of this size", STEP("burn_key: {purpose: USER, file: key64.bin}"), EM_ERR_INPUT, 5, "64 bytes, 32 are needed", ""},
    {"no such value", STEP("burn_efuse: {field: DIS_PAD_JTAG, value: 2}"), EM_ERR_INPUT, 5, "DIS_PAD_JTAG", ""},
    {"script", STEP("script: bad.lua"), EM_ERR_INPUT, 0, "", ""},
    {"no HMAC", "batch: B\nchip: esp32\n" HMAC, EM_ERR_UNSUPPORTED, 3, "ESP32 has no HMAC", ""},
    {"key never burned", HEAD HMAC, EM_ERR_INPUT, 3, "no step burns the unit's key", "burn_key"},
    {"key burned as another", HEAD HMAC "efuses:\n  - burn_key: {purpose: USER}\n", EM_ERR_INPUT, 3, "no step burns the unit's key as HMAC_UP", ""},
    {"key burned twice", HEAD HMAC "efuses:\n  - burn_key: {purpose: HMAC_UP}\n  - burn_key: {purpose: HMAC_UP}\n", EM_ERR_INPUT, 4, "lines 5, 6", ""},
    {"no key to burn", STEP("burn_key: {purpose: HMAC_UP}"), EM_ERR_INPUT, 5, "units have no keys", "encryption: hmac"},
};
/* clang-format on */

static void check(const struct fault *fault)
{
    struct line_job job;
    struct em_error err = {0};
    char path[PATH_LEN];
    put_text("job.yaml", fault->text);
    enum em_status status = line_job_open(&job, in_folder("job.yaml", path), NULL, &err);
    bool good = status == fault->status && err.status == status &&
                strstr(err.what, fault->what) != NULL &&
                strstr(err.hint, fault->hint) != NULL &&
                (fault->line == 0 || strcmp(err.file, path) == 0) &&
                (fault->line == 0 || err.line == fault->line);
    if (!good)
        (void)printf("\n  %s: %s, %s:%lu: %s (%s)", fault->name, em_status_name(status),
                     err.file, err.line, err.what, err.hint);
    CU_ASSERT_TRUE(good);
    if (status == EM_OK)
        line_job_free(&job);
}

#define CHECK_ALL(table)                                                                 \
    do {                                                                                 \
        begin_folder();                                                                  \
        for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++)                  \
            check(&(table)[i]);                                                          \
        end_folder();                                                                    \
    } while (0)

static void faults_of_yaml(void)
{
    CHECK_ALL(yaml_faults);
}

static void faults_of_values(void)
{
    CHECK_ALL(value_faults);
}

static void faults_of_images(void)
{
    CHECK_ALL(image_faults);
}

static void faults_of_units(void)
{
    CHECK_ALL(unit_faults);
}

static void faults_of_steps(void)
{
    CHECK_ALL(step_faults);
}

/* Files that are not there, too long, or no files. */
static void faults_of_files(void)
{
    struct line_job job;
    struct em_error err;
    char path[PATH_LEN];
    begin_folder();
    EM_CHECK_STATUS(line_job_open(&job, in_folder("none.yaml", path), NULL, &err),
                    EM_ERR_IO, &err);
    EM_CHECK_STATUS(line_job_open(&job, folder, NULL, &err), EM_ERR_IO, &err);
    enum { LONG = 1024 * 1024 + 1 };
    char *text = need(malloc(LONG));
    memset(text, '#', LONG);
    put_bytes("long.yaml", text, LONG, 0644);
    EM_CHECK_STATUS(line_job_open(&job, in_folder("long.yaml", path), NULL, &err),
                    EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "1048576");
    /* As deep as it gets within the limit: an answer, and soon. */
    memset(text, '[', LONG - 1);
    put_bytes("deep.yaml", text, LONG - 1, 0644);
    EM_CHECK_STATUS(line_job_open(&job, in_folder("deep.yaml", path), NULL, &err),
                    EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "not a list");
    free(text);
    end_folder();
}

static const struct em_test tests[] = {
    {"YAML", faults_of_yaml},     {"values", faults_of_values},
    {"images", faults_of_images}, {"units", faults_of_units},
    {"steps", faults_of_steps},   {"files", faults_of_files},
};

EM_TEST_MAIN("line/job, faults", tests)
