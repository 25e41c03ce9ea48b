/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of rom/ share among themselves. */
#ifndef FLASHER_ROM_LINK_INT_H
#define FLASHER_ROM_LINK_INT_H

#include "flasher/rom/rom_int.h"

/* ---- operations (ops.c) ---- */

/** What the host has to know of an operation. */
struct em_rom_op_info {
    uint8_t op;
    const char *name;
    bool repeat; /* doing it twice is as good as once: sent again after a link fault */
    bool block;  /* has a block header and a check byte */
    bool sure;   /* every loader has it: a refusal is doubted once */
};

/** Never NULL; an operation that is not in the table has the name "command". */
const struct em_rom_op_info *em_rom_op_info(uint8_t op);

/** The meaning of a refusal in words. */
const char *em_rom_fault_text(const struct em_rom_reply *reply);

/** Does this refusal mean "no such command", rather than "it failed"? */
bool em_rom_is_unsupported(const struct em_rom_op_info *info,
                           const struct em_rom_reply *reply);

/* ---- link (link.c, trace.c) ---- */

int64_t em_rom_now(struct em_device *dev);
void em_rom_sleep_ms(struct em_device *dev, uint32_t ms);

/** Forget all that came and was not read. */
enum em_status em_rom_flush(struct em_device *dev, struct em_error *err);

/** Take what comes within @p time_us as text between frames (EM_OK also for nothing). */
enum em_status em_rom_listen(struct em_device *dev, int64_t time_us,
                             struct em_error *err);

/** The next frame before @p deadline_us; @p left counts down for broken frames. */
enum em_status em_rom_receive_until(struct em_device *dev, int64_t deadline_us,
                                    unsigned *left, const uint8_t **frame_out,
                                    size_t *len_out, struct em_error *err);

enum { EM_ROM_FOREIGN_MAX = 100 }; /* frames that answer something else */

/** Tell the trace, if there is one. */
void em_rom_trace(struct em_device *dev, const char *what, const char *text,
                  const uint8_t *bytes, size_t len);

/** em_rom_progress() of something other than bytes. */
enum em_status em_rom_progress_of(struct em_device *dev, const char *stage,
                                  const char *counts, uint64_t done, uint64_t total,
                                  struct em_error *err);

/** Change the modem lines or the rate, and tell the trace. */
enum em_status em_rom_set_lines(struct em_device *dev, int dtr, int rts,
                                struct em_error *err);
enum em_status em_rom_set_baud(struct em_device *dev, uint32_t baud,
                               struct em_error *err);

/* ---- sync (sync.c) ---- */

/** One SYNC; *stub_out tells whether a stub answered. EM_ERR_LINK: nobody within @p
 * timeout_us. */
enum em_status em_rom_sync(struct em_device *dev, int64_t timeout_us, bool *stub_out,
                           struct em_error *err);

/* ---- reset (reset.c) ---- */

/** Sequences of 5.4 of the protocol, in the notation of custom ones. */
extern const char em_rom_reset_tight[], em_rom_reset_classic[], em_rom_reset_usb[],
    em_rom_reset_hard[], em_rom_reset_hard_usb[];

/** "D0|R1|U1,0|W0.1", and "Wd" for the delay of the settings. EM_ERR_USAGE with the item
 * at fault. */
enum em_status em_rom_reset_parse(struct em_rom_reset *out, const char *text,
                                  struct em_error *err);

/** Play it; ends at once when the port turns out to have no lines. */
enum em_status em_rom_reset_play(struct em_device *dev, const struct em_rom_reset *reset,
                                 uint32_t delay_ms, struct em_error *err);

/* ---- connect (connect.c, heard.c) ---- */

enum { EM_ROM_USB_VID = 0x303A }; /* Espressif's; rom-protocol.md, 5.5 */

/** Bring the chip into its loader and SYNC. */
enum em_status em_rom_connect(struct em_device *dev, struct em_error *err);

/** Nobody answered: what the bytes that were heard tell of the reason. */
enum em_status em_rom_tell_silence(struct em_device *dev, unsigned attempts,
                                   struct em_error *err);

