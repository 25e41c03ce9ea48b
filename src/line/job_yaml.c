/* SPDX-License-Identifier: Apache-2.0 */
/* YAML files with a schema. libcyaml makes the data, but does not tell where a value
 * stood, and names faults without their lines; so the events of libyaml, which is below
 * it, are first held against the same schema here. */
#include "config.h"

#include "src/line/job_int.h"

#include "base/file_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1024 * 1024 };

struct place {
    char name[LINE_PLACE_SIZE];
    unsigned long line;
};

struct line_yaml {
    char *file;
    struct place *places;
    size_t count, room;
    char **texts;
    size_t text_count;
    const struct cyaml_schema_value *schema;
    void *data;
};

/* ---- Lines ---- */

unsigned long line_yaml_line(const struct line_yaml *yaml, const char *place)
{
    for (size_t i = 0; yaml != NULL && i < yaml->count; i++) {
        if (strcmp(yaml->places[i].name, place) == 0)
            return yaml->places[i].line;
    }
    return 0;
}

enum em_status line_yaml_at(const struct line_yaml *yaml, const char *place,
                            enum em_status status, struct em_error *err)
{
    em_error_at(err, yaml->file, line_yaml_line(yaml, place));
    if (err != NULL)
        err->status =
            status; /* a caller may know better: wrong use becomes wrong input */
    return status;
}

enum em_status line_yaml_fault(const struct line_yaml *yaml, const char *place,
                               enum em_status status, struct em_error *err,
                               const char *hint, const char *format, ...)
{
    char what[sizeof err->what];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    (void)em_error_set(err, status, hint, "%s", what);
    return line_yaml_at(yaml, place, status, err);
}

enum em_status line_yaml_add_place(struct line_yaml *yaml, const char *name,
                                   unsigned long line, struct em_error *err)
{
    if (yaml->count == yaml->room) {
        size_t room = yaml->room * 2 + 64;
        struct place *bigger = realloc(yaml->places, room * sizeof *bigger);
        if (bigger == NULL)
            return em_error_nomem(err);
        yaml->places = bigger;
        yaml->room = room;
    }
    struct place *place = &yaml->places[yaml->count++];
    (void)snprintf(place->name, sizeof place->name, "%s", name);
    place->line = line;
    return EM_OK;
}

const char *line_yaml_file(const struct line_yaml *yaml)
{
    return yaml->file;
}

/* ---- Texts that live as long as the file ---- */

static char *keep(struct line_yaml *yaml, char *text)
{
    char **bigger = text == NULL
                        ? NULL
                        : realloc(yaml->texts, (yaml->text_count + 1) * sizeof *bigger);
    if (bigger == NULL) {
        free(text);
        return NULL;
    }
    yaml->texts = bigger;
    bigger[yaml->text_count++] = text;
    return text;
}

char *line_yaml_text(struct line_yaml *yaml, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : malloc((size_t)len + 1);
    if (text == NULL)
        return NULL;
    va_start(args, format);
    (void)vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return keep(yaml, text);
}

char *line_yaml_path(struct line_yaml *yaml, const char *path)
{
    const char *slash = strrchr(yaml->file, '/');
    if (path[0] == '/' || slash == NULL)
        return line_yaml_text(yaml, "%s", path);
    return line_yaml_text(yaml, "%.*s%s", (int)(slash - yaml->file + 1), yaml->file,
                          path);
}

/* ---- Data ---- */

/* The first thing that libcyaml says; the rest is where. */
static void first_log(cyaml_log_t level, void *user, const char *format, va_list args)
    EM_PRINTF(3, 0);
static void first_log(cyaml_log_t level, void *user, const char *format, va_list args)
{
    struct em_error *err = user;
    char text[256];
    if (level < CYAML_LOG_ERROR || err->what[0] != '\0')
        return;
    (void)vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\r\n")] = '\0';
    (void)em_error_set(err, EM_ERR_INPUT, NULL, "%s", text);
}

static cyaml_config_t config_for(struct em_error *err)
{
    return (cyaml_config_t){
        .log_fn = err == NULL ? NULL : first_log,
        .log_ctx = err,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

static enum em_status load(struct line_yaml *yaml, const struct em_buf *content,
                           struct em_error *err)
{
    struct em_error told = {0};
    const cyaml_config_t config = config_for(&told);
    cyaml_err_t code = cyaml_load_data(content->data, content->len, &config, yaml->schema,
                                       &yaml->data, NULL);
    if (code == CYAML_OK)
        return EM_OK;
    if (code == CYAML_ERR_OOM)
        return em_error_nomem(err);
    return line_yaml_fault(yaml, "", EM_ERR_INPUT, err, NULL, "%s",
                           told.what[0] != '\0' ? told.what : cyaml_strerror(code));
}

static enum em_status read_file(struct line_yaml *yaml, const char *path,
                                struct em_error *err)
{
    struct em_buf content = {0};
    enum em_status status = em_file_read(&content, path, FILE_MAX, err);
    if (status != EM_OK)
        goto out;
    if (content.len == 0) {
        status = line_yaml_fault(yaml, "", EM_ERR_INPUT, err,
                                 "samples/ has files to begin with", "the file is empty");
        goto out;
    }
    status = line_yaml_walk(yaml, content.data, content.len, yaml->schema, err);
    if (status == EM_OK)
        status = load(yaml, &content, err);
out:
    em_buf_free(&content);
    return status;
}

enum em_status line_yaml_open(struct line_yaml **out, void **data_out, const char *path,
                              const struct cyaml_schema_value *schema,
                              struct em_error *err)
{
    struct em_error unused;
    *out = NULL;
    *data_out = NULL;
    struct line_yaml *yaml = calloc(1, sizeof *yaml);
    if (yaml == NULL)
        return em_error_nomem(err);
    yaml->schema = schema;
    yaml->file = line_yaml_text(yaml, "%s", path);
    enum em_status status = yaml->file == NULL
                                ? em_error_nomem(err)
                                : read_file(yaml, path, err == NULL ? &unused : err);
    if (status != EM_OK) {
        line_yaml_free(yaml);
        return status;
    }
    *out = yaml;
    *data_out = yaml->data;
    return EM_OK;
}

void line_yaml_free(struct line_yaml *yaml)
{
    if (yaml == NULL)
        return;
    const cyaml_config_t config = config_for(NULL);
    if (yaml->data != NULL)
        (void)cyaml_free(&config, yaml->schema, yaml->data, 0); /* cannot fail here */
    for (size_t i = 0; i < yaml->text_count; i++)
        free(yaml->texts[i]);
    free(yaml->texts);
    free(yaml->places);
    free(yaml);
}
