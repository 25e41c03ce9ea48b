/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual eFuses: the model behind the bus, kept in a file as published tools keep it. */
#include "config.h"

#include "flasher/efuse/efuses_int.h"

#include "flasher/efuse/coding_int.h"
#include "flasher/efuse/model_int.h"

#include "base/file_int.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdlib.h>

enum {
    FILE_MAX = 1 << 20,
    FILE_MODE = 0600, /* it may hold keys */
    VIRTUAL_MHZ = 40, /* of chips that take several crystals; efuse.md, section 14.2 */
};

struct virtual
{
    struct em_efuse_model *model;
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    unsigned xtal_mhz;
    char *file; /* NULL: kept nowhere */
};

static uint32_t window_read(const struct virtual *v, uint32_t off)
{
    return em_efuse_model_read(v->model, v->chip->efuse_base + off);
}

static void window_write(const struct virtual *v, uint32_t off, uint32_t value)
{
    int64_t busy_us; /* nobody waits for a virtual chip */
    em_efuse_model_write(v->model, v->chip->efuse_base + off, value, &busy_us);
}

static enum em_status read_reg(void *user, uint32_t addr, uint32_t *out,
                               struct em_error *err)
{
    (void)err; /* nothing fails */
    struct virtual *v = user;
    /* Besides eFuses only one register is ever read, for the ESP32's revision: a bit that
     * every later revision has set. */
    *out = em_efuse_model_has(v->model, addr) ? em_efuse_model_read(v->model, addr)
                                              : UINT32_MAX;
    return EM_OK;
}

/* Published tools set up the timing of a virtual chip with values that are not moved to
 * their place, and their files show it. */
static void leave_timing(const struct virtual *v)
{
    for (size_t i = 0; i < v->table->timing_count; i++) {
        const struct em_efuse_timing *row = &v->table->timings[i];
        if (row->mhz == v->xtal_mhz)
            window_write(v, row->off,
                         window_read(v, row->off) | (row->value & row->mask));
    }
}

static bool is_timing(const struct virtual *v, uint32_t off)
{
    for (size_t i = 0; i < v->table->timing_count; i++)
        if (v->table->timings[i].off == off)
            return true;
    return false;
}

static bool all_zero(const struct em_efuse_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (writes[i].value != 0)
            return false;
    return true;
}

static enum em_status write_regs(void *user, const struct em_efuse_write *writes,
                                 size_t count, struct em_error *err)
{
    (void)err; /* nothing fails */
    struct virtual *v = user;
    uint32_t check = v->table->regs.check;
    bool wide = v->table->blocks[0].words > EM_EFUSE_RS_DATA / 4;
    bool clearing = count > 1 && all_zero(writes, count);
    for (size_t i = 0; i < count; i++) {
        if (writes[i].mask == 0)
            continue;
        uint32_t off = writes[i].addr - v->chip->efuse_base;
        /* Files of published tools still have the check words of the last burn, but for
         * chips with a long BLOCK0. */
        bool stays = clearing && !wide && check != 0 && off >= check && off < check + 12;
        if (stays || is_timing(v, off))
            continue;
        if (off == v->table->regs.cmd && (writes[i].value & EM_EFUSE_CMD_PROGRAM) != 0)
            leave_timing(v);
        uint32_t old = window_read(v, off);
        window_write(v, off,
                     (old & ~writes[i].mask) | (writes[i].value & writes[i].mask));
    }
    return EM_OK;
}

static void no_sleep(void *user, unsigned ms)
{
    (void)user;
    (void)ms; /* a virtual chip is done at once */
}

