/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash efuse burn-key, burn-key-digest. */
#include "config.h"

#include "src/efuse.h"

#include "base/error_int.h"
#include "base/file_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_FILE_MAX = 16384 }; /* a PEM file of a long RSA key has 3 KiB */

/* Keys of one command, with the contents of their files. */
struct keys {
    struct em_efuses_key *items;
    struct em_buf *files;
    size_t count;
};

static void free_keys(struct keys *keys)
{
    for (size_t i = 0; keys->files != NULL && i < keys->count; i++)
        em_buf_wipe(&keys->files[i]);
    free(keys->items);
    free(keys->files);
}

static bool has_text(const struct em_buf *buf, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i + len <= buf->len; i++) {
        if (memcmp(buf->data + i, text, len) == 0)
            return true;
    }
    return false;
}

/* Public keys and digests may be seen by everyone. */
static bool is_secret(const struct em_efuses_key *key, const struct em_buf *file)
{
    if (has_text(file, "-----BEGIN"))
        return has_text(file, "PRIVATE KEY");
    return key->purpose == NULL || strstr(key->purpose, "DIGEST") == NULL;
}

static enum em_status load_key(struct efuse_call *call, struct keys *keys, size_t i,
                               const char *path, struct em_error *err)
{
    struct stat st;
    struct em_buf *file = &keys->files[i];
    /* Memory that grows would leave copies of a key behind. */
    if (em_buf_reserve(file, KEY_FILE_MAX) == NULL)
        return em_error_nomem(err);
    enum em_status status = em_file_read(file, path, KEY_FILE_MAX, err);
    if (status != EM_OK)
        return status;
    keys->items[i].data = file->data;
    keys->items[i].len = file->len;
    if (is_secret(&keys->items[i], file) && stat(path, &st) == 0 &&
        (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        efuse_tell(call->run, EM_LOG_WARNING,
                   "make it private: chmod 600, and think of who has read it",
                   "others may read the key file '%s' (mode %04o)", path,
                   (unsigned)st.st_mode & 07777);
    return EM_OK;
}

/* Take the words in groups of @p step: BLOCK FILE PURPOSE, BLOCK FILE, or FILE. */
static enum em_status load_keys(struct efuse_call *call, struct keys *keys, size_t step,
                                struct em_error *err)
{
    enum em_status status = EM_OK;
    keys->count = call->count / step;
    keys->items = calloc(keys->count, sizeof *keys->items);
    keys->files = calloc(keys->count, sizeof *keys->files);
    if (keys->items == NULL || keys->files == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < keys->count && status == EM_OK; i++) {
        const char *const *words = &call->words[i * step];
        keys->items[i].block = step > 1 ? words[0] : NULL;
        keys->items[i].purpose = step > 2 ? words[2] : NULL;
        status = load_key(call, keys, i, words[step > 1], err);
    }
    return status;
}

typedef enum em_status stage_keys(struct em_efuses *efuses,
                                  const struct em_efuses_key *keys, size_t count,
                                  const struct em_efuses_key_options *options,
                                  struct em_error *err);

static enum em_status stage(struct efuse_call *call, size_t step, stage_keys *stage_them,
                            struct em_error *err)
{
    struct keys keys = {0};
    struct em_efuses_key_options options = {
        .no_read_protect = call->no_read_protect,
        .no_write_protect = call->no_write_protect,
    };
    if (call->count == 0 || call->count % step != 0)
        return em_error_set(err, EM_ERR_USAGE,
                            step == 3 ? "write BLOCK FILE PURPOSE for each key"
                                      : "write BLOCK FILE for each key",
                            "%zu arguments do not make up whole keys", call->count);
    enum em_status status = load_keys(call, &keys, step, err);
    if (status == EM_OK)
        status = stage_them(call->run->efuses, keys.items, keys.count, &options, err);
    free_keys(&keys);
    return status;
}

/* Is the block all there is to say? On the ESP32 purposes are names of blocks. */
static bool block_tells(const struct em_efuses *efuses)
{
    struct em_efuses_block block;
    struct em_error ignored;
    const char *purpose = em_efuses_purpose(efuses, 0);
    return purpose == NULL ||
           em_efuses_block_find(efuses, purpose, &block, &ignored) == EM_OK;
}

static enum em_status burn_key(struct efuse_call *call, struct em_error *err)
{
    return stage(call, block_tells(call->run->efuses) ? 2 : 3, em_efuses_stage_keys, err);
}

static enum em_status burn_key_digest(struct efuse_call *call, struct em_error *err)
{
    return stage(call, call->count == 1 ? 1 : 3, em_efuses_stage_key_digests, err);
}

static const struct cli_option options[] = {
    {"no-read-protect", NULL, NULL, "let software read the key",
     EFUSE_OPT_NO_READ_PROTECT},
    {"no-write-protect", NULL, NULL, "let more bits be burned into its block",
     EFUSE_OPT_NO_WRITE_PROTECT},
    {"no-protect-key", NULL, NULL, "both (ESP32)", EFUSE_OPT_NO_PROTECT_KEY},
    EFUSE_OPTION_FORCE_WRITE_ALWAYS,
    {NULL, NULL, NULL, NULL, 0},
};

const struct efuse_command efuse_burn_key = {
    .base = {.cli = {.name = "efuse burn-key",
                     .summary = "Burn keys, and protect them",
                     .positionals = "BLOCK FILE [PURPOSE…]",
                     .about =
                         "  BLOCK    a key block, or auto: the first that is free\n"
                         "  FILE     the key, in bytes; for ECDSA keys a PEM file\n"
                         "  PURPOSE  what it is for, as XTS_AES_128_KEY or HMAC_UP\n"
                         "BLOCK FILE PURPOSE may be repeated. The ESP32 has no PURPOSE: "
                         "BLOCK is\n"
                         "flash_encryption, secure_boot_v1, secure_boot_v2 or BLOCK1 to "
                         "BLOCK3.\n",
                     .options = options,
                     .common = flash_options,
                     .examples =
                         "  mfg_flash -p /dev/ttyUSB0 efuse burn-key auto nvs.bin "
                         "HMAC_UP\n"
                         "  mfg_flash -p /dev/ttyUSB0 --chip esp32 efuse burn-key "
                         "flash_encryption k.bin\n"},
             .run = efuse_main},
    .kind = EFUSE_BURNS,
    .has_force = true,
    .act = burn_key,
};

const struct efuse_command efuse_burn_key_digest = {
    .base = {.cli = {.name = "efuse burn-key-digest",
                     .summary = "Burn digests of the keys that sign firmware",
                     .positionals = "[BLOCK] FILE [PURPOSE…]",
                     .about = "  BLOCK    a key block, or auto: the first that is free\n"
                              "  FILE     public or private key (PEM): RSA 3072, ECDSA\n"
                              "  PURPOSE  SECURE_BOOT_DIGEST0, …1 or …2\n"
                              "ESP32 and ESP32-C2 take FILE alone.\n",
                     .options = options,
                     .common = flash_options,
                     .examples = "  mfg_flash -p /dev/ttyUSB0 efuse burn-key-digest auto "
                                 "sign.pem SECURE_BOOT_DIGEST0\n"},
             .run = efuse_main},
    .kind = EFUSE_BURNS,
    .has_force = true,
    .act = burn_key_digest,
};
