/* SPDX-License-Identifier: Apache-2.0 */
/* A pipe with a scripted loader behind it and a clock of its own: rules say which command
 * gets which bytes; registers, SYNC and rate are played without rules. */
#ifndef TESTS_FLASHER_SCRIPT_H
#define TESTS_FLASHER_SCRIPT_H

#include "base/bytes_int.h"
#include "flasher/rom/rom_int.h"

#include "tests/em_test.h"

#include <stdarg.h>

enum { SCRIPT_ANY = 0x100, SCRIPT_ALWAYS = -1, SCRIPT_WIRE = 1 << 16 };

/* What to do at a command. */
struct script_rule {
    int op;           /* SCRIPT_ANY: every one */
    const char *data; /* its data has to begin so, in hex; NULL: any */
    int times;        /* how often it applies; SCRIPT_ALWAYS */
    const char *raw;  /* hex put on the wire as it is ("": silence); NULL: reply */
    uint32_t value;
    const char *reply; /* hex of result and status, framed; NULL: the usual answer */
    int other_op;      /* of the answer; 0: the same */
    unsigned copies;   /* 0: one */
    int64_t delay_us;  /* before it comes; below 0: it is lost */
    unsigned used;     /* counts */
};

struct script {
    struct em_io io; /* first */
    int64_t now_us;
    struct script_rule rules[24];
    size_t rule_count;
    struct {
        uint32_t addr, value;
    } regs[96];
    size_t reg_count;
    uint32_t sync_value; /* 0: a stub */
    size_t trailer;
    int deaf;             /* SYNCs that are not heard; counts down */
    int deaf_until_reset; /* line events until SYNC is heard */
    bool babble;          /* text without end */
    const char *boot;     /* text that comes at each rise of EN */

    uint32_t port_baud, chip_baud;
    uint32_t baud_limit; /* the cable carries no more; 0: any */
    uint32_t reset_baud; /* of the chip after a line event; 0: as it was */
    int gone_after;      /* line events until the port vanishes; 0: never */
    int reopen_fails;
    bool gone;
    bool *closed;

    /* What the host did. */
    char lines[2048]; /* "D1@100000|…" */
    size_t line_events;
    char ops[4096];                       /* "08 0a 0a …" */
    uint8_t last[EM_ROM_HEADER + 0x5000]; /* body of the last command */
    size_t last_len;
    unsigned writes, frames, discards, reopens;

    struct em_slip_reader reader;
    uint8_t wire[SCRIPT_WIRE];
    int64_t at_us[64]; /* when pieces of the wire may be read */
    size_t piece_end[64];
    size_t pieces, piece, wire_at, wire_len;
};

static inline size_t script_hex(uint8_t *out, size_t cap, const char *hex)
{
    size_t n = 0;
    for (; *hex != '\0' && n < cap; hex += *hex == ' ' ? 1 : 2) {
        if (*hex == ' ')
            continue;
        unsigned byte = 0;
        (void)sscanf(hex, "%2x", &byte);
        out[n++] = (uint8_t)byte;
    }
    return n;
}

/* Bytes for the host, @p delay_us from now. */
static inline void script_put(struct script *s, const void *data, size_t len,
                              int64_t delay_us)
{
    if (s->piece == s->pieces)
        s->pieces = s->piece = s->wire_at = s->wire_len = 0;
    if (len == 0 || delay_us < 0 || s->pieces == 64 || s->wire_len + len > sizeof s->wire)
        return;
    memcpy(s->wire + s->wire_len, data, len);
    s->wire_len += len;
    s->at_us[s->pieces] = s->now_us + delay_us;
    s->piece_end[s->pieces++] = s->wire_len;
}

static inline void script_frame(struct script *s, const uint8_t *body, size_t len,
                                int64_t delay_us)
{
    struct em_buf out = {0};
    em_slip_mark(&out);
    em_slip_append(&out, body, len);
    em_slip_mark(&out);
    script_put(s, out.data, out.len, delay_us);
    em_buf_free(&out);
}

