/* SPDX-License-Identifier: Apache-2.0 */
/* Values of keys in job and station files: numbers, times, choices, names. */
#include "config.h"

#include "src/line/job_int.h"

#include "base/hex_int.h"
#include "base/text_int.h"
#include "src/cli.h"

#include <openssl/evp.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *line_key_place(const struct line_key *key, char out[LINE_PLACE_SIZE])
{
    char idx[24] = "";
    if (key->idx != LINE_NO_IDX)
        (void)snprintf(idx, sizeof idx, "[%zu]", key->idx);
    (void)snprintf(out, LINE_PLACE_SIZE, "%s%s%s%s", key->list, idx,
                   key->list[0] == '\0' || key->key[0] == '\0' ? "" : ".", key->key);
    return out;
}

enum em_status line_key_fault(const struct line_key *key, enum em_status status,
                              struct em_error *err, const char *hint, const char *format,
                              ...)
{
    char place[LINE_PLACE_SIZE];
    char what[sizeof err->what];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    (void)em_error_set(err, status, hint, "%s", what);
    return line_yaml_at(key->yaml, line_key_place(key, place), status, err);
}

enum em_status line_take_yes(bool *out, const struct line_key *key, const char *text,
                             struct em_error *err)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", NULL};
    size_t i;
    if (text == NULL)
        return EM_OK;
    for (i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0)
            break;
    }
    if (words[i] == NULL)
        return line_key_fault(key, EM_ERR_INPUT, err, "write yes or no",
                              "%s: '%.64s' is neither yes nor no", key->key, text);
    *out = i % 2 == 1;
    return EM_OK;
}

enum em_status line_take_ms(uint32_t *out, const struct line_key *key, const char *text,
                            struct em_error *err)
{
    static const struct {
        const char *name;
        uint32_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
    enum { LONGEST_MS = 3600000 };
    unsigned long long number;
    char digits[16];
    if (text == NULL)
        return EM_OK;
    size_t len = strspn(text, "0123456789");
    for (size_t i = 0; i < sizeof units / sizeof units[0] && len < sizeof digits; i++) {
        if (strcmp(text + len, units[i].name) != 0)
            continue;
        (void)snprintf(digits, sizeof digits, "%.*s", (int)len, text);
        if (!cli_number(&number, digits, LONGEST_MS / units[i].ms) || number == 0)
            break;
        *out = (uint32_t)number * units[i].ms;
        return EM_OK;
    }
    return line_key_fault(key, EM_ERR_INPUT, err,
                          "write it as 500ms, 5s or 2m, at most 60m",
                          "%s: '%.64s' is not a time", key->key, text);
}

enum em_status line_take_number(uint32_t *out, const struct line_key *key,
                                const char *text, uint32_t least, uint32_t most,
                                struct em_error *err)
{
    unsigned long long number;
    if (text == NULL)
        return EM_OK;
    if (!cli_integer(&number, text, most) || number < least)
        return line_key_fault(key, EM_ERR_INPUT, err, NULL,
                              "%s: '%.64s' is not a number from %u to %u", key->key, text,
                              least, most);
    *out = (uint32_t)number;
    return EM_OK;
}

void line_nearest(char *out, size_t size, const char *text,
                  const char *(*name)(const void *user, size_t idx), const void *user)
{
    const char *best = NULL;
    unsigned least = EM_TEXT_FAR + 1;
    const char *each;
    for (size_t i = 0; (each = name(user, i)) != NULL; i++) {
        unsigned far = em_text_distance(text, each);
        if (far < least) {
            least = far;
            best = each;
        }
    }
    (void)snprintf(out, size, "%s%s%s", best == NULL ? "" : "the nearest name is '",
                   best == NULL ? "" : best, best == NULL ? "" : "'");
}

static const char *choice_name(const void *user, size_t idx)
{
    return ((const char *const *)user)[idx];
}

enum em_status line_take_choice(size_t *out, const struct line_key *key, const char *text,
                                const char *const *names, struct em_error *err)
{
    if (text == NULL)
        return EM_OK;
    for (size_t i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], text) == 0) {
            *out = i;
            return EM_OK;
        }
    }
    char hint[sizeof err->hint];
    line_nearest(hint, sizeof hint, text, choice_name, names);
    return line_key_fault(key, EM_ERR_INPUT, err, hint, "%s: '%.64s' is not known here",
                          key->key, text);
}

enum em_status line_sha256(char out[65], const void *data, size_t len,
                           struct em_error *err)
{
    uint8_t digest[32];
    if (EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) != 1)
        return em_error_set(err, EM_ERR_CRYPTO, NULL, "SHA-256 failed");
    em_hex_encode(out, digest, sizeof digest);
    return EM_OK;
}
