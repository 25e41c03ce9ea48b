/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the line share: a small job, simulated boards with files in a
 * temporary folder, and a look at what they hold in the end. */
#ifndef TESTS_TEST_LINE_UTIL_H
#define TESTS_TEST_LINE_UTIL_H

#include "src/line/line.h"

#include "tests/test_mfg_util.h"

#include <espmfg/efuse.h>
#include <espmfg/nvs.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SHOP_SLOTS = 4,
    SHOP_BOARDS = 16, /* a slot */
    SHOP_PATH = 400,
    APP_ADDR = 0x10000,
    APP_LEN = 6000,
    NVS_ADDR = 0x9000,
    NVS_LEN = 0x3000,
    KEY_BLOCK = 4, /* BLOCK_KEY0 of the ESP32-C3 */
    FUSE_BLOCKS = 11,
    FUSE_BITS = 256,
};

/* A shop floor. */
struct shop {
    char dir[64];
    char config[SHOP_PATH], values[SHOP_PATH], keys[SHOP_PATH];
    uint8_t app[APP_LEN];
    struct line_image image;
    struct line_step steps[4];
    struct line_job job;
    struct line_slot slots[SHOP_SLOTS];
    struct line_station station;
    struct em_ledger *ledger;
    struct em_units *plain; /* the same units without encryption */
    char boards[SHOP_SLOTS][SHOP_BOARDS][512];
    size_t board_count[SHOP_SLOTS], board_next[SHOP_SLOTS];
    struct line_options options;
    volatile sig_atomic_t stop;
    /* of the last run */
    enum line_end end;
    struct line_totals totals;
    struct em_error err;
    uint64_t events;
    uint64_t act_at; /* at this event … */
    void (*act)(struct shop *shop, const struct line_event *event);
    enum line_verdict verdicts[SHOP_SLOTS];
    struct em_error faults[SHOP_SLOTS];
    char causes[SHOP_SLOTS][64];
    char notes[8192];
    bool loud;
};

static inline void shop_write(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(data, 1, len, file), len);
    CU_ASSERT_EQUAL(fclose(file), 0);
}

/* The file's content; the caller's. NULL: there is none. */
static inline uint8_t *shop_read(const char *path, size_t *len_out)
{
    struct stat st;
    *len_out = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &st) != 0) {
        if (file != NULL)
            (void)fclose(file);
        return NULL;
    }
    uint8_t *data = malloc((size_t)st.st_size + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    *len_out = fread(data, 1, (size_t)st.st_size, file);
    data[*len_out] = 0;
    (void)fclose(file);
    return data;
}

/* ---- Feed and view ---- */

static inline enum em_status shop_arrived(void *user, size_t slot, uint32_t wait_ms,
                                          char *url, size_t size, bool *ended,
                                          struct em_error *err)
{
    struct shop *shop = user;
    (void)wait_ms;
    (void)err;
    *ended = shop->board_next[slot] == shop->board_count[slot];
    url[0] = '\0';
    if (!*ended)
        (void)snprintf(url, size, "%s", shop->boards[slot][shop->board_next[slot]++]);
    return EM_OK;
}

static inline enum em_status shop_removed(void *user, size_t slot, uint32_t wait_ms,
                                          bool *gone, struct em_error *err)
{
    (void)user;
    (void)slot;
    (void)wait_ms;
    (void)err;
    *gone = true;
    return EM_OK;
}

static inline void shop_event(void *user, const struct line_event *event)
{
    struct shop *shop = user;
    if (event->kind == LINE_EVENT_NOTE && event->level <= EM_LOG_WARNING) {
        size_t len = strlen(shop->notes);
        (void)snprintf(shop->notes + len, sizeof shop->notes - len, "%s\n",
                       event->note->what);
    }
    if (event->kind == LINE_EVENT_VERDICT && event->slot->slot < SHOP_SLOTS) {
        shop->verdicts[event->slot->slot] = event->slot->verdict;
        shop->faults[event->slot->slot] = event->slot->error;
        (void)snprintf(shop->causes[event->slot->slot], 64, "%s", event->slot->cause);
    }
    if (shop->loud)
        printf("  %llu kind %d stage %s step %s %s: %s %s\n",
               (unsigned long long)shop->events, (int)event->kind,
               event->slot == NULL ? "-" : line_stage_name(event->slot->stage),
               event->step == NULL ? "" : event->step,
               event->outcome == NULL ? "" : event->outcome,
               event->detail == NULL ? "" : event->detail,
               event->note == NULL ? "" : event->note->what);
    shop->events++;
    if (shop->act != NULL && shop->events == shop->act_at)
        shop->act(shop, event);
}

