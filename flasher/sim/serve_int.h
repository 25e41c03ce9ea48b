/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated chips for other programs: behind pseudo-terminals and on TCP ports. */
#ifndef FLASHER_SIM_SERVE_INT_H
#define FLASHER_SIM_SERVE_INT_H

#include "base/buf_int.h"
#include "base/error_int.h"
#include "flasher/transport/telnet_int.h"

#include <espmfg/sim.h>

enum em_sim_kind {
    EM_SIM_PTY,
    EM_SIM_TCP,
    EM_SIM_RFC2217, /* TCP with the modem lines and the rate of RFC 2217 */
};

/** Where a chip can be reached. */
struct em_sim_place {
    enum em_sim_kind kind;
    uint16_t port;    /* TCP, on the loopback interface; 0: any free one */
    const char *link; /* PTY: symbolic link to it; NULL: none. Copied. */
};

enum { EM_SIM_WHERE = 300 };

struct em_sim_server;

/** Chips whose power or cable is gone come back after @p back_after_ms; 0: never. Power
 * also comes back when the port is opened the next time. */
enum em_status em_sim_server_new(struct em_sim_server **out, uint32_t back_after_ms,
                                 struct em_error *err);

/** Add a chip, which stays the caller's. @p where becomes what a host has to open.
 * EM_ERR_PORT (taken, no more of them), EM_ERR_EXISTS (something else than a link has the
 * name), EM_ERR_NOMEM. */
enum em_status em_sim_server_add(struct em_sim_server *server, struct em_sim *sim,
                                 const struct em_sim_place *place,
                                 char where[EM_SIM_WHERE], struct em_error *err);

/** Bytes that em_sim_server_run() takes from outside; any other one, or the end of them,
 * makes it return. */
enum { EM_SIM_POWER_FAILS = 'p' }; /* of all chips */

/** Serve, and do what the bytes from @p control_fd say. EM_OK, EM_ERR_PORT. */
enum em_status em_sim_server_run(struct em_sim_server *server, int control_fd,
                                 struct em_error *err);

/** Close everything and remove the links. NULL is allowed. */
void em_sim_server_free(struct em_sim_server *server);

/* ---- for the files of the server ---- */

struct em_sim_slot {
    struct em_sim *sim;
    enum em_sim_kind kind;
    int listen_fd;  /* TCP */
    int fd;         /* master side, or the connection; -1: nobody */
    int slave_fd;   /* PTY: kept open, or reads fail between two hosts */
    char name[128]; /* PTY: path of the slave */
    char *link;
    struct em_buf out; /* taken from the chip, not yet taken by the host */
    size_t out_at;
    struct em_telnet telnet; /* RFC 2217 */
    struct em_buf data;      /* what came, without its commands */
    int dtr, rts;
    int64_t lost_us;  /* since when power or cable is gone; INT64_MAX: it is not */
    int64_t ready_us; /* since when there are bytes to read; INT64_MAX: there are none */
    int open_watch;   /* PTY without power: tells when somebody opens it; -1: none */
};

/* serve_pty.c, serve_tcp.c */
enum em_status em_sim_pty_open(struct em_sim_slot *slot, struct em_error *err);
void em_sim_pty_close(struct em_sim_slot *slot);
/** From now on em_sim_pty_was_opened() tells whether somebody opened it since. */
void em_sim_pty_watch(struct em_sim_slot *slot);
bool em_sim_pty_was_opened(struct em_sim_slot *slot);
void em_sim_pty_unwatch(struct em_sim_slot *slot);
enum em_status em_sim_tcp_listen(struct em_sim_slot *slot, uint16_t *port,
                                 struct em_error *err);
/** A host wants to connect. */
void em_sim_tcp_accept(struct em_sim_slot *slot);
void em_sim_tcp_hang_up(struct em_sim_slot *slot);

/* serve_rfc2217.c */
void em_sim_rfc2217_begin(struct em_sim_slot *slot);
/** Bytes from the host; its commands are obeyed, the rest goes to the chip. */
void em_sim_rfc2217_receive(struct em_sim_slot *slot, const uint8_t *data, size_t len,
                            int64_t now_us);

#endif
