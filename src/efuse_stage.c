/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash efuse: the commands that burn, keys aside. They only stage what is to be
 * burned. */
#include "config.h"

#include "src/efuse.h"

#include "base/error_int.h"
#include "base/file_int.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_FILE_MAX = 4096 };

/* ---- burn-efuse ---- */

/* Is the same field named twice, by whichever of its names? */
static enum em_status check_repeated(struct efuse_call *call, size_t step,
                                     struct em_error *err)
{
    struct em_efuses_field a;
    struct em_efuses_field b;
    for (size_t i = 0; i < call->count; i += step) {
        enum em_status status =
            em_efuses_field_find(call->run->efuses, call->words[i], &a, err);
        if (status != EM_OK)
            return status;
        const char *name = a.name;
        for (size_t k = 0; k < i; k += step) {
            status = em_efuses_field_find(call->run->efuses, call->words[k], &b, err);
            if (status == EM_OK && strcmp(name, b.name) == 0)
                status = em_error_set(err, EM_ERR_USAGE, "name each field once",
                                      "'%s' is named twice", call->words[i]);
            if (status != EM_OK)
                return status;
        }
    }
    return EM_OK;
}

static enum em_status burn_efuse(struct efuse_call *call, struct em_error *err)
{
    if (call->count > 1 && call->count % 2 != 0)
        return em_error_set(err, EM_ERR_USAGE, "write NAME VALUE for each field",
                            "'%s' has no value", call->words[call->count - 1]);
    enum em_status status = check_repeated(call, 2, err);
    for (size_t i = 0; i < call->count && status == EM_OK; i += 2)
        status = em_efuses_stage_field(call->run->efuses, call->words[i],
                                       i + 1 < call->count ? call->words[i + 1] : NULL,
                                       call->force, err);
    return status;
}

static const struct cli_option burn_efuse_options[] = {
    {"force", NULL, NULL, "burn also what makes the chip lose both its USB ports",
     EFUSE_OPT_FORCE},
    {NULL, NULL, NULL, NULL, 0},
};

const struct efuse_command efuse_burn_efuse = {
    .base = {.cli = {.name = "efuse burn-efuse",
                     .summary = "Burn fields by name",
                     .positionals = "NAME [VALUE…]",
                     .about = "  NAME   a field, or another name of it\n"
                              "  VALUE  number, hex bytes, MAC or name of a key purpose; "
                              "NAME VALUE may be\n"
                              "         repeated; one NAME alone: its next bit\n",
                     .options = burn_efuse_options,
                     .common = flash_options,
                     .examples = "  mfg_flash -p /dev/ttyUSB0 efuse burn-efuse "
                                 "DIS_DOWNLOAD_MODE 1 SECURE_VERSION 3\n"},
             .run = efuse_main},
    .kind = EFUSE_BURNS,
    .act = burn_efuse,
};

/* ---- burn-bit ---- */

static enum em_status burn_bit(struct efuse_call *call, struct em_error *err)
{
    enum em_status status = EM_OK;
    unsigned *bits = calloc(call->count, sizeof *bits);
    if (bits == NULL)
        return em_error_nomem(err);
    for (size_t i = 1; i < call->count && status == EM_OK; i++) {
        unsigned long long bit;
        if (!cli_integer(&bit, call->words[i], 65535))
            status = em_error_set(err, EM_ERR_USAGE, "write numbers of bits, from 0 on",
                                  "'%s' is not the number of a bit", call->words[i]);
        else
            bits[i - 1] = (unsigned)bit;
    }
    if (status == EM_OK)
        status = em_efuses_stage_bits(call->run->efuses, call->words[0], bits,
                                      call->count - 1, err);
    free(bits);
    return status;
}

static const struct cli_option force_options[] = {
    EFUSE_OPTION_FORCE_WRITE_ALWAYS,
    {NULL, NULL, NULL, NULL, 0},
};

const struct efuse_command efuse_burn_bit = {
    .base = {.cli = {.name = "efuse burn-bit",
                     .summary = "Burn bits of a block by number",
                     .positionals = "BLOCK BIT…",
                     .about = "  BLOCK  by name or as BLOCK3\n"
                              "  BIT    counted from the lowest of the first word\n",
                     .options = force_options,
                     .common = flash_options,
                     .examples = "  mfg_flash -p /dev/ttyUSB0 efuse burn-bit BLOCK3 0 17 "
                                 "255\n"},
             .run = efuse_main},
    .kind = EFUSE_BURNS,
    .has_force = true,
    .act = burn_bit,
};

/* ---- burn-block-data ---- */

static enum em_status stage_file(struct efuse_call *call, const char *block,
                                 const char *path, size_t offset, struct em_error *err)
{
    struct em_buf data = {0};
    enum em_status status = em_file_read(&data, path, BLOCK_FILE_MAX, err);
    if (status == EM_OK)
        status = em_efuses_stage_block(call->run->efuses, block, data.data, data.len,
                                       offset, err);
    em_buf_wipe(&data); /* it may be a key */
    return status;
}

static enum em_status check_blocks(struct efuse_call *call, struct em_error *err)
{
    struct em_efuses_block a;
    struct em_efuses_block b;
    for (size_t i = 0; i < call->count; i += 2) {
        enum em_status status =
            em_efuses_block_find(call->run->efuses, call->words[i], &a, err);
        for (size_t k = 0; k < i && status == EM_OK; k += 2) {
            status = em_efuses_block_find(call->run->efuses, call->words[k], &b, err);
            if (status == EM_OK && a.number == b.number)
                status = em_error_set(err, EM_ERR_USAGE, "name each block once",
                                      "block '%s' is named twice", call->words[i]);
        }
        if (status != EM_OK)
            return status;
    }
    return EM_OK;
}

