/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash image-info. */
#include "config.h"

#include <espmfg/image.h>

#include "src/flash_files.h"
#include "src/flash_session.h"

#include "base/error_int.h"

#include <inttypes.h>

static const struct cli_option no_options[] = {
    {NULL, NULL, NULL, NULL, 0},
};

static const char *or_unknown(const char *text)
{
    return text != NULL ? text : "unknown";
}

static void hex_text(char *out, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", data[i]); /* fits */
}

static void head_line(struct flash *flash, const char *text)
{
    flash_print(flash, "%s", "");
    flash_print(flash, "%s", text);
}

/* ---- For people ---- */

static void tell_header(struct flash *flash, const struct em_image_info *info)
{
    flash_print(flash, "Image type:          %s, version %" PRIu32, info->chip_name,
                info->version);
    flash_print(flash, "Image size:          %zu bytes", info->len);
    flash_print(flash, "Entry point:         0x%08" PRIx32, info->entry);
    flash_print(flash, "Flash:               mode %s, size %s, frequency %s",
                or_unknown(info->flash_mode), or_unknown(info->flash_size),
                or_unknown(info->flash_freq));
    if (!info->extended)
        return;
    const uint8_t *d = info->pin_drives;
    flash_print(flash, "Chip ID:             %u", info->chip_id);
    flash_print(flash, "Chip revision:       v%u.%u to v%u.%u (old form: %u)",
                info->min_revision / 100, info->min_revision % 100,
                info->max_revision / 100, info->max_revision % 100,
                info->min_revision_old);
    flash_print(flash, "WP pin:              0x%02x%s", info->wp_pin,
                info->wp_pin == 0xEE ? " (none)" : "");
    flash_print(flash, "Pin drives:          clk %u, q %u, d %u, cs %u, hd %u, wp %u",
                d[0], d[1], d[2], d[3], d[4], d[5]);
}

static void tell_segments(struct flash *flash, const struct em_image_info *info)
{
    head_line(flash, "Segment  Length    Address     Offset      Memory");
    for (size_t i = 0; i < info->count; i++) {
        const struct em_image_place *s = &info->segments[i];
        flash_print(flash, "%7zu  0x%06" PRIx32 "  0x%08" PRIx32 "  0x%08" PRIx32 "  %s",
                    i, s->len, s->addr, s->off, s->memory);
    }
}

static void tell_sums(struct flash *flash, const struct em_image_info *info)
{
    char digest[2 * EM_IMAGE_DIGEST_LEN + 1];
    flash_print(flash, "%s", "");
    if (info->checksum == info->checksum_wanted)
        flash_print(flash, "Checksum:            0x%02x (valid)", info->checksum);
    else
        flash_print(flash, "Checksum:            0x%02x (wrong, 0x%02x is right)",
                    info->checksum, info->checksum_wanted);
    if (!info->has_digest)
        return;
    hex_text(digest, info->digest, sizeof info->digest);
    flash_print(flash, "SHA-256:             %s (%s)", digest,
                info->digest_valid ? "valid" : "wrong");
}

static void tell_program(struct flash *flash, const struct em_image_info *info)
{
    char digest[2 * 32 + 1];
    const struct em_image_app *app = &info->app;
    if (info->has_app) {
        hex_text(digest, app->elf_sha256, sizeof app->elf_sha256);
        head_line(flash, "Application");
        flash_print(flash, "Project:             %s", app->project);
        flash_print(flash, "Version:             %s", app->version);
        flash_print(flash, "Compiled:            %s", app->compiled);
        flash_print(flash, "SHA-256 of its ELF:  %s", digest);
        flash_print(flash, "ESP-IDF:             %s", app->idf);
        flash_print(flash, "eFuse block rev.:    v%u.%u to v%u.%u",
                    app->min_block_revision / 100, app->min_block_revision % 100,
                    app->max_block_revision / 100, app->max_block_revision % 100);
        if (app->mmu_page_size != 0)
            flash_print(flash, "MMU page size:       %" PRIu32 " KiB",
                        app->mmu_page_size >> 10);
        flash_print(flash, "Secure version:      %" PRIu32, app->secure_version);
    }
    if (info->has_bootloader) {
        head_line(flash, "Boot loader");
        flash_print(flash, "Version:             %" PRIu32, info->bootloader.version);
        flash_print(flash, "ESP-IDF:             %s", info->bootloader.idf);
        flash_print(flash, "Compiled:            %s", info->bootloader.compiled);
    }
}

/* ---- For programs ---- */

static json_t *segments_array(const struct em_image_info *info)
{
    json_t *array = json_array();
    for (size_t i = 0; i < info->count; i++) {
        const struct em_image_place *s = &info->segments[i];
        (void)json_array_append_new(
            array, json_pack("{s:I, s:I, s:I, s:s}", "address", (json_int_t)s->addr,
                             "bytes", (json_int_t)s->len, "offset", (json_int_t)s->off,
                             "memory", s->memory));
    }
    return array;
}

