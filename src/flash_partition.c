/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash partition-table. */
#include "config.h"

#include <espmfg/image.h>

#include "src/flash_files.h"
#include "src/flash_session.h"

#include "base/error_int.h"
#include "flasher/image/image_int.h"

#include <stdlib.h>
#include <string.h>

enum { OPT_OFFSET, OPT_LIMIT, OPT_NO_MD5, OPT_TO };

static const struct cli_option options[] = {
    {"offset", "o", "ADDR", "where the table is in the flash (default: 0x8000)",
     OPT_OFFSET},
    {"flash-size", NULL, "SIZE", "partitions have to end within it, as 4MB", OPT_LIMIT},
    {"to", NULL, "FORM", "csv or binary (default: what the table is not)", OPT_TO},
    {"disable-md5sum", NULL, NULL, "a binary table without an MD5", OPT_NO_MD5},
    {NULL, NULL, NULL, NULL, 0},
};

enum form { FORM_OTHER, FORM_CSV, FORM_BINARY };

struct request {
    uint32_t table_at;
    uint64_t flash_size;
    bool no_md5;
    enum form to;
};

static const char *on_option(void *user, int id, char *const *values)
{
    static const char *const forms[] = {"csv", "binary", NULL};
    struct request *r = user;
    unsigned long long number = 0;
    int i;
    switch (id) {
    case OPT_OFFSET:
        if (!cli_size(&number, values[0], UINT32_MAX - 0x1000) || number % 0x1000 != 0)
            return "a multiple of 4096, as 0x8000";
        r->table_at = (uint32_t)number;
        return NULL;
    case OPT_LIMIT:
        return em_image_flash_bytes(values[0], &r->flash_size) ? NULL : "write it as 4MB";
    case OPT_TO:
        if ((i = flash_choice(forms, values[0])) < 0)
            return "choose csv or binary";
        r->to = i == 0 ? FORM_CSV : FORM_BINARY;
        return NULL;
    default: /* OPT_NO_MD5 */
        r->no_md5 = true;
        return NULL;
    }
}

static json_t *row_object(const struct em_partition *row)
{
    char type[24], subtype[24];
    return json_pack("{s:o, s:s, s:s, s:I, s:I, s:b, s:b}", "name",
                     flash_json_text(row->name), "type",
                     em_partition_type_name(type, row->type), "subtype",
                     em_partition_subtype_name(subtype, row->type, row->subtype),
                     "offset", (json_int_t)row->offset, "size", (json_int_t)row->size,
                     "encrypted", (int)((row->flags & EM_PARTITION_ENCRYPTED) != 0),
                     "readonly", (int)((row->flags & EM_PARTITION_READONLY) != 0));
}

static void tell_json(struct flash *flash, const struct em_partition_table *table)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < table->count; i++)
        (void)json_array_append_new(rows, row_object(&table->rows[i]));
    flash_json(flash, "partitions", rows);
}

static enum em_status put_file(struct flash *flash, const char *path, const void *data,
                               size_t len)
{
    struct flash_output output = {0};
    enum em_status status = flash_output_open(&output, path, &flash->err);
    if (status == EM_OK)
        status = flash_output_put(&output, data, len, &flash->err);
    flash_output_close(&output);
    if (status == EM_OK)
        flash_print(flash, "Wrote %zu bytes to '%s'.", len, path);
    return status;
}

static enum em_status write_table(struct flash *flash, const struct request *r,
                                  const struct em_partition_table *table,
                                  const char *path)
{
    uint8_t binary[EM_PARTITION_TABLE_LEN];
    char *text = NULL;
    bool csv = r->to == FORM_CSV || (r->to == FORM_OTHER && table->rows[0].line == 0);
    if (!csv && path == NULL && r->to == FORM_OTHER)
        csv = true; /* onto the terminal */
    enum em_status status =
        csv ? em_partition_csv(&text, table, &flash->err)
            : em_partition_binary(binary, table, r->no_md5, &flash->err);
    if (status == EM_OK && path != NULL)
        status = put_file(flash, path, csv ? (const void *)text : binary,
                          csv ? strlen(text) : sizeof binary);
    else if (status == EM_OK && csv && !flash->term.json)
        (void)fputs(text, stdout); /* looked at when the program ends */
    else if (status == EM_OK && !csv)
        status = em_error_set(&flash->err, EM_ERR_USAGE, "name a file to write",
                              "a binary table is not for the terminal");
    free(text);
    return status;
}

static int partition_table(struct flash *flash, int argc, char **argv)
{
    static const struct request defaults = {.table_at = EM_PARTITION_TABLE_AT};
    struct request r = defaults;
    struct em_partition_table *table = calloc(1, sizeof *table);
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, on_option, &r);
    if (exit_status < 0) {
        enum em_status status =
            table == NULL ? em_error_nomem(&flash->err)
                          : em_partition_load(table, args[0], r.table_at, &flash->err);
        if (status == EM_OK) {
            status = em_partition_check(table, r.table_at, r.flash_size, &flash->err);
            if (status != EM_OK)
                em_error_at(&flash->err, args[0], flash->err.line);
        }
        if (status == EM_OK)
            status = write_table(flash, &r, table, args[1]);
        if (status == EM_OK)
            tell_json(flash, table);
        flash_json(flash, "file", flash_json_text(args[1]));
        exit_status = flash_end(flash, status);
    }
    free(table);
    return exit_status;
}

const struct flash_command flash_partition_table = {
    .cli = {.name = "partition-table",
            .summary = "Check a partition table, and turn it from CSV to binary or back",
            .positionals = "TABLE [FILE]",
            .about = "  TABLE  binary or CSV; rows without an offset follow the one "
                     "before them\n"
                     "  FILE   what to write (default: the CSV goes to stdout)\n"
                     "Needs no chip.\n",
            .options = options,
            .common = flash_options,
            .examples = "  mfg_flash partition-table parts.csv parts.bin\n"
                        "  mfg_flash partition-table --flash-size 4MB parts.bin\n"},
    .run = partition_table,
};
