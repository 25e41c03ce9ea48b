/* SPDX-License-Identifier: Apache-2.0 */
/* SYNC: the loader finds the rate by it, and both ends begin anew. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "base/bytes_int.h"

#include <string.h>

/* One more than a frame that was cut needs to end, and time for a loader that is at work
 * (an erase of 64 KiB takes up to about a second). */
enum { RESYNC_TRIES = 10 };

/* The next answer to a SYNC. */
static enum em_status next_answer(struct em_device *dev, int64_t deadline, unsigned *left,
                                  uint32_t *value_out, struct em_error *err)
{
    for (;;) {
        const uint8_t *frame;
        size_t len;
        enum em_status status =
            em_rom_receive_until(dev, deadline, left, &frame, &len, err);
        if (status != EM_OK)
            return status;
        if (len >= EM_ROM_HEADER + 2 && frame[0] == EM_ROM_RESPONSE &&
            frame[1] == EM_OP_SYNC && frame[EM_ROM_HEADER] == 0) {
            *value_out = em_get_le32(frame + 4);
            em_rom_trace(dev, "answer", "SYNC", frame, len);
            return EM_OK;
        }
        if (*left == 0)
            return em_error_set(err, EM_ERR_LINK, "use a lower --baud",
                                "port %s: only frames that answer something else",
                                dev->io->name);
        (*left)--;
    }
}

enum em_status em_rom_sync(struct em_device *dev, int64_t timeout_us, bool *stub_out,
                           struct em_error *err)
{
    uint8_t data[EM_ROM_SYNC_LEN] = {0x07, 0x07, 0x12, 0x20};
    memset(data + 4, 0x55, sizeof data - 4);
    const struct em_rom_request request = {
        .op = EM_OP_SYNC, .data = data, .len = sizeof data};
    enum em_status status = em_rom_flush(dev, err);
    if (status == EM_OK)
        status = em_rom_send(dev, &request, err);
    if (status != EM_OK)
        return status;
    dev->last_op = EM_OP_SYNC;
    unsigned left = EM_ROM_FOREIGN_MAX;
    uint32_t value;
    status = next_answer(dev, em_rom_now(dev) + timeout_us, &left, &value, err);
    if (status != EM_OK)
        return status;
    /* A ROM shows bytes of the request in each, a stub zeros. A garbled one or two must
     * not decide. */
    unsigned zeros = value == 0;
    unsigned answers = 1;
    int64_t deadline = em_rom_now(dev) + timeout_us;
    while (answers < EM_ROM_SYNC_REPLIES) {
        struct em_error ignored;
        status = next_answer(dev, deadline, &left, &value, &ignored);
        if (status == EM_ERR_LINK)
            break; /* one is enough to know that both ends are in step */
        if (status != EM_OK) {
            if (err != NULL)
                *err = ignored;
            return status;
        }
        zeros += value == 0;
        answers++;
    }
    *stub_out = 2 * zeros > answers;
    return EM_OK;
}

enum em_status em_rom_resync(struct em_device *dev, struct em_error *err)
{
    dev->encrypting = false;
    enum em_status status = EM_ERR_LINK;
    bool stub = dev->stub;
    for (unsigned i = 0; i < RESYNC_TRIES && status == EM_ERR_LINK; i++)
        status =
            em_rom_sync(dev, (int64_t)dev->settings.sync_timeout_ms * 1000, &stub, err);
    if (status == EM_OK && stub != dev->stub)
        return em_error_set(err, EM_ERR_LINK,
                            "check its power supply (cable, hub), then start again",
                            "port %s: the chip was reset in the middle: its %s answers",
                            dev->io->name, stub ? "stub" : "ROM loader");
    if (status != EM_ERR_LINK)
        return status;
    return em_error_set(err, EM_ERR_LINK,
                        "check cable and power of the chip, then start again",
                        "port %s: the chip does not answer any more", dev->io->name);
}
