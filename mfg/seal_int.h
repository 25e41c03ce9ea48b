/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of sealing share. */
#ifndef MFG_SEAL_INT_H
#define MFG_SEAL_INT_H

#include <espmfg/seal.h>

#include "base/error_int.h"

#include <stdbool.h>

#include <openssl/x509.h>

struct em_seal {
    size_t count;
    struct em_seal_recipient {
        X509 *cert;
        char sha256[EM_KEY_FINGERPRINT_SIZE];
    } recipients[EM_SEAL_RECIPIENTS_MAX];
};

/** Load and check one certificate: as em_seal_open(). */
enum em_status em_seal_load_cert(X509 **out, const char *path, struct em_error *err);

/** SHA-256 by which the key in @p data is known: em_seal_bytes(). EM_OK, EM_ERR_CRYPTO.
 */
enum em_status em_seal_id(uint8_t out[32], const void *data, size_t len,
                          struct em_error *err);

/** Has the PEM file @p data a block whose name ends in @p label ("PRIVATE KEY")? */
bool em_seal_pem_has(const void *data, size_t len, const char *label);

/** EM_ERR_CRYPTO with what OpenSSL says. */
enum em_status em_seal_openssl(const char *what, struct em_error *err);

/** Is @p name that of a sealed file? */
bool em_seal_is_name(const char *name);

/** Is the envelope sealed to the recipients of @p seal and to nobody else? Certificates
 * are told apart by issuer and serial number. */
bool em_seal_is_to(const struct em_seal *seal, const void *data, size_t len);

/** Add the attribute to an envelope of em_seal_bytes(): *der is replaced. */
enum em_status em_seal_add_id(uint8_t **der, size_t *len, const uint8_t id[32],
                              struct em_error *err);

/** The attribute of an envelope in DER. *found: it has one. EM_OK, EM_ERR_INPUT. */
enum em_status em_seal_get_id(uint8_t out[32], bool *found, const void *data, size_t len,
                              struct em_error *err);

#endif
