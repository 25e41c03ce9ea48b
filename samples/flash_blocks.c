/* SPDX-License-Identifier: Apache-2.0 */
/* Writes standard input to the flash block by block, without ever holding all of it.
 *
 *     cc flash_blocks.c $(pkg-config --cflags --libs espmfg) -o flash_blocks
 *     ./flash_blocks /dev/ttyUSB0 0x110000 65536 <data
 */
#include <espmfg/flash.h>

#include <stdio.h>
#include <stdlib.h>

/* Send @p len bytes of standard input; what is missing at its end is filled with FF. */
static enum em_status send_input(struct em_device *device,
                                 const struct em_flash_stream *stream,
                                 struct em_error *err)
{
    size_t block = 0;
    enum em_status status = em_flash_begin(device, stream, &block, err);
    unsigned char *buf = malloc(block);
    if (buf == NULL)
        return EM_ERR_NOMEM;
    for (size_t at = 0; at < stream->len && status == EM_OK; at += block) {
        size_t part = stream->len - at < block ? stream->len - at : block;
        for (size_t i = fread(buf, 1, part, stdin); i < part; i++)
            buf[i] = 0xFF;
        status = em_flash_block(device, buf, part, err);
    }
    free(buf);
    return status == EM_OK ? em_flash_end(device, false, err) : status;
}

int main(int argc, char **argv)
{
    struct em_device *device = NULL;
    const struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    struct em_error err = {0};
    uint8_t digest[16];
    if (argc != 4) {
        fprintf(stderr, "usage: flash_blocks PORT ADDRESS BYTES <DATA\n");
        return em_status_exit(EM_ERR_USAGE);
    }
    const struct em_flash_stream stream = {
        .addr = (uint32_t)strtoul(argv[2], NULL, 0),
        .len = (uint32_t)strtoul(argv[3], NULL, 0),
    };
    enum em_status status = em_device_open(&device, argv[1], &options, &err);
    if (status == EM_OK)
        status = send_input(device, &stream, &err);
    /* Nobody else looks whether it arrived: ask the chip for the digest. */
    if (status == EM_OK)
        status = em_flash_digest(device, NULL, stream.addr, stream.len, digest, &err);
    for (size_t i = 0; i < sizeof digest && status == EM_OK; i++)
        printf("%02x", digest[i]);
    if (status == EM_OK)
        printf("  %lu bytes at 0x%lx\n", (unsigned long)stream.len,
               (unsigned long)stream.addr);
    else
        fprintf(stderr, "flash_blocks: %s\n", err.what);
    em_device_close(device);
    return em_status_exit(status);
}
