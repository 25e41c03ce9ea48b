/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a unit that is verified: given for all, in files, or both, and as listed. */
#include "config.h"

#include "mfg/verify_int.h"

#include "base/error_int.h"

#include <string.h>

#include <openssl/crypto.h>

enum { REST_OFF = EM_NVS_XTS_KEY_LEN + 4 /* of a key partition; CRC, then 0xFF */ };

/* What the files of a unit say. */
struct files {
    struct em_key key, hmac;
    bool has_key, has_hmac; /* read, and whole */
};

/* Has the unit such a file? Made by generate when it made or derived keys for it. */
static bool expects(const struct em_verify *v, const struct em_unit *unit,
                    enum em_output kind)
{
    const struct em_verify_folder *folder = &v->folders[VERIFY_KEYS];
    const struct em_csv_row *listed = em_verify_listed(v, unit);
    bool is_key = kind == EM_OUTPUT_KEY;
    if (folder->dir == NULL)
        return false;
    bool made = listed != NULL
                    ? listed->fields[is_key ? EM_LISTED_KEY : EM_LISTED_HMAC_KEY].len > 0
                    : folder->hmacs > 0 || (is_key && folder->keys > 0);
    bool optional = v->given.len > 0 && !(is_key && v->given_hmac);
    return made &&
           (!optional || em_dir_has(folder->dir, em_verify_name(&unit->names, kind)));
}

static enum em_status blame(const struct em_verify *v, struct em_unit *unit,
                            enum em_output kind, struct em_error *fault,
                            struct em_verify_key *out)
{
    em_verify_fault(v, unit, kind, fault);
    out->blamed = true;
    return EM_OK;
}

/* The key file has exactly the bytes of a key partition with its key. */
static void read_key(const struct em_verify *v, struct em_unit *unit, struct files *files,
                     struct em_verify_key *out)
{
    uint8_t data[EM_NVS_KEY_PARTITION_SIZE + 1];
    const size_t size = EM_NVS_KEY_PARTITION_SIZE;
    uint64_t len;
    struct em_error fault;
    if (!em_verify_load(v, unit, EM_OUTPUT_KEY, data, size, &len)) {
        out->blamed = true;
        return;
    }
    enum em_status status = EM_OK;
    if (len != size)
        status = em_error_set(&fault, EM_ERR_INPUT, "bring back the file as it was made",
                              "%ju bytes, a key partition has %zu", (uintmax_t)len, size);
    if (status == EM_OK)
        status = em_nvs_key_parse(&files->key, data, size, &fault);
    if (status == EM_OK) {
        files->has_key = true;
        if (data[REST_OFF] != 0xFF ||
            memcmp(data + REST_OFF, data + REST_OFF + 1, size - REST_OFF - 1) != 0)
            status =
                em_error_set(&fault, EM_ERR_INPUT, "bring back the file as it was made",
                             "more than a key and its checksum in it");
    }
    if (status != EM_OK)
        (void)blame(v, unit, EM_OUTPUT_KEY, &fault, out);
    OPENSSL_cleanse(data, sizeof files->key.bytes);
}

static void read_hmac(const struct em_verify *v, struct em_unit *unit,
                      struct files *files, struct em_verify_key *out)
{
    uint64_t len; /* there is room for the byte behind: EM_KEY_MAX */
    struct em_error fault;
    if (!em_verify_load(v, unit, EM_OUTPUT_HMAC_KEY, files->hmac.bytes,
                        EM_NVS_HMAC_KEY_LEN, &len)) {
        out->blamed = true;
        return;
    }
    files->has_hmac = len == EM_NVS_HMAC_KEY_LEN;
    files->hmac.len = EM_NVS_HMAC_KEY_LEN;
    if (files->has_hmac)
        return;
    (void)em_error_set(&fault, EM_ERR_INPUT, "bring back the file as it was made",
                       "HMAC key of %ju bytes, %d are needed", (uintmax_t)len,
                       EM_NVS_HMAC_KEY_LEN);
    (void)blame(v, unit, EM_OUTPUT_HMAC_KEY, &fault, out);
}

