/* SPDX-License-Identifier: Apache-2.0 */
/* The part that ports and sockets share: a pipe over a file descriptor, in real time. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* ppoll() */
#endif
#include "config.h"

#include "flasher/transport/fault_int.h"
#include "flasher/transport/fd_int.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { US_PER_S = 1000000, NS_PER_US = 1000 };

void em_fd_init(struct em_fd *f, const struct em_io_ops *ops, const char *name,
                void (*drop)(struct em_fd *f))
{
    f->io.ops = ops;
    (void)snprintf(f->io.name, sizeof f->io.name, "%s", name); /* only for messages */
    f->io.usb_vid = f->io.usb_pid = -1;
    f->fd = -1;
    f->drop = drop;
}

void em_fd_close(struct em_fd *f)
{
    if (f->fd >= 0)
        (void)close(f->fd); /* nothing can be done about what it may say */
    f->fd = -1;
}

enum em_status em_fd_gone(struct em_fd *f, int errnum, struct em_error *err)
{
    f->drop(f);
    char reason[96] = "";
    if (errnum != 0)
        em_port_reason(reason, sizeof reason, errnum);
    const char *colon = errnum != 0 ? ": " : "";
    if (f->is_socket)
        return em_error_set(err, EM_ERR_PORT,
                            "see whether the server still runs and has no other client",
                            "connection '%s' is closed%s%s", f->io.name, colon, reason);
    return em_error_set(err, EM_ERR_PORT,
                        "check cable and plug; a USB port may come back under another "
                        "name",
                        "port '%s' is gone%s%s", f->io.name, colon, reason);
}

int64_t em_fd_now_us(struct em_io *io)
{
    (void)io;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* POSIX requires this clock */
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / NS_PER_US;
}

static struct timespec time_of(int64_t us)
{
    return (struct timespec){.tv_sec = (time_t)(us / US_PER_S),
                             .tv_nsec = (long)(us % US_PER_S) * NS_PER_US};
}

void em_fd_sleep_us(struct em_io *io, int64_t us)
{
    if (us <= 0)
        return;
    struct timespec until = time_of(em_fd_now_us(io) + us);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}

int em_fd_wait(int fd, short events, int64_t deadline_us)
{
    for (;;) {
        int64_t left = deadline_us - em_fd_now_us(NULL);
        struct timespec wait = time_of(left > 0 ? left : 0);
        struct pollfd poll_fd = {.fd = fd, .events = events};
        int n = ppoll(&poll_fd, 1, &wait, NULL);
        if (n >= 0)
            return n;
        if (errno != EINTR)
            return -errno;
        if (left <= 0)
            return 0;
    }
}

static bool nothing_now(int errnum)
{
    return errnum == EAGAIN || errnum == EWOULDBLOCK || errnum == EINTR;
}

enum em_status em_fd_read(struct em_io *io, uint8_t *buf, size_t cap, int64_t timeout_us,
                          size_t *len_out, struct em_error *err)
{
    struct em_fd *f = (struct em_fd *)io;
    *len_out = 0;
    if (f->fd < 0)
        return em_fd_gone(f, 0, err);
    /* Where an answer is on its way, reading first would only cost a system call; in a
     * stream of data, waiting first would. */
    bool wait = f->awaiting && timeout_us > 0;
    f->awaiting = false;
    int64_t deadline_us = 0;
    for (bool first = true;; first = false) {
        if (wait) {
            if (deadline_us == 0)
                deadline_us = em_fd_now_us(io) + timeout_us;
            int ready = em_fd_wait(f->fd, POLLIN, deadline_us);
            if (ready < 0)
                return em_fd_gone(f, -ready, err);
            if (ready == 0)
                return EM_OK;
        }
        ssize_t n = read(f->fd, buf, cap);
        if (n > 0) {
            *len_out = (size_t)n;
            return EM_OK;
        }
        if (n == 0)
            return em_fd_gone(f, 0, err);
        if (!nothing_now(errno))
            return em_fd_gone(f, errno, err);
        if (timeout_us <= 0 && (errno != EINTR || !first))
            return EM_OK;
        wait = timeout_us > 0;
    }
}

static ssize_t write_some(struct em_fd *f, const uint8_t *data, size_t len)
{
    /* A signal for a closed connection would end the program. */
    return f->is_socket ? send(f->fd, data, len, MSG_NOSIGNAL) : write(f->fd, data, len);
}

enum em_status em_fd_write(struct em_io *io, const uint8_t *data, size_t len,
                           int64_t timeout_us, struct em_error *err)
{
    struct em_fd *f = (struct em_fd *)io;
    if (f->fd < 0)
        return em_fd_gone(f, 0, err);
    int64_t deadline_us = 0;
    size_t done = 0;
    while (done < len) {
        ssize_t n = write_some(f, data + done, len - done);
        if (n > 0) {
            done += (size_t)n;
            f->awaiting = f->unsent = true;
            continue;
        }
        if (n < 0 && !nothing_now(errno))
            return em_fd_gone(f, errno, err);
        if (deadline_us == 0)
            deadline_us = em_fd_now_us(io) + timeout_us;
        int ready = em_fd_wait(f->fd, POLLOUT, deadline_us);
        if (ready < 0)
            return em_fd_gone(f, -ready, err);
        if (ready == 0)
            return em_error_set(err, EM_ERR_PORT,
                                "the device or the program at the other end is stuck",
                                "'%s' took %zu of %zu bytes in %lld ms", io->name, done,
                                len, (long long)(timeout_us / 1000));
    }
    return EM_OK;
}

enum em_status em_fd_discard_input(struct em_io *io, struct em_error *err)
{
    /* Reading is the same for all kinds; a limit, in case somebody sends for ever. */
    uint8_t scratch[4096];
    size_t len = 1;
    for (int i = 0; i < 256 && len > 0; i++) {
        enum em_status status = em_fd_read(io, scratch, sizeof scratch, 0, &len, err);
        if (status != EM_OK)
            return status;
    }
    return EM_OK;
}
