/* SPDX-License-Identifier: Apache-2.0 */
/* Picks a transport by the name of a port. */
#include "config.h"

#include "flasher/transport/io_int.h"

#include <string.h>

static const struct {
    const char *prefix;
    enum em_status (*open)(struct em_io **out, const char *name, uint32_t baud,
                           struct em_error *err);
} kinds[] = {
    {"socket://", em_io_tcp_open},
    {"rfc2217://", em_io_rfc2217_open},
    {"sim:", em_io_sim_open},
};

enum em_status em_io_open(struct em_io **out, const char *name, uint32_t baud,
                          struct em_error *err)
{
    *out = NULL;
    struct em_io *io;
    if (name[0] == '\0')
        return em_error_set(err, EM_ERR_USAGE, "name a port, for example /dev/ttyUSB0",
                            "the name of the port is empty");
    if (strlen(name) >= sizeof io->name)
        return em_error_set(err, EM_ERR_USAGE, "use a shorter name, for example a link",
                            "port '%.40s...': the name has more than %zu bytes", name,
                            sizeof io->name - 1);
    if (baud == 0)
        return em_error_set(err, EM_ERR_USAGE, "use for example 115200",
                            "port '%s': the rate is 0 baud", name);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].open(out, name, baud, err);
    }
    if (strstr(name, "://") != NULL)
        return em_error_set(err, EM_ERR_USAGE,
                            "use a path, socket://, rfc2217:// or sim:CHIP",
                            "port '%s': unknown kind of port", name);
    return em_io_serial_open(out, name, baud, err);
}

void em_io_close(struct em_io *io)
{
    if (io != NULL)
        io->ops->close(io);
}
