/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts: what they cannot reach, and where they are stopped. */
#include "config.h"

#include "tests/test_flasher_efuse_script_util.h"

/* Each ends with a fault of the script on its line, whose text has @c says; nothing can
 * be burned then. */
struct fault_row {
    const char *text;
    unsigned long line;
    const char *says;
};

static void check_faults(const struct fault_row *rows, size_t count,
                         const struct em_efuses_script *limits, enum em_status wanted)
{
    for (size_t i = 0; i < count; i++) {
        struct caller caller;
        struct em_error err;
        enum em_efuses_result result;
        begin(&caller, "esp32c3");
        caller.script.max_memory = limits->max_memory;
        caller.script.max_steps = limits->max_steps;
        caller.script.max_cpu_ms = limits->max_cpu_ms;
        enum em_status status = run(&caller, rows[i].text, &err);
        bool good = status == wanted && err.line == rows[i].line &&
                    strcmp(err.file, "t.lua") == 0 &&
                    strstr(err.what, rows[i].says) != NULL &&
                    strchr(err.what, '\n') == NULL;
        if (!good)
            (void)fprintf(stderr, "%s\n  -> %s, line %lu: %s\n", rows[i].text,
                          em_status_name(status), err.line, err.what);
        CU_ASSERT_TRUE(good);
        CU_ASSERT_NOT_EQUAL(em_efuses_burn(caller.efuses, NULL, NULL, &result, &err),
                            EM_OK);
        em_efuses_close(caller.efuses);
    }
}

#define ROWS(rows) rows, sizeof rows / sizeof rows[0]

/* Nothing that reaches outside, loads code, or runs outside of the limits. */
static void test_names(void)
{
    static const char *const gone[] = {
        "os",
        "io",
        "package",
        "debug",
        "coroutine",
        "require",
        "load",
        "loadstring",
        "loadfile",
        "dofile",
        "collectgarbage",
        "getmetatable",
        "setmetatable",
        "rawget",
        "rawset",
        "rawequal",
        "rawlen",
        "xpcall",
        "warn",
        "_G",
        "string.dump",
        "table.move",
        "math.random",
        "math.randomseed",
        "_ENV.io",
        "_ENV._G",
        "_ENV.em_base",
        "efuses.WR_DIS.__index",
        "chip.__index",
        "(' ').dump",
        "(' ').execute",
        "string.__index",
        "math.__name",
        "args.__index",
        "efuses.WR_DIS.__gc",
    };
    static const char *const there[] = {
        "assert",     "error",        "ipairs",      "next",        "pairs",
        "pcall",      "select",       "tonumber",    "type",        "tostring",
        "string.rep", "table.concat", "math.floor",  "utf8.char",   "efuse",
        "script",     "fail",         "print",       "args",        "unit",
        "chip.name",  "chip.mac",     "string.find", "string.pack", "efuses.WR_DIS",
    };
    for (size_t i = 0; i < sizeof gone / sizeof gone[0] + sizeof there / sizeof there[0];
         i++) {
        bool is_there = i >= sizeof gone / sizeof gone[0];
        const char *name = is_there ? there[i - sizeof gone / sizeof gone[0]] : gone[i];
        struct caller caller;
        struct em_error err;
        char text[200];
        begin(&caller, "esp32c3");
        (void)snprintf(text, sizeof text, "if (%s == nil) ~= %s then fail([[%s]]) end",
                       name, is_there ? "false" : "true", name);
        EM_CHECK_STATUS(run(&caller, text, &err), EM_OK, &err);
        em_efuses_close(caller.efuses);
    }
}

