/* SPDX-License-Identifier: Apache-2.0 */
/* The host side against the simulated chip: every chip, every mode, and bad lines. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "tests/em_test.h"

#include <time.h>
#include <unistd.h>

struct told {
    char text[4096];
};

static void on_log(void *user, enum em_log_level level, const char *device,
                   const struct em_error *msg)
{
    struct told *told = user;
    size_t len = strlen(told->text);
    (void)device;
    if (level <= EM_LOG_NOTE)
        (void)snprintf(told->text + len, sizeof told->text - len, "%s\n", msg->what);
}

static enum em_status open_chip(struct em_device **out, const char *port, uint32_t baud,
                                const char *stub, struct told *told, struct em_error *err)
{
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    told->text[0] = '\0';
    options.baud = baud;
    options.stub_file = stub;
    options.hooks = (struct em_hooks){.log = on_log, .user = told};
    return em_device_open(out, port, &options, err);
}

/* Names as text, so that they do not come from the tables under test. */
static const char *const chips[] = {
    "esp8266",  "esp32",   "esp32s2", "esp32s3",  "esp32c2",
    "esp32c3",  "esp32c5", "esp32c6", "esp32c61", "esp32h2",
    "esp32h21", "esp32h4", "esp32p4", "esp32s31", "esp32e22",
};

static const struct {
    const char *name, *more;
    bool secure;
} modes[] = {
    {"plain", "", false},
    {"flat refusals", "&flat-refusals=1", false},
    {"secure download", "&secure-download=1", true},
    {"secure download, flat", "&secure-download=1&flat-refusals=1", true},
    {"USB-Serial/JTAG", "&usb-pid=0x1001", false},
    {"paced", "&timing=real", false},
};

static void look_at(struct em_device *dev, const char *chip, bool secure)
{
    const struct em_device_info *info;
    struct em_error err;
    uint32_t word;
    CU_ASSERT_STRING_EQUAL(dev->chip->id, chip);
    CU_ASSERT_EQUAL(dev->secure_download, secure);
    EM_CHECK_STATUS(em_device_info(dev, &info, &err), EM_OK, &err);
    if (secure) {
        EM_CHECK_STATUS(em_device_read_word(dev, 0x40001000, &word, &err),
                        EM_ERR_UNSUPPORTED, &err);
        return;
    }
    EM_CHECK_BYTES(info->mac, "\x60\x55\xF9\x01\x02\x03", 6);
    CU_ASSERT_TRUE(info->crystal_mhz == 26 || info->crystal_mhz == 32 ||
                   info->crystal_mhz == 40 || info->crystal_mhz == 48);
    EM_CHECK_STATUS(em_device_read_word(dev, dev->chip->uart_date, &word, &err), EM_OK,
                    &err);
}

static void test_chips(void)
{
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        for (size_t k = 0; k < sizeof modes / sizeof modes[0]; k++) {
            const struct em_chip *chip = em_chip_find(chips[i]);
            struct em_device *dev;
            struct em_error err;
            struct told told;
            char port[128];
            if (modes[k].secure && chip->security_info == 0)
                continue; /* there is no such mode */
            if (strstr(modes[k].more, "usb-pid") != NULL && chip->swd_conf == 0)
                continue; /* nor such a port */
            (void)snprintf(port, sizeof port, "sim:%s?mac=60:55:f9:01:02:03%s", chips[i],
                           modes[k].more);
            enum em_status status = open_chip(&dev, port, 921600, NULL, &told, &err);
            if (status != EM_OK)
                printf("\n  %s, %s\n", chips[i], modes[k].name);
            EM_CHECK_STATUS(status, EM_OK, &err);
            if (status != EM_OK)
                continue;
            look_at(dev, chips[i], modes[k].secure);
            bool stays = !chip->rom_full ||
                         (modes[k].secure && (strcmp(chips[i], "esp32c2") == 0 ||
                                              strcmp(chips[i], "esp32c5") == 0));
            CU_ASSERT_EQUAL(dev->baud, stays ? 115200 : 921600);
            if (!stays && told.text[0] != '\0')
                printf("\n  %s, %s: %s", chips[i], modes[k].name, told.text);
            CU_ASSERT_EQUAL(told.text[0] != '\0', stays);
            EM_CHECK_STATUS(em_device_reset(dev, EM_AFTER_HARD_RESET, &err), EM_OK, &err);
            em_device_close(dev);
        }
    }
}

static bool make_stub(char *path)
{
    static const char json[] =
        "{\"entry\": 1077411840, \"text_start\": 1077411840, \"text\": "
        "\"T0hBSQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=\"}";
    (void)snprintf(path, 32, "/tmp/em_stub.XXXXXX");
    int fd = mkstemp(path);
    return fd >= 0 && write(fd, json, sizeof json - 1) == (ssize_t)(sizeof json - 1) &&
           close(fd) == 0;
}

