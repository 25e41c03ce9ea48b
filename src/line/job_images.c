/* SPDX-License-Identifier: Apache-2.0 */
/* A job's flash: its settings, the partition table, images and where they go. */
#include "config.h"

#include "src/line/job_int.h"

#include "base/file_int.h"
#include "flasher/image/hex_int.h"
#include "flasher/image/image_int.h"
#include "src/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    IMAGE_MAX = 128 * 1024 * 1024, /* the largest flash */
    SECTOR = 4096,                 /* the smallest piece of flash that is erased */
};

/* ---- Settings ---- */

/* A name of the chip's list, in its own spelling; "keep", and for sizes "detect", are of
 * all chips. */
static enum em_status take_code(char **out, struct job_making *making, const char *key,
                                const char *text, const struct em_chip_code *codes,
                                const char *extra, struct em_error *err)
{
    const struct line_key where = {making->job->yaml, "flash", LINE_NO_IDX, key};
    if (text == NULL || strcmp(text, "keep") == 0)
        return EM_OK;
    const char *found = extra != NULL && strcmp(text, extra) == 0 ? extra : NULL;
    for (; found == NULL && codes->name != NULL; codes++)
        found = strcasecmp(codes->name, text) == 0 ? codes->name : NULL;
    if (found == NULL) {
        char hint[sizeof err->hint];
        em_chip_code_list(strcmp(key, "size") == 0 ? making->chip->flash_sizes
                                                   : making->chip->flash_freqs,
                          hint, sizeof hint);
        return line_key_fault(&where, EM_ERR_INPUT, err, hint,
                              "%s: the %s has no '%.64s'", key, making->chip->name, text);
    }
    *out = line_yaml_text(making->job->yaml, "%s", found);
    return *out == NULL ? em_error_nomem(err) : EM_OK;
}

static enum em_status take_settings(struct job_making *making, struct em_error *err)
{
    static const char *const modes[] = {"keep", "qio", "qout", "dio", "dout", NULL};
    const struct job_y_flash *flash = making->y->flash;
    struct line_job *job = making->job;
    struct line_key key = {job->yaml, "flash", LINE_NO_IDX, "mode"};
    size_t mode = 0;
    if (flash == NULL)
        return EM_OK;
    enum em_status status = take_code(&job->flash_size, making, "size", flash->size,
                                      making->chip->flash_sizes, "detect", err);
    if (status == EM_OK)
        status = take_code(&job->flash_freq, making, "freq", flash->freq,
                           making->chip->flash_freqs, NULL, err);
    if (status == EM_OK)
        status = line_take_choice(&mode, &key, flash->mode, modes, err);
    if (mode != 0)
        job->flash_mode = flash->mode;
    key.key = "erase_all";
    if (status == EM_OK)
        status = line_take_yes(&job->erase_all, &key, flash->erase_all, err);
    return status;
}

static enum em_status take_table(struct job_making *making, struct em_error *err)
{
    struct line_job *job = making->job;
    if (making->y->partition_table == NULL)
        return EM_OK;
    job->partition_table = line_yaml_path(job->yaml, making->y->partition_table);
    making->table = calloc(1, sizeof *making->table);
    if (job->partition_table == NULL || making->table == NULL)
        return em_error_nomem(err);
    enum em_status status = em_partition_load(making->table, job->partition_table,
                                              EM_PARTITION_TABLE_AT, err);
    return status == EM_OK ? EM_OK
                           : line_yaml_at(job->yaml, "partition_table", status, err);
}

/* ---- Places ---- */

static const struct em_partition *partition_at(const struct em_partition_table *table,
                                               uint32_t addr)
{
    for (size_t i = 0; table != NULL && i < table->count; i++) {
        if (table->rows[i].offset == addr)
            return &table->rows[i];
    }
    return NULL;
}

