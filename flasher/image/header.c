/* SPDX-License-Identifier: Apache-2.0 */
/* The header of firmware images: reading it, whom it suits, changing its settings. */
#include "config.h"

#include "flasher/image/image_int.h"

#include "base/bytes_int.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <strings.h>

/* Layout: magic, count, mode, size and frequency, entry; all chips but the ESP8266 then
 * have 16 bytes more: pins (4), chip id, old and new lowest revision, highest revision,
 * 4 zeros, 1 if a digest follows. */
enum {
    COUNT_AT = 1,
    MODE_AT = 2,
    SIZE_FREQ_AT = 3,
    ENTRY_AT = 4,
    PLAIN_LEN = 8,
    CHIP_AT = 12,
    MIN_OLD_AT = 14,
    MIN_AT = 15,
    MAX_AT = 17,
    ZEROS_AT = 19,
    DIGEST_AT = 23,
    EXTENDED_LEN = 24,
    SEGMENT_HEADER_LEN = 8,
    SEGMENT_LEN_MAX = 16 * 1024 * 1024,
    CHECKSUM_START = 0xEF,
};

const struct em_chip_code em_image_modes[] = {
    {"qio", 0}, {"qout", 1}, {"dio", 2}, {"dout", 3}, {NULL, 0}};

static size_t header_len(const struct em_image *image)
{
    return image->extended ? EXTENDED_LEN : PLAIN_LEN;
}

bool em_image_header(struct em_image *out, const uint8_t *data, size_t len,
                     const struct em_chip *chip)
{
    *out = (struct em_image){.extended = chip == NULL || chip->image_id != EM_CHIP_NO_ID};
    if (len < header_len(out) || data[0] != EM_IMAGE_MAGIC || data[COUNT_AT] == 0 ||
        data[COUNT_AT] > EM_IMAGE_SEGMENTS_MAX)
        return false;
    out->mode = data[MODE_AT];
    out->size_code = data[SIZE_FREQ_AT] >> 4;
    out->freq_code = data[SIZE_FREQ_AT] & 0xF;
    out->entry = em_get_le32(data + ENTRY_AT);
    if (!out->extended)
        return true;
    /* Other files may begin with the magic too (a FAT boot sector does). */
    if (em_get_le32(data + ZEROS_AT) != 0 || data[DIGEST_AT] > 1)
        return false;
    out->chip_id = em_get_le16(data + CHIP_AT);
    out->min_revision_old = data[MIN_OLD_AT];
    out->min_revision = em_get_le16(data + MIN_AT);
    out->max_revision = em_get_le16(data + MAX_AT);
    out->has_digest = data[DIGEST_AT] == 1;
    return true;
}

/* Segment @p idx at *off; *off becomes its end. */
static enum em_status parse_segment(struct em_image *image, size_t idx,
                                    const uint8_t *data, size_t len, size_t *off,
                                    struct em_error *err)
{
    struct em_image_segment *segment = &image->segments[idx];
    if (len - *off < SEGMENT_HEADER_LEN)
        return em_error_set(err, EM_ERR_INPUT, "the file is cut off: build it again",
                            "image: segment %zu begins at 0x%zx, the image ends at 0x%zx",
                            idx + 1, *off, len);
    segment->addr = em_get_le32(data + *off);
    segment->len = em_get_le32(data + *off + 4);
    *off += SEGMENT_HEADER_LEN;
    if (segment->len % 4 != 0 || segment->len >= SEGMENT_LEN_MAX)
        return em_error_set(err, EM_ERR_INPUT, "is it an image for this chip?",
                            "image: segment %zu has %lu bytes, not a multiple of 4 below "
                            "16 MiB",
                            idx + 1, (unsigned long)segment->len);
    if (segment->len > len - *off)
        return em_error_set(err, EM_ERR_INPUT, "the file is cut off: build it again",
                            "image: segment %zu has %lu bytes at 0x%zx, the image ends "
                            "at 0x%zx",
                            idx + 1, (unsigned long)segment->len, *off, len);
    segment->data = data + *off;
    *off += segment->len;
    return EM_OK;
}

