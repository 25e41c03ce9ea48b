/* SPDX-License-Identifier: Apache-2.0 */
/* One loop for all simulated chips of a process. */
#include "config.h"

#include "flasher/sim/serve_int.h"
#include "flasher/sim/sim_int.h"
#include "flasher/transport/tty_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

/* The system wakes a sleeper some 50 us late. So the loop sleeps to shortly before what
 * is due, and then looks again and again. */
enum { WAKE_EARLY_US = 80, READ_SIZE = 65536, OUT_LIMIT = 65536 };

/* So long the loop works on what came in before it looks again at what is due. */
enum { WORK_US = 200 };

struct em_sim_server {
    struct em_sim_slot *slots;
    size_t count;
    int64_t back_after_us;
    size_t turn; /* whose input is looked at first */
    uint8_t buffer[READ_SIZE];
};

enum em_status em_sim_server_new(struct em_sim_server **out, uint32_t back_after_ms,
                                 struct em_error *err)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return em_error_nomem(err);
    (*out)->back_after_us =
        back_after_ms == 0 ? INT64_MAX : (int64_t)back_after_ms * 1000;
    return EM_OK;
}

static void close_slot(struct em_sim_slot *slot)
{
    if (slot->kind == EM_SIM_PTY) {
        em_sim_pty_close(slot);
    } else {
        em_sim_tcp_hang_up(slot);
        if (slot->listen_fd >= 0)
            (void)close(slot->listen_fd); /* nobody was connected by it */
    }
    em_buf_free(&slot->out);
    em_buf_free(&slot->data);
    free(slot->link);
}

void em_sim_server_free(struct em_sim_server *server)
{
    if (server == NULL)
        return;
    for (size_t i = 0; i < server->count; i++)
        close_slot(&server->slots[i]);
    free(server->slots);
    free(server);
}

static enum em_status open_slot(struct em_sim_slot *slot,
                                const struct em_sim_place *place,
                                char where[EM_SIM_WHERE], struct em_error *err)
{
    uint16_t port = place->port;
    enum em_status status;
    if (place->link != NULL) {
        size_t len = strlen(place->link) + 1;
        slot->link = malloc(len);
        if (slot->link == NULL)
            return em_error_nomem(err);
        memcpy(slot->link, place->link, len);
    }
    if (slot->kind == EM_SIM_PTY) {
        status = em_sim_pty_open(slot, err);
        (void)snprintf(where, EM_SIM_WHERE, "%s",
                       slot->link == NULL ? slot->name : slot->link);
    } else {
        status = em_sim_tcp_listen(slot, &port, err);
        (void)snprintf(where, EM_SIM_WHERE, "%s://localhost:%u",
                       slot->kind == EM_SIM_TCP ? "socket" : "rfc2217", port);
    }
    if (status == EM_OK && (slot->fd >= FD_SETSIZE || slot->listen_fd >= FD_SETSIZE))
        status = em_error_set(err, EM_ERR_PORT, "start a second server",
                              "more chips than one process can serve");
    return status;
}

enum em_status em_sim_server_add(struct em_sim_server *server, struct em_sim *sim,
                                 const struct em_sim_place *place,
                                 char where[EM_SIM_WHERE], struct em_error *err)
{
    struct em_sim_slot *more =
        realloc(server->slots, (server->count + 1) * sizeof server->slots[0]);
    if (more == NULL)
        return em_error_nomem(err);
    server->slots = more;
    struct em_sim_slot *slot = &more[server->count];
    *slot = (struct em_sim_slot){.sim = sim,
                                 .kind = place->kind,
                                 .listen_fd = -1,
                                 .fd = -1,
                                 .slave_fd = -1,
                                 .ready_us = INT64_MAX,
                                 .open_watch = -1,
                                 .lost_us = INT64_MAX};
    enum em_status status = open_slot(slot, place, where, err);
    if (status == EM_OK)
        server->count++;
    else
        close_slot(slot);
    return status;
}

static int64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* always there */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- one slot ---- */

