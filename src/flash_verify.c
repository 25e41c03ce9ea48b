/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash verify-flash. */
#include "config.h"

#include "src/flash_files.h"
#include "src/flash_session.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <stdlib.h>

/* Of a file with more of them, only the number is told; --json keeps this many too. */
enum { OPT_DIFF, DIFFERENCES_SHOWN = 65536 };

static const struct cli_option options[] = {
    {"diff", "d", NULL, "list the bytes that differ", OPT_DIFF},
    FLASH_OPTION_SIZE,
    FLASH_OPTION_MODE,
    FLASH_OPTION_FREQ,
    FLASH_OPTION_CONNECTION,
    {NULL, NULL, NULL, NULL, 0},
};

/* What is known of one file. */
struct outcome {
    struct em_flash_difference *list;
    size_t room, count;
    uint32_t first;
};

struct request {
    bool diff;
    bool nomem;
    struct outcome *outcomes;
};

static const char *on_option(void *user, int id, char *const *values)
{
    struct request *r = user;
    (void)id; /* there is no other */
    (void)values;
    r->diff = true;
    return NULL;
}

static void on_difference(void *user, size_t piece,
                          const struct em_flash_difference *difference)
{
    struct request *r = user;
    struct outcome *o = &r->outcomes[piece];
    if (o->count == 0)
        o->first = difference->addr;
    if (o->count < DIFFERENCES_SHOWN && o->count == o->room) {
        size_t room = o->room * 2 + 64;
        struct em_flash_difference *bigger = realloc(o->list, room * sizeof *bigger);
        r->nomem = r->nomem || bigger == NULL;
        if (bigger != NULL) {
            o->list = bigger;
            o->room = room;
        }
    }
    if (o->count < o->room)
        o->list[o->count] = *difference;
    o->count++;
}

static size_t listed(const struct outcome *o)
{
    return o->count < o->room ? o->count : o->room;
}

static void tell_piece(struct flash *flash, const struct em_flash_piece *piece,
                       const struct outcome *o, bool equal, bool diff)
{
    flash_print(flash, "Verifying 0x%zx (%zu) bytes at 0x%08" PRIx32 " against '%s'...",
                piece->len, piece->len, piece->addr, piece->name);
    if (equal) {
        flash_print(flash, "Verification successful (digest matched).");
        return;
    }
    flash_print(flash, "Verification failed (digest mismatch).");
    if (!diff)
        return;
    flash_print(flash, "%zu differences, first at 0x%08" PRIx32 ":", o->count, o->first);
    for (size_t i = 0; i < listed(o); i++)
        flash_print(flash, "   %08" PRIx32 " %02x %02x", o->list[i].addr,
                    o->list[i].in_flash, o->list[i].in_file);
}

static json_t *piece_object(const struct em_flash_piece *piece, const struct outcome *o,
                            bool equal, bool diff)
{
    json_t *list = diff ? json_array() : json_null();
    for (size_t i = 0; diff && i < listed(o); i++)
        (void)json_array_append_new(list,
                                    json_pack("[I, i, i]", (json_int_t)o->list[i].addr,
                                              o->list[i].in_flash, o->list[i].in_file));
    json_t *object = json_pack("{s:I, s:I, s:b}", "address", (json_int_t)piece->addr,
                               "bytes", (json_int_t)piece->len, "equal", (int)equal);
    (void)json_object_set_new(object, "file", flash_json_text(piece->name));
    (void)json_object_set_new(object, "differences",
                              diff ? json_integer((json_int_t)o->count) : json_null());
    (void)json_object_set_new(object, "list", list);
    return object;
}

static enum em_status verify_files(struct flash *flash, struct request *r,
                                   const struct flash_files *files, bool *equal)
{
    size_t differ = 0;
    const char *name = NULL;
    json_t *verified = json_array();
    enum em_status status =
        em_flash_verify(flash->device, &flash->args.flash, files->pieces, files->count,
                        equal, r->diff ? on_difference : NULL, r, &flash->err);
    if (status == EM_OK && r->nomem)
        status = em_error_nomem(&flash->err);
    for (size_t i = 0; i < files->count && status == EM_OK; i++) {
        tell_piece(flash, &files->pieces[i], &r->outcomes[i], equal[i], r->diff);
        (void)json_array_append_new(
            verified,
            piece_object(&files->pieces[i], &r->outcomes[i], equal[i], r->diff));
        if (!equal[i] && differ++ == 0)
            name = files->pieces[i].name;
    }
    flash_json(flash, "files", verified);
    const char *hint = r->diff ? "write it again with write-flash"
                               : "--diff lists the bytes that differ";
    if (differ == 1)
        status = em_error_set(&flash->err, EM_ERR_VERIFY, hint,
                              "the flash holds something else than '%s'", name);
    else if (differ > 1)
        status = em_error_set(&flash->err, EM_ERR_VERIFY, hint,
                              "the flash holds something else than '%s' and %zu more",
                              name, differ - 1);
    return status;
}

static int verify_flash(struct flash *flash, int argc, char **argv)
{
    struct request r = {0};
    struct flash_files files = {0};
    bool *equal = NULL;
    size_t count = 0;
    const char **args = calloc((size_t)argc + 1, sizeof *args);
    if (args == NULL)
        return flash_end(flash, em_error_nomem(&flash->err));
    int exit_status = flash_parse(flash, argc, argv, args, on_option, &r);
    while (exit_status < 0 && args[count] != NULL)
        count++;
    if (exit_status < 0 && count % 2 != 0)
        exit_status =
            cli_fault(flash_program, flash->command,
                      "'%s' has no file; they come in pairs, ADDR FILE", args[count - 1]);
    if (exit_status < 0) {
        enum em_status status = flash_files_begin(&files, flash);
        for (size_t i = 0; i < count && status == EM_OK; i += 2)
            status = flash_files_add(&files, args[i], args[i + 1], false, &flash->err);
        r.outcomes = calloc(files.count + 1, sizeof *r.outcomes);
        equal = calloc(files.count + 1, sizeof *equal);
        if (status == EM_OK && (r.outcomes == NULL || equal == NULL))
            status = em_error_nomem(&flash->err);
        if (status == EM_OK)
            status = flash_open(flash);
        if (status == EM_OK)
            status = verify_files(flash, &r, &files, equal);
        exit_status = flash_end(flash, status);
    }
    for (size_t i = 0; r.outcomes != NULL && i < files.count; i++)
        free(r.outcomes[i].list);
    free(r.outcomes);
    free(equal);
    flash_files_end(&files);
    free(args);
    return exit_status;
}

const struct flash_command flash_verify_flash = {
    .cli = {.name = "verify-flash",
            .summary = "Compare the flash with files",
            .positionals = "ADDR FILE…",
            .about =
                "  ADDR  number, or the name of a partition\n"
                "  FILE  what should be there; of an Intel HEX file, its own addresses\n"
                "        count\n"
                "Pairs of them, as many as there are. A difference makes the exit status "
                "2.\n",
            .options = options,
            .common = flash_options,
            .examples = "  mfg_flash verify-flash 0x10000 app.bin\n"
                        "  mfg_flash verify-flash --diff 0x9000 nvs.bin\n"},
    .run = verify_flash,
};
