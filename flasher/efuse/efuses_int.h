/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct em_efuses, for its own files. */
#ifndef FLASHER_EFUSE_EFUSES_INT_H
#define FLASHER_EFUSE_EFUSES_INT_H

#include "flasher/efuse/controller_int.h"
#include "flasher/efuse/fields_int.h"

#include <espmfg/efuse.h>

#include "base/buf_int.h"

#include <string.h>

enum {
    EM_EFUSES_BYTES = EM_EFUSE_WORDS_MAX * 4,
    EM_EFUSES_PARTS_MAX = 8,
    EM_EFUSES_RULES_MAX = 40,
    EM_EFUSES_HASH = 32, /* bytes of SHA-256 */
};

/** Bits of a field, or of a block; the lowest first. */
struct em_efuses_bits {
    uint8_t bytes[EM_EFUSES_BYTES];
};

/** Bits for a field. */
struct em_efuses_part {
    const struct em_efuse_field *field;
    struct em_efuses_bits bits;
};

/** A value may go into several fields. */
struct em_efuses_parts {
    struct em_efuses_part part[EM_EFUSES_PARTS_MAX];
    size_t count;
    struct em_efuses_bits joint; /* the value itself, if it was a number */
};

/** What has to be so after the burn. */
struct em_efuses_expected {
    const struct em_efuse_field *field;
    enum { EM_EXPECT_VALUE, EM_EXPECT_READ_PROTECTED, EM_EXPECT_WRITE_PROTECTED } what;
    struct em_efuses_bits bits;
};

/** What is behind the bus. */
struct em_efuses_behind {
    /** Some blocks were burned, or an attempt was made; all of them if @p done. */
    enum em_status (*burned)(void *user, struct em_error *err);
    /** The way to the chip was lost: find it again. *secure_out: it is back, but in
     * secure download mode. */
    enum em_status (*again)(void *user, bool *secure_out, struct em_error *err);
    void (*close)(void *user);
    void *user;
};

/** The user's own fields (extend.c). */
struct em_efuses_extra {
    struct em_efuse_field *fields;
    size_t count;
    struct em_buf text; /* names, aliases and descriptions */
};

struct em_efuses {
    const struct em_chip *chip;
    struct em_efuse_view view;
    struct em_efuses_options options;
    bool force;
    struct em_efuse_bus bus;
    struct em_efuse_controller ctl;
    struct em_efuses_behind behind;
    struct em_efuses_extra extra;
    const struct em_efuse_field **fields; /* that there are, hidden ones left out */
    size_t field_count;

    struct em_efuse_state state;
    struct em_efuses_bits now[EM_EFUSE_BLOCKS_MAX];
    struct em_efuses_bits staged[EM_EFUSE_BLOCKS_MAX];
    bool recover[EM_EFUSE_BLOCKS_MAX]; /* burn what it holds once more */
    bool stage_failed;
    bool is_virtual;
    bool cut_off; /* the chip does not let anybody read any more */
    struct em_efuses_expected *expected;
    size_t expected_count;

    struct em_efuses_change *changes;
    size_t change_count;
    struct em_efuses_finding findings[EM_EFUSES_RULES_MAX];
    size_t finding_count;
    char subjects[EM_EFUSES_RULES_MAX][160]; /* of the findings */
    uint64_t overridden;                     /* a bit for each rule */
    uint64_t forced;                         /* the same, only for what is staged now */
    char approved[2 * EM_EFUSES_HASH + 1];   /* "": any plan */
    struct em_efuses_line *lines;
    struct em_buf texts;            /* of changes or lines */
    uint8_t shown[EM_EFUSES_BYTES]; /* raw bytes of the field last asked for */
    char value[160], bit_text[80], type[24];
    char mac[24], custom_mac[24], voltage[256];
};

/** What a bus needs of the one who opens. @p revision is used if not 0. */
struct em_efuses_source {
    const struct em_chip *chip;
    struct em_efuse_bus bus;
    struct em_efuses_behind behind;
    unsigned xtal_mhz;
    bool is_virtual;
    uint32_t revision;
    bool has_revision;
};

/** Open over any bus. @p source->behind is closed when this fails. */
enum em_status em_efuses_open_source(struct em_efuses **out,
                                     const struct em_efuses_source *source,
                                     const struct em_efuses_options *options,
                                     struct em_error *err);
