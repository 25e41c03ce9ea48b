/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the readers of firmware images, ELF files, partition tables and Intel HEX files:
 * what they accept lies within its bytes, and what is made of it reads back the same. */
#include "config.h"

#include "base/text_int.h"
#include "flasher/image/hex_int.h"
#include "flasher/image/image_int.h"
#include "flasher/image/partition_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As assert(), but there in every build. */
static void require(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "fuzz_image: %s\n", what);
    abort();
}

/* A message is shown on one line and is text. */
static void check_message(const struct em_error *msg)
{
    struct em_span what = em_span_of(msg->what);
    require(what.len > 0, "a fault without a message");
    require(em_utf8_valid(what), "a message that is not UTF-8");
    require(memchr(what.p, '\n', what.len) == NULL, "a message of several lines");
}

static void try_image(const uint8_t *data, size_t size, const char *name)
{
    const struct em_chip *chip = em_chip_find(name);
    const struct em_image_settings settings = {"dout", "20m", "2MB"};
    struct em_image image, again;
    struct em_error err = {.what = ""};
    bool changed;
    require(chip != NULL, "no such chip");
    uint8_t *copy = malloc(size > 0 ? size : 1);
    require(copy != NULL, "memory");
    memcpy(copy, data, size);
    enum em_status status = em_image_parse(&image, data, size, chip, &err);
    require(status == EM_OK || status == EM_ERR_INPUT, "status of an image");
    require(em_image_header_set(copy, size, chip, &settings, &changed, &err) == status,
            "patched or not");
    if (status == EM_OK) {
        require(image.len <= size && image.checksum_off < image.len, "length");
        for (size_t i = 0; i < image.count; i++)
            require(image.segments[i].data >= data &&
                        image.segments[i].len <=
                            size - (size_t)(image.segments[i].data - data),
                    "a segment outside");
        status = em_image_check_chip(&image, chip, 100, &err);
        require(status == EM_OK || status == EM_ERR_CHIP, "status of a check");
        require(em_image_parse(&again, copy, size, chip, &err) == EM_OK,
                "a patched image is none");
        require(again.mode == 3 && again.count == image.count && again.len == image.len,
                "a patched image is another");
        require(memcmp(copy + image.len, data + image.len, size - image.len) == 0,
                "bytes behind an image");
    } else {
        check_message(&err);
        require(memcmp(copy, data, size) == 0, "a refused image was changed");
    }
    free(copy);
}

static void try_partitions(const uint8_t *data, size_t size)
{
    static struct em_partition_table table, again;
    struct em_error err = {.what = ""};
    uint8_t out[EM_PARTITION_TABLE_LEN];
    enum em_status status =
        em_partition_parse(&table, data, size, "t", EM_PARTITION_TABLE_AT, &err);
    if (status != EM_OK) {
        require(status == EM_ERR_INPUT && table.count == 0, "status of a table");
        check_message(&err);
        return;
    }
    require(table.count > 0, "an empty table");
    require(em_partition_binary(out, &table, false, &err) == EM_OK,
            "a table is not written");
    require(em_partition_parse(&again, out, sizeof out, "t", 0, &err) == EM_OK &&
                again.count == table.count,
            "a table does not read back");
    for (size_t i = 0; i < table.count; i++) {
        struct em_partition *row = &again.rows[i];
        row->line = table.rows[i].line;
        require(strcmp(row->name, table.rows[i].name) == 0 &&
                    row->type == table.rows[i].type &&
                    row->subtype == table.rows[i].subtype &&
                    row->offset == table.rows[i].offset &&
                    row->size == table.rows[i].size && row->flags == table.rows[i].flags,
                "a partition does not read back");
        require(em_partition_find(&table, row->name) == &table.rows[i], "find");
    }
}

static void try_hex(const uint8_t *data, size_t size)
{
    struct em_image_hex hex;
    struct em_error err = {.what = ""};
    enum em_status status = em_image_hex_parse(&hex, data, size, "h", &err);
    if (status != EM_OK) {
        require(status == EM_ERR_INPUT && hex.count == 0, "status of a HEX file");
        check_message(&err);
        return;
    }
    size_t sum = 0;
    for (size_t i = 0; i < hex.count; i++) {
        const struct em_image_piece *piece = &hex.pieces[i];
        require(piece->len > 0 && piece->off == sum, "bytes of a piece");
        sum += piece->len;
        require(i == 0 || (uint64_t)piece[-1].addr + piece[-1].len < piece->addr,
                "pieces out of order");
    }
    require(sum == hex.bytes.len, "bytes of no piece");
    em_image_hex_free(&hex);
}

/* ---- Images: looked at, made, merged ---- */

static void try_look(const uint8_t *data, size_t size, const char *chip)
{
    struct em_image_info info;
    struct em_error err = {.what = ""};
    enum em_status status = em_image_look(&info, data, size, chip, &err);
    if (status != EM_OK) {
        require(status == EM_ERR_INPUT || status == EM_ERR_CHIP, "status of a look");
        check_message(&err);
        return;
    }
    require(info.len <= size, "length of an image");
    for (size_t i = 0; i < info.count; i++)
        require(info.segments[i].off <= size &&
                    info.segments[i].len <= size - info.segments[i].off,
                "a segment outside");
    require(em_utf8_valid(em_span_of(info.app.version)) &&
                em_utf8_valid(em_span_of(info.app.project)) &&
                em_utf8_valid(em_span_of(info.bootloader.idf)),
            "a text that is not UTF-8");
}

