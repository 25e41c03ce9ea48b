/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash write-flash. */
#include "config.h"

#include "src/flash_files.h"
#include "src/flash_session.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPT_ERASE_ALL,
    OPT_ENCRYPT,
    OPT_ENCRYPT_FILES,
    OPT_IGNORE_ENC,
    OPT_COMPRESS,
    OPT_NO_COMPRESS,
    OPT_SKIP_FLASHED,
    OPT_DIFF_WITH,
    OPT_NO_DIFF_VERIFY,
    OPT_FORCE,
    OPT_NO_PROGRESS,
};

static const struct cli_option options[] = {
    {"erase-all", "e", NULL, "erase all of the flash first", OPT_ERASE_ALL},
    {"encrypt", NULL, NULL, "the chip encrypts what is written", OPT_ENCRYPT},
    {"encrypt-files", NULL, "ADDR FILE…", "more files, which the chip encrypts",
     OPT_ENCRYPT_FILES},
    {"ignore-flash-enc-efuse", NULL, NULL,
     "encrypt even if the eFuses say that flash encryption is off", OPT_IGNORE_ENC},
    {"compress", "z", NULL, "send compressed (default, where the loader can)",
     OPT_COMPRESS},
    {"no-compress", "u", NULL, "send as it is", OPT_NO_COMPRESS},
    {"skip-flashed", "s", NULL, "leave out files that the flash holds already",
     OPT_SKIP_FLASHED},
    {"diff-with", NULL, "FILE…",
     "what the flash holds now, file by file (or skip); only sectors that differ are "
     "written",
     OPT_DIFF_WITH},
    {"no-diff-verify", NULL, NULL, "trust --diff-with without asking the flash",
     OPT_NO_DIFF_VERIFY},
    {"force", NULL, NULL, "do what is refused for safety", OPT_FORCE},
    {"no-progress", "p", NULL, "as --progress never", OPT_NO_PROGRESS},
    FLASH_OPTION_SIZE,
    FLASH_OPTION_MODE,
    FLASH_OPTION_FREQ,
    FLASH_OPTION_CONNECTION,
    {NULL, NULL, NULL, NULL, 0},
};

struct request {
    struct flash *flash;
    struct em_flash_write write;
    bool encrypt;
    const char **encrypted; /* address and file by turns */
    size_t encrypted_count;
    const char **old; /* files of --diff-with */
    size_t old_count;
};

static const char *on_option(void *user, int id, char *const *values)
{
    struct request *r = user;
    switch (id) {
    case OPT_ERASE_ALL:
        r->write.erase_all = true;
        break;
    case OPT_ENCRYPT:
        r->encrypt = true;
        break;
    case OPT_ENCRYPT_FILES:
        r->encrypted[r->encrypted_count++] = values[0];
        r->encrypted[r->encrypted_count++] = values[1];
        break;
    case OPT_IGNORE_ENC:
        r->write.ignore_flash_encryption = true;
        break;
    case OPT_COMPRESS:
    case OPT_NO_COMPRESS:
        if (r->write.compress != EM_FLASH_COMPRESS_AUTO &&
            (r->write.compress == EM_FLASH_COMPRESS_ON) != (id == OPT_COMPRESS))
            return "--compress and --no-compress contradict each other";
        r->write.compress =
            id == OPT_COMPRESS ? EM_FLASH_COMPRESS_ON : EM_FLASH_COMPRESS_OFF;
        break;
    case OPT_SKIP_FLASHED:
        r->write.skip_flashed = true;
        break;
    case OPT_DIFF_WITH:
        r->old[r->old_count++] = values[0];
        break;
    case OPT_NO_DIFF_VERIFY:
        r->write.no_diff_verify = true;
        break;
    case OPT_FORCE:
        r->write.force = true;
        break;
    default: /* OPT_NO_PROGRESS */
        r->flash->term.progress = TERM_NEVER;
        break;
    }
    return NULL;
}

/* Read all files, before the chip is asked. */
static enum em_status read_files(struct flash_files *files, const struct request *r,
                                 const char *const *args, struct em_error *err)
{
    size_t pairs = 0;
    enum em_status status = flash_files_begin(files, r->flash);
    for (; args[2 * pairs] != NULL && status == EM_OK; pairs++) {
        size_t first = files->count;
        status =
            flash_files_add(files, args[2 * pairs], args[2 * pairs + 1], r->encrypt, err);
        if (status == EM_OK && pairs < r->old_count &&
            strcmp(r->old[pairs], "skip") != 0) {
            if (files->count != first + 1)
                status = em_error_set(err, EM_ERR_USAGE, "write skip in its place",
                                      "--diff-with needs one piece, '%s' has %zu",
                                      args[2 * pairs + 1], files->count - first);
            else
                status = flash_files_add_old(files, first, r->old[pairs], err);
        }
    }
    if (status == EM_OK && r->old_count > pairs)
        status = em_error_set(err, EM_ERR_USAGE, "name one for each file, or skip",
                              "--diff-with names %zu files for %zu", r->old_count, pairs);
    for (size_t i = 0; i < r->encrypted_count && status == EM_OK; i += 2)
        status = flash_files_add(files, r->encrypted[i], r->encrypted[i + 1], true, err);
    return status;
}

