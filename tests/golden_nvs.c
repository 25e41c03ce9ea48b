/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the NVS generator on the golden cases and checks everything it leaves behind. */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>

#define EXIT_TROUBLE 2   /* the runner itself cannot work */
#define LIMIT_S      120 /* generous: sanitizers and valgrind are slow */
#define PATH_SIZE    1024
#define SHA256_LEN   32

struct path {
    char s[PATH_SIZE];
};

struct options {
    struct path program; /* absolute: it is started from another folder */
    const char *cases_dir;
    const char *filter;
    bool verbose;
    bool keep;
};

struct entry {
    struct path path; /* relative to the root of its tree */
    mode_t mode;
    json_int_t size;
    char sha256[2 * SHA256_LEN + 1]; /* empty for folders, links and unreadable files */
};

/* Everything below a folder, parents before their children. */
struct tree {
    struct entry *entries;
    size_t count;
};

struct test_case {
    const char *name;
    json_t *json;
    json_t *argv; /* these three belong to json */
    json_t *outputs;
    const char *outdir;   /* relative to the copy; empty: the copy itself */
    bool must_fail;       /* kind error */
    struct path copy;     /* the folder the program runs in */
    struct path out_path; /* what it said; outside the copy, which is compared */
    struct path err_path;
    char *err_text; /* NULL: the program did not run */
    struct tree before;
    struct tree after;
    unsigned faults;
};

/* A macro, so that the compiler checks the format. */
#define FAULT(c, ...)                                                                    \
    ((c)->faults++, printf("FAIL %s: ", (c)->name), printf(__VA_ARGS__), putchar('\n'))

/* Out of memory and the like: nothing sensible is left to do in a test. */
static void *need(void *p)
{
    if (p == NULL) {
        perror("golden_nvs");
        exit(EXIT_TROUBLE);
    }
    return p;
}

/* Either part may be empty. */
static struct path join(const char *folder, const char *name)
{
    struct path path;
    const char *slash = *folder != '\0' && *name != '\0' ? "/" : "";
    int len = snprintf(path.s, PATH_SIZE, "%s%s%s", folder, slash, name);
    errno = ENAMETOOLONG;
    need(len >= 0 && len < PATH_SIZE ? &path : NULL);
    return path;
}

/* NULL if it cannot be read. A NUL is added behind the content. The caller frees. */
static char *read_file(const char *path, size_t *len_out)
{
    struct stat st;
    FILE *file = stat(path, &st) == 0 ? fopen(path, "rb") : NULL;
    if (file == NULL)
        return NULL;
    char *data = need(malloc((size_t)st.st_size + 1));
    *len_out = fread(data, 1, (size_t)st.st_size, file);
    data[*len_out] = '\0';
    fclose(file);
    if (*len_out == (size_t)st.st_size)
        return data;
    free(data);
    return NULL;
}

static bool copy_file(const char *from, const char *to)
{
    size_t len;
    char *data = read_file(from, &len);
    FILE *file = data != NULL ? fopen(to, "wb") : NULL;
    bool ok = file != NULL && fwrite(data, 1, len, file) == len;
    free(data);
    return file != NULL && fclose(file) == 0 && ok;
}

static void hash_file(struct entry *entry, const char *path)
{
    unsigned char digest[SHA256_LEN];
    size_t len;
    char *data = read_file(path, &len);
    bool ok = data && EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; ok && i < SHA256_LEN; i++)
        snprintf(entry->sha256 + 2 * i, 3, "%02x", digest[i]);
    free(data);
}

static int is_entry(const struct dirent *d)
{
    return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static bool add_entry(struct tree *tree, const char *root, const char *path)
{
    struct path full = join(root, path);
    struct entry entry = {.path = join(path, "")};
    struct stat st;
    if (lstat(full.s, &st) != 0)
        return false;
    entry.mode = st.st_mode;
    entry.size = S_ISDIR(st.st_mode) ? 0 : st.st_size;
    if (S_ISREG(st.st_mode))
        hash_file(&entry, full.s);
    tree->entries = need(realloc(tree->entries, (tree->count + 1) * sizeof(entry)));
    tree->entries[tree->count++] = entry;
    return true;
}

/* Appends what is in the folder @p path of @p root, sub-folders included. */
static bool list_tree(struct tree *tree, const char *root, const char *path)
{
    struct dirent **found = NULL;
    int count = scandir(join(root, path).s, &found, is_entry, alphasort);
    bool ok = count >= 0;
    for (int i = 0; i < count; i++) {
        struct path child = join(path, found[i]->d_name);
        ok = ok && add_entry(tree, root, child.s);
        if (ok && S_ISDIR(tree->entries[tree->count - 1].mode))
            ok = list_tree(tree, root, child.s);
        free(found[i]);
    }
    free(found);
    return ok;
}

static const struct entry *find_entry(const struct tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (strcmp(tree->entries[i].path.s, path) == 0)
            return &tree->entries[i];
    }
    return NULL;
}

