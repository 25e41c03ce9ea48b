/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults of mfg_flash from environment variables and from a settings file. */
#include "config.h"

#include "src/flash_settings.h"

#include "base/buf_int.h"
#include "base/error_int.h"
#include "base/file_int.h"

#include <ctype.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1024 * 1024 };

/* ---- Settings file ---- */

enum kind {
    SECONDS, /* a time, kept in milliseconds */
    COUNT,
    TEXT,     /* a reset sequence */
    ATTEMPTS, /* to connect: an option of the command line too */
};

/* Keys of section [esptool], those of esptool 5. */
static const struct {
    const char *key;
    enum kind kind;
    size_t offset; /* in struct em_device_settings */
    size_t text;   /* in flash_args.texts */
} keys[] = {
/* clang-format off */
#define SETTING(member) offsetof(struct em_device_settings, member)
    {"timeout",                     SECONDS,  SETTING(timeout_ms), 0},
    {"sync_timeout",                SECONDS,  SETTING(sync_timeout_ms), 0},
    {"max_timeout",                 SECONDS,  SETTING(max_timeout_ms), 0},
    {"chip_erase_timeout",          SECONDS,  SETTING(chip_erase_timeout_ms), 0},
    {"md5_timeout_per_mb",          SECONDS,  SETTING(md5_timeout_per_mb_ms), 0},
    {"erase_region_timeout_per_mb", SECONDS,  SETTING(erase_region_timeout_per_mb_ms), 0},
    {"erase_write_timeout_per_mb",  SECONDS,  SETTING(erase_write_timeout_per_mb_ms), 0},
    {"mem_end_rom_timeout",         SECONDS,  SETTING(mem_end_rom_timeout_ms), 0},
    {"serial_write_timeout",        SECONDS,  SETTING(serial_write_timeout_ms), 0},
    {"reset_delay",                 SECONDS,  SETTING(reset_delay_ms), 0},
    {"write_block_attempts",        COUNT,    SETTING(write_block_attempts), 0},
    {"open_port_attempts",          COUNT,    SETTING(open_attempts), 0},
    {"connect_attempts",            ATTEMPTS, 0, 0},
    {"custom_reset_sequence",       TEXT,     SETTING(reset_sequence), 0},
    {"custom_hard_reset_sequence",  TEXT,     SETTING(hard_reset_sequence), 1},
#undef SETTING
    /* clang-format on */
};

/* A number of seconds with at most three decimals that count. */
static bool take_seconds(uint32_t *out_ms, const char *text)
{
    uint64_t ms = 0;
    size_t i = 0;
    size_t digits = strspn(text, "0123456789");
    size_t decimals = text[digits] == '.' ? strspn(text + digits + 1, "0123456789") : 0;
    if (digits > 7 || digits + decimals == 0 ||
        text[digits + (text[digits] == '.') + decimals] != '\0')
        return false;
    for (; i < digits; i++)
        ms = ms * 10 + (uint64_t)(text[i] - '0');
    for (i = 0; i < 3; i++)
        ms = ms * 10 + (i < decimals ? (uint64_t)(text[digits + 1 + i] - '0') : 0);
    if (ms > UINT32_MAX)
        return false;
    *out_ms = ms == 0 ? 1 : (uint32_t)ms; /* 0 would stand for the default */
    return true;
}

static enum em_status set_key(struct flash *flash, size_t i, const char *value,
                              struct em_error *err)
{
    char *member = (char *)&flash->args.settings + keys[i].offset;
    unsigned long long count;
    bool good = true;
    switch (keys[i].kind) {
    case SECONDS:
        good = take_seconds((uint32_t *)(void *)member, value);
        break;
    case COUNT:
        good = cli_integer(&count, value, UINT32_MAX) && count > 0;
        if (good)
            *(uint32_t *)(void *)member = (uint32_t)count;
        break;
    case ATTEMPTS:
        good = flash_take_attempts(&flash->args.connect_attempts, value) == NULL;
        break;
    case TEXT:
        free(flash->args.texts[keys[i].text]);
        flash->args.texts[keys[i].text] = strdup(value);
        if (flash->args.texts[keys[i].text] == NULL)
            return em_error_nomem(err);
        *(const char **)(void *)member = flash->args.texts[keys[i].text];
        break;
    }
    if (good)
        return EM_OK;
    return em_error_set(err, EM_ERR_INPUT, "times are in seconds, as 0.5; counts from 1",
                        "'%s' = '%s' is not a number that it can have", keys[i].key,
                        value);
}

