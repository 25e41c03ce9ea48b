/* SPDX-License-Identifier: Apache-2.0 */
/* What scripts are for: commands, fields, the chip, the unit's data. */
#include "config.h"

#include "flasher/efuse/script_int.h"

#include "base/error_int.h"
#include "base/hooks_int.h"
#include "base/text_int.h"

#include <lauxlib.h>
#include <stdio.h>

enum {
    NESTED_MAX = 8,
    COMMANDS_MAX = 2000,
    WORDS_MAX = 512,
    PATH_LEN_MAX = 4096,
    PRINT_MAX = 1 << 20, /* bytes */
};

/* Names in Lua's messages. */
static const char field_kind[] = "eFuse field";
static const char efuses_kind[] = "efuses";

/* What does something does it only while the script runs. */
static struct em_script *live_script(lua_State *lua)
{
    struct em_script *s = em_script_of(lua);
    if (s->ended)
        (void)em_script_end(lua);
    return s;
}

/* ---- Fields ---- */

static void need_readable(lua_State *lua)
{
    if (em_script_of(lua)->efuses->cut_off)
        (void)em_script_stop(lua, NULL,
                             "the chip does not let its eFuses be read any more");
}

/* The field as it is now. */
static void get_field(lua_State *lua, struct em_efuses_field *out)
{
    struct em_error err;
    const char *name = luaL_checkudata(lua, 1, field_kind);
    need_readable(lua);
    if (em_efuses_field_find(em_script_of(lua)->efuses, name, out, &err) != EM_OK)
        (void)em_script_raise(lua, &err);
}

static int field_get(lua_State *lua)
{
    struct em_efuses_field field;
    get_field(lua, &field);
    if (field.kind == EM_EFUSES_BOOL)
        lua_pushboolean(lua, field.number != 0);
    else if (field.kind == EM_EFUSES_NUMBER)
        lua_pushinteger(lua, (lua_Integer)field.number);
    else
        lua_pushstring(lua, field.value);
    return 1;
}

static int field_meaning(lua_State *lua)
{
    struct em_efuses_field field;
    get_field(lua, &field);
    lua_pushstring(lua, field.value);
    return 1;
}

static int field_is_readable(lua_State *lua)
{
    struct em_efuses_field field;
    get_field(lua, &field);
    lua_pushboolean(lua, field.readable);
    return 1;
}

static int field_is_writeable(lua_State *lua)
{
    struct em_efuses_field field;
    get_field(lua, &field);
    lua_pushboolean(lua, field.writeable);
    return 1;
}

static int no_assigning(lua_State *lua)
{
    return luaL_error(lua, "nothing is burned by assigning: use efuse(\"burn-efuse …\")");
}

static int burn_all(lua_State *lua)
{
    struct em_script *s = live_script(lua);
    int64_t before = em_script_cpu_ns();
    enum em_efuses_result result;
    bool ends = false;
    s->burned = true; /* also when it fails in the middle */
    enum em_status status = s->options->burn != NULL
                                ? s->options->burn(s->options->user, &ends, &s->err)
                                : em_efuses_burn(s->efuses, NULL, NULL, &result, &s->err);
    s->end_ns += em_script_cpu_ns() - before;
    if (status == EM_OK && ends) {
        s->err = (struct em_error){0};
        return em_script_end(lua);
    }
    if (status == EM_OK)
        return 0;
    lua_Debug ar;
    if (em_script_where(lua, &ar))
        em_error_at(&s->err, ar.source + 1, (unsigned long)ar.currentline);
    return em_script_end(lua);
}

/* efuses:has("NAME"): scripts for several chips ask before they use a field. */
static int has_field(lua_State *lua)
{
    struct em_efuses_field field;
    const char *name = luaL_checkstring(lua, 2);
    lua_pushboolean(lua, em_efuses_field_find(em_script_of(lua)->efuses, name, &field,
                                              NULL) == EM_OK);
    return 1;
}

/* efuses:coding_scheme_errors([block]): their number, and a sentence if there are any. */
static int coding_errors(lua_State *lua)
{
    struct em_efuses *efuses = em_script_of(lua)->efuses;
    struct em_efuses_block block;
    struct em_error err = {0};
    lua_Integer sum = 0;
    const char *name = luaL_optstring(lua, 2, NULL);
    need_readable(lua);
    if (name != NULL) {
        if (em_efuses_block_find(efuses, name, &block, &err) != EM_OK)
            return em_script_raise(lua, &err);
        lua_pushinteger(lua, (lua_Integer)block.errors + block.failed);
        return 1;
    }
    for (size_t i = 0; i < em_efuses_block_count(efuses); i++) {
        em_efuses_block(efuses, i, &block);
        sum += (lua_Integer)block.errors + block.failed;
    }
    bool good = em_efuses_check_errors(efuses, &err) == EM_OK;
    lua_pushinteger(lua, good ? 0 : sum == 0 ? 1 : sum);
    lua_pushstring(lua, good ? "" : err.what);
    return 2;
}

/* The name, for print(). */
static int field_name(lua_State *lua)
{
    lua_pushstring(lua, luaL_checkudata(lua, 1, field_kind));
    return 1;
}

