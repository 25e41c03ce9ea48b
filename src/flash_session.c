/* SPDX-License-Identifier: Apache-2.0 */
/* The device of one run of mfg_flash: from the port to the last line of output. */
#include "config.h"

#include "src/flash_session.h"

#include <espmfg/port.h>

#include "base/error_int.h"
#include "src/flash_trace.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

int flash_exit(enum em_status status)
{
    return status == EM_OK ? 0 : 2;
}

/* As scripts written for esptool know it: 1 when an open port fails. */
static int exit_when_open(enum em_status status)
{
    return status == EM_ERR_PORT ? 1 : flash_exit(status);
}

double flash_now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- What the library reports ---- */

/* End the line of dots. */
static void end_dots(struct flash *flash)
{
    if (flash->connecting)
        (void)putchar('\n');
    flash->connecting = false;
}

static void on_log(void *user, enum em_log_level level, const char *device,
                   const struct em_error *msg)
{
    struct flash *flash = user;
    struct em_hooks hooks = term_hooks(&flash->term);
    if (level <= flash->term.level && !flash->term.json)
        end_dots(flash);
    hooks.log(hooks.user, level, device, msg);
}

static int on_progress(void *user, const struct em_progress *progress)
{
    struct flash *flash = user;
    struct em_hooks hooks = term_hooks(&flash->term);
    flash->term.exit_status = exit_when_open; /* there is none before the port is open */
    if (!flash->connecting) {
        if (flash->begin != NULL)
            flash->begin(flash, flash->begin_user);
        flash->begin = NULL;
        return hooks.progress(hooks.user, progress);
    }
    if (progress->done > 0) {
        (void)putchar('.');
        (void)fflush(stdout); /* told again at the end */
    }
    return flash->term.stop != NULL && *flash->term.stop != 0;
}

/* ---- Who it is ---- */

void flash_mac_text(char *out, const uint8_t *mac, size_t len)
{
    for (size_t i = 0; i < len; i++)
        (void)snprintf(out + 3 * i, 4, i + 1 < len ? "%02x:" : "%02x", mac[i]); /* fits */
}

void flash_print_mac(struct flash *flash, const struct em_device_info *info)
{
    char mac[24];
    if (!info->has_eui64) {
        flash_mac_text(mac, info->mac, 6);
        flash_print(flash, "MAC:                %s", mac);
        return;
    }
    flash_mac_text(mac, info->eui64, 8);
    flash_print(flash, "MAC:                %s", mac);
    flash_mac_text(mac, info->mac, 6);
    flash_print(flash, "BASE MAC:           %s", mac);
    flash_mac_text(mac, info->eui64 + 3, 2); /* the two in the middle */
    flash_print(flash, "MAC_EXT:            %s", mac);
}

static void print_info(struct flash *flash, const struct em_device_info *info)
{
    flash_print(flash, "Detecting chip type... %s", info->name);
    flash_print(flash, "Connected to %s on %s:", info->name, flash->port);
    if (info->secure_download) {
        flash_print(flash, "Chip type:          %s in secure download mode", info->name);
        return;
    }
    flash_print(flash, "Chip type:          %s", info->description);
    flash_print(flash, "Features:           %s", info->features);
    flash_print(flash, "Crystal frequency:  %uMHz", (unsigned)info->crystal_mhz);
    if (info->usb_mode[0] != '\0')
        flash_print(flash, "USB mode:           %s", info->usb_mode);
    flash_print_mac(flash, info);
}

static json_t *info_object(const struct em_device_info *info)
{
    char mac[24];
    bool known = !info->secure_download;
    json_t *object =
        json_pack("{s:s, s:s, s:b, s:b}", "id", info->chip, "name", info->name,
                  "secure_download", (int)info->secure_download, "stub", (int)info->stub);
    (void)json_object_set_new(object, "description",
                              flash_json_text(known ? info->description : NULL));
    (void)json_object_set_new(object, "features",
                              flash_json_text(known ? info->features : NULL));
    (void)json_object_set_new(object, "revision",
                              known ? json_integer(info->revision) : json_null());
    (void)json_object_set_new(object, "crystal_mhz",
                              known ? json_integer(info->crystal_mhz) : json_null());
    (void)json_object_set_new(
        object, "usb_mode",
        flash_json_text(known && info->usb_mode[0] != '\0' ? info->usb_mode : NULL));
    flash_mac_text(mac, info->mac, 6);
    (void)json_object_set_new(object, "mac", flash_json_text(known ? mac : NULL));
    flash_mac_text(mac, info->eui64, 8);
    (void)json_object_set_new(object, "eui64",
                              flash_json_text(known && info->has_eui64 ? mac : NULL));
    return object;
}

/* ---- Opening ---- */

