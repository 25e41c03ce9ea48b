/* SPDX-License-Identifier: Apache-2.0 */
/* Kills mfg_gen at random moments and checks that nothing half-made is ever seen under a
 * final name, and that --resume makes the same files as a run that was left alone. */
#include "config.h"

#include <espmfg/export.h>

#include "tests/program_util.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    KILLS = 50,
    UNITS = 440,
    MANY_UNITS = 3000, /* a signal is noticed within 0.1 s: this run takes longer */
    BLOB_LEN = 9000,   /* three pages of NVS */
    KEY_LEN = 64,
    ARGS = 24,
    LATE_LIMIT = 1000, /* kills that came too late, before this test gives up */
    OPENED = 3,        /* decrypted images a trial */
};

/* What is asked of the program. All scenarios take turns. */
static const struct scenario {
    const char *name;
    char *options[6];
    bool random;  /* keys, and so images, are different in every run */
    bool folders; /* bin/, csv/ and keys/ are there: files come one by one */
    char *manifest;
} scenarios[] = {
    /* clang-format off */
    {"plain",           {NULL}, false, false, NULL},
    {"inputkey",        {"--inputkey", "../key.bin"}, false, false, NULL},
    {"keygen",          {"--keygen"}, true, false, NULL},
    {"HMAC",            {"--keygen", "--key_protect_hmac", "--kp_hmac_keygen"},
                        true, false, NULL},
    {"folders",         {"--inputkey", "../key.bin"}, false, true, NULL},
    {"folders, keygen", {"--keygen", "-j", "3"}, true, true, NULL},
    /* A part of a batch comes one by one too. */
    {"rows",            {"--rows", "41-400"}, false, false, "out/units.csv"},
    {"shard",           {"--shard", "2/2", "--no-csv"}, false, false, "units.json"},
    {"manifest",        {"--prefix_num", "7", "4"}, false, false, "out/units.json"},
    /* clang-format on */
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0], KINDS = 3 };

/* One thread, so that no machine is too fast for it. */
static const struct scenario stopped_scenario = {
    "signal", {"--inputkey", "../key.bin", "-j", "1"}, false, false, "units.csv"};

static const char *const kinds[KINDS] = {"keys", "csv", "bin"};
static const char *const partials[KINDS] = {"keys.partial", "csv.partial", "bin.partial"};

struct test {
    char *program;
    uint64_t random; /* state of the generator */
    unsigned kills, resumes_killed, late, stopped, opened, faults;
};

/* One batch, killed and resumed in the folder "try"; "ref" holds the undisturbed one. */
struct trial {
    struct test *test;
    const struct scenario *scenario;
    char *values;
    char *size;
    double duration_s; /* of a run that is left alone */
    const char *when;  /* for messages */
};

static void fault(struct trial *t, const char *format, ...) EM_PRINTF(2, 3);
static void fault(struct trial *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("FAIL %s, %s: ", t->scenario->name, t->when);
    (void)vprintf(format, args);
    putchar('\n');
    va_end(args);
    t->test->faults++;
}

/* ---- Inputs ---- */

static void write_table(const char *path, unsigned units)
{
    FILE *file = fopen(path, "w");
    require(file != NULL, path);
    fputs("serial,number,note,certificate\n", file);
    for (unsigned i = 1; i <= units; i++) {
        fprintf(file, "U%06u,%u,\"", i, i * 7919);
        for (unsigned k = 0; k < i % 40; k++)
            fputs("a note, ", file); /* a comma: quoted in the intermediate CSV too */
        fputs("\",../blob.bin\n", file);
    }
    require(fclose(file) == 0, path);
}

static void write_inputs(void)
{
    static const char config[] = "factory,namespace,\nserial,data,string\n"
                                 "number,data,u32\nnote,data,string\n"
                                 "certificate,file,binary\n";
    uint8_t blob[BLOB_LEN];
    for (size_t i = 0; i < sizeof blob; i++)
        blob[i] = (uint8_t)(i * i >> 3 ^ i);
    write_file("config.csv", config, sizeof config - 1);
    write_file("blob.bin", blob, sizeof blob);
    write_file("key.bin", blob + 1000, KEY_LEN);
    write_table("values.csv", UNITS);
    write_table("many.csv", MANY_UNITS);
}

