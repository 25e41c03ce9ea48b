/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a simulated chip as text. */
#include "config.h"

#include "base/hex_int.h"
#include "base/text_int.h"
#include "flasher/sim/sim_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Each takes the text of one option; false: it cannot be right. */
typedef bool setter(struct em_sim_options *options, const char *value);

static bool take_number(const char *value, uint64_t max, uint64_t *out)
{
    struct em_integer number;
    if (em_text_literal(&number, em_span_of(value), NULL) != EM_OK || number.negative ||
        number.huge || number.magnitude > max)
        return false;
    *out = number.magnitude;
    return true;
}

static bool take_bool(const char *value, bool *out)
{
    static const char *const yes[] = {"", "1", "yes", "true", "on"};
    static const char *const no[] = {"0", "no", "false", "off"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcasecmp(value, yes[i]) == 0) {
            *out = true;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        if (strcasecmp(value, no[i]) == 0) {
            *out = false;
            return true;
        }
    }
    return false;
}

static bool set_chip(struct em_sim_options *o, const char *value)
{
    o->chip = value;
    return em_chip_find(value) != NULL;
}

static bool set_flash(struct em_sim_options *o, const char *value)
{
    o->flash_file = value;
    return *value != '\0';
}

/* "4MB", "4M", "512KB" or a number of bytes. */
static bool set_flash_size(struct em_sim_options *o, const char *value)
{
    char digits[24];
    size_t len = strlen(value);
    unsigned shift = 0;
    if (len > 0 && (value[len - 1] == 'B' || value[len - 1] == 'b') &&
        strncmp(value, "0x", 2) != 0)
        len--;
    if (len > 0 && strchr("kKmM", value[len - 1]) != NULL) {
        shift = value[len - 1] == 'k' || value[len - 1] == 'K' ? 10 : 20;
        len--;
    }
    if (len == 0 || len >= sizeof digits)
        return false;
    memcpy(digits, value, len);
    digits[len] = '\0';
    if (!take_number(digits, UINT32_MAX, &o->flash_size))
        return false;
    o->flash_size <<= shift;
    return true;
}

static bool set_flash_id(struct em_sim_options *o, const char *value)
{
    uint64_t number;
    if (!take_number(value, 0xFFFFFF, &number))
        return false;
    o->flash_id = (uint32_t)number;
    return true;
}

static bool set_efuse(struct em_sim_options *o, const char *value)
{
    o->efuse_file = value;
    return *value != '\0';
}

static bool set_journal(struct em_sim_options *o, const char *value)
{
    o->journal_file = value;
    return *value != '\0';
}

static bool set_mac(struct em_sim_options *o, const char *value)
{
    struct em_buf bytes = {0};
    bool good = strlen(value) == 17;
    for (size_t i = 0; good && i < 6; i++)
        good = em_hex_decode(&bytes, (const uint8_t *)value + 3 * i, 2, NULL) == EM_OK &&
               (i == 5 || value[3 * i + 2] == ':' || value[3 * i + 2] == '-');
    if (good)
        memcpy(o->mac, bytes.data, sizeof o->mac);
    o->has_mac = good;
    em_buf_free(&bytes);
    return good;
}

/* "0.4", "v0.4", or major * 100 + minor. */
static bool set_revision(struct em_sim_options *o, const char *value)
{
    uint64_t major = 0, minor = 0;
    char text[8];
    value += *value == 'v';
    size_t len = strcspn(value, ".");
    if (len >= sizeof text)
        return false;
    memcpy(text, value, len);
    text[len] = '\0';
    bool dot = value[len] == '.';
    if (!take_number(text, dot ? 99 : 9999, &major) ||
        (dot && !take_number(value + len + 1, 99, &minor)))
        return false;
    o->revision = (uint32_t)(dot ? major * 100 + minor : major);
    o->has_revision = true;
    return true;
}

static bool set_crystal(struct em_sim_options *o, const char *value)
{
    uint64_t number;
    if (!take_number(value, 100, &number) || number < 8)
        return false;
    o->crystal_mhz = (uint32_t)number;
    return true;
}

static bool set_timing(struct em_sim_options *o, const char *value)
{
    o->real_timing = strcmp(value, "real") == 0;
    return o->real_timing || strcmp(value, "none") == 0;
}

static bool set_secure_download(struct em_sim_options *o, const char *value)
{
    return take_bool(value, &o->secure_download);
}

static bool set_flash_encryption(struct em_sim_options *o, const char *value)
{
    return take_bool(value, &o->flash_encryption);
}

