/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen verify: a whole batch against what it was made from. */
#include "config.h"

#include <espmfg/verify.h>

#include "src/gen.h"
#include "src/gen_args.h"
#include "src/term.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    OPT_CONFIG,
    OPT_VALUES,
    OPT_MANIFEST,
    OPT_PREFIX,
    OPT_COUNTER,
    OPT_FILEID,
    OPT_VERSION,
    OPT_INPUTKEY,
    OPT_HMAC_INPUTKEY,
    OPT_JOBS,
    OPT_ROWS,
    OPT_SHARD,
    OPT_NO_CSV,
    OPT_PROGRESS,
    OPT_UNSEAL_KEY,
    OPT_PASSPHRASE_FILE,
    OPT_PASSPHRASE_FD,
};

static const struct cli_option options[] = {
    {"config", NULL, "CONF", "config CSV that the batch was made from", OPT_CONFIG},
    {"values", NULL, "VALUES", "values CSV that the batch was made from", OPT_VALUES},
    {"manifest", NULL, "FILE", "manifest of the batch (.csv or .json)", OPT_MANIFEST},
    {"prefix", NULL, "PREFIX",
     "what file names begin with (default: seen from the first unit's image)",
     OPT_PREFIX},
    {"prefix_num", NULL, "START LENGTH", "as for generate", OPT_COUNTER},
    {"fileid", NULL, "COLUMN", "as for generate", OPT_FILEID},
    {"version", NULL, "1|2", "NVS format: 2 (default), or 1", OPT_VERSION},
    {"inputkey", NULL, "FILE", "all images are encrypted with the key in FILE",
     OPT_INPUTKEY},
    {"kp_hmac_inputkey", NULL, "FILE",
     "all images are encrypted with the key derived from the 32-byte HMAC key in FILE",
     OPT_HMAC_INPUTKEY},
    {"unseal-key", NULL, "PRIV.pem",
     "key files are sealed: open them with this private key (in memory)", OPT_UNSEAL_KEY},
    {"passphrase-file", NULL, "FILE", "its first line is the passphrase of PRIV.pem",
     OPT_PASSPHRASE_FILE},
    {"passphrase-fd", NULL, "N", "likewise what file descriptor N has",
     OPT_PASSPHRASE_FD},
    {"jobs", "j", "N", "threads (default: one for each core)", OPT_JOBS},
    {"rows", NULL, "A-B", "look only at units A to B, counted from 1 (A- : to the end)",
     OPT_ROWS},
    {"shard", NULL, "I/N", "look only at each Nth unit, beginning with the Ith",
     OPT_SHARD},
    {"no-csv", NULL, NULL, "leave out the intermediate CSV files", OPT_NO_CSV},
    {"progress", NULL, "WHEN",
     "bar on stderr: auto (default: on a terminal), always, never", OPT_PROGRESS},
    GEN_TERM_OPTIONS,
    {NULL, NULL, NULL, NULL, 0},
};

struct request {
    struct em_batch_verify_options verify;
    struct term term;
};

static const char *on_option(void *user, int id, char *const *values)
{
    struct request *r = user;
    struct em_batch_verify_options *v = &r->verify;
    const char **texts[] = {
        [OPT_CONFIG] = &v->config,
        [OPT_VALUES] = &v->values,
        [OPT_MANIFEST] = &v->manifest,
        [OPT_PREFIX] = &v->prefix,
        [OPT_FILEID] = &v->id_column,
        [OPT_INPUTKEY] = &v->inputkey,
        [OPT_JOBS] = NULL,
        [OPT_HMAC_INPUTKEY] = &v->hmac_inputkey,
        [OPT_UNSEAL_KEY] = &v->unseal_key,
        [OPT_PASSPHRASE_FILE] = &v->unseal_passphrase_file,
    };
    if ((size_t)id < sizeof texts / sizeof texts[0] && texts[id] != NULL) {
        *texts[id] = values[0];
        return NULL;
    }
    if (gen_take_term(&r->term, id))
        return NULL;
    switch (id) {
    case OPT_COUNTER:
        return gen_take_counter(&v->counter, &v->counter_start, &v->counter_width,
                                values);
    case OPT_VERSION:
        return gen_take_version(&v->version, values[0]);
    case OPT_JOBS:
        return gen_take_jobs(&v->jobs, values[0]);
    case OPT_ROWS:
        return gen_take_rows(&v->first_row, &v->last_row, values[0]);
    case OPT_SHARD:
        return gen_take_shard(&v->shard, &v->shards, values[0]);
    case OPT_PASSPHRASE_FD:
        return gen_take_fd(&v->unseal_passphrase_fd, values[0]);
    case OPT_PROGRESS:
        return gen_take_progress(&r->term, values[0]);
    default: /* OPT_NO_CSV */
        v->no_csv = true;
        return NULL;
    }
}