/* ---- Runs ---- */

/* Start the program in a folder; what it says goes to the file "log". */
static pid_t start(const struct trial *t, char *folder, bool resume)
{
    char *argv[ARGS] = {t->test->program, "generate", "../config.csv",
                        t->values,        "P",        t->size,
                        "--outdir",       "out"};
    size_t n = 8;
    for (size_t i = 0; i < 6 && t->scenario->options[i] != NULL; i++)
        argv[n++] = t->scenario->options[i];
    if (t->scenario->manifest != NULL) {
        argv[n++] = "--manifest";
        argv[n++] = t->scenario->manifest;
    }
    if (resume)
        argv[n++] = "--resume";
    return start_program(argv, folder);
}

/* A run that has to succeed. */
static void run_whole(struct trial *t, char *folder, bool resume)
{
    int status = wait_for(start(t, folder, resume));
    if (ended_with(status, 0))
        return;
    size_t len;
    uint8_t *said = read_file("log", &len);
    fault(t, "wait status 0x%x instead of exit status 0:\n%.*s", (unsigned)status,
          (int)len, (const char *)said);
    free(said);
}

/* Kill a run at a random moment. Returns false when it had ended before. */
static bool run_and_kill(struct trial *t, bool resume)
{
    struct test *test = t->test;
    pid_t pid = start(t, "try", resume);
    sleep_s(next_part(&test->random) * t->duration_s);
    require(kill(pid, SIGKILL) == 0, "kill");
    int status = wait_for(pid);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    if (!ended_with(status, 0)) {
        t->when = "killed";
        run_whole(t, "try", true); /* says why */
        fault(t, "a run ended with wait status 0x%x", (unsigned)status);
    }
    return false;
}

/* ---- Checks ---- */

/* Is this kind of file different in every run? */
static bool is_random(const struct trial *t, int kind)
{
    return t->scenario->random && strcmp(kinds[kind], "csv") != 0;
}

/* A whole file that is known by its random key: as it is now, so it has to stay. */
static void check_kept(struct trial *t, int kind, const char *path, const char *name)
{
    char kept[PATH_LEN];
    join(kept, "kept/", kinds[kind], name);
    if (size_of(kept) < 0)
        copy_file(path, kept);
    else if (!same_files(kept, path))
        fault(t, "%s is not what it was before", path);
}

static void check_file(struct trial *t, int kind, bool partial, const char *path,
                       const char *name)
{
    char wanted[PATH_LEN];
    join(wanted, "ref/out/", kinds[kind], name);
    long long have = size_of(path);
    long long want = size_of(wanted);
    if (want < 0)
        fault(t, "%s should not be there", path);
    else if (have > want || (have != want && !partial))
        fault(t, "%s has %lld bytes of %lld", path, have, want);
    else if (have == want && is_random(t, kind))
        check_kept(t, kind, path, name);
    else if (have == want && !same_files(path, wanted))
        fault(t, "%s holds something else", path);
}

/* The files of a kind. Temporary names are only allowed before the @p end. */
static void check_folder(struct trial *t, int kind, bool partial, bool end)
{
    char folder[PATH_LEN];
    struct dirent **names;
    join(folder, "try/out/", kinds[kind], "");
    if (partial)
        join(folder, "try/out/", partials[kind], "");
    int n = list_names(&names, folder);
    for (int i = 0; i < n; i++) {
        char path[PATH_LEN];
        join(path, folder, "", names[i]->d_name);
        if (end || strncmp(names[i]->d_name, ".espmfg-", 8) != 0)
            check_file(t, kind, partial, path, names[i]->d_name);
    }
    free_names(names, n);
}

