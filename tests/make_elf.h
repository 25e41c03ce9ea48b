/* SPDX-License-Identifier: Apache-2.0 */
/* Small ELF files made byte by byte: the inputs of the golden files of firmware images.
 * What is made of a chip and a shape is always the same bytes. */
#ifndef TESTS_MAKE_ELF_H
#define TESTS_MAKE_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ELF_SECTIONS_MAX = 40,
    ELF_ROOM = 1 << 20,
    ELF_HEADER = 52,
    ELF_PROGRAM = 32,
    ELF_SECTION = 40,
    ELF_APPDESC = 256,
};

/* Where a linker puts code and data of a chip. */
struct elf_chip {
    const char *name;
    uint16_t machine;
    uint32_t drom, irom, dram, iram, rtc;
};

static const struct elf_chip elf_chips[] = {
    {"esp32", 94, 0x3F400000, 0x400D0000, 0x3FFB0000, 0x40080000, 0x50000000},
    {"esp32s2", 94, 0x3F000000, 0x40080000, 0x3FFB8000, 0x40024000, 0x50000000},
    {"esp32s3", 94, 0x3C000000, 0x42000000, 0x3FC90000, 0x40374000, 0x50000000},
    {"esp32c2", 243, 0x3C000000, 0x42000000, 0x3FCA8000, 0x4037C000, 0x3FCB8000},
    {"esp32c3", 243, 0x3C000000, 0x42000000, 0x3FC88000, 0x40380000, 0x50000000},
    {"esp32c5", 243, 0x42040000, 0x42000000, 0x40820000, 0x40800000, 0x50000000},
    {"esp32c6", 243, 0x42800000, 0x42000000, 0x40820000, 0x40800000, 0x50000000},
    {"esp32c61", 243, 0x42800000, 0x42000000, 0x40820000, 0x40800000, 0x50000000},
    {"esp32h2", 243, 0x42800000, 0x42000000, 0x40820000, 0x40800000, 0x50000000},
    {"esp32p4", 243, 0x40040000, 0x40000000, 0x4FF20000, 0x4FF00000, 0x50108000},
    {"esp8266", 94, 0x3FFE9000, 0x40210000, 0x3FFE8000, 0x40100000, 0x3FFEA000},
};

/* How a section's bytes are made. */
enum elf_fill { FILL_RANDOM, FILL_ZERO, FILL_APPDESC, FILL_APPDESC_SHA, FILL_BOOTDESC };

struct elf_section {
    const char *name;
    uint32_t type, addr, size;
    enum elf_fill fill;
    uint8_t page_log2; /* of an app descriptor */
};

struct elf_maker {
    const struct elf_chip *chip;
    struct elf_section sections[ELF_SECTIONS_MAX];
    size_t count;
    uint32_t entry, flags;
    uint32_t seed;
};

static void elf_put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void elf_put32(uint8_t *p, uint32_t v)
{
    elf_put16(p, v);
    elf_put16(p + 2, v >> 16);
}

/* A generator of our own, so that every system makes the same bytes: xorshift32. */
static uint32_t elf_random(struct elf_maker *m)
{
    m->seed ^= m->seed << 13;
    m->seed ^= m->seed >> 17;
    m->seed ^= m->seed << 5;
    return m->seed;
}

static struct elf_section *elf_add(struct elf_maker *m, const char *name, uint32_t addr,
                                   uint32_t size)
{
    struct elf_section *s = &m->sections[m->count++];
    *s = (struct elf_section){name, 1 /* PROGBITS */, addr, size, FILL_RANDOM, 0};
    return s;
}

