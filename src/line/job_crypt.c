/* SPDX-License-Identifier: Apache-2.0 */
/* A job's flash encryption: the scheme of its chip, the place of the NVS keys, which
 * images are encrypted, and the eFuse steps that go with it. */
#include "config.h"

#include "src/line/job_int.h"

#include <espmfg/efuse.h>
#include <espmfg/nvs.h>

#include <stdio.h>
#include <string.h>

enum mode { DEVELOPMENT, RELEASE };

/* What is burned beside the key, of the fields that the chip has. The counter comes with
 * the rest in one burn, after the flash was written. */
static const struct {
    const char *field;
    const char *values[2]; /* by mode; NULL: not burned */
} fields[] = {
    {"FLASH_CRYPT_CONFIG", {"0xF", "0xF"}}, /* the key varies over the whole address */
    {"FLASH_CRYPT_CNT", {"1", "0x7F"}},
    {"SPI_BOOT_CRYPT_CNT", {"1", "7"}},
    /* Ways round the encryption: have the loader encrypt or decrypt. */
    {"DISABLE_DL_ENCRYPT", {NULL, "1"}},
    {"DISABLE_DL_DECRYPT", {NULL, "1"}},
    {"DISABLE_DL_CACHE", {NULL, "1"}},
    {"DIS_DOWNLOAD_MANUAL_ENCRYPT", {NULL, "1"}},
    {"DIS_DOWNLOAD_ICACHE", {NULL, "1"}},
    {"DIS_DOWNLOAD_DCACHE", {NULL, "1"}},
    {"SPI_DOWNLOAD_MSPI_DIS", {NULL, "1"}},
    /* Debug the chip. */
    {"JTAG_DISABLE", {NULL, "1"}},
    {"DIS_PAD_JTAG", {NULL, "1"}},
    {"HARD_DIS_JTAG", {NULL, "1"}},
    {"DIS_USB_JTAG", {NULL, "1"}},
    /* Start code that is not checked. */
    {"DIS_DIRECT_BOOT", {NULL, "1"}},
    {"DIS_LEGACY_SPI_BOOT", {NULL, "1"}},
    {"DIS_BOOT_REMAP", {NULL, "1"}},
    {"CONSOLE_DEBUG_DISABLE", {NULL, "1"}}, /* BASIC in the ROM, which reads flash */
};

enum { FIELD_COUNT = sizeof fields / sizeof fields[0] };

static struct line_key crypt_key(const struct job_making *making, const char *key)
{
    return (struct line_key){making->job->yaml, "flash_encryption", LINE_NO_IDX, key};
}

/* ---- What the job says ---- */

/* Does the blank chip have the ESP32's own scheme? Its field is no other chip's. */
static enum em_status take_scheme(struct job_making *making, struct em_error *err)
{
    const struct em_efuses_options options = EM_EFUSES_OPTIONS_INIT;
    struct em_efuses *blank;
    enum em_status status =
        em_efuses_open_virtual(&blank, making->chip->id, NULL, &options, err);
    if (status != EM_OK)
        return line_yaml_at(making->job->yaml, "flash_encryption", status, err);
    making->job->crypt.scheme =
        em_efuses_field_is(blank, "FLASH_CRYPT_CONFIG") ? EM_FLASH_ESP32 : EM_FLASH_XTS;
    em_efuses_close(blank);
    return EM_OK;
}

static enum em_status take_key_kind(struct job_making *making, struct em_error *err)
{
    enum { XTS128, XTS256, AES };
    static const char *const kinds[] = {"xts128", "xts256", "aes", NULL};
    struct line_crypt *crypt = &making->job->crypt;
    const struct line_key key = crypt_key(making, "key");
    bool esp32 = crypt->scheme == EM_FLASH_ESP32;
    size_t kind = esp32 ? AES : XTS128;
    enum em_status status =
        line_take_choice(&kind, &key, making->y->flash_encryption->key, kinds, err);
    if (status != EM_OK)
        return status;
    if ((kind == AES) != esp32)
        return line_key_fault(&key, EM_ERR_UNSUPPORTED, err,
                              esp32 ? "it is aes" : "choose xts128 or xts256",
                              "the %s has no flash encryption of kind %s",
                              making->chip->name, kinds[kind]);
    crypt->key_len = kind == XTS256 ? 64 : 32;
    making->job->units.flash_key_len = crypt->key_len;
    return EM_OK;
}

