/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a chip's eFuses: their content, and the journal of what was burned. Both
 * agree whenever the program is killed. */
#include "config.h"

#include "base/bytes_int.h"
#include "base/file_int.h"
#include "flasher/sim/sim_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLAIN_SPACE = EM_SIM_PLAIN_FUSES, FILE_MAX = 65536, JOURNAL_MAX = 64 << 20 };

/* ---- saving ---- */

static enum em_status put_file(const char *path, const void *data, size_t len,
                               struct em_error *err)
{
    const char *slash = strrchr(path, '/');
    size_t folder_len = slash == NULL ? 0 : (size_t)(slash - path);
    char *folder = malloc(folder_len + 2);
    struct em_dir *dir = NULL;
    if (folder == NULL)
        return em_error_nomem(err);
    memcpy(folder, path, folder_len);
    memcpy(folder + folder_len, slash == path ? "/" : ".", 2);
    if (folder_len > 0)
        folder[folder_len] = '\0';
    enum em_status status = em_dir_open(&dir, folder, err);
    if (status == EM_OK)
        status = em_dir_put(dir, slash == NULL ? path : slash + 1, data, len, 0666,
                            EM_PUT_REPLACE, err);
    em_dir_close(dir);
    free(folder);
    return status;
}

static enum em_status save_as(struct em_sim *sim, const char *path, struct em_error *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    uint8_t plain[PLAIN_SPACE];
    if (sim->fuses == NULL) {
        for (uint32_t i = 0; i < PLAIN_SPACE; i += 4)
            em_put_le32(plain + i,
                        em_sim_memory_read(&sim->plain_fuses, sim->chip->efuse_base + i));
        return put_file(path, plain, sizeof plain, err);
    }
    enum em_status status = em_efuse_model_save(sim->fuses, &data, &len, err);
    if (status == EM_OK)
        status = put_file(path, data, len, err);
    free(data);
    return status;
}

enum em_status em_sim_fuses_save(struct em_sim *sim, struct em_error *err)
{
    const char *path = sim->options.efuse_file;
    return path == NULL ? EM_OK : save_as(sim, path, err);
}

/* ---- journal ---- */

void em_sim_journal_line(struct em_buf *journal, unsigned block, unsigned bit, bool check)
{
    char line[64];
    (void)snprintf(line, sizeof line, "block %u %sbit %u\n", block, check ? "check " : "",
                   bit);
    em_buf_append_text(journal, line);
}

static enum em_status append(const char *path, const struct em_buf *lines,
                             struct em_error *err)
{
    enum em_status status = EM_OK;
    if (lines->len == 0)
        return EM_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, lines->data, lines->len) != (ssize_t)lines->len)
        status = em_error_errno(err, errno, "cannot write the journal %s", path);
    if (fd >= 0 && close(fd) != 0 && status == EM_OK)
        status = em_error_errno(err, errno, "cannot write the journal %s", path);
    return status;
}

/* What was burned stands in this file until it is in the journal as well. *out is the
 * caller's. */
static enum em_status next_name(char **out, const char *path, struct em_error *err)
{
    static const char suffix[] = ".next";
    size_t len = strlen(path);
    *out = malloc(len + sizeof suffix);
    if (*out == NULL)
        return em_error_nomem(err);
    memcpy(*out, path, len);
    memcpy(*out + len, suffix, sizeof suffix);
    return EM_OK;
}

static enum em_status take_place(const char *next, const char *path, struct em_error *err)
{
    return rename(next, path) == 0 ? EM_OK
                                   : em_error_errno(err, errno, "cannot make %s", path);
}

enum em_status em_sim_fuses_note_burn(struct em_sim *sim, struct em_error *err)
{
    const char *path = sim->options.efuse_file;
    const char *journal = sim->options.journal_file;
    char *next = NULL;
    enum em_status status;
    if (path == NULL || sim->journal.len == 0) {
        status = em_sim_fuses_save(sim, err);
        if (status == EM_OK)
            status = append(journal, &sim->journal, err);
    } else {
        status = next_name(&next, path, err);
        if (status == EM_OK)
            status = save_as(sim, next, err);
        if (status == EM_OK)
            status = append(journal, &sim->journal, err);
        if (status == EM_OK)
            status = take_place(next, path, err);
    }
    em_buf_clear(&sim->journal);
    free(next);
    return status;
}

/* ---- loading ---- */

/* The words one behind the other, each with its lowest byte first. */
static enum em_status load_plain(struct em_sim *sim, const struct em_buf *file,
                                 struct em_error *err)
{
    if (file->len != PLAIN_SPACE)
        return em_error_set(err, EM_ERR_INPUT, "name a new file",
                            "eFuse file of %s: %zu bytes, %d are needed", sim->chip->name,
                            file->len, PLAIN_SPACE);
    for (uint32_t i = 0; i < PLAIN_SPACE; i += 4)
        em_sim_fuses_seed(sim, sim->chip->efuse_base + i, 0, 32,
                          em_get_le32(file->data + i));
    return EM_OK;
}

