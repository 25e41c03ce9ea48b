/* SPDX-License-Identifier: Apache-2.0 */
/* Telling what a firmware image is, with what the program tells of itself. */
#include "config.h"

#include "flasher/image/build_int.h"

#include "base/bytes_int.h"
#include "base/text_int.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <string.h>

enum {
    MAGIC_V2 = 0xEA,
    COUNT_AT = 1,
    PLAIN_LEN = 8,
    EXTENDED_LEN = 24,
    CHECKSUM_START = 0xEF,
    WP_PIN_AT = 8,
    DRIVES_AT = 9,
    /* Places in the description of an application (esp_app_desc_t) … */
    APP_LEN = 256,
    /* … and of a boot loader (esp_bootloader_desc_t). */
    BOOT_MAGIC = 0x50,
    BOOT_LEN = 80,
};
static const uint32_t app_magic = 0xABCD5432;

/* The text at @p data, of at most @p len bytes; what cannot be shown becomes '?'. */
static void copy_text(char *out, const uint8_t *data, size_t len)
{
    size_t used = 0;
    for (size_t i = 0, step; i < len && data[i] != '\0'; i += step) {
        uint32_t code = 0;
        step = em_utf8_next(data + i, len - i, &code);
        bool good = step != 0 && em_text_is_visible(code);
        step = step == 0 ? 1 : step;
        memcpy(out + used, good ? (const char *)(data + i) : "?", good ? step : 1);
        used += good ? step : 1;
    }
    out[used] = '\0';
}

static void look_at_app(struct em_image_info *out, const uint8_t *data)
{
    struct em_image_app *app = &out->app;
    char date[17], time[17];
    out->has_app = true;
    app->secure_version = em_get_le32(data + 4);
    copy_text(app->version, data + 16, 32);
    copy_text(app->project, data + 48, 32);
    copy_text(time, data + 80, 16);
    copy_text(date, data + 96, 16);
    (void)snprintf(app->compiled, sizeof app->compiled, "%s%s%.15s", date,
                   date[0] != '\0' && time[0] != '\0' ? " " : "", time);
    copy_text(app->idf, data + 112, 32);
    memcpy(app->elf_sha256, data + 144, sizeof app->elf_sha256);
    app->min_block_revision = em_get_le16(data + 176);
    app->max_block_revision = em_get_le16(data + 178);
    app->mmu_page_size = data[180] > 0 && data[180] < 32 ? (uint32_t)1 << data[180] : 0;
}

static void look_at_program(struct em_image_info *out, const struct em_chip *chip,
                            const struct em_image_segment *first)
{
    bool in_flash = em_image_in_flash(chip, first->addr);
    if (in_flash && first->len >= APP_LEN && em_get_le32(first->data) == app_magic)
        look_at_app(out, first->data);
    if (in_flash || first->len < BOOT_LEN || em_get_le32(first->data) != BOOT_MAGIC)
        return;
    out->has_bootloader = true;
    out->bootloader.version = em_get_le32(first->data + 4);
    copy_text(out->bootloader.idf, first->data + 8, 32);
    copy_text(out->bootloader.compiled, first->data + 40, 24);
}

static void memory_text(char *out, size_t size, const struct em_chip *chip, uint32_t addr)
{
    uint64_t set = em_image_memory(chip, addr);
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < 64 && used < size; i++) {
        if ((set >> i & 1) == 0)
            continue;
        int n = snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "",
                         chip->memory[i].name);
        used += n > 0 ? (size_t)n : 0;
    }
}

static const char *code_name(const struct em_chip_code *codes, uint32_t value)
{
    for (; codes->name != NULL; codes++) {
        if (codes->value == value)
            return codes->name;
    }
    return NULL;
}

static void look_at_segments(struct em_image_info *out, const struct em_image *image,
                             const struct em_chip *chip, const uint8_t *data)
{
    out->count = image->count;
    for (size_t i = 0; i < image->count; i++) {
        const struct em_image_segment *s = &image->segments[i];
        out->segments[i] = (struct em_image_place){
            .addr = s->addr, .len = s->len, .off = (uint32_t)(s->data - data)};
        memory_text(out->segments[i].memory, sizeof out->segments[i].memory, chip,
                    s->addr);
    }
    if (image->count > 0)
        look_at_program(out, chip, &image->segments[0]);
}

static void look_at_header(struct em_image_info *out, const struct em_image *image,
                           const struct em_chip *chip, const uint8_t *data)
{
    out->entry = image->entry;
    out->mode = image->mode;
    out->size_code = image->size_code;
    out->freq_code = image->freq_code;
    out->flash_mode = code_name(em_image_modes, image->mode);
    out->chip = chip->id;
    out->chip_name = chip->name;
    out->flash_size = code_name(chip->flash_sizes, image->size_code);
    out->flash_freq = code_name(chip->flash_freqs, image->freq_code);
    out->extended = image->extended;
    if (!image->extended)
        return;
    out->chip_id = image->chip_id;
    out->wp_pin = data[WP_PIN_AT];
    for (size_t i = 0; i < 6; i++)
        out->pin_drives[i] = data[DRIVES_AT + i / 2] >> (i % 2 == 0 ? 0 : 4) & 0xF;
    out->min_revision_old = image->min_revision_old;
    out->min_revision = image->min_revision;
    out->max_revision = image->max_revision;
}

