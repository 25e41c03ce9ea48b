/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a Lua script within limits, and tells its faults with file and line. */
#include "config.h"

#include "flasher/efuse/script_int.h"

#include "base/error_int.h"
#include "base/file_int.h"
#include "base/text_int.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    SCRIPT_MAX = 1 << 20, /* bytes of a file */
    MEMORY_MAX = 16 << 20,
    STEPS_MAX = 20000000,
    STEP_COUNT = 200, /* between two looks at the limits */
    CPU_MS_MAX = 10000,
};

/* ---- Limits ---- */

static void on_count(lua_State *lua, lua_Debug *ar);

/* No memory: where, as Lua will not tell. This only reads. */
static void *no_memory(struct em_script *s)
{
    if (s->lua == NULL || s->ended)
        return NULL;
    s->has_place = em_script_where(s->lua, &s->place);
    if (s->has_place)
        (void)snprintf(s->place_file, sizeof s->place_file, "%s", s->place.source + 1);
    return NULL;
}

/* Lua's allocator. Beyond the limit the script goes on to its next instruction, where it
 * can be told which one it is; far beyond it gets no memory. */
static void *allocate(void *user, void *ptr, size_t old_size, size_t size)
{
    struct em_script *s = user;
    size_t old = ptr == NULL ? 0 : old_size; /* else it is the kind of what is made */
    if (size == 0) {
        free(ptr);
        s->used -= old;
        return NULL;
    }
    if (size > old && (size > 4 * s->most || s->used - old > 4 * s->most - size))
        return no_memory(s);
    void *new = realloc(ptr, size);
    if (new == NULL)
        return no_memory(s);
    s->used = s->used - old + size;
    if (s->used > s->most && !s->too_much && s->lua != NULL) {
        s->too_much = true;
        lua_sethook(s->lua, on_count, LUA_MASKCOUNT, 1);
    }
    return new;
}

struct em_script *em_script_of(lua_State *lua)
{
    void *user = NULL;
    (void)lua_getallocf(lua, &user);
    return user;
}

int64_t em_script_cpu_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static unsigned cpu_limit_ms(const struct em_script *s)
{
    return s->options->max_cpu_ms == 0 ? CPU_MS_MAX : s->options->max_cpu_ms;
}

static void start_clock(struct em_script *s)
{
    s->end_ns = em_script_cpu_ns() + cpu_limit_ms(s) * (int64_t)1000000;
}

void em_script_check_time(lua_State *lua)
{
    if (em_script_cpu_ns() > em_script_of(lua)->end_ns)
        (void)em_script_stop(lua, "look for a loop that does not end",
                             "the script takes more than %u ms of processor time",
                             cpu_limit_ms(em_script_of(lua)));
}

static void on_count(lua_State *lua, lua_Debug *ar)
{
    struct em_script *s = em_script_of(lua);
    (void)ar;
    if (s->ended)
        (void)em_script_end(lua);
    if (s->too_much) {
        (void)lua_gc(lua, LUA_GCCOLLECT);
        if (s->used > s->most)
            (void)em_script_stop(lua, "keep less, or work on smaller pieces",
                                 "the script holds %zu bytes, limit %zu", s->used,
                                 s->most);
        s->too_much = false;
        lua_sethook(lua, on_count, LUA_MASKCOUNT, STEP_COUNT);
    }
    if (s->steps <= STEP_COUNT)
        (void)em_script_stop(lua, "look for a loop that does not end",
                             "the script takes too many instructions");
    s->steps -= STEP_COUNT;
    em_script_check_time(lua);
}

/* ---- Faults ---- */

bool em_script_where(lua_State *lua, lua_Debug *out)
{
    for (int level = 0; lua_getstack(lua, level, out) != 0; level++) {
        if (lua_getinfo(lua, "Sl", out) != 0 && out->currentline > 0)
            return true;
    }
    return false;
}

static void add_place(lua_State *lua, struct em_error *err)
{
    lua_Debug ar;
    if (em_script_where(lua, &ar))
        em_error_at(err, ar.source + 1, (unsigned long)ar.currentline);
}

/* One line of text, whatever a script puts into it. */
static void clean(char *text)
{
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            *c = ' ';
    }
    if (!em_utf8_valid(em_span_of(text))) {
        for (char *c = text; *c != '\0'; c++)
            *c = (unsigned char)*c < 0x80 ? *c : '?';
    }
}

int em_script_end(lua_State *lua)
{
    struct em_script *s = em_script_of(lua);
    s->ended = true;
    /* Whatever catches it comes no further than its next instruction. */
    lua_sethook(lua, on_count, LUA_MASKCOUNT, 1);
    lua_pushliteral(lua, "the script has ended");
    return lua_error(lua);
}