static void test_faults(void)
{
    static const struct fault_row rows[] = {
        /* Text that is no Lua. */
        {"x = = 1", 1, "unexpected symbol near '='"},
        {"\n\nif true then", 3, "'end' expected"},
        {"\x1bLua", 0, "attempt to load a binary chunk"},
        {"x = 'abc\ny'", 1, "unfinished string"},
        {"goto nowhere", 1, "no visible label"},
        {"for i = 1, 3 do\n break break\n end end", 3, "<eof>"},
        {"local x <close> = 1", 1, "non-closable value"},
        {"local x <const> = 1; x = 2", 1, "assign to const"},
        /* What it throws. */
        {"\nfail('no good')", 2, "no good"},
        {"fail()", 1, "the script fails"},
        {"error('thrown')", 1, "thrown"},
        {"error({1})", 1, "without a text"},
        {"error()", 1, "without a text"},
        {"error(nil, 3)", 1, "without a text"},
        {"error('two\\nlines\\27[2J')", 1, "two lines"},
        {"local function f()\n error('blamed', 2)\nend\nf()", 4, "blamed"},
        {"assert(false, 'not so')", 1, "not so"},
        {"assert(1 == 2)", 1, "assertion failed!"},
        {"local t = {}\n\nt.x.y = 1", 3, "index a nil value"},
        {"nothing()", 1, "call a nil value"},
        {"print(1 + {})", 1, "arithmetic on a table"},
        {"print(1 < 'x')", 1, "compare number with string"},
        {"print(1 // 0)", 1, "divide by zero"},
        {"('x'):bad()", 1, "nil value (method 'bad')"},
        {"string.format('%d', 1.5)", 1, "no integer representation"},
        {"string.rep()", 1, "bad argument #1 to 'rep'"},
        {"string.find('x', '[')", 1, "malformed pattern"},
        /* What catches it goes on, if it is only an error. */
        {"pcall(error, 'x')\nfail('second')", 2, "second"},
        {"pcall(fail, 'first')\nfail('second')", 1, "first"},
        {"pcall(pcall, fail, 'first')\nfail('second')", 1, "first"},
        /* Fields and commands. */
        {"efuses.WR_DIS = 1", 1, "nothing is burned by assigning"},
        {"efuses.WR_DIS.x = 1", 1, "nothing is burned by assigning"},
        {"efuses.WR_DIS.get(1)", 1, "eFuse field expected"},
        {"efuse()", 1, "string expected"},
        {"efuse({})", 1, "string expected"},
        {"efuses.WR_DIS.get(efuses)", 1, "eFuse field expected"},
        {"efuse('bit', '1\\0')", 1, "NUL"},
        {"script('t.lua\\0')", 1, "NUL"},
        {"script(('x'):rep(5000))", 1, "too long"},
        {"for i = 1, 3000 do efuse('bit 1') end", 1, "more than 2000 commands"},
        {"while true do print(('x'):rep(1000)) end", 1, "prints more than 1048576 bytes"},
    };
    struct em_efuses_script limits = EM_EFUSES_SCRIPT_INIT;
    check_faults(ROWS(rows), &limits, EM_ERR_INPUT);
}

/* Wrong use keeps its status. */
static void test_wrong_use(void)
{
    static const struct fault_row rows[] = {
        {"print(efuses.NO_SUCH)", 1, "NO_SUCH"},
        {"efuses:coding_scheme_errors('BLOCK99')", 1, "BLOCK99"},
        {"efuse('bit \"1')", 1, "a quote in the command is not closed"},
    };
    struct em_efuses_script limits = EM_EFUSES_SCRIPT_INIT;
    check_faults(ROWS(rows), &limits, EM_ERR_USAGE);
}

static void test_steps(void)
{
    static const struct fault_row rows[] = {
        {"while true do end", 1, "too many instructions"},
        {"\nrepeat until false", 2, "too many instructions"},
        {"::a:: goto a", 1, "too many instructions"},
        {"for i = 1, math.huge do end", 1, "too many instructions"},
        {"for i = math.mininteger, math.maxinteger do end", 1, "too many instructions"},
        {"while true do pcall(error) end", 1, "too many instructions"},
        {"while true do pcall(function()\n while true do end end) end", 2,
         "too many instructions"},
        {"local function f() return f() end f()", 1, "too many instructions"},
        {"table.sort({1, 2, 3}, function() while true do end end)", 1,
         "too many instructions"},
        {"('x'):gsub('x', function() while true do end end)", 1, "too many instructions"},
        {"local t = {} for i = 1, 1e9 do t[i % 7] = i end", 1, "too many instructions"},
        {"while true do efuses.WR_DIS:get() end", 1, "too many instructions"},
        {"local s = '' while true do s = ('x'):gsub('x', 'y') end", 1,
         "too many instructions"},
        {"for a, b in next, {1} do while true do end end", 1, "too many instructions"},
        {"local function f() pcall(f) while true do pcall(f) end end f()", 1, ""},
    };
    struct em_efuses_script limits = EM_EFUSES_SCRIPT_INIT;
    limits.max_steps = 100000;
    check_faults(ROWS(rows), &limits, EM_ERR_INPUT);
}

