/* SPDX-License-Identifier: Apache-2.0 */
/* Config files of scripts: JSON as tables, anything else as text. */
#include "config.h"

#include "flasher/efuse/script_int.h"

#include "base/error_int.h"
#include "base/file_int.h"

#include <jansson.h>
#include <lauxlib.h>
#include <strings.h>

enum { CONFIG_MAX = 4 << 20, DEPTH_MAX = 100 };

static void push_json(lua_State *lua, json_t *value, unsigned depth);

static void push_object(lua_State *lua, json_t *object, unsigned depth)
{
    const char *key;
    json_t *member;
    lua_newtable(lua);
    json_object_foreach(object, key, member)
    {
        if (json_is_null(member)) /* not there */
            continue;
        lua_pushstring(lua, key);
        push_json(lua, member, depth + 1);
        lua_rawset(lua, -3);
    }
}

static void push_array(lua_State *lua, json_t *array, unsigned depth)
{
    size_t idx;
    json_t *member;
    lua_newtable(lua);
    json_array_foreach(array, idx, member)
    {
        push_json(lua, member, depth + 1);
        lua_rawseti(lua, -2, (lua_Integer)idx + 1);
    }
}

static void push_json(lua_State *lua, json_t *value, unsigned depth)
{
    luaL_checkstack(lua, 8, "JSON");
    if (depth > DEPTH_MAX)
        (void)em_script_stop(lua, NULL, "JSON of a config file is nested too deeply");
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        push_object(lua, value, depth);
        return;
    case JSON_ARRAY:
        push_array(lua, value, depth);
        return;
    case JSON_STRING:
        (void)lua_pushlstring(lua, json_string_value(value), json_string_length(value));
        return;
    case JSON_INTEGER:
        lua_pushinteger(lua, json_integer_value(value));
        return;
    case JSON_REAL:
        lua_pushnumber(lua, json_real_value(value));
        return;
    default: /* a null in an array would end it */
        lua_pushboolean(lua, json_is_true(value));
        return;
    }
}

static int push_value(lua_State *lua)
{
    json_t *value = lua_touserdata(lua, 1);
    push_json(lua, value, 0);
    return 1;
}

static enum em_status parse(json_t **out, const struct em_buf *text, const char *path,
                            struct em_error *err)
{
    json_error_t fault;
    *out = json_loadb((const char *)text->data, text->len,
                      JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    if (*out != NULL)
        return EM_OK;
    /* What stands there may be a secret: only where and why. */
    char *near = strstr(fault.text, " near ");
    if (near != NULL)
        *near = '\0';
    (void)em_error_set(err, EM_ERR_INPUT, NULL, "not JSON: %s", fault.text);
    em_error_at(err, path, fault.line < 1 ? 1UL : (unsigned long)fault.line);
    err->column = fault.column < 1 ? 1UL : (unsigned long)fault.column;
    return EM_ERR_INPUT;
}

static bool is_json(const char *path)
{
    size_t len = strlen(path);
    return len > 5 && strcasecmp(path + len - 5, ".json") == 0;
}

static void push_file(lua_State *lua, const char *path)
{
    struct em_script *s = em_script_of(lua);
    struct em_buf text = {0};
    json_t *json = NULL;
    int result = LUA_OK;
    enum em_status status = em_file_read(&text, path, CONFIG_MAX, &s->err);
    if (status == EM_OK && is_json(path))
        status = parse(&json, &text, path, &s->err);
    if (status != EM_OK) {
        em_buf_wipe(&text);
        (void)em_script_end(lua);
    }
    if (json != NULL) {
        lua_pushcfunction(lua, push_value);
        lua_pushlightuserdata(lua, json);
        result = lua_pcall(lua, 1, 1, 0); /* so that json is freed */
        json_decref(json);
        em_buf_wipe(&text);
        if (result != LUA_OK)
            (void)lua_error(lua);
        return;
    }
    em_script_push_text(lua, &text);
}

void em_script_push_configs(lua_State *lua)
{
    const struct em_efuses_script *options = em_script_of(lua)->options;
    lua_newtable(lua);
    for (size_t i = 0; i < options->config_count; i++) {
        push_file(lua, options->config_files[i]);
        lua_rawseti(lua, -2, (lua_Integer)i + 1);
    }
}
