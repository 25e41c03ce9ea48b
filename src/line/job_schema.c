/* SPDX-License-Identifier: Apache-2.0 */
/* What job and station files may hold: tables for libcyaml. */
#include "config.h"

#include "src/line/job_int.h"

enum {
    TEXT_MAX = 1024,
    IMAGES_MAX = 64,
    BEFORE_MAX = 16,
    STEPS_MAX = 64,
    NAMES_MAX = 64, /* of a list */
    SLOTS_MAX = 256,
    HOOKS_MAX = 64,
};

/* All scalars are texts: sizes, times and yes or no are read as everywhere in the
 * programs, not as YAML would. */
#define TEXT(key, type, member)                                                          \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member,  \
                           1, TEXT_MAX)
#define NEEDED(key, type, member)                                                        \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, TEXT_MAX)
#define MAPPING(key, type, member, fields)                                               \
    CYAML_FIELD_MAPPING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, \
                            fields)
#define LIST(key, type, member, count, entry, max)                                       \
    CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type,      \
                               member, count, entry, 0, max)

static const struct cyaml_schema_value text_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, TEXT_MAX),
};

/* ---- Job ---- */

static const struct cyaml_schema_field flash_fields[] = {
    TEXT("size", struct job_y_flash, size),
    TEXT("mode", struct job_y_flash, mode),
    TEXT("freq", struct job_y_flash, freq),
    TEXT("erase_all", struct job_y_flash, erase_all),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field image_fields[] = {
    NEEDED("file", struct job_y_image, file),
    NEEDED("at", struct job_y_image, at),
    TEXT("encrypt", struct job_y_image, encrypt),
    CYAML_FIELD_END,
};
static const struct cyaml_schema_value image_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct job_y_image, image_fields),
};

static const struct cyaml_schema_field units_fields[] = {
    TEXT("config", struct job_y_units, config),
    TEXT("values", struct job_y_units, values),
    TEXT("prefix", struct job_y_units, prefix),
    TEXT("file_id", struct job_y_units, file_id),
    TEXT("size", struct job_y_units, size),
    TEXT("version", struct job_y_units, version),
    TEXT("at", struct job_y_units, at),
    TEXT("encryption", struct job_y_units, encryption),
    TEXT("key_file", struct job_y_units, key_file),
    TEXT("keys_dir", struct job_y_units, keys_dir),
    LIST("seal", struct job_y_units, seal, seal_count, &text_entry,
         EM_SEAL_RECIPIENTS_MAX),
    TEXT("manifest", struct job_y_units, manifest),
    TEXT("folder", struct job_y_units, folder),
    TEXT("keys_at", struct job_y_units, keys_at),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field crypt_fields[] = {
    TEXT("mode", struct job_y_crypt, mode),
    TEXT("key", struct job_y_crypt, key),
    TEXT("firmware", struct job_y_crypt, firmware),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field key_fields[] = {
    TEXT("block", struct job_y_key, block),
    TEXT("purpose", struct job_y_key, purpose),
    TEXT("file", struct job_y_key, file),
    TEXT("read_protect", struct job_y_key, read_protect),
    TEXT("write_protect", struct job_y_key, write_protect),
    CYAML_FIELD_END,
};
static const struct cyaml_schema_field field_fields[] = {
    NEEDED("field", struct job_y_field, field),
    TEXT("value", struct job_y_field, value),
    TEXT("column", struct job_y_field, column),
    CYAML_FIELD_END,
};
static const struct cyaml_schema_field mac_fields[] = {
    NEEDED("column", struct job_y_mac, column),
    CYAML_FIELD_END,
};
static const struct cyaml_schema_field step_fields[] = {
    MAPPING("burn_key", struct job_y_step, burn_key, key_fields),
    MAPPING("burn_efuse", struct job_y_step, burn_efuse, field_fields),
    MAPPING("burn_custom_mac", struct job_y_step, burn_custom_mac, mac_fields),
    LIST("read_protect", struct job_y_step, read_protect, read_protect_count, &text_entry,
         NAMES_MAX),
    LIST("write_protect", struct job_y_step, write_protect, write_protect_count,
         &text_entry, NAMES_MAX),
    TEXT("script", struct job_y_step, script),
    CYAML_FIELD_END,
};
static const struct cyaml_schema_value step_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct job_y_step, step_fields),
};

