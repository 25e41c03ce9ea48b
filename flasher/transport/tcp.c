/* SPDX-License-Identifier: Apache-2.0 */
/* Plain bytes over TCP: "socket://HOST:PORT". No modem lines, no rate. */
#include "config.h"

#include "flasher/transport/net_int.h"

#include <stdlib.h>

#define SCHEME "socket://"

struct em_tcp {
    struct em_fd f;
    struct em_net_name to;
};

static enum em_status no_lines(struct em_io *io, int dtr, int rts, struct em_error *err)
{
    (void)dtr, (void)rts;
    struct em_fd *f = (struct em_fd *)io;
    return f->fd < 0 ? em_fd_gone(f, 0, err) : EM_OK;
}

static enum em_status no_baud(struct em_io *io, uint32_t baud, struct em_error *err)
{
    (void)baud;
    struct em_fd *f = (struct em_fd *)io;
    return f->fd < 0 ? em_fd_gone(f, 0, err) : EM_OK;
}

static enum em_status tcp_reopen(struct em_io *io, struct em_error *err)
{
    struct em_tcp *tcp = (struct em_tcp *)io;
    em_fd_close(&tcp->f);
    return em_net_connect(&tcp->f, &tcp->to, err);
}

static void tcp_close(struct em_io *io)
{
    struct em_tcp *tcp = (struct em_tcp *)io;
    em_fd_close(&tcp->f);
    free(tcp);
}

static const struct em_io_ops tcp_ops = {
    .read = em_fd_read,
    .write = em_fd_write,
    .set_lines = no_lines,
    .set_baud = no_baud,
    .discard_input = em_fd_discard_input,
    .reopen = tcp_reopen,
    .now_us = em_fd_now_us,
    .sleep_us = em_fd_sleep_us,
    .close = tcp_close,
};

enum em_status em_io_tcp_open(struct em_io **out, const char *name, uint32_t baud,
                              struct em_error *err)
{
    (void)baud;
    *out = NULL;
    struct em_tcp *tcp = calloc(1, sizeof *tcp);
    if (tcp == NULL)
        return em_error_nomem(err);
    em_fd_init(&tcp->f, &tcp_ops, name, em_fd_close);
    /* pySerial knows one option, logging=LEVEL; whatever there is means nothing here. */
    enum em_status status = em_net_parse(&tcp->to, name, SCHEME, err);
    if (status == EM_OK)
        status = em_net_connect(&tcp->f, &tcp->to, err);
    if (status != EM_OK) {
        tcp_close(&tcp->f.io);
        return status;
    }
    *out = &tcp->f.io;
    return EM_OK;
}
