/* SPDX-License-Identifier: Apache-2.0 */
/* What is checked before anything is erased (rom-protocol.md, section 7). */
#include "config.h"

#include "flasher/flash/flash_int.h"
#include "flasher/image/image_int.h"

#include <inttypes.h>
#include <stdio.h>

/* With secure boot v1 the boot loader and its digest are below. */
enum { SECURE_BOOT_1_END = 0x8000 };

static uint64_t end_of(const struct em_flash_piece *piece)
{
    return (uint64_t)piece->addr + piece->len;
}

static uint64_t sector_of(uint64_t addr)
{
    return addr / EM_FLASH_SECTOR;
}

static enum em_status check_bounds(const struct em_device *dev,
                                   const struct em_flash_piece *piece,
                                   const struct em_flash_space *space,
                                   struct em_error *err)
{
    if (piece->limit != 0 && end_of(piece) > piece->limit)
        return em_error_set(err, EM_ERR_FULL, "check the partition table",
                            "%s: ends at 0x%" PRIx64 ", its partition at 0x%" PRIx64,
                            em_flash_piece_name(piece), end_of(piece), piece->limit);
    return em_flash_fits(dev, space, em_flash_piece_name(piece), piece->addr, piece->len,
                         err);
}

static enum em_status check_overlap(const struct em_flash_piece *pieces, size_t count,
                                    size_t idx, struct em_error *err)
{
    const struct em_flash_piece *a = &pieces[idx];
    for (size_t i = idx + 1; i < count; i++) {
        const struct em_flash_piece *b = &pieces[i];
        if (b->len == 0 || sector_of(a->addr) > sector_of(end_of(b) - 1) ||
            sector_of(b->addr) > sector_of(end_of(a) - 1))
            continue;
        return em_error_set(err, EM_ERR_USAGE,
                            "sectors have 4096 bytes: put them further apart, or merge "
                            "the files",
                            "%s (0x%" PRIx32 "..0x%" PRIx64 ") and %s (0x%" PRIx32
                            "..0x%" PRIx64 ") share a sector",
                            em_flash_piece_name(a), a->addr, end_of(a),
                            em_flash_piece_name(b), b->addr, end_of(b));
    }
    return EM_OK;
}

/* An image of another chip, or of another revision. */
static enum em_status check_image(struct em_device *dev,
                                  const struct em_flash_piece *piece,
                                  struct em_error *err)
{
    struct em_image image;
    if (piece->opaque || !em_image_header(&image, piece->data, piece->len, dev->chip))
        return EM_OK;
    const struct em_device_info *info;
    uint32_t revision = 0;
    struct em_image no_revision = image;
    if (dev->secure_download) {
        /* Nobody can tell the revision: every one will do. */
        no_revision.min_revision = 0;
        no_revision.min_revision_old = 0;
        no_revision.max_revision = EM_IMAGE_REVISION_ANY;
    } else {
        enum em_status status = em_device_info(dev, &info, err);
        if (status != EM_OK)
            return status;
        revision = info->revision;
    }
    struct em_error reason;
    enum em_status status =
        em_image_check_chip(&no_revision, dev->chip, revision, &reason);
    if (status != EM_OK)
        return em_error_set(err, status, reason.hint, "%s: %s",
                            em_flash_piece_name(piece), reason.what);
    return EM_OK;
}

static enum em_status check_plain(const struct em_flash_piece *piece,
                                  const struct em_device *dev,
                                  const struct em_flash_security *security,
                                  struct em_error *err)
{
    if (!security->encryption || !(security->dl_encrypt_dis || dev->secure_download))
        return EM_OK;
    return em_error_set(err, EM_ERR_REFUSED,
                        "it could not run: update it over the air, or encrypt the file "
                        "with the chip's key first",
                        "%s: plain data, but flash encryption is on for good",
                        em_flash_piece_name(piece));
}

