/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of units: on the disk before anybody gets them, and overwritten when they go. */
#include "config.h"

#include "mfg/units_int.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEY_TRIES = 3 /* another thread or process may be quicker, but not for ever */ };

/* ---- The folder ---- */

static void warn_open_folder(struct em_units *units)
{
    struct em_error msg;
    if (em_dir_is_private(units->keys))
        return;
    (void)em_error_set(&msg, EM_OK, "chmod 700 it",
                       "others can look into the folder of the key files");
    em_error_at(&msg, units->keys_dir, 0);
    em_report_say(&units->job.report, EM_LOG_WARNING, NULL, &msg);
}

enum em_status em_units_open_keys(struct em_units *units, struct em_error *err)
{
    size_t left;
    if (units->keys_dir == NULL || access(units->keys_dir, F_OK) != 0)
        return EM_OK; /* made with the first key */
    enum em_status status = em_dir_open(&units->keys, units->keys_dir, err);
    if (status == EM_OK)
        status = em_dir_sweep(units->keys, NULL, 0, &left, err);
    if (status != EM_OK)
        return status;
    units->temporaries = left > 0;
    warn_open_folder(units);
    return EM_OK;
}

/* *out stays NULL when there is no folder and @p make is false. */
static enum em_status keys_folder(struct em_units *units, bool make, struct em_dir **out,
                                  struct em_error *err)
{
    enum em_status status = EM_OK;
    pthread_mutex_lock(&units->lock);
    bool there = units->keys != NULL || access(units->keys_dir, F_OK) == 0;
    if (units->keys == NULL && (there || make)) {
        struct em_dir *dir = NULL;
        if (!there)
            status = em_file_mkdirs(units->keys_dir, 0700, err);
        if (status == EM_OK)
            status = em_dir_open(&dir, units->keys_dir, err);
        if (status == EM_OK) /* the folder's own name, and those above it */
            status = em_dir_sync(dir, err);
        if (status == EM_OK)
            units->keys = dir;
        else
            em_dir_close(dir);
    }
    *out = units->keys;
    pthread_mutex_unlock(&units->lock);
    return status;
}

/* ---- Names ---- */

/* Could @p id be the id of another unit with the serial of its key behind: ID-sNUMBER? */
static bool looks_serial(const char *id)
{
    size_t len = strlen(id);
    size_t digits = 0;
    while (digits < len && id[len - 1 - digits] >= '0' && id[len - 1 - digits] <= '9')
        digits++;
    return digits > 0 && len > digits + 2 && id[len - digits - 1] == 's' &&
           id[len - digits - 2] == '-';
}

/* NAME.bin, or NAME-sSERIAL.bin behind the first one. A unit with the id X-s2 gets its
 * serial always, so that its key is never that of unit X. */
static enum em_status serial_name(char out[EM_NAME_SIZE], const char *name,
                                  const char *id, uint64_t serial, const char *end,
                                  struct em_error *err)
{
    char text[EM_NAME_SIZE + 48]; /* room for any number */
    size_t len = strlen(name) - strlen(".bin");
    int n = serial == 1 && !looks_serial(id)
                ? snprintf(text, sizeof text, "%s%s", name, end)
                : snprintf(text, sizeof text, "%.*s-s%" PRIu64 ".bin%s", (int)len, name,
                           serial, end);
    if (n < 0 || n >= EM_NAME_SIZE)
        return em_error_set(err, EM_ERR_INPUT, "shorten the prefix or the file id",
                            "the name of a key file would have more than 255 bytes");
    memcpy(out, text, (size_t)n + 1);
    return EM_OK;
}

struct key_names {
    char own[EM_NAME_SIZE];     /* HMAC or flash encryption key */
    char derived[EM_NAME_SIZE]; /* mfg_gen makes one besides; "" : none */
};

