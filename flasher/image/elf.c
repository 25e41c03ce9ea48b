/* SPDX-License-Identifier: Apache-2.0 */
/* Reading programs from ELF files. */
#include "config.h"

#include "flasher/image/build_int.h"

#include <libelf.h>
#include <openssl/evp.h>

#include <string.h>

/* The description of an application, at the beginning of its section (structure
 * esp_app_desc_t of the ESP-IDF programming guide, chapter app image format). */
enum {
    APP_MAGIC_LEN = 4,
    APP_PAGE_AT = 180,
    APP_LEN = 256,
};

static const char app_section[] = ".flash.appdesc";
static const char boot_section[] = ".dram0.bootdesc";

/* A file that is looked at. */
struct reader {
    const uint8_t *bytes;
    size_t len;
    Elf *elf;
    const struct em_chip *chip;
    struct em_image_chunks *out;
    struct em_error *err;
};

/* The bytes at @p off, or NULL when the file does not have them all. */
static const uint8_t *bytes_at(const struct reader *r, uint32_t off, uint32_t len)
{
    return off <= r->len && len <= r->len - off ? r->bytes + off : NULL;
}

static void look_at_app(struct em_image_chunks *out, const uint8_t *data, size_t len)
{
    static const uint8_t magic[APP_MAGIC_LEN] = {0x32, 0x54, 0xCD, 0xAB};
    if (len < APP_LEN || memcmp(data, magic, sizeof magic) != 0)
        return;
    if (data[APP_PAGE_AT] > 0 && data[APP_PAGE_AT] < 32)
        out->app_page = (uint32_t)1 << data[APP_PAGE_AT];
}

static enum em_status take(struct reader *r, const char *name, uint32_t addr,
                           uint32_t off, uint32_t len)
{
    const uint8_t *data = bytes_at(r, off, len);
    if (data == NULL)
        return em_error_set(r->err, EM_ERR_INPUT, "the file is cut off: build it again",
                            "ELF: piece '%s' has %lu bytes at 0x%lx, the file ends at "
                            "0x%zx",
                            name, (unsigned long)len, (unsigned long)off, r->len);
    if ((uint64_t)addr + len > (uint64_t)1 << 32)
        return em_error_set(r->err, EM_ERR_INPUT, "mend the linker script",
                            "ELF: piece '%s' at 0x%08lx has %lu bytes, beyond 4 GiB",
                            name, (unsigned long)addr, (unsigned long)len);
    bool in_flash = em_image_in_flash(r->chip, addr);
    bool app = strcmp(name, app_section) == 0 && in_flash;
    if (app) {
        r->out->has_app = true;
        look_at_app(r->out, data, len);
    }
    bool leads = app || (strcmp(name, boot_section) == 0 && !in_flash);
    return em_image_chunks_add(r->out, addr, data, len, leads, r->err);
}

/* Names are shown in messages. */
static bool is_plain(const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name < ' ' || *name > '~')
            return false;
    }
    return true;
}

/* Contents, and the three arrays of functions (System V ABI, chapter object files). */
static bool is_loaded(uint32_t type)
{
    return type == SHT_PROGBITS || type == SHT_INIT_ARRAY || type == SHT_FINI_ARRAY ||
           type == SHT_PREINIT_ARRAY;
}

/* Headers are copied: libelf gives pointers into the file, which need not be aligned. */
static enum em_status read_sections(struct reader *r)
{
    size_t names = 0;
    Elf_Scn *section = NULL;
    enum em_status status = EM_OK;
    if (elf_getshdrstrndx(r->elf, &names) != 0)
        names = 0;
    while (status == EM_OK && (section = elf_nextscn(r->elf, section)) != NULL) {
        Elf32_Shdr h;
        const void *header = elf32_getshdr(section);
        if (header == NULL)
            return em_error_set(r->err, EM_ERR_INPUT,
                                "the file is damaged: build it again",
                                "ELF: a section has no header");
        memcpy(&h, header, sizeof h);
        if (!is_loaded(h.sh_type) || h.sh_addr == 0 || h.sh_size == 0)
            continue;
        const char *name = names > 0 ? elf_strptr(r->elf, names, h.sh_name) : NULL;
        status = take(r, name != NULL && is_plain(name) ? name : "?", h.sh_addr,
                      h.sh_offset, h.sh_size);
    }
    return status;
}

