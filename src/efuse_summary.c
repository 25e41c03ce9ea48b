/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash efuse summary: the fields as a table, as JSON, or one value. */
#include "config.h"

#include "src/efuse.h"

#include "base/error_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAME_WIDTH = 50, ABOUT_WIDTH = 50 };

/* ---- Which fields ---- */

static bool is_active(const struct em_efuses_field *field)
{
    if (!field->readable || !field->writeable)
        return true;
    for (size_t i = 0; i < field->raw_len; i++) {
        if (field->raw[i] != 0)
            return true;
    }
    return false;
}

static bool is_wanted(const struct efuse_call *call, const struct em_efuses_field *field)
{
    bool named = call->count == 0;
    for (size_t i = 0; i < call->count && !named; i++)
        named = strcmp(call->words[i], field->name) == 0;
    return named && (!call->active || is_active(field));
}

/* A name that is no field's would show nothing: say so. */
static enum em_status check_names(const struct efuse_call *call, struct em_error *err)
{
    struct em_efuses_field field;
    for (size_t i = 0; i < call->count; i++) {
        enum em_status status =
            em_efuses_field_find(call->run->efuses, call->words[i], &field, err);
        if (status == EM_OK && strcmp(field.name, call->words[i]) != 0)
            status =
                em_error_set(err, EM_ERR_USAGE, "use that name",
                             "'%s' is another name of %s", call->words[i], field.name);
        if (status != EM_OK)
            return status;
    }
    return EM_OK;
}

/* ---- The table ---- */

/* How many bytes of @p text are printed in ABOUT_WIDTH columns, broken between words.
 * Characters of several bytes take one column. */
static size_t fit(const char *text, int *columns)
{
    size_t len = 0;
    size_t word_end = 0;
    int word_columns = 0;
    *columns = 0;
    while (text[len] != '\0' && *columns < ABOUT_WIDTH) {
        if (text[len] == ' ') {
            word_end = len;
            word_columns = *columns;
        }
        do
            len++;
        while (((unsigned char)text[len] & 0xC0) == 0x80);
        (*columns)++;
    }
    if (text[len] == '\0' || text[len] == ' ' || word_end == 0)
        return len;
    *columns = word_columns;
    return word_end;
}

/* Print the first line of @p text, filled up with blanks; returns what is left. */
static const char *print_about(FILE *to, const char *text)
{
    int columns;
    size_t len = fit(text, &columns);
    (void)fprintf(to, "%.*s%*s", (int)len, text, ABOUT_WIDTH - columns, "");
    return text + len + (text[len] == ' ');
}

static const char *rights(const struct em_efuses_field *field)
{
    static const char *const texts[2][2] = {{"-/-", "-/W"}, {"R/-", "R/W"}};
    return texts[field->readable][field->writeable];
}

static void print_errors(FILE *to, const struct em_efuses_field *field)
{
    if (field->block_failed)
        (void)fprintf(to, " [the block cannot be decoded]");
    else if (field->errors > 0)
        (void)fprintf(to, " [%u error%s]", field->errors, field->errors == 1 ? "" : "s");
    else if (field->block_errors > 0 && field->block > 0)
        (void)fprintf(to, " [%u error%s in the block]", field->block_errors,
                      field->block_errors == 1 ? "" : "s");
}

static void print_field(FILE *to, const struct efuse_call *call,
                        const struct em_efuses_field *field)
{
    char name[96];
    bool is_long = field->bit_text[0] == '\0' || strlen(field->value) > 24;
    struct em_efuses_block block;
    (void)snprintf(name, sizeof name, "%s (BLOCK%u)", field->name, field->block);
    (void)fprintf(to, "%-*s ", NAME_WIDTH, name);
    const char *rest = print_about(to, field->description);
    while (is_long && *rest != '\0') {
        (void)fprintf(to, "\n%*s ", NAME_WIDTH, "");
        rest = print_about(to, rest);
    }
    if (is_long) {
        em_efuses_block(call->run->efuses, field->block, &block);
        if (field->key && block.purpose[0] != '\0')
            (void)fprintf(to, "\n  Purpose: %s", block.purpose);
        (void)fprintf(to, "\n  ");
    }
    (void)fprintf(to, " = %s %s", field->value, rights(field));
    if (field->bit_text[0] != '\0')
        (void)fprintf(to, " (%s)", field->bit_text);
    print_errors(to, field);
    (void)fputc('\n', to);
    while (*rest != '\0') {
        (void)fprintf(to, "%*s ", NAME_WIDTH, "");
        rest = print_about(to, rest);
        (void)fputc('\n', to);
    }
}

/* "spi pad" as "Spi Pad". */
static void print_category(FILE *to, const char *category)
{
    bool first = true;
    for (const char *c = category; *c != '\0'; c++) {
        (void)fputc(first ? toupper((unsigned char)*c) : tolower((unsigned char)*c), to);
        first = *c == ' ';
    }
    (void)fprintf(to, " fuses:\n");
}

/* The category that follows @p after in the order of names; NULL: none. */
static const char *next_category(const struct efuse_call *call, const char *after)
{
    struct em_efuses_field field;
    const char *next = NULL;
    for (size_t at = em_efuses_field_next(call->run->efuses, 0, &field); at != 0;
         at = em_efuses_field_next(call->run->efuses, at, &field)) {
        if (is_wanted(call, &field) &&
            (after == NULL || strcasecmp(field.category, after) > 0) &&
            (next == NULL || strcasecmp(field.category, next) < 0))
            next = field.category;
    }
    return next;
}

