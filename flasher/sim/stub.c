/* SPDX-License-Identifier: Apache-2.0 */
/* The loader that a host uploaded: what it does beyond the ROM. Its code is not run; the
 * rules of published stubs are followed. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/sim/sim_int.h"

#include <string.h>

enum { PACKET_MAX = 0x4000 };

void em_sim_stub_start(struct em_sim *sim)
{
    em_sim_loader_reset(sim);
    sim->mode = EM_SIM_STUB;
    em_sim_put_frame(sim, (const uint8_t *)"OHAI", 4);
}

void em_sim_on_erase_flash(struct em_sim *sim, const struct em_sim_request *request)
{
    em_sim_spend_flash(sim, em_sim_flash_erase(&sim->flash, 0, sim->flash.size) * 1000);
    em_sim_answer(sim, request, 0, NULL, 0);
}

void em_sim_on_erase_region(struct em_sim *sim, const struct em_sim_request *request)
{
    uint32_t addr = em_sim_word(request, 0), len = em_sim_word(request, 1);
    if (request->len != 8) {
        em_sim_refuse(sim, request, 0, EM_STUB_FAULT_LENGTH);
        return;
    }
    if (addr % EM_SIM_SECTOR != 0 || len % EM_SIM_SECTOR != 0 ||
        !em_sim_in_flash(sim, addr, len)) {
        em_sim_refuse(sim, request, 0, EM_STUB_FAULT_SPI);
        return;
    }
    em_sim_spend_flash(sim, em_sim_flash_erase(&sim->flash, addr, len) * 1000);
    em_sim_answer(sim, request, 0, NULL, 0);
}

void em_sim_on_run_user(struct em_sim *sim, const struct em_sim_request *request)
{
    (void)request; /* nobody waits for an answer */
    em_sim_start_app(sim);
}

/* ---- READ_FLASH: packets without a header, acknowledged by how much has come ---- */

static void send_packets(struct em_sim *sim)
{
    struct em_sim_stream *s = &sim->stream;
    while (s->sent < s->len && s->sent - s->acked < (uint64_t)s->packet * s->window) {
        uint64_t n = s->len - s->sent < s->packet ? s->len - s->sent : s->packet;
        em_sim_put_frame(sim, sim->flash.data + s->at + s->sent, (size_t)n);
        s->sent += n;
    }
}

void em_sim_on_read_flash(struct em_sim *sim, const struct em_sim_request *request)
{
    struct em_sim_stream s = {.active = true,
                              .at = em_sim_word(request, 0),
                              .len = em_sim_word(request, 1),
                              .packet = em_sim_word(request, 2),
                              .window = em_sim_word(request, 3)};
    if (request->len != 16) {
        em_sim_refuse(sim, request, 0, EM_STUB_FAULT_LENGTH);
        return;
    }
    if (s.packet == 0 || s.packet > PACKET_MAX || s.window == 0) {
        em_sim_refuse(sim, request, 0, EM_STUB_FAULT_BLOCK_SIZE);
        return;
    }
    if (!em_sim_in_flash(sim, s.at, s.len)) {
        em_sim_refuse(sim, request, 0, EM_STUB_FAULT_SPI);
        return;
    }
    em_sim_flash_digest(sim, s.at, s.len, s.digest);
    sim->stream = s;
    em_sim_answer(sim, request, 0, NULL, 0);
    send_packets(sim);
    if (s.len == 0) {
        sim->stream.active = false;
        em_sim_put_frame(sim, s.digest, sizeof s.digest);
    }
}

void em_sim_stub_ack(struct em_sim *sim, const uint8_t *body, size_t len)
{
    struct em_sim_stream *s = &sim->stream;
    uint64_t acked = len == 4 ? em_get_le32(body) : 0;
    if (acked < s->acked || acked > s->sent)
        return;
    s->acked = acked;
    send_packets(sim);
    if (s->acked == s->len) {
        s->active = false;
        em_sim_put_frame(sim, s->digest, sizeof s->digest);
    }
}
