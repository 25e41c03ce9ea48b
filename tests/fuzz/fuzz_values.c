/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes tables of values against a config with every type: what the checking pass
 * accepts, the writing pass can write, and the image is right to the last entry.
 *
 * The first byte of an input chooses version, size, header, key and config; the rest is
 * the table. */
#include "config.h"

#include "mfg/maker_int.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_MAX = 8 };

/* Bits of the first byte. */
enum {
    OPT_V1 = 0x01,
    OPT_SIZE = 0x06,   /* which of sizes[] */
    OPT_HEADER = 0x08, /* the table brings its own */
    OPT_KEY = 0x10,
    OPT_WIFI = 0x20,
};

static const size_t sizes[] = {0x1000, 0x3000, 0x4000, 0x10000};

static const char config_all[] =
    "one,namespace,\nu8,data,u8\ni8,data,i8\nu16,data,u16\ni16,data,i16\n"
    "u32,data,u32\ni32,data,i32\nu64,data,u64\ni64,data,i64\nstr,data,string\n"
    "hex,data,hex2bin\nb64,data,base64\nbin,data,binary\nrep,data,string,REPEAT\n"
    "two,namespace,\nu8,data,u8\nfint,file,i32\nfstr,file,string\nfhex,file,hex2bin\n"
    "fb64,file,base64\nfbin,file,binary,REPEAT\n";
static const char header_all[] = "u8,i8,u16,i16,u32,i32,u64,i64,str,hex,b64,bin,rep,u8,"
                                 "fint,fstr,fhex,fb64,fbin\n";
static const char config_wifi[] =
    "net,namespace,\nsta.ssid,data,string\nsta.pswd,file,binary\nap.ssid,data,binary\n"
    "ap.passwd,data,string\nap.authmode,data,u8\n";
static const char header_wifi[] = "sta.ssid,sta.pswd,ap.ssid,ap.passwd,ap.authmode\n";

/* Files that values of type 'file' can name. All other names are those of no file. */
static const struct {
    const char *name, *content;
} prepared[] = {
    {"num", " -1_000\n"}, {"text", "some text\n"},   {"hex", "00fF\n"},
    {"b64", "QUJD\n"},    {"bytes", "\xff\xfe\x80"}, {"empty", ""},
};
enum { PREPARED = sizeof prepared / sizeof prepared[0] };

static char folder[64];
static char paths[PREPARED + 1][96]; /* the last one is not there */

/* As assert(), but there in every build. */
static void require(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "fuzz_values: %s\n", what);
    abort();
}

static void check_message(const struct em_error *msg)
{
    struct em_span what = em_span_of(msg->what);
    require(what.len > 0, "a fault without a message");
    require(em_utf8_valid(what), "a message that is not UTF-8");
    require(memchr(what.p, '\n', what.len) == NULL, "a message of several lines");
}

static void on_log(void *user, enum em_log_level level, const char *device,
                   const struct em_error *msg)
{
    (void)user, (void)level, (void)device;
    check_message(msg);
}

static bool on_fault(void *user, const struct em_error *fault)
{
    unsigned *faults = user;
    check_message(fault);
    require(strcmp(fault->file, "values.csv") == 0 && fault->line > 0, "no place");
    return ++*faults < EM_FAULTS_SHOWN;
}

/* ---- A reader of images that shares nothing with the writer ---- */

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

/* CRC-32, reflected, register started at 0, result complemented. */
static uint32_t crc(const uint8_t *p, size_t len, uint32_t before)
{
    uint32_t reg = ~before;
    for (size_t i = 0; i < len; i++) {
        reg ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            reg = reg >> 1 ^ ((reg & 1) != 0 ? 0xEDB88320u : 0);
    }
    return ~reg;
}

static bool all_ff(const uint8_t *p, size_t len)
{
    size_t i = 0;
    while (i < len && p[i] == 0xFF)
        i++;
    return i == len;
}

/* Check an item; returns the entries it takes. */
static size_t check_item(const uint8_t *entry, size_t left)
{
    uint8_t type = entry[1];
    size_t span = entry[2];
    uint32_t sum = crc(entry, 4, 0xFFFFFFFF);
    require(crc(entry + 8, 24, sum) == le32(entry + 4), "CRC of an entry");
    require(entry[23] == 0, "key without end");
    require(span >= 1 && span <= left, "span");
    if (type != 0x21 && type != 0x41 && type != 0x42) {
        require(span == 1, "span of one entry");
        return 1;
    }
    size_t size = (size_t)entry[24] | (size_t)entry[25] << 8;
    require(span == 1 + (size + 31) / 32, "span and size");
    require(crc(entry + 32, size, 0xFFFFFFFF) == le32(entry + 28), "CRC of data");
    require(all_ff(entry + 32 + size, (span - 1) * 32 - size), "padding");
    return span;
}

