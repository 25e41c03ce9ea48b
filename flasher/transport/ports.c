/* SPDX-License-Identifier: Apache-2.0 */
/* Which serial ports there are, and where they are plugged in. */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* realpath() */
#endif
#include "config.h"

#include "base/error_int.h"
#include "flasher/transport/ports_int.h"

#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libserialport.h>

enum { ESPRESSIF_VID = 0x303A /* Espressif's USB vendor id, esp-idf "USB VID/PID" */ };

/* First line of FOLDER/NAME; false: not there. Texts that do not fit are cut. */
static bool read_line(char *out, size_t size, const char *folder, const char *name)
{
    out[0] = '\0';
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool got = fgets(out, (int)size, file) != NULL;
    (void)fclose(file); /* was only read */
    out[strcspn(out, "\n")] = '\0';
    return got;
}

static int read_id(const char *folder, const char *name)
{
    char text[16];
    char *end;
    if (!read_line(text, sizeof text, folder, name))
        return -1;
    unsigned long id = strtoul(text, &end, 16);
    return end != text && *end == '\0' && id <= UINT16_MAX ? (int)id : -1;
}

static void describe(struct em_port *port, const char *folder)
{
    char maker[48], product[64];
    bool named = read_line(product, sizeof product, folder, "product");
    if (!read_line(maker, sizeof maker, folder, "manufacturer") ||
        strstr(product, maker) != NULL)
        maker[0] = '\0';
    (void)snprintf(port->description, sizeof port->description, "%s%s%s", maker,
                   named && maker[0] != '\0' ? " " : "", product); /* they fit */
}

/* The folder of the USB device that @p path belongs to, and the name of its interface.
 * false: it belongs to none. */
static bool find_usb(char folder[PATH_MAX], char interface[64], const char *path,
                     const char *sysfs)
{
    char real[PATH_MAX], link[PATH_MAX], root[PATH_MAX];
    /* "/dev/serial/by-id/..." are links; a name that is gone is used as it is. */
    const char *device = realpath(path, real) != NULL ? real : path;
    const char *slash = strrchr(device, '/');
    if (snprintf(link, sizeof link, "%s/class/tty/%s/device", sysfs,
                 slash == NULL ? device : slash + 1) >= (int)sizeof link ||
        realpath(link, folder) == NULL || realpath(sysfs, root) == NULL)
        return false;
    /* The port is an interface of a USB device, or something below one: the folder that
     * has the ids is further up. */
    interface[0] = '\0';
    for (size_t root_len = strlen(root); strlen(folder) > root_len;) {
        if (read_id(folder, "idVendor") >= 0)
            return true;
        char *name = strrchr(folder, '/');
        (void)snprintf(interface, 64, "%s", name + 1); /* those of USB are short */
        *name = '\0';
    }
    return false;
}

void em_port_look_up(struct em_port *port, const char *sysfs)
{
    char folder[PATH_MAX], interface[64];
    if (!find_usb(folder, interface, port->path, sysfs))
        return;
    port->usb_vid = read_id(folder, "idVendor");
    port->usb_pid = read_id(folder, "idProduct");
    (void)read_line(port->serial, sizeof port->serial, folder, "serial"); /* may lack */
    /* The name of the folder is the way to the device: bus, then ports. */
    (void)snprintf(port->topology, sizeof port->topology, "%s", strrchr(folder, '/') + 1);
    if (port->description[0] == '\0')
        describe(port, folder);
}

bool em_port_interface(char out[64], const char *path, const char *sysfs)
{
    char folder[PATH_MAX];
    return find_usb(folder, out, path, sysfs) && out[0] != '\0';
}

