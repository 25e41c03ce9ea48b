/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of where the image writer places items: pages, and blobs in chunks. */
#include "config.h"

#include <espmfg/nvs.h>

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { PAGES_MAX = 132, ITEMS_MAX = 400, BLOB_MAX = 508000 };

/* CRC-32 bit by bit, register started at 0, result complemented; goes on from @p crc,
 * which is 0xFFFFFFFF at the start. */
static uint32_t crc_of(uint32_t crc, const uint8_t *data, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
    }
    return ~crc;
}

static uint32_t get_le(const uint8_t *in, size_t width)
{
    uint32_t value = 0;
    for (size_t i = 0; i < width; i++)
        value |= (uint32_t)in[i] << 8 * i;
    return value;
}

enum kind { INT, NS, STR, BLOB };

struct item {
    enum kind kind;
    size_t len; /* of a namespace: its index */
    uint8_t ns; /* index */
    char key[16];
};

/* What an image is made of, and where the rules say that it lands. */
struct model {
    enum em_nvs_version version;
    size_t pages;
    unsigned
        used[PAGES_MAX + 300]; /* of each page, also those that there is no room for */
    size_t n_items;
    struct item items[ITEMS_MAX];
};

static const uint8_t *content(void)
{
    static uint8_t bytes[BLOB_MAX + 1];
    for (size_t i = 0; bytes[0] == 0 && i < sizeof bytes; i++)
        bytes[sizeof bytes - 1 - i] = (uint8_t)(i * 131 % 255 + 1); /* no NUL */
    return bytes;
}

static void open_page(struct model *m)
{
    m->used[m->pages++] = 0;
}

/* The placement rules of the format document, chapter 5. */
static void place(struct model *m, enum kind kind, size_t len)
{
    unsigned *used = &m->used[m->pages - 1];
    if (kind == INT || kind == NS) {
        if (*used >= 126)
            open_page(m);
        m->used[m->pages - 1]++;
        return;
    }
    size_t size = kind == STR ? len + 1 : len;
    if (kind == STR || m->version == EM_NVS_V1) {
        unsigned n = 1 + (unsigned)((size + 31) / 32);
        if (*used >= 126 || *used + n >= 126)
            open_page(m);
        m->used[m->pages - 1] += n;
        return;
    }
    if (*used >= 126)
        open_page(m);
    do {
        size_t room = (126 - m->used[m->pages - 1] - 1) * (size_t)32;
        size_t part = room < size ? room : size;
        size -= part;
        m->used[m->pages - 1] += 1 + (unsigned)((part + 31) / 32);
        if (size > 0 || room - part < 32)
            open_page(m);
    } while (size > 0);
    m->used[m->pages - 1]++;
}

/* Put it into the model and into one or two images. */
static void add(struct model *m, struct em_nvs_image *const images[2], enum kind kind,
                size_t len, uint8_t ns)
{
    struct em_error err = {0};
    require(m->n_items < ITEMS_MAX);
    struct item *item = &m->items[m->n_items++];
    *item = (struct item){.kind = kind, .len = len, .ns = ns};
    (void)snprintf(item->key, sizeof item->key, "k%zu", m->n_items);
    if (kind == NS)
        (void)snprintf(item->key, sizeof item->key, "ns%u", ns);
    for (size_t i = 0; i < 2 && images[i] != NULL; i++) {
        enum em_status status =
            kind == NS ? em_nvs_image_namespace(images[i], item->key, &err)
            : kind == INT
                ? em_nvs_image_add_int(images[i], item->key, EM_NVS_U8, 5, 0, &err)
            : kind == STR ? em_nvs_image_add_string(images[i], item->key,
                                                    (const char *)content(), len, &err)
                          : em_nvs_image_add_blob(images[i], item->key,
                                                  len == 0 ? NULL : content(), len, &err);
        EM_CHECK_STATUS(status, EM_OK, &err);
    }
    place(m, kind, len);
}

static struct model *new_model(enum em_nvs_version version)
{
    struct model *m = need(calloc(1, sizeof *m));
    m->version = version;
    open_page(m);
    return m;
}

