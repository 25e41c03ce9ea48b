/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of flash/ share: one job a piece to write, its runs, and the flash that
 * they go to. */
#ifndef FLASHER_FLASH_FLASH_INT_H
#define FLASHER_FLASH_FLASH_INT_H

#include "flasher/rom/rom_int.h"

#include <espmfg/flash.h>

enum {
    /* The ROM, and stubs of most chips, send the flash 24 bits of address. */
    EM_FLASH_24BIT_END = 16 * 1024 * 1024,
    EM_FLASH_DEFAULT_SIZE = 4 * 1024 * 1024, /* what "detect" assumes of an unknown id */
    /* What a decompressor may keep in memory before it programs anything: the window of
     * deflate (RFC 1951, section 2). */
    EM_FLASH_WINDOW = 32 * 1024,
    EM_FLASH_MD5_LEN = 16,
};

/* ---- trying again (again.c) ---- */

/** May the same be tried again after @p status? Refusals count: what the chip got may be
 * garbled. */
bool em_flash_may_retry(enum em_status status);

/** em_rom_resync(), as long as a command may take. */
enum em_status em_flash_resync(struct em_device *dev, struct em_error *err);

/** A command that does no harm when it is sent twice was refused: true when it is to be
 * sent again. (em_rom_command() does so itself where there was no answer.) */
bool em_flash_again(struct em_device *dev, enum em_status status, uint32_t *tries);

/* ---- size (size.c) ---- */

/** Bytes of a flash chip by its id (manufacturer lowest); 0: unknown. */
uint64_t em_flash_id_size(uint32_t id);

/** "4MB", "512KB", or bytes where no such name is exact. */
void em_flash_size_name(char *out, size_t size, uint64_t bytes);

/** Options of which any may be NULL. */
extern const struct em_flash_options em_flash_options_none;

/** How large the flash is taken to be. */
struct em_flash_space {
    uint64_t told;     /* by the user; 0: not */
    uint64_t detected; /* 0: not known */
    uint64_t header;   /* for the image header; 0: keep */
    uint64_t end;      /* nothing may be touched from here on; 0: nobody knows */
};

/** Work out what @p options and the id of the flash say. EM_ERR_USAGE: no such size. */
enum em_status em_flash_space_find(struct em_flash_space *out, struct em_device *dev,
                                   const struct em_flash_options *options,
                                   struct em_error *err);

/** Attach, find out the size, tell it to the loader. @p options may be NULL. */
enum em_status em_flash_open(struct em_device *dev,
                             const struct em_flash_options *options,
                             struct em_flash_space *out, struct em_error *err);

/** EM_ERR_FULL when addr..addr+len is not within the flash. @p subject: "to read", … */
enum em_status em_flash_fits(const struct em_device *dev,
                             const struct em_flash_space *space, const char *subject,
                             uint64_t addr, uint64_t len, struct em_error *err);

/** Where a loader's reach ends, whatever the size of the flash. */
uint64_t em_flash_reach(const struct em_device *dev);

/** false: an ESP8266 ROM, which knows neither MD5 nor compressed blocks nor reading. */
bool em_flash_is_full(const struct em_device *dev);

/** May the loader be asked for MD5 digests? */
bool em_flash_can_md5(const struct em_device *dev);

/* ---- raw SPI (spi.c) ---- */

/** One SPI transaction with the flash chip. */
struct em_flash_spi {
    uint8_t opcode;
    uint8_t addr_bits, dummy_bits;
    uint8_t out_bits, in_bits; /* at most 32 each */
    uint32_t addr;
    uint32_t out; /* the first byte in the lowest bits */
};

/** Run it. *in_out (may be NULL) are the bits that came, the first byte lowest. */
enum em_status em_flash_spi(struct em_device *dev, const struct em_flash_spi *spi,
                            uint32_t *in_out, struct em_error *err);

/** The same until two results in a row agree: nothing protects them on the line. */
enum em_status em_flash_spi_sure(struct em_device *dev, const struct em_flash_spi *spi,
                                 uint32_t *in_out, struct em_error *err);

/* ---- attach (attach.c, pins.c) ---- */

/** The word for SPI_ATTACH that @p text ("SPI", "HSPI", "CLK,Q,D,HD,CS") stands for. */
enum em_status em_flash_pins_parse(uint32_t *out, const struct em_chip *chip,
                                   const char *text, struct em_error *err);

/** The word for SPI_ATTACH as fused; 0 (the default pins) on chips that attach their
 * own. */
