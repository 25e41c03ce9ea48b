/* SPDX-License-Identifier: Apache-2.0 */
/* A board's flash encryption: what goes to its flash is encrypted here, with the unit's
 * key, so that nothing plain ever stands in the flash. */
#include "config.h"

#include "src/line/run.h"

#include "base/error_int.h"
#include "flasher/chip/chip_int.h"
#include "flasher/image/image_int.h"

#include <espmfg/efuse.h>
#include <espmfg/flash.h>
#include <espmfg/flash_encrypt.h>
#include <espmfg/nvs.h>

#include <openssl/crypto.h>

#include <stdlib.h>
#include <string.h>

static struct em_flash_key unit_key(const struct line_worker *w)
{
    return (struct em_flash_key){.scheme = w->run->options->job->crypt.scheme,
                                 .key = w->board.key,
                                 .crypt_conf = EM_FLASH_CRYPT_CONF};
}

/* What writing a plain image would put into its header. */
static enum em_status set_header(const struct line_job *job, uint8_t *data, size_t len,
                                 struct em_error *err)
{
    const struct em_image_settings settings = {
        .mode = job->flash_mode, .freq = job->flash_freq, .size = job->flash_size};
    bool changed;
    enum em_status status =
        em_image_header_set(data, len, em_chip_find(job->chip), &settings, &changed, err);
    return status == EM_ERR_INPUT ? EM_OK : status; /* no image: as it is */
}

static bool has_header(const struct line_job *job, const struct em_flash_piece *piece)
{
    const struct em_chip *chip = em_chip_find(job->chip);
    return chip != NULL && piece->addr == chip->bootloader &&
           piece->data[0] == EM_IMAGE_MAGIC;
}

enum em_status line_board_encrypt(const struct line_worker *w,
                                  struct em_flash_piece *piece, uint8_t **own_out,
                                  struct em_error *err)
{
    const struct line_job *job = w->run->options->job;
    struct em_flash_key key = unit_key(w);
    size_t tail =
        (EM_FLASH_CRYPT_UNIT - piece->len % EM_FLASH_CRYPT_UNIT) % EM_FLASH_CRYPT_UNIT;
    size_t len = piece->len + tail;
    enum em_status status = EM_OK;
    uint8_t *own = malloc(len);
    *own_out = own;
    if (own == NULL) {
        status = em_error_nomem(err);
    } else {
        memcpy(own, piece->data, piece->len);
        memset(own + piece->len, 0xFF, tail);
        if (has_header(job, piece))
            status = set_header(job, own, piece->len, err);
        if (status == EM_OK)
            status = em_flash_encrypt(own, len, piece->addr, &key, err);
    }
    em_key_wipe(&key.key);
    if (status != EM_OK)
        return status;
    piece->data = own;
    piece->len = len;
    piece->opaque = true;
    piece->shared = NULL;
    return EM_OK;
}

enum em_status line_board_keys_piece(const struct line_worker *w,
                                     struct em_flash_piece *piece, uint8_t **own_out,
                                     struct em_error *err)
{
    const struct line_crypt *crypt = &w->run->options->job->crypt;
    uint8_t plain[EM_NVS_KEY_PARTITION_SIZE];
    *piece = (struct em_flash_piece){.name = "NVS keys",
                                     .addr = crypt->keys_addr,
                                     .data = plain,
                                     .len = sizeof plain,
                                     .limit = crypt->keys_limit};
    enum em_status status = em_unit_nvs_keys(w->board.unit, &w->board.key, plain, err);
    if (status == EM_OK)
        status = line_board_encrypt(w, piece, own_out, err);
    OPENSSL_cleanse(plain, sizeof plain);
    if (status != EM_OK && *own_out != NULL) /* perhaps not encrypted */
        OPENSSL_cleanse(*own_out, sizeof plain);
    return status;
}

/* ---- Foreign keys ---- */

static bool is_on(const struct em_efuses *efuses)
{
    static const char *const counters[] = {"SPI_BOOT_CRYPT_CNT", "FLASH_CRYPT_CNT"};
    struct em_efuses_field field;
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        if (em_efuses_field_is(efuses, counters[i]) &&
            em_efuses_field_find(efuses, counters[i], &field, NULL) == EM_OK &&
            field.number != 0)
            return true;
    }
    return false;
}

/* A block with a key of flash encryption, or with anything where only that key can go. */
static bool find_key(const struct em_efuses *efuses, bool esp32,
                     struct em_efuses_block *out)
{
    enum { ESP32_BLOCK = 1 };
    bool purposes = em_efuses_field_is(efuses, "KEY_PURPOSE_0");
    for (size_t i = 0; i < em_efuses_block_count(efuses); i++) {
        em_efuses_block(efuses, i, out);
        if (out->key && out->in_use &&
            (purposes ? line_crypt_is_purpose(out->purpose)
                      : !esp32 || out->number == ESP32_BLOCK))
            return true;
    }
    return false;
}

enum em_status line_board_check_crypt(const struct line_worker *w,
                                      const struct em_efuses *efuses,
                                      struct em_error *err)
{
    static const char hint[] =
        "take the board out of the batch: its key is not on record";
    const struct line_crypt *crypt = &w->run->options->job->crypt;
    struct em_efuses_block block;
    /* From BURNING on the key is the unit's own, or on its way. */
    if (!crypt->on || w->board.ledger.state >= EM_LEDGER_BURNING)
        return EM_OK;
    if (is_on(efuses))
        return em_error_set(
            err, EM_ERR_REFUSED, hint,
            "flash encryption of this chip is on, or was, with a key that "
            "is not its unit's");
    if (find_key(efuses, crypt->scheme == EM_FLASH_ESP32, &block))
        return em_error_set(err, EM_ERR_REFUSED, hint,
                            "%s: the chip has a flash encryption key already, which is "
                            "not its unit's",
                            block.name);
    return EM_OK;
}
