/* SPDX-License-Identifier: Apache-2.0 */
/* Images of ELF files against what esptool made of them: tests/data/image/elf2image.txt.
 */
#include "config.h"

#include "base/file_int.h"
#include "flasher/image/hex_int.h"
#include "flasher/image/image_int.h"

#include "tests/em_test.h"
#include "tests/make_elf.h"

#include <openssl/sha.h>

enum { WORDS_MAX = 16 };

/* The option of elf2image at words[*i]; *i goes on to its value. */
static void take_option(struct em_image_options *o, char **words, size_t *i)
{
    const char *name = words[*i];
    if (strcmp(name, "--use-segments") == 0) {
        o->use_segments = true;
    } else if (strcmp(name, "--dont-append-digest") == 0) {
        o->no_digest = true;
    } else if (strcmp(name, "--ram-only-header") == 0) {
        o->ram_only_header = true;
    } else if (strcmp(name, "--secure-pad") == 0) {
        o->secure_pad = true;
    } else if (strcmp(name, "--secure-pad-v2") == 0) {
        o->secure_pad_v2 = true;
    } else {
        const char *value = words[++*i];
        unsigned long number = strtoul(value, NULL, 0);
        if (strcmp(name, "-e") == 0)
            o->version = (uint32_t)number;
        else if (strcmp(name, "-fm") == 0)
            o->flash_mode = value;
        else if (strcmp(name, "-ff") == 0)
            o->flash_freq = value;
        else if (strcmp(name, "-fs") == 0)
            o->flash_size = value;
        else if (strcmp(name, "--min-rev") == 0)
            o->min_revision_old = (uint8_t)number;
        else if (strcmp(name, "--min-rev-full") == 0)
            o->min_revision = (uint16_t)number;
        else if (strcmp(name, "--max-rev-full") == 0)
            o->max_revision = (uint16_t)number;
        else if (strcmp(name, "--flash-mmu-page-size") == 0)
            o->mmu_page_size = (uint32_t)number << 10;
        else if (strcmp(name, "--pad-to-size") == 0)
            o->pad_to_size = number << (strstr(value, "MB") != NULL ? 20 : 10);
        else if (strcmp(name, "--elf-sha256-offset") == 0) {
            o->has_elf_digest = true;
            o->elf_digest_off = (uint32_t)number;
        } else {
            CU_FAIL_FATAL("an option that is not known");
        }
    }
}

/* "NAME=LENGTH=SHA256,…" of the files that were made; "-": none. */
static void describe(char *out, size_t size, const struct em_image_files *files)
{
    size_t used = 0;
    (void)snprintf(out, size, "-");
    for (size_t i = 0; i < files->count; i++) {
        uint8_t digest[SHA256_DIGEST_LENGTH];
        SHA256(files->files[i].data, files->files[i].len, digest);
        used += (size_t)snprintf(out + used, size - used, "%s%zu=", i > 0 ? "," : "",
                                 files->files[i].len);
        for (size_t k = 0; k < sizeof digest; k++)
            used += (size_t)snprintf(out + used, size - used, "%02x", digest[k]);
    }
}

/* Take the names out of what was recorded. */
static void drop_names(char *files)
{
    char *to = files;
    for (char *at = files; *at != '\0';) {
        char *equals = strchr(at, '=');
        at = equals != NULL ? equals + 1 : at;
        while (*at != '\0' && *at != ',')
            *to++ = *at++;
        if (*at == ',')
            *to++ = *at++;
    }
    *to = '\0';
}

/* Of these esptool makes files that no chip could run, or that lack what was asked for.
 */
static bool is_refused_here(char **words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], "overlap") == 0 || strcmp(words[i], "outside") == 0 ||
            strcmp(words[i], "none") == 0 || strcmp(words[i], "0x90000") == 0)
            return true;
    }
    return false;
}

static bool check_case(char **words, size_t count, const char *shown)
{
    static uint8_t elf[ELF_ROOM];
    char found[400];
    struct em_image_files files;
    struct em_error err = {.what = ""};
    struct em_image_options options = EM_IMAGE_OPTIONS_INIT;
    options.chip = words[2];
    for (size_t i = 4; i < count; i++)
        take_option(&options, words, &i);
    size_t len = make_elf(elf, words[2], words[3]);
    CU_ASSERT_NOT_EQUAL_FATAL(len, 0);
    enum em_status status = em_image_from_elf(&files, elf, len, &options, &err);
    describe(found, sizeof found, &files);
    em_image_files_free(&files);
    bool refused = words[0][0] != '0' || is_refused_here(words + 3, count - 3);
    drop_names(words[1]);
    bool good = refused ? status == EM_ERR_INPUT || status == EM_ERR_USAGE
                        : status == EM_OK && strcmp(found, words[1]) == 0;
    if (!good)
        (void)fprintf(stderr, "%s\n    found %d %s %s\n", shown, (int)status, found,
                      err.what);
    return good;
}

/* ---- Merged files ---- */

enum { PIECES_MAX = 8 };

/* What is merged in one case. */
struct inputs {
    struct em_buf contents[PIECES_MAX];
    size_t content_count;
    struct em_image_input pieces[PIECES_MAX];
    size_t count;
};

static const char *data_path(char out[512], const char *name)
{
    const char *top = getenv("top_srcdir");
    (void)snprintf(out, 512, "%s/tests/data/image/%s", top != NULL ? top : ".", name);
    return out;
}

