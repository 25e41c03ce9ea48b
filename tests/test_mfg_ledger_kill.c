/* SPDX-License-Identifier: Apache-2.0 */
/* What was told to be recorded is there, whenever the process is killed; and many threads
 * at a time. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS: of BSD and Linux */
#include "config.h"

#include "tests/test_mfg_ledger_util.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { KILLS = 120, THREADS = 4, UNITS = 400 };

/* Survives the child: what it was told EM_OK for. */
struct told {
    atomic_uint state[UNITS + 1]; /* of boards */
    atomic_ullong unit[UNITS + 1];
    atomic_uint next_board;
    atomic_uint events;
    atomic_uint opened;
};

static struct told *map_told(void)
{
    void *p = mmap(NULL, sizeof(struct told), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_TRUE_FATAL(p != MAP_FAILED);
    return p;
}

struct worker {
    struct em_ledger *ledger;
    struct told *told;
    unsigned number;
    bool failed;
};

/* One board from where it stands to done. */
static bool work_board(struct worker *worker, unsigned board)
{
    struct em_ledger_unit unit;
    struct em_error err;
    enum em_ledger_claimed what;
    uint8_t mac[6];
    char slot[8];
    char key[EM_KEY_FINGERPRINT_SIZE];
    struct told *told = worker->told;
    (void)snprintf(slot, sizeof slot, "S%u", worker->number);
    struct em_ledger_place place = {slot, "p"};
    ledger_mac(mac, board);
    if (em_ledger_claim(worker->ledger, &place, mac, &what, &unit, &err) != EM_OK)
        return false;
    if (what != EM_LEDGER_NEW && what != EM_LEDGER_AGAIN)
        return what == EM_LEDGER_ALREADY;
    if ((unsigned)unit.state < atomic_load(&told->state[board]))
        return false; /* forgotten */
    atomic_store(&told->unit[board], unit.unit);
    atomic_store(&told->state[board], (unsigned)unit.state);
    ledger_fingerprint(key, (unsigned)unit.claim);
    if (unit.state < EM_LEDGER_BURNING &&
        em_ledger_use_key(worker->ledger, unit.claim, key, &err) != EM_OK)
        return false;
    for (int state = (int)unit.state + 1; state <= EM_LEDGER_DONE; state++) {
        struct em_ledger_event event = {
            .claim = unit.claim, .place = &place, .mac = mac, .step = "x"};
        if (em_ledger_record(worker->ledger, &event, (enum em_ledger_state)state, &err) !=
            EM_OK)
            return false;
        atomic_store(&told->state[board], (unsigned)state);
        atomic_fetch_add(&told->events, 1);
    }
    return em_ledger_leave(worker->ledger, unit.claim, &err) == EM_OK;
}

static void *work(void *user)
{
    struct worker *worker = user;
    for (;;) {
        unsigned board = atomic_fetch_add(&worker->told->next_board, 1);
        if (board > UNITS)
            return NULL;
        if (!work_board(worker, board)) {
            worker->failed = true;
            return NULL;
        }
    }
}

/* All boards, by some threads. true: all good. */
static bool work_all(struct em_ledger *ledger, struct told *told, unsigned threads)
{
    enum { MOST = 32 };
    pthread_t ids[MOST];
    struct worker workers[MOST];
    bool good = true;
    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (struct worker){ledger, told, i, false};
        good = pthread_create(&ids[i], NULL, work, &workers[i]) == 0 && good;
    }
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(ids[i], NULL);
        good = good && !workers[i].failed;
    }
    return good;
}

static int child_run(struct told *told)
{
    struct em_error err;
    struct em_ledger *ledger = NULL;
    struct em_ledger_options options = EM_LEDGER_OPTIONS_INIT;
    options.url = ledger_path;
    options.station = "bench";
    if (em_ledger_open(&ledger, &options, &err) != EM_OK)
        return 1;
    atomic_store(&told->opened, 1);
    bool good = work_all(ledger, told, THREADS);
    em_ledger_close(ledger);
    return good ? 0 : 1;
}

