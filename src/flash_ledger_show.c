/* SPDX-License-Identifier: Apache-2.0 */
/* mfg_flash ledger show, list: units and their events, for people. */
#include "config.h"

#include "src/flash_ledger.h"
#include "src/flash_session.h"

#include <inttypes.h>

void ledger_mac(char out[18], const struct em_ledger_unit *unit)
{
    out[0] = '\0';
    if (unit->has_mac)
        flash_mac_text(out, unit->mac, sizeof unit->mac);
}

static json_t *text_or_null(const char *text)
{
    return text[0] == '\0' ? json_null() : flash_json_text(text);
}

static json_t *number_or_null(uint64_t number)
{
    return number == 0 ? json_null() : json_integer((json_int_t)number);
}

json_t *ledger_unit_json(const struct em_ledger_unit *unit)
{
    char mac[18];
    json_t *json = json_object();
    ledger_mac(mac, unit);
    (void)json_object_set_new(json, "unit", json_integer((json_int_t)unit->unit));
    (void)json_object_set_new(json, "name", flash_json_text(unit->name));
    (void)json_object_set_new(json, "state",
                              json_string(em_ledger_state_name(unit->state)));
    (void)json_object_set_new(json, "mac", text_or_null(mac));
    (void)json_object_set_new(json, "claim", number_or_null(unit->claim));
    (void)json_object_set_new(json, "serial", number_or_null(unit->serial));
    (void)json_object_set_new(json, "stopped", json_boolean(unit->stopped));
    (void)json_object_set_new(json, "failures", json_integer(unit->failures));
    (void)json_object_set_new(json, "failure", text_or_null(unit->failure));
    (void)json_object_set_new(json, "key", text_or_null(unit->key));
    (void)json_object_set_new(json, "key_destroyed", json_boolean(unit->key_destroyed));
    (void)json_object_set_new(json, "changed", text_or_null(unit->changed));
    (void)json_object_set_new(json, "station", text_or_null(unit->station));
    (void)json_object_set_new(json, "slot", text_or_null(unit->slot));
    return json;
}

json_t *ledger_event_json(const struct em_ledger_entry *entry)
{
    json_t *json = json_object();
    (void)json_object_set_new(json, "number", json_integer((json_int_t)entry->number));
    (void)json_object_set_new(json, "time", flash_json_text(entry->time));
    (void)json_object_set_new(json, "station", text_or_null(entry->station));
    (void)json_object_set_new(json, "slot", text_or_null(entry->slot));
    (void)json_object_set_new(json, "port", text_or_null(entry->port));
    (void)json_object_set_new(json, "mac", text_or_null(entry->mac));
    (void)json_object_set_new(json, "unit", number_or_null(entry->unit));
    (void)json_object_set_new(json, "name", text_or_null(entry->unit_name));
    (void)json_object_set_new(json, "claim", number_or_null(entry->claim));
    (void)json_object_set_new(json, "state",
                              json_string(em_ledger_state_name(entry->state)));
    (void)json_object_set_new(json, "step", text_or_null(entry->step));
    (void)json_object_set_new(json, "outcome", text_or_null(entry->outcome));
    (void)json_object_set_new(json, "failed", json_boolean(entry->failed));
    (void)json_object_set_new(json, "detail", text_or_null(entry->detail));
    (void)json_object_set_new(json, "duration_us", json_integer(entry->duration_us));
    (void)json_object_set_new(json, "retries", json_integer(entry->retries));
    (void)json_object_set_new(json, "version", text_or_null(entry->version));
    return json;
}

/* ---- show ---- */

struct shown {
    struct flash *flash;
    json_t *array;
    const struct ledger_args *args;
    uint64_t count;
};

static bool show_event(void *user, const struct em_ledger_entry *entry)
{
    struct shown *shown = user;
    if (shown->flash->term.json) {
        (void)json_array_append_new(shown->array, ledger_event_json(entry));
        return true;
    }
    flash_print(shown->flash, "  %7" PRIu64 "  %s  %-17s  %s/%s  %s %s%s%s",
                entry->number, entry->time, entry->mac,
                entry->station[0] == '\0' ? "-" : entry->station,
                entry->slot[0] == '\0' ? "-" : entry->slot, entry->step, entry->outcome,
                entry->detail[0] == '\0' ? "" : ": ", entry->detail);
    return true;
}

