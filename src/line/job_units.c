/* SPDX-License-Identifier: Apache-2.0 */
/* Where a job's units come from, and where their images go. */
#include "config.h"

#include "src/line/job_int.h"

#include "base/file_int.h"
#include "src/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const encryptions[] = {"none", "key", "hmac", "flash", NULL};

static struct line_key units_key(const struct job_making *making, const char *key)
{
    return (struct line_key){making->job->yaml, "units", LINE_NO_IDX, key};
}

static enum em_status take_path(const char **out, const struct job_making *making,
                                const char *text, struct em_error *err)
{
    if (text == NULL)
        return EM_OK;
    *out = line_yaml_path(making->job->yaml, text);
    return *out == NULL ? em_error_nomem(err) : EM_OK;
}

/* A batch that was made before: its list and its folder. */
static enum em_status take_manifest(struct job_making *making, struct em_error *err)
{
    const struct job_y_units *y = making->y->units;
    struct em_units_options *units = &making->job->units;
    const struct {
        const char *key, *text;
    } others[] = {
        {"config", y->config},
        {"values", y->values},
        {"prefix", y->prefix},
        {"file_id", y->file_id},
        {"size", y->size},
        {"version", y->version},
        {"encryption", y->encryption},
        {"key_file", y->key_file},
        {"keys_dir", y->keys_dir},
        {"keys_at", y->keys_at},
        {"seal", y->seal_count > 0 ? "" : NULL},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct line_key key = units_key(making, others[i].key);
        if (others[i].text != NULL)
            return line_key_fault(&key, EM_ERR_INPUT, err,
                                  "units come either from config and values, or from a "
                                  "manifest and its folder",
                                  "%s and manifest do not go together", others[i].key);
    }
    enum em_status status = take_path(&units->manifest, making, y->manifest, err);
    if (status == EM_OK)
        status = take_path(&units->outdir, making, y->folder, err);
    if (status != EM_OK || y->folder != NULL)
        return status;
    const char *slash = strrchr(units->manifest, '/');
    units->outdir = slash == NULL ? line_yaml_text(making->job->yaml, ".")
                                  : line_yaml_text(making->job->yaml, "%.*s",
                                                   (int)(slash - units->manifest + 1),
                                                   units->manifest);
    return units->outdir == NULL ? em_error_nomem(err) : EM_OK;
}

/* Certificates that the units' keys are sealed to. */
static enum em_status take_seal(struct job_making *making, size_t encryption,
                                struct em_error *err)
{
    const struct job_y_units *y = making->y->units;
    struct line_job *job = making->job;
    const struct line_key key = units_key(making, "seal");
    if (y->seal_count == 0)
        return EM_OK;
    if (encryption < EM_UNITS_HMAC)
        return line_key_fault(&key, EM_ERR_INPUT, err,
                              "it is for encryption: hmac or flash",
                              "seal, but encryption is %s", encryptions[encryption]);
    job->seal = calloc(y->seal_count, sizeof *job->seal);
    if (job->seal == NULL)
        return em_error_nomem(err);
    for (uint32_t i = 0; i < y->seal_count; i++) {
        enum em_status status = take_path(&job->seal[i], making, y->seal[i], err);
        if (status != EM_OK)
            return status;
    }
    job->units.seal = job->seal;
    job->units.n_seal = y->seal_count;
    return EM_OK;
}

static enum em_status take_encryption(struct job_making *making, struct em_error *err)
{
    const struct job_y_units *y = making->y->units;
    struct em_units_options *units = &making->job->units;
    struct line_key key = units_key(making, "encryption");
    size_t how = EM_UNITS_PLAIN;
    enum em_status status = line_take_choice(&how, &key, y->encryption, encryptions, err);
    if (status != EM_OK)
        return status;
    units->encryption = (enum em_units_encryption)how; /* in this order */
    if (y->key_file != NULL && how != EM_UNITS_KEY) {
        key.key = "key_file";
        return line_key_fault(&key, EM_ERR_INPUT, err, "it is for encryption: key",
                              "a key_file, but encryption is %s", encryptions[how]);
    }
    if (y->keys_dir != NULL && how < EM_UNITS_HMAC) {
        key.key = "keys_dir";
        return line_key_fault(&key, EM_ERR_INPUT, err,
                              "it is for encryption: hmac and flash",
                              "a keys_dir, but encryption is %s", encryptions[how]);
    }
    if (how == EM_UNITS_KEY && y->key_file == NULL)
        return line_key_fault(&key, EM_ERR_INPUT, err,
                              "mfg_gen generate-key makes one; name it with key_file",
                              "encryption: key needs a key_file");
    status = take_path(&units->key_file, making, y->key_file, err);
    if (status == EM_OK && how >= EM_UNITS_HMAC)
        status = take_path(&units->keys_dir, making,
                           y->keys_dir == NULL ? "keys" : y->keys_dir, err);
    return status == EM_OK ? take_seal(making, how, err) : status;
}

