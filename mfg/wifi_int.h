/* SPDX-License-Identifier: Apache-2.0 */
/* Entries that Wi-Fi settings bring with them.
 *
 * ESP-IDF's generator recognises the keys sta.ssid, sta.pswd, ap.ssid, ap.passwd and
 * ap.authmode, in any namespace, and adds the blobs that the Wi-Fi driver keeps beside
 * them. */
#ifndef MFG_WIFI_INT_H
#define MFG_WIFI_INT_H

#include "mfg/config_int.h"

/** What is known of one unit's Wi-Fi settings so far. Start it as {0}. */
struct em_wifi {
    bool sta_done;
    struct em_buf ssid, password;
    bool authmode; /* known, and not 0 */
};

/** Forget a unit's settings, keep the memory. */
void em_wifi_reset(struct em_wifi *wifi);
void em_wifi_free(struct em_wifi *wifi);

/**
 * Called before the entry of @p item with the text @p text is added, and after. @p
 * measure leaves out the costly key derivation: only the size counts. Both return what
 * em_nvs_image_add_blob() returns, or EM_ERR_CRYPTO.
 */
enum em_status em_wifi_before(struct em_wifi *wifi, const struct em_item *item,
                              struct em_span text, struct em_nvs_image *image,
                              bool measure, struct em_error *err);
enum em_status em_wifi_after(struct em_wifi *wifi, const struct em_item *item,
                             struct em_nvs_image *image, struct em_error *err);

#endif
