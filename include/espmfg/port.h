/* SPDX-License-Identifier: Apache-2.0 */
/* Which serial ports there are. */
#ifndef ESPMFG_PORT_H
#define ESPMFG_PORT_H

#include <espmfg/error.h>

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One serial port. Texts are "" where nothing is known. */
struct em_port {
    char path[128];        /**< "/dev/ttyUSB0" */
    char description[128]; /**< of the driver or the USB device */
    char topology[64]; /**< where it is plugged in: "1-4.2", stable across re-plugging */
    char serial[64];   /**< USB serial number */
    int usb_vid;       /**< -1: not a USB device */
    int usb_pid;
};

/**
 * Which ports to keep: each is one of "vid=HEX", "pid=HEX", "name=TEXT", "serial=TEXT",
 * "topology=TEXT"; texts match anywhere in the path or description, serial number and
 * topology. All filters have to match.
 */
struct em_port_filter {
    const char *const *terms;
    size_t count;
};

/**
 * List the serial ports, in the order in which they should be tried: Espressif's USB ids
 * first, then USB adapters, then the rest, in reverse order of names within each.
 * @p filter may be NULL. *out is the caller's, free it with free(); NULL when there are
 * none. Returns EM_OK, EM_ERR_USAGE (a filter that is none), EM_ERR_PORT, EM_ERR_NOMEM.
 */
EM_API enum em_status em_ports_list(struct em_port **out, size_t *count_out,
                                    const struct em_port_filter *filter,
                                    struct em_error *err);

/**
 * The port that is plugged in at @p topology now: "1-4.2" as em_port.topology has it, or
 * "1-4.2:1.1", one of its interfaces (adapters with several ports; without it the first
 * of them). For those who wait for a board: it only looks, and takes well below a
 * millisecond. @p out may be NULL. false: none is there, or the system has no such list.
 */
EM_API bool em_port_find(struct em_port *out, const char *topology);

/**
 * Is there something at @p path now: a terminal, or a link to one? Names that are no
 * paths ("socket://…", "sim:…") are always there, as far as anybody can tell.
 */
EM_API bool em_port_present(const char *path);

#ifdef __cplusplus
}
#endif
#endif
