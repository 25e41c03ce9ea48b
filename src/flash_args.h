/* SPDX-License-Identifier: Apache-2.0 */
/* Options that all commands of mfg_flash have, and values of those that several have. */
#ifndef SRC_FLASH_ARGS_H
#define SRC_FLASH_ARGS_H

#include <espmfg/flash.h>

#include "src/cli.h"

enum { FLASH_FILTERS_MAX = 16 };

/** What those options said, after environment and settings file. */
struct flash_args {
    const char *chip; /* NULL: any */
    const char *port; /* NULL: try them all */
    const char *filters[FLASH_FILTERS_MAX];
    size_t filter_count;
    uint32_t baud;
    enum em_before before;
    enum em_after after;
    bool after_given; /* not just the default */
    int connect_attempts;
    bool no_stub;
    const char *stub_file;
    bool trace;
    const char *trace_file; /* NULL: stderr */
    const char *partition_table;
    struct em_flash_options flash;
    struct em_device_settings settings;
    char *texts[2];             /* of the settings file, to be freed */
    char unknown_settings[256]; /* in it: a note, or "" */
    const char *old_given;      /* the first old spelling, or NULL */
};

struct flash;

/** Options before a command, for its table. */
extern const struct cli_option flash_options[];

/** Take one of them: a cli_handler with a struct flash. */
const char *flash_take(void *user, int id, char *const *values);

/** Is @p id one of them? */
bool flash_is_common(int id);

/* How the flash is connected and what stands in image headers; several commands have
 * some of these. flash_take() takes them too. */
enum {
    FLASH_OPT_SIZE = 1000,
    FLASH_OPT_MODE,
    FLASH_OPT_FREQ,
    FLASH_OPT_CONNECTION,
};
/* clang-format off */
#define FLASH_OPTION_SIZE                                                                  \
    {"flash-size", "fs", "SIZE", "size of the flash: detect, keep, 256KB … 128MB",         \
     FLASH_OPT_SIZE}
#define FLASH_OPTION_MODE                                                                  \
    {"flash-mode", "fm", "MODE", "of boot images: keep, qio, qout, dio or dout",           \
     FLASH_OPT_MODE}
#define FLASH_OPTION_FREQ                                                                  \
    {"flash-freq", "ff", "FREQ", "of boot images: keep, 80m … 12m", FLASH_OPT_FREQ}
#define FLASH_OPTION_CONNECTION                                                            \
    {"spi-connection", "sc", "PINS", "SPI, HSPI or CLK,Q,D,HD,CS (default: as fused)",     \
     FLASH_OPT_CONNECTION}
/* clang-format on */

/** One of @p names (ended by NULL), in any case, '_' and '-' alike: its index, or -1. */
int flash_choice(const char *const *names, const char *text);

/* Modes by name, with '_' or '-'. NULL, or what is wrong, as a cli_handler. @p args notes
 * an old spelling. */
const char *flash_take_before(struct flash_args *args, const char *text);
const char *flash_take_after(struct flash_args *args, const char *text);
const char *flash_take_baud(struct flash_args *args, const char *text);
const char *flash_take_attempts(int *out, const char *text);

/** Note that @p given is an old spelling, unless one is noted already. */
void flash_note_old(struct flash_args *args, const char *given);

#endif