static void add_input(struct inputs *in, uint32_t addr, const char *name)
{
    static uint8_t bytes[ELF_ROOM];
    char path[512];
    struct em_error err;
    struct em_image_hex hex;
    struct em_buf *content = &in->contents[in->content_count++];
    if (strncmp(name, "bytes", 5) == 0)
        em_buf_append(content, bytes, make_bytes(bytes, strtoul(name + 5, NULL, 10)));
    else
        EM_CHECK_STATUS(em_file_read(content, data_path(path, name), 1 << 20, &err),
                        EM_OK, &err);
    if (!em_image_hex_looks(content->data, content->len)) {
        in->pieces[in->count++] =
            (struct em_image_input){addr, content->data, content->len};
        return;
    }
    EM_CHECK_STATUS(em_image_hex_parse(&hex, content->data, content->len, name, &err),
                    EM_OK, &err);
    em_buf_free(content);
    *content = hex.bytes;
    hex.bytes = (struct em_buf){0};
    for (size_t i = 0; i < hex.count; i++)
        in->pieces[in->count++] = (struct em_image_input){
            hex.pieces[i].addr, content->data + hex.pieces[i].off, hex.pieces[i].len};
    em_image_hex_free(&hex);
}

static void take_merge_option(struct em_image_merge *m, char **words, size_t *i)
{
    const char *name = words[*i];
    if (strcmp(name, "--md5-disable") == 0) {
        m->no_md5 = true;
        return;
    }
    const char *value = words[++*i];
    unsigned long number = strtoul(value, NULL, 0);
    if (strcmp(name, "-f") == 0)
        m->format = strcmp(value, "hex") == 0   ? EM_IMAGE_HEX
                    : strcmp(value, "uf2") == 0 ? EM_IMAGE_UF2
                                                : EM_IMAGE_RAW;
    else if (strcmp(name, "-t") == 0)
        m->target_offset = number;
    else if (strcmp(name, "-fm") == 0)
        m->flash_mode = value;
    else if (strcmp(name, "-ff") == 0)
        m->flash_freq = value;
    else if (strcmp(name, "-fs") == 0)
        m->flash_size = value;
    else if (strcmp(name, "--chunk-size") == 0)
        m->chunk_size = (uint32_t)number;
    else if (strcmp(name, "--pad-to-size") == 0)
        m->pad_to_size = number << (strstr(value, "MB") != NULL ? 20 : 10);
    else
        CU_FAIL_FATAL("an option that is not known");
}

static bool check_merge(char **words, size_t count, const char *shown)
{
    char found[200];
    struct inputs in = {.count = 0};
    struct em_image_files file = {.count = 1};
    struct em_image_merge options = {.chip = words[2]};
    struct em_error err = {.what = ""};
    size_t i = 3;
    for (; i < count && words[i][0] == '-'; i++)
        take_merge_option(&options, words, &i);
    for (; i + 1 < count; i += 2)
        add_input(&in, (uint32_t)strtoul(words[i], NULL, 0), words[i + 1]);
    enum em_status status =
        i < count ? EM_ERR_USAGE /* an address without a file: the command line's job */
                  : em_image_merge(&file.files[0].data, &file.files[0].len, in.pieces,
                                   in.count, &options, &err);
    if (status != EM_OK)
        file.count = 0;
    describe(found, sizeof found, &file);
    em_image_files_free(&file);
    for (size_t k = 0; k < in.content_count; k++)
        em_buf_free(&in.contents[k]);
    bool good = words[0][0] != '0' ? status == EM_ERR_USAGE
                                   : status == EM_OK && strcmp(found, words[1]) == 0;
    if (!good)
        (void)fprintf(stderr, "%s\n    found %d %s %s\n", shown, (int)status, found,
                      err.what);
    return good;
}

/* ---- Lists of cases ---- */

static void run_cases(const char *name, size_t least,
                      bool (*check)(char **words, size_t count, const char *shown))
{
    struct em_buf text = {0};
    struct em_error err;
    char path[512];
    size_t cases = 0, bad = 0;
    EM_CHECK_STATUS(em_file_read(&text, data_path(path, name), 1 << 20, &err), EM_OK,
                    &err);
    em_buf_append_byte(&text, 0);
    CU_ASSERT_FALSE_FATAL(text.failed);
    char *rest = NULL;
    for (char *line = strtok_r((char *)text.data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *words[WORDS_MAX], *more = NULL;
        char shown[256];
        size_t count = 0;
        (void)snprintf(shown, sizeof shown, "%s", line);
        for (char *w = strtok_r(line, " ", &more); w != NULL && count < WORDS_MAX;
             w = strtok_r(NULL, " ", &more))
            words[count++] = w;
        CU_ASSERT_TRUE_FATAL(count >= 4);
        cases++;
        bad += !check(words, count, shown);
    }
    CU_ASSERT_EQUAL(bad, 0);
    CU_ASSERT_TRUE(cases >= least);
    em_buf_free(&text);
}

static void elf_files(void)
{
    run_cases("elf2image.txt", 1290, check_case);
}

static void merged_files(void)
{
    run_cases("merge.txt", 350, check_merge);
}

static const struct em_test tests[] = {
    {"ELF files against esptool", elf_files},
    {"merged files against esptool", merged_files},
};

EM_TEST_MAIN("flasher/image/golden", tests)
