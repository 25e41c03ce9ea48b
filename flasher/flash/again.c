/* SPDX-License-Identifier: Apache-2.0 */
/* Trying again what the line spoilt. */
#include "config.h"

#include "flasher/flash/flash_int.h"

bool em_flash_may_retry(enum em_status status)
{
    return status == EM_ERR_LINK || status == EM_ERR_CHIP || status == EM_ERR_UNSUPPORTED;
}

enum em_status em_flash_resync(struct em_device *dev, struct em_error *err)
{
    /* A chip that is still at work answers when it is done. */
    int64_t end_us =
        dev->io->ops->now_us(dev->io) + (int64_t)dev->settings.timeout_ms * 1000;
    enum em_status status;
    do {
        status = em_rom_resync(dev, err);
    } while (status == EM_ERR_LINK && dev->io->ops->now_us(dev->io) < end_us);
    return status;
}

bool em_flash_again(struct em_device *dev, enum em_status status, uint32_t *tries)
{
    struct em_error ignored; /* what went wrong first tells more */
    if (status != EM_ERR_CHIP && status != EM_ERR_UNSUPPORTED)
        return false;
    return ++*tries < dev->settings.write_block_attempts &&
           em_rom_resync(dev, &ignored) == EM_OK;
}
