/* SPDX-License-Identifier: Apache-2.0 */
/* Entries that Wi-Fi settings bring with them. */
#include "config.h"

#include "mfg/wifi_int.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* Sizes of the driver's blobs (ESP-IDF, mfg_gen.py and nvs_partition_gen.py 0.2.0). */
enum {
    APINFO_SIZE = 140,
    PMK_SIZE = 32,
    APSW_SIZE = 2,
    PMK_INFO_HEAD = 100, /* zeros before the key in ap.pmk_info */
    PMK_ROUNDS = 4096,   /* IEEE 802.11i: PBKDF2 of passphrase and SSID */
};

void em_wifi_reset(struct em_wifi *wifi)
{
    wifi->sta_done = false;
    wifi->authmode = false;
    em_buf_clear(&wifi->ssid);
    em_buf_clear(&wifi->password);
}

void em_wifi_free(struct em_wifi *wifi)
{
    em_buf_wipe(&wifi->ssid);
    em_buf_wipe(&wifi->password);
    *wifi = (struct em_wifi){0};
}

static enum em_status remember(struct em_buf *to, struct em_span text,
                               struct em_error *err)
{
    em_buf_clear(to);
    em_buf_append(to, text.p, text.len);
    return to->failed ? em_error_nomem(err) : EM_OK;
}

static enum em_status add_pmk_info(struct em_wifi *wifi, struct em_nvs_image *image,
                                   bool measure, struct em_error *err)
{
    uint8_t info[PMK_INFO_HEAD + PMK_SIZE] = {0};
    if (!measure &&
        PKCS5_PBKDF2_HMAC_SHA1((const char *)wifi->password.data, (int)wifi->password.len,
                               wifi->ssid.data, (int)wifi->ssid.len, PMK_ROUNDS, PMK_SIZE,
                               info + PMK_INFO_HEAD) != 1)
        return em_error_set(err, EM_ERR_CRYPTO, NULL, "PBKDF2 of OpenSSL failed");
    enum em_status status =
        em_nvs_image_add_blob(image, "ap.pmk_info", info, sizeof info, err);
    OPENSSL_cleanse(info, sizeof info);
    return status;
}

enum em_status em_wifi_before(struct em_wifi *wifi, const struct em_item *item,
                              struct em_span text, struct em_nvs_image *image,
                              bool measure, struct em_error *err)
{
    enum em_status status = EM_OK;
    switch (item->wifi) {
    case EM_WIFI_NONE:
    case EM_WIFI_STA:
        return EM_OK;
    case EM_WIFI_AP_SSID:
        status = remember(&wifi->ssid, text, err);
        break;
    case EM_WIFI_AP_PASSWORD:
        status = remember(&wifi->password, text, err);
        break;
    case EM_WIFI_AP_AUTHMODE:
        if (item->from_file)
            text = em_text_strip(text); /* a file ends in a newline, "0\n" is 0 */
        if (text.len > 0 && !em_span_is(text, "0")) /* else the one before still counts */
            wifi->authmode = true;
        break;
    }
    if (status == EM_OK && wifi->ssid.len > 0 && wifi->password.len > 0 && wifi->authmode)
        status = add_pmk_info(wifi, image, measure, err);
    return status;
}

enum em_status em_wifi_after(struct em_wifi *wifi, const struct em_item *item,
                             struct em_nvs_image *image, struct em_error *err)
{
    uint8_t bytes[APINFO_SIZE];
    if (item->wifi != EM_WIFI_STA || wifi->sta_done)
        return EM_OK;
    wifi->sta_done = true;
    memset(bytes, 0xFF, sizeof bytes);
    enum em_status status =
        em_nvs_image_add_blob(image, "sta.apinfo", bytes, APINFO_SIZE, err);
    memset(bytes, 0, sizeof bytes);
    if (status == EM_OK)
        status = em_nvs_image_add_blob(image, "sta.pmk", bytes, PMK_SIZE, err);
    if (status == EM_OK)
        status = em_nvs_image_add_blob(image, "sta.apsw", bytes, APSW_SIZE, err);
    return status;
}
