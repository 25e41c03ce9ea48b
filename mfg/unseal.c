/* SPDX-License-Identifier: Apache-2.0 */
/* Opening envelopes with a private key. */
#include "config.h"

#include "mfg/seal_int.h"

#include "base/buf_int.h"
#include "base/file_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h> /* before cms.h, which has more for those who know it */

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

enum { PASSPHRASE_MAX = 1024, KEY_SIZE_MAX = 1 << 20 };

struct em_unseal {
    EVP_PKEY *key;
};

/* ---- The private key ---- */

/* On its way to OpenSSL's call-back. */
struct passphrase {
    char text[PASSPHRASE_MAX];
    size_t len;
    bool given, asked;
};

static int on_passphrase(char *buf, int size, int for_writing, void *user)
{
    struct passphrase *p = user;
    (void)for_writing;
    p->asked = true;
    if (!p->given || size < 0 || p->len > (size_t)size)
        return -1;
    memcpy(buf, p->text, p->len);
    return (int)p->len;
}

/* The first line of what @p fd has. */
static enum em_status read_passphrase(struct passphrase *out, int fd, const char *shown,
                                      struct em_error *err)
{
    ssize_t n = 1;
    while (n > 0 && out->len < sizeof out->text) {
        n = read(fd, out->text + out->len, sizeof out->text - out->len);
        if (n > 0)
            out->len += (size_t)n;
        else if (n < 0 && errno == EINTR)
            n = 1; /* a signal that the program does not end with */
    }
    if (n < 0)
        return em_error_errno(err, errno, "cannot read the passphrase from %s", shown);
    const char *end = memchr(out->text, '\n', out->len);
    if (end == NULL && out->len == sizeof out->text)
        return em_error_set(err, EM_ERR_INPUT, "its first line is the passphrase",
                            "the passphrase in %s has more than %d bytes", shown,
                            PASSPHRASE_MAX - 1);
    if (end != NULL)
        out->len = (size_t)(end - out->text);
    if (out->len > 0 && out->text[out->len - 1] == '\r')
        out->len--;
    out->given = true;
    return EM_OK;
}

static enum em_status get_passphrase(struct passphrase *out,
                                     const struct em_unseal_options *o,
                                     struct em_error *err)
{
    int fd;
    if (o->passphrase_file != NULL && o->passphrase_fd >= 0)
        return em_error_set(err, EM_ERR_USAGE, "choose one of them",
                            "the passphrase is in a file and in a descriptor");
    if (o->passphrase_fd >= 0)
        return read_passphrase(out, o->passphrase_fd, "the descriptor", err);
    if (o->passphrase_file == NULL)
        return EM_OK;
    enum em_status status = em_file_open(&fd, o->passphrase_file, NULL, err);
    if (status != EM_OK)
        return status;
    status = read_passphrase(out, fd, "its file", err);
    (void)close(fd); /* was only read */
    return status;
}

static enum em_status parse_key(struct em_unseal *unseal, const struct em_buf *pem,
                                struct passphrase *passphrase, struct em_error *err)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
    if (bio == NULL)
        return em_error_nomem(err);
    unseal->key = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, passphrase);
    BIO_free(bio);
    ERR_clear_error();
    if (unseal->key == NULL && passphrase->asked)
        return em_error_set(
            err, EM_ERR_INPUT, passphrase->given ? NULL : "name a file that has it",
            passphrase->given ? "the passphrase does not open the private key"
                              : "the private key is protected by a passphrase");
    if (unseal->key == NULL)
        return em_error_set(err, EM_ERR_INPUT, "bring back the file as it was made",
                            "not a whole private key in PEM form");
    int type = EVP_PKEY_get_base_id(unseal->key);
    if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC)
        return em_error_set(err, EM_ERR_INPUT, "keys are sealed to RSA and EC keys",
                            "another kind of private key than RSA or EC");
    return EM_OK;
}

/* Before anybody is asked for a passphrase, or blamed for a mode. */
static enum em_status check_kind(const struct em_buf *pem, struct em_error *err)
{
    if (em_seal_pem_has(pem->data, pem->len, "PRIVATE KEY"))
        return EM_OK;
    if (em_seal_pem_has(pem->data, pem->len, "CERTIFICATE"))
        return em_error_set(err, EM_ERR_INPUT, "give the private key that belongs to it",
                            "a certificate, not a private key");
    return em_error_set(err, EM_ERR_INPUT,
                        "give the private key of one of the certificates that the keys "
                        "were sealed to; 'openssl pkey' makes PEM of other forms",
                        "not a private key in PEM form");
}

