/* SPDX-License-Identifier: Apache-2.0 */
/* From a piece to bytes at an address that the loader takes: padding, sectors, header. */
#include "config.h"

#include "flasher/flash/flash_int.h"
#include "flasher/image/image_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PLAIN_ALIGN = 4 };

/* Put the settings of @p options into the header, if there is one. */
static enum em_status patch_header(struct em_device *dev,
                                   const struct em_flash_piece *piece, uint8_t *data,
                                   const struct em_flash_options *options,
                                   const struct em_flash_space *space,
                                   struct em_error *err)
{
    char size[32];
    const struct em_chip *chip = dev->chip;
    struct em_image_settings settings = {.mode = options->mode, .freq = options->freq};
    if (space->told != 0) {
        settings.size = options->size;
    } else if (space->header != 0) {
        uint32_t code;
        em_flash_size_name(size, sizeof size, space->header);
        if (em_chip_code_find(chip->flash_sizes, size, &code))
            settings.size = size;
        else
            em_rom_log(dev, EM_LOG_WARNING, NULL,
                       "%s: headers of the %s have no size %s, it stays as it is",
                       em_flash_piece_name(piece), chip->name, size);
    }
    bool changed;
    struct em_error reason;
    enum em_status status =
        em_image_header_set(data, piece->len, chip, &settings, &changed, &reason);
    if (status == EM_ERR_INPUT) {
        em_rom_log(dev, EM_LOG_WARNING, NULL,
                   "%s: flash settings are left as they are (%s)",
                   em_flash_piece_name(piece), reason.what);
        return EM_OK;
    }
    if (status != EM_OK) {
        if (err != NULL)
            *err = reason;
        return status;
    }
    if (changed)
        em_rom_log(dev, EM_LOG_NOTE, NULL, "%s: flash settings in the header changed",
                   piece->name);
    return EM_OK;
}

static bool is_kept(const char *setting)
{
    return setting == NULL || strcasecmp(setting, "keep") == 0;
}

static bool wants_patch(const struct em_device *dev, const struct em_flash_piece *piece,
                        const struct em_flash_options *options,
                        const struct em_flash_space *space)
{
    return piece->addr == dev->chip->bootloader && !piece->opaque &&
           piece->data[0] == EM_IMAGE_MAGIC &&
           (space->header != 0 || !is_kept(options->mode) || !is_kept(options->freq));
}

/* What others write as well need not be kept, compressed and digested once more. Padding
 * may be the same as theirs, a header that was changed is not. */
static void share(struct em_flash_job *job)
{
    const struct em_flash_shared *shared = job->piece->shared;
    const uint8_t *bytes;
    if (shared == NULL || job->encrypt ||
        !em_flash_shared_is(shared, job->data, job->len, &bytes))
        return;
    job->shared = shared;
    job->data = bytes;
    free(job->own);
    job->own = NULL;
}

enum em_status em_flash_job_plan(struct em_flash_job *out, struct em_device *dev,
                                 const struct em_flash_piece *piece,
                                 const struct em_flash_options *options,
                                 const struct em_flash_space *space, bool patch,
                                 struct em_error *err)
{
    *out = (struct em_flash_job){.piece = piece,
                                 .addr = piece->addr,
                                 .data = piece->data,
                                 .encrypt = piece->encrypt};
    if (piece->len == 0)
        return EM_OK;
    /* A ROM erases from the sector on, and refuses to begin within one. */
    uint32_t down = dev->stub ? PLAIN_ALIGN : EM_FLASH_SECTOR;
    uint32_t up = piece->encrypt ? dev->chip->encrypt_align : PLAIN_ALIGN;
    size_t lead = piece->addr % down;
    size_t tail = (up - (lead + piece->len) % up) % up;
    patch = patch && wants_patch(dev, piece, options, space);
    out->addr = piece->addr - (uint32_t)lead;
    out->len = lead + piece->len + tail;
    enum em_status status = EM_OK;
    if (lead > 0 || tail > 0 || patch) {
        out->own = malloc(out->len);
        if (out->own == NULL)
            return em_error_nomem(err);
        memset(out->own, 0xFF, lead);
        memcpy(out->own + lead, piece->data, piece->len);
        memset(out->own + lead + piece->len, 0xFF, tail);
        out->data = out->own;
    }
    if (patch)
        status = patch_header(dev, piece, out->own + lead, options, space, err);
    out->runs = calloc(1, sizeof *out->runs);
    if (status == EM_OK && out->runs == NULL)
        status = em_error_nomem(err);
    if (status != EM_OK) {
        em_flash_job_free(out);
        return status;
    }
    out->runs[0].len = out->len;
    out->run_count = 1;
    share(out);
    return EM_OK;
}

