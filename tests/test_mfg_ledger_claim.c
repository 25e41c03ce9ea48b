/* SPDX-License-Identifier: Apache-2.0 */
/* Boards and units: who gets which, how far it is, and what is refused. */
#include "config.h"

#include "tests/test_mfg_ledger_util.h"

static void test_begin(void)
{
    struct em_error err;
    struct em_ledger_batch batch;
    struct em_ledger_counts counts;
    struct em_ledger_unit unit;
    ledger_begin(3);
    struct em_ledger *ledger = ledger_open(NULL);
    em_ledger_batch(ledger, &batch);
    CU_ASSERT_STRING_EQUAL(batch.name, "EX1");
    CU_ASSERT_STRING_EQUAL(batch.chip, "esp32c3");
    CU_ASSERT_STRING_EQUAL(batch.job, "0123");
    CU_ASSERT_STRING_EQUAL(batch.version, "1.2.3");
    CU_ASSERT_EQUAL(batch.units, 3);
    CU_ASSERT_EQUAL(strlen(batch.created), 24);
    EM_CHECK_STATUS(em_ledger_counts(ledger, &counts, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(counts.units, 3);
    CU_ASSERT_EQUAL(counts.by_state[EM_LEDGER_FREE], 3);
    CU_ASSERT_EQUAL(counts.events, 0);
    EM_CHECK_STATUS(em_ledger_find(ledger, "EX1-0002", &unit, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(unit.unit, 2);
    CU_ASSERT_EQUAL(unit.state, EM_LEDGER_FREE);
    CU_ASSERT_EQUAL(unit.claim, 0);
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    /* A second one of that name; nothing of it is left. */
    EM_CHECK_STATUS(ledger_make(3, &err), EM_ERR_EXISTS, &err);
    CU_ASSERT_EQUAL(ledger_files("", false), ledger_server() == NULL ? 1 : 0);
    ledger_end();
}

static const char *same_name(void *user, uint64_t unit)
{
    return unit == 3 ? (const char *)user : unit == 1 ? "a" : "b";
}

static void test_bad_names(void)
{
    static const char *const names[] = {"", "a", "two\nlines", "\xff"};
    struct em_error err;
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    ledger_begin(0);
    options.url = ledger_path;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%s", names[i]);
        struct em_ledger_batch batch = {.name = "x",
                                        .chip = "esp32",
                                        .units = 3,
                                        .unit_name = same_name,
                                        .user = name};
        EM_CHECK_STATUS(em_ledger_init(&options, &batch, &err), EM_ERR_INPUT, &err);
        EM_CHECK_HAS(err.what, "unit 3");
        CU_ASSERT_EQUAL(ledger_files("", false), 0);
    }
    ledger_end();
}

static void test_claim(void)
{
    struct em_error err;
    struct em_ledger_unit unit;
    ledger_begin(2);
    struct em_ledger *ledger = ledger_open("bench");
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 1, &unit), EM_LEDGER_NEW);
    uint64_t claim = unit.claim;
    CU_ASSERT_EQUAL(unit.unit, 1);
    CU_ASSERT_EQUAL(unit.serial, 1);
    CU_ASSERT_EQUAL(unit.state, EM_LEDGER_CLAIMED);
    CU_ASSERT_STRING_EQUAL(unit.name, "EX1-0001");
    CU_ASSERT_STRING_EQUAL(unit.station, "bench");
    CU_ASSERT_STRING_EQUAL(unit.slot, "A1");
    /* The same board in another slot; told where it is. */
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A2", 1, &unit), EM_LEDGER_HELD);
    CU_ASSERT_EQUAL(unit.unit, 1);
    CU_ASSERT_STRING_EQUAL(unit.slot, "A1");
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A2", 2, &unit), EM_LEDGER_NEW);
    CU_ASSERT_EQUAL(unit.unit, 2);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A3", 3, &unit), EM_LEDGER_NONE_LEFT);
    CU_ASSERT_EQUAL(unit.unit, 0);
    EM_CHECK_STATUS(em_ledger_leave(ledger, claim, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A2", 1, &unit), EM_LEDGER_AGAIN);
    CU_ASSERT_EQUAL(unit.claim, claim);
    ledger_advance(ledger, claim, EM_LEDGER_DONE);
    EM_CHECK_STATUS(em_ledger_leave(ledger, claim, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 1, &unit), EM_LEDGER_ALREADY);
    CU_ASSERT_EQUAL(unit.state, EM_LEDGER_DONE);
    EM_CHECK_STATUS(ledger_record(ledger, claim, "x", EM_LEDGER_DONE, &err),
                    EM_ERR_REFUSED, &err);
    EM_CHECK_HAS(err.what, "not held");
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    ledger_end();
}

static void test_states(void)
{
    /* From a state (row) to a state (column), by the meaning of the states: only
     * forwards, and BURNED (4) only from BURNING (3). */
    static const char *const allowed[] = {
        [EM_LEDGER_CLAIMED] = "yyyny", [EM_LEDGER_FLASHED] = "nyyny",
        [EM_LEDGER_BURNING] = "nnyyy", [EM_LEDGER_BURNED] = "nnnyy",
        [EM_LEDGER_DONE] = "nnnny",
    };
    struct em_error err;
    struct em_ledger_unit unit;
    ledger_begin(25);
    struct em_ledger *ledger = ledger_open("bench");
    unsigned board = 0;
    for (int from = EM_LEDGER_CLAIMED; from <= EM_LEDGER_DONE; from++) {
        for (int to = EM_LEDGER_CLAIMED; to <= EM_LEDGER_DONE; to++) {
            bool good = allowed[from][to - 1] == 'y';
            CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", ++board, &unit), EM_LEDGER_NEW);
            ledger_advance(ledger, unit.claim, (enum em_ledger_state)from);
            EM_CHECK_STATUS(
                ledger_record(ledger, unit.claim, "x", (enum em_ledger_state)to, &err),
                good ? EM_OK : EM_ERR_REFUSED, &err);
        }
    }
    EM_CHECK_STATUS(ledger_record(ledger, 999, "x", EM_LEDGER_DONE, &err), EM_ERR_USAGE,
                    &err);
    EM_CHECK_STATUS(ledger_record(ledger, 0, "x", EM_LEDGER_FLASHED, &err), EM_ERR_USAGE,
                    &err);
    EM_CHECK_STATUS(ledger_record(ledger, 1, "x", EM_LEDGER_SCRAPPED, &err), EM_ERR_USAGE,
                    &err);
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    ledger_end();
}

/* The board was changed for another while it was worked on. */
static void test_swapped(void)
{
    struct em_error err;
    struct em_ledger_unit unit;
    uint8_t mac[6];
    ledger_begin(2);
    struct em_ledger *ledger = ledger_open("bench");
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 1, &unit), EM_LEDGER_NEW);
    ledger_mac(mac, 2);
    struct em_ledger_event event = {.claim = unit.claim, .mac = mac, .step = "flash"};
    EM_CHECK_STATUS(em_ledger_record(ledger, &event, EM_LEDGER_FLASHED, &err),
                    EM_ERR_REFUSED, &err);
    EM_CHECK_HAS(err.what, "7c:df:a1:00:00:02");
    em_ledger_close(ledger);
    ledger_end();
}

static void test_failures(void)
{
    struct em_error err;
    struct em_ledger_unit unit;
    struct em_ledger_counts counts;
    ledger_begin(1);
    struct em_ledger *ledger = ledger_open("bench");
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 1, &unit), EM_LEDGER_NEW);
    struct em_ledger_event event = {
        .claim = unit.claim, .step = "flash", .detail = "no answer\nat 0x1000"};
    EM_CHECK_STATUS(em_ledger_retry(ledger, 1, "x", &err), EM_ERR_REFUSED, &err);
    for (int i = 0; i < 3; i++)
        EM_CHECK_STATUS(em_ledger_fail(ledger, &event, 3, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_ledger_retry(ledger, 1, "x", &err), EM_ERR_REFUSED, &err);
    EM_CHECK_HAS(err.what, "being worked on");
    EM_CHECK_STATUS(em_ledger_leave(ledger, unit.claim, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_ledger_fail(ledger, &event, 3, &err), EM_ERR_REFUSED, &err);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 1, &unit), EM_LEDGER_STOPPED);
    CU_ASSERT_EQUAL(unit.failures, 3);
    CU_ASSERT_TRUE(unit.stopped);
    CU_ASSERT_STRING_EQUAL(unit.failure, "no answer at 0x1000");
    EM_CHECK_STATUS(em_ledger_retry(ledger, 1, " ", &err), EM_ERR_USAGE, &err);
    EM_CHECK_STATUS(em_ledger_retry(ledger, 1, "new cable", &err), EM_OK, &err);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 1, &unit), EM_LEDGER_AGAIN);
    CU_ASSERT_EQUAL(unit.failures, 0);
    EM_CHECK_STATUS(em_ledger_fail(ledger, &event, 0, &err), EM_OK, &err);
    ledger_advance(ledger, unit.claim, EM_LEDGER_DONE);
    EM_CHECK_STATUS(em_ledger_leave(ledger, unit.claim, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_ledger_fail(ledger, &event, 1, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 1, &unit), EM_LEDGER_ALREADY);
    CU_ASSERT_EQUAL(unit.failures, 1);
    EM_CHECK_STATUS(em_ledger_counts(ledger, &counts, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(counts.failures, 4);
    CU_ASSERT_EQUAL(counts.stopped, 0);
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    ledger_end();
}

static void test_keys(void)
{
    struct em_error err;
    struct em_ledger_unit unit;
    char key[EM_KEY_FINGERPRINT_SIZE];
    char other[EM_KEY_FINGERPRINT_SIZE];
    const char broken[EM_KEY_FINGERPRINT_SIZE] = "12";
    ledger_begin(3);
    struct em_ledger *ledger = ledger_open("bench");
    ledger_fingerprint(key, 1);
    ledger_fingerprint(other, 2);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 1, &unit), EM_LEDGER_NEW);
    uint64_t first = unit.claim;
    EM_CHECK_STATUS(em_ledger_key_destroyed(ledger, first, &err), EM_ERR_REFUSED, &err);
    EM_CHECK_STATUS(em_ledger_use_key(ledger, first, key, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_ledger_use_key(ledger, first, key, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_ledger_use_key(ledger, first, other, &err), EM_ERR_REFUSED, &err);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A2", 2, &unit), EM_LEDGER_NEW);
    EM_CHECK_STATUS(em_ledger_use_key(ledger, unit.claim, key, &err), EM_ERR_REFUSED,
                    &err);
    EM_CHECK_STATUS(em_ledger_use_key(ledger, unit.claim, broken, &err), EM_ERR_USAGE,
                    &err);
    /* Too late: something may be burned already. */
    ledger_advance(ledger, unit.claim, EM_LEDGER_BURNING);
    EM_CHECK_STATUS(em_ledger_use_key(ledger, unit.claim, other, &err), EM_ERR_REFUSED,
                    &err);
    ledger_advance(ledger, first, EM_LEDGER_DONE);
    EM_CHECK_STATUS(em_ledger_leave(ledger, first, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_ledger_key_destroyed(ledger, first, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_ledger_key_destroyed(ledger, first, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_ledger_find(ledger, "1", &unit, &err), EM_OK, &err);
    CU_ASSERT_STRING_EQUAL(unit.key, key);
    CU_ASSERT_TRUE(unit.key_destroyed);
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    ledger_end();
}

static void test_release_and_scrap(void)
{
    struct em_error err;
    struct em_ledger_unit unit;
    struct em_ledger_counts counts;
    char key[EM_KEY_FINGERPRINT_SIZE];
    ledger_begin(2);
    struct em_ledger *ledger = ledger_open("bench");
    ledger_fingerprint(key, 7);
    EM_CHECK_STATUS(em_ledger_release(ledger, 1, "x", &err), EM_ERR_REFUSED, &err);
    EM_CHECK_HAS(err.what, "no board has it");
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 1, &unit), EM_LEDGER_NEW);
    EM_CHECK_STATUS(em_ledger_use_key(ledger, unit.claim, key, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_ledger_release(ledger, 1, "x", &err), EM_ERR_REFUSED, &err);
    EM_CHECK_STATUS(em_ledger_leave(ledger, unit.claim, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_ledger_release(ledger, 1, "wrong board", &err), EM_OK, &err);
    /* Another board gets the unit, and not the key. */
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 2, &unit), EM_LEDGER_NEW);
    CU_ASSERT_EQUAL(unit.unit, 1);
    CU_ASSERT_EQUAL(unit.serial, 2);
    CU_ASSERT_STRING_EQUAL(unit.key, "");
    EM_CHECK_STATUS(em_ledger_use_key(ledger, unit.claim, key, &err), EM_ERR_REFUSED,
                    &err);
    ledger_advance(ledger, unit.claim, EM_LEDGER_BURNING);
    EM_CHECK_STATUS(em_ledger_leave(ledger, unit.claim, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_ledger_release(ledger, 1, "x", &err), EM_ERR_REFUSED, &err);
    EM_CHECK_HAS(err.hint, "scrap");
    EM_CHECK_STATUS(em_ledger_scrap(ledger, 1, "burned wrong", &err), EM_OK, &err);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 2, &unit), EM_LEDGER_GIVEN_UP);
    CU_ASSERT_EQUAL(unit.state, EM_LEDGER_SCRAPPED);
    /* The board that was released may come back. */
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 1, &unit), EM_LEDGER_NEW);
    CU_ASSERT_EQUAL(unit.unit, 1);
    CU_ASSERT_EQUAL(unit.serial, 3);
    EM_CHECK_STATUS(em_ledger_find(ledger, "7CDFA1000002", &unit, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(unit.state, EM_LEDGER_SCRAPPED);
    EM_CHECK_STATUS(em_ledger_counts(ledger, &counts, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(counts.by_state[EM_LEDGER_FREE], 1);
    CU_ASSERT_EQUAL(counts.by_state[EM_LEDGER_CLAIMED], 1);
    CU_ASSERT_EQUAL(counts.by_state[EM_LEDGER_SCRAPPED], 1);
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    ledger_end();
}

static const char *number_name(void *user, uint64_t unit)
{
    char *out = user;
    (void)snprintf(out, 32, "%u", (unsigned)(unit == 2 ? 1 : unit + 100));
    return out;
}

static void test_find(void)
{
    struct em_error err;
    struct em_ledger_unit unit;
    char name[32];
    ledger_begin(0);
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    options.url = ledger_path;
    struct em_ledger_batch batch = {
        .name = "x", .chip = "esp32", .units = 3, .unit_name = number_name, .user = name};
    EM_CHECK_STATUS(em_ledger_init(&options, &batch, &err), EM_OK, &err);
    struct em_ledger *ledger = ledger_open("bench");
    EM_CHECK_STATUS(em_ledger_find(ledger, "1", &unit, &err), EM_ERR_USAGE, &err);
    EM_CHECK_STATUS(em_ledger_find(ledger, "#1", &unit, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(unit.unit, 1);
    EM_CHECK_STATUS(em_ledger_find(ledger, "103", &unit, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(unit.unit, 3);
    CU_ASSERT_EQUAL(ledger_claim(ledger, "A1", 0xABCDEF, &unit), EM_LEDGER_NEW);
    static const char *const macs[] = {"7c:df:a1:ab:cd:ef", "7C-DF-A1-AB-CD-EF",
                                       "7cdfa1abcdef"};
    for (size_t i = 0; i < 3; i++) {
        EM_CHECK_STATUS(em_ledger_find(ledger, macs[i], &unit, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(unit.unit, 1);
        CU_ASSERT_EQUAL(unit.mac[5], 0xEF);
    }
    static const char *const wrong[] = {"",
                                        "4",
                                        "#",
                                        "nobody",
                                        "7c:df:a1:ab:cd-ef",
                                        "7cdfa1abcdee",
                                        "18446744073709551617"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        EM_CHECK_STATUS(em_ledger_find(ledger, wrong[i], &unit, &err), EM_ERR_USAGE,
                        &err);
    em_ledger_close(ledger);
    ledger_end();
}

static const struct em_test tests[] = {
    {"begun", test_begin},
    {"names that are wrong", test_bad_names},
    {"boards get units", test_claim},
    {"states only go forwards", test_states},
    {"a board is changed half-way", test_swapped},
    {"failures stop a board", test_failures},
    {"a key is used once", test_keys},
    {"release and scrap", test_release_and_scrap},
    {"units and boards are found", test_find},
};

EM_TEST_MAIN("mfg ledger claim", tests)
