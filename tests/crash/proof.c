/* SPDX-License-Identifier: Apache-2.0 */
/* What has to hold when a batch is done: ledger, flash, fuses and keys belong together.
 */
#include "config.h"

#include "flasher/chip/chip_int.h"
#include "flasher/efuse/model_int.h"

#include "tests/crash/crash.h"

#include <espmfg/key.h>
#include <espmfg/ledger.h>
#include <espmfg/nvs_reader.h>

#include <stdarg.h>

enum {
    KEY_BLOCK = 4, /* BLOCK_KEY0; design: ESP32-C3 TRM 1.3, table 4.3-1 */
    MAC_BLOCK = 1,
    KEY_BITS = 256,
    VALUES = 3,
};

/* What the plan burns of BLOCK0: KEY_PURPOSE_0 = 8 (HMAC_UP), WR_DIS of KEY_PURPOSE_0
 * and BLOCK_KEY0, RD_DIS of BLOCK_KEY0. The same table, as bits from the block's start.
 */
static const unsigned planned_bits[] = {91, 8, 23, 32};
enum { PLANNED_BITS = sizeof planned_bits / sizeof planned_bits[0] };

void violation(struct batch *batch, const char *format, ...)
{
    va_list ap;
    batch->tally->violations++;
    printf("VIOLATION: batch %u: ", batch->number);
    va_start(ap, format);
    (void)vprintf(format, ap);
    va_end(ap);
    putchar('\n');
}

static void must(enum em_status status, const struct em_error *err)
{
    if (status == EM_OK)
        return;
    printf("the harness itself fails: %s\n", err->what);
    exit(2);
}

/* ---- Fuses ---- */

/* Each bit that the host set: once, and as planned. */
static void prove_journal(struct batch *batch, unsigned idx)
{
    char path[32], line[64];
    bool key[KEY_BITS] = {false};
    unsigned planned[PLANNED_BITS] = {0};
    struct board *board = &batch->boards[idx];
    bool seen_check[1024] = {false};
    (void)snprintf(path, sizeof path, "%s.journal", board->port);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        unsigned block, bit, known = PLANNED_BITS;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "block %u bit %u", &block, &bit) == 2) {
            bool *burned = block == KEY_BLOCK && bit < KEY_BITS ? &key[bit] : NULL;
            for (unsigned i = 0; block == 0 && i < PLANNED_BITS; i++)
                known = bit == planned_bits[i] ? i : known;
            bool of_key = burned != NULL && (board->key[bit / 8] >> bit % 8 & 1) != 0;
            if (!of_key && known == PLANNED_BITS)
                violation(batch, "board %u: burned outside the plan: %s", idx, line);
            else if (of_key ? *burned : planned[known] > 0)
                violation(batch, "board %u: burned twice: %s", idx, line);
            if (of_key)
                *burned = true;
            if (known < PLANNED_BITS)
                planned[known]++;
        } else if (sscanf(line, "block %u check bit %u", &block, &bit) == 2 &&
                   block == KEY_BLOCK && bit < 1024 && !seen_check[bit]) {
            seen_check[bit] = true;
        } else {
            violation(batch, "board %u: burned outside the plan: %s", idx, line);
        }
    }
    if (file != NULL)
        (void)fclose(file); /* only read */
    for (unsigned i = 0; i < KEY_BITS; i++)
        if (key[i] != ((board->key[i / 8] >> i % 8 & 1) != 0))
            violation(batch, "board %u: bit %u of its key is not in the journal", idx, i);
    for (unsigned i = 0; i < PLANNED_BITS; i++)
        if (planned[i] != 1)
            violation(batch, "board %u: bit %u of BLOCK0 is not in the journal", idx,
                      planned_bits[i]);
}

