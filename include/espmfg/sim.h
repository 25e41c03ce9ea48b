/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated chip: ROM loader, flash, registers, eFuses, faults. */
#ifndef ESPMFG_SIM_H
#define ESPMFG_SIM_H

#include <espmfg/hooks.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A chip that exists in memory only. One thread at a time. */
struct em_sim;

/** Which chip, in which state. Begin with {0}; texts are copied. */
struct em_sim_options {
    const char *chip;       /**< "esp32c3" */
    const char *flash_file; /**< content of the flash, made if absent; NULL: in memory */
    uint64_t flash_size;    /**< bytes, a power of two; 0: 4 MiB */
    uint32_t flash_id;      /**< as RDID has it, manufacturer lowest; 0: one that fits */
    const char *efuse_file; /**< content of the eFuses, made if absent; NULL: in memory */
    const char
        *journal_file; /**< a line for every eFuse bit that was ever set, or NULL */
    uint8_t mac[6];
    bool has_mac; /**< else one that is made from @c seed */
    bool has_revision;
    uint32_t revision;    /**< major * 100 + minor */
    uint32_t crystal_mhz; /**< 0: the chip's usual one */
    bool real_timing;     /**< pace by baud rate and by the flash chip's times */
    bool secure_download;
    bool flash_encryption;
    bool secure_boot;
    bool flat_refusals; /**< refuse unknown commands under their own op, one frame */
    bool strict_rate;   /**< em_sim_set_pace() is as strict as em_sim_set_baud() */
    int usb_pid;   /**< of the port it pretends to be (0x1001: USB-Serial/JTAG); 0: a UART
                    */
    uint64_t seed; /**< of faults and of what is made up */
    const char *faults;     /**< "drop=P,garble=P,dup=P,delay=P:MS,cut-after=BYTES,
                             * power=P,power-cut-at=COMMAND:N,stuck-after=N,bad-md5=P"; NULL:
                             * none */
    const char *app_output; /**< what the program in flash prints when it starts, with the
                             * escapes n, r, t and backslash as in C; "@ADDR": the line
                             * of text that the flash has at ADDR; NULL: "app: ready" and
                             * the end of a line */
    bool wall_clock; /**< of "sim:" ports: time goes on by itself, and who waits waits */
    struct em_hooks hooks;
};

/**
 * Take options from text as after "sim:": "CHIP?KEY=VALUE&KEY=VALUE": flash, flash-size,
 * flash-id, efuse, journal, mac, revision, crystal, timing (none, real), secure-download,
 * flash-encryption, secure-boot, flat-refusals, strict-rate, usb-pid, seed, fault,
 * app-output, clock (virtual, wall). Texts in @p options point into *storage_out, which
 * the caller frees. EM_ERR_USAGE with the key at fault.
 */
EM_API enum em_status em_sim_options_parse(struct em_sim_options *options,
                                           char **storage_out, const char *text,
                                           struct em_error *err);

/** Set one option by its key, as above; for command lines. @p value is not copied. */
EM_API enum em_status em_sim_option_set(struct em_sim_options *options, const char *key,
                                        const char *value, struct em_error *err);

/** EM_ERR_USAGE (unknown chip, faults), EM_ERR_IO, EM_ERR_INPUT (files), EM_ERR_NOMEM. */
EM_API enum em_status em_sim_new(struct em_sim **out,
                                 const struct em_sim_options *options,
                                 struct em_error *err);

/** Write files back and free. @p sim may be NULL. */
EM_API void em_sim_free(struct em_sim *sim);

/* Times below are microseconds of any clock that never goes back; the caller keeps it. */

/** Bytes that the host began to send at @p now_us. */
EM_API void em_sim_receive(struct em_sim *sim, const uint8_t *data, size_t len,
                           int64_t now_us);

/** Take what the chip has sent up to @p now_us, at most @p cap bytes. */
EM_API size_t em_sim_send(struct em_sim *sim, uint8_t *out, size_t cap, int64_t now_us);

/** When em_sim_send() will have more; INT64_MAX: not before something is received. */
EM_API int64_t em_sim_next_us(struct em_sim *sim);

/** The host's modem lines changed: 1 asserted. Enough to reset the chip as a board does.
 */
EM_API void em_sim_set_lines(struct em_sim *sim, int dtr, int rts, int64_t now_us);

/** The host's rate, for those who know it: bytes at a rate that is not the chip's arrive
 * garbled. 0: whatever the chip has. */
EM_API void em_sim_set_baud(struct em_sim *sim, uint32_t baud);

/** The same for hosts that cannot reset the chip, and so meet it at any rate: their rate
 * only sets the pace of "timing=real", unless "strict-rate" is on. */
EM_API void em_sim_set_pace(struct em_sim *sim, uint32_t baud);

/** false once a fault of the cable ("cut-after") made the port vanish. */
EM_API bool em_sim_is_connected(const struct em_sim *sim);

/** false while nothing will answer: the power was cut, or the chip got stuck. A reset or
 * em_sim_power_cycle() mends it. */
EM_API bool em_sim_is_alive(const struct em_sim *sim);

/** Plug the cable in again; power stays on. */
EM_API void em_sim_reconnect(struct em_sim *sim);

/** Switch off and on: RAM and registers are lost, flash and eFuses stay. */
EM_API void em_sim_power_cycle(struct em_sim *sim, int64_t now_us);

/**
 * The power fails, within the next 20 ms: in the middle of a command if one comes till
 * then (flash is programmed or erased by half, and only some eFuse bits of a burn take),
 * else between two. Back on as em_sim_is_alive() says.
 */
EM_API void em_sim_power_fail(struct em_sim *sim, int64_t now_us);

/** What happened so far. */
struct em_sim_stats {
    uint64_t bytes_in, bytes_out, commands;
    int64_t needed_us;  /**< what wire and flash needed, had the host lost no time */
    int64_t elapsed_us; /**< from the first byte to the last */
    int64_t flash_us;   /**< of it: erasing and programming */
    uint64_t faults;    /**< bytes and commands that were tampered with */
    uint64_t erased_sectors, programmed_bytes;
    uint64_t lost_bytes, changed_bytes; /**< by "drop" and "garble" */
    uint64_t power_cuts;                /**< how often the power went */
    uint64_t cut_burns;                 /**< of them, within a burn of eFuses */
};
EM_API void em_sim_stats(const struct em_sim *sim, struct em_sim_stats *out);

/** Look into the flash; *len_out its size. The memory is the chip's. */
EM_API const uint8_t *em_sim_flash(const struct em_sim *sim, size_t *len_out);

/** Write the files back now. */
EM_API enum em_status em_sim_save(struct em_sim *sim, struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
