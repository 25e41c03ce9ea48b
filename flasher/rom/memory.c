/* SPDX-License-Identifier: Apache-2.0 */
/* Words and areas of a chip's memory, and programs for its RAM. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "base/bytes_int.h"

enum {
    /* rom-protocol.md, section 12. */
    IMAGE_MAGIC = 0xE9,
    IMAGE_HEADER = 8,
    IMAGE_HEADER_MORE = 16, /* all but the ESP8266 */
    IMAGE_CHIP_ID = 12,     /* from the start */
    IMAGE_SEGMENTS = 16,
    SEGMENT_HEADER = 8,
    SEGMENT_MAX = 1 << 24,
};

enum em_status em_device_read_word(struct em_device *device, uint32_t addr, uint32_t *out,
                                   struct em_error *err)
{
    return em_rom_read_reg(device, addr, out, err);
}

enum em_status em_device_write_word(struct em_device *device, uint32_t addr,
                                    uint32_t value, uint32_t mask, uint32_t delay_us,
                                    struct em_error *err)
{
    return em_rom_write_regs(
        device, &(const struct em_rom_write){addr, value, mask, delay_us}, 1, err);
}

enum em_status em_device_read_memory(struct em_device *device, uint32_t addr,
                                     uint8_t *out, size_t len, struct em_error *err)
{
    if (addr % 4 != 0 || len % 4 != 0 || len > UINT32_MAX ||
        (len > 0 && addr > UINT32_MAX - (uint32_t)(len - 1)))
        return em_error_set(err, EM_ERR_USAGE,
                            "address and length have to be multiples of 4",
                            "memory of %zu bytes from 0x%08lx is no row of words", len,
                            (unsigned long)addr);
    for (size_t at = 0; at < len; at += 4) {
        uint32_t word;
        enum em_status status = em_rom_read_reg(device, addr + (uint32_t)at, &word, err);
        if (status != EM_OK)
            return status;
        em_put_le32(out + at, word);
        status = em_rom_progress(device, "reading memory", at + 4, len, err);
        if (status != EM_OK)
            return status;
    }
    return EM_OK;
}

static enum em_status bad_image(struct em_error *err, const char *why)
{
    return em_error_set(err, EM_ERR_INPUT, "take a file made by elf2image for this chip",
                        "this is no image for RAM: %s", why);
}

/* Is it an image for this chip, with all its segments? *first_out: the first of them. */
static enum em_status check_image(const struct em_device *dev, const uint8_t *image,
                                  size_t len, size_t *first_out, struct em_error *err)
{
    bool more = dev->chip->image_id != EM_CHIP_NO_ID;
    size_t at = IMAGE_HEADER + (more ? IMAGE_HEADER_MORE : 0);
    if (len < at)
        return bad_image(err, "it is shorter than its header");
    if (image[0] != IMAGE_MAGIC)
        return bad_image(err, "it does not begin with E9");
    if (image[1] == 0 || image[1] > IMAGE_SEGMENTS)
        return bad_image(err, "the number of segments is not 1 to 16");
    if (more && em_get_le16(image + IMAGE_CHIP_ID) != (uint16_t)dev->chip->image_id) {
        const struct em_chip *other = em_chip_by_id(em_get_le16(image + IMAGE_CHIP_ID));
        return em_error_set(err, EM_ERR_CHIP, "take the image that was built for it",
                            "the image is for %s, the chip is %s",
                            other == NULL ? "an unknown chip" : other->name,
                            dev->chip->name);
    }
    *first_out = at;
    for (unsigned i = 0; i < image[1]; i++) {
        if (len - at < SEGMENT_HEADER)
            return bad_image(err, "it ends before its last segment");
        uint32_t size = em_get_le32(image + at + 4);
        at += SEGMENT_HEADER;
        if (size > SEGMENT_MAX || size > len - at)
            return bad_image(err, "a segment goes over its end");
        at += size;
    }
    return EM_OK;
}

enum em_status em_device_load_ram(struct em_device *device, const uint8_t *image,
                                  size_t len, struct em_error *err)
{
    size_t at = 0;
    enum em_status status = check_image(device, image, len, &at, err);
    size_t first = at;
    for (unsigned pass = 0; pass < 2 && status == EM_OK; pass++) {
        /* Nothing is sent before all segments are known to be allowed. */
        at = first;
        for (unsigned i = 0; i < image[1] && status == EM_OK; i++) {
            uint32_t addr = em_get_le32(image + at);
            uint32_t size = em_get_le32(image + at + 4);
            at += SEGMENT_HEADER;
            if (pass == 0) {
                status = em_rom_stub_guard(device, addr, size, err);
            } else if (size > 0) {
                status = em_rom_load_memory(device, addr, image + at, size, err);
                if (status == EM_OK)
                    status =
                        em_rom_progress(device, "loading RAM", i + 1u, image[1], err);
            }
            at += size;
        }
    }
    return status == EM_OK ? em_rom_start(device, em_get_le32(image + 4), err) : status;
}
