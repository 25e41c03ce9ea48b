/* SPDX-License-Identifier: Apache-2.0 */
/* The flash encryption unit: AES-128-XTS over units of 128 bytes. The tweak is the number
 * of the unit, the key is made from the seed of the chip: enough to see whether something
 * was written encrypted, and by which chip; not the bytes that silicon would make. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/sim/sim_int.h"

#include <openssl/evp.h>

#include <string.h>

enum { UNIT = 128, KEY = 32 };

bool em_sim_encrypt(const struct em_sim *sim, uint64_t addr, uint8_t *data, size_t len)
{
    uint8_t key[KEY], seed[14] = {0};
    unsigned key_len = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    em_put_le64(seed, sim->options.seed);
    memcpy(seed + 8, sim->mac, sizeof sim->mac);
    bool good = ctx != NULL &&
                EVP_Digest(seed, sizeof seed, key, &key_len, EVP_sha256(), NULL) == 1;
    for (size_t done = 0; good && done < len;) {
        uint8_t unit[UNIT] = {0}, tweak[16] = {0};
        size_t skip = (size_t)((addr + done) % UNIT);
        size_t n = UNIT - skip < len - done ? UNIT - skip : len - done;
        int got = 0;
        memcpy(unit + skip, data + done, n);
        em_put_le64(tweak, (addr + done) / UNIT);
        good = EVP_EncryptInit_ex(ctx, EVP_aes_128_xts(), NULL, key, tweak) == 1 &&
               EVP_EncryptUpdate(ctx, unit, &got, unit, UNIT) == 1 && got == UNIT;
        memcpy(data + done, unit + skip, n);
        done += n;
    }
    EVP_CIPHER_CTX_free(ctx);
    return good;
}
