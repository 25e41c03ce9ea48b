/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the rows of a values file, on several threads. */
#include "config.h"

#include "mfg/pass_int.h"

#include "base/error_int.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH_UNITS = 16, /* rows that are taken at a time: the lock is rarely contended */
    BATCH_BYTES = 256 * 1024, /* but no more text than this, so that memory stays small */
    BATCHES_PER_WORKER = 3,   /* one at work, the others waiting for their turn */
};

enum batch_state { BATCH_FREE, BATCH_AT_WORK, BATCH_DONE };

struct batch {
    enum batch_state state;
    uint64_t turn; /* batches are handed in in the order in which they were read */
    size_t n;
    struct em_unit units[BATCH_UNITS];
};

struct pass {
    struct em_csv *csv;
    const struct em_pass_ops *ops;
    void *user;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    /* All below under the lock; a batch at work belongs to its worker. */
    struct batch **batches;
    unsigned n_batches;
    uint64_t rows;         /* read so far */
    uint64_t next_turn;    /* of the batch to be read next */
    uint64_t turn;         /* of the batch to be handed in next */
    bool ended;            /* nothing is left to be read */
    enum em_status status; /* of the earliest failure, and what to say about it */
    struct em_error error;
};

struct worker {
    struct pass *pass;
    unsigned idx;
    pthread_t thread;
};

static void fail(struct pass *pass, enum em_status status, const struct em_error *error)
{
    if (pass->status == EM_OK) {
        pass->status = status;
        pass->error = *error;
    }
    pass->ended = true;
}

static void reset_unit(struct em_unit *unit)
{
    unit->status = EM_OK;
    unit->n_faults = 0;
    unit->faults_more = 0;
    unit->ignored_repeat = -1;
    unit->kept = false;
    unit->image_len = 0;
    unit->image_sha256[0] = '\0';
    unit->key_sha256[0] = '\0';
    unit->hmac_sha256[0] = '\0';
    unit->key_hash = 0;
    unit->found = 0;
    unit->missing = 0;
    unit->listed.n_fields = 0;
}

/* Read the next batch. A row that cannot be read fails the pass only in its turn, so it
 * is kept as a unit that failed. */
static void read_batch(struct pass *pass, struct batch *batch)
{
    size_t bytes = 0;
    batch->n = 0;
    while (!pass->ended && batch->n < BATCH_UNITS && bytes < BATCH_BYTES) {
        struct em_unit *unit = &batch->units[batch->n];
        reset_unit(unit);
        unit->status = pass->ops->next == NULL
                           ? em_csv_next(pass->csv, &unit->row, &unit->error)
                           : pass->ops->next(pass->user, &unit->row, &unit->error);
        if (unit->status == EM_OK && unit->row.n_fields == 0) {
            pass->ended = true;
            break;
        }
        if (unit->status == EM_OK) {
            unit->number = ++pass->rows;
            if (!pass->ops->wanted(pass->user, unit->number))
                continue;
            if (pass->ops->admit != NULL)
                unit->status = pass->ops->admit(pass->user, unit, &unit->error);
        }
        if (unit->status != EM_OK)
            pass->ended = true;
        bytes += unit->row.text.len;
        batch->n++;
    }
}

static void work_on_batch(const struct worker *worker, struct batch *batch)
{
    struct pass *pass = worker->pass;
    for (size_t i = 0; i < batch->n; i++) {
        struct em_unit *unit = &batch->units[i];
        if (unit->status == EM_OK)
            unit->status = pass->ops->work(pass->user, worker->idx, unit, &unit->error);
        if (unit->status != EM_OK) {
            batch->n = i + 1; /* what follows is neither worked on nor handed in */
            break;
        }
    }
}

/* After a failure too: what was done has to be counted. */
static void hand_in(struct pass *pass, struct batch *batch)
{
    struct em_error err;
    for (size_t i = 0; i < batch->n; i++) {
        struct em_unit *unit = &batch->units[i];
        if (unit->status != EM_OK) {
            fail(pass, unit->status, &unit->error);
            break;
        }
        enum em_status status = pass->ops->finish(pass->user, unit, &err);
        if (status != EM_OK) {
            fail(pass, status, &err);
            break;
        }
    }
    enum em_status status = pass->ops->progress(pass->user, &err);
    if (status != EM_OK)
        fail(pass, status, &err);
}

