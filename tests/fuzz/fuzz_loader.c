/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a host makes of bytes from a loader: frames, answers, detection, messages;
 * and stub files. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As assert(), but there in every build. */
static void require(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "fuzz_loader: %s\n", what);
    abort();
}

/* A pipe out of which the input comes, a piece for each write of ours: a byte tells how
 * long it is. */
struct feed {
    struct em_io io; /* first */
    const uint8_t *data;
    size_t len;
    uint8_t ready[4096];
    size_t ready_at, ready_len;
    int64_t now_us;
    uint64_t writes;
};

static enum em_status feed_read(struct em_io *io, uint8_t *buf, size_t cap,
                                int64_t timeout_us, size_t *len_out, struct em_error *err)
{
    struct feed *feed = (struct feed *)io;
    (void)err;
    require(timeout_us >= 0 && cap > 0, "a read without room or time");
    size_t n = feed->ready_len - feed->ready_at;
    n = n < cap ? n : cap;
    if (n > 0)
        memcpy(buf, feed->ready + feed->ready_at, n);
    else
        feed->now_us += timeout_us;
    feed->ready_at += n;
    feed->now_us += (int64_t)n;
    *len_out = n;
    return EM_OK;
}

static enum em_status feed_write(struct em_io *io, const uint8_t *data, size_t len,
                                 int64_t timeout_us, struct em_error *err)
{
    struct feed *feed = (struct feed *)io;
    (void)timeout_us, (void)err;
    require(len >= 2 && data[0] == 0xC0 && data[len - 1] == 0xC0, "no frame");
    require(++feed->writes < 100000, "it does not end");
    if (feed->len == 0)
        return EM_OK;
    size_t piece = *feed->data;
    feed->data++;
    feed->len--;
    piece = piece < feed->len ? piece : feed->len;
    if (feed->ready_at == feed->ready_len)
        feed->ready_at = feed->ready_len = 0;
    size_t room = sizeof feed->ready - feed->ready_len;
    size_t taken = piece < room ? piece : room;
    memcpy(feed->ready + feed->ready_len, feed->data, taken);
    feed->ready_len += taken;
    feed->data += piece;
    feed->len -= piece;
    return EM_OK;
}

static enum em_status feed_lines(struct em_io *io, int dtr, int rts, struct em_error *err)
{
    (void)io, (void)dtr, (void)rts, (void)err;
    return EM_OK;
}

static enum em_status feed_baud(struct em_io *io, uint32_t baud, struct em_error *err)
{
    (void)io, (void)baud, (void)err;
    return EM_OK;
}

static enum em_status feed_discard(struct em_io *io, struct em_error *err)
{
    struct feed *feed = (struct feed *)io;
    (void)err;
    feed->ready_at = feed->ready_len = 0;
    return EM_OK;
}

static enum em_status feed_reopen(struct em_io *io, struct em_error *err)
{
    (void)io, (void)err;
    return EM_OK;
}

static int64_t feed_now(struct em_io *io)
{
    return ((struct feed *)io)->now_us;
}

static void feed_sleep(struct em_io *io, int64_t us)
{
    ((struct feed *)io)->now_us += us;
}

static void feed_close(struct em_io *io)
{
    (void)io;
}

static const struct em_io_ops feed_ops = {
    feed_read,   feed_write, feed_lines, feed_baud,  feed_discard,
    feed_reopen, feed_now,   feed_sleep, feed_close,
};

static void check_message(enum em_status status, const struct em_error *err)
{
    if (status == EM_OK)
        return;
    require(err->what[0] != '\0' && strchr(err->what, '\n') == NULL, "message");
    require(status == err->status, "the message has another status");
}

/* Talk to what answers so. */
static void use(struct em_device *dev)
{
    const struct em_device_info *info;
    struct em_security_info security;
    struct em_error err;
    uint32_t word;
    uint8_t bytes[64];
    check_message(em_device_read_word(dev, 0x40001000, &word, &err), &err);
    check_message(em_device_security_info(dev, &security, &err), &err);
    enum em_status status = em_device_info(dev, &info, &err);
    check_message(status, &err);
    require(status != EM_OK || strlen(info->description) < sizeof dev->description,
            "description");
    check_message(em_rom_flash_md5(dev, 0, 4096, bytes, &err), &err);
    check_message(em_rom_read_flash_slow(dev, 0, 64, bytes, &err), &err);
    check_message(em_device_reset(dev, EM_AFTER_HARD_RESET, &err), &err);
}

static void try_wire(uint8_t options, const uint8_t *data, size_t size)
{
    static struct feed feed; /* large; the program has one thread */
    memset(&feed, 0, sizeof feed);
    feed.data = data;
    feed.len = size;
    struct em_device_options device = EM_DEVICE_OPTIONS_INIT;
    struct em_device *dev;
    struct em_error err = {.what = ""};
    feed.io.ops = &feed_ops;
    (void)snprintf(feed.io.name, sizeof feed.io.name, "fuzz");
    feed.io.usb_vid = options & 1 ? 0x303A : -1;
    feed.io.usb_pid = options & 2 ? 0x1001 : 9;
    feed.io.has_lines = (options & 4) != 0;
    device.before = options & 8 ? EM_BEFORE_NO_RESET_NO_SYNC : EM_BEFORE_NO_RESET;
    device.baud = options & 16 ? 921600 : 115200;
    device.chip = options & 32 ? "esp32" : NULL;
    device.connect_attempts = 1;
    enum em_status status = em_rom_device_new(&dev, &feed.io, &device, &err);
    check_message(status, &err);
    require((dev != NULL) == (status == EM_OK), "a device after a fault");
    if (dev != NULL)
        use(dev);
    em_device_close(dev);
}

static void try_stub(const uint8_t *data, size_t size)
{
    struct em_rom_stub *stub;
    struct em_error err = {.what = ""};
    enum em_status status = em_rom_stub_parse(&stub, "stub", data, size, &err);
    check_message(status, &err);
    require(status == EM_OK || status == EM_ERR_INPUT, "status that is not documented");
    require(status != EM_OK || (stub->text.len > 0 && stub->entry >= stub->text_start &&
                                stub->entry - stub->text_start < stub->text.len),
            "an entry outside of the code");
    em_rom_stub_free(stub);
}

/* Frames that were fed byte by byte are those that were fed at once. */
static void try_slip(const uint8_t *data, size_t size)
{
    struct em_slip_reader whole = {.max = 64};
    struct em_slip_reader single = {.max = 64};
    for (size_t at = 0, one = 0; at < size;) {
        size_t used;
        enum em_slip_event event = em_slip_feed(&whole, data + at, size - at, &used);
        require(used > 0 && used <= size - at, "no byte was taken");
        require(whole.body.len <= 64, "a frame that is too long");
        at += used;
        enum em_slip_event last = EM_SLIP_MORE;
        while (one < at) {
            last = em_slip_feed(&single, data + one, 1, &used);
            require(used == 1, "a byte is a byte");
            one++;
        }
        require(event != EM_SLIP_FRAME ||
                    (last == EM_SLIP_FRAME && single.body.len == whole.body.len &&
                     memcmp(single.body.data, whole.body.data, whole.body.len) == 0),
                "another frame");
    }
    em_buf_free(&whole.body);
    em_buf_free(&single.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] & 128)
        try_stub(data + 1, size - 1);
    else if (data[0] & 64)
        try_slip(data + 1, size - 1);
    else
        try_wire(data[0], data + 1, size - 1);
    return 0;
}