/* Go through all terminals; @p take tells whether to go on. */
static void each_terminal(const char *sysfs,
                          bool (*take)(void *user, const char *path, const char *there),
                          void *user)
{
    char path[PATH_MAX], there[64];
    if (snprintf(path, sizeof path, "%s/class/tty", sysfs) >= (int)sizeof path)
        return;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    bool more = true;
    struct dirent *entry;
    while (more && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.' &&
            snprintf(path, sizeof path, "/dev/%s", entry->d_name) < (int)sizeof path &&
            em_port_interface(there, path, sysfs))
            more = take(user, path, there);
    }
    (void)closedir(folder); /* was only read */
}

/* What is looked for, and the best that was found. */
struct search {
    const char *place; /* of a device, or of an interface */
    char path[sizeof((struct em_port *)0)->path];
    char there[64];
    bool found;
};

/* Of the interfaces of a device the first one counts: their names begin alike. */
static bool take_first(void *user, const char *path, const char *there)
{
    struct search *search = user;
    size_t len = strlen(search->place);
    bool whole = strcmp(there, search->place) == 0;
    bool part = strncmp(there, search->place, len) == 0 && there[len] == ':';
    if (!whole && !part)
        return true;
    if (strlen(path) < sizeof search->path &&
        (!search->found || strcmp(there, search->there) < 0)) {
        (void)snprintf(search->path, sizeof search->path, "%s", path); /* it fits */
        (void)snprintf(search->there, sizeof search->there, "%s", there);
        search->found = true;
    }
    return !whole;
}

bool em_port_by_interface(char *out, size_t size, const char *interface,
                          const char *sysfs)
{
    struct search search = {.place = interface};
    each_terminal(sysfs, take_first, &search);
    return search.found && snprintf(out, size, "%s", search.path) < (int)size;
}

bool em_port_at(struct em_port *out, const char *topology, const char *sysfs)
{
    struct search search = {.place = topology};
    if (topology[0] != '\0')
        each_terminal(sysfs, take_first, &search);
    if (search.found && out != NULL) {
        *out = (struct em_port){.usb_vid = -1, .usb_pid = -1};
        memcpy(out->path, search.path, sizeof out->path);
        em_port_look_up(out, sysfs);
    }
    return search.found;
}

bool em_port_find(struct em_port *out, const char *topology)
{
    return em_port_at(out, topology, EM_SYSFS);
}

bool em_port_present(const char *path)
{
    struct stat st;
    /* As em_io_open() tells them apart. */
    if (strstr(path, "://") != NULL || strncmp(path, "sim:", 4) == 0)
        return true;
    return stat(path, &st) == 0 && S_ISCHR(st.st_mode);
}

/* Which ports to try first: lower is earlier. */
static int rank(const struct em_port *port)
{
    if (port->usb_vid == ESPRESSIF_VID)
        return 0;
    /* The names that drivers of USB adapters give, on Linux and on macOS. */
    static const char *const adapters[] = {"ttyUSB", "ttyACM", "usbserial", "usbmodem"};
    for (size_t i = 0; i < sizeof adapters / sizeof adapters[0]; i++) {
        if (strstr(port->path, adapters[i]) != NULL)
            return 1;
    }
    return port->usb_vid >= 0 ? 1 : 2;
}

static int compare_ports(const void *left, const void *right)
{
    const struct em_port *a = left;
    const struct em_port *b = right;
    int ranks = rank(a) - rank(b);
    return ranks != 0 ? ranks : strcmp(b->path, a->path);
}

/* "KEY=" at the start of @p term: the text behind it, else NULL. */
static const char *value_of(const char *term, const char *key)
{
    size_t len = strlen(key);
    return strncmp(term, key, len) == 0 && term[len] == '=' ? term + len + 1 : NULL;
}

/* false: not a number of 16 bits. */
static bool hex_id(int *out, const char *text)
{
    char *end;
    unsigned long id = strtoul(text, &end, 16);
    *out = (int)(id & UINT16_MAX);
    return end != text && *end == '\0' && text[0] != '-' && text[0] != '+' &&
           id <= UINT16_MAX;
}