enum em_status em_flash_pins_fused(uint32_t *out, struct em_device *dev,
                                   struct em_error *err);

/** Attach the flash, wake it up and read its id, unless that is done. */
enum em_status em_flash_attach(struct em_device *dev, const char *spi_connection,
                               struct em_error *err);

/* ---- checks (checks.c, security.c) ---- */

/** What the chip's fuses allow. */
struct em_flash_security {
    bool encryption;    /* flash encryption is on */
    bool secure_boot;   /* of any version */
    bool secure_boot_1; /* the first version, of the ESP32 */
    bool dl_encrypt_dis;
    bool key_known, has_key; /* key_known false: cannot be told */
    bool crypt_config_bad;
};

/** Ask the chip. @p encrypted: keys matter too. */
enum em_status em_flash_security_read(struct em_flash_security *out,
                                      struct em_device *dev, bool encrypted,
                                      struct em_error *err);

/** EM_ERR_REFUSED when erasing would leave a chip that is locked to its content. */
enum em_status em_flash_check_erase(struct em_device *dev, bool force,
                                    struct em_error *err);

/** All that is checked before anything is erased. */
enum em_status em_flash_check(struct em_device *dev, const struct em_flash_write *write,
                              const struct em_flash_space *space,
                              const struct em_flash_security *security,
                              struct em_error *err);

/* ---- plan (plan.c, diff.c) ---- */

/** Bytes that are written by one BEGIN. */
struct em_flash_run {
    size_t off; /* in the job's data */
    size_t len;
};

/** A run as it goes over the wire, compressed. */
struct em_flash_packed {
    uint8_t *data; /* NULL: it did not shrink */
    size_t len;
    size_t block; /* bytes of each but the last */
    size_t blocks;
    size_t *inflated; /* blocks: bytes that come out of all blocks up to this one */
};

/** What is to be done for one piece. */
struct em_flash_job {
    const struct em_flash_piece *piece;
    uint32_t addr;       /* of data; may stand before the piece's */
    const uint8_t *data; /* the piece's or own */
    size_t len;          /* padded */
    uint8_t *own;
    bool encrypt;
    struct em_flash_run *runs; /* by address, disjoint */
    size_t run_count;
    struct em_flash_packed *packed;       /* run_count of them, or NULL */
    const struct em_flash_shared *shared; /* has exactly the bytes of data; or NULL */
    bool packed_shared;                   /* what packed points to is that one's */
};

/** Pad @p piece, put it on a sector where the loader needs that, patch its header; one
 * run for all of it. */
enum em_status em_flash_job_plan(struct em_flash_job *out, struct em_device *dev,
                                 const struct em_flash_piece *piece,
                                 const struct em_flash_options *options,
                                 const struct em_flash_space *space, bool patch,
                                 struct em_error *err);

/** Runs for the sectors that differ from the piece's old_data only. @p rest_blank: the
 * flash is known to be erased from the end of old_data on. */
enum em_status em_flash_job_diff(struct em_flash_job *job, bool rest_blank,
                                 struct em_error *err);

/** Give back what the job holds; packed runs too. */
void em_flash_job_free(struct em_flash_job *job);

/* ---- compression (compress.c, shared.c, packer.c) ---- */

/** Compress @p data into blocks of @p block bytes; out->data NULL if it does not shrink.
 * EM_ERR_NOMEM. */
enum em_status em_flash_pack(struct em_flash_packed *out, const uint8_t *data, size_t len,
                             size_t block, struct em_error *err);
void em_flash_packed_free(struct em_flash_packed *packed);

/** Compress all runs of a job, that have to be there. */
enum em_status em_flash_job_pack(struct em_flash_job *job, size_t block,
                                 struct em_error *err);

/** Does @p shared hold exactly these bytes? *bytes_out: its own, valid as long as it. */
bool em_flash_shared_is(const struct em_flash_shared *shared, const uint8_t *data,
                        size_t len, const uint8_t **bytes_out);

/** All of its bytes compressed for blocks of @p block bytes: made by the first who asks,
 * others wait for it. *out belongs to @p shared; out->data NULL if it does not shrink. */
enum em_status em_flash_shared_pack(struct em_flash_packed *out,
                                    const struct em_flash_shared *shared, size_t block,
                                    struct em_error *err);

/** MD5 of its bytes. */
const uint8_t *em_flash_shared_md5(const struct em_flash_shared *shared);

/** Compresses jobs in order, ahead of who needs them. */
struct em_flash_packer;