/* Header, state and bitmap of every page in use, and 0xFF where nothing is. */
static void check_pages(const struct model *m, const uint8_t *buf, size_t size)
{
    for (size_t p = 0; p < size / 4096; p++) {
        uint8_t wanted[64];
        const uint8_t *page = buf + p * 4096;
        unsigned used = p < m->pages ? m->used[p] : 0;
        memset(wanted, 0xFF, sizeof wanted);
        if (p < m->pages) {
            wanted[0] = p + 1 == m->pages ? 0xFE : 0xFC; /* active: only the last */
            memset(wanted + 4, 0, 4);
            wanted[4] = (uint8_t)p;
            wanted[8] = m->version == EM_NVS_V2 ? 0xFE : 0xFF;
            uint32_t crc = crc_of(UINT32_MAX, wanted + 4, 24);
            for (size_t i = 0; i < 4; i++)
                wanted[28 + i] = (uint8_t)(crc >> 8 * i);
        }
        for (unsigned i = 0; i < used; i++) /* 10: written */
            wanted[32 + i / 4] = (uint8_t)(wanted[32 + i / 4] & ~(1u << i % 4 * 2));
        EM_CHECK_BYTES(page, wanted, 64);
        size_t at = 64 + used * (size_t)32;
        while (at < 4096 && page[at] == 0xFF)
            at++;
        CU_ASSERT_EQUAL(at, 4096);
    }
}

/* Reads entries one after the other, over the pages as they are filled. */
struct reader {
    const struct model *model;
    const uint8_t *buf;
    size_t page;
    unsigned idx;
};

/* The next entry that @p item starts with or goes on with; checks what all have. */
static const uint8_t *read_head(struct reader *r, const struct item *item, uint8_t type,
                                uint8_t chunk)
{
    char key[16] = {0};
    while (r->idx >= r->model->used[r->page] && r->page + 1 < r->model->pages) {
        r->page++;
        r->idx = 0;
    }
    CU_ASSERT_FATAL(r->idx < r->model->used[r->page]);
    const uint8_t *entry = r->buf + r->page * 4096 + 64 + r->idx * (size_t)32;
    r->idx++;
    memcpy(key, item->key, strlen(item->key));
    CU_ASSERT_EQUAL(entry[0], item->kind == NS ? 0 : item->ns);
    CU_ASSERT_EQUAL(entry[1], type);
    CU_ASSERT_EQUAL(entry[3], chunk);
    EM_CHECK_BYTES(entry + 8, key, 16);
    CU_ASSERT_EQUAL(get_le(entry + 4, 4),
                    crc_of(crc_of(UINT32_MAX, entry, 4), entry + 8, 24));
    return entry;
}

/* One variable-length item; returns how many bytes of @p data it holds. */
static size_t read_variable(struct reader *r, const struct item *item, uint8_t type,
                            uint8_t chunk, const uint8_t *data)
{
    const uint8_t *entry = read_head(r, item, type, chunk);
    size_t size = get_le(entry + 24, 2);
    size_t n = (size + 31) / 32;
    CU_ASSERT_EQUAL(entry[2], n + 1);
    CU_ASSERT_EQUAL(get_le(entry + 26, 2), 0xFFFF);
    CU_ASSERT_EQUAL(get_le(entry + 28, 4), crc_of(UINT32_MAX, entry + 32, size));
    CU_ASSERT_FATAL(r->idx + n <= r->model->used[r->page]);
    r->idx += (unsigned)n;
    size_t text_len = type == 0x21 ? size - 1 : size;
    EM_CHECK_BYTES(entry + 32, data, text_len);
    if (type == 0x21)
        CU_ASSERT_EQUAL(entry[32 + text_len], 0);
    for (size_t i = size; i < n * 32; i++)
        CU_ASSERT_EQUAL(entry[32 + i], 0xFF);
    return text_len;
}

