/* SPDX-License-Identifier: Apache-2.0 */
/* Power, EN and the boot pin: what DTR and RTS do on a board, and what runs afterwards.
 */
#include "config.h"

#include "base/bytes_int.h"
#include "flasher/sim/sim_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* EN rises slowly, by its capacitor, and the boot pin is looked at when it is up. Hosts
 * that cannot set both lines at once pass through "both asserted", where neither
 * transistor conducts; over a network that lasts some time, so that state counts as a
 * reset that goes on for so long. */
static const int64_t en_rise_ns = 1000000, both_asserted_ns = 150000000;

/* USB product id of the USB-Serial/JTAG port; it needs no transistors. */
enum { USB_SERIAL_JTAG = 0x1001 };

static void forget(struct em_sim *sim)
{
    em_sim_loader_reset(sim);
    sim->attached = false;
    sim->told_size = (uint64_t)2 << 20; /* what ROMs believe until told */
    sim->rate = sim->next_rate = 0;
    sim->stuck = false;
    sim->boot_at_ns = INT64_MAX;
    em_sim_fuses_reset(sim);
    em_sim_fuses_obey(sim);
    em_sim_seed_registers(sim);
}

/* What the program prints, its escapes resolved. */
static void say(struct em_sim *sim, const char *text)
{
    static const char letters[] = "nrt\\", bytes[] = "\n\r\t\\";
    struct em_buf out = {0};
    for (; *text != '\0'; text++) {
        const char *letter =
            text[0] == '\\' && text[1] != '\0' ? strchr(letters, text[1]) : NULL;
        em_buf_append(&out, letter == NULL ? text : &bytes[letter - letters], 1);
        text += letter != NULL;
    }
    em_buf_append(&out, "", 1);
    if (!out.failed)
        em_sim_put_text(sim, (const char *)out.data);
    em_buf_free(&out);
}

enum { PIECE = 16 }; /* of flash, as encryption has it */

/* What the CPU sees at @p addr, a multiple of PIECE: with an odd count of ones in the
 * counter, everything in flash passes the decryption. */
static void see(const struct em_sim *sim, uint64_t addr, uint8_t out[PIECE])
{
    unsigned ones = 0;
    memset(out, 0xFF, PIECE);
    if (addr + PIECE <= sim->flash.size)
        memcpy(out, sim->flash.data + addr, PIECE);
    for (unsigned bits = sim->crypt_count; bits != 0; bits &= bits - 1)
        ones++;
    if (ones % 2 == 1 && !em_sim_decrypt(sim, addr, out, PIECE))
        memset(out, 0xFF, PIECE); /* a key of no use */
}

/* The line of text that the flash holds at @p addr: so boards tell which firmware they
 * run, where it carries its name. */
static void say_line(struct em_sim *sim, uint64_t addr)
{
    uint8_t piece[PIECE];
    struct em_buf out = {0};
    see(sim, addr - addr % PIECE, piece);
    for (; addr < sim->flash.size; addr++) {
        if (addr % PIECE == 0)
            see(sim, addr, piece);
        uint8_t c = piece[addr % PIECE];
        if (c < ' ' || c > '~')
            break;
        em_buf_append_byte(&out, c);
    }
    em_buf_append(&out, "\r\n", sizeof "\r\n");
    if (!out.failed)
        em_sim_put_text(sim, (const char *)out.data);
    em_buf_free(&out);
}

void em_sim_start_app(struct em_sim *sim)
{
    uint8_t head[PIECE]; /* of a firmware image */
    const char *output = sim->options.app_output;
    char text[128];
    em_sim_loader_reset(sim);
    sim->mode = EM_SIM_APP;
    /* Nobody is there to read it, and it would be in the way: unless it was asked for. */
    if (!sim->lines_known && output == NULL)
        return;
    see(sim, sim->chip->bootloader, head);
    /* magic byte of firmware images and their segments, rom-protocol.md 12 */
    if (head[0] != 0xE9 || head[1] == 0 || head[1] > 16) {
        (void)snprintf(text, sizeof text, "invalid header: 0x%08x\r\n",
                       (unsigned)em_get_le32(head));
        em_sim_put_text(sim, text);
        return;
    }
    (void)snprintf(text, sizeof text, "entry 0x%08x\r\n",
                   (unsigned)em_get_le32(head + 4));
    em_sim_put_text(sim, text);
    if (output != NULL && output[0] == '@')
        say_line(sim, strtoull(output + 1, NULL, 0)); /* checked when it was set */
    else
        say(sim, output == NULL ? "app: ready\\r\\n" : output);
}

