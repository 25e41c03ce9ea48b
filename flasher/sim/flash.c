/* SPDX-License-Identifier: Apache-2.0 */
/* A NOR flash chip: content, erasing and programming, the file behind it. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/sim/flash_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t size_max = (uint64_t)256 * 1024 * 1024;

/* Fill a new file with erased flash. It gets its name at the end, so that a kill leaves
 * none that is too short. */
static enum em_status make_file(const char *path, uint64_t size, struct em_error *err)
{
    enum em_status status = EM_OK;
    size_t len = strlen(path);
    char *name = malloc(len + sizeof ".partial");
    uint8_t *ones = malloc(EM_SIM_BLOCK);
    int fd = -1;
    if (name == NULL || ones == NULL) {
        status = em_error_nomem(err);
        goto out;
    }
    memcpy(name, path, len);
    memcpy(name + len, ".partial", sizeof ".partial");
    memset(ones, 0xFF, EM_SIM_BLOCK);
    fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = em_error_errno(err, errno, "cannot make %s", name);
        goto out;
    }
    for (uint64_t done = 0; done < size; done += EM_SIM_BLOCK) {
        if (write(fd, ones, EM_SIM_BLOCK) != EM_SIM_BLOCK) {
            status = em_error_errno(err, errno, "cannot write %s", name);
            goto out;
        }
    }
    if (rename(name, path) != 0)
        status = em_error_errno(err, errno, "cannot make %s", path);
out:
    if (fd >= 0)
        (void)close(fd); /* its content reaches the disk through the mapping */
    if (fd >= 0 && status != EM_OK)
        (void)unlink(name); /* the fault is told already */
    free(ones);
    free(name);
    return status;
}

static bool is_power_of_two(uint64_t size)
{
    return size != 0 && (size & (size - 1)) == 0;
}

static enum em_status check_size(uint64_t size, struct em_error *err)
{
    if (is_power_of_two(size) && size >= EM_SIM_FLASH_MIN && size <= size_max)
        return EM_OK;
    return em_error_set(err, EM_ERR_USAGE, "4MB is what most modules have",
                        "flash size of %llu bytes: a power of two from 256 KiB to 256 "
                        "MiB is needed",
                        (unsigned long long)size);
}

static enum em_status map_file(struct em_sim_flash *flash, const char *path,
                               uint64_t size, struct em_error *err)
{
    struct stat st;
    enum em_status status = EM_OK;
    int fd = -1;
    if (stat(path, &st) != 0 && errno == ENOENT)
        status = make_file(path, size == 0 ? (uint64_t)4 << 20 : size, err);
    if (status != EM_OK)
        return status;
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        status = em_error_errno(err, errno, "cannot open flash file %s", path);
        goto out;
    }
    if (!S_ISREG(st.st_mode) || (size != 0 && (uint64_t)st.st_size != size) ||
        check_size((uint64_t)st.st_size, NULL) != EM_OK) {
        status = em_error_set(err, EM_ERR_INPUT, "leave the size out, or name a new file",
                              "flash file %s: %lld bytes, which is not the size of the "
                              "flash",
                              path, (long long)st.st_size);
        goto out;
    }
    flash->size = (size_t)st.st_size;
    flash->data = mmap(NULL, flash->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (flash->data == MAP_FAILED) {
        flash->data = NULL;
        status = em_error_errno(err, errno, "cannot map flash file %s", path);
        goto out;
    }
    flash->mapped = true;
out:
    if (fd >= 0)
        (void)close(fd); /* the mapping stays */
    return status;
}

/* Serial Flash Discoverable Parameters (JEDEC JESD216B): the header, the header of the
 * basic table, one of the vendor's, and of the basic table the two words that say most:
 * 4 KiB erase by 20, and the size in bits less one. */
static void make_sfdp(struct em_sim_flash *flash)
{
    const uint8_t head[24] = {'S',  'F',  'D',  'P',  0x06, 0x01, 0x01, 0xFF,
                              0x00, 0x06, 0x01, 0x10, 0x80, 0x00, 0x00, 0xFF,
                              0x00, 0x00, 0x01, 0x04, 0xC0, 0x00, 0x00, 0xFF};
    memset(flash->sfdp, 0xFF, sizeof flash->sfdp);
    memcpy(flash->sfdp, head, sizeof head);
    flash->sfdp[0x10] = (uint8_t)flash->id;
    em_put_le32(flash->sfdp + 0x80, 0xFFF920E5);
    em_put_le32(flash->sfdp + 0x84, (uint32_t)(flash->size * 8 - 1));
}

/* Manufacturer EF, type 40, capacity as the power of two. */
static uint32_t usual_id(size_t size)
{
    uint32_t power = 0;
    while (((size_t)1 << power) < size)
        power++;
    return power << 16 | 0x40EF;
}

enum em_status em_sim_flash_open(struct em_sim_flash *flash, const char *path,
                                 uint64_t size, uint32_t id, struct em_error *err)
{
    enum em_status status = size == 0 ? EM_OK : check_size(size, err);
    if (status == EM_OK && path != NULL) {
        status = map_file(flash, path, size, err);
    } else if (status == EM_OK) {
        flash->size = size == 0 ? (size_t)4 << 20 : (size_t)size;
        flash->data = malloc(flash->size);
        if (flash->data == NULL)
            status = em_error_nomem(err);
        else
            memset(flash->data, 0xFF, flash->size);
    }
    if (status != EM_OK)
        return status;
    flash->id = id != 0 ? id : usual_id(flash->size);
    make_sfdp(flash);
    return EM_OK;
}