static void print_table(struct efuse_call *call, FILE *to)
{
    struct em_efuses_field field;
    struct em_efuses_chip chip;
    em_efuses_chip(call->run->efuses, &chip);
    (void)fprintf(to,
                  "EFUSE_NAME (Block) Description  = [Meaningful Value] "
                  "[Readable/Writeable] (Hex Value)\n"
                  "--------------------------------------------------------------------"
                  "--------------------\n");
    for (const char *category = next_category(call, NULL); category != NULL;
         category = next_category(call, category)) {
        print_category(to, category);
        for (size_t at = em_efuses_field_next(call->run->efuses, 0, &field); at != 0;
             at = em_efuses_field_next(call->run->efuses, at, &field)) {
            if (strcasecmp(field.category, category) == 0 && is_wanted(call, &field))
                print_field(to, call, &field);
        }
        (void)fputc('\n', to);
    }
    if (call->count == 0 && chip.flash_voltage[0] != '\0')
        (void)fprintf(to, "%s\n", chip.flash_voltage);
}

/* ---- JSON ---- */

static json_t *value_of(const struct em_efuses_field *field)
{
    if (field->meant || field->kind == EM_EFUSES_TEXT || !field->readable)
        return flash_json_text(field->value);
    if (field->kind == EM_EFUSES_BOOL)
        return json_boolean(field->number != 0);
    return json_integer((json_int_t)field->number);
}

static json_t *place(int number)
{
    return number < 0 ? json_null() : json_integer(number);
}

static json_t *field_object(const struct em_efuses_field *field)
{
    return json_pack(
        "{s:s, s:o, s:b, s:b, s:s, s:s, s:i, s:o, s:o, s:s, s:i}", "name", field->name,
        "value", value_of(field), "readable", (int)field->readable, "writeable",
        (int)field->writeable, "description", field->description, "category",
        field->category, "block", (int)field->block, "word", place(field->word), "pos",
        place(field->pos), "efuse_type", field->type, "bit_len", (int)field->bits);
}

/* By name, or for --json in a row. */
static json_t *fields_json(const struct efuse_call *call, bool by_name)
{
    struct em_efuses_field field;
    json_t *json = by_name ? json_object() : json_array();
    for (size_t at = em_efuses_field_next(call->run->efuses, 0, &field); at != 0;
         at = em_efuses_field_next(call->run->efuses, at, &field)) {
        if (is_wanted(call, &field) && by_name)
            (void)json_object_set_new(json, field.name, field_object(&field));
        else if (is_wanted(call, &field))
            (void)json_array_append_new(json, field_object(&field));
    }
    return json;
}

/* ---- The command ---- */

/* @p object is taken over. */
static bool print_json(FILE *to, json_t *object)
{
    bool good =
        to == NULL || json_dumpf(object, to, JSON_INDENT(4) | JSON_SORT_KEYS) == 0;
    json_decref(object);
    if (to != NULL)
        (void)fputc('\n', to);
    return good;
}

static enum em_status summary(struct efuse_call *call, struct em_error *err)
{
    struct efuse_text text;
    struct em_efuses_field field;
    enum em_status status = check_names(call, err);
    if (status == EM_OK && call->format == EFUSE_FORMAT_VALUE_ONLY && call->count != 1)
        status = em_error_set(err, EM_ERR_USAGE, "name the field whose value is wanted",
                              "--format value-only is for one field, not for %zu",
                              call->count);
    if (status != EM_OK)
        return status;
    if (call->run->flash != NULL && call->run->flash->term.json)
        efuse_json(call->run, "fields", fields_json(call, false));
    efuse_text_begin(&text);
    bool good = true;
    if (text.to == NULL) {
        good = false;
    } else if (call->format == EFUSE_FORMAT_JSON) {
        good = print_json(text.to, fields_json(call, true));
    } else if (call->format == EFUSE_FORMAT_VALUE_ONLY) {
        status = em_efuses_field_find(call->run->efuses, call->words[0], &field, err);
        if (status == EM_OK)
            (void)fprintf(text.to, "%s\n", field.value);
    } else {
        print_table(call, text.to);
    }
    if (!good)
        status = em_error_nomem(err);
    enum em_status put = efuse_text_put(&text, call, status == EM_OK ? err : NULL);
    return status == EM_OK ? put : status;
}

static const struct cli_option summary_options[] = {
    {"format", NULL, "FORMAT", "summary (the default), json, or value-only: of one field",
     EFUSE_OPT_FORMAT},
    {"file", NULL, "FILE", "write it into FILE", EFUSE_OPT_FILE},
    {"active", NULL, NULL, "only what is burned or protected", EFUSE_OPT_ACTIVE},
    {NULL, NULL, NULL, NULL, 0},
};

const struct efuse_command efuse_summary = {
    .base = {.cli = {.name = "efuse summary",
                     .summary = "Print the fields, what they mean and whether they are "
                                "protected",
                     .positionals = "[NAME…]",
                     .about = "  NAME  only this field\n",
                     .options = summary_options,
                     .common = flash_options,
                     .examples =
                         "  mfg_flash -p /dev/ttyUSB0 efuse summary\n"
                         "  mfg_flash -p /dev/ttyUSB0 efuse summary --format json --file "
                         "efuses.json\n"
                         "  mfg_flash -p /dev/ttyUSB0 efuse summary --format value-only "
                         "SECURE_VERSION\n"},
             .run = efuse_main},
    .kind = EFUSE_READS,
    .act = summary,
};
