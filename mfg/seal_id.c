/* SPDX-License-Identifier: Apache-2.0 */
/* The fingerprint on the outside of an envelope. */
#include "config.h"

#include "mfg/seal_int.h"

#include <espmfg/nvs.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

enum { ID_LEN = 32 };

/* unprotectedAttrs [1] of RFC 5652, 6.1, with one attribute: localKeyId (RFC 2985,
 * 5.5.2; 1.2.840.113549.1.9.21), an OCTET STRING of 32 bytes that follows. */
static const uint8_t attribute[] = {
    0xA1, 0x31,                                 /* [1], 49 bytes */
    0x30, 0x2F,                                 /* SEQUENCE, 47 bytes */
    0x06, 0x09,   0x2A, 0x86, 0x48, 0x86, 0xF7, /* OBJECT IDENTIFIER … */
    0x0D, 0x01,   0x09, 0x15,                   /* … localKeyId */
    0x31, 0x22,                                 /* SET, 34 bytes */
    0x04, ID_LEN,                               /* OCTET STRING */
};

enum em_status em_seal_id(uint8_t out[ID_LEN], const void *data, size_t len,
                          struct em_error *err)
{
    size_t key = len == EM_NVS_KEY_PARTITION_SIZE ? EM_NVS_XTS_KEY_LEN : len;
    if (EVP_Digest(data, key, out, NULL, EVP_sha256(), NULL) != 1)
        return em_error_set(err, EM_ERR_CRYPTO, NULL, "SHA-256 failed");
    return EM_OK;
}

/* A header of one element; the content has to be there. Lengths are definite: DER. */
static bool enter(const uint8_t **p, const uint8_t *end, int tag, int class, long *len)
{
    int got;
    int got_class;
    int how = ASN1_get_object(p, len, &got, &got_class, (long)(end - *p));
    return (how & 0x81) == 0 && got == tag && got_class == class;
}

/* What EnvelopedData holds: from its version to its end. The whole of @p data has to be
 * used up. */
static enum em_status find_body(const uint8_t **body, size_t *body_len, const void *data,
                                size_t len, struct em_error *err)
{
    const uint8_t *p = data;
    const uint8_t *end = p + len;
    long n = 0;
    bool good = len < EM_SEAL_SIZE_MAX &&
                enter(&p, end, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, &n) && p + n == end &&
                enter(&p, end, V_ASN1_OBJECT, V_ASN1_UNIVERSAL, &n);
    if (good)
        p += n;
    good = good && enter(&p, end, 0, V_ASN1_CONTEXT_SPECIFIC, &n) && p + n == end &&
           enter(&p, end, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, &n) && p + n == end;
    ERR_clear_error();
    *body = p;
    *body_len = good ? (size_t)n : 0;
    if (good)
        return EM_OK;
    return em_error_set(err, EM_ERR_INPUT, "bring back the file as it was made",
                        "no sealed key, or not the whole of it");
}

static uint8_t *put_header(uint8_t *p, size_t len, int tag, int class)
{
    ASN1_put_object(&p, 1, (int)len, tag, class);
    return p;
}

enum em_status em_seal_add_id(uint8_t **der, size_t *len, const uint8_t id[ID_LEN],
                              struct em_error *err)
{
    static const uint8_t oid[] = {/* envelopedData, 1.2.840.113549.1.7.3 */
                                  0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                  0xF7, 0x0D, 0x01, 0x07, 0x03};
    const uint8_t *body;
    size_t n;
    enum em_status status = find_body(&body, &n, *der, *len, err);
    if (status != EM_OK)
        return status;
    size_t inner = n + sizeof attribute + ID_LEN;
    size_t middle = (size_t)ASN1_object_size(1, (int)inner, V_ASN1_SEQUENCE);
    size_t outer = sizeof oid + (size_t)ASN1_object_size(1, (int)middle, 0);
    size_t total = (size_t)ASN1_object_size(1, (int)outer, V_ASN1_SEQUENCE);
    uint8_t *made = malloc(total);
    if (made == NULL)
        return em_error_nomem(err);
    uint8_t *p = put_header(made, outer, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    memcpy(p, oid, sizeof oid);
    p = put_header(p + sizeof oid, middle, 0, V_ASN1_CONTEXT_SPECIFIC);
    p = put_header(p, inner, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    memcpy(p, body, n);
    p[2] =
        2; /* version: an INTEGER of one byte, 2 with such attributes (RFC 5652, 6.1) */
    memcpy(p + n, attribute, sizeof attribute);
    memcpy(p + n + sizeof attribute, id, ID_LEN);
    free(*der);
    *der = made;
    *len = total;
    return EM_OK;
}

enum em_status em_seal_get_id(uint8_t out[ID_LEN], bool *found, const void *data,
                              size_t len, struct em_error *err)
{
    const uint8_t *body;
    size_t n;
    const size_t size = sizeof attribute + ID_LEN;
    *found = false;
    enum em_status status = find_body(&body, &n, data, len, err);
    if (status != EM_OK || n < size)
        return status;
    /* Only as em_seal_add_id() writes it: whatever else is there says nothing. */
    const uint8_t *at = body + n - size;
    *found = memcmp(at, attribute, sizeof attribute) == 0;
    if (*found)
        memcpy(out, at + sizeof attribute, ID_LEN);
    return EM_OK;
}
