/* SPDX-License-Identifier: Apache-2.0 */
/* Content of the files that values name; what many units share is read once.
 *
 * Files are kept in the order in which they are first asked for until the cache is full,
 * and then never exchanged: the files shared by all units come with the first rows, and a
 * file of one unit is asked for only twice. So memory is bounded and nothing moves under
 * a reader. */
#include "config.h"

#include "mfg/files_int.h"

#include "base/error_int.h"
#include "base/file_int.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEPT_BYTES = 4 * 1024 * 1024,
    KEPT_FILES = 1024,
    SLOTS = 2 * KEPT_FILES, /* a power of two */
};

struct kept {
    char *path;
    struct em_buf content;
};

struct em_files {
    pthread_mutex_t lock;
    size_t n, bytes;
    struct kept slots[SLOTS]; /* open addressing; no path: free */
};

enum em_status em_files_new(struct em_files **out, struct em_error *err)
{
    *out = NULL;
    struct em_files *files = calloc(1, sizeof *files);
    if (files == NULL || pthread_mutex_init(&files->lock, NULL) != 0) {
        free(files);
        return em_error_nomem(err);
    }
    *out = files;
    return EM_OK;
}

void em_files_free(struct em_files *files)
{
    if (files == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++) {
        em_buf_wipe(&files->slots[i].content); /* private keys may be among them */
        free(files->slots[i].path);
    }
    pthread_mutex_destroy(&files->lock);
    free(files);
}

/* The slot of @p path, or the free one where it would be put. */
static struct kept *find(struct em_files *files, struct em_span path)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < path.len; i++)
        hash = (hash ^ path.p[i]) * 16777619u;
    for (size_t at = hash % SLOTS;; at = (at + 1) % SLOTS) {
        struct kept *kept = &files->slots[at];
        if (kept->path == NULL || em_span_is(path, kept->path))
            return kept;
    }
}

static bool look_up(struct em_files *files, struct em_span path, struct em_span *out)
{
    pthread_mutex_lock(&files->lock);
    struct kept *kept = find(files, path);
    bool found = kept->path != NULL;
    if (found)
        *out = (struct em_span){kept->content.data, kept->content.len};
    pthread_mutex_unlock(&files->lock);
    return found;
}

/* Keep what was read, if there is room and no other thread was faster. */
static void keep(struct em_files *files, const char *path, struct em_buf *content)
{
    pthread_mutex_lock(&files->lock);
    struct kept *kept = find(files, em_span_of(path));
    if (kept->path == NULL && files->n < KEPT_FILES &&
        content->cap <= KEPT_BYTES - files->bytes) {
        kept->path = strdup(path);
        if (kept->path != NULL) {
            kept->content = *content; /* handed over, address and all */
            files->n++;
            files->bytes += content->cap;
            *content = (struct em_buf){0};
        }
    }
    pthread_mutex_unlock(&files->lock);
}

enum em_status em_files_get(struct em_files *files, struct em_span path,
                            struct em_span *out, struct em_buf *scratch,
                            struct em_error *err)
{
    *out = (struct em_span){(const uint8_t *)"", 0};
    if (path.len == 0)
        return em_error_set(err, EM_ERR_INPUT,
                            "name a file, relative to the current folder",
                            "empty, the name of a file is needed");
    if (memchr(path.p, '\0', path.len) != NULL) /* the system would open what is before */
        return em_error_set(err, EM_ERR_INPUT, "name a file, without NUL bytes",
                            "a NUL byte in the name of a file");
    if (look_up(files, path, out))
        return EM_OK;
    char *name = malloc(path.len + 1);
    if (name == NULL)
        return em_error_nomem(err);
    memcpy(name, path.p, path.len);
    name[path.len] = '\0';
    em_buf_clear(scratch);
    enum em_status status = em_file_read(scratch, name, EM_FILES_MAX, err);
    if (status == EM_OK) {
        *out = (struct em_span){scratch->data, scratch->len};
        if (scratch->len == 0)
            out->p = (const uint8_t *)"";
        else
            keep(files, name, scratch); /* the bytes stay where they are */
    }
    free(name);
    return status;
}