static void read_item(struct reader *r, const struct item *item)
{
    if (item->kind == INT || item->kind == NS) {
        const uint8_t *entry = read_head(r, item, 0x01, 0xFF);
        CU_ASSERT_EQUAL(entry[2], 1);
        CU_ASSERT_EQUAL(entry[24], item->kind == NS ? item->ns : 5);
        return;
    }
    if (item->kind == STR || r->model->version == EM_NVS_V1) {
        uint8_t type = item->kind == STR ? 0x21 : 0x41;
        CU_ASSERT_EQUAL(read_variable(r, item, type, 0xFF, content()), item->len);
        return;
    }
    size_t done = 0;
    unsigned chunks = 0;
    do {
        done += read_variable(r, item, 0x42, (uint8_t)chunks++, content() + done);
    } while (done < item->len && chunks < 128);
    CU_ASSERT_EQUAL(done, item->len);
    const uint8_t *entry = read_head(r, item, 0x48, 0xFF);
    CU_ASSERT_EQUAL(entry[2], 1);
    CU_ASSERT_EQUAL(get_le(entry + 24, 4), item->len);
    CU_ASSERT_EQUAL(entry[28], chunks);
    CU_ASSERT_EQUAL(get_le(entry + 29, 3), 0xFFFF00);
}

static void check_image(const struct model *m, const uint8_t *buf, size_t size)
{
    struct reader r = {m, buf, 0, 0};
    check_pages(m, buf, size);
    for (size_t i = 0; i < m->n_items; i++)
        read_item(&r, &m->items[i]);
    CU_ASSERT_EQUAL(r.page, m->pages - 1);
    CU_ASSERT_EQUAL(r.idx, m->used[r.page]);
}

