/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the units of a JSON manifest one after the other: jansson would hold the whole
 * file in memory. */
#ifndef MFG_JSON_INT_H
#define MFG_JSON_INT_H

#include "base/error_int.h"

#include <stdint.h>

#include <jansson.h>

struct em_json;

/** Open the regular file @p path. Returns EM_OK, EM_ERR_IO or EM_ERR_NOMEM. */
enum em_status em_json_open(struct em_json **out, const char *path, struct em_error *err);
void em_json_close(struct em_json *json);

/**
 * Start from the beginning and read up to the first unit. Returns EM_OK, EM_ERR_INPUT (no
 * manifest, another version), EM_ERR_IO or EM_ERR_NOMEM.
 */
enum em_status em_json_begin(struct em_json *json, struct em_error *err);

/**
 * *unit becomes the next object, to be given back with json_decref(), or NULL behind the
 * last. Returns as em_json_begin().
 */
enum em_status em_json_next(struct em_json *json, json_t **unit, struct em_error *err);

/** Go on at @p off, where em_json_position() was before a unit was read. EM_OK, …IO. */
enum em_status em_json_seek(struct em_json *json, uint64_t off, struct em_error *err);

/** Line that is being read. */
unsigned long em_json_line(const struct em_json *json);

/** Bytes read so far and in all. */
uint64_t em_json_position(const struct em_json *json);
uint64_t em_json_size(const struct em_json *json);

#endif
