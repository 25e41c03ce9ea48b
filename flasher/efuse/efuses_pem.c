/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in PEM files: what secure boot's digest is made of, and numbers of private keys.
 */
#include "config.h"

#include "flasher/efuse/efuses_int.h"

#include "base/bytes_int.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <limits.h>

enum {
    RSA_BITS = 3072,
    RSA_BYTES = RSA_BITS / 8,
    DIGEST_INPUT_MAX = 2 * RSA_BYTES + 8,
    EC_FIELD = 64, /* x and y together, P-192 and P-256 alike */
    EC_FIELD_384 = 96,
};

/* Curves by OpenSSL's names; the id is what the ROM calls them. */
static const struct curve {
    const char *name;
    uint8_t id;
    size_t bytes;
    size_t field;
} curves[] = {
    {"prime192v1", 1, 24, EC_FIELD},
    {"prime256v1", 2, 32, EC_FIELD},
    {"secp384r1", 3, 48, EC_FIELD_384},
};

/* Never ask for a password: nobody may be there to type it. */
static int no_password(char *buf, int size, int writing, void *user)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)user;
    return -1;
}

static enum em_status read_key(const uint8_t *pem, size_t len, bool private_only,
                               EVP_PKEY **out, struct em_error *err)
{
    *out = NULL;
    BIO *bio = len == 0 || len > INT_MAX ? NULL : BIO_new_mem_buf(pem, (int)len);
    if (bio != NULL)
        *out = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    if (bio != NULL && *out == NULL && !private_only && BIO_reset(bio) > 0)
        *out = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
    BIO_free(bio);
    ERR_clear_error(); /* told in our own words */
    if (*out != NULL)
        return EM_OK;
    return em_error_set(err, EM_ERR_INPUT,
                        "take a PEM file without password, as openssl makes it",
                        "this is no PEM file with a %s key",
                        private_only ? "private" : "private or public");
}

static const struct curve *curve_of(const EVP_PKEY *key)
{
    char name[32] = "";
    size_t len = 0;
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
        EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name,
                                       &len) != 1)
        return NULL;
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        if (strcmp(curves[i].name, name) == 0)
            return &curves[i];
    return NULL;
}

static enum em_status crypto_failed(struct em_error *err)
{
    ERR_clear_error(); /* told in our own words */
    return em_error_set(err, EM_ERR_CRYPTO, NULL, "OpenSSL cannot work with the key");
}

/* Modulus, exponent, R^2 mod n, -1/n mod 2^32, each from its lowest byte on. */
static enum em_status rsa_input(const EVP_PKEY *key, uint8_t *out, size_t *len_out,
                                struct em_error *err)
{
    if (EVP_PKEY_get_bits(key) != RSA_BITS)
        return em_error_set(err, EM_ERR_INPUT, "secure boot takes RSA keys of 3072 bits",
                            "the RSA key has %d bits", EVP_PKEY_get_bits(key));
    enum em_status status = EM_ERR_CRYPTO;
    BIGNUM *n = NULL;
    BIGNUM *e = NULL;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *rr = BN_new();
    BIGNUM *word = BN_new();
    BIGNUM *inverse = BN_new();
    if (ctx == NULL || rr == NULL || word == NULL || inverse == NULL ||
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1 ||
        BN_set_bit(rr, 2 * RSA_BITS) != 1 || BN_nnmod(rr, rr, n, ctx) != 1 ||
        BN_set_bit(word, 32) != 1 || BN_mod_inverse(inverse, n, word, ctx) == NULL ||
        BN_sub(inverse, word, inverse) != 1 ||
        BN_bn2lebinpad(n, out, RSA_BYTES) != RSA_BYTES ||
        BN_bn2lebinpad(e, out + RSA_BYTES, 4) != 4 ||
        BN_bn2lebinpad(rr, out + RSA_BYTES + 4, RSA_BYTES) != RSA_BYTES ||
        BN_bn2lebinpad(inverse, out + 2 * RSA_BYTES + 4, 4) != 4) {
        status = crypto_failed(err);
    } else {
        *len_out = DIGEST_INPUT_MAX;
        status = EM_OK;
    }
    BN_free(n);
    BN_free(e);
    BN_free(rr);
    BN_free(word);
    BN_free(inverse);
    BN_CTX_free(ctx);
    return status;
}

static enum em_status ec_input(const EVP_PKEY *key, uint8_t *out, size_t *len_out,
                               struct em_error *err)
{
    const struct curve *curve = curve_of(key);
    if (curve == NULL)
        return em_error_set(err, EM_ERR_INPUT,
                            "secure boot takes RSA of 3072 bits, P-192, P-256 and P-384",
                            "the key is of a kind that secure boot does not know");
    BIGNUM *x = NULL;
    BIGNUM *y = NULL;
    memset(out, 0, 1 + curve->field);
    out[0] = curve->id;
    int len = (int)curve->bytes;
    bool good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
                EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
                BN_bn2lebinpad(x, out + 1, len) == len &&
                BN_bn2lebinpad(y, out + 1 + len, len) == len;
    BN_free(x);
    BN_free(y);
    *len_out = 1 + curve->field;
    return good ? EM_OK : crypto_failed(err);
}

enum em_status em_efuses_pem_digest(const uint8_t *pem, size_t len, uint8_t out[32],
                                    struct em_error *err)
{
    EVP_PKEY *key;
    uint8_t input[DIGEST_INPUT_MAX] = {0};
    size_t input_len = 0;
    enum em_status status = read_key(pem, len, false, &key, err);
    if (status == EM_OK)
        status = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA
                     ? rsa_input(key, input, &input_len, err)
                     : ec_input(key, input, &input_len, err);
    if (status == EM_OK &&
        EVP_Digest(input, input_len, out, NULL, EVP_sha256(), NULL) != 1)
        status = crypto_failed(err);
    EVP_PKEY_free(key);
    return status;
}

enum em_status em_efuses_pem_secret(const uint8_t *pem, size_t len, uint8_t out[64],
                                    size_t *len_out, struct em_error *err)
{
    EVP_PKEY *key;
    *len_out = 0;
    enum em_status status = read_key(pem, len, true, &key, err);
    if (status != EM_OK)
        return status;
    const struct curve *curve = curve_of(key);
    BIGNUM *secret = NULL;
    if (curve == NULL)
        status = em_error_set(err, EM_ERR_INPUT, "keys for ECDSA are P-192, P-256, P-384",
                              "the key is of a kind that the chip cannot sign with");
    else if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret) != 1 ||
             BN_bn2binpad(secret, out, (int)curve->bytes) != (int)curve->bytes)
        status = crypto_failed(err);
    else
        *len_out = curve->bytes;
    BN_clear_free(secret);
    EVP_PKEY_free(key);
    return status;
}
