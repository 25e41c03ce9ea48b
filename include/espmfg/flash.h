/* SPDX-License-Identifier: Apache-2.0 */
/* The SPI flash of a chip: identify, read, write, erase, verify. */
#ifndef ESPMFG_FLASH_H
#define ESPMFG_FLASH_H

#include <espmfg/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How the flash is connected and how large it is. Begin with {0}. */
struct em_flash_options {
    const char *size; /**< "4MB", …; "detect": ask the flash, and put its size into the
                       * image header; NULL or "keep": ask, leave the header alone */
    const char *mode; /**< for the image header: qio, qout, dio, dout; NULL: keep */
    const char *freq; /**< for the image header: "40m", …; NULL: keep */
    const char *spi_connection; /**< "SPI", "HSPI" or "CLK,Q,D,HD,CS"; NULL: as fused */
};

/** What a flash chip says of itself. */
struct em_flash_id {
    uint32_t id; /**< manufacturer in bits 0-7, type in 8-15, capacity in 16-23 */
    uint8_t manufacturer;
    uint16_t device;  /**< type << 8 | capacity */
    uint64_t size;    /**< bytes; 0: unknown */
    bool quad, octal; /**< as fused, where the chip tells (@c type_known) */
    bool type_known;
    const char *voltage; /**< "3.3V", …, or "" */
};

/** Bytes that many devices get: their digest is reckoned once, and they are compressed
 * once, when the first device needs that. Never changes; may be used from many threads at
 * the same time. */
struct em_flash_shared;

/**
 * Make one of @p data, which stays the caller's, unchanged until em_flash_share_free().
 * Pieces with the same bytes name it (em_flash_piece.shared). Returns EM_OK,
 * EM_ERR_USAGE (no bytes at all), EM_ERR_CRYPTO, EM_ERR_NOMEM.
 */
EM_API enum em_status em_flash_share(struct em_flash_shared **out, const uint8_t *data,
                                     size_t len, struct em_error *err);

/** Free it, when no writing that names it is under way. @p shared may be NULL. */
EM_API void em_flash_share_free(struct em_flash_shared *shared);

/** One piece to write. Pieces may be given in any order. */
struct em_flash_piece {
    const char *name; /**< for messages: a file */
    uint32_t addr;
    const uint8_t *data; /**< the caller's, unchanged */
    size_t len;          /**< 0: skipped with a warning */
    bool encrypt;        /**< let the chip encrypt it */
    uint64_t limit;      /**< end of its partition; 0: end of the flash */
    const uint8_t
        *old_data; /**< what the flash held before, NULL: not known. Only sectors
                    * that differ are written if the flash still holds it */
    size_t old_len;
    const struct em_flash_shared *shared; /**< of the same bytes as @c data, or NULL. It
                                           * saves work where exactly these bytes are
                                           * written; nothing else depends on it */
    bool opaque; /**< encrypted on the host: no image to look at, written as it is */
};

/** Whether to send compressed. */
enum em_flash_compress {
    EM_FLASH_COMPRESS_AUTO,
    EM_FLASH_COMPRESS_ON,
    EM_FLASH_COMPRESS_OFF
};

/** How to write. Begin with {0}. */
struct em_flash_write {
    struct em_flash_options flash;
    const struct em_flash_piece *pieces;
    size_t count;
    enum em_flash_compress compress; /**< AUTO: compressed where the loader can */
    bool erase_all;
    bool skip_flashed;   /**< leave out pieces that the flash holds already (MD5) */
    bool no_diff_verify; /**< trust old_data without asking the flash */
    bool force;          /**< do what is refused for safety */
    bool ignore_flash_encryption; /**< of checks on encrypted writes */
};

/** What became of one piece. */
struct em_flash_written {
    uint64_t bytes; /**< of the piece, padded */
    uint64_t sent;  /**< bytes of payload on the wire */
    int64_t time_us;
    bool compressed;
    bool skipped;  /**< the flash held it already */
    bool verified; /**< by MD5 */
    uint32_t retries;
};

