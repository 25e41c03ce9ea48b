/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying an image: size, key, the checker, and the contents. */
#include "config.h"

#include "mfg/verify_int.h"

#include "base/error_int.h"
#include "base/hex_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

/* An image on its way. */
struct image {
    const struct em_verify *v;
    struct em_verify_worker *w;
    struct em_unit *unit;
    const struct em_verify_key *key;
    const struct em_csv_row *listed; /* NULL: no manifest */
    struct em_span wanted; /* what the row gives, not encrypted; p NULL: not known */
    uint8_t *data;
    size_t len;
    bool listed_same; /* the SHA-256 is that of the manifest */
    bool as_made;     /* every byte is known to be what generate wrote */
};

static void tell(const struct image *im, struct em_error *fault)
{
    em_verify_fault(im->v, im->unit, EM_OUTPUT_IMAGE, fault);
}

static const char remake[] = "move it away, and 'generate --resume' makes it again";

static void on_finding(void *user, const struct em_nvs_finding *f)
{
    const struct image *im = user;
    struct em_error fault;
    char place[64] = "";
    /* What the generator itself made so is told, but is as it should be. */
    bool warn = f->severity == EM_NVS_WARNING && im->as_made;
    if (f->page >= 0 && f->entry >= 0)
        (void)snprintf(place, sizeof place, "page %ld, entry %d: ", f->page, f->entry);
    else if (f->page >= 0)
        (void)snprintf(place, sizeof place, "page %ld: ", f->page); /* fits */
    (void)em_error_set(&fault, warn ? EM_OK : EM_ERR_INPUT, warn ? NULL : remake,
                       "%s%s (%s): %s", place, f->what, f->id, f->consequence);
    tell(im, &fault);
}

static enum em_status check(const struct image *im, em_nvs_finding_fn *fn,
                            struct em_nvs_counts *counts, struct em_error *err)
{
    struct image copy = *im;
    enum em_status status =
        em_nvs_reader_load(im->w->reader, im->data, im->len, fn, &copy, err);
    *counts = em_nvs_reader_counts(im->w->reader);
    return status;
}

static void put_message(struct em_error *fault, const char *hint, const char *what)
{
    (void)em_error_set(fault, EM_ERR_INPUT, hint, "%s", what);
}

/* Nothing could be read with the key, or without one: say which of the two is wrong. */
static enum em_status tell_unreadable(const struct image *im, struct em_error *err)
{
    struct em_error fault;
    struct em_nvs_counts counts;
    if (im->key->blamed)
        return EM_OK; /* the fault of the key was told */
    if (im->key->key.len == 0) {
        put_message(&fault,
                    "bring back its key file, or give --inputkey or --kp_hmac_inputkey",
                    "encrypted, but there is no key for it: a device without the key "
                    "would erase everything");
        tell(im, &fault);
        return EM_OK;
    }
    enum em_status status = em_nvs_encrypt(im->w->crypt, im->data, im->len, err);
    if (status == EM_OK)
        status = check(im, NULL, &counts, err);
    if (status != EM_OK)
        return status;
    if (!counts.unreadable)
        put_message(&fault, "make the batch again with its keys",
                    "not encrypted, although there is a key for it: a device with that "
                    "key would erase everything");
    else
        put_message(&fault, "were files of two units or batches exchanged?",
                    "encrypted with another key than its own: a device with that key "
                    "would erase everything");
    tell(im, &fault);
    return EM_OK;
}

/* How long the image has to be; 0: as long as it likes. */
static uint64_t right_len(const struct image *im)
{
    struct em_integer size;
    if (im->listed != NULL &&
        em_text_decimal(&size, im->listed->fields[EM_LISTED_SIZE], NULL) == EM_OK &&
        !size.huge && !size.negative && size.magnitude <= EM_NVS_SIZE_MAX)
        return size.magnitude;
    return im->wanted.p != NULL ? im->wanted.len : 0;
}

/* Read the image. *go is false when there is nothing to go on with. */
static enum em_status load(struct image *im, bool *go, struct em_error *err)
{
    uint64_t right = right_len(im);
    uint64_t len = 0;
    struct em_error fault;
    struct em_buf *buf = &im->w->image;
    size_t cap = (size_t)(right > im->v->batch.size ? right : im->v->batch.size);
    em_buf_clear(buf);
    im->data = em_buf_reserve(buf, cap + 1);
    *go = false;
    if (im->data == NULL)
        return em_error_nomem(err);
    buf->len = cap; /* for wiping */
    if (!em_verify_load(im->v, im->unit, EM_OUTPUT_IMAGE, im->data,
                        right != 0 ? (size_t)right : cap, &len))
        return EM_OK;
    if (right != 0 && len != right)
        (void)em_error_set(&fault, EM_ERR_INPUT, remake,
                           "%" PRIu64 " bytes, it has to have %" PRIu64, len, right);
    else if (len == 0 || len > cap || len % EM_NVS_PAGE_SIZE != 0)
        (void)em_error_set(&fault, EM_ERR_INPUT, remake,
                           "%" PRIu64 " bytes are no image of this batch", len);
    else
        *go = true;
    im->len = (size_t)len;
    im->unit->image_len = im->len;
    if (!*go)
        tell(im, &fault);
    return EM_OK;
}