static struct batch *find_batch(const struct pass *pass, enum batch_state state)
{
    for (unsigned i = 0; i < pass->n_batches; i++) {
        struct batch *batch = pass->batches[i];
        if (batch->state == state && (state == BATCH_FREE || batch->turn == pass->turn))
            return batch;
    }
    return NULL;
}

/* Hand in all that is done and whose turn it is. */
static void hand_in_ready(struct pass *pass)
{
    struct batch *batch;
    while ((batch = find_batch(pass, BATCH_DONE)) != NULL) {
        hand_in(pass, batch);
        batch->state = BATCH_FREE;
        pass->turn++;
        pthread_cond_signal(&pass->freed);
    }
}

static void *run_worker(void *arg)
{
    struct worker *worker = arg;
    struct pass *pass = worker->pass;
    pthread_mutex_lock(&pass->lock);
    for (;;) {
        struct batch *batch = NULL;
        while (!pass->ended && (batch = find_batch(pass, BATCH_FREE)) == NULL)
            pthread_cond_wait(&pass->freed, &pass->lock);
        if (pass->ended)
            break;
        batch->state = BATCH_AT_WORK;
        batch->turn = pass->next_turn++;
        read_batch(pass, batch);
        pthread_mutex_unlock(&pass->lock);
        work_on_batch(worker, batch);
        pthread_mutex_lock(&pass->lock);
        batch->state = BATCH_DONE;
        hand_in_ready(pass);
    }
    pthread_cond_broadcast(&pass->freed); /* the others may go too */
    pthread_mutex_unlock(&pass->lock);
    return NULL;
}

static void free_batches(struct pass *pass)
{
    for (unsigned i = 0; pass->batches != NULL && i < pass->n_batches; i++) {
        struct batch *batch = pass->batches[i];
        for (size_t j = 0; batch != NULL && j < BATCH_UNITS; j++) {
            em_csv_row_free(&batch->units[j].row);
            em_csv_row_free(&batch->units[j].listed);
            free(batch->units[j].faults);
        }
        free(batch);
    }
    free(pass->batches);
}

static bool make_batches(struct pass *pass, unsigned n)
{
    pass->n_batches = n;
    pass->batches = calloc(n, sizeof *pass->batches);
    for (unsigned i = 0; pass->batches != NULL && i < n; i++) {
        pass->batches[i] = calloc(1, sizeof *pass->batches[i]);
        if (pass->batches[i] == NULL)
            return false;
    }
    return pass->batches != NULL;
}

/* Run the workers; this thread is the first of them. */
static void run_workers(struct pass *pass, struct worker *workers, unsigned jobs)
{
    unsigned started = 1;
    for (unsigned i = 0; i < jobs; i++)
        workers[i] = (struct worker){.pass = pass, .idx = i};
    while (started < jobs && pthread_create(&workers[started].thread, NULL, run_worker,
                                            &workers[started]) == 0)
        started++;                 /* fewer threads than asked for do the same work */
    (void)run_worker(&workers[0]); /* always NULL */
    for (unsigned i = 1; i < started; i++)
        pthread_join(workers[i].thread, NULL);
}

enum em_status em_pass_run(struct em_csv *csv, unsigned jobs,
                           const struct em_pass_ops *ops, void *user, uint64_t *rows,
                           struct em_error *err)
{
    struct pass pass = {.csv = csv, .ops = ops, .user = user};
    struct worker *workers = calloc(jobs, sizeof *workers);
    *rows = 0;
    if (workers == NULL || !make_batches(&pass, jobs * BATCHES_PER_WORKER)) {
        free_batches(&pass);
        free(workers);
        return em_error_nomem(err);
    }
    /* Default mutexes and conditions cannot fail on Linux, and take nothing to be freed.
     */
    if (pthread_mutex_init(&pass.lock, NULL) == 0 &&
        pthread_cond_init(&pass.freed, NULL) == 0) {
        run_workers(&pass, workers, jobs);
        pthread_cond_destroy(&pass.freed);
        pthread_mutex_destroy(&pass.lock);
    } else {
        pass.status = em_error_nomem(&pass.error);
    }
    free_batches(&pass);
    free(workers);
    *rows = pass.rows;
    if (pass.status != EM_OK && err != NULL)
        *err = pass.error;
    return pass.status;
}