static enum em_status key_names(struct key_names *out, const struct em_unit_data *unit,
                                uint64_t serial, struct em_error *err)
{
    const char *id = unit->names.file_id;
    *out = (struct key_names){0};
    if (serial == 0)
        return em_error_set(err, EM_ERR_USAGE, "serials of keys count from 1",
                            "there is no key 0 of unit '%s'", unit->name);
    if (unit->units->listed) { /* the first key of these is as listed */
        memcpy(out->own, unit->names.hmac_key, EM_NAME_SIZE);
        memcpy(out->derived, unit->names.key, EM_NAME_SIZE);
        return EM_OK;
    }
    const char *end = unit->units->job.seal != NULL ? EM_SEAL_SUFFIX : "";
    if (unit->units->encryption == EM_UNITS_FLASH) {
        char name[EM_NAME_SIZE + sizeof "flash-"];
        (void)snprintf(name, sizeof name, "flash-%s", unit->names.key); /* fits */
        return serial_name(out->own, name, id, serial, end, err);
    }
    enum em_status status =
        serial_name(out->own, unit->names.hmac_key, id, serial, end, err);
    if (status == EM_OK)
        status = serial_name(out->derived, unit->names.key, id, serial, end, err);
    return status;
}

/* ---- Getting a key ---- */

