/* SPDX-License-Identifier: Apache-2.0 */
/* What the eFuses tell of the chip: addresses, voltage of the flash, calibration. */
#include "config.h"

#include "flasher/efuse/efuses_int.h"

#include <stdio.h>
#include <stdlib.h>

static void mac_text(struct em_efuses *e, const char *name, char *out, size_t size)
{
    struct em_efuses_field field;
    out[0] = '\0';
    if (!em_efuses_field_is(e, name))
        return;
    if (em_efuses_field_find(e, name, &field, NULL) == EM_OK)
        (void)snprintf(out, size, "%.17s", field.value);
    for (char *p = out; *p != '\0'; p++)
        *p = *p >= 'a' && *p <= 'f' ? (char)(*p - 'a' + 'A') : *p;
}

static bool mac_is_good(const struct em_efuses *e)
{
    const struct em_efuse_field *field = em_efuses_named(e, "MAC");
    if (field == NULL)
        return false;
    if (em_efuses_named(e, "MAC_CRC") != NULL) {
        struct em_efuses_bits bits = em_efuses_read(e, field);
        uint8_t mac[6];
        for (size_t i = 0; i < sizeof mac; i++)
            mac[i] = bits.bytes[sizeof mac - 1 - i];
        return em_efuses_crc8(mac, sizeof mac) == em_efuses_value(e, "MAC_CRC");
    }
    const struct em_efuse_errors *errors = &e->state.errors[field->block];
    return !errors->fail && errors->count == 0;
}

/* ESP32: the version says whether a MAC is there; C2: a bit; others: it is not 0. */
static bool has_custom_mac(const struct em_efuses *e)
{
    if (em_efuses_named(e, "MAC_VERSION") != NULL)
        return em_efuses_value(e, "MAC_VERSION") > 0;
    return em_efuses_value(e, "CUSTOM_MAC") != 0;
}

static const char *voltage_text(const struct em_efuses *e)
{
    bool old = em_efuses_named(e, "XPD_SDIO_FORCE") != NULL;
    if (!old && em_efuses_named(e, "VDD_SPI_FORCE") == NULL)
        return "";
    if (em_efuses_named(e, old ? "XPD_SDIO_TIEH" : "VDD_SPI_TIEH") == NULL)
        return "";
    if (em_efuses_value(e, old ? "XPD_SDIO_FORCE" : "VDD_SPI_FORCE") == 0)
        return old ? "Flash voltage (VDD_SDIO) is set by GPIO12 at reset: high 1.8V, low "
                     "or open 3.3V"
                   : "Flash voltage (VDD_SPI) is set by GPIO45 at reset: high 1.8V, low "
                     "or open 3.3V";
    if (em_efuses_value(e, old ? "XPD_SDIO_REG" : "VDD_SPI_XPD") == 0)
        return old ? "Flash voltage (VDD_SDIO): the chip's regulator is off"
                   : "Flash voltage (VDD_SPI): the chip's regulator is off";
    if (em_efuses_value(e, old ? "XPD_SDIO_TIEH" : "VDD_SPI_TIEH") == 0)
        return old ? "Flash voltage (VDD_SDIO) is set to 1.8V"
                   : "Flash voltage (VDD_SPI) is set to 1.8V";
    return old ? "Flash voltage (VDD_SDIO) is set to 3.3V"
               : "Flash voltage (VDD_SPI) is set to 3.3V";
}

void em_efuses_chip(const struct em_efuses *efuses, struct em_efuses_chip *out)
{
    static const char *const plain[] = {"burn-efuse",         "burn-bit",
                                        "burn-block-data",    "burn-key",
                                        "burn-key-digest",    "burn-custom-mac",
                                        "read-protect-efuse", "write-protect-efuse",
                                        "set-flash-voltage",  NULL};
    struct em_efuses *e = (struct em_efuses *)efuses; /* only its scratch texts change */
    mac_text(e, "MAC", e->mac, sizeof e->mac);
    e->custom_mac[0] = '\0';
    if (has_custom_mac(e))
        mac_text(e, "CUSTOM_MAC", e->custom_mac, sizeof e->custom_mac);
    const char *scheme = "";
    if (em_efuses_named(e, "CODING_SCHEME") != NULL)
        scheme = e->state.scheme == EM_EFUSE_SCHEME_34 ? "3/4" : "NONE";
    *out = (struct em_efuses_chip){
        .id = e->chip->id,
        .name = e->chip->name,
        .revision = e->view.revision,
        .coding_scheme = scheme,
        .mac = e->mac,
        .mac_good = mac_is_good(e),
        .custom_mac = e->custom_mac,
        .flash_voltage = voltage_text(e),
        .burns = plain,
    };
}

static void add_line(struct em_efuses *e, const char *name, const char *value)
{
    em_buf_append(&e->texts, name, strlen(name) + 1);
    em_buf_append(&e->texts, value, strlen(value) + 1);
}

static void add_reference(struct em_efuses *e)
{
    struct em_efuses_field field;
    char text[64];
    if (em_efuses_field_find(e, "ADC_VREF", &field, NULL) != EM_OK)
        return;
    if (field.number == 0)
        (void)snprintf(text, sizeof text, "None (1100mV nominal)");
    else
        (void)snprintf(text, sizeof text, "%smV", field.value);
    add_line(e, "ADC VRef calibration", text);
}

enum em_status em_efuses_adc_info(struct em_efuses *e, const struct em_efuses_line **out,
                                  size_t *count_out, struct em_error *err)
{
    *out = NULL;
    *count_out = 0;
    em_buf_clear(&e->texts);
    e->change_count = 0; /* its texts were there */
    bool old = em_efuses_named(e, "ADC_VREF") != NULL;
    if (old) {
        add_reference(e);
    } else if (em_efuses_named(e, "BLK_VERSION_MINOR") != NULL) {
        char text[24];
        (void)snprintf(
            text, sizeof text, "%llu",
            (unsigned long long)(em_efuses_value(e, "BLK_VERSION_MAJOR") * 100 +
                                 em_efuses_value(e, "BLK_VERSION_MINOR")));
        add_line(e, "Block version", text);
    }
    struct em_efuses_field field;
    for (size_t at = 0; (at = em_efuses_field_next(e, at, &field)) != 0;)
        if (strcmp(field.category, "calibration") == 0 &&
            strcmp(field.name, "ADC_VREF") != 0)
            add_line(e, field.name, field.value);
    size_t count = 0;
    for (size_t i = 0; i < e->texts.len; i++)
        count += e->texts.data[i] == '\0';
    struct em_efuses_line *lines = calloc(count / 2 + 1, sizeof *lines);
    if (lines == NULL || e->texts.failed) {
        free(lines);
        return em_error_nomem(err);
    }
    const char *text = (const char *)e->texts.data;
    for (size_t i = 0; i < count / 2; i++) {
        lines[i].name = text;
        lines[i].value = text += strlen(text) + 1;
        text += strlen(text) + 1;
    }
    free(e->lines);
    e->lines = lines;
    *out = lines;
    *count_out = count / 2;
    return EM_OK;
}