int em_script_stop(lua_State *lua, const char *hint, const char *fmt, ...)
{
    struct em_script *s = em_script_of(lua);
    char what[sizeof s->err.what];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    clean(what);
    (void)em_error_set(&s->err, EM_ERR_INPUT, hint, "%s", what);
    add_place(lua, &s->err);
    return em_script_end(lua);
}

int em_script_raise(lua_State *lua, const struct em_error *err)
{
    struct em_script *s = em_script_of(lua);
    s->refused = *err;
    clean(s->refused.what);
    return luaL_error(lua, "%s", s->refused.what);
}

/* The next thing to try, for what people run into. */
static void add_hint(const struct em_script *s, struct em_error *err)
{
    const char *hint = NULL;
    char text[sizeof err->hint];
    size_t len = strlen(err->file);
    const struct em_efuses_script *o = s->options;
    if (len > 3 && strcmp(err->file + len - 3, ".py") == 0)
        hint = "scripts are written in Lua; efuse-scripts.md translates from Python";
    else if (strstr(err->what, "index a nil value (field") != NULL && o->config_count > 0)
        hint = o->has_index ? text : "is it --index that is missing?";
    (void)snprintf(text, sizeof text,
                   "is there anything for index %llu in the config files?",
                   (unsigned long long)o->index);
    if (hint != NULL && err->hint[0] == '\0')
        (void)snprintf(err->hint, sizeof err->hint, "%s", hint);
}

/* Lua puts "name:line: " before its messages: take it off, and tell the line. It is not
 * the one that Lua is at if error() was told to blame the caller. */
static const char *without_place(const char *what, const lua_Debug *ar,
                                 unsigned long *line)
{
    char *end;
    size_t len = strlen(ar->short_src);
    if (strncmp(what, ar->short_src, len) != 0 || what[len] != ':' ||
        what[len + 1] < '1' || what[len + 1] > '9')
        return what;
    unsigned long number = strtoul(what + len + 1, &end, 10);
    if (strncmp(end, ": ", 2) != 0)
        return what;
    *line = number;
    return end + 2;
}

/* Called with what Lua throws, where it is thrown: note what and where. */
static int on_error(lua_State *lua)
{
    struct em_script *s = em_script_of(lua);
    lua_Debug ar;
    if (s->ended)
        return 1;
    const char *what = lua_type(lua, 1) == LUA_TSTRING
                           ? lua_tostring(lua, 1)
                           : "error() was called without a text";
    bool known = em_script_where(lua, &ar);
    unsigned long line = known ? (unsigned long)ar.currentline : 0;
    if (known)
        what = without_place(what, &ar, &line);
    if (s->refused.status != EM_OK && strcmp(s->refused.what, what) == 0)
        s->err = s->refused;
    else {
        char text[sizeof s->err.what];
        (void)snprintf(text, sizeof text, "%s", what);
        clean(text);
        (void)em_error_set(&s->err, EM_ERR_INPUT, NULL, "%s", text);
    }
    if (known)
        em_error_at(&s->err, ar.source + 1, line);
    s->ended = true;
    return 1;
}

/* ---- Files ---- */

/* Lua's message for text it cannot compile names the line. */
static void stop_compile(lua_State *lua, const char *file)
{
    struct em_script *s = em_script_of(lua);
    char what[sizeof s->err.what];
    unsigned long line = 0;
    (void)snprintf(what, sizeof what, "%s", lua_tostring(lua, -1));
    /* Compile nothing under this name: so it stands in the message. */
    lua_Debug ar;
    lua_pushfstring(lua, "@%s", file);
    if (luaL_loadbufferx(lua, "", 0, lua_tostring(lua, -1), "t") == LUA_OK &&
        lua_getinfo(lua, ">S", &ar) != 0) {
        const char *rest = without_place(what, &ar, &line);
        memmove(what, rest, strlen(rest) + 1);
    }
    clean(what);
    (void)em_error_set(&s->err, EM_ERR_INPUT, NULL, "%s", what);
    em_error_at(&s->err, file, line);
    (void)em_script_end(lua);
}

void em_script_compile(lua_State *lua, const char *file, const uint8_t *text, size_t len)
{
    /* As in a shell script, the first line may name an interpreter. */
    while (len > 0 && text[0] == '#' && memchr(text, '\n', len) != NULL && len > 1 &&
           text[1] == '!') {
        const uint8_t *end = memchr(text, '\n', len);
        len -= (size_t)(end - text);
        text = end;
    }
    const char *name = lua_pushfstring(lua, "@%s", file);
    int status = luaL_loadbufferx(lua, (const char *)text, len, name, "t");
    lua_remove(lua, -2);
    if (status == LUA_ERRMEM)
        (void)em_script_stop(lua, NULL, "'%s' needs too much memory", file);
    if (status != LUA_OK)
        stop_compile(lua, file);
    /* Globals of its own, before those of all. */
    lua_newtable(lua);
    lua_newtable(lua);
    lua_getfield(lua, LUA_REGISTRYINDEX, "em_base");
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
    if (lua_setupvalue(lua, -2, 1) == NULL)
        lua_pop(lua, 1);
}

