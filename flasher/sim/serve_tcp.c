/* SPDX-License-Identifier: Apache-2.0 */
/* TCP ports with a simulated chip behind them: one host at a time, many in a row. */
#include "config.h"

#include "flasher/sim/serve_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAITING = 8 };

enum em_status em_sim_tcp_listen(struct em_sim_slot *slot, uint16_t *port,
                                 struct em_error *err)
{
    const int on = 1;
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr.sin_port = htons(*port);
    slot->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    int fd = slot->listen_fd;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0 ||
        listen(fd, WAITING) != 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        int cause = errno;
        return em_error_set(err, EM_ERR_PORT, "port 0 takes any that is free",
                            "cannot listen on TCP port %u: %s", *port, strerror(cause));
    }
    *port = ntohs(addr.sin_port);
    return EM_OK;
}

void em_sim_tcp_accept(struct em_sim_slot *slot)
{
    const int on = 1;
    int fd = accept(slot->listen_fd, NULL, NULL);
    if (fd < 0) /* it went away again */
        return;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        (void)close(fd); /* the host sees the end of it */
        return;
    }
    slot->fd = fd;
    em_buf_clear(&slot->out);
    slot->out_at = 0;
    if (slot->kind == EM_SIM_RFC2217)
        em_sim_rfc2217_begin(slot);
}

void em_sim_tcp_hang_up(struct em_sim_slot *slot)
{
    if (slot->fd >= 0)
        (void)close(slot->fd); /* what it did not read it does not want */
    slot->fd = -1;
    em_sim_set_baud(slot->sim, 0);
}
