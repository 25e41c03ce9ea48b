/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash flash-id, read-flash-status, write-flash-status, read-flash-sfdp. */
#include "config.h"

#include "src/flash_session.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <string.h>

enum { OPT_BYTES, OPT_NON_VOLATILE };

#define OPTION_BYTES                                                                     \
    {                                                                                    \
        "bytes", NULL, "N", "registers of 8 bits, 1 to 3 (default: 2)", OPT_BYTES        \
    }

struct request {
    unsigned bytes;
    bool keep;
};

static const char *on_option(void *user, int id, char *const *values)
{
    struct request *r = user;
    unsigned long long n;
    if (id == OPT_NON_VOLATILE) {
        r->keep = true;
        return NULL;
    }
    if (!cli_integer(&n, values[0], 3) || n == 0)
        return "1, 2 or 3";
    r->bytes = (unsigned)n;
    return NULL;
}

/* ---- Who the flash is ---- */

static const struct cli_option id_options[] = {
    FLASH_OPTION_CONNECTION,
    {NULL, NULL, NULL, NULL, 0},
};

/* "4MB", "512KB", or "Unknown". */
static const char *size_text(char *out, size_t out_size, uint64_t size)
{
    if (size >= 1024 * 1024)
        (void)snprintf(out, out_size, "%" PRIu64 "MB", size / (1024 * 1024));
    else if (size > 0)
        (void)snprintf(out, out_size, "%" PRIu64 "KB", size / 1024);
    else
        (void)snprintf(out, out_size, "Unknown");
    return out;
}

static void tell_id(struct flash *flash, const struct em_flash_id *id)
{
    char size[32];
    flash_print(flash, "Flash memory information:");
    flash_print(flash, "Manufacturer: %02x", id->manufacturer);
    flash_print(flash, "Device: %04x", id->device);
    flash_print(flash, "Detected flash size: %s", size_text(size, sizeof size, id->size));
    if (id->type_known)
        flash_print(flash, "Flash type set in eFuse: %s",
                    id->octal  ? "octal (8 data lines)"
                    : id->quad ? "quad (4 data lines)"
                               : "not told");
    if (id->voltage != NULL && id->voltage[0] != '\0')
        flash_print(flash, "Flash voltage set by eFuse: %s", id->voltage);
    flash_json(flash, "manufacturer", json_integer(id->manufacturer));
    flash_json(flash, "device", json_integer(id->device));
    flash_json(flash, "size",
               id->size == 0 ? json_null() : json_integer((json_int_t)id->size));
    flash_json(flash, "type",
               !id->type_known ? json_null()
               : id->octal     ? json_string("octal")
               : id->quad      ? json_string("quad")
                               : json_null());
    flash_json(flash, "voltage",
               flash_json_text(id->voltage != NULL && id->voltage[0] != '\0' ? id->voltage
                                                                             : NULL));
}

static int flash_id(struct flash *flash, int argc, char **argv)
{
    struct em_flash_id id;
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = flash_open(flash);
    if (status == EM_OK)
        status = em_flash_identify(flash->device, &flash->args.flash, &id, &flash->err);
    if (status == EM_OK)
        tell_id(flash, &id);
    return flash_end(flash, status);
}

const struct flash_command flash_flash_id = {
    .cli = {.name = "flash-id",
            .summary = "Print manufacturer, type and size of the flash",
            .positionals = "",
            .options = id_options,
            .common = flash_options,
            .examples = "  mfg_flash -p /dev/ttyUSB0 flash-id\n"},
    .run = flash_id,
};

/* ---- Status registers ---- */

static const struct cli_option read_options[] = {
    OPTION_BYTES,
    FLASH_OPTION_CONNECTION,
    {NULL, NULL, NULL, NULL, 0},
};

static void print_status(struct flash *flash, const char *what, uint32_t value,
                         unsigned bytes)
{
    flash_print(flash, "%s: 0x%0*" PRIx32, what, (int)bytes * 2, value);
}

static int read_status(struct flash *flash, int argc, char **argv)
{
    struct request r = {.bytes = 2};
    uint32_t value = 0;
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, on_option, &r);
    if (exit_status >= 0)
        return exit_status;
    enum em_status status = flash_open(flash);
    if (status == EM_OK)
        status = em_flash_status_read(flash->device, &flash->args.flash, r.bytes, &value,
                                      &flash->err);
    if (status == EM_OK) {
        print_status(flash, "Flash memory status", value, r.bytes);
        flash_json(flash, "value", json_integer(value));
        flash_json(flash, "bytes", json_integer((json_int_t)r.bytes));
    }
    return flash_end(flash, status);
}