static enum em_status connect_port(struct flash *flash, const char *port)
{
    const struct flash_args *args = &flash->args;
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    options.chip = args->chip;
    options.baud = args->baud;
    options.before = args->before;
    options.connect_attempts = args->connect_attempts;
    options.stub_file = args->stub_file;
    options.settings = args->settings;
    options.hooks =
        (struct em_hooks){.log = on_log, .progress = on_progress, .user = flash};
    if (flash->trace != NULL)
        options.trace = (struct em_trace){flash_trace_line, flash};
    flash_print(flash, "Serial port %s:", port);
    if (!flash->term.quiet && !flash->term.json) {
        printf("Connecting...");
        (void)fflush(stdout); /* told again at the end */
        flash->connecting = true;
    }
    enum em_status status = em_device_open(&flash->device, port, &options, &flash->err);
    end_dots(flash);
    if (status == EM_OK)
        flash->term.exit_status = exit_when_open;
    return status;
}

/* Try all ports; the first that has a chip is it. */
static enum em_status connect_any(struct flash *flash)
{
    size_t count = 0;
    struct em_port_filter filter = {flash->args.filters, flash->args.filter_count};
    enum em_status status = em_ports_list(&flash->ports, &count, &filter, &flash->err);
    if (status != EM_OK)
        return status;
    if (count == 0)
        return em_error_set(&flash->err, EM_ERR_PORT,
                            "plug a board in, or name its port with --port",
                            "there is no serial port%s",
                            filter.count > 0 ? " that the filters leave" : "");
    flash_print(flash, "Found %zu serial port%s", count, count == 1 ? "" : "s");
    for (size_t i = 0; i < count; i++) {
        flash->port = flash->ports[i].path;
        status = connect_port(flash, flash->port);
        if (status == EM_OK || status == EM_ERR_STOPPED || status == EM_ERR_NOMEM)
            return status;
        term_tell(&flash->term, EM_LOG_WARNING, NULL, "%s: %s", flash->port,
                  flash->err.what);
    }
    flash->port = NULL;
    return em_error_set(
        &flash->err, EM_ERR_LINK, "hold BOOT, press RESET, and name the port with --port",
        "no chip answers on any of %zu serial port%s", count, count == 1 ? "" : "s");
}

enum em_status flash_open(struct flash *flash)
{
    const struct flash_args *args = &flash->args;
    const struct em_device_info *info = NULL;
    enum em_status status = EM_OK;
    flash_print(flash, "%s (espmfg) %s", flash_program, PACKAGE_VERSION);
    if (args->no_stub && args->stub_file != NULL)
        return em_error_set(&flash->err, EM_ERR_USAGE, "leave one of them out",
                            "--stub and --no-stub contradict each other");
    if (args->trace)
        status = flash_trace_open(flash);
    if (status != EM_OK)
        return status;
    term_catch_signals();
    flash->term.stop = term_stop();
    flash->port = args->port;
    status = args->port == NULL ? connect_any(flash) : connect_port(flash, args->port);
    /* Who it is takes a dozen commands: not for those who do not look. */
    if (status == EM_OK && (!flash->term.quiet || flash->term.json)) {
        status = em_device_info(flash->device, &info, &flash->err);
        if (status == EM_OK && flash->term.json)
            flash_json(flash, "chip", info_object(info));
        else if (status == EM_OK)
            print_info(flash, info);
    }
    if (status == EM_OK)
        flash_print(flash, "%s", "");
    return status;
}

/* ---- The end ---- */

/* Leave the loader as the user wants, also after a fault. A second fault is not told. */
static enum em_status leave(struct flash *flash, enum em_status status)
{
    static const char *const told[] = {
        [EM_AFTER_HARD_RESET] = "Resetting the chip by its reset line",
        [EM_AFTER_SOFT_RESET] = "Resetting the chip by its loader",
        [EM_AFTER_NO_RESET] = "Staying in the loader",
        [EM_AFTER_NO_RESET_STUB] = "Staying in the stub",
        [EM_AFTER_WATCHDOG_RESET] = "Resetting the chip by its watchdog",
    };
    struct em_error second;
    flash->term.stop = NULL; /* this too was asked for */
    if (status == EM_OK)
        flash_print(flash, "%s", told[flash->args.after]);
    enum em_status reset = em_device_reset(flash->device, flash->args.after,
                                           status == EM_OK ? &flash->err : &second);
    return status == EM_OK ? reset : status;
}

int flash_end(struct flash *flash, enum em_status status)
{
    int exit_status;
    term_clear(&flash->term);
    if (flash->device != NULL && !flash->left && status != EM_ERR_PORT)
        status = leave(flash, status);
    em_device_close(flash->device);
    flash->device = NULL;
    if (flash->trace != NULL)
        status = flash_trace_close(flash, status);
    if (!flash->term.json && status == EM_OK &&
        (fflush(stdout) != 0 || ferror(stdout) != 0))
        status = em_error_set(&flash->err, EM_ERR_IO, "free some space and try again",
                              "cannot write all of it to standard output");
    flash->err.status = status;
    if (flash->term.json) {
        flash_json(flash, "port", flash_json_text(flash->port));
        exit_status = term_json_end(&flash->term, flash->fields, &flash->err);
        flash->fields = NULL;
    } else {
        term_fault(&flash->term, &flash->err);
        exit_status = term_exit(&flash->term, status);
    }
    free(flash->ports);
    flash->ports = NULL;
    return exit_status;
}
