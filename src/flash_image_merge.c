/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash merge-bin. */
#include "config.h"

#include <espmfg/image.h>

#include "src/flash_files.h"
#include "src/flash_session.h"

#include "base/error_int.h"
#include "flasher/image/image_int.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    OPT_OUTPUT,
    OPT_FORMAT,
    OPT_TARGET,
    OPT_PAD_TO_SIZE,
    OPT_CHUNK_SIZE,
    OPT_NO_MD5,
};

static const struct cli_option options[] = {
    {"output", "o", "FILE", "what to write (needed)", OPT_OUTPUT},
    {"format", "f", "FORMAT", "raw (default), hex or uf2", OPT_FORMAT},
    {"target-offset", "t", "ADDR", "raw: where FILE goes in the flash (default: 0)",
     OPT_TARGET},
    {"pad-to-size", NULL, "SIZE", "raw: 0xFF up to this size of the flash, as 4MB",
     OPT_PAD_TO_SIZE},
    {"chunk-size", NULL, "N",
     "uf2: bytes in a block, a multiple of 4 (default: the most)", OPT_CHUNK_SIZE},
    {"md5-disable", NULL, NULL, "uf2: without an MD5 in each block", OPT_NO_MD5},
    FLASH_OPTION_SIZE,
    FLASH_OPTION_MODE,
    FLASH_OPTION_FREQ,
    {NULL, NULL, NULL, NULL, 0},
};

struct request {
    struct em_image_merge merge;
    const char *output;
};

static const char *on_option(void *user, int id, char *const *values)
{
    static const char *const formats[] = {
        [EM_IMAGE_RAW] = "raw", [EM_IMAGE_HEX] = "hex", [EM_IMAGE_UF2] = "uf2", NULL};
    struct request *r = user;
    unsigned long long number = 0;
    int i = 0;
    switch (id) {
    case OPT_OUTPUT:
        r->output = values[0];
        return NULL;
    case OPT_FORMAT:
        i = flash_choice(formats, values[0]);
        r->merge.format = i < 0 ? EM_IMAGE_RAW : (enum em_image_format)i;
        return i < 0 ? "choose raw, hex or uf2" : NULL;
    case OPT_TARGET:
        if (!cli_size(&number, values[0], UINT32_MAX))
            return "write it as 0x1000";
        r->merge.target_offset = number;
        return NULL;
    case OPT_PAD_TO_SIZE:
        return em_image_flash_bytes(values[0], &r->merge.pad_to_size) ? NULL
                                                                      : "write it as 4MB";
    case OPT_CHUNK_SIZE:
        if (!cli_integer(&number, values[0], 476) || number == 0 || number % 4 != 0)
            return "a multiple of 4, as 256";
        r->merge.chunk_size = (uint32_t)number;
        return NULL;
    default: /* OPT_NO_MD5 */
        r->merge.no_md5 = true;
        return NULL;
    }
}

/* Empty files are told and left out. */
static enum em_status take_inputs(struct flash *flash, const struct flash_files *files,
                                  struct em_image_input **out)
{
    *out = calloc(files->count + 1, sizeof **out);
    if (*out == NULL)
        return em_error_nomem(&flash->err);
    for (size_t i = 0; i < files->count; i++) {
        const struct em_flash_piece *p = &files->pieces[i];
        (*out)[i] = (struct em_image_input){p->addr, p->data, (size_t)p->len};
        if (p->len == 0)
            term_tell(&flash->term, EM_LOG_WARNING, NULL, "'%s' is empty", p->name);
        if (p->limit != 0 && (uint64_t)p->addr + p->len > p->limit)
            return em_error_set(&flash->err, EM_ERR_FULL, "check the partition table",
                                "'%s' has %llu bytes, its partition ends at 0x%llx",
                                p->name, (unsigned long long)p->len,
                                (unsigned long long)p->limit);
    }
    return EM_OK;
}

