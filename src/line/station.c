/* SPDX-License-Identifier: Apache-2.0 */
/* A station: where boards come to, and who is told. */
#include "config.h"

#include "src/line/job_int.h"

#include "flasher/rom/link_int.h"
#include "src/line/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 460800 is what all common USB bridges can do. */
enum { BAUD = 460800, BAUD_MAX = 20000000, HOOK_TIMEOUT_MS = 10000, NAME_LEN = 64 };

static const char *const befores[] = {"default-reset", "usb-reset", "no-reset",
                                      "no-reset-no-sync", NULL};

/* ---- Slots ---- */

/* Names stand in file names, tables and labels. */
static enum em_status check_name(const struct line_key *key, const char *name,
                                 struct em_error *err)
{
    if (strlen(name) <= NAME_LEN && strchr(name, '/') == NULL && name[0] != '.')
        return EM_OK;
    return line_key_fault(key, EM_ERR_INPUT, err, "short, without /, as 'A1'",
                          "%s: '%.80s' is not good for a name", key->key, name);
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static enum em_status check_others(const struct line_station *station, size_t idx,
                                   struct em_error *err)
{
    const struct line_slot *slot = &station->slots[idx];
    struct line_key key = {station->yaml, "slots", idx, "name"};
    for (size_t i = 0; i < idx; i++) {
        const struct line_slot *other = &station->slots[i];
        const char *text = slot->name;
        if (!same(slot->name, other->name)) {
            bool port = same(slot->port, other->port);
            if (!port && !same(slot->topology, other->topology))
                continue;
            key.key = port ? "port" : "topology";
            text = port ? slot->port : slot->topology;
        }
        return line_key_fault(&key, EM_ERR_INPUT, err, "each slot has its own",
                              "%s: slots '%s' and '%s' both have '%.128s'", key.key,
                              other->name, slot->name, text);
    }
    return EM_OK;
}

static enum em_status take_slot(struct line_station *station,
                                const struct station_y_slot *y, size_t idx,
                                struct em_error *err)
{
    struct line_slot *slot = &station->slots[idx];
    struct line_key key = {station->yaml, "slots", idx, "name"};
    *slot = (struct line_slot){y->name, y->port, y->topology, station->baud};
    enum em_status status = check_name(&key, y->name, err);
    key.key = "baud";
    if (status == EM_OK)
        status = line_take_number(&slot->baud, &key, y->baud, 1, BAUD_MAX, err);
    key.key = "";
    if (status == EM_OK && (y->port == NULL) == (y->topology == NULL))
        return line_key_fault(&key, EM_ERR_INPUT, err,
                              "mfg_flash ports lists both for what is plugged in",
                              "slot '%s' needs %s", y->name,
                              y->port == NULL ? "a port or a topology"
                                              : "either port or topology, not both");
    return status == EM_OK ? check_others(station, idx, err) : status;
}

/* ---- Hooks ---- */

static enum em_status take_event(const struct line_key *key, const char *text,
                                 struct em_error *err)
{
    size_t unused;
    return strcmp(text, "*") == 0
               ? EM_OK
               : line_take_choice(&unused, key, text, line_event_names, err);
}

static enum em_status take_hook(struct line_station *station,
                                const struct station_y_hook *y, size_t idx,
                                struct em_error *err)
{
    static const char *const policies[] = {"ignore", "fail", "stop", NULL};
    struct line_hook *hook = &station->hooks[idx];
    struct line_key key = {station->yaml, "hooks", idx, "on"};
    size_t policy = LINE_HOOK_IGNORE;
    *hook = (struct line_hook){.event = y->on, .timeout_ms = HOOK_TIMEOUT_MS};
    enum em_status status = take_event(&key, y->on, err);
    key.key = "within";
    if (status == EM_OK)
        status = line_take_ms(&hook->timeout_ms, &key, y->within, err);
    key.key = "on_failure";
    if (status == EM_OK)
        status = line_take_choice(&policy, &key, y->on_failure, policies, err);
    if (status != EM_OK)
        return status;
    hook->policy = (enum line_hook_policy)policy; /* in this order */
    hook->argv = calloc((size_t)y->run_count + 1, sizeof *hook->argv);
    if (hook->argv == NULL)
        return em_error_nomem(err);
    memcpy(hook->argv, y->run, y->run_count * sizeof *hook->argv);
    /* A program of the station's folder; without '/' it is looked for in the PATH. */
    if (strchr(y->run[0], '/') != NULL)
        hook->argv[0] = line_yaml_path(station->yaml, y->run[0]);
    return hook->argv[0] == NULL ? em_error_nomem(err) : EM_OK;
}

/* ---- All of it ---- */

static enum em_status take_lists(struct line_station *station, const struct station_y *y,
                                 struct em_error *err)
{
    enum em_status status = EM_OK;
    station->slots = calloc((size_t)y->slot_count + 1, sizeof *station->slots);
    station->hooks = calloc((size_t)y->hook_count + 1, sizeof *station->hooks);
    if (station->slots == NULL || station->hooks == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; i < y->slot_count && status == EM_OK; i++, station->slot_count++)
        status = take_slot(station, &y->slots[i], i, err);
    for (size_t i = 0; i < y->hook_count && status == EM_OK; i++) {
        station->hook_count++;
        status = take_hook(station, &y->hooks[i], i, err);
    }
    return status;
}

static enum em_status take_reset(struct line_station *station, const struct station_y *y,
                                 struct em_error *err)
{
    struct em_rom_reset steps;
    size_t unused;
    const struct line_key key = {station->yaml, "", LINE_NO_IDX, "before"};
    enum em_status status = line_take_choice(&unused, &key, y->before, befores, err);
    if (status != EM_OK)
        return status;
    station->before = y->before;
    if (y->reset == NULL)
        return EM_OK;
    station->reset_sequence = y->reset;
    if (em_rom_reset_parse(&steps, y->reset, err) != EM_OK)
        return line_yaml_at(station->yaml, "reset", EM_ERR_INPUT, err);
    return EM_OK;
}

static enum em_status take_unseal(struct line_station *station, const struct station_y *y,
                                  struct em_error *err)
{
    const struct line_key key = {station->yaml, "", LINE_NO_IDX,
                                 "unseal_passphrase_file"};
    if (y->unseal_passphrase_file != NULL && y->unseal_key == NULL)
        return line_key_fault(&key, EM_ERR_INPUT, err, "name the private key as well",
                              "a passphrase, but no unseal_key");
    if (y->unseal_key != NULL &&
        (station->unseal_key = line_yaml_path(station->yaml, y->unseal_key)) == NULL)
        return em_error_nomem(err);
    if (y->unseal_passphrase_file != NULL &&
        (station->unseal_passphrase_file =
             line_yaml_path(station->yaml, y->unseal_passphrase_file)) == NULL)
        return em_error_nomem(err);
    return EM_OK;
}

static enum em_status take(struct line_station *station, const struct station_y *y,
                           struct em_error *err)
{
    struct line_key key = {station->yaml, "", LINE_NO_IDX, "baud"};
    enum em_status status =
        line_take_number(&station->baud, &key, y->baud, 1, BAUD_MAX, err);
    key.key = "name";
    if (status == EM_OK && y->name != NULL) {
        status = check_name(&key, y->name, err);
        free(station->name);
        station->name = strdup(y->name);
        if (station->name == NULL)
            return em_error_nomem(err);
    }
    if (status == EM_OK)
        status = take_reset(station, y, err);
    if (status == EM_OK)
        status = take_unseal(station, y, err);
    return status == EM_OK ? take_lists(station, y, err) : status;
}

enum em_status line_station_open(struct line_station *out, const char *path,
                                 struct em_error *err)
{
    char host[256] = "";
    struct em_error unused;
    void *data;
    err = err == NULL ? &unused : err;
    *out = (struct line_station){.baud = BAUD};
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
        (void)snprintf(host, sizeof host, "station");
    out->name = strdup(host);
    enum em_status status = out->name == NULL ? em_error_nomem(err) : EM_OK;
    if (status == EM_OK && path != NULL)
        status = line_yaml_open(&out->yaml, &data, path, &line_station_schema, err);
    if (status == EM_OK && path != NULL) {
        out->file = line_yaml_text(out->yaml, "%s", path);
        status = out->file == NULL ? em_error_nomem(err) : take(out, data, err);
    }
    if (status != EM_OK)
        line_station_free(out);
    return status;
}

void line_station_free(struct line_station *station)
{
    for (size_t i = 0; i < station->hook_count; i++)
        free(station->hooks[i].argv);
    free(station->hooks);
    free(station->slots);
    free(station->name);
    line_yaml_free(station->yaml);
    *station = (struct line_station){0};
}