static enum em_status compare_listed(struct image *im, struct em_error *err)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char hex[2 * SHA256_DIGEST_LENGTH + 1];
    if (im->listed == NULL)
        return EM_OK;
    if (EVP_Digest(im->data, im->len, digest, NULL, EVP_sha256(), NULL) != 1)
        return em_error_set(err, EM_ERR_CRYPTO, NULL, "SHA-256 failed");
    em_hex_encode(hex, digest, sizeof digest);
    im->listed_same = em_span_is(im->listed->fields[EM_LISTED_SHA256], hex);
    return EM_OK;
}

/* The bytes are not those that the row gives, or that the manifest lists. */
static enum em_status tell_difference(struct image *im, struct em_error *err)
{
    struct em_error fault;
    if (im->wanted.p != NULL) {
        enum em_status status = em_nvs_reader_load(im->w->wanted, im->wanted.p,
                                                   im->wanted.len, NULL, NULL, err);
        if (status != EM_OK)
            return status;
        if (em_verify_differences(im->v, im->w, im->unit))
            return EM_OK;
    }
    if (im->listed != NULL && !im->listed_same) {
        put_message(&fault, remake, "its SHA-256 is not the one in the manifest");
    } else {
        (void)em_error_set(&fault, EM_OK, "was it made by another program, or version?",
                           "same contents, other bytes");
    }
    tell(im, &fault);
    return EM_OK;
}

/* What is in the image. */
static enum em_status verify(struct image *im, struct em_error *err)
{
    struct em_nvs_counts counts;
    size_t n_faults = im->unit->n_faults;
    unsigned long more = im->unit->faults_more;
    enum em_status status = compare_listed(im, err);
    if (status == EM_OK && im->key->key.len > 0) {
        status = em_nvs_crypt_key(im->w->crypt, &im->key->key, err);
        if (status == EM_OK)
            status = em_nvs_decrypt(im->w->crypt, im->data, im->len, err);
    }
    if (status != EM_OK)
        return status;
    bool equal = im->wanted.p != NULL && im->wanted.len == im->len &&
                 memcmp(im->wanted.p, im->data, im->len) == 0;
    im->as_made = im->wanted.p != NULL ? equal : im->listed_same;
    status = check(im, on_finding, &counts, err);
    if (status == EM_OK && counts.unreadable) {
        im->unit->n_faults = n_faults; /* one fault says it all */
        im->unit->faults_more = more;
        return tell_unreadable(im, err);
    }
    if (status != EM_OK || counts.errors > 0 || (!im->as_made && counts.warnings > 0))
        return status; /* the damage explains any difference */
    if ((im->wanted.p != NULL && !equal) || (im->listed != NULL && !im->listed_same))
        return tell_difference(im, err);
    return EM_OK;
}

/* What the row gives. A cell that cannot be used is a fault of the table. */
static enum em_status make_wanted(struct image *im, unsigned worker, struct em_error *err)
{
    static const struct em_key no_key;
    struct em_error fault;
    if (!im->v->has_values)
        return EM_OK;
    enum em_status status = em_maker_image(im->v->job.makers[worker], &im->unit->row,
                                           &no_key, &im->wanted, &fault);
    if (status == EM_OK)
        return EM_OK;
    im->wanted.p = NULL;
    if (status == EM_ERR_NOMEM || status == EM_ERR_CRYPTO) {
        if (err != NULL)
            *err = fault;
        return status;
    }
    (void)em_unit_fault(im->unit, &fault); /* as in em_verify_fault() */
    return EM_OK;
}

enum em_status em_verify_image(const struct em_verify *v, unsigned worker,
                               struct em_unit *unit, const struct em_verify_key *key,
                               struct em_error *err)
{
    struct image im = {
        .v = v,
        .w = &v->workers[worker],
        .unit = unit,
        .key = key,
        .listed = em_verify_listed(v, unit),
    };
    bool go = false;
    enum em_status status = make_wanted(&im, worker, err);
    if (status == EM_OK)
        status = load(&im, &go, err);
    if (status == EM_OK && go)
        status = verify(&im, err);
    return status;
}
