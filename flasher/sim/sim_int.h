/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated chip from inside: its parts, and how they talk to each other. */
#ifndef FLASHER_SIM_SIM_INT_H
#define FLASHER_SIM_SIM_INT_H

#include "base/buf_int.h"
#include "base/error_int.h"
#include "flasher/chip/chip_int.h"
#include "flasher/efuse/model_int.h"
#include "flasher/rom/proto_int.h"
#include "flasher/rom/slip_int.h"
#include "flasher/sim/flash_int.h"

#include <espmfg/sim.h>

#define ZLIB_CONST /* input of inflate() is const */
#include <zlib.h>

/* Longest body of a frame that is taken: a stub's block with room for more. */
enum { EM_SIM_BODY_MAX = 0x8000 };

/* ---- memory.c: RAM and registers that nothing else stands behind ---- */

enum { EM_SIM_PAGE_WORDS = 1024, EM_SIM_PAGES_MAX = 4096, EM_SIM_BUCKETS = 256 };

struct em_sim_page;

/** Words by address, made when they are first written; others read as 0. */
struct em_sim_memory {
    struct em_sim_page *buckets[EM_SIM_BUCKETS];
    size_t pages;
};

uint32_t em_sim_memory_read(const struct em_sim_memory *memory, uint32_t addr);
/** false: too much was written (EM_SIM_PAGES_MAX), or out of memory. */
bool em_sim_memory_write(struct em_sim_memory *memory, uint32_t addr, uint32_t value);
bool em_sim_memory_store(struct em_sim_memory *memory, uint32_t addr, const uint8_t *data,
                         size_t len);
void em_sim_memory_clear(struct em_sim_memory *memory);

/* ---- faults.c ---- */

/** A deterministic source of numbers (splitmix64). */
struct em_sim_random {
    uint64_t state;
};
uint64_t em_sim_random_next(struct em_sim_random *random);

/** What goes wrong, as "fault=" says. Chances in parts per 1,000,000,000. */
struct em_sim_faults {
    uint32_t drop, garble, dup, delay, bad_md5, power;
    int64_t delay_ns;
    uint64_t cut_after;    /* bytes in both directions; 0: never */
    uint64_t stuck_after;  /* commands; 0: never */
    uint16_t power_cut_op; /* op, EM_SIM_CUT_BURN, or EM_SIM_CUT_NONE */
    uint64_t power_cut_at; /* which one of these */
    bool any_byte;         /* drop, garble, dup or delay */
};
enum { EM_SIM_CUT_NONE = 0xFFFF, EM_SIM_CUT_BURN = 0x100, EM_SIM_CUT_PERMILLE = 500 };

enum em_status em_sim_faults_parse(struct em_sim_faults *out, const char *text,
                                   struct em_error *err);
/** One throw of the dice; none when @p chance is 0. */
bool em_sim_chance(struct em_sim_random *random, uint32_t chance);

/** What becomes of one byte. */
struct em_sim_fate {
    uint8_t byte[2];
    unsigned count; /* 0 to 2 */
    bool delayed;
};
struct em_sim_fate em_sim_byte_fate(struct em_sim *sim, uint8_t byte);

/* ---- seed.c: what is peculiar to a chip, as the factory made it ---- */

enum em_sim_mac_form {
    EM_SIM_MAC_WORDS, /* where the chip's table says */
    EM_SIM_MAC_CRC,   /* the same, with a CRC-8 behind (ESP32) */
    EM_SIM_MAC_OTP,   /* ESP8266: scattered over its four words */
};

/** What the tables of flasher/chip/ do not hold, as only the device itself needs it. */
struct em_sim_profile {
    const char *chip;
    uint32_t revision;    /* of a chip nobody said more about */
    uint32_t crystal_mhz; /* and its crystal; 0: as the chip's table says */
    uint32_t uart_no[2];  /* ROM's variable: which port it talks over */
    uint8_t uart_no_usb_jtag, uart_no_usb_otg;
    enum em_sim_mac_form mac_form;
    uint32_t spi_alias; /* SPI registers are here as well */
    bool erase_fault;   /* ROM erases too much (ESP8266) */
    /* With secure boot on (rom-protocol.md 10): no uploaded code is started at all; or
     * only through this word, when a read of no bytes is asked for. */
    bool secure_no_code;
    uint32_t secure_hook;
    uint32_t mac_alias; /* where older tools look for the MAC */
    struct {
        uint32_t addr, value;
    } words[6]; /* registers after a reset */
};
const struct em_sim_profile *em_sim_profile_find(const struct em_chip *chip);