static enum em_status read_programs(struct reader *r)
{
    size_t count = 0;
    enum em_status status = EM_OK;
    if (elf_getphdrnum(r->elf, &count) != 0)
        count = 0;
    const void *headers = count > 0 ? elf32_getphdr(r->elf) : NULL;
    for (size_t i = 0; headers != NULL && i < count && status == EM_OK; i++) {
        Elf32_Phdr h;
        memcpy(&h, (const uint8_t *)headers + i * sizeof h, sizeof h);
        if (h.p_type == PT_LOAD && h.p_paddr != 0 && h.p_filesz != 0)
            status = take(r, "segment", h.p_paddr, h.p_offset, h.p_filesz);
    }
    return status;
}

static const char *machine_name(uint32_t machine)
{
    return machine == EM_XTENSA  ? "Xtensa"
           : machine == EM_RISCV ? "RISC-V"
                                 : "another processor";
}

static enum em_status check_header(struct reader *r, const Elf32_Ehdr *h)
{
    if (h == NULL || h->e_ident[EI_DATA] != ELFDATA2LSB)
        return em_error_set(r->err, EM_ERR_INPUT, "take the file that the linker made",
                            "ELF file is not one of 32 bits, little endian");
    if (h->e_machine == r->chip->elf_machine)
        return EM_OK;
    return em_error_set(r->err, EM_ERR_INPUT, "take the file that was built for the chip",
                        "ELF file is for %s (machine %u), the %s needs %s (%lu)",
                        machine_name(h->e_machine), h->e_machine, r->chip->name,
                        machine_name(r->chip->elf_machine),
                        (unsigned long)r->chip->elf_machine);
}

/* libelf passes over tables that the file does not have. */
static enum em_status check_tables(const struct reader *r, const Elf32_Ehdr *h)
{
    uint64_t sections = (uint64_t)h->e_shoff + (uint64_t)h->e_shnum * sizeof(Elf32_Shdr);
    uint64_t programs = (uint64_t)h->e_phoff + (uint64_t)h->e_phnum * sizeof(Elf32_Phdr);
    if (sections <= r->len && programs <= r->len)
        return EM_OK;
    return em_error_set(r->err, EM_ERR_INPUT, "the file is cut off: build it again",
                        "ELF: its tables end at 0x%llx, the file at 0x%zx",
                        (unsigned long long)(sections > programs ? sections : programs),
                        r->len);
}

static enum em_status read_all(struct reader *r, bool use_segments)
{
    const Elf32_Ehdr *h = elf_kind(r->elf) == ELF_K_ELF ? elf32_getehdr(r->elf) : NULL;
    enum em_status status = check_header(r, h);
    if (status == EM_OK)
        status = check_tables(r, h);
    if (status != EM_OK)
        return status;
    r->out->entry = h->e_entry;
    status = use_segments ? read_programs(r) : read_sections(r);
    if (status == EM_OK && r->out->count == 0)
        status = em_error_set(r->err, EM_ERR_INPUT, "take the file that the linker made",
                              "ELF: nothing in it is loaded");
    return status;
}

/* libelf keeps what it made of a file for those who want to change it, so it asks for
 * bytes that may be written: it gets a copy. */
enum em_status em_image_read_elf(struct em_image_chunks *out, const uint8_t *elf,
                                 size_t len, const struct em_chip *chip,
                                 bool use_segments, struct em_error *err)
{
    struct reader r = {elf, len, NULL, chip, out, err};
    struct em_buf copy = {0};
    *out = (struct em_image_chunks){0};
    if (len < sizeof(Elf32_Ehdr) || memcmp(elf, ELFMAG, SELFMAG) != 0)
        return em_error_set(err, EM_ERR_INPUT, "take the file that the linker made",
                            "not an ELF file");
    em_buf_append(&copy, elf, len);
    if (copy.failed)
        return em_error_nomem(err);
    enum em_status status = EM_OK;
    if (elf_version(EV_CURRENT) != EV_NONE)
        r.elf = elf_memory((char *)copy.data, copy.len);
    if (r.elf == NULL)
        status = em_error_set(err, EM_ERR_INPUT, "take the file that the linker made",
                              "ELF file cannot be read: %s", elf_errmsg(-1));
    if (status == EM_OK)
        status = read_all(&r, use_segments);
    (void)elf_end(r.elf); /* counts users; there is one */
    em_buf_free(&copy);
    if (status == EM_OK &&
        EVP_Digest(elf, len, out->elf_digest, NULL, EVP_sha256(), NULL) != 1)
        status = em_error_set(err, EM_ERR_CRYPTO, NULL, "ELF: SHA-256 failed");
    out->has_elf_digest = status == EM_OK;
    if (status != EM_OK)
        em_image_chunks_free(out);
    return status;
}