uint8_t em_image_checksum(const struct em_image *image)
{
    uint8_t sum = CHECKSUM_START;
    for (size_t i = 0; i < image->count; i++) {
        const struct em_image_segment *segment = &image->segments[i];
        for (size_t k = 0; k < segment->len; k++)
            sum ^= segment->data[k];
    }
    return sum;
}

enum em_status em_image_segments(struct em_image *out, const uint8_t *data, size_t len,
                                 size_t off, size_t count, struct em_error *err)
{
    for (size_t i = 0; i < count; i++, out->count++) {
        if (out->count == EM_IMAGE_SEGMENTS_MAX)
            return em_error_set(err, EM_ERR_INPUT, "is it an image for this chip?",
                                "image: more than %d segments",
                                (int)EM_IMAGE_SEGMENTS_MAX);
        enum em_status status = parse_segment(out, out->count, data, len, &off, err);
        if (status != EM_OK)
            return status;
    }
    out->checksum_off = off | 15;
    out->len = out->checksum_off + 1 + (out->has_digest ? EM_IMAGE_DIGEST_LEN : 0);
    if (out->len > len)
        return em_error_set(err, EM_ERR_INPUT, "the file is cut off: build it again",
                            "image: checksum%s would end at 0x%zx, the image ends at "
                            "0x%zx",
                            out->has_digest ? " and digest" : "", out->len, len);
    return EM_OK;
}

enum em_status em_image_parse(struct em_image *out, const uint8_t *data, size_t len,
                              const struct em_chip *chip, struct em_error *err)
{
    if (!em_image_header(out, data, len, chip))
        return em_error_set(err, EM_ERR_INPUT, "take a file that was built for it",
                            "not a firmware image%s%s", chip != NULL ? " for " : "",
                            chip != NULL ? chip->name : "");
    enum em_status status =
        em_image_segments(out, data, len, header_len(out), data[COUNT_AT], err);
    if (status != EM_OK)
        return status;
    uint8_t found = data[out->checksum_off], sum = em_image_checksum(out);
    if (sum == found)
        return EM_OK;
    return em_error_set(err, EM_ERR_INPUT, "the file is damaged: build it again",
                        "image: checksum 0x%02x, its segments have 0x%02x", found, sum);
}

enum em_status em_image_check_kind(const struct em_image *image,
                                   const struct em_chip *chip, struct em_error *err)
{
    if (!image->extended || chip->image_id == EM_CHIP_NO_ID ||
        image->chip_id == chip->image_id)
        return EM_OK;
    const struct em_chip *other = em_chip_by_id(image->chip_id);
    char number[32];
    (void)snprintf(number, sizeof number, "chip id %u", image->chip_id);
    return em_error_set(err, EM_ERR_CHIP, "take the image that was built for the chip",
                        "image: made for %s, the chip is an %s",
                        other != NULL ? other->name : number, chip->name);
}

enum em_status em_image_check_chip(const struct em_image *image,
                                   const struct em_chip *chip, uint32_t revision,
                                   struct em_error *err)
{
    enum em_status status = em_image_check_kind(image, chip, err);
    if (status != EM_OK || !image->extended || chip->image_id == EM_CHIP_NO_ID)
        return status;
    uint32_t low = image->min_revision;
    uint32_t high = image->max_revision;
    uint32_t found = revision;
    /* Before revisions had two numbers there was one byte, and no upper limit. */
    if (high == 0 ||
        (high == EM_IMAGE_REVISION_ANY && low == 0 && image->min_revision_old != 0)) {
        low = image->min_revision_old;
        high = EM_IMAGE_REVISION_ANY;
        found = chip->old_revision_minor ? revision % 100 : revision / 100;
    }
    if (found >= low && found <= high)
        return EM_OK;
    if (high == EM_IMAGE_REVISION_ANY)
        return em_error_set(err, EM_ERR_CHIP,
                            "take an image that was built for this revision",
                            "image: needs revision %lu or later, the %s has %lu "
                            "(major * 100 + minor)",
                            (unsigned long)low, chip->name, (unsigned long)found);
    return em_error_set(
        err, EM_ERR_CHIP, "take an image that was built for this revision",
        "image: needs revision %lu to %lu, the %s has %lu "
        "(major * 100 + minor)",
        (unsigned long)low, (unsigned long)high, chip->name, (unsigned long)found);
}

