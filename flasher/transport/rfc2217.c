/* SPDX-License-Identifier: Apache-2.0 */
/* A serial port behind an RFC 2217 server: "rfc2217://HOST:PORT?OPTIONS". */
#include "config.h"

#include "flasher/transport/net_int.h"
#include "flasher/transport/telnet_int.h"

#include <stdlib.h>
#include <string.h>

#define SCHEME "rfc2217://"

/* Requests whose answers are waited for, as bits. */
enum {
    ANSWER_BAUD = 1,
    ANSWER_DTR = 2,
    ANSWER_RTS = 4,
    ANSWER_PURGE = 8,
};

enum {
    START_US = 3000000,  /* for the first agreement, as pySerial has it */
    ANSWER_US = 1000000, /* for each answer; the option "timeout" changes both */
    SEND_US = 3000000,
};

struct em_rfc2217 {
    struct em_fd f;
    struct em_net_name to;
    struct em_telnet telnet;
    struct em_buf in;  /* received data, of which in_at bytes were read */
    struct em_buf out; /* what is being sent; answers to the server */
    size_t in_at;
    int64_t start_us, answer_us;
    bool ignore_control; /* do not wait for answers about DTR and RTS */
    bool refused;        /* the server does not know the serial port option */
    bool suspended;      /* the server wants no data now */
    uint32_t baud;       /* as set, or as the server said */
    unsigned awaited;    /* answers that are due */
    unsigned silent;     /* answers that never came: not waited for again */
};

static enum em_status flush(struct em_rfc2217 *r, int64_t timeout_us,
                            struct em_error *err)
{
    if (r->out.failed) {
        em_buf_clear(&r->out);
        return em_error_nomem(err);
    }
    if (r->out.len == 0)
        return EM_OK;
    enum em_status status =
        em_fd_write(&r->f.io, r->out.data, r->out.len, timeout_us, err);
    em_buf_clear(&r->out);
    return status;
}

/* One of the server's answers, or something it tells on its own. */
static void take_answer(struct em_rfc2217 *r)
{
    uint8_t command;
    uint32_t value;
    size_t len;
    if (r->telnet.code != EM_TELNET_COMPORT ||
        !em_telnet_comport(&r->telnet, &command, &value, &len))
        return;
    switch (command - EM_COMPORT_ANSWER) {
    case EM_COMPORT_BAUDRATE:
        if (len == 4 && value != 0)
            r->baud = value;
        r->awaited &= ~(unsigned)ANSWER_BAUD;
        break;
    case EM_COMPORT_CONTROL:
        if (value == EM_COMPORT_DTR_ON || value == EM_COMPORT_DTR_OFF)
            r->awaited &= ~(unsigned)ANSWER_DTR;
        if (value == EM_COMPORT_RTS_ON || value == EM_COMPORT_RTS_OFF)
            r->awaited &= ~(unsigned)ANSWER_RTS;
        break;
    case EM_COMPORT_PURGE:
        /* What came before it was there before the request. */
        em_buf_clear(&r->in);
        r->in_at = 0;
        r->awaited &= ~(unsigned)ANSWER_PURGE;
        break;
    case EM_COMPORT_SUSPEND:
        r->suspended = true;
        break;
    case EM_COMPORT_RESUME:
        r->suspended = false;
        break;
    default:
        break;
    }
}

/* Receive once, waiting until @p deadline_us for it; answer what is to be answered. */
static enum em_status pump(struct em_rfc2217 *r, int64_t deadline_us,
                           struct em_error *err)
{
    uint8_t raw[4096];
    size_t len, at = 0;
    int64_t left_us = deadline_us - em_fd_now_us(&r->f.io);
    enum em_status status =
        em_fd_read(&r->f.io, raw, sizeof raw, left_us > 0 ? left_us : 0, &len, err);
    if (status != EM_OK)
        return status;
    while (at < len) {
        size_t used;
        enum em_telnet_event event =
            em_telnet_feed(&r->telnet, raw + at, len - at, &used, &r->in, &r->out);
        at += used;
        if (event == EM_TELNET_SUB)
            take_answer(r);
        else if (event == EM_TELNET_OPTION && r->telnet.code == EM_TELNET_COMPORT &&
                 r->telnet.verb == EM_TELNET_DONT)
            r->refused = true;
    }
    if (r->in.failed) {
        em_buf_clear(&r->in);
        r->in_at = 0;
        return em_error_nomem(err);
    }
    return flush(r, SEND_US, err);
}

/* Send what is in out and wait for the answers @p bits. A server that does not give them
 * may still do what it is told; it is not asked to wait for twice. */
