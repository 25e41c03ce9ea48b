/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a device by the name of its port. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "base/hooks_int.h"

#include <stdlib.h>
#include <time.h>

/* Before there is a port there is no clock of a transport: this is the real one. */
static void wait_for_port(void)
{
    const struct timespec second = {.tv_sec = 1};
    (void)nanosleep(&second, NULL); /* a signal that ends it early does no harm */
}

enum em_status em_device_open(struct em_device **out, const char *port,
                              const struct em_device_options *options,
                              struct em_error *err)
{
    *out = NULL;
    struct em_device *dev;
    enum em_status status = em_rom_device_prepare(&dev, options, err);
    if (status != EM_OK)
        return status;
    for (uint32_t i = 1;; i++) {
        status = em_io_open(&dev->io, port, em_rom_first_baud(dev), err);
        if (status != EM_ERR_PORT || i >= dev->settings.open_attempts)
            break;
        wait_for_port();
    }
    if (status == EM_OK)
        status = em_rom_bring_up(dev, err);
    if (status == EM_OK)
        *out = dev;
    else
        em_device_close(dev);
    return status;
}

const char *em_device_port(const struct em_device *device)
{
    return device->io->name;
}

enum em_status em_device_find(struct em_device **out, const struct em_port_filter *filter,
                              const struct em_device_options *options,
                              struct em_error *err)
{
    struct em_port *ports = NULL;
    struct em_error fault;
    size_t count;
    *out = NULL;
    enum em_status status = em_ports_list(&ports, &count, filter, err);
    if (status != EM_OK)
        return status;
    if (count == 0)
        return em_error_set(
            err, EM_ERR_PORT, "plug a board in", "there is no serial port%s",
            filter != NULL && filter->count > 0 ? " that the filters leave" : "");
    status = EM_ERR_LINK;
    for (size_t i = 0; i < count && status != EM_OK; i++) {
        status = em_device_open(out, ports[i].path, options, &fault);
        if (status == EM_ERR_STOPPED || status == EM_ERR_NOMEM || status == EM_ERR_USAGE)
            break;
        if (status != EM_OK)
            em_hooks_log(&options->hooks, EM_LOG_WARNING, ports[i].path, &fault);
    }
    free(ports);
    if (status == EM_ERR_STOPPED || status == EM_ERR_NOMEM || status == EM_ERR_USAGE) {
        if (err != NULL)
            *err = fault;
    } else if (status != EM_OK) {
        status = em_error_set(
            err, EM_ERR_LINK, "hold BOOT, press RESET, and name the port",
            "no chip answers on any of %zu serial port%s", count, count == 1 ? "" : "s");
    }
    return status;
}
