/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes tables of the user's own eFuse fields and files of virtual eFuses: what is
 * accepted can be shown and checked, and burning a bit keeps the rest. */
#include "config.h"

#include "flasher/efuse/efuses_int.h"
#include "flasher/efuse/model_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* As assert(), but there in every build. */
static void require(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "fuzz_efuse: %s\n", what);
    abort();
}

static char path[64];

static void show_all(const struct em_efuses *e)
{
    struct em_efuses_field field;
    struct em_efuses_chip chip;
    for (size_t at = 0; (at = em_efuses_field_next(e, at, &field)) != 0;)
        require(field.name != NULL && field.value != NULL && field.bits > 0, "field");
    for (size_t i = 0; i < em_efuses_block_count(e); i++) {
        struct em_efuses_block block;
        em_efuses_block(e, i, &block);
        require(block.len <= 36, "block");
    }
    em_efuses_chip(e, &chip);
    require(strlen(chip.mac) == 17, "MAC");
}

static void try_table(const uint8_t *data, size_t size)
{
    struct em_efuses *e;
    struct em_error err = {.what = ""};
    require(em_efuses_open_virtual(&e, "esp32c3", NULL, NULL, &err) == EM_OK, "open");
    enum em_status status = em_efuses_extend_text(e, data, size, "given.csv", &err);
    require(status == EM_OK || (status == EM_ERR_INPUT && err.line > 0), "status");
    require(em_efuses_refresh(e, &err) == EM_OK, "refresh");
    for (size_t i = 0; i < e->extra.count; i++) {
        const struct em_efuse_field *field = &e->extra.fields[i];
        require(field->bit + field->bits <=
                    e->view.table->blocks[field->block].words * 32,
                "a field goes over its block");
    }
    show_all(e);
    em_efuses_close(e);
}

static void try_file(const char *chip, const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0, "write");
    struct em_efuses *e;
    struct em_error err = {.what = ""};
    enum em_status status = em_efuses_open_virtual(&e, chip, path, NULL, &err);
    if (status != EM_OK) {
        require(status == EM_ERR_INPUT || status == EM_ERR_UNSUPPORTED, "status");
        return;
    }
    show_all(e);
    const unsigned bit = 13;
    enum em_efuses_result result;
    uint8_t before[36];
    memcpy(before, e->now[1].bytes, sizeof before);
    if (em_efuses_stage_bits(e, "BLOCK1", &bit, 1, &err) == EM_OK &&
        em_efuses_burn(e, NULL, NULL, &result, &err) == EM_OK &&
        !em_efuses_rd_closed(e, e->view.table->blocks[1].rd_dis,
                             e->view.table->blocks[1].rd_dis_count)) {
        before[1] |= 0x20; /* bit 13 */
        require(memcmp(before, e->now[1].bytes, sizeof before) == 0, "other bits");
    }
    em_efuses_close(e);
}

static void remove_file(void)
{
    (void)unlink(path); /* a file that stays in memory is no harm */
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(path, sizeof path, "%s/fuzz_efuse.XXXXXX", base);
    int fd = mkstemp(path);
    require(fd >= 0 && close(fd) == 0 && atexit(remove_file) == 0, "file");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_table(data, size);
    try_file(size % 2 == 0 ? "esp32c3" : "esp32", data, size);
    return 0;
}
