/* SPDX-License-Identifier: Apache-2.0 */
/* What --check prints: every value of job and station with its origin, and the plan. */
#include "config.h"

#include "src/line/job_int.h"
#include "src/line/line.h"

#include "base/buf_int.h"
#include "src/efuse.h"
#include "src/flash.h"

#include <espmfg/efuse.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Where rows come from and go to. */
struct rows {
    struct flash *flash;
    const struct line_yaml *yaml; /* NULL: no file */
    const char *file;
    json_t *array;
};

static void row(const struct rows *rows, const char *place, const char *format, ...)
    EM_PRINTF(3, 4);

/* A key with its value, as it is in force, and the line it stands in. */
static void row(const struct rows *rows, const char *place, const char *format, ...)
{
    char value[512];
    char origin[320];
    unsigned long line = line_yaml_line(rows->yaml, place);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(value, sizeof value, format, args);
    va_end(args);
    const char *kind = line != 0 ? "file" : "default";
    if (rows->yaml == NULL && strchr(place, '[') != NULL)
        kind = "option"; /* slots of a station without a file */
    if (line != 0)
        (void)snprintf(origin, sizeof origin, "%s:%lu", rows->file, line);
    else
        (void)snprintf(origin, sizeof origin, "%s", kind);
    flash_print(rows->flash, "  %-22s %-34s %s", place, value, origin);
    (void)json_array_append_new(
        rows->array, json_pack("{s:s, s:o, s:s, s:I}", "key", place, "value",
                               flash_json_text(value), "origin", kind, "line",
                               (json_int_t)line)); /* out of memory: a row less */
}

static const char *or_dash(const char *text)
{
    return text == NULL ? "-" : text;
}

static const char *yes(bool value)
{
    return value ? "yes" : "no";
}

/* ---- The job ---- */

static void job_rows(const struct rows *rows, const struct line_job *job)
{
    char ledger[EM_LEDGER_NAME];
    row(rows, "batch", "%s", job->name);
    row(rows, "chip", "%s", job->chip);
    em_ledger_url_show(ledger, sizeof ledger, job->ledger);
    row(rows, "ledger", "%s", ledger);
    row(rows, "flash.size", "%s", job->flash_size == NULL ? "keep" : job->flash_size);
    row(rows, "flash.mode", "%s", job->flash_mode == NULL ? "keep" : job->flash_mode);
    row(rows, "flash.freq", "%s", job->flash_freq == NULL ? "keep" : job->flash_freq);
    row(rows, "flash.erase_all", "%s", yes(job->erase_all));
    row(rows, "partition_table", "%s", or_dash(job->partition_table));
    if (job->boot_check) {
        row(rows, "boot_check.expect", "%s", job->boot_text);
        row(rows, "boot_check.within", "%" PRIu32 "ms", job->boot_timeout_ms);
        row(rows, "boot_check.baud", "%" PRIu32, job->boot_baud);
    } else {
        row(rows, "boot_check", "none");
    }
    row(rows, "retry.attempts", "%" PRIu32, job->attempts);
    row(rows, "retry.stop_after", "%" PRIu32, job->stop_after);
    row(rows, "keys_after", "%s",
        job->keys_after == LINE_KEYS_DESTROY ? "destroy" : "keep");
    row(rows, "stub", "%s", or_dash(job->stub));
}

static void crypt_rows(const struct rows *rows, const struct line_job *job)
{
    const struct line_crypt *crypt = &job->crypt;
    if (!crypt->on)
        return;
    row(rows, "units.keys_at", "%s = 0x%" PRIx32, crypt->keys_place, crypt->keys_addr);
    row(rows, "flash_encryption.mode", "%s", crypt->release ? "release" : "development");
    row(rows, "flash_encryption.key", "%s",
        crypt->scheme == EM_FLASH_ESP32 ? "aes"
        : crypt->key_len == 64          ? "xts256"
                                        : "xts128");
    row(rows, "flash_encryption.firmware", "%s", crypt->firmware ? "yes" : "no");
}

