/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes of keys, against OpenSSL's own CMS; certificates that are not valid now. */
#include "config.h"

#include <espmfg/seal.h>

#include "tests/em_test.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* A folder with a key pair in key.pem, and its certificate in cert.pem. */
struct pair {
    char folder[64], cert[96], key[96];
    EVP_PKEY *pkey;
    X509 *x509;
};

static void pair_new(struct pair *p, bool rsa, long from_s, long to_s)
{
    (void)snprintf(p->folder, sizeof p->folder, "/tmp/espmfg-seal-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(p->folder));
    (void)snprintf(p->cert, sizeof p->cert, "%s/cert.pem", p->folder);
    (void)snprintf(p->key, sizeof p->key, "%s/key.pem", p->folder);
    p->pkey = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    p->x509 = X509_new();
    CU_ASSERT_FATAL(p->pkey != NULL && p->x509 != NULL);
    ASN1_INTEGER_set(X509_get_serialNumber(p->x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(p->x509), from_s);
    X509_gmtime_adj(X509_getm_notAfter(p->x509), to_s);
    X509_set_pubkey(p->x509, p->pkey);
    X509_NAME *name = X509_get_subject_name(p->x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)p->folder,
                               -1, -1, 0);
    X509_set_issuer_name(p->x509, name);
    CU_ASSERT_FATAL(X509_sign(p->x509, p->pkey, EVP_sha256()) > 0);
    FILE *f = fopen(p->cert, "w");
    CU_ASSERT_FATAL(f != NULL && PEM_write_X509(f, p->x509) == 1 && fclose(f) == 0);
    f = fopen(p->key, "w");
    CU_ASSERT_FATAL(f != NULL && fchmod(fileno(f), 0600) == 0 &&
                    PEM_write_PrivateKey(f, p->pkey, NULL, NULL, 0, NULL, NULL) == 1 &&
                    fclose(f) == 0);
}

static void pair_free(struct pair *p)
{
    (void)unlink(p->cert);
    (void)unlink(p->key);
    (void)rmdir(p->folder);
    EVP_PKEY_free(p->pkey);
    X509_free(p->x509);
}

static void test_dates(void)
{
    static const struct {
        long from_s, to_s;
        const char *what;
    } cases[] = {
        {-7200, -3600, "the certificate expired on"},
        {3600, 7200, "the certificate is not valid before"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct pair p;
        struct em_seal *seal;
        struct em_error err;
        pair_new(&p, false, cases[i].from_s, cases[i].to_s);
        const char *const path = p.cert;
        EM_CHECK_STATUS(em_seal_open(&seal, &path, 1, &err), EM_ERR_INPUT, &err);
        EM_CHECK_HAS(err.what, cases[i].what);
        CU_ASSERT_STRING_EQUAL(err.file, p.cert);
        CU_ASSERT_PTR_NULL(seal);
        pair_free(&p);
    }
}

/* What OpenSSL makes of an envelope with the pair's certificate and key. */
static void open_theirs(const struct pair *p, const uint8_t *sealed, size_t len,
                        const uint8_t *wanted, size_t wanted_len)
{
    const unsigned char *at = sealed;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(cms);
    CU_ASSERT_PTR_EQUAL(at, sealed + len);
    BIO *out = BIO_new(BIO_s_mem());
    char *data;
    CU_ASSERT_EQUAL(CMS_decrypt(cms, p->pkey, p->x509, NULL, out, CMS_BINARY), 1);
    CU_ASSERT_EQUAL_FATAL(BIO_get_mem_data(out, &data), (long)wanted_len);
    EM_CHECK_BYTES(data, wanted, wanted_len);
    BIO_free(out);
    CMS_ContentInfo_free(cms);
}

static void test_round(void)
{
    static const size_t sizes[] = {1, 32, 64, 4096, 70000};
    struct pair rsa;
    struct pair ec;
    struct em_seal *seal = NULL;
    struct em_unseal *unseal[2] = {NULL, NULL};
    struct em_unseal_options options = EM_UNSEAL_OPTIONS_INIT;
    struct em_error err;
    static uint8_t plain[70000];
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * 7 + 3);
    pair_new(&rsa, true, -60, 3600);
    pair_new(&ec, false, -60, 3600);
    const char *const paths[] = {rsa.cert, ec.cert};
    EM_CHECK_STATUS(em_seal_open(&seal, paths, 2, &err), EM_OK, &err);
    options.key = rsa.key;
    EM_CHECK_STATUS(em_unseal_open(&unseal[0], &options, &err), EM_OK, &err);
    options.key = ec.key;
    EM_CHECK_STATUS(em_unseal_open(&unseal[1], &options, &err), EM_OK, &err);
    CU_ASSERT_TRUE_FATAL(seal != NULL && unseal[0] != NULL && unseal[1] != NULL);
    CU_ASSERT_EQUAL(em_seal_count(seal), 2);
    CU_ASSERT_EQUAL(em_unseal_fits(unseal[1], seal), 1);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *sealed;
        size_t len;
        char print[EM_KEY_FINGERPRINT_SIZE];
        EM_CHECK_STATUS(em_seal_bytes(seal, plain, sizes[i], &sealed, &len, &err), EM_OK,
                        &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(sealed);
        open_theirs(&rsa, sealed, len, plain, sizes[i]);
        open_theirs(&ec, sealed, len, plain, sizes[i]);
        struct em_key key = {.len = sizes[i] == 4096 ? 64 : sizes[i]};
        if (key.len <= EM_KEY_MAX) {
            char wanted[EM_KEY_FINGERPRINT_SIZE];
            memcpy(key.bytes, plain, key.len);
            EM_CHECK_STATUS(em_key_fingerprint(&key, wanted, &err), EM_OK, &err);
            EM_CHECK_STATUS(em_sealed_fingerprint(print, sealed, len, &err), EM_OK, &err);
            CU_ASSERT_STRING_EQUAL(print, wanted);
        }
        for (int k = 0; k < 2; k++) {
            uint8_t *out;
            size_t n;
            EM_CHECK_STATUS(em_unseal_bytes(unseal[k], sealed, len, &out, &n, &err),
                            EM_OK, &err);
            CU_ASSERT_EQUAL_FATAL(n, sizes[i]);
            EM_CHECK_BYTES(out, plain, n);
            free(out);
        }
        free(sealed);
    }
    em_unseal_close(unseal[0]);
    em_unseal_close(unseal[1]);
    em_seal_close(seal);
    pair_free(&rsa);
    pair_free(&ec);
}

/* Every byte changed, and every length: refused, or still the same key. */
static void test_damage(void)
{
    struct pair ec;
    struct em_seal *seal = NULL;
    struct em_unseal *unseal = NULL;
    struct em_unseal_options options = EM_UNSEAL_OPTIONS_INIT;
    struct em_error err;
    uint8_t plain[32] = "0123456789abcdef0123456789abcde";
    uint8_t *sealed = NULL;
    uint8_t *out;
    size_t len = 0;
    size_t n;
    pair_new(&ec, false, -60, 3600);
    const char *const path = ec.cert;
    options.key = ec.key;
    EM_CHECK_STATUS(em_seal_open(&seal, &path, 1, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_unseal_open(&unseal, &options, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_seal_bytes(seal, plain, sizeof plain, &sealed, &len, &err), EM_OK,
                    &err);
    CU_ASSERT_TRUE_FATAL(sealed != NULL && unseal != NULL);
    for (size_t i = 0; i < len; i++) {
        sealed[i] ^= 0x55;
        if (em_unseal_bytes(unseal, sealed, len, &out, &n, &err) == EM_OK) {
            CU_ASSERT_EQUAL_FATAL(n, sizeof plain);
            EM_CHECK_BYTES(out, plain, n);
            free(out);
        }
        sealed[i] ^= 0x55;
    }
    for (size_t i = 0; i < len; i++) {
        char print[EM_KEY_FINGERPRINT_SIZE];
        EM_CHECK_STATUS(em_sealed_fingerprint(print, sealed, i, &err), EM_ERR_INPUT,
                        &err);
        EM_CHECK_STATUS(em_unseal_bytes(unseal, sealed, i, &out, &n, &err), EM_ERR_INPUT,
                        &err);
        CU_ASSERT_PTR_NULL(out);
    }
    free(sealed);
    em_unseal_close(unseal);
    em_seal_close(seal);
    pair_free(&ec);
}

static const struct em_test tests[] = {
    {"dates", test_dates},
    {"sealed and opened", test_round},
    {"damage", test_damage},
};

EM_TEST_MAIN("mfg/seal", tests)
