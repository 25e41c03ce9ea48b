/* SPDX-License-Identifier: Apache-2.0 */
/* Naming the values in which an image is not what its row gives. */
#include "config.h"

#include "mfg/verify_int.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <stdio.h>

static void tell(const struct em_verify *v, struct em_unit *unit,
                 const struct em_nvs_value *value, const char *what)
{
    struct em_error fault;
    char hint[160];
    (void)snprintf(hint, sizeof hint,
                   "is line %lu of the values what the batch was made from?",
                   unit->row.line); /* fits */
    (void)em_error_set(&fault, EM_ERR_INPUT, hint, "key '%s' in namespace '%s' %s",
                       value->key, value->ns, what);
    em_verify_fault(v, unit, EM_OUTPUT_IMAGE, &fault);
}

static bool is_integer(unsigned type)
{
    return (type & 0xE0) == 0;
}

static void show_integer(char out[24], const struct em_nvs_value *value)
{
    if ((value->type & 0x10) != 0)
        (void)snprintf(out, 24, "%" PRId64, (int64_t)value->bits); /* fits */
    else
        (void)snprintf(out, 24, "%" PRIu64, value->bits); /* likewise */
}

/* Do both hold the same bytes? Copied, as a blob may lie in pieces. */
static bool same_bytes(const struct em_verify_worker *w, const struct em_nvs_value *have,
                       const struct em_nvs_value *want, bool *failed)
{
    struct em_buf bytes = {0};
    if (have->len != want->len)
        return false;
    uint8_t *data = em_buf_reserve(&bytes, want->len + 1); /* 1: none is no NULL */
    if (data == NULL) {
        *failed = true;
        return false;
    }
    em_nvs_reader_copy(w->wanted, want, data);
    bytes.len = want->len;
    bool same = em_nvs_reader_equal(w->reader, have, data, want->len);
    em_buf_wipe(&bytes);
    return same;
}

/* Compare a value that the row gives. Returns whether it differs. */
static bool compare(const struct em_verify *v, const struct em_verify_worker *w,
                    struct em_unit *unit, const struct em_nvs_value *want)
{
    struct em_nvs_value have;
    bool failed = false;
    if (!em_nvs_reader_find(w->reader, want->ns, want->key, &have)) {
        tell(v, unit, want, "is missing");
    } else if (have.type != want->type) {
        tell(v, unit, want, "has another type than the row gives");
    } else if (is_integer(want->type)) {
        char a[24];
        char b[24];
        char what[96];
        if (have.bits == want->bits)
            return false;
        show_integer(a, &have);
        show_integer(b, want);
        (void)snprintf(what, sizeof what, "is %s, the row gives %s", a, b); /* fits */
        tell(v, unit, want, what);
    } else {
        if (same_bytes(w, &have, want, &failed))
            return false;
        tell(v, unit, want,
             failed ? "could not be compared: out of memory"
                    : "has another value than the row gives");
    }
    return true;
}

bool em_verify_differences(const struct em_verify *v, const struct em_verify_worker *w,
                           struct em_unit *unit)
{
    struct em_nvs_value value;
    struct em_nvs_value other;
    bool differs = false;
    size_t cursor = 0;
    while (em_nvs_reader_next(w->wanted, &cursor, &value))
        differs = compare(v, w, unit, &value) || differs;
    cursor = 0;
    while (em_nvs_reader_next(w->reader, &cursor, &value)) {
        if (em_nvs_reader_find(w->wanted, value.ns, value.key, &other))
            continue;
        tell(v, unit, &value, "is not in the row");
        differs = true;
    }
    return differs;
}
