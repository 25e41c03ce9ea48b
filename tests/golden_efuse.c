/* SPDX-License-Identifier: Apache-2.0 */
/* Runs "mfg_flash efuse" on the golden cases: exit status and virtual eFuse file after
 * each step, and files it writes. What burned is run a second time, which must not burn a
 * bit. */
#include "config.h"

#include "tests/program_util.h"

#include <jansson.h>
#include <openssl/evp.h>

enum {
    WORDS_MAX = 64,
    TEXT_MAX = 4096, /* of one command line */
    SHA256_LEN = 32,
    CHIPS_MAX = 20,
};

struct options {
    char program[PATH_LEN];
    char folder[PATH_LEN]; /* of the cases */
    const char *filter;    /* NULL: all */
    bool verbose;
};

/* Passed and failed cases of one chip. */
struct count {
    char chip[16];
    unsigned passed, failed;
};

/* What came of second runs. */
enum { SECOND_SAID, SECOND_HIDDEN, SECOND_MORE, SECOND_KINDS };

struct test_case {
    const char *chip, *id;
    char efuses[PATH_LEN]; /* the virtual eFuse file */
    char scratch[PATH_LEN];
    const struct options *options;
    unsigned faults;
    unsigned second[SECOND_KINDS];
};

/* A macro, so that the compiler checks the format. */
#define FAULT(c, ...)                                                                    \
    ((c)->faults++, printf("FAIL %s %s: ", (c)->chip, (c)->id), printf(__VA_ARGS__),     \
     putchar('\n'))

static const char *text_of(json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* ---- Running the program ---- */

/* @p word with {in} or {tmp} at its beginning replaced. */
static char *expand(const struct test_case *c, const char *word)
{
    char path[PATH_LEN + 16];
    if (strncmp(word, "{in}", 4) == 0)
        (void)snprintf(path, sizeof path, "%s/inputs%s", c->options->folder, word + 4);
    else if (strncmp(word, "{tmp}", 5) == 0)
        (void)snprintf(path, sizeof path, "%s%s", c->scratch, word + 5);
    else
        (void)snprintf(path, sizeof path, "%s", word);
    char *copy = strdup(path);
    require(copy != NULL, "strdup");
    return copy;
}

/* The command line of a step: program, global options, the step's own words. */
static void make_words(const struct test_case *c, json_t *step, char *argv[WORDS_MAX])
{
    char text[TEXT_MAX];
    const char *const globals[] = {
        "efuse",  "--table",           "520",     "--chip", c->chip,
        "--virt", "--path-efuse-file", c->efuses, NULL};
    size_t n = 0;
    char *at = NULL;
    argv[n++] = expand(c, c->options->program);
    for (size_t i = 0; globals[i] != NULL; i++)
        argv[n++] = expand(c, globals[i]);
    if (text_of(step, "stdin") == NULL)
        argv[n++] = expand(c, "--do-not-confirm");
    (void)snprintf(text, sizeof text, "%s", text_of(step, "args"));
    for (char *word = strtok_r(text, " ", &at); word != NULL;
         word = strtok_r(NULL, " ", &at)) {
        require(n + 1 < WORDS_MAX, "too many words");
        argv[n++] = expand(c, word);
    }
    argv[n] = NULL;
}

/* @p text is what it may read; what it says goes to the file "log". Returns its status.
 */
static int run(const struct test_case *c, char *const *argv, const char *text)
{
    int input[2];
    char log[PATH_LEN];
    join(log, c->scratch, "", "log");
    require(pipe(input) == 0, "pipe");
    pid_t pid = fork();
    require(pid >= 0, "fork");
    if (pid == 0) {
        int out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        alarm(LIMIT_S); /* survives execv and ends a program that hangs */
        if (dup2(input[0], STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
            dup2(out, STDERR_FILENO) >= 0 && close(input[0]) == 0 &&
            close(input[1]) == 0 && chdir(c->scratch) == 0)
            execv(argv[0], argv);
        _exit(127);
    }
    size_t len = text == NULL ? 0 : strlen(text);
    require(len == 0 || write(input[1], text, len) == (ssize_t)len, "write");
    (void)close(input[0]);
    (void)close(input[1]);
    return wait_for(pid);
}

/* ---- What came of it ---- */

static void check_status(struct test_case *c, size_t number, int status, bool good)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    size_t len;
    char log[PATH_LEN];
    join(log, c->scratch, "", "log");
    char *said = (char *)read_file(log, &len);
    said[len] = '\0';
    /* 0, or 2: the peer's crashes (1) have to be refusals here. */
    if (code != (good ? 0 : 2))
        FAULT(c, "step %zu: exit status %d, wanted %d: %s", number, code, good ? 0 : 2,
              said);
    /* Sanitizers end a program with a status that looks like an ordinary failure. */
    if (strstr(said, "Sanitizer") != NULL || strstr(said, "runtime error:") != NULL)
        FAULT(c, "step %zu: a sanitizer has reported a fault: %s", number, said);
    if (len == 0 && !good)
        FAULT(c, "step %zu: fails without a message", number);
    free(said);
}

static void check_efuses(struct test_case *c, size_t number, const char *wanted)
{
    unsigned char digest[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1] = "";
    size_t len;
    if (size_of(c->efuses) < 0) {
        FAULT(c, "step %zu: there is no eFuse file", number);
        return;
    }
    uint8_t *data = read_file(c->efuses, &len);
    if (EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) == 1) {
        for (size_t i = 0; i < SHA256_LEN; i++)
            (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    free(data);
    if (wanted == NULL || strcmp(hex, wanted) != 0)
        FAULT(c, "step %zu: the eFuse file differs", number);
}

static void check_outputs(struct test_case *c, json_t *outputs)
{
    const char *name;
    json_t *wanted;
    json_object_foreach(outputs, name, wanted)
    {
        char have[PATH_LEN];
        char path[PATH_LEN];
        join(have, c->scratch, "", name);
        join(path, c->options->folder, "", json_string_value(wanted));
        if (!same_files(have, path))
            FAULT(c, "%s differs", name);
    }
}

/* ---- The second run ---- */

static bool burns(json_t *step)
{
    static const char *const words[] = {"burn-",
                                        "burn_",
                                        "protect-",
                                        "protect_",
                                        "set-flash-voltage",
                                        "set_flash_voltage"};
    const char *args = text_of(step, "args");
    const char *answer = text_of(step, "stdin");
    if (json_integer_value(json_object_get(step, "exit")) != 0 ||
        strstr(args, "{tmp}") != NULL ||
        (answer != NULL && strcmp(answer, "BURN\n") != 0))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(args, words[i]) != NULL)
            return true;
    return false;
}

/* Some commands do not ask for a state that they could find: counters without a value
 * take their next bit, --force-write-always burns whatever there is, and a change of the
 * coding changes the length of the blocks. */
static bool asks_for_more(const char *args)
{
    static const char *const counters[] = {"SPI_BOOT_CRYPT_CNT", "SECURE_VERSION"};
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        const char *at = strstr(args, counters[i]);
        if (at == NULL)
            continue;
        at += strlen(counters[i]);
        if (strspn(at, " ") == strlen(at) ||
            (at[1] != '\0' && strchr("0123456789", at[1]) == NULL))
            return true;
    }
    if (strstr(args, "CODING_SCHEME") != NULL && strstr(args, "BLOCK1 ") != NULL)
        return true;
    return strstr(args, "force-write-always") != NULL ||
           strstr(args, "force_write_always") != NULL;
}