static void check_manifest(struct trial *t)
{
    char path[PATH_LEN];
    char wanted[PATH_LEN];
    if (t->scenario->manifest == NULL)
        return;
    join(path, "try", "", t->scenario->manifest);
    join(wanted, "ref", "", t->scenario->manifest);
    if (size_of(path) >= 0 && !same_files(path, wanted))
        fault(t, "%s is short or wrong", path);
}

static void check_after_kill(struct trial *t, const char *when)
{
    t->when = when;
    for (int kind = 0; kind < KINDS; kind++) {
        check_folder(t, kind, false, false);
        check_folder(t, kind, true, false);
    }
    check_manifest(t);
}

/* Does the key file of a unit open its image? Made again with that key it is the same. */
static void check_opens(struct trial *t, unsigned unit)
{
    char key[PATH_LEN];
    char rows[16];
    char name[32];
    char image[PATH_LEN];
    (void)snprintf(key, sizeof key, "../try/out/keys/keys-P-%u.bin", unit);
    (void)snprintf(rows, sizeof rows, "%u", unit);
    (void)snprintf(name, sizeof name, "out/bin/P-%u.bin", unit);
    struct scenario s = {
        "again", {"--inputkey", key, "--rows", rows}, false, false, NULL};
    struct trial one = {t->test, &s, t->values, t->size, 0, t->when};
    remove_tree("again");
    require(mkdir("again", 0777) == 0, "again");
    run_whole(&one, "again", false);
    join(image, "again", "", name);
    join(key, "try", "", name);
    if (!same_files(image, key))
        fault(t, "%s does not open with the key file of its unit", key);
    t->test->opened++;
}

static void check_end(struct trial *t)
{
    t->when = "resumed";
    unsigned n = differing_names("ref", "try") + differing_names("ref/out", "try/out");
    for (int kind = 0; kind < KINDS; kind++) {
        char ref[PATH_LEN];
        char try[PATH_LEN];
        join(ref, "ref/out/", kinds[kind], "");
        join(try, "try/out/", kinds[kind], "");
        n += differing_names(ref, try);
        check_folder(t, kind, false, true);
    }
    check_manifest(t);
    if (n > 0)
        fault(t, "%u names too many or too few", n);
    for (unsigned i = 0; t->scenario->random && i < OPENED; i++)
        check_opens(t, 1 + (unsigned)(next_random(&t->test->random) % UNITS));
}

/* ---- Trials ---- */

/* An empty folder to run in, with the folders of the output if the scenario says so. */
static void make_place(const struct trial *t, const char *place)
{
    remove_tree(place);
    make_folder(place);
    if (!t->scenario->folders)
        return;
    char path[PATH_LEN];
    join(path, place, "/out", "");
    make_folder(path);
    for (int kind = 0; kind < KINDS; kind++) {
        join(path, place, "/out/", kinds[kind]);
        make_folder(path);
    }
}

static void make_reference(struct trial *t)
{
    t->when = "left alone";
    make_place(t, "ref");
    double before_s = now_s();
    run_whole(t, "ref", false);
    t->duration_s = now_s() - before_s;
}

static void begin_trial(const struct trial *t)
{
    make_place(t, "try");
    remove_tree("kept");
    make_folder("kept");
    for (int kind = 0; kind < KINDS; kind++) {
        char path[PATH_LEN];
        join(path, "kept", "", kinds[kind]);
        make_folder(path);
    }
}

static void count_late(struct test *test)
{
    test->late++;
    require(test->late < LATE_LIMIT, "no kill or signal comes in time");
}

static void kill_and_resume(struct trial *t)
{
    struct test *test = t->test;
    for (begin_trial(t); !run_and_kill(t, false); begin_trial(t))
        count_late(test);
    test->kills++;
    check_after_kill(t, "after a kill");
    /* A station that loses power once may do so again. */
    for (unsigned left = (unsigned)(next_random(&test->random) % 3); left > 0; left--) {
        if (!run_and_kill(t, true))
            break; /* it is complete now, and the next --resume finds nothing to do */
        test->resumes_killed++;
        check_after_kill(t, "after a kill of --resume");
    }
    run_whole(t, "try", true);
    check_end(t);
}

