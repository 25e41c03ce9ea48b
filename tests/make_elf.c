/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the ELF file of a chip and a shape, or some bytes ("bytes LENGTH"): inputs of the
 * golden files of firmware images. */
#include "tests/make_elf.h"

int main(int argc, char **argv)
{
    static uint8_t bytes[ELF_ROOM];
    if (argc != 4) {
        (void)fprintf(stderr, "usage: make_elf CHIP SHAPE FILE\n");
        return 2;
    }
    size_t len = strcmp(argv[1], "bytes") == 0
                     ? make_bytes(bytes, strtoul(argv[2], NULL, 10))
                     : make_elf(bytes, argv[1], argv[2]);
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