static enum em_status merge(struct flash *flash, const struct request *r,
                            const struct flash_files *files, struct flash_output *output)
{
    struct em_image_input *inputs = NULL;
    uint8_t *merged = NULL;
    size_t len = 0;
    enum em_status status = take_inputs(flash, files, &inputs);
    if (status == EM_OK)
        status =
            em_image_merge(&merged, &len, inputs, files->count, &r->merge, &flash->err);
    if (status == EM_OK)
        status = flash_output_put(output, merged, len, &flash->err);
    if (status == EM_OK && r->merge.format == EM_IMAGE_RAW)
        flash_print(flash, "Wrote 0x%zx bytes to '%s', for the flash at 0x%" PRIx64 ".",
                    len, r->output, r->merge.target_offset);
    else if (status == EM_OK)
        flash_print(flash, "Wrote 0x%zx bytes to '%s'.", len, r->output);
    if (status == EM_OK)
        flash_json(flash, "bytes", json_integer((json_int_t)len));
    free(merged);
    free(inputs);
    return status;
}

static enum em_status run_merge(struct flash *flash, struct request *r, const char **args)
{
    struct flash_files files = {0};
    struct flash_output output = {0};
    r->merge.chip = flash->args.chip;
    r->merge.flash_mode = flash->args.flash.mode;
    r->merge.flash_freq = flash->args.flash.freq;
    r->merge.flash_size = flash->args.flash.size;
    enum em_status status = flash_files_begin(&files, flash);
    for (size_t i = 0; args[i] != NULL && status == EM_OK; i += 2)
        status = flash_files_add(&files, args[i], args[i + 1], false, &flash->err);
    if (status == EM_OK)
        status = flash_output_open(&output, r->output, &flash->err);
    if (status == EM_OK)
        status = merge(flash, r, &files, &output);
    flash_output_close(&output);
    flash_files_end(&files);
    return status;
}

static int merge_bin(struct flash *flash, int argc, char **argv)
{
    struct request r = {.output = NULL};
    size_t count = 0;
    const char **args = calloc((size_t)argc + 1, sizeof *args);
    if (args == NULL)
        return flash_end(flash, em_error_nomem(&flash->err));
    int exit_status = flash_parse(flash, argc, argv, args, on_option, &r);
    while (exit_status < 0 && args[count] != NULL)
        count++;
    if (exit_status < 0 && r.output == NULL)
        exit_status = cli_fault(flash_program, flash->command, "name --output FILE");
    if (exit_status < 0 && flash->args.chip == NULL)
        exit_status = cli_fault(flash_program, flash->command,
                                "name the chip with --chip, as esp32c3");
    if (exit_status < 0 && count % 2 != 0)
        exit_status =
            cli_fault(flash_program, flash->command,
                      "'%s' has no file; they come in pairs, ADDR FILE", args[count - 1]);
    if (exit_status < 0) {
        enum em_status status = run_merge(flash, &r, args);
        flash_json(flash, "file", flash_json_text(r.output));
        exit_status = flash_end(flash, status);
    }
    free(args);
    return exit_status;
}

const struct flash_command flash_merge_bin = {
    .cli =
        {.name = "merge-bin",
         .summary = "Merge files for the flash into one",
         .positionals = "ADDR FILE…",
         .about =
             "  ADDR  number, or the name of a partition\n"
             "  FILE  what belongs there; of an Intel HEX file, its own addresses "
             "count\n"
             "Needs --chip, but no chip. Options for the flash go into the boot image, "
             "as with\n"
             "write-flash.\n",
         .options = options,
         .common = flash_options,
         .examples =
             "  mfg_flash --chip esp32c3 merge-bin -o all.bin 0x0 boot.bin 0x8000 "
             "parts.bin 0x10000 app.bin\n"
             "  mfg_flash --chip esp32s3 merge-bin -f uf2 -o all.uf2 0x10000 app.bin\n"},
    .run = merge_bin,
};
