/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that keys are sealed to: which are good for it. */
#include "config.h"

#include "mfg/seal_int.h"

#include "base/buf_int.h"
#include "base/file_int.h"
#include "base/hex_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum {
    CERT_SIZE_MAX = 1 << 20,
    /* NIST SP 800-57 part 1 rev. 5, table 2: RSA of 2048 and EC of 224 bits have 112. */
    STRENGTH_MIN = 112,
};

/* One kind of public key, and what its certificate has to allow (RFC 5280, 4.2.1.3). */
static const struct kind {
    int type;
    uint32_t usage;
    const char *usage_name;
} kinds[] = {
    {EVP_PKEY_RSA, KU_KEY_ENCIPHERMENT, "keyEncipherment"},
    {EVP_PKEY_EC, KU_KEY_AGREEMENT, "keyAgreement"},
};

bool em_seal_pem_has(const void *data, size_t len, const char *label)
{
    static const char begin[] = "-----BEGIN ", end[] = "-----";
    const char *p = data, *stop = p + len;
    size_t n = strlen(label);
    while (p < stop) {
        const char *newline = memchr(p, '\n', (size_t)(stop - p));
        size_t line = (size_t)((newline == NULL ? stop : newline) - p);
        if (line > 0 && p[line - 1] == '\r')
            line--;
        if (line >= sizeof begin + sizeof end - 2 + n &&
            memcmp(p, begin, sizeof begin - 1) == 0 &&
            memcmp(p + line - (sizeof end - 1), end, sizeof end - 1) == 0 &&
            memcmp(p + line - (sizeof end - 1) - n, label, n) == 0)
            return true;
        p = newline == NULL ? stop : newline + 1;
    }
    return false;
}

static enum em_status parse(X509 **out, const struct em_buf *text, struct em_error *err)
{
    const unsigned char *der = text->data;
    BIO *bio = BIO_new_mem_buf(text->data, (int)text->len);
    if (bio == NULL)
        return em_error_nomem(err);
    *out = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (*out == NULL && text->len > 0)
        *out = d2i_X509(NULL, &der, (long)text->len);
    ERR_clear_error();
    if (*out != NULL)
        return EM_OK;
    if (em_seal_pem_has(text->data, text->len, "PRIVATE KEY"))
        return em_error_set(err, EM_ERR_INPUT,
                            "give the certificate that belongs to it; the private key "
                            "stays with who may open the keys",
                            "a private key, not a certificate");
    return em_error_set(err, EM_ERR_INPUT,
                        "give the certificate (PEM or DER) of whoever may open the keys",
                        "not a certificate");
}

static void date(char *out, size_t size, const ASN1_TIME *when)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(when, &tm) != 1 ||
        strftime(out, size, "%Y-%m-%d %H:%M", &tm) == 0)
        (void)snprintf(out, size, "an unknown time"); /* fits */
}

static enum em_status check_dates(const X509 *cert, struct em_error *err)
{
    char text[32];
    if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0) {
        date(text, sizeof text, X509_get0_notAfter(cert));
        return em_error_set(err, EM_ERR_INPUT,
                            "get a new one from its owner; is the clock right?",
                            "the certificate expired on %s UTC", text);
    }
    if (X509_cmp_current_time(X509_get0_notBefore(cert)) >= 0) {
        date(text, sizeof text, X509_get0_notBefore(cert));
        return em_error_set(err, EM_ERR_INPUT, "is the clock right?",
                            "the certificate is not valid before %s UTC", text);
    }
    return EM_OK;
}

static enum em_status check_key(X509 *cert, struct em_error *err)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    const struct kind *kind = NULL;
    for (size_t i = 0; key != NULL && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (EVP_PKEY_get_base_id(key) == kinds[i].type)
            kind = &kinds[i];
    }
    if (kind == NULL)
        return em_error_set(
            err, EM_ERR_INPUT, "use a certificate with an RSA or EC key",
            "keys cannot be sealed to the kind of key of the certificate");
    if (EVP_PKEY_get_security_bits(key) < STRENGTH_MIN)
        return em_error_set(
            err, EM_ERR_INPUT, "use RSA of 2048 bits or more, or EC of 224 bits or more",
            "the certificate has a weak key (%s of %d bits)",
            kind->type == EVP_PKEY_RSA ? "RSA" : "EC", EVP_PKEY_get_bits(key));
    /* A certificate without the extension may be used for everything. */
    if ((X509_get_key_usage(cert) & kind->usage) == 0)
        return em_error_set(err, EM_ERR_INPUT,
                            "use one that was made for encryption, not for signatures",
                            "the certificate's key usage lacks %s", kind->usage_name);
    return EM_OK;
}

enum em_status em_seal_load_cert(X509 **out, const char *path, struct em_error *err)
{
    struct em_buf text = {0};
    *out = NULL;
    enum em_status status = em_file_read(&text, path, CERT_SIZE_MAX, err);
    if (status == EM_OK) {
        status = parse(out, &text, err);
        if (status == EM_OK)
            status = check_dates(*out, err);
        if (status == EM_OK)
            status = check_key(*out, err);
        if (status != EM_OK)
            em_error_at(err, path, 0);
    }
    em_buf_wipe(&text); /* may hold a private key as well */
    ERR_clear_error();
    if (status != EM_OK) {
        X509_free(*out);
        *out = NULL;
    }
    return status;
}

static enum em_status add(struct em_seal *seal, const char *path, struct em_error *err)
{
    struct em_seal_recipient *r = &seal->recipients[seal->count];
    uint8_t digest[32];
    enum em_status status = em_seal_load_cert(&r->cert, path, err);
    if (status != EM_OK)
        return status;
    seal->count++;
    if (X509_digest(r->cert, EVP_sha256(), digest, NULL) != 1)
        return em_seal_openssl("a certificate has no fingerprint", err);
    em_hex_encode(r->sha256, digest, sizeof digest);
    for (size_t i = 0; i + 1 < seal->count; i++) {
        if (strcmp(seal->recipients[i].sha256, r->sha256) != 0)
            continue;
        status = em_error_set(err, EM_ERR_INPUT, "name each recipient once",
                              "the certificate is given twice");
        em_error_at(err, path, 0);
        return status;
    }
    return EM_OK;
}

enum em_status em_seal_open(struct em_seal **out, const char *const *paths, size_t count,
                            struct em_error *err)
{
    *out = NULL;
    if (count == 0 || count > EM_SEAL_RECIPIENTS_MAX)
        return em_error_set(err, EM_ERR_USAGE, "one for each who may open the keys",
                            "%zu certificates to seal to, 1 to %d are possible", count,
                            EM_SEAL_RECIPIENTS_MAX);
    struct em_seal *seal = calloc(1, sizeof *seal);
    enum em_status status = seal == NULL ? em_error_nomem(err) : EM_OK;
    for (size_t i = 0; i < count && status == EM_OK; i++)
        status = add(seal, paths[i], err);
    if (status != EM_OK) {
        em_seal_close(seal);
        return status;
    }
    *out = seal;
    return EM_OK;
}

void em_seal_close(struct em_seal *seal)
{
    if (seal == NULL)
        return;
    for (size_t i = 0; i < seal->count; i++)
        X509_free(seal->recipients[i].cert);
    free(seal);
}

size_t em_seal_count(const struct em_seal *seal)
{
    return seal->count;
}

const char *em_seal_recipient(const struct em_seal *seal, size_t idx)
{
    return seal->recipients[idx].sha256;
}
