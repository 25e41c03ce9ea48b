/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a device by the name of its port. */
#include "config.h"

#include "flasher/rom/link_int.h"

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