static enum em_status take_keys_place(struct job_making *making, struct em_error *err)
{
    struct line_crypt *crypt = &making->job->crypt;
    const char *at = making->y->units->keys_at;
    const struct line_key key = {making->job->yaml, "units", LINE_NO_IDX,
                                 at == NULL ? "" : "keys_at"};
    if (at == NULL && making->table == NULL)
        return line_key_fault(&key, EM_ERR_INPUT, err,
                              "add it, or name a partition_table with nvs_keys",
                              "units: key 'keys_at' is missing");
    crypt->keys_place =
        line_yaml_text(making->job->yaml, "%s", at == NULL ? "nvs_keys" : at);
    if (crypt->keys_place == NULL)
        return em_error_nomem(err);
    enum em_status status = line_job_place(&crypt->keys_addr, &crypt->keys_limit, making,
                                           &key, crypt->keys_place, err);
    if (status == EM_OK && crypt->keys_addr % EM_NVS_KEY_PARTITION_SIZE != 0)
        return line_key_fault(&key, EM_ERR_INPUT, err, "partitions begin at sectors",
                              "the NVS keys are not at a multiple of 0x1000");
    return status;
}

/* A device decrypts what is no partition, programs, the choice between them, NVS keys,
 * and what is marked; never NVS. */
static bool is_decrypted(const struct job_making *making, const struct line_image *image)
{
    enum { APP = 0, DATA = 1, OTADATA = 0, NVS_KEYS = 4 }; /* as in partition tables */
    for (size_t i = 0; making->table != NULL && i < making->table->count; i++) {
        const struct em_partition *p = &making->table->rows[i];
        if (image->addr < p->offset || image->addr - p->offset >= p->size)
            continue;
        return p->type == APP || (p->flags & EM_PARTITION_ENCRYPTED) != 0 ||
               (p->type == DATA && (p->subtype == OTADATA || p->subtype == NVS_KEYS));
    }
    return true;
}

static enum em_status take_image(struct job_making *making, size_t idx,
                                 struct em_error *err)
{
    const struct line_job *job = making->job;
    struct line_image *image = &job->images[idx];
    struct line_key key = {job->yaml, "images", idx, "encrypt"};
    if (image->encrypt)
        return line_key_fault(&key, EM_ERR_INPUT, err,
                              "leave encrypt away: images are encrypted on the host",
                              "the chip has no key yet when its flash is written");
    image->host_encrypt = is_decrypted(making, image);
    key.key = "file";
    if (image->host_encrypt && !job->crypt.firmware)
        return line_key_fault(&key, EM_ERR_INPUT, err,
                              "leave 'firmware: no' or the image away",
                              "the chip would decrypt what is not encrypted");
    return EM_OK;
}

static enum em_status take_images(struct job_making *making, struct em_error *err)
{
    const struct line_job *job = making->job;
    const struct line_key key = {job->yaml, "flash", LINE_NO_IDX, "size"};
    enum em_status status = EM_OK;
    if (job->flash_size != NULL && strcmp(job->flash_size, "detect") == 0)
        return line_key_fault(&key, EM_ERR_INPUT, err, "name the size, or keep it",
                              "the boot loader, with the size in it, is encrypted before "
                              "there is anything to detect");
    for (size_t i = 0; i < job->image_count && status == EM_OK; i++)
        status = take_image(making, i, err);
    return status;
}

enum em_status line_job_crypt(struct job_making *making, struct em_error *err)
{
    static const char *const modes[] = {"development", "release", NULL};
    struct line_job *job = making->job;
    const struct job_y_crypt *y = making->y->flash_encryption;
    bool wanted = job->units.manifest == NULL && job->units.encryption == EM_UNITS_FLASH;
    size_t mode = DEVELOPMENT;
    struct line_key key = {job->yaml, "units", LINE_NO_IDX,
                           wanted ? "encryption" : "keys_at"};
    if (wanted != (y != NULL)) {
        if (!wanted)
            key = crypt_key(making, "");
        return line_key_fault(
            &key, EM_ERR_INPUT, err,
            "units have encryption: flash, and the job flash_encryption",
            wanted ? "encryption: flash, but no flash_encryption"
                   : "flash_encryption, but units without encryption: "
                     "flash");
    }
    if (!wanted && making->y->units->keys_at != NULL)
        return line_key_fault(&key, EM_ERR_INPUT, err, "it is for encryption: flash",
                              "keys_at, but units have no keys in flash");
    if (!wanted)
        return EM_OK;
    key = crypt_key(making, "mode");
    if (y->mode == NULL) /* one of them cannot be undone: nobody gets it unasked */
        return line_yaml_fault(job->yaml, "flash_encryption", EM_ERR_INPUT, err,
                               "choose development or release",
                               "flash_encryption: key 'mode' is missing");
    enum em_status status = line_take_choice(&mode, &key, y->mode, modes, err);
    job->crypt.on = true;
    job->crypt.release = mode == RELEASE;
    job->crypt.firmware = true;
    key.key = "firmware";
    if (status == EM_OK)
        status = line_take_yes(&job->crypt.firmware, &key, y->firmware, err);
    if (status == EM_OK)
        status = take_scheme(making, err);
    if (status == EM_OK)
        status = take_key_kind(making, err);
    if (status == EM_OK)
        status = take_keys_place(making, err);
    return status == EM_OK ? take_images(making, err) : status;
}

/* ---- Steps ---- */

