/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that have to do with the flash, but for writing it. */
#include "config.h"

#include "base/bytes_int.h"
#include "base/hex_int.h"
#include "flasher/sim/sim_int.h"

#include <openssl/evp.h>

#include <string.h>

bool em_sim_in_flash(const struct em_sim *sim, uint64_t addr, uint64_t len)
{
    uint64_t size = sim->flash.size;
    if (sim->mode != EM_SIM_STUB && sim->chip->rom_full && sim->told_size < size)
        size = sim->told_size;
    return addr <= size && len <= size - addr;
}

void em_sim_on_spi_attach(struct em_sim *sim, const struct em_sim_request *request)
{
    if (request->len != 4 && request->len != 8) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_UNSUPPORTED, EM_STUB_FAULT_LENGTH);
        return;
    }
    sim->attached = true;
    em_sim_answer(sim, request, 0, NULL, 0);
}

void em_sim_on_spi_params(struct em_sim *sim, const struct em_sim_request *request)
{
    if (request->len != 24) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_UNSUPPORTED, EM_STUB_FAULT_LENGTH);
        return;
    }
    sim->told_size = em_sim_word(request, 1);
    em_sim_answer(sim, request, 0, NULL, 0);
}

/* A ROM has to be told first that there is a flash. */
static bool is_ready(struct em_sim *sim, const struct em_sim_request *request,
                     uint64_t addr, uint64_t len, uint8_t fault)
{
    if ((sim->attached || sim->mode == EM_SIM_STUB) && em_sim_in_flash(sim, addr, len))
        return true;
    em_sim_refuse(sim, request, fault, EM_STUB_FAULT_SPI);
    return false;
}

void em_sim_on_read_slow(struct em_sim *sim, const struct em_sim_request *request)
{
    uint8_t result[EM_ROM_READ_SLOW_MAX] = {0};
    uint32_t addr = em_sim_word(request, 0), len = em_sim_word(request, 1);
    if (request->len == 8 && addr == 0 && len == 0 && em_sim_hook_starts(sim))
        return;
    if (request->len != 8 || len == 0 || len > sizeof result) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_READ_LENGTH, EM_STUB_FAULT_LENGTH);
        return;
    }
    if (!is_ready(sim, request, addr, len, EM_ROM_FAULT_FLASH_READ))
        return;
    memcpy(result, sim->flash.data + addr, len);
    em_sim_answer(sim, request, 0, result, sizeof result);
}

void em_sim_flash_digest(struct em_sim *sim, uint64_t addr, uint64_t len, uint8_t out[16])
{
    unsigned out_len = 0;
    memset(out, 0, 16);
    (void)EVP_Digest(
        sim->flash.data + addr, (size_t)len, out, &out_len, EVP_md5(),
        NULL); /* without MD5 in the library it stays 0, and does not match */
    if (em_sim_chance(&sim->dice, sim->faults.bad_md5)) {
        out[0] ^= 1;
        sim->stats.faults++;
    }
}

void em_sim_on_flash_md5(struct em_sim *sim, const struct em_sim_request *request)
{
    uint8_t digest[16];
    char text[33];
    uint32_t addr = em_sim_word(request, 0), len = em_sim_word(request, 1);
    if (request->len != 16) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_UNSUPPORTED, EM_STUB_FAULT_LENGTH);
        return;
    }
    if (!is_ready(sim, request, addr, len, EM_ROM_FAULT_FLASH_READ))
        return;
    em_sim_flash_digest(sim, addr, len, digest);
    em_hex_encode(text, digest, sizeof digest);
    if (sim->mode == EM_SIM_STUB)
        em_sim_answer(sim, request, 0, digest, sizeof digest);
    else
        em_sim_answer(sim, request, 0, (const uint8_t *)text, 32);
}
