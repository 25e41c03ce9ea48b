/* SPDX-License-Identifier: Apache-2.0 */
/* Writing flash: BEGIN, DATA and END, plain and compressed, of ROM and stub. */
#include "config.h"

#include "flasher/sim/sim_int.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 4096, BLOCK_MAX = 0x4000, ENCRYPT_UNIT = 16 };

void em_sim_write_stop(struct em_sim *sim)
{
    if (sim->write.inflating)
        (void)inflateEnd(&sim->write.stream); /* it only frees */
    sim->write = (struct em_sim_write){0};
}

/* Bytes that FLASH_BEGIN erases from the sector of @p offset on. */
static uint64_t erase_extent(const struct em_sim *sim, uint64_t offset, uint64_t size)
{
    uint64_t first = offset / EM_SIM_SECTOR;
    uint64_t count = (offset + size + EM_SIM_SECTOR - 1) / EM_SIM_SECTOR - first;
    if (size == 0)
        return 0;
    if (sim->profile->erase_fault && sim->mode == EM_SIM_ROM) {
        /* rom-protocol.md 6.6, from the chip's side: up to the next block the sectors
         * are counted twice. */
        uint64_t sectors = (size + EM_SIM_SECTOR - 1) / EM_SIM_SECTOR;
        uint64_t head = 16 - first % 16;
        count = sectors + (sectors < head ? sectors : head);
    }
    return count * EM_SIM_SECTOR;
}

static bool begin_is_good(struct em_sim *sim, const struct em_sim_request *request)
{
    uint32_t size = em_sim_word(request, 0), block = em_sim_word(request, 2);
    uint32_t offset = em_sim_word(request, 3);
    bool stub = sim->mode == EM_SIM_STUB;
    size_t words = stub ? 5 : sim->chip->begin_words;
    if (request->len != 4 * words) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_UNSUPPORTED, EM_STUB_FAULT_LENGTH);
        return false;
    }
    if (block > BLOCK_MAX) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_PARAMETER, EM_STUB_FAULT_BLOCK_SIZE);
        return false;
    }
    if (size == 0) /* "attach" and nothing else, or before an END */
        return true;
    if ((!sim->attached && !stub && sim->chip->rom_full) ||
        !em_sim_in_flash(sim, offset, size)) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_PARAMETER, EM_STUB_FAULT_SPI);
        return false;
    }
    return true;
}

void em_sim_on_flash_begin(struct em_sim *sim, const struct em_sim_request *request)
{
    struct em_sim_write *w = &sim->write;
    uint64_t size = em_sim_word(request, 0), offset = em_sim_word(request, 3);
    em_sim_write_stop(sim);
    if (!begin_is_good(sim, request))
        return;
    uint64_t extent = erase_extent(sim, offset, size);
    w->compressed = request->op == EM_OP_FLASH_DEFL_BEGIN;
    w->encrypted = em_sim_word(request, 4) != 0;
    w->at = offset;
    /* Plain blocks are padded: as many bytes as were announced in blocks. */
    w->left = w->compressed ? size
                            : (uint64_t)em_sim_word(request, 1) * em_sim_word(request, 2);
    if (w->compressed && inflateInit(&w->stream) != Z_OK) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_INFLATE, EM_STUB_FAULT_INFLATE);
        return;
    }
    w->inflating = w->compressed;
    w->active = true;
    if (sim->mode == EM_SIM_STUB) { /* erases when the data come */
        w->erase_at = offset / EM_SIM_SECTOR * EM_SIM_SECTOR;
        w->erase_end = w->erase_at + extent;
    } else {
        offset -= offset % EM_SIM_SECTOR;
        em_sim_spend_flash(sim, em_sim_flash_erase(&sim->flash, offset, extent) * 1000);
    }
    em_sim_answer(sim, request, 0, NULL, 0);
}

/* A stub erases just ahead of what it writes, whole blocks where it can. */
static void erase_ahead(struct em_sim *sim, uint64_t end)
{
    struct em_sim_write *w = &sim->write;
    while (w->erase_at < end && w->erase_at < w->erase_end) {
        bool block =
            w->erase_at % EM_SIM_BLOCK == 0 && w->erase_end - w->erase_at >= EM_SIM_BLOCK;
        uint64_t unit = block ? EM_SIM_BLOCK : EM_SIM_SECTOR;
        em_sim_spend_flash(sim,
                           em_sim_flash_erase(&sim->flash, w->erase_at, unit) * 1000);
        w->erase_at += unit;
    }
}

