/* SPDX-License-Identifier: Apache-2.0 */
/* Frames out and in, and which answer belongs to which command. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "base/bytes_int.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

enum {
    /* A ROM tells "unknown command" in about 8 frames of 4 bytes (8 + 4 and the two
     * ends: 14 on the wire), all within this time; rom-protocol.md, section 2. */
    REFUSAL_COPIES = 8,
    REFUSAL_TIME_US = 200000,
};

enum em_status em_rom_flush(struct em_device *dev, struct em_error *err)
{
    dev->in_at = dev->in_len = 0;
    em_slip_reset(&dev->reader);
    return dev->io->ops->discard_input(dev->io, err);
}

/* Remember text between frames, the latest of it. */
static void hear(struct em_device *dev, const uint8_t *data, size_t len)
{
    size_t cap = sizeof dev->heard;
    dev->heard_total += len;
    if (len > cap) {
        data += len - cap;
        len = cap;
    }
    size_t keep = dev->heard_len < cap - len ? dev->heard_len : cap - len;
    memmove(dev->heard, dev->heard + dev->heard_len - keep, keep);
    memcpy(dev->heard + keep, data, len);
    dev->heard_len = keep + len;
}

/* Take all that is there. */
static enum em_status fill(struct em_device *dev, int64_t timeout_us,
                           struct em_error *err)
{
    dev->in_at = dev->in_len = 0;
    enum em_status status = dev->io->ops->read(dev->io, dev->in, sizeof dev->in,
                                               timeout_us, &dev->in_len, err);
    if (status == EM_OK && dev->in_len > 0)
        em_rom_trace(dev, "read", "", dev->in, dev->in_len);
    return status;
}

enum em_status em_rom_listen(struct em_device *dev, int64_t time_us, struct em_error *err)
{
    int64_t end = em_rom_now(dev) + time_us;
    int64_t left = time_us;
    enum em_status status;
    do {
        status = fill(dev, left, err);
        if (status != EM_OK || dev->in_len == 0)
            break;
        hear(dev, dev->in, dev->in_len);
        left = end - em_rom_now(dev);
    } while (left > 0);
    dev->in_at = dev->in_len = 0;
    return status;
}

static enum em_status silent(struct em_device *dev, struct em_error *err)
{
    return em_error_set(err, EM_ERR_LINK,
                        "check cable and power of the chip, or use a lower --baud",
                        "port %s: no answer in time", dev->io->name);
}

enum em_status em_rom_receive_until(struct em_device *dev, int64_t deadline_us,
                                    unsigned *left, const uint8_t **frame_out,
                                    size_t *len_out, struct em_error *err)
{
    *frame_out = NULL;
    *len_out = 0;
    for (;;) {
        while (dev->in_at < dev->in_len) {
            const uint8_t *at = dev->in + dev->in_at;
            size_t used;
            enum em_slip_event event =
                em_slip_feed(&dev->reader, at, dev->in_len - dev->in_at, &used);
            dev->in_at += used;
            if (event == EM_SLIP_OUTSIDE)
                hear(dev, at, used);
            if (dev->reader.body.failed)
                return em_error_nomem(err);
            if (event == EM_SLIP_FRAME) {
                *frame_out = dev->reader.body.data;
                *len_out = dev->reader.body.len;
                return EM_OK;
            }
            if (event == EM_SLIP_BROKEN) {
                if (*left == 0)
                    return silent(dev, err);
                (*left)--;
            }
        }
        int64_t wait = deadline_us - em_rom_now(dev);
        if (wait < 0)
            return silent(dev, err);
        enum em_status status = fill(dev, wait, err);
        if (status != EM_OK)
            return status;
        if (dev->in_len == 0)
            return silent(dev, err);
    }
}

enum em_status em_rom_receive_raw(struct em_device *dev, int64_t timeout_us,
                                  const uint8_t **frame_out, size_t *len_out,
                                  struct em_error *err)
{
    unsigned left = EM_ROM_FOREIGN_MAX;
    enum em_status status = em_rom_receive_until(dev, em_rom_now(dev) + timeout_us, &left,
                                                 frame_out, len_out, err);
    if (status == EM_OK)
        em_rom_trace(dev, "answer", "frame", *frame_out, *len_out);
    return status;
}

/* One write for the whole frame that stands in dev->out. */
static enum em_status write_out(struct em_device *dev, struct em_error *err)
{
    if (dev->out.failed)
        return em_error_nomem(err);
    em_rom_trace(dev, "write", "", dev->out.data, dev->out.len);
    return dev->io->ops->write(dev->io, dev->out.data, dev->out.len,
                               (int64_t)dev->settings.serial_write_timeout_ms * 1000,
                               err);
}

