/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing flash and data by digests that the chip reckons itself. */
#include "config.h"

#include "flasher/flash/flash_int.h"

#include <openssl/evp.h>

#include <string.h>

static enum em_status no_md5(struct em_error *err)
{
    return em_error_set(err, EM_ERR_CRYPTO, "the crypto library may not know MD5",
                        "cannot reckon an MD5 digest");
}

enum em_status em_flash_md5(uint8_t out[EM_FLASH_MD5_LEN], const uint8_t *data,
                            size_t len, struct em_error *err)
{
    if (EVP_Digest(data, len, out, NULL, EVP_md5(), NULL) != 1)
        return no_md5(err);
    return EM_OK;
}

enum em_status em_flash_job_md5(uint8_t out[EM_FLASH_MD5_LEN],
                                const struct em_flash_job *job, struct em_error *err)
{
    if (job->shared == NULL)
        return em_flash_md5(out, job->data, job->len, err);
    memcpy(out, em_flash_shared_md5(job->shared), EM_FLASH_MD5_LEN);
    return EM_OK;
}

enum em_status em_flash_same_md5(struct em_device *dev, uint32_t addr, size_t len,
                                 const uint8_t md5[EM_FLASH_MD5_LEN], bool *same_out,
                                 struct em_error *err)
{
    *same_out = false;
    unsigned different = 0;
    for (uint32_t tries = 0; different < 2;) {
        uint8_t found[EM_FLASH_MD5_LEN];
        enum em_status status = em_rom_flash_md5(dev, addr, (uint32_t)len, found, err);
        if (em_flash_again(dev, status, &tries))
            continue;
        if (status == EM_ERR_LINK && different == 0) {
            different++; /* no digest at all: garbled likewise */
            continue;
        }
        if (status != EM_OK)
            return status;
        *same_out = memcmp(found, md5, EM_FLASH_MD5_LEN) == 0;
        if (*same_out)
            break;
        different++;
    }
    return EM_OK;
}

enum em_status em_flash_same(struct em_device *dev, uint32_t addr, const uint8_t *data,
                             size_t len, bool *same_out, struct em_error *err)
{
    uint8_t md5[EM_FLASH_MD5_LEN];
    enum em_status status = em_flash_md5(md5, data, len, err);
    *same_out = false;
    if (status != EM_OK)
        return status;
    return em_flash_same_md5(dev, addr, len, md5, same_out, err);
}

enum em_status em_flash_is_blank(struct em_device *dev, uint32_t addr, size_t len,
                                 bool *blank_out, struct em_error *err)
{
    uint8_t blank[1024];
    uint8_t md5[EM_FLASH_MD5_LEN];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    *blank_out = false;
    if (ctx == NULL)
        return em_error_nomem(err);
    memset(blank, 0xFF, sizeof blank);
    bool good = EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1;
    for (size_t left = len; good && left > 0;) {
        size_t part = left < sizeof blank ? left : sizeof blank;
        good = EVP_DigestUpdate(ctx, blank, part) == 1;
        left -= part;
    }
    good = good && EVP_DigestFinal_ex(ctx, md5, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (!good)
        return no_md5(err);
    return em_flash_same_md5(dev, addr, len, md5, blank_out, err);
}

enum em_status em_flash_need_md5(const struct em_device *dev, const char *subject,
                                 struct em_error *err)
{
    if (em_flash_can_md5(dev))
        return EM_OK;
    if (dev->secure_download)
        return em_error_set(err, EM_ERR_UNSUPPORTED,
                            "in it only writing and erasing are possible",
                            "%s: the chip is in secure download mode", subject);
    return em_error_set(err, EM_ERR_UNSUPPORTED, "use a stub (--stub)",
                        "%s: the ROM loader of the %s cannot", subject, dev->chip->name);
}
