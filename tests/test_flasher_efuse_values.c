/* SPDX-License-Identifier: Apache-2.0 */
/* Values of fields from text and back. Expected bits are worked out by hand from the
 * rules of published tools. */
#include "config.h"

#include "tests/test_flasher_efuse_host_util.h"

/* One field, one value: what it comes to. */
static const struct value {
    const char *chip, *field, *text; /* text NULL: none given */
    enum em_status status;
    const char *hex; /* the field's bytes then, lowest first; "": nothing staged */
} values[] = {
    {"esp32c3", "DIS_TWAI", NULL, EM_OK, "01"},
    {"esp32c3", "DIS_TWAI", "1", EM_OK, "01"},
    {"esp32c3", "DIS_CAN", "0b1", EM_OK, "01"},
    {"esp32c3", "DIS_TWAI", "0", EM_ERR_USAGE, ""},
    {"esp32c3", "DIS_TWAI", "yes", EM_ERR_USAGE, ""},
    {"esp32c3", "SOFT_DIS_JTAG", "7", EM_OK, "07"},
    {"esp32c3", "SOFT_DIS_JTAG", "8", EM_ERR_USAGE, ""},
    {"esp32c3", "SOFT_DIS_JTAG", "0", EM_ERR_USAGE, ""},
    {"esp32c3", "SOFT_DIS_JTAG", NULL, EM_ERR_USAGE, ""},
    {"esp32c3", "SOFT_DIS_JTAG", "-1", EM_ERR_USAGE, ""},
    {"esp32c3", "SOFT_DIS_JTAG", "03", EM_ERR_USAGE, ""},
    {"esp32c3", "SPI_BOOT_CRYPT_CNT", NULL, EM_OK, "01"},
    {"esp32c3", "SPI_BOOT_CRYPT_CNT", "0", EM_OK, ""},
    {"esp32c3", "SPI_BOOT_CRYPT_CNT", "15", EM_ERR_USAGE, ""},
    {"esp32c3", "SECURE_VERSION", "0x1_05", EM_OK, "0501"},
    {"esp32", "FLASH_CRYPT_CNT", NULL, EM_ERR_USAGE, ""},
    {"esp32", "CODING_SCHEME", "2", EM_ERR_REFUSED, ""},
    {"esp32", "SPI_PAD_CONFIG_CLK", "33", EM_OK, "1f"},
    {"esp32", "SPI_PAD_CONFIG_CLK", "30", EM_ERR_USAGE, ""},
    {"esp32", "SPI_PAD_CONFIG_CLK", "34", EM_ERR_USAGE, ""},
    {"esp32", "ADC_VREF", "3", EM_ERR_USAGE, ""},
    {"esp32", "WAFER_VERSION_MAJOR", "3", EM_ERR_USAGE, ""},
    {"esp32c3", "MAC", "AA:CD:EF:01:02:03", EM_ERR_USAGE, ""},
    {"esp32c3", "CUSTOM_MAC", "AA:CD:EF:01:02:03", EM_OK, "aacdef010203"},
    {"esp32c3", "CUSTOM_MAC", "AB:CD:EF:01:02:03", EM_ERR_USAGE, ""},
    {"esp32c3", "CUSTOM_MAC", "AACDEF010203", EM_ERR_USAGE, ""},
    {"esp32c3", "OPTIONAL_UNIQUE_ID", "0x000102030405060708090a0b0c0d0e0f", EM_OK,
     "0f0e0d0c0b0a09080706050403020100"},
    {"esp32c3", "OPTIONAL_UNIQUE_ID", "000102030405060708090a0b0c0d0e0f", EM_OK,
     "000102030405060708090a0b0c0d0e0f"},
    {"esp32c3", "OPTIONAL_UNIQUE_ID", "0x1234", EM_ERR_USAGE, ""},
    {"esp32c3", "OPTIONAL_UNIQUE_ID", "00010203040506070809zz0b0c0d0e0f", EM_ERR_USAGE,
     ""},
    {"esp32c3", "KEY_PURPOSE_1", "HMAC_UP", EM_OK, "08"},
    {"esp32c3", "KEY_PURPOSE_1", "8", EM_OK, "08"},
    {"esp32c3", "KEY_PURPOSE_1", "USER", EM_ERR_USAGE, ""},
    {"esp32c3", "KEY_PURPOSE_1", "15", EM_ERR_USAGE, ""},
    {"esp32c3", "KEY_PURPOSE_5", "XTS_AES_128_KEY", EM_ERR_REFUSED, ""},
    {"esp32s2", "KEY_PURPOSE_5", "XTS_AES_128_KEY", EM_OK, "04"},
    {"esp32c3", "ADC1_INIT_CODE_ATTEN0", "1", EM_ERR_USAGE, ""},
};

