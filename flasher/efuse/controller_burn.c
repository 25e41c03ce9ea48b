/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of the eFuse controller: burning one block. */
#include "config.h"

#include "flasher/efuse/controller_int.h"

#include "base/bytes_int.h"
#include "flasher/efuse/coding_int.h"
#include "flasher/efuse/fields_int.h"

#include <openssl/crypto.h>

#include <string.h>

enum {
    ATTEMPTS = 3,
    FILLS = 3,  /* of the program registers, until they hold what they should */
    CHECKS = 5, /* a weak bit does not show every time */
};

/* A block to burn: what goes into its registers, and what should be read afterwards. */
struct job {
    const struct em_efuse_controller *ctl;
    const struct em_efuse_block *block;
    uint32_t program[EM_EFUSE_PGM_WORDS];
    size_t program_words;
    uint32_t wanted[EM_EFUSE_WORDS_MAX];
    uint32_t before[EM_EFUSE_WORDS_MAX];
    uint32_t now[EM_EFUSE_WORDS_MAX];
    uint32_t rd_dis;
};

static bool own_windows(const struct em_efuse_controller *ctl)
{
    return ctl->table->regs.check == 0;
}

static enum em_status check_xtal(const struct em_efuse_controller *ctl,
                                 struct em_error *err)
{
    const uint16_t *xtal = ctl->table->xtal;
    if (xtal[0] == 0)
        return EM_OK;
    for (size_t i = 0; i < sizeof ctl->table->xtal / sizeof xtal[0]; i++)
        if (xtal[i] != 0 && xtal[i] == ctl->xtal_mhz)
            return EM_OK;
    return em_error_set(err, EM_ERR_UNSUPPORTED,
                        "connect again; the crystal may have been measured wrongly",
                        "%s: no eFuse timing for a crystal of %u MHz", ctl->chip->name,
                        ctl->xtal_mhz);
}

static enum em_status set_timing(const struct em_efuse_controller *ctl,
                                 struct em_error *err)
{
    enum em_status status = EM_OK;
    for (size_t i = 0; status == EM_OK && i < ctl->table->timing_count; i++) {
        const struct em_efuse_timing *row = &ctl->table->timings[i];
        if (row->mhz != ctl->xtal_mhz)
            continue;
        uint32_t value = 0;
        status = em_efuse_get(ctl, row->off, &value, 1, err);
        value =
            (value & ~row->mask) | (em_efuse_place(row->mask, row->value) & row->mask);
        if (status == EM_OK)
            status = em_efuse_put(ctl, row->off, &value, 1, err);
    }
    return status;
}

/* Everything that a program command would burn. On the ESP32 that is all blocks. */
static enum em_status clear_program(const struct em_efuse_controller *ctl,
                                    struct em_error *err)
{
    const uint32_t zeros[EM_EFUSE_PGM_WORDS] = {0};
    if (!own_windows(ctl))
        return em_efuse_put(ctl, ctl->table->blocks[0].write, zeros, EM_EFUSE_PGM_WORDS,
                            err);
    enum em_status status = EM_OK;
    for (size_t i = 0; status == EM_OK && i < ctl->table->block_count; i++) {
        const struct em_efuse_block *block = &ctl->table->blocks[i];
        status = em_efuse_put(ctl, block->write, zeros, block->words, err);
    }
    return status;
}

static enum em_status command(const struct em_efuse_controller *ctl, uint32_t op,
                              uint32_t value, struct em_error *err)
{
    enum em_status status = em_efuse_put(ctl, ctl->table->regs.conf, &op, 1, err);
    return status == EM_OK ? em_efuse_put(ctl, ctl->table->regs.cmd, &value, 1, err)
                           : status;
}

/* ---- Commands that arrive changed ----
 *
 * No checksum guards WRITE_REG, and a bit that a cable changes would be burned for good.
 * So what is going to be burned is read back before the command is given. */

