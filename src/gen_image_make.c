/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen image generate, encrypt and decrypt: one image from tables or from an image. */
#include "config.h"

#include "src/gen_image.h"

#include <espmfg/keyfile.h>
#include <espmfg/nvs_table.h>

#include "base/error_int.h"
#include "base/text_int.h"
#include "mfg/imagefile_int.h"
#include "mfg/keys_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

enum {
    OPT_VERSION,
    OPT_OUTDIR,
    OPT_REPLACE,
    OPT_NO_EXTRAS,
    OPT_KEYGEN,
    OPT_KEYFILE,
    OPT_INPUTKEY,
    OPT_HMAC,
    OPT_HMAC_KEYGEN,
    OPT_HMAC_KEYFILE,
    OPT_HMAC_INPUTKEY,
};

/* clang-format off */
#define OUTPUT_OPTIONS                                                                     \
    {"outdir", NULL, "DIR", "OUTPUT is relative to it (default: current folder)", OPT_OUTDIR}, \
    {"replace", NULL, NULL, "replace an OUTPUT that is there and holds something else",       \
     OPT_REPLACE}
#define TABLE_OPTIONS                                                                      \
    {"version", NULL, "1|2", "NVS format: 2 (default) allows blobs over several pages",       \
     OPT_VERSION},                                                                         \
    {"no-wifi-extras", NULL, NULL, "only what the tables say, without the entries that are "  \
     "added to Wi-Fi settings", OPT_NO_EXTRAS}
/* clang-format on */

static const struct cli_option generate_options[] = {
    TABLE_OPTIONS,
    OUTPUT_OPTIONS,
    GEN_TERM_OPTIONS,
    {NULL, NULL, NULL, NULL, 0},
};

static const struct cli_option encrypt_options[] = {
    TABLE_OPTIONS,
    {"keygen", NULL, NULL, "encrypt with a new key, written to DIR/keys", OPT_KEYGEN},
    {"keyfile", NULL, "NAME", "name of the key file (default: keys-MM-DD_HH-MM.bin)",
     OPT_KEYFILE},
    {"inputkey", NULL, "FILE", "encrypt with the key in FILE", OPT_INPUTKEY},
    {"key_protect_hmac", NULL, NULL, "with --keygen: derive the key from an HMAC key",
     OPT_HMAC},
    {"kp_hmac_keygen", NULL, NULL, "make a new HMAC key", OPT_HMAC_KEYGEN},
    {"kp_hmac_keyfile", NULL, "NAME", "name of the HMAC key file that is made",
     OPT_HMAC_KEYFILE},
    {"kp_hmac_inputkey", NULL, "FILE", "derive from the 32-byte HMAC key in FILE",
     OPT_HMAC_INPUTKEY},
    OUTPUT_OPTIONS,
    GEN_TERM_OPTIONS,
    {NULL, NULL, NULL, NULL, 0},
};

static const struct cli_option decrypt_options[] = {
    OUTPUT_OPTIONS,
    GEN_TERM_OPTIONS,
    {NULL, NULL, NULL, NULL, 0},
};

struct request {
    struct image_options image;
    struct em_nvs_table_options table;
    struct em_keyfile_options keyfile; /* also what --inputkey and the rest say */
    struct em_imagefile output;
    struct em_keyfile_result made;
};

static void init(struct request *r)
{
    *r = (struct request){
        .table = EM_NVS_TABLE_OPTIONS_INIT,
        .keyfile = EM_KEYFILE_OPTIONS_INIT,
        .output = {.outdir = "."},
    };
    image_options_init(&r->image);
}

static const char *on_option(void *user, int id, char *const *values)
{
    struct request *r = user;
    struct em_key_options *keys = &r->keyfile.keys;
    if (image_option(&r->image, id, values))
        return NULL;
    switch (id) {
    case OPT_VERSION:
        if (strcmp(values[0], "1") != 0 && strcmp(values[0], "2") != 0)
            return "choose 1 or 2";
        r->table.version = values[0][0] == '1' ? EM_NVS_V1 : EM_NVS_V2;
        break;
    case OPT_OUTDIR:
        r->output.outdir = r->keyfile.outdir = values[0][0] == '\0' ? "." : values[0];
        break;
    case OPT_REPLACE:
        r->output.replace = true;
        break;
    case OPT_NO_EXTRAS:
        r->table.no_wifi_extras = true;
        break;
    case OPT_KEYGEN:
        keys->keygen = true;
        break;
    case OPT_KEYFILE:
        r->keyfile.name = values[0];
        break;
    case OPT_INPUTKEY:
        keys->inputkey = values[0];
        break;
    case OPT_HMAC:
        keys->protect_hmac = true;
        break;
    case OPT_HMAC_KEYGEN:
        keys->hmac_keygen = true;
        break;
    case OPT_HMAC_KEYFILE:
        keys->hmac_keyfile = values[0];
        break;
    default:
        keys->hmac_inputkey = values[0];
        break;
    }
    return NULL;
}

