/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of terminals: raw bytes at any rate. */
#include "config.h"

#include "flasher/transport/tty_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#ifdef __linux__
/* termios2 has rates as numbers. Its header cannot stand beside <termios.h>, which is why
 * this is a file of its own. */
#include <asm/termbits.h>
#else
#include <termios.h>
#endif

#ifdef __linux__
struct em_tty_mode {
    struct termios2 t;
};

static int get_mode(int fd, struct em_tty_mode *mode)
{
    return ioctl(fd, TCGETS2, &mode->t) == 0 ? 0 : errno;
}

static int set_mode(int fd, const struct em_tty_mode *mode)
{
    return ioctl(fd, TCSETS2, &mode->t) == 0 ? 0 : errno;
}

/* Rates with a name in <asm-generic/termbits.h>. Drivers that know only the names exist;
 * all others are given as numbers. */
static tcflag_t rate_name(uint32_t baud)
{
    static const struct {
        uint32_t baud;
        tcflag_t name;
    } names[] = {
        /* clang-format off */
        {50, B50}, {75, B75}, {110, B110}, {134, B134}, {150, B150}, {200, B200},
        {300, B300}, {600, B600}, {1200, B1200}, {1800, B1800}, {2400, B2400},
        {4800, B4800}, {9600, B9600}, {19200, B19200}, {38400, B38400}, {57600, B57600},
        {115200, B115200}, {230400, B230400}, {460800, B460800}, {500000, B500000},
        {576000, B576000}, {921600, B921600}, {1000000, B1000000}, {1152000, B1152000},
        {1500000, B1500000}, {2000000, B2000000}, {2500000, B2500000},
        {3000000, B3000000}, {3500000, B3500000}, {4000000, B4000000},
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].baud == baud)
            return names[i].name;
    }
    return BOTHER;
}

static int put_rate(struct em_tty_mode *mode, uint32_t baud)
{
    /* The bits of the input rate, all 0, mean "as the output". */
    mode->t.c_cflag &= ~(tcflag_t)(CBAUD | CIBAUD);
    mode->t.c_cflag |= rate_name(baud);
    mode->t.c_ispeed = mode->t.c_ospeed = baud;
    return 0;
}

static uint32_t get_rate(const struct em_tty_mode *mode)
{
    return mode->t.c_ospeed;
}
#else
struct em_tty_mode {
    struct termios t;
};

static int get_mode(int fd, struct em_tty_mode *mode)
{
    return tcgetattr(fd, &mode->t) == 0 ? 0 : errno;
}

static int set_mode(int fd, const struct em_tty_mode *mode)
{
    return tcsetattr(fd, TCSANOW, &mode->t) == 0 ? 0 : errno;
}

/* On the BSDs a speed is its number. */
static int put_rate(struct em_tty_mode *mode, uint32_t baud)
{
    return cfsetospeed(&mode->t, baud) == 0 && cfsetispeed(&mode->t, baud) == 0 ? 0
                                                                                : errno;
}

static uint32_t get_rate(const struct em_tty_mode *mode)
{
    return (uint32_t)cfgetospeed(&mode->t);
}
#endif

int em_tty_mode_save(struct em_tty_mode **out, int fd)
{
    *out = NULL;
    struct em_tty_mode *mode = calloc(1, sizeof *mode);
    if (mode == NULL)
        return ENOMEM;
    int failed = get_mode(fd, mode);
    if (failed != 0) {
        free(mode);
        return failed;
    }
    *out = mode;
    return 0;
}

int em_tty_mode_restore(int fd, const struct em_tty_mode *mode)
{
    return set_mode(fd, mode);
}

int em_tty_mode_raw(int fd)
{
    struct em_tty_mode mode;
    int failed = get_mode(fd, &mode);
    if (failed != 0)
        return failed;
    mode.t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | INPCK | ISTRIP | INLCR |
                                  IGNCR | ICRNL | IXON | IXOFF | IXANY);
    mode.t.c_oflag &= ~(tcflag_t)OPOST;
    mode.t.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL | ICANON | ISIG | IEXTEN);
    mode.t.c_cflag &= ~(tcflag_t)(CSIZE | PARENB | CSTOPB);
#ifdef CRTSCTS
    mode.t.c_cflag &= ~(tcflag_t)CRTSCTS;
#endif
    mode.t.c_cflag |= CS8 | CREAD | CLOCAL;
    /* With a minimum of 0, "nothing there" and "gone" would look the same. */
    mode.t.c_cc[VMIN] = 1;
    mode.t.c_cc[VTIME] = 0;
    return set_mode(fd, &mode);
}

int em_tty_mode_set_rate(int fd, uint32_t baud)
{
    struct em_tty_mode mode;
    int failed = get_mode(fd, &mode);
    if (failed == 0)
        failed = put_rate(&mode, baud);
    return failed != 0 ? failed : set_mode(fd, &mode);
}

uint32_t em_tty_mode_rate(int fd)
{
    struct em_tty_mode mode;
    return get_mode(fd, &mode) == 0 ? get_rate(&mode) : 0;
}
