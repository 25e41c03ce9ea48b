/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated chips, packet by packet: what is left when power is lost in a burn, or when
 * the simulator itself is killed. */
#include "config.h"

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test_flasher_sim_trace_fuses_util.h"

/* Power is lost in the middle: some bits are in, none that was not asked for, no answer;
 * with power again a second burn completes it. The fuses are in their file at once. */
static void test_power_cut(void)
{
    for (size_t i = 1; i < ROWS; i++) {
        char dir[] = "/tmp/test_sim_XXXXXX", more[200], path[64];
        const struct row *row = &rows[i];
        uint32_t check[3];
        unsigned missing = 0, strange = 0;
        CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
        (void)snprintf(path, sizeof path, "%s/fuses", dir);
        (void)snprintf(more, sizeof more, "?efuse=%s&fault=power-cut-at=efuse-burn:1",
                       path);
        line_open(&line, row, more);
        uint32_t window = write_window(row->key_block);
        check_words(key, check);
        for (uint32_t k = 0; k < 8; k++)
            poke(&line, window + 4 * k, key[k]);
        for (uint32_t k = 0; row->security != 0 && k < 3; k++)
            poke(&line, window + 0x20 + 4 * k, check[k]);
        poke(&line, row->conf, 0x5A5A);
        uint32_t command = row->security == 0 ? 2 : row->key_block << 2 | 2;
        CU_ASSERT_EQUAL(ASK(&line, 0x09, 0, row->cmd, command, 0xFFFFFFFF, 0), -1);
        CU_ASSERT_FALSE(em_sim_is_alive(line.sim));
        struct em_sim *dead = line.sim; /* never closed before the next reads the file */
        (void)snprintf(more, sizeof more, "?efuse=%s", path);
        line_open(&line, row, more);
        for (uint32_t k = 0; k < 8; k++) {
            uint32_t got = peek(&line, row->key_read + 4 * k);
            missing += (got & key[k]) != key[k];
            strange += (got & ~key[k]) != 0;
        }
        CU_ASSERT(missing > 0);
        if (row->security == 0) /* else decoding makes what it likes of it */
            CU_ASSERT_EQUAL(strange, 0);
        burn(row->key_block, key);
        CU_ASSERT_TRUE(has_key());
        CU_ASSERT_FALSE(has_errors());
        line_close(&line);
        em_sim_free(dead);
        CU_ASSERT_EQUAL(unlink(path), 0);
        CU_ASSERT_EQUAL(rmdir(dir), 0);
    }
}

/* What a simulator that is killed has done so far: burned, or not even shown by a read
 * command yet; written to the flash. */
static void live_and_die(const struct row *row, const char *more, bool shown)
{
    uint8_t block[0x400] = {0};
    line_open(&line, row, more);
    program(row->key_block, key);
    if (shown)
        reload();
    line_attach(&line, 1 << 20);
    (void)line_begin(&line, 0x02, 0x400, 1, 0x3000, 0);
    (void)line_block(&line, 0x03, block, sizeof block, 0, 0, row->trailer);
    (void)raise(SIGKILL);
}

static unsigned count_lines(const char *path)
{
    unsigned lines = 0;
    FILE *file = fopen(path, "r");
    for (int c; file != NULL && (c = getc(file)) != EOF;)
        lines += c == '\n';
    if (file != NULL)
        (void)fclose(file);
    return lines;
}

static void test_killed(void)
{
    for (size_t i = 1; i < ROWS; i++) {
        char dir[] = "/tmp/test_sim_XXXXXX", more[300], path[64];
        size_t size;
        int status = 0;
        CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
        (void)snprintf(more, sizeof more,
                       "?efuse=%s/e&journal=%s/j&flash=%s/f&flash-size=1MB", dir, dir,
                       dir);
        (void)fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            live_and_die(&rows[i], more, i % 2 == 0);
        CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
        CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        line_open(&line, &rows[i], more);
        CU_ASSERT_TRUE(has_key());
        const uint8_t *flash = em_sim_flash(line.sim, &size);
        CU_ASSERT_EQUAL(size, 1 << 20);
        CU_ASSERT_EQUAL(flash[0x33FF], 0);
        CU_ASSERT_EQUAL(flash[0x3400], 0xFF);
        line_close(&line);
        /* A line for each one of the key's 108, and for those of its check bytes. */
        (void)snprintf(path, sizeof path, "%s/j", dir);
        unsigned lines = count_lines(path);
        CU_ASSERT(rows[i].security == 0 ? lines == ONES : lines > ONES);
        for (const char *name = "ejf"; *name != '\0'; name++) {
            (void)snprintf(path, sizeof path, "%s/%c", dir, *name);
            CU_ASSERT_EQUAL(unlink(path), 0);
        }
        CU_ASSERT_EQUAL(rmdir(dir), 0);
    }
}

/* The ESP8266's words cannot be burned, but have a file as well. */
static void test_plain_file(void)
{
    char dir[] = "/tmp/test_sim_XXXXXX", more[200], path[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/e", dir);
    (void)snprintf(more, sizeof more, "?efuse=%s&mac=60:55:f9:c0:db:01", path);
    line_open(&line, row_of("esp8266"), more);
    line_close(&line);
    (void)snprintf(more, sizeof more, "?efuse=%s&seed=5&journal=%s/j", path, dir);
    line_open(&line, row_of("esp8266"), more);
    CU_ASSERT_EQUAL(peek(&line, 0x3FF00050) >> 24, 0x01);
    CU_ASSERT_EQUAL(peek(&line, 0x3FF00054) & 0xFFFF, 0xC0DB);
    CU_ASSERT_EQUAL(peek(&line, 0x3FF0005C) & 0xFFFFFF, 0x6055F9);
    line_close(&line);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static const struct em_test tests[] = {
    {"lost power", test_power_cut},
    {"killed", test_killed},
    {"file of the ESP8266", test_plain_file},
};

EM_TEST_MAIN("flasher/sim trace power", tests)
