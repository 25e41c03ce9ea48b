/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated flash: NOR rules, erase extents, writing plain and compressed, SPI. */
#include "config.h"

#include "tests/test_flasher_sim_util.h"

#include <unistd.h>
#include <zlib.h>

static void fill(struct bench *b, uint32_t addr, uint32_t len, uint8_t value)
{
    uint8_t block[0x400];
    memset(block, value, sizeof block);
    CU_ASSERT_EQUAL(BENCH(b, EM_OP_FLASH_BEGIN, 0, len, len / 0x400, 0x400, addr, 0), 0);
    for (uint32_t i = 0; i < len / 0x400; i++)
        CU_ASSERT_EQUAL(bench_block(b, EM_OP_FLASH_DATA, block, sizeof block, i, 0), 0);
}

/* Which sectors does BEGIN erase? Everything is 0 before. */
static void test_erase_extent(void)
{
    static const struct {
        uint32_t offset, size, first, last; /* sectors, last one included */
    } rows[] = {
        {0x4000, 0x1000, 4, 4}, {0x4000, 0x1001, 4, 5}, {0x4000, 1, 4, 4},
        {0x4FFF, 1, 4, 4},      {0x4FFF, 2, 4, 5},      {0x4000, 0x4000, 4, 7},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench b;
        size_t size;
        bench_open(&b, "esp32c3");
        bench_attach(&b, 4 << 20);
        fill(&b, 0x2000, 0x8000, 0);
        CU_ASSERT_EQUAL(
            BENCH(&b, EM_OP_FLASH_BEGIN, 0, rows[i].size, 1, 0x400, rows[i].offset, 0),
            0);
        const uint8_t *flash = em_sim_flash(b.sim, &size);
        for (uint32_t s = 2; s < 10; s++) {
            uint8_t wanted = s >= rows[i].first && s <= rows[i].last ? 0xFF : 0;
            CU_ASSERT_EQUAL(flash[s * 4096], wanted);
            CU_ASSERT_EQUAL(flash[s * 4096 + 4095], wanted);
        }
        bench_close(&b);
    }
}

/* The ESP8266's ROM erases too much: worked out from rom-protocol.md 6.6. Asking for n
 * sectors from sector 0 on erases 2n up to 16 of them, n + 16 above. */
static void test_erase_fault(void)
{
    static const struct {
        uint32_t offset, size, erased;
    } rows[] = {{0, 0x1000, 2}, {0, 0x8000, 16}, {0, 0x14000, 36}, {0xE000, 0x3000, 5}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench b;
        struct em_sim_stats stats;
        bench_open(&b, "esp8266");
        CU_ASSERT_EQUAL(
            BENCH(&b, EM_OP_FLASH_BEGIN, 0, rows[i].size, 1, 0x400, rows[i].offset), 0);
        em_sim_stats(b.sim, &stats);
        CU_ASSERT_EQUAL(stats.erased_sectors, rows[i].erased);
        bench_close(&b);
    }
}

static void test_nor_rules(void)
{
    struct bench b;
    size_t size;
    bench_open(&b, "esp32c3");
    bench_attach(&b, 4 << 20);
    fill(&b, 0, 0x1000, 0x5A);
    /* BEGIN at the next sector, so that nothing is erased here; then by the pins. */
    bench_write(&b, 0x60002018, 0x80000000);
    bench_write(&b, 0x60002020, 0x70000006);
    bench_write(&b, 0x60002000, 1 << 18);
    bench_write(&b, 0x60002024, 15);         /* 16 bits out */
    bench_write(&b, 0x6000201C, 0x5C000000); /* address of 24 bits */
    bench_write(&b, 0x60002018, 0xC8000000); /* command, address, data out */
    bench_write(&b, 0x60002020, 0x70000002);
    bench_write(&b, 0x60002004, 0x10);
    bench_write(&b, 0x60002058, 0xF00F);
    bench_write(&b, 0x60002000, 1 << 18);
    const uint8_t *flash = em_sim_flash(b.sim, &size);
    CU_ASSERT_EQUAL(flash[0x10], 0x0A);
    CU_ASSERT_EQUAL(flash[0x11], 0x50);
    CU_ASSERT_EQUAL(flash[0x12], 0x5A);
    /* Write enable is used up. */
    bench_write(&b, 0x60002000, 1 << 18);
    CU_ASSERT_EQUAL(flash[0x10], 0x0A);
    bench_close(&b);
}

