/* SPDX-License-Identifier: Apache-2.0 */
/* Where the output of eFuse commands goes: terminal, result, a file, or call-backs. */
#include "config.h"

#include "src/efuse.h"
#include "src/flash_files.h"

#include "base/error_int.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Lines, messages, members ---- */

static void log_text(const struct efuse_run *run, enum em_log_level level,
                     const char *hint, const char *text)
{
    struct em_error msg;
    if (run->hooks == NULL || run->hooks->log == NULL)
        return;
    (void)em_error_set(&msg, EM_OK, hint, "%s", text);
    run->hooks->log(run->hooks->user, level, "", &msg);
}

void efuse_print(struct efuse_run *run, const char *format, ...)
{
    char text[sizeof((struct em_error *)NULL)->what];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (run->flash != NULL)
        flash_print(run->flash, "%s", text);
    else
        log_text(run, EM_LOG_INFO, NULL, text);
}

void efuse_tell(struct efuse_run *run, enum em_log_level level, const char *hint,
                const char *format, ...)
{
    char text[sizeof((struct em_error *)NULL)->what];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (run->flash != NULL)
        term_tell(&run->flash->term, level, hint, "%s", text);
    else
        log_text(run, level, hint, text);
}

void efuse_json(struct efuse_run *run, const char *name, json_t *value)
{
    if (run->fields != NULL)
        (void)json_object_set_new(run->fields, name, value); /* NULLs are passed on */
    else if (run->flash != NULL)
        flash_json(run->flash, name, value);
    else
        json_decref(value);
}

bool efuse_shows_keys(const struct efuse_run *run)
{
    return run->flash != NULL && run->flash->efuse.show_sensitive;
}

/* ---- Texts that grow ---- */

void efuse_text_begin(struct efuse_text *text)
{
    *text = (struct efuse_text){0};
    text->to = open_memstream(&text->text, &text->len);
}

enum em_status efuse_text_put(struct efuse_text *text, struct efuse_call *call,
                              struct em_error *err)
{
    enum em_status status;
    if (text->to == NULL || fclose(text->to) != 0)
        status = em_error_nomem(err);
    else
        status = efuse_put(call, text->text, text->len, err);
    struct em_buf all = {.data = (uint8_t *)text->text, .len = text->len};
    em_buf_wipe(&all); /* there may be keys in it */
    return status;
}

static enum em_status put_file(const char *path, const void *data, size_t len,
                               struct em_error *err)
{
    struct flash_output output = {0};
    enum em_status status = flash_output_open(&output, path, err);
    if (status == EM_OK)
        status = flash_output_put(&output, data, len, err);
    flash_output_close(&output);
    return status;
}

/* Line by line. */
static void log_lines(const struct efuse_run *run, const char *text, size_t len)
{
    char line[sizeof((struct em_error *)NULL)->what];
    for (const char *end = text + len; text < end;) {
        const char *eol = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((eol == NULL ? end : eol) - text);
        (void)snprintf(line, sizeof line, "%.*s", (int)n, text);
        if (n > 0)
            log_text(run, EM_LOG_INFO, NULL, line);
        text += n + 1;
    }
}

enum em_status efuse_put(struct efuse_call *call, const char *text, size_t len,
                         struct em_error *err)
{
    struct efuse_run *run = call->run;
    if (call->file != NULL) {
        bool secret = call->command == &efuse_dump || efuse_shows_keys(run);
        mode_t old = umask(secret ? S_IRWXG | S_IRWXO : 0);
        if (!secret)
            (void)umask(old);
        enum em_status status = put_file(call->file, text, len, err);
        (void)umask(old);
        return status;
    }
    if (run->flash == NULL) {
        log_lines(run, text, len);
        return EM_OK;
    }
    term_clear(&run->flash->term);
    if (!run->flash->term.json)
        (void)fwrite(text, 1, len, stdout); /* looked at when the program ends */
    return EM_OK;
}
