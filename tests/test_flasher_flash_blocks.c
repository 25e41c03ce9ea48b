/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of writing block by block, of files as pieces, and of what hooks are told. */
#include "config.h"

#include "tests/em_test.h"
#include "tests/test_flasher_flash_sim.h"

#include <espmfg/file.h>
#include <espmfg/version.h>

#include <libdeflate.h>

enum { LEN = 40 * 1024 + 77, ADDR = 0x20000 };

static uint8_t data[LEN];

static void fill(void)
{
    em_t_text(data, LEN, 3);
}

/* Send all of @p bytes as em_flash_begin() wants them. */
static enum em_status send_all(struct em_device *dev,
                               const struct em_flash_stream *stream, const uint8_t *bytes,
                               size_t len, struct em_error *err)
{
    size_t block;
    enum em_status status = em_flash_begin(dev, stream, &block, err);
    for (size_t at = 0; at < len && status == EM_OK; at += block)
        status =
            em_flash_block(dev, bytes + at, len - at < block ? len - at : block, err);
    return status == EM_OK ? em_flash_end(dev, false, err) : status;
}

static void check_written(struct em_t_chip *chip)
{
    uint8_t md5[16], found[16];
    uint8_t *back = malloc(LEN);
    struct em_error err = {0};
    size_t size;
    EM_CHECK_BYTES(em_sim_flash(chip->sim, &size) + ADDR, data, LEN);
    CU_ASSERT_PTR_NOT_NULL_FATAL(back);
    if (em_flash_is_full(chip->dev)) {
        EM_CHECK_STATUS(em_flash_md5(md5, data, LEN, &err), EM_OK, &err);
        EM_CHECK_STATUS(em_flash_digest(chip->dev, NULL, ADDR, LEN, found, &err), EM_OK,
                        &err);
        EM_CHECK_BYTES(found, md5, 16);
        EM_CHECK_STATUS(em_flash_read_into(chip->dev, NULL, ADDR, LEN, back, &err), EM_OK,
                        &err);
        EM_CHECK_BYTES(back, data, LEN);
    }
    free(back);
}

static void write_blocks(const char *name, bool stub, bool packed)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = name};
    struct em_flash_stream stream = {.addr = ADDR, .len = LEN};
    static uint8_t zlib[LEN];
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(9);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    size_t len = libdeflate_zlib_compress(c, data, LEN, zlib, sizeof zlib);
    libdeflate_free_compressor(c);
    EM_CHECK_STATUS(em_t_open(&chip, &sim, stub, &err), EM_OK, &err);
    if (chip.dev != NULL) {
        if (packed)
            stream.compressed_len = (uint32_t)len;
        bool possible = !packed || em_flash_is_full(chip.dev);
        EM_CHECK_STATUS(
            send_all(chip.dev, &stream, packed ? zlib : data, packed ? len : LEN, &err),
            possible ? EM_OK : EM_ERR_UNSUPPORTED, &err);
        if (possible)
            check_written(&chip);
    }
    em_t_close(&chip);
}

static void all_chips(void)
{
    fill();
    for (size_t i = 0; i < EM_T_CHIPS; i++) {
        for (int way = 0; way < 4; way++)
            write_blocks(em_t_chips[i], (way & 1) != 0, (way & 2) != 0);
    }
}