static json_t *app_object(const struct em_image_app *app)
{
    char digest[2 * 32 + 1];
    hex_text(digest, app->elf_sha256, sizeof app->elf_sha256);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:i, s:I}", "project", app->project,
        "version", app->version, "compiled", app->compiled, "idf", app->idf, "elf_sha256",
        digest, "secure_version", (json_int_t)app->secure_version, "min_block_revision",
        app->min_block_revision, "max_block_revision", app->max_block_revision,
        "mmu_page_size", (json_int_t)app->mmu_page_size);
}

static json_t *extended_object(const struct em_image_info *info)
{
    json_t *drives = json_array();
    for (size_t i = 0; i < 6; i++)
        (void)json_array_append_new(drives, json_integer(info->pin_drives[i]));
    return json_pack("{s:i, s:i, s:o, s:i, s:i, s:i}", "chip_id", info->chip_id, "wp_pin",
                     info->wp_pin, "pin_drives", drives, "min_revision_old",
                     info->min_revision_old, "min_revision", info->min_revision,
                     "max_revision", info->max_revision);
}

static json_t *image_object(const struct em_image_info *info, uint32_t addr)
{
    char digest[2 * EM_IMAGE_DIGEST_LEN + 1];
    hex_text(digest, info->digest, sizeof info->digest);
    json_t *object = json_pack(
        "{s:I, s:s, s:i, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:i, s:b}", "address",
        (json_int_t)addr, "chip", info->chip, "version", (int)info->version, "bytes",
        (json_int_t)info->len, "entry", (json_int_t)info->entry, "flash_mode",
        flash_json_text(info->flash_mode), "flash_size",
        flash_json_text(info->flash_size), "flash_freq",
        flash_json_text(info->flash_freq), "header",
        info->extended ? extended_object(info) : json_null(), "segments",
        segments_array(info), "checksum", info->checksum, "checksum_valid",
        (int)(info->checksum == info->checksum_wanted));
    (void)json_object_set_new(object, "sha256",
                              info->has_digest ? json_string(digest) : json_null());
    (void)json_object_set_new(object, "sha256_valid",
                              info->has_digest ? json_boolean(info->digest_valid)
                                               : json_null());
    (void)json_object_set_new(object, "application",
                              info->has_app ? app_object(&info->app) : json_null());
    (void)json_object_set_new(object, "bootloader",
                              info->has_bootloader
                                  ? json_pack("{s:I, s:s, s:s}", "version",
                                              (json_int_t)info->bootloader.version, "idf",
                                              info->bootloader.idf, "compiled",
                                              info->bootloader.compiled)
                                  : json_null());
    return object;
}

/* ---- The command ---- */

static enum em_status tell_image(struct flash *flash, const struct em_flash_piece *piece,
                                 bool several, json_t *images)
{
    struct em_image_info info;
    enum em_status status = em_image_look(&info, piece->data, (size_t)piece->len,
                                          flash->args.chip, &flash->err);
    if (several)
        flash_print(flash, "== At 0x%08" PRIx32 ", %llu bytes", piece->addr,
                    (unsigned long long)piece->len);
    if (status != EM_OK) {
        em_error_at(&flash->err, piece->name, 0);
        return status;
    }
    tell_header(flash, &info);
    tell_segments(flash, &info);
    tell_sums(flash, &info);
    tell_program(flash, &info);
    if (several)
        flash_print(flash, "%s", "");
    (void)json_array_append_new(images, image_object(&info, piece->addr));
    if (info.checksum != info.checksum_wanted)
        status =
            em_error_set(&flash->err, EM_ERR_INPUT, "the file is damaged: build it again",
                         "image: checksum 0x%02x, its segments have 0x%02x",
                         info.checksum, info.checksum_wanted);
    else if (info.has_digest && !info.digest_valid)
        status =
            em_error_set(&flash->err, EM_ERR_INPUT, "the file is damaged: build it again",
                         "image: the SHA-256 at its end is not that of its bytes");
    if (status != EM_OK)
        em_error_at(&flash->err, piece->name, 0);
    return status;
}

static int image_info(struct flash *flash, int argc, char **argv)
{
    struct flash_files files = {0};
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status >= 0)
        return exit_status;
    json_t *images = json_array();
    enum em_status status = flash_files_add(&files, "0", args[0], false, &flash->err);
    for (size_t i = 0; i < files.count && status == EM_OK; i++)
        status = tell_image(flash, &files.pieces[i], files.count > 1, images);
    flash_json(flash, "file", flash_json_text(args[0]));
    flash_json(flash, "images", images);
    flash_files_end(&files);
    return flash_end(flash, status);
}

const struct flash_command flash_image_info = {
    .cli = {.name = "image-info",
            .summary = "Tell what a firmware image is",
            .positionals = "FILE",
            .about = "  FILE  an image, or an Intel HEX file, each part of which is "
                     "looked at\n"
                     "Needs no chip. A wrong checksum or SHA-256 makes the exit status "
                     "2.\n",
            .options = no_options,
            .common = flash_options,
            .examples = "  mfg_flash image-info app.bin\n"
                        "  mfg_flash image-info --json boot.bin\n"},
    .run = image_info,
};
