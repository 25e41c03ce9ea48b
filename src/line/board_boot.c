/* SPDX-License-Identifier: Apache-2.0 */
/* A board's last stages: does it start, and the record that it is done. */
#include "config.h"

#include "src/line/run.h"

#include "base/error_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEARD_MAX = 16384, /* of what the chip says, the end of it */
    SHOWN_MAX = 120,   /* of it in a message */
    USUAL_BOOT_BAUD = 115200,
};

/* What the chip has said so far. */
struct heard {
    const regex_t *wanted;
    char text[HEARD_MAX + 1];
    size_t len;
    bool cut; /* it does not begin with a line any more */
    bool found;
};

/* A line that has not ended may go on: $ is not yet its end, until there is @p no_more.
 */
static bool matches(const struct heard *heard, bool no_more)
{
    int flags = (heard->cut ? REG_NOTBOL : 0) | (no_more ? 0 : REG_NOTEOL);
    return regexec(heard->wanted, heard->text, 0, NULL, flags) == 0;
}

static bool on_heard(void *user, const uint8_t *data, size_t len)
{
    struct heard *heard = user;
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '\r') /* lines end in \r\n, and $ stands before the \n */
            continue;
        if (heard->len == HEARD_MAX) { /* forget the older half */
            memmove(heard->text, heard->text + HEARD_MAX / 2, HEARD_MAX / 2);
            heard->len = HEARD_MAX / 2;
            heard->cut = true;
        }
        heard->text[heard->len++] = data[i] == '\0' ? ' ' : (char)data[i];
    }
    heard->text[heard->len] = '\0';
    heard->found = matches(heard, false);
    return heard->found;
}

/* The last line that has anything on it, made fit for a message. */
static void last_line(const struct heard *heard, char out[SHOWN_MAX + 1])
{
    size_t end = heard->len;
    while (end > 0 && (unsigned char)heard->text[end - 1] <= ' ')
        end--;
    size_t from = end, len = 0;
    while (from > 0 && heard->text[from - 1] != '\n' && end - from < SHOWN_MAX)
        from--;
    for (; from < end; from++) {
        unsigned char c = (unsigned char)heard->text[from];
        out[len++] = c >= ' ' && c < 0x7F ? (char)c : '?';
    }
    out[len] = '\0';
}

static const char *hint_for(const struct line_worker *w, const struct heard *heard)
{
    if (strncmp(w->board.url, "sim:", 4) == 0)
        return "simulated boards run no firmware: sim:CHIP?app-output=TEXT has what they "
               "say";
    return heard->len == 0 ? "is the console on this port, at this rate?"
                           : "connect a terminal and see what it says";
}

static enum em_status listen(struct line_worker *w, const struct line_listen *wanted,
                             struct heard *heard, struct em_error *err)
{
    char last[SHOWN_MAX + 1];
    uint32_t baud = wanted->baud == 0 ? (uint32_t)USUAL_BOOT_BAUD : wanted->baud;
    heard->wanted = wanted->regex;
    enum em_status status =
        em_device_listen(w->board.device, baud, on_heard, heard, wanted->timeout_ms, err);
    if (status != EM_OK && status != EM_ERR_LINK)
        return status;
    if (heard->found || matches(heard, true))
        return line_record(w, "ok", NULL, EM_LEDGER_FREE, err);
    last_line(heard, last);
    return em_error_set(err, EM_ERR_VERIFY, hint_for(w, heard),
                        "%s: '%s' did not come within %u ms; last: '%s'", w->board.step,
                        wanted->text, (unsigned)wanted->timeout_ms, last);
}

enum em_status line_board_listen(struct line_worker *w, const struct line_listen *wanted,
                                 struct em_error *err)
{
    struct heard *heard = calloc(1, sizeof *heard);
    if (heard == NULL)
        return em_error_nomem(err);
    /* A chip that has closed itself cannot be asked any more. */
    enum em_status status =
        w->board.cut_off ? EM_OK : em_device_check_same(w->board.device, err);
    if (status == EM_OK)
        status = listen(w, wanted, heard, err);
    free(heard);
    return status;
}

enum em_status line_stage_boot(struct line_worker *w, struct em_error *err)
{
    const struct line_job *job = w->run->options->job;
    const struct line_listen wanted = {job->boot_text, &job->boot_regex,
                                       job->boot_timeout_ms, job->boot_baud};
    return line_board_listen(w, &wanted, err);
}

/* The program in flash is started, as after flashing by hand. The board is done whether
 * or not that works. */
static void start_program(struct line_worker *w)
{
    struct em_error err;
    if (w->run->options->job->boot_check || w->board.device == NULL)
        return; /* it runs */
    if (em_device_reset(w->board.device, EM_AFTER_HARD_RESET, &err) != EM_OK)
        line_tell_note(w->run, w, EM_LOG_NOTE, &err);
}

enum em_status line_stage_finish(struct line_worker *w, struct em_error *err)
{
    struct line_board *board = &w->board;
    /* Hooks that may fail the board are asked while it can still fail. Killed before the
     * next line they are asked again when the board comes again. */
    w->now.verdict = LINE_PASS;
    enum em_status status = line_tell_hooks(w, LINE_EVENT_VERDICT, err);
    w->now.verdict = LINE_NO_VERDICT;
    if (status == EM_OK)
        status = line_record(w, "ok", NULL, EM_LEDGER_DONE, err);
    if (status != EM_OK)
        return status;
    board->verdict = LINE_PASS; /* whatever comes now */
    status = line_board_destroy_key(w->run, &board->ledger, board->unit, err);
    if (status == EM_ERR_REFUSED)
        line_tell_note(w->run, w, EM_LOG_WARNING, err);
    start_program(w);
    return EM_OK;
}
