/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of a simulated port moves only when somebody waits; and names of ports. */
#define _GNU_SOURCE /* ptsname_r() */
#include "config.h"

#include "tests/test_flasher_transport_sim_util.h"
#include "tests/test_flasher_transport_util.h"

static void test_clock(void)
{
    struct em_sim sim = {0};
    struct em_io *io;
    struct em_error err;
    uint8_t buf[16];
    size_t len;
    EM_CHECK_STATUS(em_io_sim_attach(&io, &sim, 0, "sim:x", 115200, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(sim.baud, 115200);
    CU_ASSERT_EQUAL(io->ops->now_us(io), 0);

    /* Nothing will come: the whole time-out passes. */
    EM_CHECK_STATUS(io->ops->read(io, buf, sizeof buf, 3000000, &len, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_EQUAL(io->ops->now_us(io), 3000000);

    io->ops->sleep_us(io, 50000);
    io->ops->sleep_us(io, -5);
    CU_ASSERT_EQUAL(io->ops->now_us(io), 3050000);

    /* An answer: time moves on to it, not to the time-out. */
    EM_CHECK_STATUS(io->ops->write(io, (const uint8_t *)"abc", 3, 0, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(sim.received_us, 3050000);
    EM_CHECK_STATUS(io->ops->read(io, buf, sizeof buf, 999, &len, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_EQUAL(io->ops->now_us(io), 3050999);
    EM_CHECK_STATUS(io->ops->read(io, buf, 2, 100000, &len, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(len, 2);
    CU_ASSERT_EQUAL(io->ops->now_us(io), 3051000);
    EM_CHECK_STATUS(io->ops->read(io, buf, 2, 0, &len, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(len, 1);
    CU_ASSERT_EQUAL(buf[0], 'c');

    /* Byte by byte. */
    sim.step_us = 87;
    EM_CHECK_STATUS(io->ops->write(io, (const uint8_t *)"abc", 3, 0, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(read_pipe(io, buf, 3), 3);
    CU_ASSERT_EQUAL(io->ops->now_us(io), 3052000 + 2 * 87);

    EM_CHECK_STATUS(io->ops->write(io, (const uint8_t *)"abc", 3, 0, &err), EM_OK, &err);
    io->ops->sleep_us(io, 2000);
    EM_CHECK_STATUS(io->ops->discard_input(io, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(sim.len, 0);
    em_io_close(io); /* the sim is not freed: it is on the stack */
}

static void test_lines(void)
{
    struct em_sim sim = {0};
    struct em_io *io;
    struct em_error err;
    EM_CHECK_STATUS(em_io_sim_attach(&io, &sim, 0x1001, "sim:x", 115200, &err), EM_OK,
                    &err);
    CU_ASSERT_TRUE(io->has_lines);
    CU_ASSERT_TRUE(io->lines_together);
    CU_ASSERT_EQUAL(io->usb_vid, 0x303A);
    CU_ASSERT_EQUAL(io->usb_pid, 0x1001);
    EM_CHECK_STATUS(io->ops->set_lines(io, 0, 1, &err), EM_OK, &err);
    io->ops->sleep_us(io, 100000);
    EM_CHECK_STATUS(io->ops->set_lines(io, 1, EM_LINE_KEEP, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(sim.dtr, 1);
    CU_ASSERT_EQUAL(sim.rts, 1);
    CU_ASSERT_EQUAL(sim.lines_us, 100000);
    EM_CHECK_STATUS(io->ops->set_baud(io, 921600, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(sim.baud, 921600);
    em_io_close(io);
}

static void test_cut(void)
{
    struct em_sim sim = {0};
    struct em_io *io;
    struct em_error err;
    uint8_t byte = 0;
    size_t len;
    EM_CHECK_STATUS(em_io_sim_attach(&io, &sim, 0, "sim:x", 115200, &err), EM_OK, &err);
    EM_CHECK_STATUS(io->ops->set_baud(io, 460800, &err), EM_OK, &err);
    sim.gone = true;
    EM_CHECK_STATUS(io->ops->read(io, &byte, 1, 1000, &len, &err), EM_ERR_PORT, &err);
    EM_CHECK_HAS(err.what, "'sim:x' is gone");
    EM_CHECK_STATUS(io->ops->write(io, &byte, 1, 1000, &err), EM_ERR_PORT, &err);
    EM_CHECK_STATUS(io->ops->set_lines(io, 0, 0, &err), EM_ERR_PORT, &err);
    EM_CHECK_STATUS(io->ops->set_baud(io, 1, &err), EM_ERR_PORT, &err);
    EM_CHECK_STATUS(io->ops->discard_input(io, &err), EM_ERR_PORT, &err);
    sim.baud = 0;
    EM_CHECK_STATUS(io->ops->reopen(io, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(sim.baud, 460800);
    EM_CHECK_STATUS(io->ops->write(io, &byte, 1, 1000, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(read_pipe(io, &byte, 1), 1);
    em_io_close(io);
}

/* Names pick the transport; each wrong one says what is wrong. */
static void test_names(void)
{
    static char long_name[400];
    memset(long_name, 'x', sizeof long_name - 1);
    const struct {
        const char *name;
        uint32_t baud;
        enum em_status status;
        const char *what;
    } cases[] = {
        {"sim:esp32c3", 115200, EM_OK, ""},
        {"sim:esp32c3?usb-pid=1001", 115200, EM_OK, ""},
        {"sim:none", 115200, EM_ERR_USAGE, "no chip 'none'"},
        {"", 115200, EM_ERR_USAGE, "empty"},
        {"sim:esp32c3", 0, EM_ERR_USAGE, "0 baud"},
        {long_name, 115200, EM_ERR_USAGE, "more than 255 bytes"},
        {"loop://", 115200, EM_ERR_USAGE, "unknown kind of port"},
        {"socket://", 115200, EM_ERR_USAGE, "host is missing"},
        {"socket://:1", 115200, EM_ERR_USAGE, "host is missing"},
        {"socket://host", 115200, EM_ERR_USAGE, "port number is missing"},
        {"socket://host/4", 115200, EM_ERR_USAGE, "port number is missing"},
        {"socket://host:", 115200, EM_ERR_USAGE, "no number from 1 to 65535"},
        {"socket://host:0", 115200, EM_ERR_USAGE, "no number from 1 to 65535"},
        {"socket://host:65536", 115200, EM_ERR_USAGE, "no number from 1 to 65535"},
        {"socket://host:99999999999999", 115200, EM_ERR_USAGE, "no number from 1 to"},
        {"socket://host:80x", 115200, EM_ERR_USAGE, "no number from 1 to 65535"},
        {"socket://[::1", 115200, EM_ERR_USAGE, "bracket is not closed"},
        {"socket://[::1]", 115200, EM_ERR_USAGE, "port number is missing"},
        {"rfc2217://[::1]:x", 115200, EM_ERR_USAGE, "no number from 1 to 65535"},
        {"rfc2217://localhost:1?speed=1", 115200, EM_ERR_USAGE, "unknown option 'speed'"},
        {"rfc2217://localhost:1?timeout=", 115200, EM_ERR_USAGE, "no number of seconds"},
        {"rfc2217://localhost:1?timeout=1.2.3", 115200, EM_ERR_USAGE, "'1.2.3'"},
        {"/dev/no-such-port-here", 115200, EM_ERR_PORT, "there is no port"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_io *io;
        struct em_error err = {0};
        EM_CHECK_STATUS(em_io_open(&io, cases[i].name, cases[i].baud, &err),
                        cases[i].status, &err);
        CU_ASSERT_EQUAL(io != NULL, cases[i].status == EM_OK);
        EM_CHECK_HAS(err.what, cases[i].what);
        if (io != NULL) {
            bool usb = strstr(cases[i].name, "usb") != NULL;
            CU_ASSERT_EQUAL(io->usb_pid, usb ? 0x1001 : -1);
            CU_ASSERT_STRING_EQUAL(io->name, cases[i].name);
        }
        em_io_close(io);
    }
    em_io_close(NULL);
}

static const struct em_test tests[] = {
    {"the clock", test_clock},
    {"lines and rate", test_lines},
    {"the cable is cut", test_cut},
    {"names of ports", test_names},
};

EM_TEST_MAIN("flasher/transport/sim", tests)