/** Attach the flash and ask who it is. */
EM_API enum em_status em_flash_identify(struct em_device *device,
                                        const struct em_flash_options *options,
                                        struct em_flash_id *out, struct em_error *err);

/**
 * Write all pieces: everything is checked before the first byte is erased; each piece is
 * verified by MD5 unless the chip cannot. @p results has room for @c count, or NULL.
 * Returns EM_OK, EM_ERR_USAGE (overlapping, unaligned), EM_ERR_FULL (over the end of the
 * flash or of a partition), EM_ERR_CHIP (image of another chip, refused), EM_ERR_REFUSED
 * (harm; see @c force), EM_ERR_VERIFY, EM_ERR_LINK, EM_ERR_PORT, EM_ERR_STOPPED.
 */
EM_API enum em_status em_flash_write(struct em_device *device,
                                     const struct em_flash_write *write,
                                     struct em_flash_written *results,
                                     struct em_error *err);

/** Takes what was read, in order. Anything but EM_OK stops the reading. */
typedef enum em_status em_flash_sink(void *user, const uint8_t *data, size_t len,
                                     struct em_error *err);

/** Length that stands for "to the end of the flash". */
#define EM_FLASH_ALL UINT64_MAX

/**
 * Read @p len bytes from @p addr. What was read is compared with the chip's own MD5, and
 * pieces of it are read again where the line garbled them.
 */
EM_API enum em_status em_flash_read(struct em_device *device,
                                    const struct em_flash_options *options, uint32_t addr,
                                    uint64_t len, em_flash_sink *sink, void *user,
                                    struct em_error *err);

/** Read @p len bytes from @p addr to @p out, as em_flash_read() does; @p len is not
 * EM_FLASH_ALL. */
EM_API enum em_status em_flash_read_into(struct em_device *device,
                                         const struct em_flash_options *options,
                                         uint32_t addr, size_t len, uint8_t *out,
                                         struct em_error *err);

/** Read @p len bytes (or EM_FLASH_ALL) from @p addr to the file @p path, which
 * em_file_save() writes when all was read. */
EM_API enum em_status em_flash_read_file(struct em_device *device,
                                         const struct em_flash_options *options,
                                         uint32_t addr, uint64_t len, const char *path,
                                         struct em_error *err);

/** MD5 of @p len bytes from @p addr, as the chip reckons it. EM_ERR_UNSUPPORTED: the
 * loader knows no digests. */
EM_API enum em_status em_flash_digest(struct em_device *device,
                                      const struct em_flash_options *options,
                                      uint32_t addr, uint32_t len, uint8_t out[16],
                                      struct em_error *err);

/* ---- Block by block ---- */

/** A piece that the caller sends in blocks. Begin with {0}. */
struct em_flash_stream {
    struct em_flash_options flash; /**< only @c size and @c spi_connection count */
    uint32_t addr;                 /**< a multiple of 4096 */
    uint32_t len;                  /**< bytes of flash */
    uint32_t compressed_len;       /**< bytes of a zlib stream (RFC 1950) that inflates to
                                    * @c len bytes; 0: the bytes themselves are sent */
    bool encrypt;                  /**< let the chip encrypt them */
    bool force;                    /**< also with flash encryption or secure boot on */
};

/**
 * Begin to write block by block, for those who do not have a piece in memory or make it
 * as they go. What is in the sectors of the piece is erased, now or on the way.
 * *block_out: bytes of each block but the last. Nothing looks at the content: a chip with
 * flash encryption or secure boot on is EM_ERR_REFUSED unless @c force. Nothing is
 * verified: em_flash_digest() does. A piece that was begun before is given up. Other
 * calls for the device, em_flash_end() and em_device_close() apart, have to wait.
 * Returns EM_OK, EM_ERR_USAGE (address, no bytes), EM_ERR_FULL, EM_ERR_REFUSED,
 * EM_ERR_UNSUPPORTED (the loader knows neither compressed data nor encryption),
 * EM_ERR_CHIP, EM_ERR_LINK, EM_ERR_PORT.
 */
