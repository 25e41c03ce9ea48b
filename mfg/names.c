/* SPDX-License-Identifier: Apache-2.0 */
/* Names of a unit's files. */
#include "config.h"

#include "mfg/names_int.h"

#include <espmfg/seal.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What would leave the output folder, or could not be typed. NULL: nothing. */
static const char *name_fault(struct em_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.p[i] == '/')
            return "a '/'";
        if (name.p[i] < 0x20 || name.p[i] == 0x7F)
            return "a control character";
        if (name.p[i] == '.' && i + 1 < name.len && name.p[i + 1] == '.')
            return "'..'";
    }
    return NULL;
}

enum em_status em_naming_check(const struct em_naming *naming, struct em_error *err)
{
    const char *fault =
        naming->prefix == NULL ? NULL : name_fault(em_span_of(naming->prefix));
    if (fault != NULL)
        return em_error_set(err, EM_ERR_USAGE,
                            "PREFIX begins file names; choose the folder with --outdir",
                            "PREFIX '%s' has %s", naming->prefix, fault);
    return EM_OK;
}

/* Lengths are checked before. */
static void join(char out[EM_NAME_SIZE], const char *before, const char *stem, size_t len,
                 const char *after)
{
    size_t before_len = strlen(before);
    memcpy(out, before, before_len);
    memcpy(out + before_len, stem, len);
    memcpy(out + before_len + len, after, strlen(after) + 1);
}

enum em_status em_names_make(struct em_names *out, const struct em_naming *naming,
                             uint64_t number, const struct em_span *file_id,
                             struct em_error *err)
{
    char decimal[24];
    char stem[EM_NAME_SIZE * 2];
    struct em_span id;
    if (file_id != NULL) {
        id = *file_id;
    } else {
        (void)snprintf(decimal, sizeof decimal, "%" PRIu64, number); /* always fits */
        id = em_span_of(decimal);
    }
    const char *fault = name_fault(id);
    if (id.len == 0)
        return em_error_set(err, EM_ERR_INPUT, "give each row its own file id",
                            "the file id is empty");
    if (fault != NULL)
        return em_error_set(err, EM_ERR_INPUT, "a file id becomes part of file names",
                            "the file id '%.*s' has %s", (int)(id.len < 64 ? id.len : 64),
                            (const char *)id.p, fault);
    /* Reckoned without sign: the distance to the end may need all 64 bits. */
    if (naming->counter &&
        number - 1 > (uint64_t)INT64_MAX - (uint64_t)naming->counter_start)
        return em_error_set(err, EM_ERR_INPUT, "let --prefix_num start lower",
                            "the counter that starts at %" PRId64
                            " has no number for unit %" PRIu64,
                            naming->counter_start, number);
    int len;
    if (id.len >= EM_NAME_SIZE)
        len = EM_NAME_SIZE;
    else if (naming->prefix == NULL)
        len = snprintf(stem, sizeof stem, "%.*s", (int)id.len, (const char *)id.p);
    else if (naming->counter)
        len =
            snprintf(stem, sizeof stem, "%s-%0*" PRId64 "-%.*s", naming->prefix,
                     naming->counter_width, naming->counter_start + (int64_t)(number - 1),
                     (int)id.len, (const char *)id.p);
    else
        len = snprintf(stem, sizeof stem, "%s-%.*s", naming->prefix, (int)id.len,
                       (const char *)id.p);
    /* "hmac-keys-" and ".bin" are the longest additions; sealed, as pending, more. */
    size_t more = naming->sealed ? strlen(EM_SEAL_SUFFIX EM_PENDING) : 0;
    if (len < 0 || (size_t)len + sizeof "hmac-keys-.bin" + more > EM_NAME_SIZE)
        return em_error_set(err, EM_ERR_INPUT, "shorten PREFIX or the file id",
                            "the file name would have more than 255 bytes");
    memcpy(out->file_id, id.p, id.len);
    out->file_id[id.len] = '\0';
    join(out->image, "", stem, (size_t)len, ".bin");
    join(out->csv, "", stem, (size_t)len, ".csv");
    const char *key_end = naming->sealed ? ".bin" EM_SEAL_SUFFIX : ".bin";
    join(out->key, "keys-", stem, (size_t)len, key_end);
    join(out->hmac_key, "hmac-keys-", stem, (size_t)len, key_end);
    return EM_OK;
}
