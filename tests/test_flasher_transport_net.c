/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets and RFC 2217 over the loopback, against small servers in another process. */
#define _GNU_SOURCE /* ptsname_r() */
#include "config.h"

#include "flasher/transport/telnet_int.h"
#include "tests/test_flasher_transport_util.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* How the server behaves. */
enum manner {
    ECHO,       /* plain bytes back */
    HANG_UP,    /* closes at once */
    SERIAL,     /* RFC 2217: echoes data; answers what it is asked */
    SILENT,     /* the same without answers about lines and purging */
    OTHER_BAUD, /* the same at 9600 whatever is asked */
    REFUSES,    /* telnet without the serial port option */
    MUTE,       /* takes all, says nothing */
    SUSPENDS,   /* RFC 2217: no data for a while right at the start */
};

struct server {
    pid_t pid;
    unsigned port;
};

static bool send_all(int fd, struct em_buf *out)
{
    bool good = out->len == 0 || send(fd, out->data, out->len, MSG_NOSIGNAL) >= 0;
    em_buf_clear(out);
    return good;
}

/* One request of the client. Lines show in the data as letters: d D r R. */
static void answer(const struct em_telnet *telnet, enum manner manner, struct em_buf *out)
{
    uint8_t command;
    uint32_t value;
    size_t len;
    if (!em_telnet_comport(telnet, &command, &value, &len))
        return;
    uint8_t to = (uint8_t)(command + EM_COMPORT_ANSWER);
    if (command == EM_COMPORT_BAUDRATE) {
        em_telnet_append_comport_word(out, to, manner == OTHER_BAUD ? 9600 : value);
        return;
    }
    if (command == EM_COMPORT_CONTROL && value >= EM_COMPORT_DTR_ON)
        em_buf_append(out, &"Dd?Rr"[value - EM_COMPORT_DTR_ON], 1);
    if (manner != SILENT)
        em_telnet_append_comport_byte(out, to, (uint8_t)value);
}

static void serve_telnet(int fd, enum manner manner)
{
    struct em_telnet telnet;
    struct em_buf data = {0}, out = {0};
    uint8_t raw[1024];
    ssize_t n;
    em_telnet_init(&telnet, true);
    if (manner == REFUSES)
        em_telnet_append_option(&out, EM_TELNET_DONT, EM_TELNET_COMPORT);
    else if (manner != MUTE)
        em_telnet_start(&telnet, &out);
    if (manner == SUSPENDS)
        em_telnet_append_comport(&out, EM_COMPORT_SUSPEND + EM_COMPORT_ANSWER, NULL, 0);
    bool good = send_all(fd, &out);
    while (good && (n = read(fd, raw, sizeof raw)) > 0) {
        size_t at = manner == REFUSES || manner == MUTE ? (size_t)n : 0;
        size_t used;
        while (at < (size_t)n) {
            enum em_telnet_event event =
                em_telnet_feed(&telnet, raw + at, (size_t)n - at, &used, &data, &out);
            at += used;
            /* Order matters: data before a request goes out before its answer. */
            em_telnet_append(&out, data.data, data.len);
            em_buf_clear(&data);
            if (event == EM_TELNET_SUB)
                answer(&telnet, manner, &out);
            if (event == EM_TELNET_SUB && manner == SUSPENDS &&
                telnet.sub[0] == EM_COMPORT_CONTROL)
                em_telnet_append_comport(&out, EM_COMPORT_RESUME + EM_COMPORT_ANSWER,
                                         NULL, 0);
        }
        good = send_all(fd, &out);
    }
    em_buf_free(&data);
    em_buf_free(&out);
}

static void serve(int listener, enum manner manner)
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            _exit(1);
        uint8_t raw[1024];
        ssize_t n;
        if (manner == ECHO) {
            while ((n = read(fd, raw, sizeof raw)) > 0) {
                if (send(fd, raw, (size_t)n, MSG_NOSIGNAL) < 0)
                    break;
            }
        } else if (manner != HANG_UP) {
            serve_telnet(fd, manner);
        }
        (void)close(fd);
    }
}