static enum em_status key_fault(const struct em_dir *dir, const char *name,
                                const char *hint, const char *what, struct em_error *err)
{
    char path[4096 + EM_NAME_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", em_dir_path(dir), name); /* may be cut */
    enum em_status status = em_error_set(err, EM_ERR_INPUT, hint, "%s", what);
    em_error_at(err, path, 0);
    return status;
}

/* What can be wrong with a key file before it is read. *found: it is there and holds
 * something; *empty: it is there and holds nothing. */
static enum em_status look(const struct em_dir *dir, const char *name, off_t size,
                           bool *found, bool *empty, struct em_error *err)
{
    struct stat st;
    char what[128];
    *found = false;
    *empty = false;
    if (name[0] == '\0' || !em_dir_look(dir, name, &st))
        return EM_OK;
    if (!S_ISREG(st.st_mode))
        return key_fault(dir, name, "only key files belong there",
                         "a key file that is no regular file", err);
    if ((st.st_mode & 077) != 0)
        return key_fault(dir, name,
                         "who may have read it? chmod 600 it if nobody, or remove it if "
                         "no board has it yet",
                         "others can read or write this key file", err);
    *found = st.st_size > 0;
    *empty = st.st_size == 0;
    if (!*found || size == 0 || st.st_size == size)
        return EM_OK;
    (void)snprintf(what, sizeof what, "key of %jd bytes, %jd are needed",
                   (intmax_t)st.st_size, (intmax_t)size); /* fits */
    return key_fault(dir, name, "bring back the file as it was made", what, err);
}

/* A file without content is of a run that was stopped before it had a key: nobody ever
 * got one. Two that find it must not both put theirs in its place. */
static enum em_status drop_empty(struct em_units *units, const char *name,
                                 struct em_error *err)
{
    struct em_dir *dir = NULL;
    pthread_mutex_lock(&units->key_lock); /* threads; the folder's lock: processes */
    enum em_status status = em_dir_open(&dir, units->keys_dir, err);
    if (status == EM_OK)
        status = em_dir_lock(dir, err);
    if (status == EM_OK)
        status = em_dir_drop_empty(dir, name, err);
    em_dir_close(dir);
    pthread_mutex_unlock(&units->key_lock);
    return status;
}

/* Zeros are what is left of a key that was being destroyed. */
static bool is_zero(const struct em_key *key)
{
    uint8_t any = 0;
    for (size_t i = 0; i < key->len; i++)
        any |= key->bytes[i];
    return any == 0;
}

static enum em_status check_reused(const struct em_dir *dir, const char *name,
                                   const struct em_key *key, struct em_error *err)
{
    if (!is_zero(key))
        return EM_OK;
    return key_fault(dir, name, "remove it; its unit needs another board and key",
                     "zeros instead of a key: it was being destroyed", err);
}

/* Whoever knows of a key wants this one and no other. */
static enum em_status check_recorded(const struct em_unit_data *unit,
                                     const struct em_key *key, const char *recorded,
                                     struct em_error *err)
{
    char fingerprint[EM_KEY_FINGERPRINT_SIZE];
    enum em_status status = em_key_fingerprint(key, fingerprint, err);
    if (status != EM_OK || recorded == NULL || strcmp(fingerprint, recorded) == 0)
        return status;
    return em_error_set(err, EM_ERR_REFUSED,
                        "bring its key file back; if it is lost, 'ledger release' or "
                        "'scrap' the unit",
                        "unit %s: the key on the disk is not the one on record "
                        "(%.16s…, not %.16s…)",
                        unit->name, fingerprint, recorded);
}

static enum em_status lost(const struct em_unit_data *unit, const char *name,
                           const char *recorded, struct em_error *err)
{
    return em_error_set(err, EM_ERR_REFUSED,
                        "bring the file back; if it is lost, 'ledger release' or 'scrap' "
                        "the unit",
                        "unit %s: the key on record (%.16s…) is not in '%s/%s'",
                        unit->name, recorded, unit->units->keys_dir, name);
}

static enum em_status make_flash_key(const struct em_unit_data *unit, struct em_dir *dir,
                                     const char *name, struct em_key *out,
                                     struct em_error *err)
{
    enum em_status status = em_key_random(out, em_units_key_len(unit->units), err);
    return status != EM_OK
               ? status
               : em_dir_put(dir, name, out->bytes, out->len, 0600, EM_PUT_DURABLE, err);
}

static enum em_status load_flash_key(const struct em_unit_data *unit, struct em_dir *dir,
                                     const char *name, struct em_key *out,
                                     struct em_error *err)
{
    size_t wanted = em_units_key_len(unit->units);
    uint64_t len = wanted;
    enum em_status status =
        em_dir_load(out->bytes, EM_KEY_MAX, wanted, &len, dir, name, err);
    out->len = wanted;
    if (status == EM_OK && len != wanted) /* changed since it was looked at */
        status = key_fault(dir, name, "bring back the file as it was made",
                           "a key file of another length", err);
    if (status == EM_OK)
        status = check_reused(dir, name, out, err);
    return status == EM_OK ? em_dir_settle(dir, name, err) : status;
}

/* The key in the files, or a new one that is put there. EM_ERR_EXISTS: another has put
 * one meanwhile. */
static enum em_status get_key(const struct em_unit_data *unit, struct em_dir *dir,
                              const struct key_names *names, const char *recorded,
                              struct em_key *out, struct em_error *err)
{
    struct em_units *units = unit->units;
    struct em_unit_keys made = {0};
    bool found;
    bool empty;
    bool flash = units->encryption == EM_UNITS_FLASH; /* what is derived has no file */
    bool sealed = units->job.seal != NULL;
    size_t len = em_units_key_len(units);
    enum em_status status =
        flash ? EM_OK : look(dir, names->derived, 0, &found, &empty, err);
    if (status == EM_OK)
        status = look(dir, names->own, sealed ? 0 : (off_t)len, &found, &empty, err);
    if (status == EM_OK && !found && recorded != NULL)
        status = lost(unit, names->own, recorded, err);
    if (status == EM_OK && empty)
        status = drop_empty(units, names->own, err);
    if (status == EM_OK && sealed)
        return em_units_sealed_key(unit, dir, names->own, recorded, out, err);
    if (status == EM_OK && flash)
        return found && !empty ? load_flash_key(unit, dir, names->own, out, err)
                               : make_flash_key(unit, dir, names->own, out, err);
    if (status == EM_OK)
        status = em_keys_make_or_reuse(&units->job.keys, dir, names->derived, dir,
                                       names->own, &made, err);
    if (status == EM_OK && !made.reused) {
        status = em_dir_put(dir, names->own, made.hmac.bytes, made.hmac.len, 0600,
                            EM_PUT_DURABLE, err);
    } else if (status == EM_OK) {
        status = check_reused(dir, names->own, &made.hmac, err);
        if (status == EM_OK) /* who made it may have been killed before this */
            status = em_dir_settle(dir, names->own, err);
    }
    if (status == EM_OK)
        *out = made.hmac;
    em_unit_keys_wipe(&made);
    return status;
}

/* The key of a unit that was made before, as it is listed. */
static enum em_status get_listed(const struct em_unit_data *unit, struct em_dir *dir,
                                 const char *name, struct em_key *out,
                                 struct em_error *err)
{
    char fingerprint[EM_KEY_FINGERPRINT_SIZE];
    bool found = false;
    bool empty;
    uint64_t len = 0;
    bool sealed = em_seal_is_name(name);
    enum em_status status = EM_OK;
    if (dir != NULL)
        status = look(dir, name, sealed ? 0 : EM_NVS_HMAC_KEY_LEN, &found, &empty, err);
    if (status == EM_OK && !found)
        return em_error_set(err, EM_ERR_INPUT,
                            "bring it back: without it the unit's image is lost",
                            "the HMAC key file '%s/%s' of unit '%s' is missing or empty",
                            unit->units->keys_dir, name, unit->name);
    if (status == EM_OK && sealed)
        status = em_units_sealed_key(unit, dir, name, NULL, out, err);
    else if (status == EM_OK)
        status = em_dir_load(out->bytes, EM_KEY_MAX, EM_NVS_HMAC_KEY_LEN, &len, dir, name,
                             err);
    if (status != EM_OK)
        return status;
    if (!sealed && len != EM_NVS_HMAC_KEY_LEN)
        return key_fault(dir, name, "bring back the file as it was made",
                         "not the 32 bytes of an HMAC key", err);
    out->len = EM_NVS_HMAC_KEY_LEN;
    status = em_key_fingerprint(out, fingerprint, err);
    if (status == EM_OK &&
        !em_span_is(unit->row.fields[EM_LISTED_HMAC_SHA256], fingerprint))
        status = key_fault(dir, name, "bring back the file as it was made",
                           "another HMAC key than the manifest lists for the unit", err);
    return status == EM_OK ? em_dir_settle(dir, name, err) : status;
}

static enum em_status refuse_serial(const struct em_unit_data *unit, uint64_t serial,
                                    struct em_error *err)
{
    return em_error_set(err, EM_ERR_REFUSED, "make the unit anew in another batch",
                        "unit '%s' cannot get key %" PRIu64
                        ": its image was made with its first one",
                        unit->name, serial);
}

enum em_status em_unit_key(struct em_unit_data *unit, uint64_t serial,
                           const char *recorded, struct em_key *out, struct em_error *err)
{
    struct em_units *units = unit->units;
    struct em_dir *dir = NULL;
    struct key_names names;
    *out = (struct em_key){0};
    enum em_status status = key_names(&names, unit, serial, err);
    if (status != EM_OK || units->keys_dir == NULL || names.own[0] == '\0')
        return status;
    if (units->listed && serial > 1)
        return refuse_serial(unit, serial, err);
    status = keys_folder(units, !units->listed && recorded == NULL, &dir, err);
    if (status == EM_OK && units->listed) {
        status = get_listed(unit, dir, names.own, out, err);
    } else if (status == EM_OK && dir == NULL) {
        status = lost(unit, names.own, recorded, err);
    } else if (status == EM_OK) {
        for (int i = 0; i < KEY_TRIES; i++) {
            status = get_key(unit, dir, &names, recorded, out, err);
            if (status != EM_ERR_EXISTS)
                break;
        }
    }
    if (status == EM_OK)
        status = check_recorded(unit, out, recorded, err);
    if (status != EM_OK)
        em_key_wipe(out);
    return status;
}

/* ---- Destroying it ---- */

static enum em_status destroy(struct em_units *units, struct em_dir *dir,
                              const char *name, struct em_error *err)
{
    struct em_buf content = {0};
    size_t left;
    struct stat st;
    enum em_status status = EM_OK;
    if (name[0] == '\0')
        return EM_OK;
    if (units->temporaries && em_dir_look(dir, name, &st) && S_ISREG(st.st_mode))
        status = em_dir_read(&content, dir, name, EM_SEAL_SIZE_MAX, err);
    if (status == EM_OK && content.len > 0)
        status = em_dir_sweep(dir, content.data, content.len, &left, err);
    em_buf_wipe(&content);
    return status == EM_OK ? em_dir_erase(dir, name, err) : status;
}

enum em_status em_unit_destroy_key(struct em_unit_data *unit, uint64_t serial,
                                   struct em_error *err)
{
    struct em_units *units = unit->units;
    struct em_dir *dir = NULL;
    struct key_names names;
    enum em_status status = key_names(&names, unit, serial, err);
    if (status != EM_OK || units->keys_dir == NULL || names.own[0] == '\0')
        return status;
    if (units->listed && serial > 1)
        return EM_OK; /* there never was one */
    status = keys_folder(units, false, &dir, err);
    if (status != EM_OK || dir == NULL)
        return status;
    /* The derived one first: alone it would look as if the unit's own were lost. */
    status = destroy(units, dir, names.derived, err);
    return status == EM_OK ? destroy(units, dir, names.own, err) : status;
}
