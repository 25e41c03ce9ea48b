/* SPDX-License-Identifier: Apache-2.0 */
/* Protection of eFuses, and the burn commands for special fields. */
#include "config.h"

#include "flasher/efuse/rules_int.h"

enum em_status em_efuses_close_write(struct em_efuses *e,
                                     const struct em_efuse_field *field,
                                     struct em_error *err)
{
    if (field->wr_dis == EM_EFUSE_NO_BIT)
        return em_error_set(err, EM_ERR_REFUSED, "the chip has no protection for it",
                            "%s cannot be write protected", field->name);
    if (!em_efuses_can_write(e, field))
        return em_efuses_already(e, field->name, " is write protected already", err);
    return em_efuses_stage_named(e, "WR_DIS", UINT64_C(1) << field->wr_dis, err);
}

enum em_status em_efuses_close_read(struct em_efuses *e,
                                    const struct em_efuse_field *field,
                                    struct em_error *err)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < field->rd_dis_count; i++)
        bits |= UINT64_C(1) << field->rd_dis[i];
    if (bits == 0)
        return em_error_set(err, EM_ERR_REFUSED, "the chip has no protection for it",
                            "%s cannot be read protected", field->name);
    if ((em_efuses_value(e, "RD_DIS") & bits) == bits)
        return em_efuses_already(e, field->name, " is read protected already", err);
    return em_efuses_stage_named(e, "RD_DIS", bits, err);
}

/* ESP32: the digest of secure boot V2 stands in BLOCK2 and has to stay readable. */
static enum em_status check_digest_block(const struct em_efuses *e,
                                         const struct em_efuse_field *field,
                                         struct em_error *err)
{
    enum { DIGEST_BLOCK = 2, FROM_REVISION = 300 };
    if (em_efuses_named(e, "ABS_DONE_1") == NULL || field->block != DIGEST_BLOCK ||
        e->view.revision < FROM_REVISION || em_efuses_value(e, "ABS_DONE_0") != 0)
        return EM_OK;
    if (em_efuses_value(e, "ABS_DONE_1") != 0)
        return em_efuses_refuse_by(e, "digest-read-protect", err,
                                   "%s holds the digest of secure boot V2", field->name);
    em_efuses_log(e, EM_LOG_WARNING,
                  "%s: secure boot V2 is not possible once it is read protected",
                  field->name);
    return EM_OK;
}

/* ESP32-C2: one block for two short keys or a long one. */
static enum em_status check_shared_block(const struct em_efuses *e,
                                         const struct em_efuse_field *field,
                                         struct em_error *err)
{
    const struct em_efuse_field *halves[] = {em_efuses_named(e, "BLOCK_KEY0_LOW_128"),
                                             em_efuses_named(e, "BLOCK_KEY0_HI_128")};
    if (halves[0] == NULL || field->block != halves[0]->block)
        return EM_OK;
    if (field->bits > halves[0]->bits && em_efuses_value(e, "XTS_KEY_LENGTH_256") == 0)
        return em_error_set(err, EM_ERR_REFUSED,
                            "protect BLOCK_KEY0_LOW_128, or burn XTS_KEY_LENGTH_256",
                            "%s: with XTS_KEY_LENGTH_256 0 its upper half is no key for "
                            "flash encryption",
                            field->name);
    if (field != halves[0] && em_efuses_value(e, "SECURE_BOOT_EN") != 0)
        return em_efuses_refuse_by(e, "digest-read-protect", err,
                                   "%s holds the digest of secure boot", field->name);
    return EM_OK;
}

/* A key that software or the ROM has to read must not be hidden. */
static enum em_status check_purpose(const struct em_efuses *e,
                                    const struct em_efuse_field *field,
                                    struct em_error *err)
{
    const struct em_efuse_block *block = &e->view.table->blocks[field->block];
    const struct em_efuse_field *by = em_efuses_purpose_field(e, block);
    if (by == NULL)
        return EM_OK;
    const struct em_efuse_purpose *purpose =
        em_efuse_purpose_by_value(&e->view, (int)em_efuses_joint(e, by));
    if (purpose != NULL && purpose->protect)
        return EM_OK;
    bool digest = purpose != NULL && purpose->digest && !purpose->custom;
    return em_efuses_refuse_by(e,
                               digest ? "digest-read-protect" : "readable-read-protect",
                               err, "%s: a key for %s must stay readable", field->name,
                               em_efuses_purpose_text(e, block));
}

static enum em_status read_protect(struct em_efuses *e, const char *name,
                                   struct em_error *err)
{
    const struct em_efuse_field *field;
    enum em_status status = em_efuses_look_up(e, name, false, &field, err);
    if (status != EM_OK)
        return status;
    if (field->rd_dis_count > 0 && em_efuses_can_read(e, field)) {
        status = check_digest_block(e, field, err);
        if (status == EM_OK)
            status = check_shared_block(e, field, err);
        if (status == EM_OK)
            status = check_purpose(e, field, err);
    }
    if (status == EM_OK)
        status = em_efuses_close_read(e, field, err);
    const struct em_efuses_expected expected = {.field = field,
                                                .what = EM_EXPECT_READ_PROTECTED};
    return status == EM_OK ? em_efuses_expect(e, &expected, err) : status;
}

