/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash line: boards become finished, recorded units, many at once. */
#include "config.h"

#include "src/flash_line.h"
#include "src/flash_session.h"

#include "base/error_int.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

enum {
    OPT_STATION,
    OPT_PORTS,
    OPT_ALL,
    OPT_WATCH,
    OPT_COUNT,
    OPT_ROUNDS,
    OPT_LEDGER,
    OPT_CHECK,
    OPT_APPROVE,
    OPT_SIMULATE,
    OPT_BOARDS,
    OPT_HTTP,
    OPT_HTTP_TOKEN,
};

static const struct cli_option options[] = {
    {"station", NULL, "FILE", "slots, rates and hooks of this PC: mfg_station(5)",
     OPT_STATION},
    {"ports", NULL, "PORTS", "instead of a station file: ports, with ',' between them",
     OPT_PORTS},
    {"all", NULL, NULL, "instead: all serial ports there are (see --port-filter)",
     OPT_ALL},
    {"watch", NULL, NULL, "take each board that is plugged in, until it is unplugged",
     OPT_WATCH},
    {"count", NULL, "N", "end after N boards that passed", OPT_COUNT},
    {"ledger", NULL, "FILE|URL", "who got what (default: as the job says)", OPT_LEDGER},
    {"check", NULL, NULL,
     "check job and station, print every value and the plan of eFuses with its hash; "
     "touch nothing",
     OPT_CHECK},
    {"approve", NULL, "HASH", "burn eFuses as the plan with this hash says", OPT_APPROVE},
    {"simulate", NULL, NULL,
     "the rehearsal: all of the job on simulated boards, with a ledger and keys that are "
     "thrown away",
     OPT_SIMULATE},
    {"boards", NULL, "FOLDER",
     "keep flash and eFuses of simulated boards here, and all of a rehearsal",
     OPT_BOARDS},
    {"http", NULL, "ADDRESS:PORT",
     "show the line to browsers, at 127.0.0.1:8080 for example; they can only look",
     OPT_HTTP},
    {"http-token-file", NULL, "FILE",
     "browsers need the token that stands in FILE; not optional but for loopback "
     "addresses",
     OPT_HTTP_TOKEN},
    {"rounds", NULL, "N", "simulated boards of each slot (default: no end)", OPT_ROUNDS},
    {NULL, NULL, NULL, NULL, 0},
};

static const char *on_option(void *user, int id, char *const *values)
{
    struct flash_line *line = user;
    switch (id) {
    case OPT_STATION:
        line->station_file = values[0];
        break;
    case OPT_PORTS:
        line->ports = values[0];
        break;
    case OPT_ALL:
        line->all = true;
        break;
    case OPT_WATCH:
        line->watch = true;
        break;
    case OPT_COUNT:
        if (!cli_number(&line->count, values[0], INT64_MAX) || line->count == 0)
            return "a number from 1 on";
        break;
    case OPT_ROUNDS:
        if (!cli_number(&line->rounds, values[0], UINT32_MAX) || line->rounds == 0)
            return "a number from 1 on";
        break;
    case OPT_LEDGER:
        line->ledger_path = values[0];
        break;
    case OPT_CHECK:
        line->check = true;
        break;
    case OPT_APPROVE:
        line->approve = values[0];
        break;
    case OPT_SIMULATE:
        line->simulate = true;
        break;
    case OPT_HTTP:
        line->http = values[0];
        break;
    case OPT_HTTP_TOKEN:
        line->http_token_file = values[0];
        break;
    default:
        line->folder = values[0];
    }
    return NULL;
}

/* What contradicts itself on the command line; NULL: nothing. */
static const char *contradiction(const struct flash_line *line)
{
    int feeds = (line->boards != NULL) + (line->ports != NULL) + line->all;
    bool sim = line->boards != NULL || line->simulate;
    if (line->boards != NULL && strncmp(line->boards, "sim:", 4) != 0)
        return "BOARDS is sim:CHIP*SLOTS; real ports are named by --station or --ports";
    if (feeds > 1)
        return "only one of --ports, --all and BOARDS tells where boards come from";
    if (line->simulate && (line->ports != NULL || line->all))
        return "--simulate touches no ports: leave --ports and --all out";
    if (line->simulate && line->ledger_path != NULL)
        return "--simulate has a ledger of its own: leave --ledger out";
    if (line->folder != NULL && !sim)
        return "--boards is for simulated boards";
    if (line->rounds > 0 && !sim)
        return "--rounds is for simulated boards";
    if (line->http_token_file != NULL && line->http == NULL)
        return "--http-token-file is for --http";
    if (line->watch && sim)
        return "simulated boards come by themselves: leave --watch out";
    return NULL;
}

static enum em_status no_boards(const struct flash_line *line, struct em_error *err)
{
    if (line->sim_feed != NULL || line->watch || line->ports != NULL ||
        line_ports_present(&line->station) > 0)
        return EM_OK;
    return em_error_set(
        err, EM_ERR_PORT, "plug boards in, or add --watch to wait for them",
        "there is no board at any of %zu slots", line->station.slot_count);
}

