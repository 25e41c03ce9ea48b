/* SPDX-License-Identifier: Apache-2.0 */
/* MAC and flash id of the chip on every port, all ports at the same time.
 *
 *     cc -pthread who_is_there.c $(pkg-config --cflags --libs espmfg) -o who_is_there
 *     ./who_is_there                 # all serial ports
 *     ./who_is_there /dev/ttyUSB0 /dev/ttyUSB1
 */
#include <espmfg/flash.h>
#include <espmfg/port.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { PORTS_MAX = 64 };

/* One port and what was found there. Each thread has its own: nothing is shared. */
struct place {
    const char *port;
    pthread_t thread;
    enum em_status status;
    struct em_error err;
    char name[32];
    uint8_t mac[6];
    struct em_flash_id flash;
};

static enum em_status ask(struct place *place, struct em_device *device)
{
    const struct em_device_info *info = NULL;
    enum em_status status = em_device_info(device, &info, &place->err);
    if (status != EM_OK)
        return status;
    (void)snprintf(place->name, sizeof place->name, "%s", info->name);
    for (size_t i = 0; i < sizeof place->mac; i++)
        place->mac[i] = info->mac[i];
    status = em_flash_identify(device, NULL, &place->flash, &place->err);
    if (status == EM_OK)
        status = em_device_reset(device, EM_AFTER_HARD_RESET, &place->err);
    return status;
}

static void *look(void *user)
{
    struct place *place = user;
    struct em_device *device = NULL;
    const struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    place->status = em_device_open(&device, place->port, &options, &place->err);
    if (place->status == EM_OK)
        place->status = ask(place, device);
    em_device_close(device);
    return NULL;
}

static void show(const struct place *place)
{
    const uint8_t *mac = place->mac;
    if (place->status != EM_OK)
        printf("%s: %s\n", place->port, place->err.what);
    else
        printf("%s: %s %02x:%02x:%02x:%02x:%02x:%02x flash %06lx, %lu KiB\n", place->port,
               place->name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5],
               (unsigned long)place->flash.id, (unsigned long)(place->flash.size / 1024));
}

int main(int argc, char **argv)
{
    static struct place places[PORTS_MAX];
    struct em_port *ports = NULL;
    struct em_error err = {0};
    size_t count = 0;
    enum em_status status = EM_OK;
    if (argc < 2)
        status = em_ports_list(&ports, &count, NULL, &err);
    else
        count = (size_t)argc - 1;
    if (status != EM_OK)
        fprintf(stderr, "who_is_there: %s\n", err.what);
    count = count < PORTS_MAX ? count : PORTS_MAX;
    size_t started = 0;
    for (; started < count; started++) {
        struct place *place = &places[started];
        place->port = ports != NULL ? ports[started].path : argv[started + 1];
        if (pthread_create(&place->thread, NULL, look, place) != 0)
            break;
    }
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(places[i].thread, NULL);
        show(&places[i]);
        if (places[i].status != EM_OK)
            status = places[i].status;
    }
    free(ports);
    return em_status_exit(status);
}
