/* SPDX-License-Identifier: Apache-2.0 */
/* NVS content as a CSV table: the input of one image, and the other way round.
 *
 * The table is the intermediate CSV of mfg_gen: columns key, type, encoding, value; a row
 * of type namespace begins a namespace. mfg_values(5) describes it. */
#ifndef ESPMFG_NVS_TABLE_H
#define ESPMFG_NVS_TABLE_H

#include <espmfg/hooks.h>
#include <espmfg/nvs_reader.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What em_nvs_table_image() is to make. All strings stay the caller's. Begin with
 * EM_NVS_TABLE_OPTIONS_INIT. */
struct em_nvs_table_options {
    const char *const *paths; /**< tables, one appended to the other; ended by NULL */
    uint64_t size;            /**< of the partition, bytes; 0: as much as is needed */
    enum em_nvs_version version;
    bool no_wifi_extras; /**< only what the tables say: without the entries that ESP-IDF's
                          * generator adds to the settings of Wi-Fi */
};

#define EM_NVS_TABLE_OPTIONS_INIT                                                        \
    {                                                                                    \
        .version = EM_NVS_V2                                                             \
    }

/**
 * Make an image of tables. *out becomes its bytes, *len of them, not encrypted; the
 * caller wipes them if they are secret and frees them with free(). Faults, up to 20, go
 * to @p hooks (may be NULL) as EM_LOG_ERROR. Values of type 'file' are relative to the
 * current folder. An entry of the Wi-Fi extras that a table has itself is not added.
 * Returns EM_OK, or the status of the first fault: EM_ERR_USAGE (size), EM_ERR_INPUT,
 * EM_ERR_FULL, EM_ERR_IO, EM_ERR_CRYPTO or EM_ERR_NOMEM.
 */
EM_API EM_USE_RESULT enum em_status
em_nvs_table_image(uint8_t **out, size_t *len, const struct em_nvs_table_options *options,
                   const struct em_hooks *hooks, struct em_error *err);

/**
 * Write what @p reader sees as a table from which em_nvs_table_image() makes an equal
 * image (with no_wifi_extras, if Wi-Fi settings came without their extras). *out becomes
 * UTF-8 text of *len bytes, NUL-terminated, which the caller frees with free(). What no
 * table can hold (numbers with a point, strings with a NUL, names that are not UTF-8)
 * becomes a comment and a warning through @p hooks (may be NULL). Returns EM_OK or
 * EM_ERR_NOMEM.
 */
EM_API EM_USE_RESULT enum em_status em_nvs_table_text(char **out, size_t *len,
                                                      const struct em_nvs_reader *reader,
                                                      const struct em_hooks *hooks,
                                                      struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