/* efuses.NAME */
static int find_field(lua_State *lua)
{
    struct em_efuses_field field;
    struct em_error err;
    const char *name = luaL_checkstring(lua, 2);
    lua_CFunction method = strcmp(name, "burn_all") == 0               ? burn_all
                           : strcmp(name, "has") == 0                  ? has_field
                           : strcmp(name, "coding_scheme_errors") == 0 ? coding_errors
                                                                       : NULL;
    if (method != NULL) {
        lua_pushcfunction(lua, method);
        return 1;
    }
    if (em_efuses_field_find(em_script_of(lua)->efuses, name, &field, &err) != EM_OK)
        return em_script_raise(lua, &err);
    size_t size = strlen(field.name) + 1;
    char *copy = lua_newuserdatauv(lua, size, 0);
    memcpy(copy, field.name, size);
    luaL_setmetatable(lua, field_kind);
    return 1;
}

/* ---- Commands ---- */

/* Leave a block of memory with the words, each with a NUL: of one text as a shell splits
 * it, or of several arguments, each of them a word. */
static int push_words(lua_State *lua)
{
    struct em_buf *words = lua_touserdata(lua, 1);
    size_t *count = lua_touserdata(lua, 2);
    int n = lua_gettop(lua);
    for (int i = 3; i <= n && n > 3; i++) {
        size_t len;
        const char *word = luaL_tolstring(lua, i, &len);
        if (memchr(word, '\0', len) != NULL)
            return luaL_error(lua, "a word with a NUL character");
        em_buf_append(words, word, len + 1);
        (*count)++;
    }
    if (n > 3)
        return 0;
    struct em_error err;
    size_t len;
    const char *text = luaL_checklstring(lua, 3, &len);
    if (em_script_split(words, count, text, len, &err) != EM_OK)
        return em_script_raise(lua, &err);
    return 0;
}

static enum em_status run_words(struct em_script *s, const struct em_buf *words,
                                size_t count)
{
    char *argv[WORDS_MAX + 1];
    char *p = (char *)words->data;
    if (count == 0 || count > WORDS_MAX)
        return em_error_set(&s->err, EM_ERR_USAGE, NULL,
                            "a command of %zu words, limit %d", count, WORDS_MAX);
    for (size_t i = 0; i < count; i++) {
        argv[i] = p;
        p += strlen(p) + 1;
    }
    argv[count] = NULL;
    if (++s->commands > COMMANDS_MAX)
        return em_error_set(&s->err, EM_ERR_INPUT, "look for a loop that does not end",
                            "the script runs more than %d commands", COMMANDS_MAX);
    if (s->options->command == NULL)
        return em_error_set(&s->err, EM_ERR_UNSUPPORTED, NULL,
                            "commands cannot be run here");
    return s->options->command(s->options->user, count, argv, &s->err);
}

/* efuse("burn-bit BLOCK3 1"), efuse("burn-key", block, file, purpose) */
static int run_command(lua_State *lua)
{
    struct em_script *s = live_script(lua);
    struct em_buf words = {0};
    size_t count = 0;
    luaL_checkstack(lua, 8, NULL);
    (void)luaL_checkstring(lua, 1);
    lua_pushcfunction(lua, push_words);
    lua_insert(lua, 1);
    lua_pushlightuserdata(lua, &words);
    lua_insert(lua, 2);
    lua_pushlightuserdata(lua, &count);
    lua_insert(lua, 3);
    int result = lua_pcall(lua, lua_gettop(lua) - 1, 0, 0); /* so that words is freed */
    if (result != LUA_OK || words.failed) {
        em_buf_free(&words);
        return result != LUA_OK ? lua_error(lua) : luaL_error(lua, "out of memory");
    }
    int64_t before = em_script_cpu_ns();
    enum em_status status = run_words(s, &words, count);
    s->end_ns += em_script_cpu_ns() - before;
    em_buf_free(&words);
    if (status == EM_OK)
        return 0;
    lua_Debug ar;
    if (em_script_where(lua, &ar))
        em_error_at(&s->err, ar.source + 1, (unsigned long)ar.currentline);
    return em_script_end(lua); /* whatever catches it: this unit is not as it should be */
}

/* ---- Nested scripts, fail(), print() ---- */

/* script("file"), from the folder of the script that calls it. Returns what it returns.
 */
static int run_nested(lua_State *lua)
{
    char path[PATH_LEN_MAX];
    struct em_script *s = live_script(lua);
    size_t name_len;
    const char *name = luaL_checklstring(lua, 1, &name_len);
    lua_Debug ar;
    int folder = 0;
    if (memchr(name, '\0', name_len) != NULL)
        return luaL_error(lua, "a name with a NUL character");
    if (name[0] != '/' && em_script_where(lua, &ar)) {
        const char *slash = strrchr(ar.source + 1, '/');
        folder = slash == NULL ? 0 : (int)(slash - ar.source);
    }
    int len = snprintf(path, sizeof path, "%.*s%s", folder,
                       folder > 0 ? ar.source + 1 : "", name);
    if (len < 0 || (size_t)len >= sizeof path)
        return em_script_stop(lua, NULL, "the name of the script is too long");
    if (s->nested == NESTED_MAX)
        return em_script_stop(lua, "does a script call itself?",
                              "scripts are nested more than %d deep", NESTED_MAX);
    lua_settop(lua, 0);
    em_script_load(lua, path);
    s->nested++; /* stays so if it fails: what catches that is no deeper, but may not go
                  * on for ever */
    lua_call(lua, 0, LUA_MULTRET);
    s->nested--;
    return lua_gettop(lua);
}