static enum em_status compare(const struct em_efuse_controller *ctl, uint32_t off,
                              const uint32_t *wanted, size_t count, bool *same,
                              struct em_error *err)
{
    uint32_t found[EM_EFUSE_PGM_WORDS] = {0};
    enum em_status status = em_efuse_get(ctl, off, found, count, err);
    if (status == EM_OK && memcmp(found, wanted, count * sizeof found[0]) != 0)
        *same = false;
    OPENSSL_cleanse(found, sizeof found); /* may be a key */
    return status;
}

/* Do all registers that a program command burns hold what they should? */
static enum em_status compare_program(const struct job *job, bool *same,
                                      struct em_error *err)
{
    const uint32_t zeros[EM_EFUSE_PGM_WORDS] = {0};
    const struct em_efuse_table *table = job->ctl->table;
    enum em_status status = EM_OK;
    *same = true;
    if (!own_windows(job->ctl))
        /* Check registers are not burned with BLOCK0; files of virtual chips keep them.
         */
        return compare(job->ctl, job->block->write, job->program, job->program_words,
                       same, err);
    for (size_t i = 0; status == EM_OK && *same && i < table->block_count; i++) {
        const struct em_efuse_block *block = &table->blocks[i];
        status =
            compare(job->ctl, block->write, block == job->block ? job->program : zeros,
                    block->words, same, err);
    }
    return status;
}

/* Bring what is to be burned into the registers, and nothing else. */
static enum em_status fill_program(const struct job *job, struct em_error *err)
{
    const struct em_efuse_controller *ctl = job->ctl;
    for (unsigned i = 0; i < FILLS; i++) {
        bool same = false;
        enum em_status status = em_efuse_wait_idle(ctl, err);
        if (status == EM_OK)
            status = clear_program(ctl, err); /* whatever an earlier program left there */
        if (status == EM_OK)
            status = em_efuse_wait_idle(ctl, err);
        if (status == EM_OK)
            status = em_efuse_put(ctl, job->block->write, job->program,
                                  job->program_words, err);
        if (status == EM_OK)
            status = em_efuse_wait_idle(ctl, err);
        if (status == EM_OK)
            status = compare_program(job, &same, err);
        if (status != EM_OK || same)
            return status;
    }
    return em_error_set(err, EM_ERR_LINK, "check the cable, or use a lower --baud",
                        "%s: not burned: the program registers hold something else than "
                        "was written, %d times",
                        job->block->name, (int)FILLS);
}

/* The number of the block goes before the command, which then changes a single bit: no
 * bit that is changed on the way makes it burn another block. */
static enum em_status command_block(const struct em_efuse_controller *ctl, unsigned block,
                                    struct em_error *err)
{
    const uint32_t op = EM_EFUSE_OP_PROGRAM;
    const uint32_t number = (uint32_t)block << EM_EFUSE_CMD_BLOCK_SHIFT;
    struct em_efuse_write program = {.addr = ctl->chip->efuse_base + ctl->table->regs.cmd,
                                     .value = EM_EFUSE_CMD_PROGRAM | number,
                                     .mask = EM_EFUSE_CMD_PROGRAM};
    bool same = false;
    enum em_status status = em_efuse_put(ctl, ctl->table->regs.conf, &op, 1, err);
    for (unsigned i = 0; status == EM_OK && !same && i < FILLS; i++) {
        same = true;
        status = em_efuse_put(ctl, ctl->table->regs.cmd, &number, 1, err);
        if (status == EM_OK)
            status = compare(ctl, ctl->table->regs.cmd, &number, 1, &same, err);
    }
    if (!same)
        program.mask = UINT32_MAX; /* a controller that does not keep the number */
    return status == EM_OK ? ctl->bus->write_regs(ctl->bus->user, &program, 1, err)
                           : status;
}

/* ---- Burning ---- */