static void elf_fill_section(struct elf_maker *m, const struct elf_section *s,
                             uint8_t *out)
{
    for (uint32_t i = 0; i < s->size; i++)
        out[i] = s->fill == FILL_RANDOM ? (uint8_t)(elf_random(m) >> 11) : 0;
    if ((s->fill == FILL_APPDESC || s->fill == FILL_APPDESC_SHA) &&
        s->size >= ELF_APPDESC) {
        elf_put32(out, 0xABCD5432);
        elf_put32(out + 4, 7);
        (void)snprintf((char *)out + 16, 32, "v1.2-test");
        (void)snprintf((char *)out + 48, 32, "make_elf");
        (void)snprintf((char *)out + 80, 16, "12:34:56");
        (void)snprintf((char *)out + 96, 16, "Jan  2 2025");
        (void)snprintf((char *)out + 112, 32, "v5.5");
        if (s->fill == FILL_APPDESC_SHA)
            memset(out + 144, 0x5A, 32);
        elf_put16(out + 176, 1);
        elf_put16(out + 178, 199);
        out[180] = s->page_log2;
    } else if (s->fill == FILL_BOOTDESC && s->size >= 80) {
        out[0] = 0x50;
        elf_put32(out + 4, 3);
        (void)snprintf((char *)out + 8, 32, "v5.5");
        (void)snprintf((char *)out + 40, 24, "Jan  2 2025 12:34:56");
    }
}

/* ---- Shapes ---- */

static void elf_plain(struct elf_maker *m, uint8_t page_log2)
{
    const struct elf_chip *c = m->chip;
    struct elf_section *desc = elf_add(m, ".flash.appdesc", c->drom + 0x20, ELF_APPDESC);
    desc->fill = FILL_APPDESC;
    desc->page_log2 = page_log2;
    elf_add(m, ".flash.rodata", c->drom + 0x20 + ELF_APPDESC, 0x1234);
    elf_add(m, ".dram0.data", c->dram, 0x404);
    elf_add(m, ".iram0.vectors", c->iram, 0x403);
    elf_add(m, ".iram0.text", c->iram + 0x404, 0x900);
    elf_add(m, ".flash.text", c->irom + 0x10020, 0x2345);
}

static void shape_plain(struct elf_maker *m)
{
    elf_plain(m, 16);
}

static void shape_page8k(struct elf_maker *m)
{
    elf_plain(m, 13);
}

static void shape_page32k(struct elf_maker *m)
{
    elf_plain(m, 15);
}

static void shape_nopage(struct elf_maker *m)
{
    elf_plain(m, 0);
}

static void shape_badpage(struct elf_maker *m)
{
    elf_plain(m, 12);
}

static void shape_sha_used(struct elf_maker *m)
{
    elf_plain(m, 16);
    m->sections[0].fill = FILL_APPDESC_SHA;
}

/* Sections that are not in the order of their addresses, touching ones among them. */
static void shape_mixed(struct elf_maker *m)
{
    const struct elf_chip *c = m->chip;
    elf_add(m, ".iram0.text", c->iram + 0x200, 0x100);
    elf_add(m, ".iram0.vectors", c->iram, 0x200);
    elf_add(m, ".flash.text", c->irom + 0x10100, 0x301);
    elf_add(m, ".rtc.text", c->rtc, 0x11);
    elf_add(m, ".rtc.data", c->rtc + 0x14, 0x22);
    elf_add(m, ".dram0.data", c->dram + 0x10, 0x2E);
    elf_add(m, ".dram0.more", c->dram + 0x3E, 0x12);
    elf_add(m, ".flash.rodata", c->drom + 0x40, 0x1FC);
    elf_add(m, ".flash.appdesc", c->drom + 0x23C, ELF_APPDESC)->fill = FILL_APPDESC;
    elf_add(m, ".flash.more", c->drom + 0x33C, 0x41);
}

/* What is left out: without bytes, without an address, of other types. */
static void shape_empty(struct elf_maker *m)
{
    const struct elf_chip *c = m->chip;
    elf_add(m, ".dram0.data", c->dram, 0);
    elf_add(m, ".dram0.bss", c->dram, 0x4000)->type = 8; /* NOBITS */
    elf_add(m, ".iram0.text", c->iram, 0x44);
    elf_add(m, ".comment", 0, 0x33);
    elf_add(m, ".note", c->dram + 0x5000, 0x20)->type = 7;
    elf_add(m, ".init_array", c->dram + 0x6000, 8)->type = 14;
    elf_add(m, ".fini_array", c->dram + 0x6008, 4)->type = 15;
    elf_add(m, ".preinit_array", c->dram + 0x600C, 4)->type = 16;
    elf_add(m, ".flash.rodata", c->drom + 0x1000, 0x40);
    elf_add(m, ".flash_noload", c->drom + 0x2000, 0x1000)->type = 8;
}

