/* SPDX-License-Identifier: Apache-2.0 */
/* What the system knows about serial ports. */
#ifndef FLASHER_TRANSPORT_PORTS_INT_H
#define FLASHER_TRANSPORT_PORTS_INT_H

#include <espmfg/port.h>

#include <stdbool.h>

/** Where Linux shows its devices. */
#define EM_SYSFS "/sys"

/**
 * Fill what @p sysfs (a folder as /sys) tells about port->path: USB ids, serial number,
 * topology, and the description if it is "". What it does not tell stays as it is.
 */
void em_port_look_up(struct em_port *port, const char *sysfs);

/** The USB interface that a port is: "1-4.2:1.0", the same after plugging it in again
 * whatever its name is then. false: not USB. */
bool em_port_interface(char out[64], const char *path, const char *sysfs);

/** The path of the port that is this interface now. false: none. */
bool em_port_by_interface(char *out, size_t size, const char *interface,
                          const char *sysfs);

/** em_port_find() in @p sysfs. */
bool em_port_at(struct em_port *out, const char *topology, const char *sysfs);

/** Keep the ports that match @p filter, in the order of em_ports_list(); returns how
 * many. The terms have been checked. */
size_t em_ports_arrange(struct em_port *ports, size_t count,
                        const struct em_port_filter *filter);

#endif
