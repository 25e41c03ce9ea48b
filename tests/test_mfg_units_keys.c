/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of mfg/units_keys.c, and of what is noticed when inputs change: one key a unit,
 * whole or absent, and gone when it has to be. */
#include "tests/test_mfg_units_util.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { UNITS = 12, THREADS = 8, KILLS = 60 };

static struct taken *keyed(void)
{
    struct taken *t = taken_new(batch_many(UNITS), EM_UNITS_HMAC);
    EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
    return t;
}

static unsigned mode_of(const char *folder, const char *name)
{
    char path[PATH_LEN];
    struct stat st;
    join_path(path, folder, name);
    return lstat(path, &st) == 0 ? (unsigned)(st.st_mode & 07777) : 0xFFFF;
}

static bool file_holds(const char *folder, const char *name, const struct em_key *key)
{
    char path[PATH_LEN];
    size_t len;
    join_path(path, folder, name);
    uint8_t *data = read_file(path, &len);
    bool same = data != NULL && len == key->len && memcmp(data, key->bytes, len) == 0;
    free(data);
    return same;
}

/* The name, the modes, the same key again, also by another program. */
static void made_once(void)
{
    struct taken *t = keyed();
    CU_ASSERT_FALSE(is_there(t->b->folder, "linekeys")); /* opening writes nothing */
    struct em_key key = key_of(t, 3, 1, EM_OK);
    CU_ASSERT_EQUAL(key.len, 32);
    CU_ASSERT_EQUAL(mode_of(t->b->folder, "linekeys"), 0700);
    CU_ASSERT_EQUAL(mode_of(t->keys, "hmac-keys-P-3.bin"), 0600);
    CU_ASSERT_EQUAL(count_files(t->keys), 1);
    CU_ASSERT_TRUE(file_holds(t->keys, "hmac-keys-P-3.bin", &key));
    struct em_key again = key_of(t, 3, 1, EM_OK);
    CU_ASSERT_EQUAL(em_key_equal(&key, &again), 1);
    EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
    again = key_of(t, 3, 1, EM_OK);
    CU_ASSERT_EQUAL(em_key_equal(&key, &again), 1);
    struct em_key other = key_of(t, 4, 1, EM_OK);
    CU_ASSERT_EQUAL(em_key_equal(&key, &other), 0);
    taken_free(t);
}

/* A key of the folder that mfg_gen made is used, with the derived one beside it. */
static void from_mfg_gen(void)
{
    struct batch *b = batch_many(UNITS);
    struct taken *t = taken_new(b, EM_UNITS_HMAC);
    char other[PATH_LEN];
    char derived[PATH_LEN];
    b->options.keys = (struct em_key_options){
        .keygen = true, .protect_hmac = true, .hmac_keygen = true};
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    batch_path(b, t->keys, "keys");
    EM_CHECK_STATUS(taken_open(t), EM_OK, &b->err);
    struct em_key key = key_of(t, 5, 1, EM_OK);
    CU_ASSERT_TRUE(file_holds(t->keys, "hmac-keys-P-5.bin", &key));
    /* The derived key of another unit: something is mixed up. */
    join_path(derived, t->keys, "keys-P-5.bin");
    join_path(other, t->keys, "keys-P-6.bin");
    require(rename(other, derived) == 0);
    key = key_of(t, 5, 1, EM_ERR_INPUT);
    CU_ASSERT_EQUAL(key.len, 0);
    /* The HMAC key is lost: no new one in its place. */
    join_path(other, t->keys, "hmac-keys-P-7.bin");
    require(unlink(other) == 0);
    key = key_of(t, 7, 1, EM_ERR_INPUT);
    CU_ASSERT_FALSE(is_there(t->keys, "hmac-keys-P-7.bin"));
    taken_free(t);
}