/** Put into the fuses what a chip leaves the factory with. Once in its life. */
void em_sim_seed_fuses(struct em_sim *sim);
/** Registers after a reset. */
void em_sim_seed_registers(struct em_sim *sim);
/** The divider of the UART for @p rate, by which hosts reckon the crystal. */
void em_sim_seed_divider(struct em_sim *sim, uint32_t rate);

/* ---- fuses.c ---- */

enum em_status em_sim_fuses_open(struct em_sim *sim, struct em_error *err);
void em_sim_fuses_close(struct em_sim *sim);
bool em_sim_fuses_has(const struct em_sim *sim, uint32_t addr);
/** Registers of the controller are lost, read windows are loaded. */
void em_sim_fuses_reset(struct em_sim *sim);
/** Set bits of the fuse word that is read at @p addr. */
void em_sim_fuses_seed(struct em_sim *sim, uint32_t addr, unsigned low, unsigned count,
                       uint32_t value);
/** Set a field; false: the chip has none of that name. */
bool em_sim_fuses_seed_field(struct em_sim *sim, const char *name, uint32_t value);
/** Burn @p key for flash encryption, as the chip needs it, and protect it. */
void em_sim_fuses_seed_key(struct em_sim *sim, const uint8_t *key, size_t len);
/** Does a field tell what each key is for? */
bool em_sim_fuses_has_purposes(const struct em_sim *sim);
uint32_t em_sim_fuses_read(struct em_sim *sim, uint32_t addr);
/** A write into the controller, and what follows from it: files, journal, power cut. */
void em_sim_fuses_write(struct em_sim *sim, uint32_t addr, uint32_t value);
/** Take over what the read windows say: after a reset, or when they were loaded anew. */
void em_sim_fuses_obey(struct em_sim *sim);

/* fuse_files.c */

/* Chips without a table (ESP8266) have so many bytes of plain words that never change. */
enum { EM_SIM_PLAIN_FUSES = 0x10 };

enum em_status em_sim_fuses_load(struct em_sim *sim, struct em_error *err);
enum em_status em_sim_fuses_save(struct em_sim *sim, struct em_error *err);
/** Save, and write the lines of sim->journal into its file. */
enum em_status em_sim_fuses_note_burn(struct em_sim *sim, struct em_error *err);
void em_sim_journal_line(struct em_buf *journal, unsigned block, unsigned bit,
                         bool check);

/* ---- the chip ---- */

enum em_sim_mode {
    EM_SIM_ROM,  /* the ROM's loader */
    EM_SIM_STUB, /* a loader that was uploaded */
    EM_SIM_APP,  /* a program */
    EM_SIM_OFF,  /* no power */
};

/** FLASH_BEGIN and what follows it. */
struct em_sim_write {
    bool active, compressed, encrypted;
    uint64_t at;           /* next flash address */
    uint64_t left;         /* bytes that may still come */
    uint64_t erase_at;     /* stub: erased up to here, */
    uint64_t erase_end;    /* to be erased up to here */
    uint8_t late_fault;    /* stub: of a block that was acknowledged before */
    bool inflating, ended; /* the stream is open; its end was seen */
    z_stream stream;
};

/** MEM_BEGIN and what follows it. */
struct em_sim_load {
    bool active;
    uint32_t at;
    uint64_t left;
    bool has_greeting; /* the code that was loaded says OHAI */
};

/** READ_FLASH of a stub: packets under way. */
struct em_sim_stream {
    bool active;
    uint64_t at, len, sent, acked;
    uint32_t packet, window;
    uint8_t digest[16];
};

/** Bytes that are on the wire, or wait for it. */
struct em_sim_segment {
    size_t len;
    int64_t due_ns;
    uint32_t baud;
};

