/* SPDX-License-Identifier: Apache-2.0 */
/* Telnet (RFC 854, 855, 1143) with the serial port option of RFC 2217, for both ends. */
#include "config.h"

#include "flasher/transport/telnet_int.h"

#include <string.h>

/* Where the reader is. */
enum { IN_DATA, AFTER_IAC, AFTER_VERB, AFTER_SB, IN_SUB, SUB_AFTER_IAC };

/* How far an option is agreed for one direction (RFC 1143, less the states of switching
 * off: nothing is ever switched off from here). */
enum { OPTION_NO, OPTION_ASKED, OPTION_YES };

/* Which options there are and what each end asks for on its own: both want bytes as they
 * are. The client has to offer the serial port option (RFC 2217, section 2). Servers
 * offer to echo to please clients that ask for it; nobody echoes. */
static const struct {
    uint8_t code;
    bool client_will, client_do, server_will, server_do;
    bool client_may, server_may; /* which end may do it at all */
} known[EM_TELNET_OPTION_COUNT] = {
    {EM_TELNET_BINARY, true, true, true, true, true, true},
    {EM_TELNET_SGA, true, true, true, true, true, true},
    {EM_TELNET_COMPORT, true, false, false, true, true, true},
    {EM_TELNET_ECHO, false, false, false, false, false, true},
};

void em_telnet_init(struct em_telnet *telnet, bool server)
{
    *telnet = (struct em_telnet){.server = server, .state = IN_DATA};
}

static size_t find_option(uint8_t code)
{
    size_t i = 0;
    while (i < EM_TELNET_OPTION_COUNT && known[i].code != code)
        i++;
    return i;
}

void em_telnet_append_option(struct em_buf *out, enum em_telnet_verb verb, uint8_t code)
{
    const uint8_t bytes[] = {EM_TELNET_IAC, (uint8_t)verb, code};
    em_buf_append(out, bytes, sizeof bytes);
}

void em_telnet_start(struct em_telnet *telnet, struct em_buf *reply)
{
    for (size_t i = 0; i < EM_TELNET_OPTION_COUNT; i++) {
        bool offer = telnet->server ? known[i].server_will : known[i].client_will;
        bool ask = telnet->server ? known[i].server_do : known[i].client_do;
        if (offer && telnet->options[i].us == OPTION_NO) {
            em_telnet_append_option(reply, EM_TELNET_WILL, known[i].code);
            telnet->options[i].us = OPTION_ASKED;
        }
        if (ask && telnet->options[i].them == OPTION_NO) {
            em_telnet_append_option(reply, EM_TELNET_DO, known[i].code);
            telnet->options[i].them = OPTION_ASKED;
        }
    }
}

bool em_telnet_has(const struct em_telnet *telnet, bool us, enum em_telnet_code code)
{
    size_t i = find_option((uint8_t)code);
    if (i == EM_TELNET_OPTION_COUNT)
        return false;
    return (us ? telnet->options[i].us : telnet->options[i].them) == OPTION_YES;
}

/* One direction of an option: @p wanted is WILL or DO, said by the other side, else its
 * opposite. Only a change is answered, or two ends would answer each other for ever. */
static void settle(uint8_t *state, bool wanted, bool allowed, enum em_telnet_verb yes,
                   enum em_telnet_verb no, uint8_t code, struct em_buf *reply)
{
    if (wanted) {
        if (*state == OPTION_NO)
            em_telnet_append_option(reply, allowed ? yes : no, code);
        if (allowed)
            *state = OPTION_YES;
    } else {
        if (*state == OPTION_YES)
            em_telnet_append_option(reply, no, code);
        *state = OPTION_NO;
    }
}

static void answer(struct em_telnet *telnet, struct em_buf *reply)
{
    size_t i = find_option(telnet->code);
    bool is_known = i < EM_TELNET_OPTION_COUNT;
    bool server = telnet->server;
    bool theirs = telnet->verb == EM_TELNET_WILL || telnet->verb == EM_TELNET_WONT;
    bool wanted = telnet->verb == EM_TELNET_WILL || telnet->verb == EM_TELNET_DO;
    uint8_t unknown = OPTION_NO;
    if (theirs) {
        bool may = is_known && (server ? known[i].client_may : known[i].server_may);
        settle(is_known ? &telnet->options[i].them : &unknown, wanted, may, EM_TELNET_DO,
               EM_TELNET_DONT, telnet->code, reply);
    } else {
        bool may = is_known && (server ? known[i].server_may : known[i].client_may);
        settle(is_known ? &telnet->options[i].us : &unknown, wanted, may, EM_TELNET_WILL,
               EM_TELNET_WONT, telnet->code, reply);
    }
}

