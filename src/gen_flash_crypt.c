/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_gen flash-encrypt, flash-decrypt and generate-flash-key: flash encryption on the
 * host. */
#include "config.h"

#include <espmfg/flash_encrypt.h>

#include "base/buf_int.h"
#include "base/error_int.h"
#include "base/file_int.h"
#include "src/gen.h"
#include "src/gen_args.h"
#include "src/term.h"

#include <openssl/crypto.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than any flash chip there is. */
static const size_t data_max = (size_t)256 << 20;

enum { OPT_KEYFILE, OPT_ADDRESS, OPT_OUTPUT, OPT_XTS, OPT_CONF, OPT_KEYLEN };

static const struct cli_option crypt_options[] = {
    {"keyfile", "k", "FILE", "the flash encryption key, its bytes as they are",
     OPT_KEYFILE},
    {"address", "a", "ADDRESS", "in flash, of the first byte; a multiple of 16",
     OPT_ADDRESS},
    {"output", "o", "OUTPUT",
     "name of the file to make; one that is there is not replaced", OPT_OUTPUT},
    {"aes-xts", "x", NULL, "AES-XTS, as all chips but the ESP32 use it", OPT_XTS},
    {"flash-crypt-conf", NULL, "VALUE",
     "FLASH_CRYPT_CONFIG in the ESP32's eFuses (default: 0xF)", OPT_CONF},
    GEN_TERM_OPTIONS,
    {NULL, NULL, NULL, NULL, 0},
};

static const struct cli_option key_options[] = {
    {"keylen", "l", "BITS",
     "256 (default): XTS-AES-128, or ESP32; 512: XTS-AES-256; 192: ESP32 with coding "
     "scheme 3/4; 128: half a block of the ESP32-C2",
     OPT_KEYLEN},
    GEN_TERM_OPTIONS,
    {NULL, NULL, NULL, NULL, 0},
};

struct request {
    struct term term;
    struct em_flash_key key;
    const char *keyfile, *output;
    bool has_address, has_conf;
    uint32_t addr;
    size_t key_len;
    uint64_t len; /* of what was written */
    char fingerprint[EM_KEY_FINGERPRINT_SIZE];
};

static void init(struct request *r)
{
    *r = (struct request){
        .term = gen_term(),
        .key = {.scheme = EM_FLASH_ESP32, .crypt_conf = EM_FLASH_CRYPT_CONF},
        .key_len = 32,
    };
}

static const char *take_key_len(size_t *out, const char *text)
{
    unsigned long long bits;
    if (!cli_number(&bits, text, 512) ||
        (bits != 128 && bits != 192 && bits != 256 && bits != 512))
        return "choose 128, 192, 256 or 512";
    *out = (size_t)bits / 8;
    return NULL;
}

static const char *on_option(void *user, int id, char *const *values)
{
    struct request *r = user;
    unsigned long long number;
    if (gen_take_term(&r->term, id))
        return NULL;
    switch (id) {
    case OPT_KEYFILE:
        r->keyfile = values[0];
        break;
    case OPT_ADDRESS:
        if (!cli_integer(&number, values[0], UINT32_MAX))
            return "an address in flash, like 0x10000";
        r->addr = (uint32_t)number;
        r->has_address = true;
        break;
    case OPT_OUTPUT:
        r->output = values[0];
        break;
    case OPT_XTS:
        r->key.scheme = EM_FLASH_XTS;
        break;
    case OPT_CONF:
        if (!cli_integer(&number, values[0], EM_FLASH_CRYPT_CONF))
            return "a number from 0 to 0xF";
        r->key.crypt_conf = (unsigned)number;
        r->has_conf = true;
        break;
    default: /* OPT_KEYLEN */
        return take_key_len(&r->key_len, values[0]);
    }
    return NULL;
}

static enum em_status load_key(struct request *r, struct em_error *err)
{
    enum { ENOUGH = 1 << 20 }; /* to tell the size of a file that is no key */
    struct em_buf file = {0};
    struct em_error fault = {.status = EM_OK};
    enum em_status status = em_file_read(&file, r->keyfile, ENOUGH, err);
    if (status != EM_OK) {
        em_buf_wipe(&file);
        return status;
    }
    if (file.len > EM_KEY_MAX) {
        fault.status =
            em_error_set(&fault, EM_ERR_INPUT, "mfg_gen generate-flash-key makes one",
                         "%zu bytes are no flash encryption key", file.len);
    } else {
        memcpy(r->key.key.bytes, file.data, file.len);
        r->key.key.len = file.len;
        fault.status = em_flash_key_check(&r->key, &fault);
    }
    em_buf_wipe(&file);
    if (fault.status == EM_OK)
        return em_key_fingerprint(&r->key.key, r->fingerprint, err);
    em_error_at(&fault, r->keyfile, 0);
    *err = fault;
    return fault.status;
}