/* Wait until files are being written. */
static void wait_for_writing(void)
{
    double end_s = now_s() + LIMIT_S;
    while (size_of("try/out/bin.partial") < 0 && size_of("try/out/bin") < 0 &&
           now_s() < end_s)
        sleep_s(0.001);
}

/* A polite signal: the program ends by itself and says so. */
static void stop_and_resume(struct trial *t, int number)
{
    int status;
    for (;;) {
        begin_trial(t);
        pid_t pid = start(t, "try", false);
        wait_for_writing();
        require(kill(pid, number) == 0, "kill");
        status = wait_for(pid);
        t->when = number == SIGINT ? "after SIGINT" : "after SIGTERM";
        if (!ended_with(status, 0))
            break;
        count_late(t->test);
    }
    size_t len;
    uint8_t *said = read_file("log", &len);
    said[len] = '\0';
    if (!ended_with(status, 8) || strstr((char *)said, "--resume") == NULL)
        fault(t, "wait status 0x%x instead of exit status 8, or no hint:\n%s",
              (unsigned)status, (char *)said);
    free(said);
    check_after_kill(t, t->when);
    run_whole(t, "try", true);
    check_end(t);
    t->test->stopped++;
}

static void run_trials(struct test *test, unsigned kills)
{
    for (unsigned i = 0; i < SCENARIOS && test->faults == 0; i++) {
        struct trial t = {test, &scenarios[i], "../values.csv", "0x6000", 0, ""};
        unsigned share = kills / SCENARIOS + (i < kills % SCENARIOS);
        make_reference(&t);
        for (unsigned k = 0; k < share && test->faults == 0; k++)
            kill_and_resume(&t);
        printf("%s%s %u", i == 0 ? "killed: " : "; ", t.scenario->name, share);
    }
    struct trial many = {test, &stopped_scenario, "../many.csv", "0x4000", 0, ""};
    if (test->faults == 0)
        make_reference(&many);
    for (int i = 0; i < 2 && test->faults == 0; i++)
        stop_and_resume(&many, i == 0 ? SIGINT : SIGTERM);
    putchar('\n');
}

static void print_summary(const struct test *test)
{
    printf("%u kills (%u more of resumed runs; %u came too late and were repeated; "
           "%u signals; %u images opened with their keys)%s\n",
           test->kills, test->resumes_killed, test->late, test->stopped, test->opened,
           test->faults == 0 ? ": no short file, all resumed equal" : "");
}

/* A number, or @p otherwise when there is none. */
static uint64_t number_or(const char *text, uint64_t otherwise)
{
    return text == NULL || *text == '\0' ? otherwise : strtoull(text, NULL, 10);
}

int main(int argc, char **argv)
{
    uint64_t chance = (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
    struct test test = {.program = argc > 1 ? argv[1] : ""};
    char folder[PATH_LEN];
    const char *base = getenv("TMPDIR");
    if (argc < 2 || argv[1][0] != '/') {
        fputs("usage: resume_kill /PATH/TO/PROGRAM [SEED [KILLS]]\n", stderr);
        return 2;
    }
    test.random = number_or(argc > 2 ? argv[2] : NULL, chance);
    printf("seed %llu\n", (unsigned long long)test.random);
    join(folder, base == NULL ? "/tmp" : base, "", "resume_kill.XXXXXX");
    require(mkdtemp(folder) != NULL && chdir(folder) == 0, folder);
    write_inputs();
    run_trials(&test, (unsigned)number_or(argc > 3 ? argv[3] : NULL, KILLS));
    print_summary(&test);
    if (test.faults > 0) {
        printf("kept for a look: %s\n", folder);
        return EXIT_FAILURE;
    }
    require(chdir("/") == 0, "/");
    remove_tree(folder);
    return EXIT_SUCCESS;
}