/** Read everything again. */
enum em_status em_efuses_refresh(struct em_efuses *efuses, struct em_error *err);
/** Read BLOCK0 and @p block again, which takes a fraction of the time. */
enum em_status em_efuses_refresh_block(struct em_efuses *efuses, unsigned block,
                                       struct em_error *err);

/* Bits. */
static inline bool em_efuses_bit(const uint8_t *bytes, size_t bit)
{
    return (bytes[bit / 8] >> bit % 8 & 1) != 0;
}

static inline void em_efuses_set(uint8_t *bytes, size_t bit)
{
    bytes[bit / 8] = (uint8_t)(bytes[bit / 8] | 1U << bit % 8);
}

struct em_efuses_bits em_efuses_cut(const struct em_efuses_bits *block, size_t bit,
                                    size_t bits);
void em_efuses_join(struct em_efuses_bits *block, size_t bit, size_t bits,
                    const struct em_efuses_bits *value);
bool em_efuses_zero(const struct em_efuses_bits *bits);
/** Are all ones of @p part in @p whole? */
bool em_efuses_within(const struct em_efuses_bits *part,
                      const struct em_efuses_bits *whole);
bool em_efuses_same(const struct em_efuses_bits *a, const struct em_efuses_bits *b);
struct em_efuses_bits em_efuses_or(const struct em_efuses_bits *a,
                                   const struct em_efuses_bits *b);
/** The low 64 bits as a number, and back. */
uint64_t em_efuses_number(const struct em_efuses_bits *bits);
struct em_efuses_bits em_efuses_of_number(uint64_t number);

/* Fields as read. */
struct em_efuses_bits em_efuses_read(const struct em_efuses *efuses,
                                     const struct em_efuse_field *field);
struct em_efuses_bits em_efuses_staged(const struct em_efuses *efuses,
                                       const struct em_efuse_field *field);
/** By main name; 0 if there is no such field. */
uint64_t em_efuses_value(const struct em_efuses *efuses, const char *name);
/** By main name; NULL: none. */
const struct em_efuse_field *em_efuses_named(const struct em_efuses *efuses,
                                             const char *name);
/** Is it listed now? */
bool em_efuses_listed(const struct em_efuses *efuses, const struct em_efuse_field *field);
/** By name or alias. */
enum em_status em_efuses_look_up(const struct em_efuses *efuses, const char *name,
                                 bool listed, const struct em_efuse_field **out,
                                 struct em_error *err);
enum em_status em_efuses_look_up_block(const struct em_efuses *efuses, const char *name,
                                       const struct em_efuse_block **out,
                                       struct em_error *err);
/** The parts of a value that stands in several fields, the lowest first; 0: none. */
size_t em_efuses_pieces(const struct em_efuses *efuses,
                        const struct em_efuse_field *field,
                        const struct em_efuse_field *out[EM_EFUSES_PARTS_MAX]);
/** Value of a field that may be reckoned from, or stand in, others. */
uint64_t em_efuses_joint(const struct em_efuses *efuses,
                         const struct em_efuse_field *field);

bool em_efuses_wr_closed(const struct em_efuses *efuses, int bit);
bool em_efuses_rd_closed(const struct em_efuses *efuses, const int8_t *bits,
                         size_t count);
bool em_efuses_can_read(const struct em_efuses *efuses,
                        const struct em_efuse_field *field);
bool em_efuses_can_write(const struct em_efuses *efuses,
                         const struct em_efuse_field *field);
size_t em_efuses_block_bits(const struct em_efuses *efuses,
                            const struct em_efuse_block *block);
/** The field that tells the purpose of a key block, or NULL. */
const struct em_efuse_field *em_efuses_purpose_field(const struct em_efuses *efuses,
                                                     const struct em_efuse_block *block);
/** The block whose purpose @p field tells, or NULL. */
const struct em_efuse_block *em_efuses_purpose_block(const struct em_efuses *efuses,
                                                     const struct em_efuse_field *field);
/** Can it hold a key of its own? */
bool em_efuses_key_block(const struct em_efuses *efuses,
                         const struct em_efuse_block *block);
/** May another key go there? Counts what is staged. */
bool em_efuses_block_free(const struct em_efuses *efuses,
                          const struct em_efuse_block *block);

/** @p text as bits for @p field. */
enum em_status em_efuses_parse(const struct em_efuses *efuses,
                               const struct em_efuse_field *field, const char *text,
                               struct em_efuses_parts *out, struct em_error *err);
