/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash erase-flash, erase-region. */
#include "config.h"

#include "src/flash_files.h"
#include "src/flash_session.h"

#include <inttypes.h>

enum { OPT_FORCE };

static const struct cli_option options[] = {
    {"force", NULL, NULL, "even if flash encryption or secure boot is on", OPT_FORCE},
    FLASH_OPTION_CONNECTION,
    {NULL, NULL, NULL, NULL, 0},
};

static const char *on_option(void *user, int id, char *const *values)
{
    bool *force = user;
    (void)id; /* there is no other */
    (void)values;
    *force = true;
    return NULL;
}

static void tell(struct flash *flash, double start_s)
{
    double took_s = flash_now_s() - start_s;
    flash_print(flash, "Erased in %.1f seconds.", took_s);
    flash_json(flash, "seconds", json_real(took_s));
}

static int erase_flash(struct flash *flash, int argc, char **argv)
{
    bool force = false;
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, on_option, &force);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = flash_open(flash);
    double start_s = flash_now_s();
    if (status == EM_OK) {
        flash_print(flash, "Erasing all of the flash (this may take a while)...");
        status =
            em_flash_erase_all(flash->device, &flash->args.flash, force, &flash->err);
    }
    if (status == EM_OK)
        tell(flash, start_s);
    return flash_end(flash, status);
}

static int erase_region(struct flash *flash, int argc, char **argv)
{
    bool force = false;
    struct flash_range range = {0};
    struct flash_files files = {0};
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, on_option, &force);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = flash_files_begin(&files, flash);
    if (status == EM_OK)
        status = flash_range_take(&range, &files, args[0], args[1], &flash->err);
    if (status == EM_OK)
        status = flash_open(flash);
    double start_s = flash_now_s();
    if (status == EM_OK) {
        flash_range_json(flash, &range);
        flash_print(flash, "Erasing from 0x%08" PRIx32 " (this may take a while)...",
                    range.addr);
        status = em_flash_erase(flash->device, &flash->args.flash, range.addr, range.len,
                                force, &flash->err);
    }
    if (status == EM_OK)
        tell(flash, start_s);
    flash_files_end(&files);
    return flash_end(flash, status);
}

const struct flash_command flash_erase_flash = {
    .cli = {.name = "erase-flash",
            .summary = "Erase all of the flash",
            .positionals = "",
            .options = options,
            .common = flash_options,
            .examples = "  mfg_flash -p /dev/ttyUSB0 erase-flash\n"},
    .run = erase_flash,
};

const struct flash_command flash_erase_region = {
    .cli = {.name = "erase-region",
            .summary = "Erase some sectors",
            .positionals = "ADDR SIZE",
            .about =
                "  ADDR  multiple of 4096, or the name of a partition\n"
                "  SIZE  multiple of 4096, also with k or M; all: to the end of the\n"
                "        flash, or of the partition\n",
            .options = options,
            .common = flash_options,
            .examples = "  mfg_flash erase-region 0x9000 0x6000\n"
                        "  mfg_flash --partition-table parts.csv erase-region nvs all\n"},
    .run = erase_region,
};