static void print_unit(struct flash *flash, const struct em_ledger_unit *unit)
{
    char mac[18];
    ledger_mac(mac, unit);
    flash_print(flash, "Unit %" PRIu64 " (%s): %s%s", unit->unit, unit->name,
                em_ledger_state_name(unit->state), unit->stopped ? ", stopped" : "");
    if (unit->has_mac)
        flash_print(flash, "  Board     %s, the unit's board number %" PRIu64, mac,
                    unit->serial);
    if (unit->key[0] != '\0')
        flash_print(flash, "  Key       %s%s", unit->key,
                    unit->key_destroyed ? ", its files were destroyed" : "");
    if (unit->failures > 0)
        flash_print(flash, "  Failures  %u, the last: %s", (unsigned)unit->failures,
                    unit->failure);
    if (unit->changed[0] != '\0')
        flash_print(flash, "  Seen      %s, station %s, slot %s", unit->changed,
                    unit->station[0] == '\0' ? "-" : unit->station,
                    unit->slot[0] == '\0' ? "-" : unit->slot);
}

static int show(struct flash *flash, int argc, char **argv)
{
    struct ledger_args args;
    struct em_ledger *ledger = NULL;
    struct em_ledger_unit unit;
    int exit_status = ledger_parse(flash, &args, argc, argv);
    if (exit_status >= 0)
        return exit_status;
    struct shown shown = {.flash = flash, .array = json_array()};
    enum em_status status = ledger_open(flash, &args, true, &ledger);
    if (status == EM_OK)
        status = em_ledger_find(ledger, args.words[0], &unit, &flash->err);
    if (status == EM_OK) {
        print_unit(flash, &unit);
        flash_print(flash, "Events of the unit:");
        flash_json(flash, "unit", ledger_unit_json(&unit));
        status = em_ledger_events(ledger, unit.unit, show_event, &shown, &flash->err);
    }
    if (status == EM_OK)
        flash_json(flash, "events", shown.array);
    else
        json_decref(shown.array);
    em_ledger_close(ledger);
    return flash_end(flash, status);
}

static const struct cli_option show_options[] = {
    LEDGER_OPTION,
    {NULL, NULL, NULL, NULL, 0},
};

const struct flash_command ledger_show = {
    .cli = {.name = "ledger show",
            .summary = "Tell all that is known of a unit or a board",
            .positionals = "UNIT|MAC",
            .about = "  UNIT|MAC  name of a unit, its number (7, or #7 when units have "
                     "such names),\n            or MAC of a board\n",
            .options = show_options,
            .common = flash_options,
            .examples = "  mfg_flash ledger show EX1-0007\n"
                        "  mfg_flash ledger show 7c:df:a1:00:00:01 --json\n"},
    .run = show,
};

/* ---- list ---- */

static bool list_unit(void *user, const struct em_ledger_unit *unit)
{
    struct shown *shown = user;
    char mac[18];
    if ((shown->args->state >= 0 && (int)unit->state != shown->args->state) ||
        (shown->args->stopped && !unit->stopped))
        return true;
    shown->count++;
    if (shown->flash->term.json) {
        (void)json_array_append_new(shown->array, ledger_unit_json(unit));
        return true;
    }
    ledger_mac(mac, unit);
    flash_print(shown->flash, "%7" PRIu64 "  %-20s  %-8s  %-17s  %-24s  %s%s", unit->unit,
                unit->name, em_ledger_state_name(unit->state), mac[0] == '\0' ? "-" : mac,
                unit->changed[0] == '\0' ? "-" : unit->changed,
                unit->stopped ? "stopped: " : "", unit->failure);
    return true;
}

static int list(struct flash *flash, int argc, char **argv)
{
    struct ledger_args args;
    struct em_ledger *ledger = NULL;
    int exit_status = ledger_parse(flash, &args, argc, argv);
    if (exit_status >= 0)
        return exit_status;
    struct shown shown = {.flash = flash, .array = json_array(), .args = &args};
    enum em_status status = ledger_open(flash, &args, true, &ledger);
    if (status == EM_OK)
        status = em_ledger_units(ledger, list_unit, &shown, &flash->err);
    if (status == EM_OK && shown.count == 0)
        flash_print(flash, "There is no such unit.");
    if (status == EM_OK)
        flash_json(flash, "units", shown.array);
    else
        json_decref(shown.array);
    em_ledger_close(ledger);
    return flash_end(flash, status);
}

static const struct cli_option list_options[] = {
    LEDGER_OPTION,
    {"state", NULL, "STATE",
     "only these: free, claimed, flashed, burning, burned or done", LEDGER_OPT_STATE},
    {"stopped", NULL, NULL, "only those that failed too often", LEDGER_OPT_STOPPED},
    {NULL, NULL, NULL, NULL, 0},
};

const struct flash_command ledger_list = {
    .cli = {.name = "ledger list",
            .summary =
                "List units: number, name, state, board, last change, last failure",
            .positionals = "",
            .options = list_options,
            .common = flash_options,
            .examples = "  mfg_flash ledger list --stopped\n"
                        "  mfg_flash ledger list --state burning --json\n"},
    .run = list,
};