static int push_text(lua_State *lua)
{
    const struct em_buf *text = lua_touserdata(lua, 1);
    (void)lua_pushlstring(lua, text->len == 0 ? "" : (const char *)text->data, text->len);
    return 1;
}

void em_script_push_text(lua_State *lua, struct em_buf *text)
{
    lua_pushcfunction(lua, push_text);
    lua_pushlightuserdata(lua, text);
    int result = lua_pcall(lua, 1, 1, 0); /* so that the text is freed */
    em_buf_wipe(text);
    if (result != LUA_OK)
        (void)lua_error(lua);
}

void em_script_load(lua_State *lua, const char *file)
{
    struct em_script *s = em_script_of(lua);
    struct em_buf text = {0};
    if (em_file_read(&text, file, SCRIPT_MAX, &s->err) != EM_OK) {
        em_buf_free(&text);
        if (s->err.file[0] == '\0')
            add_place(lua, &s->err);
        (void)em_script_end(lua);
    }
    em_script_push_text(lua, &text);
    size_t len;
    const char *copy = lua_tolstring(lua, -1, &len);
    em_script_compile(lua, file, (const uint8_t *)copy, len);
    lua_remove(lua, -2);
}

/* ---- A run ---- */

/* What em_script_run_text() hands to Lua. */
struct start {
    const char *file;
    const uint8_t *text; /* NULL: read it */
    size_t len;
};

static int start(lua_State *lua)
{
    const struct start *with = lua_touserdata(lua, 1);
    em_script_open_lua(lua);
    em_script_open_api(lua);
    lua_setfield(lua, LUA_REGISTRYINDEX, "em_base");
    if (with->text == NULL)
        em_script_load(lua, with->file);
    else
        em_script_compile(lua, with->file, with->text, with->len);
    start_clock(em_script_of(lua));
    lua_call(lua, 0, 0);
    return 0;
}

static enum em_status finish(struct em_script *s, int result, const char *file,
                             struct em_error *err)
{
    if (!s->ended && result == LUA_ERRMEM) {
        (void)em_error_set(&s->err, EM_ERR_INPUT, "keep less, or work on smaller pieces",
                           "the script needs more memory than it may have, limit %zu "
                           "bytes",
                           s->most);
        if (s->has_place)
            em_error_at(&s->err, s->place_file, (unsigned long)s->place.currentline);
    } else if (!s->ended && result != LUA_OK)
        (void)em_error_set(&s->err, EM_ERR_INPUT, NULL, "the script fails in its fault");
    else if (!s->ended || s->err.status == EM_OK)
        return EM_OK;
    if (s->err.file[0] == '\0')
        em_error_at(&s->err, file, 0);
    add_hint(s, &s->err);
    if (s->burned && s->err.hint[0] == '\0')
        (void)snprintf(s->err.hint, sizeof s->err.hint,
                       "what burn_all() has burned before stays burned");
    if (err != NULL)
        *err = s->err;
    return em_efuses_stage_done(s->efuses, s->err.status);
}

enum em_status em_script_run_text(struct em_efuses *efuses, const char *file,
                                  const uint8_t *text, size_t len,
                                  const struct em_efuses_script *options,
                                  struct em_error *err)
{
    struct em_script s = {.efuses = efuses, .options = options};
    struct start with = {.file = file, .text = text, .len = len};
    s.most = options->max_memory == 0 ? MEMORY_MAX : options->max_memory;
    s.steps = options->max_steps == 0 ? STEPS_MAX : options->max_steps;
    start_clock(&s);
    lua_State *lua = lua_newstate(allocate, &s);
    if (lua == NULL)
        return em_efuses_stage_done(efuses, em_error_nomem(err));
    s.lua = lua;
    lua_sethook(lua, on_count, LUA_MASKCOUNT, STEP_COUNT);
    lua_pushcfunction(lua, on_error);
    lua_pushcfunction(lua, start);
    lua_pushlightuserdata(lua, &with);
    int result = lua_pcall(lua, 1, 0, 1);
    s.lua = NULL; /* the allocator has nothing to stop any more */
    lua_close(lua);
    return finish(&s, result, file, err);
}

enum em_status em_efuses_script_run(struct em_efuses *efuses, const char *file,
                                    const struct em_efuses_script *script,
                                    struct em_error *err)
{
    return em_script_run_text(efuses, file, NULL, 0, script, err);
}
