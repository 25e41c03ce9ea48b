/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to servers that have the port: names and connecting. */
#include "config.h"

#include "flasher/transport/fault_int.h"
#include "flasher/transport/net_int.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECT_S = 5 };

static enum em_status bad_name(const char *name, const char *scheme, const char *what,
                               struct em_error *err)
{
    char hint[96];
    (void)snprintf(hint, sizeof hint,
                   "write it as %sHOST:PORT, IPv6 addresses in brackets", scheme);
    return em_error_set(err, EM_ERR_USAGE, hint, "port '%s': %s", name, what);
}

enum em_status em_net_parse(struct em_net_name *out, const char *name, const char *scheme,
                            struct em_error *err)
{
    *out = (struct em_net_name){{0}, {0}, {0}};
    const char *host = name + strlen(scheme);
    const char *end = host + strcspn(host, "?");
    const char *host_end, *port;
    if (*host == '[') {
        host++;
        host_end = host + strcspn(host, "]?");
        if (*host_end != ']')
            return bad_name(name, scheme, "the bracket is not closed", err);
        port = host_end + 1;
    } else {
        host_end = host + strcspn(host, ":/?");
        port = host_end;
    }
    if (host_end == host)
        return bad_name(name, scheme, "the host is missing", err);
    if ((size_t)(host_end - host) >= sizeof out->host)
        return bad_name(name, scheme, "the host has more than 255 characters", err);
    if (*port != ':')
        return bad_name(name, scheme, "the port number is missing", err);
    port++;
    size_t digits = strspn(port, "0123456789");
    const char *rest = port + digits;
    if (rest < end && *rest == '/') /* as in a URL; a path means nothing */
        rest++;
    long number = digits > 0 && digits < sizeof out->port ? strtol(port, NULL, 10) : 0;
    if (rest != end || number < 1 || number > 65535)
        return bad_name(name, scheme, "the port is no number from 1 to 65535", err);
    if (*end == '?' && strlen(end + 1) >= sizeof out->options)
        return bad_name(name, scheme, "the options have more than 127 characters", err);
    memcpy(out->host, host, (size_t)(host_end - host));
    memcpy(out->port, port, digits);
    if (*end == '?')
        memcpy(out->options, end + 1, strlen(end + 1));
    return EM_OK;
}

bool em_net_next_option(const char **rest, char key[32], char value[32])
{
    while (**rest == '&')
        ++*rest;
    if (**rest == '\0')
        return false;
    size_t len = strcspn(*rest, "&");
    size_t key_len = strcspn(*rest, "&=");
    size_t value_at = key_len < len ? key_len + 1 : len;
    (void)snprintf(key, 32, "%.*s", (int)key_len, *rest);
    (void)snprintf(value, 32, "%.*s", (int)(len - value_at), *rest + value_at);
    *rest += len;
    return true;
}

/* 0, or an errno. */
static int connect_one(int *fd_out, const struct addrinfo *to, int64_t deadline_us)
{
    int fd = socket(to->ai_family, to->ai_socktype, to->ai_protocol);
    if (fd < 0)
        return errno;
    int failed = 0;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
        connect(fd, to->ai_addr, to->ai_addrlen) != 0)
        failed = errno;
    if (failed == EINPROGRESS || failed == EINTR) {
        int ready = em_fd_wait(fd, POLLOUT, deadline_us);
        socklen_t size = sizeof failed;
        if (ready <= 0)
            failed = ready == 0 ? ETIMEDOUT : -ready;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0)
            failed = errno;
    }
    if (failed != 0) {
        (void)close(fd); /* it was not connected */
        return failed;
    }
    int one = 1;
    /* Requests are short and wait for answers: sending late costs 40 ms each. Without it
     * all works, only slower. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    *fd_out = fd;
    return 0;
}

static enum em_status cannot_connect(const char *name, int errnum, struct em_error *err)
{
    char reason[96];
    switch (errnum) {
    case ECONNREFUSED:
        return em_error_set(err, EM_ERR_PORT,
                            "start the server there (mfg_sim --tcp?), check the port "
                            "number",
                            "connection to '%s' refused", name);
    case ETIMEDOUT:
        return em_error_set(err, EM_ERR_PORT, "check host name, network and firewall",
                            "no answer from '%s' within %d s", name, CONNECT_S);
    default:
        em_port_reason(reason, sizeof reason, errnum);
        return em_error_set(err, EM_ERR_PORT, "check host name, network and firewall",
                            "cannot connect to '%s': %s", name, reason);
    }
}

enum em_status em_net_connect(struct em_fd *f, const struct em_net_name *name,
                              struct em_error *err)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int unknown = getaddrinfo(name->host, name->port, &hints, &list);
    if (unknown != 0)
        return em_error_set(err, EM_ERR_PORT, "check its spelling and the network",
                            "'%s': host '%s' is not known: %s", f->io.name, name->host,
                            gai_strerror(unknown));
    int64_t deadline_us = em_fd_now_us(&f->io) + CONNECT_S * INT64_C(1000000);
    int failed = ECONNREFUSED;
    f->is_socket = true;
    for (const struct addrinfo *to = list; to != NULL; to = to->ai_next) {
        failed = connect_one(&f->fd, to, deadline_us);
        if (failed == 0)
            break;
    }
    freeaddrinfo(list);
    f->awaiting = f->unsent = false;
    return failed == 0 ? EM_OK : cannot_connect(f->io.name, failed, err);
}