static enum em_status take_size(struct job_making *making, struct em_error *err)
{
    const struct job_y_units *y = making->y->units;
    const struct line_job *job = making->job;
    struct line_key key = units_key(making, y->size != NULL ? "size" : "");
    unsigned long long size = job->nvs_limit == 0 ? 0 : job->nvs_limit - job->nvs_addr;
    unsigned long long partition = size;
    if (y->size != NULL && !cli_size(&size, y->size, UINT32_MAX))
        return line_key_fault(&key, EM_ERR_INPUT, err, "write it as 0x6000 or 24k",
                              "size: '%.64s' is not a size", y->size);
    if (size == 0)
        return line_key_fault(&key, EM_ERR_INPUT, err,
                              "add it, or name a partition_table and a partition",
                              "units: key 'size' is missing");
    if (partition != 0 && size != partition)
        return line_key_fault(&key, EM_ERR_FULL, err,
                              "leave size away: the partition table has it",
                              "size: 0x%llx, but partition '%s' has 0x%llx", size,
                              job->nvs_place, partition);
    making->job->units.size = size;
    return EM_OK;
}

/* A batch that is made of its tables, unit by unit. */
static enum em_status take_batch(struct job_making *making, struct em_error *err)
{
    const struct job_y_units *y = making->y->units;
    struct em_units_options *units = &making->job->units;
    struct line_key key = units_key(making, "");
    uint32_t version = 2;
    if (y->config == NULL || y->values == NULL)
        return line_key_fault(
            &key, EM_ERR_INPUT, err,
            "units come either from config and values, or from a manifest",
            "units: key '%s' is missing", y->config == NULL ? "config" : "values");
    key.key = "folder";
    if (y->folder != NULL)
        return line_key_fault(&key, EM_ERR_INPUT, err, "it belongs to a manifest",
                              "folder and config do not go together");
    units->prefix = y->prefix;
    units->id_column = y->file_id;
    key.key = "version";
    enum em_status status = line_take_number(&version, &key, y->version, 1, 2, err);
    units->version = version == 1 ? EM_NVS_V1 : EM_NVS_V2;
    if (status == EM_OK)
        status = take_path(&units->config, making, y->config, err);
    if (status == EM_OK)
        status = take_path(&units->values, making, y->values, err);
    if (status == EM_OK)
        status = take_encryption(making, err);
    return status == EM_OK ? take_size(making, err) : status;
}

static enum em_status take_place(struct job_making *making, struct em_error *err)
{
    const char *at = making->y->units->at;
    struct line_job *job = making->job;
    const struct line_key key = units_key(making, at == NULL ? "" : "at");
    if (at == NULL && making->table == NULL)
        return line_key_fault(&key, EM_ERR_INPUT, err,
                              "add it, or name a partition_table with a partition 'nvs'",
                              "units: key 'at' is missing");
    job->nvs_place = line_yaml_text(job->yaml, "%s", at == NULL ? "nvs" : at);
    if (job->nvs_place == NULL)
        return em_error_nomem(err);
    return line_job_place(&job->nvs_addr, &job->nvs_limit, making, &key, job->nvs_place,
                          err);
}

/* Whoever reads the key of a batch has its units. */
static enum em_status check_private(const struct job_making *making, struct em_error *err)
{
    struct stat st;
    int fd;
    const struct line_key key = units_key(making, "key_file");
    char place[LINE_PLACE_SIZE];
    const char *path = making->job->units.key_file;
    if (path == NULL)
        return EM_OK;
    enum em_status status = em_file_open(&fd, path, &st, err);
    if (status != EM_OK)
        return line_yaml_at(key.yaml, line_key_place(&key, place), status, err);
    (void)close(fd); /* only looked at */
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return line_key_fault(&key, EM_ERR_INPUT, err, "chmod 600 it",
                              "%s: others than its owner may use this key (mode %03o)",
                              path, (unsigned)st.st_mode & 0777U);
    return EM_OK;
}

enum em_status line_job_units(struct job_making *making, struct em_error *err)
{
    struct line_job *job = making->job;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    job->units = (struct em_units_options)EM_UNITS_OPTIONS_INIT;
    job->units.jobs = cores > 0 && cores < 256 ? (unsigned)cores : 1;
    enum em_status status = take_place(making, err);
    if (status == EM_OK)
        status = making->y->units->manifest != NULL ? take_manifest(making, err)
                                                    : take_batch(making, err);
    if (status == EM_OK)
        status = line_job_crypt(making, err);
    if (status == EM_OK)
        status = check_private(making, err);
    if (status == EM_OK) {
        status = em_units_open(&job->source, &job->units, making->hooks, err);
        if (status != EM_OK)
            return line_yaml_at(job->yaml, "units", status, err);
    }
    if (status != EM_OK)
        return status;
    const struct line_key key =
        units_key(making, making->y->units->at == NULL ? "" : "at");
    size_t len = em_units_image_size(job->source);
    if (job->nvs_limit != 0 && job->nvs_addr + (uint64_t)len != job->nvs_limit)
        return line_key_fault(
            &key, EM_ERR_FULL, err, "the images have to be as large as their partition",
            "NVS images of 0x%zx bytes, but partition '%s' has 0x%" PRIx64, len,
            job->nvs_place, job->nvs_limit - job->nvs_addr);
    return EM_OK;
}
