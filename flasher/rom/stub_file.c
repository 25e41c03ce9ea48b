/* SPDX-License-Identifier: Apache-2.0 */
/* Stubs as files: JSON with code and data in base64 (rom-protocol.md, section 10). */
#include "config.h"

#include "flasher/rom/link_int.h"

#include "base/base64_int.h"
#include "base/file_int.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

enum {
    FILE_MAX = 1 << 20,
    PART_MAX = 1 << 18, /* code or data: more than any chip has room for */
};

static const char file_hint[] = "take a stub file as esptool has it, for this chip";

/* A number that fits 32 bits; *has_out may be NULL: then it has to be there. */
static enum em_status take_number(const json_t *root, const char *key, uint32_t *out,
                                  bool *has_out, struct em_error *err)
{
    const json_t *value = json_object_get(root, key);
    if (has_out != NULL) {
        *has_out = value != NULL && !json_is_null(value);
        if (!*has_out)
            return EM_OK;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > (json_int_t)UINT32_MAX)
        return em_error_set(err, EM_ERR_INPUT, file_hint,
                            value == NULL ? "stub: '%s' is missing"
                                          : "stub: '%s' is no number of 32 bits",
                            key);
    *out = (uint32_t)json_integer_value(value);
    return EM_OK;
}

static enum em_status take_bytes(const json_t *root, const char *key, bool needed,
                                 struct em_buf *out, struct em_error *err)
{
    const json_t *value = json_object_get(root, key);
    if (!needed && (value == NULL || json_is_null(value)))
        return EM_OK;
    if (!json_is_string(value))
        return em_error_set(
            err, EM_ERR_INPUT, file_hint,
            value == NULL ? "stub: '%s' is missing" : "stub: '%s' is no text", key);
    struct em_error why;
    enum em_status status = em_base64_decode(
        out, (const uint8_t *)json_string_value(value), json_string_length(value), &why);
    if (status == EM_ERR_NOMEM)
        return em_error_nomem(err);
    if (status != EM_OK)
        return em_error_set(err, EM_ERR_INPUT, why.hint, "stub: '%s': %s", key, why.what);
    if (needed && out->len == 0)
        return em_error_set(err, EM_ERR_INPUT, file_hint, "stub: '%s' is empty", key);
    if (out->len > PART_MAX)
        return em_error_set(err, EM_ERR_INPUT, file_hint,
                            "stub: '%s' has %zu bytes, limit %d", key, out->len,
                            PART_MAX);
    return EM_OK;
}

/* The code has to lie in the address space, and to hold the entry. */
static enum em_status check(const struct em_rom_stub *stub, struct em_error *err)
{
    if (stub->text_start > UINT32_MAX - stub->text.len ||
        stub->data_start > UINT32_MAX - stub->data.len)
        return em_error_set(err, EM_ERR_INPUT, file_hint,
                            "stub: code or data goes over the end of memory");
    if (stub->entry < stub->text_start ||
        stub->entry - stub->text_start >= stub->text.len)
        return em_error_set(err, EM_ERR_INPUT, file_hint,
                            "stub: the entry 0x%08lx is not in the code",
                            (unsigned long)stub->entry);
    return EM_OK;
}

static enum em_status take_all(struct em_rom_stub *stub, const json_t *root,
                               struct em_error *err)
{
    if (!json_is_object(root))
        return em_error_set(err, EM_ERR_INPUT, file_hint, "stub: no JSON object");
    enum em_status status = take_number(root, "entry", &stub->entry, NULL, err);
    if (status == EM_OK)
        status = take_number(root, "text_start", &stub->text_start, NULL, err);
    if (status == EM_OK)
        status = take_bytes(root, "text", true, &stub->text, err);
    if (status == EM_OK)
        status = take_bytes(root, "data", false, &stub->data, err);
    stub->has_data = stub->data.len > 0;
    bool has_start = false;
    if (status == EM_OK)
        status = take_number(root, "data_start", &stub->data_start,
                             stub->has_data ? NULL : &has_start, err);
    if (status == EM_OK)
        status = take_number(root, "bss_start", &stub->bss_start, &stub->has_bss, err);
    return status == EM_OK ? check(stub, err) : status;
}

enum em_status em_rom_stub_parse(struct em_rom_stub **out, const char *name,
                                 const uint8_t *json, size_t len, struct em_error *err)
{
    *out = NULL;
    json_error_t fault;
    json_t *root = json_loadb((const char *)json, len, JSON_REJECT_DUPLICATES, &fault);
    struct em_rom_stub *stub = calloc(1, sizeof *stub);
    enum em_status status;
    if (stub == NULL)
        status = em_error_nomem(err);
    else if (root == NULL) {
        status =
            em_error_set(err, EM_ERR_INPUT, file_hint, "stub: no JSON: %s", fault.text);
        em_error_at(err, name, fault.line > 0 ? (unsigned long)fault.line : 0);
    } else
        status = take_all(stub, root, err);
    json_decref(root);
    if (status == EM_OK) {
        *out = stub;
        return EM_OK;
    }
    if (status == EM_ERR_INPUT)
        em_error_at(err, name, 0);
    em_rom_stub_free(stub);
    return status;
}

enum em_status em_rom_stub_load(struct em_rom_stub **out, const char *path,
                                struct em_error *err)
{
    *out = NULL;
    struct em_buf file = {0};
    enum em_status status = em_file_read(&file, path, FILE_MAX, err);
    if (status == EM_OK)
        status = em_rom_stub_parse(out, path, file.data, file.len, err);
    em_buf_free(&file);
    return status;
}

void em_rom_stub_free(struct em_rom_stub *stub)
{
    if (stub == NULL)
        return;
    em_buf_free(&stub->text);
    em_buf_free(&stub->data);
    free(stub);
}