static void run_again(struct test_case *c, size_t number, json_t *step, char *const *argv)
{
    char twin[PATH_LEN];
    char log[PATH_LEN];
    size_t len;
    join(twin, c->efuses, ".twin", "");
    join(log, c->scratch, "", "log");
    if (asks_for_more(text_of(step, "args"))) {
        c->second[SECOND_MORE]++;
        return;
    }
    copy_file(c->efuses, twin);
    int status = run(c, argv, text_of(step, "stdin"));
    char *said = (char *)read_file(log, &len);
    said[len] = '\0';
    bool done = WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
                strstr(said, "already burned as asked") != NULL;
    bool hidden = WIFEXITED(status) && WEXITSTATUS(status) == 2 &&
                  (strstr(said, "cannot be compared") != NULL ||
                   strstr(said, "read protected") != NULL);
    c->second[done ? SECOND_SAID : SECOND_HIDDEN]++;
    if (!done && !hidden)
        FAULT(c, "step %zu: the second run: %s", number, said);
    if (!same_files(c->efuses, twin))
        FAULT(c, "step %zu: the second run changes the eFuses", number);
    free(said);
    copy_file(twin, c->efuses);
    (void)unlink(twin);
}

static void run_steps(struct test_case *c, json_t *steps)
{
    size_t i;
    json_t *step;
    json_array_foreach(steps, i, step)
    {
        char *argv[WORDS_MAX];
        make_words(c, step, argv);
        int status = run(c, argv, text_of(step, "stdin"));
        check_status(c, i + 1, status,
                     json_integer_value(json_object_get(step, "exit")) == 0);
        check_efuses(c, i + 1, text_of(step, "sha256"));
        if (c->faults == 0 && burns(step))
            run_again(c, i + 1, step, argv);
        for (size_t k = 0; argv[k] != NULL; k++)
            free(argv[k]);
        if (c->faults > 0)
            return;
    }
}