/* Each call at the wrong moment, or with the wrong length. */
static void wrong_use(void)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = "esp32c3"};
    struct em_flash_stream stream = {.addr = 0x1000, .len = 3000};
    size_t block;
    EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(chip.dev);
    EM_CHECK_STATUS(em_flash_block(chip.dev, data, 1024, &err), EM_ERR_USAGE, &err);
    EM_CHECK_STATUS(em_flash_end(chip.dev, false, &err), EM_ERR_USAGE, &err);
    EM_CHECK_STATUS(em_flash_begin(chip.dev, &stream, &block, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(block, 1024);
    EM_CHECK_STATUS(em_flash_block(chip.dev, data, 1023, &err), EM_ERR_USAGE, &err);
    EM_CHECK_STATUS(em_flash_block(chip.dev, data, 1024, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_end(chip.dev, false, &err), EM_ERR_USAGE, &err);
    EM_CHECK_HAS(err.what, "1976 bytes are missing");
    EM_CHECK_STATUS(em_flash_block(chip.dev, data, 1024, &err), EM_ERR_USAGE, &err);
    stream.addr = 0x1001;
    EM_CHECK_STATUS(em_flash_begin(chip.dev, &stream, &block, &err), EM_ERR_USAGE, &err);
    stream.addr = 0x3FF000; /* of 4 MiB */
    stream.len = 4097;
    EM_CHECK_STATUS(em_flash_begin(chip.dev, &stream, &block, &err), EM_ERR_FULL, &err);
    em_t_close(&chip);
}

static void locked(void)
{
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = "esp32c3", .flash_encryption = true};
    struct em_flash_stream stream = {.addr = 0x1000, .len = 16};
    EM_CHECK_STATUS(em_t_open(&chip, &sim, false, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(chip.dev);
    EM_CHECK_STATUS(send_all(chip.dev, &stream, data, 16, &err), EM_ERR_REFUSED, &err);
    stream.force = true;
    EM_CHECK_STATUS(send_all(chip.dev, &stream, data, 16, &err), EM_OK, &err);
    em_t_close(&chip);
}

/* ---- Files ---- */

static void files(void)
{
    /* Two rows of bytes, at 0x10000 and 0x20000 (Intel's Hexadecimal Object File Format).
     */
    static const char hex[] = ":020000040001F9\n:0400000001020304F2\n"
                              ":020000040002F8\n:02000000AABB99\n:00000001FF\n";
    static const char bin[] = "plain bytes";
    char path[] = "/tmp/em_blocks.XXXXXX";
    struct em_flash_file *file = NULL;
    struct em_error err = {0};
    uint8_t *bytes;
    size_t len, count;
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(close(fd), 0);
    EM_CHECK_STATUS(em_file_save(path, bin, sizeof bin, 0600, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_file_load(&bytes, &len, path, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(len, sizeof bin);
    EM_CHECK_BYTES(bytes, bin, sizeof bin);
    free(bytes);
    EM_CHECK_STATUS(em_flash_file_load(&file, path, 0x8000, &err), EM_OK, &err);
    const struct em_flash_piece *pieces = em_flash_file_pieces(file, &count);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(pieces[0].addr, 0x8000);
    CU_ASSERT_EQUAL(pieces[0].len, sizeof bin);
    em_flash_file_free(file);

    EM_CHECK_STATUS(em_file_save(path, hex, sizeof hex - 1, 0600, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_file_load(&file, path, 0x8000, &err), EM_OK, &err);
    pieces = em_flash_file_pieces(file, &count);
    CU_ASSERT_EQUAL_FATAL(count, 2);
    CU_ASSERT_EQUAL(pieces[0].addr, 0x10000);
    CU_ASSERT_EQUAL(pieces[0].len, 4);
    CU_ASSERT_EQUAL(pieces[1].addr, 0x20000);
    EM_CHECK_BYTES(pieces[1].data, "\xAA\xBB", 2);
    em_flash_file_free(file);

    EM_CHECK_STATUS(em_file_save(path, ":0400000001020304F3\n", 20, 0600, &err), EM_OK,
                    &err);
    EM_CHECK_STATUS(em_flash_file_load(&file, path, 0, &err), EM_ERR_INPUT, &err);
    CU_ASSERT_PTR_NULL(file);
    CU_ASSERT_EQUAL(unlink(path), 0);
    EM_CHECK_STATUS(em_flash_file_load(&file, path, 0, &err), EM_ERR_IO, &err);
    EM_CHECK_STATUS(em_file_save("/tmp/", "x", 1, 0600, &err), EM_ERR_USAGE, &err);
    EM_CHECK_STATUS(em_file_save("/nowhere/at/all", "x", 1, 0600, &err), EM_ERR_IO, &err);
    em_flash_file_free(NULL);
}

static void read_to_file(void)
{
    char path[] = "/tmp/em_blocks.XXXXXX";
    struct em_t_chip chip;
    struct em_error err = {0};
    struct em_sim_options sim = {.chip = "esp32", .flash_size = 256 * 1024};
    uint8_t *bytes = NULL;
    size_t len = 0;
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(close(fd), 0);
    EM_CHECK_STATUS(em_t_open(&chip, &sim, true, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(chip.dev);
    const struct em_flash_stream stream = {.addr = ADDR, .len = LEN};
    EM_CHECK_STATUS(send_all(chip.dev, &stream, data, LEN, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_flash_read_file(chip.dev, NULL, 0x10000, EM_FLASH_ALL, path, &err),
                    EM_OK, &err);
    em_t_close(&chip);
    EM_CHECK_STATUS(em_file_load(&bytes, &len, path, &err), EM_OK, &err);
    CU_ASSERT_EQUAL_FATAL(len, 0x30000);
    EM_CHECK_BYTES(bytes + ADDR - 0x10000, data, LEN);
    free(bytes);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

/* ---- Hooks ---- */

struct told {
    char stages[512]; /* "+name " where one begins, "-name=status " where it ends */
    unsigned levels[EM_LOG_TRACE + 1];
    bool stop;
};

static void on_stage(void *user, const struct em_stage *stage)
{
    struct told *told = user;
    size_t len = strlen(told->stages);
    CU_ASSERT_STRING_EQUAL(stage->device, "sim:esp32c3?seed=5");
    (void)snprintf(told->stages + len, sizeof told->stages - len, "%c%s",
                   "+-"[stage->ends], stage -> name);
    len = strlen(told->stages);
    (void)snprintf(told->stages + len, sizeof told->stages - len, "%s%s ",
                   stage->ends ? "=" : "",
                   stage->ends ? em_status_name(stage->status) : "");
}

static void on_log(void *user, enum em_log_level level, const char *device,
                   const struct em_error *msg)
{
    struct told *told = user;
    (void)device;
    (void)msg;
    told->levels[level]++;
}

static int on_progress(void *user, const struct em_progress *progress)
{
    const struct told *told = user;
    return told->stop && progress->done > 0;
}

static void stages(void)
{
    struct told told = {0};
    struct em_device *dev;
    struct em_error err = {0};
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    const struct em_flash_piece piece = {.addr = ADDR, .data = data, .len = LEN};
    const struct em_flash_write write = {.pieces = &piece, .count = 1, .erase_all = true};
    const struct em_flash_piece bad = {.addr = UINT32_MAX, .data = data, .len = 3};
    bool equal;
    options.hooks = (struct em_hooks){
        .log = on_log, .progress = on_progress, .user = &told, .stage = on_stage};
    EM_CHECK_STATUS(em_device_open(&dev, "sim:esp32c3?seed=5", &options, &err), EM_OK,
                    &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dev);
    CU_ASSERT_STRING_EQUAL(em_device_port(dev), "sim:esp32c3?seed=5");
    CU_ASSERT_STRING_EQUAL(told.stages, "+connecting -connecting=ok ");
    told.stages[0] = '\0';
    EM_CHECK_STATUS(em_flash_write(dev, &write, NULL, &err), EM_OK, &err);
    CU_ASSERT_STRING_EQUAL(told.stages, "+writing +erasing -erasing=ok -writing=ok ");
    told.stages[0] = '\0';
    EM_CHECK_STATUS(em_flash_verify(dev, NULL, &bad, 1, &equal, NULL, NULL, &err),
                    EM_ERR_FULL, &err);
    CU_ASSERT_STRING_EQUAL(told.stages, "+verifying -verifying=full ");
    told.stages[0] = '\0';
    told.stop = true;
    EM_CHECK_STATUS(em_flash_read_into(dev, NULL, 0, 16384, data, &err), EM_ERR_STOPPED,
                    &err);
    CU_ASSERT_STRING_EQUAL(told.stages, "+reading -reading=stopped ");
    em_device_close(dev);
    fill();
}

/* What is chattier than asked for is not told. */
static void levels(void)
{
    static const struct {
        unsigned levels, warnings, notes;
    } rows[] = {
        {0, 1, 1}, {EM_LOG_NOTE + 1, 1, 1}, {EM_LOG_NOTE, 1, 0}, {EM_LOG_WARNING, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct told told = {0};
        struct em_device *dev;
        struct em_error err = {0};
        struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
        /* A warning: it is empty. A note: what stands before it is erased. */
        const struct em_flash_piece pieces[] = {
            {.addr = 0x1000}, {.addr = ADDR + 8, .data = data, .len = 16}};
        const struct em_flash_write write = {.pieces = pieces, .count = 2};
        options.hooks =
            (struct em_hooks){.log = on_log, .user = &told, .log_levels = rows[i].levels};
        EM_CHECK_STATUS(em_device_open(&dev, "sim:esp32c3", &options, &err), EM_OK, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(dev);
        EM_CHECK_STATUS(em_flash_write(dev, &write, NULL, &err), EM_OK, &err);
        em_device_close(dev);
        CU_ASSERT_EQUAL(told.levels[EM_LOG_WARNING] > 0, rows[i].warnings > 0);
        CU_ASSERT_EQUAL(told.levels[EM_LOG_NOTE] > 0, rows[i].notes > 0);
        CU_ASSERT_EQUAL(told.levels[EM_LOG_ERROR], 0);
    }
}

/* ---- The rest of the interface ---- */

static void stub_later(void)
{
    char path[32];
    struct em_device *dev;
    struct em_error err = {0};
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    struct em_flash_id id;
    const struct em_flash_stream stream = {.addr = ADDR, .len = LEN};
    const struct em_device_info *info;
    CU_ASSERT_FATAL(em_t_stub_file(path));
    EM_CHECK_STATUS(em_device_open(&dev, "sim:esp32c3", &options, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dev);
    EM_CHECK_STATUS(em_flash_identify(dev, NULL, &id, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_device_start_stub(dev, "/nowhere", &err), EM_ERR_IO, &err);
    EM_CHECK_STATUS(em_device_start_stub(dev, path, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_device_start_stub(dev, path, &err), EM_OK, &err); /* stays */
    EM_CHECK_STATUS(em_device_info(dev, &info, &err), EM_OK, &err);
    CU_ASSERT_TRUE(info->stub);
    EM_CHECK_STATUS(send_all(dev, &stream, data, LEN, &err), EM_OK, &err);
    em_device_close(dev);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

static void ids(void)
{
    struct em_device *dev;
    struct em_error err = {0};
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    uint32_t id;
    const struct em_port_filter filter = {(const char *const[]){"name=no such port"}, 1};
    EM_CHECK_STATUS(
        em_device_open(&dev, "sim:esp8266?mac=60:01:94:12:34:56", &options, &err), EM_OK,
        &err);
    EM_CHECK_STATUS(em_device_chip_id(dev, &id, &err), EM_OK, &err);
    CU_ASSERT_EQUAL(id, 0x123456);
    em_device_close(dev);
    EM_CHECK_STATUS(em_device_open(&dev, "sim:esp32", &options, &err), EM_OK, &err);
    EM_CHECK_STATUS(em_device_chip_id(dev, &id, &err), EM_ERR_UNSUPPORTED, &err);
    em_device_close(dev);
    EM_CHECK_STATUS(em_device_find(&dev, &filter, &options, &err), EM_ERR_PORT, &err);
    CU_ASSERT_PTR_NULL(dev);
    CU_ASSERT_STRING_EQUAL(em_version(), PACKAGE_VERSION);
}

static const struct em_test tests[] = {
    {"blocks on all chips", all_chips},  {"wrong use of blocks", wrong_use},
    {"blocks to a locked chip", locked}, {"files as pieces", files},
    {"flash into a file", read_to_file}, {"stages begin and end", stages},
    {"levels of messages", levels},      {"a stub later", stub_later},
    {"chip id, search, version", ids},
};

EM_TEST_MAIN("flasher/flash/blocks", tests)