/* false: this machine has no such loopback. */
static bool start_server(struct server *server, int family, enum manner manner)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *addr =
        family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
    int listener = socket(family, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, addr, size) != 0 || listen(listener, 4) != 0 ||
        getsockname(listener, addr, &size) != 0) {
        if (listener >= 0)
            (void)close(listener);
        return false;
    }
    server->port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    server->pid = fork();
    CU_ASSERT_TRUE_FATAL(server->pid >= 0);
    if (server->pid == 0) {
        (void)alarm(60); /* it must not outlive a test that was ended */
        serve(listener, manner);
    }
    (void)close(listener);
    return true;
}

static void stop_server(const struct server *server)
{
    CU_ASSERT_EQUAL(kill(server->pid, SIGKILL), 0);
    CU_ASSERT_EQUAL(waitpid(server->pid, NULL, 0), server->pid);
}

static enum em_status open_at(struct em_io **io, const char *format_before,
                              const struct server *server, const char *behind,
                              struct em_error *err)
{
    char name[128];
    (void)snprintf(name, sizeof name, "%s:%u%s", format_before, server->port, behind);
    return em_io_open(io, name, 115200, err);
}

static void exchange(struct em_io *io)
{
    struct em_error err;
    uint8_t sent[3000], got[3000] = {0};
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = i % 5 == 0 ? 0xFF : (uint8_t)i;
    EM_CHECK_STATUS(io->ops->write(io, sent, sizeof sent, SOON_US, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(read_pipe(io, got, sizeof got), sizeof got);
    EM_CHECK_BYTES(got, sent, sizeof sent);
}

static void test_socket(void)
{
    static const struct {
        int family;
        const char *name, *behind;
    } cases[] = {
        {AF_INET, "socket://127.0.0.1", ""},
        {AF_INET, "socket://127.0.0.1", "/"},
        {AF_INET, "socket://localhost", "?logging=debug"},
        {AF_INET6, "socket://[::1]", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct server server;
        struct em_io *io;
        struct em_error err;
        if (!start_server(&server, cases[i].family, ECHO)) {
            printf("\n  SKIPPED %s: no such loopback here\n", cases[i].name);
            continue;
        }
        EM_CHECK_STATUS(open_at(&io, cases[i].name, &server, cases[i].behind, &err),
                        EM_OK, &err);
        if (io != NULL) {
            CU_ASSERT_FALSE(io->has_lines);
            EM_CHECK_STATUS(io->ops->set_lines(io, 1, 1, &err), EM_OK, &err);
            EM_CHECK_STATUS(io->ops->set_baud(io, 921600, &err), EM_OK, &err);
            exchange(io);
            EM_CHECK_STATUS(io->ops->reopen(io, &err), EM_OK, &err);
            exchange(io);
        }
        em_io_close(io);
        stop_server(&server);
    }
}

static void test_socket_faults(void)
{
    struct server server;
    struct em_io *io;
    struct em_error err;
    uint8_t byte;
    size_t len;
    CU_ASSERT_TRUE_FATAL(start_server(&server, AF_INET, HANG_UP));
    EM_CHECK_STATUS(open_at(&io, "socket://127.0.0.1", &server, "", &err), EM_OK, &err);
    EM_CHECK_STATUS(io->ops->read(io, &byte, 1, SOON_US, &len, &err), EM_ERR_PORT, &err);
    EM_CHECK_HAS(err.what, "is closed");
    EM_CHECK_STATUS(io->ops->write(io, &byte, 1, SOON_US, &err), EM_ERR_PORT, &err);
    EM_CHECK_STATUS(io->ops->set_lines(io, 0, 0, &err), EM_ERR_PORT, &err);
    EM_CHECK_STATUS(io->ops->set_baud(io, 9600, &err), EM_ERR_PORT, &err);
    stop_server(&server);
    EM_CHECK_STATUS(io->ops->reopen(io, &err), EM_ERR_PORT, &err);
    EM_CHECK_HAS(err.what, "refused");
    em_io_close(io);
    EM_CHECK_STATUS(open_at(&io, "socket://127.0.0.1", &server, "", &err), EM_ERR_PORT,
                    &err);
    EM_CHECK_HAS(err.what, "refused");
    CU_ASSERT_PTR_NULL(io);
    /* RFC 2606 keeps this name free; without a network it is not known either. */
    EM_CHECK_STATUS(em_io_open(&io, "socket://nobody.invalid:1", 9600, &err), EM_ERR_PORT,
                    &err);
    EM_CHECK_HAS(err.what, "host 'nobody.invalid' is not known");
}

/* The lines that the server saw, in order. */
static void check_lines(struct em_io *io, const char *wanted)
{
    char got[8] = "";
    CU_ASSERT_EQUAL(read_pipe(io, (uint8_t *)got, strlen(wanted)), strlen(wanted));
    CU_ASSERT_STRING_EQUAL(got, wanted);
}

static void test_rfc2217(void)
{
    static const struct {
        enum manner manner;
        const char *behind;
    } cases[] = {
        {SERIAL, ""},
        {SERIAL, "?ign_set_control&timeout=2.5&poll_modem&logging=info"},
        {SILENT, "?timeout=0.5"},
        {SUSPENDS, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct server server;
        struct em_io *io;
        struct em_error err;
        uint8_t byte;
        size_t len;
        CU_ASSERT_TRUE_FATAL(start_server(&server, AF_INET, cases[i].manner));
        EM_CHECK_STATUS(
            open_at(&io, "rfc2217://127.0.0.1", &server, cases[i].behind, &err), EM_OK,
            &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(io);
        CU_ASSERT_TRUE(io->has_lines);
        CU_ASSERT_FALSE(io->lines_together);
        exchange(io);
        EM_CHECK_STATUS(io->ops->set_lines(io, 0, 1, &err), EM_OK, &err);
        EM_CHECK_STATUS(io->ops->set_lines(io, 1, 0, &err), EM_OK, &err);
        EM_CHECK_STATUS(io->ops->set_lines(io, 0, EM_LINE_KEEP, &err), EM_OK, &err);
        check_lines(io, "dRDrd");
        EM_CHECK_STATUS(io->ops->set_baud(io, 921600, &err), EM_OK, &err);
        EM_CHECK_STATUS(io->ops->read(io, &byte, 1, 100, &len, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(len, 0);
        /* What the server sent before it was told to forget never comes. */
        EM_CHECK_STATUS(io->ops->write(io, (const uint8_t *)"old", 3, SOON_US, &err),
                        EM_OK, &err);
        EM_CHECK_STATUS(io->ops->discard_input(io, &err), EM_OK, &err);
        if (cases[i].manner != SILENT)
            exchange(io);
        EM_CHECK_STATUS(io->ops->reopen(io, &err), EM_OK, &err);
        exchange(io);
        em_io_close(io);
        stop_server(&server);
    }
}

static void test_rfc2217_faults(void)
{
    static const struct {
        enum manner manner;
        const char *behind, *what;
    } cases[] = {
        {OTHER_BAUD, "?timeout=10", "set 9600 baud instead of 115200"},
        {REFUSES, "?timeout=10", "is no RFC 2217 server"},
        {MUTE, "?timeout=0.05", "is no RFC 2217 server"},
        {HANG_UP, "", "is closed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct server server;
        struct em_io *io;
        struct em_error err = {0};
        CU_ASSERT_TRUE_FATAL(start_server(&server, AF_INET, cases[i].manner));
        EM_CHECK_STATUS(
            open_at(&io, "rfc2217://127.0.0.1", &server, cases[i].behind, &err),
            EM_ERR_PORT, &err);
        CU_ASSERT_PTR_NULL(io);
        EM_CHECK_HAS(err.what, cases[i].what);
        stop_server(&server);
    }
}

static const struct em_test tests[] = {
    {"socket", test_socket},
    {"socket faults", test_socket_faults},
    {"RFC 2217", test_rfc2217},
    {"RFC 2217 faults", test_rfc2217_faults},
};

EM_TEST_MAIN("flasher/transport/net", tests)