static enum em_status check_mode(mode_t mode, struct em_error *err)
{
    if ((mode & (S_IRWXG | S_IRWXO)) == 0)
        return EM_OK;
    return em_error_set(err, EM_ERR_INPUT, "chmod 600 it",
                        "others than its owner may use this private key (mode %03o)",
                        (unsigned)mode & 0777U);
}

static enum em_status load_key(struct em_unseal *unseal,
                               const struct em_unseal_options *o, struct em_error *err)
{
    struct passphrase passphrase = {.given = false};
    struct em_buf pem = {0};
    struct stat st;
    int fd;
    enum em_status status = em_file_open(&fd, o->key, &st, err);
    if (status != EM_OK)
        return status;
    (void)close(fd); /* only looked at */
    status = em_file_read(&pem, o->key, KEY_SIZE_MAX, err);
    bool named = status != EM_OK; /* the message has the file already */
    if (status == EM_OK)
        status = check_kind(&pem, err);
    if (status == EM_OK)
        status = check_mode(st.st_mode, err);
    if (status == EM_OK) {
        status = get_passphrase(&passphrase, o, err);
        named = status != EM_OK;
    }
    if (status == EM_OK)
        status = parse_key(unseal, &pem, &passphrase, err);
    if (status != EM_OK && !named)
        em_error_at(err, o->key, 0);
    em_buf_wipe(&pem);
    OPENSSL_cleanse(&passphrase, sizeof passphrase);
    return status;
}

enum em_status em_unseal_open(struct em_unseal **out,
                              const struct em_unseal_options *options,
                              struct em_error *err)
{
    *out = NULL;
    struct em_unseal *unseal = calloc(1, sizeof *unseal);
    enum em_status status =
        unseal == NULL ? em_error_nomem(err) : load_key(unseal, options, err);
    if (status != EM_OK) {
        em_unseal_close(unseal);
        return status;
    }
    *out = unseal;
    return EM_OK;
}

void em_unseal_close(struct em_unseal *unseal)
{
    if (unseal == NULL)
        return;
    EVP_PKEY_free(unseal->key); /* overwrites it */
    free(unseal);
}

int em_unseal_fits(const struct em_unseal *unseal, const struct em_seal *seal)
{
    for (size_t i = 0; i < seal->count; i++) {
        if (EVP_PKEY_eq(X509_get0_pubkey(seal->recipients[i].cert), unseal->key) == 1)
            return 1;
    }
    ERR_clear_error();
    return 0;
}

/* ---- An envelope ---- */

/* The content key, from a recipient's part that this private key opens. Which one it is
 * is only tried: certificates are not needed for opening. */