enum em_status em_rom_send_raw(struct em_device *dev, const uint8_t *body, size_t len,
                               struct em_error *err)
{
    em_buf_clear(&dev->out);
    em_slip_mark(&dev->out);
    em_slip_append(&dev->out, body, len);
    em_slip_mark(&dev->out);
    em_rom_trace(dev, "command", "frame", body, len);
    return write_out(dev, err);
}

enum em_status em_rom_send(struct em_device *dev, const struct em_rom_request *request,
                           struct em_error *err)
{
    const struct em_rom_op_info *info = em_rom_op_info(request->op);
    uint8_t header[EM_ROM_HEADER] = {EM_ROM_REQUEST, request->op};
    size_t len = request->len + request->payload_len;
    if (len > UINT16_MAX)
        return em_error_set(err, EM_ERR_USAGE, NULL, "%s of %zu bytes, limit %d",
                            info->name, len, UINT16_MAX);
    em_put_le16(header + 2, (uint16_t)len);
    if (info->block)
        em_put_le32(header + 4, em_rom_checksum(request->payload, request->payload_len));
    em_buf_clear(&dev->out);
    em_slip_mark(&dev->out);
    em_slip_append(&dev->out, header, sizeof header);
    if (request->len > 0)
        em_slip_append(&dev->out, request->data, request->len);
    if (request->payload_len > 0)
        em_slip_append(&dev->out, request->payload, request->payload_len);
    em_slip_mark(&dev->out);
    bool masked = dev->masked;
    dev->masked = masked || request->secret;
    if (dev->options.trace.line != NULL) {
        em_rom_trace(dev, "command", info->name, request->data, request->len);
        if (request->payload_len > 0)
            em_rom_trace(dev, "command", "payload", request->payload,
                         request->payload_len);
    }
    enum em_status status = write_out(dev, err);
    if (request->secret && dev->out.data != NULL)
        OPENSSL_cleanse(dev->out.data, dev->out.len);
    dev->masked = masked;
    return status;
}

/* Copy a result that is all there, and the status behind it. */
static void take_result(struct em_rom_reply *reply, const uint8_t *data, size_t len,
                        size_t result_len)
{
    reply->len = result_len;
    memcpy(reply->data, data, result_len);
    reply->status = data[result_len];
    reply->fault = data[result_len + 1];
    reply->trailer = len - result_len;
}

/* The status stands behind the result, 2 bytes or 4. false: a garbled frame. */
static bool take_answer(const struct em_rom_request *request, const uint8_t *frame,
                        size_t len, struct em_rom_reply *reply)
{
    const uint8_t *data = frame + EM_ROM_HEADER;
    size_t told = em_get_le16(frame + 2);
    size_t result = request->result_len;
    size_t other = request->other_len;
    len -= EM_ROM_HEADER;
    if (len < 2 || (len != told && len != result + 2 && len != result + 4))
        return false;
    if (len >= result + 2) {
        take_result(reply, data, len, result);
    } else if (other != 0 && (len == other + 2 || len == other + 4)) {
        take_result(reply, data, len, other);
    } else {
        /* Without its result: a refusal, or nothing that makes sense. */
        take_result(reply, data, len, 0);
        return reply->status != 0;
    }
    return true;
}

/* Does @p frame, which carries another op, say "unknown command"? */
static bool is_refusal(const struct em_device *dev, const uint8_t *frame, size_t len)
{
    const uint8_t *data = frame + EM_ROM_HEADER;
    len -= EM_ROM_HEADER;
    return (len == 2 || len == 4) && data[0] == 1 &&
           data[1] == EM_ROM_FAULT_UNSUPPORTED &&
           (dev->last_op == 0 || frame[1] != dev->last_op);
}

/* The other copies of a refusal must not be taken for answers to what is asked next. */
static enum em_status drop_copies(struct em_device *dev, struct em_error *err)
{
    int64_t deadline = em_rom_now(dev) + REFUSAL_TIME_US;
    unsigned left = EM_ROM_FOREIGN_MAX;
    for (unsigned i = 1; i < REFUSAL_COPIES; i++) {
        const uint8_t *frame;
        size_t len;
        struct em_error ignored;
        enum em_status status =
            em_rom_receive_until(dev, deadline, &left, &frame, &len, &ignored);
        if (status == EM_ERR_LINK)
            break; /* there were fewer */
        if (status != EM_OK) {
            if (err != NULL)
                *err = ignored;
            return status;
        }
    }
    return em_rom_flush(dev, err);
}