static enum em_status check_encrypted_place(const struct em_flash_piece *piece,
                                            const struct em_device *dev,
                                            struct em_error *err)
{
    const struct em_chip *chip = dev->chip;
    if (chip->encrypt_align == 0)
        return em_error_set(err, EM_ERR_UNSUPPORTED,
                            "encrypt the file with the chip's key first",
                            "%s: the %s cannot encrypt what it writes",
                            em_flash_piece_name(piece), chip->name);
    /* The short form of BEGIN has no word for it. */
    if (!dev->stub && chip->begin_words < 5)
        return em_error_set(err, EM_ERR_UNSUPPORTED, "use a stub (--stub)",
                            "%s: the ROM loader of the %s cannot encrypt what it writes",
                            em_flash_piece_name(piece), chip->name);
    if (piece->addr % chip->encrypt_align != 0)
        return em_error_set(err, EM_ERR_USAGE, "choose another address",
                            "%s: address 0x%" PRIx32
                            " of an encrypted write is not a multiple of %" PRIu32,
                            em_flash_piece_name(piece), piece->addr, chip->encrypt_align);
    return EM_OK;
}

static enum em_status check_encrypted(const struct em_flash_piece *piece,
                                      const struct em_device *dev,
                                      const struct em_flash_security *security,
                                      bool ignore, struct em_error *err)
{
    enum em_status status = check_encrypted_place(piece, dev, err);
    if (status != EM_OK || ignore)
        return status;
    if (security->dl_encrypt_dis)
        return em_error_set(err, EM_ERR_REFUSED,
                            "encrypt the file with the chip's key first",
                            "%s: encryption in download mode is switched off for good",
                            em_flash_piece_name(piece));
    if (security->crypt_config_bad)
        return em_error_set(
            err, EM_ERR_REFUSED, "burn it, or use --ignore-flash-enc-efuse",
            "%s: eFuse FLASH_CRYPT_CONFIG is not 0xF", em_flash_piece_name(piece));
    if (security->key_known && !security->has_key)
        return em_error_set(
            err, EM_ERR_REFUSED, "burn a key first, or use --ignore-flash-enc-efuse",
            "%s: the chip has no key for flash encryption", em_flash_piece_name(piece));
    return EM_OK;
}

/* What --force lifts. */
static enum em_status check_harm(struct em_device *dev,
                                 const struct em_flash_piece *piece,
                                 const struct em_flash_security *security,
                                 struct em_error *err)
{
    enum em_status status = check_image(dev, piece, err);
    if (status != EM_OK)
        return status;
    if (security->secure_boot_1 && piece->addr < SECURE_BOOT_1_END)
        return em_error_set(err, EM_ERR_REFUSED,
                            "it could not boot any more: write from 0x8000 on",
                            "%s: at 0x%" PRIx32 ", but secure boot protects what is "
                            "below 0x8000",
                            em_flash_piece_name(piece), piece->addr);
    return piece->encrypt ? EM_OK : check_plain(piece, dev, security, err);
}

enum em_status em_flash_check(struct em_device *dev, const struct em_flash_write *write,
                              const struct em_flash_space *space,
                              const struct em_flash_security *security,
                              struct em_error *err)
{
    if (write->compress == EM_FLASH_COMPRESS_ON && !em_flash_is_full(dev))
        return em_error_set(err, EM_ERR_UNSUPPORTED, "leave --compress away",
                            "the ROM loader of the %s does not know compressed data",
                            dev->chip->name);
    for (size_t i = 0; i < write->count; i++) {
        const struct em_flash_piece *piece = &write->pieces[i];
        if (piece->len == 0)
            continue;
        enum em_status status = check_bounds(dev, piece, space, err);
        if (status == EM_OK)
            status = check_overlap(write->pieces, write->count, i, err);
        if (status == EM_OK && piece->encrypt)
            status = check_encrypted(piece, dev, security, write->ignore_flash_encryption,
                                     err);
        if (status == EM_OK && !write->force)
            status = check_harm(dev, piece, security, err);
        if (status != EM_OK)
            return status;
    }
    return EM_OK;
}