/* Which key counts, and do the others fit it? */
static enum em_status choose(const struct em_verify *v, struct em_unit *unit,
                             const struct files *files, struct em_verify_key *out,
                             struct em_error *err)
{
    struct em_error fault;
    struct em_key derived = {0};
    enum em_status status = EM_OK;
    if (files->has_hmac)
        status = em_nvs_key_derive(&derived, &files->hmac, err);
    if (status != EM_OK)
        return status;
    out->key = v->given.len > 0 ? v->given : files->has_hmac ? derived : files->key;
    if (files->has_key && em_key_equal(&files->key, &out->key) != 1) {
        if (v->given.len > 0)
            (void)em_error_set(&fault, EM_ERR_INPUT, "is the right key given?",
                               "another key than the one %s",
                               v->given_hmac ? "derived from the HMAC key given"
                                             : "given");
        else
            (void)em_error_set(
                &fault, EM_ERR_INPUT, "bring back the right one of the two",
                "another key than the one derived from '%s'", unit->names.hmac_key);
        (void)blame(v, unit, EM_OUTPUT_KEY, &fault, out);
    } else if (files->has_hmac && em_key_equal(&derived, &out->key) != 1) {
        (void)em_error_set(&fault, EM_ERR_INPUT, "is the right key given?",
                           "another HMAC key than the one of the key given");
        (void)blame(v, unit, EM_OUTPUT_HMAC_KEY, &fault, out);
    }
    em_key_wipe(&derived);
    return EM_OK;
}

/* Does the manifest name this key? */
static enum em_status compare_listed(const struct em_verify *v, struct em_unit *unit,
                                     const struct files *files, struct em_verify_key *out,
                                     struct em_error *err)
{
    const struct em_csv_row *listed = em_verify_listed(v, unit);
    char hmac[EM_KEY_FINGERPRINT_SIZE];
    struct em_error fault;
    enum em_status status = EM_OK;
    if (listed == NULL)
        return EM_OK;
    struct em_span wanted = listed->fields[EM_LISTED_KEY_SHA256];
    struct em_span wanted_hmac = listed->fields[EM_LISTED_HMAC_SHA256];
    if (wanted.len > 0 && out->key.len == 0 && !out->blamed) {
        status = em_error_set(err, EM_ERR_USAGE,
                              "give --inputkey or --kp_hmac_inputkey, or bring back the "
                              "folder of the key files",
                              "the images are encrypted and there is no key");
        em_error_at(err, v->options->manifest, listed->line);
        return status;
    }
    if (wanted.len > 0 && out->key.len > 0 && !out->blamed &&
        !em_span_is(wanted, unit->key_sha256)) {
        (void)em_error_set(&fault, EM_ERR_INPUT, "bring back the key of this batch",
                           "the key is not the one that the manifest lists");
        (void)blame(v, unit, files->has_key ? EM_OUTPUT_KEY : EM_OUTPUT_IMAGE, &fault,
                    out);
    }
    if (wanted_hmac.len > 0 && files->has_hmac && !out->blamed) {
        status = em_key_fingerprint(&files->hmac, hmac, err);
        if (status == EM_OK && !em_span_is(wanted_hmac, hmac)) {
            (void)em_error_set(&fault, EM_ERR_INPUT, "bring back the key of this batch",
                               "the HMAC key is not the one that the manifest lists");
            (void)blame(v, unit, EM_OUTPUT_HMAC_KEY, &fault, out);
        }
    }
    return status;
}

enum em_status em_verify_key(const struct em_verify *v, struct em_unit *unit,
                             struct em_verify_key *out, struct em_error *err)
{
    struct files files = {.has_key = false};
    *out = (struct em_verify_key){.blamed = false};
    if (expects(v, unit, EM_OUTPUT_HMAC_KEY))
        read_hmac(v, unit, &files, out);
    if (expects(v, unit, EM_OUTPUT_KEY))
        read_key(v, unit, &files, out);
    enum em_status status = choose(v, unit, &files, out, err);
    if (out->key.len > 0 && v->keys != NULL)
        unit->key_hash = em_idset_hash((struct em_span){out->key.bytes, out->key.len});
    /* The fingerprint takes longer: it is only made where it is looked at. */
    if (status == EM_OK && out->key.len > 0 && (v->listing != NULL || v->again))
        status = em_key_fingerprint(&out->key, unit->key_sha256, err);
    if (status == EM_OK)
        status = compare_listed(v, unit, &files, out, err);
    em_key_wipe(&files.key);
    em_key_wipe(&files.hmac);
    if (status != EM_OK)
        em_key_wipe(&out->key);
    return status;
}