void em_flash_job_free(struct em_flash_job *job)
{
    bool own = job->packed != NULL && !job->packed_shared;
    for (size_t i = 0; own && i < job->run_count; i++)
        em_flash_packed_free(&job->packed[i]);
    free(job->packed);
    free(job->runs);
    free(job->own);
    *job = (struct em_flash_job){0};
}

/* The bytes of @p data, which lies at @p addr, that are in the sector at @p sector; FF
 * where there are none. */
static void take_sector(uint8_t out[EM_FLASH_SECTOR], uint64_t sector, uint64_t addr,
                        const uint8_t *data, size_t len)
{
    uint64_t from = addr > sector ? addr : sector;
    uint64_t to = sector + EM_FLASH_SECTOR;
    to = addr + len < to ? addr + len : to;
    memset(out, 0xFF, EM_FLASH_SECTOR);
    if (from < to)
        memcpy(out + (from - sector), data + (from - addr), (size_t)(to - from));
}

static bool sector_differs(const struct em_flash_job *job, uint64_t sector,
                           bool rest_blank)
{
    const struct em_flash_piece *piece = job->piece;
    uint8_t before[EM_FLASH_SECTOR];
    uint8_t after[EM_FLASH_SECTOR];
    uint64_t sector_end = sector + EM_FLASH_SECTOR;
    uint64_t job_end = (uint64_t)job->addr + job->len;
    uint64_t known_end = (uint64_t)piece->addr + piece->old_len;
    uint64_t used_end = sector_end < job_end ? sector_end : job_end;
    /* What stands in front of the piece, or behind its old content, nobody knows. */
    if (job->addr < piece->addr && sector < piece->addr)
        return true;
    if (!rest_blank && used_end > known_end)
        return true;
    take_sector(before, sector, piece->addr, piece->old_data, piece->old_len);
    take_sector(after, sector, job->addr, job->data, job->len);
    return memcmp(before, after, EM_FLASH_SECTOR) != 0;
}

enum em_status em_flash_job_diff(struct em_flash_job *job, bool rest_blank,
                                 struct em_error *err)
{
    uint64_t end = (uint64_t)job->addr + job->len;
    uint64_t sector = job->addr & ~(uint32_t)(EM_FLASH_SECTOR - 1);
    /* At worst every other sector differs. */
    size_t room = (size_t)((end - sector) / EM_FLASH_SECTOR / 2 + 2);
    struct em_flash_run *runs = calloc(room, sizeof *runs);
    if (runs == NULL)
        return em_error_nomem(err);
    size_t count = 0;
    for (; sector < end; sector += EM_FLASH_SECTOR) {
        if (!sector_differs(job, sector, rest_blank))
            continue;
        uint64_t from = sector > job->addr ? sector : job->addr;
        uint64_t to = sector + EM_FLASH_SECTOR < end ? sector + EM_FLASH_SECTOR : end;
        size_t off = (size_t)(from - job->addr);
        if (count > 0 && runs[count - 1].off + runs[count - 1].len == off) {
            runs[count - 1].len += (size_t)(to - from);
        } else {
            runs[count].off = off;
            runs[count++].len = (size_t)(to - from);
        }
    }
    free(job->runs);
    job->runs = runs;
    job->run_count = count;
    return EM_OK;
}

const char *em_flash_piece_name(const struct em_flash_piece *piece)
{
    return piece->name != NULL ? piece->name : "data";
}
