/* SPDX-License-Identifier: Apache-2.0 */
/* The ESP32-S3: its first silicon was fused with a revision that it is not. */
#include "config.h"

#include "flasher/chip/ops_int.h"

static enum em_status revision(const struct em_chip *chip,
                               const struct em_chip_reader *reader, uint32_t *out,
                               struct em_error *err)
{
    static const char *const items[] = {"major", "minor", "block1_version",
                                        "block2_version"};
    uint32_t v[4];
    for (size_t i = 0; i < 4; i++) {
        enum em_status status = em_chip_bits_read(chip, items[i], reader, &v[i], err);
        if (status != EM_OK)
            return status;
    }
    bool first_silicon = (v[1] & 7) == 0 && v[2] == 1 && v[3] == 1;
    *out = first_silicon ? 0 : v[0] * 100 + v[1];
    return EM_OK;
}

const struct em_chip_ops em_chip_ops_esp32s3 = {.revision = revision};
