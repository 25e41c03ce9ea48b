/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash efuse dump, check-error, get-custom-mac, adc-info. */
#include "config.h"

#include "src/efuse.h"

#include "base/error_int.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_MAX = 64 }; /* the longest has 36 bytes */

static const struct cli_option no_options[] = {
    {NULL, NULL, NULL, NULL, 0},
};

/* ---- dump ---- */

/* Are the bytes of this block not for everyone's eyes? */
static bool is_hidden(const struct efuse_call *call, const struct em_efuses_block *block)
{
    return block->key && !block->empty && strstr(block->purpose, "DIGEST") == NULL &&
           !efuse_shows_keys(call->run);
}

/* A word as people write numbers, or the bytes of one in their order. */
static void print_word(FILE *to, const uint8_t *bytes, bool hidden, bool as_number)
{
    if (hidden)
        (void)fputs("????????", to);
    else if (as_number)
        (void)fprintf(to, "%02x%02x%02x%02x", bytes[3], bytes[2], bytes[1], bytes[0]);
    else
        (void)fprintf(to, "%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3]);
}

static void print_block(const struct efuse_call *call, FILE *to,
                        const struct em_efuses_block *block)
{
    bool whole_line = call->format == EFUSE_FORMAT_DEFAULT;
    bool hidden = is_hidden(call, block);
    if (whole_line)
        (void)fprintf(to, "%-15s (%-16s) [%-2u] dump:", block->name, block->aliases,
                      block->number);
    for (size_t i = 0; i + 4 <= block->len; i += 4) {
        if (whole_line)
            (void)fputc(' ', to);
        print_word(to, block->data + i, hidden, whole_line);
    }
    (void)fputc('\n', to);
}

/* "e.bin" and 3: "e3.bin". */
static char *split_name(const char *path, unsigned number)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash == NULL ? path : slash, '.');
    size_t len = dot == NULL ? strlen(path) : (size_t)(dot - path);
    size_t size = strlen(path) + 16;
    char *name = malloc(size);
    if (name != NULL)
        (void)snprintf(name, size, "%.*s%u%s", (int)len, path, number, path + len);
    return name;
}

static enum em_status put_split(struct efuse_call *call, struct em_error *err)
{
    enum em_status status = EM_OK;
    struct em_efuses_block block;
    struct efuse_call part = *call;
    for (size_t i = 0; i < em_efuses_block_count(call->run->efuses) && status == EM_OK;
         i++) {
        em_efuses_block(call->run->efuses, i, &block);
        char *name = split_name(call->file, block.number);
        if (name == NULL)
            return em_error_nomem(err);
        part.file = name;
        status = efuse_put(&part, (const char *)block.data, block.len, err);
        if (status == EM_OK)
            efuse_print(call->run, "Block %u: '%s'", block.number, name);
        free(name);
    }
    return status;
}

