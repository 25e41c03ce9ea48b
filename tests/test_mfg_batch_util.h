/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of whole batches share: inputs in a temporary folder, a run, its images.
 */
#ifndef TESTS_TEST_MFG_BATCH_UTIL_H
#define TESTS_TEST_MFG_BATCH_UTIL_H

#include <espmfg/batch.h>

#include "tests/test_mfg_util.h"

#include <openssl/evp.h>

/* A batch in a folder of its own: config.csv, values.csv, and outputs below out/. */
struct batch {
    char folder[PATH_LEN];
    char config[PATH_LEN];
    char values[PATH_LEN];
    char outdir[PATH_LEN];
    struct em_batch_options options;
    struct em_hooks hooks;
    struct em_batch_result result;
    struct em_error err;
    struct told told; /* of the last run */
};

/* Outputs of the runs to come go below the folder @p name. */
static inline void batch_outdir(struct batch *b, const char *name)
{
    join_path(b->outdir, b->folder, name);
    b->options.outdir = b->outdir;
}

static inline struct batch *batch_new(const char *config, const char *values)
{
    struct batch *b = need(calloc(1, sizeof *b));
    make_folder(b->folder);
    join_path(b->config, b->folder, "config.csv");
    join_path(b->values, b->folder, "values.csv");
    write_text(b->config, config);
    write_text(b->values, values);
    b->options = (struct em_batch_options)EM_BATCH_OPTIONS_INIT;
    b->options.config = b->config;
    b->options.values = b->values;
    b->options.prefix = "P";
    b->options.size = 0x3000;
    b->hooks = (struct em_hooks){.log = tell, .user = &b->told};
    batch_outdir(b, "out");
    return b;
}

static inline enum em_status batch_run(struct batch *b)
{
    memset(&b->told, 0, sizeof b->told);
    memset(&b->result, 0xA5, sizeof b->result); /* is to be filled in any case */
    return em_batch_generate(&b->options, &b->hooks, &b->result, &b->err);
}

static inline void batch_free(struct batch *b)
{
    remove_folder(b->folder);
    free(b);
}

/* A file below the present outputs: "bin/P-1.bin". */
static inline void batch_path(const struct batch *b, char *out, const char *name)
{
    join_path(out, b->outdir, name);
}

static inline uint8_t *batch_read(const struct batch *b, const char *name, size_t *len)
{
    char path[PATH_LEN];
    batch_path(b, path, name);
    return read_file(path, len);
}

/* Nothing but the inputs is there: no files, and no folders either. */
static inline bool batch_untouched(const struct batch *b)
{
    bool touched = is_there(b->folder, "out");
    if (touched)
        printf("\n  %s is there\n", b->outdir);
    return !touched && count_files(b->folder) == 2;
}

/*
 * Decrypt an image as the format document has it (section 6): each entry that the bitmap
 * marks as written is one XTS unit, its tweak the offset from the start of the partition.
 */
static inline void decrypt_image(uint8_t *image, size_t len, const uint8_t key[64])
{
    EVP_CIPHER_CTX *ctx = need(EVP_CIPHER_CTX_new());
    for (size_t page = 0; page + 4096 <= len; page += 4096) {
        for (size_t i = 0; i < 126; i++) {
            size_t at = page + 64 + i * 32;
            uint8_t tweak[16] = {0};
            uint8_t plain[32];
            int n = 0;
            if ((image[page + 32 + i / 4] >> (i % 4 * 2) & 3) != 2)
                continue;
            for (size_t k = 0; k < 4; k++)
                tweak[k] = (uint8_t)(at >> (8 * k));
            require(EVP_DecryptInit_ex(ctx, EVP_aes_256_xts(), NULL, key, tweak) == 1);
            require(EVP_DecryptUpdate(ctx, plain, &n, image + at, 32) == 1 && n == 32);
            memcpy(image + at, plain, 32);
        }
    }
    EVP_CIPHER_CTX_free(ctx);
}

/* SHA-256 as lower-case hex digits. */
static inline void sha256_hex(char out[65], const void *data, size_t len)
{
    uint8_t digest[32];
    require(EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) == 1);
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* The permission bits of a file or folder below the present outputs. */
static inline unsigned batch_mode(const struct batch *b, const char *name)
{
    char path[PATH_LEN];
    struct stat st;
    batch_path(b, path, name);
    return lstat(path, &st) == 0 ? (unsigned)(st.st_mode & 07777) : 0xFFFF;
}

/*
 * A table of @p n units, to be freed: row i holds the number i, a text, the name of a
 * file (@p file, the same for all) and a REPEAT value. Goes with MANY_CONFIG.
 */
#define MANY_CONFIG                                                                      \
    "n1,namespace,\n"                                                                    \
    "num,data,u32\n"                                                                     \
    "text,data,string\n"                                                                 \
    "rep,data,hex2bin,REPEAT\n"                                                          \
    "n2,namespace,\n"                                                                    \
    "cert,file,binary\n"

static inline char *many_values(unsigned n, const char *file)
{
    size_t size = 64 + (size_t)n * (96 + strlen(file));
    char *text = need(malloc(size));
    size_t len = (size_t)snprintf(text, size, "num,text,rep,cert,serial\n");
    for (unsigned i = 1; i <= n; i++)
        len += (size_t)snprintf(text + len, size - len,
                                "%u,\"text, \"\"%u\"\"\",%s,%s,S%04u\n", i * 7919, i,
                                i == 1 ? "00ffa5" : "", file, i);
    return text;
}

/* A batch of @p n units. */
static inline struct batch *batch_many(unsigned n)
{
    char file[PATH_LEN];
    struct batch *b = batch_new(MANY_CONFIG, "");
    join_path(file, b->folder, "cert.pem");
    write_text(file, "-- not really a certificate --\n");
    char *values = many_values(n, file);
    write_text(b->values, values);
    free(values);
    return b;
}

static inline void copy_folder(const char *from, const char *to)
{
    DIR *dir = need(opendir(from));
    struct dirent *entry;
    require(mkdir(to, 0700) == 0);
    while ((entry = readdir(dir)) != NULL) {
        char a[PATH_LEN];
        char b[PATH_LEN];
        struct stat st;
        size_t len;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        join_path(a, from, entry->d_name);
        join_path(b, to, entry->d_name);
        require(lstat(a, &st) == 0);
        if (S_ISDIR(st.st_mode)) {
            copy_folder(a, b);
            continue;
        }
        uint8_t *data = need(read_file(a, &len));
        write_file(b, data, len);
        free(data);
    }
    (void)closedir(dir);
}

#endif