static enum em_status refused(struct em_device *dev, const struct em_rom_op_info *info,
                              const struct em_rom_reply *reply, struct em_error *err)
{
    if (em_rom_is_unsupported(info, reply))
        return em_error_set(err, EM_ERR_UNSUPPORTED,
                            dev->secure_download
                                ? "the chip is in secure download mode"
                                : "another chip, its stub or another command may do it",
                            "port %s: the %s does not know or allow %s", dev->io->name,
                            dev->stub ? "stub" : "ROM loader", info->name);
    return em_error_set(err, EM_ERR_CHIP,
                        "check the cable, or use a lower --baud; --trace shows more",
                        "port %s: the %s refused %s: %s (%02x %02x)", dev->io->name,
                        dev->stub ? "stub" : "ROM loader", info->name,
                        em_rom_fault_text(reply), reply->status, reply->fault);
}

/* Wait for the answer to @p request. */
static enum em_status await(struct em_device *dev, const struct em_rom_request *request,
                            int64_t deadline, struct em_rom_reply *reply,
                            struct em_error *err)
{
    const struct em_rom_op_info *info = em_rom_op_info(request->op);
    unsigned left = EM_ROM_FOREIGN_MAX;
    for (unsigned i = 0; i < EM_ROM_FOREIGN_MAX; i++) {
        const uint8_t *frame;
        size_t len;
        enum em_status status =
            em_rom_receive_until(dev, deadline, &left, &frame, &len, err);
        if (status == EM_ERR_LINK)
            break;
        if (status != EM_OK)
            return status;
        *reply = (struct em_rom_reply){0};
        if (len < EM_ROM_HEADER || frame[0] != EM_ROM_RESPONSE)
            continue;
        reply->value = em_get_le32(frame + 4);
        if (frame[1] != request->op) {
            if (!is_refusal(dev, frame, len))
                continue;
            take_result(reply, frame + EM_ROM_HEADER, len - EM_ROM_HEADER, 0);
            reply->other_op = true;
        } else if (!take_answer(request, frame, len, reply)) {
            continue;
        }
        dev->trailer = reply->trailer;
        em_rom_trace(dev, "answer", info->name, frame, len);
        if (reply->other_op) {
            status = drop_copies(dev, err);
            if (status != EM_OK)
                return status;
        }
        return reply->status == 0 ? EM_OK : refused(dev, info, reply, err);
    }
    *reply = (struct em_rom_reply){0};
    return em_error_set(err, EM_ERR_LINK,
                        "check cable and power of the chip, or use a lower --baud",
                        "port %s: no answer to %s", dev->io->name, info->name);
}

static enum em_status command_once(struct em_device *dev,
                                   const struct em_rom_request *request,
                                   struct em_rom_reply *reply, struct em_error *err)
{
    int64_t timeout = request->timeout_us != 0 ? request->timeout_us
                                               : (int64_t)dev->settings.timeout_ms * 1000;
    dev->masked = request->secret;
    enum em_status status = em_rom_send(dev, request, err);
    /* The time counts from when all is sent: a slow line must not eat it. */
    if (status == EM_OK)
        status = await(dev, request, em_rom_now(dev) + timeout, reply, err);
    if (request->secret) {
        OPENSSL_cleanse(dev->in, dev->in_at);
        if (dev->reader.body.data != NULL && !dev->reader.inside)
            OPENSSL_cleanse(dev->reader.body.data, dev->reader.body.len);
    }
    dev->masked = false;
    dev->last_op = request->op;
    return status;
}

/* Was it the command that was refused, or what the line made of it? Nothing protects a
 * request but for its blocks, so what may be done twice is asked once more. */
static bool ask_again(const struct em_device *dev, const struct em_rom_op_info *info,
                      enum em_status status, bool *asked)
{
    if ((status != EM_ERR_CHIP && status != EM_ERR_UNSUPPORTED) || *asked ||
        dev->secure_download || !info->sure)
        return false;
    *asked = true;
    return true;
}

enum em_status em_rom_command(struct em_device *dev, const struct em_rom_request *request,
                              struct em_rom_reply *reply, struct em_error *err)
{
    struct em_rom_reply own;
    if (reply == NULL)
        reply = &own;
    const struct em_rom_op_info *info = em_rom_op_info(request->op);
    bool repeat = info->repeat && !request->once;
    uint32_t tries = repeat ? dev->settings.write_block_attempts : 1;
    bool asked = !repeat;
    enum em_status status;
    for (uint32_t i = 1;;) {
        status = command_once(dev, request, reply, err);
        if (ask_again(dev, info, status, &asked))
            continue;
        if (status != EM_ERR_LINK || i++ >= tries)
            break;
        struct em_error lost;
        enum em_status again = em_rom_resync(dev, &lost);
        if (again == EM_ERR_LINK)
            break; /* the first message tells more */
        if (again != EM_OK) {
            if (err != NULL)
                *err = lost;
            return again;
        }
    }
    OPENSSL_cleanse(&own, sizeof own);
    return status;
}
