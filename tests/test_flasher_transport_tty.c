/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals: raw bytes, rates, locks, faults; serial.c with a made-up libserialport. */
#define _GNU_SOURCE /* ptsname_r() */
#include "config.h"

#include "flasher/transport/fault_int.h"
#include "flasher/transport/tty_int.h"
#include "tests/test_flasher_transport_util.h"

#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include <libserialport.h>

/* What serial.c calls of libserialport, over a PTY instead of a serial port. */
struct sp_port {
    char path[64];
    int fd;
};

static struct {
    bool takes; /* knows the path */
    int opened, closed;
    int baud;
} fake;

enum sp_return sp_get_port_by_name(const char *path, struct sp_port **out)
{
    if (!fake.takes)
        return SP_ERR_ARG;
    *out = calloc(1, sizeof **out);
    (void)snprintf((*out)->path, sizeof(*out)->path, "%s", path);
    return SP_OK;
}

enum sp_return sp_open(struct sp_port *port, enum sp_mode flags)
{
    CU_ASSERT_EQUAL(flags, SP_MODE_READ_WRITE);
    port->fd = open(port->path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    fake.opened++;
    return port->fd >= 0 ? SP_OK : SP_ERR_FAIL;
}

enum sp_return sp_get_port_handle(const struct sp_port *port, void *out)
{
    *(int *)out = port->fd;
    return SP_OK;
}

enum sp_return sp_set_baudrate(struct sp_port *port, int baud)
{
    fake.baud = baud;
    return em_tty_mode_set_rate(port->fd, (uint32_t)baud) == 0 ? SP_OK : SP_ERR_FAIL;
}

enum sp_return sp_close(struct sp_port *port)
{
    fake.closed++;
    return close(port->fd) == 0 ? SP_OK : SP_ERR_FAIL;
}

void sp_free_port(struct sp_port *port)
{
    free(port);
}

/* ---- */

static void exchange(int master, struct em_io *io)
{
    struct em_error err;
    uint8_t all[256], got[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    EM_CHECK_STATUS(io->ops->write(io, all, sizeof all, SOON_US, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(read_fd(master, got, sizeof got), sizeof got);
    EM_CHECK_BYTES(got, all, sizeof all);
    memset(got, 0, sizeof got);
    CU_ASSERT_EQUAL(write(master, all, sizeof all), (ssize_t)sizeof all);
    CU_ASSERT_EQUAL(read_pipe(io, got, sizeof got), sizeof got);
    EM_CHECK_BYTES(got, all, sizeof all);
}

static void test_bytes(void)
{
    char path[64];
    int master = make_pty(path, sizeof path);
    struct em_io *io;
    struct em_error err;
    EM_CHECK_STATUS(em_io_tty_open(&io, path, 115200, &err), EM_OK, &err);
    CU_ASSERT_STRING_EQUAL(io->name, path);
    CU_ASSERT_EQUAL(io->usb_vid, -1);
    exchange(master, io);
    em_io_close(io);
    (void)close(master);
}

/* Through a link, and all that waits comes with one read. */
static void test_one_read(void)
{
    char path[64], folder[] = "/tmp/em_tty.XXXXXX", link_path[64];
    int master = make_pty(path, sizeof path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    (void)snprintf(link_path, sizeof link_path, "%s/c3", folder);
    CU_ASSERT_EQUAL(symlink(path, link_path), 0);
    struct em_io *io;
    struct em_error err;
    EM_CHECK_STATUS(em_io_tty_open(&io, link_path, 115200, &err), EM_OK, &err);
    uint8_t sent[1000] = {7}, got[2000];
    size_t len;
    CU_ASSERT_EQUAL(write(master, sent, sizeof sent), (ssize_t)sizeof sent);
    CU_ASSERT_EQUAL(read_pipe(io, got, 1), 1); /* now all is there */
    io->ops->sleep_us(io, 1000);
    EM_CHECK_STATUS(io->ops->read(io, got, sizeof got, 0, &len, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(len, 999);

    /* Discarding, and waiting for nothing. */
    CU_ASSERT_EQUAL(write(master, sent, 10), 10);
    CU_ASSERT_EQUAL(read_pipe(io, got, 1), 1);
    EM_CHECK_STATUS(io->ops->discard_input(io, &err), EM_OK, &err);
    int64_t began = io->ops->now_us(io);
    EM_CHECK_STATUS(io->ops->read(io, got, sizeof got, 1500, &len, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_TRUE(io->ops->now_us(io) - began >= 1500);
    em_io_close(io);
    (void)close(master);
    (void)unlink(link_path);
    (void)rmdir(folder);
}

static void test_rates(void)
{
    static const uint32_t rates[] = {115200, 74880, 250000, 921600, 1234567, 4000000, 50};
    char path[64];
    int master = make_pty(path, sizeof path);
    int other = open(path, O_RDWR | O_NOCTTY);
    struct em_io *io;
    struct em_error err;
    EM_CHECK_STATUS(em_io_tty_open(&io, path, 230400, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(em_tty_mode_rate(other), 230400);
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        EM_CHECK_STATUS(io->ops->write(io, (const uint8_t *)"x", 1, SOON_US, &err), EM_OK,
                        &err);
        EM_CHECK_STATUS(io->ops->set_baud(io, rates[i], &err), EM_OK, &err);
        CU_ASSERT_EQUAL(em_tty_mode_rate(other), rates[i]);
    }
    em_io_close(io);
    (void)close(other);
    (void)close(master);
}

/* PTYs have no modem lines: the first use is no failure (tty(4): ENOTTY, EINVAL). */
static void test_lines(void)
{
    char path[64];
    int master = make_pty(path, sizeof path);
    struct em_io *io;
    struct em_error err;
    EM_CHECK_STATUS(em_io_tty_open(&io, path, 115200, &err), EM_OK, &err);
    CU_ASSERT_FALSE(io->has_lines);
    EM_CHECK_STATUS(io->ops->set_lines(io, 1, EM_LINE_KEEP, &err), EM_OK, &err);
    io->has_lines = true; /* as with an adapter that tells late */
    EM_CHECK_STATUS(io->ops->set_lines(io, 0, 1, &err), EM_OK, &err);
    CU_ASSERT_FALSE(io->has_lines);
    em_io_close(io);
    (void)close(master);
}

static void test_restored(void)
{
    char path[64];
    int master = make_pty(path, sizeof path);
    int other = open(path, O_RDWR | O_NOCTTY);
    CU_ASSERT_EQUAL(em_tty_mode_set_rate(other, 31250), 0); /* a rate without a name */
    struct termios before, after;
    CU_ASSERT_EQUAL(tcgetattr(other, &before), 0);
    CU_ASSERT_TRUE((before.c_lflag & ECHO) != 0);
    struct em_io *io;
    struct em_error err;
    EM_CHECK_STATUS(em_io_tty_open(&io, path, 115200, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(tcgetattr(other, &after), 0);
    CU_ASSERT_EQUAL(after.c_lflag & (ECHO | ICANON | ISIG), 0);
    em_io_close(io);
    CU_ASSERT_EQUAL(tcgetattr(other, &after), 0);
    CU_ASSERT_EQUAL(after.c_iflag, before.c_iflag);
    CU_ASSERT_EQUAL(after.c_oflag, before.c_oflag);
    CU_ASSERT_EQUAL(after.c_lflag, before.c_lflag);
    CU_ASSERT_EQUAL(after.c_cc[VMIN], before.c_cc[VMIN]);
    CU_ASSERT_EQUAL(em_tty_mode_rate(other), 31250);
    (void)close(other);
    (void)close(master);
}

/* Another process opens the port and tells when it has. */
static pid_t hold(const char *path)
{
    int pipe_fd[2];
    CU_ASSERT_EQUAL_FATAL(pipe(pipe_fd), 0);
    pid_t child = fork();
    CU_ASSERT_TRUE_FATAL(child >= 0);
    if (child == 0) {
        struct em_io *io;
        char status = em_io_tty_open(&io, path, 115200, NULL) == EM_OK ? 'y' : 'n';
        (void)!write(pipe_fd[1], &status, 1);
        (void)pause();
        _exit(0);
    }
    char status = 'n';
    CU_ASSERT_EQUAL(read(pipe_fd[0], &status, 1), 1);
    CU_ASSERT_EQUAL(status, 'y');
    (void)close(pipe_fd[0]);
    (void)close(pipe_fd[1]);
    return child;
}

static void test_in_use(void)
{
    char path[64], wanted[64];
    int master = make_pty(path, sizeof path);
    /* Somebody who only has it open, as the maker of a PTY does, is not blamed. */
    int other = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    pid_t child = hold(path);
    struct em_io *io;
    struct em_error err;
    EM_CHECK_STATUS(em_io_tty_open(&io, path, 115200, &err), EM_ERR_PORT, &err);
    CU_ASSERT_PTR_NULL(io);
    (void)snprintf(wanted, sizeof wanted, "in use by process %ld (", (long)child);
    EM_CHECK_HAS(err.what, wanted);
    /* Killed, it leaves nothing behind that would keep others out. */
    CU_ASSERT_EQUAL(kill(child, SIGKILL), 0);
    CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
    EM_CHECK_STATUS(em_io_tty_open(&io, path, 115200, &err), EM_OK, &err);
    struct em_io *twice;
    EM_CHECK_STATUS(em_io_tty_open(&twice, path, 115200, &err), EM_ERR_PORT, &err);
    EM_CHECK_HAS(err.what, "by this program already");
    em_io_close(io);
    (void)close(other);
    (void)close(master);
}

static void check_fault(const char *path, const char *what, const char *hint)
{
    struct em_io *io;
    struct em_error err;
    EM_CHECK_STATUS(em_io_serial_open(&io, path, 115200, &err), EM_ERR_PORT, &err);
    CU_ASSERT_PTR_NULL(io);
    EM_CHECK_HAS(err.what, what);
    EM_CHECK_HAS(err.hint, hint);
}

static void test_not_there(void)
{
    char path[64], folder[] = "/tmp/em_tty.XXXXXX", name[64], wanted[96];
    int master = make_pty(path, sizeof path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    check_fault("/dev/no-such-port-here", "there is no port '/dev/no-such-port-here'",
                "check the spelling");
    check_fault("COM3", "there is no port 'COM3'", "ports");
    check_fault("/etc/passwd", "'/etc/passwd' is not a serial port", "ports");
    check_fault("/dev/null", "'/dev/null' is not a serial port", "ports");
    check_fault(folder, "is not a serial port", "ports");
    check_fault("/etc/passwd/x", "there is no port", "");

    (void)snprintf(name, sizeof name, "%s/dangling", folder);
    CU_ASSERT_EQUAL(symlink("/dev/pts/gone", name), 0);
    check_fault(name, "is a link to '/dev/pts/gone', which is gone", "again");
    (void)unlink(name);

    (void)snprintf(name, sizeof name, "%s/fifo", folder);
    CU_ASSERT_EQUAL(mkfifo(name, 0600), 0);
    check_fault(name, "is not a serial port", "");
    (void)unlink(name);

    /* A name that is nearly right. */
    (void)snprintf(name, sizeof name, "%s/ttyUSB1", folder);
    CU_ASSERT_EQUAL(symlink(path, name), 0);
    (void)snprintf(wanted, sizeof wanted, "there is '%s'", name);
    static const char *const wrong[] = {"ttyUSB0", "ttyUSB12", "ttyusb1", "tyUSB1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char other[64];
        (void)snprintf(other, sizeof other, "%s/%s", folder, wrong[i]);
        check_fault(other, wrong[i], wanted);
    }
    (void)unlink(name);
    (void)rmdir(folder);
    (void)close(master);
}

/* In a child without privileges, so that it is the same for everybody. */
static void test_no_permission(void)
{
    char path[64];
    int master = make_pty(path, sizeof path);
    struct stat st;
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    struct group *group = getgrgid(st.st_gid);
    char in_group[96];
    (void)snprintf(in_group, sizeof in_group, "group '%s'",
                   group == NULL ? "?" : group->gr_name);
    const struct {
        mode_t mode;
        const char *hint;
    } cases[] = {{0060, in_group}, {0000, "udev"}};
    bool root = geteuid() == 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* The owner's own bits count for the owner: none. Root becomes nobody. */
        CU_ASSERT_EQUAL(chmod(path, cases[i].mode), 0);
        pid_t child = fork();
        if (child == 0) {
            struct em_io *io;
            struct em_error err = {0};
            if (root &&
                (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
                _exit(2);
            bool good = em_io_tty_open(&io, path, 115200, &err) == EM_ERR_PORT &&
                        strstr(err.what, "no permission") != NULL &&
                        strstr(err.hint, cases[i].hint) != NULL;
            if (!good)
                (void)dprintf(2, "  %s / %s\n", err.what, err.hint);
            _exit(good ? 0 : 1);
        }
        int status = -1;
        CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
        CU_ASSERT_EQUAL(status, 0);
    }
    (void)close(master);
}

static void test_gone(void)
{
    char path[64];
    int master = make_pty(path, sizeof path);
    struct em_io *io;
    struct em_error err;
    uint8_t byte = 0;
    size_t len;
    EM_CHECK_STATUS(em_io_tty_open(&io, path, 115200, &err), EM_OK, &err);
    (void)close(master);
    EM_CHECK_STATUS(io->ops->read(io, &byte, 1, SOON_US, &len, &err), EM_ERR_PORT, &err);
    EM_CHECK_HAS(err.what, "is gone");
    EM_CHECK_STATUS(io->ops->write(io, &byte, 1, SOON_US, &err), EM_ERR_PORT, &err);
    EM_CHECK_STATUS(io->ops->set_baud(io, 9600, &err), EM_ERR_PORT, &err);
    EM_CHECK_STATUS(io->ops->set_lines(io, 0, 0, &err), EM_ERR_PORT, &err);
    EM_CHECK_STATUS(io->ops->discard_input(io, &err), EM_ERR_PORT, &err);
    EM_CHECK_STATUS(io->ops->reopen(io, &err), EM_ERR_PORT, &err);
    em_io_close(io);
}

static void test_reopen(void)
{
    char path[64], other_path[64], folder[] = "/tmp/em_tty.XXXXXX", link_path[64];
    int master = make_pty(path, sizeof path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    (void)snprintf(link_path, sizeof link_path, "%s/port", folder);
    CU_ASSERT_EQUAL(symlink(path, link_path), 0);
    struct em_io *io;
    struct em_error err;
    uint8_t byte;
    size_t len;
    EM_CHECK_STATUS(em_io_tty_open(&io, link_path, 115200, &err), EM_OK, &err);
    EM_CHECK_STATUS(io->ops->set_baud(io, 460800, &err), EM_OK, &err);
    (void)close(master);
    EM_CHECK_STATUS(io->ops->read(io, &byte, 1, SOON_US, &len, &err), EM_ERR_PORT, &err);
    master = make_pty(other_path, sizeof other_path);
    CU_ASSERT_EQUAL(unlink(link_path), 0);
    CU_ASSERT_EQUAL(symlink(other_path, link_path), 0);
    EM_CHECK_STATUS(io->ops->reopen(io, &err), EM_OK, &err);
    int other = open(other_path, O_RDWR | O_NOCTTY);
    CU_ASSERT_EQUAL(em_tty_mode_rate(other), 460800);
    (void)close(other);
    exchange(master, io);
    em_io_close(io);
    (void)close(master);
    (void)unlink(link_path);
    (void)rmdir(folder);
}

static char moved_to[64];

static bool find_moved(struct em_tty *tty)
{
    (void)snprintf(tty->path, sizeof tty->path, "%s", moved_to);
    return true;
}

/* A port that came back under another name, for those who can find it. */
static void test_moved(void)
{
    static const struct em_tty_kind kind = {
        .set_rate = em_tty_set_rate, .find = find_moved, .drop = em_fd_close};
    char path[64], folder[] = "/tmp/em_tty.XXXXXX", link_path[64];
    int master = make_pty(path, sizeof path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    (void)snprintf(link_path, sizeof link_path, "%s/ttyACM0", folder);
    CU_ASSERT_EQUAL(symlink(path, link_path), 0);
    struct em_io *io;
    struct em_error err;
    EM_CHECK_STATUS(em_tty_open(&io, link_path, 115200, &kind, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(unlink(link_path), 0);
    (void)close(master);
    master = make_pty(moved_to, sizeof moved_to);
    EM_CHECK_STATUS(io->ops->reopen(io, &err), EM_OK, &err);
    exchange(master, io);
    CU_ASSERT_STRING_EQUAL(io->name, link_path);
    em_io_close(io);
    (void)close(master);
    (void)rmdir(folder);
}

/* Nobody reads at the other end: writing has an end. */
static void test_stuck(void)
{
    static uint8_t much[1 << 20];
    char path[64];
    int master = make_pty(path, sizeof path);
    struct em_io *io;
    struct em_error err;
    EM_CHECK_STATUS(em_io_tty_open(&io, path, 115200, &err), EM_OK, &err);
    EM_CHECK_STATUS(io->ops->write(io, much, sizeof much, 2000, &err), EM_ERR_PORT, &err);
    EM_CHECK_HAS(err.what, " of 1048576 bytes in 2 ms");
    em_io_close(io);
    (void)close(master);
}

/* A path that libserialport knows: it opens and sets the rate, the rest is the same. */
static void test_serial(void)
{
    char path[64];
    int master = make_pty(path, sizeof path);
    struct em_io *io;
    struct em_error err;
    fake.takes = true;
    fake.opened = fake.closed = fake.baud = 0;
    EM_CHECK_STATUS(em_io_serial_open(&io, path, 115200, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(fake.opened, 1);
    CU_ASSERT_EQUAL(fake.baud, 115200);
    exchange(master, io);
    EM_CHECK_STATUS(io->ops->set_baud(io, 921600, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(fake.baud, 921600);
    struct em_io *twice;
    EM_CHECK_STATUS(em_io_serial_open(&twice, path, 115200, &err), EM_ERR_PORT, &err);
    EM_CHECK_HAS(err.what, "in use");
    EM_CHECK_STATUS(io->ops->reopen(io, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(fake.opened, 2);
    CU_ASSERT_EQUAL(fake.closed, 1);
    exchange(master, io);
    (void)close(master);
    uint8_t byte;
    size_t len;
    EM_CHECK_STATUS(io->ops->read(io, &byte, 1, SOON_US, &len, &err), EM_ERR_PORT, &err);
    CU_ASSERT_EQUAL(fake.closed, 2);
    em_io_close(io);
    CU_ASSERT_EQUAL(fake.closed, 2);

    fake.takes = false; /* a PTY as it really is */
    master = make_pty(path, sizeof path);
    EM_CHECK_STATUS(em_io_serial_open(&io, path, 115200, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(fake.opened, 2);
    exchange(master, io);
    em_io_close(io);
    (void)close(master);
}

static const struct em_test tests[] = {
    {"every byte both ways", test_bytes},
    {"reading, discarding, waiting", test_one_read},
    {"rates", test_rates},
    {"modem lines", test_lines},
    {"settings are restored", test_restored},
    {"in use", test_in_use},
    {"not there", test_not_there},
    {"no permission", test_no_permission},
    {"gone", test_gone},
    {"opened again", test_reopen},
    {"under another name", test_moved},
    {"stuck", test_stuck},
    {"through libserialport", test_serial},
};

EM_TEST_MAIN("flasher/transport/tty", tests)
