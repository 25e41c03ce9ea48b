/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts: what they can do, what is burned, and the files they use. */
#include "config.h"

#include "tests/test_flasher_efuse_script_util.h"

#include <sys/stat.h>
#include <unistd.h>

static size_t staged(struct em_efuses *e)
{
    const struct em_efuses_change *changes;
    size_t count = 0;
    struct em_error err;
    return em_efuses_plan(e, &changes, &count, &err) == EM_OK ? count : 1000;
}

/* What works, told by what it prints. */
static void test_works(void)
{
    static const struct {
        const char *text, *printed;
    } rows[] = {
        {"print(chip.id, chip.name, chip.revision)", "esp32c3\tESP32-C3\t0\n"},
        {"print(args.index, #args.configfiles, unit.SERIAL, unit.NONE)",
         "7\t0\tA\"1\tnil\n"},
        {"print(efuses.WR_DIS:get(), efuses.DIS_FORCE_DOWNLOAD:get())", "0\tfalse\n"},
        {"print(efuses.KEY_PURPOSE_0:get(), efuses.KEY_PURPOSE_0:meaning())",
         "0\tUSER\n"},
        {"print(efuses.WR_DIS:is_readable(), efuses.WR_DIS:is_writeable())",
         "true\ttrue\n"},
        {"print(efuses:has('WR_DIS'), efuses:has('FLASH_CRYPT_CNT'))", "true\tfalse\n"},
        {"print(efuses:coding_scheme_errors())", "0\t\n"},
        {"print(efuses:coding_scheme_errors('BLOCK_KEY0'))", "0\n"},
        {"print(efuses.WR_DIS)", "WR_DIS\n"},
        {"print('a\\27[2Jb', '\\255')", "a?[2Jb\t?\n"},
        {"print(('%02X:%d'):format(10, 3), ('a,b'):find(',', 1, true))", "0A:3\t2\t2\n"},
        {"print(('*'):rep(3, '-'), #('x'):rep(0))", "*-*-*\t0\n"},
        {"print(#('*'):rep(400000):gsub('%*', 'x', 1))", "400000\n"},
        {"print(('*'):rep(300000):find('*+', 1, true))", "nil\n"},
        {"local t = {3, 1, 2} table.sort(t) print(table.concat(t, ' '))", "1 2 3\n"},
        {"local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) "
         "print(table.concat(t, ' '))",
         "3 2 1\n"},
        {"print(pcall(error, 'x'))", "false\tx\n"},
        {"print(pcall(function() return efuses.NONE end) == false)", "true\n"},
        {"print(utf8.char(228), math.type(3), 7 // 2, 1 << 40)",
         "\xC3\xA4\tinteger\t3\t1099511627776\n"},
        {"#!/usr/bin/env mfg_flash\nprint('x')", "x\n"},
        {"", ""},
    };
    static const struct em_efuses_script_value values[] = {{"SERIAL", "A\"1"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct caller caller;
        struct em_error err;
        begin(&caller, "esp32c3");
        caller.script.has_index = true;
        caller.script.index = 7;
        caller.script.values = values;
        caller.script.value_count = 1;
        EM_CHECK_STATUS(run(&caller, rows[i].text, &err), EM_OK, &err);
        CU_ASSERT_STRING_EQUAL(caller.printed, rows[i].printed);
        em_efuses_close(caller.efuses);
    }
}

/* Staged, burned at once, read anew; burned twice is no fault. */
static void test_burns(void)
{
    struct caller caller;
    struct em_error err;
    begin(&caller, "esp32c3");
    EM_CHECK_STATUS(run(&caller, "efuse('bit 3') efuse('bit', 4)", &err), EM_OK, &err);
    CU_ASSERT_EQUAL(staged(caller.efuses), 1);
    CU_ASSERT_EQUAL(caller.burns, 0);
    EM_CHECK_STATUS(run(&caller,
                        "local f = efuses.BLOCK_USR_DATA\n"
                        "assert(f:get():sub(1, 2) == '00')\n"
                        "efuses:burn_all()\n"
                        "assert(f:get():sub(1, 2) == '18', f:get())\n"
                        "efuse('bit 3') efuses:burn_all()\n",
                        &err),
                    EM_OK, &err);
    CU_ASSERT_EQUAL(caller.burns, 2);
    CU_ASSERT_EQUAL(staged(caller.efuses), 0);
    em_efuses_close(caller.efuses);
}

/* After a fault nothing of what is pending can be burned; what was, stays. */
static void test_fault_after_burn(void)
{
    static const char *const ends[] = {"fail('x')", "efuse('nonsense')",
                                       "pcall(efuse, 'nonsense')", "error('x')"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct caller caller;
        struct em_error err;
        struct em_efuses_block block;
        enum em_efuses_result result;
        char text[200];
        begin(&caller, "esp32c3");
        (void)snprintf(text, sizeof text,
                       "efuse('bit 1') efuses:burn_all()\nefuse('bit 2') %s\n"
                       "efuse('bit 5')",
                       ends[i]);
        CU_ASSERT_NOT_EQUAL(run(&caller, text, &err), EM_OK);
        CU_ASSERT_EQUAL(err.line, 2);
        CU_ASSERT_STRING_EQUAL(err.file, "t.lua");
        CU_ASSERT_TRUE(caller.commands <= 3);
        CU_ASSERT_NOT_EQUAL(em_efuses_burn(caller.efuses, NULL, NULL, &result, &err),
                            EM_OK);
        EM_CHECK_STATUS(em_efuses_block_find(caller.efuses, "BLOCK3", &block, &err),
                        EM_OK, &err);
        CU_ASSERT_EQUAL(block.data[0], 2);
        em_efuses_close(caller.efuses);
    }
}

static void test_dry_run(void)
{
    struct caller caller;
    struct em_error err;
    begin(&caller, "esp32c3");
    caller.dry = true;
    EM_CHECK_STATUS(run(&caller,
                        "efuse('bit 3') pcall(function() efuses:burn_all() end)\n"
                        "efuse('bit 9') fail('not reached')",
                        &err),
                    EM_OK, &err);
    CU_ASSERT_EQUAL(caller.commands, 1);
    CU_ASSERT_EQUAL(staged(caller.efuses), 1);
    em_efuses_close(caller.efuses);
}

/* ---- Files ---- */

/* A folder of its own, which leave() takes away with @p names. */
static void enter(char *folder)
{
    (void)strcpy(folder, "/tmp/em_script_XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    CU_ASSERT_EQUAL_FATAL(chdir(folder), 0);
}

static void leave(const char *folder, const char *const *names)
{
    for (; *names != NULL; names++)
        CU_ASSERT_EQUAL(remove(*names), 0);
    CU_ASSERT_EQUAL(chdir("/"), 0);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static void put(const char *name, const char *text)
{
    FILE *to = fopen(name, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(to);
    CU_ASSERT_TRUE(fputs(text, to) >= 0);
    CU_ASSERT_EQUAL(fclose(to), 0);
}

static void test_config_files(void)
{
    static const struct {
        const char *name, *content, *text;
        enum em_status status;
        const char *file;
        unsigned long line, column;
    } rows[] = {
        {"c.json", "[{\"mac\": \"x\"}]", "assert(args.configfiles[1][1].mac == 'x')", 0,
         "", 0, 0},
        {"c.JSON", "{\"a\": 1, \"b\": 1.5, \"c\": null, \"d\": [true, null]}",
         "local c = args.configfiles[1] assert(c.a == 1 and c.b == 1.5 and c.c == nil "
         "and "
         "c.d[1] == true and c.d[2] == false)",
         0, "", 0, 0},
        {"c.txt", "{\"a\": 1}\n", "assert(args.configfiles[1] == '{\"a\": 1}\\n')", 0, "",
         0, 0},
        {"c.json", "17", "assert(args.configfiles[1] == 17)", 0, "", 0, 0},
        {"c.json", "[1]", "\nlocal m = args.configfiles[1][2].mac", EM_ERR_INPUT, "t.lua",
         2, 0},
        {"c.json", "[1]", "local m = args.configfiles[2][1]", EM_ERR_INPUT, "t.lua", 1,
         0},
        {"c.json", "[1,\n  }", "", EM_ERR_INPUT, "c.json", 2, 3},
        {"c.json", "", "", EM_ERR_INPUT, "c.json", 1, 1},
        {"c.json", "{\"a\": 1,\n \"a\": 2}", "", EM_ERR_INPUT, "c.json", 2, 4},
        {"c.json", "[\"\xFF\"]", "", EM_ERR_INPUT, "c.json", 1, 2},
        {"c.json", "[1] x", "", EM_ERR_INPUT, "c.json", 1, 5},
        {NULL, NULL, "", EM_ERR_IO, "", 0, 0},
    };
    static const char *const none[] = {NULL};
    char folder[32];
    enter(folder);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct caller caller;
        struct em_error err;
        const char *name = rows[i].name == NULL ? "missing.json" : rows[i].name;
        begin(&caller, "esp32c3");
        if (rows[i].name != NULL)
            put(name, rows[i].content);
        caller.script.config_files = &name;
        caller.script.config_count = 1;
        EM_CHECK_STATUS(run(&caller, rows[i].text, &err), rows[i].status, &err);
        CU_ASSERT_EQUAL(err.line, rows[i].line);
        CU_ASSERT_EQUAL(err.column, rows[i].column);
        if (rows[i].file[0] != '\0')
            CU_ASSERT_STRING_EQUAL(err.file, rows[i].file);
        (void)remove(name);
        em_efuses_close(caller.efuses);
    }
    leave(folder, none);
}

/* Nested scripts are found from the folder of the caller, and have globals of their own.
 */
static void test_nested(void)
{
    struct caller caller;
    struct em_error err;
    static const char *const names[] = {"main.lua",    "sub/one.lua", "sub/two.lua",
                                        "sub/bad.lua", "sub",         "loop.lua",
                                        "bad.lua",     "lost.lua",    NULL};
    char folder[32];
    enter(folder);
    begin(&caller, "esp32c3");
    CU_ASSERT_EQUAL(mkdir("sub", 0700), 0);
    put("main.lua", "x = 1 local a, b = script('sub/one.lua')\n"
                    "assert(a == 5 and b == 'two' and x == 1)");
    put("sub/one.lua", "assert(x == nil) x = 3 efuse('bit 1')\n"
                       "return 5, script('two.lua')");
    put("sub/two.lua", "return 'two'");
    put("loop.lua", "script('loop.lua')");
    put("sub/bad.lua", "\n\nefuse('bit')");
    put("bad.lua", "script('sub/bad.lua')");
    put("lost.lua", "\nscript('sub/none.lua')");
    EM_CHECK_STATUS(em_efuses_script_run(caller.efuses, "main.lua", &caller.script, &err),
                    EM_OK, &err);
    CU_ASSERT_EQUAL(staged(caller.efuses), 1);
    err = (struct em_error){0};
    EM_CHECK_STATUS(em_efuses_script_run(caller.efuses, "loop.lua", &caller.script, &err),
                    EM_ERR_INPUT, &err);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "nested more than 8 deep"));
    err = (struct em_error){0};
    EM_CHECK_STATUS(em_efuses_script_run(caller.efuses, "bad.lua", &caller.script, &err),
                    EM_ERR_USAGE, &err);
    CU_ASSERT_STRING_EQUAL(err.file, "sub/bad.lua");
    CU_ASSERT_EQUAL(err.line, 3);
    err = (struct em_error){0};
    EM_CHECK_STATUS(em_efuses_script_run(caller.efuses, "lost.lua", &caller.script, &err),
                    EM_ERR_IO, &err);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "sub/none.lua"));
    CU_ASSERT_EQUAL(err.line, 2);
    err = (struct em_error){0};
    EM_CHECK_STATUS(em_efuses_script_run(caller.efuses, "none.lua", &caller.script, &err),
                    EM_ERR_IO, &err);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "none.lua"));
    em_efuses_close(caller.efuses);
    leave(folder, names);
}

static const struct em_test tests[] = {
    {"works", test_works},
    {"burns", test_burns},
    {"fault after a burn", test_fault_after_burn},
    {"dry run", test_dry_run},
    {"config files", test_config_files},
    {"nested", test_nested},
};

EM_TEST_MAIN("flasher/efuse/script", tests)