/* Program at the running address. The encryption unit works on whole units. */
static bool program(struct em_sim *sim, const uint8_t *data, size_t len)
{
    struct em_sim_write *w = &sim->write;
    uint8_t *cipher = NULL;
    bool good = true;
    erase_ahead(sim, w->at + len);
    if (w->encrypted) {
        size_t whole = (len + ENCRYPT_UNIT - 1) / ENCRYPT_UNIT * ENCRYPT_UNIT;
        cipher = malloc(whole);
        good = cipher != NULL;
        if (good) {
            memset(cipher, 0xFF, whole);
            memcpy(cipher, data, len);
            good = em_sim_encrypt(sim, w->at, cipher, whole);
            data = cipher;
            len = whole;
        }
    }
    if (good)
        em_sim_spend_flash(sim,
                           em_sim_flash_program(&sim->flash, w->at, data, len) * 1000);
    free(cipher);
    w->at += len;
    return good;
}

/* The codes of a fault, of ROM and stub; 0: none. */
struct fault {
    uint8_t rom, stub;
};

static struct fault write_plain(struct em_sim *sim, const uint8_t *data, size_t len)
{
    struct em_sim_write *w = &sim->write;
    if (len > w->left)
        return (struct fault){EM_ROM_FAULT_PARAMETER, EM_STUB_FAULT_TOO_MANY};
    w->left -= len;
    if (!program(sim, data, len))
        return (struct fault){EM_ROM_FAULT_FLASH_WRITE, EM_STUB_FAULT_SPI};
    return (struct fault){0, 0};
}

/* zlib tells a wrong Adler-32 from broken data by its message only. */
static struct fault inflate_fault(const z_stream *stream)
{
    bool adler = stream->msg != NULL && strcmp(stream->msg, "incorrect data check") == 0;
    return (struct fault){adler ? EM_ROM_FAULT_ADLER : EM_ROM_FAULT_INFLATE,
                          EM_STUB_FAULT_INFLATE};
}

static struct fault write_deflated(struct em_sim *sim, const uint8_t *data, size_t len)
{
    struct em_sim_write *w = &sim->write;
    uint8_t out[CHUNK];
    w->stream.next_in = data;
    w->stream.avail_in = (uInt)len;
    while (!w->ended) {
        w->stream.next_out = out;
        w->stream.avail_out = sizeof out;
        int result = inflate(&w->stream, Z_NO_FLUSH);
        size_t n = sizeof out - w->stream.avail_out;
        if (n > w->left)
            return (struct fault){EM_ROM_FAULT_INFLATE, EM_STUB_FAULT_TOO_MANY};
        w->left -= n;
        if (n > 0 && !program(sim, out, n))
            return (struct fault){EM_ROM_FAULT_FLASH_WRITE, EM_STUB_FAULT_SPI};
        w->ended = result == Z_STREAM_END;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            return inflate_fault(&w->stream);
        if (w->stream.avail_in == 0 && w->stream.avail_out > 0)
            break;
    }
    if (w->stream.avail_in > 0) /* bytes behind the end of the stream */
        return (struct fault){EM_ROM_FAULT_INFLATE, EM_STUB_FAULT_TOO_MANY};
    return (struct fault){0, 0};
}

void em_sim_on_flash_data(struct em_sim *sim, const struct em_sim_request *request)
{
    struct em_sim_write *w = &sim->write;
    bool compressed = request->op == EM_OP_FLASH_DEFL_DATA;
    bool stub = sim->mode == EM_SIM_STUB;
    const uint8_t *data;
    size_t len;
    if (!w->active || w->compressed != compressed) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_PARAMETER, EM_STUB_FAULT_NO_FLASH_MODE);
        return;
    }
    if (!em_sim_payload(sim, request, &data, &len))
        return;
    if (stub && w->late_fault != 0) {
        em_sim_refuse(sim, request, 0, w->late_fault);
        return;
    }
    if (stub) /* it writes while the next block is on its way */
        em_sim_answer(sim, request, 0, NULL, 0);
    struct fault fault =
        compressed ? write_deflated(sim, data, len) : write_plain(sim, data, len);
    if (stub)
        w->late_fault = fault.stub;
    else if (fault.rom != 0)
        em_sim_refuse(sim, request, fault.rom, fault.stub);
    else
        em_sim_answer(sim, request, 0, NULL, 0);
}

void em_sim_on_flash_end(struct em_sim *sim, const struct em_sim_request *request)
{
    bool stay = em_sim_word(request, 0) != 0;
    if (sim->mode != EM_SIM_STUB) { /* a ROM leaves its loader either way */
        em_sim_answer(sim, request, 0, NULL, 0);
        em_sim_start_app(sim);
        return;
    }
    struct em_sim_write *w = &sim->write;
    if (!w->active || w->late_fault != 0) {
        em_sim_refuse(sim, request, 0,
                      w->active ? w->late_fault : EM_STUB_FAULT_NO_FLASH_MODE);
        return;
    }
    if (w->left > 0) {
        em_sim_refuse(sim, request, 0, EM_STUB_FAULT_TOO_FEW);
        return;
    }
    em_sim_write_stop(sim);
    em_sim_answer(sim, request, 0, NULL, 0);
    if (!stay) /* back to the ROM, which finds everything as the stub left it */
        sim->mode = EM_SIM_ROM;
}