static void print_result(const struct em_batch_verify_options *o,
                         const struct em_batch_verify_result *r)
{
    const char *s = r->units == 1 ? "" : "s";
    if (r->faults == 0 && o->values != NULL)
        printf("%" PRIu64 " unit%s verified: all files are there, every value equals its "
               "cell, every image can be mounted\n",
               r->units, s);
    else if (r->faults == 0)
        printf("%" PRIu64 " unit%s verified: all files are there and as the manifest "
               "lists them, every image can be mounted\n",
               r->units, s);
    else
        printf("%lu fault%s in %" PRIu64 " of %" PRIu64 " unit%s\n", r->faults,
               r->faults == 1 ? "" : "s", r->faulty, r->units, s);
}

static json_t *result_object(const struct em_batch_verify_options *o,
                             const struct em_batch_verify_result *r)
{
    return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I}", "command", "verify", "outdir",
                     gen_json_text(o->outdir), "units", (json_int_t)r->units, "verified",
                     (json_int_t)r->verified, "faulty", (json_int_t)r->faulty, "faults",
                     (json_int_t)r->faults, "warnings", (json_int_t)r->warnings);
}

static int verify(const struct cli_command *command, int argc, char **argv)
{
    struct request r = {
        .verify = EM_BATCH_VERIFY_OPTIONS_INIT,
        .term = gen_term(),
    };
    const char *args[CLI_POSITIONALS_MAX];
    r.verify.jobs = gen_cores();
    int exit_status = cli_parse(gen_program, command, argc, argv, args, on_option, &r);
    if (exit_status >= 0)
        return exit_status;
    r.verify.outdir = args[0][0] == '\0' ? "." : args[0];
    r.term.stop = term_stop();
    term_catch_signals();
    struct em_hooks hooks = term_hooks(&r.term);
    struct em_batch_verify_result result;
    struct em_error err = {.status = EM_OK};
    enum em_status status = em_batch_verify(&r.verify, &hooks, &result, &err);
    err.status = status;
    term_clear(&r.term);
    bool found = result.faults > 0;
    r.term.found = found;
    if (r.term.json)
        return term_json_end(&r.term, result_object(&r.verify, &result), &err);
    term_fault(&r.term, &err);
    if (status == EM_OK && (!r.term.quiet || found))
        print_result(&r.verify, &result);
    return term_exit(&r.term, status);
}

const struct cli_command gen_verify = {
    .name = "verify",
    .summary = "Verify a whole batch: every file is there and holds what it should",
    .positionals = "OUTDIR",
    .about = "  OUTDIR    --outdir of generate: has the folders bin/, csv/ and keys/\n"
             "\n"
             "Give the tables that the batch was made from, its manifest, or both. Each\n"
             "image is decrypted with its key, checked as the device would see it, and\n"
             "compared with its row. Nothing is written. Exit status 1: faults were "
             "found.\n",
    .options = options,
    .examples = "  mfg_gen verify out --config config.csv --values values.csv\n"
                "  mfg_gen verify out --manifest out/manifest.csv\n"
                "  mfg_gen verify out --config config.csv --values values.csv --fileid "
                "serial \\\n"
                "      --inputkey key.bin\n",
    .run = verify,
};