/** Begin on @p jobs. With a single one there is no thread. */
enum em_status em_flash_packer_new(struct em_flash_packer **out,
                                   struct em_flash_job *jobs, size_t count, size_t block,
                                   struct em_error *err);
/** Wait until job @p idx is compressed. */
enum em_status em_flash_packer_wait(struct em_flash_packer *packer, size_t idx,
                                    struct em_error *err);
/** Stop, wait for the thread and free; NULL is allowed. */
void em_flash_packer_free(struct em_flash_packer *packer);

/* ---- writing (write.c, job.c, engine.c) ---- */

/** One writing job and how it fares. */
struct em_flash_engine {
    struct em_device *dev;
    const struct em_flash_options *options;
    struct em_flash_packer *packer; /* NULL: nothing is compressed */
    struct em_flash_job *job;
    struct em_flash_written *result;
    uint64_t base, total; /* of progress, in bytes of flash */
    uint64_t shown;       /* progress never falls */
    unsigned restarts;    /* BEGINs that were repeated for this job */
    size_t block;         /* bytes to send at a time; less on a bad line */
    bool garbled;         /* the last block was refused because it was */
    bool lost;            /* the loader is gone: only a new connection helps */
    uint8_t tail[EM_ROM_STUB_FLASH_BLOCK]; /* last block of a plain run, filled up */
};

/** Write one run. @p packed may be NULL; @p last: the last of its piece. On failure
 * engine->lost tells whether a new connection may help. */
enum em_status em_flash_write_run(struct em_flash_engine *engine,
                                  const struct em_flash_run *run,
                                  const struct em_flash_packed *packed, bool last,
                                  struct em_error *err);

/** Write engine->job, job @p idx of the packer, and verify it where that is possible. */
enum em_status em_flash_write_job(struct em_flash_engine *engine, size_t idx,
                                  struct em_error *err);

/** Erase size to announce for @p len bytes at @p addr; see 6.6 of the protocol. */
uint32_t em_flash_erase_size(const struct em_device *dev, uint32_t addr, uint64_t len);

/** Will a sector more than these be erased by it? */
bool em_flash_erases_more(const struct em_device *dev, uint32_t addr, uint64_t len);

/** BEGIN, tried again where that may help. For erasing: nothing is sent behind it. */
enum em_status em_flash_begin_erase(struct em_device *dev, uint32_t addr, uint32_t len,
                                    struct em_error *err);

/** Name of a piece for messages. */
const char *em_flash_piece_name(const struct em_flash_piece *piece);

/* ---- digests (md5.c) ---- */

/** MD5 of @p data. EM_ERR_CRYPTO. */
enum em_status em_flash_md5(uint8_t out[EM_FLASH_MD5_LEN], const uint8_t *data,
                            size_t len, struct em_error *err);

/** MD5 of all that @p job writes. EM_ERR_CRYPTO. */
enum em_status em_flash_job_md5(uint8_t out[EM_FLASH_MD5_LEN],
                                const struct em_flash_job *job, struct em_error *err);

/** Does the flash hold what has the digest @p md5? Asks twice before it says no: what
 * comes over the line may be garbled, but never into 128 right bits. */
enum em_status em_flash_same_md5(struct em_device *dev, uint32_t addr, size_t len,
                                 const uint8_t md5[EM_FLASH_MD5_LEN], bool *same_out,
                                 struct em_error *err);

/** The same for @p data itself. */
enum em_status em_flash_same(struct em_device *dev, uint32_t addr, const uint8_t *data,
                             size_t len, bool *same_out, struct em_error *err);

/** Are @p len bytes at @p addr all FF? */
enum em_status em_flash_is_blank(struct em_device *dev, uint32_t addr, size_t len,
                                 bool *blank_out, struct em_error *err);

/* ---- erasing (erase.c), reading (read.c) ---- */

/** Erase all of the flash, without asking whether that is wise. */
enum em_status em_flash_erase_chip(struct em_device *dev,
                                   const struct em_flash_space *space,
                                   struct em_error *err);

enum { EM_FLASH_READ_CHUNK = 64 * 1024 };

/** How many bytes to read at a time, at most EM_FLASH_READ_CHUNK. */
size_t em_flash_read_step(const struct em_device *dev);

/** Read, compared with the chip's own digest. No progress. */
enum em_status em_flash_read_chunk(struct em_device *dev, uint32_t addr, uint8_t *out,
                                   size_t len, struct em_error *err);

/** EM_ERR_UNSUPPORTED where flash cannot be read or hashed. */
enum em_status em_flash_need_md5(const struct em_device *dev, const char *subject,
                                 struct em_error *err);

#endif
