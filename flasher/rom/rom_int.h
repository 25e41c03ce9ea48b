/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to a loader: commands, and the device they go to. For the rooms of flasher/. */
#ifndef FLASHER_ROM_ROM_INT_H
#define FLASHER_ROM_ROM_INT_H

#include "base/error_int.h"
#include "flasher/chip/chip_int.h"
#include "flasher/chip/ops_int.h"
#include "flasher/rom/proto_int.h"
#include "flasher/rom/slip_int.h"
#include "flasher/transport/io_int.h"

#include <espmfg/device.h>

enum { EM_ROM_RESULT_MAX = 64 };

/** Answer to a command. */
struct em_rom_reply {
    uint32_t value;
    uint8_t data[EM_ROM_RESULT_MAX]; /* result bytes, without the status */
    size_t len;
    uint8_t status; /* of a refusal: as proto_int.h has them */
    uint8_t fault;
    bool other_op;  /* the refusal carried another op: how a ROM says "unknown command" */
    size_t trailer; /* bytes from the status on: 2 from a stub, 4 from most ROMs */
};

/** One command. */
struct em_rom_request {
    uint8_t op;
    const void *data;
    size_t len;
    const void *payload; /* of a block command: goes behind the block header */
    size_t payload_len;
    size_t result_len;  /* bytes of result before the status */
    size_t other_len;   /* another length that the result may have; 0: none */
    int64_t timeout_us; /* 0: the default of settings */
    bool secret;        /* a trace shows zeros for data, payload and answer */
    bool once;          /* never repeated, whatever the table of operations says */
};

/** What is done at one step of a reset. */
struct em_rom_reset_step {
    int dtr, rts;    /* 1, 0 or EM_LINE_KEEP */
    int64_t wait_us; /* instead of lines, when above 0 or @c delay */
    bool is_wait;
    bool delay; /* wait as long as settings or strategy say */
};

enum { EM_ROM_RESET_STEPS_MAX = 48 };

/** A reset, as em_rom_reset_parse() makes it. */
struct em_rom_reset {
    struct em_rom_reset_step step[EM_ROM_RESET_STEPS_MAX];
    size_t count; /* 0: none */
};

struct em_rom_stub; /* an upload, see link_int.h */

enum { EM_ROM_HEARD_MAX = 2048 };

/** A chip that was found behind a port. Only rom/ changes it, but for @c flash. */
struct em_device {
    struct em_io *io;
    const struct em_chip *chip; /* NULL until detected */
    struct em_device_options options;
    struct em_device_settings settings; /* defaults filled in */
    uint32_t baud;
    bool stub;
    bool secure_download;
    bool usb_jtag, usb_otg;        /* which port of the chip it is, by the USB ids */
    size_t ram_block, flash_block; /* for the loader that runs */
    struct em_security_info security;
    bool has_security;
    struct em_device_info info; /* filled on demand */
    bool has_info;
    char description[96], features[256];

    struct em_slip_reader reader;
    struct em_buf out; /* frame being sent */
    uint8_t in[4096];  /* bytes read and not yet looked at */
    size_t in_at, in_len;
    bool lines_told; /* that the port has no modem lines */

    uint8_t heard[EM_ROM_HEARD_MAX]; /* the last bytes that were in no frame: text of a
                                      * ROM that starts, of a program that crashes */
    size_t heard_len;
    uint64_t heard_total;
    uint8_t last_op; /* of the command before: its late answers are no refusals */
    size_t trailer;  /* bytes of status in the last answer */
    bool masked;     /* a trace shows zeros: a command that is secret is under way */
    bool encrypting; /* the flash write that was begun: its payload is secret */
    struct em_rom_reset enter, leave; /* custom sequences */
    struct em_rom_stub *upload;       /* NULL: none asked for */
    const struct em_chip *wanted;     /* the chip that has to answer; NULL: any */
    uint32_t crystal_mhz;             /* measured or known; 0: not yet */
    const char *progress_stage;
    int64_t progress_us;

    struct {
        bool attached;
        uint64_t size; /* what the loader was told; 0: nothing yet */
        uint32_t pins; /* that it was attached with */
        uint32_t id;
        /* A piece that the caller sends block by block. */
        bool open;
        uint32_t left;     /* bytes that are still to be sent */
        uint32_t inflated; /* what comes out of a compressed piece; 0: it is plain */
        uint32_t seq;
        size_t block;
    } flash; /* of flasher/flash/ */
};

/**
 * Send @p request and wait for its answer. EM_OK: status good. EM_ERR_CHIP: refused,
 * EM_ERR_UNSUPPORTED: unknown or forbidden command (@p reply tells), EM_ERR_LINK: no
 * answer in time, EM_ERR_PORT. @p reply may be NULL. Frames that answer something else
 * are dropped, 100 at most.
 */
enum em_status em_rom_command(struct em_device *dev, const struct em_rom_request *request,
                              struct em_rom_reply *reply, struct em_error *err);

/** Send without waiting, and wait for a frame of any kind (OHAI, READ_FLASH of a stub);
 * *frame_out is valid until the next call. */
enum em_status em_rom_send(struct em_device *dev, const struct em_rom_request *request,
                           struct em_error *err);
enum em_status em_rom_send_raw(struct em_device *dev, const uint8_t *body, size_t len,
                               struct em_error *err);