/* What is refused, and that nothing changes by it. */
static void test_refused(void)
{
    struct bench b;
    uint8_t block[0x400] = {0};
    bench_open(&b, "esp32");
    /* Not attached. */
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x400, 1, 0x400, 0), 0x0101);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_FLASH_SLOW, 64, 0, 64), 0x0109);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_SPI_ATTACH, 0, 0, 0), 0);
    /* Two MiB until told, and five words are one too many here. */
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x1000, 4, 0x400, 0x1FF000), 0);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x1000, 4, 0x400, 0x200000), 0x0101);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x1000, 4, 0x400, 0, 0), 0x0105);
    bench_attach(&b, 4 << 20);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x1000, 4, 0x400, 0x200000), 0);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x1000, 4, 0x400, 0x400000), 0x0101);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, block, 1, 0, 0), 0x0101);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x400, 1, 0x400, 0), 0);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, block, 0x400, 0, 1), 0x0107);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DEFL_DATA, block, 4, 0, 0), 0x0101);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, block, 0x400, 0, 0), 0);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, block, 0x400, 1, 0), 0x0101);
    size_t size;
    CU_ASSERT_EQUAL(em_sim_flash(b.sim, &size)[0x3FF], 0);
    CU_ASSERT_EQUAL(em_sim_flash(b.sim, &size)[0x400], 0xFF);
    bench_close(&b);
}

static size_t deflated(uint8_t *out, size_t cap, const uint8_t *data, size_t len)
{
    uLongf n = cap;
    CU_ASSERT_EQUAL(compress2(out, &n, data, len, 9), Z_OK);
    return n;
}

/* One stream over several blocks; what comes too much, and what is broken. */
static void test_compressed(void)
{
    uint8_t plain[6000], packed[8000];
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * i >> 5);
    size_t n = deflated(packed, sizeof packed, plain, sizeof plain);
    size_t half = n / 2, size;
    struct bench b;
    bench_open(&b, "esp32c3");
    bench_attach(&b, 4 << 20);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_DEFL_BEGIN, 0, 0x1800, 2, 0x400, 0x8000, 0), 0);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DEFL_DATA, packed, half, 0, 0), 0);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DEFL_DATA, packed + half, n - half, 1, 1),
                    0x0107);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DEFL_DATA, packed + half, n - half, 1, 0),
                    0);
    EM_CHECK_BYTES(em_sim_flash(b.sim, &size) + 0x8000, plain, sizeof plain);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DEFL_DATA, packed, 1, 2, 0), 0x010B);
    /* More than announced. */
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_DEFL_BEGIN, 0, 0x1000, 2, 0x400, 0x8000, 0), 0);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DEFL_DATA, packed, n, 0, 0), 0x010B);
    /* A wrong Adler-32, and rubbish. */
    packed[n - 1] ^= 1;
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_DEFL_BEGIN, 0, 0x1800, 2, 0x400, 0x8000, 0), 0);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DEFL_DATA, packed, n, 0, 0), 0x010C);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_DEFL_BEGIN, 0, 0x1800, 2, 0x400, 0x8000, 0), 0);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DEFL_DATA, plain + 90, 50, 0, 0), 0x010B);
    bench_close(&b);
}

/* The four transactions of an attach, as recorded: RDID and SFDP of ESP32-C3 and ESP32.
 */