enum em_status line_job_place(uint32_t *addr_out, uint64_t *limit_out,
                              const struct job_making *making, const struct line_key *key,
                              const char *text, struct em_error *err)
{
    unsigned long long addr;
    const struct em_partition *partition =
        making->table == NULL ? NULL : em_partition_find(making->table, text);
    if (partition == NULL && cli_size(&addr, text, UINT32_MAX)) {
        *addr_out = (uint32_t)addr;
        partition = partition_at(making->table, *addr_out);
    } else if (partition != NULL) {
        *addr_out = partition->offset;
    } else {
        char names[sizeof err->hint] = "write it as 0x10000; with partition_table names "
                                       "of partitions can be used as well";
        if (making->table != NULL)
            em_partition_list(making->table, names, sizeof names);
        return line_key_fault(key, EM_ERR_INPUT, err, names,
                              making->table != NULL
                                  ? "'%.64s' is no address, and no partition of the table"
                                  : "'%.64s' is not an address",
                              text);
    }
    *limit_out = partition == NULL ? 0 : (uint64_t)partition->offset + partition->size;
    if (*addr_out % SECTOR != 0)
        return line_key_fault(
            key, EM_ERR_INPUT, err, "flash is erased in pieces of 0x1000 bytes",
            "address 0x%" PRIx32 " is not a multiple of 0x1000", *addr_out);
    return EM_OK;
}

/* ---- Images ---- */

/* Is there an image where the chip looks for one? */
static bool boots_from(const struct job_making *making, uint32_t addr)
{
    const struct em_partition *partition = partition_at(making->table, addr);
    return addr == making->chip->bootloader ||
           (partition != NULL && partition->type == EM_PARTITION_APP);
}

static enum em_status check_content(const struct job_making *making,
                                    const struct line_image *image,
                                    const struct line_key *key, struct em_error *err)
{
    struct em_image parsed;
    struct em_error why;
    enum em_status status = EM_OK;
    if (em_image_hex_looks(image->data, image->len))
        return line_key_fault(key, EM_ERR_INPUT, err, "use the .bin file of the build",
                              "%s: an Intel HEX file", image->file);
    if (em_image_header(&parsed, image->data, image->len, making->chip)) {
        status = em_image_check_kind(&parsed, making->chip, &why);
        if (status == EM_OK && boots_from(making, image->addr))
            status = em_image_parse(&parsed, image->data, image->len, making->chip, &why);
    }
    if (status != EM_OK)
        return line_key_fault(key, status, err, why.hint, "%s: %s", image->file,
                              why.what);
    if (image->limit != 0 && image->addr + (uint64_t)image->len > image->limit)
        return line_key_fault(key, EM_ERR_FULL, err, "check the partition table",
                              "%s: %zu bytes, but partition '%s' has %" PRIu64,
                              image->file, image->len, image->place,
                              image->limit - image->addr);
    return EM_OK;
}

static enum em_status read_content(struct line_image *image, const struct line_key *key,
                                   struct em_error *err)
{
    struct em_buf content = {0};
    enum em_status status = em_file_read(&content, image->file, IMAGE_MAX, err);
    if (status == EM_OK && content.len == 0)
        status = em_error_set(err, EM_ERR_INPUT, "build it again",
                              "%s: the file is empty", image->file);
    if (status == EM_OK)
        status = line_sha256(image->sha256, content.data, content.len, err);
    if (status != EM_OK) {
        em_buf_free(&content);
        char place[LINE_PLACE_SIZE];
        return line_yaml_at(key->yaml, line_key_place(key, place), status, err);
    }
    image->data = content.data;
    image->len = content.len;
    return EM_OK;
}

static enum em_status take_image(struct line_image *image, struct job_making *making,
                                 const struct job_y_image *y, const char *list,
                                 size_t idx, struct em_error *err)
{
    struct line_job *job = making->job;
    struct line_key key = {job->yaml, list, idx, "file"};
    char place[LINE_PLACE_SIZE];
    image->line = line_yaml_line(job->yaml, line_key_place(&key, place));
    image->place = y->at;
    image->file = line_yaml_path(job->yaml, y->file);
    enum em_status status =
        image->file == NULL ? em_error_nomem(err) : read_content(image, &key, err);
    key.key = "at";
    if (status == EM_OK)
        status = line_job_place(&image->addr, &image->limit, making, &key, y->at, err);
    key.key = "encrypt";
    if (status == EM_OK)
        status = line_take_yes(&image->encrypt, &key, y->encrypt, err);
    if (status == EM_OK && image->encrypt && making->chip->encrypt_align == 0)
        status = line_key_fault(
            &key, EM_ERR_UNSUPPORTED, err, "encrypt the file with the chip's key first",
            "the %s cannot encrypt what it writes", making->chip->name);
    key.key = "file";
    return status == EM_OK ? check_content(making, image, &key, err) : status;
}

