/* SPDX-License-Identifier: Apache-2.0 */
/* The file that one image is written to. */
#ifndef MFG_IMAGEFILE_INT_H
#define MFG_IMAGEFILE_INT_H

#include "base/file_int.h"

/** Where to write. Start it with outdir and replace set, the rest {0}. */
struct em_imagefile {
    const char *outdir; /* the caller's */
    bool replace;       /* what is there and holds something else */
    char *path;
    bool kept; /* it was there already, equal */
};

/**
 * Find the path: @p name in outdir, or as it is when absolute; ".bin" is added when it
 * has no extension. Returns EM_OK, EM_ERR_USAGE (another extension, no name) or
 * EM_ERR_NOMEM.
 */
enum em_status em_imagefile_name(struct em_imagefile *out, const char *name,
                                 struct em_error *err);

/** EM_ERR_EXISTS when something is there that may not be replaced; otherwise EM_OK. */
enum em_status em_imagefile_check(const struct em_imagefile *file, struct em_error *err);

/**
 * Write it whole, with its folders. A file that is equal already is kept. Returns EM_OK,
 * EM_ERR_EXISTS, EM_ERR_IO or EM_ERR_NOMEM.
 */
enum em_status em_imagefile_write(struct em_imagefile *file, const void *data, size_t len,
                                  mode_t mode, struct em_error *err);
void em_imagefile_free(struct em_imagefile *file);

#endif