/* ESP8266, version 2: a header, code for the flash, and an image of version 1, whose
 * checksum is that of its own segments. */
static enum em_status parse_v2(struct em_image *image, uint8_t *sum, const uint8_t *data,
                               size_t len, const struct em_chip *chip,
                               struct em_error *err)
{
    struct em_image code = {.count = 0};
    size_t off = PLAIN_LEN;
    enum em_status status = EM_OK;
    if (data[PLAIN_LEN] != EM_IMAGE_MAGIC)
        status = em_image_segments(&code, data, len, off, 1, err);
    if (status != EM_OK)
        return status;
    if (code.count > 0)
        off = (size_t)(code.segments[0].data - data) + code.segments[0].len;
    if (!em_image_header(image, data + off, len - off, chip))
        return em_error_set(err, EM_ERR_INPUT, "the file is damaged: build it again",
                            "image: no second header at 0x%zx", off);
    image->count = code.count;
    image->segments[0] = code.segments[0];
    status =
        em_image_segments(image, data, len, off + PLAIN_LEN, data[off + COUNT_AT], err);
    *sum = em_image_checksum(&code);
    return status;
}

static enum em_status check_digest(struct em_image_info *out,
                                   const struct em_image *image, const uint8_t *data,
                                   struct em_error *err)
{
    uint8_t digest[EM_IMAGE_DIGEST_LEN];
    size_t end = image->checksum_off + 1;
    out->checksum = data[image->checksum_off];
    out->len = image->len;
    out->has_digest = image->has_digest;
    if (!image->has_digest)
        return EM_OK;
    if (EVP_Digest(data, end, digest, NULL, EVP_sha256(), NULL) != 1)
        return em_error_set(err, EM_ERR_CRYPTO, NULL, "image: SHA-256 failed");
    memcpy(out->digest, data + end, sizeof digest);
    out->digest_valid = memcmp(digest, data + end, sizeof digest) == 0;
    return EM_OK;
}

static enum em_status parse(struct em_image *image, uint8_t *sum, uint32_t *version,
                            const uint8_t *data, size_t len, const struct em_chip *chip,
                            struct em_error *err)
{
    enum em_status status;
    *version = 1;
    if (chip->image_id == EM_CHIP_NO_ID && len > PLAIN_LEN && data[0] == MAGIC_V2) {
        *version = 2;
        status = parse_v2(image, sum, data, len, chip, err);
        if (status != EM_OK)
            return status;
        /* Two sums cancel out but for what they begin with. */
        *sum ^= em_image_checksum(image) ^ CHECKSUM_START;
        return status;
    }
    if (!em_image_header(image, data, len, chip))
        return em_error_set(err, EM_ERR_INPUT, "take a file that was built for a chip",
                            "not a firmware image");
    status = em_image_check_kind(image, chip, err);
    if (status == EM_OK)
        status = em_image_segments(image, data, len,
                                   image->extended ? EXTENDED_LEN : PLAIN_LEN,
                                   data[COUNT_AT], err);
    if (status == EM_OK)
        *sum = em_image_checksum(image);
    return status;
}

/* The chip of the header; the one without an id in headers if there is none. */
static const struct em_chip *guess_chip(const uint8_t *data, size_t len)
{
    struct em_image image;
    size_t count = 0;
    const struct em_chip *chips = em_chips(&count);
    bool extended = em_image_header(&image, data, len, NULL);
    const struct em_chip *chip = extended ? em_chip_by_id(image.chip_id) : NULL;
    for (size_t i = 0; i < count && chip == NULL; i++) {
        if (chips[i].image_id == EM_CHIP_NO_ID)
            chip = &chips[i];
    }
    return chip;
}

enum em_status em_image_look(struct em_image_info *out, const uint8_t *data, size_t len,
                             const char *chip, struct em_error *err)
{
    struct em_image image;
    *out = (struct em_image_info){.version = 1};
    const struct em_chip *found =
        chip != NULL ? em_chip_find(chip) : guess_chip(data, len);
    if (found == NULL)
        return em_error_set(err, EM_ERR_USAGE, "leave --chip out",
                            "there is no chip '%s'", chip != NULL ? chip : "");
    enum em_status status =
        parse(&image, &out->checksum_wanted, &out->version, data, len, found, err);
    if (status != EM_OK)
        return status;
    look_at_header(out, &image, found, data);
    look_at_segments(out, &image, found, data);
    return check_digest(out, &image, data, err);
}
