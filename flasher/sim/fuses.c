/* SPDX-License-Identifier: Apache-2.0 */
/* The chip's eFuses: the model behind the bus, its files, and what the fuses decide. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/efuse/fields_int.h"
#include "flasher/sim/sim_int.h"

#include <stdlib.h>
#include <string.h>

/* Program and read commands of the controller, rom-protocol.md and device-side.md. */
enum { OP_PROGRAM = 0x5A5A, CMD_PROGRAM = 2 };

static void on_burned(void *user, unsigned block, unsigned bit, bool check)
{
    struct em_sim *sim = user;
    sim->fuses_changed = true;
    if (sim->options.journal_file != NULL)
        em_sim_journal_line(&sim->journal, block, bit, check);
}

/* ---- life ---- */

enum em_status em_sim_fuses_open(struct em_sim *sim, struct em_error *err)
{
    struct em_error why = {.status = EM_OK};
    if (sim->options.secure_download && sim->chip->security_info == 0)
        return em_error_set(err, EM_ERR_USAGE, NULL, "%s has no secure download mode",
                            sim->chip->name);
    enum em_status status = em_efuse_model_new(&sim->fuses, sim->chip, &why);
    if (status == EM_ERR_UNSUPPORTED) /* words that never change */
        return em_sim_fuses_load(sim, err);
    if (status != EM_OK) {
        if (err != NULL)
            *err = why;
        return status;
    }
    em_efuse_model_set_xtal(sim->fuses, sim->crystal_mhz);
    status = em_sim_fuses_load(sim, err);
    em_efuse_model_on_burn(sim->fuses, on_burned, sim);
    return status;
}

void em_sim_fuses_close(struct em_sim *sim)
{
    em_efuse_model_free(sim->fuses);
    em_sim_memory_clear(&sim->plain_fuses);
    em_buf_free(&sim->journal);
}

/* ---- the bus ---- */

bool em_sim_fuses_has(const struct em_sim *sim, uint32_t addr)
{
    if (sim->fuses != NULL)
        return em_efuse_model_has(sim->fuses, addr);
    return addr - sim->chip->efuse_base < EM_SIM_PLAIN_FUSES;
}

/* After a reset the timing registers hold what fits the usual crystal, so that hosts that
 * leave them alone can burn. */
static void seed_timing(struct em_sim *sim)
{
    const struct em_efuse_table *table = em_efuse_table_find(sim->chip);
    for (size_t i = 0; i < table->timing_count; i++) {
        const struct em_efuse_timing *row = &table->timings[i];
        uint32_t addr = sim->chip->efuse_base + row->off;
        uint32_t value = em_efuse_model_read(sim->fuses, addr) & ~row->mask;
        int64_t busy_us; /* not of such a register */
        if (row->mhz == sim->crystal_mhz)
            em_efuse_model_write(sim->fuses, addr,
                                 value | em_efuse_place(row->mask, row->value), &busy_us);
    }
}

void em_sim_fuses_reset(struct em_sim *sim)
{
    if (sim->fuses == NULL)
        return;
    em_efuse_model_reset(sim->fuses);
    seed_timing(sim);
}

/* Hosts that look for the MAC in an old place ask for its two words alone; others pass
 * there on their way through the block that really is there. */
static uint32_t real_place(struct em_sim *sim, uint32_t addr)
{
    uint32_t off = addr - sim->profile->mac_alias;
    bool on_its_way = sim->last_read == addr - 4;
    sim->last_read = addr;
    if (sim->profile->mac_alias == 0 || (off != 0 && off != 4) || on_its_way)
        return addr;
    if (off == 0)
        sim->last_read = 0; /* the second word follows */
    return off == 0 ? sim->chip->mac_lo : sim->chip->mac_hi;
}

uint32_t em_sim_fuses_read(struct em_sim *sim, uint32_t addr)
{
    addr = real_place(sim, addr);
    if (sim->fuses != NULL)
        return em_efuse_model_read(sim->fuses, addr);
    return em_sim_memory_read(&sim->plain_fuses, addr);
}

/* Is this write the one that begins to burn? */
static bool begins_burn(struct em_sim *sim, uint32_t addr, uint32_t value)
{
    const struct em_efuse_table *table = em_efuse_table_find(sim->chip);
    uint32_t base = sim->chip->efuse_base;
    return addr == base + table->regs.cmd && (value & CMD_PROGRAM) != 0 &&
           em_efuse_model_read(sim->fuses, base + table->regs.conf) == OP_PROGRAM;
}

static void cut_if_due(struct em_sim *sim)
{
    struct em_sim_faults *faults = &sim->faults;
    sim->burns++;
    if (faults->power_cut_op == EM_SIM_CUT_BURN && sim->burns == faults->power_cut_at) {
        faults->power_cut_op = EM_SIM_CUT_NONE;
        em_sim_power_begin_cut(sim, EM_SIM_CUT_PERMILLE);
    }
    if (!sim->cutting)
        return;
    em_efuse_model_cut(sim->fuses, sim->cut_permille, em_sim_random_next(&sim->noise));
    sim->stats.cut_burns++;
}

void em_sim_fuses_write(struct em_sim *sim, uint32_t addr, uint32_t value)
{
    struct em_error err;
    int64_t busy_us = 0;
    if (sim->fuses == NULL)
        return;
    bool burns = begins_burn(sim, addr, value);
    if (burns)
        cut_if_due(sim);
    em_efuse_model_write(sim->fuses, addr, value, &busy_us);
    em_sim_spend(sim, busy_us * 1000);
    if (busy_us > 0 && !burns) /* the read windows show new values */
        em_sim_fuses_obey(sim);
    /* A burn that was cut may change copies of bits and not one bit. */
    if (!sim->fuses_changed && !burns)
        return;
    sim->fuses_changed = false;
    if (em_sim_fuses_note_burn(sim, &err) != EM_OK)
        em_sim_tell(sim, &err);
}