static enum em_status request(struct em_rfc2217 *r, unsigned bits, struct em_error *err)
{
    int64_t deadline_us = em_fd_now_us(&r->f.io) + r->answer_us;
    r->awaited = bits & ~r->silent;
    enum em_status status = flush(r, SEND_US, err);
    while (status == EM_OK && r->awaited != 0) {
        status = pump(r, deadline_us, err);
        if (em_fd_now_us(&r->f.io) >= deadline_us)
            break;
    }
    r->silent |= r->awaited;
    r->awaited = 0;
    return status;
}

static enum em_status rfc2217_read(struct em_io *io, uint8_t *buf, size_t cap,
                                   int64_t timeout_us, size_t *len_out,
                                   struct em_error *err)
{
    struct em_rfc2217 *r = (struct em_rfc2217 *)io;
    *len_out = 0;
    int64_t deadline_us = em_fd_now_us(io) + timeout_us;
    while (r->in_at == r->in.len) {
        em_buf_clear(&r->in);
        r->in_at = 0;
        enum em_status status = pump(r, deadline_us, err);
        if (status != EM_OK)
            return status;
        if (r->in.len == 0 && em_fd_now_us(io) >= deadline_us)
            return EM_OK;
    }
    size_t left = r->in.len - r->in_at;
    *len_out = left < cap ? left : cap;
    memcpy(buf, r->in.data + r->in_at, *len_out);
    r->in_at += *len_out;
    return EM_OK;
}

static enum em_status rfc2217_write(struct em_io *io, const uint8_t *data, size_t len,
                                    int64_t timeout_us, struct em_error *err)
{
    struct em_rfc2217 *r = (struct em_rfc2217 *)io;
    int64_t deadline_us = em_fd_now_us(io) + timeout_us;
    while (r->suspended) {
        enum em_status status = pump(r, deadline_us, err);
        if (status != EM_OK)
            return status;
        if (r->suspended && em_fd_now_us(io) >= deadline_us)
            return em_error_set(err, EM_ERR_PORT, "see what its serial port waits for",
                                "the server of '%s' takes no data", io->name);
    }
    em_telnet_append(&r->out, data, len);
    return flush(r, timeout_us, err);
}

static enum em_status rfc2217_set_lines(struct em_io *io, int dtr, int rts,
                                        struct em_error *err)
{
    struct em_rfc2217 *r = (struct em_rfc2217 *)io;
    unsigned bits = 0;
    if (dtr != EM_LINE_KEEP) {
        em_telnet_append_comport_byte(&r->out, EM_COMPORT_CONTROL,
                                      dtr != 0 ? EM_COMPORT_DTR_ON : EM_COMPORT_DTR_OFF);
        bits |= ANSWER_DTR;
    }
    if (rts != EM_LINE_KEEP) {
        em_telnet_append_comport_byte(&r->out, EM_COMPORT_CONTROL,
                                      rts != 0 ? EM_COMPORT_RTS_ON : EM_COMPORT_RTS_OFF);
        bits |= ANSWER_RTS;
    }
    return request(r, r->ignore_control ? 0 : bits, err);
}

static enum em_status rfc2217_set_baud(struct em_io *io, uint32_t baud,
                                       struct em_error *err)
{
    struct em_rfc2217 *r = (struct em_rfc2217 *)io;
    r->baud = baud;
    em_telnet_append_comport_word(&r->out, EM_COMPORT_BAUDRATE, baud);
    enum em_status status = request(r, ANSWER_BAUD, err);
    if (status != EM_OK)
        return status;
    uint32_t off = r->baud > baud ? r->baud - baud : baud - r->baud;
    if (off > baud / 25) /* UARTs stand 2 % at each end */
        return em_error_set(err, EM_ERR_PORT, "use another --baud",
                            "the server of '%s' set %lu baud instead of %lu", io->name,
                            (unsigned long)r->baud, (unsigned long)baud);
    r->baud = baud;
    return EM_OK;
}

static enum em_status rfc2217_discard_input(struct em_io *io, struct em_error *err)
{
    struct em_rfc2217 *r = (struct em_rfc2217 *)io;
    em_telnet_append_comport_byte(&r->out, EM_COMPORT_PURGE, 1); /* what it received */
    enum em_status status = request(r, ANSWER_PURGE, err);
    if (status == EM_OK && (r->silent & ANSWER_PURGE) != 0) {
        /* The answer would have told old from new. */
        status = pump(r, 0, err);
        em_buf_clear(&r->in);
        r->in_at = 0;
    }
    return status;
}

