/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to servers that have the port: names and connecting. */
#ifndef FLASHER_TRANSPORT_NET_INT_H
#define FLASHER_TRANSPORT_NET_INT_H

#include "flasher/transport/fd_int.h"

/** "SCHEME://HOST:PORT?OPTIONS", taken apart. */
struct em_net_name {
    char host[256]; /* IPv6 without its brackets */
    char port[8];
    char options[128]; /* behind '?', "" : none */
};

/** Take @p name apart; @p scheme is "socket://". EM_ERR_USAGE. */
enum em_status em_net_parse(struct em_net_name *out, const char *name, const char *scheme,
                            struct em_error *err);

/**
 * The next option of @p rest, which moves on: KEY and its value ("" without one), cut
 * where they are too long. false: none left.
 */
bool em_net_next_option(const char **rest, char key[32], char value[32]);

/** Connect f->fd to f->io.name: every address of the host is tried, for 5 s in all.
 * EM_ERR_USAGE, EM_ERR_PORT. */
enum em_status em_net_connect(struct em_fd *f, const struct em_net_name *name,
                              struct em_error *err);

#endif