static int fail(lua_State *lua)
{
    return em_script_stop(lua, NULL, "%s", luaL_optstring(lua, 1, "the script fails"));
}

/* Nothing that a terminal would obey. */
static void clean_line(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ' && text[i] != '\t' && text[i] != '\n')
            text[i] = '?';
        if (text[i] == 0x7F)
            text[i] = '?';
    }
    if (!em_utf8_valid((struct em_span){(const uint8_t *)text, len})) {
        for (size_t i = 0; i < len; i++)
            text[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    }
}

static int print(lua_State *lua)
{
    struct em_script *s = em_script_of(lua);
    int n = lua_gettop(lua);
    luaL_Buffer text;
    luaL_checkstack(lua, 8, NULL);
    luaL_buffinit(lua, &text);
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addchar(&text, '\t');
        (void)luaL_tolstring(lua, i, NULL);
        luaL_addvalue(&text);
    }
    size_t len = luaL_bufflen(&text);
    if (len >= PRINT_MAX - s->printed)
        return em_script_stop(lua, "look for a loop that does not end",
                              "the script prints more than %d bytes", (int)PRINT_MAX);
    s->printed += len + 1;
    clean_line(luaL_buffaddr(&text), len);
    luaL_pushresult(&text);
    const char *line = lua_tostring(lua, -1);
    if (s->options->print != NULL)
        s->options->print(s->options->user, line);
    else if (em_hooks_wants(&s->options->hooks, EM_LOG_NOTE)) {
        struct em_error msg = {0};
        (void)snprintf(msg.what, sizeof msg.what, "%s", line);
        em_hooks_log(&s->options->hooks, EM_LOG_NOTE, NULL, &msg);
    }
    return 0;
}

/* ---- The table of globals ---- */

static void push_chip(lua_State *lua)
{
    struct em_efuses_chip chip;
    em_efuses_chip(em_script_of(lua)->efuses, &chip);
    lua_newtable(lua);
    lua_pushstring(lua, chip.id);
    lua_setfield(lua, -2, "id");
    lua_pushstring(lua, chip.name);
    lua_setfield(lua, -2, "name");
    lua_pushinteger(lua, (lua_Integer)chip.revision);
    lua_setfield(lua, -2, "revision");
    lua_pushstring(lua, chip.mac);
    lua_setfield(lua, -2, "mac");
}

static void push_args(lua_State *lua)
{
    const struct em_efuses_script *options = em_script_of(lua)->options;
    lua_newtable(lua);
    if (options->has_index) {
        lua_pushinteger(lua, (lua_Integer)options->index);
        lua_setfield(lua, -2, "index");
    }
    em_script_push_configs(lua);
    lua_setfield(lua, -2, "configfiles");
}

/* What the caller knows of the unit. */
static void push_unit(lua_State *lua)
{
    const struct em_efuses_script *options = em_script_of(lua)->options;
    lua_newtable(lua);
    for (size_t i = 0; i < options->value_count; i++) {
        lua_pushstring(lua, options->values[i].text);
        lua_setfield(lua, -2, options->values[i].name);
    }
}

void em_script_open_api(lua_State *lua)
{
    static const luaL_Reg functions[] = {{"efuse", run_command},
                                         {"script", run_nested},
                                         {"fail", fail},
                                         {"print", print},
                                         {NULL, NULL}};
    static const luaL_Reg methods[] = {{"get", field_get},
                                       {"meaning", field_meaning},
                                       {"get_meaning", field_meaning},
                                       {"is_readable", field_is_readable},
                                       {"is_writeable", field_is_writeable},
                                       {NULL, NULL}};
    (void)luaL_newmetatable(lua, field_kind);
    luaL_newlib(lua, methods);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, field_name);
    lua_setfield(lua, -2, "__tostring");
    lua_pushcfunction(lua, no_assigning);
    lua_setfield(lua, -2, "__newindex");
    lua_pop(lua, 1);
    (void)luaL_newmetatable(lua, efuses_kind);
    lua_pushcfunction(lua, find_field);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, no_assigning);
    lua_setfield(lua, -2, "__newindex");
    lua_pop(lua, 1);

    luaL_setfuncs(lua, functions, 0);
    (void)lua_newuserdatauv(lua, 1, 0);
    luaL_setmetatable(lua, efuses_kind);
    lua_setfield(lua, -2, "efuses");
    push_chip(lua);
    lua_setfield(lua, -2, "chip");
    push_args(lua);
    lua_setfield(lua, -2, "args");
    push_unit(lua);
    lua_setfield(lua, -2, "unit");
}