static void test_from_text(void)
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const struct value *v = &values[i];
        struct em_error err = {0};
        struct em_efuses *e = virtual_open(v->chip, true);
        EM_CHECK_STATUS(em_efuses_stage_field(e, v->field, v->text, false, &err),
                        v->status, &err);
        CU_ASSERT_TRUE(v->status == EM_OK || err.hint[0] != '\0');
        const struct em_efuse_field *field;
        char hex[2 * EM_EFUSES_BYTES + 1] = "";
        if (em_efuses_look_up(e, v->field, false, &field, &err) == EM_OK) {
            struct em_efuses_bits bits = em_efuses_staged(e, field);
            for (size_t b = 0; !em_efuses_zero(&bits) && b < (field->bits + 7U) / 8; b++)
                (void)snprintf(hex + 2 * b, 3, "%02x", bits.bytes[b]);
        }
        if (strcmp(hex, v->hex) != 0)
            printf("\n  %s %s: %s, wanted %s\n", v->field,
                   v->text == NULL ? "-" : v->text, hex, v->hex);
        CU_ASSERT_STRING_EQUAL(hex, v->hex);
        em_efuses_close(e);
    }
}

/* Bits as the factory burns them, and the text they are shown as. */
static const struct shown {
    const char *chip, *field;
    unsigned block, bit, bits;
    uint32_t value;
    const char *text, *bit_text;
} shown[] = {
    {"esp32c3", "DIS_TWAI", 0, 46, 1, 1, "True", "0b1"},
    {"esp32c3", "SPI_BOOT_CRYPT_CNT", 0, 82, 3, 3, "Disable", "0b011"},
    {"esp32c3", "WR_DIS", 0, 0, 32, 0xA5, "165", "0x000000a5"},
    {"esp32c3", "KEY_PURPOSE_0", 0, 88, 4, 4, "XTS_AES_128_KEY", "0x4"},
    {"esp32c3", "KEY_PURPOSE_0", 0, 88, 4, 14, "FORBIDDEN_STATE", "0xe"},
    {"esp32c3", "MAC", 1, 0, 32, 0x44332211, "00:00:44:33:22:11 (OK)", ""},
    {"esp32c3", "CUSTOM_MAC", 3, 200, 32, 0x44332211, "11:22:33:44:00:00 (OK)", ""},
    /* CRC-8 of 00 00 00 00 00 01, by hand: 0x5e. */
    {"esp32", "MAC", 0, 32, 8, 1, "00:00:00:00:00:01 (CRC 0x00 invalid - should be 0x5e)",
     ""},
    /* sign and magnitude of 7 mV on 1100 mV: 10011 is -3 */
    {"esp32", "ADC_VREF", 0, 136, 5, 0x13, "1079", "0b10011"},
    {"esp32c2", "TEMP_CALIB", 2, 69, 9, 0x105, "-0.5", "0b100000101"},
};

static void test_to_text(void)
{
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        struct host host;
        struct em_error err = {0};
        struct em_efuses_field field;
        const struct em_efuses_options plain = EM_EFUSES_OPTIONS_INIT;
        host_new(&host, shown[i].chip);
        em_efuse_model_seed(host.model, shown[i].block, shown[i].bit, shown[i].bits,
                            shown[i].value);
        struct em_efuses *e = host_open(&host, &plain);
        EM_CHECK_STATUS(em_efuses_field_find(e, shown[i].field, &field, &err), EM_OK,
                        &err);
        CU_ASSERT_STRING_EQUAL(field.value, shown[i].text);
        CU_ASSERT_STRING_EQUAL(field.bit_text, shown[i].bit_text);
        em_efuses_close(e);
        em_efuse_model_free(host.model);
    }
}

/* A key that the chip has not hidden yet is not shown, a digest is. */
static void test_secrets(void)
{
    for (unsigned purpose = 8; purpose <= 9; purpose++) {
        struct host host;
        struct em_error err = {0};
        struct em_efuses_field field;
        const struct em_efuses_options plain = EM_EFUSES_OPTIONS_INIT;
        host_new(&host, "esp32c3");
        em_efuse_model_seed(host.model, 0, 88, 4, purpose); /* HMAC_UP, DIGEST0 */
        em_efuse_model_seed(host.model, 4, 0, 16, 0x1234);
        struct em_efuses *e = host_open(&host, &plain);
        EM_CHECK_STATUS(em_efuses_field_find(e, "KEY0", &field, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(strncmp(field.value, purpose == 8 ? "?? ?? ??" : "34 12 00", 8),
                        0);
        CU_ASSERT_EQUAL(field.raw[0], purpose == 8 ? 0 : 0x34);
        em_efuses_close(e);
        em_efuse_model_free(host.model);
    }
}

static const struct em_test tests[] = {
    {"from text", test_from_text},
    {"to text", test_to_text},
    {"secrets are not shown", test_secrets},
};

EM_TEST_MAIN("flasher/efuse/efuses_parse and _show", tests)