static void read_fuses(struct batch *batch, unsigned idx)
{
    char path[32];
    size_t len;
    struct em_error err;
    struct em_efuse_model *model = NULL;
    struct board *board = &batch->boards[idx];
    (void)snprintf(path, sizeof path, "%s.efuse", board->port);
    uint8_t *data = read_file(path, &len);
    must(em_efuse_model_new(&model, em_chip_find("esp32c3"), &err), &err);
    must(em_efuse_model_load(model, data, len, &err), &err);
    free(data);
    uint32_t low = em_efuse_model_word(model, MAC_BLOCK, 0);
    uint32_t high = em_efuse_model_word(model, MAC_BLOCK, 1);
    (void)snprintf(board->mac, sizeof board->mac, "%02x:%02x:%02x:%02x:%02x:%02x",
                   (unsigned)(high >> 8 & 0xff), (unsigned)(high & 0xff),
                   (unsigned)(low >> 24), (unsigned)(low >> 16 & 0xff),
                   (unsigned)(low >> 8 & 0xff), (unsigned)(low & 0xff));
    for (unsigned i = 0; i < sizeof board->key; i++)
        board->key[i] =
            (uint8_t)(em_efuse_model_word(model, KEY_BLOCK, i / 4) >> i % 4 * 8);
    for (unsigned i = 0; i < PLANNED_BITS; i++) {
        unsigned bit = planned_bits[i];
        if ((em_efuse_model_word(model, 0, bit / 32) >> bit % 32 & 1) == 0)
            violation(batch, "board %u: bit %u of BLOCK0 is not burned", idx, bit);
    }
    em_efuse_model_free(model);
    prove_journal(batch, idx);
}

/* ---- Flash ---- */

static void on_finding(void *user, const struct em_nvs_finding *finding)
{
    violation(user, "NVS of a board: %s", finding->what);
}

static void prove_value(struct batch *batch, const struct em_nvs_reader *reader,
                        unsigned idx, const char *key, const void *data, size_t len)
{
    struct em_nvs_value value;
    if (!em_nvs_reader_find(reader, "unit", key, &value) ||
        !em_nvs_reader_equal(reader, &value, data, len))
        violation(batch, "board %u: value '%s' is not that of its unit", idx, key);
}

static void prove_values(struct batch *batch, unsigned idx, unsigned unit,
                         const uint8_t *nvs)
{
    struct em_error err;
    struct em_nvs_reader *reader = NULL;
    char serial[32];
    uint8_t blob[BLOB_LEN];
    uint32_t number = unit * 1000003;
    const uint8_t bytes[4] = {(uint8_t)number, (uint8_t)(number >> 8),
                              (uint8_t)(number >> 16), (uint8_t)(number >> 24)};
    world_serial(serial, batch, unit);
    world_blob(blob, batch, unit);
    must(em_nvs_reader_new(&reader, &err), &err);
    must(em_nvs_reader_load(reader, nvs, NVS_LEN, on_finding, batch, &err), &err);
    if (em_nvs_reader_counts(reader).values != VALUES)
        violation(batch, "board %u: %zu values in its NVS", idx,
                  em_nvs_reader_counts(reader).values);
    prove_value(batch, reader, idx, "serial", serial, strlen(serial) + 1);
    prove_value(batch, reader, idx, "number", bytes, sizeof bytes);
    prove_value(batch, reader, idx, "blob", blob, sizeof blob);
    em_nvs_reader_free(reader);
}

/* The device derives its NVS keys of the key in its fuses; so is done here. */
static void decrypt(const struct board *board, uint8_t *nvs)
{
    struct em_error err;
    struct em_key hmac = {.len = sizeof board->key}, key;
    struct em_nvs_crypt *crypt = NULL;
    memcpy(hmac.bytes, board->key, sizeof board->key);
    must(em_nvs_key_derive(&key, &hmac, &err), &err);
    must(em_nvs_crypt_new(&crypt, &err), &err);
    must(em_nvs_crypt_key(crypt, &key, &err), &err);
    must(em_nvs_decrypt(crypt, nvs, NVS_LEN, &err), &err);
    em_nvs_crypt_free(crypt);
    em_key_wipe(&key);
    em_key_wipe(&hmac);
}