/* What the child was told is in the ledger; the ledger is sound. */
static void compare(struct told *told)
{
    struct em_error err;
    struct em_ledger *ledger = ledger_open(NULL);
    for (unsigned board = 1; board <= UNITS; board++) {
        struct em_ledger_unit unit;
        char mac[18];
        unsigned state = atomic_load(&told->state[board]);
        if (state == 0)
            continue;
        (void)snprintf(mac, sizeof mac, "7cdfa1%06x", board);
        EM_CHECK_STATUS(em_ledger_find(ledger, mac, &unit, &err), EM_OK, &err);
        CU_ASSERT_TRUE((unsigned)unit.state >= state);
        CU_ASSERT_EQUAL(unit.unit, atomic_load(&told->unit[board]));
        if (state == EM_LEDGER_DONE)
            atomic_store(&told->state[board], 0); /* looked at enough */
    }
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
}

static void nap(long us)
{
    struct timespec ts = {0, us * 1000};
    (void)nanosleep(&ts, NULL);
}

static void test_kill(void)
{
    struct told *told = map_told();
    unsigned seed = 12345;
    int killed = 0;
    ledger_begin(UNITS);
    atomic_store(&told->next_board, 1);
    /* A commit of a server takes longer, and so does each process to start. */
    const int kills = ledger_server() == NULL ? KILLS : KILLS / 8;
    for (int i = 0; i < kills; i++) {
        int wait_status = 0;
        /* Boards that were begun last are begun again, as on a line. */
        unsigned next = atomic_load(&told->next_board);
        atomic_store(&told->next_board, next > 2 * THREADS ? next - 2 * THREADS : 1);
        if (next > UNITS / 2 && i < kills - 1)
            atomic_store(&told->next_board, 1 + (unsigned)i * 3 % (UNITS / 2));
        atomic_store(&told->opened, 0);
        (void)fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            _exit(child_run(told));
        seed = seed * 1103515245 + 12345;
        /* To connect to a server takes a while: mostly it is waited for. */
        for (int tries = 0; ledger_server() != NULL && i % 4 != 0 && tries < 5000 &&
                            atomic_load(&told->opened) == 0;
             tries++)
            nap(1000);
        nap(500 + (long)(seed >> 8) % (ledger_server() == NULL ? 30000 : 120000));
        (void)kill(child, SIGKILL);
        CU_ASSERT_EQUAL(waitpid(child, &wait_status, 0), child);
        killed += WIFSIGNALED(wait_status);
        CU_ASSERT_TRUE(WIFSIGNALED(wait_status) || WEXITSTATUS(wait_status) == 0);
        if (i % 10 == 9 || i == kills - 1)
            compare(told);
    }
    CU_ASSERT_TRUE(killed >= kills * 5 / 6);
    printf("(%d kills, %u states recorded) ", killed, atomic_load(&told->events));
    ledger_end();
    (void)munmap(told, sizeof *told);
}

static void test_threads(void)
{
    struct told *told = map_told();
    struct em_ledger_counts counts;
    struct em_error err;
    ledger_begin(UNITS);
    struct em_ledger *ledger = ledger_open("bench");
    atomic_store(&told->next_board, 1);
    CU_ASSERT_TRUE(work_all(ledger, told, 32));
    EM_CHECK_STATUS(em_ledger_counts(ledger, &counts, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(counts.by_state[EM_LEDGER_DONE], UNITS);
    CU_ASSERT_EQUAL(counts.events, UNITS * 6); /* claim, key and four states */
    ledger_is_sound(ledger);
    em_ledger_close(ledger);
    ledger_end();
    (void)munmap(told, sizeof *told);
}

static const struct em_test tests[] = {
    {"many threads", test_threads},
    {"killed at any moment", test_kill},
};

EM_TEST_MAIN("mfg ledger kill", tests)