static void shape_big(struct elf_maker *m)
{
    const struct elf_chip *c = m->chip;
    elf_add(m, ".flash.appdesc", c->drom + 0x20, ELF_APPDESC)->fill = FILL_APPDESC;
    m->sections[0].page_log2 = 16;
    elf_add(m, ".flash.rodata", c->drom + 0x120, 0x12000);
    elf_add(m, ".dram0.data", c->dram, 0x3000);
    elf_add(m, ".iram0.text", c->iram, 0x9002);
    elf_add(m, ".flash.text", c->irom + 0x20020, 0x15678);
}

/* Flash segments just behind a page, and just before its end. */
static void shape_edges(struct elf_maker *m)
{
    const struct elf_chip *c = m->chip;
    elf_add(m, ".flash.rodata", c->drom + 0x20, 0xFFF0);
    elf_add(m, ".dram0.data", c->dram, 0x10);
    elf_add(m, ".flash.text", c->irom + 0x10008, 0xFFFC);
    elf_add(m, ".flash.late", c->irom + 0x2FFF0, 0x20);
    elf_add(m, ".iram0.text", c->iram, 0x8);
}

static void shape_ram(struct elf_maker *m)
{
    const struct elf_chip *c = m->chip;
    elf_add(m, ".dram0.data", c->dram + 8, 0x123);
    elf_add(m, ".iram0.text", c->iram, 0x777);
}

static void shape_boot(struct elf_maker *m)
{
    const struct elf_chip *c = m->chip;
    elf_add(m, ".iram_loader.text", c->iram + 0x4000, 0x222);
    elf_add(m, ".iram.text", c->iram, 0x31);
    elf_add(m, ".dram0.data", c->dram + 0x50, 0x7C);
    elf_add(m, ".dram0.bootdesc", c->dram, 80)->fill = FILL_BOOTDESC;
}

static void shape_flash(struct elf_maker *m)
{
    const struct elf_chip *c = m->chip;
    elf_add(m, ".flash.rodata", c->drom + 0x20, 0x300);
    elf_add(m, ".flash.text", c->irom + 0x10018, 0x55);
}

static void many(struct elf_maker *m, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        elf_add(m, ".dram0.part", m->chip->dram + i * 0x40, 0x10 + i);
}

static void shape_many(struct elf_maker *m)
{
    many(m, 16);
}

static void shape_toomany(struct elf_maker *m)
{
    many(m, 17);
}

static void shape_none(struct elf_maker *m)
{
    elf_add(m, ".comment", 0, 0x30);
}

static void shape_overlap(struct elf_maker *m)
{
    shape_ram(m);
    elf_add(m, ".iram0.more", m->chip->iram + 0x100, 0x20);
}

static void shape_overlap_flash(struct elf_maker *m)
{
    shape_flash(m);
    elf_add(m, ".flash.more", m->chip->drom + 0x100, 0x400);
}

static void shape_one_page(struct elf_maker *m)
{
    shape_flash(m);
    elf_add(m, ".flash.more", m->chip->drom + 0x1000, 0x40);
}

static void shape_outside(struct elf_maker *m)
{
    shape_ram(m);
    elf_add(m, ".elsewhere", 0x90000000, 0x40);
}

/* As an ESP8266 has it: code in flash behind the first file, and its library's place. */
static void code(struct elf_maker *m, uint32_t addr)
{
    elf_add(m, ".data", m->chip->dram, 0x123);
    elf_add(m, ".rodata", m->chip->dram + 0x200, 0x40);
    elf_add(m, ".text", m->chip->iram, 0x777);
    elf_add(m, ".irom0.text", addr, 0x1235);
}

static void shape_code(struct elf_maker *m)
{
    code(m, 0x40210000);
}

