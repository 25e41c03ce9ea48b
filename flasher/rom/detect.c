/* SPDX-License-Identifier: Apache-2.0 */
/* Which chip answers: by its security information, or by a word of its ROM. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "base/bytes_int.h"

#include <string.h>

enum {
    SECURITY_LONG = 20,
    SECURITY_SHORT = 12, /* the ESP32-S2: without chip id and version */
    SECURE_DOWNLOAD = 1u << 2,
};

static enum em_status get_security(struct em_device *dev, struct em_rom_reply *reply,
                                   struct em_error *err)
{
    const struct em_rom_request request = {
        .op = EM_OP_GET_SECURITY_INFO,
        .result_len = SECURITY_LONG,
        .other_len = SECURITY_SHORT,
    };
    enum em_status status = em_rom_command(dev, &request, reply, err);
    if (status != EM_OK)
        return status;
    struct em_security_info *info = &dev->security;
    const uint8_t *data = reply->data;
    *info = (struct em_security_info){
        .flags = em_get_le32(data),
        .crypt_count = data[4],
        .has_chip_id = reply->len == SECURITY_LONG,
    };
    memcpy(info->key_purposes, data + 5, sizeof info->key_purposes);
    if (info->has_chip_id) {
        info->chip_id = em_get_le32(data + 12);
        info->api_version = em_get_le32(data + 16);
    }
    dev->has_security = true;
    dev->secure_download = (info->flags & SECURE_DOWNLOAD) != 0;
    return EM_OK;
}

enum em_status em_device_security_info(struct em_device *device,
                                       struct em_security_info *out, struct em_error *err)
{
    struct em_rom_reply reply;
    *out = (struct em_security_info){0};
    if (device->chip->security_info == 0)
        return em_error_set(err, EM_ERR_UNSUPPORTED, "later chips have it",
                            "%s has no security information to ask for",
                            device->chip->name);
    if (!device->has_security) {
        enum em_status status = get_security(device, &reply, err);
        if (status != EM_OK)
            return status;
    }
    *out = device->security;
    return EM_OK;
}

/* The chip whose ROM answers, by the word at EM_CHIP_MAGIC_ADDR. *out NULL: unknown. */
static enum em_status by_magic(struct em_device *dev, const struct em_chip **out,
                               uint32_t *magic_out, struct em_error *err)
{
    *out = NULL;
    enum em_status status = em_rom_read_reg_sure(dev, EM_CHIP_MAGIC_ADDR, magic_out, err);
    if (status == EM_OK)
        *out = em_chip_by_magic(*magic_out);
    return status;
}

/* The chip that is known by a magic word but answers GET_SECURITY_INFO: the only one
 * that may refuse to read the word (secure download mode). */
static const struct em_chip *magic_with_security(void)
{
    size_t count;
    const struct em_chip *chips = em_chips(&count);
    for (size_t i = 0; i < count; i++) {
        if (chips[i].detect == EM_CHIP_DETECT_MAGIC && chips[i].security_info != 0)
            return &chips[i];
    }
    return NULL;
}

static enum em_status unknown(struct em_device *dev, const struct em_chip *wanted,
                              const char *what, uint32_t number, struct em_error *err)
{
    if (wanted != NULL) {
        em_rom_log(dev, EM_LOG_WARNING, "check --chip",
                   "unknown %s 0x%lx; taken for %s as told", what, (unsigned long)number,
                   wanted->name);
        dev->chip = wanted;
        return EM_OK;
    }
    return em_error_set(err, EM_ERR_CHIP, "name it with --chip if you know it",
                        "port %s: unknown chip: %s 0x%lx", dev->io->name, what,
                        (unsigned long)number);
}

static enum em_status settle(struct em_device *dev, const struct em_chip *wanted,
                             const struct em_chip *found, struct em_error *err)
{
    if (wanted != NULL && wanted != found)
        return em_error_set(
            err, EM_ERR_CHIP, "check which board is on this port, or leave out --chip",
            "port %s: this chip is %s, not %s", dev->io->name, found->name, wanted->name);
    dev->chip = found;
    return EM_OK;
}

static enum em_status detect_by_id(struct em_device *dev, const struct em_chip *wanted,
                                   struct em_error *err)
{
    const struct em_chip *found = em_chip_by_id(dev->security.chip_id);
    if (found == NULL)
        return unknown(dev, wanted, "chip id", dev->security.chip_id, err);
    return settle(dev, wanted, found, err);
}

static enum em_status detect_by_magic(struct em_device *dev, const struct em_chip *wanted,
                                      struct em_error *err)
{
    const struct em_chip *found;
    uint32_t magic;
    enum em_status status = by_magic(dev, &found, &magic, err);
    if (status == EM_ERR_UNSUPPORTED) {
        struct em_rom_reply reply;
        if (!dev->has_security)
            status = get_security(dev, &reply, err);
        if ((status == EM_OK || dev->has_security) && dev->secure_download &&
            !dev->security.has_chip_id)
            return settle(dev, wanted, magic_with_security(), err);
        return status;
    }
    if (status != EM_OK)
        return status;
    if (found == NULL && !dev->has_security) {
        /* Or the question after its security information was garbled. */
        struct em_rom_reply reply;
        if (get_security(dev, &reply, NULL) == EM_OK && dev->security.has_chip_id)
            return detect_by_id(dev, wanted, err);
    }
    if (found == NULL)
        return unknown(dev, wanted, "magic word", magic, err);
    return settle(dev, wanted, found, err);
}

/* Was the word that was told read back? Then nothing else need be asked. */
static enum em_status confirm_magic(struct em_device *dev, const struct em_chip *wanted,
                                    struct em_error *err)
{
    uint32_t magic;
    const struct em_chip *found;
    struct em_error ignored;
    enum em_status status = by_magic(dev, &found, &magic, &ignored);
    if (status == EM_OK && found == wanted)
        dev->chip = wanted;
    if (status == EM_OK || status == EM_ERR_UNSUPPORTED || status == EM_ERR_CHIP)
        return EM_OK;
    if (err != NULL)
        *err = ignored;
    return status;
}

enum em_status em_rom_detect(struct em_device *dev, const struct em_chip *wanted,
                             struct em_error *err)
{
    struct em_rom_reply reply;
    dev->chip = NULL;
    dev->has_security = false;
    dev->secure_download = false;
    enum em_status status = EM_OK;
    if (wanted != NULL && wanted->detect == EM_CHIP_DETECT_MAGIC) {
        status = confirm_magic(dev, wanted, err);
        if (status != EM_OK || dev->chip != NULL)
            return status;
    }
    status = get_security(dev, &reply, err);
    if (status == EM_ERR_PORT || status == EM_ERR_NOMEM || status == EM_ERR_LINK)
        return status;
    if (status != EM_OK || !dev->security.has_chip_id)
        return detect_by_magic(dev, wanted, err);
    return detect_by_id(dev, wanted, err);
}