/* Returns whether the case passed. */
static bool run_case(const struct options *options, json_t *json, const char *tmp,
                     unsigned second[SECOND_KINDS])
{
    struct test_case c = {
        .chip = text_of(json, "chip"), .id = text_of(json, "id"), .options = options};
    const char *start = text_of(json, "start");
    join(c.scratch, tmp, "", "case");
    join(c.efuses, tmp, "", "efuses.bin");
    make_folder(c.scratch);
    (void)unlink(c.efuses);
    if (start != NULL) {
        char path[PATH_LEN];
        join(path, options->folder, "", start);
        copy_file(path, c.efuses);
    }
    json_t *steps = json_object_get(json, "steps");
    if (json_array_size(steps) == 0)
        FAULT(&c, "has no steps");
    run_steps(&c, steps);
    if (c.faults == 0)
        check_outputs(&c, json_object_get(json, "outputs"));
    remove_tree(c.scratch);
    for (size_t i = 0; i < SECOND_KINDS; i++)
        second[i] += c.second[i];
    if (c.faults == 0 && options->verbose)
        printf("PASS %s %s\n", c.chip, c.id);
    return c.faults == 0;
}

/* ---- All of them ---- */

static struct count *count_of(struct count counts[CHIPS_MAX], const char *chip)
{
    size_t i = 0;
    while (i < CHIPS_MAX - 1 && counts[i].chip[0] != '\0' &&
           strcmp(counts[i].chip, chip) != 0)
        i++;
    (void)snprintf(counts[i].chip, sizeof counts[i].chip, "%s", chip);
    return &counts[i];
}

/* Does "CHIP ID" hold the filter? */
static bool is_wanted(const struct options *options, json_t *json)
{
    char name[256];
    (void)snprintf(name, sizeof name, "%s %s", text_of(json, "chip"),
                   text_of(json, "id"));
    return options->filter == NULL || strstr(name, options->filter) != NULL;
}

static int run_cases(const struct options *options, json_t *cases, const char *tmp)
{
    struct count counts[CHIPS_MAX] = {0};
    struct count all = {0};
    unsigned second[SECOND_KINDS] = {0};
    size_t i;
    json_t *json;
    json_array_foreach(cases, i, json)
    {
        if (!is_wanted(options, json))
            continue;
        struct count *count = count_of(counts, text_of(json, "chip"));
        bool passed = run_case(options, json, tmp, second);
        count->passed += passed;
        count->failed += !passed;
        all.passed += passed;
        all.failed += !passed;
    }
    for (i = 0; i < CHIPS_MAX && counts[i].chip[0] != '\0'; i++)
        printf("golden efuse %s: %u passed, %u failed\n", counts[i].chip,
               counts[i].passed, counts[i].failed);
    printf(
        "golden efuse: second runs: %u say that all is burned, %u that a key is hidden; "
        "%u ask for more\n",
        second[SECOND_SAID], second[SECOND_HIDDEN], second[SECOND_MORE]);
    printf("golden efuse: %u passed, %u failed\n", all.passed, all.failed);
    return all.passed > 0 && all.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void make_absolute(char out[PATH_LEN], const char *path)
{
    char cwd[PATH_LEN];
    require(getcwd(cwd, sizeof cwd) != NULL, "getcwd");
    join(out, *path == '/' ? "" : cwd, *path == '/' ? "" : "/", "");
    size_t len = strlen(out);
    require((size_t)snprintf(out + len, PATH_LEN - len, "%s", path) < PATH_LEN - len,
            "path too long");
}

int main(int argc, char **argv)
{
    struct options options = {0};
    char tmp[PATH_LEN];
    char path[PATH_LEN];
    json_error_t error;
    const char *parent = getenv("TMPDIR");
    if (argc < 3) {
        fputs("usage: golden_efuse PROGRAM CASES_DIR [FILTER] [-v]\n", stderr);
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            options.verbose = true;
        else
            options.filter = argv[i];
    }
    make_absolute(options.program, argv[1]);
    make_absolute(options.folder, argv[2]);
    join(path, options.folder, "", "cases.json");
    json_t *cases = json_load_file(path, 0, &error);
    if (cases == NULL) {
        fprintf(stderr, "%s:%d: %s\n", path, error.line, error.text);
        return 2;
    }
    join(tmp, parent != NULL ? parent : "/tmp", "", "golden_efuse.XXXXXX");
    require(mkdtemp(tmp) != NULL, tmp);
    int status = run_cases(&options, cases, tmp);
    remove_tree(tmp);
    json_decref(cases);
    return status;
}