enum em_status em_rom_receive_raw(struct em_device *dev, int64_t timeout_us,
                                  const uint8_t **frame_out, size_t *len_out,
                                  struct em_error *err);

/** Bring both ends back into step: drop what is waiting and SYNC, a few times.
 * EM_ERR_LINK if nobody answers. A loader forgets a BEGIN by it. */
enum em_status em_rom_resync(struct em_device *dev, struct em_error *err);

/* Commands by name. Timeouts of 0 are those of the settings. */
enum em_status em_rom_read_reg(struct em_device *dev, uint32_t addr, uint32_t *out,
                               struct em_error *err);

struct em_rom_write {
    uint32_t addr, value, mask, delay_us;
};
/** @p count records in one command. */
enum em_status em_rom_write_regs(struct em_device *dev, const struct em_rom_write *writes,
                                 size_t count, struct em_error *err);
enum em_status em_rom_write_reg(struct em_device *dev, uint32_t addr, uint32_t value,
                                struct em_error *err);
/** Set the bits of @p mask to those of @p value, others as they were. */
enum em_status em_rom_update_reg(struct em_device *dev, uint32_t addr, uint32_t mask,
                                 uint32_t value, struct em_error *err);

/** FLASH_BEGIN or, compressed, FLASH_DEFL_BEGIN, in the form that the loader takes. */
enum em_status em_rom_flash_begin(struct em_device *dev, bool compressed,
                                  uint32_t erase_size, uint32_t blocks,
                                  uint32_t block_size, uint32_t offset, bool encrypted,
                                  int64_t timeout_us, struct em_error *err);
/** One block; tried once. */
enum em_status em_rom_flash_data(struct em_device *dev, bool compressed, uint32_t seq,
                                 const uint8_t *data, size_t len, int64_t timeout_us,
                                 struct em_rom_reply *reply, struct em_error *err);
enum em_status em_rom_flash_end(struct em_device *dev, bool compressed, bool reboot,
                                int64_t timeout_us, struct em_error *err);
enum em_status em_rom_spi_attach(struct em_device *dev, uint32_t pins,
                                 struct em_error *err);
enum em_status em_rom_spi_set_params(struct em_device *dev, uint32_t total,
                                     struct em_error *err);
enum em_status em_rom_flash_md5(struct em_device *dev, uint32_t addr, uint32_t len,
                                uint8_t out[16], struct em_error *err);
/** Up to EM_ROM_READ_SLOW_MAX bytes by the ROM. */
enum em_status em_rom_read_flash_slow(struct em_device *dev, uint32_t addr, uint32_t len,
                                      uint8_t *out, struct em_error *err);
/** Load @p len bytes to @p addr (MEM_BEGIN, MEM_DATA). */
enum em_status em_rom_load_memory(struct em_device *dev, uint32_t addr,
                                  const uint8_t *data, size_t len, struct em_error *err);
/** MEM_END: jump to @p entry; 0: stay. */
enum em_status em_rom_start(struct em_device *dev, uint32_t entry, struct em_error *err);

/** Time that @p len bytes may take at @p per_mb_ms, not below the default timeout and not
 * above the cap. */
int64_t em_rom_timeout_us(const struct em_device *dev, uint64_t len, uint32_t per_mb_ms);

/** Reader for the functions of flasher/chip/. */
struct em_chip_reader em_rom_chip_reader(struct em_device *dev);

/** Read until two readings in a row agree: nothing in the protocol protects the answer.
 * EM_ERR_LINK if that does not happen within a few tries. */
enum em_status em_rom_read_reg_sure(struct em_device *dev, uint32_t addr, uint32_t *out,
                                    struct em_error *err);

/** The port was gone in the middle: open it again (up to seven times, a second apart),
 * bring the chip into its loader, check that it is the same kind of chip, load the stub
 * and raise the rate as before. What flash/ knew of the flash is forgotten. */
enum em_status em_rom_reconnect(struct em_device *dev, struct em_error *err);

/** Make a device of an open pipe: what em_device_open() does after opening the port. @p
 * io is the device's from now on, also when this fails. */
enum em_status em_rom_device_new(struct em_device **out, struct em_io *io,
                                 const struct em_device_options *options,
                                 struct em_error *err);

/** Read the bits of @p mask where they stand; 0 where the chip has none. */
enum em_status em_rom_read_mask(struct em_device *dev, struct em_chip_mask mask,
                                uint32_t *out, struct em_error *err);

/** Frequency of the crystal, measured where several are possible. */
enum em_status em_rom_crystal(struct em_device *dev, uint32_t *mhz_out,
                              struct em_error *err);

/** Tell the user's hooks. */
void em_rom_log(struct em_device *dev, enum em_log_level level, const char *hint,
                const char *format, ...) EM_PRINTF(4, 5);
/** A stage of em_rom_progress() begins; each that begins also ends. */
void em_rom_begin(struct em_device *dev, const char *stage);
/** It ends; returns @p status. */
enum em_status em_rom_end(struct em_device *dev, const char *stage,
                          enum em_status status);
/** EM_ERR_STOPPED when the user wants to stop. Calls no more than ten times a second. */
enum em_status em_rom_progress(struct em_device *dev, const char *stage, uint64_t done,
                               uint64_t total, struct em_error *err);

#endif
