/* SPDX-License-Identifier: Apache-2.0 */
/* A network that can be cut: passes TCP connections on to a port of this machine.
 *
 * usage: tcp_cut PORT. The port it listens at is printed; then each letter on stdin is a
 * command, answered by itself on stdout:
 *   p  pass everything on (connections that lost bytes are closed)
 *   m  mute: connections stay, and nothing gets through
 *   x  close all connections
 *   r  refuse: likewise, and all new ones as well
 *   c  the next COMMIT gets through, its answer does not: closed a moment later
 *   d  the next COMMIT does not get through: closed at once */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

enum { MOST = 128, COMMIT_MS = 150 };

struct pair {
    int fd[2]; /* of the client, of the server */
    bool spoilt;
};

struct proxy {
    struct pair pairs[MOST];
    int count;
    int listening;
    unsigned short target;
    char mode;
};

static int loopback(unsigned short port, bool listening)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const struct sockaddr *to = (const struct sockaddr *)(const void *)&addr;
    if (fd >= 0 && (listening ? bind(fd, to, sizeof addr) != 0 || listen(fd, 64) != 0
                              : connect(fd, to, sizeof addr) != 0)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void drop(struct proxy *proxy, int i)
{
    (void)close(proxy->pairs[i].fd[0]);
    if (proxy->pairs[i].fd[1] >= 0)
        (void)close(proxy->pairs[i].fd[1]);
    proxy->pairs[i] = proxy->pairs[--proxy->count];
}

static void take(struct proxy *proxy)
{
    int client = accept(proxy->listening, NULL, NULL);
    if (client < 0 || proxy->count == MOST) {
        if (client >= 0)
            (void)close(client);
        return;
    }
    bool passes = proxy->mode != 'm' && proxy->mode != 'r';
    int server = passes ? loopback(proxy->target, false) : -1;
    if (server < 0 && proxy->mode != 'm') {
        (void)close(client);
        return;
    }
    proxy->pairs[proxy->count++] =
        (struct pair){.fd = {client, server}, .spoilt = server < 0};
}

static bool has_commit(const char *data, size_t len)
{
    for (size_t i = 0; i + 6 <= len; i++) {
        if (memcmp(data + i, "COMMIT", 6) == 0)
            return true;
    }
    return false;
}

/* false: the pair is at its end. */
static bool pass(struct proxy *proxy, struct pair *pair, int from)
{
    char data[16384];
    ssize_t len = read(pair->fd[from], data, sizeof data);
    if (len <= 0)
        return len < 0 && errno == EINTR;
    if (proxy->mode == 'm')
        pair->spoilt = true;
    if (pair->spoilt)
        return true;
    bool cut = from == 0 && (proxy->mode == 'c' || proxy->mode == 'd') &&
               has_commit(data, (size_t)len);
    if (cut && proxy->mode == 'd') {
        proxy->mode = 'p';
        return false;
    }
    for (ssize_t at = 0; at < len;) {
        ssize_t put =
            send(pair->fd[1 - from], data + at, (size_t)(len - at), MSG_NOSIGNAL);
        if (put <= 0)
            return false;
        at += put;
    }
    if (cut) {
        proxy->mode = 'p';
        (void)poll(NULL, 0, COMMIT_MS); /* until the server has done it */
    }
    return !cut;
}

/* false: stdin has ended. */
static bool obey(struct proxy *proxy)
{
    char letter;
    if (read(STDIN_FILENO, &letter, 1) != 1)
        return false;
    if (letter == '\n')
        return true;
    if (letter != 'x')
        proxy->mode = letter;
    for (int i = proxy->count - 1; i >= 0; i--) {
        if (letter == 'x' || letter == 'r' || (letter == 'p' && proxy->pairs[i].spoilt))
            drop(proxy, i);
    }
    return write(STDOUT_FILENO, &letter, 1) == 1;
}

static void pass_all(struct proxy *proxy, const struct pollfd *fds, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        bool good = true;
        for (int side = 0; side < 2 && good; side++) {
            if (fds[2 + 2 * i + side].revents != 0)
                good = pass(proxy, &proxy->pairs[i], side);
        }
        if (!good)
            drop(proxy, i);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in addr;
    socklen_t len = sizeof addr;
    struct proxy proxy = {.mode = 'p'};
    proxy.target = (unsigned short)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0);
    proxy.listening = loopback(0, true);
    if (proxy.listening < 0 ||
        getsockname(proxy.listening, (struct sockaddr *)(void *)&addr, &len) != 0)
        return 1;
    printf("%d\n", ntohs(addr.sin_port));
    (void)fflush(stdout);
    for (;;) {
        struct pollfd fds[2 + 2 * MOST];
        int count = proxy.count;
        fds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = proxy.listening, .events = POLLIN};
        for (int i = 0; i < count; i++) {
            for (int side = 0; side < 2; side++)
                fds[2 + 2 * i + side] =
                    (struct pollfd){.fd = proxy.pairs[i].fd[side], .events = POLLIN};
        }
        if (poll(fds, (nfds_t)(2 + 2 * count), -1) < 0 && errno != EINTR)
            return 1;
        pass_all(&proxy, fds, count);
        if (fds[1].revents != 0)
            take(&proxy);
        if (fds[0].revents != 0 && !obey(&proxy))
            return 0;
    }
}
