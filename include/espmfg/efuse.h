/* SPDX-License-Identifier: Apache-2.0 */
/* eFuses of a chip: read them, say what is to be burned, burn it. */
#ifndef ESPMFG_EFUSE_H
#define ESPMFG_EFUSE_H

#include <espmfg/device.h>
#include <espmfg/hooks.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The eFuses of one chip as they were read, and what is staged to be burned. Bits are
 * only ever collected by the em_efuses_stage_…() functions; em_efuses_burn() is the one
 * place that burns. After a stage function failed nothing can be burned until
 * em_efuses_unstage(). No message ever holds bytes of a key.
 */
struct em_efuses;

/** Begin with EM_EFUSES_OPTIONS_INIT. */
struct em_efuses_options {
    struct em_hooks hooks;
    const char *extend_table; /**< CSV file with the user's own fields, or NULL */
    bool no_postpone;         /**< burn BLOCK0 in one go */
    bool force_write_always;  /**< as em_efuses_set_force() */
    bool table_520; /**< fields and purposes as published tools 5.2.0 know them; rules
                     * of a plan only warn. For comparing with those tools */
    bool strict; /**< EM_ERR_REFUSED for whatever is burned already as asked: of a plan,
                  * before anything is burned */
    bool read_only;      /**< virtual chips: leave a missing file missing */
    bool show_sensitive; /**< plans and values show bytes of keys that can be read */
    uint32_t revision;   /**< virtual chips: major * 100 + minor; 0: by the eFuses */
};

#define EM_EFUSES_OPTIONS_INIT                                                           \
    {                                                                                    \
        .revision = 0                                                                    \
    }

/**
 * Read all eFuses of the chip behind @p device, which has to outlive *out.
 * EM_ERR_UNSUPPORTED: secure download mode, no table for the chip, or a coding scheme
 * that cannot be read. EM_ERR_INPUT, EM_ERR_IO: the extending table.
 */
EM_API enum em_status em_efuses_open(struct em_efuses **out, struct em_device *device,
                                     const struct em_efuses_options *options,
                                     struct em_error *err);

/**
 * A virtual chip. @p file keeps its eFuses, in the form of published tools; a missing or
 * empty one becomes a blank chip at once, as they do. NULL: blank, and forgotten.
 * EM_ERR_INPUT: a file that is too short; it stays as it is.
 */
EM_API enum em_status em_efuses_open_virtual(struct em_efuses **out, const char *chip,
                                             const char *file,
                                             const struct em_efuses_options *options,
                                             struct em_error *err);
EM_API void em_efuses_close(struct em_efuses *efuses);

/** --force-write-always: what would otherwise be refused because of bits that are burned
 * or protected is burned after a warning. */
EM_API void em_efuses_set_force(struct em_efuses *efuses, bool force);

/* What there is. */

/** Name and revision of the chip. */
struct em_efuses_chip {
    const char *id;   /**< "esp32c3" */
    const char *name; /**< "ESP32-C3" */
    uint32_t revision;
    const char *coding_scheme; /**< ESP32: "NONE", "3/4"; else "" */
    const char *mac;           /**< "AA:BB:…" of the factory */
    bool mac_good;             /**< no errors in its block, or its CRC fits */
    const char *custom_mac;    /**< "" : none is set */
    const char *flash_voltage; /**< sentence on what sets it; "": the chip cannot */
    const char *const *burns;  /**< names of the burn commands it has, ends with NULL */
};
EM_API void em_efuses_chip(const struct em_efuses *efuses, struct em_efuses_chip *out);

enum em_efuses_kind {
    EM_EFUSES_BOOL,   /**< @c number is 0 or 1 */
    EM_EFUSES_NUMBER, /**< @c number */
    EM_EFUSES_TEXT,   /**< only @c value: bytes, MACs */
};

/** A field as it is now. All texts live until the next call with the handle. */
struct em_efuses_field {
    const char *name, *category, *description;
    const char *aliases; /**< blank separated */
    unsigned block;
    int word, pos; /**< -1: reckoned from other fields */
    unsigned bits;
    const char *type; /**< "bool", "uint:4", "bytes:32" */
    bool readable, writeable;
    enum em_efuses_kind kind;
    uint64_t number;      /**< of up to 64 bits, as burned */
    bool meant;           /**< @c value is a name for the number */
    const char *value;    /**< "XTS_AES_128_KEY", "True", "3", "00 01 …"; '?' for what
                           * cannot be read */
    const char *bit_text; /**< "0b0011" or "0x0000000f"; "": bytes */
    const uint8_t *raw;   /**< lowest address first */
    size_t raw_len;
    unsigned errors;       /**< bits of BLOCK0 in it whose copies differ */
    unsigned block_errors; /**< coding errors of its block */
    bool block_failed;     /**< the block cannot be decoded */
    bool key;              /**< holds a key: @c raw and @c value are zeros and '?' unless
                            * options ask for them */
};

/** The field after @p at (start with 0, pass the result) that is shown now; 0: no more.
 */
