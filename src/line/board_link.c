/* SPDX-License-Identifier: Apache-2.0 */
/* A board's connection: who is there, and is it the same as before? */
#include "config.h"

#include "src/line/run.h"

#include "base/error_int.h"

#include <stdio.h>
#include <string.h>

enum {
    OPENS = 2,           /* of a port that opens but whose chip cannot be understood */
    USUAL_BAUD = 460800, /* nobody has set a limit; what adapters of all makes can do */
};

static enum em_before find_before(const char *text)
{
    static const char *const names[] = {
        [EM_BEFORE_DEFAULT_RESET] = "default-reset",
        [EM_BEFORE_USB_RESET] = "usb-reset",
        [EM_BEFORE_NO_RESET] = "no-reset",
        [EM_BEFORE_NO_RESET_NO_SYNC] = "no-reset-no-sync",
    };
    for (size_t i = 0; text != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], text) == 0)
            return (enum em_before)i;
    }
    return EM_BEFORE_DEFAULT_RESET; /* station files are checked when they are read */
}

static uint32_t find_baud(const struct line_worker *w)
{
    const struct line_station *station = w->run->options->station;
    uint32_t slot = station->slots[w->now.slot].baud;
    if (slot == 0)
        slot = station->baud;
    return slot == 0 ? USUAL_BAUD : slot;
}

static enum em_status open_device(struct line_worker *w, struct em_error *err)
{
    const struct line_options *options = w->run->options;
    struct em_device_options device = EM_DEVICE_OPTIONS_INIT;
    device.chip = options->job->chip;
    device.baud = find_baud(w);
    device.before = find_before(options->station->before);
    device.stub_file = options->job->stub;
    device.settings.reset_sequence = options->station->reset_sequence;
    device.hooks = w->hooks;
    return em_device_open(&w->board.device, w->board.url, &device, err);
}

static void put_mac(char out[18], const uint8_t mac[6])
{
    (void)snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                   mac[3], mac[4], mac[5]); /* fits exactly */
}

static enum em_status compare_mac(struct line_worker *w, const uint8_t mac[6],
                                  struct em_error *err)
{
    struct line_board *board = &w->board;
    char is[18];
    put_mac(is, mac);
    if (!board->has_mac) {
        memcpy(board->mac, mac, sizeof board->mac);
        board->has_mac = true;
        memcpy(w->now.mac, is, sizeof is);
        return EM_OK;
    }
    if (memcmp(board->mac, mac, sizeof board->mac) == 0)
        return EM_OK;
    return em_error_set(
        err, EM_ERR_CHIP, "neither of the two is finished: put each in again",
        "another board answers than before: MAC %s, not %s", is, w->now.mac);
}

static enum em_status ask(struct line_worker *w, struct em_error *err)
{
    const struct em_device_info *info;
    enum em_status status = em_device_info(w->board.device, &info, err);
    if (status != EM_OK)
        return status;
    if (info->secure_download)
        return em_error_set(
            err, EM_ERR_UNSUPPORTED,
            "if it was burned here, 'ledger list' shows its unit as burning; "
            "scrap that unit or board",
            "%s is in secure download mode: it does not tell who it is", info->name);
    return compare_mac(w, info->mac, err);
}

enum em_status line_board_connect(struct line_worker *w, struct em_error *err)
{
    enum em_status status = EM_ERR_LINK;
    for (unsigned i = 1; status == EM_ERR_LINK && i <= OPENS; i++) {
        line_board_disconnect(&w->board);
        status = open_device(w, err);
        if (status == EM_OK)
            status = ask(w, err);
        w->now.retries += status == EM_ERR_LINK && i < OPENS;
        if (line_stop_wanted(w->run) != 0)
            break;
    }
    if (status != EM_OK)
        line_board_disconnect(&w->board);
    return status;
}

void line_board_disconnect(struct line_board *board)
{
    em_device_close(board->device);
    board->device = NULL;
}

enum em_status line_stage_connect(struct line_worker *w, struct em_error *err)
{
    return line_board_connect(w, err);
}
