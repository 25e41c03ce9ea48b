/* SPDX-License-Identifier: Apache-2.0 */
/* The server side of RFC 2217: rate and modem lines of the host reach the chip. */
#include "config.h"

#include "flasher/sim/serve_int.h"

void em_sim_rfc2217_begin(struct em_sim_slot *slot)
{
    em_telnet_init(&slot->telnet, true);
    em_telnet_start(&slot->telnet, &slot->out);
    slot->dtr = slot->rts = 0;
}

static uint8_t set_control(struct em_sim_slot *slot, uint8_t what, int64_t now_us)
{
    int dtr = slot->dtr, rts = slot->rts;
    switch (what) {
    case EM_COMPORT_DTR_ON:
    case EM_COMPORT_DTR_OFF:
        slot->dtr = what == EM_COMPORT_DTR_ON;
        break;
    case EM_COMPORT_RTS_ON:
    case EM_COMPORT_RTS_OFF:
        slot->rts = what == EM_COMPORT_RTS_ON;
        break;
    case EM_COMPORT_ASK_DTR:
        return slot->dtr ? EM_COMPORT_DTR_ON : EM_COMPORT_DTR_OFF;
    case EM_COMPORT_ASK_RTS:
        return slot->rts ? EM_COMPORT_RTS_ON : EM_COMPORT_RTS_OFF;
    case EM_COMPORT_ASK_FLOW:
        return EM_COMPORT_NO_FLOW;
    case EM_COMPORT_ASK_BREAK:
        return EM_COMPORT_BREAK_OFF;
    default:
        return what;
    }
    if (dtr != slot->dtr || rts != slot->rts)
        em_sim_set_lines(slot->sim, slot->dtr, slot->rts, now_us);
    return what;
}

/* A setting of the port is taken over and confirmed. */
static void on_setting(struct em_sim_slot *slot, int64_t now_us)
{
    uint8_t command;
    uint32_t value;
    size_t len;
    if (!em_telnet_comport(&slot->telnet, &command, &value, &len) || len == 0)
        return;
    if (command == EM_COMPORT_BAUDRATE && value != 0)
        em_sim_set_baud(slot->sim, value);
    else if (command == EM_COMPORT_CONTROL)
        value = set_control(slot, (uint8_t)value, now_us);
    command = (uint8_t)(command + EM_COMPORT_ANSWER);
    if (len == 4)
        em_telnet_append_comport_word(&slot->out, command, value);
    else
        em_telnet_append_comport_byte(&slot->out, command, (uint8_t)value);
}

void em_sim_rfc2217_receive(struct em_sim_slot *slot, const uint8_t *data, size_t len,
                            int64_t now_us)
{
    enum em_telnet_event event = EM_TELNET_OPTION;
    while (event != EM_TELNET_MORE || len > 0) {
        size_t used = 0;
        em_buf_clear(&slot->data);
        event = em_telnet_feed(&slot->telnet, data, len, &used, &slot->data, &slot->out);
        em_sim_receive(slot->sim, slot->data.data, slot->data.len, now_us);
        if (event == EM_TELNET_SUB && slot->telnet.code == EM_TELNET_COMPORT)
            on_setting(slot, now_us);
        data += used;
        len -= used;
    }
}
