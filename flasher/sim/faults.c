/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong, by a seed: the same seed gives the same faults. */
#include "config.h"

#include "flasher/sim/sim_int.h"

#include <string.h>

enum { WHOLE = 1000000000 }; /* a chance of 1 */

uint64_t em_sim_random_next(struct em_sim_random *random)
{
    /* splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators). */
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

bool em_sim_chance(struct em_sim_random *random, uint32_t chance)
{
    return chance != 0 && em_sim_random_next(random) % WHOLE < chance;
}

struct em_sim_fate em_sim_byte_fate(struct em_sim *sim, uint8_t byte)
{
    struct em_sim_faults *f = &sim->faults;
    struct em_sim_fate fate = {{byte, byte}, 1, false};
    if (em_sim_chance(&sim->dice, f->drop))
        fate.count = 0;
    if (em_sim_chance(&sim->dice, f->garble))
        fate.byte[0] ^= (uint8_t)(1u << em_sim_random_next(&sim->dice) % 8);
    if (em_sim_chance(&sim->dice, f->dup))
        fate.count *= 2;
    fate.delayed = em_sim_chance(&sim->dice, f->delay);
    sim->stats.lost_bytes += fate.count == 0;
    sim->stats.changed_bytes += fate.count > 0 && fate.byte[0] != byte;
    if (fate.count != 1 || fate.byte[0] != byte || fate.delayed)
        sim->stats.faults++;
    fate.byte[1] = fate.byte[0];
    return fate;
}

/* "0.001", "1", ".5" in billionths; false if it is no number from 0 to 1. */
static bool parse_chance(const char *text, size_t len, uint32_t *out)
{
    uint64_t value = 0, unit = WHOLE;
    size_t digits = 0;
    bool fraction = false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.' && !fraction) {
            fraction = true;
            continue;
        }
        if (text[i] < '0' || text[i] > '9' || digits == 12)
            return false;
        unsigned digit = (unsigned)(text[i] - '0');
        digits++;
        if (fraction) {
            unit /= 10;
            value += digit * unit;
        } else {
            value = value * 10 + digit * (uint64_t)WHOLE;
        }
        if (value > WHOLE)
            return false;
    }
    *out = (uint32_t)value;
    return digits > 0;
}

static bool parse_count(const char *text, size_t len, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || *out > (UINT64_MAX - 9) / 10)
            return false;
        *out = *out * 10 + (unsigned)(text[i] - '0');
    }
    return len > 0 && *out > 0;
}

/* One "NAME=VALUE". */
static bool parse_item(struct em_sim_faults *out, const char *name, size_t name_len,
                       const char *value, size_t len)
{
    const struct {
        const char *name;
        uint32_t *chance;
        uint64_t *count;
    } simple[] = {
        {"drop", &out->drop, NULL},
        {"garble", &out->garble, NULL},
        {"dup", &out->dup, NULL},
        {"bad-md5", &out->bad_md5, NULL},
        {"power", &out->power, NULL},
        {"cut-after", NULL, &out->cut_after},
        {"stuck-after", NULL, &out->stuck_after},
    };
    for (size_t i = 0; i < sizeof simple / sizeof simple[0]; i++) {
        if (strlen(simple[i].name) == name_len &&
            memcmp(simple[i].name, name, name_len) == 0)
            return simple[i].chance != NULL ? parse_chance(value, len, simple[i].chance)
                                            : parse_count(value, len, simple[i].count);
    }
    const char *colon = memchr(value, ':', len);
    if (colon == NULL)
        return false;
    size_t before = (size_t)(colon - value);
    uint64_t count;
    if (!parse_count(colon + 1, len - before - 1, &count))
        return false;
    if (name_len == 5 && memcmp(name, "delay", 5) == 0) {
        if (count > 3600000)
            return false;
        out->delay_ns = (int64_t)count * 1000000;
        return parse_chance(value, before, &out->delay);
    }
    if (name_len == 12 && memcmp(name, "power-cut-at", 12) == 0) {
        out->power_cut_at = count;
        out->power_cut_op = em_sim_op_find(value, before);
        return out->power_cut_op != EM_SIM_CUT_NONE;
    }
    return false;
}

enum em_status em_sim_faults_parse(struct em_sim_faults *out, const char *text,
                                   struct em_error *err)
{
    *out = (struct em_sim_faults){.power_cut_op = EM_SIM_CUT_NONE};
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, ",");
        const char *equals = memchr(text, '=', len);
        size_t name_len = equals == NULL ? len : (size_t)(equals - text);
        if (equals == NULL ||
            !parse_item(out, text, name_len, equals + 1, len - name_len - 1))
            return em_error_set(
                err, EM_ERR_USAGE,
                "drop=P, garble=P, dup=P, delay=P:MS, cut-after=BYTES, power=P, "
                "power-cut-at=COMMAND:N, stuck-after=N, bad-md5=P; P from 0 to 1",
                "fault '%.*s' is not one of the faults, or its value is out of range",
                (int)(len < 100 ? len : 100), text);
        text += len;
        text += *text == ',';
    }
    out->any_byte =
        out->drop != 0 || out->garble != 0 || out->dup != 0 || out->delay != 0;
    return EM_OK;
}
