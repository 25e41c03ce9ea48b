/* SPDX-License-Identifier: Apache-2.0 */
/* --trace: what goes over the wire, one line each. */
#include "config.h"

#include "src/flash_trace.h"

#include "base/error_int.h"

#include <errno.h>
#include <inttypes.h>

enum { NOT_STARTED = -1 };

enum em_status flash_trace_open(struct flash *flash)
{
    const char *path = flash->args.trace_file;
    flash->trace_start_us = NOT_STARTED;
    flash->trace = path == NULL ? stderr : fopen(path, "w");
    if (flash->trace == NULL)
        return em_error_errno(&flash->err, errno, "cannot write '%s'", path);
    return EM_OK;
}

void flash_trace_line(void *user, int64_t time_us, const char *what, const char *text,
                      const uint8_t *bytes, size_t len)
{
    struct flash *flash = user;
    if (flash->trace_start_us == NOT_STARTED)
        flash->trace_start_us = time_us;
    int64_t us = time_us - flash->trace_start_us;
    if (flash->trace == stderr)
        term_clear(&flash->term);
    /* A failure stays in the stream's error mark, which is looked at when it is closed.
     */
    (void)fprintf(flash->trace, "%6" PRId64 ".%06" PRId64 " %-7s %s", us / 1000000,
                  us % 1000000, what, text);
    for (size_t i = 0; i < len; i++)
        (void)fprintf(flash->trace, i == 0 ? "  %02x" : " %02x", bytes[i]);
    (void)fputc('\n', flash->trace);
}

enum em_status flash_trace_close(struct flash *flash, enum em_status status)
{
    bool lost = ferror(flash->trace) != 0;
    if (flash->trace != stderr)
        lost = fclose(flash->trace) != 0 || lost;
    flash->trace = NULL;
    if (!lost || status != EM_OK)
        return status;
    return em_error_set(&flash->err, EM_ERR_IO, "free some space and try again",
                        "cannot write all of the trace to '%s'",
                        flash->args.trace_file == NULL ? "standard error"
                                                       : flash->args.trace_file);
}