static enum em_status burn_block_data(struct efuse_call *call, struct em_error *err)
{
    unsigned long long offset = 0;
    if (call->count % 2 != 0)
        return em_error_set(err, EM_ERR_USAGE, "write BLOCK FILE for each block",
                            "block '%s' has no file", call->words[call->count - 1]);
    if (call->offset != NULL && !cli_integer(&offset, call->offset, 65535))
        return em_error_set(err, EM_ERR_USAGE, "give it in bytes, from 0 on",
                            "--offset '%s' is not a number", call->offset);
    if (call->offset != NULL && call->count > 2)
        return em_error_set(err, EM_ERR_USAGE, "use a command for each block",
                            "--offset is for one block, not for %zu", call->count / 2);
    enum em_status status = check_blocks(call, err);
    for (size_t i = 0; i < call->count && status == EM_OK; i += 2)
        status =
            stage_file(call, call->words[i], call->words[i + 1], (size_t)offset, err);
    return status;
}

static const struct cli_option block_options[] = {
    {"offset", "o", "BYTES", "where in the block the file begins (default: 0)",
     EFUSE_OPT_OFFSET},
    EFUSE_OPTION_FORCE_WRITE_ALWAYS,
    {NULL, NULL, NULL, NULL, 0},
};

const struct efuse_command efuse_burn_block_data = {
    .base = {.cli = {.name = "efuse burn-block-data",
                     .summary = "Burn data into blocks",
                     .positionals = "BLOCK FILE…",
                     .about =
                         "  BLOCK  by name or as BLOCK3; BLOCK FILE may be repeated\n"
                         "  FILE   as long as the block, unless there is --offset\n",
                     .options = block_options,
                     .common = flash_options,
                     .examples =
                         "  mfg_flash -p /dev/ttyUSB0 efuse burn-block-data BLOCK3 "
                         "serial.bin --offset 4\n"},
             .run = efuse_main},
    .kind = EFUSE_BURNS,
    .has_force = true,
    .act = burn_block_data,
};

/* ---- burn-custom-mac, set-flash-voltage ---- */

static const struct cli_option no_options[] = {
    {NULL, NULL, NULL, NULL, 0},
};

static enum em_status burn_custom_mac(struct efuse_call *call, struct em_error *err)
{
    return em_efuses_stage_custom_mac(call->run->efuses, call->words[0], err);
}

const struct efuse_command efuse_burn_custom_mac = {
    .base = {.cli = {.name = "efuse burn-custom-mac",
                     .summary = "Burn a MAC of your own",
                     .positionals = "MAC",
                     .about = "  MAC  as AA:BB:CC:DD:EE:FF\n",
                     .options = force_options,
                     .common = flash_options,
                     .examples = "  mfg_flash -p /dev/ttyUSB0 efuse burn-custom-mac "
                                 "02:12:34:56:78:9a\n"},
             .run = efuse_main},
    .kind = EFUSE_BURNS,
    .has_force = true,
    .act = burn_custom_mac,
};

static enum em_status set_flash_voltage(struct efuse_call *call, struct em_error *err)
{
    static const char *const voltages[] = {"1.8V", "3.3V", "OFF", NULL};
    int i = flash_choice(voltages, call->words[0]);
    if (i < 0)
        return em_error_set(err, EM_ERR_USAGE, "choose 1.8V, 3.3V or OFF",
                            "'%s' is no voltage of the flash", call->words[0]);
    return em_efuses_stage_flash_voltage(call->run->efuses, voltages[i], err);
}

const struct efuse_command efuse_set_flash_voltage = {
    .base = {.cli = {.name = "efuse set-flash-voltage",
                     .summary =
                         "Fix the voltage of the flash (ESP32, ESP32-S2, ESP32-S3)",
                     .positionals = "VOLTAGE",
                     .about = "  VOLTAGE  1.8V, 3.3V or OFF: the flash is fed from "
                              "outside\n",
                     .options = no_options,
                     .common = flash_options,
                     .examples = "  mfg_flash -p /dev/ttyUSB0 efuse set-flash-voltage "
                                 "3.3V\n"},
             .run = efuse_main},
    .kind = EFUSE_BURNS,
    .act = set_flash_voltage,
};

/* ---- Protecting ---- */

static enum em_status read_protect(struct efuse_call *call, struct em_error *err)
{
    return em_efuses_stage_read_protect(call->run->efuses, call->words, call->count, err);
}

const struct efuse_command efuse_read_protect = {
    .base = {.cli = {.name = "efuse read-protect-efuse",
                     .summary = "Let no software read fields any more",
                     .positionals = "NAME…",
                     .about = "  NAME  a field or key block\n",
                     .options = no_options,
                     .common = flash_options,
                     .examples = "  mfg_flash -p /dev/ttyUSB0 efuse read-protect-efuse "
                                 "BLOCK_KEY0\n"},
             .run = efuse_main},
    .kind = EFUSE_BURNS,
    .act = read_protect,
};

static enum em_status write_protect(struct efuse_call *call, struct em_error *err)
{
    return em_efuses_stage_write_protect(call->run->efuses, call->words, call->count,
                                         err);
}

const struct efuse_command efuse_write_protect = {
    .base = {.cli = {.name = "efuse write-protect-efuse",
                     .summary = "Let nothing be burned into fields any more",
                     .positionals = "NAME…",
                     .about =
                         "  NAME  a field or block; fields that share its protection "
                         "bit are closed too\n",
                     .options = no_options,
                     .common = flash_options,
                     .examples = "  mfg_flash -p /dev/ttyUSB0 efuse write-protect-efuse "
                                 "RD_DIS\n"},
             .run = efuse_main},
    .kind = EFUSE_BURNS,
    .act = write_protect,
};
