/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated chips whose power fails, and whose program is killed in a burn: what is left
 * in flash, fuses and journal, and how it goes on. */
#include "config.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/test_flasher_sim_trace_fuses_util.h"

/* ---- files ---- */

enum { FILE_LEN_MAX = 65536 };

struct content {
    char bytes[FILE_LEN_MAX];
    size_t len;
};

static void get(struct content *out, const char *dir, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    out->len = 0;
    if (file == NULL)
        return;
    out->len = fread(out->bytes, 1, sizeof out->bytes - 1, file);
    out->bytes[out->len] = '\0';
    (void)fclose(file);
}

static void put(const char *dir, const char *name, const char *bytes, size_t len)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, len, file), len);
    CU_ASSERT_EQUAL(fclose(file), 0);
}

static bool is_there(const char *dir, const char *name)
{
    char path[128];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &st) == 0;
}

static void clean(const char *dir)
{
    static const char *const names[] = {"e", "e.next", "j", "f"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path); /* not all of them are there */
    }
    CU_ASSERT_EQUAL(rmdir(dir), 0);
}

/* Lines of the journal; each one may be there once. */
static unsigned count_lines(const char *journal)
{
    unsigned lines = 0;
    for (const char *at = journal; *at != '\0'; lines++) {
        const char *end = strchr(at, '\n');
        CU_ASSERT_PTR_NOT_NULL_FATAL(end);
        for (const char *k = end + 1; *k != '\0'; k = strchr(k, '\n') + 1)
            CU_ASSERT(strncmp(k, at, (size_t)(end - at) + 1) != 0);
        at = end + 1;
    }
    return lines;
}

/* ---- power that fails by chance ---- */

/* Commands of a burn until one is not answered. */
static bool try_burn(void)
{
    uint32_t check[3], block = line.row->key_block, window = write_window(block);
    check_words(key, check);
    for (uint32_t i = 0; i < 11; i++)
        if (ASK(&line, 0x09, 0, window + 4 * i, i < 8 ? key[i] : check[i - 8], 0xFFFFFFFF,
                0) != 0)
            return false;
    return ASK(&line, 0x09, 0, line.row->conf, 0x5A5A, 0xFFFFFFFF, 0) == 0 &&
           ASK(&line, 0x09, 0, line.row->cmd, block << 2 | 2, 0xFFFFFFFF, 0) == 0;
}

/* EN goes low and high again; into the loader. */
static void reset_board(void)
{
    em_sim_set_lines(line.sim, 0, 1, line.now_us);
    line.now_us += 100000;
    em_sim_set_lines(line.sim, 1, 0, line.now_us);
    line.now_us += 100000;
    line_fill(&line);
    line.at = line.len = 0; /* what the ROM says */
}

/* However often the power fails: in the end the key is there, every bit was burned once,
 * and all of them are in the journal. */
static void test_burns_by_chance(void)
{
    unsigned cuts = 0;
    for (unsigned seed = 1; seed <= 20; seed++) {
        char dir[] = "/tmp/test_sim_XXXXXX", more[200];
        struct content journal;
        CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
        (void)snprintf(more, sizeof more,
                       "?efuse=%s/e&journal=%s/j&fault=power=0.1&seed=%u", dir, dir,
                       seed);
        line_open(&line, row_of("esp32c3"), more);
        for (int tries = 0; tries < 200 && !try_burn(); tries++) {
            CU_ASSERT_FALSE(em_sim_is_alive(line.sim));
            reset_board();
            CU_ASSERT_TRUE(em_sim_is_alive(line.sim));
            cuts++;
        }
        line_close(&line);
        (void)snprintf(more, sizeof more, "?efuse=%s/e", dir);
        line_open(&line, row_of("esp32c3"), more);
        CU_ASSERT_TRUE(has_key());
        CU_ASSERT_FALSE(has_errors());
        line_close(&line);
        uint32_t check[3];
        unsigned ones = ONES;
        check_words(key, check);
        for (unsigned i = 0; i < 96; i++)
            ones += check[i / 32] >> i % 32 & 1;
        get(&journal, dir, "j");
        CU_ASSERT_EQUAL(count_lines(journal.bytes), ones);
        clean(dir);
    }
    CU_ASSERT(cuts > 20); /* or nothing was tried */
}

/* The flash, too, is as it was left, and works again after a reset. */
static void test_flash_by_chance(void)
{
    uint8_t block[0x400] = {0};
    unsigned half = 0;
    for (unsigned seed = 1; seed <= 40; seed++) {
        char more[64];
        size_t size;
        bool done = false;
        (void)snprintf(more, sizeof more, "?fault=power=0.2&seed=%u", seed);
        line_open(&line, row_of("esp32c3"), more);
        const uint8_t *flash = em_sim_flash(line.sim, &size);
        for (int tries = 0; tries < 200 && !done; tries++) {
            done = ASK(&line, 0x0D, 0, 0, 0) == 0 &&
                   ASK(&line, 0x0B, 0, 0, 1 << 20, 65536, 4096, 256, 0xFFFF) == 0 &&
                   line_begin(&line, 0x02, 0x400, 1, 0x3000, 0) == 0 &&
                   line_block(&line, 0x03, block, sizeof block, 0, 0,
                              line.row->trailer) == 0;
            half += !done && flash[0x3000] == 0 && flash[0x33FF] != 0;
            if (!done)
                reset_board();
        }
        CU_ASSERT_TRUE(done);
        for (size_t i = 0; i < sizeof block; i++)
            CU_ASSERT_EQUAL(flash[0x3000 + i], 0);
        CU_ASSERT_EQUAL(flash[0x3400], 0xFF);
        line_close(&line);
    }
    CU_ASSERT(half > 0);
}