/* For the ESP32, data of any length are taken. Random bytes fill the last block: what is
 * known of a plain text helps who looks for its key. */
static enum em_status pad(struct request *r, struct em_buf *data, struct em_error *err)
{
    struct em_key noise = {0};
    size_t more = EM_FLASH_CRYPT_UNIT - data->len % EM_FLASH_CRYPT_UNIT;
    if (more == EM_FLASH_CRYPT_UNIT || r->key.scheme != EM_FLASH_ESP32)
        return EM_OK;
    enum em_status status = em_key_random(&noise, more, err);
    if (status != EM_OK)
        return status;
    em_buf_append(data, noise.bytes, more);
    em_key_wipe(&noise);
    if (data->failed)
        return em_error_nomem(err);
    term_tell(
        &r->term, EM_LOG_WARNING, "what reads it has to know its length",
        "%zu random bytes put behind the data: only multiples of 16 can be encrypted",
        more);
    return EM_OK;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Before the work: a name of a file, and nothing there. */
static enum em_status check_output(const char *path, struct em_error *err)
{
    const char *base = base_name(path);
    if (base[0] == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
        return em_error_set(err, EM_ERR_USAGE, "name a file", "'%s' is no name of a file",
                            path);
    if (access(path, F_OK) == 0)
        return em_error_set(err, EM_ERR_EXISTS, "move it away, or choose another name",
                            "'%s' is already there", path);
    return EM_OK;
}

/* @p path with these bytes, whole and on the disk, unless something is there. */
static enum em_status put(const char *path, const void *data, size_t len, mode_t mode,
                          struct em_error *err)
{
    struct em_dir *dir = NULL;
    const char *base = base_name(path);
    size_t dir_len = (size_t)(base - path);
    char *folder = dir_len == 0 ? strdup(".") : strndup(path, dir_len);
    enum em_status status = folder == NULL ? em_error_nomem(err) : EM_OK;
    if (status == EM_OK)
        status = em_dir_open(&dir, folder, err);
    if (status == EM_OK)
        status = em_dir_put(dir, base, data, len, mode, EM_PUT_DURABLE, err);
    em_dir_close(dir);
    free(folder);
    return status;
}

static enum em_status apply(struct request *r, const char *input, bool encrypt,
                            struct em_error *err)
{
    struct em_buf data = {0};
    enum em_status status = load_key(r, err);
    if (status == EM_OK)
        status = check_output(r->output, err);
    if (status == EM_OK)
        status = em_file_read(&data, input, data_max, err);
    if (status == EM_OK && encrypt)
        status = pad(r, &data, err);
    if (status == EM_OK) {
        status = encrypt ? em_flash_encrypt(data.data, data.len, r->addr, &r->key, err)
                         : em_flash_decrypt(data.data, data.len, r->addr, &r->key, err);
        if (status == EM_ERR_INPUT)
            em_error_at(err, input, 0);
    }
    if (status == EM_OK) /* plain content is for its owner only */
        status = put(r->output, data.data, data.len, encrypt ? 0666 : 0600, err);
    r->len = data.len;
    em_buf_wipe(&data);
    return status;
}

static const char *scheme_name(const struct em_flash_key *key)
{
    if (key->scheme == EM_FLASH_ESP32)
        return "the ESP32's scheme";
    return key->key.len == 64 ? "XTS-AES-256" : "XTS-AES-128";
}

static int end(struct request *r, const struct cli_command *command, bool encrypt,
               const struct em_error *err)
{
    bool good = err->status == EM_OK;
    if (good && !r->term.quiet && !r->term.json)
        printf("%s %" PRIu64 " bytes for address 0x%" PRIx32 " with %s: ===> %s\n",
               encrypt ? "Encrypted" : "Decrypted", r->len, r->addr, scheme_name(&r->key),
               r->output);
    const char *scheme = r->key.scheme == EM_FLASH_XTS ? "aes-xts" : "esp32";
    em_key_wipe(&r->key.key);
    if (!r->term.json) {
        term_fault(&r->term, err);
        return em_status_exit(err->status);
    }
    return term_json_end(
        &r->term,
        json_pack("{s:s, s:o, s:I, s:s, s:s?, s:o}", "command", command->name, "output",
                  good ? gen_json_text(r->output) : json_null(), "address",
                  (json_int_t)r->addr, "scheme", scheme, "key_fingerprint",
                  r->fingerprint[0] == '\0' ? NULL : r->fingerprint, "bytes",
                  good ? json_integer((json_int_t)r->len) : json_null()),
        err);
}

static int flash_crypt(const struct cli_command *command, int argc, char **argv,
                       bool encrypt)
{
    struct request r;
    struct em_error err = {.status = EM_OK};
    const char *args[CLI_POSITIONALS_MAX];
    init(&r);
    int exit_status = cli_parse(gen_program, command, argc, argv, args, on_option, &r);
    if (exit_status >= 0)
        return exit_status;
    if (r.keyfile == NULL || !r.has_address || r.output == NULL)
        return cli_fault(gen_program, command, "%s is needed",
                         r.keyfile == NULL ? "--keyfile"
                         : !r.has_address  ? "--address"
                                           : "--output");
    if (r.has_conf && r.key.scheme == EM_FLASH_XTS)
        term_tell(&r.term, EM_LOG_WARNING, "it is an eFuse field of the ESP32",
                  "--flash-crypt-conf does not count for AES-XTS");
    else if (r.key.crypt_conf == 0)
        term_tell(&r.term, EM_LOG_WARNING, "0xF is what chips should be burned with",
                  "with FLASH_CRYPT_CONFIG 0 equal data have equal bytes everywhere");
    err.status = apply(&r, args[0], encrypt, &err);
    return end(&r, command, encrypt, &err);
}

static int encrypt_run(const struct cli_command *command, int argc, char **argv)
{
    return flash_crypt(command, argc, argv, true);
}

static int decrypt_run(const struct cli_command *command, int argc, char **argv)
{
    return flash_crypt(command, argc, argv, false);
}

static int key_run(const struct cli_command *command, int argc, char **argv)
{
    struct request r;
    struct em_key key = {0};
    struct em_error err = {.status = EM_OK};
    const char *args[CLI_POSITIONALS_MAX];
    init(&r);
    int exit_status = cli_parse(gen_program, command, argc, argv, args, on_option, &r);
    if (exit_status >= 0)
        return exit_status;
    err.status = check_output(args[0], &err);
    if (err.status == EM_OK)
        err.status = em_key_random(&key, r.key_len, &err);
    if (err.status == EM_OK)
        err.status = em_key_fingerprint(&key, r.fingerprint, &err);
    if (err.status == EM_OK)
        err.status = put(args[0], key.bytes, key.len, 0600, &err);
    em_key_wipe(&key);
    bool good = err.status == EM_OK;
    if (r.term.json)
        return term_json_end(
            &r.term,
            json_pack("{s:s, s:o, s:o}", "command", command->name, "key_file",
                      good ? gen_json_text(args[0]) : json_null(), "key_fingerprint",
                      good ? json_string(r.fingerprint) : json_null()),
            &err);
    term_fault(&r.term, &err);
    if (good && !r.term.quiet)
        printf(
            "Created a flash encryption key of %zu bits, fingerprint %.16s…: ===> %s\n",
            8 * r.key_len, r.fingerprint, args[0]);
    return em_status_exit(err.status);
}

const struct cli_command gen_flash_encrypt = {
    .name = "flash-encrypt",
    .summary = "Encrypt data for flash, as the chip with this key reads it",
    .positionals = "INPUT",
    .about = "  INPUT     what the chip is to read at ADDRESS\n"
             "Without --aes-xts it is the ESP32's own scheme.\n",
    .options = crypt_options,
    .examples = "  mfg_gen flash-encrypt -x -k key.bin -a 0x10000 -o app.enc app.bin\n"
                "  mfg_gen flash-encrypt -k esp32.bin -a 0x1000 -o boot.enc boot.bin\n",
    .run = encrypt_run,
};

const struct cli_command gen_flash_decrypt = {
    .name = "flash-decrypt",
    .summary = "Decrypt what was read out of an encrypted flash",
    .positionals = "INPUT",
    .about = "  INPUT     bytes of the flash from ADDRESS on\n"
             "The output is readable for its owner only. A wrong key is not noticed: it\n"
             "makes noise.\n",
    .options = crypt_options,
    .examples = "  mfg_gen flash-decrypt -x -k key.bin -a 0x10000 -o app.bin app.enc\n",
    .run = decrypt_run,
};

const struct cli_command gen_flash_key = {
    .name = "generate-flash-key",
    .summary = "Make a flash encryption key",
    .positionals = "OUTPUT",
    .about =
        "  OUTPUT    gets the bytes of the key, readable for its owner only; a file\n"
        "            that is there already is never replaced\n",
    .options = key_options,
    .examples = "  mfg_gen generate-flash-key key.bin\n"
                "  mfg_gen generate-flash-key --keylen 512 key.bin\n",
    .run = key_run,
};