static void prove_flash(struct batch *batch, unsigned idx, unsigned unit)
{
    static const struct {
        const char *file;
        size_t addr;
    } images[] = {{"bootloader.bin", 0}, {"app.bin", APP_ADDR}};
    char path[32];
    size_t len, image_len;
    (void)snprintf(path, sizeof path, "%s.flash", batch->boards[idx].port);
    uint8_t *flash = read_file(path, &len);
    for (size_t i = 0; i < 2; i++) {
        uint8_t *image = read_file(images[i].file, &image_len);
        if (images[i].addr + image_len > len ||
            memcmp(flash + images[i].addr, image, image_len) != 0)
            violation(batch, "board %u: flash differs from %s", idx, images[i].file);
        free(image);
    }
    if (NVS_ADDR + NVS_LEN <= len) {
        decrypt(&batch->boards[idx], flash + NVS_ADDR);
        prove_values(batch, idx, unit, flash + NVS_ADDR);
    }
    free(flash);
}

/* ---- Ledger ---- */

struct look {
    struct batch *batch;
    unsigned units;
    bool given[BOARDS_MAX]; /* boards that have a unit */
    unsigned done;          /* events of boards that became done */
    struct happened *events;
    char **recorded; /* as told */
    size_t count, room;
};

static void prove_key(struct batch *batch, unsigned idx,
                      const struct em_ledger_unit *unit)
{
    struct em_error err;
    struct em_key key = {.len = 32};
    char fingerprint[EM_KEY_FINGERPRINT_SIZE], path[64], serial[32];
    size_t len;
    memcpy(key.bytes, batch->boards[idx].key, 32);
    must(em_key_fingerprint(&key, fingerprint, &err), &err);
    if (strcmp(fingerprint, unit->key) != 0)
        violation(batch, "unit %s: another key is burned than recorded", unit->name);
    for (unsigned i = 0; i < idx; i++)
        if (memcmp(batch->boards[i].key, key.bytes, 32) == 0)
            violation(batch, "boards %u and %u have one key", i, idx);
    world_serial(serial, batch, (unsigned)unit->unit);
    (void)snprintf(path, sizeof path, "keys/hmac-keys-CR-%s.bin", serial);
    uint8_t *file = size_of(path) >= 0 ? read_file(path, &len) : NULL;
    if (file == NULL || len != 32 || memcmp(file, key.bytes, 32) != 0)
        violation(batch, "unit %s: another key is burned than in %s", unit->name, path);
    free(file);
}

static bool on_unit(void *user, const struct em_ledger_unit *unit)
{
    struct look *look = user;
    struct batch *batch = look->batch;
    char mac[MAC_TEXT];
    unsigned idx = 0;
    (void)snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", unit->mac[0],
                   unit->mac[1], unit->mac[2], unit->mac[3], unit->mac[4], unit->mac[5]);
    while (idx < batch->board_count && strcmp(batch->boards[idx].mac, mac) != 0)
        idx++;
    look->units++;
    if (unit->state != EM_LEDGER_DONE || !unit->has_mac)
        violation(batch, "unit %s is %s", unit->name, em_ledger_state_name(unit->state));
    if (idx == batch->board_count || look->given[idx]) {
        violation(batch, "unit %s: its board %s %s", unit->name, mac,
                  idx == batch->board_count ? "is none of ours" : "has another unit");
        return true;
    }
    look->given[idx] = true;
    prove_key(batch, idx, unit);
    prove_flash(batch, idx, (unsigned)unit->unit);
    return true;
}

static enum hit stage_after(const struct em_ledger_entry *entry)
{
    switch (entry->state) {
    case EM_LEDGER_FLASHED:
        return HIT_FLASHED;
    case EM_LEDGER_BURNING:
        return HIT_BURNING;
    case EM_LEDGER_BURNED:
        return HIT_BURNED;
    default:
        return HIT_CLAIMED;
    }
}

/* What was in a journal first says so behind its detail. */
static void cut_mark(struct batch *batch, char *detail)
{
    char *mark = strstr(detail, "[kept ");
    if (mark == NULL)
        return;
    batch->tally->kept++;
    if (mark > detail && mark[-1] == ' ')
        mark--;
    *mark = '\0';
}

