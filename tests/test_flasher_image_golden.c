/* SPDX-License-Identifier: Apache-2.0 */
/* Images of ELF files against what esptool made of them: tests/data/image/elf2image.txt.
 */
#include "config.h"

#include "base/file_int.h"
#include "base/hex_int.h"
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
            strcmp(words[i], "0x90000") == 0)
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

static void against_esptool(void)
{
    struct em_buf text = {0};
    struct em_error err;
    char path[512];
    const char *top = getenv("top_srcdir");
    size_t cases = 0, bad = 0;
    (void)snprintf(path, sizeof path, "%s/tests/data/image/elf2image.txt",
                   top != NULL ? top : ".");
    EM_CHECK_STATUS(em_file_read(&text, path, 1 << 20, &err), EM_OK, &err);
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
        bad += !check_case(words, count, shown);
    }
    CU_ASSERT_EQUAL(bad, 0);
    CU_ASSERT_TRUE(cases > 1000);
    (void)printf("%zu cases, %zu bad ", cases, bad);
    em_buf_free(&text);
}

static const struct em_test tests[] = {
    {"ELF files against esptool", against_esptool},
};

EM_TEST_MAIN("flasher/image/golden", tests)