/* Write the file in one step, whatever happens meanwhile. */
static enum em_status put_file(const char *path, const uint8_t *data, size_t len,
                               struct em_error *err)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    mode_t mode = there ? st.st_mode & 0777 : (mode_t)FILE_MODE;
    char *folder = strdup(path);
    if (folder == NULL)
        return em_error_nomem(err);
    char *slash = strrchr(folder, '/');
    const char *name = slash == NULL ? path : path + (slash - folder) + 1;
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    struct em_dir *dir = NULL;
    enum em_status status = em_dir_open(&dir, slash == NULL ? "." : folder, err);
    if (status == EM_OK)
        status = em_dir_put(dir, name, data, len, mode, EM_PUT_REPLACE, err);
    em_dir_close(dir);
    free(folder);
    return status;
}

static enum em_status save(void *user, struct em_error *err)
{
    struct virtual *v = user;
    uint8_t *bytes = NULL;
    size_t len = 0;
    if (v->file == NULL)
        return EM_OK;
    enum em_status status = em_efuse_model_save(v->model, &bytes, &len, err);
    if (status == EM_OK)
        status = put_file(v->file, bytes, len, err);
    if (bytes != NULL)
        OPENSSL_cleanse(bytes, len);
    free(bytes);
    return status;
}

static enum em_status again(void *user, bool *secure_out, struct em_error *err)
{
    (void)user;
    *secure_out = false;
    return em_error_set(err, EM_ERR_LINK, NULL, "a virtual chip cannot be lost");
}

static void close_virtual(void *user)
{
    struct virtual *v = user;
    em_efuse_model_free(v->model);
    free(v->file);
    free(v);
}

static enum em_status load(struct virtual *v, bool read_only, struct em_error *err)
{
    struct stat st;
    struct em_buf bytes = {0};
    if (stat(v->file, &st) != 0 && errno == ENOENT)
        return read_only ? EM_OK : save(v, err);
    enum em_status status = em_file_read(&bytes, v->file, FILE_MAX, err);
    if (status == EM_OK)
        status = em_efuse_model_load(v->model, bytes.data, bytes.len, err);
    em_error_at(err, status == EM_OK ? NULL : v->file, 0);
    if (status == EM_OK && bytes.len == 0 && !read_only)
        status = save(v, err);
    em_buf_wipe(&bytes);
    return status;
}

static enum em_status prepare(struct virtual *v, const struct em_chip *chip,
                              const char *file, bool read_only, struct em_error *err)
{
    v->chip = chip;
    v->xtal_mhz = chip->xtal_measured ? VIRTUAL_MHZ : chip->xtal_mhz;
    enum em_status status = em_efuse_model_new(&v->model, chip, err);
    if (status != EM_OK)
        return status;
    v->table = em_efuse_table_find(chip);
    em_efuse_model_set_style(v->model, EM_EFUSE_VIRTUAL);
    if (file == NULL)
        return EM_OK;
    v->file = strdup(file);
    return v->file == NULL ? em_error_nomem(err) : load(v, read_only, err);
}

enum em_status em_efuses_open_virtual(struct em_efuses **out, const char *name,
                                      const char *file,
                                      const struct em_efuses_options *options,
                                      struct em_error *err)
{
    static const struct em_efuses_options plain = EM_EFUSES_OPTIONS_INIT;
    *out = NULL;
    options = options == NULL ? &plain : options;
    const struct em_chip *chip = em_chip_find(name);
    if (chip == NULL)
        return em_error_set(err, EM_ERR_USAGE, "esp32, esp32s3, esp32c3, …",
                            "there is no chip '%.32s'", name);
    struct virtual *v = calloc(1, sizeof *v);
    if (v == NULL)
        return em_error_nomem(err);
    enum em_status status = prepare(v, chip, file, options->read_only, err);
    if (status != EM_OK) {
        close_virtual(v);
        return status;
    }
    const struct em_efuses_source source = {
        .chip = chip,
        .bus = {read_reg, write_regs, no_sleep, v},
        .behind = {save, again, close_virtual, v},
        .xtal_mhz = v->xtal_mhz,
        .is_virtual = true,
        .revision =
            options->revision != 0 ? options->revision : v->table->virtual_revision,
        .has_revision = options->revision != 0 || options->table_520,
    };
    return em_efuses_open_source(out, &source, options, err);
}
