/* SPDX-License-Identifier: Apache-2.0 */
/* A chip at the end of a port: connect, ask who it is, its registers and memory, reset.
 */
#ifndef ESPMFG_DEVICE_H
#define ESPMFG_DEVICE_H

#include <espmfg/hooks.h>
#include <espmfg/port.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A chip that answers. One thread at a time; different devices in different threads. */
struct em_device;

/** How to bring a chip into its loader. */
enum em_before {
    EM_BEFORE_DEFAULT_RESET,    /**< what fits the port: classic, or USB-Serial/JTAG */
    EM_BEFORE_USB_RESET,        /**< the USB-Serial/JTAG sequence */
    EM_BEFORE_NO_RESET,         /**< it is there already: SYNC only */
    EM_BEFORE_NO_RESET_NO_SYNC, /**< not even SYNC: it answers at the wanted rate */
};

/** How to leave it. */
enum em_after {
    EM_AFTER_HARD_RESET,    /**< pulse on EN */
    EM_AFTER_SOFT_RESET,    /**< run the program in flash */
    EM_AFTER_NO_RESET,      /**< stay in the loader */
    EM_AFTER_NO_RESET_STUB, /**< stay in the stub */
    EM_AFTER_WATCHDOG_RESET,
};

/** Times and tries; 0 or NULL stands for the default behind it. Times in milliseconds;
 * "per MB" means per 1,000,000 bytes. */
struct em_device_settings {
    uint32_t timeout_ms;                     /**< of a command: 3000 */
    uint32_t sync_timeout_ms;                /**< 100 */
    uint32_t max_timeout_ms;                 /**< cap of all: 240000 */
    uint32_t chip_erase_timeout_ms;          /**< 120000 */
    uint32_t md5_timeout_per_mb_ms;          /**< 8000 */
    uint32_t erase_region_timeout_per_mb_ms; /**< 40000 */
    uint32_t erase_write_timeout_per_mb_ms;  /**< 40000 */
    uint32_t mem_end_rom_timeout_ms;         /**< 200 */
    uint32_t serial_write_timeout_ms;        /**< 10000 */
    uint32_t write_block_attempts;           /**< 3 */
    uint32_t reset_delay_ms;                 /**< boot pin held after EN: 50, then 550 */
    uint32_t open_attempts;                  /**< 1 */
    const char *reset_sequence;              /**< custom, "D0|R1|W0.1|D1|R0|W0.05|D0" */
    const char *hard_reset_sequence;         /**< custom */
};

/** Bytes on the wire, as a trace shows them. */
struct em_trace {
    /** @p what: "write", "read", "command", "answer", "lines", "baud" or "note"; @p text
     * one line; bytes may be none. Payloads that are secret arrive as zeros. */
    void (*line)(void *user, int64_t time_us, const char *what, const char *text,
                 const uint8_t *bytes, size_t len);
    void *user;
};

/** What em_device_open() is told. Begin with EM_DEVICE_OPTIONS_INIT. */
struct em_device_options {
    const char *chip; /**< name of the chip that has to answer; NULL: any */
    uint32_t baud;    /**< rate after the first contact */
    enum em_before before;
    int connect_attempts;  /**< 0 or less: for ever (progress call-back may stop it) */
    const char *stub_file; /**< JSON file of a stub to upload; NULL: talk to the ROM */
    struct em_device_settings settings;
    struct em_hooks hooks;
    struct em_trace trace;
};

#define EM_DEVICE_OPTIONS_INIT                                                           \
    {                                                                                    \
        .baud = 115200, .connect_attempts = 7                                            \
    }

/** Who a chip is. All texts belong to the device. */
struct em_device_info {
    const char *chip;        /**< "esp32c3" */
    const char *name;        /**< "ESP32-C3" */
    const char *description; /**< "ESP32-C3 (QFN32) (revision v0.4)" */
    const char *features;    /**< "Wi-Fi, BT 5 (LE), …" */
    const char *usb_mode;    /**< "USB-Serial/JTAG", "USB-OTG" or "" */
    uint32_t revision;       /**< major * 100 + minor */
    uint32_t crystal_mhz;
    uint8_t mac[6];
    uint8_t eui64[8]; /**< with @c has_eui64 */
    bool has_eui64;
    bool secure_download; /**< all but @c chip, @c name, @c secure_download are unknown */
    bool stub;            /**< a stub answers */
};

/** What GET_SECURITY_INFO tells. */
struct em_security_info {
    uint32_t flags; /**< bit 0 secure boot, 1 aggressive revoke, 2 secure download, 3-5
                     * key revoked, 6, 7 JTAG off (software, for good), 8 USB off, 9, 10
                     * caches off in download mode */
    uint8_t crypt_count; /**< flash encryption is on with an odd number of ones */
    uint8_t key_purposes[7];
    bool has_chip_id; /**< all but the ESP32-S2 */
    uint32_t chip_id;
    uint32_t api_version;
};