static void shape_v2code(struct elf_maker *m)
{
    code(m, 0x40201010);
}

static void shape_machine(struct elf_maker *m)
{
    static struct elf_chip other;
    shape_ram(m);
    other = *m->chip;
    other.machine = 40; /* ARM */
    m->chip = &other;
}

/* @p number: which of them. */
static void elf_random_shape(struct elf_maker *m, uint32_t number)
{
    const struct elf_chip *c = m->chip;
    const uint32_t bases[] = {c->dram, c->iram, c->drom, c->irom + 0x10000, c->rtc};
    const uint32_t rooms[] = {0x2000, 0x4000, 0x18000, 0x20000, 0x800};
    uint32_t next[5];
    m->seed = (number + 1) * 2654435761U;
    for (size_t i = 0; i < 5; i++)
        next[i] = bases[i] + elf_random(m) % 64 * 4;
    uint32_t count = 1 + elf_random(m) % 9;
    for (uint32_t i = 0; i < count; i++) {
        size_t kind = elf_random(m) % 5;
        uint32_t scale = elf_random(m) % 3 == 0 ? rooms[kind] / 2 : 0x60;
        uint32_t size = 1 + elf_random(m) % scale;
        uint32_t gap = elf_random(m) % 3 * 4;
        if ((kind == 2 || kind == 3) && elf_random(m) % 4 != 0)
            gap += 0x10000;
        if (elf_random(m) % 5 != 0)
            size = (size + 3) & ~3U; /* mostly whole words, which may touch */
        elf_add(m, kind < 2 ? ".ram" : ".flash.any", next[kind] + gap, size);
        next[kind] = (next[kind] + gap + size + 3) & ~3U;
    }
}

static const struct {
    const char *name;
    void (*make)(struct elf_maker *m);
} elf_shapes[] = {
    {"plain", shape_plain},       {"page8k", shape_page8k},
    {"page32k", shape_page32k},   {"nopage", shape_nopage},
    {"badpage", shape_badpage},   {"sha_used", shape_sha_used},
    {"mixed", shape_mixed},       {"empty", shape_empty},
    {"big", shape_big},           {"edges", shape_edges},
    {"ram", shape_ram},           {"boot", shape_boot},
    {"flash", shape_flash},       {"many", shape_many},
    {"toomany", shape_toomany},   {"none", shape_none},
    {"overlap", shape_overlap},   {"overlap_flash", shape_overlap_flash},
    {"one_page", shape_one_page}, {"outside", shape_outside},
    {"machine", shape_machine},   {"code", shape_code},
    {"v2code", shape_v2code},
};

/* ---- Writing ---- */

static bool elf_has_bytes(const struct elf_section *s)
{
    return s->type != 8 && s->size > 0;
}

/* A segment for each section that is loaded. */
static bool elf_is_loaded(const struct elf_section *s)
{
    return s->addr != 0 && s->size > 0 && s->type != 7;
}

static void elf_header(const struct elf_maker *m, uint8_t *out, size_t programs,
                       size_t sections_at)
{
    memcpy(out, "\177ELF\1\1\1", 7);
    elf_put16(out + 16, 2); /* executable */
    elf_put16(out + 18, m->chip->machine);
    elf_put32(out + 20, 1);
    elf_put32(out + 24, m->entry);
    elf_put32(out + 28, ELF_HEADER);
    elf_put32(out + 32, (uint32_t)sections_at);
    elf_put16(out + 40, ELF_HEADER);
    elf_put16(out + 42, ELF_PROGRAM);
    elf_put16(out + 44, (uint32_t)programs);
    elf_put16(out + 46, ELF_SECTION);
    elf_put16(out + 48, (uint32_t)m->count + 2);
    elf_put16(out + 50, (uint32_t)m->count + 1);
}

static void elf_put_section(uint8_t *out, size_t name, const struct elf_section *s,
                            size_t at)
{
    elf_put32(out, (uint32_t)name);
    elf_put32(out + 4, s->type);
    elf_put32(out + 8, s->addr != 0 ? 2 : 0); /* ALLOC */
    elf_put32(out + 12, s->addr);
    elf_put32(out + 16, (uint32_t)at);
    elf_put32(out + 20, s->size);
    elf_put32(out + 32, 1);
}