static void warn(struct request *r, const char *hint, const char *what)
{
    struct em_error msg;
    struct em_hooks hooks = term_hooks(&r->image.term);
    (void)em_error_set(&msg, EM_OK, hint, "%s", what);
    hooks.log(hooks.user, EM_LOG_WARNING, "", &msg);
}

/* Which key to encrypt with; a new one is written to its file first: who finds an image
 * finds its key. */
static enum em_status get_key(struct em_key *out, struct request *r, struct em_error *err)
{
    struct em_hooks hooks = term_hooks(&r->image.term);
    if (!r->keyfile.keys.keygen)
        return em_key_load(out, r->keyfile.keys.inputkey, NULL, err);
    enum em_status status = em_keyfile_generate(&r->keyfile, &hooks, &r->made, err);
    return status == EM_OK ? em_key_load(out, r->made.key, NULL, err) : status;
}

static enum em_status encrypt_image(uint8_t *image, size_t len, const struct em_key *key,
                                    struct em_error *err)
{
    struct em_nvs_crypt *crypt = NULL;
    enum em_status status = em_nvs_crypt_new(&crypt, err);
    if (status == EM_OK)
        status = em_nvs_crypt_key(crypt, key, err);
    if (status == EM_OK)
        status = em_nvs_encrypt(crypt, image, len, err);
    em_nvs_crypt_free(crypt);
    return status;
}

static enum em_status check_keys(const struct request *r, struct em_error *err)
{
    const struct em_key_options *o = &r->keyfile.keys;
    struct em_keys keys;
    if (!o->keygen && o->inputkey == NULL)
        return em_error_set(err, EM_ERR_USAGE,
                            "mfg_gen image generate makes plain images",
                            "--keygen or --inputkey is needed");
    enum em_status status = em_keys_load(&keys, o, err);
    em_keys_free(&keys);
    return status;
}

/* Make the image, encrypt it if asked, and write it. */
static enum em_status make(struct request *r, bool encrypted, struct em_error *err)
{
    struct em_hooks hooks = term_hooks(&r->image.term);
    struct em_key key = {0};
    uint8_t *image = NULL;
    size_t len = 0;
    enum em_status status = encrypted ? check_keys(r, err) : EM_OK;
    if (status == EM_OK)
        status = em_nvs_table_image(&image, &len, &r->table, &hooks, err);
    if (status == EM_OK && r->keyfile.keys.keygen)
        status = em_imagefile_check(&r->output, err); /* before a key is made */
    if (status == EM_OK && encrypted)
        status = get_key(&key, r, err);
    if (status == EM_OK && encrypted)
        status = encrypt_image(image, len, &key, err);
    if (status == EM_OK)
        status = em_imagefile_write(&r->output, image, len, 0666, err);
    em_key_wipe(&key);
    if (image != NULL)
        OPENSSL_cleanse(image, len);
    free(image);
    return status;
}

static json_t *path_or_null(const char *path)
{
    return path == NULL || path[0] == '\0' ? json_null() : gen_json_text(path);
}

/* Tell what was made. */
static int end(struct request *r, const char *command, const struct em_error *err)
{
    bool good = err->status == EM_OK;
    if (good && !r->image.term.quiet && !r->image.term.json) {
        if (r->made.hmac_key[0] != '\0')
            printf("Created HMAC key: ===> %s\n", r->made.hmac_key);
        if (r->made.key[0] != '\0')
            printf("Created encryption keys: ===> %s\n", r->made.key);
        printf("%s: ===> %s\n",
               r->output.kept ? "Kept, equal already" : "Created NVS binary",
               r->output.path);
    }
    json_t *fields = json_pack("{s:s, s:o, s:b, s:o, s:o}", "command", command, "image",
                               good ? path_or_null(r->output.path) : json_null(), "kept",
                               (int)r->output.kept, "key_file", path_or_null(r->made.key),
                               "hmac_key_file", path_or_null(r->made.hmac_key));
    em_imagefile_free(&r->output);
    return image_end(&r->image, fields, false, err);
}

