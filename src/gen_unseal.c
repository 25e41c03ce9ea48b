/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen unseal: key files out of their envelopes. */
#include "config.h"

#include <espmfg/seal.h>

#include "src/gen.h"
#include "src/gen_args.h"
#include "src/term.h"

#include <stdio.h>
#include <stdlib.h>

enum { OPT_KEY, OPT_PASSPHRASE_FILE, OPT_PASSPHRASE_FD, OPT_OUTDIR };

static const struct cli_option options[] = {
    {"key", NULL, "PRIV.pem", "private key of one of the certificates (needed)", OPT_KEY},
    {"passphrase-file", NULL, "FILE", "its first line is the passphrase of the key",
     OPT_PASSPHRASE_FILE},
    {"passphrase-fd", NULL, "N", "likewise what file descriptor N has",
     OPT_PASSPHRASE_FD},
    {"outdir", NULL, "DIR",
     "folder for the keys, made with mode 700 if it is missing (needed)", OPT_OUTDIR},
    GEN_TERM_OPTIONS,
    {NULL, NULL, NULL, NULL, 0},
};

struct request {
    struct em_unseal_options unseal;
    const char *outdir;
    struct term term;
};

static const char *on_option(void *user, int id, char *const *values)
{
    struct request *r = user;
    if (gen_take_term(&r->term, id))
        return NULL;
    switch (id) {
    case OPT_KEY:
        r->unseal.key = values[0];
        break;
    case OPT_PASSPHRASE_FILE:
        r->unseal.passphrase_file = values[0];
        break;
    case OPT_PASSPHRASE_FD:
        return gen_take_fd(&r->unseal.passphrase_fd, values[0]);
    default: /* OPT_OUTDIR */
        r->outdir = values[0][0] == '\0' ? "." : values[0];
        break;
    }
    return NULL;
}

static int end(struct request *r, size_t count, struct em_error *err)
{
    if (r->term.json)
        return term_json_end(&r->term,
                             json_pack("{s:s, s:o, s:I}", "command", "unseal", "outdir",
                                       gen_json_text(r->outdir), "files",
                                       (json_int_t)(err->status == EM_OK ? count : 0)),
                             err);
    term_fault(&r->term, err);
    if (err->status == EM_OK && !r->term.quiet)
        printf("%zu key file%s unsealed into %s\n", count, count == 1 ? "" : "s",
               r->outdir);
    return em_status_exit(err->status);
}

static int unseal(const struct cli_command *command, int argc, char **argv)
{
    struct request r = {.unseal = EM_UNSEAL_OPTIONS_INIT, .term = gen_term()};
    struct em_error err = {.status = EM_OK};
    struct em_unseal *key = NULL;
    size_t count = 0;
    const char **files = calloc((size_t)argc + 1, sizeof *files);
    if (files == NULL) {
        (void)fprintf(stderr, "%s: out of memory\n", gen_program);
        return em_status_exit(EM_ERR_NOMEM);
    }
    int exit_status = cli_parse(gen_program, command, argc, argv, files, on_option, &r);
    if (exit_status < 0 && (r.unseal.key == NULL || r.outdir == NULL))
        exit_status = cli_fault(gen_program, command, "--%s is missing",
                                r.unseal.key == NULL ? "key" : "outdir");
    if (exit_status < 0) {
        while (files[count] != NULL)
            count++;
        err.status = em_unseal_open(&key, &r.unseal, &err);
        if (err.status == EM_OK)
            err.status = em_unseal_files(key, files, count, r.outdir, &err);
        em_unseal_close(key);
        exit_status = end(&r, count, &err);
    }
    free((void *)files);
    return exit_status;
}

const struct cli_command gen_unseal = {
    .name = "unseal",
    .summary = "Open key files that 'generate --seal' or a line has sealed",
    .positionals = "FILE…",
    .about = "  FILE      sealed keys: names that end in .cms\n"
             "\n"
             "The keys get mode 600 and their names without .cms. All are opened before "
             "the\nfirst is written; nothing is replaced.\n",
    .options = options,
    .examples = "  mfg_gen unseal --key vault.pem --outdir plain out/keys/*.cms\n"
                "  mfg_gen unseal --key vault.pem --passphrase-fd 3 --outdir plain \\\n"
                "      out/keys/keys-Fan-1.bin.cms 3<passphrase\n",
    .run = unseal,
};