static void test_memory(void)
{
    static const struct fault_row rows[] = {
        {"local t = {} while true do t[#t + 1] = {} end", 1, "the script holds"},
        {"local s = 'x' while true do s = s .. s end", 1, "the script holds"},
        {"local s = string.rep('x', 1 << 40)", 1, "more than the limit"},
        {"local s = string.rep('x', math.maxinteger)", 1, "more than the limit"},
        {"local s = string.rep('', 1 << 60, 'ab')", 1, "more than the limit"},
        {"local s = string.rep('x', 1 << 31, ('y'):rep(1 << 19))", 1,
         "more than the limit"},
        {"pcall(string.rep, 'x', 1 << 40) fail('went on')", 1, "more than the limit"},
        {"local s = string.pack('c' .. (1 << 30), '')", 1, "memory"},
        {"local t = {} for i = 1, 200 do t[i] = ('x'):rep(1000 + i * 100) end "
         "local s = table.concat(t, ('y'):rep(100000))",
         1, ""},
        {"local t = {} for i = 1, 20 do t[i] = ('x'):rep(100000 + i) end", 1,
         "the script holds"},
        {"local s = ('a'):rep(1000):gsub('a', ('b'):rep(100000))", 1, "memory"},
        {"local function f() return 1 + f() end f()", 1, ""},
        {"local s = ('f()'):rep(10) local function f(...) return f(1, ...) end f()", 1,
         ""},
        {"while true do pcall(function() local s = ('x'):rep(900000) "
         "local t = {s .. 1, s .. 2, s .. 3} end) end",
         1, ""},
        {"local t = {} for i = 1, 100000 do t[i] = function() return i end end", 1,
         "the script holds"},
        {"local t = {table.unpack({}, 1, 1000000)}", 1, ""},
        {"local s = ('x'):rep(1 << 19); local u = s:upper() .. s:reverse() .. s", 1, ""},
    };
    struct em_efuses_script limits = EM_EFUSES_SCRIPT_INIT;
    limits.max_memory = 1 << 20;
    check_faults(ROWS(rows), &limits, EM_ERR_INPUT);
}

/* What takes long within one call of the library. */
static void test_time(void)
{
    static const struct fault_row rows[] = {
        {"local s = ('a'):rep(100000) s:find(('.*'):rep(8) .. 'b')", 1,
         "may take too long"},
        {"local s = ('a'):rep(3000) s:match(('a*'):rep(10) .. 'b')", 1,
         "may take too long"},
        {"('a'):rep(40):find(('a?'):rep(40) .. ('a'):rep(40))", 1, "may take too long"},
        {"('a'):rep(10000):gsub('.-.-.-.-b', '')", 1, "may take too long"},
        {"for x in ('('):rep(100000):gmatch('%b()') do end", 1, "may take too long"},
        {"('a'):rep(4000000):find(('a'):rep(2000000) .. 'b', 1, true)", 1,
         "may take too long"},
        {"pcall(string.find, ('a'):rep(9999), ('.-'):rep(9) .. 'b') fail('on')", 1,
         "may take too long"},
        {"local s = ('a'):rep(4000000) local t = {} for i = 1, 90000 do t[i] = s .. '' "
         "end table.sort({}) while true do table.sort(t) end",
         1, "processor time"},
        {"local a, b = ('a'):rep(3000000) .. 1, ('a'):rep(3000000) .. 2 local t = {} "
         "for i = 1, 90000 do t[i] = i % 2 == 0 and a or b end table.sort(t)",
         1, "processor time"},
        {"local s = ('a'):rep(1000000) while true do s:find('b', 1, true) end", 1,
         "processor time"},
        {"local t = {} for i = 1, 900000 do t[i] = i end "
         "while true do table.insert(t, 1, 0) table.remove(t, 1) end",
         1, "processor time"},
        {"local t = {} for i = 1, 1000100 do t[i] = true end table.insert(t, 1, true)", 1,
         ""},
    };
    struct em_efuses_script limits = EM_EFUSES_SCRIPT_INIT;
    limits.max_memory = 64 << 20;
    limits.max_cpu_ms = 300;
    check_faults(ROWS(rows), &limits, EM_ERR_INPUT);
}

static const struct em_test tests[] = {
    {"names", test_names}, {"faults", test_faults}, {"wrong use", test_wrong_use},
    {"steps", test_steps}, {"memory", test_memory}, {"time", test_time},
};

EM_TEST_MAIN("flasher/efuse/script_limits", tests)
