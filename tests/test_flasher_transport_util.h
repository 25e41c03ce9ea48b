/* SPDX-License-Identifier: Apache-2.0 */
/* PTYs, and reading and writing whole texts, for the tests of transports. */
#ifndef TESTS_TEST_FLASHER_TRANSPORT_UTIL_H
#define TESTS_TEST_FLASHER_TRANSPORT_UTIL_H

#include "flasher/transport/io_int.h"
#include "tests/em_test.h"

#include <fcntl.h>
#include <unistd.h>

enum { SOON_US = 5000000 /* an end for waits that are over at once */ };

/* Some functions are used by some programs only. */
#define EM_TEST_MAYBE __attribute__((unused))

/* A PTY: the descriptor of its master, and the path of its terminal. */
EM_TEST_MAYBE static int make_pty(char *path, size_t size)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(master >= 0);
    CU_ASSERT_EQUAL_FATAL(grantpt(master), 0);
    CU_ASSERT_EQUAL_FATAL(unlockpt(master), 0);
    CU_ASSERT_EQUAL_FATAL(ptsname_r(master, path, size), 0);
    return master;
}

/* Read exactly @p len bytes of the pipe; fewer when none come for long. */
EM_TEST_MAYBE static size_t read_pipe(struct em_io *io, uint8_t *buf, size_t len)
{
    size_t done = 0, now = 1;
    while (done < len && now > 0) {
        struct em_error err;
        enum em_status status =
            io->ops->read(io, buf + done, len - done, SOON_US, &now, &err);
        EM_CHECK_STATUS(status, EM_OK, &err);
        if (status != EM_OK)
            break;
        done += now;
    }
    return done;
}

/* The same of a descriptor that blocks. */
EM_TEST_MAYBE static size_t read_fd(int fd, uint8_t *buf, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = read(fd, buf + done, len - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

#endif