/* From outside: between two commands, or in the next one. */
static void test_power_fails(void)
{
    line_open(&line, row_of("esp32c3"), "");
    em_sim_power_fail(line.sim, line.now_us);
    CU_ASSERT_TRUE(em_sim_is_alive(line.sim));
    int64_t next = em_sim_next_us(line.sim);
    CU_ASSERT(next <= line.now_us + 20000);
    uint8_t byte;
    CU_ASSERT_EQUAL(em_sim_send(line.sim, &byte, 1, next), 0);
    CU_ASSERT_FALSE(em_sim_is_alive(line.sim));
    CU_ASSERT_EQUAL(em_sim_next_us(line.sim), INT64_MAX);
    em_sim_power_fail(line.sim, next); /* nothing is left that could fail */
    CU_ASSERT_EQUAL(em_sim_next_us(line.sim), INT64_MAX);
    em_sim_power_cycle(line.sim, next);
    CU_ASSERT_EQUAL(line_sync_count(&line, 0x20120707, line.row->trailer), 8);
    em_sim_power_fail(line.sim, line.now_us);
    CU_ASSERT_EQUAL(ASK(&line, 0x0A, 0, line.row->conf), -1);
    CU_ASSERT_FALSE(em_sim_is_alive(line.sim));
    line_close(&line);
}

/* ---- killed between two files ---- */

/* Burn a key with the files of @p dir. */
static void burn_with_files(const char *dir, const char *more)
{
    char text[200];
    (void)snprintf(text, sizeof text, "?efuse=%s/e&journal=%s/j%s", dir, dir, more);
    line_open(&line, row_of("esp32c3"), text);
    if (*more == '\0')
        burn(line.row->key_block, key);
    line_close(&line);
}

static void test_killed_in_burn(void)
{
    static struct content blank, burned, lines, found;
    static const struct {
        const char *name;
        bool burned, next_blank, next_garbage;
        size_t journal; /* permille of it that is there */
        bool goes_on;
    } kills[] = {
        {"journal not begun", false, false, false, 0, true},
        {"in the journal's first line", false, false, false, 1, true},
        {"in the journal", false, false, false, 700, true},
        {"before the name", false, false, false, 1000, true},
        {"of another chip", true, true, false, 1000, false},
        {"something else", true, false, true, 1000, false},
    };
    char dir[] = "/tmp/test_sim_XXXXXX";
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    burn_with_files(dir, "&seed=0");
    get(&blank, dir, "e");
    burn_with_files(dir, "");
    get(&burned, dir, "e");
    get(&lines, dir, "j");
    CU_ASSERT(count_lines(lines.bytes) > ONES);
    CU_ASSERT_FALSE(is_there(dir, "e.next"));
    for (size_t i = 0; i < sizeof kills / sizeof kills[0]; i++) {
        const struct content *now = kills[i].burned ? &burned : &blank;
        const struct content *next = kills[i].next_blank ? &blank : &burned;
        put(dir, "e", now->bytes, now->len);
        put(dir, "e.next", next->bytes, kills[i].next_garbage ? 9 : next->len);
        put(dir, "j", lines.bytes, lines.len * kills[i].journal / 1000);
        burn_with_files(dir, "&seed=0");
        CU_ASSERT_FALSE(is_there(dir, "e.next"));
        get(&found, dir, "e");
        CU_ASSERT_EQUAL_FATAL(found.len, burned.len);
        EM_CHECK_BYTES(found.bytes, burned.bytes, burned.len);
        get(&found, dir, "j");
        CU_ASSERT_EQUAL(count_lines(found.bytes), count_lines(lines.bytes));
    }
    clean(dir);
}

/* The same files, again and again, by a port in this process. */
static void test_opened_again(void)
{
    char dir[] = "/tmp/test_sim_XXXXXX", more[200];
    uint8_t block[0x400] = {0};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    for (uint32_t round = 0; round < 8; round++) {
        size_t size;
        (void)snprintf(more, sizeof more,
                       "?efuse=%s/e&journal=%s/j&flash=%s/f&flash-size=1MB&seed=%u", dir,
                       dir, dir, (unsigned)round);
        line_open(&line, row_of("esp32c3"), more);
        const uint8_t *flash = em_sim_flash(line.sim, &size);
        for (uint32_t k = 0; k < 8; k++) {
            CU_ASSERT_EQUAL(peek(&line, line.row->key_read + 4 * k) != 0,
                            round > 0 && key[k] != 0);
            CU_ASSERT_EQUAL(flash[0x1000 * k], k < round ? 0 : 0xFF);
        }
        if (round == 0)
            burn(line.row->key_block, key);
        line_attach(&line, 1 << 20);
        CU_ASSERT_EQUAL(line_begin(&line, 0x02, 0x400, 1, 0x1000 * round, 0), 0);
        CU_ASSERT_EQUAL(
            line_block(&line, 0x03, block, sizeof block, 0, 0, line.row->trailer), 0);
        line_close(&line);
    }
    clean(dir);
}

static const struct em_test tests[] = {
    {"burns under power that fails", test_burns_by_chance},
    {"flash under power that fails", test_flash_by_chance},
    {"power fails from outside", test_power_fails},
    {"killed between fuses and journal", test_killed_in_burn},
    {"files opened again", test_opened_again},
};

EM_TEST_MAIN("flasher/sim/power", tests)