/* A stub on each: its answers, a register, and back to the ROM. */
static void test_stub(void)
{
    char path[32];
    CU_ASSERT_TRUE_FATAL(make_stub(path));
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        struct em_device *dev;
        struct em_error err;
        struct told told;
        const struct em_device_info *info;
        char port[128];
        uint8_t md5[16];
        (void)snprintf(port, sizeof port, "sim:%s", chips[i]);
        enum em_status status = open_chip(&dev, port, 921600, path, &told, &err);
        EM_CHECK_STATUS(status, EM_OK, &err);
        if (status != EM_OK)
            continue;
        CU_ASSERT_TRUE(dev->stub);
        CU_ASSERT_EQUAL(dev->baud, 921600);
        EM_CHECK_STATUS(em_device_info(dev, &info, &err), EM_OK, &err);
        CU_ASSERT_TRUE(info->stub);
        EM_CHECK_STATUS(em_rom_spi_attach(dev, 0, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_rom_flash_md5(dev, 0, 4096, md5, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_device_reset(dev, EM_AFTER_NO_RESET, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_rom_resync(dev, &err), EM_OK, &err);
        CU_ASSERT_FALSE(dev->stub);
        em_device_close(dev);
    }
    (void)unlink(path);
}

/* With secure boot the C3 keeps its ROM. */
static void test_stub_secure_boot(void)
{
    char path[32];
    struct em_device *dev;
    struct em_error err;
    struct told told;
    CU_ASSERT_TRUE_FATAL(make_stub(path));
    EM_CHECK_STATUS(
        open_chip(&dev, "sim:esp32c3?secure-boot=1", 115200, path, &told, &err), EM_OK,
        &err);
    CU_ASSERT_FALSE(dev->stub);
    EM_CHECK_HAS(told.text, "ESP32-C3 with secure boot takes no stub");
    em_device_close(dev);
    (void)unlink(path);
}

/* A line that drops, garbles and doubles bytes: what comes out is right, or it is an
 * error. Registers are not protected, but identity is read twice. */
static void test_bad_lines(void)
{
    unsigned good = 0;
    for (unsigned seed = 1; seed <= 300; seed++) {
        struct em_device *dev;
        struct em_error err = {.what = ""};
        struct told told;
        const struct em_device_info *info;
        char port[160];
        (void)snprintf(port, sizeof port,
                       "sim:%s?mac=60:55:f9:01:02:03&seed=%u&fault=drop=0.0005,garble="
                       "0.0005,dup=0.0005",
                       chips[seed % (sizeof chips / sizeof chips[0])], seed);
        enum em_status status = open_chip(&dev, port, 460800, NULL, &told, &err);
        if (status == EM_OK)
            status = em_device_info(dev, &info, &err);
        if (status == EM_OK) {
            EM_CHECK_BYTES(info->mac, "\x60\x55\xF9\x01\x02\x03", 6);
            good++;
        } else {
            if (status != EM_ERR_LINK && status != EM_ERR_CHIP)
                printf("\n  seed %u: %s: %s\n", seed, em_status_name(status), err.what);
            CU_ASSERT_TRUE(status == EM_ERR_LINK || status == EM_ERR_CHIP);
            CU_ASSERT_TRUE(err.what[0] != '\0');
        }
        if (dev != NULL)
            CU_ASSERT_TRUE(em_rom_now(dev) < 120 * INT64_C(1000000));
        em_device_close(dev);
    }
    printf("\n  %u of 300 sessions on bad lines were good\n", good);
    CU_ASSERT_TRUE(good > 200);
}

static void test_stuck(void)
{
    for (unsigned after = 1; after < 24; after++) {
        struct em_device *dev;
        struct em_error err = {.what = ""};
        struct told told;
        const struct em_device_info *info;
        char port[96];
        (void)snprintf(port, sizeof port, "sim:esp32c3?fault=stuck-after=%u", after);
        enum em_status status = open_chip(&dev, port, 460800, NULL, &told, &err);
        if (status == EM_OK)
            status = em_device_info(dev, &info, &err);
        if (status != EM_OK && status != EM_ERR_LINK)
            printf("\n  after %u: %s %s\n", after, em_status_name(status), err.what);
        CU_ASSERT_TRUE(status == EM_OK || status == EM_ERR_LINK);
        em_device_close(dev);
    }
}

static int64_t system_us(void)
{
    struct timespec now;
    CU_ASSERT_EQUAL(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A clock of its own waits for nothing; the system's does. */
static void test_clocks(void)
{
    static const struct {
        const char *port;
        bool wall;
    } clocks[] = {{"sim:esp32c3?timing=real&clock=wall", true},
                  {"sim:esp32c3?timing=real&clock=virtual", false},
                  {"sim:esp32c3?timing=real", false}};
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
        struct em_io *io;
        struct em_error err;
        uint8_t byte;
        size_t len;
        EM_CHECK_STATUS(em_io_open(&io, clocks[i].port, 115200, &err), EM_OK, &err);
        int64_t begin = system_us(), told = io->ops->now_us(io);
        io->ops->sleep_us(io, 5000);
        EM_CHECK_STATUS(io->ops->read(io, &byte, 1, 5000, &len, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(len, 0);
        CU_ASSERT(io->ops->now_us(io) - told >= 10000);
        if (clocks[i].wall) {
            CU_ASSERT(told >= begin && system_us() - begin >= 10000);
        } else {
            CU_ASSERT_EQUAL(io->ops->now_us(io) - told, 10000);
        }
        em_io_close(io);
    }
    struct em_io *io;
    struct em_error err;
    EM_CHECK_STATUS(em_io_open(&io, "sim:esp32c3?clock=sun", 115200, &err), EM_ERR_USAGE,
                    &err);
}

static const struct em_test tests[] = {
    {"chips", test_chips},
    {"stub", test_stub},
    {"secure boot", test_stub_secure_boot},
    {"bad lines", test_bad_lines},
    {"stuck", test_stuck},
    {"clocks", test_clocks},
};

EM_TEST_MAIN("flasher/rom, simulated chips", tests)
