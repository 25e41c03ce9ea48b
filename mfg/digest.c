/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 over parts. */
#include "config.h"

#include "mfg/digest_int.h"

#include <stdlib.h>

#include <openssl/evp.h>

struct em_digest {
    EVP_MD_CTX *ctx;
};

static enum em_status failed(struct em_error *err)
{
    return em_error_set(err, EM_ERR_CRYPTO, NULL, "SHA-256 failed");
}

enum em_status em_digest_new(struct em_digest **out, struct em_error *err)
{
    *out = NULL;
    struct em_digest *digest = calloc(1, sizeof *digest);
    if (digest == NULL || (digest->ctx = EVP_MD_CTX_new()) == NULL) {
        free(digest);
        return em_error_nomem(err);
    }
    if (EVP_DigestInit_ex(digest->ctx, EVP_sha256(), NULL) != 1) {
        em_digest_free(digest);
        return failed(err);
    }
    *out = digest;
    return EM_OK;
}

void em_digest_free(struct em_digest *digest)
{
    if (digest == NULL)
        return;
    EVP_MD_CTX_free(digest->ctx);
    free(digest);
}

enum em_status em_digest_reset(struct em_digest *digest, struct em_error *err)
{
    return EVP_DigestInit_ex(digest->ctx, NULL, NULL) == 1 ? EM_OK : failed(err);
}

enum em_status em_digest_number(struct em_digest *digest, uint64_t number,
                                struct em_error *err)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    return EVP_DigestUpdate(digest->ctx, bytes, sizeof bytes) == 1 ? EM_OK : failed(err);
}

enum em_status em_digest_part(struct em_digest *digest, const void *data, size_t len,
                              struct em_error *err)
{
    enum em_status status = em_digest_number(digest, len, err);
    if (status == EM_OK && EVP_DigestUpdate(digest->ctx, data, len) != 1)
        status = failed(err);
    return status;
}

enum em_status em_digest_end(struct em_digest *digest, uint8_t out[EM_DIGEST_SIZE],
                             struct em_error *err)
{
    return EVP_DigestFinal_ex(digest->ctx, out, NULL) == 1 ? EM_OK : failed(err);
}
