/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: any bytes as a job file and as a station file. */
#include "src/line/job_int.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A fault has a text, one line of it. */
static void check(enum em_status status, const struct em_error *err)
{
    assert(status == EM_OK || (status == err->status && err->what[0] != '\0'));
    assert(status == EM_OK || strchr(err->what, '\n') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct em_error err = {0};
    struct line_job job;
    struct line_station station;
    (void)snprintf(path, sizeof path, "/tmp/fuzz_job_%ld.yaml", (long)getpid());
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        abort();
    size_t written = fwrite(data, 1, size, file);
    if (fclose(file) != 0 || written != size)
        abort();
    check(line_job_open(&job, path, NULL, &err), &err);
    line_job_free(&job);
    check(line_station_open(&station, path, &err), &err);
    line_station_free(&station);
    (void)remove(path);
    return 0;
}
