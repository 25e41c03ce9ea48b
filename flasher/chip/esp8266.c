/* SPDX-License-Identifier: Apache-2.0 */
/* The ESP8266: 128 fuses that mean something only together, and a MAC in pieces. */
#include "config.h"

#include "flasher/chip/ops_int.h"

#include <stdio.h>
#include <string.h>

enum { WORDS = 4 };

static enum em_status read_fuses(const struct em_chip *chip,
                                 const struct em_chip_reader *reader, uint32_t out[WORDS],
                                 struct em_error *err)
{
    static const char *const items[WORDS] = {"fuse0", "fuse1", "fuse2", "fuse3"};
    enum em_status status = EM_OK;
    for (size_t i = 0; i < WORDS && status == EM_OK; i++)
        status = em_chip_bits_read(chip, items[i], reader, &out[i], err);
    return status;
}

static bool fuse(const uint32_t words[WORDS], unsigned bit)
{
    return (words[bit / 32] >> bit % 32 & 1) != 0;
}

/* An ESP8285 has its flash inside. */
static bool is_8285(const uint32_t words[WORDS])
{
    return fuse(words, 4) || fuse(words, 80);
}

/* Flash inside in MB; 0: not known. */
static unsigned flash_mb(const uint32_t words[WORDS])
{
    bool low = fuse(words, 4), high = fuse(words, 121);
    if (fuse(words, 123) || low == high)
        return 0;
    return (low ? 1u : 2u) << (fuse(words, 122) ? 1 : 0);
}

static enum em_status describe(const struct em_chip *chip,
                               const struct em_chip_reader *reader, uint32_t revision,
                               char *out, size_t size, struct em_error *err)
{
    uint32_t words[WORDS];
    (void)revision; /* it has none */
    enum em_status status = read_fuses(chip, reader, words, err);
    if (status != EM_OK)
        return status;
    const char *name = "ESP8266EX";
    if (is_8285(words)) {
        bool hot = fuse(words, 5); /* for a higher temperature */
        unsigned mb = flash_mb(words);
        name = mb == 1   ? (hot ? "ESP8285H08" : "ESP8285N08")
               : mb == 2 ? (hot ? "ESP8285H16" : "ESP8285N16")
                         : "ESP8285";
    }
    (void)snprintf(out, size, "%s", name); /* cut if need be */
    return EM_OK;
}

static enum em_status features(const struct em_chip *chip,
                               const struct em_chip_reader *reader, char *out,
                               size_t size, struct em_error *err)
{
    uint32_t words[WORDS];
    enum em_status status = read_fuses(chip, reader, words, err);
    if (status == EM_OK && is_8285(words))
        em_chip_feature_add(out, size, "Embedded Flash");
    return status;
}

/* The maker's number is fused, or one of two that a code stands for. */
static enum em_status mac(const struct em_chip *chip, const struct em_chip_reader *reader,
                          uint8_t out[6], struct em_error *err)
{
    static const uint8_t makers[][3] = {{0x18, 0xFE, 0x34}, {0xAC, 0xD0, 0x74}};
    uint32_t words[WORDS];
    memset(out, 0, 6);
    enum em_status status = read_fuses(chip, reader, words, err);
    if (status != EM_OK)
        return status;
    uint32_t code = words[1] >> 16 & 0xFF;
    if (words[3] != 0) {
        out[0] = (uint8_t)(words[3] >> 16);
        out[1] = (uint8_t)(words[3] >> 8);
        out[2] = (uint8_t)words[3];
    } else if (code < sizeof makers / sizeof makers[0]) {
        memcpy(out, makers[code], 3);
    } else {
        return em_error_set(err, EM_ERR_CHIP, "read the fuses again: is the line good?",
                            "MAC of the ESP8266: code of its maker is %lu, known are 0 "
                            "and 1",
                            (unsigned long)code);
    }
    out[3] = (uint8_t)(words[1] >> 8);
    out[4] = (uint8_t)words[1];
    out[5] = (uint8_t)(words[0] >> 24);
    return EM_OK;
}

const struct em_chip_ops em_chip_ops_esp8266 = {
    .describe = describe,
    .features = features,
    .mac = mac,
};
