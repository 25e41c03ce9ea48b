/* SPDX-License-Identifier: Apache-2.0 */
/* Makes one encrypted NVS image with the public API of libespmfg, in memory.
 *
 *     cc one_image.c $(pkg-config --cflags --libs espmfg) -o one_image
 *     ./one_image out.bin
 */
#include <espmfg/nvs.h>

#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 0x3000 };

/* What the device will find: a serial number, a calibration value, a secret. */
static enum em_status fill(struct em_nvs_image *image, struct em_error *err)
{
    static const unsigned char secret[16] = {0x10, 0x32, 0x54, 0x76};
    enum em_status status = em_nvs_image_namespace(image, "factory", err);
    if (status == EM_OK)
        status = em_nvs_image_add_string(image, "serial", "EX1-000123", 10, err);
    if (status == EM_OK)
        status = em_nvs_image_add_int(image, "offset", EM_NVS_I16, 42, 1, err); /* -42 */
    if (status == EM_OK)
        status = em_nvs_image_add_blob(image, "secret", secret, sizeof secret, err);
    return status;
}

static enum em_status encrypt(unsigned char *buf, size_t len, struct em_error *err)
{
    struct em_nvs_crypt *crypt = NULL;
    struct em_key key;
    enum em_status status = em_nvs_key_random(&key, err); /* a real station keeps it! */
    if (status == EM_OK)
        status = em_nvs_crypt_new(&crypt, err);
    if (status == EM_OK)
        status = em_nvs_crypt_key(crypt, &key, err);
    if (status == EM_OK)
        status = em_nvs_encrypt(crypt, buf, len, err);
    em_nvs_crypt_free(crypt);
    em_key_wipe(&key);
    return status;
}

static int write_file(const char *path, const unsigned char *buf, size_t len)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return -1;
    int failed = fwrite(buf, 1, len, file) != len;
    return fclose(file) != 0 || failed ? -1 : 0;
}

int main(int argc, char **argv)
{
    static unsigned char buf[SIZE];
    struct em_nvs_image *image = NULL;
    struct em_error err;
    size_t len = 0;
    enum em_status status = em_nvs_image_new(&image, buf, SIZE, EM_NVS_V2, &err);
    if (status == EM_OK)
        status = fill(image, &err);
    if (status == EM_OK)
        status = em_nvs_image_finish(image, &len, &err);
    if (status == EM_OK)
        status = encrypt(buf, len, &err);
    em_nvs_image_free(image);
    if (status != EM_OK) {
        char text[1024];
        em_error_format(&err, text, sizeof text);
        fprintf(stderr, "one_image: %s\n", text);
        return em_status_exit(status);
    }
    if (argc > 1 && write_file(argv[1], buf, len) != 0) {
        fprintf(stderr, "one_image: cannot write '%s'\n", argv[1]);
        return em_status_exit(EM_ERR_IO);
    }
    printf("an image of %zu bytes\n", len);
    return EXIT_SUCCESS;
}
