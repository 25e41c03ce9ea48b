/* SPDX-License-Identifier: Apache-2.0 */
/* The folders of a batch that is verified: what is in them, and what should not be. */
#include "config.h"

#include "mfg/verify_int.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SIZES_SAMPLED = 64, /* images that are asked for their size */
    NAMES_HELD = 65536, /* names that are compared with all units at a time */
};

static const char *const folder_names[VERIFY_FOLDERS] = {
    [VERIFY_IMAGES] = "bin",
    [VERIFY_CSV] = "csv",
    [VERIFY_KEYS] = "keys",
};

int em_verify_folder_of(enum em_output kind)
{
    return kind == EM_OUTPUT_IMAGE ? VERIFY_IMAGES
           : kind == EM_OUTPUT_CSV ? VERIFY_CSV
                                   : VERIFY_KEYS;
}

const char *em_verify_name(const struct em_names *names, enum em_output kind)
{
    return kind == EM_OUTPUT_IMAGE ? names->image
           : kind == EM_OUTPUT_CSV ? names->csv
           : kind == EM_OUTPUT_KEY ? names->key
                                   : names->hmac_key;
}

static void tell_fault(struct em_verify *v, const char *file, const char *hint,
                       const char *what)
{
    struct em_error fault;
    (void)em_error_set(&fault, EM_ERR_INPUT, hint, "%s", what);
    em_error_at(&fault, file, 0);
    em_report_fault(&v->job.report, &fault);
}

/* ---- Opening and counting ---- */

static enum em_status set_path(struct em_verify *v, int i, struct em_error *err)
{
    const char *root = v->options->outdir[0] == '\0' ? "." : v->options->outdir;
    size_t len = strlen(root);
    size_t size = len + 1 + strlen(folder_names[i]) + 1;
    v->folders[i].path = malloc(size);
    if (v->folders[i].path == NULL)
        return em_error_nomem(err);
    (void)snprintf(v->folders[i].path, size, "%s%s%s", root,
                   root[len - 1] == '/' ? "" : "/", folder_names[i]); /* fits */
    return EM_OK;
}

static bool begins_with(const char *name, const char *start)
{
    return strncmp(name, start, strlen(start)) == 0;
}

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

static enum em_status count(struct em_verify_folder *folder, struct em_error *err)
{
    struct em_names_in *names = NULL;
    const char *name = NULL;
    enum em_status status = em_names_in_open(&names, folder->dir, err);
    while (status == EM_OK) {
        status = em_names_in_next(names, &name, err);
        if (status != EM_OK || name == NULL)
            break;
        folder->entries++;
        folder->keys += begins_with(name, "keys-");
        folder->hmacs += begins_with(name, "hmac-keys-");
        folder->sealed += em_seal_is_name(name);
    }
    em_names_in_close(names);
    return status;
}

static enum em_status open_folder(struct em_verify *v, int i, struct em_error *err)
{
    struct em_verify_folder *folder = &v->folders[i];
    char partial[4096];
    int len = snprintf(partial, sizeof partial, "%s.partial", folder->path);
    bool left = len > 0 && (size_t)len < sizeof partial && access(partial, F_OK) == 0;
    bool there = access(folder->path, F_OK) == 0;
    if (left && !there && i == VERIFY_IMAGES)
        return em_error_set(err, EM_ERR_IO, "complete the batch: generate --resume",
                            "'%s' is left from a run that did not end", partial);
    if (left)
        tell_fault(v, partial, "complete the batch (generate --resume) or remove it",
                   "left from a run that did not end");
    if (i == VERIFY_CSV && v->options->no_csv)
        return EM_OK;
    if (i == VERIFY_CSV && !there) {
        struct em_error note;
        (void)em_error_set(&note, EM_OK, NULL,
                           "there is no folder '%s': intermediate CSV files are not "
                           "verified",
                           folder->path);
        em_report_say(&v->job.report, EM_LOG_NOTE, NULL, &note);
    }
    if (!there && i != VERIFY_IMAGES)
        return EM_OK;
    return em_dir_open(&folder->dir, folder->path, err);
}

static void *count_others(void *user)
{
    struct em_verify *v = user;
    v->counted = EM_OK;
    for (int i = 0; i < VERIFY_FOLDERS && v->counted == EM_OK; i++) {
        if (i != VERIFY_KEYS && v->folders[i].dir != NULL)
            v->counted = count(&v->folders[i], &v->count_error);
    }
    return NULL;
}

