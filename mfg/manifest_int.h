/* SPDX-License-Identifier: Apache-2.0 */
/* The list of what a batch made, as CSV or JSON. */
#ifndef MFG_MANIFEST_INT_H
#define MFG_MANIFEST_INT_H

#include "mfg/outputs_int.h"
#include "mfg/unit_int.h"

struct em_manifest;

/**
 * CSV or JSON, by the name's extension; without @p resume there may be none yet. Returns
 * EM_OK, EM_ERR_USAGE or EM_ERR_EXISTS.
 */
enum em_status em_manifest_check(const char *path, bool resume, struct em_error *err);

/** May @p text (NULL: none) stand in the manifest @p path? EM_OK or EM_ERR_USAGE. */
enum em_status em_manifest_check_text(const char *path, const char *text,
                                      struct em_error *err);

/**
 * Begin the file @p path, in a folder that is made if it is missing. With @p resume one
 * that is there has to be equal in the end. Returns EM_OK, EM_ERR_USAGE, EM_ERR_EXISTS,
 * EM_ERR_IO or EM_ERR_NOMEM.
 */
enum em_status em_manifest_open(struct em_manifest **out, const char *path, bool resume,
                                struct em_error *err);

/** Add a unit that is done; @p sealed_to tells to whom its keys are sealed, or is NULL.
 * Returns EM_OK or EM_ERR_NOMEM. */
enum em_status em_manifest_add(struct em_manifest *manifest,
                               const struct em_outputs *outputs,
                               const struct em_unit *unit, const char *sealed_to,
                               struct em_error *err);

/** Give the file its name. Returns as em_stream_finish(). */
enum em_status em_manifest_finish(struct em_manifest *manifest, struct em_error *err);
void em_manifest_close(struct em_manifest *manifest);

#endif
