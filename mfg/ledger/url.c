/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of ledgers: taken apart, and shown without their passwords. */
#include "config.h"

#include "mfg/ledger/url_int.h"

#include "mfg/ledger/ledger_int.h"

#include "base/buf_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_WAIT_S = 60,
    DEFAULT_ANSWER_S = 20,
    MOST_S = 86400, /* a day */
};

bool em_ledger_is_url(const char *url)
{
    return strstr(url, "://") != NULL;
}

static bool is_name(const char *text, size_t len, const char *name)
{
    return len == strlen(name) && strncmp(text, name, len) == 0;
}

/* ---- Shown ---- */

/* "user:PASSWORD@…"; up to the last '@' of all, as a password may have one, or a '/'. */
static const char *show_user(struct em_buf *out, const char *url)
{
    const char *host = strstr(url, "://") + 3;
    const char *at = strrchr(host, '@');
    const char *colon = at == NULL ? NULL : memchr(host, ':', (size_t)(at - host));
    if (colon == NULL)
        return url;
    em_buf_append(out, url, (size_t)(colon + 1 - url));
    em_buf_append_text(out, "***");
    return at;
}

static char *show(const char *url)
{
    struct em_buf out = {0};
    const char *rest = em_ledger_is_url(url) ? show_user(&out, url) : url;
    while (*rest != '\0') {
        size_t len = strcspn(rest, "?&");
        const char *equals = memchr(rest, '=', len);
        /* "password" and "sslpassword", in any case and encoded or not. */
        if (equals != NULL && em_ledger_is_url(url) &&
            (equals - rest >= 8 || memchr(rest, '%', (size_t)(equals - rest)) != NULL) &&
            !is_name(rest, (size_t)(equals - rest), "application_name") &&
            (memchr(rest, '%', (size_t)(equals - rest)) != NULL ||
             strncmp(equals - 8, "password", 8) == 0)) {
            em_buf_append(&out, rest, (size_t)(equals + 1 - rest));
            em_buf_append_text(&out, "***");
        } else {
            em_buf_append(&out, rest, len);
        }
        rest += len;
        if (*rest != '\0')
            em_buf_append_byte(&out, (uint8_t)*rest++);
    }
    em_buf_append_byte(&out, '\0');
    if (out.failed)
        em_buf_free(&out);
    return (char *)out.data;
}

void em_ledger_url_show(char *out, size_t size, const char *url)
{
    char *text = show(url);
    em_ledger_line(out, size, text == NULL ? "?" : text);
    free(text);
}

/* ---- Taken apart ---- */

static enum em_status take_seconds(unsigned *out_ms, const char *name, const char *text,
                                   size_t len, struct em_error *err)
{
    unsigned long seconds = 0;
    bool good = len > 0 && len <= 6;
    for (size_t i = 0; i < len && good; i++) {
        good = text[i] >= '0' && text[i] <= '9';
        seconds = seconds * 10 + (unsigned long)(text[i] - '0');
    }
    if (!good || seconds > MOST_S)
        return em_error_set(err, EM_ERR_USAGE, NULL,
                            "ledger: '%s=%.*s': seconds, from 0 to %d", name,
                            len > 40 ? 40 : (int)len, text, MOST_S);
    *out_ms = (unsigned)(seconds * 1000);
    return EM_OK;
}

static enum em_status take_schema(struct em_ledger_url *out, const char *text, size_t len,
                                  struct em_error *err)
{
    bool good = len > 0 && len < sizeof out->schema && strncmp(text, "pg_", 3) != 0;
    for (size_t i = 0; i < len && good; i++)
        good = isalnum((unsigned char)text[i]) || strchr("_-.", text[i]) != NULL;
    if (!good)
        return em_error_set(err, EM_ERR_USAGE, NULL,
                            "ledger: 'schema=%.*s': 1 to 63 letters, digits, '_', '-' or "
                            "'.', not beginning with 'pg_'",
                            len > 80 ? 80 : (int)len, text);
    memcpy(out->schema, text, len);
    out->schema[len] = '\0';
    return EM_OK;
}

/* One "name=value" of the query; ours are taken, others stay in @p server. */
static enum em_status take(struct em_ledger_url *out, struct em_buf *server, bool *first,
                           const char *text, size_t len, struct em_error *err)
{
    const char *equals = memchr(text, '=', len);
    size_t name = equals == NULL ? len : (size_t)(equals - text);
    const char *value = equals == NULL ? text + len : equals + 1;
    size_t value_len = len - (size_t)(value - text);
    if (is_name(text, name, "schema"))
        return take_schema(out, value, value_len, err);
    if (is_name(text, name, "wait"))
        return take_seconds(&out->wait_ms, "wait", value, value_len, err);
    if (is_name(text, name, "answer"))
        return take_seconds(&out->answer_ms, "answer", value, value_len, err);
    em_buf_append_byte(server, *first ? '?' : '&');
    em_buf_append(server, text, len);
    *first = false;
    return EM_OK;
}

/* Otherwise a part of the password would be taken for the host, and told. */
static enum em_status check_at(const char *url, struct em_error *err)
{
    char shown[256];
    const char *host = strstr(url, "://") + 3;
    const char *at = strrchr(host, '@');
    if (at == NULL || (strchr(host, '@') == at && at < host + strcspn(host, "/?")))
        return EM_OK;
    em_ledger_url_show(shown, sizeof shown, url);
    return em_error_set(err, EM_ERR_USAGE,
                        "or leave the password out, and put it into ~/.pgpass",
                        "ledger '%s': '@', '/' and '?' of names and passwords have to be "
                        "written as %%40, %%2F and %%3F",
                        shown);
}

enum em_status em_ledger_url_parse(struct em_ledger_url *out, const char *url,
                                   struct em_error *err)
{
    struct em_buf server = {0};
    bool first = true;
    enum em_status status = check_at(url, err);
    *out = (struct em_ledger_url){.wait_ms = DEFAULT_WAIT_S * 1000,
                                  .answer_ms = DEFAULT_ANSWER_S * 1000,
                                  .schema = "espmfg"};
    const char *query = strchr(url, '?');
    em_buf_append(&server, url, query == NULL ? strlen(url) : (size_t)(query - url));
    while (query != NULL && status == EM_OK) {
        const char *text = query + 1;
        size_t len = strcspn(text, "&");
        status = take(out, &server, &first, text, len, err);
        query = text[len] == '&' ? text + len : NULL;
    }
    if (status == EM_OK && out->answer_ms == 0)
        status = em_error_set(err, EM_ERR_USAGE, NULL,
                              "ledger: 'answer=0': a second at least");
    em_buf_append_byte(&server, '\0');
    if (server.failed) {
        em_buf_free(&server);
        status = status == EM_OK ? em_error_nomem(err) : status;
    }
    out->server = (char *)server.data;
    out->shown = show(url);
    return status == EM_OK && out->shown == NULL ? em_error_nomem(err) : status;
}

void em_ledger_url_free(struct em_ledger_url *url)
{
    free(url->server);
    free(url->shown);
    *url = (struct em_ledger_url){.server = NULL};
}