const struct flash_command flash_read_status = {
    .cli = {.name = "read-flash-status",
            .summary = "Print the status registers of the flash",
            .positionals = "",
            .options = read_options,
            .common = flash_options,
            .examples = "  mfg_flash read-flash-status\n"
                        "  mfg_flash read-flash-status --bytes 3\n"},
    .run = read_status,
};

static const struct cli_option write_options[] = {
    OPTION_BYTES,
    {"non-volatile", NULL, NULL, "keep it when power is lost", OPT_NON_VOLATILE},
    FLASH_OPTION_CONNECTION,
    {NULL, NULL, NULL, NULL, 0},
};

static int write_status(struct flash *flash, int argc, char **argv)
{
    struct request r = {.bytes = 2};
    uint32_t before = 0;
    uint32_t after = 0;
    unsigned long long value;
    struct em_error *err = &flash->err;
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, on_option, &r);
    if (exit_status >= 0)
        return exit_status;
    const struct em_flash_options *options = &flash->args.flash;
    if (!cli_integer(&value, args[0], (1ULL << (8 * r.bytes)) - 1))
        return cli_fault(flash_program, flash->command,
                         "VALUE '%s' is not a number of %u bytes", args[0], r.bytes);
    enum em_status status = flash_open(flash);
    if (status == EM_OK)
        status = em_flash_status_read(flash->device, options, r.bytes, &before, err);
    if (status == EM_OK)
        status = em_flash_status_write(flash->device, options, r.bytes, (uint32_t)value,
                                       r.keep, err);
    if (status == EM_OK)
        status = em_flash_status_read(flash->device, options, r.bytes, &after, err);
    if (status == EM_OK) {
        print_status(flash, "Flash memory status before", before, r.bytes);
        print_status(flash, "Flash memory status wanted", (uint32_t)value, r.bytes);
        print_status(flash, "Flash memory status after", after, r.bytes);
        flash_json(flash, "before", json_integer(before));
        flash_json(flash, "value", json_integer((json_int_t)value));
        flash_json(flash, "after", json_integer(after));
    }
    return flash_end(flash, status);
}

const struct flash_command flash_write_status = {
    .cli = {.name = "write-flash-status",
            .summary = "Write the status registers of the flash",
            .positionals = "VALUE",
            .about = "  VALUE  the first register in the lowest bits\n",
            .options = write_options,
            .common = flash_options,
            .examples = "  mfg_flash write-flash-status --bytes 2 0x0200 "
                        "--non-volatile\n"},
    .run = write_status,
};

/* ---- SFDP ---- */

static const struct cli_option sfdp_options[] = {
    FLASH_OPTION_SIZE,       FLASH_OPTION_MODE,           FLASH_OPTION_FREQ,
    FLASH_OPTION_CONNECTION, {NULL, NULL, NULL, NULL, 0},
};

static int read_sfdp(struct flash *flash, int argc, char **argv)
{
    unsigned long long addr;
    unsigned long long len;
    uint8_t bytes[4];
    char hex[2 * sizeof bytes + 1] = "";
    char text[32] = "";
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status >= 0)
        return exit_status;
    if (!cli_integer(&addr, args[0], 0xFFFFFF))
        return cli_fault(flash_program, flash->command,
                         "ADDR '%s' is not a number below 0x1000000", args[0]);
    if (!cli_integer(&len, args[1], sizeof bytes) || len == 0)
        return cli_fault(flash_program, flash->command, "BYTES '%s' is not 1 to 4",
                         args[1]);
    enum em_status status = flash_open(flash);
    if (status == EM_OK)
        status = em_flash_sfdp(flash->device, &flash->args.flash, (uint32_t)addr,
                               (unsigned)len, bytes, &flash->err);
    if (status == EM_OK) {
        for (size_t i = 0; i < len; i++) {
            (void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
            (void)snprintf(text + 5 * i, 6, " 0x%02x", bytes[i]);
        }
        flash_print(flash, "SFDP[%llu..%llu]:%s", addr, addr + len - 1, text);
        flash_json(flash, "address", json_integer((json_int_t)addr));
        flash_json(flash, "hex", json_string(hex));
    }
    return flash_end(flash, status);
}

const struct flash_command flash_read_sfdp = {
    .cli = {.name = "read-flash-sfdp",
            .summary = "Print bytes of the flash's own description",
            .positionals = "ADDR BYTES",
            .about = "  ADDR   in the SFDP table\n"
                     "  BYTES  1 to 4\n",
            .options = sfdp_options,
            .common = flash_options,
            .examples = "  mfg_flash read-flash-sfdp 0 4\n"},
    .run = read_sfdp,
};
