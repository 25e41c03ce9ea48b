/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen generate-key: one key file. */
#include "config.h"

#include <espmfg/keyfile.h>

#include "src/gen.h"
#include "src/gen_args.h"
#include "src/gen_image.h"
#include "src/term.h"

#include <stdio.h>

enum {
    OPT_KEYFILE,
    OPT_OUTDIR,
    OPT_HMAC,
    OPT_HMAC_KEYGEN,
    OPT_HMAC_KEYFILE,
    OPT_HMAC_INPUTKEY,
};

static const struct cli_option options[] = {
    {"keyfile", NULL, "NAME",
     "name of the key file (default: keys-MM-DD_HH-MM.bin, local time)", OPT_KEYFILE},
    {"outdir", NULL, "DIR", "gets the folder keys/ (default: current folder)",
     OPT_OUTDIR},
    {"key_protect_hmac", NULL, NULL,
     "derive the key from an HMAC key, as the device does from an eFuse block", OPT_HMAC},
    {"kp_hmac_keygen", NULL, NULL, "make a new HMAC key", OPT_HMAC_KEYGEN},
    {"kp_hmac_keyfile", NULL, "NAME",
     "name of the HMAC key file that is made (default: hmac- and the name of the key "
     "file)",
     OPT_HMAC_KEYFILE},
    {"kp_hmac_inputkey", NULL, "FILE", "derive from the 32-byte HMAC key in FILE",
     OPT_HMAC_INPUTKEY},
    GEN_TERM_OPTIONS,
    {NULL, NULL, NULL, NULL, 0},
};

struct request {
    struct em_keyfile_options keyfile;
    struct term term;
};

static const char *on_option(void *user, int id, char *const *values)
{
    struct request *r = user;
    if (gen_take_term(&r->term, id))
        return NULL;
    switch (id) {
    case OPT_KEYFILE:
        r->keyfile.name = values[0];
        break;
    case OPT_OUTDIR:
        r->keyfile.outdir = values[0][0] == '\0' ? "." : values[0];
        break;
    case OPT_HMAC:
        r->keyfile.keys.protect_hmac = true;
        break;
    case OPT_HMAC_KEYGEN:
        r->keyfile.keys.hmac_keygen = true;
        break;
    case OPT_HMAC_KEYFILE:
        r->keyfile.keys.hmac_keyfile = values[0];
        break;
    default: /* OPT_HMAC_INPUTKEY */
        r->keyfile.keys.hmac_inputkey = values[0];
        break;
    }
    return NULL;
}

static json_t *path_or_null(const char *path)
{
    return path[0] == '\0' ? json_null() : gen_json_text(path);
}

static int generate_key(const struct cli_command *command, int argc, char **argv)
{
    struct request r = {
        .keyfile = EM_KEYFILE_OPTIONS_INIT,
        .term = gen_term(),
    };
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = cli_parse(gen_program, command, argc, argv, args, on_option, &r);
    if (exit_status >= 0)
        return exit_status;
    struct em_hooks hooks = term_hooks(&r.term);
    struct em_keyfile_result result;
    struct em_error err = {.status = EM_OK};
    enum em_status status = em_keyfile_generate(&r.keyfile, &hooks, &result, &err);
    err.status = status;
    if (r.term.json)
        return term_json_end(
            &r.term,
            json_pack("{s:s, s:o, s:o}", "command", command->name, "key_file",
                      path_or_null(status == EM_OK ? result.key : ""), "hmac_key_file",
                      path_or_null(status == EM_OK ? result.hmac_key : "")),
            &err);
    term_fault(&r.term, &err);
    if (status == EM_OK && !r.term.quiet) {
        if (result.hmac_key[0] != '\0')
            printf("Created HMAC key: ===> %s\n", result.hmac_key);
        printf("Created encryption keys: ===> %s\n", result.key);
    }
    return em_status_exit(status);
}

/* The same under two names: of a batch's tool, and of the tool for one image. */
#define KEY_SUMMARY "Make one key file, random or derived from an HMAC key"
#define KEY_ABOUT                                                                        \
    "The key file goes to DIR/keys, readable for its owner only. A file that is there\n" \
    "already is never replaced.\n"

const struct cli_command gen_generate_key = {
    .name = "generate-key",
    .summary = KEY_SUMMARY,
    .positionals = "",
    .about = KEY_ABOUT,
    .options = options,
    .examples =
        "  mfg_gen generate-key --keyfile fan.bin --outdir out\n"
        "  mfg_gen generate-key --key_protect_hmac --kp_hmac_keygen --outdir out\n"
        "  mfg_gen generate-key --key_protect_hmac --kp_hmac_inputkey hmac.bin\n",
    .run = generate_key,
};

const struct cli_command gen_image_generate_key = {
    .name = "image generate-key",
    .summary = KEY_SUMMARY,
    .positionals = "",
    .about = KEY_ABOUT,
    .options = options,
    .examples = "  mfg_gen image generate-key --keyfile fan.bin --outdir out\n",
    .run = generate_key,
};
