/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the view in browsers. Inputs that begin with '!' go over the wire to a
 * view; otherwise lines are the method, path, host, token, cookie and, as an address, an
 * option of the command line. */
#include "config.h"

#include "src/line/http.h"

#include "tests/http_util.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct line_http_view *view(void)
{
    static char names[] = "A1";
    static char batch[] = "batch";
    static char chip[] = "esp32c3";
    static struct line_slot slots[] = {{.name = names}};
    static struct line_job job = {.name = batch, .chip = chip};
    static struct line_station station = {.slots = slots, .slot_count = 1};
    static struct line_http_view *http;
    static struct line_view events;
    const struct line_http_options options = {
        .job = &job, .station = &station, .address = "127.0.0.1:0"};
    if (http == NULL && line_http_view_new(&http, &events, &options, NULL) != EM_OK)
        abort();
    return http;
}

/* Whatever comes, it is answered or closed, and what is answered was asked for. */
static void over_the_wire(const uint8_t *data, size_t size)
{
    static const char good[] = "GET /state HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static unsigned long rounds;
    char answer[8192];
    const char *url = line_http_view_url(view());
    if (!http_exchange(url, data, size, answer, sizeof answer))
        abort();
    if (answer[0] != '\0' && strncmp(answer, "HTTP/1.", 7) != 0)
        abort();
    if (strncmp(answer, "HTTP/1.1 200", 12) == 0 && memchr(data, '/', size) == NULL)
        abort();
    if (rounds++ % 64 == 0 &&
        (!http_exchange(url, good, sizeof good - 1, answer, sizeof answer) ||
         strstr(answer, "\"batch\"") == NULL))
        abort(); /* others are still served */
}

static void judge(const uint8_t *data, size_t size)
{
    const char *parts[6] = {NULL};
    struct http_rules rules = {.machine = "station", .has_token = size % 2 == 0};
    struct http_answer answer;
    struct http_address address;
    char url[80];
    char *text = malloc(size + 1);
    if (text == NULL)
        return;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    char *rest = text;
    for (size_t i = 0; i < 6 && rest != NULL; i++) {
        parts[i] = rest;
        rest = strchr(rest, '\n');
        if (rest != NULL)
            *rest++ = '\0';
    }
    const struct http_request request = {.method = parts[0],
                                         .path = parts[1] == NULL ? "/" : parts[1],
                                         .host = parts[2],
                                         .token = parts[3],
                                         .cookie = parts[4]};
    http_judge(&answer, &rules, &request);
    if ((answer.text == NULL) != (answer.status == 200) ||
        (answer.status == 200 && (rules.has_token || request.host == NULL)))
        abort(); /* nobody can know the token: its digest is all zeros */
    if (parts[5] != NULL && http_address_parse(&address, parts[5], NULL) == EM_OK)
        http_address_url(url, sizeof url, &address);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == '!')
        over_the_wire(data + 1, size - 1);
    else
        judge(data, size);
    return 0;
}
