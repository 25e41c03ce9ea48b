/* SPDX-License-Identifier: Apache-2.0 */
/* Adding the value of one item to an image: what a cell of a table means. */
#ifndef MFG_ITEM_INT_H
#define MFG_ITEM_INT_H

#include "mfg/config_int.h"
#include "mfg/digest_int.h"
#include "mfg/files_int.h"
#include "mfg/wifi_int.h"

/** Buffers for adding items one after the other. Start it as {0} with files set. */
struct em_item_adder {
    struct em_files *files; /* the caller's */
    bool no_wifi; /* leave out the entries that Wi-Fi settings bring with them */
    struct em_digest *digest; /* gets the content of files, the caller's; NULL: none */
    struct em_wifi wifi;
    struct em_buf decoded, content;
};

/** A new image begins. */
void em_item_begin(struct em_item_adder *adder);
void em_item_end(struct em_item_adder *adder);

/**
 * Add @p item, a namespace or a key with the cell @p text, to @p image. @p measure: the
 * image only counts, so what costs time and not space may be left out. Returns EM_OK, or
 * what was wrong with the value: the message names the key, not the place.
 */
enum em_status em_item_add(struct em_item_adder *adder, struct em_nvs_image *image,
                           const struct em_item *item, struct em_span text, bool measure,
                           struct em_error *err);

#endif
