/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options that several sub-commands of mfg_gen have. */
#include "config.h"

#include "src/gen_args.h"

#include "base/text_int.h"
#include "src/cli.h"

#include <string.h>
#include <unistd.h>

const char gen_program[] = "mfg_gen";

struct term gen_term(void)
{
    return (struct term){.program = gen_program, .level = EM_LOG_NOTE};
}

bool gen_take_term(struct term *term, int id)
{
    if (id == GEN_OPT_QUIET) {
        term->quiet = true;
        term->level = EM_LOG_ERROR;
    } else if (id == GEN_OPT_JSON) {
        term->json = true;
    } else {
        return false;
    }
    return true;
}

const char *gen_take_progress(struct term *term, const char *text)
{
    return term_progress_parse(&term->progress, text) ? NULL
                                                      : "choose auto, always or never";
}

json_t *gen_json_text(const char *text)
{
    json_t *value = json_string(text);
    return value == NULL ? json_null() : value;
}

const char *gen_take_counter(bool *counter, int64_t *counter_start, int *counter_width,
                             char *const *values)
{
    struct em_error err;
    struct em_integer start;
    struct em_integer width;
    const uint64_t limit = UINT64_C(1000000000000000000); /* leaves room to count on */
    if (em_text_decimal(&start, em_span_of(values[0]), &err) != EM_OK || start.huge ||
        start.magnitude > limit)
        return "START has to be an integer below 10^18";
    if (em_text_decimal(&width, em_span_of(values[1]), &err) != EM_OK || width.negative ||
        width.huge || width.magnitude > 100)
        return "LENGTH has to be an integer from 0 to 100";
    *counter = true;
    *counter_start = (int64_t)start.magnitude * (start.negative ? -1 : 1);
    *counter_width = (int)width.magnitude;
    return NULL;
}

const char *gen_take_rows(uint64_t *first_row, uint64_t *last_row, char *text)
{
    static const char fault[] = "write it as A-B, A- or A, counted from 1";
    unsigned long long first;
    unsigned long long last = 0;
    char *dash = strchr(text, '-');
    if (dash != NULL)
        *dash = '\0';
    bool good = cli_number(&first, text, UINT32_MAX) && first > 0;
    if (good && dash == NULL)
        last = first;
    else if (good && dash[1] != '\0')
        good = cli_number(&last, dash + 1, UINT32_MAX) && last >= first;
    if (dash != NULL)
        *dash = '-'; /* the word is shown in the message */
    if (!good)
        return fault;
    *first_row = first;
    *last_row = last;
    return NULL;
}

const char *gen_take_shard(unsigned *out_shard, unsigned *out_shards, char *text)
{
    unsigned long long shard;
    unsigned long long shards;
    char *slash = strchr(text, '/');
    if (slash == NULL)
        return "write it as I/N, for example 1/4";
    *slash = '\0';
    bool good = cli_number(&shard, text, 1000000) &&
                cli_number(&shards, slash + 1, 1000000) && shard >= 1 && shard <= shards;
    *slash = '/';
    if (!good)
        return "write it as I/N with I from 1 to N";
    *out_shard = (unsigned)shard;
    *out_shards = (unsigned)shards;
    return NULL;
}

const char *gen_take_jobs(unsigned *out, const char *text)
{
    unsigned long long jobs;
    if (!cli_number(&jobs, text, 256) || jobs == 0)
        return "a number from 1 to 256";
    *out = (unsigned)jobs;
    return NULL;
}

const char *gen_take_fd(int *out, const char *text)
{
    unsigned long long fd;
    if (!cli_number(&fd, text, 65535))
        return "the number of an open file descriptor, 0 or 3 and more";
    *out = (int)fd;
    return NULL;
}

const char *gen_take_version(enum em_nvs_version *out, const char *text)
{
    if (strcmp(text, "1") != 0 && strcmp(text, "2") != 0)
        return "choose 1 or 2";
    *out = text[0] == '1' ? EM_NVS_V1 : EM_NVS_V2;
    return NULL;
}

unsigned gen_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > 256 ? 256 : (unsigned)cores;
}
