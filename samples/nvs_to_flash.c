/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the NVS image of one unit in memory and writes it to the flash: no file at all.
 *
 *     cc nvs_to_flash.c $(pkg-config --cflags --libs espmfg) -o nvs_to_flash
 *     ./nvs_to_flash /dev/ttyUSB0 EX1-000123
 */
#include <espmfg/flash.h>
#include <espmfg/nvs.h>

#include <stdio.h>
#include <string.h>

enum { SIZE = 0x6000, ADDR = 0x9000 }; /* as the partition table of the product has it */

static enum em_status make_image(uint8_t *buf, const char *serial, struct em_error *err)
{
    struct em_nvs_image *image = NULL;
    size_t len;
    enum em_status status = em_nvs_image_new(&image, buf, SIZE, EM_NVS_V2, err);
    if (status == EM_OK)
        status = em_nvs_image_namespace(image, "factory", err);
    if (status == EM_OK)
        status = em_nvs_image_add_string(image, "serial", serial, strlen(serial), err);
    if (status == EM_OK)
        status = em_nvs_image_add_int(image, "batch", EM_NVS_U32, 42, 0, err);
    if (status == EM_OK)
        status = em_nvs_image_finish(image, &len, err); /* all of it: it can be written */
    em_nvs_image_free(image);
    return status;
}

static enum em_status write_image(struct em_device *device, const uint8_t *buf,
                                  struct em_error *err)
{
    const struct em_flash_piece piece = {
        .name = "nvs", .addr = ADDR, .data = buf, .len = SIZE, .limit = ADDR + SIZE};
    const struct em_flash_write write = {.pieces = &piece, .count = 1};
    struct em_flash_written written;
    enum em_status status = em_flash_write(device, &write, &written, err);
    if (status == EM_OK)
        printf("%lu bytes at 0x%x, %lu sent, %s\n", (unsigned long)written.bytes,
               (unsigned)ADDR, (unsigned long)written.sent,
               written.verified ? "verified" : "not verified");
    return status;
}

int main(int argc, char **argv)
{
    static uint8_t buf[SIZE];
    struct em_device *device = NULL;
    const struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    struct em_error err = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: nvs_to_flash PORT SERIAL\n");
        return em_status_exit(EM_ERR_USAGE);
    }
    enum em_status status = make_image(buf, argv[2], &err);
    if (status == EM_OK)
        status = em_device_open(&device, argv[1], &options, &err);
    if (status == EM_OK)
        status = write_image(device, buf, &err);
    if (status == EM_OK)
        status = em_device_reset(device, EM_AFTER_HARD_RESET, &err);
    em_device_close(device);
    if (status != EM_OK)
        fprintf(stderr, "nvs_to_flash: %s\n", err.what);
    return em_status_exit(status);
}