enum em_status em_verify_count_end(struct em_verify *v, struct em_error *err)
{
    if (v->counting)
        pthread_join(v->counter, NULL);
    else
        (void)count_others(v); /* always NULL */
    v->counting = false;
    if (v->counted != EM_OK && err != NULL)
        *err = v->count_error;
    return v->counted;
}

/* The size that most of the images have: one that was cut off shall not be the measure
 * for the others. */
static enum em_status sample_sizes(struct em_verify *v, struct em_error *err)
{
    const struct em_dir *dir = v->folders[VERIFY_IMAGES].dir;
    uint64_t sizes[SIZES_SAMPLED];
    size_t n = 0;
    size_t best = 0;
    const char *name = NULL;
    struct em_names_in *names = NULL;
    enum em_status status = em_names_in_open(&names, dir, err);
    v->batch.size = EM_NVS_RW_SIZE_MIN;
    while (status == EM_OK && n < SIZES_SAMPLED) {
        status = em_names_in_next(names, &name, err);
        if (status != EM_OK || name == NULL)
            break;
        if (ends_in(name, ".bin") && em_dir_size(dir, name, &sizes[n]) &&
            em_nvs_size_check(sizes[n], NULL) == EM_OK)
            n++;
    }
    em_names_in_close(names);
    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        for (size_t k = 0; k < n; k++)
            same += sizes[k] == sizes[i];
        if (same > best || (same == best && sizes[i] > v->batch.size)) {
            best = same;
            v->batch.size = sizes[i];
        }
    }
    /* Images of smaller partitions are as long as their content wants. */
    if (v->batch.size < EM_NVS_RW_SIZE_MIN)
        v->batch.size = EM_NVS_RW_SIZE_MIN - EM_NVS_PAGE_SIZE;
    return status;
}

enum em_status em_verify_open_folders(struct em_verify *v, struct em_error *err)
{
    enum em_status status = EM_OK;
    for (int i = 0; i < VERIFY_FOLDERS && status == EM_OK; i++) {
        status = set_path(v, i, err);
        if (status == EM_OK)
            status = open_folder(v, i, err);
    }
    if (status == EM_OK)
        v->counting = v->options->jobs > 1 &&
                      pthread_create(&v->counter, NULL, count_others, v) == 0;
    /* Keys are counted at once: they tell how the batch was encrypted. */
    if (status == EM_OK && v->folders[VERIFY_KEYS].dir != NULL)
        status = count(&v->folders[VERIFY_KEYS], err);
    return status == EM_OK ? sample_sizes(v, err) : status;
}

void em_verify_close_folders(struct em_verify *v)
{
    for (int i = 0; i < VERIFY_FOLDERS; i++) {
        em_dir_close(v->folders[i].dir);
        free(v->folders[i].path);
    }
}

enum em_status em_verify_infer_prefix(struct em_verify *v, const struct em_unit *unit,
                                      struct em_error *err)
{
    struct em_names_in *names = NULL;
    const char *name = NULL;
    const char *end = unit->names.image; /* made with an empty prefix */
    unsigned n = 0;
    enum em_status status = em_names_in_open(&names, v->folders[VERIFY_IMAGES].dir, err);
    while (status == EM_OK) {
        status = em_names_in_next(names, &name, err);
        if (status != EM_OK || name == NULL)
            break;
        size_t len = strlen(name);
        if (!ends_in(name, end) || len >= sizeof v->prefix)
            continue;
        n++;
        memcpy(v->prefix, name, len - strlen(end));
        v->prefix[len - strlen(end)] = '\0';
    }
    em_names_in_close(names);
    if (status == EM_OK && n != 1)
        status = em_error_set(err, EM_ERR_USAGE, "name it with --prefix",
                              "the prefix of the file names is not clear: %s of '%s' "
                              "ends in '%s'",
                              n == 0 ? "no name" : "more than one name",
                              v->folders[VERIFY_IMAGES].path, end);
    return status;
}

/* ---- What belongs to no unit ---- */

/* Names of one folder that no unit has claimed yet. */
struct unclaimed {
    struct em_verify *v;
    int folder;
    size_t n;
    struct entry {
        char *name;
        bool claimed;
    } * entries; /* in order of their names */
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    return strcmp(x->name, y->name);
}

