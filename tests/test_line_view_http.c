/* SPDX-License-Identifier: Apache-2.0 */
/* The view in browsers: who may see it, what is told, viewers that are slow, dead or
 * many.
 */
#include "config.h"

#include "src/line/http.h"

#include "tests/http_util.h"
#include "tests/test_line_view_util.h"

#include <sys/stat.h>

/* ---- Rules ---- */

static void addresses(void)
{
    static const struct {
        const char *text, *url;
        bool loopback;
    } rows[] = {
        {"127.0.0.1:8080", "http://127.0.0.1:8080/", true},
        {"localhost:1", "http://127.0.0.1:1/", true},
        {"8080", "http://127.0.0.1:8080/", true},
        {":8080", NULL, false},
        {"[::1]:65535", "http://[::1]:65535/", true},
        {"0.0.0.0:80", "http://0.0.0.0:80/", false},
        {"[::]:80", "http://[::]:80/", false},
        {"127.1.2.3:80", "http://127.1.2.3:80/", true},
        {"127.0.0.1:65536", NULL, false},
        {"127.0.0.1:", NULL, false},
        {"127.0.0.1", NULL, false},
        {"::1:80", NULL, false},
        {"[::1]", NULL, false},
        {"example.com:80", NULL, false},
        {"", NULL, false},
        {"127.0.0.1:80x", NULL, false},
        {"1111111111111111111111111111111111111111111111111111111111111111111:8", NULL,
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_address address;
        struct em_error err;
        char url[80] = "";
        enum em_status status = http_address_parse(&address, rows[i].text, &err);
        CU_ASSERT_EQUAL(status, rows[i].url == NULL ? EM_ERR_USAGE : EM_OK);
        if (status != EM_OK)
            continue;
        http_address_url(url, sizeof url, &address);
        CU_ASSERT_STRING_EQUAL(url, rows[i].url);
        CU_ASSERT_EQUAL(address.loopback, rows[i].loopback);
    }
}

static void requests(void)
{
    static const struct {
        const char *method, *path, *host;
        unsigned status;
    } rows[] = {
        {"GET", "/", "127.0.0.1:8080", 200},
        {"HEAD", "/events", "localhost", 200},
        {"GET", "/state", "[::1]:8080", 200},
        {"GET", "/", "192.168.1.7:8080", 200},
        {"GET", "/", "station-3", 200},
        {"GET", "/", "Station-3.local:80", 200},
        {"GET", "/", "station-3.evil.example", 403},
        {"GET", "/", "evil.example", 403},
        {"GET", "/", "127.0.0.1.evil.example", 403},
        {"GET", "/", "localhost:80:80", 403},
        {"GET", "/", "localhost:x", 403},
        {"GET", "/", "[::1", 403},
        {"GET", "/", "[::1]x", 403},
        {"GET", "/", "[evil.example]", 403},
        {"GET", "/", "", 403},
        {"GET", "/", NULL, 403},
        {"POST", "/", "localhost", 405},
        {"DELETE", "/state", "localhost", 405},
        {"get", "/", "localhost", 405},
        {"GET", "/../etc/passwd", "localhost", 404},
        {"GET", "//", "localhost", 404},
        {"GET", "", "localhost", 404},
        {"GET", "/live.js/", "localhost", 404},
    };
    struct http_rules rules = {.machine = "station-3"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_answer answer;
        struct http_request request = {
            .method = rows[i].method, .path = rows[i].path, .host = rows[i].host};
        http_judge(&answer, &rules, &request);
        CU_ASSERT_EQUAL(answer.status, rows[i].status);
        CU_ASSERT_EQUAL(answer.text == NULL, answer.status == 200);
    }
}

static void put(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    (void)fputs(text, file);
    (void)fclose(file);
    (void)chmod(path, mode);
}

static void tokens(void)
{
    char dir[] = "/tmp/em-http-XXXXXX";
    char path[64];
    struct http_rules rules = {.machine = ""};
    struct http_answer answer;
    struct em_error err;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/token", dir);
    CU_ASSERT_EQUAL(http_token_load(&rules, path, &err), EM_ERR_IO);
    put(path, "0123456789abcdef\n", 0644);
    CU_ASSERT_EQUAL(http_token_load(&rules, path, &err), EM_ERR_REFUSED);
    static const char *const bad[] = {"", "short", "0123456789 abcdef",
                                      "0123456789abcdef\nmore", "0123456789abcde;f"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put(path, bad[i], 0600);
        CU_ASSERT_EQUAL(http_token_load(&rules, path, &err), EM_ERR_INPUT);
        CU_ASSERT_FALSE(rules.has_token);
    }
    put(path, "0123456789abcdef\n", 0600);
    CU_ASSERT_EQUAL(http_token_load(&rules, path, &err), EM_OK);
    static const struct {
        const char *token, *cookie, *path;
        unsigned status;
    } rows[] = {
        {NULL, NULL, "/", 401},
        {NULL, NULL, "/nothing", 401},
        {NULL, "0123456789abcdeX", "/state", 401},
        {NULL, "", "/state", 401},
        {"0123456789abcdef0", NULL, "/", 401},
        {NULL, "0123456789abcdef", "/state", 200},
        {"0123456789abcdef", NULL, "/", 303},
        {"wrong", "0123456789abcdef", "/", 200},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct http_request request = {.method = "GET",
                                             .path = rows[i].path,
                                             .host = "10.0.0.1",
                                             .token = rows[i].token,
                                             .cookie = rows[i].cookie};
        http_judge(&answer, &rules, &request);
        CU_ASSERT_EQUAL(answer.status, rows[i].status);
        CU_ASSERT_EQUAL(answer.keep_token, rows[i].status == 303);
    }
    (void)unlink(path);
    (void)rmdir(dir);
}

/* ---- State ---- */

static char batch[] = "EX1</script>";
static char chip[] = "esp32c3";
static struct line_job job = {.name = batch, .chip = chip};

static void tell(const struct line_view *view, enum line_event_kind kind,
                 const struct line_slot_now *slot)
{
    static const struct line_totals totals = {.units = 12, .done = 3, .left_us = -1};
    const struct line_event event = {
        .kind = kind, .time_us = 1795248930250000, .slot = slot, .totals = &totals};
    view->event(view->user, &event);
}

static void on_state(void *user, const struct line_event *event)
{
    http_state_event(user, event);
}

static bool next_has(struct http_state *state, uint64_t *number, const char *text)
{
    struct em_buf out = {0};
    bool news = http_state_next(state, number, &out);
    em_buf_append_byte(&out, 0);
    bool has = news && strstr((const char *)out.data, text) != NULL;
    em_buf_free(&out);
    return has;
}

static void frames(void)
{
    struct line_slot slots[2];
    char names[2][8];
    struct line_station station = make_station(slots, names, 2);
    struct http_state state;
    struct line_view view = {on_state, &state};
    struct line_slot_now slot = make_slot(1, "A2", 7, LINE_FLASH, 5, 10);
    uint64_t quick = 0;
    uint64_t slow = 0;
    CU_ASSERT_EQUAL_FATAL(http_state_init(&state, &job, &station, NULL), EM_OK);
    CU_ASSERT_FALSE(next_has(&state, &quick, ""));
    CU_ASSERT(http_state_tick(&state, 1000, false));
    CU_ASSERT_FALSE(http_state_tick(&state, 1000, false));
    CU_ASSERT(next_has(&state, &quick, "event: all"));
    CU_ASSERT(next_has(&state, &slow, "\"slot\":\"A1\""));
    CU_ASSERT_FALSE(next_has(&state, &quick, ""));
    /* Many events between two ticks are one message, of the slot that changed. */
    for (uint64_t i = 0; i < 50; i++) {
        slot.done = i;
        tell(&view, LINE_EVENT_PROGRESS, &slot);
    }
    CU_ASSERT(http_state_tick(&state, 2000, false));
    struct em_buf out = {0};
    CU_ASSERT(http_state_next(&state, &quick, &out));
    em_buf_append_byte(&out, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *)out.data, "event: some"));
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *)out.data, "\"done\":49"));
    CU_ASSERT_PTR_NULL(strstr((const char *)out.data, "\"slot\":\"A1\""));
    em_buf_free(&out);
    CU_ASSERT_FALSE(next_has(&state, &quick, ""));
    /* Who falls behind gets all of it, once. */
    for (int i = 0; i < HTTP_FRAMES + 3; i++) {
        tell(&view, LINE_EVENT_PROGRESS, &slot);
        CU_ASSERT(http_state_tick(&state, 3000, false));
        CU_ASSERT(next_has(&state, &quick, "event: some"));
    }
    CU_ASSERT(next_has(&state, &slow, "event: all"));
    CU_ASSERT_EQUAL(slow, quick);
    /* A heartbeat is a message without news. */
    CU_ASSERT(http_state_tick(&state, 4000, true));
    CU_ASSERT(next_has(&state, &quick, "\"slots\":[]"));
    http_state_free(&state);
}