static struct em_nvs_image *new_image(uint8_t *buf, size_t size,
                                      enum em_nvs_version version)
{
    struct em_error err = {0};
    struct em_nvs_image *image = NULL;
    if (buf != NULL)
        memset(buf, 0x5A, size); /* what was there must not shine through */
    EM_CHECK_STATUS(em_nvs_image_new(&image, buf, size, version, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(image);
    return image;
}

/* From an empty image to one that opens a third page, one entry at a time. The CRCs of
 * the first headers are those of ESP-IDF's generator. */
static void test_page_fill(void)
{
    static uint8_t buf[0x4000];
    for (unsigned n = 0; n <= 253; n++) {
        struct em_error err = {0};
        size_t len;
        struct model *m = new_model(EM_NVS_V2);
        struct em_nvs_image *images[2] = {new_image(buf, sizeof buf, EM_NVS_V2), NULL};
        for (unsigned i = 0; i < n; i++)
            add(m, images, i == 0 ? NS : INT, 0, 1);
        EM_CHECK_STATUS(em_nvs_image_finish(images[0], &len, &err), EM_OK, &err);
        CU_ASSERT_EQUAL(len, sizeof buf);
        CU_ASSERT_EQUAL(m->pages, n <= 126 ? 1 : n <= 252 ? 2 : 3);
        check_image(m, buf, sizeof buf);
        CU_ASSERT_EQUAL(get_le(buf + 28, 4), 0xB9BA2D84);
        if (n > 126)
            CU_ASSERT_EQUAL(get_le(buf + 4096 + 28, 4), 0x389F48A3);
        em_nvs_image_free(images[0]);
        free(m);
    }
    struct em_nvs_image *image = new_image(buf, sizeof buf, EM_NVS_V1);
    size_t len;
    CU_ASSERT_EQUAL(em_nvs_image_finish(image, &len, NULL), EM_OK);
    CU_ASSERT_EQUAL(get_le(buf + 28, 4), 0xDCDD16C2);
    em_nvs_image_free(image);
}

/* One item behind so many entries: how many entries each page has then. */
static const struct {
    unsigned before;
    enum kind kind;
    size_t len;
    unsigned used[4];
    enum em_nvs_version version;
} placements[] = {
    /* clang-format off */
    {125, INT, 0, {126}, EM_NVS_V2}, {126, INT, 0, {126, 1}, EM_NVS_V2},
    {125, NS, 0, {126}, EM_NVS_V2}, {126, NS, 0, {126, 1}, EM_NVS_V2},
    /* Strings leave the last entry of a page alone. */
    {123, STR, 0, {125}, EM_NVS_V2}, {124, STR, 0, {124, 2}, EM_NVS_V2},
    {125, STR, 0, {125, 2}, EM_NVS_V2}, {126, STR, 0, {126, 2}, EM_NVS_V2},
    {122, STR, 31, {124}, EM_NVS_V2}, {122, STR, 32, {125}, EM_NVS_V2},
    {123, STR, 32, {123, 3}, EM_NVS_V2}, {1, STR, 3935, {125}, EM_NVS_V2},
    {1, STR, 3936, {1, 125}, EM_NVS_V2}, {1, STR, 3967, {1, 125}, EM_NVS_V2},
    {62, STR, 1983, {125}, EM_NVS_V1}, {63, STR, 1983, {63, 63}, EM_NVS_V1},
    {124, BLOB, 0, {125}, EM_NVS_V1}, {125, BLOB, 0, {125, 1}, EM_NVS_V1},
    {123, BLOB, 32, {125}, EM_NVS_V1}, {124, BLOB, 32, {124, 2}, EM_NVS_V1},
    {62, BLOB, 1984, {125}, EM_NVS_V1}, {63, BLOB, 1984, {63, 63}, EM_NVS_V1},
    /* Blobs start anywhere, even with an empty chunk; their index never looks back. */
    {123, BLOB, 32, {126}, EM_NVS_V2}, {123, BLOB, 33, {126, 1}, EM_NVS_V2},
    {124, BLOB, 0, {126}, EM_NVS_V2}, {124, BLOB, 1, {126, 1}, EM_NVS_V2},
    {124, BLOB, 32, {126, 1}, EM_NVS_V2}, {124, BLOB, 33, {126, 3}, EM_NVS_V2},
    {125, BLOB, 0, {126, 1}, EM_NVS_V2}, {125, BLOB, 1, {126, 3}, EM_NVS_V2},
    {126, BLOB, 0, {126, 2}, EM_NVS_V2}, {126, BLOB, 33, {126, 4}, EM_NVS_V2},
    {1, BLOB, 3904, {125}, EM_NVS_V2}, {1, BLOB, 3905, {126}, EM_NVS_V2},
    {1, BLOB, 3936, {126}, EM_NVS_V2}, {1, BLOB, 3937, {126, 1}, EM_NVS_V2},
    {1, BLOB, 3968, {126, 1}, EM_NVS_V2}, {1, BLOB, 3969, {126, 3}, EM_NVS_V2},
    {1, BLOB, 7936, {126, 126}, EM_NVS_V2}, {1, BLOB, 7937, {126, 126, 1}, EM_NVS_V2},
    {1, BLOB, 7968, {126, 126, 1}, EM_NVS_V2},
    {1, BLOB, 7969, {126, 126, 3}, EM_NVS_V2},
    {126, BLOB, 8000, {126, 126, 126, 1}, EM_NVS_V2},
    /* clang-format on */
};

static void test_placement(void)
{
    static uint8_t buf[0x5000];
    for (size_t i = 0; i < COUNT(placements); i++) {
        struct em_error err = {0};
        size_t len;
        enum em_nvs_version version = placements[i].version;
        struct model *m = new_model(version);
        struct em_nvs_image *images[2] = {new_image(buf, sizeof buf, version), NULL};
        for (unsigned n = 0; n < placements[i].before; n++)
            add(m, images, n == 0 ? NS : INT, 0, 1);
        add(m, images, placements[i].kind, placements[i].len,
            placements[i].kind == NS ? 2 : 1);
        EM_CHECK_STATUS(em_nvs_image_finish(images[0], &len, &err), EM_OK, &err);
        for (size_t p = 0; p < 4; p++)
            CU_ASSERT_EQUAL(p < m->pages ? m->used[p] : 0, placements[i].used[p]);
        check_image(m, buf, sizeof buf);
        em_nvs_image_free(images[0]);
        free(m);
    }
}

/* 508000 bytes in 127 full chunks, and in 128 when the first page is not empty. */
static void test_longest_blob(void)
{
    enum { SIZE = 131 * 4096 };
    uint8_t *buf = need(malloc(SIZE));
    for (unsigned before = 1; before <= 126; before += 25) {
        struct em_error err = {0};
        size_t len;
        struct model *m = new_model(EM_NVS_V2);
        struct em_nvs_image *images[2] = {new_image(buf, SIZE, EM_NVS_V2), NULL};
        for (unsigned n = 0; n < before; n++)
            add(m, images, n == 0 ? NS : INT, 0, 1);
        add(m, images, BLOB, BLOB_MAX, 1);
        EM_CHECK_STATUS(em_nvs_image_finish(images[0], &len, &err), EM_OK, &err);
        check_image(m, buf, SIZE);
        em_nvs_image_free(images[0]);
        free(m);
    }
    free(buf);
}

static size_t random_len(uint32_t *state, enum em_nvs_version version, enum kind kind)
{
    static const size_t limits[] = {1, 40, 200, 2000, 4100, 13000};
    size_t len = next_random(state) % limits[next_random(state) % COUNT(limits)];
    size_t max = version == EM_NVS_V1 ? 1983 : kind == STR ? 3967 : BLOB_MAX;
    return len < max ? len : max;
}

/* Random content in one image after the other, in the same buffer: what is stored is what
 * was added, where the rules put it, and counting only comes to the same end. */
static void test_random(void)
{
    static uint8_t buf[0x8000];
    uint32_t state = 20260701;
    unsigned fits = 0, full = 0;
    for (unsigned round = 0; round < 80; round++) {
        size_t size = (1 + next_random(&state) % 8) * 4096;
        enum em_nvs_version version = 1 + next_random(&state) % 2;
        struct em_nvs_image *images[2] = {new_image(buf, size, version),
                                          new_image(NULL, size, version)};
        for (unsigned part = 0; part < 6; part++) {
            struct model *m = new_model(version);
            size_t n = next_random(&state) % (size / 16 < 360 ? size / 16 : 360);
            unsigned last_ns = 0;
            bool short_ones = next_random(&state) % 2 == 0;
            for (size_t i = 0; i < n && m->pages < size / 4096 + 3; i++) {
                uint32_t dice = next_random(&state) % (short_ones ? 40 : 10);
                enum kind kind = dice == 0 || i == 0 ? NS
                                 : dice == 1         ? STR
                                 : dice == 2         ? BLOB
                                                     : INT;
                if (kind == NS)
                    last_ns++;
                add(m, images, kind, kind == NS ? 0 : random_len(&state, version, kind),
                    (uint8_t)last_ns);
            }
            struct em_error err[2] = {0};
            size_t len[2], room = size / 4096 - (size >= 0x3000);
            enum em_status wanted = m->pages <= room ? EM_OK : EM_ERR_FULL;
            for (size_t i = 0; i < 2; i++)
                EM_CHECK_STATUS(em_nvs_image_finish(images[i], &len[i], &err[i]), wanted,
                                &err[i]);
            CU_ASSERT_EQUAL(len[0], len[1]);
            CU_ASSERT_STRING_EQUAL(err[0].what, err[1].what);
            CU_ASSERT_STRING_EQUAL(err[0].hint, err[1].hint);
            if (wanted == EM_OK) {
                CU_ASSERT_EQUAL(len[0], size >= 0x3000 ? size : m->pages * 4096);
                check_image(m, buf, len[0]);
            }
            fits += wanted == EM_OK;
            full += wanted != EM_OK;
            em_nvs_image_reset(images[0]);
            em_nvs_image_reset(images[1]);
            free(m);
        }
        em_nvs_image_free(images[0]);
        em_nvs_image_free(images[1]);
    }
    CU_ASSERT_TRUE(fits > 50 && full > 50); /* both were tried */
    em_nvs_image_free(NULL);
}

static const struct em_test tests[] = {
    {"filling pages", test_page_fill},
    {"placement", test_placement},
    {"the longest blob", test_longest_blob},
    {"random content", test_random},
};

EM_TEST_MAIN("nvs/image: placement", tests)