static bool matches(const struct em_port *port, const char *term)
{
    const char *text;
    int id;
    if ((text = value_of(term, "vid")) != NULL)
        return hex_id(&id, text) && port->usb_vid == id;
    if ((text = value_of(term, "pid")) != NULL)
        return hex_id(&id, text) && port->usb_pid == id;
    if ((text = value_of(term, "name")) != NULL)
        return strstr(port->path, text) != NULL ||
               strstr(port->description, text) != NULL;
    if ((text = value_of(term, "serial")) != NULL)
        return strstr(port->serial, text) != NULL;
    text = value_of(term, "topology");
    return text != NULL && strstr(port->topology, text) != NULL;
}

static enum em_status check_filter(const struct em_port_filter *filter,
                                   struct em_error *err)
{
    for (size_t i = 0; filter != NULL && i < filter->count; i++) {
        const char *term = filter->terms[i];
        const char *id = value_of(term, "vid");
        int number;
        if (id == NULL)
            id = value_of(term, "pid");
        if (id != NULL && !hex_id(&number, id))
            return em_error_set(err, EM_ERR_USAGE, "write it as vid=303a",
                                "port filter '%s': not a hexadecimal number of 16 bits",
                                term);
        if (id == NULL && value_of(term, "name") == NULL &&
            value_of(term, "serial") == NULL && value_of(term, "topology") == NULL)
            return em_error_set(err, EM_ERR_USAGE,
                                "filters are vid=HEX, pid=HEX, name=TEXT, serial=TEXT, "
                                "topology=TEXT",
                                "unknown port filter '%s'", term);
    }
    return EM_OK;
}

size_t em_ports_arrange(struct em_port *ports, size_t count,
                        const struct em_port_filter *filter)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool keep = true;
        for (size_t j = 0; keep && filter != NULL && j < filter->count; j++)
            keep = matches(&ports[i], filter->terms[j]);
        if (keep)
            ports[kept++] = ports[i];
    }
    if (kept > 1)
        qsort(ports, kept, sizeof *ports, compare_ports);
    return kept;
}

static void put_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text == NULL ? "" : text); /* cut where too long */
}

/* All that libserialport knows, and sysfs besides. */
static void fill(struct em_port *port, const struct sp_port *from)
{
    *port = (struct em_port){.usb_vid = -1, .usb_pid = -1};
    put_text(port->path, sizeof port->path, sp_get_port_name(from));
    put_text(port->description, sizeof port->description, sp_get_port_description(from));
    if (sp_get_port_transport(from) == SP_TRANSPORT_USB) {
        int vid, pid;
        if (sp_get_port_usb_vid_pid(from, &vid, &pid) == SP_OK) {
            port->usb_vid = vid;
            port->usb_pid = pid;
        }
        put_text(port->serial, sizeof port->serial, sp_get_port_usb_serial(from));
    }
    em_port_look_up(port, EM_SYSFS);
}

enum em_status em_ports_list(struct em_port **out, size_t *count_out,
                             const struct em_port_filter *filter, struct em_error *err)
{
    *out = NULL;
    *count_out = 0;
    enum em_status status = check_filter(filter, err);
    if (status != EM_OK)
        return status;
    struct sp_port **list = NULL;
    enum sp_return failed = sp_list_ports(&list);
    if (failed == SP_ERR_MEM)
        return em_error_nomem(err);
    if (failed != SP_OK)
        return em_error_set(err, EM_ERR_PORT, "name the port with --port",
                            "the system does not tell which serial ports there are");
    size_t count = 0;
    while (list[count] != NULL)
        count++;
    struct em_port *ports = calloc(count == 0 ? 1 : count, sizeof *ports);
    if (ports == NULL) {
        sp_free_port_list(list);
        return em_error_nomem(err);
    }
    for (size_t i = 0; i < count; i++)
        fill(&ports[i], list[i]);
    sp_free_port_list(list);
    *count_out = em_ports_arrange(ports, count, filter);
    if (*count_out == 0)
        free(ports);
    else
        *out = ports;
    return EM_OK;
}
