/* SPDX-License-Identifier: Apache-2.0 */
/* Terminal devices through the system's own calls: PTYs, and what serial.c builds on. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* flock() */
#endif
#include "config.h"

#include "flasher/transport/fault_int.h"
#include "flasher/transport/tty_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum {
    BITS_PER_BYTE = 10,      /* on the wire: start, 8 data bits, stop */
    DRAIN_STALL_US = 500000, /* no byte left for so long: nothing will leave any more */
};

enum em_status em_tty_lock(int fd, const char *path, struct em_error *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return EM_OK;
    return errno == EWOULDBLOCK ? em_port_busy(path, err)
                                : em_port_fault(path, errno, err);
}

/* The superuser may open what another process has made exclusive. */
static bool is_exclusive(int fd)
{
#ifdef TIOCGEXCL
    int exclusive = 0;
    return ioctl(fd, TIOCGEXCL, &exclusive) == 0 && exclusive != 0;
#else
    (void)fd;
    return false;
#endif
}

/* Open and lock; nothing of the settings is changed. */
static enum em_status claim(int *fd_out, const char *path, struct em_error *err)
{
    *fd_out = -1;
    struct stat st;
    if (stat(path, &st) != 0)
        return em_port_fault(path, errno, err);
    if (!S_ISCHR(st.st_mode)) /* opening a FIFO or a disk may do more than fail */
        return em_port_fault(path, ENOTTY, err);
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return em_port_fault(path, errno, err);
    enum em_status status = EM_OK;
    struct termios mode;
    if (tcgetattr(fd, &mode) != 0)
        status = em_port_fault(path, errno, err);
    else if (!em_port_is_pty(st.st_rdev) && is_exclusive(fd))
        status = em_port_busy(path, err);
    else
        status = em_tty_lock(fd, path, err);
    if (status != EM_OK) {
        (void)close(fd); /* nothing was written */
        return status;
    }
    *fd_out = fd;
    return EM_OK;
}

/* Wait until all has left, at most as long as bytes keep leaving. false: some are stuck.
 */
static bool drain(struct em_tty *tty)
{
    struct em_io *io = &tty->f.io;
    int before = -1;
    int64_t stalled_at = em_fd_now_us(io) + DRAIN_STALL_US;
    for (;;) {
        int waiting = 0;
        if (ioctl(tty->f.fd, TIOCOUTQ, &waiting) != 0 || waiting == 0)
            break;
        int64_t now = em_fd_now_us(io);
        if (waiting != before)
            stalled_at = now + DRAIN_STALL_US;
        else if (now >= stalled_at)
            return false;
        before = waiting;
        int64_t needs_us = (int64_t)waiting * BITS_PER_BYTE * 1000000 / tty->baud;
        em_fd_sleep_us(io, needs_us < 100 ? 100 : needs_us > 20000 ? 20000 : needs_us);
    }
    tty->f.unsent = false;
    /* What is left is in the chip of the port and has an end of its own. */
    return tcdrain(tty->f.fd) == 0;
}

static enum em_status tty_set_baud(struct em_io *io, uint32_t baud, struct em_error *err)
{
    struct em_tty *tty = (struct em_tty *)io;
    if (tty->f.fd < 0)
        return em_fd_gone(&tty->f, 0, err);
    if (tty->f.unsent && !drain(tty))
        return em_error_set(err, EM_ERR_PORT, "unplug the adapter and plug it in again",
                            "port '%s' does not send what was written", io->name);
    int failed = tty->kind->set_rate(tty, baud);
    if (failed == EIO || failed == ENXIO || failed == ENODEV)
        return em_fd_gone(&tty->f, failed, err);
    if (failed != 0)
        return em_error_set(err, EM_ERR_PORT, "use another --baud",
                            "port '%s' does not take %lu baud", io->name,
                            (unsigned long)baud);
    /* Some drivers take any rate and silently use another one. UARTs stand 2 % at each
     * end. */
    uint32_t got = em_tty_mode_rate(tty->f.fd);
    uint32_t off = got > baud ? got - baud : baud - got;
    if (got != 0 && off > baud / 25)
        return em_error_set(err, EM_ERR_PORT, "use another --baud",
                            "port '%s' runs at %lu baud instead of %lu", io->name,
                            (unsigned long)got, (unsigned long)baud);
    tty->baud = baud;
    return EM_OK;
}

static enum em_status tty_set_lines(struct em_io *io, int dtr, int rts,
                                    struct em_error *err)
{
    struct em_tty *tty = (struct em_tty *)io;
    if (tty->f.fd < 0)
        return em_fd_gone(&tty->f, 0, err);
    if (!io->has_lines)
        return EM_OK;
    dtr = dtr == EM_LINE_KEEP ? tty->dtr : dtr;
    rts = rts == EM_LINE_KEEP ? tty->rts : rts;
    int lines =
        tty->other_lines | (dtr != 0 ? TIOCM_DTR : 0) | (rts != 0 ? TIOCM_RTS : 0);
    if (ioctl(tty->f.fd, TIOCMSET, &lines) != 0) {
        if (errno != ENOTTY && errno != EINVAL)
            return em_fd_gone(&tty->f, errno, err);
        io->has_lines = false; /* a PTY, or an adapter without them */
        return EM_OK;
    }
    tty->dtr = dtr;
    tty->rts = rts;
    return EM_OK;
}

