/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated chip: made, asked, saved and freed. */
#include "config.h"

#include "flasher/sim/sim_int.h"

#include "base/hooks_int.h"

#include <stdlib.h>
#include <string.h>

/* Espressif's own block of MAC addresses, for chips that nobody gave one. */
static const uint8_t oui[3] = {0x60, 0x55, 0xF9};

void em_sim_tell(struct em_sim *sim, const struct em_error *err)
{
    em_hooks_log(&sim->options.hooks, EM_LOG_ERROR, sim->chip->id, err);
}

void em_sim_spend(struct em_sim *sim, int64_t ns)
{
    if (sim->options.real_timing)
        sim->clock_ns += ns;
}

void em_sim_spend_flash(struct em_sim *sim, int64_t ns)
{
    em_sim_spend(sim, ns);
    if (sim->options.real_timing)
        sim->stats.flash_us += ns / 1000;
}

static char *copy_text(const char *text)
{
    if (text == NULL)
        return NULL;
    size_t len = strlen(text) + 1;
    char *copy = malloc(len);
    if (copy != NULL)
        memcpy(copy, text, len);
    return copy;
}

/* The texts of the options that are still needed later are the chip's own. */
static enum em_status take_texts(struct em_sim *sim, struct em_error *err)
{
    struct em_sim_options *o = &sim->options;
    const char **texts[] = {&o->flash_file, &o->efuse_file, &o->journal_file,
                            &o->app_output};
    enum em_status status = EM_OK;
    o->chip = sim->chip->id;
    o->faults = NULL; /* they were parsed */
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        sim->texts[i] = copy_text(*texts[i]);
        if (*texts[i] != NULL && sim->texts[i] == NULL)
            status = em_error_nomem(err);
        *texts[i] = sim->texts[i];
    }
    return status;
}

static void take_identity(struct em_sim *sim)
{
    const struct em_sim_options *o = &sim->options;
    struct em_sim_random made = {o->seed};
    uint64_t number = em_sim_random_next(&made);
    memcpy(sim->mac, oui, sizeof oui);
    for (size_t i = 3; i < sizeof sim->mac; i++)
        sim->mac[i] = (uint8_t)(number >> (8 * i));
    if (o->has_mac)
        memcpy(sim->mac, o->mac, sizeof sim->mac);
    sim->revision = o->has_revision ? o->revision : sim->profile->revision;
    sim->crystal_mhz = o->crystal_mhz != 0              ? o->crystal_mhz
                       : sim->profile->crystal_mhz != 0 ? sim->profile->crystal_mhz
                                                        : sim->chip->xtal_mhz;
    sim->dice.state = o->seed;
    sim->noise.state = ~o->seed;
}

enum em_status em_sim_new(struct em_sim **out, const struct em_sim_options *options,
                          struct em_error *err)
{
    *out = NULL;
    const struct em_chip *chip =
        options->chip == NULL ? NULL : em_chip_find(options->chip);
    if (chip == NULL)
        return em_error_set(err, EM_ERR_USAGE, "for example esp32c3, esp32, esp32s3",
                            "there is no chip '%s'",
                            options->chip == NULL ? "" : options->chip);
    struct em_sim *sim = calloc(1, sizeof *sim);
    if (sim == NULL)
        return em_error_nomem(err);
    sim->chip = chip;
    sim->profile = em_sim_profile_find(chip);
    sim->options = *options;
    sim->reader.max = EM_SIM_BODY_MAX;
    sim->boot_at_ns = sim->cut_by_ns = INT64_MAX;
    enum em_status status = em_sim_faults_parse(&sim->faults, options->faults, err);
    take_identity(sim);
    enum em_status taken = take_texts(sim, err);
    status = status == EM_OK ? taken : status;
    if (status == EM_OK)
        status = em_sim_flash_open(&sim->flash, sim->options.flash_file,
                                   options->flash_size, options->flash_id, err);
    if (status == EM_OK)
        status = em_sim_fuses_open(sim, err);
    if (status != EM_OK) {
        em_sim_free(sim);
        return status;
    }
    em_sim_flash_power_up(&sim->flash);
    em_sim_boot(sim, true, false);
    *out = sim;
    return EM_OK;
}

void em_sim_free(struct em_sim *sim)
{
    if (sim == NULL)
        return;
    em_sim_loader_reset(sim);
    em_sim_flash_close(&sim->flash); /* the file has all of it already */
    em_sim_fuses_close(sim);
    em_sim_memory_clear(&sim->memory);
    em_sim_wire_free(sim);
    for (size_t i = 0; i < EM_SIM_TEXTS; i++)
        free(sim->texts[i]);
    free(sim);
}

void em_sim_set_baud(struct em_sim *sim, uint32_t baud)
{
    sim->host_baud = baud;
}

void em_sim_set_pace(struct em_sim *sim, uint32_t baud)
{
    if (sim->options.strict_rate)
        sim->host_baud = baud;
    else
        sim->pace_baud = baud;
}

bool em_sim_is_connected(const struct em_sim *sim)
{
    return !sim->cable.gone;
}

bool em_sim_is_alive(const struct em_sim *sim)
{
    return !sim->stuck && (sim->mode != EM_SIM_OFF || sim->in_reset);
}

void em_sim_reconnect(struct em_sim *sim)
{
    em_sim_wire_clear(sim);
    sim->cable.gone = false;
}

void em_sim_stats(const struct em_sim *sim, struct em_sim_stats *out)
{
    *out = sim->stats;
    out->elapsed_us = (sim->last_ns - sim->first_ns) / 1000;
    out->needed_us = (sim->last_ns - sim->first_ns - sim->idle_ns) / 1000;
    out->erased_sectors = sim->flash.erased_sectors;
    out->programmed_bytes = sim->flash.programmed_bytes;
}

const uint8_t *em_sim_flash(const struct em_sim *sim, size_t *len_out)
{
    *len_out = sim->flash.size;
    return sim->flash.data;
}

enum em_status em_sim_save(struct em_sim *sim, struct em_error *err)
{
    enum em_status status = em_sim_flash_sync(&sim->flash, err);
    return status == EM_OK ? em_sim_fuses_save(sim, err) : status;
}
