/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed keys: CMS envelopes that only the owners of certain private keys can open. */
#ifndef ESPMFG_SEAL_H
#define ESPMFG_SEAL_H

#include <espmfg/key.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Added to the name of a file when what it holds is sealed. */
#define EM_SEAL_SUFFIX ".cms"

enum {
    EM_SEAL_PLAIN_MAX = 1 << 20, /**< bytes that are sealed at a time */
    EM_SEAL_SIZE_MAX = 2 << 20,  /**< larger envelopes are not looked at, bytes */
    EM_SEAL_RECIPIENTS_MAX = 64,
};

/** To whom keys are sealed. Not changed after em_seal_open(): any number of threads. */
struct em_seal;

/**
 * Load the certificates in the files @p paths, PEM or DER; of several in one PEM file the
 * first counts. Each has to be valid now, with an RSA key of 2048 bits or more whose
 * usage has keyEncipherment, or an EC key of 224 bits or more whose usage has
 * keyAgreement (or without a usage at all); no certificate may be given twice. @p count
 * is 1…EM_SEAL_RECIPIENTS_MAX. Nothing is said about who signed them: the caller names
 * whom it trusts.
 *
 * Returns EM_OK, EM_ERR_USAGE (count), EM_ERR_INPUT (with the file), EM_ERR_IO,
 * EM_ERR_CRYPTO, EM_ERR_NOMEM.
 */
EM_API EM_USE_RESULT enum em_status em_seal_open(struct em_seal **out,
                                                 const char *const *paths, size_t count,
                                                 struct em_error *err);
EM_API void em_seal_close(struct em_seal *seal);

/** How many recipients there are. */
EM_API size_t em_seal_count(const struct em_seal *seal);

/** SHA-256 of the certificate of recipient @p idx (DER), 64 lower-case hex digits; as
 * 'openssl x509 -fingerprint -sha256' has it without colons. Lives as long as @p seal. */
EM_API const char *em_seal_recipient(const struct em_seal *seal, size_t idx);

/**
 * Seal @p len bytes (1…EM_SEAL_PLAIN_MAX) to all recipients: CMS EnvelopedData (RFC 5652)
 * in DER, AES-256-CBC, the content key by RSAES-OAEP (SHA-256) or ECDH (X9.63 KDF with
 * SHA-256). Its unprotected attribute localKeyId has the fingerprint of the key, so that
 * it is known which key an envelope holds without opening it: SHA-256 of the bytes, of a
 * NVS key partition (4096 bytes) of its first 64. *out is allocated; the caller frees it.
 * Returns EM_OK, EM_ERR_USAGE (len), EM_ERR_CRYPTO or EM_ERR_NOMEM.
 */
EM_API EM_USE_RESULT enum em_status em_seal_bytes(const struct em_seal *seal,
                                                  const void *data, size_t len,
                                                  uint8_t **out, size_t *len_out,
                                                  struct em_error *err);

/**
 * The fingerprint that the envelope @p data says it holds; "" when it says none, as those
 * that other programs made. Returns EM_OK or EM_ERR_INPUT (no envelope, or not whole).
 */
EM_API EM_USE_RESULT enum em_status
em_sealed_fingerprint(char out[EM_KEY_FINGERPRINT_SIZE], const void *data, size_t len,
                      struct em_error *err);

/** A private key that opens envelopes: not changed after em_unseal_open(), so any number
 * of threads. */
struct em_unseal;

/** Where a private key and its passphrase are. Begin with EM_UNSEAL_OPTIONS_INIT. */
struct em_unseal_options {
    const char *key;             /**< PEM file, RSA or EC */
    const char *passphrase_file; /**< its first line is the passphrase; NULL: none */
    int passphrase_fd;           /**< likewise a file descriptor; -1: none */
};

#define EM_UNSEAL_OPTIONS_INIT                                                           \
    {                                                                                    \
        .passphrase_fd = -1                                                              \
    }

/**
 * Load the private key. Its file may be readable for its owner only. Returns EM_OK,
 * EM_ERR_USAGE (two sources of the passphrase), EM_ERR_INPUT (with the file: no private
 * key, passphrase missing or wrong, others may read it), EM_ERR_IO, …CRYPTO, …NOMEM.
 */
EM_API EM_USE_RESULT enum em_status
em_unseal_open(struct em_unseal **out, const struct em_unseal_options *options,
               struct em_error *err);
EM_API void em_unseal_close(struct em_unseal *unseal);

/** Is one of the recipients of @p seal the owner of this key? */
EM_API int em_unseal_fits(const struct em_unseal *unseal, const struct em_seal *seal);

/**
 * Open the envelope @p data, DER or PEM. *out is allocated; the caller overwrites and
 * frees it. Returns EM_OK, EM_ERR_INPUT (no envelope, cut off, sealed to others, or what
 * is in it is not the key whose fingerprint it has), EM_ERR_CRYPTO or EM_ERR_NOMEM.
 */
EM_API EM_USE_RESULT enum em_status em_unseal_bytes(const struct em_unseal *unseal,
                                                    const void *data, size_t len,
                                                    uint8_t **out, size_t *len_out,
                                                    struct em_error *err);

/**
 * Open the envelopes in the files @p paths into files of the folder @p outdir, made with
 * mode 0700 if it is missing; those get their names without ".cms" and mode 0600. All or
 * none: every envelope is opened before the first file is written, and if one cannot be
 * written those before it are removed again. No file is replaced. Returns as
 * em_unseal_bytes(), with the file, and EM_ERR_EXISTS, EM_ERR_IO.
 */
EM_API EM_USE_RESULT enum em_status em_unseal_files(const struct em_unseal *unseal,
                                                    const char *const *paths,
                                                    size_t count, const char *outdir,
                                                    struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
