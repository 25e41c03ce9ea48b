/* SPDX-License-Identifier: Apache-2.0 */
/* Options that all commands of mfg_flash have, and values of those that several have. */
#include "config.h"

#include "src/flash.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

enum {
    OPT_CHIP = 2000,
    OPT_PORT,
    OPT_PORT_FILTER,
    OPT_BAUD,
    OPT_BEFORE,
    OPT_AFTER,
    OPT_CONNECT_ATTEMPTS,
    OPT_NO_STUB,
    OPT_STUB,
    OPT_PARTITION_TABLE,
    OPT_TRACE,
    OPT_PROGRESS,
    OPT_VERBOSE,
    OPT_SILENT,
    OPT_JSON,
    OPT_VDDSDIO,
};

const struct cli_option flash_options[] = {
    {"chip", "c", "NAME", "the chip that has to answer (default: auto, any)", OPT_CHIP},
    {"port", "p", "PORT",
     "serial port, socket://HOST:PORT, rfc2217://HOST:PORT, or sim:CHIP for a simulated "
     "chip (default: the first with a chip)",
     OPT_PORT},
    {"port-filter", NULL, "KEY=VALUE…",
     "without a port, try only those with this vid, pid, name, serial or topology",
     OPT_PORT_FILTER},
    {"baud", "b", "RATE", "after the first contact (default: 115200)", OPT_BAUD},
    {"before", NULL, "MODE",
     "how to enter the loader: default-reset, usb-reset, no-reset, no-reset-no-sync",
     OPT_BEFORE},
    {"after", "a", "MODE",
     "how to leave it: hard-reset, soft-reset, no-reset, no-reset-stub, watchdog-reset",
     OPT_AFTER},
    {"connect-attempts", NULL, "N", "tries to connect; 0: for ever (default: 7)",
     OPT_CONNECT_ATTEMPTS},
    {"no-stub", NULL, NULL, "talk to the ROM only (as without --stub)", OPT_NO_STUB},
    {"stub", NULL, "FILE", "load this stub loader, in esptool's JSON format, and use it",
     OPT_STUB},
    {"partition-table", NULL, "FILE",
     "binary or CSV; its names may stand for addresses, its sizes are limits",
     OPT_PARTITION_TABLE},
    {"trace", "t", "[FILE]", "write what goes over the wire to FILE (default: stderr)",
     OPT_TRACE},
    {"progress", NULL, "WHEN",
     "auto (default: a bar on a terminal, else a line a second), always, never",
     OPT_PROGRESS},
    {"verbose", "v", NULL, "tell more", OPT_VERBOSE},
    {"quiet", "q", NULL, "only faults", OPT_SILENT},
    {"silent", "s", NULL, "the same", OPT_SILENT},
    {"json", NULL, NULL, "result and messages as one JSON object on stdout", OPT_JSON},
    {"override-vddsdio", NULL, "VOLTAGE", NULL, OPT_VDDSDIO},
    {NULL, NULL, NULL, NULL, 0},
};

static const char *const befores[] = {"default-reset", "usb-reset", "no-reset",
                                      "no-reset-no-sync", NULL};
static const char *const afters[] = {"hard-reset",    "soft-reset",     "no-reset",
                                     "no-reset-stub", "watchdog-reset", NULL};
static const char *const modes[] = {"keep", "qio", "qout", "dio", "dout", NULL};
static const char *const freqs[] = {"keep", "80m", "60m", "48m", "40m", "30m", "26m",
                                    "24m",  "20m", "16m", "15m", "12m", NULL};
static const char *const sizes[] = {"detect", "keep",   "256KB", "512KB",  "1MB",
                                    "2MB",    "2MB-c1", "4MB",   "4MB-c1", "8MB",
                                    "16MB",   "32MB",   "64MB",  "128MB",  NULL};

void flash_note_old(struct flash_args *args, const char *given)
{
    if (args->old_given == NULL)
        args->old_given = given;
}

int flash_choice(const char *const *names, const char *text)
{
    for (int i = 0; names[i] != NULL; i++) {
        const char *n = names[i];
        const char *t = text;
        while (*n != '\0' && (tolower((unsigned char)*n) == tolower((unsigned char)*t) ||
                              (*n == '-' && *t == '_'))) {
            n++;
            t++;
        }
        if (*n == '\0' && *t == '\0')
            return i;
    }
    return -1;
}

/* A mode, whose old spelling is noted. -1: none of them. */
static int take_mode(struct flash_args *args, const char *const *names, const char *text)
{
    int i = flash_choice(names, text);
    if (i >= 0 && strchr(text, '_') != NULL)
        flash_note_old(args, text);
    return i;
}