/* Is @p line, which ends with a line feed, one of the lines of @p text? */
static bool has_line(const struct em_buf *text, const char *line, size_t len)
{
    for (size_t at = 0; at + len <= text->len;) {
        if (memcmp(text->data + at, line, len) == 0)
            return true;
        const uint8_t *end = memchr(text->data + at, '\n', text->len - at);
        if (end == NULL)
            return false;
        at = (size_t)(end - text->data) + 1;
    }
    return false;
}

/* What a repair finds out. */
struct missing {
    struct em_buf journal; /* as it is */
    struct em_buf lines;   /* that it lacks */
};

static void find_missing(void *user, unsigned block, unsigned bit, bool check)
{
    struct missing *missing = user;
    struct em_buf line = {0};
    em_sim_journal_line(&line, block, bit, check);
    if (!line.failed && !has_line(&missing->journal, (const char *)line.data, line.len))
        em_buf_append(&missing->lines, line.data, line.len);
    em_buf_free(&line);
}

/* The journal without the beginning of a line at its end. */
static enum em_status read_journal(struct em_buf *out, const char *path,
                                   struct em_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0 && errno == ENOENT)
        return EM_OK;
    enum em_status status = em_file_read(out, path, JOURNAL_MAX, err);
    size_t whole = out->len;
    while (whole > 0 && out->data[whole - 1] != '\n')
        whole--;
    if (status == EM_OK && whole < out->len) {
        out->len = whole;
        if (truncate(path, (off_t)whole) != 0)
            status = em_error_errno(err, errno, "cannot write the journal %s", path);
    }
    return status;
}

/* A kill came into a burn, which led to @p after. */
static enum em_status finish_burn(struct em_sim *sim, const struct em_efuse_model *after,
                                  const char *next, struct em_error *err)
{
    struct missing missing = {0};
    const char *journal = sim->options.journal_file;
    enum em_status status = EM_OK;
    if (journal != NULL)
        status = read_journal(&missing.journal, journal, err);
    if (status == EM_OK) {
        if (!em_efuse_model_diff(sim->fuses, after, find_missing, &missing)) {
            (void)unlink(next); /* of another chip, whose file was replaced since */
            goto out;
        }
        if (missing.lines.failed)
            status = em_error_nomem(err);
    }
    if (status == EM_OK && journal != NULL)
        status = append(journal, &missing.lines, err);
    if (status == EM_OK)
        status = take_place(next, sim->options.efuse_file, err);
out:
    em_buf_free(&missing.journal);
    em_buf_free(&missing.lines);
    return status;
}

static enum em_status load_file(struct em_efuse_model *model, const char *path,
                                struct em_error *err)
{
    struct em_buf file = {0};
    enum em_status status = em_file_read(&file, path, FILE_MAX, err);
    if (status == EM_OK)
        status = em_efuse_model_load(model, file.data, file.len, err);
    em_buf_free(&file);
    return status;
}

/* Was the program killed in a burn? Then that is finished first. */
static enum em_status mend(struct em_sim *sim, struct em_error *err)
{
    const char *path = sim->options.efuse_file;
    struct em_efuse_model *after = NULL;
    struct stat st;
    char *next;
    enum em_status status = next_name(&next, path, err);
    if (status != EM_OK || stat(next, &st) != 0)
        goto out;
    status = em_efuse_model_new(&after, sim->chip, err);
    if (status == EM_OK && load_file(after, next, NULL) != EM_OK) {
        (void)unlink(next); /* no such file is made in part: it is something else's */
        goto out;
    }
    if (status == EM_OK)
        status = finish_burn(sim, after, next, err);
    if (status == EM_OK)
        status = load_file(sim->fuses, path, err);
out:
    em_efuse_model_free(after);
    free(next);
    return status;
}

enum em_status em_sim_fuses_load(struct em_sim *sim, struct em_error *err)
{
    struct em_buf file = {0};
    struct stat st;
    const char *path = sim->options.efuse_file;
    if (path == NULL || (stat(path, &st) != 0 && errno == ENOENT)) {
        em_sim_seed_fuses(sim);
        return em_sim_fuses_save(sim, err);
    }
    if (sim->fuses != NULL) {
        enum em_status status = load_file(sim->fuses, path, err);
        return status == EM_OK ? mend(sim, err) : status;
    }
    enum em_status status = em_file_read(&file, path, FILE_MAX, err);
    if (status == EM_OK)
        status = load_plain(sim, &file, err);
    em_buf_free(&file);
    return status;
}
