/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of progress, and of batches that the caller stops and then resumes. */
#include "config.h"

#include <espmfg/batch.h>

#include "tests/em_test.h"
#include "tests/test_mfg_batch_util.h"
#include "tests/test_mfg_util.h"

#include <time.h>

/* Stops a run in a stage, after a number of units that were told. */
struct stopper {
    struct told told; /* first: the log call-back takes this one */
    const char *stage;
    bool at_end; /* wait for the last call of the stage */
    size_t messages;
    bool stopping;
    size_t calls;
};

/* Longer than the time between two progress calls, so that the next one is not left out.
 */
static void wait_for_progress(void)
{
    const struct timespec pause = {0, 110 * 1000 * 1000};
    (void)nanosleep(&pause, NULL);
}

static void stopper_log(void *user, enum em_log_level level, const char *device,
                        const struct em_error *msg)
{
    struct stopper *s = user;
    tell(&s->told, level, device, msg);
    if (s->messages > 0 && s->told.count[EM_LOG_INFO] == s->messages) {
        s->stopping = true;
        wait_for_progress();
    }
}

static int stopper_progress(void *user, const struct em_progress *progress)
{
    struct stopper *s = user;
    s->calls++;
    if (strcmp(progress->stage, s->stage) != 0) {
        wait_for_progress();
        return 0;
    }
    return s->messages > 0 ? s->stopping
                           : !s->at_end || progress->done == progress->total;
}

static void test_stop_checking(void)
{
    struct batch *b = batch_many(60);
    for (int at_end = 0; at_end < 2; at_end++) {
        struct stopper s = {.stage = "checking", .at_end = at_end != 0};
        b->hooks = (struct em_hooks){
            .log = stopper_log, .progress = stopper_progress, .user = &s};
        b->options.jobs = 1 + 2 * (unsigned)at_end;
        EM_CHECK_STATUS(batch_run(b), EM_ERR_STOPPED, &b->err);
        EM_CHECK_HAS(b->err.what, "checking");
        CU_ASSERT_EQUAL(b->result.made, 0);
        CU_ASSERT_FALSE(is_there(b->folder, "out"));
    }
    batch_free(b);
}

struct stages {
    struct told told;
    char text[256];
    int stop; /* what progress says */
};

static void stages_log(void *user, enum em_log_level level, const char *device,
                       const struct em_error *msg)
{
    tell(&((struct stages *)user)->told, level, device, msg);
}

static void stages_stage(void *user, const struct em_stage *stage)
{
    struct stages *s = user;
    size_t len = strlen(s->text);
    CU_ASSERT_STRING_EQUAL(stage->device, "");
    (void)snprintf(s->text + len, sizeof s->text - len, "%s %s, ", stage->name,
                   stage->ends ? em_status_name(stage->status) : "begins");
}

static int stages_progress(void *user, const struct em_progress *progress)
{
    (void)progress;
    return ((struct stages *)user)->stop;
}

/* Each stage that begins ends, also when it is stopped. */
static void test_stages(void)
{
    struct batch *b = batch_many(6);
    struct stages s = {.stop = 1};
    b->hooks = (struct em_hooks){.log = stages_log,
                                 .progress = stages_progress,
                                 .user = &s,
                                 .stage = stages_stage};
    EM_CHECK_STATUS(batch_run(b), EM_ERR_STOPPED, &b->err);
    CU_ASSERT_STRING_EQUAL(s.text, "checking begins, checking stopped, ");
    s.text[0] = '\0';
    s.stop = 0;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_STRING_EQUAL(s.text, "checking begins, checking ok, "
                                   "writing begins, writing ok, ");
    batch_free(b);
}