static void claim(struct unclaimed *u, const char *name)
{
    struct entry key = {NULL, false};
    char copy[EM_NAME_SIZE];
    (void)snprintf(copy, sizeof copy, "%s", name); /* names of units are no longer */
    key.name = copy;
    struct entry *found =
        bsearch(&key, u->entries, u->n, sizeof *u->entries, compare_entries);
    if (found != NULL)
        found->claimed = true;
}

static bool want(void *user, uint64_t number)
{
    const struct unclaimed *u = user;
    return em_verify_wanted(u->v, number);
}

static enum em_status admit(void *user, struct em_unit *unit, struct em_error *err)
{
    struct unclaimed *u = user;
    return em_verify_admit(u->v, unit, err);
}

static enum em_status work(void *user, unsigned worker, struct em_unit *unit,
                           struct em_error *err)
{
    struct unclaimed *u = user;
    (void)worker;
    return em_verify_names(u->v, unit, err); /* was done before without a fault */
}

static enum em_status finish(void *user, struct em_unit *unit, struct em_error *err)
{
    struct unclaimed *u = user;
    (void)err;
    for (enum em_output kind = 0; kind < EM_OUTPUTS; kind++) {
        if (em_verify_folder_of(kind) == u->folder)
            claim(u, em_verify_name(&unit->names, kind));
    }
    return EM_OK;
}

static enum em_status progress(void *user, struct em_error *err)
{
    (void)user, (void)err;
    return EM_OK; /* quick, and after the end of the bar */
}

static enum em_status next(void *user, struct em_csv_row *row, struct em_error *err)
{
    struct unclaimed *u = user;
    return em_verify_next(u->v, row, err);
}

/* Take the next names. */
static enum em_status hold(struct unclaimed *u, struct em_names_in *names,
                           struct em_error *err)
{
    while (u->n < NAMES_HELD) {
        const char *name;
        enum em_status status = em_names_in_next(names, &name, err);
        if (status != EM_OK || name == NULL)
            return status;
        u->entries[u->n] = (struct entry){strdup(name), false};
        if (u->entries[u->n].name == NULL)
            return em_error_nomem(err);
        u->n++;
    }
    return EM_OK;
}

/* Tell those that nobody claimed. */
static void tell_unclaimed(struct unclaimed *u)
{
    struct em_verify *v = u->v;
    const struct em_verify_folder *folder = &v->folders[u->folder];
    for (size_t i = 0; i < u->n; i++) {
        char path[sizeof((struct em_error *)NULL)->file];
        const char *name = u->entries[i].name;
        if (u->entries[i].claimed ||
            (v->options->manifest != NULL &&
             em_dir_is_file(folder->dir, name, v->options->manifest)))
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder->path, name); /* may be cut */
        if (ends_in(name, ".partial") ||
            (begins_with(name, ".espmfg-") && ends_in(name, ".tmp")))
            tell_fault(v, path, "remove it", "left from a run that was interrupted");
        else
            tell_fault(v, path, "move it away", "belongs to no unit of this batch");
    }
}

static enum em_status look_into(struct em_verify *v, int folder, struct em_error *err)
{
    static const struct em_pass_ops ops = {want, admit, work, finish, progress, next};
    struct unclaimed u = {.v = v, .folder = folder};
    struct em_names_in *names = NULL;
    enum em_status status = em_names_in_open(&names, v->folders[folder].dir, err);
    u.entries = calloc(NAMES_HELD, sizeof *u.entries);
    if (status == EM_OK && u.entries == NULL)
        status = em_error_nomem(err);
    while (status == EM_OK) {
        uint64_t rows;
        status = hold(&u, names, err);
        if (status != EM_OK || u.n == 0)
            break;
        qsort(u.entries, u.n, sizeof *u.entries, compare_entries);
        status = em_verify_pass(v, &ops, &u, &rows, err);
        if (status == EM_OK)
            tell_unclaimed(&u);
        while (u.n > 0)
            free(u.entries[--u.n].name);
    }
    while (u.n > 0)
        free(u.entries[--u.n].name);
    free(u.entries);
    em_names_in_close(names);
    return status;
}

enum em_status em_verify_foreign(struct em_verify *v, struct em_error *err)
{
    enum em_status status = EM_OK;
    for (int i = 0; i < VERIFY_FOLDERS && status == EM_OK; i++) {
        if (v->folders[i].dir != NULL &&
            (v->twins || v->folders[i].entries != v->folders[i].found))
            status = look_into(v, i, err);
    }
    return status;
}
