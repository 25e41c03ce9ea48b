/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, sent to a view in browsers over the loopback device, and what comes back. */
#ifndef TESTS_HTTP_UTIL_H
#define TESTS_HTTP_UTIL_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connection to the IPv4 address that stands in @p url; -1: there is none. */
static inline int http_dial(const char *url)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* What has come from @p fd, ended by NUL, when the other end has closed it, @p size is
 * full, or @p until has come. false: nothing more came for 20 s. */
static inline bool http_read(int fd, char *out, size_t size, const char *until)
{
    struct pollfd in = {.fd = fd, .events = POLLIN};
    size_t len = 0;
    out[0] = '\0';
    while (len + 1 < size) {
        if (poll(&in, 1, 20000) != 1)
            return false;
        ssize_t n = read(fd, out + len, size - len - 1);
        if (n <= 0)
            return true;
        len += (size_t)n;
        out[len] = '\0';
        if (until != NULL && strstr(out, until) != NULL)
            return true;
    }
    return true;
}

/* Send it, close this direction, and read the answer, of endless ones the beginning. */
static inline bool http_exchange(const char *url, const void *data, size_t len, char *out,
                                 size_t size)
{
    int fd = http_dial(url);
    out[0] = '\0';
    if (fd < 0)
        return false;
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0) /* the other end has heard enough */
            break;
        data = (const char *)data + n;
        len -= (size_t)n;
    }
    (void)shutdown(fd, SHUT_WR); /* it may be closed already */
    bool good = http_read(fd, out, size, "text/event-stream");
    (void)close(fd);
    return good;
}

#endif
