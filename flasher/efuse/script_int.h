/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a script that runs: the sandbox, and what scripts can call. */
#ifndef FLASHER_EFUSE_SCRIPT_INT_H
#define FLASHER_EFUSE_SCRIPT_INT_H

#include "flasher/efuse/efuses_int.h"

#include <espmfg/efuse_script.h>

#include <lua.h>

/** One script that runs, with those it calls. */
struct em_script {
    struct em_efuses *efuses;
    const struct em_efuses_script *options;
    lua_State *lua;
    size_t used;     /* bytes */
    size_t most;     /* of them; up to four times as many for a moment */
    uint64_t steps;  /* instructions that are left */
    int64_t end_ns;  /* of processor time */
    unsigned nested; /* scripts within scripts */
    unsigned commands;
    size_t printed; /* bytes */
    unsigned looks; /* comparisons of table.sort() */
    bool has_place; /* where the memory was not enough */
    lua_Debug place;
    char place_file[256];
    bool too_much; /* memory: looked at before the next instruction */
    bool ended;    /* err is final: nothing of the script runs any more */
    bool burned;   /* by burn_all() */
    struct em_error err;
    struct em_error refused; /* what a field said last */
};

/** em_efuses_script_run() with the text at hand; @p file for messages. */
enum em_status em_script_run_text(struct em_efuses *efuses, const char *file,
                                  const uint8_t *text, size_t len,
                                  const struct em_efuses_script *options,
                                  struct em_error *err);

struct em_script *em_script_of(lua_State *lua);
/** The file and line that Lua is at; false: none is known. */
bool em_script_where(lua_State *lua, lua_Debug *out);
/** End the script whatever it catches: em_script.err is filled. Does not return. */
int em_script_end(lua_State *lua);
/** The same with a new fault of the line that Lua is at. */
int em_script_stop(lua_State *lua, const char *hint, const char *fmt, ...)
    EM_PRINTF(3, 4);
/** Fail with a fault that the script may catch. Does not return. */
int em_script_raise(lua_State *lua, const struct em_error *err);
/** Look at the limit of processor time. */
void em_script_check_time(lua_State *lua);
/** Processor time of this thread. */
int64_t em_script_cpu_ns(void);
/** Compile the text and leave it as a function with globals of its own, or end. */
void em_script_compile(lua_State *lua, const char *file, const uint8_t *text, size_t len);
/** Leave @p text as a string, and free it. */
void em_script_push_text(lua_State *lua, struct em_buf *text);
/** Read and compile; a fault is thrown. */
void em_script_load(lua_State *lua, const char *file);

/** Leave a table with what is harmless of Lua's library (script_lua.c). */
void em_script_open_lua(lua_State *lua);
/** Add what scripts are for to the table on top (script_api.c). */
void em_script_open_api(lua_State *lua);
/** Leave a table with the decoded config files (script_config.c), or end. */
void em_script_push_configs(lua_State *lua);

/**
 * Split as a shell does: blanks, '…', "…", and a backslash. Appends each word with a NUL
 * to @p out and adds their number to *count_out. EM_ERR_USAGE: a quote is not closed.
 */
enum em_status em_script_split(struct em_buf *out, size_t *count_out, const char *text,
                               size_t len, struct em_error *err);

#endif