static void hang_up(struct em_sim_slot *slot)
{
    if (slot->kind == EM_SIM_PTY)
        em_sim_pty_close(slot);
    else
        em_sim_tcp_hang_up(slot);
}

/* Take what the chip has sent, and pass on what the host takes. */
static void pump_out(struct em_sim_server *server, struct em_sim_slot *slot)
{
    size_t waiting = slot->out.len - slot->out_at;
    if (waiting == 0) {
        em_buf_clear(&slot->out);
        slot->out_at = 0;
    }
    for (size_t n = 1; n > 0 && waiting < OUT_LIMIT;
         waiting = slot->out.len - slot->out_at) {
        n = em_sim_send(slot->sim, server->buffer, sizeof server->buffer, now_us());
        if (slot->kind == EM_SIM_RFC2217)
            em_telnet_append(&slot->out, server->buffer, n);
        else
            em_buf_append(&slot->out, server->buffer, n);
    }
    if (slot->fd < 0 || slot->out.failed) { /* nobody listens, or there is no room */
        em_buf_clear(&slot->out);
        slot->out_at = 0;
        return;
    }
    while (slot->out_at < slot->out.len) {
        ssize_t n =
            write(slot->fd, slot->out.data + slot->out_at, slot->out.len - slot->out_at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            hang_up(slot);
        if (n <= 0)
            return;
        slot->out_at += (size_t)n;
    }
}

/* Bytes count from when they could be read, not from when it is their turn. */
static void pump_in(struct em_sim_server *server, struct em_sim_slot *slot)
{
    int64_t came_us = slot->ready_us;
    slot->ready_us = INT64_MAX;
    if (slot->fd < 0)
        return;
    ssize_t n = read(slot->fd, server->buffer, sizeof server->buffer);
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (n <= 0) {
        if (slot->kind != EM_SIM_PTY)
            em_sim_tcp_hang_up(slot);
        return;
    }
    if (slot->kind == EM_SIM_PTY) /* it carries no rate, but keeps what hosts set */
        em_sim_set_pace(slot->sim, em_tty_mode_rate(slot->slave_fd));
    if (slot->kind == EM_SIM_RFC2217)
        em_sim_rfc2217_receive(slot, server->buffer, (size_t)n, came_us);
    else
        em_sim_receive(slot->sim, server->buffer, (size_t)n, came_us);
}

/* The cable came off, or the power went: after some time somebody mends it. */
static enum em_status mend(struct em_sim_server *server, struct em_sim_slot *slot,
                           int64_t now, struct em_error *err)
{
    bool connected = em_sim_is_connected(slot->sim);
    if (connected && em_sim_is_alive(slot->sim)) {
        slot->lost_us = INT64_MAX;
        em_sim_pty_unwatch(slot); /* a reset was faster */
        return EM_OK;
    }
    if (slot->lost_us == INT64_MAX) {
        slot->lost_us = now;
        if (!connected) {
            pump_out(server, slot); /* what was on the wire before */
            hang_up(slot);
        } else if (slot->kind == EM_SIM_PTY && !slot->sim->stuck) {
            em_sim_pty_watch(slot); /* plugged in again; a stuck chip stays so */
        }
    }
    if (now - slot->lost_us < server->back_after_us &&
        (!connected || !em_sim_pty_was_opened(slot)))
        return EM_OK;
    slot->lost_us = INT64_MAX;
    em_sim_pty_unwatch(slot);
    em_sim_reconnect(slot->sim);
    if (!em_sim_is_alive(slot->sim))
        em_sim_power_cycle(slot->sim, now);
    if (slot->kind == EM_SIM_PTY && slot->fd < 0)
        return em_sim_pty_open(slot, err);
    return EM_OK;
}

/* ---- all of them ---- */

struct waiting {
    fd_set in, out;
    int max;
    int64_t until_us;
};

static void watch(fd_set *set, int fd, struct waiting *w)
{
    if (fd < 0)
        return;
    FD_SET(fd, set);
    w->max = fd > w->max ? fd : w->max;
}

static void prepare(struct em_sim_server *server, struct waiting *w)
{
    for (size_t i = 0; i < server->count; i++) {
        struct em_sim_slot *slot = &server->slots[i];
        bool connected = em_sim_is_connected(slot->sim);
        watch(&w->in, slot->fd, w);
        if (slot->fd < 0 && connected)
            watch(&w->in, slot->listen_fd, w);
        if (slot->out_at < slot->out.len)
            watch(&w->out, slot->fd, w);
        watch(&w->in, slot->open_watch, w);
        int64_t next = slot->ready_us != INT64_MAX ? 0 : em_sim_next_us(slot->sim);
        if (slot->ready_us == INT64_MAX && slot->out_at < slot->out.len)
            next = INT64_MAX; /* the host has to take that first */
        if (slot->lost_us != INT64_MAX && server->back_after_us != INT64_MAX &&
            slot->lost_us + server->back_after_us < next)
            next = slot->lost_us + server->back_after_us;
        w->until_us = next < w->until_us ? next : w->until_us;
    }
}

static bool wait_for(struct waiting *w)
{
    struct timespec t = {0, 0};
    int64_t left = INT64_MAX;
    if (w->until_us != INT64_MAX) {
        left = w->until_us - now_us() - WAKE_EARLY_US;
        left = left > 0 ? left : 0;
        t.tv_sec = (time_t)(left / 1000000);
        t.tv_nsec = (long)(left % 1000000 * 1000);
    }
    int n =
        pselect(w->max + 1, &w->in, &w->out, NULL, left == INT64_MAX ? NULL : &t, NULL);
    if (n >= 0)
        return true;
    FD_ZERO(&w->in);
    FD_ZERO(&w->out);
    return errno == EINTR;
}

/* What does not take long: who came, what is due, what has to be mended. */
static enum em_status serve_slot(struct em_sim_server *server, struct em_sim_slot *slot,
                                 const struct waiting *w, int64_t now,
                                 struct em_error *err)
{
    if (slot->fd < 0 && slot->listen_fd >= 0 && FD_ISSET(slot->listen_fd, &w->in)) {
        em_sim_tcp_accept(slot);
        if (slot->fd >= 0 && !em_sim_is_alive(slot->sim))
            em_sim_power_cycle(slot->sim, now_us());
    } else if (slot->fd >= 0 && FD_ISSET(slot->fd, &w->in) &&
               slot->ready_us == INT64_MAX) {
        slot->ready_us = now;
    }
    pump_out(server, slot);
    return mend(server, slot, now_us(), err);
}

/* Decompressing and digests take their time, and others have answers that are due. */
static void work(struct em_sim_server *server, int64_t began)
{
    for (size_t i = 0; i < server->count; i++) {
        struct em_sim_slot *slot = &server->slots[server->turn % server->count];
        if (slot->ready_us != INT64_MAX) {
            if (now_us() - began > WORK_US)
                return;
            pump_in(server, slot);
            pump_out(server, slot);
        }
        server->turn++;
    }
}

/* false: it is time to stop. */
static bool obey(struct em_sim_server *server, int control_fd)
{
    char byte = 0;
    if (read(control_fd, &byte, 1) != 1 || byte != EM_SIM_POWER_FAILS)
        return false;
    for (size_t i = 0; i < server->count; i++)
        em_sim_power_fail(server->slots[i].sim, now_us());
    return true;
}

enum em_status em_sim_server_run(struct em_sim_server *server, int control_fd,
                                 struct em_error *err)
{
    for (;;) {
        struct waiting w = {.max = -1, .until_us = INT64_MAX};
        FD_ZERO(&w.in);
        FD_ZERO(&w.out);
        watch(&w.in, control_fd, &w);
        prepare(server, &w);
        if (!wait_for(&w))
            return em_error_errno(err, errno, "cannot wait for hosts");
        if (FD_ISSET(control_fd, &w.in) && !obey(server, control_fd))
            return EM_OK;
        int64_t now = now_us();
        for (size_t i = 0; i < server->count; i++) {
            enum em_status status = serve_slot(server, &server->slots[i], &w, now, err);
            if (status != EM_OK)
                return status;
        }
        work(server, now_us());
    }
}