static void serials(void)
{
    struct batch *b = batch_new("n,namespace,\nk,data,u8\n",
                                "id,k\nA,1\nA-s2,2\nA-s2-s1,3\n-s7,4\nA-sx,5\ns2,6\n");
    struct em_key keys[16];
    static const struct {
        uint64_t unit, serial;
        const char *name;
    } cases[] = {
        {1, 1, "hmac-keys-P-A.bin"},       {1, 2, "hmac-keys-P-A-s2.bin"},
        {1, 10, "hmac-keys-P-A-s10.bin"},  {2, 1, "hmac-keys-P-A-s2-s1.bin"},
        {2, 2, "hmac-keys-P-A-s2-s2.bin"}, {3, 1, "hmac-keys-P-A-s2-s1-s1.bin"},
        {4, 1, "hmac-keys-P--s7.bin"},     {5, 1, "hmac-keys-P-A-sx.bin"},
        {5, 2, "hmac-keys-P-A-sx-s2.bin"}, {6, 1, "hmac-keys-P-s2.bin"},
    };
    size_t n = sizeof cases / sizeof cases[0];
    b->options.id_column = "id";
    struct taken *t = taken_new(b, EM_UNITS_HMAC);
    EM_CHECK_STATUS(taken_open(t), EM_OK, &b->err);
    for (size_t i = 0; i < n; i++) {
        keys[i] = key_of(t, cases[i].unit, cases[i].serial, EM_OK);
        CU_ASSERT_TRUE(file_holds(t->keys, cases[i].name, &keys[i]));
        for (size_t k = 0; k < i; k++)
            CU_ASSERT_EQUAL(em_key_equal(&keys[i], &keys[k]), 0);
    }
    CU_ASSERT_EQUAL(count_files(t->keys), n);
    (void)key_of(t, 1, 0, EM_ERR_USAGE);
    taken_free(t);
}

