/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that have to do with RAM, registers and the line. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/sim/sim_int.h"

#include <string.h>

/* Greeting of a stub (rom-protocol.md 10): as bytes; and what remains of it in a RISC-V
 * "lui", which loads the upper 20 bits of 0x4941484F (rounded) at once. */
static const uint8_t greeting[4] = {'O', 'H', 'A', 'I'};
enum { GREETING_LUI = 0x49415 };

static const int64_t ns_per_us = 1000;

/* Once a rate was changed, how long the old one still holds (device side, measured on
 * boards: a stub waits for its transmitter and then some). */
static const int64_t switch_rom_ns = 1000000, switch_stub_ns = 11000000;

void em_sim_on_read_reg(struct em_sim *sim, const struct em_sim_request *request)
{
    if (request->len != 4) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_UNSUPPORTED, EM_STUB_FAULT_LENGTH);
        return;
    }
    em_sim_answer(sim, request, em_sim_bus_read(sim, em_sim_word(request, 0)), NULL, 0);
}

/* Any number of records: address, value, mask, pause. */
void em_sim_on_write_reg(struct em_sim *sim, const struct em_sim_request *request)
{
    bool good = request->len > 0 && request->len % 16 == 0;
    bool was_secure = sim->secure_download;
    for (size_t i = 0; good && i < request->len / 4; i += 4) {
        uint32_t addr = em_sim_word(request, i), value = em_sim_word(request, i + 1);
        uint32_t mask = em_sim_word(request, i + 2);
        if (mask != UINT32_MAX)
            value = (em_sim_bus_read(sim, addr) & ~mask) | (value & mask);
        if (mask != 0) /* else the record is there for its pause */
            good = em_sim_bus_write(sim, addr, value);
        em_sim_spend(sim, em_sim_word(request, i + 3) * ns_per_us);
    }
    /* Burned a moment ago: the loader has nothing more to say. The ESP32 looks at its
     * fuse after a reset only: published tools do not await silence from it. */
    if (sim->no_download && sim->chip->security_info != 0) {
        em_sim_start_app(sim);
        return;
    }
    if (sim->secure_download && !was_secure) /* contact is lost, until the next SYNC */
        return;
    if (good)
        em_sim_answer(sim, request, 0, NULL, 0);
    else
        em_sim_refuse(sim, request, EM_ROM_FAULT_UNSUPPORTED, EM_STUB_FAULT_LENGTH);
}

void em_sim_on_mem_begin(struct em_sim *sim, const struct em_sim_request *request)
{
    bool has_greeting = sim->load.has_greeting;
    if (request->len != 16) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_UNSUPPORTED, EM_STUB_FAULT_LENGTH);
        return;
    }
    sim->load = (struct em_sim_load){.active = true,
                                     .at = em_sim_word(request, 3),
                                     .left = em_sim_word(request, 0),
                                     .has_greeting = has_greeting};
    em_sim_answer(sim, request, 0, NULL, 0);
}

static bool greets(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i + 4 <= len; i++) {
        if (memcmp(data + i, greeting, sizeof greeting) == 0 ||
            (i % 2 == 0 && em_get_le32(data + i) >> 12 == GREETING_LUI))
            return true;
    }
    return false;
}

/* The same where two blocks meet. */
static bool greets_across(const struct em_sim *sim, uint32_t at)
{
    uint8_t joint[8];
    for (uint32_t i = 0; i < sizeof joint; i++) {
        uint32_t addr = at - 4 + i;
        joint[i] = (uint8_t)(em_sim_memory_read(&sim->memory, addr & ~(uint32_t)3) >>
                             addr % 4 * 8);
    }
    /* Not all of it in what was there before: that may be of another program. */
    return memcmp(joint + 1, greeting, sizeof greeting) == 0 ||
           greets(joint + 2, sizeof joint - 2);
}

