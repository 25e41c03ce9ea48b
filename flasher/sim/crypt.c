/* SPDX-License-Identifier: Apache-2.0 */
/* The flash encryption unit with the key of the simulated chip's eFuses. */
#include "config.h"

#include <espmfg/flash_encrypt.h>

#include "base/bytes_int.h"
#include "flasher/efuse/fields_int.h"
#include "flasher/sim/sim_int.h"

#include <openssl/evp.h>

#include <string.h>

enum { KEY = EM_SIM_KEY_LEN, HALF = KEY / 2, THREE_QUARTERS = KEY / 4 * 3 };

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

static bool has_field(const struct em_sim *sim, const char *name)
{
    struct em_efuse_view view = {em_efuse_table_find(sim->chip), EM_EFUSE_NEWEST,
                                 sim->revision};
    return view.table != NULL && em_efuse_field_find(&view, name) != NULL;
}

/* Chips with one block for keys: ESP32, and ESP32-C2, which may use half of it. */
static void take_single_key(const struct em_sim *sim, struct em_flash_key *out)
{
    static const char conf[] = "FLASH_CRYPT_CONFIG", length[] = "XTS_KEY_LENGTH_256";
    enum { SCHEME_3_4 = 1 }; /* CODING_SCHEME, efuse.md 4.2 */
    const struct em_efuse_table *table = em_efuse_table_find(sim->chip);
    const struct em_efuse_block *first = table->blocks;
    while (first->rd_dis_count == 0) /* the first that can be read protected */
        first++;
    out->key.len = KEY;
    if (has_field(sim, conf)) {
        out->crypt_conf = em_efuse_model_field(sim->fuses, conf);
        if (em_efuse_model_field(sim->fuses, "CODING_SCHEME") == SCHEME_3_4)
            out->key.len = THREE_QUARTERS;
    } else if (has_field(sim, length) && em_efuse_model_field(sim->fuses, length) == 0) {
        out->key.len = HALF;
    }
    take_block(sim, first->number, out->key.bytes, out->key.len);
}

/* The key in blocks with a purpose; without one, or with half of one, none. */
static void take_keys(const struct em_sim *sim, struct em_flash_key *out)
{
    bool halves[2] = {false, false};
    for (unsigned i = 0; i + 1 < sizeof sim->key_purposes; i++) {
        unsigned purpose = sim->key_purposes[i];
        if (purpose == XTS_128) {
            take_block(sim, BLOCK_KEY0 + i, out->key.bytes, KEY);
            out->key.len = KEY;
            return;
        }
        if (purpose == XTS_256_1 || purpose == XTS_256_2) {
            unsigned half = purpose == XTS_256_2;
            take_block(sim, BLOCK_KEY0 + i, out->key.bytes + (size_t)half * KEY, KEY);
            halves[half] = true;
        }
    }
    if (halves[0] && halves[1])
        out->key.len = (size_t)2 * KEY;
}

/* The key that the fuses hold, or else one that is made up. */
static bool take_key(const struct em_sim *sim, struct em_flash_key *out)
{
    static const uint8_t none[2 * KEY] = {0};
    *out = (struct em_flash_key){.crypt_conf = EM_FLASH_CRYPT_CONF};
    if (has_field(sim, "FLASH_CRYPT_CONFIG")) /* the ESP32's, and no other chip's */
        out->scheme = EM_FLASH_ESP32;
    if (sim->fuses != NULL) {
        if (em_sim_fuses_has_purposes(sim))
            take_keys(sim, out);
        else
            take_single_key(sim, out);
    }
    if (out->key.len != 0 && memcmp(out->key.bytes, none, out->key.len) != 0)
        return true;
    out->key.len = KEY;
    return em_sim_made_key(sim, out->key.bytes);
}

bool em_sim_encrypt(const struct em_sim *sim, uint64_t addr, uint8_t *data, size_t len)
{
    struct em_flash_key key;
    return addr <= UINT32_MAX && take_key(sim, &key) &&
           em_flash_encrypt(data, len, (uint32_t)addr, &key, NULL) == EM_OK;
}

bool em_sim_decrypt(const struct em_sim *sim, uint64_t addr, uint8_t *data, size_t len)
{
    struct em_flash_key key;
    return addr <= UINT32_MAX && take_key(sim, &key) &&
           em_flash_decrypt(data, len, (uint32_t)addr, &key, NULL) == EM_OK;
}
