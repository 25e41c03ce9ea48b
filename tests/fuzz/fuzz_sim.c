/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the device's side of the wire: whatever a host sends, the simulated chip stays
 * in one piece and answers the next SYNC, unless it was told to break. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/rom/proto_int.h"
#include "flasher/rom/slip_int.h"

#include <espmfg/sim.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "fuzz_sim: %s\n", what);
    abort();
}

/* One packet: an op, a length, the data; the header and the checksum are made right. */
static size_t send_packet(struct em_sim *sim, const uint8_t *data, size_t size,
                          int64_t now_us)
{
    struct em_buf body = {0}, frame = {0};
    size_t len = data[1] < size - 2 ? data[1] : size - 2;
    uint8_t head[EM_ROM_HEADER] = {EM_ROM_REQUEST, data[0]};
    em_put_le16(head + 2, (uint16_t)len);
    if (len >= EM_ROM_BLOCK_HEADER)
        head[4] =
            em_rom_checksum(data + 2 + EM_ROM_BLOCK_HEADER, len - EM_ROM_BLOCK_HEADER);
    em_buf_append(&body, head, sizeof head);
    em_buf_append(&body, data + 2, len);
    em_slip_mark(&frame);
    em_slip_append(&frame, body.data, body.len);
    em_slip_mark(&frame);
    em_sim_receive(sim, frame.data, frame.len, now_us);
    em_buf_free(&body);
    em_buf_free(&frame);
    return len + 2;
}

static size_t drain(struct em_sim *sim, int64_t now_us)
{
    uint8_t out[4096];
    size_t n, all = 0;
    while ((n = em_sim_send(sim, out, sizeof out, now_us)) > 0)
        all += n;
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const chips[] = {"esp32c3", "esp32", "esp8266", "esp32s2"};
    static const uint8_t sync[] = {0xC0, 0x00, EM_OP_SYNC, 36,   0,    0,   0,
                                   0,    0,    0x07,       0x07, 0x12, 0x20};
    if (size < 3)
        return 0;
    struct em_sim_options options = {.chip = chips[data[0] & 3],
                                     .flash_size = 256 * 1024,
                                     .secure_download =
                                         (data[0] & 0x14) == 0x10 && (data[0] & 3) == 0};
    struct em_sim *sim;
    struct em_error err;
    require(em_sim_new(&sim, &options, &err) == EM_OK, "no chip");
    int64_t now_us = 0;
    if ((data[0] & 4) != 0) {
        em_sim_receive(sim, data + 1, size - 1, now_us);
    } else {
        for (size_t at = 1; at + 2 <= size; now_us += 1000) {
            at += send_packet(sim, data + at, size - at, now_us);
            (void)drain(sim, now_us);
        }
    }
    now_us += 10000000;
    (void)drain(sim, now_us);
    uint8_t rest[33];
    memset(rest, 0x55, 32);
    rest[32] = 0xC0;
    em_sim_receive(sim, rest + 32, 1, now_us);
    em_sim_receive(sim, sync, sizeof sync, now_us);
    em_sim_receive(sim, rest, sizeof rest, now_us);
    size_t answer = drain(sim, now_us);
    /* A host that burned "no download mode" is answered nothing. */
    require(answer > 0 || memchr(data, EM_OP_WRITE_REG, size) != NULL, "SYNC not heard");
    em_sim_free(sim);
    return 0;
}
