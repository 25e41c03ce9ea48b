/* SPDX-License-Identifier: Apache-2.0 */
/* The rehearsal of a line: nothing of the batch is touched. */
#include "config.h"

#include "src/flash_line.h"

#include "base/error_int.h"
#include "base/file_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "FOLDER/NAME"; NULL: no memory. */
static char *join(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path != NULL)
        (void)snprintf(path, size, "%s/%s", folder, name); /* fits */
    return path;
}

static enum em_status make_folder(struct flash_line *line, struct em_error *err)
{
    const char *base = getenv("TMPDIR");
    if (line->folder != NULL) {
        line->rehearsal = strdup(line->folder);
        return line->rehearsal == NULL ? em_error_nomem(err)
                                       : em_file_mkdirs(line->folder, 0700, err);
    }
    line->rehearsal =
        join(base == NULL || *base == '\0' ? "/tmp" : base, "mfg_rehearsal_XXXXXX");
    if (line->rehearsal == NULL)
        return em_error_nomem(err);
    if (mkdtemp(line->rehearsal) == NULL)
        return em_error_errno(err, errno, "cannot make a folder for the rehearsal in %s",
                              line->rehearsal);
    line->rehearsal_is_ours = true;
    return EM_OK;
}

enum em_status flash_line_rehearse(struct flash_line *line, struct em_error *err)
{
    struct line_job *job = &line->job;
    struct em_hooks hooks = term_hooks(&line->flash->term);
    enum em_status status = make_folder(line, err);
    if (status != EM_OK)
        return status;
    line->own_ledger = join(line->rehearsal, "rehearsal.db");
    line->own_keys = join(line->rehearsal, "keys");
    if (line->own_ledger == NULL || line->own_keys == NULL)
        return em_error_nomem(err);
    job->ledger = line->own_ledger;
    if (job->units.manifest != NULL) {
        /* The keys of a folder that was made before are the real ones: they stay. */
        job->keys_after = LINE_KEYS_KEEP;
        return EM_OK;
    }
    if (job->units.encryption < EM_UNITS_HMAC)
        return EM_OK;
    job->units.keys_dir = line->own_keys;
    job->units.n_seal = 0; /* nobody has these keys: the station's is not needed */
    em_units_close(job->source);
    job->source = NULL;
    return em_units_open(&job->source, &job->units, &hooks, err);
}

/* Folders in folders, as far as a rehearsal makes them. What cannot be removed stays. */
static void remove_folder(const char *path, int depth)
{
    struct em_dir *dir = NULL;
    struct em_names_in *names = NULL;
    const char *name = NULL;
    if (depth > 3 || em_dir_open(&dir, path, NULL) != EM_OK)
        return;
    if (em_names_in_open(&names, dir, NULL) == EM_OK) {
        while (em_names_in_next(names, &name, NULL) == EM_OK && name != NULL) {
            char *inner = join(path, name);
            if (inner != NULL && unlink(inner) != 0)
                remove_folder(inner, depth + 1);
            free(inner);
        }
    }
    em_names_in_close(names);
    em_dir_close(dir);
    (void)rmdir(path); /* as above */
}

void flash_line_rehearse_end(struct flash_line *line)
{
    if (line->rehearsal_is_ours)
        remove_folder(line->rehearsal, 0);
    free(line->rehearsal);
    free(line->own_ledger);
    free(line->own_keys);
}