/* ESP32: the block's own registers; the command has no block number. */
static enum em_status program_own(const struct job *job, struct em_efuse_burn *burn,
                                  struct em_error *err)
{
    const struct em_efuse_controller *ctl = job->ctl;
    enum em_status status = em_efuse_wait_idle(ctl, err);
    if (status == EM_OK)
        status = set_timing(ctl, err);
    if (status == EM_OK)
        status = fill_program(job, err); /* nothing is written after its proof */
    if (status != EM_OK)
        return status;
    burn->attempts++;
    burn->lost = true;
    return command(ctl, EM_EFUSE_OP_PROGRAM, EM_EFUSE_CMD_PROGRAM, err);
}

/* Later chips: one window for all. */
static enum em_status program_shared(const struct job *job, struct em_efuse_burn *burn,
                                     struct em_error *err)
{
    const struct em_efuse_controller *ctl = job->ctl;
    enum em_status status = set_timing(ctl, err);
    if (status == EM_OK)
        status = fill_program(job, err);
    if (status != EM_OK)
        return status;
    burn->attempts++;
    burn->lost = true;
    return command_block(ctl, job->block->number, err);
}

/* One attempt, from writing to reading back. */
static enum em_status attempt(const struct job *job, struct em_efuse_burn *burn,
                              struct em_error *err)
{
    enum em_status status = own_windows(job->ctl) ? program_own(job, burn, err)
                                                  : program_shared(job, burn, err);
    if (status == EM_OK)
        status = em_efuse_wait_idle(job->ctl, err);
    /* Key data must not stay readable; also if something went wrong before. */
    enum em_status cleared = clear_program(job->ctl, status == EM_OK ? err : NULL);
    if (status == EM_OK)
        status = cleared;
    if (status == EM_OK)
        status = em_efuse_reload(job->ctl, err);
    if (status == EM_OK)
        burn->lost = false;
    return status;
}

static bool has_errors(const struct em_efuse_errors *errors)
{
    return errors->fail || errors->count > 0;
}

static enum em_status look_for_errors(const struct job *job, struct em_efuse_errors *out,
                                      struct em_error *err)
{
    enum em_status status = EM_OK;
    for (unsigned i = 0; status == EM_OK && i < CHECKS; i++) {
        status = em_efuse_reload(job->ctl, err);
        if (status == EM_OK)
            status = em_efuse_read_errors(job->ctl, job->block, out, NULL, err);
        if (status == EM_OK && has_errors(out))
            break;
    }
    return status;
}

/* Are all of @p wanted set in what was read? */
static bool holds(const struct job *job, const uint32_t *wanted)
{
    for (size_t i = 0; i < job->block->words; i++)
        if ((wanted[i] & ~job->now[i]) != 0)
            return false;
    return true;
}

static bool read_protected(const struct job *job)
{
    for (size_t i = 0; i < job->block->rd_dis_count; i++)
        if ((job->rd_dis >> job->block->rd_dis[i] & 1) != 0)
            return true;
    return false;
}

static enum em_status try_until_clean(struct job *job, struct em_efuse_burn *burn,
                                      struct em_error *err)
{
    enum em_status status = EM_OK;
    for (unsigned i = 0; status == EM_OK && i < ATTEMPTS; i++) {
        status = attempt(job, burn, err);
        if (status == EM_OK)
            status = look_for_errors(job, &burn->after, err);
        if (status == EM_OK)
            status = em_efuse_get(job->ctl, job->block->read, job->now, job->block->words,
                                  err);
        if (status == EM_OK && !has_errors(&burn->after) &&
            (read_protected(job) || holds(job, job->wanted)))
            break;
    }
    return status;
}