/* Returns the number of items: chunks of blobs are none by themselves. */
static unsigned check_page(const uint8_t *page, uint32_t number, bool last,
                           uint8_t version)
{
    unsigned items = 0;
    size_t used = 0;
    require(le32(page) == (last ? 0xFFFFFFFE : 0xFFFFFFFC), "state of a page");
    require(le32(page + 4) == number && page[8] == version, "header");
    require(crc(page + 4, 24, 0xFFFFFFFF) == le32(page + 28), "CRC of a page");
    while (used < 126 && (page[32 + used / 4] >> used % 4 * 2 & 3) == 2)
        used++;
    for (size_t i = used; i < 128; i++)
        require((page[32 + i / 4] >> i % 4 * 2 & 3) == 3, "bitmap");
    require(used > 0 || last, "an empty page");
    for (size_t i = 0; i < used;) {
        const uint8_t *entry = page + 64 + i * 32;
        items += entry[1] != 0x42;
        i += check_item(entry, used - i);
    }
    require(all_ff(page + 64 + used * 32, (126 - used) * 32), "behind the entries");
    return items;
}

static unsigned check_image(struct em_span image, size_t size, bool v1)
{
    unsigned items = 0;
    size_t pages = image.len / 4096;
    require(image.len % 4096 == 0 && image.len > 0, "length");
    require(size < 0x3000 ? image.len <= size : image.len == size, "measured length");
    while (pages > 1 && all_ff(image.p + (pages - 1) * 4096, 4096))
        pages--;
    require(size < 0x3000 || pages < size / 4096, "no page in reserve");
    require(size >= 0x3000 || pages == image.len / 4096, "a page too many");
    for (uint32_t i = 0; i < pages; i++)
        items +=
            check_page(image.p + (size_t)i * 4096, i, i + 1 == pages, v1 ? 0xFF : 0xFE);
    return items;
}

/* ---- One table ---- */

struct table {
    struct em_plan plan;
    struct em_csv *values;
    struct em_csv_row row;
    struct em_files *files;
    size_t size;
    uint8_t options;
    struct em_key key;
};

static struct em_maker *new_maker(const struct table *t)
{
    struct em_maker *maker;
    struct em_error err;
    require(em_maker_new(&maker, &t->plan, t->files, t->size,
                         (t->options & OPT_V1) != 0 ? EM_NVS_V1 : EM_NVS_V2,
                         &err) == EM_OK,
            "memory");
    return maker;
}

/* The intermediate CSV has to read back as what went into it. */
static void check_csv(const struct table *t, struct em_maker *maker)
{
    struct em_span text;
    struct em_csv *csv;
    struct em_csv_row row = {0};
    struct em_error err;
    require(em_maker_csv(maker, &t->row, &text, &err) == EM_OK, "memory");
    require(em_csv_from_memory(&csv, "csv", text.p, text.len, &err) == EM_OK, "memory");
    require(em_csv_next(csv, &row, &err) == EM_OK && row.n_fields == 4, "header");
    for (size_t i = 0; i < t->plan.config.n_items; i++) {
        const struct em_item *item = &t->plan.config.items[i];
        require(em_csv_next(csv, &row, &err) == EM_OK && row.n_fields == 4, "row");
        require(em_span_is(row.fields[0], item->key), "key");
        require(item->is_namespace ||
                    em_span_equal(row.fields[3], em_plan_text(&t->plan, i, &t->row)),
                "a value that is another one in the intermediate CSV");
    }
    require(em_csv_next(csv, &row, &err) == EM_OK && row.n_fields == 0, "rows");
    em_csv_row_free(&row);
    em_csv_free(csv);
}

/* Made in a maker that made other units before, and in a new one: the same image. */
static void check_written(const struct table *t, struct em_maker *maker)
{
    static const struct em_key no_key;
    struct em_span plain;
    struct em_span image;
    struct em_error err;
    struct em_maker *fresh = new_maker(t);
    struct em_nvs_crypt *crypt;
    require(em_maker_image(fresh, &t->row, &no_key, &plain, &err) == EM_OK,
            "an accepted row cannot be written");
    unsigned items = check_image(plain, t->size, (t->options & OPT_V1) != 0);
    require((t->options & OPT_WIFI) != 0 ? items >= t->plan.config.n_items
                                         : items == t->plan.config.n_items,
            "items of the image");
    require(em_maker_image(maker, &t->row, &t->key, &image, &err) == EM_OK,
            "a used maker cannot write the row");
    require(image.len == plain.len, "length in a used maker");
    if (t->key.len > 0) {
        uint8_t *copy = malloc(image.len);
        require(copy != NULL, "memory");
        memcpy(copy, image.p, image.len);
        require(em_nvs_crypt_new(&crypt, &err) == EM_OK &&
                    em_nvs_crypt_key(crypt, &t->key, &err) == EM_OK &&
                    em_nvs_decrypt(crypt, copy, image.len, &err) == EM_OK,
                "decrypt");
        require(memcmp(copy, plain.p, plain.len) == 0,
                "decrypted is not the plain image");
        em_nvs_crypt_free(crypt);
        free(copy);
    } else {
        require(memcmp(image.p, plain.p, plain.len) == 0, "image in a used maker");
    }
    em_maker_free(fresh);
    check_csv(t, maker);
}

