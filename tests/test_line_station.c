/* SPDX-License-Identifier: Apache-2.0 */
/* Station files: slots and hooks, and what is wrong with them. */
#include "tests/test_line_job_util.h"

static void no_file(void)
{
    struct line_station station;
    struct em_error err = {0};
    char host[256] = "";
    EM_CHECK_STATUS(line_station_open(&station, NULL, &err), EM_OK, &err);
    require(gethostname(host, sizeof host - 1) == 0);
    CU_ASSERT_STRING_EQUAL(station.name, host);
    CU_ASSERT_EQUAL(station.slot_count, 0);
    CU_ASSERT_EQUAL(station.baud, 460800);
    CU_ASSERT_PTR_NULL(station.file);
    line_station_free(&station);
}

static void all_keys(void)
{
    struct line_station station;
    struct em_error err = {0};
    char path[PATH_LEN];
    begin_folder();
    put_text("station.yaml",
             "name: bench 1\nbaud: 921600\nreset: D0|R1|W0.1|D1|R0|W0.05|D0\n"
             "before: usb-reset\n"
             "slots:\n"
             "  - {name: A1, port: /dev/ttyUSB0}\n"
             "  - {name: A2, topology: 1-1.2, baud: 115200}\n"
             "hooks:\n"
             "  - {on: passed, run: [./label, --now], within: 500ms, on_failure: fail}\n"
             "  - {on: '*', run: [logger]}\n");
    EM_CHECK_STATUS(line_station_open(&station, in_folder("station.yaml", path), &err),
                    EM_OK, &err);
    CU_ASSERT_STRING_EQUAL(station.name, "bench 1");
    CU_ASSERT_STRING_EQUAL(station.before, "usb-reset");
    CU_ASSERT_STRING_EQUAL(station.reset_sequence, "D0|R1|W0.1|D1|R0|W0.05|D0");
    CU_ASSERT_EQUAL_FATAL(station.slot_count, 2);
    CU_ASSERT_EQUAL(station.slots[0].baud, 921600);
    CU_ASSERT_STRING_EQUAL(station.slots[0].port, "/dev/ttyUSB0");
    CU_ASSERT_PTR_NULL(station.slots[1].port);
    CU_ASSERT_EQUAL(station.slots[1].baud, 115200);
    CU_ASSERT_EQUAL_FATAL(station.hook_count, 2);
    CU_ASSERT_STRING_EQUAL(station.hooks[0].argv[0], in_folder("./label", path));
    CU_ASSERT_STRING_EQUAL(station.hooks[0].argv[1], "--now");
    CU_ASSERT_PTR_NULL(station.hooks[0].argv[2]);
    CU_ASSERT_EQUAL(station.hooks[0].timeout_ms, 500);
    CU_ASSERT_EQUAL(station.hooks[0].policy, LINE_HOOK_FAIL);
    CU_ASSERT_STRING_EQUAL(station.hooks[1].argv[0], "logger");
    CU_ASSERT_EQUAL(station.hooks[1].timeout_ms, 10000);
    CU_ASSERT_EQUAL(station.hooks[1].policy, LINE_HOOK_IGNORE);
    line_station_free(&station);
    end_folder();
}

/* clang-format off */
static const struct {
    const char *text;
    unsigned long line;
    const char *what, *hint;
} faults[] = {
    {"nmae: x\n", 1, "unknown key 'nmae'", "'name'"},
    {"name: a/b\n", 1, "not good for a name", ""},
    {"baud: fast\n", 1, "baud: 'fast'", ""},
    {"baud: 1\nbefore: reset\n", 2, "before: 'reset'", "no-reset"},
    {"reset: D0|X\n", 1, "X", ""},
    {"slots:\n  - {name: A}\n", 2, "slot 'A' needs a port or a topology", "mfg_flash ports"},
    {"slots:\n  - {name: A, port: x, topology: y}\n", 2, "not both", ""},
    {"slots:\n  - {name: A, port: x}\n  - {name: A, port: y}\n", 3, "both have 'A'", ""},
    {"slots:\n  - {name: A, port: x}\n  - name: B\n    port: x\n", 4, "slots 'A' and 'B' both have 'x'", ""},
    {"slots:\n  - {name: A, topology: x}\n  - {name: B, topology: x}\n", 3, "topology", ""},
    {"slots:\n  - {name: A, port: x, baud: 0}\n", 2, "baud", ""},
    {"hooks:\n  - {on: done, run: [a]}\n", 2, "'done'", "nearest name"},
    {"hooks:\n  - {on: passed}\n", 2, "'run' is missing", ""},
    {"hooks:\n  - {on: passed, run: []}\n", 2, "at least 1 entry", ""},
    {"hooks:\n  - {on: passed, run: label}\n", 2, "has to be a list, not a text", ""},
    {"hooks:\n  - {on: passed, run: [a], within: soon}\n", 2, "not a time", ""},
    {"hooks:\n  - {on: passed, run: [a], on_failure: retry}\n", 2, "'retry'", ""},
};
/* clang-format on */

static void all_faults(void)
{
    struct line_station station;
    char path[PATH_LEN];
    begin_folder();
    in_folder("station.yaml", path);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct em_error err = {0};
        put_text("station.yaml", faults[i].text);
        EM_CHECK_STATUS(line_station_open(&station, path, &err), EM_ERR_INPUT, &err);
        EM_CHECK_HAS(err.what, faults[i].what);
        EM_CHECK_HAS(err.hint, faults[i].hint);
        CU_ASSERT_STRING_EQUAL(err.file, path);
        if (err.line != faults[i].line)
            (void)printf("\n  %s: line %lu\n", faults[i].text, err.line);
        CU_ASSERT_EQUAL(err.line, faults[i].line);
    }
    end_folder();
}

static const struct em_test tests[] = {
    {"no file", no_file},
    {"all keys", all_keys},
    {"faults", all_faults},
};

EM_TEST_MAIN("line/station", tests)
