/* SPDX-License-Identifier: Apache-2.0 */
/* The loader's commands: which there are, who knows them, how answers look. */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/sim/sim_int.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROM = 1,       /* the ROM knows it */
    STUB = 2,      /* the stub knows it */
    SECURE = 4,    /* even in secure download mode (rom-protocol.md 9) */
    FULL = 8,      /* only ROMs with all commands (not the ESP8266's) */
    SECURITY = 16, /* only of chips that have security information */
};

/* Not one of the loader's ops: what a refusal of an unknown command says it answers. */
enum { NO_OP = 0xFF, REFUSALS = 8 };

static em_sim_handler on_sync;

static const struct command {
    uint8_t op;
    unsigned flags;
    const char *name;
    em_sim_handler *run;
} commands[] = {
    {EM_OP_FLASH_BEGIN, ROM | STUB | SECURE, "flash-begin", em_sim_on_flash_begin},
    {EM_OP_FLASH_DATA, ROM | STUB | SECURE, "flash-data", em_sim_on_flash_data},
    {EM_OP_FLASH_END, ROM | STUB | SECURE, "flash-end", em_sim_on_flash_end},
    {EM_OP_MEM_BEGIN, ROM | STUB, "mem-begin", em_sim_on_mem_begin},
    {EM_OP_MEM_END, ROM | STUB, "mem-end", em_sim_on_mem_end},
    {EM_OP_MEM_DATA, ROM | STUB, "mem-data", em_sim_on_mem_data},
    {EM_OP_SYNC, ROM | STUB | SECURE, "sync", on_sync},
    {EM_OP_WRITE_REG, ROM | STUB, "write-reg", em_sim_on_write_reg},
    {EM_OP_READ_REG, ROM | STUB, "read-reg", em_sim_on_read_reg},
    {EM_OP_SPI_SET_PARAMS, ROM | STUB | SECURE | FULL, "spi-set-params",
     em_sim_on_spi_params},
    {EM_OP_SPI_ATTACH, ROM | STUB | SECURE | FULL, "spi-attach", em_sim_on_spi_attach},
    {EM_OP_READ_FLASH_SLOW, ROM | FULL, "read-flash-slow", em_sim_on_read_slow},
    {EM_OP_CHANGE_BAUDRATE, ROM | STUB | SECURE | FULL, "change-baudrate",
     em_sim_on_baud},
    {EM_OP_FLASH_DEFL_BEGIN, ROM | STUB | FULL, "flash-defl-begin",
     em_sim_on_flash_begin},
    {EM_OP_FLASH_DEFL_DATA, ROM | STUB | FULL, "flash-defl-data", em_sim_on_flash_data},
    {EM_OP_FLASH_DEFL_END, ROM | STUB | FULL, "flash-defl-end", em_sim_on_flash_end},
    {EM_OP_SPI_FLASH_MD5, ROM | STUB | FULL, "spi-flash-md5", em_sim_on_flash_md5},
    {EM_OP_GET_SECURITY_INFO, ROM | STUB | SECURE | SECURITY, "get-security-info",
     em_sim_on_security},
    {EM_OP_ERASE_FLASH, STUB, "erase-flash", em_sim_on_erase_flash},
    {EM_OP_ERASE_REGION, STUB, "erase-region", em_sim_on_erase_region},
    {EM_OP_READ_FLASH, STUB, "read-flash", em_sim_on_read_flash},
    {EM_OP_RUN_USER_CODE, STUB, "run-user-code", em_sim_on_run_user},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static bool same_name(const char *name, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '\0' || name[i] != (text[i] == '_' ? '-' : text[i]))
            return false;
    }
    return name[len] == '\0';
}

uint16_t em_sim_op_find(const char *name, size_t len)
{
    char digits[8];
    if (same_name("efuse-burn", name, len))
        return EM_SIM_CUT_BURN;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (same_name(commands[i].name, name, len))
            return commands[i].op;
    }
    if (len == 0 || len >= sizeof digits || name[0] < '0' || name[0] > '9')
        return EM_SIM_CUT_NONE;
    memcpy(digits, name, len);
    digits[len] = '\0';
    char *end;
    unsigned long op = strtoul(digits, &end, 0);
    return *end == '\0' && op <= 0xFF ? (uint16_t)op : EM_SIM_CUT_NONE;
}

uint32_t em_sim_word(const struct em_sim_request *request, size_t i)
{
    return 4 * i + 4 <= request->len ? em_get_le32(request->data + 4 * i) : 0;
}

/* ---- answers ---- */

static void send_answer(struct em_sim *sim, uint8_t op, uint32_t value,
                        const uint8_t *result, size_t len, const uint8_t status[2])
{
    uint8_t body[EM_ROM_HEADER + 64 + 4] = {EM_ROM_RESPONSE, op};
    /* Two bytes of status; ROMs but the ESP8266's put two more behind. */
    size_t trailer = sim->mode == EM_SIM_STUB ? 2 : sim->chip->status_bytes;
    /* Power goes in the middle of it: a ROM has not answered yet; a stub answers first.
     */
    if (sim->mode == EM_SIM_OFF || (sim->cutting && sim->mode != EM_SIM_STUB))
        return;
    em_put_le16(body + 2, (uint16_t)(len + trailer));
    em_put_le32(body + 4, value);
    if (len > 0)
        memcpy(body + EM_ROM_HEADER, result, len);
    memcpy(body + EM_ROM_HEADER + len, status, 2);
    em_sim_put_frame(sim, body, EM_ROM_HEADER + len + trailer);
}

void em_sim_answer(struct em_sim *sim, const struct em_sim_request *request,
                   uint32_t value, const uint8_t *result, size_t len)
{
    const uint8_t good[2] = {0, 0};
    send_answer(sim, request->op, value, result, len, good);
}

