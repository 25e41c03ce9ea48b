/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the units of a JSON manifest one after the other. */
#include "config.h"

#include "mfg/json_int.h"

#include "base/file_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUE_MAX = 64 * 1024 /* bytes of a unit; ten times what its paths can take */ };

struct em_json {
    FILE *file;
    char *path;
    uint64_t size, at;
    uint64_t units_at; /* where the first unit begins */
    unsigned long line;
    bool first; /* no comma before the next unit */
    bool ended;
    struct em_buf value;
};

enum em_status em_json_open(struct em_json **out, const char *path, struct em_error *err)
{
    struct stat st;
    int fd = -1;
    *out = NULL;
    struct em_json *json = calloc(1, sizeof *json);
    if (json == NULL || (json->path = strdup(path)) == NULL) {
        free(json);
        return em_error_nomem(err);
    }
    enum em_status status = em_file_open(&fd, path, &st, err);
    if (status == EM_OK && (json->file = fdopen(fd, "rb")) == NULL) {
        (void)close(fd); /* was only read */
        status = em_error_nomem(err);
    }
    if (status != EM_OK) {
        em_json_close(json);
        return status;
    }
    json->size = (uint64_t)st.st_size;
    *out = json;
    return EM_OK;
}

void em_json_close(struct em_json *json)
{
    if (json == NULL)
        return;
    if (json->file != NULL)
        (void)fclose(json->file); /* was only read */
    em_buf_free(&json->value);
    free(json->path);
    free(json);
}

static enum em_status fault(const struct em_json *json, const char *why,
                            struct em_error *err)
{
    enum em_status status =
        ferror(json->file) != 0
            ? em_error_errno(err, errno, "cannot read '%s'", json->path)
            : em_error_set(err, EM_ERR_INPUT,
                           "name a file that 'generate --manifest' wrote", "%s", why);
    em_error_at(err, json->path, json->line);
    return status;
}

static int next_char(struct em_json *json)
{
    int c = getc(json->file);
    json->at += c != EOF;
    json->line += c == '\n';
    return c;
}

static void put_back(struct em_json *json, int c)
{
    if (c == EOF)
        return;
    json->at--;
    json->line -= c == '\n';
    (void)ungetc(c, json->file); /* one character always goes back */
}

static int next_visible(struct em_json *json)
{
    int c;
    do
        c = next_char(json);
    while (c == ' ' || c == '\t' || c == '\r' || c == '\n');
    return c;
}

/* Take the text of the value that follows, and leave its meaning to jansson. */
static enum em_status take_text(struct em_json *json, struct em_error *err)
{
    unsigned depth = 0;
    bool quoted = false;
    em_buf_clear(&json->value);
    for (int c = next_visible(json);; c = next_char(json)) {
        if (c == EOF)
            return fault(json, "the manifest ends in the middle", err);
        if (!quoted && depth == 0 && json->value.len > 0 &&
            strchr(",:]} \t\r\n", c) != NULL) {
            put_back(json, c); /* behind a number or a word */
            break;
        }
        em_buf_append_byte(&json->value, (uint8_t)c);
        if (json->value.failed)
            return em_error_nomem(err);
        if (json->value.len > VALUE_MAX)
            return fault(json, "a value that is too long for a manifest", err);
        if (quoted && c == '\\') {
            c = next_char(json);
            if (c != EOF)
                em_buf_append_byte(&json->value, (uint8_t)c);
            continue;
        }
        if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (!quoted && depth == 0 && (c == '"' || c == '}' || c == ']'))
            break;
    }
    return EM_OK;
}

static enum em_status take_value(struct em_json *json, json_t **out, struct em_error *err)
{
    json_error_t why;
    *out = NULL;
    enum em_status status = take_text(json, err);
    if (status != EM_OK)
        return status;
    *out = json_loadb((const char *)json->value.data, json->value.len,
                      JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
    return *out == NULL ? fault(json, "this is no JSON", err) : EM_OK;
}

/* A member before the units: is it one that a manifest has? */
static enum em_status check_member(struct em_json *json, const char *name,
                                   const json_t *value, struct em_error *err)
{
    if (strcmp(name, "format") == 0 &&
        (!json_is_string(value) ||
         strcmp(json_string_value(value), "espmfg-manifest") != 0))
        return fault(json, "JSON, but no manifest", err);
    if (strcmp(name, "version") == 0 && json_integer_value(value) != 1)
        return fault(json, "a manifest of a later version", err);
    return EM_OK;
}

/* One member. *units is set when it is that of the units, whose array is begun. */
static enum em_status take_member(struct em_json *json, bool *units, struct em_error *err)
{
    json_t *name;
    json_t *value = NULL;
    enum em_status status = take_value(json, &name, err);
    if (status != EM_OK)
        return status;
    *units = false;
    if (!json_is_string(name) || next_visible(json) != ':') {
        status = fault(json, "this is no JSON", err);
    } else if (strcmp(json_string_value(name), "units") == 0) {
        *units = true;
        if (next_visible(json) != '[')
            status = fault(json, "the units are no array", err);
    } else {
        status = take_value(json, &value, err);
        if (status == EM_OK)
            status = check_member(json, json_string_value(name), value, err);
    }
    json_decref(value);
    json_decref(name);
    return status;
}

enum em_status em_json_begin(struct em_json *json, struct em_error *err)
{
    bool units = false;
    rewind(json->file);
    json->at = 0;
    json->line = 1;
    json->first = true;
    json->ended = false;
    if (next_visible(json) != '{')
        return fault(json, "JSON that does not begin as a manifest", err);
    do {
        enum em_status status = take_member(json, &units, err);
        if (status != EM_OK)
            return status;
    } while (!units && next_visible(json) == ',');
    json->units_at = json->at;
    return units ? EM_OK : fault(json, "JSON, but no manifest: it has no units", err);
}

enum em_status em_json_next(struct em_json *json, json_t **unit, struct em_error *err)
{
    *unit = NULL;
    if (json->ended)
        return EM_OK;
    int c = next_visible(json);
    if (c == ']') {
        json->ended = true;
        /* Members may follow, but not nothing: then the file lost its end. */
        c = next_visible(json);
        return c == '}' || c == ',' ? EM_OK
                                    : fault(json, "the manifest ends in the middle", err);
    }
    if (json->first)
        put_back(json, c);
    else if (c != ',')
        return fault(json,
                     c == EOF ? "the manifest ends in the middle"
                              : "a comma is missing between units",
                     err);
    json->first = false;
    enum em_status status = take_value(json, unit, err);
    if (status == EM_OK && !json_is_object(*unit)) {
        json_decref(*unit);
        *unit = NULL;
        status = fault(json, "a unit that is no object", err);
    }
    return status;
}

enum em_status em_json_seek(struct em_json *json, uint64_t off, struct em_error *err)
{
    if (fseeko(json->file, (off_t)off, SEEK_SET) != 0)
        return em_error_errno(err, errno, "cannot go to a unit of '%s'", json->path);
    json->at = off;
    json->line = 1;
    json->first = off == json->units_at;
    json->ended = false;
    return EM_OK;
}

unsigned long em_json_line(const struct em_json *json)
{
    return json->line;
}

uint64_t em_json_position(const struct em_json *json)
{
    return json->at;
}

uint64_t em_json_size(const struct em_json *json)
{
    return json->size;
}