static bool set_secure_boot(struct em_sim_options *o, const char *value)
{
    return take_bool(value, &o->secure_boot);
}

static bool set_flat_refusals(struct em_sim_options *o, const char *value)
{
    return take_bool(value, &o->flat_refusals);
}

static bool set_strict_rate(struct em_sim_options *o, const char *value)
{
    return take_bool(value, &o->strict_rate);
}

static bool set_usb_pid(struct em_sim_options *o, const char *value)
{
    uint64_t number;
    if (!take_number(value, 0xFFFF, &number))
        return false;
    o->usb_pid = (int)number;
    return true;
}

static bool set_seed(struct em_sim_options *o, const char *value)
{
    return take_number(value, UINT64_MAX, &o->seed);
}

static bool set_fault(struct em_sim_options *o, const char *value)
{
    o->faults = value;
    return true; /* em_sim_faults_parse() says more about it */
}

static bool set_app_output(struct em_sim_options *o, const char *value)
{
    uint64_t addr;
    o->app_output = value;
    return value[0] != '@' || take_number(value + 1, UINT32_MAX, &addr);
}

static bool set_clock(struct em_sim_options *o, const char *value)
{
    o->wall_clock = strcmp(value, "wall") == 0;
    return o->wall_clock || strcmp(value, "virtual") == 0;
}

static const struct {
    const char *key;
    setter *set;
    const char *form;
} keys[] = {
    {"chip", set_chip, "the name of a chip, as esp32c3"},
    {"flash", set_flash, "a file name"},
    {"flash-size", set_flash_size, "a size as 4MB, 512KB or 0x400000"},
    {"flash-id", set_flash_id, "three bytes as RDID has them, as 0x1640EF"},
    {"efuse", set_efuse, "a file name"},
    {"journal", set_journal, "a file name"},
    {"mac", set_mac, "six bytes as 60:55:f9:00:00:01"},
    {"revision", set_revision, "a revision as 0.4"},
    {"crystal", set_crystal, "a number of MHz"},
    {"timing", set_timing, "none or real"},
    {"secure-download", set_secure_download, "yes or no"},
    {"flash-encryption", set_flash_encryption, "yes or no"},
    {"secure-boot", set_secure_boot, "yes or no"},
    {"flat-refusals", set_flat_refusals, "yes or no"},
    {"strict-rate", set_strict_rate, "yes or no"},
    {"usb-pid", set_usb_pid, "a USB product id as 0x1001"},
    {"seed", set_seed, "a number"},
    {"fault", set_fault, "faults as drop=0.001,garble=0.001"},
    {"app-output", set_app_output, "a text, or @ and an address in flash"},
    {"clock", set_clock, "virtual or wall"},
};

enum em_status em_sim_option_set(struct em_sim_options *options, const char *key,
                                 const char *value, struct em_error *err)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i].key, key) != 0)
            continue;
        if (!keys[i].set(options, value))
            return em_error_set(err, EM_ERR_USAGE, "mfg_sim(1) explains the options",
                                "option '%s': '%s' is not %s", key, value, keys[i].form);
        struct em_sim_faults faults;
        return em_sim_faults_parse(&faults, options->faults, err);
    }
    return em_error_set(err, EM_ERR_USAGE,
                        "flash, flash-size, flash-id, efuse, journal, mac, revision, "
                        "crystal, timing, secure-download, flash-encryption, "
                        "secure-boot, flat-refusals, strict-rate, usb-pid, seed, fault, "
                        "app-output, clock",
                        "a simulated chip has no option '%s'", key);
}

enum em_status em_sim_options_parse(struct em_sim_options *options, char **storage_out,
                                    const char *text, struct em_error *err)
{
    *options = (struct em_sim_options){0};
    size_t len = strlen(text) + 1;
    char *storage = malloc(len);
    *storage_out = NULL;
    if (storage == NULL)
        return em_error_nomem(err);
    memcpy(storage, text, len);
    char *rest = strchr(storage, '?');
    if (rest != NULL)
        *rest++ = '\0';
    enum em_status status = em_sim_option_set(options, "chip", storage, err);
    while (status == EM_OK && rest != NULL && *rest != '\0') {
        char *key = rest;
        rest = strchr(rest, '&');
        if (rest != NULL)
            *rest++ = '\0';
        char *value = strchr(key, '=');
        if (value != NULL)
            *value++ = '\0';
        status = em_sim_option_set(options, key, value == NULL ? "" : value, err);
    }
    if (status != EM_OK) {
        free(storage);
        return status;
    }
    *storage_out = storage;
    return EM_OK;
}
