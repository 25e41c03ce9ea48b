/* SPDX-License-Identifier: Apache-2.0 */
/* The chip's eFuses: the model behind the bus, its files, and what the fuses decide. */
#include "config.h"

#include "base/file_int.h"
#include "flasher/sim/sim_int.h"

enum { PLAIN_SPACE = 0x200 };

enum em_status em_sim_fuses_open(struct em_sim *sim, struct em_error *err)
{
    (void)err;
    em_sim_seed_fuses(sim);
    return EM_OK;
}

void em_sim_fuses_close(struct em_sim *sim)
{
    em_sim_memory_clear(&sim->plain_fuses);
}

bool em_sim_fuses_has(const struct em_sim *sim, uint32_t addr)
{
    return addr - sim->chip->efuse_base < PLAIN_SPACE;
}

void em_sim_fuses_reset(struct em_sim *sim)
{
    (void)sim;
}

void em_sim_fuses_seed(struct em_sim *sim, uint32_t addr, unsigned low, unsigned count,
                       uint32_t value)
{
    (void)count;
    (void)em_sim_memory_write(&sim->plain_fuses, addr,
                              em_sim_memory_read(&sim->plain_fuses, addr) | value << low);
}

uint32_t em_sim_fuses_read(struct em_sim *sim, uint32_t addr)
{
    return em_sim_memory_read(&sim->plain_fuses, addr);
}

void em_sim_fuses_write(struct em_sim *sim, uint32_t addr, uint32_t value)
{
    (void)sim, (void)addr, (void)value;
}

void em_sim_fuses_cut(struct em_sim *sim)
{
    (void)sim;
}

static uint32_t masked(struct em_sim *sim, struct em_chip_mask mask)
{
    return mask.addr == 0 ? 0 : em_sim_fuses_read(sim, mask.addr) & mask.mask;
}

void em_sim_fuses_obey(struct em_sim *sim)
{
    struct em_chip_mask crypt = sim->chip->crypt_cnt;
    uint32_t count = masked(sim, crypt);
    while (crypt.mask != 0 && (crypt.mask & 1) == 0) {
        crypt.mask >>= 1;
        count >>= 1;
    }
    sim->crypt_count = (uint8_t)count;
    sim->flash_encryption = false;
    for (; count != 0; count &= count - 1)
        sim->flash_encryption = !sim->flash_encryption;
    sim->secure_boot = masked(sim, sim->chip->secure_boot) != 0 ||
                       masked(sim, sim->chip->secure_boot_v2) != 0;
    sim->secure_download = sim->options.secure_download;
}

enum em_status em_sim_fuses_save(struct em_sim *sim, struct em_error *err)
{
    (void)sim, (void)err;
    return EM_OK;
}
