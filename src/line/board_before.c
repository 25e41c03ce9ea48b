/* SPDX-License-Identifier: Apache-2.0 */
/* A board's stages before the job's own firmware: written, started and listened to, one
 * after the other, before anything that cannot be undone.
 *
 * Which of them a board has passed stands in the ledger's events. A line that was stopped
 * or killed begins again with the first that is not passed: that a test was passed is on
 * record before the next is written, and a long one is not done twice for a power cut. A
 * board that has failed begins with the first one, as somebody may have mended it. */
#include "config.h"

#include "src/line/run.h"

#include "base/error_int.h"

#include <stdlib.h>
#include <string.h>

/* Events of a unit, looked through for the stages that its board has passed. */
struct search {
    const struct line_job *job;
    uint64_t claim;
    size_t passed;
};

static bool on_entry(void *user, const struct em_ledger_entry *entry)
{
    struct search *search = user;
    if (entry->claim != search->claim)
        return true;
    if (entry->failed)
        search->passed = 0;
    else if (search->passed < search->job->before_count &&
             strcmp(entry->step, search->job->before[search->passed].boot_step) == 0 &&
             strcmp(entry->outcome, "ok") == 0)
        search->passed++;
    return true;
}

enum em_status line_before_first(struct line_worker *w, struct em_error *err)
{
    const struct line_job *job = w->run->options->job;
    struct line_board *board = &w->board;
    struct search search = {.job = job, .claim = board->ledger.claim};
    board->before = job->before_count;
    /* The job's own firmware is there: the tests were passed, or there were none. */
    if (job->before_count == 0 || board->ledger.state >= EM_LEDGER_FLASHED)
        return EM_OK;
    enum em_status status =
        line_ledger_said(w->run,
                         em_ledger_events(w->run->options->ledger, board->ledger.unit,
                                          on_entry, &search, err),
                         err);
    board->before = search.passed;
    return status;
}

/* Where the images of the present stage stand among those that all slots share. */
static size_t first_shared(const struct line_worker *w)
{
    const struct line_job *job = w->run->options->job;
    size_t first = job->image_count;
    for (size_t i = 0; i < w->board.before; i++)
        first += job->before[i].image_count;
    return first;
}

enum em_status line_before_flash(struct line_worker *w, struct em_error *err)
{
    const struct line_before *stage = &w->run->options->job->before[w->board.before];
    size_t shared = first_shared(w);
    /* Not a board that came to this cable in between. */
    enum em_status status = em_device_check_same(w->board.device, err);
    if (status != EM_OK)
        return status;
    struct em_flash_piece *pieces = calloc(stage->image_count + 1, sizeof *pieces);
    if (pieces == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < stage->image_count; i++) {
        const struct line_image *image = &stage->images[i];
        pieces[i] = (struct em_flash_piece){.name = image->file,
                                            .addr = image->addr,
                                            .data = image->data,
                                            .len = image->len,
                                            .encrypt = image->encrypt,
                                            .limit = image->limit,
                                            .shared = w->run->shared[shared + i]};
    }
    status = line_board_write(w, pieces, stage->image_count, EM_LEDGER_FREE, err);
    free(pieces);
    return status;
}

enum em_status line_before_boot(struct line_worker *w, struct em_error *err)
{
    const struct line_before *stage = &w->run->options->job->before[w->board.before];
    const struct line_listen wanted = {stage->boot_text, &stage->boot_regex,
                                       stage->boot_timeout_ms, stage->boot_baud};
    enum em_status status = line_board_listen(w, &wanted, err);
    /* The program runs: what comes next has to call the loader anew. */
    if (status == EM_OK)
        line_board_disconnect(&w->board);
    return status;
}