static void check_made(const struct em_image_file *file, const char *chip)
{
    struct em_image_info info;
    struct em_error err = {.what = ""};
    if (em_image_look(&info, file->data, file->len, chip, &err) != EM_OK) {
        (void)fprintf(stderr, "%s\n", err.what);
        abort();
    }
    require(info.checksum == info.checksum_wanted, "checksum of an image");
    require(!info.has_digest || info.digest_valid, "digest of an image");
}

/* The last byte has options, so that the file begins as files do. */
static void try_elf(const uint8_t *data, size_t size, const char *chip)
{
    static const uint32_t pages[] = {0, 0x10000, 0x4000, 0x2000};
    struct em_image_files files;
    struct em_error err = {.what = ""};
    struct em_image_options options = EM_IMAGE_OPTIONS_INIT;
    uint8_t flags = size > 0 ? data[size - 1] : 0;
    options.chip = chip;
    options.version = strcmp(chip, "esp8266") == 0 ? 1 + (flags >> 6) % 3 : 1;
    options.mmu_page_size = pages[flags >> 6];
    options.use_segments = (flags & 1) != 0;
    options.no_digest = (flags & 2) != 0;
    options.ram_only_header = (flags & 4) != 0;
    options.secure_pad = (flags & 8) != 0;
    options.secure_pad_v2 = (flags & 16) != 0;
    options.force = (flags & 32) != 0;
    enum em_status status = em_image_from_elf(&files, data, size, &options, &err);
    if (status != EM_OK) {
        require(status == EM_ERR_INPUT || status == EM_ERR_USAGE,
                "status of an ELF file");
        require(files.count == 0, "files of a fault");
        check_message(&err);
        return;
    }
    require(files.count > 0 && files.files[0].len % 4 == 0, "files of an ELF file");
    /* The ROM's count may be 0 when it sees only some of the image, and an ESP8266 may
     * have all of its program in flash. */
    if (files.files[0].data[1] > 0 && options.version != 2)
        check_made(&files.files[0], chip);
    em_image_files_free(&files);
}

/* Cut the input into two pieces and merge them: as Intel HEX they read back. */
static void try_merge(const uint8_t *data, size_t size)
{
    struct em_error err = {.what = ""};
    struct em_image_merge options = {.chip = "esp32c3"};
    struct em_image_hex hex;
    uint8_t *out = NULL;
    size_t len = 0;
    if (size < 8 || size > 0x20000)
        return;
    size_t cut = data[size - 1] % (size - 1) + 1;
    uint32_t addr = (uint32_t)data[0] << 20 | (uint32_t)data[1] << 8 | data[2];
    uint32_t next = (uint32_t)(addr + cut + 0xFFF) & ~0xFFFu;
    const struct em_image_input pieces[] = {{next, data + cut, size - cut},
                                            {addr, data, cut}};
    options.format = EM_IMAGE_HEX;
    require(em_image_merge(&out, &len, pieces, 2, &options, &err) == EM_OK, "merge");
    require(em_image_hex_parse(&hex, out, len, "h", &err) == EM_OK, "merged HEX");
    require(hex.bytes.len == size && memcmp(hex.bytes.data, data, size) == 0 &&
                hex.pieces[0].addr == addr,
            "merged HEX does not read back");
    em_image_hex_free(&hex);
    free(out);
    options.format = EM_IMAGE_UF2;
    options.no_md5 = (data[3] & 1) != 0;
    options.chunk_size = (data[3] >> 1) * 4u;
    enum em_status status = em_image_merge(&out, &len, pieces, 2, &options, &err);
    require(status == EM_OK || status == EM_ERR_USAGE, "status of UF2");
    require(status != EM_OK || (len > 0 && len % 512 == 0), "blocks of UF2");
    free(out);
}

static void try_partition_csv(const uint8_t *data, size_t size)
{
    static struct em_partition_table table, again;
    struct em_error err = {.what = ""};
    char *text = NULL;
    if (em_partition_parse(&table, data, size, "t", EM_PARTITION_TABLE_AT, &err) != EM_OK)
        return;
    enum em_status status = em_partition_check(&table, EM_PARTITION_TABLE_AT, 0, &err);
    require(status == EM_OK || status == EM_ERR_INPUT, "status of a check");
    require(em_partition_csv(&text, &table, &err) == EM_OK, "a table as CSV");
    if (status == EM_OK &&
        em_partition_parse(&again, (const uint8_t *)text, strlen(text), "t",
                           EM_PARTITION_TABLE_AT, &err) == EM_OK) {
        require(again.count == table.count, "rows of CSV");
        for (size_t i = 0; i < table.count; i++)
            require(again.rows[i].offset == table.rows[i].offset &&
                        again.rows[i].size == table.rows[i].size &&
                        again.rows[i].type == table.rows[i].type &&
                        again.rows[i].subtype == table.rows[i].subtype,
                    "a row of CSV is another");
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_image(data, size, "esp32");
    try_image(data, size, "esp8266");
    try_look(data, size, NULL);
    try_look(data, size, "esp8266");
    try_elf(data, size, "esp32");
    try_elf(data, size, "esp32c6");
    try_elf(data, size, "esp8266");
    try_merge(data, size);
    try_partitions(data, size);
    try_partition_csv(data, size);
    try_hex(data, size);
    return 0;
}
