/* SPDX-License-Identifier: Apache-2.0 */
/* Writes two files to the flash of a chip, with a progress bar, and checks them.
 *
 *     cc flash_two.c $(pkg-config --cflags --libs espmfg) -o flash_two
 *     ./flash_two /dev/ttyUSB0 0x10000 app.bin 0x9000 nvs.bin
 */
#include <espmfg/flash.h>

#include <stdio.h>
#include <stdlib.h>

enum { FILES = 2 };

/* At most ten times a second. Anything but 0 would stop the job. */
static int on_progress(void *user, const struct em_progress *progress)
{
    (void)user;
    if (progress->total > 0)
        printf("\r%s: %3u %%", progress->stage,
               (unsigned)(progress->done * 100 / progress->total));
    return 0;
}

static void on_stage(void *user, const struct em_stage *stage)
{
    (void)user;
    if (stage->ends)
        printf("\r%s: %s\n", stage->name, em_status_text(stage->status));
}

/* All pieces of both files in one array: an Intel HEX file may have several. */
static enum em_status write_all(struct em_device *device,
                                struct em_flash_file *const files[FILES],
                                struct em_error *err)
{
    struct em_flash_piece pieces[16];
    bool equal[16];
    size_t count = 0;
    for (size_t i = 0; i < FILES; i++) {
        size_t more;
        const struct em_flash_piece *of_file = em_flash_file_pieces(files[i], &more);
        for (size_t k = 0; k < more && count < 16; k++)
            pieces[count++] = of_file[k];
    }
    const struct em_flash_write write = {.pieces = pieces, .count = count};
    enum em_status status = em_flash_write(device, &write, NULL, err);
    if (status == EM_OK)
        status = em_flash_verify(device, NULL, pieces, count, equal, NULL, NULL, err);
    for (size_t i = 0; i < count && status == EM_OK; i++)
        printf("%s: %zu bytes at 0x%lx %s\n", pieces[i].name, pieces[i].len,
               (unsigned long)pieces[i].addr, equal[i] ? "verified" : "DIFFER");
    return status;
}

int main(int argc, char **argv)
{
    struct em_flash_file *files[FILES] = {NULL, NULL};
    struct em_device *device = NULL;
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    struct em_error err;
    enum em_status status = EM_OK;
    if (argc != 2 + 2 * FILES) {
        fprintf(stderr, "usage: flash_two PORT ADDRESS FILE ADDRESS FILE\n");
        return em_status_exit(EM_ERR_USAGE);
    }
    options.baud = 921600;
    options.hooks.progress = on_progress;
    options.hooks.stage = on_stage;
    for (int i = 0; i < FILES && status == EM_OK; i++)
        status = em_flash_file_load(&files[i], argv[3 + 2 * i],
                                    (uint32_t)strtoul(argv[2 + 2 * i], NULL, 0), &err);
    if (status == EM_OK)
        status = em_device_open(&device, argv[1], &options, &err);
    if (status == EM_OK)
        status = write_all(device, files, &err);
    if (status == EM_OK)
        status = em_device_reset(device, EM_AFTER_HARD_RESET, &err);
    em_device_close(device);
    for (int i = 0; i < FILES; i++)
        em_flash_file_free(files[i]);
    if (status != EM_OK)
        fprintf(stderr, "flash_two: %s\n", err.what);
    return em_status_exit(status);
}
