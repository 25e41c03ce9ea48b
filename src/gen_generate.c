/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen generate: a whole batch. */
#include "config.h"

#include <espmfg/batch.h>
#include <espmfg/seal.h>

#include "base/error_int.h"
#include "base/text_int.h"
#include "src/gen.h"
#include "src/gen_args.h"
#include "src/term.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    OPT_COUNTER,
    OPT_FILEID,
    OPT_VERSION,
    OPT_KEYGEN,
    OPT_INPUTKEY,
    OPT_OUTDIR,
    OPT_HMAC,
    OPT_HMAC_KEYGEN,
    OPT_HMAC_KEYFILE,
    OPT_HMAC_INPUTKEY,
    OPT_JOBS,
    OPT_DRY_RUN,
    OPT_RESUME,
    OPT_ROWS,
    OPT_SHARD,
    OPT_NO_CSV,
    OPT_MANIFEST,
    OPT_PROGRESS,
    OPT_VERBOSE,
    OPT_SEAL,
    OPT_WITHOUT_EFFECT,
};

static const struct cli_option options[] = {
    {"prefix_num", NULL, "START LENGTH",
     "put a counter into file names, beginning at START, filled with zeros to LENGTH "
     "characters",
     OPT_COUNTER},
    {"fileid", NULL, "COLUMN",
     "column of VALUES whose value ends file names (default: 1, 2, 3, …)", OPT_FILEID},
    {"version", NULL, "1|2", "NVS format: 2 (default) allows blobs over several pages",
     OPT_VERSION},
    {"outdir", NULL, "DIR",
     "gets the folders bin/, csv/ and keys/ (default: current folder)", OPT_OUTDIR},
    {"keygen", NULL, NULL, "encrypt, with a new key for each unit", OPT_KEYGEN},
    {"inputkey", NULL, "FILE", "encrypt, with the key in FILE for all units",
     OPT_INPUTKEY},
    {"key_protect_hmac", NULL, NULL,
     "with --keygen: derive the keys from an HMAC key, as the device does from an eFuse "
     "block",
     OPT_HMAC},
    {"kp_hmac_keygen", NULL, NULL, "make a new HMAC key for each unit", OPT_HMAC_KEYGEN},
    {"kp_hmac_keyfile", NULL, "NAME",
     "name of the HMAC key file that is made (for one unit only)", OPT_HMAC_KEYFILE},
    {"kp_hmac_inputkey", NULL, "FILE",
     "derive from the 32-byte HMAC key in FILE for all units", OPT_HMAC_INPUTKEY},
    {"seal", NULL, "CERT.pem",
     "write key files only as envelopes that the owner of CERT.pem can open "
     "(may be repeated: each of several can)",
     OPT_SEAL},
    {"jobs", "j", "N", "threads (default: one for each core)", OPT_JOBS},
    {"dry-run", "n", NULL, "check everything, write nothing", OPT_DRY_RUN},
    {"resume", NULL, NULL,
     "continue an interrupted run: keep files that are whole, use keys that were made",
     OPT_RESUME},
    {"rows", NULL, "A-B", "make only units A to B, counted from 1 (A- : to the end)",
     OPT_ROWS},
    {"shard", NULL, "I/N",
     "make only each Nth unit, beginning with the Ith: one batch over N "
     "machines",
     OPT_SHARD},
    {"no-csv", NULL, NULL, "leave out the intermediate CSV files", OPT_NO_CSV},
    {"manifest", NULL, "FILE",
     "list every unit with its files, size, SHA-256 and key fingerprint (.csv or .json)",
     OPT_MANIFEST},
    {"progress", NULL, "WHEN",
     "bar on stderr: auto (default: on a terminal), always, never", OPT_PROGRESS},
    {"verbose", "v", NULL, "tell each file", OPT_VERBOSE},
    GEN_TERM_OPTIONS,
    /* The replaced tool takes these and does nothing with them. */
    {"keyfile", NULL, "NAME", NULL, OPT_WITHOUT_EFFECT},
    {"input", NULL, "FILE", NULL, OPT_WITHOUT_EFFECT},
    {"output", NULL, "FILE", NULL, OPT_WITHOUT_EFFECT},
    {NULL, NULL, NULL, NULL, 0},
};

struct request {
    struct em_batch_options batch;
    const char *seal[EM_SEAL_RECIPIENTS_MAX];
    struct term term;
    bool without_effect;
};

static const char *on_option(void *user, int id, char *const *values)
{
    struct request *r = user;
    if (gen_take_term(&r->term, id))
        return NULL;
    switch (id) {
    case OPT_COUNTER:
        return gen_take_counter(&r->batch.counter, &r->batch.counter_start,
                                &r->batch.counter_width, values);
    case OPT_FILEID:
        r->batch.id_column = values[0];
        break;
    case OPT_VERSION:
        return gen_take_version(&r->batch.version, values[0]);
    case OPT_KEYGEN:
        r->batch.keys.keygen = true;
        break;
    case OPT_INPUTKEY:
        r->batch.keys.inputkey = values[0];
        break;
    case OPT_OUTDIR:
        r->batch.outdir = values[0][0] == '\0' ? "." : values[0];
        break;
    case OPT_HMAC:
        r->batch.keys.protect_hmac = true;
        break;
    case OPT_HMAC_KEYGEN:
        r->batch.keys.hmac_keygen = true;
        break;
    case OPT_HMAC_KEYFILE:
        r->batch.keys.hmac_keyfile = values[0];
        break;
    case OPT_HMAC_INPUTKEY:
        r->batch.keys.hmac_inputkey = values[0];
        break;
    case OPT_JOBS:
        return gen_take_jobs(&r->batch.jobs, values[0]);
    case OPT_DRY_RUN:
        r->batch.dry_run = true;
        break;
    case OPT_RESUME:
        r->batch.resume = true;
        break;
    case OPT_ROWS:
        return gen_take_rows(&r->batch.first_row, &r->batch.last_row, values[0]);
    case OPT_SHARD:
        return gen_take_shard(&r->batch.shard, &r->batch.shards, values[0]);
    case OPT_NO_CSV:
        r->batch.no_csv = true;
        break;
    case OPT_MANIFEST:
        r->batch.manifest = values[0];
        break;
    case OPT_PROGRESS:
        return gen_take_progress(&r->term, values[0]);
    case OPT_SEAL:
        if (r->batch.n_seal == EM_SEAL_RECIPIENTS_MAX)
            return "more than 64 certificates";
        r->seal[r->batch.n_seal++] = values[0];
        break;
    case OPT_VERBOSE:
        r->batch.each_unit = true;
        r->term.level = EM_LOG_INFO;
        break;
    default:
        r->without_effect = true;
        break;
    }
    return NULL;
}