/* Agree on the serial port option and set the port up. */
static enum em_status start(struct em_rfc2217 *r, struct em_error *err)
{
    int64_t deadline_us = em_fd_now_us(&r->f.io) + r->start_us;
    em_telnet_init(&r->telnet, false);
    em_telnet_start(&r->telnet, &r->out);
    enum em_status status = flush(r, SEND_US, err);
    while (status == EM_OK && !r->refused &&
           !em_telnet_has(&r->telnet, true, EM_TELNET_COMPORT) &&
           em_fd_now_us(&r->f.io) < deadline_us)
        status = pump(r, deadline_us, err);
    if (status != EM_OK)
        return status;
    if (!em_telnet_has(&r->telnet, true, EM_TELNET_COMPORT))
        return em_error_set(err, EM_ERR_PORT,
                            "if it is a plain TCP server, use socket://",
                            "the server of '%s' is no RFC 2217 server", r->f.io.name);
    em_telnet_append_comport_byte(&r->out, EM_COMPORT_DATASIZE, 8);
    em_telnet_append_comport_byte(&r->out, EM_COMPORT_PARITY, 1);
    em_telnet_append_comport_byte(&r->out, EM_COMPORT_STOPSIZE, 1);
    em_telnet_append_comport_byte(&r->out, EM_COMPORT_CONTROL, EM_COMPORT_NO_FLOW);
    return rfc2217_set_baud(&r->f.io, r->baud, err);
}

static enum em_status rfc2217_reopen(struct em_io *io, struct em_error *err)
{
    struct em_rfc2217 *r = (struct em_rfc2217 *)io;
    em_fd_close(&r->f);
    em_buf_clear(&r->in);
    em_buf_clear(&r->out);
    r->in_at = 0;
    r->refused = r->suspended = false;
    r->silent = 0;
    enum em_status status = em_net_connect(&r->f, &r->to, err);
    if (status == EM_OK)
        status = start(r, err);
    if (status != EM_OK)
        em_fd_close(&r->f);
    return status;
}

static void rfc2217_close(struct em_io *io)
{
    struct em_rfc2217 *r = (struct em_rfc2217 *)io;
    em_fd_close(&r->f);
    em_buf_free(&r->in);
    em_buf_free(&r->out);
    free(r);
}

static const struct em_io_ops rfc2217_ops = {
    .read = rfc2217_read,
    .write = rfc2217_write,
    .set_lines = rfc2217_set_lines,
    .set_baud = rfc2217_set_baud,
    .discard_input = rfc2217_discard_input,
    .reopen = rfc2217_reopen,
    .now_us = em_fd_now_us,
    .sleep_us = em_fd_sleep_us,
    .close = rfc2217_close,
};

/* Digits with at most one point, up to an hour: microseconds, or -1. */
static int64_t seconds(const char *text)
{
    int64_t us = 0, unit = 0;
    for (; *text != '\0'; text++) {
        if (*text == '.' && unit == 0) {
            unit = 1000000;
        } else if (*text >= '0' && *text <= '9' && us < INT64_C(3600000000)) {
            if (unit == 0) {
                us = us * 10 + (*text - '0') * INT64_C(1000000);
            } else {
                unit /= 10;
                us += (*text - '0') * unit;
            }
        } else {
            return -1;
        }
    }
    return us;
}

/* The options of pySerial's URL handler; poll_modem and logging change nothing here. */
static enum em_status take_options(struct em_rfc2217 *r, struct em_error *err)
{
    const char *rest = r->to.options;
    char key[32], value[32];
    while (em_net_next_option(&rest, key, value)) {
        if (strcmp(key, "ign_set_control") == 0) {
            r->ignore_control = true;
        } else if (strcmp(key, "timeout") == 0) {
            r->start_us = r->answer_us = seconds(value);
            if (value[0] == '\0' || r->start_us < 0)
                return em_error_set(err, EM_ERR_USAGE, "use for example timeout=3",
                                    "port '%s': timeout '%s' is no number of seconds",
                                    r->f.io.name, value);
        } else if (strcmp(key, "poll_modem") != 0 && strcmp(key, "logging") != 0) {
            return em_error_set(err, EM_ERR_USAGE,
                                "options are ign_set_control, timeout=SECONDS, "
                                "poll_modem and logging=LEVEL",
                                "port '%s': unknown option '%s'", r->f.io.name, key);
        }
    }
    return EM_OK;
}

enum em_status em_io_rfc2217_open(struct em_io **out, const char *name, uint32_t baud,
                                  struct em_error *err)
{
    *out = NULL;
    struct em_rfc2217 *r = calloc(1, sizeof *r);
    if (r == NULL)
        return em_error_nomem(err);
    em_fd_init(&r->f, &rfc2217_ops, name, em_fd_close);
    r->f.io.has_lines = true;
    r->start_us = START_US;
    r->answer_us = ANSWER_US;
    r->baud = baud;
    enum em_status status = em_net_parse(&r->to, name, SCHEME, err);
    if (status == EM_OK)
        status = take_options(r, err);
    if (status == EM_OK)
        status = rfc2217_reopen(&r->f.io, err);
    if (status != EM_OK) {
        rfc2217_close(&r->f.io);
        return status;
    }
    *out = &r->f.io;
    return EM_OK;
}