/* Told when it is known whether and how: the command line comes later. */
static void note_unknown(char *note, size_t size, const char *path, const char *key)
{
    size_t len = strlen(note);
    if (len == 0)
        (void)snprintf(note, size, "%s: there is no setting '%s'", path, key);
    else
        (void)snprintf(note + len, size - len, ", '%s'",
                       key); /* what is too long is cut */
}

/* One line "key = value" or "key: value" of the section, without blanks at its ends. */
static enum em_status take_line(struct flash *flash, char *line, const char *path,
                                unsigned long number, struct em_error *err)
{
    size_t key_len = strcspn(line, "=:");
    char *value = line + key_len;
    if (*value == '\0') {
        enum em_status status = em_error_set(err, EM_ERR_INPUT, "write key = value",
                                             "'%s' is not a setting", line);
        em_error_at(err, path, number);
        return status;
    }
    *value++ = '\0';
    value += strspn(value, " \t");
    while (key_len > 0 && isspace((unsigned char)line[key_len - 1]))
        line[--key_len] = '\0';
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(keys[i].key, line) == 0) {
            enum em_status status = set_key(flash, i, value, err);
            if (status != EM_OK)
                em_error_at(err, path, number);
            return status;
        }
    }
    note_unknown(flash->args.unknown_settings, sizeof flash->args.unknown_settings, path,
                 line);
    return EM_OK;
}

/* Take the lines of section [esptool] of @p text. *found_out: it is there. */
static enum em_status take_text(struct flash *flash, char *text, const char *path,
                                bool *found_out, struct em_error *err)
{
    enum em_status status = EM_OK;
    bool inside = false;
    unsigned long number = 0;
    *found_out = false;
    while (text != NULL && status == EM_OK) {
        char *end = strchr(text, '\n');
        char *line = text + strspn(text, " \t");
        if (end != NULL)
            *end = '\0';
        for (size_t len = strlen(line); len > 0 && isspace((unsigned char)line[len - 1]);)
            line[--len] = '\0';
        number++;
        if (line[0] == '[')
            inside = strcmp(line, "[esptool]") == 0;
        else if (inside && line[0] != '\0' && line[0] != '#' && line[0] != ';')
            status = take_line(flash, line, path, number, err);
        *found_out = *found_out || inside;
        text = end == NULL ? NULL : end + 1;
    }
    return status;
}

/* Read @p path if it is a file; *found_out: it has the section. */
static enum em_status take_file(struct flash *flash, const char *path, bool must_be,
                                bool *found_out, struct em_error *err)
{
    struct em_buf file = {0};
    struct stat st;
    *found_out = false;
    if (!must_be && (stat(path, &st) != 0 || !S_ISREG(st.st_mode)))
        return EM_OK;
    enum em_status status = em_file_read(&file, path, FILE_MAX, err);
    em_buf_append_byte(&file, 0);
    if (status == EM_OK && file.failed)
        status = em_error_nomem(err);
    if (status == EM_OK)
        status = take_text(flash, (char *)file.data, path, found_out, err);
    em_buf_free(&file);
    return status;
}

