/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of struct em_units share: a batch opened as units, and one unit of it.
 */
#ifndef TESTS_TEST_MFG_UNITS_UTIL_H
#define TESTS_TEST_MFG_UNITS_UTIL_H

#include <espmfg/units.h>

#include "tests/test_mfg_batch_util.h"

/* Units from the tables of a batch in a temporary folder, whose outputs they equal. */
struct taken {
    struct batch *b;
    char keys[PATH_LEN];
    char key_file[PATH_LEN];
    char manifest[PATH_LEN];
    struct em_units_options options;
    struct em_units *units;
};

static inline struct taken *taken_new(struct batch *b,
                                      enum em_units_encryption encryption)
{
    struct taken *t = need(calloc(1, sizeof *t));
    uint8_t key[64];
    t->b = b;
    join_path(t->keys, b->folder, "linekeys");
    join_path(t->key_file, b->folder, "key.bin");
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(i * 3 + 1);
    write_file(t->key_file, key, sizeof key);
    t->options = (struct em_units_options)EM_UNITS_OPTIONS_INIT;
    t->options.config = b->config;
    t->options.values = b->values;
    t->options.prefix = b->options.prefix;
    t->options.id_column = b->options.id_column;
    t->options.size = b->options.size;
    t->options.version = b->options.version;
    t->options.encryption = encryption;
    t->options.key_file = encryption == EM_UNITS_KEY ? t->key_file : NULL;
    t->options.keys_dir = encryption >= EM_UNITS_HMAC ? t->keys : NULL;
    t->options.flash_key_len = encryption == EM_UNITS_FLASH ? 32 : 0;
    return t;
}

static inline enum em_status taken_open(struct taken *t)
{
    memset(&t->b->told, 0, sizeof t->b->told);
    em_units_close(t->units);
    t->units = NULL;
    return em_units_open(&t->units, &t->options, &t->b->hooks, &t->b->err);
}

/* Make the batch with a manifest and be ready to open that. */
static inline struct taken *taken_listed(struct batch *b, bool hmac, const char *ext)
{
    struct taken *t = taken_new(b, EM_UNITS_PLAIN);
    char name[32];
    (void)snprintf(name, sizeof name, "manifest.%s", ext);
    join_path(t->manifest, b->folder, name);
    b->options.manifest = t->manifest;
    b->options.keys.keygen = hmac;
    b->options.keys.protect_hmac = hmac;
    b->options.keys.hmac_keygen = hmac;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    t->options = (struct em_units_options)EM_UNITS_OPTIONS_INIT;
    t->options.manifest = t->manifest;
    t->options.outdir = b->outdir;
    return t;
}

static inline void taken_free(struct taken *t)
{
    em_units_close(t->units);
    batch_free(t->b);
    free(t);
}

/* One unit by its number. */
static inline struct em_unit_data *take(struct taken *t, uint64_t number)
{
    struct em_unit_data *unit = NULL;
    EM_CHECK_STATUS(em_units_take(t->units, number, &unit, &t->b->err), EM_OK,
                    &t->b->err);
    return need(unit);
}

/* The text of the column called @p name, or "". */
static inline const char *column(const struct em_unit_data *unit, const char *name)
{
    const char *found;
    const char *text;
    for (size_t i = 0; em_unit_column(unit, i, &found, &text); i++) {
        if (strcmp(found, name) == 0)
            return text;
    }
    return "";
}

/* The key of a unit, as em_unit_key() gives it. */
static inline struct em_key key_of(struct taken *t, uint64_t number, uint64_t serial,
                                   enum em_status wanted)
{
    struct em_key key;
    struct em_unit_data *unit = take(t, number);
    EM_CHECK_STATUS(em_unit_key(unit, serial, NULL, &key, &t->b->err), wanted,
                    &t->b->err);
    em_unit_close(unit);
    return key;
}

#endif
