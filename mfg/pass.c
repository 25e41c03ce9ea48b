/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the rows of a values file, on several threads. */
#include "config.h"

#include "mfg/pass_int.h"

#include "base/error_int.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH_UNITS = 32, /* rows a worker takes at a time: rarely waits for its turn */
    BATCH_BYTES = 256 * 1024, /* but no more text than this, so that memory stays small */
};

struct pass {
    struct em_csv *csv;
    const struct em_pass_ops *ops;
    void *user;
    pthread_mutex_t lock;
    pthread_cond_t turned;
    /* All below under the lock. */
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
    size_t n;
    struct em_unit units[BATCH_UNITS];
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
    unit->ignored_repeat = -1;
    unit->kept = false;
    unit->image_len = 0;
    unit->image_sha256[0] = '\0';
    unit->key_sha256[0] = '\0';
    unit->hmac_sha256[0] = '\0';
}

/* Read the next batch. A row that cannot be read fails the pass only in its turn, so it
 * is kept as a unit that failed. */
static void read_batch(struct worker *worker)
{
    struct pass *pass = worker->pass;
    size_t bytes = 0;
    worker->n = 0;
    while (!pass->ended && worker->n < BATCH_UNITS && bytes < BATCH_BYTES) {
        struct em_unit *unit = &worker->units[worker->n];
        reset_unit(unit);
        unit->status = em_csv_next(pass->csv, &unit->row, &unit->error);
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
        worker->n++;
    }
}

static void work_on_batch(struct worker *worker)
{
    struct pass *pass = worker->pass;
    for (size_t i = 0; i < worker->n; i++) {
        struct em_unit *unit = &worker->units[i];
        if (unit->status == EM_OK)
            unit->status = pass->ops->work(pass->user, worker->idx, unit, &unit->error);
        if (unit->status != EM_OK) {
            worker->n = i + 1; /* what follows is neither worked on nor handed in */
            break;
        }
    }
}

static void hand_in_batch(struct worker *worker)
{
    struct pass *pass = worker->pass;
    struct em_error err;
    enum em_status status = EM_OK;
    for (size_t i = 0; i < worker->n; i++) {
        struct em_unit *unit = &worker->units[i];
        if (unit->status != EM_OK) {
            fail(pass, unit->status, &unit->error);
            break;
        }
        /* After a failure too: what was done has to be counted. */
        status = pass->ops->finish(pass->user, unit, &err);
        if (status != EM_OK) {
            fail(pass, status, &err);
            break;
        }
    }
    status = pass->ops->progress(pass->user, &err);
    if (status != EM_OK)
        fail(pass, status, &err);
}

static void *run_worker(void *arg)
{
    struct worker *worker = arg;
    struct pass *pass = worker->pass;
    pthread_mutex_lock(&pass->lock);
    while (!pass->ended) {
        uint64_t turn = pass->next_turn++;
        read_batch(worker);
        pthread_mutex_unlock(&pass->lock);
        work_on_batch(worker);
        pthread_mutex_lock(&pass->lock);
        while (pass->turn != turn)
            pthread_cond_wait(&pass->turned, &pass->lock);
        hand_in_batch(worker);
        pass->turn++;
        pthread_cond_broadcast(&pass->turned);
    }
    pthread_mutex_unlock(&pass->lock);
    return NULL;
}

static void free_workers(struct worker **workers, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        for (size_t j = 0; workers[i] != NULL && j < BATCH_UNITS; j++) {
            em_csv_row_free(&workers[i]->units[j].row);
            free(workers[i]->units[j].faults);
        }
        free(workers[i]);
    }
    free(workers);
}

static struct worker **new_workers(struct pass *pass, unsigned n)
{
    struct worker **workers = calloc(n, sizeof *workers);
    for (unsigned i = 0; workers != NULL && i < n; i++) {
        workers[i] = calloc(1, sizeof *workers[i]);
        if (workers[i] == NULL) {
            free_workers(workers, n);
            return NULL;
        }
        workers[i]->pass = pass;
        workers[i]->idx = i;
    }
    return workers;
}

enum em_status em_pass_run(struct em_csv *csv, unsigned jobs,
                           const struct em_pass_ops *ops, void *user, uint64_t *rows,
                           struct em_error *err)
{
    struct pass pass = {.csv = csv, .ops = ops, .user = user};
    struct worker **workers = new_workers(&pass, jobs);
    *rows = 0;
    if (workers == NULL)
        return em_error_nomem(err);
    if (pthread_mutex_init(&pass.lock, NULL) != 0 ||
        pthread_cond_init(&pass.turned, NULL) != 0) {
        free_workers(workers, jobs);
        return em_error_nomem(err);
    }
    unsigned started = 1; /* this thread is worker 0 */
    while (started < jobs && pthread_create(&workers[started]->thread, NULL, run_worker,
                                            workers[started]) == 0)
        started++;                /* fewer threads than asked for do the same work */
    (void)run_worker(workers[0]); /* always NULL */
    for (unsigned i = 1; i < started; i++)
        pthread_join(workers[i]->thread, NULL);
    pthread_cond_destroy(&pass.turned);
    pthread_mutex_destroy(&pass.lock);
    free_workers(workers, jobs);
    *rows = pass.rows;
    if (pass.status != EM_OK && err != NULL)
        *err = pass.error;
    return pass.status;
}
