/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the view in browsers, after libmicrohttpd: lines are the method, path,
 * host, token, cookie and, as an address, an option of the command line. */
#include "config.h"

#include "src/line/http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *parts[6] = {NULL};
    struct http_rules rules = {.machine = "station", .has_token = size % 2 == 0};
    struct http_answer answer;
    struct http_address address;
    char url[80];
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
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
    return 0;
}
