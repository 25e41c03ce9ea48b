/* SPDX-License-Identifier: Apache-2.0 */
/* The flash encryption unit: AES-XTS over units of 128 bytes, the tweak being the address
 * of the unit, least byte first; within a unit bytes run backwards, as they do in the key
 * blocks. Found by comparing with what published tools make of a known key. The ESP32 has
 * an older scheme; here it uses BLOCK1 in the same way, which is enough to see whether
 * something was written encrypted, but not the bytes that silicon would make. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/efuse/fields_int.h"
#include "flasher/sim/sim_int.h"

#include <openssl/evp.h>

#include <string.h>

enum { UNIT = 128, KEY = EM_SIM_KEY_LEN, HALF = KEY / 2 };

/* Key purposes, key-purposes.csv: the two halves of a long key, and a short one. */
enum { XTS_256_1 = 2, XTS_256_2 = 3, XTS_128 = 4 };

/* Key blocks are numbered from here on where they have a purpose. */
enum { BLOCK_KEY0 = 4 };

bool em_sim_made_key(const struct em_sim *sim, uint8_t out[EM_SIM_KEY_LEN])
{
    uint8_t seed[14] = {0};
    unsigned len = 0;
    em_put_le64(seed, sim->options.seed);
    memcpy(seed + 8, sim->mac, sizeof sim->mac);
    return EVP_Digest(seed, sizeof seed, out, &len, EVP_sha256(), NULL) == 1;
}

/* @p len bytes of a block, the last one first. */
static void take_block(const struct em_sim *sim, unsigned block, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t word = em_efuse_model_word(sim->fuses, block, (unsigned)(i / 4));
        out[len - 1 - i] = (uint8_t)(word >> i % 4 * 8);
    }
}

/* Chips with one block for keys (ESP32, ESP32-C2). Half a key is hashed to a whole one.
 */
static size_t take_single_key(const struct em_sim *sim, uint8_t out[2 * KEY])
{
    const struct em_efuse_table *table = em_efuse_table_find(sim->chip);
    const struct em_efuse_block *first = table->blocks;
    while (first->rd_dis_count == 0) /* the first that can be read protected */
        first++;
    unsigned block = first->number;
    static const char length[] = "XTS_KEY_LENGTH_256";
    struct em_efuse_view view = {table, EM_EFUSE_NEWEST, sim->revision};
    uint8_t half[HALF];
    unsigned len = 0;
    if (em_efuse_field_find(&view, length) == NULL ||
        em_efuse_model_field(sim->fuses, length) != 0) {
        take_block(sim, block, out, KEY);
        return KEY;
    }
    take_block(sim, block, half, sizeof half);
    return EVP_Digest(half, sizeof half, out, &len, EVP_sha256(), NULL) == 1 ? KEY : 0;
}

/* The key that the fuses hold, or else one that is made up; its length, 0 on failure. */
static size_t take_key(const struct em_sim *sim, uint8_t out[2 * KEY])
{
    static const uint8_t none[KEY] = {0};
    bool first = false, second = false;
    size_t len = 0;
    for (unsigned i = 0; i + 1 < sizeof sim->key_purposes; i++) {
        if (sim->key_purposes[i] == XTS_128) {
            take_block(sim, BLOCK_KEY0 + i, out, KEY);
            return KEY;
        }
        if (sim->key_purposes[i] == XTS_256_1 || sim->key_purposes[i] == XTS_256_2) {
            bool is_first = sim->key_purposes[i] == XTS_256_1;
            take_block(sim, BLOCK_KEY0 + i, out + (is_first ? 0 : KEY), KEY);
            first = first || is_first;
            second = second || !is_first;
        }
    }
    if (first && second)
        return (size_t)2 * KEY;
    if (sim->fuses != NULL && !em_sim_fuses_has_purposes(sim))
        len = take_single_key(sim, out);
    if (len == KEY && memcmp(out, none, KEY) != 0)
        return KEY;
    return em_sim_made_key(sim, out) ? KEY : 0;
}

static void turn(uint8_t *unit)
{
    for (size_t i = 0; i < UNIT / 2; i++) {
        uint8_t kept = unit[i];
        unit[i] = unit[UNIT - 1 - i];
        unit[UNIT - 1 - i] = kept;
    }
}

bool em_sim_encrypt(const struct em_sim *sim, uint64_t addr, uint8_t *data, size_t len)
{
    uint8_t key[2 * KEY];
    size_t key_len = take_key(sim, key);
    const EVP_CIPHER *cipher = key_len == KEY ? EVP_aes_128_xts() : EVP_aes_256_xts();
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = ctx != NULL && key_len != 0;
    for (size_t done = 0; good && done < len;) {
        uint8_t unit[UNIT] = {0}, tweak[16] = {0};
        size_t skip = (size_t)((addr + done) % UNIT);
        size_t n = UNIT - skip < len - done ? UNIT - skip : len - done;
        int got = 0;
        memcpy(unit + skip, data + done, n);
        turn(unit);
        em_put_le32(tweak, (uint32_t)(addr + done - skip));
        good = EVP_EncryptInit_ex(ctx, cipher, NULL, key, tweak) == 1 &&
               EVP_EncryptUpdate(ctx, unit, &got, unit, UNIT) == 1 && got == UNIT;
        turn(unit);
        memcpy(data + done, unit + skip, n);
        done += n;
    }
    EVP_CIPHER_CTX_free(ctx);
    return good;
}