/* generate and encrypt: INPUT… OUTPUT SIZE. @p args has room for all of them. */
static int from_tables(const struct cli_command *command, int argc, char **argv,
                       const char **args, bool encrypted)
{
    struct request r;
    struct em_integer size;
    struct em_error err = {.status = EM_OK};
    init(&r);
    int exit_status = cli_parse(gen_program, command, argc, argv, args, on_option, &r);
    if (exit_status >= 0)
        return exit_status;
    size_t n = 0;
    while (args[n] != NULL)
        n++;
    const char *size_text = args[n - 1];
    const char *output = args[n - 2];
    args[n - 2] = NULL; /* what is left are the tables */
    if (em_text_literal(&size, em_span_of(size_text), &err) != EM_OK || size.negative ||
        (size.magnitude == 0 && !size.huge))
        return cli_fault(gen_program, command,
                         "SIZE '%s' is no number of bytes; write 12288 or 0x3000",
                         size_text);
    r.table.paths = args;
    r.table.size = size.huge ? UINT64_MAX : size.magnitude;
    if (r.keyfile.keys.inputkey != NULL && r.keyfile.name != NULL)
        warn(&r, "--keygen makes one",
             "--keyfile is ignored: --inputkey needs no key file");
    err.status = em_imagefile_name(&r.output, output, &err);
    if (err.status == EM_OK)
        err.status = make(&r, encrypted, &err);
    return end(&r, command->name, &err);
}

static int generate(const struct cli_command *command, int argc, char **argv)
{
    const char **args = image_need(malloc(((size_t)argc + 1) * sizeof *args));
    int exit_status = from_tables(command, argc, argv, args, false);
    free(args);
    return exit_status;
}

static int encrypt(const struct cli_command *command, int argc, char **argv)
{
    const char **args = image_need(malloc(((size_t)argc + 1) * sizeof *args));
    int exit_status = from_tables(command, argc, argv, args, true);
    free(args);
    return exit_status;
}

static int decrypt(const struct cli_command *command, int argc, char **argv)
{
    struct request r;
    struct em_key key = {0};
    struct em_nvsfile file = {0};
    const char *args[CLI_POSITIONALS_MAX];
    struct em_error err = {.status = EM_OK};
    init(&r);
    int exit_status = cli_parse(gen_program, command, argc, argv, args, on_option, &r);
    if (exit_status >= 0)
        return exit_status;
    err.status = em_imagefile_name(&r.output, args[2], &err);
    if (err.status == EM_OK)
        err.status = em_key_load_any(&key, args[1], &err);
    if (err.status == EM_OK)
        err.status = em_nvsfile_open(&file, args[0], &key, NULL, NULL, &err);
    em_key_wipe(&key);
    if (err.status == EM_OK) /* it shows what was encrypted: for its owner only */
        err.status =
            em_imagefile_write(&r.output, file.image.data, file.image.len, 0600, &err);
    em_nvsfile_close(&file);
    return end(&r, command->name, &err);
}

const struct cli_command gen_image_generate = {
    .name = "image generate",
    .summary = "Make an NVS image from tables",
    .positionals = "INPUT… OUTPUT SIZE",
    .about =
        "  INPUT     intermediate CSV: key,type,encoding,value; several are appended\n"
        "  OUTPUT    name of the image; .bin is added if it has no extension\n"
        "  SIZE      of the NVS partition in bytes, a multiple of 4096\n",
    .options = generate_options,
    .examples =
        "  mfg_gen image generate nvs.csv nvs.bin 0x6000\n"
        "  mfg_gen image generate common.csv unit.csv unit.bin 0x6000 --outdir out\n",
    .run = generate,
};

const struct cli_command gen_image_encrypt = {
    .name = "image encrypt",
    .summary = "Make an encrypted NVS image from tables",
    .positionals = "INPUT… OUTPUT SIZE",
    .about = "Arguments as for image generate.\n",
    .options = encrypt_options,
    .examples = "  mfg_gen image encrypt nvs.csv nvs.bin 0x6000 --keygen\n"
                "  mfg_gen image encrypt nvs.csv nvs.bin 0x6000 --inputkey keys.bin\n",
    .run = encrypt,
};

const struct cli_command gen_image_decrypt = {
    .name = "image decrypt",
    .summary = "Decrypt an NVS image",
    .positionals = "INPUT KEY OUTPUT",
    .about = "  INPUT     encrypted image\n"
             "  KEY       key partition, its 64 bytes, or the 32 bytes of an HMAC key\n"
             "  OUTPUT    name of the plain image, readable for its owner only\n",
    .options = decrypt_options,
    .examples = "  mfg_gen image decrypt unit.bin keys-unit.bin plain.bin\n",
    .run = decrypt,
};
