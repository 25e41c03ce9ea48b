/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of a line: opened or begun, and which plan of eFuses was approved for it. */
#include "config.h"

#include "src/flash_line.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_APPROVE "approve"

/* ---- Approval ---- */

struct search {
    const char *plan;
    bool found;
};

static bool is_approval(void *user, const struct em_ledger_entry *entry)
{
    struct search *search = user;
    search->found = entry->step != NULL && strcmp(entry->step, STEP_APPROVE) == 0 &&
                    entry->detail != NULL && strcmp(entry->detail, search->plan) == 0;
    return !search->found; /* look on */
}

/* Show what is going to be burned, and read the word. */
static enum em_status ask(struct flash_line *line, struct em_error *err)
{
    char word[16] = "";
    struct flash *flash = line->flash;
    bool quiet = flash->term.quiet;
    flash->term.quiet = false; /* who is asked has to see what for */
    enum em_status status = line_check_print(flash, &line->job, &line->station, err);
    flash->term.quiet = quiet;
    if (status != EM_OK)
        return status;
    (void)fflush(stdout); /* told again at the end */
    (void)fprintf(stderr,
                  "All boards of batch '%s' get these eFuses. This cannot be undone.\n"
                  "Type BURN (in capitals) to approve plan %.12s for it: ",
                  line->job.name, line->job.plan);
    (void)fflush(stderr); /* a question that cannot be shown gets no answer */
    if (fgets(word, sizeof word, stdin) == NULL)
        (void)fputc('\n', stderr);
    if (strcmp(word, "BURN\n") == 0 || strcmp(word, "BURN") == 0)
        return EM_OK;
    return em_error_set(err, EM_ERR_REFUSED, "start it again when the plan is right",
                        "the plan was not approved: nothing was touched");
}

static enum em_status approve(struct flash_line *line, struct em_error *err)
{
    const struct line_job *job = &line->job;
    if (line->approve != NULL && strcmp(line->approve, job->plan) != 0)
        return em_error_set(err, EM_ERR_REFUSED,
                            "look at the plan with --check, and approve its hash",
                            "--approve %.12s is not the plan of this job, which is %.12s",
                            line->approve, job->plan);
    if (line->approve != NULL || job->step_count == 0 || line->simulate)
        return EM_OK;
    if (!line->flash->term.json && isatty(STDIN_FILENO) == 1 &&
        isatty(STDERR_FILENO) == 1)
        return ask(line, err);
    return em_error_set(err, EM_ERR_REFUSED,
                        "look at it with --check, then add --approve HASH with its hash",
                        "nobody has approved the plan of eFuses for batch '%s'",
                        job->name);
}

static enum em_status record_approval(struct flash_line *line, struct em_error *err)
{
    const struct em_ledger_event event = {
        .step = STEP_APPROVE,
        .outcome = line->approve != NULL ? "option" : "typed",
        .detail = line->job.plan,
    };
    return em_ledger_record(line->ledger, &event, EM_LEDGER_FREE, err);
}

/* ---- The ledger ---- */

static enum em_status begin(struct flash_line *line,
                            const struct em_ledger_options *options, struct em_error *err)
{
    const struct line_job *job = &line->job;
    char shown[EM_LEDGER_NAME];
    em_ledger_url_show(shown, sizeof shown, options->url);
    enum em_status status = line_ledger_begin(job, options, err);
    if (status == EM_OK)
        term_tell(&line->flash->term, EM_LOG_INFO, NULL,
                  "Began ledger %s for batch '%s' of %" PRIu64 " units", shown, job->name,
                  em_units_count(job->source));
    return status == EM_ERR_EXISTS ? EM_OK : status; /* another has begun it just now */
}

/* Is the ledger of this job? What differs is told, as far as it is known. */
static enum em_status compare(const struct flash_line *line, struct em_error *err)
{
    const struct line_job *job = &line->job;
    struct em_ledger_batch batch;
    char shown[EM_LEDGER_NAME];
    char what[160] = "images, tables or eFuse steps";
    em_ledger_batch(line->ledger, &batch);
    uint64_t units = em_units_count(job->source);
    if (strcmp(batch.name, job->name) != 0)
        (void)snprintf(what, sizeof what, "batch is '%.40s', was '%.40s'", job->name,
                       batch.name);
    else if (strcmp(batch.chip, job->chip) != 0)
        (void)snprintf(what, sizeof what, "chip is %.16s, was %.16s", job->chip,
                       batch.chip);
    else if (batch.units != units)
        (void)snprintf(what, sizeof what, "%" PRIu64 " units, were %" PRIu64, units,
                       batch.units);
    else if (strcmp(batch.job, job->digest) == 0)
        return EM_OK;
    em_ledger_url_show(shown, sizeof shown, job->ledger);
    return em_error_set(
        err, EM_ERR_REFUSED,
        "go on with the job as it was, or begin another batch with --ledger FILE",
        "job differs from the one that ledger '%s' was begun with on %.10s: %s", shown,
        batch.created, what);
}

/* The folder of the job: where its journal stands, if there is one. The caller's. */
static char *folder_of(const char *job_file)
{
    const char *slash = strrchr(job_file, '/');
    char *folder = strdup(slash == NULL ? "." : job_file);
    if (folder != NULL && slash != NULL)
        folder[slash == job_file ? 1 : slash - job_file] = '\0';
    return folder;
}

static enum em_status find_approval(struct flash_line *line, bool *found,
                                    struct em_error *err)
{
    struct search search = {.plan = line->job.plan};
    *found = line->job.step_count == 0;
    if (*found)
        return EM_OK;
    enum em_status status = em_ledger_events(line->ledger, 0, is_approval, &search, err);
    *found = search.found;
    return status;
}

/* Opened, and made before if it is not there; *approved: the plan was, for that. */
static enum em_status open_ledger(struct flash_line *line, bool *approved,
                                  struct em_error *err)
{
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    bool there = false;
    char *folder = folder_of(line->job_file);
    options.url = line->job.ledger;
    options.station = line->station.name;
    options.version = PACKAGE_VERSION;
    options.hooks = term_hooks(&line->flash->term);
    options.journal = folder;
    enum em_status status = folder == NULL ? em_error_nomem(err)
                                           : em_ledger_is_there(options.url, &there, err);
    if (status == EM_OK && (line->approve != NULL || !there)) {
        status = approve(line, err);
        *approved = status == EM_OK;
    }
    if (status == EM_OK && !there)
        status = begin(line, &options, err);
    if (status == EM_OK)
        status = em_ledger_open(&line->ledger, &options, err);
    free(folder);
    return status;
}

enum em_status flash_line_ledger(struct flash_line *line, struct em_error *err)
{
    bool approved = false; /* now, by this call */
    bool known = false;    /* and the ledger knows */
    enum em_status status = open_ledger(line, &approved, err);
    if (status == EM_OK)
        status = compare(line, err);
    if (status == EM_OK)
        status = find_approval(line, &known, err);
    if (status != EM_OK || known)
        return status;
    if (!approved)
        status = approve(line, err);
    return status == EM_OK ? record_approval(line, err) : status;
}
