/* SPDX-License-Identifier: Apache-2.0 */
/* Compressing ahead: the next piece is ready when the one before it has left. */
#include "config.h"

#include "flasher/flash/flash_int.h"

#include <pthread.h>
#include <stdlib.h>

struct em_flash_packer {
    struct em_flash_job *jobs;
    size_t count;
    size_t block;
    bool threaded;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    size_t ready; /* jobs that are compressed */
    bool stop;
    enum em_status status; /* of the job after those */
    struct em_error error;
};

/* Take note of how job @c ready went; false: no more. */
static bool advance(struct em_flash_packer *packer, enum em_status status,
                    const struct em_error *error)
{
    (void)pthread_mutex_lock(&packer->lock); /* cannot fail: a plain, valid mutex */
    if (status == EM_OK)
        packer->ready++;
    packer->status = status;
    packer->error = *error;
    bool more = status == EM_OK && !packer->stop && packer->ready < packer->count;
    (void)pthread_cond_signal(&packer->changed); /* cannot fail either */
    (void)pthread_mutex_unlock(&packer->lock);
    return more;
}

static void *work(void *user)
{
    struct em_flash_packer *packer = user;
    struct em_error error;
    enum em_status status;
    size_t idx = 0;
    do {
        error = (struct em_error){0};
        status = em_flash_job_pack(&packer->jobs[idx++], packer->block, &error);
    } while (advance(packer, status, &error));
    return NULL;
}

enum em_status em_flash_packer_new(struct em_flash_packer **out,
                                   struct em_flash_job *jobs, size_t count, size_t block,
                                   struct em_error *err)
{
    struct em_flash_packer *packer = calloc(1, sizeof *packer);
    *out = NULL;
    if (packer == NULL)
        return em_error_nomem(err);
    packer->jobs = jobs;
    packer->count = count;
    packer->block = block;
    if (count > 1 && pthread_mutex_init(&packer->lock, NULL) == 0) {
        if (pthread_cond_init(&packer->changed, NULL) == 0) {
            packer->threaded = pthread_create(&packer->thread, NULL, work, packer) == 0;
            if (!packer->threaded)
                (void)pthread_cond_destroy(&packer->changed);
        }
        /* Without a thread each job is compressed when it is wanted. */
        if (!packer->threaded)
            (void)pthread_mutex_destroy(&packer->lock);
    }
    *out = packer;
    return EM_OK;
}

enum em_status em_flash_packer_wait(struct em_flash_packer *packer, size_t idx,
                                    struct em_error *err)
{
    if (!packer->threaded)
        return em_flash_job_pack(&packer->jobs[idx], packer->block, err);
    (void)pthread_mutex_lock(&packer->lock);
    while (packer->ready <= idx && packer->status == EM_OK)
        (void)pthread_cond_wait(&packer->changed, &packer->lock);
    enum em_status status = packer->ready > idx ? EM_OK : packer->status;
    if (status != EM_OK && err != NULL)
        *err = packer->error;
    (void)pthread_mutex_unlock(&packer->lock);
    return status;
}

void em_flash_packer_free(struct em_flash_packer *packer)
{
    if (packer == NULL)
        return;
    if (packer->threaded) {
        (void)pthread_mutex_lock(&packer->lock);
        packer->stop = true;
        (void)pthread_mutex_unlock(&packer->lock);
        (void)pthread_join(packer->thread, NULL); /* fails for no thread only */
        (void)pthread_cond_destroy(&packer->changed);
        (void)pthread_mutex_destroy(&packer->lock);
    }
    free(packer);
}
