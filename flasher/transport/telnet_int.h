/* SPDX-License-Identifier: Apache-2.0 */
/* Telnet (RFC 854, 855, 1143) with the serial port option of RFC 2217, for both ends. */
#ifndef FLASHER_TRANSPORT_TELNET_INT_H
#define FLASHER_TRANSPORT_TELNET_INT_H

#include "base/buf_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Commands: the byte behind IAC (RFC 854, page 14). */
enum em_telnet_verb {
    EM_TELNET_SE = 240,
    EM_TELNET_SB = 250,
    EM_TELNET_WILL = 251,
    EM_TELNET_WONT = 252,
    EM_TELNET_DO = 253,
    EM_TELNET_DONT = 254,
    EM_TELNET_IAC = 255,
};

/** Options: RFC 856, 857, 858, 2217. */
enum em_telnet_code {
    EM_TELNET_BINARY = 0,
    EM_TELNET_ECHO = 1,
    EM_TELNET_SGA = 3,
    EM_TELNET_COMPORT = 44,
};

/** What a client asks of a serial port (RFC 2217, section 3); the server's answer has
 * EM_COMPORT_ANSWER added. */
enum em_comport_command {
    EM_COMPORT_SIGNATURE = 0,
    EM_COMPORT_BAUDRATE = 1,         /* 4 bytes, highest first; 0 asks */
    EM_COMPORT_DATASIZE = 2,         /* 5 to 8; 0 asks */
    EM_COMPORT_PARITY = 3,           /* 1 none, 2 odd, 3 even; 0 asks */
    EM_COMPORT_STOPSIZE = 4,         /* 1, 2; 0 asks */
    EM_COMPORT_CONTROL = 5,          /* enum em_comport_control */
    EM_COMPORT_LINESTATE = 6,        /* server only */
    EM_COMPORT_MODEMSTATE = 7,       /* server only */
    EM_COMPORT_SUSPEND = 8,          /* no value */
    EM_COMPORT_RESUME = 9,           /* no value */
    EM_COMPORT_LINESTATE_MASK = 10,  /* 1 byte */
    EM_COMPORT_MODEMSTATE_MASK = 11, /* 1 byte */
    EM_COMPORT_PURGE = 12,           /* 1 what came, 2 what is to be sent, 3 both */
    EM_COMPORT_ANSWER = 100,
};

/** Values of EM_COMPORT_CONTROL; the answer tells what holds now. */
enum em_comport_control {
    EM_COMPORT_ASK_FLOW = 0,
    EM_COMPORT_NO_FLOW = 1,
    EM_COMPORT_ASK_BREAK = 4,
    EM_COMPORT_BREAK_ON = 5,
    EM_COMPORT_BREAK_OFF = 6,
    EM_COMPORT_ASK_DTR = 7,
    EM_COMPORT_DTR_ON = 8, /* asserted: pin low */
    EM_COMPORT_DTR_OFF = 9,
    EM_COMPORT_ASK_RTS = 10,
    EM_COMPORT_RTS_ON = 11,
    EM_COMPORT_RTS_OFF = 12,
};

/** What em_telnet_feed() stopped at. */
enum em_telnet_event {
    EM_TELNET_MORE,   /* all bytes were taken */
    EM_TELNET_OPTION, /* the other side said @c verb for option @c code; it is answered */
    EM_TELNET_SUB,    /* a sub-negotiation for option @c code; its body is in @c sub */
};

enum {
    EM_TELNET_SUB_MAX = 256,   /* longer sub-negotiations are dropped */
    EM_TELNET_OPTION_COUNT = 4 /* those of enum em_telnet_code; others are refused */
};

/** One end of a connection. Begin with em_telnet_init(); owns no memory. */
struct em_telnet {
    enum em_telnet_verb verb; /* of the last EM_TELNET_OPTION */
    uint8_t code;
    uint8_t sub[EM_TELNET_SUB_MAX]; /* without option and escapes, valid until the next
                                     * feed */
    size_t sub_len;
    /* Private. */
    bool server;
    uint8_t state;
    bool sub_too_long;
    struct {
        uint8_t us, them; /* how far the option is agreed for our and their sending */
    } options[EM_TELNET_OPTION_COUNT];
};

/** Start anew; @p server: the end that has the serial port. */
void em_telnet_init(struct em_telnet *telnet, bool server);

/** Append to @p reply what to ask for right after connecting: binary both ways, no
 * go-aheads, the serial port option. */
void em_telnet_start(struct em_telnet *telnet, struct em_buf *reply);

/**
 * Take received bytes until something happened; *used_out tells how many. Data without
 * escapes is appended to @p data, answers to option requests to @p reply (to be sent).
 * Call again with the rest until EM_TELNET_MORE. Ask both buffers for @c failed.
 */
enum em_telnet_event em_telnet_feed(struct em_telnet *telnet, const uint8_t *in,
                                    size_t len, size_t *used_out, struct em_buf *data,
                                    struct em_buf *reply);

/** true when both sides agreed that we (@p us) or they do @p code. */
bool em_telnet_has(const struct em_telnet *telnet, bool us, enum em_telnet_code code);

/** Append data to send, with IAC doubled. */
void em_telnet_append(struct em_buf *out, const uint8_t *data, size_t len);

/** Append IAC @p verb @p code. */
void em_telnet_append_option(struct em_buf *out, enum em_telnet_verb verb, uint8_t code);

/** Append a sub-negotiation of the serial port option: @p command is one of enum
 * em_comport_command, of a server with EM_COMPORT_ANSWER added. */
void em_telnet_append_comport(struct em_buf *out, uint8_t command, const uint8_t *value,
                              size_t len);

/** The same with a value of one byte. */
void em_telnet_append_comport_byte(struct em_buf *out, uint8_t command, uint8_t value);

/** The same with a value of four bytes, highest first (baud rates). */
void em_telnet_append_comport_word(struct em_buf *out, uint8_t command, uint32_t value);

/**
 * Take apart the body of an EM_TELNET_SUB of EM_TELNET_COMPORT: its command, and its
 * value if it has 1 to 4 bytes (highest first). false: empty; *value_len_out tells how
 * many bytes the value has.
 */
bool em_telnet_comport(const struct em_telnet *telnet, uint8_t *command_out,
                       uint32_t *value_out, size_t *value_len_out);

#endif