static void failures(void)
{
    struct line_slot slots[1];
    char names[1][8];
    struct line_station station = make_station(slots, names, 1);
    struct http_state state;
    struct line_view view = {on_state, &state};
    struct line_slot_now slot = make_slot(0, "A1", 7, LINE_VERDICT, 0, 0);
    uint64_t number = 0;
    CU_ASSERT_EQUAL_FATAL(http_state_init(&state, &job, &station, NULL), EM_OK);
    slot.verdict = LINE_FAIL;
    for (unsigned i = 0; i < HTTP_FAILURES + 2; i++) {
        (void)snprintf(slot.error.what, sizeof slot.error.what, "fault %u", i);
        tell(&view, LINE_EVENT_VERDICT, &slot);
    }
    tell(&view, LINE_EVENT_END, NULL);
    slot.slot = 99; /* of nobody */
    tell(&view, LINE_EVENT_VERDICT, &slot);
    CU_ASSERT(http_state_tick(&state, 1000, false));
    struct em_buf out = {0};
    CU_ASSERT(http_state_next(&state, &number, &out));
    em_buf_append_byte(&out, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *)out.data, "fault 7"));
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *)out.data, "fault 2"));
    CU_ASSERT_PTR_NULL(strstr((const char *)out.data, "fault 1"));
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *)out.data, "\"ended\":true"));
    em_buf_free(&out);
    http_state_free(&state);
}