static void test_spi(void)
{
    static const struct {
        const char *chip;
        uint32_t base, usr, usr1, usr2, miso, w0, sfdp_addr;
    } rows[] = {
        {"esp32c3", 0x60002000, 0x18, 0x1C, 0x20, 0x28, 0x58, 0x10},
        {"esp32", 0x3FF42000, 0x1C, 0x20, 0x24, 0x2C, 0x80, 0x1000},
        {"esp8266", 0x60000200, 0x1C, 0x20, 0x24, 0, 0x40, 0x1000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench b;
        uint32_t base = rows[i].base;
        bool esp8266 = rows[i].miso == 0;
        bench_open(&b, rows[i].chip);
        if (!esp8266)
            bench_attach(&b, 4 << 20);
        bench_write(&b, base + (esp8266 ? rows[i].usr1 : rows[i].miso),
                    esp8266 ? 0x1700 : 0x17);
        bench_write(&b, base + rows[i].usr, 0x90000000);
        bench_write(&b, base + rows[i].usr2, 0x7000009F);
        bench_write(&b, base + rows[i].w0, 0);
        bench_write(&b, base, 0x40000);
        CU_ASSERT_EQUAL(bench_read(&b, base), 0);
        CU_ASSERT_EQUAL(bench_read(&b, base + rows[i].w0), 0x001640EF);
        bench_write(&b, base + rows[i].usr1, esp8266 ? 0x5C000707 : 0x5C000007);
        if (!esp8266)
            bench_write(&b, base + rows[i].miso, 7);
        bench_write(&b, base + rows[i].usr, 0xF0000000);
        bench_write(&b, base + rows[i].usr2, 0x7000005A);
        bench_write(&b, base + 4, rows[i].sfdp_addr);
        bench_write(&b, base + rows[i].w0, 0);
        bench_write(&b, base, 0x40000);
        CU_ASSERT_EQUAL(bench_read(&b, base + rows[i].w0), 0x000000EF);
        bench_close(&b);
    }
}

/* Opcode @p op with @p bits out of W0 and @p in bits back, on the ESP32-C3. */
static uint32_t spi(struct bench *b, uint32_t op, uint32_t out, uint32_t bits,
                    uint32_t in)
{
    bench_write(b, 0x60002024, bits == 0 ? 0 : bits - 1);
    bench_write(b, 0x60002028, in == 0 ? 0 : in - 1);
    bench_write(b, 0x60002018,
                0x80000000 | (bits == 0 ? 0 : 1u << 27) | (in == 0 ? 0 : 1u << 28));
    bench_write(b, 0x60002020, 0x70000000 | op);
    bench_write(b, 0x60002058, out);
    bench_write(b, 0x60002000, 1 << 18);
    return bench_read(b, 0x60002058);
}

static void test_status_registers(void)
{
    struct bench b;
    bench_open(&b, "esp32c3");
    bench_attach(&b, 4 << 20);
    CU_ASSERT_EQUAL(spi(&b, 0x05, 0, 0, 8), 0);
    (void)spi(&b, 0x01, 0x3C, 8, 0); /* not enabled */
    CU_ASSERT_EQUAL(spi(&b, 0x05, 0, 0, 8), 0);
    (void)spi(&b, 0x06, 0, 0, 0);
    CU_ASSERT_EQUAL(spi(&b, 0x05, 0, 0, 8), 0x02);
    (void)spi(&b, 0x01, 0x023C, 16, 0);
    CU_ASSERT_EQUAL(spi(&b, 0x05, 0, 0, 8), 0x3C);
    CU_ASSERT_EQUAL(spi(&b, 0x35, 0, 0, 8), 0x02);
    (void)spi(&b, 0x50, 0, 0, 0);
    (void)spi(&b, 0x11, 0x60, 8, 0);
    CU_ASSERT_EQUAL(spi(&b, 0x15, 0, 0, 8), 0x60);
    CU_ASSERT_EQUAL(spi(&b, 0x04, 0x77, 0, 0), 0x77); /* nothing comes back: W0 stays */
    em_sim_power_cycle(b.sim, 0);
    bench_attach(&b, 4 << 20);
    CU_ASSERT_EQUAL(spi(&b, 0x05, 0, 0, 8), 0x3C); /* written for good */
    CU_ASSERT_EQUAL(spi(&b, 0x15, 0, 0, 8), 0);    /* until the power went */
    bench_close(&b);
}

/* MD5 of 64 bytes FF, by another program; reading gives 64 bytes, the rest of them 0. */
static void test_digest_and_read(void)
{
    struct bench b;
    bench_open(&b, "esp32s3");
    bench_attach(&b, 4 << 20);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_SPI_FLASH_MD5, 32, 0, 64, 0, 0), 0);
    EM_CHECK_BYTES(b.frame + 8, "aabd2b2a451504e119a243d8e775fdad", 32);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_FLASH_SLOW, 64, 0x10, 5), 0);
    CU_ASSERT_EQUAL(b.frame_len, 8 + 64 + 4);
    CU_ASSERT_EQUAL(b.frame[8 + 4], 0xFF);
    CU_ASSERT_EQUAL(b.frame[8 + 5], 0);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_READ_FLASH_SLOW, 64, 0, 65), 0x010A);
    bench_close(&b);
    bench_open(&b, "esp32s3?fault=bad-md5=1");
    bench_attach(&b, 4 << 20);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_SPI_FLASH_MD5, 32, 0, 64, 0, 0), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(b.frame + 8, "aabd2b2a451504e119a243d8e775fdad", 32), 0);
    bench_close(&b);
}