/* What the job burns itself must not be something else: a counter of 1 would leave
 * release mode open, and one of 7 would close development mode for good. */
static enum em_status check_own_field(const struct job_making *making,
                                      const struct line_step *step, struct em_error *err)
{
    const struct line_key key = crypt_key(making, "");
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const char *value =
            fields[i].values[making->job->crypt.release ? RELEASE : DEVELOPMENT];
        char hint[80];
        if (value == NULL || strcmp(fields[i].field, step->name) != 0)
            continue;
        (void)snprintf(hint, sizeof hint, "leave it away: it becomes %s",
                       value); /* fits */
        return line_key_fault(&key, EM_ERR_INPUT, err, hint,
                              "flash_encryption burns %s, and so does line %lu",
                              step->name, step->line);
    }
    return EM_OK;
}

bool line_crypt_is_purpose(const char *purpose)
{
    static const char *const names[] = {"XTS_AES_128_KEY", "XTS_AES_256_KEY",
                                        "XTS_AES_256_KEY_1", "XTS_AES_256_KEY_2"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (purpose != NULL && strcmp(purpose, names[i]) == 0)
            return true;
    }
    return false;
}

/* With two keys of its kind a chip takes one of them, or parts of both. */
static enum em_status check_own_steps(const struct job_making *making,
                                      struct em_error *err)
{
    const struct line_job *job = making->job;
    const struct line_key key = crypt_key(making, "");
    enum em_status status = EM_OK;
    for (size_t i = 0; i < job->step_count && status == EM_OK; i++) {
        const struct line_step *step = &job->steps[i];
        if (step->kind == LINE_STEP_FIELD)
            status = check_own_field(making, step, err);
        else if (step->kind == LINE_STEP_KEY && line_crypt_is_purpose(step->purpose))
            status =
                line_key_fault(&key, EM_ERR_INPUT, err,
                               "leave burn_key away: each unit gets a key of its own",
                               "flash_encryption burns the key of flash encryption, "
                               "and so does line %lu",
                               step->line);
    }
    return status;
}

/* A key without its counter would be burned for nothing. */
static enum em_status check_counter(const struct job_making *making, struct em_error *err)
{
    const struct line_key key = crypt_key(making, "");
    if (em_efuses_field_is(making->blank, "FLASH_CRYPT_CNT") ||
        em_efuses_field_is(making->blank, "SPI_BOOT_CRYPT_CNT"))
        return EM_OK;
    return line_key_fault(&key, EM_ERR_UNSUPPORTED, err, "leave flash_encryption away",
                          "which eFuse turns flash encryption of the %s on is not known",
                          making->chip->name);
}

static enum em_status add_key(struct job_making *making, const struct line_key *key,
                              struct em_error *err)
{
    struct line_job *job = making->job;
    bool esp32 = job->crypt.scheme == EM_FLASH_ESP32;
    struct line_step *step = line_job_new_step(making, LINE_STEP_KEY, key, err);
    if (step == NULL)
        return EM_ERR_NOMEM;
    step->block = line_yaml_text(job->yaml, esp32 ? "flash_encryption" : "auto");
    if (step->block == NULL)
        return em_error_nomem(err);
    if (esp32) /* its blocks have no purposes */
        return EM_OK;
    step->purpose =
        line_yaml_text(job->yaml, "%s",
                       job->crypt.key_len == 64 ? "XTS_AES_256_KEY" : "XTS_AES_128_KEY");
    if (step->purpose == NULL)
        return em_error_nomem(err);
    for (size_t i = 0; em_efuses_purpose(making->blank, i) != NULL; i++) {
        if (strcmp(em_efuses_purpose(making->blank, i), step->purpose) == 0)
            return EM_OK;
    }
    const struct line_key kind = crypt_key(making, "key");
    return line_key_fault(&kind, EM_ERR_UNSUPPORTED, err, "use xts128",
                          "the %s has no key purpose %s", making->chip->name,
                          step->purpose);
}

enum em_status line_job_crypt_steps(struct job_making *making, struct em_error *err)
{
    struct line_job *job = making->job;
    const struct line_key key = crypt_key(making, "");
    enum em_status status = check_counter(making, err);
    if (status == EM_OK)
        status = check_own_steps(making, err);
    if (status == EM_OK)
        status = add_key(making, &key, err);
    for (size_t i = 0; i < FIELD_COUNT && status == EM_OK; i++) {
        const char *value = fields[i].values[job->crypt.release ? RELEASE : DEVELOPMENT];
        if (value == NULL || !em_efuses_field_is(making->blank, fields[i].field))
            continue;
        struct line_step *step = line_job_new_step(making, LINE_STEP_FIELD, &key, err);
        if (step == NULL)
            return EM_ERR_NOMEM;
        step->name = line_yaml_text(job->yaml, "%s", fields[i].field);
        step->value = line_yaml_text(job->yaml, "%s", value);
        if (step->name == NULL || step->value == NULL)
            status = em_error_nomem(err);
    }
    return status;
}