void em_sim_refuse(struct em_sim *sim, const struct em_sim_request *request,
                   uint8_t rom_fault, uint8_t stub_fault)
{
    const uint8_t rom[2] = {1, rom_fault}, stub[2] = {stub_fault, 0};
    send_answer(sim, request->op, 0, NULL, 0, sim->mode == EM_SIM_STUB ? stub : rom);
}

/* A command that is unknown, or forbidden. Silicon answers under another op, 8 times. */
static void refuse_unknown(struct em_sim *sim, const struct em_sim_request *request)
{
    const uint8_t status[2] = {1, EM_ROM_FAULT_UNSUPPORTED};
    if (sim->mode == EM_SIM_STUB || sim->options.flat_refusals) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_UNSUPPORTED, 0xFF);
        return;
    }
    for (int i = 0; i < REFUSALS; i++)
        send_answer(sim, NO_OP, 0, NULL, 0, status);
}

bool em_sim_payload(struct em_sim *sim, const struct em_sim_request *request,
                    const uint8_t **data_out, size_t *len_out)
{
    *data_out = request->data + EM_ROM_BLOCK_HEADER;
    *len_out = em_sim_word(request, 0);
    if (request->len < EM_ROM_BLOCK_HEADER ||
        request->len - EM_ROM_BLOCK_HEADER != *len_out) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_UNSUPPORTED, EM_STUB_FAULT_LENGTH);
        return false;
    }
    if ((request->check & 0xFF) != em_rom_checksum(*data_out, *len_out)) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_CHECKSUM, EM_STUB_FAULT_CHECKSUM);
        return false;
    }
    return true;
}

/* ---- dispatch ---- */

void em_sim_loader_reset(struct em_sim *sim)
{
    em_sim_write_stop(sim);
    sim->load = (struct em_sim_load){0};
    sim->stream.active = false;
}

static bool is_sync(const struct em_sim_request *request)
{
    static const uint8_t start[4] = {0x07, 0x07, 0x12, 0x20};
    if (request->op != EM_OP_SYNC || request->len != EM_ROM_SYNC_LEN)
        return false;
    for (size_t i = sizeof start; i < request->len; i++) {
        if (request->data[i] != 0x55)
            return false;
    }
    return memcmp(request->data, start, sizeof start) == 0;
}

static void on_sync(struct em_sim *sim, const struct em_sim_request *request)
{
    if (!is_sync(request)) {
        em_sim_refuse(sim, request, EM_ROM_FAULT_UNSUPPORTED, EM_STUB_FAULT_LENGTH);
        return;
    }
    em_sim_loader_reset(sim);
    for (int i = 0; i < EM_ROM_SYNC_REPLIES; i++)
        em_sim_answer(sim, request, sim->mode == EM_SIM_STUB ? 0 : EM_ROM_SYNC_VALUE,
                      NULL, 0);
}

static bool knows(const struct em_sim *sim, const struct command *command)
{
    if ((command->flags & SECURITY) != 0 && sim->chip->security_info == 0)
        return false;
    if (sim->mode == EM_SIM_STUB)
        return (command->flags & STUB) != 0;
    return (command->flags & ROM) != 0 &&
           ((command->flags & FULL) == 0 || sim->chip->rom_full) &&
           ((command->flags & SECURE) != 0 || !sim->secure_download);
}

/* Faults that strike at a command. false: it never comes to be. */
static bool survives(struct em_sim *sim, const struct em_sim_request *request)
{
    struct em_sim_faults *faults = &sim->faults;
    sim->stats.commands++;
    if (faults->stuck_after != 0 && sim->stats.commands > faults->stuck_after) {
        faults->stuck_after = 0;
        sim->stuck = true;
        sim->stats.faults++;
    }
    if (request->op == faults->power_cut_op && ++sim->cut_seen == faults->power_cut_at) {
        faults->power_cut_op = EM_SIM_CUT_NONE;
        em_sim_power_begin_cut(sim, EM_SIM_CUT_PERMILLE);
    }
    em_sim_power_dice(sim);
    return !sim->stuck;
}

static void run(struct em_sim *sim, const struct em_sim_request *request)
{
    const struct command *command = NULL;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (commands[i].op == request->op && knows(sim, &commands[i]))
            command = &commands[i];
    }
    if (command != NULL)
        command->run(sim, request);
    else
        refuse_unknown(sim, request);
    if (sim->cutting)
        em_sim_power_off(sim);
}

void em_sim_on_frame(struct em_sim *sim, const uint8_t *body, size_t len)
{
    if (sim->mode == EM_SIM_OFF || sim->stuck)
        return;
    if (sim->mode == EM_SIM_STUB && sim->stream.active && len == 4) {
        em_sim_stub_ack(sim, body, len);
        return;
    }
    if (len < EM_ROM_HEADER || body[0] != EM_ROM_REQUEST)
        return;
    struct em_sim_request request = {body[1], body + EM_ROM_HEADER, len - EM_ROM_HEADER,
                                     em_get_le32(body + 4)};
    size_t size = em_get_le16(body + 2);
    if (sim->mode == EM_SIM_APP) {
        if (sim->lines_known || !is_sync(&request))
            return;
        em_sim_press_buttons(sim);
        if (sim->mode != EM_SIM_ROM)
            return;
    }
    if (!survives(sim, &request))
        return;
    if (size != request.len && size + 0x10000 != request.len) {
        em_sim_refuse(sim, &request, EM_ROM_FAULT_UNSUPPORTED, EM_STUB_FAULT_LENGTH);
        return;
    }
    run(sim, &request);
}
