/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of mfg_flash line share. */
#ifndef SRC_FLASH_LINE_H
#define SRC_FLASH_LINE_H

#include "src/flash.h"
#include "src/line/line.h"
#include "src/line/view.h"

/** One run of the command. Texts are those of the command line. */
struct flash_line {
    struct flash *flash;
    const char *job_file;
    const char *boards; /* "sim:CHIP*SLOTS", or NULL */
    const char *station_file, *ports, *approve, *folder, *ledger_path;
    const char *http, *http_token_file;
    bool all, watch, check, simulate;
    unsigned long long count, rounds;

    struct line_job job;
    struct line_station station;
    struct line_feed feed;
    struct line_ports_feed *ports_feed;
    struct line_sim_feed *sim_feed;
    struct em_port *port_list; /* of --all */
    char *port_names;          /* a copy of --ports, cut into pieces */
    char spec[64];             /* of --simulate */
    char (*slot_names)[16];
    struct em_ledger *ledger;

    char *rehearsal;             /* folder of --simulate, or NULL */
    bool rehearsal_is_ours;      /* … to be removed again */
    char *own_ledger, *own_keys; /* in it */

    struct line_http_view *http_view;
    struct line_view http_events;

    enum line_end end;
    struct line_totals totals;
    bool ran;
};

/** Station and feed, as the command line says (flash_line_feed.c). */
enum em_status flash_line_feed(struct flash_line *line, struct em_error *err);
void flash_line_feed_free(struct flash_line *line);

/** Put ledger and keys of the job into a folder of the rehearsal (flash_line_try.c). */
enum em_status flash_line_rehearse(struct flash_line *line, struct em_error *err);
void flash_line_rehearse_end(struct flash_line *line);

/** Open the ledger, or make it; nothing is burned but what was approved
 * (flash_line_ledger.c). */
enum em_status flash_line_ledger(struct flash_line *line, struct em_error *err);

/** Show it to browsers, if the command line says so (flash_line_run.c). */
enum em_status flash_line_http(struct flash_line *line, struct em_error *err);

/** Run the line and show it (flash_line_run.c). */
enum em_status flash_line_run(struct flash_line *line, struct em_error *err);

#endif
