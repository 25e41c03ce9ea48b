/* SPDX-License-Identifier: Apache-2.0 */
/* --trace: what goes over the wire, one line each. */
#ifndef SRC_FLASH_TRACE_H
#define SRC_FLASH_TRACE_H

#include "src/flash.h"

/** Open flash->trace as the options say. EM_OK or EM_ERR_IO, told in flash->err. */
enum em_status flash_trace_open(struct flash *flash);

/** The call-back of struct em_trace; @p user is the struct flash. */
void flash_trace_line(void *user, int64_t time_us, const char *what, const char *text,
                      const uint8_t *bytes, size_t len);

/** End it. Returns @p status, or EM_ERR_IO if that is EM_OK and lines were lost. */
enum em_status flash_trace_close(struct flash *flash, enum em_status status);

#endif