static void unit_rows(const struct rows *rows, const struct line_job *job)
{
    static const char *const encryptions[] = {"none", "key", "hmac", "flash"};
    const struct em_units_options *units = &job->units;
    row(rows, "units.at", "%s = 0x%" PRIx32, job->nvs_place, job->nvs_addr);
    if (units->manifest != NULL) {
        row(rows, "units.manifest", "%s", units->manifest);
        row(rows, "units.folder", "%s", units->outdir);
        return;
    }
    row(rows, "units.config", "%s", units->config);
    row(rows, "units.values", "%s", units->values);
    row(rows, "units.prefix", "%s", or_dash(units->prefix));
    row(rows, "units.file_id", "%s",
        units->id_column == NULL ? "row number" : units->id_column);
    row(rows, "units.size", "0x%" PRIx64, units->size);
    row(rows, "units.version", "%d", units->version == EM_NVS_V1 ? 1 : 2);
    row(rows, "units.encryption", "%s", encryptions[units->encryption]);
    if (units->encryption == EM_UNITS_KEY)
        row(rows, "units.key_file", "%s", units->key_file);
    if (units->encryption >= EM_UNITS_HMAC)
        row(rows, "units.keys_dir", "%s", units->keys_dir);
    for (size_t i = 0; i < units->n_seal; i++) {
        char place[LINE_PLACE_SIZE];
        (void)snprintf(place, sizeof place, "units.seal[%zu]", i); /* fits */
        row(rows, place, "%s, SHA-256 %.16s", units->seal[i],
            em_units_sealed_to(job->source) + i * EM_KEY_FINGERPRINT_SIZE);
    }
    crypt_rows(rows, job);
}

static void before_rows(const struct rows *rows, const struct line_job *job)
{
    for (size_t i = 0; i < job->before_count; i++) {
        const struct line_before *stage = &job->before[i];
        char place[LINE_PLACE_SIZE];
        (void)snprintf(place, sizeof place, "before[%zu].name", i); /* all of them fit */
        row(rows, place, "%s", stage->name);
        for (size_t k = 0; k < stage->image_count; k++) {
            const struct line_image *image = &stage->images[k];
            (void)snprintf(place, sizeof place, "before[%zu].images[%zu]", i, k);
            row(rows, place, "0x%" PRIx32 ", %zu bytes, %s, SHA-256 %.16s%s", image->addr,
                image->len, image->file, image->sha256,
                image->encrypt ? ", encrypted" : "");
        }
        (void)snprintf(place, sizeof place, "before[%zu].boot_check.expect", i);
        row(rows, place, "%s", stage->boot_text);
        (void)snprintf(place, sizeof place, "before[%zu].boot_check.within", i);
        row(rows, place, "%" PRIu32 "ms", stage->boot_timeout_ms);
        (void)snprintf(place, sizeof place, "before[%zu].boot_check.baud", i);
        row(rows, place, "%" PRIu32, stage->boot_baud);
    }
}

static void print_images(struct flash *flash, const struct line_job *job)
{
    json_t *array = json_array();
    flash_print(flash, "Images:");
    for (size_t i = 0; i < job->image_count; i++) {
        const struct line_image *image = &job->images[i];
        flash_print(flash, "  0x%08" PRIx32 " %9zu bytes  %s%s  (%s:%lu)", image->addr,
                    image->len, image->file,
                    image->encrypt        ? ", encrypted"
                    : image->host_encrypt ? ", encrypted on the host"
                                          : "",
                    job->file, image->line);
        flash_print(flash, "             SHA-256 %s", image->sha256);
        (void)json_array_append_new(
            array,
            json_pack("{s:I, s:I, s:o, s:s, s:b, s:I}", "address",
                      (json_int_t)image->addr, "size", (json_int_t)image->len, "file",
                      flash_json_text(image->file), "sha256", image->sha256, "encrypt",
                      (int)image->encrypt, "line", (json_int_t)image->line));
    }
    flash_json(flash, "images", array);
    size_t size = em_units_image_size(job->source);
    flash_print(flash,
                "  0x%08" PRIx32 " %9zu bytes  NVS image of each of %" PRIu64 " units",
                job->nvs_addr, size, em_units_count(job->source));
    flash_print(flash, "             digest  %s", em_units_digest(job->source));
    flash_json(flash, "units",
               json_pack("{s:I, s:I, s:I, s:s}", "count",
                         (json_int_t)em_units_count(job->source), "address",
                         (json_int_t)job->nvs_addr, "size", (json_int_t)size, "digest",
                         em_units_digest(job->source)));
}