/* Names of files stand for those in our folder. */
static void replace_names(struct table *t)
{
    for (size_t i = 0; i < t->plan.config.n_items; i++) {
        if (!t->plan.config.items[i].from_file)
            continue;
        struct em_span *field = &t->row.fields[t->plan.values[i].column];
        size_t k = 0;
        while (k < PREPARED && !em_span_is(*field, prepared[k].name))
            k++;
        if (field->len > 0)
            *field = em_span_of(paths[k]);
    }
}

static void try_rows(struct table *t)
{
    struct em_maker *maker = new_maker(t);
    struct em_error err;
    unsigned faults = 0;
    for (int n = 0; n < ROWS_MAX && faults == 0; n++) {
        enum em_status status = em_csv_next(t->values, &t->row, &err);
        if (status != EM_OK)
            check_message(&err);
        if (status != EM_OK || t->row.n_fields == 0)
            break;
        status = em_plan_check_row(&t->plan, &t->row, &err);
        if (status != EM_OK)
            check_message(&err);
        if (status != EM_OK)
            break;
        replace_names(t);
        if (n == 0)
            require(em_plan_repeat(&t->plan, &t->row, &err) == EM_OK, "memory");
        require(em_maker_check(maker, &t->row, n == 0, on_fault, &faults, &err) == EM_OK,
                "status of the check");
        struct em_span image;
        if (faults == 0)
            check_written(t, maker);
        else
            require(em_maker_image(maker, &t->row, &t->key, &image, &err) != EM_OK,
                    "a refused row can be written");
    }
    em_maker_free(maker);
}

/* Config, header, rows. */
static void try_table(struct table *t, const void *text, size_t len)
{
    const char *config_text = (t->options & OPT_WIFI) != 0 ? config_wifi : config_all;
    const struct em_hooks hooks = {.log = on_log};
    struct em_report report = {.hooks = &hooks};
    struct em_config config;
    struct em_csv *csv;
    struct em_error err;
    require(em_csv_from_memory(&csv, "config.csv", config_text, strlen(config_text),
                               &err) == EM_OK &&
                em_config_read(&config, csv, "config.csv", &report, &err) == EM_OK &&
                report.faults == 0,
            "the config");
    em_csv_free(csv);
    require(em_csv_from_memory(&t->values, "values.csv", text, len, &err) == EM_OK &&
                em_files_new(&t->files, &err) == EM_OK,
            "memory");
    if (em_csv_next(t->values, &t->row, &err) == EM_OK && t->row.n_fields > 0) {
        require(em_plan_make(&t->plan, &config, "values.csv", &t->row, NULL, &report,
                             &err) == EM_OK,
                "memory");
        if (report.faults == 0)
            try_rows(t);
        em_plan_free(&t->plan);
    }
    em_config_free(&config);
    em_csv_row_free(&t->row);
    em_csv_free(t->values);
    em_files_free(t->files);
}

static void remove_files(void)
{
    for (int i = 0; i < PREPARED; i++)
        (void)unlink(paths[i]); /* a folder that stays in memory is no harm */
    (void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(folder, sizeof folder, "%s/fuzz_values.XXXXXX", base);
    require(mkdtemp(folder) != NULL, "cannot make a folder");
    for (int i = 0; i <= PREPARED; i++)
        (void)snprintf(paths[i], sizeof paths[i], "%s/%s", folder,
                       i < PREPARED ? prepared[i].name : "absent");
    for (int i = 0; i < PREPARED; i++) {
        size_t len = strlen(prepared[i].content);
        int fd = open(paths[i], O_WRONLY | O_CREAT | O_EXCL, 0600);
        require(fd >= 0 && write(fd, prepared[i].content, len) == (ssize_t)len &&
                    close(fd) == 0,
                "cannot write");
    }
    require(atexit(remove_files) == 0, "atexit");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct table t = {.options = data[0], .size = sizes[(data[0] & OPT_SIZE) >> 1]};
    const char *header = (t.options & OPT_HEADER) != 0 ? ""
                         : (t.options & OPT_WIFI) != 0 ? header_wifi
                                                       : header_all;
    for (size_t i = 0; (t.options & OPT_KEY) != 0 && i < EM_NVS_XTS_KEY_LEN; i++)
        t.key.bytes[t.key.len++] = (uint8_t)(i * 7 + 1);
    size_t head = strlen(header);
    char *text = malloc(head + size);
    require(text != NULL, "memory");
    memcpy(text, header, head);
    memcpy(text + head, data + 1, size - 1);
    try_table(&t, text, head + size - 1);
    free(text);
    return 0;
}
