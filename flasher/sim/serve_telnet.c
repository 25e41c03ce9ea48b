/* SPDX-License-Identifier: Apache-2.0 */
/* The server side of RFC 2217: telnet with the settings of a serial port. */
#include "config.h"

#include "flasher/sim/serve_int.h"

#include <string.h>

/* RFC 854: commands; RFC 856, 858, 2217: options. */
enum {
    SE = 240,
    SB = 250,
    WILL = 251,
    WONT = 252,
    DO = 253,
    DONT = 254,
    IAC = 255,
    BINARY = 0,
    SUPPRESS_GO_AHEAD = 3,
    COM_PORT = 44
};

/* RFC 2217: what a client asks for; the answer has 100 more. */
enum {
    SET_BAUDRATE = 1,
    SET_CONTROL = 5,
    ANSWER = 100,
    DTR_ASK = 7,
    DTR_ON = 8,
    DTR_OFF = 9,
    RTS_ASK = 10,
    RTS_ON = 11,
    RTS_OFF = 12,
    NO_FLOW_CONTROL = 1
};

enum state { DATA, COMMAND, VERB, SUB, SUB_COMMAND };

void em_sim_telnet_begin(struct em_sim_slot *slot)
{
    slot->telnet = (struct em_sim_telnet){.state = DATA};
}

void em_sim_telnet_append(struct em_buf *out, const uint8_t *data, size_t len)
{
    while (len > 0) {
        const uint8_t *iac = memchr(data, IAC, len);
        size_t n = iac == NULL ? len : (size_t)(iac - data) + 1;
        em_buf_append(out, data, n);
        if (iac != NULL)
            em_buf_append_byte(out, IAC);
        data += n;
        len -= n;
    }
}

static bool is_known(uint8_t option)
{
    return option == BINARY || option == SUPPRESS_GO_AHEAD || option == COM_PORT;
}

static void on_verb(struct em_sim_slot *slot, uint8_t verb, uint8_t option)
{
    uint8_t answer[3] = {IAC, 0, option};
    if (verb == DO)
        answer[1] = is_known(option) ? WILL : WONT;
    else if (verb == WILL)
        answer[1] = is_known(option) ? DO : DONT;
    else
        return; /* what is given up was not in use */
    em_buf_append(&slot->out, answer, sizeof answer);
}

static uint8_t set_control(struct em_sim_slot *slot, uint8_t what, int64_t now_us)
{
    struct em_sim_telnet *t = &slot->telnet;
    int dtr = t->dtr, rts = t->rts;
    switch (what) {
    case DTR_ON:
    case DTR_OFF:
        t->dtr = what == DTR_ON;
        break;
    case RTS_ON:
    case RTS_OFF:
        t->rts = what == RTS_ON;
        break;
    case DTR_ASK:
        return t->dtr ? DTR_ON : DTR_OFF;
    case RTS_ASK:
        return t->rts ? RTS_ON : RTS_OFF;
    case 0:
        return NO_FLOW_CONTROL;
    default:
        return what;
    }
    if (dtr != t->dtr || rts != t->rts)
        em_sim_set_lines(slot->sim, t->dtr, t->rts, now_us);
    return what;
}

/* A subnegotiation: the port's settings are taken over and confirmed. */
static void on_sub(struct em_sim_slot *slot, int64_t now_us)
{
    struct em_sim_telnet *t = &slot->telnet;
    const uint8_t end[2] = {IAC, SE};
    if (t->sub_len < 2 || t->sub[0] != COM_PORT)
        return;
    if (t->sub[1] == SET_BAUDRATE && t->sub_len == 6) {
        uint32_t baud = (uint32_t)t->sub[2] << 24 | (uint32_t)t->sub[3] << 16 |
                        (uint32_t)t->sub[4] << 8 | t->sub[5];
        em_sim_set_baud(slot->sim, baud);
    } else if (t->sub[1] == SET_CONTROL && t->sub_len == 3) {
        t->sub[2] = set_control(slot, t->sub[2], now_us);
    }
    const uint8_t begin[4] = {IAC, SB, COM_PORT, (uint8_t)(t->sub[1] + ANSWER)};
    em_buf_append(&slot->out, begin, sizeof begin);
    em_sim_telnet_append(&slot->out, t->sub + 2, t->sub_len - 2);
    em_buf_append(&slot->out, end, sizeof end);
}

static void on_command(struct em_sim_slot *slot, uint8_t byte)
{
    struct em_sim_telnet *t = &slot->telnet;
    t->state = DATA;
    if (byte == SB) {
        t->state = SUB;
        t->sub_len = 0;
    } else if (byte >= WILL && byte <= DONT) {
        t->state = VERB;
        t->verb = byte;
    }
}

void em_sim_telnet_receive(struct em_sim_slot *slot, const uint8_t *data, size_t len,
                           int64_t now_us)
{
    struct em_sim_telnet *t = &slot->telnet;
    while (len > 0) {
        uint8_t byte = *data;
        size_t n = 1;
        if (t->state == DATA && byte != IAC) {
            const uint8_t *iac = memchr(data, IAC, len);
            n = iac == NULL ? len : (size_t)(iac - data);
            em_sim_receive(slot->sim, data, n, now_us);
        } else if (t->state == DATA) {
            t->state = COMMAND;
        } else if (t->state == COMMAND && byte == IAC) { /* a byte of the data */
            em_sim_receive(slot->sim, data, 1, now_us);
            t->state = DATA;
        } else if (t->state == COMMAND) {
            on_command(slot, byte);
        } else if (t->state == VERB) {
            on_verb(slot, t->verb, byte);
            t->state = DATA;
        } else if (t->state == SUB && byte == IAC) {
            t->state = SUB_COMMAND;
        } else if (t->state == SUB_COMMAND && byte == SE) {
            on_sub(slot, now_us);
            t->state = DATA;
        } else {
            if (t->sub_len < sizeof t->sub)
                t->sub[t->sub_len++] = byte;
            t->state = SUB;
        }
        data += n;
        len -= n;
    }
}
