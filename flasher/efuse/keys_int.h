/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are to be burned, and the blocks for them. */
#ifndef FLASHER_EFUSE_KEYS_INT_H
#define FLASHER_EFUSE_KEYS_INT_H

#include "flasher/efuse/efuses_int.h"

enum { EM_EFUSES_KEY = 32, EM_EFUSES_LONG_KEY = 64 };

/** A key for one block, or half a block. */
struct em_efuses_item {
    const struct em_efuse_block *block;
    const struct em_efuse_purpose *purpose;
    uint8_t bytes[EM_EFUSES_KEY];
    size_t len;
    bool recorded; /* the caller knows that it is there */
};

struct em_efuses_items {
    struct em_efuses_item *list; /* twice as many as keys: long ones take two blocks */
    size_t count;
    const struct em_efuses_key *keys;
    size_t key_count;
};

/** A key that looks for its block. */
struct em_efuses_seeker {
    const struct em_efuse_purpose *purpose;
    const uint8_t *bytes; /* EM_EFUSES_KEY of them, before they are turned around */
    bool recorded;
};

/** EM_ERR_REFUSED: no key block is free for @p purpose. */
enum em_status em_efuses_no_block(const struct em_efuse_purpose *purpose,
                                  struct em_error *err);
/** The next free key block from @p from on, round the end. */
enum em_status em_efuses_next_free(struct em_efuses *e,
                                   const struct em_efuses_items *items, size_t from,
                                   const struct em_efuse_purpose *purpose,
                                   const struct em_efuse_block **out,
                                   struct em_error *err);
/** A block that has this very key already, as a whole or in part; NULL: none. */
const struct em_efuse_block *em_efuses_holder(const struct em_efuses *e,
                                              const struct em_efuses_items *items,
                                              const struct em_efuses_seeker *seeker);
/** EM_ERR_REFUSED if a block may have this very key and hides it. */
enum em_status em_efuses_check_alike(struct em_efuses *e,
                                     const struct em_efuses_items *items,
                                     const struct em_efuse_purpose *purpose,
                                     struct em_error *err);
/** The place of @p item is read protected: *done_out says whether the key is in it, by
 * the record of the caller. EM_ERR_REFUSED if that cannot be. */
enum em_status em_efuses_check_hidden(struct em_efuses *e,
                                      const struct em_efuses_item *item, bool *done_out,
                                      struct em_error *err);

#endif