static inline void script_answer(struct script *s, uint8_t op, uint32_t value,
                                 const uint8_t *data, size_t len, int64_t delay_us)
{
    uint8_t body[256] = {EM_ROM_RESPONSE, op};
    em_put_le16(body + 2, (uint16_t)len);
    em_put_le32(body + 4, value);
    memcpy(body + EM_ROM_HEADER, data, len);
    script_frame(s, body, EM_ROM_HEADER + len, delay_us);
}

static inline uint32_t *script_reg(struct script *s, uint32_t addr)
{
    for (size_t i = 0; i < s->reg_count; i++) {
        if (s->regs[i].addr == addr)
            return &s->regs[i].value;
    }
    CU_ASSERT_TRUE_FATAL(s->reg_count < 96);
    s->regs[s->reg_count].addr = addr;
    return &s->regs[s->reg_count++].value;
}

/* What a loader does without being told. */
static inline void script_usual(struct script *s, uint8_t op, const uint8_t *data,
                                size_t len, int64_t delay_us)
{
    static const uint8_t zeros[68];
    uint32_t value = 0;
    unsigned copies = 1;
    size_t result = 0;
    if (op == EM_OP_SYNC) {
        if (s->deaf > 0 || s->deaf_until_reset > 0) {
            s->deaf -= s->deaf > 0;
            return;
        }
        value = s->sync_value;
        copies = EM_ROM_SYNC_REPLIES;
    } else if (op == EM_OP_READ_REG && len == 4) {
        value = *script_reg(s, em_get_le32(data));
    } else if (op == EM_OP_WRITE_REG) {
        for (size_t i = 0; i + 16 <= len; i += 16) {
            uint32_t *reg = script_reg(s, em_get_le32(data + i));
            uint32_t mask = em_get_le32(data + i + 8);
            *reg = (*reg & ~mask) | (em_get_le32(data + i + 4) & mask);
        }
    } else if (op == EM_OP_READ_FLASH_SLOW) {
        result = 64;
    }
    for (unsigned i = 0; i < copies; i++)
        script_answer(s, op, value, zeros, result + s->trailer, delay_us);
    if (op == EM_OP_CHANGE_BAUDRATE)
        s->chip_baud = em_get_le32(data);
}

static inline bool script_matches(const struct script_rule *rule, uint8_t op,
                                  const uint8_t *data, size_t len)
{
    uint8_t wanted[64];
    size_t n = rule->data == NULL ? 0 : script_hex(wanted, sizeof wanted, rule->data);
    return rule->times != 0 && (rule->op == SCRIPT_ANY || rule->op == op) && n <= len &&
           memcmp(wanted, data, n) == 0;
}

static inline void script_on_frame(struct script *s, const uint8_t *body, size_t len)
{
    s->frames++;
    s->last_len = len < sizeof s->last ? len : sizeof s->last;
    memcpy(s->last, body, s->last_len);
    if (len < EM_ROM_HEADER || body[0] != EM_ROM_REQUEST)
        return;
    uint8_t op = body[1];
    size_t told = strlen(s->ops);
    (void)snprintf(s->ops + told, sizeof s->ops - told, "%s%02x", told == 0 ? "" : " ",
                   op);
    const uint8_t *data = body + EM_ROM_HEADER;
    len -= EM_ROM_HEADER;
    for (size_t i = 0; i < s->rule_count; i++) {
        struct script_rule *rule = &s->rules[i];
        if (!script_matches(rule, op, data, len))
            continue;
        rule->used++;
        rule->times -= rule->times > 0;
        uint8_t bytes[512];
        for (unsigned n = rule->copies == 0 ? 1 : rule->copies; n > 0; n--) {
            if (rule->raw != NULL)
                script_put(s, bytes, script_hex(bytes, sizeof bytes, rule->raw),
                           rule->delay_us);
            else if (rule->reply != NULL)
                script_answer(s, rule->other_op != 0 ? (uint8_t)rule->other_op : op,
                              rule->value, bytes, script_hex(bytes, 200, rule->reply),
                              rule->delay_us);
            else
                script_usual(s, op, data, len, rule->delay_us);
        }
        return;
    }
    script_usual(s, op, data, len, 0);
}