EM_API size_t em_efuses_field_next(const struct em_efuses *efuses, size_t at,
                                   struct em_efuses_field *out);
/** By name or alias, shown now or not. EM_ERR_USAGE: none; the hint has the nearest. */
EM_API enum em_status em_efuses_field_find(const struct em_efuses *efuses,
                                           const char *name, struct em_efuses_field *out,
                                           struct em_error *err);
/** By main name only, shown now or not; false: none. */
EM_API bool em_efuses_field_is(const struct em_efuses *efuses, const char *name);

/** A block as it is now; @c data lives until the next burn. */
struct em_efuses_block {
    const char *name, *aliases;
    unsigned number;
    const uint8_t *data;
    size_t len; /**< bytes of user data */
    bool readable, writeable;
    unsigned errors;
    bool failed;
    bool empty;
    bool key;            /**< may hold a key */
    const char *purpose; /**< of the key; "": the block has none */
    bool in_use;         /**< a key block that is not free for another key */
};
EM_API size_t em_efuses_block_count(const struct em_efuses *efuses);
EM_API void em_efuses_block(const struct em_efuses *efuses, size_t idx,
                            struct em_efuses_block *out);
/** By name, alias or "BLOCK<n>"; EM_ERR_USAGE: none. */
EM_API enum em_status em_efuses_block_find(const struct em_efuses *efuses,
                                           const char *name, struct em_efuses_block *out,
                                           struct em_error *err);
/** The first key block that is free, counting what is staged; NULL: none. */
EM_API const char *em_efuses_free_key_block(const struct em_efuses *efuses);

/** Key purposes that can be named for this chip: the @p idx th; NULL: no more. */
EM_API const char *em_efuses_purpose(const struct em_efuses *efuses, size_t idx);

/** Are there coding errors? EM_ERR_VERIFY with the blocks named in @p err. */
EM_API enum em_status em_efuses_check_errors(const struct em_efuses *efuses,
                                             struct em_error *err);

/* Staging: one function a burn command. Nothing is burned by them. */

/** burn-efuse for one field; @p value NULL: none given. @p force is its own --force. */
EM_API enum em_status em_efuses_stage_field(struct em_efuses *efuses, const char *name,
                                            const char *value, bool force,
                                            struct em_error *err);
/** burn-bit. */
EM_API enum em_status em_efuses_stage_bits(struct em_efuses *efuses, const char *block,
                                           const unsigned *bits, size_t count,
                                           struct em_error *err);
/** burn-block-data for one block: @p data from byte @p offset on; without offset (0) it
 * has to be the whole block. */
EM_API enum em_status em_efuses_stage_block(struct em_efuses *efuses, const char *block,
                                            const uint8_t *data, size_t len,
                                            size_t offset, struct em_error *err);

/** A key for burn-key: what the file holds, and where it is to go. */
struct em_efuses_key {
    const char *block;   /**< or "auto": the one that has this key and purpose already,
                          * else the first free one */
    const uint8_t *data; /**< raw, or PEM for purposes that take one */
    size_t len;
    const char *purpose; /**< NULL on the ESP32: the block's name tells */
    bool recorded;       /**< the caller's record says that this very key is in the block;
                          * believed where the block cannot be read */
};

/** How em_efuses_stage_keys() protects keys. Begin with {0}. */
struct em_efuses_key_options {
    bool no_read_protect;
    bool no_write_protect;
};

/**
 * burn-key. All keys are looked at before the first is staged. @p options may be NULL.
 * A block that holds the same key as far as it can be read is completed: purpose and
 * protections that are missing are staged. A read protected block with the right purpose
 * counts as done if the key is @c recorded; else EM_ERR_REFUSED, as for blocks in use.
 */
EM_API enum em_status em_efuses_stage_keys(struct em_efuses *efuses,
                                           const struct em_efuses_key *keys, size_t count,
                                           const struct em_efuses_key_options *options,
                                           struct em_error *err);
/** burn-key-digest: data are PEM files of keys that sign. Block and purpose NULL on the
 * ESP32 and the ESP32-C2. */
EM_API enum em_status
em_efuses_stage_key_digests(struct em_efuses *efuses, const struct em_efuses_key *keys,
                            size_t count, const struct em_efuses_key_options *options,
                            struct em_error *err);
/** Does @p purpose take a PEM file? */
EM_API bool em_efuses_purpose_is_pem(const struct em_efuses *efuses, const char *purpose);

/** burn-custom-mac, "AA:BB:CC:DD:EE:FF". */
EM_API enum em_status em_efuses_stage_custom_mac(struct em_efuses *efuses,
                                                 const char *mac, struct em_error *err);
EM_API enum em_status em_efuses_stage_read_protect(struct em_efuses *efuses,
                                                   const char *const *names, size_t count,
                                                   struct em_error *err);
EM_API enum em_status em_efuses_stage_write_protect(struct em_efuses *efuses,
                                                    const char *const *names,
                                                    size_t count, struct em_error *err);
/** set-flash-voltage: "1.8V", "3.3V" or "OFF". */
EM_API enum em_status em_efuses_stage_flash_voltage(struct em_efuses *efuses,
                                                    const char *voltage,
                                                    struct em_error *err);