/* What is no sound key file is refused and stays; nothing is told of its content. */
static void refused(void)
{
    static const struct {
        const char *content;
        size_t len;
        mode_t mode;
        const char *what;
    } cases[] = {
        {"0123456789abcdef0123456789abcde", 31, 0600, "31 bytes"},
        {"0123456789abcdef0123456789abcdef0", 33, 0600, "33 bytes"},
        {"0123456789abcdef0123456789abcdef", 32, 0640, "others can read"},
        {"0123456789abcdef0123456789abcdef", 32, 0604, "others can read"},
        {"0123456789abcdef0123456789abcdef", 32, 0620, "others can read"},
        {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32, 0600,
         "destroyed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct taken *t = keyed();
        char path[PATH_LEN];
        size_t len;
        require(mkdir(t->keys, 0700) == 0);
        join_path(path, t->keys, "hmac-keys-P-1.bin");
        write_file(path, cases[i].content, cases[i].len);
        require(chmod(path, cases[i].mode) == 0);
        struct em_key key = key_of(t, 1, 1, EM_ERR_INPUT);
        CU_ASSERT_EQUAL(key.len, 0);
        EM_CHECK_HAS(t->b->err.what, cases[i].what);
        EM_CHECK_HAS(t->b->err.file, "hmac-keys-P-1.bin");
        CU_ASSERT_NOT_EQUAL(t->b->err.hint[0], '\0');
        CU_ASSERT_PTR_NULL(strstr(t->b->err.what, "abcd"));
        uint8_t *now = need(read_file(path, &len));
        CU_ASSERT_EQUAL(len, cases[i].len);
        CU_ASSERT_EQUAL(memcmp(now, cases[i].content, cases[i].len), 0);
        free(now);
        taken_free(t);
    }
}

/* A link to a file elsewhere is no key file. */
static void refused_link(void)
{
    struct taken *t = keyed();
    char path[PATH_LEN];
    require(mkdir(t->keys, 0700) == 0);
    join_path(path, t->keys, "hmac-keys-P-1.bin");
    require(symlink(t->key_file, path) == 0);
    (void)key_of(t, 1, 1, EM_ERR_INPUT);
    taken_free(t);
}

static void empty_is_none(void)
{
    struct taken *t = keyed();
    char path[PATH_LEN];
    require(mkdir(t->keys, 0700) == 0);
    join_path(path, t->keys, "hmac-keys-P-1.bin");
    write_text(path, "");
    require(chmod(path, 0600) == 0);
    struct em_key key = key_of(t, 1, 1, EM_OK);
    CU_ASSERT_TRUE(file_holds(t->keys, "hmac-keys-P-1.bin", &key));
    taken_free(t);
}

/* ---- Many at once ---- */

struct worker {
    struct taken *t;
    struct em_key keys[UNITS];
};

static void *get_keys(void *arg)
{
    struct worker *w = arg;
    for (uint64_t i = 1; i <= UNITS; i++) {
        struct em_unit_data *unit = NULL;
        struct em_error err;
        if (em_units_take(w->t->units, i, &unit, &err) != EM_OK ||
            em_unit_key(unit, 1, NULL, &w->keys[i - 1], &err) != EM_OK)
            printf("\n  unit %u: %s\n", (unsigned)i, err.what);
        em_unit_close(unit);
    }
    return NULL;
}

/* All ask for the same keys at the same time: each gets the one on the disk. Every other
 * unit begins with an empty file. */
static void threads(void)
{
    struct taken *t = keyed();
    struct worker *workers = need(calloc(THREADS, sizeof *workers));
    pthread_t ids[THREADS];
    char name[64];
    char path[PATH_LEN];
    require(mkdir(t->keys, 0700) == 0);
    for (unsigned i = 1; i <= UNITS; i += 2) {
        (void)snprintf(name, sizeof name, "hmac-keys-P-%u.bin", i);
        join_path(path, t->keys, name);
        write_text(path, "");
        require(chmod(path, 0600) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].t = t;
        require(pthread_create(&ids[i], NULL, get_keys, &workers[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    for (unsigned u = 0; u < UNITS; u++) {
        (void)snprintf(name, sizeof name, "hmac-keys-P-%u.bin", u + 1);
        for (unsigned i = 0; i < THREADS; i++) {
            CU_ASSERT_EQUAL(workers[i].keys[u].len, 32);
            CU_ASSERT_TRUE(file_holds(t->keys, name, &workers[i].keys[u]));
        }
    }
    free(workers);
    taken_free(t);
}

/* ---- Killed ---- */

/* Make keys and tell each as soon as it is there, until killed. */
static void child(struct taken *t, int fd)
{
    for (uint64_t i = 1; i <= UNITS; i++) {
        struct em_unit_data *unit;
        struct em_error err;
        struct em_key key;
        uint8_t told[33];
        if (em_units_take(t->units, i, &unit, &err) != EM_OK ||
            em_unit_key(unit, 1, NULL, &key, &err) != EM_OK)
            _exit(1);
        told[0] = (uint8_t)i;
        memcpy(told + 1, key.bytes, 32);
        if (write(fd, told, sizeof told) != (ssize_t)sizeof told)
            _exit(1);
        em_unit_close(unit);
    }
    _exit(0);
}

/* Every key file is whole, and every key that was told is the one on the disk. */
static void check_keys(const struct taken *t, uint8_t told[UNITS][32], const bool *known)
{
    for (unsigned i = 0; i < UNITS; i++) {
        char name[64];
        char path[PATH_LEN];
        size_t len;
        (void)snprintf(name, sizeof name, "hmac-keys-P-%u.bin", i + 1);
        join_path(path, t->keys, name);
        uint8_t *data = read_file(path, &len);
        CU_ASSERT_TRUE(data == NULL || len == 32);
        CU_ASSERT_TRUE(!known[i] || (data != NULL && memcmp(data, told[i], 32) == 0));
        free(data);
    }
}

static void run_child(struct taken *t, long ns, uint8_t told[UNITS][32], bool *known)
{
    int fds[2];
    uint8_t got[33];
    require(pipe(fds) == 0);
    pid_t pid = fork();
    require(pid >= 0);
    if (pid == 0) {
        (void)close(fds[0]);
        child(t, fds[1]);
    }
    (void)close(fds[1]);
    const struct timespec wait = {0, ns};
    (void)nanosleep(&wait, NULL);
    (void)kill(pid, SIGKILL);
    require(waitpid(pid, NULL, 0) == pid);
    while (read(fds[0], got, sizeof got) == (ssize_t)sizeof got) {
        unsigned u = got[0] - 1u;
        CU_ASSERT_TRUE(!known[u] || memcmp(told[u], got + 1, 32) == 0);
        memcpy(told[u], got + 1, 32);
        known[u] = true;
    }
    (void)close(fds[0]);
}

static void killed(void)
{
    struct taken *t = keyed();
    uint8_t told[UNITS][32];
    bool known[UNITS] = {false};
    uint32_t seed = 11;
    for (int i = 0; i < KILLS; i++) {
        if (i % 10 == 0) { /* a new batch of keys: there is something to make again */
            remove_folder(t->keys);
            memset(known, 0, sizeof known);
            EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
        }
        run_child(t, (long)(next_random(&seed) % 6000000), told, known);
        check_keys(t, told, known);
        CU_ASSERT_TRUE(count_files(t->keys) <= UNITS);
    }
    taken_free(t);
}

/* ---- Gone ---- */

static void destroy(struct taken *t, uint64_t number, uint64_t serial)
{
    struct em_unit_data *unit = take(t, number);
    EM_CHECK_STATUS(em_unit_destroy_key(unit, serial, &t->b->err), EM_OK, &t->b->err);
    em_unit_close(unit);
}

/* A second name of the file shows that its content is gone, not only its name. */
static void destroyed(void)
{
    struct taken *t = keyed();
    char path[PATH_LEN];
    char second[PATH_LEN];
    size_t len;
    destroy(t, 1, 1); /* no folder yet */
    CU_ASSERT_FALSE(is_there(t->b->folder, "linekeys"));
    struct em_key kept = key_of(t, 2, 1, EM_OK);
    struct em_key later = key_of(t, 1, 2, EM_OK);
    (void)key_of(t, 1, 1, EM_OK);
    join_path(path, t->keys, "hmac-keys-P-1.bin");
    join_path(second, t->b->folder, "second");
    require(link(path, second) == 0);
    join_path(path, t->keys, "keys-P-1.bin"); /* as mfg_gen makes */
    write_text(path, "derived");
    destroy(t, 1, 1);
    CU_ASSERT_EQUAL(count_files(t->keys), 2);
    CU_ASSERT_TRUE(file_holds(t->keys, "hmac-keys-P-2.bin", &kept));
    CU_ASSERT_TRUE(file_holds(t->keys, "hmac-keys-P-1-s2.bin", &later));
    uint8_t *data = need(read_file(second, &len));
    for (size_t i = 0; i < len; i++)
        CU_ASSERT_EQUAL(data[i], 0);
    CU_ASSERT_EQUAL(len, 32);
    free(data);
    destroy(t, 1, 1); /* nothing is left to be done */
    taken_free(t);
}

/* Temporary files of programs that were killed are removed; one that holds the very key
 * goes with it, even if its program runs. */
static void temporaries(void)
{
    struct taken *t = keyed();
    char path[PATH_LEN];
    char name[64];
    pid_t dead = fork();
    require(dead >= 0);
    if (dead == 0)
        _exit(0);
    require(waitpid(dead, NULL, 0) == dead);
    struct em_key key = key_of(t, 1, 1, EM_OK);
    (void)snprintf(name, sizeof name, ".espmfg-%ld-0.tmp", (long)dead);
    join_path(path, t->keys, name);
    write_text(path, "a key that nobody got");
    (void)snprintf(name, sizeof name, ".espmfg-%ld-7.tmp", (long)getpid());
    join_path(path, t->keys, name);
    write_file(path, key.bytes, key.len);
    (void)snprintf(name, sizeof name, ".espmfg-%ld-8.tmp", (long)getpid());
    join_path(path, t->keys, name);
    write_text(path, "of another unit");
    EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
    CU_ASSERT_EQUAL(count_files(t->keys), 3);
    destroy(t, 1, 1);
    CU_ASSERT_EQUAL(count_files(t->keys), 1);
    CU_ASSERT_TRUE(is_there(t->keys, name));
    taken_free(t);
}

/* ---- Changed under it ---- */

static void changed_values(void)
{
    for (int how = 0; how < 4; how++) {
        struct taken *t = taken_new(batch_many(UNITS), EM_UNITS_PLAIN);
        char moved[PATH_LEN];
        size_t len;
        EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
        struct em_unit_data *unit = take(t, 3);
        em_unit_close(unit);
        uint8_t *text = need(read_file(t->b->values, &len));
        join_path(moved, t->b->folder, "moved.csv");
        struct stat st;
        require(stat(t->b->values, &st) == 0);
        const struct timespec times[2] = {st.st_atim, st.st_mtim};
        if (how == 0) { /* appended to */
            text[len] = '\n';
            write_file(t->b->values, text, len + 1);
        } else if (how == 1) { /* the same, written anew: who knows */
            write_file(moved, text, len);
            require(utimensat(AT_FDCWD, moved, times, 0) == 0);
            require(rename(moved, t->b->values) == 0);
        } else if (how == 2) { /* gone */
            require(rename(t->b->values, moved) == 0);
        } else { /* changed in place, its time set back */
            char *at = need(strstr((char *)text, "S0005"));
            at[1] = '7';
            write_file(t->b->values, text, len);
            require(utimensat(AT_FDCWD, t->b->values, times, 0) == 0);
        }
        EM_CHECK_STATUS(em_units_take(t->units, 5, &unit, &t->b->err),
                        how == 2 ? EM_ERR_IO : EM_ERR_INPUT, &t->b->err);
        CU_ASSERT_PTR_NULL(unit);
        EM_CHECK_HAS(t->b->err.what, "values.csv");
        free(text);
        taken_free(t);
    }
}

/* A file of a row: too many to be kept in memory, so that it is read again. */
static void changed_file(void)
{
    struct taken *t =
        taken_new(batch_new("n,namespace,\nf,file,binary\n", ""), EM_UNITS_PLAIN);
    enum { FILES = 1100 }; /* more than are kept */
    const struct em_key none = {0};
    FILE *values = need(fopen(t->b->values, "w"));
    char name[64];
    char path[PATH_LEN];
    (void)fprintf(values, "f\n");
    for (int i = 1; i <= FILES; i++) {
        (void)snprintf(name, sizeof name, "f%d", i);
        join_path(path, t->b->folder, name);
        write_text(path, name);
        (void)fprintf(values, "%s\n", path);
    }
    require(fclose(values) == 0);
    EM_CHECK_STATUS(taken_open(t), EM_OK, &t->b->err);
    write_text(path, "F1100");
    struct em_unit_data *unit = take(t, FILES);
    const uint8_t *image;
    size_t len;
    EM_CHECK_STATUS(em_unit_image(unit, &none, &image, &len, &t->b->err), EM_ERR_INPUT,
                    &t->b->err);
    EM_CHECK_HAS(t->b->err.what, "P-1100");
    CU_ASSERT_PTR_NULL(image);
    write_text(path, "f1100");
    EM_CHECK_STATUS(em_unit_image(unit, &none, &image, &len, &t->b->err), EM_OK,
                    &t->b->err);
    em_unit_close(unit);
    taken_free(t);
}

/* ---- Options and tables that will not do ---- */

static void bad_options(void)
{
    static const struct {
        const char *config, *values, *manifest, *key_file, *keys_dir;
        enum em_units_encryption encryption;
        uint64_t size;
        unsigned jobs;
    } cases[] = {
        {NULL, "v", NULL, NULL, NULL, EM_UNITS_PLAIN, 0x3000, 1},
        {"c", NULL, NULL, NULL, NULL, EM_UNITS_PLAIN, 0x3000, 1},
        {"c", "v", "m.csv", NULL, NULL, EM_UNITS_PLAIN, 0x3000, 1},
        {"c", "v", NULL, NULL, NULL, EM_UNITS_KEY, 0x3000, 1},
        {"c", "v", NULL, "k", NULL, EM_UNITS_PLAIN, 0x3000, 1},
        {"c", "v", NULL, NULL, NULL, EM_UNITS_HMAC, 0x3000, 1},
        {"c", "v", NULL, NULL, NULL, EM_UNITS_PLAIN, 0x3001, 1},
        {"c", "v", NULL, NULL, NULL, EM_UNITS_PLAIN, 0x3000, 0},
        {NULL, NULL, "m.txt", NULL, NULL, EM_UNITS_PLAIN, 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_units *units;
        struct em_error err;
        struct em_units_options o = EM_UNITS_OPTIONS_INIT;
        o.config = cases[i].config;
        o.values = cases[i].values;
        o.manifest = cases[i].manifest;
        o.key_file = cases[i].key_file;
        o.keys_dir = cases[i].keys_dir;
        o.encryption = cases[i].encryption;
        o.size = cases[i].size;
        o.jobs = cases[i].jobs;
        enum em_status wanted = i == 8 ? EM_ERR_IO : EM_ERR_USAGE;
        EM_CHECK_STATUS(em_units_open(&units, &o, NULL, &err), wanted, &err);
        CU_ASSERT_PTR_NULL(units);
    }
}

static void bad_tables(void)
{
    static const struct {
        const char *values, *told;
        enum em_status status;
    } cases[] = {
        {"id,k\n1,1\n2,300\n3,x\n", "300", EM_ERR_INPUT},
        {"id,k\n1,1\n2\n", "1 column", EM_ERR_INPUT},
        {"id,k\n1,1\n1,2\n", "file id", EM_ERR_INPUT},
        {"id,k\n1,\"1\n", "quote", EM_ERR_INPUT},
        {"id,q\n1,1\n", "no column", EM_ERR_INPUT},
        {"id,k\n", NULL, EM_ERR_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct batch *b = batch_new("n,namespace,\nk,data,u8\n", cases[i].values);
        b->options.id_column = "id";
        struct taken *t = taken_new(b, EM_UNITS_PLAIN);
        EM_CHECK_STATUS(taken_open(t), cases[i].status, &b->err);
        CU_ASSERT_PTR_NULL(t->units);
        if (cases[i].told != NULL)
            CU_ASSERT_PTR_NOT_NULL(find_told(&b->told, EM_LOG_ERROR, cases[i].told));
        taken_free(t);
    }
}

int main(void)
{
    static const struct em_test tests[] = {
        {"a key is made once", made_once},
        {"keys that mfg_gen made", from_mfg_gen},
        {"serials have files of their own", serials},
        {"files that are no keys are refused", refused},
        {"links are refused", refused_link},
        {"an empty file counts as none", empty_is_none},
        {"many threads ask for one key", threads},
        {"killed at any moment", killed},
        {"a key is overwritten and removed", destroyed},
        {"temporary files of killed programs", temporaries},
        {"changed values are noticed", changed_values},
        {"a changed file of a row is noticed", changed_file},
        {"options that will not do", bad_options},
        {"tables that will not do", bad_tables},
    };
    return em_test_main("mfg/units_keys", tests, sizeof tests / sizeof tests[0]);
}
