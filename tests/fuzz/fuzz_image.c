/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the readers of firmware images, partition tables and Intel HEX files: what they
 * accept lies within its bytes, and what is made of it reads back the same. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_image(data, size, "esp32");
    try_image(data, size, "esp8266");
    try_partitions(data, size);
    try_hex(data, size);
    return 0;
}
