/* SPDX-License-Identifier: Apache-2.0 */
/* An image in a file, decrypted and read; and what a file is that holds no image. */
#include "config.h"

#include "mfg/nvsfile_int.h"

#include "base/error_int.h"
#include "base/file_int.h"

#include <string.h>

static enum em_status decrypt(struct em_buf *image, const struct em_key *key,
                              struct em_error *err)
{
    struct em_nvs_crypt *crypt = NULL;
    enum em_status status = em_nvs_crypt_new(&crypt, err);
    if (status == EM_OK)
        status = em_nvs_crypt_key(crypt, key, err);
    if (status == EM_OK)
        status = em_nvs_decrypt(crypt, image->data, image->len, err);
    em_nvs_crypt_free(crypt);
    return status;
}

static bool all_bytes(const struct em_buf *buf, uint8_t byte)
{
    for (size_t i = 0; i < buf->len; i++) {
        if (buf->data[i] != byte)
            return false;
    }
    return true;
}

/* No page of it is one of NVS: what is it? */
static enum em_status no_image(const struct em_buf *buf, struct em_error *err)
{
    struct em_key key;
    enum em_status status = em_nvs_key_parse(&key, buf->data, buf->len, NULL);
    em_key_wipe(&key);
    if (status == EM_OK)
        return em_error_set(err, EM_ERR_INPUT,
                            "give it with --inputkey, and name an image",
                            "a key partition, not an NVS image");
    if (all_bytes(buf, 0))
        return em_error_set(err, EM_ERR_INPUT, "read the partition again",
                            "nothing but 0x00: no NVS image");
    if (buf->data[0] == 0xE9) /* magic byte of ESP-IDF's application images */
        return em_error_set(err, EM_ERR_INPUT,
                            "read the partition at its own offset and size",
                            "no NVS image; it begins like a firmware image");
    return em_error_set(err, EM_ERR_INPUT,
                        "read the partition at its own offset and size",
                        "no page of it is a page of NVS");
}

/* Would it be readable without the key? */
static bool reads_plain(struct em_nvsfile *file, const char *path)
{
    struct em_buf plain = {0};
    bool readable = false;
    if (em_file_read(&plain, path, EM_NVS_SIZE_MAX, NULL) == EM_OK &&
        em_nvs_reader_load(file->reader, plain.data, plain.len, NULL, NULL, NULL) ==
            EM_OK)
        readable = !em_nvs_reader_counts(file->reader).unreadable;
    em_buf_wipe(&plain);
    return readable;
}

static enum em_status unreadable(struct em_nvsfile *file, const char *path,
                                 struct em_error *err)
{
    if (!file->encrypted)
        return em_error_set(err, EM_ERR_INPUT,
                            "give its key with --inputkey or --kp_hmac_inputkey",
                            "no entry can be read: the image is encrypted, or destroyed");
    if (reads_plain(file, path))
        return em_error_set(
            err, EM_ERR_INPUT,
            "leave the key out; a device with NVS encryption would erase it",
            "the image is not encrypted, but a key was given");
    return em_error_set(err, EM_ERR_INPUT, "give the key of this unit",
                        "wrong key: a device with this key would erase everything");
}

enum em_status em_nvsfile_open(struct em_nvsfile *out, const char *path,
                               const struct em_key *key, em_nvs_finding_fn *tell,
                               void *user, struct em_error *err)
{
    *out = (struct em_nvsfile){.encrypted = key->len > 0};
    enum em_status status = em_file_read(&out->image, path, EM_NVS_SIZE_MAX, err);
    if (status != EM_OK)
        return status;
    status = em_nvs_reader_new(&out->reader, err);
    bool whole = out->image.len > 0 && out->image.len % EM_NVS_PAGE_SIZE == 0;
    if (status == EM_OK && out->encrypted && whole)
        status = decrypt(&out->image, key, err);
    if (status == EM_OK) /* first without telling: is it an image at all? */
        status = em_nvs_reader_load(out->reader, out->image.data, out->image.len, NULL,
                                    NULL, err);
    if (status == EM_OK) {
        struct em_nvs_counts counts = em_nvs_reader_counts(out->reader);
        if (counts.unreadable)
            status = unreadable(out, path, err);
        else if (counts.used_pages == 0 && !all_bytes(&out->image, 0xFF))
            status = no_image(&out->image, err);
    }
    if (status == EM_OK && tell != NULL)
        status = em_nvs_reader_load(out->reader, out->image.data, out->image.len, tell,
                                    user, err);
    if (status != EM_OK) {
        em_error_at(err, path, 0);
        em_nvsfile_close(out);
    }
    return status;
}

void em_nvsfile_close(struct em_nvsfile *file)
{
    em_nvs_reader_free(file->reader);
    em_buf_wipe(&file->image);
    *file = (struct em_nvsfile){0};
}