enum em_status line_job_take_images(struct line_image **out, size_t *count_out,
                                    struct job_making *making,
                                    const struct job_y_image *y, size_t count,
                                    const char *list, struct em_error *err)
{
    enum em_status status = EM_OK;
    *out = NULL;
    *count_out = 0;
    if (count == 0)
        return EM_OK;
    *out = calloc(count, sizeof **out);
    if (*out == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < count && status == EM_OK; i++) {
        (*count_out)++;
        status = take_image(&(*out)[i], making, &y[i], list, i, err);
    }
    return status;
}

enum em_status line_job_images(struct job_making *making, struct em_error *err)
{
    struct line_job *job = making->job;
    enum em_status status = take_settings(making, err);
    if (status == EM_OK)
        status = take_table(making, err);
    return status == EM_OK ? line_job_take_images(&job->images, &job->image_count, making,
                                                  making->y->images,
                                                  making->y->image_count, "images", err)
                           : status;
}

/* ---- Together ---- */

/* A piece of flash that is written. */
struct span {
    const char *name;
    uint64_t start, end; /* whole sectors */
};

static struct span span_of(const struct line_job *job, size_t idx)
{
    if (idx > job->image_count) /* with flash encryption */
        return (struct span){"the units' NVS keys", job->crypt.keys_addr,
                             (uint64_t)job->crypt.keys_addr + SECTOR};
    uint32_t addr = idx < job->image_count ? job->images[idx].addr : job->nvs_addr;
    size_t len =
        idx < job->image_count ? job->images[idx].len : em_units_image_size(job->source);
    return (struct span){
        idx < job->image_count ? job->images[idx].file : "the units' NVS image",
        addr,
        ((uint64_t)addr + len + SECTOR - 1) / SECTOR * SECTOR,
    };
}

static enum em_status check_flash_end(const struct job_making *making, size_t idx,
                                      const struct line_key *key, struct em_error *err)
{
    uint64_t size;
    const struct span span = span_of(making->job, idx);
    if (making->job->flash_size == NULL ||
        !em_image_flash_bytes(making->job->flash_size, &size) || span.end <= size)
        return EM_OK;
    return line_key_fault(key, EM_ERR_FULL, err, "check flash size and addresses",
                          "%s: ends at 0x%" PRIx64 ", the flash (%s) at 0x%" PRIx64,
                          span.name, span.end, making->job->flash_size, size);
}

enum em_status line_job_overlaps(const struct job_making *making, struct em_error *err)
{
    const struct line_job *job = making->job;
    for (size_t i = 0; i <= job->image_count + (job->crypt.on ? 1 : 0); i++) {
        const struct span a = span_of(job, i);
        struct line_key key = {job->yaml, "images", i, "at"};
        if (i == job->image_count)
            key = (struct line_key){job->yaml, "units", LINE_NO_IDX,
                                    making->y->units->at != NULL ? "at" : ""};
        else if (i > job->image_count)
            key = (struct line_key){job->yaml, "units", LINE_NO_IDX,
                                    making->y->units->keys_at != NULL ? "keys_at" : ""};
        enum em_status status = check_flash_end(making, i, &key, err);
        if (status != EM_OK)
            return status;
        for (size_t j = 0; j < i; j++) {
            const struct span b = span_of(job, j);
            if (a.start < b.end && b.start < a.end)
                return line_key_fault(
                    &key, EM_ERR_INPUT, err,
                    "put them further apart; flash is erased in pieces of 0x1000 bytes",
                    "%s (0x%" PRIx64 "..0x%" PRIx64 ") and %s (0x%" PRIx64 "..0x%" PRIx64
                    ") overlap",
                    b.name, b.start, b.end, a.name, a.start, a.end);
        }
    }
    return EM_OK;
}