struct em_sim_cable {
    struct em_buf bytes; /* of all segments, from @c head on */
    size_t head;
    struct em_sim_segment *segments;
    size_t count, first, cap;
    int64_t rx_free_ns, tx_free_ns; /* when the last byte is through */
    bool gone;
    uint64_t passed; /* bytes, both directions */
};

enum { EM_SIM_TEXTS = 4 };

struct em_sim {
    const struct em_chip *chip;
    const struct em_sim_profile *profile;
    struct em_sim_options options;
    char *texts[EM_SIM_TEXTS]; /* of options */
    uint8_t mac[6];
    uint32_t revision, crystal_mhz;
    uint32_t last_read;    /* address of the last fuse word that was read */
    uint32_t believed_mhz; /* what the ROM takes the crystal for; 0: what it is */

    enum em_sim_mode mode;
    bool stuck;
    bool lines_known;
    int dtr, rts;
    bool in_reset, usb_download; /* EN is low; what USB-Serial/JTAG was told */
    int64_t boot_at_ns;          /* INT64_MAX: not waiting */

    int64_t clock_ns; /* of the chip, while it works */
    int64_t busy_until_ns;
    uint32_t rate, next_rate; /* 0: not measured; 0: no change under way */
    int64_t switch_at_ns;
    uint32_t host_baud; /* 0: not known */
    uint32_t pace_baud; /* sets the pace whatever the chip's rate is; 0: not known */

    struct em_sim_cable cable;
    struct em_slip_reader reader;
    struct em_buf frame; /* being made */

    bool attached;
    uint64_t told_size; /* of the flash, by SPI_SET_PARAMS */
    struct em_sim_write write;
    struct em_sim_load load;
    struct em_sim_stream stream;

    struct em_sim_memory memory;
    struct em_sim_flash flash;
    struct em_efuse_model *fuses; /* NULL: plain words (no table of the chip) */
    struct em_sim_memory plain_fuses;
    bool fuses_changed;
    struct em_buf journal;
    bool secure_download, secure_boot, no_download; /* as the fuses say */
    uint8_t crypt_count;
    uint8_t key_purposes[7];

    struct em_sim_faults faults;
    struct em_sim_random dice, noise;
    uint64_t cut_seen, burns;
    bool cutting;          /* in the command that the power is cut in */
    unsigned cut_permille; /* of the bits of a burn that take */
    int64_t cut_by_ns; /* when the power fails at the latest; INT64_MAX: it does not */

    struct em_sim_stats stats;
    int64_t first_ns, last_ns, idle_ns;
    bool started;
};

/* sim.c */
void em_sim_tell(struct em_sim *sim, const struct em_error *err);
/** Time that the chip spends; only with real timing. */
void em_sim_spend(struct em_sim *sim, int64_t ns);
void em_sim_spend_flash(struct em_sim *sim, int64_t ns);

/* wire.c */
void em_sim_put(struct em_sim *sim, const uint8_t *data, size_t len);
void em_sim_put_text(struct em_sim *sim, const char *text);
void em_sim_put_frame(struct em_sim *sim, const uint8_t *body, size_t len);
/** Bytes under way to the host get lost. */
void em_sim_wire_clear(struct em_sim *sim);
void em_sim_wire_free(struct em_sim *sim);
/** The chip's rate at a time, 0 if it was not measured yet. */
uint32_t em_sim_rate_at(struct em_sim *sim, int64_t ns);

/* reset.c */
/** Into the loader or the program in flash, now (clock_ns); @p aloud: with boot text. */
void em_sim_boot(struct em_sim *sim, bool download, bool aloud);
/** As if somebody had pressed the buttons of the board: into the loader; RAM stays. */
void em_sim_press_buttons(struct em_sim *sim);
/** Do what became due up to @p now_ns. */
void em_sim_advance(struct em_sim *sim, int64_t now_ns);
/** EN is low: nothing runs. */
void em_sim_stop(struct em_sim *sim);
/** The program in flash takes over. */
void em_sim_start_app(struct em_sim *sim);