/* Called when all is checked. */
static void tell_plan(struct flash *flash, const void *user)
{
    const struct flash_files *files = user;
    for (size_t i = 0; i < files->count; i++) {
        const struct em_flash_piece *p = &files->pieces[i];
        if (p->len > 0)
            flash_print(flash,
                        "Flash will be erased from 0x%08" PRIx32 " to 0x%08" PRIx64,
                        p->addr & ~(uint32_t)0xFFF,
                        (((uint64_t)p->addr + p->len + 0xFFF) & ~(uint64_t)0xFFF) - 1);
    }
}

static void tell_piece(struct flash *flash, const struct em_flash_piece *piece,
                       const struct em_flash_written *w)
{
    double seconds = (double)w->time_us / 1e6;
    char compressed[48] = "";
    if (piece->len == 0)
        return;
    if (w->skipped) {
        flash_print(flash, "'%s' is in the flash already, at 0x%08" PRIx32 ".",
                    piece->name, piece->addr);
        return;
    }
    if (w->compressed)
        (void)snprintf(compressed, sizeof compressed, " (%" PRIu64 " compressed)",
                       w->sent);
    flash_print(flash,
                "Wrote %" PRIu64 " bytes%s at 0x%08" PRIx32
                " in %.1f seconds (%.1f kbit/s).",
                w->bytes, compressed, piece->addr, seconds,
                flash_kbit_s((double)w->bytes, seconds));
    if (w->retries > 0)
        flash_print(flash, "%" PRIu32 " blocks had to be sent again.", w->retries);
    if (w->verified)
        flash_print(flash, "Hash of data verified.");
    else
        flash_print(flash, "The chip cannot verify it.");
}

static json_t *piece_object(const struct em_flash_piece *piece,
                            const struct em_flash_written *w)
{
    json_t *object = json_pack(
        "{s:I, s:I, s:I, s:f, s:b, s:b, s:b, s:I}", "address", (json_int_t)piece->addr,
        "bytes", (json_int_t)w->bytes, "sent", (json_int_t)w->sent, "seconds",
        (double)w->time_us / 1e6, "compressed", (int)w->compressed, "skipped",
        (int)w->skipped, "verified", (int)w->verified, "retries", (json_int_t)w->retries);
    (void)json_object_set_new(object, "file", flash_json_text(piece->name));
    return object;
}

static enum em_status write_files(struct flash *flash, struct request *r,
                                  const struct flash_files *files)
{
    json_t *written = json_array();
    struct em_flash_written *results = calloc(files->count + 1, sizeof *results);
    if (results == NULL) {
        json_decref(written);
        return em_error_nomem(&flash->err);
    }
    r->write.flash = flash->args.flash;
    if (r->write.flash.size == NULL)
        r->write.flash.size = "keep";
    r->write.pieces = files->pieces;
    r->write.count = files->count;
    flash->begin = tell_plan;
    flash->begin_user = files;
    enum em_status status =
        em_flash_write(flash->device, &r->write, results, &flash->err);
    for (size_t i = 0; i < files->count; i++) {
        if (status == EM_OK)
            tell_piece(flash, &files->pieces[i], &results[i]);
        (void)json_array_append_new(written,
                                    piece_object(&files->pieces[i], &results[i]));
    }
    flash_json(flash, "files", written);
    free(results);
    return status;
}

static int write_flash(struct flash *flash, int argc, char **argv)
{
    struct request r = {.flash = flash};
    struct flash_files files = {0};
    size_t words = (size_t)argc + 1;
    size_t count = 0;
    enum em_status status = EM_OK;
    const char **args = calloc(3 * words, sizeof *args);
    if (args == NULL)
        return flash_end(flash, em_error_nomem(&flash->err));
    r.encrypted = args + words;
    r.old = args + 2 * words;
    int exit_status = flash_parse(flash, argc, argv, args, on_option, &r);
    while (exit_status < 0 && args[count] != NULL)
        count++;
    if (exit_status < 0 && count == 0 && r.encrypted_count == 0)
        exit_status =
            cli_fault(flash_program, flash->command, "name an address and a file");
    if (exit_status < 0 && count % 2 != 0)
        exit_status =
            cli_fault(flash_program, flash->command,
                      "'%s' has no file; they come in pairs, ADDR FILE", args[count - 1]);
    if (exit_status < 0 && r.write.no_diff_verify && r.old_count == 0)
        exit_status = cli_fault(flash_program, flash->command,
                                "--no-diff-verify needs --diff-with");
    if (exit_status < 0) {
        status = read_files(&files, &r, args, &flash->err);
        if (status == EM_OK)
            status = flash_open(flash);
        if (status == EM_OK)
            status = write_files(flash, &r, &files);
        exit_status = flash_end(flash, status);
    }
    flash_files_end(&files);
    free(args);
    return exit_status;
}

const struct flash_command flash_write_flash = {
    .cli = {.name = "write-flash",
            .summary = "Write files into the flash, and verify them",
            .positionals = "[ADDR FILE…]",
            .about = "  ADDR  number, or the name of a partition\n"
                     "  FILE  what to write there; of an Intel HEX file, its own "
                     "addresses count\n"
                     "Pairs of them, as many as there are. Everything is checked before "
                     "anything\n"
                     "is erased.\n",
            .options = options,
            .common = flash_options,
            .examples =
                "  mfg_flash -b 921600 write-flash 0x0 boot.bin 0x8000 parts.bin 0x10000 "
                "app.bin\n"
                "  mfg_flash --partition-table parts.csv write-flash nvs Fan-1.bin\n"
                "  mfg_flash write-flash -fm dio -fs 4MB 0x0 boot.bin\n"
                "  mfg_flash write-flash --skip-flashed 0x10000 app.bin\n"},
    .run = write_flash,
};