/* Encrypted is not what was sent, the same again for the same place, and not elsewhere.
 */
static void test_encrypted(void)
{
    struct bench b;
    uint8_t block[0x400] = {0};
    size_t size;
    bench_open(&b, "esp32c3?flash-encryption");
    bench_attach(&b, 4 << 20);
    for (uint32_t i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x400, 1, 0x400, i * 0x1000, 1),
                        0);
        CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, block, 0x400, 0, 0), 0);
    }
    const uint8_t *flash = em_sim_flash(b.sim, &size);
    uint8_t first[0x400];
    memcpy(first, flash, sizeof first);
    CU_ASSERT_NOT_EQUAL(memcmp(first, block, sizeof block), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(first, flash + 0x1000, sizeof block), 0);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x400, 1, 0x400, 0, 1), 0);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, block, 0x400, 0, 0), 0);
    EM_CHECK_BYTES(flash, first, sizeof first);
    CU_ASSERT_EQUAL(BENCH(&b, EM_OP_FLASH_BEGIN, 0, 0x400, 1, 0x400, 0, 0), 0);
    CU_ASSERT_EQUAL(bench_block(&b, EM_OP_FLASH_DATA, block, 0x400, 0, 0), 0);
    EM_CHECK_BYTES(flash, block, sizeof block); /* plain stays plain, as on silicon */
    bench_close(&b);
}

/* Flash and fuses outlive the chip in their files. */
static void test_files(void)
{
    char dir[] = "/tmp/test_sim_XXXXXX";
    char text[256], path[64];
    struct bench b;
    size_t size;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    (void)snprintf(text, sizeof text,
                   "esp32c3?flash=%s/f&flash-size=1MB&efuse=%s/e&mac=60:55:f9:01:02:03",
                   dir, dir);
    bench_open(&b, text);
    bench_attach(&b, 1 << 20);
    fill(&b, 0x3000, 0x400, 0xA5);
    bench_close(&b);
    (void)snprintf(text, sizeof text, "esp32c3?flash=%s/f&efuse=%s/e&seed=9", dir, dir);
    bench_open(&b, text);
    const uint8_t *flash = em_sim_flash(b.sim, &size);
    CU_ASSERT_EQUAL(size, 1 << 20);
    CU_ASSERT_EQUAL(flash[0x33FF], 0xA5);
    CU_ASSERT_EQUAL(flash[0x3400], 0xFF);
    CU_ASSERT_EQUAL(bench_read(&b, 0x60008844), 0xF9010203);
    CU_ASSERT_EQUAL(bench_read(&b, 0x60008848) & 0xFFFF, 0x6055);
    bench_close(&b);
    (void)snprintf(path, sizeof path, "%s/f", dir);
    struct em_sim_options options = {
        .chip = "esp32c3", .flash_file = path, .flash_size = 2 << 20};
    struct em_error err;
    EM_CHECK_STATUS(em_sim_new(&b.sim, &options, &err), EM_ERR_INPUT, &err);
    CU_ASSERT_EQUAL(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/e", dir);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static const struct em_test tests[] = {
    {"what BEGIN erases", test_erase_extent},
    {"the ESP8266 erases too much", test_erase_fault},
    {"programming only clears bits", test_nor_rules},
    {"what is refused", test_refused},
    {"compressed", test_compressed},
    {"SPI registers", test_spi},
    {"status registers", test_status_registers},
    {"digest and slow reading", test_digest_and_read},
    {"encrypted", test_encrypted},
    {"files", test_files},
};

EM_TEST_MAIN("flasher/sim flash", tests)
