/* SPDX-License-Identifier: Apache-2.0 */
/* A byte pipe to a chip: serial port, PTY, socket, RFC 2217 server, simulated chip. */
#ifndef FLASHER_TRANSPORT_IO_INT_H
#define FLASHER_TRANSPORT_IO_INT_H

#include "base/error_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct em_io;

/** For em_io_ops.set_lines: leave the line as it is. */
enum { EM_LINE_KEEP = -1 };

/**
 * What a transport does. Time belongs to it: whoever uses a pipe asks it for the time and
 * sleeps through it, so that a simulated chip needs no real time. A pipe that is gone
 * (unplugged, connection closed) makes any call return EM_ERR_PORT.
 */
struct em_io_ops {
    /** Take what has arrived, at most @p cap bytes; wait up to @p timeout_us for the
     * first one. *len_out 0 with EM_OK: nothing came. */
    enum em_status (*read)(struct em_io *io, uint8_t *buf, size_t cap, int64_t timeout_us,
                           size_t *len_out, struct em_error *err);
    /** Hand over all of @p data. EM_ERR_PORT when it is not taken within @p timeout_us.
     */
    enum em_status (*write)(struct em_io *io, const uint8_t *data, size_t len,
                            int64_t timeout_us, struct em_error *err);
    /** Set the modem lines, both in one step where the system can: 1 asserted (pin low),
     * 0 released, or EM_LINE_KEEP. Without lines (has_lines false): nothing, EM_OK. */
    enum em_status (*set_lines)(struct em_io *io, int dtr, int rts, struct em_error *err);
    /** Change the rate, after what was written has left. */
    enum em_status (*set_baud)(struct em_io *io, uint32_t baud, struct em_error *err);
    /** Forget what has arrived and was not read. */
    enum em_status (*discard_input)(struct em_io *io, struct em_error *err);
    /** Open the same port again after it was gone (USB ports vanish in a reset). Tries
     * once. The rate is what was set last. */
    enum em_status (*reopen)(struct em_io *io, struct em_error *err);
    /** Microseconds of a clock that never goes back. */
    int64_t (*now_us)(struct em_io *io);
    void (*sleep_us)(struct em_io *io, int64_t us);
    /** Restore what was changed of the port, close and free. */
    void (*close)(struct em_io *io);
};

/** The part that all transports share; each embeds it as its first member. */
struct em_io {
    const struct em_io_ops *ops;
    char name[256]; /* as the user named it */
    int usb_vid;    /* -1: not USB, or not known */
    int usb_pid;
    bool has_lines;      /* DTR and RTS reach the chip; may turn false at the first use */
    bool lines_together; /* set_lines() changes both at the same moment */
};

/**
 * Open what @p name says: "socket://HOST:PORT", "rfc2217://HOST:PORT",
 * "sim:CHIP?OPTIONS", or a path: real serial ports through libserialport, all others
 * through termios. EM_ERR_PORT tells "not there", "no permission" and "in use by process
 * N" apart; EM_ERR_USAGE: a name that is none.
 */
enum em_status em_io_open(struct em_io **out, const char *name, uint32_t baud,
                          struct em_error *err);

/** Close; @p io may be NULL. */
void em_io_close(struct em_io *io);

/* Each transport's own open; em_io_open() picks one. serial passes to termios what
 * libserialport does not take. */
enum em_status em_io_serial_open(struct em_io **out, const char *path, uint32_t baud,
                                 struct em_error *err);
enum em_status em_io_tty_open(struct em_io **out, const char *path, uint32_t baud,
                              struct em_error *err);
enum em_status em_io_tcp_open(struct em_io **out, const char *name, uint32_t baud,
                              struct em_error *err);
enum em_status em_io_rfc2217_open(struct em_io **out, const char *name, uint32_t baud,
                                  struct em_error *err);
enum em_status em_io_sim_open(struct em_io **out, const char *name, uint32_t baud,
                              struct em_error *err);

struct em_sim;

/**
 * A pipe to a chip that the caller made, and frees after the pipe is closed: for those
 * who look into it. @p usb_pid as in em_sim_options; @p name is for messages.
 */
enum em_status em_io_sim_attach(struct em_io **out, struct em_sim *sim, int usb_pid,
                                const char *name, uint32_t baud, struct em_error *err);

#endif