/* ---- by name and by place ---- */

static const struct em_efuse_field *find_field(const struct em_sim *sim, const char *name)
{
    const struct em_efuse_view view = {em_efuse_table_find(sim->chip), EM_EFUSE_NEWEST,
                                       sim->revision};
    return view.table == NULL ? NULL : em_efuse_field_find(&view, name);
}

/* A short field, as it was burned. */
static uint32_t field_value(const struct em_sim *sim, const char *name)
{
    const struct em_efuse_field *field = find_field(sim, name);
    uint32_t value = 0;
    for (unsigned i = 0; field != NULL && i < field->bits && i < 32; i++) {
        unsigned bit = field->bit + i;
        value |= (em_efuse_model_word(sim->fuses, field->block, bit / 32) >> bit % 32 & 1)
                 << i;
    }
    return value;
}

void em_sim_fuses_seed(struct em_sim *sim, uint32_t addr, unsigned low, unsigned count,
                       uint32_t value)
{
    if (sim->fuses == NULL) {
        value = em_sim_memory_read(&sim->plain_fuses, addr) | value << low;
        (void)em_sim_memory_write(&sim->plain_fuses, addr, value); /* a few words */
        return;
    }
    const struct em_efuse_table *table = em_efuse_table_find(sim->chip);
    uint32_t off = addr - sim->chip->efuse_base;
    for (size_t i = 0; i < table->block_count; i++) {
        const struct em_efuse_block *block = &table->blocks[i];
        if (off >= block->read && off < block->read + 4u * block->words)
            em_efuse_model_seed(sim->fuses, block->number, 8 * (off - block->read) + low,
                                count, value);
    }
}

bool em_sim_fuses_seed_field(struct em_sim *sim, const char *name, uint32_t value)
{
    const struct em_efuse_field *field = find_field(sim, name);
    if (field == NULL || sim->fuses == NULL)
        return false;
    em_efuse_model_seed(sim->fuses, field->block, field->bit,
                        field->bits < 32 ? field->bits : 32, value);
    return true;
}

bool em_sim_fuses_has_purposes(const struct em_sim *sim)
{
    return find_field(sim, "KEY_PURPOSE_0") != NULL;
}

/* The first block that can be read protected is for such a key, on all chips. */
void em_sim_fuses_seed_key(struct em_sim *sim, const uint8_t *key, size_t len)
{
    enum { XTS_AES_128_KEY = 4 }; /* key-purposes.csv */
    const struct em_efuse_table *table = em_efuse_table_find(sim->chip);
    if (table == NULL || sim->fuses == NULL)
        return;
    const struct em_efuse_block *block = table->blocks;
    while (block->rd_dis_count == 0)
        block++;
    uint32_t wr_dis = UINT32_C(1) << block->wr_dis, rd_dis = 0;
    for (unsigned i = 0; i < len && i < 4u * block->words; i++)
        em_efuse_model_seed(sim->fuses, block->number, 8 * i, 8, key[len - 1 - i]);
    for (size_t i = 0; i < block->rd_dis_count; i++)
        rd_dis |= UINT32_C(1) << block->rd_dis[i];
    const struct em_efuse_field *purpose = find_field(sim, "KEY_PURPOSE_0");
    if (purpose != NULL && purpose->wr_dis != EM_EFUSE_NO_BIT)
        wr_dis |= UINT32_C(1) << purpose->wr_dis;
    (void)em_sim_fuses_seed_field(sim, "KEY_PURPOSE_0", XTS_AES_128_KEY);
    /* The rest are of chips without purposes: ESP32-C2 and ESP32. */
    (void)em_sim_fuses_seed_field(sim, "XTS_KEY_LENGTH_256", 1);
    (void)em_sim_fuses_seed_field(sim, "FLASH_CRYPT_CONFIG", 0xF);
    (void)em_sim_fuses_seed_field(sim, "RD_DIS", rd_dis);
    (void)em_sim_fuses_seed_field(sim, "WR_DIS", wr_dis);
}

void em_sim_fuses_obey(struct em_sim *sim)
{
    static const char *const purposes[] = {"KEY_PURPOSE_0", "KEY_PURPOSE_1",
                                           "KEY_PURPOSE_2", "KEY_PURPOSE_3",
                                           "KEY_PURPOSE_4", "KEY_PURPOSE_5"};
    struct em_chip_mask crypt = sim->chip->crypt_cnt;
    if (sim->fuses == NULL)
        return;
    uint32_t count = em_efuse_model_read(sim->fuses, crypt.addr) & crypt.mask;
    while (crypt.mask != 0 && (crypt.mask & 1) == 0) {
        crypt.mask >>= 1;
        count >>= 1;
    }
    sim->crypt_count = (uint8_t)count;
    sim->secure_boot = em_efuse_model_flag(sim->fuses, sim->chip->secure_boot) ||
                       em_efuse_model_flag(sim->fuses, sim->chip->secure_boot_v2);
    sim->secure_download = field_value(sim, "ENABLE_SECURITY_DOWNLOAD") != 0;
    sim->no_download = field_value(sim, "DIS_DOWNLOAD_MODE") != 0 ||
                       field_value(sim, "UART_DOWNLOAD_DIS") != 0;
    for (size_t i = 0; i < sizeof purposes / sizeof purposes[0]; i++)
        sim->key_purposes[i] = (uint8_t)field_value(sim, purposes[i]);
}