EM_API enum em_status em_flash_begin(struct em_device *device,
                                     const struct em_flash_stream *stream,
                                     size_t *block_out, struct em_error *err);

/**
 * Send the next block. One that was garbled on the way is sent again; after any other
 * fault the piece has to be begun again. EM_ERR_USAGE: nothing was begun, a block too
 * many, or of another length than em_flash_begin() said. Else as there.
 */
EM_API enum em_status em_flash_block(struct em_device *device, const uint8_t *data,
                                     size_t len, struct em_error *err);

/** End the piece and wait until all of it is in the flash. EM_ERR_USAGE: blocks are
 * missing; the piece is given up then. @p run: leave the loader and run the program. */
EM_API enum em_status em_flash_end(struct em_device *device, bool run,
                                   struct em_error *err);

/* ---- Files ---- */

/** What a file holds, as pieces to write or verify. */
struct em_flash_file;

/**
 * Load file @p path: one piece for @p addr; of an Intel HEX file as many as it has, with
 * the addresses of its own (@p addr does not count). *out is the caller's,
 * em_flash_file_free(). Returns EM_OK, EM_ERR_IO, EM_ERR_INPUT (HEX, more than 512 MiB)
 * or EM_ERR_NOMEM.
 */
EM_API enum em_status em_flash_file_load(struct em_flash_file **out, const char *path,
                                         uint32_t addr, struct em_error *err);

/** Its pieces, *count_out of them, by address. They and their bytes live until the file
 * is freed; a copy of them may be changed and put together with others. */
EM_API const struct em_flash_piece *em_flash_file_pieces(const struct em_flash_file *file,
                                                         size_t *count_out);

/** Free it and its pieces. @p file may be NULL. */
EM_API void em_flash_file_free(struct em_flash_file *file);

/** Where flash and piece differ. */
struct em_flash_difference {
    uint32_t addr;
    uint8_t in_flash, in_file;
};

/**
 * Compare pieces with the flash by MD5. *equal_out has room for @p count. @p differ may
 * be NULL; else it is called for each byte that differs, in order. EM_OK also when they
 * differ.
 */
EM_API enum em_status
em_flash_verify(struct em_device *device, const struct em_flash_options *options,
                const struct em_flash_piece *pieces, size_t count, bool *equal_out,
                void (*differ)(void *user, size_t piece,
                               const struct em_flash_difference *difference),
                void *user, struct em_error *err);

/** Erase all of the flash. Refused (EM_ERR_REFUSED) with flash encryption or secure boot
 * on unless @p force. */
EM_API enum em_status em_flash_erase_all(struct em_device *device,
                                         const struct em_flash_options *options,
                                         bool force, struct em_error *err);

/** Erase sectors: @p addr and @p len are multiples of 4096; @p len may be EM_FLASH_ALL.
 */
EM_API enum em_status em_flash_erase(struct em_device *device,
                                     const struct em_flash_options *options,
                                     uint32_t addr, uint64_t len, bool force,
                                     struct em_error *err);

/** The lowest @p bytes (1..3) status registers, the first in the lowest bits. */
EM_API enum em_status em_flash_status_read(struct em_device *device,
                                           const struct em_flash_options *options,
                                           unsigned bytes, uint32_t *out,
                                           struct em_error *err);

/** Write them; volatile unless @p keep. */
EM_API enum em_status em_flash_status_write(struct em_device *device,
                                            const struct em_flash_options *options,
                                            unsigned bytes, uint32_t value, bool keep,
                                            struct em_error *err);

/** @p len (1..4) bytes of the SFDP table from @p addr. */
EM_API enum em_status em_flash_sfdp(struct em_device *device,
                                    const struct em_flash_options *options, uint32_t addr,
                                    unsigned len, uint8_t *out, struct em_error *err);

#ifdef __cplusplus
}
#endif
#endif