/* What the program registers get, and what shall be read. */
static enum em_status encode(struct job *job, const uint8_t *data,
                             enum em_efuse_scheme scheme, struct em_error *err)
{
    if (job->block->coding == EM_EFUSE_SCHEME && scheme == EM_EFUSE_SCHEME_REPEAT)
        return em_error_set(err, EM_ERR_UNSUPPORTED, "use another chip",
                            "%s: coding scheme 2 (repeat) is burned",
                            job->ctl->chip->name);
    uint8_t plain[EM_EFUSE_PGM_WORDS * 4] = {0};
    uint8_t coded[EM_EFUSE_PGM_WORDS * 4] = {0};
    memcpy(plain, data, em_efuse_block_bytes(job->block, scheme));
    memcpy(coded, plain, sizeof coded);
    /* Later chips: BLOCK0 fills the data registers, missing words are zero. */
    job->program_words = own_windows(job->ctl) || job->block->words > 8
                             ? job->block->words
                             : EM_EFUSE_RS_DATA / 4;
    if (job->block->coding == EM_EFUSE_RS) {
        em_efuse_rs_encode(plain, coded + EM_EFUSE_RS_DATA);
        job->program_words = EM_EFUSE_PGM_WORDS;
    } else if (job->block->coding == EM_EFUSE_SCHEME && scheme == EM_EFUSE_SCHEME_34) {
        em_efuse_34_encode(plain, coded);
    }
    for (size_t i = 0; i < EM_EFUSE_PGM_WORDS; i++)
        job->program[i] = em_get_le32(coded + 4 * i);
    for (size_t i = 0; i < job->block->words; i++)
        job->wanted[i] = em_get_le32(plain + 4 * i);
    OPENSSL_cleanse(plain, sizeof plain); /* may be a key */
    OPENSSL_cleanse(coded, sizeof coded);
    return EM_OK;
}

/* Bits burned and bits that were there before must be there; nothing may be worse. */
static enum em_status judge(const struct job *job, struct em_efuse_burn *burn,
                            struct em_error *err)
{
    if ((burn->after.fail && !burn->before.fail) ||
        burn->after.count > burn->before.count)
        return em_error_set(
            err, EM_ERR_VERIFY, "burn the block's data again to complete weak bits",
            "%s: %u coding errors after %u burns%s", job->block->name, burn->after.count,
            burn->attempts, burn->after.fail ? ", too many to mend" : "");
    if (read_protected(job))
        return EM_OK;
    burn->incomplete = !holds(job, job->wanted) || !holds(job, job->before);
    if (burn->incomplete && job->block->number != 0)
        return em_error_set(err, EM_ERR_VERIFY,
                            "see whether the block is write protected",
                            "%s: not all bits are there after %u burns", job->block->name,
                            burn->attempts);
    return EM_OK; /* in BLOCK0 a bit may just have hidden others */
}

enum em_status em_efuse_burn_block(const struct em_efuse_controller *ctl, unsigned block,
                                   const uint8_t *data, struct em_efuse_burn *burn_out,
                                   struct em_error *err)
{
    memset(burn_out, 0, sizeof *burn_out);
    struct job job = {.ctl = ctl, .block = em_efuse_block_at(ctl->table, block)};
    if (job.block == NULL)
        return em_error_set(err, EM_ERR_USAGE, "see the chip's table",
                            "%s: there is no eFuse block %u", ctl->chip->name, block);
    enum em_status status = check_xtal(ctl, err);
    if (status != EM_OK)
        return status;
    struct em_efuse_state state;
    status = em_efuse_read_some(ctl, (int)block, &state, err);
    if (status == EM_OK)
        status = encode(&job, data, state.scheme, err);
    if (status == EM_OK) {
        const struct em_efuse_view view = {ctl->table, EM_EFUSE_NEWEST, 0};
        const struct em_efuse_field *rd_dis = em_efuse_field_find(&view, "RD_DIS");
        job.rd_dis = state.words[0][rd_dis->bit / 32] >> rd_dis->bit % 32;
        memcpy(job.before, state.words[block], sizeof job.before);
        burn_out->before = state.errors[block];
        status = try_until_clean(&job, burn_out, err);
    }
    if (status == EM_OK)
        status = judge(&job, burn_out, err);
    OPENSSL_cleanse(&state, sizeof state);
    OPENSSL_cleanse(&job, sizeof job);
    return status;
}