/* The copy is writable even if the original is not ("make distcheck"). */
static bool copy_tree(const char *from, const char *to)
{
    struct tree tree = {0};
    bool ok = mkdir(to, 0755) == 0 && list_tree(&tree, from, "");
    for (size_t i = 0; ok && i < tree.count; i++) {
        struct path target = join(to, tree.entries[i].path.s);
        if (S_ISDIR(tree.entries[i].mode))
            ok = mkdir(target.s, 0755) == 0;
        else
            ok = copy_file(join(from, tree.entries[i].path.s).s, target.s);
    }
    free(tree.entries);
    return ok;
}

static bool remove_tree(const char *root)
{
    struct tree tree = {0};
    bool ok = list_tree(&tree, root, "");
    for (size_t i = tree.count; i > 0; i--)
        ok = remove(join(root, tree.entries[i - 1].path.s).s) == 0 && ok;
    free(tree.entries);
    return rmdir(root) == 0 && ok;
}

static const char *text_at(json_t *array, size_t idx)
{
    const char *text = json_string_value(json_array_get(array, idx));
    return text != NULL ? text : "";
}

/* A case that asks for nothing would pass whatever the program does: it is a fault. */
static bool load_case(struct test_case *c)
{
    const char *kind;
    json_t *status;
    json_error_t error;
    c->json = json_load_file(join(c->copy.s, "case.json").s, 0, &error);
    if (c->json == NULL ||
        json_unpack_ex(c->json, &error, 0, "{s:s, s:o, s:o, s:o}", "kind", &kind, "argv",
                       &c->argv, "exit", &status, "outputs", &c->outputs) != 0) {
        FAULT(c, "case.json:%d: %s", error.line, error.text);
        return false;
    }
    c->outdir = "";
    for (size_t i = 0; i < json_array_size(c->argv); i++) {
        if (strcmp(text_at(c->argv, i), "--outdir") == 0)
            c->outdir = text_at(c->argv, i + 1);
    }
    c->must_fail = strcmp(kind, "error") == 0;
    bool known = c->must_fail || !strcmp(kind, "exact") || !strcmp(kind, "deviation");
    bool no_outputs = json_object_size(c->outputs) == 0;
    if (!known || c->must_fail != no_outputs || c->must_fail != json_is_string(status)) {
        FAULT(c, "case.json: kind, exit and outputs do not fit together");
        return false;
    }
    return true;
}

static void run_child(const struct options *options, const struct test_case *c)
{
    size_t count = json_array_size(c->argv);
    char **argv = need(calloc(count + 2, sizeof(*argv)));
    argv[0] = need(strdup(options->program.s));
    for (size_t i = 0; i < count; i++)
        argv[i + 1] = need(strdup(text_at(c->argv, i)));
    alarm(LIMIT_S); /* survives execv and ends a program that hangs */
    if (freopen("/dev/null", "r", stdin) && freopen(c->out_path.s, "w", stdout) &&
        freopen(c->err_path.s, "w", stderr) && chdir(c->copy.s) == 0)
        execv(options->program.s, argv);
    _exit(127);
}

static bool run_program(const struct options *options, struct test_case *c, int *status)
{
    fflush(stdout); /* or freopen would write it a second time */
    pid_t pid = fork();
    if (pid == 0)
        run_child(options, c);
    if (pid > 0 && waitpid(pid, status, 0) == pid)
        return true;
    FAULT(c, "cannot run the program: %s", strerror(errno));
    return false;
}