/* Make ready what f.fd is now: nobody else may open it, raw, rate, lines. */
static enum em_status start(struct em_tty *tty, struct em_error *err)
{
    int fd = tty->f.fd;
    struct stat st;
    int failed = em_tty_mode_raw(fd);
    if (failed == 0 && fstat(fd, &st) != 0)
        failed = errno;
    if (failed != 0)
        return em_port_fault(tty->path, failed, err);
    /* A PTY would stay exclusive when this program is killed, because its other end keeps
     * it alive: nobody could open it again. The lock goes away with the program. */
    if (!em_port_is_pty(st.st_rdev))
        (void)ioctl(fd, TIOCEXCL); /* the lock is there already */
    int lines = 0;
    tty->f.io.has_lines = ioctl(fd, TIOCMGET, &lines) == 0;
    tty->f.io.lines_together = tty->f.io.has_lines;
    tty->dtr = (lines & TIOCM_DTR) != 0;
    tty->rts = (lines & TIOCM_RTS) != 0;
    tty->other_lines = lines & ~(TIOCM_DTR | TIOCM_RTS);
    tty->f.unsent = tty->f.awaiting = false;
    return tty_set_baud(&tty->f.io, tty->baud, err);
}

/* Restore the settings and let go; the device may be gone already. */
static void stop(struct em_tty *tty)
{
    if (tty->f.fd >= 0) {
        if (tty->f.unsent && !drain(tty))
            (void)tcflush(tty->f.fd, TCOFLUSH); /* or close() would wait for it */
        if (tty->before != NULL)
            (void)em_tty_mode_restore(tty->f.fd, tty->before); /* it may be gone */
#ifdef TIOCNXCL
        (void)ioctl(tty->f.fd, TIOCNXCL); /* the same */
#endif
    }
    tty->f.drop(&tty->f);
    free(tty->before);
    tty->before = NULL;
}

int em_tty_set_rate(struct em_tty *tty, uint32_t baud)
{
    return em_tty_mode_set_rate(tty->f.fd, baud);
}

static enum em_status tty_reopen(struct em_io *io, struct em_error *err)
{
    struct em_tty *tty = (struct em_tty *)io;
    stop(tty);
    if (access(tty->path, F_OK) != 0 && tty->kind->find != NULL)
        (void)tty->kind->find(tty); /* if not, the next line says so */
    enum em_status status = claim(&tty->f.fd, tty->path, err);
    if (status != EM_OK)
        return status;
    int failed = em_tty_mode_save(&tty->before, tty->f.fd);
    if (failed != 0)
        status = em_port_fault(tty->path, failed, err);
    if (status == EM_OK && tty->kind->take_over != NULL)
        status = tty->kind->take_over(tty, err);
    if (status == EM_OK)
        status = start(tty, err);
    if (status != EM_OK)
        stop(tty);
    return status;
}

static void tty_close(struct em_io *io)
{
    struct em_tty *tty = (struct em_tty *)io;
    stop(tty);
    free(tty);
}

static const struct em_io_ops tty_ops = {
    .read = em_fd_read,
    .write = em_fd_write,
    .set_lines = tty_set_lines,
    .set_baud = tty_set_baud,
    .discard_input = em_fd_discard_input,
    .reopen = tty_reopen,
    .now_us = em_fd_now_us,
    .sleep_us = em_fd_sleep_us,
    .close = tty_close,
};

enum em_status em_tty_open(struct em_io **out, const char *path, uint32_t baud,
                           const struct em_tty_kind *kind, struct em_error *err)
{
    *out = NULL;
    struct em_tty *tty = calloc(1, sizeof *tty);
    if (tty == NULL)
        return em_error_nomem(err);
    em_fd_init(&tty->f, &tty_ops, path, kind->drop);
    tty->kind = kind;
    (void)snprintf(tty->path, sizeof tty->path, "%s", path); /* open.c checked it */
    tty->baud = baud;
    enum em_status status = tty_reopen(&tty->f.io, err);
    if (status != EM_OK) {
        tty_close(&tty->f.io);
        return status;
    }
    *out = &tty->f.io;
    return EM_OK;
}

enum em_status em_io_tty_open(struct em_io **out, const char *path, uint32_t baud,
                              struct em_error *err)
{
    static const struct em_tty_kind kind = {.set_rate = em_tty_set_rate,
                                            .drop = em_fd_close};
    return em_tty_open(out, path, baud, &kind, err);
}
