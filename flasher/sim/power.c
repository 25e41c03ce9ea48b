/* SPDX-License-Identifier: Apache-2.0 */
/* Power that fails: when, and what it leaves half done. */
#include "config.h"

#include "flasher/sim/sim_int.h"

/* A signal comes between two commands; a power cut may not. So it waits for a command, up
 * to so long: two blocks at 921600 baud. */
static const int64_t cut_window_ns = 20000000;

enum { PERMILLE = 1000 };

void em_sim_power_begin_cut(struct em_sim *sim, unsigned burn_permille)
{
    sim->cutting = true;
    sim->cut_permille = burn_permille;
    sim->cut_by_ns = INT64_MAX;
    sim->stats.faults++;
    sim->flash.power = EM_SIM_POWER_FAILING;
}

void em_sim_power_dice(struct em_sim *sim)
{
    bool cut = em_sim_chance(&sim->dice, sim->faults.power);
    if (sim->cut_by_ns != INT64_MAX || cut)
        em_sim_power_begin_cut(
            sim, (unsigned)(em_sim_random_next(&sim->noise) % (PERMILLE + 1)));
}

void em_sim_power_off(struct em_sim *sim)
{
    em_sim_stop(sim);
    sim->stats.power_cuts++;
    sim->cutting = false;
    sim->cut_by_ns = INT64_MAX;
    sim->in_reset = false; /* whoever holds EN low: there is no power behind it */
    sim->flash.power = EM_SIM_POWER_GONE;
}

void em_sim_power_advance(struct em_sim *sim, int64_t now_ns)
{
    if (sim->cut_by_ns > now_ns)
        return;
    em_sim_wire_clear(sim);
    sim->stats.faults++;
    em_sim_power_off(sim);
}

void em_sim_power_fail(struct em_sim *sim, int64_t now_us)
{
    if (sim->mode == EM_SIM_OFF && !sim->in_reset)
        return;
    sim->cut_by_ns = now_us * 1000 +
                     (int64_t)(em_sim_random_next(&sim->noise) % (uint64_t)cut_window_ns);
}