static inline enum em_status script_gone(struct script *s, struct em_error *err)
{
    return em_error_set(err, EM_ERR_PORT, NULL, "port %s: gone", s->io.name);
}

static inline enum em_status script_read(struct em_io *io, uint8_t *buf, size_t cap,
                                         int64_t timeout_us, size_t *len_out,
                                         struct em_error *err)
{
    struct script *s = (struct script *)io;
    *len_out = 0;
    if (s->gone)
        return script_gone(s, err);
    if (s->babble) {
        static const char text[] = "lorem ipsum \xC0 dolor";
        size_t n = cap < sizeof text - 1 ? cap : sizeof text - 1;
        s->now_us += (int64_t)n * 87; /* at 115200 baud */
        memcpy(buf, text, n);
        *len_out = n;
        return EM_OK;
    }
    int64_t until = s->now_us + timeout_us;
    if (s->piece < s->pieces && s->at_us[s->piece] <= until) {
        if (s->at_us[s->piece] > s->now_us)
            s->now_us = s->at_us[s->piece];
    } else {
        s->now_us = until;
    }
    while (s->piece < s->pieces && s->at_us[s->piece] <= s->now_us && cap > 0) {
        size_t n = s->piece_end[s->piece] - s->wire_at;
        n = n < cap ? n : cap;
        memcpy(buf + *len_out, s->wire + s->wire_at, n);
        s->wire_at += n;
        *len_out += n;
        cap -= n;
        if (s->wire_at == s->piece_end[s->piece])
            s->piece++;
    }
    return EM_OK;
}

static inline enum em_status script_write(struct em_io *io, const uint8_t *data,
                                          size_t len, int64_t timeout_us,
                                          struct em_error *err)
{
    struct script *s = (struct script *)io;
    (void)timeout_us;
    if (s->gone)
        return script_gone(s, err);
    s->writes++;
    if (s->port_baud != s->chip_baud ||
        (s->baud_limit != 0 && s->port_baud > s->baud_limit))
        return EM_OK; /* noise to the chip */
    while (len > 0) {
        size_t used;
        if (em_slip_feed(&s->reader, data, len, &used) == EM_SLIP_FRAME) {
            struct em_buf *body = &s->reader.body;
            script_on_frame(s, body->data, body->len);
        }
        data += used;
        len -= used;
    }
    return EM_OK;
}

static inline enum em_status script_set_lines(struct em_io *io, int dtr, int rts,
                                              struct em_error *err)
{
    struct script *s = (struct script *)io;
    s->line_events++;
    if (s->gone_after > 0 && --s->gone_after == 0)
        s->gone = true;
    if (s->gone)
        return script_gone(s, err);
    size_t told = strlen(s->lines);
    char text[40];
    if (dtr != EM_LINE_KEEP && rts != EM_LINE_KEEP)
        (void)snprintf(text, sizeof text, "U%d,%d", dtr, rts);
    else
        (void)snprintf(text, sizeof text, "%c%d", dtr != EM_LINE_KEEP ? 'D' : 'R',
                       dtr != EM_LINE_KEEP ? dtr : rts);
    (void)snprintf(s->lines + told, sizeof s->lines - told, "%s%s@%lld",
                   told == 0 ? "" : "|", text, (long long)s->now_us);
    if (s->deaf_until_reset > 0)
        s->deaf_until_reset--;
    if (s->reset_baud != 0)
        s->chip_baud = s->reset_baud;
    if (rts == 0 && s->boot != NULL)
        script_put(s, s->boot, strlen(s->boot), 0);
    return EM_OK;
}

static inline enum em_status script_set_baud(struct em_io *io, uint32_t baud,
                                             struct em_error *err)
{
    (void)err;
    ((struct script *)io)->port_baud = baud;
    return EM_OK;
}