static void boot(struct em_sim *sim, bool download, bool aloud)
{
    char text[160];
    forget(sim);
    download = download && !sim->no_download;
    sim->mode = EM_SIM_ROM;
    if (aloud) {
        (void)snprintf(text, sizeof text,
                       "ESP-ROM:%s-sim\r\nrst:0x1 (POWERON),boot:0x%x (%s)\r\n%s",
                       sim->chip->id, download ? 0x7u : 0xfu,
                       download ? "DOWNLOAD(USB/UART0)" : "SPI_FAST_FLASH_BOOT",
                       download ? "waiting for download\r\n" : "");
        em_sim_put_text(sim, text);
    }
    if (!download)
        em_sim_start_app(sim);
}

void em_sim_boot(struct em_sim *sim, bool download, bool aloud)
{
    em_sim_memory_clear(&sim->memory);
    if (sim->flash.power != EM_SIM_POWER_GOOD)
        em_sim_flash_power_up(&sim->flash);
    boot(sim, download, aloud);
}

void em_sim_press_buttons(struct em_sim *sim)
{
    boot(sim, true, false);
}

void em_sim_stop(struct em_sim *sim)
{
    em_sim_loader_reset(sim);
    sim->mode = EM_SIM_OFF;
    sim->boot_at_ns = INT64_MAX;
}

static bool pin_is_low(const struct em_sim *sim)
{
    if (sim->options.usb_pid == USB_SERIAL_JTAG)
        return sim->usb_download;
    return sim->dtr == 1 && sim->rts == 0;
}

void em_sim_advance(struct em_sim *sim, int64_t now_ns)
{
    em_sim_power_advance(sim, now_ns);
    if (sim->boot_at_ns > now_ns)
        return;
    sim->clock_ns = sim->boot_at_ns;
    sim->busy_until_ns = sim->clock_ns;
    em_sim_wire_clear(sim);
    em_sim_boot(sim, pin_is_low(sim), sim->lines_known);
}

/* The lines go to the USB-Serial/JTAG unit: DTR alone asks for download mode, RTS alone
 * resets, both released takes the wish back. */
static void set_usb_lines(struct em_sim *sim, int64_t now_ns)
{
    if (sim->dtr == 0 && sim->rts == 1)
        sim->boot_at_ns = now_ns;
    else if (sim->dtr == 1 && sim->rts == 0)
        sim->usb_download = true;
    else if (sim->dtr == 0)
        sim->usb_download = false;
    em_sim_advance(sim, now_ns);
}

void em_sim_set_lines(struct em_sim *sim, int dtr, int rts, int64_t now_us)
{
    int64_t now_ns = now_us * 1000;
    em_sim_advance(sim, now_ns);
    sim->lines_known = true;
    sim->dtr = dtr < 0 ? sim->dtr : dtr != 0;
    sim->rts = rts < 0 ? sim->rts : rts != 0;
    if (sim->options.usb_pid == USB_SERIAL_JTAG) {
        set_usb_lines(sim, now_ns);
    } else if (sim->rts == 1 && sim->dtr == 0) { /* EN is pulled low: nothing runs */
        em_sim_wire_clear(sim);
        em_sim_stop(sim);
        sim->in_reset = true;
    } else if (sim->in_reset && sim->rts == 1) {
        sim->boot_at_ns = now_ns + both_asserted_ns;
    } else if (sim->in_reset) {
        sim->boot_at_ns = now_ns + en_rise_ns;
        sim->in_reset = false;
    }
}

void em_sim_power_cycle(struct em_sim *sim, int64_t now_us)
{
    sim->clock_ns = now_us * 1000;
    sim->busy_until_ns = sim->clock_ns;
    em_sim_wire_clear(sim);
    em_sim_flash_power_up(&sim->flash);
    /* Hosts without lines find the loader, as after the reset that they cannot do. */
    em_sim_boot(sim, !sim->lines_known || pin_is_low(sim), sim->lines_known);
}