bool em_image_flash_bytes(const char *size, uint64_t *out)
{
    uint64_t number = 0;
    size_t digits = 0;
    for (; size[digits] >= '0' && size[digits] <= '9' && digits < 6; digits++)
        number = number * 10 + (uint64_t)(size[digits] - '0');
    const char *unit = size + digits;
    if (digits == 0 || number == 0)
        return false;
    if (strcasecmp(unit, "KB") == 0)
        *out = number << 10;
    else if (strcasecmp(unit, "MB") == 0 || strcasecmp(unit, "MB-c1") == 0)
        *out = number << 20;
    else
        return false;
    return true;
}

/* The code of @p name; *code stays as it is for "keep". */
static enum em_status find_code(const struct em_chip *chip, const char *what,
                                const struct em_chip_code *codes, const char *name,
                                uint32_t *code, struct em_error *err)
{
    char list[160];
    if (name == NULL || strcasecmp(name, "keep") == 0 ||
        em_chip_code_find(codes, name, code))
        return EM_OK;
    em_chip_code_list(codes, list, sizeof list);
    char hint[sizeof list + 16];
    (void)snprintf(hint, sizeof hint, "possible: %s", list);
    return em_error_set(err, EM_ERR_USAGE, hint, "flash %s '%s' is not one of the %s",
                        what, name, chip->name);
}

static enum em_status refresh_digest(const struct em_image *image, uint8_t *data,
                                     struct em_error *err)
{
    size_t end = image->checksum_off + 1;
    if (!image->has_digest ||
        EVP_Digest(data, end, data + end, NULL, EVP_sha256(), NULL) == 1)
        return EM_OK;
    return em_error_set(err, EM_ERR_CRYPTO, NULL, "image: SHA-256 failed");
}

static bool is_kept(const char *setting)
{
    return setting == NULL || strcasecmp(setting, "keep") == 0;
}

enum em_status em_image_header_set(uint8_t *data, size_t len, const struct em_chip *chip,
                                   const struct em_image_settings *settings,
                                   bool *changed_out, struct em_error *err)
{
    struct em_image image;
    uint32_t mode = 0, freq = 0, size = 0;
    *changed_out = false;
    if (is_kept(settings->mode) && is_kept(settings->freq) && is_kept(settings->size))
        return EM_OK;
    /* Settings first: a wrong one is told whatever the file is. */
    enum em_status status =
        find_code(chip, "mode", em_image_modes, settings->mode, &mode, err);
    if (status == EM_OK)
        status =
            find_code(chip, "frequency", chip->flash_freqs, settings->freq, &freq, err);
    if (status == EM_OK)
        status = find_code(chip, "size", chip->flash_sizes, settings->size, &size, err);
    if (status == EM_OK)
        status = em_image_parse(&image, data, len, chip, err);
    if (status != EM_OK)
        return status;
    if (is_kept(settings->mode))
        mode = image.mode;
    if (is_kept(settings->freq))
        freq = image.freq_code;
    if (is_kept(settings->size))
        size = image.size_code;
    uint8_t size_freq = (uint8_t)(size << 4 | freq);
    if (data[MODE_AT] == mode && data[SIZE_FREQ_AT] == size_freq)
        return EM_OK;
    data[MODE_AT] = (uint8_t)mode;
    data[SIZE_FREQ_AT] = size_freq;
    *changed_out = true;
    return refresh_digest(&image, data, err);
}