/* The byte behind IAC, outside of data. */
static void begin_command(struct em_telnet *telnet, uint8_t byte)
{
    if (byte >= EM_TELNET_WILL && byte <= EM_TELNET_DONT) {
        telnet->verb = (enum em_telnet_verb)byte;
        telnet->state = AFTER_VERB;
    } else if (byte == EM_TELNET_SB) {
        telnet->state = AFTER_SB;
    } else {
        telnet->state = IN_DATA; /* NOP, are-you-there and the like mean nothing here */
    }
}

static void add_to_sub(struct em_telnet *telnet, uint8_t byte)
{
    if (telnet->sub_len < sizeof telnet->sub)
        telnet->sub[telnet->sub_len++] = byte;
    else
        telnet->sub_too_long = true;
}

/* One byte that is not plain data. */
static enum em_telnet_event take_byte(struct em_telnet *telnet, uint8_t byte,
                                      struct em_buf *data, struct em_buf *reply)
{
    switch (telnet->state) {
    case AFTER_IAC:
        if (byte == EM_TELNET_IAC) {
            em_buf_append_byte(data, byte);
            telnet->state = IN_DATA;
        } else {
            begin_command(telnet, byte);
        }
        break;
    case AFTER_VERB:
        telnet->code = byte;
        telnet->state = IN_DATA;
        answer(telnet, reply);
        return EM_TELNET_OPTION;
    case AFTER_SB:
        telnet->code = byte;
        telnet->sub_len = 0;
        telnet->sub_too_long = false;
        telnet->state = IN_SUB;
        break;
    case IN_SUB:
        if (byte == EM_TELNET_IAC)
            telnet->state = SUB_AFTER_IAC;
        else
            add_to_sub(telnet, byte);
        break;
    case SUB_AFTER_IAC:
        if (byte == EM_TELNET_IAC) {
            add_to_sub(telnet, byte);
            telnet->state = IN_SUB;
        } else if (byte == EM_TELNET_SE) {
            telnet->state = IN_DATA;
            return telnet->sub_too_long ? EM_TELNET_MORE : EM_TELNET_SUB;
        } else {
            begin_command(telnet, byte); /* it has no end: dropped */
        }
        break;
    default:
        telnet->state = AFTER_IAC;
        break;
    }
    return EM_TELNET_MORE;
}

enum em_telnet_event em_telnet_feed(struct em_telnet *telnet, const uint8_t *in,
                                    size_t len, size_t *used_out, struct em_buf *data,
                                    struct em_buf *reply)
{
    size_t i = 0;
    enum em_telnet_event event = EM_TELNET_MORE;
    while (i < len && event == EM_TELNET_MORE) {
        if (telnet->state == IN_DATA) {
            const uint8_t *iac = memchr(in + i, EM_TELNET_IAC, len - i);
            size_t run = iac == NULL ? len - i : (size_t)(iac - (in + i));
            em_buf_append(data, in + i, run);
            i += run;
            if (iac == NULL)
                break;
        }
        event = take_byte(telnet, in[i++], data, reply);
    }
    *used_out = i;
    return event;
}

void em_telnet_append(struct em_buf *out, const uint8_t *data, size_t len)
{
    while (len > 0) {
        const uint8_t *iac = memchr(data, EM_TELNET_IAC, len);
        size_t run = iac == NULL ? len : (size_t)(iac - data) + 1;
        em_buf_append(out, data, run);
        if (iac != NULL)
            em_buf_append_byte(out, EM_TELNET_IAC);
        data += run;
        len -= run;
    }
}

void em_telnet_append_comport(struct em_buf *out, uint8_t command, const uint8_t *value,
                              size_t len)
{
    em_telnet_append_option(out, EM_TELNET_SB, EM_TELNET_COMPORT);
    em_telnet_append(out, &command, 1);
    em_telnet_append(out, value, len);
    em_buf_append_byte(out, EM_TELNET_IAC);
    em_buf_append_byte(out, EM_TELNET_SE);
}

void em_telnet_append_comport_byte(struct em_buf *out, uint8_t command, uint8_t value)
{
    em_telnet_append_comport(out, command, &value, 1);
}

void em_telnet_append_comport_word(struct em_buf *out, uint8_t command, uint32_t value)
{
    const uint8_t bytes[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
                             (uint8_t)(value >> 8), (uint8_t)value};
    em_telnet_append_comport(out, command, bytes, sizeof bytes);
}

bool em_telnet_comport(const struct em_telnet *telnet, uint8_t *command_out,
                       uint32_t *value_out, size_t *value_len_out)
{
    if (telnet->sub_len == 0)
        return false;
    *command_out = telnet->sub[0];
    *value_len_out = telnet->sub_len - 1;
    *value_out = 0;
    for (size_t i = 1; i < telnet->sub_len && i <= 4; i++)
        *value_out = *value_out << 8 | telnet->sub[i];
    return true;
}
