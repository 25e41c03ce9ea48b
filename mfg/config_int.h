/* SPDX-License-Identifier: Apache-2.0 */
/* The config file: which keys a device gets, in which namespaces and encodings. */
#ifndef MFG_CONFIG_INT_H
#define MFG_CONFIG_INT_H

#include "mfg/csv_int.h"
#include "mfg/encoding_int.h"
#include "mfg/report_int.h"

/** Keys that bring further entries with them (Wi-Fi settings of ESP-IDF). */
enum em_wifi_role {
    EM_WIFI_NONE,
    EM_WIFI_STA, /* sta.ssid, sta.pswd */
    EM_WIFI_AP_SSID,
    EM_WIFI_AP_PASSWORD,
    EM_WIFI_AP_AUTHMODE,
};

/** One row of the config. */
struct em_item {
    unsigned long line;
    bool is_namespace;
    bool from_file; /* type 'file' */
    bool repeat;
    uint8_t ns; /* index of the namespace it is in, or is */
    enum em_wifi_role wifi;
    const struct em_encoding *encoding; /* NULL for namespaces */
    char key[EM_NVS_KEY_LEN_MAX + 1];   /* or the namespace's name */
    /* The row as it begins in a unit's intermediate CSV: "key,type,encoding,". */
    char *csv;
    size_t csv_len;
};

/** Set the key, or the namespace's name. Returns EM_OK or EM_ERR_INPUT (length). */
enum em_status em_item_name(struct em_item *item, struct em_span name,
                            struct em_error *err);

/** Set from_file by the type, and the Wi-Fi role. Returns EM_OK or EM_ERR_INPUT. */
enum em_status em_item_type(struct em_item *item, struct em_span type,
                            struct em_error *err);

/** The fault of an encoding that is not known. Returns EM_ERR_INPUT. */
enum em_status em_item_no_encoding(const struct em_item *item, struct em_span encoding,
                                   struct em_error *err);

struct em_config {
    char *path;
    size_t n_items;
    struct em_item *items;
};

/**
 * Read a config from @p csv. Faults of rows go to @p report and reading goes on; *out is
 * filled either way and has to be freed. Returns EM_OK (look at report->faults), or what
 * em_csv_next() returns when the file itself cannot be read on.
 */
enum em_status em_config_read(struct em_config *out, struct em_csv *csv, const char *path,
                              struct em_report *report, struct em_error *err);
void em_config_free(struct em_config *config);

/**
 * Warn of two keys of one namespace that the device cannot tell apart by their 24-bit
 * hash;
 * @p pages bounds the chunks of a blob.
 */
void em_config_warn_hashes(const struct em_config *config, size_t pages,
                           struct em_report *report);

#endif
