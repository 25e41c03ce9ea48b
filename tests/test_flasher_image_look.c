/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of looking at images, making them of pieces and of damaged ELF files, merging,
 * and partition tables as CSV, against bytes worked out by hand. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/image/image_int.h"
#include "flasher/image/partition_int.h"

#include "tests/em_test.h"
#include "tests/make_elf.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

static const uint8_t eight[8] = {1, 2, 3, 4, 5, 6, 7, 8};

/* Two pieces, the second of which touches the first: one segment. */
static void of_pieces(void)
{
    struct em_image_options options = EM_IMAGE_OPTIONS_INIT;
    const struct em_image_input pieces[] = {
        {0x40380000, eight, 8}, {0x3FC88000, eight, 5}, {0x3FC88008, eight, 3}};
    static const uint8_t wanted[] = {
        0xE9, 2, 0, 0, 0x10, 0, 0x38, 0x40, 0xEE, 0, 0, 0, 5, 0, 0, 0, 0, 0xFF, 0xFF, 0,
        0, 0, 0, 1,
        /* 0x3FC88000: 5 bytes, 3 zeros, 3 bytes, 1 zero */
        0x00, 0x80, 0xC8, 0x3F, 12, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0, 1, 2, 3, 0,
        /* 0x40380000 */
        0x00, 0x00, 0x38, 0x40, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8,
        /* up to the last byte of a row; EF ^ (1^2^3^4^5 = 1) ^ (1^2^3 = 0) ^ (1^…^8 = 8)
         */
        0, 0, 0, 0xE6};
    struct em_image_files files;
    struct em_error err;
    uint8_t digest[32];
    options.chip = "ESP32-C3";
    EM_CHECK_STATUS(em_image_from_pieces(&files, pieces, 3, 0x40380010, &options, &err),
                    EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(files.count, 1);
    CU_ASSERT_EQUAL_FATAL(files.files[0].len, sizeof wanted + 32);
    EM_CHECK_BYTES(files.files[0].data, wanted, sizeof wanted);
    SHA256(wanted, sizeof wanted, digest);
    EM_CHECK_BYTES(files.files[0].data + sizeof wanted, digest, 32);
    em_image_files_free(&files);
    em_image_files_free(&files); /* twice is allowed */
    EM_CHECK_STATUS(em_image_from_pieces(&files,
                                         &(struct em_image_input){0xFFFFFFFF, eight, 2},
                                         1, 0, &options, &err),
                    EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "ends beyond 4 GiB");
    EM_CHECK_STATUS(em_image_from_pieces(&files,
                                         &(struct em_image_input){0x42000002, eight, 4},
                                         1, 0, &options, &err),
                    EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "multiple of 4");
}

static void looks(void)
{
    static uint8_t elf[ELF_ROOM];
    struct em_image_options options = EM_IMAGE_OPTIONS_INIT;
    struct em_image_files files;
    struct em_image_info info;
    struct em_error err;
    uint8_t digest[32];
    size_t len = make_elf(elf, "esp32c3", "page32k");
    options.chip = "esp32c3";
    options.flash_mode = "dio";
    options.flash_size = "4MB";
    options.flash_freq = "80m";
    options.min_revision = 3;
    options.max_revision = 199;
    EM_CHECK_STATUS(em_image_from_elf(&files, elf, len, &options, &err), EM_OK, &err);
    EM_CHECK_STATUS(
        em_image_look(&info, files.files[0].data, files.files[0].len, NULL, &err), EM_OK,
        &err);
    CU_ASSERT_STRING_EQUAL(info.chip, "esp32c3");
    CU_ASSERT_STRING_EQUAL(info.flash_mode, "dio");
    CU_ASSERT_STRING_EQUAL(info.flash_size, "4MB");
    CU_ASSERT_STRING_EQUAL(info.flash_freq, "80m");
    CU_ASSERT_EQUAL(info.entry, 0x40380010);
    CU_ASSERT_EQUAL(info.min_revision, 3);
    CU_ASSERT_EQUAL(info.max_revision, 199);
    CU_ASSERT_EQUAL(info.wp_pin, 0xEE);
    CU_ASSERT_EQUAL_FATAL(info.count, 5);
    CU_ASSERT_STRING_EQUAL(info.segments[0].memory, "DROM");
    CU_ASSERT_STRING_EQUAL(info.segments[1].memory, "DRAM, BYTE_ACCESSIBLE");
    CU_ASSERT_STRING_EQUAL(info.segments[3].memory, "PADDING");
    CU_ASSERT_TRUE(info.has_digest && info.digest_valid);
    CU_ASSERT_EQUAL(info.checksum, info.checksum_wanted);
    CU_ASSERT_TRUE_FATAL(info.has_app);
    CU_ASSERT_STRING_EQUAL(info.app.project, "make_elf");
    CU_ASSERT_STRING_EQUAL(info.app.version, "v1.2-test");
    CU_ASSERT_STRING_EQUAL(info.app.compiled, "Jan  2 2025 12:34:56");
    CU_ASSERT_EQUAL(info.app.secure_version, 7);
    CU_ASSERT_EQUAL(info.app.max_block_revision, 199);
    CU_ASSERT_EQUAL(info.app.mmu_page_size, 0x8000);
    SHA256(elf, len, digest);
    EM_CHECK_BYTES(info.app.elf_sha256, digest, 32);
    /* What is wrong is told by the members. */
    files.files[0].data[40] ^= 1;
    EM_CHECK_STATUS(
        em_image_look(&info, files.files[0].data, files.files[0].len, "esp32c3", &err),
        EM_OK, &err);
    CU_ASSERT_EQUAL(info.checksum, info.checksum_wanted ^ 1);
    CU_ASSERT_FALSE(info.digest_valid);
    EM_CHECK_STATUS(
        em_image_look(&info, files.files[0].data, files.files[0].len, "esp32", &err),
        EM_ERR_CHIP, &err);
    em_image_files_free(&files);
}

static void looks_at_others(void)
{
    static uint8_t elf[ELF_ROOM];
    struct em_image_options options = EM_IMAGE_OPTIONS_INIT;
    struct em_image_files files;
    struct em_image_info info;
    struct em_error err;
    options.chip = "esp32h2";
    size_t len = make_elf(elf, "esp32h2", "boot");
    EM_CHECK_STATUS(em_image_from_elf(&files, elf, len, &options, &err), EM_OK, &err);
    EM_CHECK_STATUS(
        em_image_look(&info, files.files[0].data, files.files[0].len, NULL, &err), EM_OK,
        &err);
    CU_ASSERT_TRUE_FATAL(info.has_bootloader && !info.has_app);
    CU_ASSERT_EQUAL(info.bootloader.version, 3);
    CU_ASSERT_STRING_EQUAL(info.bootloader.idf, "v5.5");
    CU_ASSERT_STRING_EQUAL(info.bootloader.compiled, "Jan  2 2025 12:34:56");
    em_image_files_free(&files);
    options.chip = "esp8266";
    len = make_elf(elf, "esp8266", "v2code");
    for (options.version = 1; options.version <= 3; options.version++) {
        EM_CHECK_STATUS(em_image_from_elf(&files, elf, len, &options, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(files.count, options.version == 1 ? 2 : 1);
        EM_CHECK_STATUS(
            em_image_look(&info, files.files[0].data, files.files[0].len, NULL, &err),
            EM_OK, &err);
        CU_ASSERT_STRING_EQUAL(info.chip, "esp8266");
        CU_ASSERT_EQUAL(info.version, options.version == 2 ? 2 : 1);
        CU_ASSERT_EQUAL(info.count, options.version == 1 ? 3 : 4);
        CU_ASSERT_EQUAL(info.checksum, info.checksum_wanted);
        em_image_files_free(&files);
    }
    EM_CHECK_STATUS(em_image_from_elf(&files, elf, len, &options, &err), EM_ERR_USAGE,
                    &err);
    EM_CHECK_HAS(err.what, "version 4");
}

/* Cut off at every length, and with each byte of its tables changed: a message or an
 * image, never a crash. */
static void damaged_elf(void)
{
    static uint8_t elf[ELF_ROOM];
    struct em_image_options options = EM_IMAGE_OPTIONS_INIT;
    struct em_error err;
    options.chip = "esp32c3";
    size_t len = make_elf(elf, "esp32c3", "boot");
    for (size_t cut = 0; cut <= len; cut++) {
        struct em_image_files files;
        uint8_t *part = malloc(cut > 0 ? cut : 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(part);
        memcpy(part, elf, cut);
        EM_CHECK_STATUS(em_image_from_elf(&files, part, cut, &options, &err),
                        cut < len ? EM_ERR_INPUT : EM_OK, &err);
        em_image_files_free(&files);
        free(part);
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t before = elf[i];
        for (unsigned k = 0; k < 2; k++) {
            struct em_image_files files;
            elf[i] = k == 0 ? (uint8_t)~before : (uint8_t)(before ^ 0x80);
            options.use_segments = k == 1;
            enum em_status status = em_image_from_elf(&files, elf, len, &options, &err);
            CU_ASSERT_TRUE(status == EM_OK || status == EM_ERR_INPUT);
            em_image_files_free(&files);
        }
        elf[i] = before;
    }
}

static void merges(void)
{
    const struct em_image_input pieces[] = {{0xFFFC, eight, 8}, {0x1002, eight, 3}};
    static const char hex[] = ":020000040000FA\n"
                              ":03100200010203E5\n"
                              ":04FFFC0001020304F7\n"
                              ":020000040001F9\n"
                              ":0400000005060708E2\n"
                              ":00000001FF\n";
    struct em_image_merge options = {.chip = "esp32s3", .format = EM_IMAGE_HEX};
    struct em_error err;
    uint8_t *out = NULL, md5[16];
    size_t len = 0;
    EM_CHECK_STATUS(em_image_merge(&out, &len, pieces, 2, &options, &err), EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(len, sizeof hex - 1);
    EM_CHECK_BYTES(out, hex, len);
    free(out);
    options.format = EM_IMAGE_UF2;
    EM_CHECK_STATUS(em_image_merge(&out, &len, pieces + 1, 1, &options, &err), EM_OK,
                    &err);
    CU_ASSERT_EQUAL_FATAL(len, 512);
    EM_CHECK_BYTES(out, "UF2\nWQ]\x9E\0\x60\0\0\x02\x10\0\0\3\0\0\0\0\0\0\0\1\0\0\0", 28);
    CU_ASSERT_EQUAL(em_get_le32(out + 28), 0xC47E5767); /* family of the chip */
    CU_ASSERT_EQUAL(EVP_Digest(eight, 3, md5, NULL, EVP_md5(), NULL), 1);
    EM_CHECK_BYTES(out + 32 + 3, "\x02\x10\0\0\3\0\0\0", 8);
    EM_CHECK_BYTES(out + 32 + 3 + 8, md5, 16);
    CU_ASSERT_EQUAL(em_get_le32(out + 508), 0x0AB16F30);
    free(out);
    options.format = EM_IMAGE_RAW;
    options.target_offset = 0x1000;
    options.pad_to_size = 0x1008;
    EM_CHECK_STATUS(em_image_merge(&out, &len, pieces + 1, 1, &options, &err), EM_OK,
                    &err);
    CU_ASSERT_EQUAL_FATAL(len, 8);
    EM_CHECK_BYTES(out, "\xFF\xFF\1\2\3\xFF\xFF\xFF", 8);
    free(out);
    options.chip = NULL;
    EM_CHECK_STATUS(em_image_merge(&out, &len, pieces, 2, &options, &err), EM_ERR_USAGE,
                    &err);
    CU_ASSERT_PTR_NULL(out);
}

static void tables_as_csv(void)
{
    static const char csv[] = "# Name, Type, SubType, Offset, Size, Flags\n"
                              "nvs,data,nvs,0x9000,24K,\n"
                              "odd,0x40,0x07,0xf000,0x1001,readonly\n"
                              "app,app,ota_15,0x20000,2M,encrypted\n"
                              "keys,data,nvs_keys,0x220000,4K,encrypted:readonly\n";
    struct em_partition_table table;
    struct em_error err;
    char *text = NULL, name[24];
    EM_CHECK_STATUS(em_partition_parse(&table, (const uint8_t *)csv, sizeof csv - 1, "t",
                                       EM_PARTITION_TABLE_AT, &err),
                    EM_OK, &err);
    EM_CHECK_STATUS(em_partition_csv(&text, &table, &err), EM_OK, &err);
    CU_ASSERT_STRING_EQUAL(text, csv);
    free(text);
    EM_CHECK_STATUS(em_partition_check(&table, EM_PARTITION_TABLE_AT, 0x221000, &err),
                    EM_OK, &err);
    EM_CHECK_STATUS(em_partition_check(&table, EM_PARTITION_TABLE_AT, 0x220FFF, &err),
                    EM_ERR_FULL, &err);
    CU_ASSERT_EQUAL(err.line, 5);
    EM_CHECK_STATUS(em_partition_check(&table, 0xE000, 0, &err), EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "overlaps the table itself");
    table.rows[2].offset = 0x21000;
    EM_CHECK_STATUS(em_partition_check(&table, EM_PARTITION_TABLE_AT, 0, &err),
                    EM_ERR_INPUT, &err);
    EM_CHECK_HAS(err.what, "offset 0x21000 of partition 'app'");
    CU_ASSERT_STRING_EQUAL(em_partition_type_name(name, 3), "partition_table");
    CU_ASSERT_STRING_EQUAL(em_partition_type_name(name, 0xFE), "0xfe");
    CU_ASSERT_STRING_EQUAL(em_partition_subtype_name(name, 0, 0x1A), "ota_10");
    CU_ASSERT_STRING_EQUAL(em_partition_subtype_name(name, 0, 0x21), "0x21");
}

static const struct em_test tests[] = {
    {"an image of pieces", of_pieces},
    {"what an image is", looks},
    {"boot loaders, and all versions of the ESP8266", looks_at_others},
    {"damaged ELF files", damaged_elf},
    {"merged by hand", merges},
    {"tables as CSV", tables_as_csv},
};

EM_TEST_MAIN("flasher/image/look", tests)
