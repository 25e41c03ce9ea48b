/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash read-mem, write-mem, dump-mem. */
#include "config.h"

#include "src/flash_files.h"
#include "src/flash_session.h"

#include "base/error_int.h"

#include <inttypes.h>

static const struct cli_option no_options[] = {
    {NULL, NULL, NULL, NULL, 0},
};

/* A positional that is a number of 32 bits. Returns -1, or the exit status. */
static int take_word(uint32_t *out, struct flash *flash, const char *name,
                     const char *text)
{
    unsigned long long value;
    if (!cli_integer(&value, text, UINT32_MAX))
        return cli_fault(flash_program, flash->command,
                         "%s '%s' is not a number of 32 bits", name, text);
    *out = (uint32_t)value;
    return -1;
}

static int read_mem(struct flash *flash, int argc, char **argv)
{
    uint32_t addr = 0;
    uint32_t value = 0;
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status < 0)
        exit_status = take_word(&addr, flash, "ADDR", args[0]);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = flash_open(flash);
    if (status == EM_OK)
        status = em_device_read_word(flash->device, addr, &value, &flash->err);
    if (status == EM_OK) {
        flash_print(flash, "0x%08" PRIx32 " = 0x%08" PRIx32, addr, value);
        flash_json(flash, "address", json_integer(addr));
        flash_json(flash, "value", json_integer(value));
    }
    return flash_end(flash, status);
}

const struct flash_command flash_read_mem = {
    .cli = {.name = "read-mem",
            .summary = "Print one word of memory",
            .positionals = "ADDR",
            .options = no_options,
            .common = flash_options,
            .examples = "  mfg_flash read-mem 0x40001000\n"},
    .run = read_mem,
};

static int write_mem(struct flash *flash, int argc, char **argv)
{
    uint32_t addr = 0;
    uint32_t value = 0;
    uint32_t mask = UINT32_MAX;
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status < 0)
        exit_status = take_word(&addr, flash, "ADDR", args[0]);
    if (exit_status < 0)
        exit_status = take_word(&value, flash, "VALUE", args[1]);
    if (exit_status < 0 && args[2] != NULL)
        exit_status = take_word(&mask, flash, "MASK", args[2]);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = flash_open(flash);
    if (status == EM_OK)
        status = em_device_write_word(flash->device, addr, value, mask, 0, &flash->err);
    if (status == EM_OK) {
        flash_print(flash,
                    "Wrote 0x%08" PRIx32 " with mask 0x%08" PRIx32 " to 0x%08" PRIx32,
                    value, mask, addr);
        flash_json(flash, "address", json_integer(addr));
        flash_json(flash, "value", json_integer(value));
        flash_json(flash, "mask", json_integer(mask));
    }
    return flash_end(flash, status);
}

const struct flash_command flash_write_mem = {
    .cli = {.name = "write-mem",
            .summary = "Write one word of memory, or some bits of it",
            .positionals = "ADDR VALUE [MASK]",
            .about = "  MASK  the bits that are written (default: all)\n",
            .options = no_options,
            .common = flash_options,
            .examples = "  mfg_flash write-mem 0x60008074 0x1 0x1\n"},
    .run = write_mem,
};

/* ---- Memory into a file ---- */

static enum em_status dump(struct flash *flash, struct flash_output *output,
                           uint32_t addr, size_t len)
{
    struct em_buf content = {0};
    uint8_t *data = em_buf_reserve(&content, len == 0 ? 1 : len);
    enum em_status status =
        data == NULL ? em_error_nomem(&flash->err)
                     : em_device_read_memory(flash->device, addr, data, len, &flash->err);
    if (status == EM_OK)
        status = flash_output_put(output, data, len, &flash->err);
    em_buf_free(&content);
    return status;
}

static int dump_mem(struct flash *flash, int argc, char **argv)
{
    uint32_t addr = 0;
    unsigned long long len = 0;
    struct flash_output output = {0};
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status < 0)
        exit_status = take_word(&addr, flash, "ADDR", args[0]);
    if (exit_status < 0 && !cli_size(&len, args[1], UINT32_MAX))
        exit_status =
            cli_fault(flash_program, flash->command, "SIZE '%s' is not a size", args[1]);
    if (exit_status >= 0)
        return exit_status;
    len &= ~3ULL; /* whole words */
    enum em_status status = flash_output_open(&output, args[2], &flash->err);
    if (status == EM_OK)
        status = flash_open(flash);
    if (status == EM_OK)
        status = dump(flash, &output, addr, (size_t)len);
    if (status == EM_OK) {
        flash_print(flash, "Read %llu bytes of memory from 0x%08" PRIx32 " to '%s'.", len,
                    addr, args[2]);
        flash_json(flash, "address", json_integer(addr));
        flash_json(flash, "bytes", json_integer((json_int_t)len));
    }
    flash_json(flash, "file", flash_json_text(args[2]));
    flash_output_close(&output);
    return flash_end(flash, status);
}

const struct flash_command flash_dump_mem = {
    .cli = {.name = "dump-mem",
            .summary = "Read memory into a file",
            .positionals = "ADDR SIZE FILE",
            .about = "  SIZE  bytes, also with k or M; whole words, a remainder is left "
                     "out\n",
            .options = no_options,
            .common = flash_options,
            .examples = "  mfg_flash dump-mem 0x40000000 64k rom.bin\n"},
    .run = dump_mem,
};