static const struct cyaml_schema_field boot_fields[] = {
    NEEDED("expect", struct job_y_boot, expect),
    TEXT("within", struct job_y_boot, within),
    TEXT("baud", struct job_y_boot, baud),
    CYAML_FIELD_END,
};
static const struct cyaml_schema_field before_fields[] = {
    NEEDED("name", struct job_y_before, name),
    CYAML_FIELD_SEQUENCE_COUNT("images", CYAML_FLAG_POINTER, struct job_y_before, images,
                               image_count, &image_entry, 1, IMAGES_MAX),
    CYAML_FIELD_MAPPING_PTR("boot_check", CYAML_FLAG_POINTER, struct job_y_before,
                            boot_check, boot_fields),
    CYAML_FIELD_END,
};
static const struct cyaml_schema_value before_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct job_y_before, before_fields),
};
static const struct cyaml_schema_field retry_fields[] = {
    TEXT("attempts", struct job_y_retry, attempts),
    TEXT("stop_after", struct job_y_retry, stop_after),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field job_fields[] = {
    NEEDED("batch", struct job_y, batch),
    NEEDED("chip", struct job_y, chip),
    TEXT("ledger", struct job_y, ledger),
    MAPPING("flash", struct job_y, flash, flash_fields),
    TEXT("partition_table", struct job_y, partition_table),
    LIST("images", struct job_y, images, image_count, &image_entry, IMAGES_MAX),
    CYAML_FIELD_MAPPING_PTR("units", CYAML_FLAG_POINTER, struct job_y, units,
                            units_fields),
    MAPPING("flash_encryption", struct job_y, flash_encryption, crypt_fields),
    LIST("efuses", struct job_y, efuses, step_count, &step_entry, STEPS_MAX),
    LIST("overrides", struct job_y, overrides, override_count, &text_entry, NAMES_MAX),
    LIST("before", struct job_y, before, before_count, &before_entry, BEFORE_MAX),
    MAPPING("boot_check", struct job_y, boot_check, boot_fields),
    MAPPING("retry", struct job_y, retry, retry_fields),
    TEXT("keys_after", struct job_y, keys_after),
    TEXT("stub", struct job_y, stub),
    CYAML_FIELD_END,
};
const struct cyaml_schema_value line_job_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct job_y, job_fields),
};

/* ---- Station ---- */

static const struct cyaml_schema_field slot_fields[] = {
    NEEDED("name", struct station_y_slot, name),
    TEXT("port", struct station_y_slot, port),
    TEXT("topology", struct station_y_slot, topology),
    TEXT("baud", struct station_y_slot, baud),
    CYAML_FIELD_END,
};
static const struct cyaml_schema_value slot_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct station_y_slot, slot_fields),
};
static const struct cyaml_schema_field hook_fields[] = {
    NEEDED("on", struct station_y_hook, on),
    CYAML_FIELD_SEQUENCE_COUNT("run", CYAML_FLAG_POINTER, struct station_y_hook, run,
                               run_count, &text_entry, 1, NAMES_MAX),
    TEXT("within", struct station_y_hook, within),
    TEXT("on_failure", struct station_y_hook, on_failure),
    CYAML_FIELD_END,
};
static const struct cyaml_schema_value hook_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct station_y_hook, hook_fields),
};
static const struct cyaml_schema_field station_fields[] = {
    TEXT("name", struct station_y, name),
    TEXT("baud", struct station_y, baud),
    TEXT("reset", struct station_y, reset),
    TEXT("before", struct station_y, before),
    TEXT("unseal_key", struct station_y, unseal_key),
    TEXT("unseal_passphrase_file", struct station_y, unseal_passphrase_file),
    LIST("slots", struct station_y, slots, slot_count, &slot_entry, SLOTS_MAX),
    LIST("hooks", struct station_y, hooks, hook_count, &hook_entry, HOOKS_MAX),
    CYAML_FIELD_END,
};
const struct cyaml_schema_value line_station_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct station_y, station_fields),
};
