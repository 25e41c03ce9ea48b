/* SPDX-License-Identifier: Apache-2.0 */
/* Putting a stub into RAM and starting it, where the chip lets one. */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "base/bytes_int.h"

#include <string.h>

enum { HELLO_US = 3000000 }; /* rom-protocol.md, section 10 */
static const uint8_t hello[4] = {'O', 'H', 'A', 'I'};

static bool overlap(uint32_t a, size_t a_len, uint32_t b, size_t b_len)
{
    return a_len > 0 && b_len > 0 && (uint64_t)a < (uint64_t)b + b_len &&
           (uint64_t)b < (uint64_t)a + a_len;
}

enum em_status em_rom_stub_guard(struct em_device *dev, uint32_t addr, size_t len,
                                 struct em_error *err)
{
    const struct em_rom_stub *stub = dev->upload;
    if (!dev->stub || stub == NULL)
        return EM_OK;
    if (!overlap(addr, len, stub->text_start, stub->text.len) &&
        !overlap(addr, len, stub->data_start, stub->data.len))
        return EM_OK;
    return em_error_set(err, EM_ERR_REFUSED, "leave out --stub",
                        "%zu bytes to 0x%08lx would go over the stub that runs there",
                        len, (unsigned long)addr);
}

/* Why the chip must not have a stub; NULL: it may. */
static enum em_status find_obstacle(struct em_device *dev, bool secure_boot,
                                    const char **why_out, struct em_error *err)
{
    *why_out = NULL;
    if (dev->secure_download)
        *why_out = "in secure download mode";
    else if (secure_boot && em_rom_has_quirk(dev, EM_ROM_NO_STUB_SECURE_BOOT))
        *why_out = "with secure boot";
    else if (em_rom_has_quirk(dev, EM_ROM_NO_STUB_REVISION_0)) {
        uint32_t revision;
        enum em_status status = em_rom_revision(dev, &revision, err);
        if (status != EM_OK)
            return status;
        *why_out = revision == 0 ? "of revision 0.0" : NULL;
    }
    return EM_OK;
}

/* Wait until the stub says that it runs. The answer to MEM_END may come before, or not at
 * all. */
static enum em_status await_hello(struct em_device *dev, struct em_error *err)
{
    int64_t deadline = em_rom_now(dev) + HELLO_US;
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
        em_rom_trace(dev, "answer", "frame", frame, len);
        if (len == sizeof hello && memcmp(frame, hello, sizeof hello) == 0)
            return EM_OK;
    }
    return em_error_set(err, EM_ERR_LINK,
                        "is the stub for this chip? Go on without it (no --stub)",
                        "port %s: the stub was loaded but does not start", dev->io->name);
}

static enum em_status send_end(struct em_device *dev, uint32_t entry,
                               struct em_error *err)
{
    uint8_t data[8] = {0};
    em_put_le32(data + 4, entry);
    return em_rom_send(dev,
                       &(const struct em_rom_request){
                           .op = EM_OP_MEM_END, .data = data, .len = sizeof data},
                       err);
}

static enum em_status jump(struct em_device *dev, uint32_t entry, struct em_error *err)
{
    enum em_status status = send_end(dev, entry, err);
    return status == EM_OK ? await_hello(dev, err) : status;
}

/* With secure boot this ROM does not jump to RAM; but it calls a function through a word
 * in RAM when it is to read flash. */
static enum em_status jump_through_hook(struct em_device *dev, uint32_t hook,
                                        uint32_t entry, struct em_error *err)
{
    static const uint8_t nothing[8] = {0};
    uint32_t saved;
    enum em_status status = em_rom_start(dev, 0, err);
    if (status == EM_OK)
        status = em_rom_read_reg_sure(dev, hook, &saved, err);
    if (status == EM_OK)
        status = em_rom_write_reg(dev, hook, entry, err);
    if (status == EM_OK)
        status = em_rom_send(dev,
                             &(const struct em_rom_request){.op = EM_OP_READ_FLASH_SLOW,
                                                            .data = nothing,
                                                            .len = sizeof nothing},
                             err);
    if (status == EM_OK)
        status = await_hello(dev, err);
    if (status != EM_OK)
        return status;
    dev->stub = true;
    return em_rom_write_reg(dev, hook, saved, err);
}

enum em_status em_rom_stub_start(struct em_device *dev, struct em_error *err)
{
    const struct em_rom_stub *stub = dev->upload;
    bool secure_boot = dev->has_security && (dev->security.flags & 1) != 0;
    const char *why;
    enum em_status status = find_obstacle(dev, secure_boot, &why, err);
    if (status != EM_OK)
        return status;
    if (why != NULL) {
        em_rom_log(dev, EM_LOG_WARNING, NULL,
                   "%s %s takes no stub: its ROM loader does the work", dev->chip->name,
                   why);
        return EM_OK;
    }
    status =
        em_rom_load_memory(dev, stub->text_start, stub->text.data, stub->text.len, err);
    if (status == EM_OK && stub->has_data)
        status = em_rom_load_memory(dev, stub->data_start, stub->data.data,
                                    stub->data.len, err);
    uint32_t hook = em_rom_secure_boot_hook(dev);
    if (status == EM_OK && secure_boot && hook != 0)
        status = jump_through_hook(dev, hook, stub->entry, err);
    else if (status == EM_OK)
        status = jump(dev, stub->entry, err);
    if (status != EM_OK)
        return status;
    dev->stub = true;
    em_rom_choose_blocks(dev);
    em_rom_log(dev, EM_LOG_INFO, NULL, "the stub runs");
    return EM_OK;
}

enum em_status em_device_start_stub(struct em_device *device, const char *stub_file,
                                    struct em_error *err)
{
    struct em_rom_stub *stub = NULL;
    if (device->stub) {
        em_rom_log(device, EM_LOG_NOTE, NULL, "a stub runs on the chip already");
        return EM_OK;
    }
    enum em_status status = em_rom_stub_load(&stub, stub_file, err);
    if (status != EM_OK)
        return status;
    em_rom_stub_free(device->upload);
    device->upload = stub; /* a connection that is made anew needs it again */
    /* What the ROM was told of the flash, a stub has to be told again. */
    device->flash.attached = false;
    device->flash.size = 0;
    return em_rom_stub_start(device, err);
}
