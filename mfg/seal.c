/* SPDX-License-Identifier: Apache-2.0 */
/* Putting key bytes into envelopes; plain bytes stay in memory. */
#include "config.h"

#include "mfg/seal_int.h"

#include "base/hex_int.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

enum { FLAGS = CMS_BINARY | CMS_PARTIAL | CMS_KEY_PARAM | CMS_NOSMIMECAP };

enum em_status em_seal_openssl(const char *what, struct em_error *err)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    enum em_status status =
        em_error_set(err, EM_ERR_CRYPTO, NULL, "%s (OpenSSL: %s)", what,
                     reason == NULL ? "no reason told" : reason);
    ERR_clear_error();
    return status;
}

bool em_seal_is_name(const char *name)
{
    size_t len = strlen(name);
    size_t end = strlen(EM_SEAL_SUFFIX);
    return len > end && strcmp(name + len - end, EM_SEAL_SUFFIX) == 0;
}

/* OAEP instead of PKCS #1 v1.5, and SHA-256 instead of SHA-1: OpenSSL's own defaults are
 * those of old readers. */
static bool add_recipient(CMS_ContentInfo *cms, X509 *cert)
{
    CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, cert, FLAGS);
    EVP_PKEY_CTX *ctx = info == NULL ? NULL : CMS_RecipientInfo_get0_pkey_ctx(info);
    if (ctx == NULL)
        return false;
    if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_TRANS)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
               EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) > 0 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) > 0;
    return EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()) > 0;
}

static enum em_status encode(uint8_t **out, size_t *len_out, CMS_ContentInfo *cms,
                             struct em_error *err)
{
    uint8_t *p;
    int len = i2d_CMS_ContentInfo(cms, NULL);
    if (len <= 0)
        return em_seal_openssl("a key cannot be sealed", err);
    *out = malloc((size_t)len);
    if (*out == NULL)
        return em_error_nomem(err);
    p = *out;
    *len_out = (size_t)i2d_CMS_ContentInfo(cms, &p);
    return EM_OK;
}

enum em_status em_seal_bytes(const struct em_seal *seal, const void *data, size_t len,
                             uint8_t **out, size_t *len_out, struct em_error *err)
{
    uint8_t id[32];
    *out = NULL;
    *len_out = 0;
    if (len == 0 || len > EM_SEAL_PLAIN_MAX)
        return em_error_set(err, EM_ERR_USAGE, NULL,
                            "%zu bytes to be sealed, 1 to %d are possible", len,
                            EM_SEAL_PLAIN_MAX);
    enum em_status status = em_seal_id(id, data, len, err);
    if (status != EM_OK)
        return status;
    BIO *plain = BIO_new_mem_buf(data, (int)len); /* reads where the caller has it */
    CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, EVP_aes_256_cbc(), FLAGS);
    bool good = plain != NULL && cms != NULL;
    for (size_t i = 0; i < seal->count && good; i++)
        good = add_recipient(cms, seal->recipients[i].cert);
    if (!good || CMS_final(cms, plain, NULL, FLAGS) != 1)
        status = em_seal_openssl("a key cannot be sealed", err);
    if (status == EM_OK)
        status = encode(out, len_out, cms, err);
    if (status == EM_OK)
        status = em_seal_add_id(out, len_out, id, err);
    CMS_ContentInfo_free(cms);
    BIO_free(plain);
    if (status != EM_OK) {
        free(*out);
        *out = NULL;
        *len_out = 0;
    }
    return status;
}

static bool info_is_for(CMS_RecipientInfo *info, X509 *cert)
{
    if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_TRANS)
        return CMS_RecipientInfo_ktri_cert_cmp(info, cert) == 0;
    STACK_OF(CMS_RecipientEncryptedKey) *keys =
        CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE
            ? CMS_RecipientInfo_kari_get0_reks(info)
            : NULL;
    return sk_CMS_RecipientEncryptedKey_num(keys) == 1 &&
           CMS_RecipientEncryptedKey_cert_cmp(sk_CMS_RecipientEncryptedKey_value(keys, 0),
                                              cert) == 0;
}

bool em_seal_is_to(const struct em_seal *seal, const void *data, size_t len)
{
    const unsigned char *p = data;
    CMS_ContentInfo *cms =
        len > EM_SEAL_SIZE_MAX ? NULL : d2i_CMS_ContentInfo(NULL, &p, (long)len);
    STACK_OF(CMS_RecipientInfo) *infos =
        cms == NULL ? NULL : CMS_get0_RecipientInfos(cms);
    size_t found = 0;
    for (size_t i = 0; i < seal->count && infos != NULL; i++) {
        bool here = false;
        for (int k = 0; k < sk_CMS_RecipientInfo_num(infos) && !here; k++)
            here = info_is_for(sk_CMS_RecipientInfo_value(infos, k),
                               seal->recipients[i].cert);
        found += here;
    }
    bool same = infos != NULL && found == seal->count &&
                sk_CMS_RecipientInfo_num(infos) == (int)seal->count;
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return same;
}

enum em_status em_sealed_fingerprint(char out[EM_KEY_FINGERPRINT_SIZE], const void *data,
                                     size_t len, struct em_error *err)
{
    uint8_t id[32];
    bool found;
    out[0] = '\0';
    enum em_status status = em_seal_get_id(id, &found, data, len, err);
    if (status == EM_OK && found)
        em_hex_encode(out, id, sizeof id);
    return status;
}
