/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated chip at the end of a pipe, in a time of its own, and what was told of it.
 */
#ifndef TESTS_TEST_FLASHER_FLASH_SIM_H
#define TESTS_TEST_FLASHER_FLASH_SIM_H

#include "tests/test_flasher_flash_util.h"

#include <espmfg/sim.h>

#include <unistd.h>

/* A stub file. What it holds is not run: the simulated chip looks for the greeting in it,
 * and follows the rules of stubs from then on. Its text is "OHAI" and 28 bytes more. */
#define EM_T_STUB                                                                        \
    "{\"entry\": 1077416960, \"text_start\": 1077416960, \"text\": "                     \
    "\"T0hBSQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=\"}"

struct em_t_chip {
    struct em_sim *sim;
    struct em_device *dev;
    char told[4096];     /* all messages, a line each */
    unsigned stop_after; /* progress calls until a stop; 0: never */
    unsigned progress;
    uint64_t last_done;
    const char *last_stage;
    bool fell;
};

static inline void em_t_log(void *user, enum em_log_level level, const char *device,
                            const struct em_error *msg)
{
    struct em_t_chip *chip = user;
    size_t len = strlen(chip->told);
    (void)device;
    if (level <= EM_LOG_NOTE)
        (void)snprintf(chip->told + len, sizeof chip->told - len, "%s\n", msg->what);
}

static inline int em_t_progress(void *user, const struct em_progress *progress)
{
    struct em_t_chip *chip = user;
    if (chip->last_stage != NULL && strcmp(chip->last_stage, progress->stage) == 0 &&
        progress->done < chip->last_done && progress->done != 0)
        chip->fell = true;
    if (progress->done > progress->total)
        chip->fell = true;
    chip->last_stage = progress->stage;
    chip->last_done = progress->done;
    chip->progress++;
    return chip->stop_after != 0 && chip->progress >= chip->stop_after;
}

/* Write the stub to a file that em_t_close() has nothing to do with: it is removed as
 * soon as it was read. */
static inline bool em_t_stub_file(char *path)
{
    (void)strcpy(path, "/tmp/em_stub.XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0)
        return false;
    bool good = write(fd, EM_T_STUB, strlen(EM_T_STUB)) == (ssize_t)strlen(EM_T_STUB);
    return close(fd) == 0 && good;
}

/* Make a chip and connect to it. */
static inline enum em_status em_t_open(struct em_t_chip *chip,
                                       const struct em_sim_options *sim, bool stub,
                                       struct em_error *err)
{
    char path[32] = "";
    struct em_io *io = NULL;
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    memset(chip, 0, sizeof *chip);
    options.hooks.log = em_t_log;
    options.hooks.progress = em_t_progress;
    options.hooks.user = chip;
    enum em_status status = em_sim_new(&chip->sim, sim, err);
    if (status != EM_OK)
        return status;
    if (stub) {
        if (!em_t_stub_file(path))
            return EM_ERR_IO;
        options.stub_file = path;
    }
    status = em_io_sim_attach(&io, chip->sim, sim->usb_pid, "sim", options.baud, err);
    if (status == EM_OK)
        status = em_rom_device_new(&chip->dev, io, &options, err);
    if (stub)
        (void)unlink(path);
    return status;
}

static inline void em_t_close(struct em_t_chip *chip)
{
    em_device_close(chip->dev);
    em_sim_free(chip->sim);
}

/* The chips that have to work in full, and the others as far as facts go. */
static const char *const em_t_chips[] = {"esp32",   "esp32s2",  "esp32s3", "esp32c2",
                                         "esp32c3", "esp32c5",  "esp32c6", "esp32c61",
                                         "esp32h2", "esp32p4",  "esp8266", "esp32h21",
                                         "esp32h4", "esp32s31", "esp32e22"};
enum { EM_T_CHIPS = sizeof em_t_chips / sizeof em_t_chips[0] };

#endif