/** Say once that nothing can be reset through this port. */
void em_rom_tell_no_lines(struct em_device *dev);

/* ---- leaving (leave.c) ---- */

/** EM_AFTER_HARD_RESET. @p baud: the line's rate from the moment on when the chip may
 * speak for itself; 0: as it is. */
enum em_status em_rom_hard_reset(struct em_device *dev, uint32_t baud,
                                 struct em_error *err);

/* ---- device (device.c) ---- */

/** A device without a port yet: settings, sequences, the stub's file. */
enum em_status em_rom_device_prepare(struct em_device **out,
                                     const struct em_device_options *options,
                                     struct em_error *err);

/** Rate of the first contact. */
uint32_t em_rom_first_baud(const struct em_device *dev);

/** Connect, detect, load the stub, raise the rate. */
enum em_status em_rom_bring_up(struct em_device *dev, struct em_error *err);

/* ---- detection (detect.c) ---- */

/** Find out which chip answers, and compare with what was asked for. */
enum em_status em_rom_detect(struct em_device *dev, const struct em_chip *wanted,
                             struct em_error *err);

/* ---- rate (baud.c) ---- */

/** Raise the rate to that of the options. *lost_out: both ends are out of step, and only
 * a new connection helps. */
enum em_status em_rom_raise_baud(struct em_device *dev, bool *lost_out,
                                 struct em_error *err);

/* ---- stub (stub.c, stub_file.c) ---- */

/** A stub as its file has it. */
struct em_rom_stub {
    uint32_t entry, text_start, data_start, bss_start;
    bool has_data, has_bss;
    struct em_buf text, data;
};

enum em_status em_rom_stub_parse(struct em_rom_stub **out, const char *name,
                                 const uint8_t *json, size_t len, struct em_error *err);
enum em_status em_rom_stub_load(struct em_rom_stub **out, const char *path,
                                struct em_error *err);
void em_rom_stub_free(struct em_rom_stub *stub);

/** Upload and start the stub of the device. Chips that must not have one keep the ROM,
 * with a warning. */
enum em_status em_rom_stub_start(struct em_device *dev, struct em_error *err);

/** EM_ERR_REFUSED when @p len bytes at @p addr would go over the stub that runs. */
enum em_status em_rom_stub_guard(struct em_device *dev, uint32_t addr, size_t len,
                                 struct em_error *err);

/* ---- after connecting (post_connect.c), quirks.c ---- */

enum em_rom_quirk {
    EM_ROM_CLEAR_FORCE_DOWNLOAD = 1, /* before a hard reset */
    EM_ROM_OTG_WATCHDOG = 2,         /* over USB-OTG leave by the watchdog, always */
    EM_ROM_SECURE_KEEPS_BAUD = 4,    /* in secure download mode the rate stays */
    EM_ROM_NO_STUB_SECURE_BOOT = 8,
    EM_ROM_NO_STUB_REVISION_0 = 16,
};

/** What only some chips want, beyond flasher/chip/. */
struct em_rom_quirks {
    const char *chip;
    unsigned flags;            /* of enum em_rom_quirk */
    uint32_t secure_boot_hook; /* word that the ROM jumps through; 0: none */
};

bool em_rom_has_quirk(const struct em_device *dev, enum em_rom_quirk quirk);

/** 0: the chip needs none. */
uint32_t em_rom_secure_boot_hook(const struct em_device *dev);

/** Watchdogs, power of the flash, as the chip asks for. */
enum em_status em_rom_post_connect(struct em_device *dev, struct em_error *err);

/** Sizes of blocks for the loader that runs and the port it has. */
void em_rom_choose_blocks(struct em_device *dev);

/* ---- who it is (info.c) ---- */

/** Reader whose answers were read twice, and are remembered for a while. */
struct em_rom_sure_reader {
    struct em_device *dev;
    struct {
        uint32_t addr, value;
    } known[32];
    size_t count;
};
struct em_chip_reader em_rom_sure_chip_reader(struct em_rom_sure_reader *sure,
                                              struct em_device *dev);

/** Revision as major * 100 + minor. */
enum em_status em_rom_revision(struct em_device *dev, uint32_t *out,
                               struct em_error *err);

#endif
