/* SPDX-License-Identifier: Apache-2.0 */
/* What scripts get of Lua's own library: nothing that reaches outside, and nothing that
 * takes long without the limits of instructions noticing. */
#include "config.h"

#include "flasher/efuse/script_int.h"

#include <lauxlib.h>
#include <lualib.h>

enum {
    TABLE_MAX = 1000000, /* elements for functions that go through all of them */
    COST_MAX = 1000000000,
};

/* Call the function that is wrapped as if Lua had: so its messages name it. */
static int call_wrapped(lua_State *lua)
{
    em_script_check_time(lua);
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

/* A table of few elements can have any border ('#'): its powers of two are enough. */
static int with_short_table(lua_State *lua)
{
    if (lua_type(lua, 1) == LUA_TTABLE && lua_rawlen(lua, 1) > TABLE_MAX)
        return luaL_error(lua, "the table has more than %d elements", (int)TABLE_MAX);
    return call_wrapped(lua);
}

/* "<" for table.sort(), which would otherwise compare long texts without end. */
static int less(lua_State *lua)
{
    enum { LOOK_EVERY = 16 };
    if (em_script_of(lua)->looks++ % LOOK_EVERY == 0)
        em_script_check_time(lua);
    lua_pushboolean(lua, lua_compare(lua, 1, 2, LUA_OPLT));
    return 1;
}

static int sort(lua_State *lua)
{
    if (lua_isnoneornil(lua, 2)) {
        lua_settop(lua, 1);
        lua_pushcfunction(lua, less);
    }
    return with_short_table(lua);
}

static int rep(lua_State *lua)
{
    size_t len = 0;
    size_t between = 0;
    size_t most = em_script_of(lua)->most;
    (void)luaL_checklstring(lua, 1, &len);
    lua_Integer n = luaL_checkinteger(lua, 2);
    (void)luaL_optlstring(lua, 3, "", &between);
    if (n <= 0 || len + between == 0) {
        lua_pushliteral(lua, "");
        return 1;
    }
    if ((uint64_t)n > most / (len + between))
        return em_script_stop(lua, "keep less, or work on smaller pieces",
                              "string.rep makes more than the limit of %zu bytes", most);
    return call_wrapped(lua);
}

/* How many steps a search takes at most: each repetition may stop anywhere, and those
 * behind it begin anew. */
static double cost_of(const char *pattern, size_t pattern_len, double len, bool anchors)
{
    double ways = anchors && pattern_len > 0 && pattern[0] == '^' ? 1 : len;
    double order = 1;
    size_t set = 0; /* the longest */
    for (size_t i = 0; i < pattern_len; i++) {
        char c = pattern[i];
        if (c == '%' && i + 1 < pattern_len) {
            c = pattern[++i];
            if (c == 'b' || (c >= '0' && c <= '9'))
                ways *= len;
        } else if (c == '[') {
            size_t from = i;
            while (i + 1 < pattern_len && pattern[i + 1] != ']')
                i++;
            set = i - from > set ? i - from : set;
        } else if (c == '*' || c == '+' || c == '-') {
            order += 1;
            ways *= len / order;
        } else if (c == '?') {
            ways *= 2;
        }
        if (ways < len)
            ways = len; /* also of short texts */
    }
    return ways * (1 + (double)set / 8) * (1 + (double)pattern_len / 16);
}

static int with_pattern(lua_State *lua)
{
    bool anchors = lua_toboolean(lua, lua_upvalueindex(2));
    bool plain = lua_toboolean(lua, lua_upvalueindex(3)) && lua_toboolean(lua, 4);
    if (lua_isstring(lua, 1) && lua_isstring(lua, 2)) {
        size_t len;
        size_t pattern_len;
        (void)lua_tolstring(lua, 1, &len);
        const char *pattern = lua_tolstring(lua, 2, &pattern_len);
        double cost = plain ? (double)len * (1 + (double)pattern_len / 16)
                            : cost_of(pattern, pattern_len, (double)len + 1, anchors);
        if (cost > COST_MAX)
            return em_script_stop(lua, "search in smaller pieces, or line by line",
                                  "this pattern may take too long for a text of %zu "
                                  "bytes",
                                  len);
    }
    return call_wrapped(lua);
}

/* Put wrappers around functions of the library on top. */
static void wrap(lua_State *lua, const char *const *names, lua_CFunction wrapper)
{
    for (; *names != NULL; names++) {
        (void)lua_getfield(lua, -1, *names);
        lua_pushboolean(lua, strcmp(*names, "gmatch") != 0); /* '^' is a letter there */
        lua_pushboolean(lua, strcmp(*names, "find") == 0);
        lua_pushcclosure(lua, wrapper, 3);
        lua_setfield(lua, -2, *names);
    }
}

static void drop(lua_State *lua, const char *const *names)
{
    for (; *names != NULL; names++) {
        lua_pushnil(lua);
        lua_setfield(lua, -2, *names);
    }
}

void em_script_open_lua(lua_State *lua)
{
    /* Not here: what loads code, reads or writes, collectgarbage; metatables, as what
     * they collect or measure runs outside of the limits; coroutines, as each counts its
     * instructions anew. */
    static const char *const kept[] = {"assert", "error",    "ipairs", "next",
                                       "pairs",  "pcall",    "select", "tonumber",
                                       "type",   "tostring", NULL};
    static const char *const bad_string[] = {"dump", NULL};
    static const char *const bad_table[] = {"move", NULL};
    /* What is burned has to be the same in every run. */
    static const char *const bad_math[] = {"random", "randomseed", NULL};
    static const char *const patterns[] = {"find", "match", "gmatch", "gsub", NULL};
    static const char *const reps[] = {"rep", NULL};
    static const char *const tables[] = {"concat", "insert", "remove", "unpack", NULL};
    static const char *const sorts[] = {"sort", NULL};
    lua_newtable(lua);
    luaL_requiref(lua, LUA_GNAME, luaopen_base, 0);
    for (const char *const *name = kept; *name != NULL; name++) {
        (void)lua_getfield(lua, -1, *name);
        lua_setfield(lua, -3, *name);
    }
    lua_pop(lua, 1);
    luaL_requiref(lua, LUA_STRLIBNAME, luaopen_string, 0);
    drop(lua, bad_string);
    wrap(lua, patterns, with_pattern);
    wrap(lua, reps, rep);
    lua_setfield(lua, -2, LUA_STRLIBNAME);
    luaL_requiref(lua, LUA_TABLIBNAME, luaopen_table, 0);
    drop(lua, bad_table);
    wrap(lua, tables, with_short_table);
    wrap(lua, sorts, sort);
    lua_setfield(lua, -2, LUA_TABLIBNAME);
    luaL_requiref(lua, LUA_MATHLIBNAME, luaopen_math, 0);
    drop(lua, bad_math);
    lua_setfield(lua, -2, LUA_MATHLIBNAME);
    luaL_requiref(lua, LUA_UTF8LIBNAME, luaopen_utf8, 0);
    lua_setfield(lua, -2, LUA_UTF8LIBNAME);
}