static void check_status(struct test_case *c, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    bool cannot_run = code == 126 || code == 127; /* as a shell says it */
    if (WIFSIGNALED(status))
        FAULT(c, "killed by signal %d", WTERMSIG(status));
    else if ((code != 0) != c->must_fail || cannot_run)
        FAULT(c, "exit status %d%s", code, cannot_run ? ", cannot run it" : "");
    /* Sanitizers end a program with a status that looks like an ordinary failure. */
    if (strstr(c->err_text, "Sanitizer") || strstr(c->err_text, "runtime error:"))
        FAULT(c, "a sanitizer has reported a fault");
}

static void check_mode(struct test_case *c, const struct entry *entry, unsigned expected)
{
    unsigned mode = (unsigned)entry->mode & 07777;
    if (mode != expected)
        FAULT(c, "%s: mode %04o, expected %04o", entry->path.s, mode, expected);
}

static void check_output(struct test_case *c, const char *key, json_t *want)
{
    const struct entry *found = find_entry(&c->after, join(c->outdir, key).s);
    json_int_t size = json_integer_value(json_object_get(want, "size"));
    const char *sha256 = json_string_value(json_object_get(want, "sha256"));
    if (found == NULL || !S_ISREG(found->mode)) {
        FAULT(c, "%s: missing", key);
        return;
    }
    if (found->size != size)
        FAULT(c, "%s: %lld bytes, not %lld", key, found->size, size);
    if (sha256 == NULL || strcmp(found->sha256, sha256) != 0)
        FAULT(c, "%s: SHA-256 differs", key);
    if (strncmp(key, "csv/", 4) == 0 || strncmp(key, "keys/", 5) == 0)
        check_mode(c, found, 0600);
}

static void check_outputs(struct test_case *c)
{
    const char *key;
    json_t *want;
    json_object_foreach(c->outputs, key, want)
    {
        check_output(c, key, want);
    }
    const struct entry *keys = find_entry(&c->after, join(c->outdir, "keys").s);
    if (keys != NULL)
        check_mode(c, keys, 0700);
}

static void check_file(struct test_case *c, const struct entry *now)
{
    const struct entry *old = find_entry(&c->before, now->path.s);
    size_t len = strlen(c->outdir);
    bool below =
        len > 0 && !strncmp(now->path.s, c->outdir, len) && now->path.s[len] == '/';
    const char *key = now->path.s + (below ? len + 1 : 0);
    if ((below || len == 0) && json_object_get(c->outputs, key) != NULL)
        return;
    /* Whatever is in the output folder after a success has to be an output. */
    if (old == NULL || (below && !c->must_fail))
        FAULT(c, "%s: unexpected file", now->path.s);
    else if (old->mode != now->mode || old->size != now->size ||
             strcmp(old->sha256, now->sha256) != 0)
        FAULT(c, "%s: changed", now->path.s);
}

/* Empty folders do not matter, so folders are passed over. */
static void check_files(struct test_case *c)
{
    for (size_t i = 0; i < c->after.count; i++) {
        if (!S_ISDIR(c->after.entries[i].mode))
            check_file(c, &c->after.entries[i]);
    }
    for (size_t i = 0; i < c->before.count; i++) {
        const struct entry *old = &c->before.entries[i];
        if (!S_ISDIR(old->mode) && find_entry(&c->after, old->path.s) == NULL)
            FAULT(c, "%s: vanished", old->path.s);
    }
}

/* Whole words only: 'dat' in "data" or line 3 in "values.csv:31" would prove nothing. */
static void check_mention(struct test_case *c, const char *what)
{
    size_t len = strlen(what);
    for (const char *at = c->err_text; *at != '\0'; at++) {
        if (strncasecmp(at, what, len) == 0 && !isalnum((unsigned char)at[len]) &&
            (at == c->err_text || !isalnum((unsigned char)at[-1])))
            return;
    }
    FAULT(c, "the message does not mention '%s'", what);
}

static void check_message(struct test_case *c)
{
    json_t *names = json_object_get(c->json, "message_names");
    const char *file = "";
    json_int_t line = 0;
    struct path place;
    if (json_unpack(names, "{s:s, s?I}", "file", &file, "line", &line) == 0) {
        snprintf(place.s, PATH_SIZE, "%s:%lld", file, (long long)line);
        check_mention(c, line > 0 ? place.s : file);
    } else if (!json_is_null(names)) {
        FAULT(c, "case.json: message_names is neither null nor file and line");
    }
    json_t *words = json_object_get(c->json, "message_should_mention");
    for (size_t i = 0; i < json_array_size(words); i++)
        check_mention(c, text_at(words, i));
    if (*c->err_text == '\0')
        FAULT(c, "fails without a message");
    size_t len;
    char *out_text = read_file(c->out_path.s, &len);
    if (out_text == NULL || strstr(out_text, "Created") != NULL)
        FAULT(c, "stdout claims that something was created");
    free(out_text);
}