/* The first file with the section: working folder, ~/.config/esptool, home. */
static enum em_status find_file(struct flash *flash, struct em_error *err)
{
    static const char *const names[] = {"esptool.cfg", "setup.cfg", "tox.ini"};
    const char *home = getenv("HOME");
    const char *own = getenv("ESPTOOL_CFGFILE");
    enum em_status status = EM_OK;
    bool found = false;
    if (own != NULL && own[0] != '\0')
        return take_file(flash, own, true, &found, err);
    for (size_t i = 0; i < 9 && status == EM_OK && !found; i++) {
        char path[PATH_MAX];
        if (i >= 3 && (home == NULL || home[0] == '\0'))
            break;
        int len = snprintf(path, sizeof path, "%s%s%s", i < 3 ? "" : home,
                           i < 3   ? ""
                           : i < 6 ? "/.config/esptool/"
                                   : "/",
                           names[i % 3]);
        if (len < (int)sizeof path)
            status = take_file(flash, path, false, &found, err);
    }
    return status;
}

/* ---- Environment ---- */

static const char *take_open_attempts(struct flash *flash, const char *text)
{
    unsigned long long n;
    if (!cli_integer(&n, text, UINT32_MAX - 1))
        return "a number of tries; 0: for ever";
    flash->args.settings.open_attempts = n == 0 ? UINT32_MAX : (uint32_t)n;
    return NULL;
}

static const char *take_chip(struct flash *flash, const char *text)
{
    flash->args.chip = strcmp(text, "auto") == 0 ? NULL : text;
    return NULL;
}

static const char *take_port(struct flash *flash, const char *text)
{
    flash->args.port = text;
    return NULL;
}

static const char *take_baud(struct flash *flash, const char *text)
{
    return flash_take_baud(&flash->args, text);
}

static const char *take_before(struct flash *flash, const char *text)
{
    return flash_take_before(&flash->args, text);
}

static const char *take_after(struct flash *flash, const char *text)
{
    return flash_take_after(&flash->args, text);
}

static const char *take_attempts(struct flash *flash, const char *text)
{
    return flash_take_attempts(&flash->args.connect_attempts, text);
}

static const char *take_flash(struct flash *flash, int id, const char *text)
{
    char *const values[] = {(char *)(uintptr_t)text, NULL}; /* is only read */
    return flash_take(flash, id, values);
}

static const char *take_size(struct flash *flash, const char *text)
{
    return take_flash(flash, FLASH_OPT_SIZE, text);
}

static const char *take_mode(struct flash *flash, const char *text)
{
    return take_flash(flash, FLASH_OPT_MODE, text);
}

static const char *take_freq(struct flash *flash, const char *text)
{
    return take_flash(flash, FLASH_OPT_FREQ, text);
}

static const struct {
    const char *name;
    const char *(*take)(struct flash *flash, const char *text);
} variables[] = {
    {"ESPTOOL_CHIP", take_chip},
    {"ESPTOOL_PORT", take_port},
    {"ESPTOOL_BAUD", take_baud},
    {"ESPTOOL_BEFORE", take_before},
    {"ESPTOOL_AFTER", take_after},
    {"ESPTOOL_CONNECT_ATTEMPTS", take_attempts},
    {"ESPTOOL_OPEN_PORT_ATTEMPTS", take_open_attempts},
    {"ESPTOOL_FS", take_size},
    {"ESPTOOL_FM", take_mode},
    {"ESPTOOL_FF", take_freq},
};

enum em_status flash_settings_load(struct flash *flash, struct em_error *err)
{
    enum em_status status = find_file(flash, err);
    for (size_t i = 0; i < sizeof variables / sizeof variables[0] && status == EM_OK;
         i++) {
        const char *text = getenv(variables[i].name);
        const char *fault =
            text == NULL || text[0] == '\0' ? NULL : variables[i].take(flash, text);
        if (fault != NULL)
            status = em_error_set(err, EM_ERR_USAGE, fault,
                                  "environment variable %s = '%s' is not understood",
                                  variables[i].name, text);
    }
    return status;
}

void flash_settings_free(struct flash_args *args)
{
    for (size_t i = 0; i < sizeof args->texts / sizeof args->texts[0]; i++)
        free(args->texts[i]);
}