static bool on_event(void *user, const struct em_ledger_entry *entry)
{
    struct look *look = user;
    char text[1400], detail[EM_LEDGER_TEXT];
    if (look->count == look->room) {
        look->room = look->room * 2 + 1024;
        look->events = realloc(look->events, look->room * sizeof *look->events);
        look->recorded = realloc(look->recorded, look->room * sizeof *look->recorded);
        require(look->events != NULL && look->recorded != NULL, "realloc");
    }
    if (entry->number != look->count + 1)
        violation(look->batch, "event %llu is number %zu",
                  (unsigned long long)entry->number, look->count + 1);
    struct happened *event = &look->events[look->count];
    (void)snprintf(event->time, STAMP, "%s", entry->time);
    (void)snprintf(event->mac, MAC_TEXT, "%s", entry->mac);
    event->done = entry->state == EM_LEDGER_DONE;
    event->at_work = !event->done && !entry->failed;
    event->after = stage_after(entry);
    (void)snprintf(detail, sizeof detail, "%s", entry->detail);
    cut_mark(look->batch, detail);
    look->done += strcmp(entry->step, "done") == 0 && event->done;
    (void)snprintf(text, sizeof text, "%s|%s|%s|%s", entry->mac, entry->step,
                   entry->outcome, strcmp(entry->outcome, "failed") == 0 ? "*" : detail);
    look->recorded[look->count] = strdup(text);
    require(look->recorded[look->count] != NULL, "strdup");
    look->count++;
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Everything that was told stands in the ledger, as often. */
static void prove_told(struct look *look)
{
    struct batch *batch = look->batch;
    qsort(batch->told, batch->told_count, sizeof *batch->told, by_text);
    qsort(look->recorded, look->count, sizeof *look->recorded, by_text);
    size_t k = 0;
    for (size_t i = 0; i < batch->told_count; i++) {
        while (k < look->count && strcmp(look->recorded[k], batch->told[i]) < 0)
            k++;
        if (k == look->count || strcmp(look->recorded[k], batch->told[i]) != 0)
            violation(batch, "told, but not in the ledger: %s", batch->told[i]);
        else
            k++;
    }
}

static void on_log(void *user, enum em_log_level level, const char *device,
                   const struct em_error *msg)
{
    (void)level, (void)device;
    violation(user, "ledger check: %s", msg->what);
}

/* What was kept was sent. */
static void prove_journals(struct batch *batch)
{
    for (unsigned i = 0; i < batch->station_count; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "CRASH-%u-crash%u.journal", batch->number, i);
        if (size_of(path) > 0)
            violation(batch, "%s is not empty", path);
    }
}

void prove(struct batch *batch)
{
    char url[PATH_LEN];
    struct look look = {.batch = batch};
    struct em_ledger *ledger = NULL;
    struct em_error err;
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    const struct em_hooks hooks = {.log = on_log, .user = batch};
    unsigned long faults = 1;
    server_ledger(url, batch, -1);
    options.url = url;
    for (unsigned i = 0; i < batch->board_count; i++)
        read_fuses(batch, i);
    must(em_ledger_open(&ledger, &options, &err), &err);
    must(em_ledger_check(ledger, &hooks, &faults, &err), &err);
    must(em_ledger_units(ledger, on_unit, &look, &err), &err);
    must(em_ledger_events(ledger, 0, on_event, &look, &err), &err);
    em_ledger_close(ledger);
    if (faults > 0 || look.units != batch->board_count)
        violation(batch, "%lu faults in a ledger of %u units", faults, look.units);
    if (look.done != batch->board_count)
        violation(batch, "%u events of boards that became done", look.done);
    prove_journals(batch);
    count_hits(batch, look.events, look.count);
    prove_told(&look);
    batch->tally->units += look.units;
    batch->tally->events += look.count;
    batch->tally->told += batch->told_count;
    for (size_t i = 0; i < look.count; i++)
        free(look.recorded[i]);
    free(look.recorded);
    free(look.events);
}