/* ---- The station ---- */

static void print_station(struct flash *flash, const struct line_station *station)
{
    static const char *const policies[] = {"ignore", "fail", "stop"};
    const struct rows rows = {flash, station->yaml, station->file, json_array()};
    char place[LINE_PLACE_SIZE];
    flash_print(flash, "Station:");
    row(&rows, "name", "%s", station->name);
    row(&rows, "baud", "%" PRIu32, station->baud);
    row(&rows, "reset", "%s", or_dash(station->reset_sequence));
    row(&rows, "before", "%s",
        station->before == NULL ? "default-reset" : station->before);
    if (station->unseal_key != NULL)
        row(&rows, "unseal_key", "%s", station->unseal_key);
    for (size_t i = 0; i < station->slot_count; i++) {
        const struct line_slot *slot = &station->slots[i];
        (void)snprintf(place, sizeof place, "slots[%zu]", i);
        const char *where = slot->port != NULL       ? slot->port
                            : slot->topology != NULL ? slot->topology
                                                     : "simulated";
        row(&rows, place, "%s: %s%s, %" PRIu32 " baud", slot->name,
            slot->port == NULL && slot->topology != NULL ? "topology " : "", where,
            slot->baud == 0 ? station->baud : slot->baud);
    }
    for (size_t i = 0; i < station->hook_count; i++) {
        const struct line_hook *hook = &station->hooks[i];
        (void)snprintf(place, sizeof place, "hooks[%zu]", i);
        row(&rows, place, "%s: %s, %" PRIu32 "ms, %s", hook->event, hook->argv[0],
            hook->timeout_ms, policies[hook->policy]);
    }
    flash_json(flash, "station", rows.array);
}

/* ---- eFuses ---- */

static void print_changes(struct flash *flash, const struct em_efuses_change *changes,
                          size_t count)
{
    flash_json(flash, "changes", efuse_changes(changes, count));
    flash_print(flash, count == 0 ? "eFuses: nothing is burned"
                                  : "eFuses of a blank chip, with example values where "
                                    "units differ; none of it can be undone:");
    for (size_t i = 0; i < count && !flash->term.quiet && !flash->term.json; i++)
        efuse_print_change(stdout, &changes[i]);
}

static enum em_status print_plan(struct flash *flash, const struct line_job *job,
                                 struct em_error *err)
{
    struct em_efuses *efuses = NULL;
    const struct em_efuses_change *changes = NULL;
    struct em_efuses_finding finding;
    size_t count = 0;
    if (job->step_count != 0) {
        enum em_status status = line_job_plan(&efuses, &changes, &count, job, err);
        if (status != EM_OK)
            return line_yaml_at(job->yaml, "efuses", status, err);
    }
    print_changes(flash, changes, count);
    for (size_t i = 0; efuses != NULL && em_efuses_finding(efuses, i, &finding); i++) {
        flash_print(flash, "  %s: %s: %s", finding.overridden ? "overridden" : "warning",
                    finding.subject, finding.reason);
        flash_print(flash, "    rule %s; %s", finding.id, finding.way_out);
    }
    flash_json(flash, "rules", efuses == NULL ? json_array() : efuse_findings(efuses));
    em_efuses_close(efuses);
    return EM_OK;
}

enum em_status line_check_print(struct flash *flash, const struct line_job *job,
                                const struct line_station *station, struct em_error *err)
{
    const struct rows rows = {flash, job->yaml, job->file, json_array()};
    flash_print(flash, "Job:");
    job_rows(&rows, job);
    unit_rows(&rows, job);
    before_rows(&rows, job);
    flash_json(flash, "job", rows.array);
    print_images(flash, job);
    if (station != NULL)
        print_station(flash, station);
    enum em_status status = print_plan(flash, job, err);
    if (status != EM_OK)
        return status;
    flash_print(flash, "Digest of the job: %s", job->digest);
    flash_print(flash, "Plan of the eFuses: %s", job->plan);
    flash_json(flash, "digest", json_string(job->digest));
    flash_json(flash, "plan", json_string(job->plan));
    return EM_OK;
}