void em_sim_on_mem_data(struct em_sim *sim, const struct em_sim_request *request)
{
    struct em_sim_load *load = &sim->load;
    const uint8_t *data;
    size_t len;
    if (!load->active) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_PARAMETER, EM_STUB_FAULT_COMMAND);
        return;
    }
    if (!em_sim_payload(sim, request, &data, &len))
        return;
    if (len > load->left) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_PARAMETER, EM_STUB_FAULT_TOO_MANY);
        return;
    }
    if (!em_sim_memory_store(&sim->memory, load->at, data, len)) {
        em_sim_refuse(sim, request, 0x02 /* no memory */, EM_STUB_FAULT_LENGTH);
        return;
    }
    load->has_greeting =
        load->has_greeting || greets(data, len) || greets_across(sim, load->at);
    load->at += (uint32_t)len;
    load->left -= len;
    em_sim_answer(sim, request, 0, NULL, 0);
}

static void start_code(struct em_sim *sim, uint32_t entry)
{
    /* What runs has to have been loaded. */
    if (sim->load.has_greeting && em_sim_memory_read(&sim->memory, entry) != 0) {
        em_sim_stub_start(sim);
    } else {
        em_sim_loader_reset(sim);
        sim->mode = EM_SIM_APP;
    }
}

void em_sim_on_mem_end(struct em_sim *sim, const struct em_sim_request *request)
{
    uint32_t stay = em_sim_word(request, 0), entry = em_sim_word(request, 1);
    if (request->len != 8) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_UNSUPPORTED, EM_STUB_FAULT_LENGTH);
        return;
    }
    sim->load.active = false;
    bool starts = stay == 0 && entry != 0;
    if (starts && sim->mode == EM_SIM_ROM && sim->secure_boot) {
        if (sim->profile->secure_no_code) {
            em_sim_refuse(sim, request, EM_ROM_FAULT_PARAMETER, EM_STUB_FAULT_COMMAND);
            return;
        }
        starts = sim->profile->secure_hook == 0; /* else the ROM does not jump */
    }
    em_sim_answer(sim, request, 0, NULL, 0);
    if (starts)
        start_code(sim, entry);
}

/* The ROM of the ESP32-S3 calls what its hook word points to, secure boot or not. */
bool em_sim_hook_starts(struct em_sim *sim)
{
    uint32_t hook = sim->profile->secure_hook;
    uint32_t entry = hook == 0 ? 0 : em_sim_memory_read(&sim->memory, hook);
    if (entry == 0 || sim->mode != EM_SIM_ROM)
        return false;
    start_code(sim, entry);
    return true;
}

void em_sim_on_baud(struct em_sim *sim, const struct em_sim_request *request)
{
    uint64_t rate = em_sim_word(request, 0);
    bool stub = sim->mode == EM_SIM_STUB;
    if (request->len != 8 || rate == 0) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_UNSUPPORTED, EM_STUB_FAULT_LENGTH);
        return;
    }
    em_sim_answer(sim, request, 0, NULL, 0);
    /* A ROM that believes in another crystal than there is gets another rate. */
    uint32_t believed = stub ? 0 : sim->believed_mhz;
    if (believed != 0)
        rate = rate * sim->crystal_mhz / believed;
    (void)em_sim_rate_at(sim, sim->clock_ns);
    sim->next_rate = rate == 0 || rate > UINT32_MAX ? EM_ROM_BAUD : (uint32_t)rate;
    int64_t answered =
        sim->cable.tx_free_ns > sim->clock_ns ? sim->cable.tx_free_ns : sim->clock_ns;
    sim->switch_at_ns = answered + (stub ? switch_stub_ns : switch_rom_ns);
}

void em_sim_on_security(struct em_sim *sim, const struct em_sim_request *request)
{
    uint8_t info[20] = {0};
    uint32_t flags = (sim->secure_boot ? 1u : 0) | (sim->secure_download ? 4u : 0);
    em_put_le32(info, flags);
    info[4] = sim->crypt_count;
    memcpy(info + 5, sim->key_purposes, sizeof sim->key_purposes);
    em_put_le32(info + 12, (uint32_t)sim->chip->image_id);
    em_put_le32(info + 16, 0); /* version of the interface: not known, nobody asks */
    em_sim_answer(sim, request, 0, info, sim->chip->security_info);
}
