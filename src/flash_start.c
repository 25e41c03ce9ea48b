/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash load-ram, run, reset: what the chip does next. */
#include "config.h"

#include "src/flash_files.h"
#include "src/flash_session.h"

static const struct cli_option no_options[] = {
    {NULL, NULL, NULL, NULL, 0},
};

static int load_ram(struct flash *flash, int argc, char **argv)
{
    struct em_buf image = {0};
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = flash_file_read(&image, args[0], &flash->err);
    if (status == EM_OK)
        status = flash_open(flash);
    if (status == EM_OK)
        status = em_device_load_ram(flash->device, image.data, image.len, &flash->err);
    if (status == EM_OK) {
        flash->left = true;
        flash_print(flash, "'%s' is loaded and runs.", args[0]);
    }
    flash_json(flash, "file", flash_json_text(args[0]));
    em_buf_free(&image);
    return flash_end(flash, status);
}

const struct flash_command flash_load_ram = {
    .cli = {.name = "load-ram",
            .summary = "Load a firmware image into RAM, and run it",
            .positionals = "FILE",
            .about = "The chip is not reset afterwards.\n",
            .options = no_options,
            .common = flash_options,
            .examples = "  mfg_flash -p /dev/ttyUSB0 load-ram test.bin\n"},
    .run = load_ram,
};

static int run(struct flash *flash, int argc, char **argv)
{
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = flash_open(flash);
    if (status == EM_OK)
        status = em_device_run(flash->device, &flash->err);
    if (status == EM_OK) {
        flash->left = true;
        flash_print(flash, "The program in flash runs.");
    }
    return flash_end(flash, status);
}

const struct flash_command flash_run = {
    .cli = {.name = "run",
            .summary = "Run the program in flash",
            .positionals = "",
            .options = no_options,
            .common = flash_options,
            .examples = "  mfg_flash -p /dev/ttyUSB0 run\n"},
    .run = run,
};

static int reset(struct flash *flash, int argc, char **argv)
{
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status >= 0)
        return exit_status;
    return flash_end(flash, flash_open(flash)); /* every command ends with a reset */
}

const struct flash_command flash_reset = {
    .cli = {.name = "reset",
            .summary = "Connect, and leave the loader again as --after says",
            .positionals = "",
            .options = no_options,
            .common = flash_options,
            .examples = "  mfg_flash -p /dev/ttyUSB0 reset\n"
                        "  mfg_flash -p /dev/ttyACM0 --after watchdog-reset reset\n"},
    .run = reset,
};