static void test_stop_writing(void)
{
    static const struct {
        size_t messages; /* before the stop; 0: stopped at once */
        unsigned jobs;
        bool keygen;
    } cases[] = {
        {0, 1, false}, {2, 1, true}, {40, 1, false}, {40, 3, true}, {150, 7, false}};
    struct batch *b = batch_many(200);
    char undisturbed[PATH_LEN];
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    batch_path(b, undisturbed, "bin");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stopper s = {.stage = "writing", .messages = cases[i].messages};
        char name[16];
        char partial[PATH_LEN];
        char copy[PATH_LEN];
        (void)snprintf(name, sizeof name, "out%zu", i);
        batch_outdir(b, name);
        b->hooks = (struct em_hooks){
            .log = stopper_log, .progress = stopper_progress, .user = &s};
        b->options.no_csv = true; /* one message a unit, two with keys */
        b->options.keys.keygen = cases[i].keygen;
        b->options.each_unit = true;
        b->options.resume = false;
        b->options.jobs = cases[i].jobs;
        EM_CHECK_STATUS(batch_run(b), EM_ERR_STOPPED, &b->err);
        EM_CHECK_HAS(b->err.hint, "--resume");
        CU_ASSERT(b->result.made > 0 && b->result.made <= 200);
        if (cases[i].jobs == 1) /* others may have been fast enough to end */
            CU_ASSERT(b->result.made < 200);
        CU_ASSERT_FALSE(is_there(b->outdir, "bin"));
        batch_path(b, partial, "bin.partial");
        CU_ASSERT_EQUAL(count_files(partial), b->result.made);
        (void)snprintf(name, sizeof name, "copy%zu", i);
        join_path(copy, b->folder, name);
        copy_folder(partial, copy);
        /* Without resume the rest is not mixed up with a new batch. */
        b->hooks = (struct em_hooks){.log = tell, .user = &b->told};
        uint64_t made = b->result.made;
        EM_CHECK_STATUS(batch_run(b), EM_ERR_EXISTS, &b->err);
        b->options.resume = true;
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        CU_ASSERT_EQUAL(b->result.kept, made);
        CU_ASSERT_EQUAL(b->result.made, 200 - made);
        batch_path(b, partial, "bin");
        CU_ASSERT_TRUE(folder_within(copy, partial));
        CU_ASSERT_EQUAL(count_files(partial), 200);
        CU_ASSERT_FALSE(is_there(b->outdir, "bin.partial"));
        if (!cases[i].keygen)
            CU_ASSERT_TRUE(same_folders(undisturbed, partial));
    }
    batch_free(b);
}

/* Progress as it was told. */
struct watch {
    struct told told; /* first: the log call-back takes this one */
    char stages[64];  /* one letter a call */
    size_t n;
    uint64_t done; /* in the present stage */
    size_t wrong;
    uint64_t total[2]; /* last of each stage */
};

static int watch_progress(void *user, const struct em_progress *progress)
{
    struct watch *w = user;
    bool writing = strcmp(progress->stage, "writing") == 0;
    if (w->n > 0 && w->stages[w->n - 1] != progress->stage[0])
        w->done = 0;
    w->wrong += progress->done < w->done || progress->done > progress->total;
    w->wrong += strcmp(progress->counts, writing ? "units" : "bytes") != 0;
    w->wrong += progress->device[0] != '\0';
    w->done = progress->done;
    w->total[writing] = progress->total;
    if (w->n + 1 < sizeof w->stages)
        w->stages[w->n++] = progress->stage[0];
    return 0;
}

static void test_progress(void)
{
    struct batch *b = batch_many(100);
    struct stat st;
    require(stat(b->values, &st) == 0);
    for (unsigned jobs = 1; jobs <= 3; jobs += 2) {
        struct watch w = {.n = 0};
        b->hooks = (struct em_hooks){.log = tell, .progress = watch_progress, .user = &w};
        b->options.jobs = jobs;
        batch_outdir(b, jobs == 1 ? "one" : "three");
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        CU_ASSERT_EQUAL(w.wrong, 0);
        CU_ASSERT_EQUAL(w.done, 100);
        CU_ASSERT_EQUAL(w.total[0], (uint64_t)st.st_size);
        CU_ASSERT_EQUAL(w.total[1], 100);
        CU_ASSERT_EQUAL(w.stages[0], 'c');
        CU_ASSERT_EQUAL(w.stages[w.n - 1], 'w');
        CU_ASSERT_EQUAL(
            strspn(w.stages, "c") + strspn(w.stages + strspn(w.stages, "c"), "w"), w.n);
    }
    /* A dry run has no second stage. */
    struct watch w = {.n = 0};
    b->hooks.user = &w;
    b->options.dry_run = true;
    batch_outdir(b, "dry");
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    CU_ASSERT_EQUAL(strspn(w.stages, "c"), w.n);
    CU_ASSERT_EQUAL(w.done, (uint64_t)st.st_size);
    batch_free(b);
}

static const struct em_test tests[] = {
    {"progress", test_progress},
    {"stopped while checking", test_stop_checking},
    {"stopped while writing", test_stop_writing},
    {"stages", test_stages},
};
EM_TEST_MAIN("mfg/batch: stop", tests)