/** check-error --recovery: blocks with errors are to be burned with what they hold. */
EM_API enum em_status em_efuses_stage_recovery(struct em_efuses *efuses,
                                               struct em_error *err);
/** Forget what is staged, and that something failed. */
EM_API void em_efuses_unstage(struct em_efuses *efuses);

/* Burning. */

/** What is going to change: one field, or bits of a block that no field covers. */
struct em_efuses_change {
    unsigned block;
    const char *block_name;
    const char *field;     /**< NULL: the block as a whole */
    const char *from, *to; /**< as text; keys without their bytes */
    bool postponed;        /**< burned after everything else */
    bool protects;         /**< write or read protection */
    const char *covers;    /**< of a protection: fields and blocks it closes, or "" */
    const char *danger;    /**< what it does, one sentence; "" if nothing special */
};

/** Check everything that is staged and make the plan: *count_out changes, 0 if there is
 * nothing to burn. The texts live until the next call. */
EM_API enum em_status em_efuses_plan(struct em_efuses *efuses,
                                     const struct em_efuses_change **out,
                                     size_t *count_out, struct em_error *err);

/** A rule that keeps from known bricks. */
struct em_efuses_rule {
    const char *id; /**< "digest-read-protect" */
    bool refuses;   /**< else it warns */
    const char *looks_for, *reason, *way_out;
};
/** The @p idx th rule; false: no more. */
EM_API bool em_efuses_rule(size_t idx, struct em_efuses_rule *out);
/** Ids of the chips that have the rule, one a call; begin with *at 0. NULL: no more. */
EM_API const char *em_efuses_rule_chip(size_t idx, size_t *at);
/** Let what the rule @p id refuses be burned. EM_ERR_USAGE: there is none. */
EM_API enum em_status em_efuses_override(struct em_efuses *efuses, const char *id,
                                         struct em_error *err);

/** A rule that the plan breaks. */
struct em_efuses_finding {
    const char *id;
    const char *subject; /**< what of the plan breaks it */
    const char *reason, *way_out;
    bool refuses;    /**< else it warns */
    bool overridden; /**< by em_efuses_override() */
};
/** The @p idx th that the plan made last breaks; false: no more. They live until the next
 * plan. */
EM_API bool em_efuses_finding(const struct em_efuses *efuses, size_t idx,
                              struct em_efuses_finding *out);

enum { EM_EFUSES_HASH_TEXT = 65 };

/** SHA-256 in hex over the chip, all its eFuses as read and all that is staged (after
 * em_efuses_plan() has dropped what is burned already), the way of burning and the rules
 * that are overridden. It tells nothing of keys that are hard to guess. */
EM_API enum em_status em_efuses_plan_hash(const struct em_efuses *efuses,
                                          char out[EM_EFUSES_HASH_TEXT],
                                          struct em_error *err);
/** Burn only the plan with this hash: em_efuses_burn() reads the chip once more and
 * replies EM_ERR_REFUSED if the hash differs. With nothing to burn, it does not count.
 * EM_ERR_USAGE: not 64 digits in hex. */
EM_API enum em_status em_efuses_approve(struct em_efuses *efuses, const char *hash,
                                        struct em_error *err);

enum em_efuses_result {
    EM_EFUSES_NOTHING,  /**< nothing to burn */
    EM_EFUSES_DECLINED, /**< the user did not want to */
    EM_EFUSES_BURNED,   /**< and read back */
    EM_EFUSES_CUT_OFF,  /**< burned; it closed the way to the chip, as was to be expected
                         */
};

/** Whether to go on: true burns. */
typedef bool em_efuses_confirm(void *user, const struct em_efuses_change *changes,
                               size_t count);

/**
 * Burn what is staged: every check first, then @p confirm (may be NULL), then the blocks
 * from the highest down to BLOCK0, protections last, each read back and checked. What
 * came of it stands in *out, also after an error. Afterwards nothing is staged.
 * EM_ERR_REFUSED: a check failed or a rule refuses, nothing was burned. EM_ERR_VERIFY,
 * EM_ERR_LINK, EM_ERR_CHIP, …: as the message says, some blocks may be burned.
 */
EM_API enum em_status em_efuses_burn(struct em_efuses *efuses, em_efuses_confirm *confirm,
                                     void *user, enum em_efuses_result *out,
                                     struct em_error *err);

/** Look whether the fields of the burned em_efuses_stage_field() have exactly the values
 * that were asked for, and the names of the protect functions are protected.
 * EM_ERR_VERIFY if not. */
EM_API enum em_status em_efuses_check_after(struct em_efuses *efuses,
                                            struct em_error *err);

/** A line of adc-info: name, and value or "". */
struct em_efuses_line {
    const char *name, *value;
};
/** The calibration values, for people. The lines live until the next call. */
EM_API enum em_status em_efuses_adc_info(struct em_efuses *efuses,
                                         const struct em_efuses_line **out,
                                         size_t *count_out, struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
