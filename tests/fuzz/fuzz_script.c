/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes scripts and their config files: whatever they do, they end within their limits,
 * with a fault on one line or none, and what a faulty one staged cannot be burned. */
#include "config.h"

#include "flasher/efuse/script_int.h"

#include "base/error_int.h"
#include "base/text_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* As assert(), but there in every build. */
static void require(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "fuzz_script: %s\n", what);
    abort();
}

static char path[64];

/* "bit N" stages one. */
static enum em_status on_command(void *user, size_t count, char **words,
                                 struct em_error *err)
{
    for (size_t i = 0; i < count; i++)
        require(words[i] != NULL, "word");
    require(words[count] == NULL, "end of words");
    if (count != 2 || strcmp(words[0], "bit") != 0)
        return em_error_set(err, EM_ERR_USAGE, NULL, "no command");
    unsigned bit = (unsigned)strtoul(words[1], NULL, 10);
    return em_efuses_stage_bits(user, "BLOCK3", &bit, 1, err);
}

static void on_print(void *user, const char *line)
{
    (void)user;
    require(em_utf8_valid(em_span_of(line)), "print");
    for (; *line != '\0'; line++)
        require((unsigned char)*line >= ' ' || *line == '\t' || *line == '\n', "control");
}

static void check(struct em_efuses *e, enum em_status status, const struct em_error *err)
{
    struct em_error ignored;
    enum em_efuses_result result;
    require(status == EM_OK || status == EM_ERR_INPUT || status == EM_ERR_USAGE ||
                status == EM_ERR_IO || status == EM_ERR_REFUSED,
            "status");
    if (status == EM_OK)
        return;
    require(err->status == status && err->what[0] != '\0' && err->file[0] != '\0',
            "message");
    require(strchr(err->what, '\n') == NULL && em_utf8_valid(em_span_of(err->what)),
            "text of the message");
    require(em_efuses_burn(e, NULL, NULL, &result, &ignored) != EM_OK, "burn");
}

static void run(const uint8_t *text, size_t len, const char *config)
{
    struct em_efuses *e;
    struct em_error err = {.what = ""};
    static const struct em_efuses_script_value unit = {"SERIAL", "A1"};
    require(em_efuses_open_virtual(&e, "esp32c3", NULL, NULL, &err) == EM_OK, "open");
    struct em_efuses_script script = EM_EFUSES_SCRIPT_INIT;
    script.command = on_command;
    script.print = on_print;
    script.user = e;
    script.max_memory = 1 << 20;
    script.max_steps = 20000;
    script.max_cpu_ms = 500;
    script.has_index = true;
    script.index = 3;
    script.values = &unit;
    script.value_count = 1;
    script.config_files = &config;
    script.config_count = config == NULL ? 0 : 1;
    int64_t before = em_script_cpu_ns();
    check(e, em_script_run_text(e, "fuzz.lua", text, len, &script, &err), &err);
    /* Far above the limit: sanitizers are slow, and so is one long call. */
    require(em_script_cpu_ns() - before < 20000000000LL, "time");
    em_efuses_close(e);
}

static void run_config(const uint8_t *data, size_t size)
{
    static const char walk[] =
        "local function walk(t) if type(t) ~= 'table' then return end "
        "for k, v in pairs(t) do walk(v) end end walk(args.configfiles[1])";
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0, "write");
    run((const uint8_t *)walk, sizeof walk - 1, path);
}

static void remove_file(void)
{
    (void)unlink(path); /* a file that stays in memory is no harm */
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(path, sizeof path, "%s/fuzz_script.XXXXXX", base);
    int fd = mkstemp(path);
    require(fd >= 0 && close(fd) == 0 && atexit(remove_file) == 0, "file");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && (data[0] == '{' || data[0] == '['))
        run_config(data, size);
    else
        run(data, size, NULL);
    return 0;
}