void em_sim_flash_close(struct em_sim_flash *flash)
{
    if (flash->mapped)
        (void)munmap(flash->data, flash->size); /* the pages belong to the file */
    else
        free(flash->data);
    flash->data = NULL;
}

enum em_status em_sim_flash_sync(struct em_sim_flash *flash, struct em_error *err)
{
    if (flash->mapped && msync(flash->data, flash->size, MS_SYNC) != 0)
        return em_error_errno(err, errno, "cannot write the flash file");
    return EM_OK;
}

void em_sim_flash_power_up(struct em_sim_flash *flash)
{
    memcpy(flash->status, flash->kept, sizeof flash->status);
    flash->enabled = flash->enabled_volatile = flash->asleep = false;
    flash->reset_armed = false;
    flash->power = EM_SIM_POWER_GOOD;
}

/* Block protection as the data sheets of W25Q16JV to W25Q128JV have it (and others
 * follow): BP0-2, TB, SEC in the first status register, CMP in the second. */
static bool is_protected(const struct em_sim_flash *flash, size_t at)
{
    enum { BLOCKS = 64, SECTOR_BITS_MAX = 32768 };
    unsigned bp = flash->status[0] >> 2 & 7;
    bool bottom = (flash->status[0] & 0x20) != 0,
         sectors = (flash->status[0] & 0x40) != 0;
    bool complement = (flash->status[1] & 0x40) != 0;
    size_t unit =
        flash->size / BLOCKS > EM_SIM_BLOCK ? flash->size / BLOCKS : EM_SIM_BLOCK;
    size_t len = bp == 0 ? 0 : unit << (bp - 1);
    if (bp == 7)
        len = flash->size;
    else if (bp != 0 && sectors)
        len = bp < 4 ? (size_t)EM_SIM_SECTOR << (bp - 1) : SECTOR_BITS_MAX;
    len = len < flash->size ? len : flash->size;
    bool inside = bottom ? at < len : at >= flash->size - len;
    return inside != complement;
}

/* One sector or block. Without enough power some of its bits are set and some are not. */
static void erase_unit(struct em_sim_flash *flash, size_t at, size_t len)
{
    if (flash->power == EM_SIM_POWER_GOOD) {
        memset(flash->data + at, 0xFF, len);
        flash->erased_sectors += len / EM_SIM_SECTOR;
        return;
    }
    for (size_t i = 0; i < len; i++)
        flash->data[at + i] |= (uint8_t)(0x35 + 13 * i);
    flash->power = EM_SIM_POWER_GONE;
}

int64_t em_sim_flash_erase(struct em_sim_flash *flash, uint64_t addr, uint64_t len)
{
    int64_t us = 0;
    uint64_t at = addr / EM_SIM_SECTOR * EM_SIM_SECTOR;
    uint64_t end = addr + len < flash->size ? addr + len : flash->size;
    bool failing = flash->power == EM_SIM_POWER_FAILING;
    if (flash->power == EM_SIM_POWER_GONE || len == 0)
        return 0;
    uint64_t cut_at = failing && at < end ? at + (end - at) / 2 : UINT64_MAX;
    flash->power = EM_SIM_POWER_GOOD;
    while (at < end && flash->power != EM_SIM_POWER_GONE) {
        bool block = at % EM_SIM_BLOCK == 0 && end - at >= EM_SIM_BLOCK;
        size_t unit = block ? EM_SIM_BLOCK : EM_SIM_SECTOR;
        if (at + unit > cut_at)
            flash->power = EM_SIM_POWER_FAILING;
        if (block && is_protected(flash, (size_t)at) !=
                         is_protected(flash, (size_t)(at + unit) - 1)) {
            block = false;
            unit = EM_SIM_SECTOR;
        }
        if (is_protected(flash, (size_t)at)) {
            at += unit;
            continue;
        }
        erase_unit(flash, (size_t)at, unit);
        us += block ? EM_SIM_BLOCK_ERASE_US : EM_SIM_SECTOR_ERASE_US;
        at += unit;
    }
    if (failing)
        flash->power = EM_SIM_POWER_GONE;
    return us;
}

int64_t em_sim_flash_program(struct em_sim_flash *flash, uint64_t addr,
                             const uint8_t *data, size_t len)
{
    if (addr >= flash->size || flash->power == EM_SIM_POWER_GONE || len == 0)
        return 0;
    if (len > flash->size - addr)
        len = (size_t)(flash->size - addr);
    if (flash->power == EM_SIM_POWER_FAILING) {
        /* Half of it, and of the byte in the middle only some bits. */
        len = len / 2;
        flash->data[addr + len] &= (uint8_t)(data[len] | 0x5A);
        flash->power = EM_SIM_POWER_GONE;
    }
    uint8_t *to = flash->data + addr;
    bool closed = false;
    for (size_t i = 0; i < len; i++) {
        if (i == 0 || (addr + i) % EM_SIM_PAGE == 0) /* a page is protected as a whole */
            closed = is_protected(flash, (size_t)addr + i);
        if (!closed)
            to[i] &= data[i];
    }
    flash->programmed_bytes += len;
    if (len == 0)
        return 0;
    uint64_t pages = (addr + len - 1) / EM_SIM_PAGE - addr / EM_SIM_PAGE + 1;
    return (int64_t)pages * EM_SIM_PAGE_PROGRAM_US;
}
