/* SPDX-License-Identifier: Apache-2.0 */
/* The part that ports and sockets share: a pipe over a file descriptor, in real time. */
#ifndef FLASHER_TRANSPORT_FD_INT_H
#define FLASHER_TRANSPORT_FD_INT_H

#include "flasher/transport/io_int.h"

/** A pipe over a non-blocking descriptor; transports embed it as their first member. */
struct em_fd {
    struct em_io io;
    int fd; /* -1: gone. It is closed as soon as that is seen, because a USB port that
             * is still open somewhere comes back under another name. */
    bool is_socket;
    bool awaiting; /* written since the last read: an answer cannot be here at once */
    bool unsent;   /* written since the output was last known to be empty */
    void (*drop)(struct em_fd *f); /* close fd and set it to -1 */
};

/** Fill the shared part; fd is -1. @p name is cut where it is too long. */
void em_fd_init(struct em_fd *f, const struct em_io_ops *ops, const char *name,
                void (*drop)(struct em_fd *f));

/** Drop for those who need no more than close(). */
void em_fd_close(struct em_fd *f);

/** Tell that the pipe is gone (errnum 0: no more is known), and drop it. */
enum em_status em_fd_gone(struct em_fd *f, int errnum, struct em_error *err);

/* Members of em_io_ops. */
enum em_status em_fd_read(struct em_io *io, uint8_t *buf, size_t cap, int64_t timeout_us,
                          size_t *len_out, struct em_error *err);
enum em_status em_fd_write(struct em_io *io, const uint8_t *data, size_t len,
                           int64_t timeout_us, struct em_error *err);
enum em_status em_fd_discard_input(struct em_io *io, struct em_error *err);
int64_t em_fd_now_us(struct em_io *io);
void em_fd_sleep_us(struct em_io *io, int64_t us);

/**
 * Wait until @p fd is ready for @p events (of poll()) or @p deadline_us of
 * em_fd_now_us(). Returns 1, 0 (time is over) or -errno.
 */
int em_fd_wait(int fd, short events, int64_t deadline_us);

#endif