static void elf_put_program(uint8_t *out, const struct elf_section *s, size_t at)
{
    elf_put32(out, 1); /* LOAD */
    elf_put32(out + 4, (uint32_t)at);
    elf_put32(out + 8, s->addr);
    elf_put32(out + 12, s->addr);
    elf_put32(out + 16, elf_has_bytes(s) ? s->size : 0);
    elf_put32(out + 20, s->size);
    elf_put32(out + 24, 5);
    elf_put32(out + 28, 1);
}

static size_t elf_write(struct elf_maker *m, uint8_t *out)
{
    size_t programs = 0;
    for (size_t i = 0; i < m->count; i++)
        programs += elf_is_loaded(&m->sections[i]);
    size_t at[ELF_SECTIONS_MAX], names[ELF_SECTIONS_MAX];
    size_t off = ELF_HEADER + programs * ELF_PROGRAM;
    for (size_t i = 0; i < m->count; i++) {
        at[i] = off = (off + 3) & ~(size_t)3;
        if (elf_has_bytes(&m->sections[i])) {
            elf_fill_section(m, &m->sections[i], out + off);
            off += m->sections[i].size;
        }
    }
    size_t texts = off, text_len = 1;
    for (size_t i = 0; i < m->count; i++) {
        names[i] = text_len;
        memcpy(out + texts + text_len, m->sections[i].name,
               strlen(m->sections[i].name) + 1);
        text_len += strlen(m->sections[i].name) + 1;
    }
    memcpy(out + texts + text_len, ".shstrtab", 10);
    struct elf_section table = {".shstrtab", 3, 0, (uint32_t)text_len + 10, FILL_ZERO, 0};
    off = (texts + text_len + 10 + 3) & ~(size_t)3;
    elf_header(m, out, programs, off);
    uint8_t *program = out + ELF_HEADER;
    for (size_t i = 0; i < m->count; i++) {
        elf_put_section(out + off + (i + 1) * ELF_SECTION, names[i], &m->sections[i],
                        at[i]);
        if (elf_is_loaded(&m->sections[i])) {
            elf_put_program(program, &m->sections[i], at[i]);
            program += ELF_PROGRAM;
        }
    }
    elf_put_section(out + off + (m->count + 1) * ELF_SECTION, text_len, &table, texts);
    return off + (m->count + 2) * ELF_SECTION;
}

/* The ELF file of @p shape ("plain", or "random7") for @p chip in @p out, which has
 * ELF_ROOM bytes. Its length, or 0: no such chip or shape. */
static inline size_t make_elf(uint8_t *out, const char *chip, const char *shape)
{
    struct elf_maker m = {.seed = 0x12345678};
    memset(out, 0, ELF_ROOM);
    for (size_t i = 0; i < sizeof elf_chips / sizeof elf_chips[0]; i++) {
        if (strcmp(elf_chips[i].name, chip) == 0)
            m.chip = &elf_chips[i];
    }
    if (m.chip == NULL)
        return 0;
    m.entry = m.chip->iram + 0x10;
    for (size_t i = 0; i < sizeof elf_shapes / sizeof elf_shapes[0]; i++) {
        if (strcmp(elf_shapes[i].name, shape) == 0)
            elf_shapes[i].make(&m);
    }
    if (strncmp(shape, "random", 6) == 0)
        elf_random_shape(&m, (uint32_t)strtoul(shape + 6, NULL, 10));
    return m.count > 0 ? elf_write(&m, out) : 0;
}

/* Some bytes of which no two rows are alike. Returns @p len, or 0: too many. */
static inline size_t make_bytes(uint8_t *out, size_t len)
{
    struct elf_maker m = {.seed = 0xABCDEF01u ^ (uint32_t)len};
    if (len > ELF_ROOM)
        return 0;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(elf_random(&m) >> 9);
    return len;
}

#endif
