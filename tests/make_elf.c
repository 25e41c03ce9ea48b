/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the ELF file of a chip and a shape for tests/golden_firmware.sh. */
#include "tests/make_elf.h"

int main(int argc, char **argv)
{
    static uint8_t bytes[ELF_ROOM];
    if (argc != 4) {
        (void)fprintf(stderr, "usage: make_elf CHIP SHAPE FILE\n");
        return 2;
    }
    size_t len = make_elf(bytes, argv[1], argv[2]);
    if (len == 0) {
        (void)fprintf(stderr, "make_elf: no such chip or shape\n");
        return 2;
    }
    FILE *file = fopen(argv[3], "wb");
    if (file == NULL)
        return 1;
    bool good = fwrite(bytes, 1, len, file) == len;
    return fclose(file) == 0 && good ? 0 : 1;
}