/* ---- Over the wire ---- */

static int dial(const char *url)
{
    int fd = http_dial(url);
    CU_ASSERT_FATAL(fd >= 0);
    return fd;
}

static void ask(int fd, const char *request)
{
    CU_ASSERT_EQUAL(write(fd, request, strlen(request)), (ssize_t)strlen(request));
}

static bool read_until(int fd, const char *text)
{
    char got[65536];
    return http_read(fd, got, sizeof got, text) && strstr(got, text) != NULL;
}

static void wire(void)
{
    struct line_slot slots[2];
    char names[2][8];
    struct line_station station = make_station(slots, names, 2);
    struct line_http_options options = {.job = &job, .station = &station};
    struct line_http_view *http = NULL;
    struct line_view view;
    struct em_error err;
    struct line_slot_now slot = make_slot(1, "A2", 7, LINE_FLASH, 5, 10);
    options.address = "0.0.0.0:0";
    CU_ASSERT_EQUAL(line_http_view_new(&http, &view, &options, &err), EM_ERR_REFUSED);
    options.address = "nowhere";
    CU_ASSERT_EQUAL(line_http_view_new(&http, &view, &options, &err), EM_ERR_USAGE);
    options.address = "127.0.0.1:0";
    CU_ASSERT_EQUAL_FATAL(line_http_view_new(&http, &view, &options, &err), EM_OK);
    const char *url = line_http_view_url(http);
    int page = dial(url);
    ask(page, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CU_ASSERT(read_until(page, "EX1\\u003c/script>"));
    int viewer = dial(url);
    int dead = dial(url); /* asks, and never reads */
    int mute = dial(url); /* never asks */
    ask(viewer, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ask(dead, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CU_ASSERT(read_until(viewer, "event: all"));
    tell(&view, LINE_EVENT_STAGE, &slot);
    CU_ASSERT(read_until(viewer, "EX1-000007"));
    int bad = dial(url);
    ask(bad, "GET / HTTP/1.1\r\n\r\n"); /* no host */
    CU_ASSERT(read_until(bad, "HTTP/1.1 4"));
    int garbage = dial(url);
    ask(garbage, "\x16\x03\x01 nonsense\r\n:::\r\n\r\n");
    int strange = dial(url);
    ask(strange, "GET /state HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    CU_ASSERT(read_until(strange, "403"));
    int gone = dial(url);
    ask(gone, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CU_ASSERT_EQUAL(close(gone), 0);
    tell(&view, LINE_EVENT_END, NULL);
    line_http_view_free(http);
    CU_ASSERT(read_until(viewer, "\"ended\":true"));
    int fds[] = {page, viewer, dead, mute, bad, garbage, strange};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        (void)close(fds[i]);
}

static bool has_status(const char *answer, const char *statuses)
{
    return strncmp(answer, "HTTP/1.", 7) == 0 && strlen(answer) > 9 &&
           strchr(statuses, answer[9]) != NULL;
}

/* As they are, and with a byte or two changed, cut or doubled: each is answered or
 * closed, none stays open. */
static void mutate(const char *url, const char *request, unsigned rounds)
{
    uint32_t x = 2463534242U; /* xorshift: the same in every run */
    char text[512];
    char answer[4096];
    for (unsigned i = 0; i < rounds; i++) {
        size_t len = strlen(request);
        memcpy(text, request, len);
        for (unsigned changes = i % 3 + 1; changes > 0; changes--) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            size_t at = x % len;
            if (x >> 24 < 200) {
                text[at] = (char)(x >> 16);
            } else if (x >> 24 < 230) {
                len = at + 1;
            } else {
                memmove(text + at + 1, text + at, len - at);
                len++;
            }
        }
        bool ended = http_exchange(url, text, len, answer, sizeof answer);
        if (!ended)
            (void)fprintf(stderr, "stays open: %.*s\n", (int)len, text);
        CU_ASSERT_FATAL(ended);
        CU_ASSERT(answer[0] == '\0' || strncmp(answer, "HTTP/1.", 7) == 0);
    }
}

static void malformed(void)
{
    static const struct {
        const char *request, *statuses; /* first digits */
    } rows[] = {
        {"GET /state HTTP/1.1\r\nHost: localhost\r\n\r\n", "2"},
        {"HEAD /events HTTP/1.1\r\nHost: localhost\r\n\r\n", "2"},
        {"GET / HTTP/1.1\r\n\r\n", "4"},
        {"GET / HTTP/1.0\r\n\r\n", "4"},
        {"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", "4"},
        {"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", "4"},
        {"GET /state%00.css HTTP/1.1\r\nHost: localhost\r\n\r\n", "4"},
        {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", "4"},
        {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", "4"},
        {"PUT /state HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
         "fffffffffffffffff\r\n",
         "4"},
        {"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", "4"},
    };
    struct line_slot slots[2];
    char names[2][8];
    char answer[4096];
    struct line_station station = make_station(slots, names, 2);
    struct line_http_options options = {
        .job = &job, .station = &station, .address = "127.0.0.1:0"};
    struct line_http_view *http = NULL;
    struct line_view view;
    CU_ASSERT_EQUAL_FATAL(line_http_view_new(&http, &view, &options, NULL), EM_OK);
    const char *url = line_http_view_url(http);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT(http_exchange(url, rows[i].request, strlen(rows[i].request), answer,
                                sizeof answer));
        if (!has_status(answer, rows[i].statuses))
            (void)fprintf(stderr, "%s: %.60s\n", rows[i].request, answer);
        CU_ASSERT(has_status(answer, rows[i].statuses));
        mutate(url, rows[i].request, 50);
    }
    char *much = malloc(1 << 20); /* a header without end */
    CU_ASSERT_PTR_NOT_NULL_FATAL(much);
    memset(much, 'a', 1 << 20);
    memcpy(much, "GET / HTTP/1.1\r\nHost: ", 22);
    CU_ASSERT(http_exchange(url, much, 1 << 20, answer, sizeof answer));
    CU_ASSERT(answer[0] == '\0' || has_status(answer, "4"));
    free(much);
    CU_ASSERT(http_exchange(url, rows[0].request, strlen(rows[0].request), answer,
                            sizeof answer));
    CU_ASSERT(has_status(answer, "2"));
    line_http_view_free(http);
}

static const struct em_test tests[] = {
    {"addresses", addresses}, {"requests", requests}, {"tokens", tokens},
    {"frames", frames},       {"failures", failures}, {"wire", wire},
    {"malformed", malformed},
};

EM_TEST_MAIN("line in browsers", tests)