static bool try_recipient(CMS_ContentInfo *cms, CMS_RecipientInfo *info, EVP_PKEY *key)
{
    int type = CMS_RecipientInfo_type(info);
    if (type == CMS_RECIPINFO_TRANS && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        return EVP_PKEY_up_ref(key) == 1 && CMS_RecipientInfo_set0_pkey(info, key) == 1 &&
               CMS_RecipientInfo_decrypt(cms, info) > 0;
    if (type != CMS_RECIPINFO_AGREE || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
        return false;
    STACK_OF(CMS_RecipientEncryptedKey) *keys = CMS_RecipientInfo_kari_get0_reks(info);
    for (int i = 0; i < sk_CMS_RecipientEncryptedKey_num(keys); i++) {
        bool opened = CMS_RecipientInfo_kari_set0_pkey(info, key) == 1 &&
                      CMS_RecipientInfo_kari_decrypt(
                          cms, info, sk_CMS_RecipientEncryptedKey_value(keys, i)) > 0;
        (void)CMS_RecipientInfo_kari_set0_pkey(info, NULL); /* lets go of it */
        if (opened)
            return true;
    }
    return false;
}

static enum em_status open_content(uint8_t **out, size_t *len_out, CMS_ContentInfo *cms,
                                   struct em_error *err)
{
    char *data = NULL;
    enum em_status status = EM_OK;
    BIO *plain = BIO_new(BIO_s_secmem()); /* overwritten when it is freed or grows */
    if (plain == NULL)
        return em_error_nomem(err);
    if (CMS_decrypt(cms, NULL, NULL, NULL, plain, CMS_BINARY) != 1)
        status = em_error_set(err, EM_ERR_INPUT, "bring back the file as it was made",
                              "what is sealed in it is damaged");
    long len = status == EM_OK ? BIO_get_mem_data(plain, &data) : 0;
    if (status == EM_OK && len <= 0)
        status = em_error_set(err, EM_ERR_INPUT, "bring back the file as it was made",
                              "nothing is sealed in it");
    if (status == EM_OK && (*out = malloc((size_t)len)) == NULL)
        status = em_error_nomem(err);
    if (status == EM_OK) {
        memcpy(*out, data, (size_t)len);
        *len_out = (size_t)len;
    }
    BIO_free(plain);
    ERR_clear_error();
    return status;
}

static enum em_status unseal_cms(const struct em_unseal *unseal, CMS_ContentInfo *cms,
                                 uint8_t **out, size_t *len_out, struct em_error *err)
{
    STACK_OF(CMS_RecipientInfo) *infos = CMS_get0_RecipientInfos(cms);
    bool opened = false;
    for (int i = 0; i < sk_CMS_RecipientInfo_num(infos) && !opened; i++)
        opened = try_recipient(cms, sk_CMS_RecipientInfo_value(infos, i), unseal->key);
    ERR_clear_error();
    if (!opened)
        return em_error_set(
            err, EM_ERR_INPUT, "give the private key of one of them",
            "it is sealed to %d recipient%s, and the private key is of "
            "none of them",
            sk_CMS_RecipientInfo_num(infos) < 0 ? 0 : sk_CMS_RecipientInfo_num(infos),
            sk_CMS_RecipientInfo_num(infos) == 1 ? "" : "s");
    return open_content(out, len_out, cms, err);
}

static CMS_ContentInfo *parse(const void *data, size_t len, bool *der)
{
    const unsigned char *p = data;
    CMS_ContentInfo *cms = NULL;
    *der = len > 0 && p[0] == 0x30; /* SEQUENCE */
    if (len == 0 || len > EM_SEAL_SIZE_MAX)
        return NULL;
    if (*der) {
        cms = d2i_CMS_ContentInfo(NULL, &p, (long)len);
    } else {
        BIO *bio = BIO_new_mem_buf(data, (int)len);
        cms = bio == NULL ? NULL : PEM_read_bio_CMS(bio, NULL, NULL, NULL);
        BIO_free(bio);
    }
    if (cms != NULL && OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_enveloped) {
        CMS_ContentInfo_free(cms);
        cms = NULL;
    }
    ERR_clear_error();
    return cms;
}

/* CBC notices few changes by itself: the fingerprint outside has to be that inside. */
static enum em_status check_id(const void *sealed, size_t sealed_len, const void *data,
                               size_t len, struct em_error *err)
{
    uint8_t outside[32];
    uint8_t inside[32];
    bool found;
    if (em_seal_get_id(outside, &found, sealed, sealed_len, NULL) != EM_OK || !found)
        return EM_OK; /* made by another program */
    enum em_status status = em_seal_id(inside, data, len, err);
    if (status == EM_OK && memcmp(outside, inside, sizeof inside) != 0)
        status = em_error_set(err, EM_ERR_INPUT, "bring back the file as it was made",
                              "what is sealed in it is not the key whose fingerprint it "
                              "has");
    return status;
}

enum em_status em_unseal_bytes(const struct em_unseal *unseal, const void *data,
                               size_t len, uint8_t **out, size_t *len_out,
                               struct em_error *err)
{
    bool der;
    *out = NULL;
    *len_out = 0;
    CMS_ContentInfo *cms = parse(data, len, &der);
    if (cms == NULL)
        return em_error_set(err, EM_ERR_INPUT, "give files that --seal made",
                            "no sealed key, or not the whole of it");
    enum em_status status = unseal_cms(unseal, cms, out, len_out, err);
    CMS_ContentInfo_free(cms);
    if (status == EM_OK && der)
        status = check_id(data, len, *out, *len_out, err);
    if (status != EM_OK && *out != NULL) {
        OPENSSL_cleanse(*out, *len_out);
        free(*out);
        *out = NULL;
        *len_out = 0;
    }
    return status;
}