/* ---- Set up ---- */

static inline const char *shop_unit_name(void *user, uint64_t unit)
{
    struct shop *shop = user;
    static char name[EM_LEDGER_NAME];
    struct em_unit_data *data = NULL;
    CU_ASSERT_EQUAL(em_units_take(shop->plain, unit, &data, NULL), EM_OK);
    (void)snprintf(name, sizeof name, "%s", em_unit_name(data));
    em_unit_close(data);
    return name;
}

static inline void shop_log(void *user, enum em_log_level level, const char *device,
                            const struct em_error *msg)
{
    (void)user;
    (void)device;
    if (level <= EM_LOG_WARNING)
        printf("\n  %s\n", msg->what);
}

static inline void shop_units(struct shop *shop, uint64_t count)
{
    const struct em_hooks none = {.log = shop_log};
    static const char config[] = "factory,namespace,\n"
                                 "serial,data,string\nnumber,data,u32\n";
    char line[128];
    (void)snprintf(shop->config, sizeof shop->config, "%s/config.csv", shop->dir);
    (void)snprintf(shop->values, sizeof shop->values, "%s/values.csv", shop->dir);
    (void)snprintf(shop->keys, sizeof shop->keys, "%s/keys", shop->dir);
    shop_write(shop->config, config, strlen(config));
    FILE *file = fopen(shop->values, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    (void)fputs("serial,number,mac\n", file);
    for (uint64_t i = 1; i <= count; i++) {
        (void)snprintf(line, sizeof line, "SN-%05llu,%llu,1a:00:00:00:%02x:%02x\n",
                       (unsigned long long)i, (unsigned long long)i * 7,
                       (unsigned)(i >> 8 & 0xFF), (unsigned)(i & 0xFF));
        (void)fputs(line, file);
    }
    CU_ASSERT_EQUAL(fclose(file), 0);
    struct em_units_options options = EM_UNITS_OPTIONS_INIT;
    options.config = shop->config;
    options.values = shop->values;
    options.prefix = "EX";
    options.id_column = "serial";
    options.size = NVS_LEN;
    EM_CHECK_STATUS(em_units_open(&shop->plain, &options, &none, &shop->err), EM_OK,
                    &shop->err);
    options.encryption = EM_UNITS_HMAC;
    options.keys_dir = shop->keys;
    EM_CHECK_STATUS(em_units_open(&shop->job.source, &options, &none, &shop->err), EM_OK,
                    &shop->err);
}

static inline void shop_job(struct shop *shop)
{
    static char name[] = "EX", chip[] = "esp32c3", app[] = "app.bin", block[] = "auto",
                purpose[] = "HMAC_UP", file[] = "job.yaml";
    for (size_t i = 0; i < APP_LEN; i++)
        shop->app[i] = (uint8_t)(i * i + i / 256);
    shop->image = (struct line_image){
        .file = app, .addr = APP_ADDR, .data = shop->app, .len = APP_LEN};
    shop->steps[0] = (struct line_step){
        .kind = LINE_STEP_KEY, .block = block, .purpose = purpose, .line = 10};
    shop->job.file = file;
    shop->job.name = name;
    shop->job.chip = chip;
    shop->job.images = &shop->image;
    shop->job.image_count = 1;
    shop->job.nvs_addr = NVS_ADDR;
    shop->job.nvs_limit = NVS_ADDR + NVS_LEN;
    shop->job.steps = shop->steps;
    shop->job.step_count = 1;
    shop->job.attempts = 3;
}

/* A line with @p slots slots and @p units units; no boards yet, and no ledger. */
static inline struct shop *shop_new(size_t slots, uint64_t units)
{
    static char names[SHOP_SLOTS][4] = {"A1", "A2", "A3", "A4"};
    static char station[] = "bench";
    struct shop *shop = calloc(1, sizeof *shop);
    CU_ASSERT_PTR_NOT_NULL_FATAL(shop);
    (void)snprintf(shop->dir, sizeof shop->dir, "/tmp/test_line.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(shop->dir));
    shop_units(shop, units);
    shop_job(shop);
    for (size_t i = 0; i < slots; i++)
        shop->slots[i].name = names[i];
    shop->station =
        (struct line_station){.name = station, .slots = shop->slots, .slot_count = slots};
    shop->options = (struct line_options){
        .job = &shop->job,
        .station = &shop->station,
        .feed = {shop_arrived, shop_removed, shop},
        .view = {shop_event, shop},
        .stop = &shop->stop,
        .version = "test",
    };
    return shop;
}

static inline void shop_free(struct shop *shop)
{
    em_units_close(shop->plain);
    em_units_close(shop->job.source);
    remove_folder(shop->dir);
    free(shop);
}

static inline void shop_file(char out[SHOP_PATH], const struct shop *shop, unsigned board,
                             const char *ending)
{
    (void)snprintf(out, SHOP_PATH, "%s/b%u.%s", shop->dir, board, ending);
}

/* Board number @p board comes to @p slot next; @p more options of the simulator, or "".
 */
static inline void shop_board(struct shop *shop, size_t slot, unsigned board,
                              const char *more)
{
    size_t at = shop->board_count[slot]++;
    char dir[sizeof shop->dir];
    memcpy(dir, shop->dir, sizeof dir);
    CU_ASSERT_FATAL(at < SHOP_BOARDS);
    (void)snprintf(shop->boards[slot][at], sizeof shop->boards[slot][at],
                   "sim:esp32c3?flash=%s/b%u.flash&efuse=%s/b%u.efuse&journal=%s/"
                   "b%u.journal&flash-size=1MB&mac=60:55:f9:00:00:%02x%s",
                   dir, board, dir, board, dir, board, board, more);
}

/* All boards that came may come again: what a new run of the program finds. */
static inline void shop_restart(struct shop *shop)
{
    memset(shop->board_next, 0, sizeof shop->board_next);
    memset(shop->verdicts, 0, sizeof shop->verdicts);
    shop->stop = 0;
    shop->act = NULL;
    shop->events = 0;
    shop->notes[0] = '\0';
}

static inline enum em_status shop_run(struct shop *shop)
{
    shop->options.ledger = shop->ledger;
    shop->events = 0;
    return line_run(&shop->options, &shop->end, &shop->totals, &shop->err);
}

/* ---- What a board holds ---- */

/* Bits that were burned, from the journal; *twice: how many more than once. */
static inline void shop_journal(const struct shop *shop, unsigned board,
                                uint8_t out[FUSE_BLOCKS][FUSE_BITS / 8], unsigned *twice)
{
    char path[SHOP_PATH];
    size_t len;
    memset(out, 0, FUSE_BLOCKS * FUSE_BITS / 8);
    *twice = 0;
    shop_file(path, shop, board, "journal");
    uint8_t *text = shop_read(path, &len);
    for (char *line = (char *)text; line != NULL && *line != '\0';) {
        unsigned block, bit;
        char *next = strchr(line, '\n');
        if (sscanf(line, "block %u bit %u", &block, &bit) == 2 && block < FUSE_BLOCKS &&
            bit < FUSE_BITS) {
            uint8_t mask = (uint8_t)(1u << bit % 8);
            *twice += (out[block][bit / 8] & mask) != 0;
            out[block][bit / 8] |= mask;
        }
        line = next == NULL ? NULL : next + 1;
    }
    free(text);
}

static inline bool shop_key(struct shop *shop, struct em_unit_data *unit,
                            struct em_key *out)
{
    char path[SHOP_PATH];
    size_t len;
    int n = snprintf(path, sizeof path, "%s/hmac-keys-%s.bin", shop->keys,
                     em_unit_name(unit));
    require(n > 0 && (size_t)n < sizeof path);
    uint8_t *data = shop_read(path, &len);
    *out = (struct em_key){.len = len};
    bool found = data != NULL && len == 32;
    if (found)
        memcpy(out->bytes, data, len);
    free(data);
    return found;
}

/* Decrypt what the board has with @p hmac, and compare it with the row of @p number. */
static inline void shop_check_nvs(struct shop *shop, const uint8_t *nvs, uint64_t number,
                                  const struct em_key *hmac)
{
    struct em_key xts = {0};
    const struct em_key none = {0};
    struct em_nvs_crypt *crypt = NULL;
    struct em_unit_data *unit = NULL;
    const uint8_t *wanted;
    size_t len;
    static uint8_t got[NVS_LEN];
    memcpy(got, nvs, NVS_LEN);
    EM_CHECK_STATUS(em_nvs_key_derive(&xts, hmac, &shop->err), EM_OK, &shop->err);
    EM_CHECK_STATUS(em_nvs_crypt_new(&crypt, &shop->err), EM_OK, &shop->err);
    EM_CHECK_STATUS(em_nvs_crypt_key(crypt, &xts, &shop->err), EM_OK, &shop->err);
    EM_CHECK_STATUS(em_nvs_decrypt(crypt, got, NVS_LEN, &shop->err), EM_OK, &shop->err);
    EM_CHECK_STATUS(em_units_take(shop->plain, number, &unit, &shop->err), EM_OK,
                    &shop->err);
    EM_CHECK_STATUS(em_unit_image(unit, &none, &wanted, &len, &shop->err), EM_OK,
                    &shop->err);
    CU_ASSERT_EQUAL(len, NVS_LEN);
    EM_CHECK_BYTES(got, wanted, len);
    em_unit_close(unit);
    em_nvs_crypt_free(crypt);
}

/* Board @p board has unit @p number, all of it, and nothing else was burned. */
static inline void shop_check(struct shop *shop, unsigned board, uint64_t number)
{
    char path[SHOP_PATH];
    size_t len;
    struct em_unit_data *unit = NULL;
    struct em_key key;
    uint8_t bits[FUSE_BLOCKS][FUSE_BITS / 8];
    static const uint8_t zeros[FUSE_BITS / 8];
    unsigned twice;
    EM_CHECK_STATUS(em_units_take(shop->job.source, number, &unit, &shop->err), EM_OK,
                    &shop->err);
    CU_ASSERT_TRUE(shop_key(shop, unit, &key));
    em_unit_close(unit);
    shop_file(path, shop, board, "flash");
    uint8_t *flash = shop_read(path, &len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(flash);
    CU_ASSERT_EQUAL_FATAL(len, 1024 * 1024);
    EM_CHECK_BYTES(flash + APP_ADDR, shop->app, APP_LEN);
    shop_check_nvs(shop, flash + NVS_ADDR, number, &key);
    free(flash);
    shop_journal(shop, board, bits, &twice);
    CU_ASSERT_EQUAL(twice, 0);
    EM_CHECK_BYTES(bits[KEY_BLOCK], key.bytes, key.len);
    for (unsigned b = 1; b < FUSE_BLOCKS; b++) {
        if (b != KEY_BLOCK)
            EM_CHECK_BYTES(bits[b], zeros, sizeof zeros);
    }
    /* RD_DIS of the block (bit 32), its purpose HMAC_UP = 8 (bits 88 to 91), and the
     * write protections of both (bits 23 and 8): ESP32-C3 technical reference
     * manual, 4.3. */
    static const unsigned meant[] = {8, 23, 32, 91};
    uint8_t block0[FUSE_BITS / 8] = {0};
    for (size_t i = 0; i < sizeof meant / sizeof meant[0]; i++)
        block0[meant[i] / 8] |= (uint8_t)(1u << meant[i] % 8);
    EM_CHECK_BYTES(bits[0], block0, sizeof block0);
}

#endif
