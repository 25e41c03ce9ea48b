/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of verifying share: batches that were made, damage, and a run. */
#ifndef TESTS_TEST_MFG_VERIFY_UTIL_H
#define TESTS_TEST_MFG_VERIFY_UTIL_H

#include <espmfg/verify.h>

#include "tests/test_mfg_batch_util.h"

enum { UNITS = 6, FAULTS_MAX = 12 };

/* How a batch is encrypted. */
enum how { PLAIN, INPUTKEY, KEYGEN, HMAC, HMAC_GIVEN, HOWS };

struct verified {
    struct batch *b;
    char manifest[PATH_LEN], key[PATH_LEN], other_key[PATH_LEN], hmac[PATH_LEN];
    struct em_batch_verify_options options;
    struct em_batch_verify_result result;
    struct em_error err;
};

#define VERIFY_CONFIG "ns,namespace,\nnum,data,u32\ntext,data,string\nblob,data,hex2bin\n"
#define VERIFY_VALUES                                                                    \
    "num,text,blob,serial\n"                                                             \
    "7001,first,00ff01,A1\n7002,second,00ff02,A2\n7003,third,00ff03,A3\n"                \
    "7004,fourth,00ff04,A4\n7005,fifth,00ff05,A5\n7006,sixth,00ff06,A6\n"

static inline enum em_status verify_run(struct verified *t)
{
    memset(&t->b->told, 0, sizeof t->b->told);
    memset(&t->result, 0xA5, sizeof t->result); /* is to be filled in any case */
    return em_batch_verify(&t->options, &t->b->hooks, &t->result, &t->err);
}

static inline void set_hmac(struct em_key_options *keys, enum how how, const char *hmac)
{
    keys->keygen = how == KEYGEN || how == HMAC || how == HMAC_GIVEN;
    keys->protect_hmac = how == HMAC || how == HMAC_GIVEN;
    keys->hmac_keygen = how == HMAC;
    keys->hmac_inputkey = how == HMAC_GIVEN ? hmac : NULL;
}

/* Make a batch, with a manifest of the form @p ext beside it, and be ready to verify it
 * against its tables. */
static inline struct verified *verified_new(enum how how, const char *ext)
{
    struct verified *t = need(calloc(1, sizeof *t));
    char bytes[65];
    t->b = batch_new(VERIFY_CONFIG, VERIFY_VALUES);
    struct batch *b = t->b;
    (void)snprintf(bytes, sizeof bytes, "manifest.%s", ext);
    join_path(t->manifest, b->folder, bytes);
    join_path(t->key, b->folder, "key.bin");
    join_path(t->other_key, b->folder, "other.bin");
    join_path(t->hmac, b->folder, "hmac.bin");
    for (int i = 0; i < 64; i++)
        bytes[i] = (char)(i * 3 + 1);
    write_file(t->key, bytes, 64);
    write_file(t->hmac, bytes, 32);
    bytes[5] ^= 1;
    write_file(t->other_key, bytes, 64);
    b->options.manifest = t->manifest;
    b->options.keys.inputkey = how == INPUTKEY ? t->key : NULL;
    set_hmac(&b->options.keys, how, t->hmac);
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    t->options = (struct em_batch_verify_options)EM_BATCH_VERIFY_OPTIONS_INIT;
    t->options.outdir = b->outdir;
    t->options.config = b->config;
    t->options.values = b->values;
    t->options.prefix = "P";
    t->options.inputkey = how == INPUTKEY ? t->key : NULL;
    t->options.hmac_inputkey = how == HMAC_GIVEN ? t->hmac : NULL;
    return t;
}

/* Verify against the manifest, alone or together with the tables. */
static inline void use_manifest(struct verified *t, bool alone)
{
    t->options.manifest = t->manifest;
    t->options.prefix = NULL;
    if (alone) {
        t->options.config = NULL;
        t->options.values = NULL;
    }
}

static inline void verified_free(struct verified *t)
{
    batch_free(t->b);
    free(t);
}

/* ---- Damage ---- */

static inline void flip(struct verified *t, const char *name, size_t at)
{
    char path[PATH_LEN];
    size_t len;
    batch_path(t->b, path, name);
    uint8_t *data = need(read_file(path, &len));
    require(at < len);
    data[at] ^= 1;
    write_file(path, data, len);
    free(data);
}

static inline void cut(struct verified *t, const char *name, size_t len)
{
    char path[PATH_LEN];
    batch_path(t->b, path, name);
    require(truncate(path, (off_t)len) == 0);
}

static inline void drop(struct verified *t, const char *name)
{
    char path[PATH_LEN];
    batch_path(t->b, path, name);
    require(unlink(path) == 0);
}

static inline void add(struct verified *t, const char *name)
{
    char path[PATH_LEN];
    batch_path(t->b, path, name);
    write_text(path, "x");
}

static inline void swap(struct verified *t, const char *a, const char *b)
{
    char x[PATH_LEN];
    char y[PATH_LEN];
    char z[PATH_LEN];
    batch_path(t->b, x, a);
    batch_path(t->b, y, b);
    join_path(z, t->b->folder, "swap");
    require(rename(x, z) == 0 && rename(y, x) == 0 && rename(z, y) == 0);
}

static inline void copy(struct verified *t, const char *from, const char *to)
{
    char path[PATH_LEN];
    size_t len;
    uint8_t *data = need(batch_read(t->b, from, &len));
    batch_path(t->b, path, to);
    write_file(path, data, len);
    free(data);
}

/* The same values with @p from turned into @p to. */
static inline void edit_values(struct verified *t, const char *from, const char *to)
{
    char text[1024];
    const char *at = need(strstr(VERIFY_VALUES, from));
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - VERIFY_VALUES),
                   VERIFY_VALUES, to, at + strlen(from));
    write_text(t->b->values, text);
}

/* ---- What is told ---- */

/* One fault: how its file ends, and what it says. */
struct fault {
    const char *file, *what;
};

/* Exactly these faults, in this order, and no other message. */
static inline void check_faults(const struct verified *t, const char *name,
                                const struct fault *faults, size_t units)
{
    const struct told *told = &t->b->told;
    size_t n = 0;
    while (n < FAULTS_MAX && faults[n].file != NULL)
        n++;
    bool good = t->result.faults == n && told->n == n && t->result.faulty == units &&
                t->result.warnings == 0;
    for (size_t i = 0; good && i < n; i++) {
        const struct em_error *msg = &told->msg[i];
        size_t len = strlen(msg->file);
        size_t end = strlen(faults[i].file);
        good = told->level[i] == EM_LOG_ERROR && len >= end &&
               strcmp(msg->file + len - end, faults[i].file) == 0 &&
               strstr(msg->what, faults[i].what) != NULL && msg->hint[0] != '\0';
    }
    if (!good) {
        printf("\n  %s: %lu faults in %lu units, wanted %zu in %zu:\n", name,
               t->result.faults, (unsigned long)t->result.faulty, n, units);
        for (size_t i = 0; i < told->n; i++)
            printf("    %s:%lu: %s\n", told->msg[i].file, told->msg[i].line,
                   told->msg[i].what);
    }
    CU_ASSERT_TRUE(good);
}

#endif
