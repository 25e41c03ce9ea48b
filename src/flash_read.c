/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash read-flash. */
#include "config.h"

#include "src/flash_files.h"
#include "src/flash_session.h"

#include "base/error_int.h"

#include <inttypes.h>

enum { OPT_NO_PROGRESS };

static const struct cli_option options[] = {
    {"no-progress", "p", NULL, "as --progress never", OPT_NO_PROGRESS},
    FLASH_OPTION_SIZE,
    FLASH_OPTION_CONNECTION,
    {NULL, NULL, NULL, NULL, 0},
};

static const char *on_option(void *user, int id, char *const *values)
{
    struct term *term = user;
    (void)id; /* there is no other */
    (void)values;
    term->progress = TERM_NEVER;
    return NULL;
}

static enum em_status take(void *user, const uint8_t *data, size_t len,
                           struct em_error *err)
{
    struct em_buf *content = user;
    em_buf_append(content, data, len);
    return content->failed ? em_error_nomem(err) : EM_OK;
}

static int read_flash(struct flash *flash, int argc, char **argv)
{
    struct flash_range range = {0};
    struct flash_files files = {0};
    struct flash_output output = {0};
    struct em_buf content = {0};
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, on_option, &flash->term);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = flash_files_begin(&files, flash);
    if (status == EM_OK)
        status = flash_range_take(&range, &files, args[0], args[1], &flash->err);
    if (status == EM_OK)
        status = flash_output_open(&output, args[2], &flash->err);
    if (status == EM_OK)
        status = flash_open(flash);
    double start_s = flash_now_s();
    if (status == EM_OK) {
        flash_range_json(flash, &range);
        status = em_flash_read(flash->device, &flash->args.flash, range.addr, range.len,
                               take, &content, &flash->err);
    }
    double took_s = flash_now_s() - start_s;
    if (status == EM_OK)
        status = flash_output_put(&output, content.data, content.len, &flash->err);
    if (status == EM_OK) {
        flash_print(flash,
                    "Read %zu bytes from 0x%08" PRIx32
                    " in %.1f seconds (%.1f kbit/s) to '%s'.",
                    content.len, range.addr, took_s,
                    flash_kbit_s((double)content.len, took_s), args[2]);
        flash_json(flash, "bytes", json_integer((json_int_t)content.len));
        flash_json(flash, "seconds", json_real(took_s));
    }
    flash_json(flash, "file", flash_json_text(args[2]));
    flash_output_close(&output);
    flash_files_end(&files);
    em_buf_free(&content);
    return flash_end(flash, status);
}

const struct flash_command flash_read_flash = {
    .cli =
        {.name = "read-flash",
         .summary = "Read flash into a file",
         .positionals = "ADDR SIZE FILE",
         .about =
             "  ADDR  number, or the name of a partition\n"
             "  SIZE  bytes, also with k or M; all: to the end of the flash, or of the\n"
             "        partition\n"
             "  FILE  gets what was read; appears when all is read and checked, in the\n"
             "        place of what was there\n",
         .options = options,
         .common = flash_options,
         .examples = "  mfg_flash read-flash 0 all flash.bin\n"
                     "  mfg_flash read-flash 0x9000 24k nvs.bin\n"
                     "  mfg_flash --partition-table parts.csv read-flash nvs all "
                     "nvs.bin\n"},
    .run = read_flash,
};
