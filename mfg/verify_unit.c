/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying one unit: its files, in the order in which they need one another. */
#include "config.h"

#include "mfg/verify_int.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

void em_verify_fault(const struct em_verify *v, struct em_unit *unit, enum em_output kind,
                     struct em_error *msg)
{
    char path[sizeof msg->file];
    unsigned long line = msg->line;
    (void)snprintf(path, sizeof path, "%s/%s", v->folders[em_verify_folder_of(kind)].path,
                   em_verify_name(&unit->names, kind)); /* may be cut */
    em_error_at(msg, path, line);
    (void)em_unit_fault(unit, msg); /* no memory: those before it are told */
}

/* The envelope of a key, opened into @p buf as em_verify_load() reads a file. */
static enum em_status load_sealed(const struct em_verify *v, const struct em_dir *dir,
                                  const char *name, void *buf, size_t room, uint64_t *len,
                                  struct em_error *err)
{
    struct em_buf envelope = {0};
    uint8_t *plain = NULL;
    size_t n = 0;
    enum em_status status = em_dir_read(&envelope, dir, name, EM_SEAL_SIZE_MAX, err);
    if (status == EM_OK && v->unseal == NULL)
        status = em_error_set(err, EM_ERR_INPUT, "give its private key: --unseal-key",
                              "the key is sealed");
    if (status == EM_OK)
        status = em_unseal_bytes(v->unseal, envelope.data, envelope.len, &plain, &n, err);
    em_buf_free(&envelope);
    if (status != EM_OK)
        return status;
    memcpy(buf, plain, n < room ? n : room);
    *len = n;
    OPENSSL_cleanse(plain, n);
    free(plain);
    return EM_OK;
}

bool em_verify_load(const struct em_verify *v, struct em_unit *unit, enum em_output kind,
                    void *buf, size_t expected, uint64_t *len)
{
    const struct em_dir *dir = v->folders[em_verify_folder_of(kind)].dir;
    const char *name = em_verify_name(&unit->names, kind);
    struct em_error fault;
    bool sealed = em_seal_is_name(name) && kind < EM_SEALED_KINDS;
    bool there = !sealed || em_dir_has(dir, name);
    enum em_status status =
        !there   ? EM_ERR_IO
        : sealed ? load_sealed(v, dir, name, buf, expected + 1, len, &fault)
                 : em_dir_load(buf, expected + 1, expected, len, dir, name, &fault);
    if (status == EM_OK) {
        unit->found |= 1u << kind;
        return true;
    }
    if (!there || !em_dir_has(dir, name)) {
        unit->missing |= 1u << kind;
        return false;
    }
    unit->found |= 1u << kind;
    em_verify_fault(v, unit, kind, &fault);
    return false;
}

/* Where two texts begin to differ, as an editor counts lines. */
static unsigned long differing_line(const uint8_t *a, size_t a_len, const uint8_t *b,
                                    size_t b_len)
{
    unsigned long line = 1;
    for (size_t i = 0; i < a_len && i < b_len && a[i] == b[i]; i++)
        line += a[i] == '\n';
    return line;
}

static enum em_status verify_csv(const struct em_verify *v, unsigned worker,
                                 struct em_unit *unit, struct em_error *err)
{
    struct em_buf *text = &v->workers[worker].text;
    const struct em_verify_folder *folder = &v->folders[VERIFY_CSV];
    const struct em_csv_row *listed = em_verify_listed(v, unit);
    struct em_error fault;
    struct em_span wanted;
    uint64_t len;
    if (folder->dir == NULL || (listed != NULL && unit->names.csv[0] == '\0'))
        return EM_OK;
    if (!v->has_values) { /* the manifest tells that it is there, but not its content */
        unsigned *where =
            em_dir_has(folder->dir, unit->names.csv) ? &unit->found : &unit->missing;
        *where |= 1u << EM_OUTPUT_CSV;
        return EM_OK;
    }
    enum em_status status = em_maker_csv(v->job.makers[worker], &unit->row, &wanted, err);
    if (status != EM_OK)
        return status;
    em_buf_clear(text);
    uint8_t *data = em_buf_reserve(text, wanted.len + 1); /* 1: is there more? */
    if (data == NULL)
        return em_error_nomem(err);
    text->len = wanted.len + 1; /* for wiping */
    if (!em_verify_load(v, unit, EM_OUTPUT_CSV, data, wanted.len, &len) ||
        (len == wanted.len && memcmp(data, wanted.p, wanted.len) == 0))
        return EM_OK;
    size_t have = len > wanted.len ? wanted.len + 1 : (size_t)len;
    (void)em_error_set(&fault, EM_ERR_INPUT,
                       "is this the table that the batch was made from?",
                       "not what the row of line %lu gives", unit->row.line);
    fault.line = differing_line(data, have, wanted.p, wanted.len);
    em_verify_fault(v, unit, EM_OUTPUT_CSV, &fault);
    return EM_OK;
}

/* A unit of which nothing is there is one fault. */
static void tell_missing(const struct em_verify *v, struct em_unit *unit)
{
    static const char *const what[EM_OUTPUTS] = {
        [EM_OUTPUT_HMAC_KEY] = "HMAC key file",
        [EM_OUTPUT_KEY] = "key file",
        [EM_OUTPUT_CSV] = "intermediate CSV",
        [EM_OUTPUT_IMAGE] = "image",
    };
    struct em_error fault;
    bool all = unit->found == 0 && unit->missing != 1u << EM_OUTPUT_IMAGE;
    for (enum em_output kind = 0; kind < EM_OUTPUTS; kind++) {
        if ((unit->missing >> kind & 1) == 0 || (all && kind != EM_OUTPUT_IMAGE))
            continue;
        (void)em_error_set(&fault, EM_ERR_INPUT,
                           kind == EM_OUTPUT_IMAGE || kind == EM_OUTPUT_CSV
                               ? "generate --resume makes what is missing"
                               : "bring it back: without it the image is lost",
                           "the %s of unit %" PRIu64 " is missing%s", what[kind],
                           unit->number, all ? ", as are its other files" : "");
        em_verify_fault(v, unit, kind, &fault);
    }
}

enum em_status em_verify_unit(const struct em_verify *v, unsigned worker,
                              struct em_unit *unit, struct em_error *err)
{
    struct em_verify_key key;
    enum em_status status = em_verify_key(v, unit, &key, err);
    if (status == EM_OK)
        status = em_verify_image(v, worker, unit, &key, err);
    em_key_wipe(&key.key);
    if (status == EM_OK)
        status = verify_csv(v, worker, unit, err);
    if (status == EM_OK)
        tell_missing(v, unit);
    return status;
}