/**
 * Open port @p port ("/dev/ttyUSB0", "socket://HOST:PORT", "rfc2217://HOST:PORT",
 * "sim:CHIP?OPTIONS"), bring the chip into its loader, find out which it is, load the
 * stub if there is one, and raise the rate. *out is the caller's: em_device_close().
 * Returns EM_OK, EM_ERR_PORT, EM_ERR_LINK (nobody answers), EM_ERR_CHIP (another chip),
 * EM_ERR_INPUT and EM_ERR_IO (stub), EM_ERR_USAGE, EM_ERR_STOPPED, EM_ERR_NOMEM.
 */
EM_API enum em_status em_device_open(struct em_device **out, const char *port,
                                     const struct em_device_options *options,
                                     struct em_error *err);

/**
 * The same with the first port that has a chip, of those that em_ports_list() finds, in
 * its order; @p filter may be NULL. A port that nobody answers on is told to the hooks as
 * a warning. em_device_port() tells which it was. Returns what em_device_open() returns;
 * EM_ERR_PORT: there is no port at all; EM_ERR_LINK: no chip on any of them.
 */
EM_API enum em_status em_device_find(struct em_device **out,
                                     const struct em_port_filter *filter,
                                     const struct em_device_options *options,
                                     struct em_error *err);

/** The name of its port, which all call-backs get as the name of the device. It belongs
 * to the device. */
EM_API const char *em_device_port(const struct em_device *device);

/**
 * Upload the stub of file @p stub_file and start it, on a device that was opened without
 * one. A stub that runs already stays, with a note; a chip that takes none keeps its ROM
 * loader, with a warning. Returns EM_OK, EM_ERR_IO and EM_ERR_INPUT (the file),
 * EM_ERR_LINK (it does not start: close the device), EM_ERR_PORT, EM_ERR_NOMEM.
 */
EM_API enum em_status em_device_start_stub(struct em_device *device,
                                           const char *stub_file, struct em_error *err);

/** Close the port and free @p device (may be NULL). Resets nothing. */
EM_API void em_device_close(struct em_device *device);

/**
 * Leave the loader as @p after says. What the chip or its state does not allow falls back
 * to the pulse on EN, with a note.
 */
EM_API enum em_status em_device_reset(struct em_device *device, enum em_after after,
                                      struct em_error *err);

/** Takes what a chip says, in order; true: that is enough. */
typedef bool em_device_sink(void *user, const uint8_t *data, size_t len);

/**
 * Reset the chip as EM_AFTER_HARD_RESET does (through ports without modem lines start the
 * program in flash as EM_AFTER_SOFT_RESET does) and listen at @p baud, for @p timeout_ms
 * at most, until @p sink has enough. Ports of the chip's own USB, which vanish in the
 * reset, are opened again. The time is the transport's. The chip is not in its loader
 * afterwards: em_device_reset(), em_device_listen() and em_device_close() are all that is
 * possible. Returns EM_OK, EM_ERR_LINK (nothing came, or not what @p sink wants),
 * EM_ERR_PORT, EM_ERR_STOPPED, and what the reset may return.
 */
EM_API enum em_status em_device_listen(struct em_device *device, uint32_t baud,
                                       em_device_sink *sink, void *user,
                                       uint32_t timeout_ms, struct em_error *err);

/** Who it is. Reads the chip the first time; the result belongs to the device. The MAC is
 * read twice, as nothing in the protocol protects it. */
EM_API enum em_status em_device_info(struct em_device *device,
                                     const struct em_device_info **out,
                                     struct em_error *err);

/**
 * Is it still the chip that em_device_info() told of? Reads the MAC anew: a board that
 * was changed for another is EM_ERR_CHIP. EM_OK also when nobody asked who it is, and in
 * secure download mode, where nothing can be compared.
 */
EM_API enum em_status em_device_check_same(struct em_device *device,
                                           struct em_error *err);

/**
 * The number of the chip itself. Only the ESP8266 has one, made of its MAC; others are
 * EM_ERR_UNSUPPORTED, and em_device_info() tells their MAC.
 */
EM_API enum em_status em_device_chip_id(struct em_device *device, uint32_t *out,
                                        struct em_error *err);

/** What GET_SECURITY_INFO tells. EM_ERR_UNSUPPORTED on chips without it. */
EM_API enum em_status em_device_security_info(struct em_device *device,
                                              struct em_security_info *out,
                                              struct em_error *err);

/** One 32-bit word of memory or a register. */
EM_API enum em_status em_device_read_word(struct em_device *device, uint32_t addr,
                                          uint32_t *out, struct em_error *err);

/** Write the bits of @p mask, then wait @p delay_us in the chip. */
EM_API enum em_status em_device_write_word(struct em_device *device, uint32_t addr,
                                           uint32_t value, uint32_t mask,
                                           uint32_t delay_us, struct em_error *err);

/** Read @p len bytes (a multiple of 4) from @p addr (likewise), with progress. */
EM_API enum em_status em_device_read_memory(struct em_device *device, uint32_t addr,
                                            uint8_t *out, size_t len,
                                            struct em_error *err);

/** Load the segments of firmware image @p image into RAM and run it. Nothing but
 * em_device_close() is possible afterwards. */
EM_API enum em_status em_device_load_ram(struct em_device *device, const uint8_t *image,
                                         size_t len, struct em_error *err);

/** Leave the loader and run the program in flash. */
EM_API enum em_status em_device_run(struct em_device *device, struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