enum em_status em_efuses_parse_mac(const char *text, uint8_t out[6],
                                   struct em_error *err);
/** Can a block hold a key of this purpose? */
enum em_status em_efuses_check_place(const struct em_efuses *efuses,
                                     const struct em_efuse_purpose *purpose,
                                     const struct em_efuse_block *block,
                                     struct em_error *err);
/** Split a purpose's number or another value into the fields that hold it. */
enum em_status em_efuses_spread(const struct em_efuses *efuses,
                                const struct em_efuse_field *field, uint64_t number,
                                struct em_efuses_parts *out, struct em_error *err);
/** Text of a field's value as published tools show it. */
void em_efuses_show(struct em_efuses *efuses, const struct em_efuse_field *field,
                    struct em_efuses_field *out);
const char *em_efuses_purpose_text(const struct em_efuses *efuses,
                                   const struct em_efuse_block *block);
uint8_t em_efuses_crc8(const uint8_t *data, size_t len);

/** Stage bits of a field, with all checks. */
enum em_status em_efuses_stage_value(struct em_efuses *efuses,
                                     const struct em_efuse_field *field,
                                     const struct em_efuses_bits *value,
                                     struct em_error *err);
enum em_status em_efuses_stage_named(struct em_efuses *efuses, const char *name,
                                     uint64_t number, struct em_error *err);
enum em_status em_efuses_close_write(struct em_efuses *efuses,
                                     const struct em_efuse_field *field,
                                     struct em_error *err);
enum em_status em_efuses_close_read(struct em_efuses *efuses,
                                    const struct em_efuse_field *field,
                                    struct em_error *err);
enum em_status em_efuses_expect(struct em_efuses *efuses,
                                const struct em_efuses_expected *expected,
                                struct em_error *err);
/** Remember that staging failed: then nothing is burned. */
enum em_status em_efuses_stage_done(struct em_efuses *efuses, enum em_status status);

/** Does the block show coding errors that its own data, burned again, can mend? */
bool em_efuses_damaged(const struct em_efuses *efuses, size_t block);
/** May bits be added that belong to what is there: damaged, or without any coding? */
bool em_efuses_can_complete(const struct em_efuses *efuses, size_t block);
/** Is anything staged for the block? */
bool em_efuses_has_staged(const struct em_efuses *efuses, size_t block);
/** The checks of all blocks before a burn; drops what is there already. */
enum em_status em_efuses_check_blocks(struct em_efuses *efuses, struct em_error *err);
/** The bits of BLOCK0 that are burned last. */
struct em_efuses_bits em_efuses_postponed(const struct em_efuses *efuses);
/** EM_ERR_REFUSED if another plan, or for a chip in another state, was approved. */
enum em_status em_efuses_check_approved(struct em_efuses *efuses, struct em_error *err);

/** Digest of the public key in a PEM file, as secure boot reckons it. */
enum em_status em_efuses_pem_digest(const uint8_t *pem, size_t len, uint8_t out[32],
                                    struct em_error *err);
/** The number of a private key for elliptic curves, highest byte first. */
enum em_status em_efuses_pem_secret(const uint8_t *pem, size_t len, uint8_t out[64],
                                    size_t *len_out, struct em_error *err);

/** Read the user's own fields. */
enum em_status em_efuses_extend(struct em_efuses *efuses, const char *file,
                                struct em_error *err);
/** The same from memory; @p name for messages. */
enum em_status em_efuses_extend_text(struct em_efuses *efuses, const uint8_t *text,
                                     size_t len, const char *name, struct em_error *err);
void em_efuses_extra_free(struct em_efuses_extra *extra);

/** Replies @p status and fills @p err, or warns and says EM_OK where force is on. */
enum em_status em_efuses_refuse(struct em_efuses *efuses, struct em_error *err,
                                const char *hint, const char *fmt, ...) EM_PRINTF(4, 5);
void em_efuses_log(const struct em_efuses *efuses, enum em_log_level level,
                   const char *fmt, ...) EM_PRINTF(3, 4);

/** What was asked of @p name is so already, as @p what says: a note, or EM_ERR_REFUSED
 * where the caller is strict. */
enum em_status em_efuses_already(const struct em_efuses *efuses, const char *name,
                                 const char *what, struct em_error *err);

#endif