/* The block as a member of --json. */
static json_t *block_object(const struct efuse_call *call,
                            const struct em_efuses_block *block)
{
    char hex[2 * BLOCK_MAX + 1] = "";
    for (size_t i = 0; i < block->len && i < BLOCK_MAX; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", block->data[i]);
    return json_pack("{s:i, s:s, s:o}", "block", (int)block->number, "name", block->name,
                     "hex", flash_json_text(is_hidden(call, block) ? NULL : hex));
}

static enum em_status dump(struct efuse_call *call, struct em_error *err)
{
    struct em_efuses_block block;
    struct efuse_text text;
    size_t count = em_efuses_block_count(call->run->efuses);
    if (call->file != NULL && call->format != EFUSE_FORMAT_JOINT)
        return put_split(call, err);
    efuse_text_begin(&text);
    json_t *array = json_array();
    for (size_t i = 0; i < count && text.to != NULL; i++) {
        em_efuses_block(call->run->efuses, i, &block);
        (void)json_array_append_new(array, block_object(call, &block));
        if (call->file != NULL)
            (void)fwrite(block.data, 1, block.len, text.to);
        else
            print_block(call, text.to, &block);
    }
    efuse_json(call->run, "blocks", array);
    return efuse_text_put(&text, call, err);
}

static const struct cli_option dump_options[] = {
    {"format", NULL, "FORMAT",
     "default: a line a block, words as numbers; split: a file a block; joint: one file",
     EFUSE_OPT_FORMAT},
    {"file-name", NULL, "FILE",
     "write bytes into FILE; the number of the block goes before its ending unless joint",
     EFUSE_OPT_FILE},
    {NULL, NULL, NULL, NULL, 0},
};

const struct efuse_command efuse_dump = {
    .base = {.cli = {.name = "efuse dump",
                     .summary = "Print all blocks, or write them into files",
                     .positionals = "",
                     .options = dump_options,
                     .common = flash_options,
                     .examples = "  mfg_flash -p /dev/ttyUSB0 efuse dump\n"
                                 "  mfg_flash -p /dev/ttyUSB0 efuse dump --format joint "
                                 "--file-name efuses.bin\n"},
             .run = efuse_main},
    .kind = EFUSE_READS,
    .act = dump,
};

/* ---- check-error ---- */

static enum em_status check_error(struct efuse_call *call, struct em_error *err)
{
    struct efuse_run *run = call->run;
    enum em_status status = em_efuses_check_errors(run->efuses, err);
    if (status == EM_OK)
        efuse_print(run, "No errors in any block.");
    if (status != EM_ERR_VERIFY || !call->recovery)
        return status;
    efuse_tell(run, EM_LOG_WARNING, NULL, "%s", err->what);
    *err = (struct em_error){0};
    status = em_efuses_stage_recovery(run->efuses, err);
    if (status == EM_OK)
        status = efuse_burn(run, false, err);
    if (status == EM_OK)
        status = em_efuses_check_errors(run->efuses, err);
    if (status == EM_OK)
        efuse_print(run, "Now there are no errors in any block.");
    return status;
}

static const struct cli_option check_options[] = {
    {"recovery", NULL, NULL,
     "burn blocks with errors again with what they hold, which completes weak bits",
     EFUSE_OPT_RECOVERY},
    {NULL, NULL, NULL, NULL, 0},
};

const struct efuse_command efuse_check_error = {
    .base = {.cli = {.name = "efuse check-error",
                     .summary = "Look for coding errors in the blocks",
                     .positionals = "",
                     .about = "Errors are a fault: exit status 2.\n",
                     .options = check_options,
                     .common = flash_options,
                     .examples = "  mfg_flash -p /dev/ttyUSB0 efuse check-error "
                                 "--recovery\n"},
             .run = efuse_main},
    .kind = EFUSE_READS,
    .act = check_error,
};

/* ---- get-custom-mac, adc-info ---- */

static enum em_status get_custom_mac(struct efuse_call *call, struct em_error *err)
{
    struct em_efuses_chip chip;
    (void)err;
    em_efuses_chip(call->run->efuses, &chip);
    bool set = chip.custom_mac[0] != '\0';
    efuse_print(call->run, set ? "Custom MAC: %s" : "No custom MAC is burned.%s",
                chip.custom_mac);
    efuse_json(call->run, "custom_mac", flash_json_text(set ? chip.custom_mac : NULL));
    return EM_OK;
}

const struct efuse_command efuse_get_custom_mac = {
    .base = {.cli = {.name = "efuse get-custom-mac",
                     .summary = "Print the MAC of your own",
                     .positionals = "",
                     .options = no_options,
                     .common = flash_options,
                     .examples = "  mfg_flash -p /dev/ttyUSB0 efuse get-custom-mac\n"},
             .run = efuse_main},
    .kind = EFUSE_READS,
    .act = get_custom_mac,
};

static enum em_status adc_info(struct efuse_call *call, struct em_error *err)
{
    const struct em_efuses_line *lines = NULL;
    size_t count = 0;
    enum em_status status = em_efuses_adc_info(call->run->efuses, &lines, &count, err);
    if (status != EM_OK)
        return status;
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        efuse_print(call->run, "%s%s%s", lines[i].name,
                    lines[i].value[0] == '\0' ? "" : ": ", lines[i].value);
        (void)json_array_append_new(
            array, json_pack("{s:o, s:o}", "name", flash_json_text(lines[i].name),
                             "value", flash_json_text(lines[i].value)));
    }
    efuse_json(call->run, "adc", array);
    return EM_OK;
}

const struct efuse_command efuse_adc_info = {
    .base = {.cli = {.name = "efuse adc-info",
                     .summary = "Print calibration values of the ADC",
                     .positionals = "",
                     .options = no_options,
                     .common = flash_options,
                     .examples = "  mfg_flash -p /dev/ttyUSB0 efuse adc-info\n"},
             .run = efuse_main},
    .kind = EFUSE_READS,
    .act = adc_info,
};
