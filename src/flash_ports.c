/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash ports, version: what needs no chip. */
#include "config.h"

#include <espmfg/port.h>

#include "src/flash_session.h"

#include <stdlib.h>

static const struct cli_option no_options[] = {
    {NULL, NULL, NULL, NULL, 0},
};

static json_t *known_text(const char *text)
{
    return flash_json_text(text[0] == '\0' ? NULL : text);
}

static json_t *known_id(int id)
{
    return id < 0 ? json_null() : json_integer(id);
}

static json_t *port_object(const struct em_port *port)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "path", flash_json_text(port->path));
    (void)json_object_set_new(object, "description", known_text(port->description));
    (void)json_object_set_new(object, "topology", known_text(port->topology));
    (void)json_object_set_new(object, "serial", known_text(port->serial));
    (void)json_object_set_new(object, "usb_vid", known_id(port->usb_vid));
    (void)json_object_set_new(object, "usb_pid", known_id(port->usb_pid));
    return object;
}

static void print_port(struct flash *flash, const struct em_port *port)
{
    char ids[16] = "-";
    if (port->usb_vid >= 0)
        (void)snprintf(ids, sizeof ids, "%04x:%04x", (unsigned)port->usb_vid & 0xFFFF,
                       (unsigned)port->usb_pid & 0xFFFF);
    flash_print(flash, "%-20s %-9s %-10s %-20s %s", port->path, ids,
                port->topology[0] == '\0' ? "-" : port->topology,
                port->serial[0] == '\0' ? "-" : port->serial, port->description);
}

static int ports(struct flash *flash, int argc, char **argv)
{
    struct em_port *list = NULL;
    size_t count = 0;
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status >= 0)
        return exit_status;
    struct em_port_filter filter = {flash->args.filters, flash->args.filter_count};
    enum em_status status = em_ports_list(&list, &count, &filter, &flash->err);
    json_t *array = json_array();
    for (size_t i = 0; status == EM_OK && i < count; i++) {
        print_port(flash, &list[i]);
        (void)json_array_append_new(array, port_object(&list[i]));
    }
    if (status == EM_OK && count == 0)
        flash_print(flash, "There is no serial port%s.",
                    filter.count > 0 ? " that the filters leave" : "");
    flash_json(flash, "ports", array);
    free(list);
    return flash_end(flash, status);
}

const struct flash_command flash_ports = {
    .cli = {.name = "ports",
            .summary = "List the serial ports, in the order in which they are tried",
            .positionals = "",
            .about = "Path, USB ids, where it is plugged in, serial number, "
                     "description.\n--port-filter picks some of them.\n",
            .options = no_options,
            .common = flash_options,
            .examples = "  mfg_flash ports\n"
                        "  mfg_flash --port-filter vid=303a ports --json\n"},
    .run = ports,
};

static int version(struct flash *flash, int argc, char **argv)
{
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, NULL, NULL);
    if (exit_status >= 0)
        return exit_status;
    if (!flash->term.json)
        (void)cli_version(flash_program);
    flash_json(flash, "version", json_string(PACKAGE_VERSION));
    return flash_end(flash, EM_OK);
}

const struct flash_command flash_version = {
    .cli = {.name = "version",
            .summary = "Print the version",
            .positionals = "",
            .options = no_options,
            .common = flash_options,
            .examples = "  mfg_flash version\n"},
    .run = version,
};
