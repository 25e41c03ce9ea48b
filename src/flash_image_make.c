/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash elf2image. */
#include "config.h"

#include <espmfg/image.h>

#include "src/flash_files.h"
#include "src/flash_session.h"

#include "base/error_int.h"
#include "flasher/image/image_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPT_OUTPUT,
    OPT_VERSION,
    OPT_MIN_REV,
    OPT_MIN_REV_FULL,
    OPT_MAX_REV_FULL,
    OPT_SECURE_PAD,
    OPT_SECURE_PAD_V2,
    OPT_ELF_SHA,
    OPT_NO_DIGEST,
    OPT_USE_SEGMENTS,
    OPT_MMU_PAGE,
    OPT_PAD_TO_SIZE,
    OPT_RAM_ONLY,
    OPT_FORCE,
    ELF_MAX = 256 * 1024 * 1024,
};

static const struct cli_option options[] = {
    {"output", "o", "FILE", "what to write (default: the name of ELF with .bin)",
     OPT_OUTPUT},
    {"version", "e", "N", "ESP8266: 1 (default), 2 or 3", OPT_VERSION},
    {"min-rev", "r", "N", NULL, OPT_MIN_REV},
    {"min-rev-full", NULL, "N", "lowest revision of the chip, major * 100 + minor",
     OPT_MIN_REV_FULL},
    {"max-rev-full", NULL, "N", "highest revision of the chip, the same",
     OPT_MAX_REV_FULL},
    {"secure-pad", NULL, NULL,
     "so that, signed for secure boot V1, it fills 64 KiB pages", OPT_SECURE_PAD},
    {"secure-pad-v2", NULL, NULL,
     "so that its signature for secure boot V2 begins a page", OPT_SECURE_PAD_V2},
    {"elf-sha256-offset", NULL, "OFFSET",
     "where the SHA-256 of ELF goes (default: the application's description)",
     OPT_ELF_SHA},
    {"dont-append-digest", NULL, NULL, "no SHA-256 at the end", OPT_NO_DIGEST},
    {"use-segments", NULL, NULL, "take the segments of ELF, not its sections",
     OPT_USE_SEGMENTS},
    {"flash-mmu-page-size", NULL, "SIZE",
     "64KB, 32KB, 16KB or 8KB (default: as ELF says)", OPT_MMU_PAGE},
    {"pad-to-size", NULL, "SIZE", "0xFF up to a multiple of SIZE, as 4KB or 1MB",
     OPT_PAD_TO_SIZE},
    {"ram-only-header", NULL, NULL,
     "the ROM sees only what goes into RAM; without a SHA-256", OPT_RAM_ONLY},
    {"force", NULL, NULL, "take addresses that the chip is not known to have", OPT_FORCE},
    FLASH_OPTION_SIZE,
    FLASH_OPTION_MODE,
    FLASH_OPTION_FREQ,
    {NULL, NULL, NULL, NULL, 0},
};

struct request {
    struct em_image_options image;
    const char *output;
};

static const char *take_number(const char *text, unsigned long long max,
                               unsigned long long *out)
{
    return cli_integer(out, text, max) ? NULL : "a number, and not so large a one";
}

static const char *take_bytes(const char *text, uint64_t *out)
{
    return em_image_flash_bytes(text, out) ? NULL : "write it as 64KB or 1MB";
}

static const char *on_number(struct em_image_options *o, int id, const char *text)
{
    static const unsigned long long limits[] = {
        [OPT_VERSION] = 3,
        [OPT_MIN_REV] = UINT8_MAX,
        [OPT_MIN_REV_FULL] = UINT16_MAX,
        [OPT_MAX_REV_FULL] = UINT16_MAX,
        [OPT_ELF_SHA] = UINT32_MAX,
    };
    unsigned long long number = 0;
    const char *fault = take_number(text, limits[id], &number);
    if (fault != NULL)
        return fault;
    if (id == OPT_VERSION) {
        o->version = (uint32_t)number;
    } else if (id == OPT_MIN_REV) {
        o->min_revision_old = (uint8_t)number;
    } else if (id == OPT_MIN_REV_FULL) {
        o->min_revision = (uint16_t)number;
    } else if (id == OPT_MAX_REV_FULL) {
        o->max_revision = (uint16_t)number;
    } else {
        o->has_elf_digest = true;
        o->elf_digest_off = (uint32_t)number;
    }
    return NULL;
}

