/* SPDX-License-Identifier: Apache-2.0 */
/* Serial ports, opened through libserialport; paths it does not take are terminals. */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* realpath() */
#endif
#include "config.h"

#include "flasher/transport/ports_int.h"
#include "flasher/transport/tty_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libserialport.h>

static void serial_drop(struct em_fd *f)
{
    struct em_tty *tty = (struct em_tty *)f;
    if (tty->port != NULL) {
        (void)sp_close(tty->port); /* nothing can be done about what it may say */
        sp_free_port(tty->port);
        tty->port = NULL;
        f->fd = -1;
    }
    em_fd_close(f);
}

/* Open the port of libserialport; NULL when it does not take it: PTYs, ports without
 * modem lines, devices it has no name for. */
static struct sp_port *open_port(const char *path, int *fd_out)
{
    char real[PATH_MAX];
    struct sp_port *port = NULL;
    if (realpath(path, real) == NULL || sp_get_port_by_name(real, &port) != SP_OK)
        return NULL;
    if (sp_open(port, SP_MODE_READ_WRITE) != SP_OK) {
        sp_free_port(port);
        return NULL;
    }
    if (sp_get_port_handle(port, fd_out) != SP_OK) {
        (void)sp_close(port); /* nothing was written */
        sp_free_port(port);
        return NULL;
    }
    return port;
}

/* The port is open already, to take its lock and to see its settings: libserialport does
 * neither. It is open all the time, so that its lines do not fall in between. */
static enum em_status serial_take_over(struct em_tty *tty, struct em_error *err)
{
    int fd = -1;
    struct sp_port *port = open_port(tty->path, &fd);
    if (port == NULL)
        return EM_OK;
    em_fd_close(&tty->f);
    tty->port = port;
    tty->f.fd = fd;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* cannot fail on an open descriptor */
    return em_tty_lock(fd, tty->path, err);
}

static int serial_set_rate(struct em_tty *tty, uint32_t baud)
{
    if (tty->port == NULL || baud > INT_MAX)
        return em_tty_set_rate(tty, baud);
    errno = 0;
    if (sp_set_baudrate(tty->port, (int)baud) == SP_OK)
        return 0;
    return errno != 0 ? errno : EINVAL;
}

/* USB ports may get another name when they come back. */
static bool serial_find(struct em_tty *tty)
{
    char path[sizeof tty->path];
    if (tty->interface[0] == '\0' ||
        !em_port_by_interface(path, sizeof path, tty->interface, EM_SYSFS))
        return false;
    memcpy(tty->path, path, sizeof path);
    return true;
}

enum em_status em_io_serial_open(struct em_io **out, const char *path, uint32_t baud,
                                 struct em_error *err)
{
    static const struct em_tty_kind kind = {.take_over = serial_take_over,
                                            .set_rate = serial_set_rate,
                                            .find = serial_find,
                                            .drop = serial_drop};
    enum em_status status = em_tty_open(out, path, baud, &kind, err);
    if (status != EM_OK)
        return status;
    struct em_port port = {.usb_vid = -1, .usb_pid = -1};
    (void)snprintf(port.path, sizeof port.path, "%s", path); /* too long: not known */
    em_port_look_up(&port, EM_SYSFS);
    (*out)->usb_vid = port.usb_vid;
    (*out)->usb_pid = port.usb_pid;
    struct em_tty *tty = (struct em_tty *)*out;
    if (!em_port_interface(tty->interface, path, EM_SYSFS))
        tty->interface[0] = '\0';
    return EM_OK;
}