/* power.c */
/** The power fails in the command that begins now. */
void em_sim_power_begin_cut(struct em_sim *sim, unsigned burn_permille);
/** It does so if a fault says so. */
void em_sim_power_dice(struct em_sim *sim);
/** The power is gone, flash and all. */
void em_sim_power_off(struct em_sim *sim);
/** It is if its time has come. */
void em_sim_power_advance(struct em_sim *sim, int64_t now_ns);

/* loader.c */
struct em_sim_request {
    uint8_t op;
    const uint8_t *data;
    size_t len;
    uint32_t check;
};
typedef void em_sim_handler(struct em_sim *sim, const struct em_sim_request *request);

/** A frame has arrived. */
void em_sim_on_frame(struct em_sim *sim, const uint8_t *body, size_t len);
void em_sim_loader_reset(struct em_sim *sim);
void em_sim_answer(struct em_sim *sim, const struct em_sim_request *request,
                   uint32_t value, const uint8_t *result, size_t len);
/** Refuse with the code of the loader that runs. */
void em_sim_refuse(struct em_sim *sim, const struct em_sim_request *request,
                   uint8_t rom_fault, uint8_t stub_fault);
/** Name of a command or number; EM_SIM_CUT_NONE: there is none. */
uint16_t em_sim_op_find(const char *name, size_t len);
/** Word @p i of the data; 0 behind its end. */
uint32_t em_sim_word(const struct em_sim_request *request, size_t i);
/** Payload of a block command. false: refused (length, checksum). */
bool em_sim_payload(struct em_sim *sim, const struct em_sim_request *request,
                    const uint8_t **data_out, size_t *len_out);

/* flash_commands.c, write.c, memory_commands.c, stub.c */
em_sim_handler em_sim_on_flash_begin, em_sim_on_flash_data, em_sim_on_flash_end,
    em_sim_on_spi_attach, em_sim_on_spi_params, em_sim_on_flash_md5, em_sim_on_read_slow,
    em_sim_on_mem_begin, em_sim_on_mem_data, em_sim_on_mem_end, em_sim_on_read_reg,
    em_sim_on_write_reg, em_sim_on_baud, em_sim_on_security, em_sim_on_erase_flash,
    em_sim_on_erase_region, em_sim_on_read_flash, em_sim_on_run_user;
void em_sim_write_stop(struct em_sim *sim);
/** Is @p addr, @p len in the flash that the loader knows of? */
bool em_sim_in_flash(const struct em_sim *sim, uint64_t addr, uint64_t len);
void em_sim_stub_start(struct em_sim *sim);
/** Was code started by a read of no bytes (em_sim_profile.secure_hook)? */
bool em_sim_hook_starts(struct em_sim *sim);
void em_sim_stub_ack(struct em_sim *sim, const uint8_t *body, size_t len);
/** A digest as it goes out, perhaps spoilt by a fault. */
void em_sim_flash_digest(struct em_sim *sim, uint64_t addr, uint64_t len,
                         uint8_t out[16]);

/* spi.c: the registers of the SPI peripheral. */
bool em_sim_spi_has(const struct em_sim *sim, uint32_t addr);
void em_sim_spi_write(struct em_sim *sim, uint32_t addr, uint32_t value);
uint32_t em_sim_spi_read(struct em_sim *sim, uint32_t addr);

/* bus: all addresses. */
uint32_t em_sim_bus_read(struct em_sim *sim, uint32_t addr);
/** false: no memory there. */
bool em_sim_bus_write(struct em_sim *sim, uint32_t addr, uint32_t value);

/* crypt.c */
enum { EM_SIM_KEY_LEN = 32 };
/** A key that depends on seed and MAC only. */
bool em_sim_made_key(const struct em_sim *sim, uint8_t out[EM_SIM_KEY_LEN]);
/** As the flash encryption unit does; in place, @p addr and @p len multiples of 16. */
bool em_sim_encrypt(const struct em_sim *sim, uint64_t addr, uint8_t *data, size_t len);
/** As the chip reads its flash; likewise. */
bool em_sim_decrypt(const struct em_sim *sim, uint64_t addr, uint8_t *data, size_t len);

#endif
