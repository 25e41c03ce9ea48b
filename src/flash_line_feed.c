/* SPDX-License-Identifier: Apache-2.0 */
/* Where the boards of a line come from, as its command line says. */
#include "config.h"

#include "src/flash_line.h"

#include <espmfg/port.h>

#include "base/error_int.h"

#include <stdlib.h>
#include <string.h>

enum { SIMULATED_SLOTS = 4 };

static enum em_status make_slots(struct flash_line *line, size_t count,
                                 struct em_error *err)
{
    struct line_station *station = &line->station;
    free(station->slots);
    station->slot_count = 0;
    station->slots = calloc(count + 1, sizeof *station->slots);
    line->slot_names = calloc(count + 1, sizeof *line->slot_names);
    if (station->slots == NULL || line->slot_names == NULL)
        return em_error_nomem(err);
    station->slot_count = count;
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(line->slot_names[i], sizeof line->slot_names[i], "%u",
                       (unsigned)i + 1); /* fits */
        station->slots[i].name = line->slot_names[i];
    }
    return EM_OK;
}

/* "A,B,…": a slot each, none twice. */
static enum em_status take_ports(struct flash_line *line, const char *ports,
                                 struct em_error *err)
{
    size_t count = 1;
    for (const char *p = ports; *p != '\0'; p++)
        count += *p == ',';
    enum em_status status = make_slots(line, count, err);
    if (status != EM_OK)
        return status;
    line->port_names = strdup(ports);
    if (line->port_names == NULL)
        return em_error_nomem(err);
    char *p = line->port_names;
    for (size_t i = 0; i < count; i++) {
        char *end = p + strcspn(p, ",");
        struct line_slot *slots = line->station.slots;
        *end = '\0';
        slots[i].port = p;
        if (*p == '\0')
            return em_error_set(err, EM_ERR_USAGE, "write --ports A,B",
                                "port %zu of '%s' has no name", i + 1, ports);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(slots[j].port, p) == 0)
                return em_error_set(err, EM_ERR_USAGE, "name each port once",
                                    "port '%s' is named twice", p);
        }
        p = end + 1;
    }
    return EM_OK;
}

static enum em_status take_all(struct flash_line *line, struct em_error *err)
{
    size_t count = 0;
    const struct flash_args *args = &line->flash->args;
    struct em_port_filter filter = {args->filters, args->filter_count};
    enum em_status status = em_ports_list(&line->port_list, &count, &filter, err);
    if (status == EM_OK && count == 0)
        status = em_error_set(err, EM_ERR_PORT, "plug boards in, and try again",
                              "there is no serial port%s",
                              filter.count > 0 ? " that the filters leave" : "");
    if (status == EM_OK)
        status = make_slots(line, count, err);
    for (size_t i = 0; status == EM_OK && i < count; i++)
        line->station.slots[i].port = line->port_list[i].path;
    return status;
}

static enum em_status take_simulated(struct flash_line *line, struct em_error *err)
{
    const char *spec = line->boards == NULL ? line->spec : line->boards + strlen("sim:");
    const char *folder = line->rehearsal == NULL ? line->folder : line->rehearsal;
    (void)snprintf(line->spec, sizeof line->spec, "%s*%d", line->job.chip,
                   (int)SIMULATED_SLOTS); /* names of chips are short */
    return line_sim_feed_new(&line->sim_feed, &line->feed, &line->station, spec, folder,
                             line->rounds, err);
}

enum em_status flash_line_feed(struct flash_line *line, struct em_error *err)
{
    const char *ports = line->ports == NULL ? line->flash->args.port : line->ports;
    enum em_status status = line_station_open(&line->station, line->station_file, err);
    if (status != EM_OK)
        return status;
    if (line->boards != NULL || line->simulate)
        return take_simulated(line, err);
    if (line->all)
        status = take_all(line, err);
    else if (line->ports != NULL || (line->station_file == NULL && ports != NULL))
        status = take_ports(line, ports, err);
    if (status != EM_OK)
        return status;
    if (line->station.slot_count == 0 && !line->check)
        return em_error_set(err, EM_ERR_USAGE,
                            "add --station FILE, --ports A,B or --all, or --simulate to "
                            "try the job",
                            "nothing says at which ports boards are");
    return line_ports_feed_new(&line->ports_feed, &line->feed, &line->station,
                               line->watch, err);
}

void flash_line_feed_free(struct flash_line *line)
{
    line_ports_feed_free(line->ports_feed);
    line_sim_feed_free(line->sim_feed);
    free(line->port_list);
    free(line->port_names);
    free(line->slot_names);
}