enum em_status em_efuses_stage_read_protect(struct em_efuses *e, const char *const *names,
                                            size_t count, struct em_error *err)
{
    enum em_status status = EM_OK;
    for (size_t i = 0; i < count && status == EM_OK; i++)
        status = read_protect(e, names[i], err);
    return em_efuses_stage_done(e, status);
}

enum em_status em_efuses_stage_write_protect(struct em_efuses *e,
                                             const char *const *names, size_t count,
                                             struct em_error *err)
{
    enum em_status status = EM_OK;
    for (size_t i = 0; i < count && status == EM_OK; i++) {
        const struct em_efuse_field *field;
        status = em_efuses_look_up(e, names[i], false, &field, err);
        if (status == EM_OK)
            status = em_efuses_close_write(e, field, err);
        if (status != EM_OK)
            break;
        const struct em_efuses_expected expected = {.field = field,
                                                    .what = EM_EXPECT_WRITE_PROTECTED};
        status = em_efuses_expect(e, &expected, err);
    }
    return em_efuses_stage_done(e, status);
}

static enum em_status stage_bytes(struct em_efuses *e, const char *name,
                                  const uint8_t *bytes, size_t len, struct em_error *err)
{
    struct em_efuses_bits value = {{0}};
    memcpy(value.bytes, bytes, len);
    const struct em_efuse_field *field;
    enum em_status status = em_efuses_look_up(e, name, false, &field, err);
    return status == EM_OK ? em_efuses_stage_value(e, field, &value, err) : status;
}

static enum em_status custom_mac(struct em_efuses *e, const char *text,
                                 struct em_error *err)
{
    uint8_t mac[6] = {0};
    enum em_status status = em_efuses_parse_mac(text, mac, err);
    if (status == EM_OK && em_efuses_named(e, "CUSTOM_MAC") == NULL)
        status = em_error_set(err, EM_ERR_UNSUPPORTED, "its table has no place for one",
                              "%s takes no custom MAC", e->chip->name);
    if (status == EM_OK && em_efuses_named(e, "MAC_VERSION") != NULL) {
        uint64_t version = em_efuses_value(e, "MAC_VERSION");
        if (version > 1)
            return em_error_set(err, EM_ERR_REFUSED,
                                "the version must be 0 or 1 for a custom MAC",
                                "MAC_VERSION is %llu", (unsigned long long)version);
        status = em_efuses_stage_named(e, "MAC_VERSION", 1, err);
        if (status == EM_OK)
            status =
                em_efuses_stage_named(e, "CUSTOM_MAC_CRC", em_efuses_crc8(mac, 6), err);
    }
    if (status == EM_OK && em_efuses_named(e, "CUSTOM_MAC_USED") != NULL)
        status = em_efuses_stage_named(e, "CUSTOM_MAC_USED", 1, err);
    return status == EM_OK ? stage_bytes(e, "CUSTOM_MAC", mac, sizeof mac, err) : status;
}

enum em_status em_efuses_stage_custom_mac(struct em_efuses *e, const char *mac,
                                          struct em_error *err)
{
    return em_efuses_stage_done(e, custom_mac(e, mac, err));
}

static enum em_status flash_voltage(struct em_efuses *e, const char *voltage,
                                    struct em_error *err)
{
    bool old = em_efuses_named(e, "XPD_SDIO_FORCE") != NULL; /* ESP32 */
    const char *force = old ? "XPD_SDIO_FORCE" : "VDD_SPI_FORCE";
    const char *power = old ? "XPD_SDIO_REG" : "VDD_SPI_XPD";
    const char *high = old ? "XPD_SDIO_TIEH" : "VDD_SPI_TIEH";
    if (em_efuses_named(e, force) == NULL || em_efuses_named(e, power) == NULL ||
        em_efuses_named(e, high) == NULL)
        return em_error_set(err, EM_ERR_UNSUPPORTED, "other chips are ESP32, S2 and S3",
                            "%s has no eFuses for the flash's voltage", e->chip->name);
    bool off = strcmp(voltage, "OFF") == 0;
    bool v33 = strcmp(voltage, "3.3V") == 0;
    if (!off && !v33 && strcmp(voltage, "1.8V") != 0)
        return em_error_set(err, EM_ERR_USAGE, "it is 1.8V, 3.3V or OFF",
                            "'%.32s' is no voltage for the flash", voltage);
    if (off && em_efuses_value(e, power) != 0)
        return em_error_set(err, EM_ERR_REFUSED, "a burned bit cannot be cleared",
                            "%s is burned: the regulator cannot be turned off", power);
    if (!off && !v33 && em_efuses_value(e, high) != 0)
        return em_error_set(err, EM_ERR_REFUSED, "a burned bit cannot be cleared",
                            "%s is burned: 1.8V is not possible any more", high);
    enum em_status status = em_efuses_stage_named(e, force, 1, err);
    if (status == EM_OK && !off)
        status = em_efuses_stage_named(e, power, 1, err);
    if (status == EM_OK && v33)
        status = em_efuses_stage_named(e, high, 1, err);
    return status;
}

enum em_status em_efuses_stage_flash_voltage(struct em_efuses *e, const char *voltage,
                                             struct em_error *err)
{
    return em_efuses_stage_done(e, flash_voltage(e, voltage, err));
}