static void check_case(const struct options *options, struct test_case *c)
{
    size_t len;
    int status;
    if (!load_case(c) || !run_program(options, c, &status))
        return;
    c->err_text = read_file(c->err_path.s, &len);
    if (c->err_text == NULL || !list_tree(&c->after, c->copy.s, "")) {
        FAULT(c, "cannot read what the program left behind");
        return;
    }
    check_status(c, status);
    check_files(c);
    if (c->must_fail)
        check_message(c);
    else
        check_outputs(c);
}

static void print_indented(const char *text)
{
    while (*text != '\0') {
        int len = (int)strcspn(text, "\n");
        printf("    | %.*s\n", len, text);
        text += len + (text[len] == '\n');
    }
}

/* Returns whether the case passed. */
static bool run_case(const struct options *options, const char *name, const char *tmp)
{
    struct path folder = join(tmp, name);
    struct test_case c = {.name = name,
                          .copy = join(folder.s, "copy"),
                          .out_path = join(folder.s, "stdout"),
                          .err_path = join(folder.s, "stderr")};
    if (mkdir(folder.s, 0755) == 0 &&
        copy_tree(join(options->cases_dir, name).s, c.copy.s) &&
        list_tree(&c.before, c.copy.s, ""))
        check_case(options, &c);
    else
        FAULT(&c, "cannot copy the case: %s", strerror(errno));
    if (c.faults > 0 && c.err_text != NULL)
        print_indented(c.err_text);
    else if (c.faults == 0 && options->verbose)
        printf("PASS %s\n", name);
    json_decref(c.json);
    free(c.before.entries);
    free(c.after.entries);
    free(c.err_text);
    return c.faults == 0;
}

/* Returns the exit status of the whole run. */
static int run_cases(const struct options *options, const char *tmp)
{
    struct dirent **found = NULL;
    int count = scandir(options->cases_dir, &found, is_entry, alphasort);
    unsigned results[2] = {0};
    if (count < 0)
        perror(options->cases_dir);
    for (int i = 0; i < count; i++) {
        const char *name = found[i]->d_name;
        struct path folder = join(options->cases_dir, name);
        bool wanted = options->filter == NULL || strstr(name, options->filter) != NULL;
        if (wanted && access(join(folder.s, "case.json").s, F_OK) == 0)
            results[run_case(options, name, tmp)]++;
        free(found[i]);
    }
    free(found);
    printf("golden: %u passed, %u failed\n", results[true], results[false]);
    return results[true] > 0 && results[false] == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_in_temporary_folder(const struct options *options)
{
    const char *parent = getenv("TMPDIR");
    struct path tmp = join(parent != NULL ? parent : "/tmp", "golden_nvs.XXXXXX");
    need(mkdtemp(tmp.s));
    int status = run_cases(options, tmp.s);
    if (options->keep)
        printf("golden: kept %s\n", tmp.s);
    else if (!remove_tree(tmp.s))
        fprintf(stderr, "golden_nvs: cannot remove %s\n", tmp.s);
    return status;
}

static bool parse_options(struct options *options, int argc, char **argv)
{
    struct path cwd;
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            options->verbose = true;
        else if (strcmp(argv[i], "-k") == 0)
            options->keep = true;
        else if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc)
            options->filter = argv[++i];
        else
            return false;
    }
    if (argc < 3)
        return false;
    need(getcwd(cwd.s, PATH_SIZE));
    options->program = join(*argv[1] == '/' ? "" : cwd.s, argv[1]);
    options->cases_dir = argv[2];
    return true;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    if (!parse_options(&options, argc, argv)) {
        fputs("usage: golden_nvs PROGRAM CASES_DIR [--filter SUBSTRING] [-v] [-k]\n",
              stderr);
        return EXIT_TROUBLE;
    }
    /* Under a strict mask of the user any program's files would be private. */
    umask(022);
    return run_in_temporary_folder(&options);
}
