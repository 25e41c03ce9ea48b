/* SPDX-License-Identifier: Apache-2.0 */
/* Who may see a line in a browser: addresses, names of hosts, and the token. */
#include "config.h"

#include "src/line/http.h"

#include "base/error_int.h"
#include "base/file_int.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* ---- Addresses ---- */

static bool parse_port(uint16_t *out, const char *text)
{
    size_t len = strspn(text, "0123456789");
    unsigned value = 0;
    if (len == 0 || len > 5 || text[len] != '\0')
        return false;
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (unsigned)(text[i] - '0');
    *out = (uint16_t)value;
    return value <= UINT16_MAX;
}

static bool parse_host(struct http_address *out, const char *host, uint16_t port)
{
    *out = (struct http_address){.is_v6 = false};
    if (strcasecmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &out->at.v4.sin_addr) == 1) {
        out->at.v4.sin_family = AF_INET;
        out->at.v4.sin_port = htons(port);
        out->loopback = ntohl(out->at.v4.sin_addr.s_addr) >> 24 == 127;
        return true;
    }
    if (inet_pton(AF_INET6, host, &out->at.v6.sin6_addr) != 1)
        return false;
    out->is_v6 = true;
    out->at.v6.sin6_family = AF_INET6;
    out->at.v6.sin6_port = htons(port);
    out->loopback = IN6_IS_ADDR_LOOPBACK(&out->at.v6.sin6_addr);
    return true;
}

enum em_status http_address_parse(struct http_address *out, const char *text,
                                  struct em_error *err)
{
    char host[64] = "127.0.0.1";
    const char *colon = strrchr(text, ':');
    const char *from = text;
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    uint16_t port = 0;
    bool good = parse_port(&port, colon == NULL ? text : colon + 1);
    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        from++;
        len -= 2;
    } else if (memchr(text, ':', len) != NULL) {
        good = false; /* IPv6 without brackets */
    }
    if (len >= sizeof host)
        good = false;
    if (good && colon != NULL) {
        memcpy(host, from, len);
        host[len] = '\0';
    }
    if (good && parse_host(out, host, port))
        return EM_OK;
    return em_error_set(
        err, EM_ERR_USAGE,
        "write 127.0.0.1:8080, [::1]:8080, or a port of this computer alone",
        "--http '%s' is no address and port", text);
}

void http_address_url(char *out, size_t size, const struct http_address *address)
{
    char host[INET6_ADDRSTRLEN] = "";
    const void *at = address->is_v6 ? (const void *)&address->at.v6.sin6_addr
                                    : (const void *)&address->at.v4.sin_addr;
    uint16_t port = address->is_v6 ? address->at.v6.sin6_port : address->at.v4.sin_port;
    (void)inet_ntop(address->at.any.sa_family, at, host, sizeof host); /* has room */
    (void)snprintf(out, size, address->is_v6 ? "http://[%s]:%u/" : "http://%s:%u/", host,
                   (unsigned)ntohs(port));
}

/* ---- The token ---- */

static bool is_token_letter(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '-' || c == '.' || c == '_' || c == '~'; /* what URLs and cookies take */
}

static enum em_status take_token(struct http_rules *rules, const char *path,
                                 const struct em_buf *content, struct em_error *err)
{
    const char *text = (const char *)content->data;
    size_t len = 0;
    while (len < content->len && is_token_letter(text[len]))
        len++;
    size_t end = len;
    while (end < content->len && (text[end] == '\n' || text[end] == '\r'))
        end++;
    if (end != content->len || len < HTTP_TOKEN_MIN || len > HTTP_TOKEN_MAX)
        return em_error_set(
            err, EM_ERR_INPUT, "make one with: openssl rand -hex 16",
            "'%s' is no token: from %d to %d letters, digits, '-', '.', '_' "
            "or '~' in one line",
            path, HTTP_TOKEN_MIN, HTTP_TOKEN_MAX);
    (void)SHA256(content->data, len, rules->token); /* cannot fail */
    rules->has_token = true;
    return EM_OK;
}

enum em_status http_token_load(struct http_rules *rules, const char *path,
                               struct em_error *err)
{
    struct em_buf content = {0};
    struct stat st;
    enum em_status status = em_file_read(&content, path, 4096, err);
    if (status == EM_OK && stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        status = em_error_set(err, EM_ERR_REFUSED, "chmod 600 it, and put a new token in",
                              "token file '%s' can be read by others", path);
    if (status == EM_OK)
        status = take_token(rules, path, &content, err);
    em_buf_wipe(&content);
    return status;
}

/* In a time that tells nothing about how much of it is right. */
static bool is_token(const struct http_rules *rules, const char *text)
{
    unsigned char digest[HTTP_DIGEST];
    if (text == NULL)
        return false;
    (void)SHA256((const unsigned char *)text, strlen(text), digest); /* cannot fail */
    return CRYPTO_memcmp(digest, rules->token, sizeof digest) == 0;
}

/* ---- Requests ---- */

/* A page of somebody else whose name suddenly stands for this computer (DNS rebinding)
 * asks by that name: addresses, localhost and this computer's own name are none of
 * those. Any port: it may be forwarded. */
static bool is_host(const struct http_rules *rules, const char *host)
{
    char name[300];
    unsigned char address[16];
    uint16_t port;
    if (host == NULL || strlen(host) >= sizeof name)
        return false;
    (void)snprintf(name, sizeof name, "%s", host); /* fits */
    char *end = name[0] == '[' ? strchr(name, ']') : strchr(name, ':');
    const char *behind = end == NULL ? "" : name[0] == '[' ? end + 1 : end;
    if (*behind != '\0' && (*behind != ':' || !parse_port(&port, behind + 1)))
        return false;
    if (end != NULL)
        *end = '\0';
    if (name[0] == '[')
        return end != NULL && inet_pton(AF_INET6, name + 1, address) == 1;
    if (inet_pton(AF_INET, name, address) == 1 || strcasecmp(name, "localhost") == 0)
        return true;
    size_t len = strlen(rules->machine);
    return len > 0 && strncasecmp(name, rules->machine, len) == 0 &&
           (name[len] == '\0' || strcasecmp(name + len, ".local") == 0);
}

static const struct {
    const char *path;
    enum http_what what;
} paths[] = {
    {"/", HTTP_PAGE},         {"/live.css", HTTP_STYLE}, {"/live.js", HTTP_SCRIPT},
    {"/icon.svg", HTTP_ICON}, {"/state", HTTP_STATE},    {"/events", HTTP_EVENTS},
};

void http_judge(struct http_answer *out, const struct http_rules *rules,
                const struct http_request *request)
{
    *out = (struct http_answer){.status = 200, .what = HTTP_TEXT};
    if (!is_host(rules, request->host)) {
        out->status = 403;
        out->text = "This name is not one of this computer. Use its address.\n";
        return;
    }
    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        out->status = 405;
        out->text = "This view can only be looked at.\n";
        return;
    }
    if (rules->has_token && is_token(rules, request->token)) {
        out->status = 303;
        out->keep_token = true;
        out->text = "\n";
        return;
    }
    if (rules->has_token && !is_token(rules, request->cookie)) {
        out->status = 401;
        out->text = "A token is needed: open /?token=TOKEN once.\n";
        return;
    }
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(request->path, paths[i].path) == 0) {
            out->what = paths[i].what;
            return;
        }
    }
    out->status = 404;
    out->text = "There is nothing here. The line is at /.\n";
}