static const char *on_option(void *user, int id, char *const *values)
{
    struct request *r = user;
    struct em_image_options *o = &r->image;
    uint64_t bytes = 0;
    const char *fault = NULL;
    switch (id) {
    case OPT_OUTPUT:
        r->output = values[0];
        return NULL;
    case OPT_SECURE_PAD:
        o->secure_pad = true;
        return NULL;
    case OPT_SECURE_PAD_V2:
        o->secure_pad_v2 = true;
        return NULL;
    case OPT_NO_DIGEST:
        o->no_digest = true;
        return NULL;
    case OPT_USE_SEGMENTS:
        o->use_segments = true;
        return NULL;
    case OPT_RAM_ONLY:
        o->ram_only_header = true;
        return NULL;
    case OPT_FORCE:
        o->force = true;
        return NULL;
    case OPT_MMU_PAGE:
        fault = take_bytes(values[0], &bytes);
        o->mmu_page_size = bytes <= UINT32_MAX ? (uint32_t)bytes : 1;
        return fault;
    case OPT_PAD_TO_SIZE:
        return take_bytes(values[0], &o->pad_to_size);
    default:
        return on_number(o, id, values[0]);
    }
}

/* The name of output @p file, as esptool chooses it. The caller frees it. */
static char *output_name(const struct request *r, const char *elf,
                         const struct em_image_file *file)
{
    const char *base = r->output != NULL ? r->output : elf;
    size_t room = strlen(base) + 32;
    char *name = malloc(room);
    if (name == NULL)
        return NULL;
    const char *slash = strrchr(base, '/');
    const char *dot = strrchr(slash != NULL ? slash : base, '.');
    int stem = (int)(dot != NULL && dot != base && dot[-1] != '/' ? (size_t)(dot - base)
                                                                  : strlen(base));
    unsigned long at = file->flash_addr;
    if (file->has_flash_addr && r->image.version == 1)
        (void)snprintf(name, room, "%s%s0x%05lx.bin", base, r->output != NULL ? "" : "-",
                       at);
    else if (r->output != NULL)
        (void)snprintf(name, room, "%s", base);
    else if (file->has_flash_addr)
        (void)snprintf(name, room, "%.*s-0x%05lx.bin", stem, base, at);
    else
        (void)snprintf(name, room, "%.*s.bin", stem, base);
    return name;
}

static enum em_status write_one(struct flash *flash, const char *name,
                                const struct em_image_file *file)
{
    struct flash_output output = {0};
    enum em_status status = flash_output_open(&output, name, &flash->err);
    if (status == EM_OK)
        status = flash_output_put(&output, file->data, file->len, &flash->err);
    flash_output_close(&output);
    return status;
}

static enum em_status write_files(struct flash *flash, const struct request *r,
                                  const char *elf, const struct em_image_files *files)
{
    json_t *written = json_array();
    enum em_status status = EM_OK;
    for (size_t i = 0; i < files->count && status == EM_OK; i++) {
        char *name = output_name(r, elf, &files->files[i]);
        status = name == NULL ? em_error_nomem(&flash->err)
                              : write_one(flash, name, &files->files[i]);
        if (status == EM_OK) {
            flash_print(flash, "Wrote %zu bytes to '%s'.", files->files[i].len, name);
            (void)json_array_append_new(
                written, json_pack("{s:o, s:I}", "file", flash_json_text(name), "bytes",
                                   (json_int_t)files->files[i].len));
        }
        free(name);
    }
    flash_json(flash, "files", written);
    return status;
}

static int elf2image(struct flash *flash, int argc, char **argv)
{
    struct request r = {.image = EM_IMAGE_OPTIONS_INIT};
    struct em_buf elf = {0};
    struct em_image_files files = {.count = 0};
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, on_option, &r);
    if (exit_status < 0 && flash->args.chip == NULL)
        exit_status = cli_fault(flash_program, flash->command,
                                "name the chip with --chip, as esp32c3");
    if (exit_status >= 0)
        return exit_status;
    r.image.chip = flash->args.chip;
    r.image.flash_mode = flash->args.flash.mode;
    r.image.flash_freq = flash->args.flash.freq;
    r.image.flash_size = flash->args.flash.size;
    enum em_status status = em_file_read(&elf, args[0], ELF_MAX, &flash->err);
    if (status == EM_OK) {
        status = em_image_from_elf(&files, elf.data, elf.len, &r.image, &flash->err);
        if (status != EM_OK && status != EM_ERR_USAGE)
            em_error_at(&flash->err, args[0], 0);
    }
    if (status == EM_OK)
        status = write_files(flash, &r, args[0], &files);
    em_image_files_free(&files);
    em_buf_free(&elf);
    return flash_end(flash, status);
}

const struct flash_command flash_elf2image = {
    .cli = {.name = "elf2image",
            .summary = "Make a firmware image of an ELF file",
            .positionals = "ELF",
            .about = "Needs --chip, but no chip. For an ESP8266 in version 1 there is a "
                     "file more for the\n"
                     "code in flash, and --output is what their names begin with.\n"
                     "Without options for the flash: mode qio, 1MB, the chip's usual "
                     "frequency.\n",
            .options = options,
            .common = flash_options,
            .examples = "  mfg_flash --chip esp32c3 elf2image app.elf\n"
                        "  mfg_flash --chip esp32 elf2image -fm dio -ff 40m -fs 4MB -o "
                        "app.bin app.elf\n"},
    .run = elf2image,
};