const char *flash_take_before(struct flash_args *args, const char *text)
{
    int i = take_mode(args, befores, text);
    if (i < 0)
        return "choose default-reset, usb-reset, no-reset or no-reset-no-sync";
    args->before = (enum em_before)i; /* in this order */
    return NULL;
}

const char *flash_take_after(struct flash_args *args, const char *text)
{
    int i = take_mode(args, afters, text);
    if (i < 0)
        return "choose hard-reset, soft-reset, no-reset, no-reset-stub or watchdog-reset";
    args->after = (enum em_after)i; /* in this order */
    args->after_given = true;
    return NULL;
}

const char *flash_take_baud(struct flash_args *args, const char *text)
{
    unsigned long long baud;
    if (!cli_integer(&baud, text, 20000000) || baud == 0)
        return "a rate from 1 to 20000000";
    args->baud = (uint32_t)baud;
    return NULL;
}

const char *flash_take_attempts(int *out, const char *text)
{
    unsigned long long n;
    bool negative = text[0] == '-';
    if (!cli_integer(&n, text + negative, INT_MAX))
        return "a number; 0 or less: for ever";
    *out = negative ? 0 : (int)n;
    return NULL;
}

static const char *take_filter(struct flash_args *args, const char *text)
{
    if (args->filter_count == FLASH_FILTERS_MAX)
        return "no more than 16 filters";
    if (strchr(text, '=') == NULL)
        return "write it as vid=, pid=, name=, serial= or topology= and a value";
    args->filters[args->filter_count++] = text;
    return NULL;
}

static const char *take_flash(struct em_flash_options *flash, int id, const char *text)
{
    int i = 0;
    if (id == FLASH_OPT_SIZE) {
        if ((i = flash_choice(sizes, text)) < 0)
            return "choose detect, keep, or a size from 256KB to 128MB";
        flash->size = sizes[i];
    } else if (id == FLASH_OPT_MODE) {
        if ((i = flash_choice(modes, text)) < 0)
            return "choose keep, qio, qout, dio or dout";
        flash->mode = i == 0 ? NULL : modes[i];
    } else if (id == FLASH_OPT_FREQ) {
        if ((i = flash_choice(freqs, text)) < 0)
            return "choose keep, or a frequency from 12m to 80m";
        flash->freq = i == 0 ? NULL : freqs[i];
    } else {
        flash->spi_connection = text;
    }
    return NULL;
}

bool flash_is_common(int id)
{
    return id >= FLASH_OPT_SIZE;
}

static const char *take_term(struct term *term, int id, const char *text)
{
    if (id == OPT_PROGRESS)
        return term_progress_parse(&term->progress, text)
                   ? NULL
                   : "choose auto, always or never";
    if (id == OPT_JSON) {
        term->json = true;
    } else if (id == OPT_VERBOSE) {
        term->level = EM_LOG_DEBUG;
    } else {
        term->quiet = true;
        term->level = EM_LOG_ERROR;
    }
    return NULL;
}

const char *flash_take(void *user, int id, char *const *values)
{
    struct flash *flash = user;
    struct flash_args *args = &flash->args;
    char *text = values[0];
    switch (id) {
    case OPT_CHIP:
        args->chip = strcmp(text, "auto") == 0 ? NULL : text;
        return NULL;
    case OPT_PORT:
        args->port = text;
        return NULL;
    case OPT_PORT_FILTER:
        return take_filter(args, text);
    case OPT_BAUD:
        return flash_take_baud(args, text);
    case OPT_BEFORE:
        return flash_take_before(args, text);
    case OPT_AFTER:
        return flash_take_after(args, text);
    case OPT_CONNECT_ATTEMPTS:
        return flash_take_attempts(&args->connect_attempts, text);
    case OPT_NO_STUB:
        args->no_stub = true;
        return NULL;
    case OPT_STUB:
        args->stub_file = text;
        return NULL;
    case OPT_PARTITION_TABLE:
        args->partition_table = text;
        return NULL;
    case OPT_TRACE:
        args->trace = true;
        args->trace_file = text;
        return NULL;
    case OPT_VDDSDIO:
        return "this program leaves the voltage of the flash as it is";
    case FLASH_OPT_SIZE:
    case FLASH_OPT_MODE:
    case FLASH_OPT_FREQ:
    case FLASH_OPT_CONNECTION:
        return take_flash(&args->flash, id, text);
    default:
        return take_term(&flash->term, id, text);
    }
}
