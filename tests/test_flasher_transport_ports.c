/* SPDX-License-Identifier: Apache-2.0 */
/* Ports: a made-up /sys, order and filters. */
#define _XOPEN_SOURCE 700 /* nftw() */
#include "config.h"

#include "flasher/transport/ports_int.h"
#include "tests/em_test.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

/* The folders of "/a/b" below @p root. */
static void make_folders(const char *root, const char *path)
{
    char whole[256];
    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        (void)snprintf(whole, sizeof whole, "%s%.*s", root, (int)i, path);
        (void)mkdir(whole, 0700); /* may be there */
    }
}

static void put(const char *root, const char *path, const char *text)
{
    char whole[256];
    (void)snprintf(whole, sizeof whole, "%s%s", root, path);
    FILE *file = fopen(whole, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    (void)fputs(text, file);
    CU_ASSERT_EQUAL(fclose(file), 0);
}

static void link_to(const char *root, const char *path, const char *to)
{
    char whole[256];
    (void)snprintf(whole, sizeof whole, "%s%s", root, path);
    CU_ASSERT_EQUAL(symlink(to, whole), 0);
}

/* As Linux lays it out: a CP2102 behind a hub, an ESP32-S3's own USB, a UART. */
static void make_sysfs(const char *root)
{
    static const char *const folders[] = {
        "/class/tty/ttyUSB7",
        "/class/tty/ttyACM0",
        "/class/tty/ttyS9",
        "/devices/pci0/usb1/1-4/1-4.2/1-4.2:1.0/ttyUSB7",
        "/devices/pci0/usb1/1-3/1-3:1.0",
        "/devices/pnp0/00:00",
    };
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        make_folders(root, folders[i]);
    link_to(root, "/class/tty/ttyUSB7/device",
            "../../../devices/pci0/usb1/1-4/1-4.2/1-4.2:1.0/ttyUSB7");
    link_to(root, "/class/tty/ttyACM0/device", "../../../devices/pci0/usb1/1-3/1-3:1.0");
    link_to(root, "/class/tty/ttyS9/device", "../../../devices/pnp0/00:00");
    put(root, "/devices/pci0/usb1/1-4/idVendor", "1d6b\n"); /* the hub */
    put(root, "/devices/pci0/usb1/1-4/1-4.2/idVendor", "10c4\n");
    put(root, "/devices/pci0/usb1/1-4/1-4.2/idProduct", "ea60\n");
    put(root, "/devices/pci0/usb1/1-4/1-4.2/serial", "0001\n");
    put(root, "/devices/pci0/usb1/1-4/1-4.2/manufacturer", "Silicon Labs\n");
    put(root, "/devices/pci0/usb1/1-4/1-4.2/product", "CP2102 Bridge\n");
    put(root, "/devices/pci0/usb1/1-3/idVendor", "303a\n");
    put(root, "/devices/pci0/usb1/1-3/idProduct", "1001\n");
    put(root, "/devices/pci0/usb1/1-3/manufacturer", "Espressif\n");
    put(root, "/devices/pci0/usb1/1-3/product", "Espressif USB JTAG/serial\n");
}

static void test_sysfs(void)
{
    static const struct {
        const char *path;
        int vid, pid;
        const char *topology, *serial, *description;
    } cases[] = {
        {"/nowhere/ttyUSB7", 0x10C4, 0xEA60, "1-4.2", "0001",
         "Silicon Labs CP2102 Bridge"},
        {"/nowhere/ttyACM0", 0x303A, 0x1001, "1-3", "", "Espressif USB JTAG/serial"},
        {"/nowhere/ttyS9", -1, -1, "", "", ""},
        {"/nowhere/ttyUSB8", -1, -1, "", "", ""},
    };
    char root[] = "/tmp/em_ports.XXXXXX";
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
    make_sysfs(root);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_port port = {.usb_vid = -1, .usb_pid = -1};
        (void)snprintf(port.path, sizeof port.path, "%s", cases[i].path);
        em_port_look_up(&port, root);
        CU_ASSERT_EQUAL(port.usb_vid, cases[i].vid);
        CU_ASSERT_EQUAL(port.usb_pid, cases[i].pid);
        CU_ASSERT_STRING_EQUAL(port.topology, cases[i].topology);
        CU_ASSERT_STRING_EQUAL(port.serial, cases[i].serial);
        CU_ASSERT_STRING_EQUAL(port.description, cases[i].description);
    }
    /* Found again by where it is plugged in, each of several interfaces by itself. */
    char interface[64], path[64];
    CU_ASSERT_TRUE(em_port_interface(interface, "/nowhere/ttyUSB7", root));
    CU_ASSERT_STRING_EQUAL(interface, "1-4.2:1.0");
    CU_ASSERT_TRUE(em_port_by_interface(path, sizeof path, interface, root));
    CU_ASSERT_STRING_EQUAL(path, "/dev/ttyUSB7");
    CU_ASSERT_TRUE(em_port_by_interface(path, sizeof path, "1-3:1.0", root));
    CU_ASSERT_STRING_EQUAL(path, "/dev/ttyACM0");
    CU_ASSERT_FALSE(em_port_by_interface(path, sizeof path, "1-4.2:1.1", root));
    CU_ASSERT_FALSE(em_port_interface(interface, "/nowhere/ttyS9", root));

    /* By the place of the device, or of one of its ports; never by a part of a name. */
    static const struct {
        const char *topology, *path;
    } places[] = {
        {"1-4.2", "/dev/ttyUSB7"},
        {"1-4.2:1.0", "/dev/ttyUSB7"},
        {"1-3", "/dev/ttyACM0"},
        {"1-4", NULL},
        {"1-4.", NULL},
        {"1-4.2:1.1", NULL},
        {"", NULL},
        {"2-1", NULL},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct em_port at = {.path = ""};
        CU_ASSERT_EQUAL(em_port_at(&at, places[i].topology, root),
                        places[i].path != NULL);
        CU_ASSERT_EQUAL(em_port_at(NULL, places[i].topology, root),
                        places[i].path != NULL);
        if (places[i].path != NULL)
            CU_ASSERT_STRING_EQUAL(at.path, places[i].path);
    }
    struct em_port second = {.path = ""};
    make_folders(root, "/class/tty/ttyUSB3");
    make_folders(root, "/devices/pci0/usb1/1-4/1-4.2/1-4.2:1.1/ttyUSB3");
    link_to(root, "/class/tty/ttyUSB3/device",
            "../../../devices/pci0/usb1/1-4/1-4.2/1-4.2:1.1/ttyUSB3");
    CU_ASSERT_TRUE(em_port_at(&second, "1-4.2:1.1", root));
    CU_ASSERT_STRING_EQUAL(second.path, "/dev/ttyUSB3");
    CU_ASSERT_EQUAL(second.usb_vid, 0x10C4);
    CU_ASSERT_STRING_EQUAL(second.topology, "1-4.2");
    CU_ASSERT_TRUE(em_port_at(&second, "1-4.2", root)); /* the first of the two */
    CU_ASSERT_STRING_EQUAL(second.path, "/dev/ttyUSB7");
    CU_ASSERT_FALSE(em_port_at(&second, "1-4.2", "/nowhere"));

    /* A link as those of /dev/serial/by-id. */
    struct em_port port = {.usb_vid = -1, .usb_pid = -1, .description = "kept"};
    put(root, "/ttyUSB7", "");
    link_to(root, "/by-id", "ttyUSB7");
    (void)snprintf(port.path, sizeof port.path, "%s/by-id", root);
    em_port_look_up(&port, root);
    CU_ASSERT_STRING_EQUAL(port.topology, "1-4.2");
    CU_ASSERT_STRING_EQUAL(port.description, "kept");
    CU_ASSERT_EQUAL(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static const struct em_port made_up[] = {
    {"/dev/ttyS0", "ttyS0", "", "", -1, -1},
    {"/dev/ttyUSB0", "CP2102", "1-4.2", "0001", 0x10C4, 0xEA60},
    {"/dev/ttyACM0", "USB JTAG", "1-3", "AA:BB", 0x303A, 0x1001},
    {"/dev/ttyUSB1", "FT232", "1-4.3", "FTX", 0x0403, 0x6001},
    {"/dev/ttyACM1", "Arduino", "2-1", "", 0x2341, 0x0043},
    {"/dev/ttyACM2", "USB JTAG", "1-5", "CC:DD", 0x303A, 0x1001},
    {"/dev/rfcomm0", "", "", "", -1, -1},
};

static void test_order_and_filters(void)
{
    /* Order as esptool-cli has it: Espressif, adapters, the rest, names backwards. */
    static const struct {
        const char *terms[2];
        size_t count;
        const char *wanted;
    } cases[] = {
        {{NULL, NULL}, 0, "ACM2 ACM0 USB1 USB0 ACM1 S0 omm0 "},
        {{"vid=303a", NULL}, 1, "ACM2 ACM0 "},
        {{"vid=0x303A", "serial=CC"}, 2, "ACM2 "},
        {{"pid=6001", NULL}, 1, "USB1 "},
        {{"name=USB", NULL}, 1, "ACM2 ACM0 USB1 USB0 "},
        {{"name=CP2102", NULL}, 1, "USB0 "},
        {{"topology=1-4", NULL}, 1, "USB1 USB0 "},
        {{"topology=1-4.3", "vid=10c4"}, 2, ""},
        {{"serial=", NULL}, 1, "ACM2 ACM0 USB1 USB0 ACM1 S0 omm0 "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct em_port ports[sizeof made_up / sizeof made_up[0]];
        memcpy(ports, made_up, sizeof ports);
        const struct em_port_filter filter = {cases[i].terms, cases[i].count};
        size_t count = em_ports_arrange(ports, sizeof ports / sizeof ports[0], &filter);
        char got[128] = "";
        for (size_t j = 0; j < count; j++) {
            size_t len = strlen(got);
            const char *name = ports[j].path + strlen("/dev/tty");
            (void)snprintf(got + len, sizeof got - len, "%s ", name);
        }
        /* Names are compared as text: "USB" is behind "ACM", so before it here. */
        CU_ASSERT_STRING_EQUAL(got, cases[i].wanted);
        if (strcmp(got, cases[i].wanted) != 0)
            printf("\n  case %zu: %s\n", i, got);
    }
}

static void test_list(void)
{
    static const char *const bad[] = {"vid=",    "vid=xyz", "pid=12345", "vid=-1",
                                      "speed=1", "name",    ""};
    struct em_port *ports;
    size_t count;
    struct em_error err;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct em_port_filter filter = {&bad[i], 1};
        EM_CHECK_STATUS(em_ports_list(&ports, &count, &filter, &err), EM_ERR_USAGE, &err);
        CU_ASSERT_PTR_NULL(ports);
        EM_CHECK_HAS(err.what, bad[i]);
    }
    /* Whatever this machine has; a container may tell nothing. */
    enum em_status status = em_ports_list(&ports, &count, NULL, &err);
    if (status == EM_ERR_PORT)
        printf("\n  SKIPPED listing: %s\n", err.what);
    else
        EM_CHECK_STATUS(status, EM_OK, &err);
    CU_ASSERT_EQUAL(ports == NULL, count == 0);
    for (size_t i = 0; i < count; i++)
        CU_ASSERT_EQUAL(strncmp(ports[i].path, "/dev/", 5), 0);
    free(ports);
    const char *none[] = {"name=no such port anywhere"};
    const struct em_port_filter filter = {none, 1};
    if (status == EM_OK)
        EM_CHECK_STATUS(em_ports_list(&ports, &count, &filter, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT_PTR_NULL(ports);
}

static const struct em_test tests[] = {
    {"a made-up /sys", test_sysfs},
    {"order and filters", test_order_and_filters},
    {"listing", test_list},
};

EM_TEST_MAIN("flasher/transport/ports", tests)