/* Keys of units that are sealed have to be there again when this program was killed. */
static enum em_status unseal(struct flash_line *line, struct em_error *err)
{
    const struct line_station *station = &line->station;
    const struct em_unseal_options key = {station->unseal_key,
                                          station->unseal_passphrase_file, -1};
    if (line->simulate && !line->check)
        return EM_OK; /* keys of a rehearsal are on no board */
    if (key.key != NULL)
        return em_units_unseal(line->job.source, &key, err);
    if (em_units_sealed_to(line->job.source) == NULL || line->check)
        return EM_OK;
    return em_error_set(err, EM_ERR_INPUT,
                        "name the private key of one of the certificates with unseal_key "
                        "in the station file",
                        "the job seals the units' keys, and this station could not open "
                        "them again after a power cut");
}

static enum em_status do_line(struct flash_line *line, struct em_error *err)
{
    struct em_hooks hooks = term_hooks(&line->flash->term);
    enum em_status status = line_job_open(&line->job, line->job_file, &hooks, err);
    if (status == EM_OK && line->ledger_path != NULL)
        line->job.ledger = (char *)(uintptr_t)line->ledger_path; /* is only read */
    if (status == EM_OK && line->simulate && !line->check)
        status = flash_line_rehearse(line, err);
    if (status == EM_OK)
        status = flash_line_feed(line, err);
    if (status == EM_OK)
        status = unseal(line, err);
    if (status == EM_OK && line->check)
        return line_check_print(line->flash, &line->job, &line->station, err);
    if (status == EM_OK)
        status = no_boards(line, err);
    if (status == EM_OK)
        status = flash_line_http(line, err);
    if (status == EM_OK)
        status = flash_line_ledger(line, err);
    return status == EM_OK ? flash_line_run(line, err) : status;
}

/* 3: stopped. What was found (1) is that boards failed. */
static int line_exit(enum em_status status)
{
    return status == EM_ERR_STOPPED ? 3 : flash_exit(status);
}

/* How it ended, beside what the object of every command has. */
static void tell_end(struct flash_line *line)
{
    static const char *const results[] = {
        [LINE_END_GOOD] = "good",
        [LINE_END_FAILED] = "failed",
        [LINE_END_STOPPED] = "stopped",
    };
    struct flash *flash = line->flash;
    char ledger[EM_LEDGER_NAME];
    if (line->check)
        return;
    flash_json(flash, "event", json_string("end"));
    flash_json(flash, "batch", flash_json_text(line->job.name));
    flash_json(flash, "chip", flash_json_text(line->job.chip));
    flash_json(flash, "station", flash_json_text(line->station.name));
    if (line->job.ledger != NULL) /* of a job that could not be read there is none */
        em_ledger_url_show(ledger, sizeof ledger, line->job.ledger);
    flash_json(flash, "ledger",
               line->job.ledger == NULL ? json_null() : flash_json_text(ledger));
    flash_json(flash, "result",
               line->ran ? json_string(results[line->end]) : json_null());
    flash_json(flash, "totals",
               line->ran ? line_totals_json(&line->totals) : json_null());
    flash->term.compact = true;
}

static int run(struct flash *flash, int argc, char **argv)
{
    struct flash_line line = {.flash = flash};
    const char *args[CLI_POSITIONALS_MAX];
    int exit_status = flash_parse(flash, argc, argv, args, on_option, &line);
    if (exit_status >= 0)
        return exit_status;
    line.job_file = args[0];
    line.boards = args[1];
    const char *fault = contradiction(&line);
    if (fault != NULL)
        return cli_fault(flash_program, flash->command, "%s", fault);
    flash->term.exit_status = line_exit;
    enum em_status status = do_line(&line, &flash->err);
    line_http_view_free(line.http_view);
    em_ledger_close(line.ledger);
    tell_end(&line);
    flash_line_feed_free(&line);
    line_station_free(&line.station);
    flash_line_rehearse_end(&line);
    line_job_free(&line.job);
    return flash_end(flash, status);
}

const struct flash_command flash_line = {
    .cli = {.name = "line",
            .summary = "Make the units of a job, one at each board, many at once",
            .positionals = "JOB [BOARDS]",
            .about =
                "  JOB     what each board becomes: mfg_job(5)\n"
                "  BOARDS  sim:CHIP*SLOTS or sim:CHIP?OPTIONS*SLOTS for simulated ones\n"
                "Which board got which unit, and what was done to it, is kept in the "
                "ledger:\na line that was stopped, or lost its power, goes on where it "
                "was.\nCtrl-C ends after the present step of each board, a second one at "
                "once,\nbut never while eFuses are burned.\n"
                "Exit status: 0 all passed, 1 some failed, 2 faults, 3 stopped.\n",
            .options = options,
            .common = flash_options,
            .examples =
                "  mfg_flash line job.yaml --check\n"
                "  mfg_flash line job.yaml --simulate\n"
                "  mfg_flash line job.yaml --station station.yaml --watch\n"
                "  mfg_flash line job.yaml --ports /dev/ttyUSB0,/dev/ttyUSB1 --approve "
                "HASH\n"
                "  mfg_flash line job.yaml 'sim:esp32c3*4' --boards boards --rounds 3 "
                "--json\n"},
    .run = run,
};
