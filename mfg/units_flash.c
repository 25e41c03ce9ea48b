/* SPDX-License-Identifier: Apache-2.0 */
/* Units with a flash encryption key of their own: the NVS keys that go with it. */
#include "config.h"

#include "mfg/units_int.h"

#include "base/error_int.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string.h>

/* One secret a unit: whoever has the flash key reads the partition with the NVS keys, so
 * that keys made of it are as good as others. The label keeps them apart from all else
 * that the key is used for. It stays as it is for good: units that were stopped half way
 * get the same image again. */
enum em_status em_units_derive(struct em_key *out, const struct em_key *flash,
                               struct em_error *err)
{
    static const char label[] = "espmfg NVS keys 1";
    struct em_key middle = {.len = EM_NVS_HMAC_KEY_LEN};
    unsigned len = 0;
    enum em_status status = EM_OK;
    if (HMAC(EVP_sha256(), flash->bytes, (int)flash->len, (const unsigned char *)label,
             sizeof label - 1, middle.bytes, &len) == NULL ||
        len != middle.len)
        status = em_error_set(err, EM_ERR_CRYPTO, "check the installation of OpenSSL 3",
                              "HMAC-SHA256 of OpenSSL failed");
    if (status == EM_OK)
        status = em_nvs_key_derive(out, &middle, err);
    em_key_wipe(&middle);
    return status;
}

enum em_status em_unit_nvs_keys(const struct em_unit_data *unit, const struct em_key *key,
                                uint8_t *out, struct em_error *err)
{
    struct em_key xts = {0};
    if (unit->units->encryption != EM_UNITS_FLASH || key->len == 0)
        return em_error_set(err, EM_ERR_USAGE, "use what em_unit_key() gave",
                            "a key partition needs the unit's flash encryption key");
    enum em_status status = em_units_derive(&xts, key, err);
    if (status == EM_OK)
        em_nvs_key_partition(out, &xts);
    em_key_wipe(&xts);
    return status;
}