static void print_result(const struct em_batch_options *o,
                         const struct em_batch_result *r)
{
    const char *slash = o->outdir[strlen(o->outdir) - 1] == '/' ? "" : "/";
    if (o->dry_run) {
        printf("%" PRIu64 " of %" PRIu64 " units checked, nothing written\n", r->selected,
               r->rows);
        return;
    }
    printf("%" PRIu64 " image%s made", r->made, r->made == 1 ? "" : "s");
    if (o->resume)
        printf(", %" PRIu64 " kept", r->kept);
    printf(" in %s%sbin (%" PRIu64 " KiB)\n", o->outdir, slash, r->bytes / 1024);
}

static json_t *result_object(const struct em_batch_options *o,
                             const struct em_batch_result *r)
{
    return json_pack("{s:s, s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "command",
                     "generate", "outdir", gen_json_text(o->outdir), "dry_run",
                     (int)o->dry_run, "units", (json_int_t)r->rows, "selected",
                     (json_int_t)r->selected, "made", (json_int_t)r->made, "kept",
                     (json_int_t)r->kept, "image_bytes", (json_int_t)r->bytes, "faults",
                     (json_int_t)r->faults, "warnings", (json_int_t)r->warnings);
}

static int generate(const struct cli_command *command, int argc, char **argv)
{
    struct request r = {
        .batch = EM_BATCH_OPTIONS_INIT,
        .term = gen_term(),
    };
    const char *args[CLI_POSITIONALS_MAX];
    r.batch.jobs = gen_cores();
    int exit_status = cli_parse(gen_program, command, argc, argv, args, on_option, &r);
    if (exit_status >= 0)
        return exit_status;
    r.batch.seal = r.seal;
    r.batch.config = args[0];
    r.batch.values = args[1];
    r.batch.prefix = args[2];
    struct em_error err = {.status = EM_OK};
    struct em_integer size;
    if (em_text_literal(&size, em_span_of(args[3]), &err) != EM_OK || size.negative)
        return cli_fault(gen_program, command,
                         "SIZE '%s' is no number; write 12288 or 0x3000", args[3]);
    r.batch.size = size.huge ? UINT64_MAX : size.magnitude;
    if (r.without_effect && !r.term.quiet && !r.term.json)
        (void)fprintf(stderr,
                      "%s: warning: --keyfile, --input and --output have no effect "
                      "here\n",
                      gen_program);
    r.term.stop = term_stop();
    term_catch_signals();
    struct em_hooks hooks = term_hooks(&r.term);
    struct em_batch_result result;
    enum em_status status = em_batch_generate(&r.batch, &hooks, &result, &err);
    err.status = status;
    term_clear(&r.term);
    if (r.term.json)
        return term_json_end(&r.term, result_object(&r.batch, &result), &err);
    term_fault(&r.term, &err);
    if (status == EM_OK && !r.term.quiet)
        print_result(&r.batch, &result);
    return em_status_exit(status);
}

const struct cli_command gen_generate = {
    .name = "generate",
    .summary = "Make the intermediate CSV, the NVS image and the keys of every unit",
    .positionals = "CONF VALUES PREFIX SIZE",
    .about =
        "  CONF      config CSV: rows name,namespace, and key,type,encoding[,REPEAT]\n"
        "  VALUES    values CSV: a header with the keys' names, then one row a unit\n"
        "  PREFIX    file names begin with it\n"
        "  SIZE      of the NVS partition in bytes, a multiple of 4096: 0x3000, 12288\n"
        "\n"
        "Everything is checked before anything is written; files that are there already\n"
        "are never replaced. Files named in VALUES are relative to the current folder.\n",
    .options = options,
    .examples =
        "  mfg_gen generate config.csv values.csv Fan 0x6000 --outdir out\n"
        "  mfg_gen generate config.csv values.csv Fan 0x6000 --outdir out --dry-run\n"
        "  mfg_gen generate config.csv values.csv Fan 0x6000 --outdir out \\\n"
        "      --fileid serial --keygen --key_protect_hmac --kp_hmac_keygen \\\n"
        "      --manifest out/manifest.csv\n"
        "  mfg_gen generate config.csv values.csv Fan 0x6000 --outdir out --keygen \\\n"
        "      --seal vault.crt --seal backup.crt\n"
        "  mfg_gen generate config.csv values.csv Fan 0x6000 --outdir out --resume\n",
    .run = generate,
};
