/* SPDX-License-Identifier: Apache-2.0 */
/* Terminal devices: what serial ports and PTYs share. */
#ifndef FLASHER_TRANSPORT_TTY_INT_H
#define FLASHER_TRANSPORT_TTY_INT_H

#include "flasher/transport/fd_int.h"

struct em_tty_mode; /* settings of a terminal */
struct sp_port;     /* of libserialport */

struct em_tty;

/** What is special about a kind of terminal device. */
struct em_tty_kind {
    /** The device is open and locked: may put another descriptor in its place. */
    enum em_status (*take_over)(struct em_tty *tty, struct em_error *err);
    /** 0 or an errno. */
    int (*set_rate)(struct em_tty *tty, uint32_t baud);
    /** The path is not there any more: may find the device under another one. */
    bool (*find)(struct em_tty *tty);
    void (*drop)(struct em_fd *f);
};

/** An open terminal device. */
struct em_tty {
    struct em_fd f;
    const struct em_tty_kind *kind;
    char path[256];
    char interface[64];         /* of USB, "" : not known */
    struct em_tty_mode *before; /* how it was when it was opened */
    struct sp_port *port;       /* libserialport's handle; NULL: opened without it */
    uint32_t baud;
    int other_lines; /* bits of the modem register besides the two below */
    int dtr, rts;    /* as set last */
};

/* Settings. All return 0 or an errno. */

/** Copy the settings of @p fd; free() them. */
int em_tty_mode_save(struct em_tty_mode **out, int fd);

/** Put settings back. */
int em_tty_mode_restore(int fd, const struct em_tty_mode *mode);

/** Bytes as they are: 8 data bits, no parity, 1 stop bit, no flow control, no echo. The
 * rate stays. read() gives what is there. */
int em_tty_mode_raw(int fd);

/** Any rate the driver takes. */
int em_tty_mode_set_rate(int fd, uint32_t baud);

/** The rate the driver says it has; 0: not known. */
uint32_t em_tty_mode_rate(int fd);

/** Open @p path. EM_ERR_PORT, EM_ERR_NOMEM. */
enum em_status em_tty_open(struct em_io **out, const char *path, uint32_t baud,
                           const struct em_tty_kind *kind, struct em_error *err);

/** Take the lock of an open descriptor. @p path is for the message. EM_ERR_PORT. */
enum em_status em_tty_lock(int fd, const char *path, struct em_error *err);

/** em_tty_kind.set_rate of those who have no other way. */
int em_tty_set_rate(struct em_tty *tty, uint32_t baud);

#endif