static inline enum em_status script_discard(struct em_io *io, struct em_error *err)
{
    struct script *s = (struct script *)io;
    if (s->gone)
        return script_gone(s, err);
    s->discards++;
    while (s->piece < s->pieces && s->at_us[s->piece] <= s->now_us)
        s->wire_at = s->piece_end[s->piece++];
    return EM_OK;
}

static inline enum em_status script_reopen(struct em_io *io, struct em_error *err)
{
    struct script *s = (struct script *)io;
    s->reopens++;
    if (s->reopen_fails != 0) {
        s->reopen_fails -= s->reopen_fails > 0;
        return script_gone(s, err);
    }
    s->gone = false;
    return EM_OK;
}

static inline int64_t script_now(struct em_io *io)
{
    return ((struct script *)io)->now_us;
}

static inline void script_sleep(struct em_io *io, int64_t us)
{
    ((struct script *)io)->now_us += us;
}

/* The script itself is the test's: script_end(). */
static inline void script_close(struct em_io *io)
{
    struct script *s = (struct script *)io;
    if (s->closed != NULL)
        *s->closed = true;
}

static const struct em_io_ops script_ops = {
    script_read,   script_write, script_set_lines, script_set_baud, script_discard,
    script_reopen, script_now,   script_sleep,     script_close,
};

/* A ROM at 115200 baud behind a port with both lines. */
static inline struct script *script_new(void)
{
    struct script *s = calloc(1, sizeof *s);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    s->io.ops = &script_ops;
    (void)snprintf(s->io.name, sizeof s->io.name, "script");
    s->io.usb_vid = s->io.usb_pid = -1;
    s->io.has_lines = s->io.lines_together = true;
    s->port_baud = s->chip_baud = 115200;
    s->sync_value = EM_ROM_SYNC_VALUE;
    s->trailer = 4;
    s->reader.max = 0x6000;
    return s;
}

static inline struct script_rule *script_rule(struct script *s, struct script_rule rule)
{
    CU_ASSERT_TRUE_FATAL(s->rule_count < 24);
    s->rules[s->rule_count] = rule;
    return &s->rules[s->rule_count++];
}

/* Answer GET_SECURITY_INFO as a chip of that id. */
static inline void script_chip(struct script *s, uint32_t id, uint32_t flags)
{
    static char texts[8][64];
    static unsigned next;
    char *text = texts[next++ % 8];
    (void)snprintf(text, 64, "%02x000000 00 00000000000000 %02x000000 00000000 00000000",
                   (unsigned)flags, (unsigned)id);
    (void)script_rule(s, (struct script_rule){.op = EM_OP_GET_SECURITY_INFO,
                                              .times = SCRIPT_ALWAYS,
                                              .reply = text});
}

/* Refuse an operation as ROMs do: eight frames that carry another op. */
static inline void script_refuse(struct script *s, int op)
{
    (void)script_rule(s, (struct script_rule){.op = op,
                                              .times = SCRIPT_ALWAYS,
                                              .reply = "01050000",
                                              .other_op = 0xFF,
                                              .copies = 8});
}

static inline void script_end(struct script *s)
{
    em_buf_free(&s->reader.body);
    free(s);
}

/* ---- what the host tells ---- */

struct script_log {
    char text[4096]; /* "W:text\nN:text\n" */
    unsigned calls;  /* of progress */
    int stop_after;  /* stop at that call; 0: never */
};

static inline void script_on_log(void *user, enum em_log_level level, const char *device,
                                 const struct em_error *msg)
{
    struct script_log *log = user;
    size_t told = strlen(log->text);
    (void)device;
    (void)snprintf(log->text + told, sizeof log->text - told, "%c:%s\n", "EWNIDT"[level],
                   msg -> what);
}

static inline int script_on_progress(void *user, const struct em_progress *progress)
{
    struct script_log *log = user;
    (void)progress;
    log->calls++;
    return log->stop_after != 0 && (int)log->calls >= log->stop_after;
}

#endif
