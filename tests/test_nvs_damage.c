/* SPDX-License-Identifier: Apache-2.0 */
/* Damages valid images in every way that flash and programmers know. Whatever comes out,
 * the reader stays inside the image; and what it calls clean holds exactly what was put
 * in. EM_SEED gives other damages, EM_DAMAGES their number. */
#include "config.h"

#include "tests/test_nvs_util.h"

enum { MODEL_MAX = 200, IMAGE_MAX = 7 * PAGE, BASES = 40 };

/* ---- What is in an image ---- */

struct item {
    char key[16];
    unsigned ns, type; /* index of the namespace; type as listed */
    size_t len;
    uint8_t *now, *old; /* its bytes, and those of an older image of the same shape */
};

struct model {
    size_t n;
    struct item items[MODEL_MAX];
};

struct base {
    struct model model;
    struct em_nvs_crypt *crypt; /* NULL: plain */
    uint8_t *now, *old;         /* the images, encrypted if so */
    size_t len;
};

static void add_item(struct model *model, unsigned ns, unsigned type, size_t len,
                     uint32_t *state)
{
    require(model->n < MODEL_MAX);
    struct item *item = &model->items[model->n++];
    *item = (struct item){.ns = ns, .type = type, .len = len};
    (void)snprintf(item->key, sizeof item->key, "key%zu", model->n);
    item->now = need(malloc(len + 1));
    item->old = need(malloc(len + 1));
    for (size_t i = 0; i < len; i++) {
        item->now[i] = (uint8_t)(next_random(state) % 255 + 1);
        item->old[i] = (uint8_t)(next_random(state) % 255 + 1);
    }
    if (type == EM_NVS_STRING)
        item->now[len - 1] = item->old[len - 1] = 0;
}

enum layout { SPARSE, FULL_PAGE, MANY, LAYOUTS };

static void fill_model(struct model *model, enum layout layout,
                       enum em_nvs_version version, size_t pages, uint32_t *state)
{
    static const unsigned widths[] = {EM_NVS_U8,  EM_NVS_I8,  EM_NVS_U16, EM_NVS_I16,
                                      EM_NVS_U32, EM_NVS_I32, EM_NVS_U64, EM_NVS_I64};
    size_t numbers = layout == FULL_PAGE ? 124 : layout == MANY && pages > 3 ? 120 : 4;
    for (size_t i = 0; i < numbers; i++) {
        unsigned type = widths[next_random(state) % COUNT(widths)];
        add_item(model, i < numbers / 2 ? 1 : 2, type, type & 0x0F, state);
    }
    if (layout == FULL_PAGE)
        return; /* 126 with the names of the two namespaces */
    add_item(model, 2, EM_NVS_STRING, 1 + next_random(state) % 80, state);
    add_item(model, 2, EM_NVS_BLOB, next_random(state) % 100, state);
    if (layout == SPARSE)
        return;
    size_t large = version == EM_NVS_V1 ? 1900 : pages > 3 ? 9000 : 5000;
    add_item(model, 1, EM_NVS_BLOB, large - next_random(state) % 1000, state);
    for (size_t i = 0; i < (pages > 3 ? 20 : 3); i++)
        add_item(model, 1, i % 3 == 0 ? EM_NVS_BLOB : EM_NVS_STRING,
                 1 + next_random(state) % 200, state);
}

static size_t write_model(const struct model *model, uint8_t *buf, size_t size,
                          enum em_nvs_version version, bool old)
{
    struct em_nvs_image *image = begin_image(buf, size, version);
    for (size_t i = 0; i < model->n; i++) {
        const struct item *item = &model->items[i];
        const uint8_t *data = old ? item->old : item->now;
        if (i == 0 || item->ns != item[-1].ns)
            add_namespace(image, item->ns == 1 ? "first" : "second");
        if (item->type == EM_NVS_STRING) {
            require(em_nvs_image_add_string(image, item->key, (const char *)data,
                                            item->len - 1, NULL) == EM_OK);
        } else if (item->type == EM_NVS_BLOB) {
            require(em_nvs_image_add_blob(image, item->key, data, item->len, NULL) ==
                    EM_OK);
        } else {
            unsigned shift = 64 - 8 * (unsigned)item->len;
            uint64_t bits = get_le(data, item->len);
            bool negative = (item->type & 0x10) != 0 && data[item->len - 1] >= 0x80;
            uint64_t value = negative ? (0 - (bits << shift)) >> shift : bits;
            require(em_nvs_image_add_int(image, item->key, (enum em_nvs_int)item->type,
                                         value, negative, NULL) == EM_OK);
        }
    }
    return end_image(image);
}

static void make_base(struct base *base, size_t number, uint32_t *state)
{
    static const size_t sizes[LAYOUTS][3] = {
        [SPARSE] = {3, 1, 4}, [FULL_PAGE] = {3, 1, 5}, [MANY] = {6, 2, 7}};
    enum layout layout = (enum layout)(number % LAYOUTS);
    enum em_nvs_version version = number / LAYOUTS % 2 == 0 ? EM_NVS_V2 : EM_NVS_V1;
    bool encrypted = number / LAYOUTS / 2 % 2 == 1;
    size_t pages = sizes[layout][number / LAYOUTS / 4 % 3];
    struct em_key key = {.len = 64};
    *base = (struct base){.len = 0};
    base->now = need(malloc(IMAGE_MAX));
    base->old = need(malloc(IMAGE_MAX));
    fill_model(&base->model, layout, version, pages, state);
    base->len = write_model(&base->model, base->now, pages * PAGE, version, false);
    require(write_model(&base->model, base->old, pages * PAGE, version, true) ==
            base->len);
    if (!encrypted)
        return;
    for (size_t i = 0; i < 64; i++)
        key.bytes[i] = (uint8_t)next_random(state);
    require(em_nvs_crypt_new(&base->crypt, NULL) == EM_OK &&
            em_nvs_crypt_key(base->crypt, &key, NULL) == EM_OK &&
            em_nvs_encrypt(base->crypt, base->now, base->len, NULL) == EM_OK &&
            em_nvs_encrypt(base->crypt, base->old, base->len, NULL) == EM_OK);
}

static void free_base(struct base *base)
{
    for (size_t i = 0; i < base->model.n; i++) {
        free(base->model.items[i].now);
        free(base->model.items[i].old);
    }
    free(base->now);
    free(base->old);
    em_nvs_crypt_free(base->crypt);
}

/* ---- Damages: each changes the image in place, and maybe its length ---- */

struct damage {
    uint8_t *image;
    size_t len;
    const struct base *base;
    uint32_t *state;
    bool with_old; /* pieces of the older image may be in it */
};

static size_t below(struct damage *d, size_t n)
{
    return next_random(d->state) % n;
}

static size_t a_page(struct damage *d)
{
    return below(d, d->len / PAGE);
}

/* Half of the places where there is something. */
static size_t a_byte(struct damage *d)
{
    size_t at = below(d, d->len);
    for (int i = 0; i < 20 && below(d, 2) == 0 && d->image[at] == 0xFF; i++)
        at = below(d, d->len);
    return at;
}

static void flip_bit(struct damage *d)
{
    size_t at = a_byte(d); /* one after the other: compilers choose the order else */
    d->image[at] ^= (uint8_t)(1u << below(d, 8));
}

static void flip_bits(struct damage *d)
{
    for (size_t n = 2 + below(d, 7); n > 0; n--)
        flip_bit(d);
}

/* A page whose bitmap and entries are all 0xFF behind a whole header is as new: nobody
 * can tell that there was more. */
static size_t not_as_new(size_t at)
{
    return at % PAGE == 32 ? at + 1 : at;
}

static void overwrite(struct damage *d, int byte)
{
    size_t at = not_as_new(a_byte(d));
    size_t n = 1 + below(d, below(d, 2) == 0 ? 8 : 500);
    for (size_t i = at; i < at + n && i < d->len; i++)
        d->image[i] = byte < 0 ? (uint8_t)next_random(d->state) : (uint8_t)byte;
}

static void clear_bytes(struct damage *d)
{
    overwrite(d, 0);
}

static void set_bytes(struct damage *d)
{
    overwrite(d, 0xFF);
}

static void random_bytes(struct damage *d)
{
    overwrite(d, -1);
}

static void cut_pages(struct damage *d)
{
    d->len = (1 + a_page(d)) * PAGE;
}

static void cut_bytes(struct damage *d)
{
    d->len = below(d, d->len);
}

static void swap_pages(struct damage *d)
{
    uint8_t page[PAGE];
    uint8_t *a = d->image + a_page(d) * PAGE;
    uint8_t *b = d->image + a_page(d) * PAGE;
    memcpy(page, a, PAGE);
    memmove(a, b, PAGE);
    memcpy(b, page, PAGE);
}

static void copy_page(struct damage *d)
{
    uint8_t *a = d->image + a_page(d) * PAGE;
    memmove(d->image + a_page(d) * PAGE, a, PAGE);
}

static void erase_page(struct damage *d)
{
    uint8_t *page = d->image + a_page(d) * PAGE;
    memset(page, below(d, 4) == 0 ? 0 : 0xFF, PAGE);
}

/* What stands behind the place where power went. */
static void tear(struct damage *d, size_t from, size_t to)
{
    d->with_old = below(d, 2) == 0;
    if (d->with_old)
        memcpy(d->image + from, d->base->old + from, to - from);
    else if (from < to && not_as_new(from) < to)
        memset(d->image + not_as_new(from), 0xFF, to - not_as_new(from));
}

static void tear_page(struct damage *d)
{
    size_t page = a_page(d) * PAGE;
    size_t cut = below(d, 3) == 0   ? below(d, 64)
                 : below(d, 2) == 0 ? 64 + below(d, 126) * ENTRY
                                    : below(d, PAGE);
    tear(d, page + cut, page + PAGE);
}

static void tear_entry(struct damage *d)
{
    size_t page = a_page(d) * PAGE;
    size_t entry = page + 64 + below(d, 126) * ENTRY;
    tear(d, entry + below(d, ENTRY), entry + ENTRY);
}

static void change_state(struct damage *d)
{
    size_t page = a_page(d);
    unsigned idx = (unsigned)below(d, 126);
    set_bits(d->image, page, idx, (unsigned)below(d, 4));
}

static void change_bitmap(struct damage *d)
{
    static const uint8_t bytes[] = {0xFF, 0x00, 0xAA}; /* empty, erased, written */
    uint8_t *page = d->image + a_page(d) * PAGE;
    memset(page + 32, bytes[below(d, COUNT(bytes))], 32);
}

static const struct {
    const char *name;
    void (*apply)(struct damage *d);
} kinds[] = {
    {"bit", flip_bit},        {"bits", flip_bits},       {"0x00", clear_bytes},
    {"0xFF", set_bytes},      {"random", random_bytes},  {"pages cut", cut_pages},
    {"bytes cut", cut_bytes}, {"swapped", swap_pages},   {"copied", copy_page},
    {"erased", erase_page},   {"torn page", tear_page},  {"torn entry", tear_entry},
    {"state", change_state},  {"bitmap", change_bitmap},
};

/* ---- What came out ---- */

/* Has the value the bytes of the model? Behind a torn write older ones will do; a blob of
 * several chunks may then have some of both. */
static bool is_known(const struct item *item, const struct em_nvs_value *value,
                     const uint8_t *data, bool with_old, bool *older)
{
    if (item->len == 0 || memcmp(data, item->now, item->len) == 0)
        return true;
    if (!with_old)
        return false;
    *older = true;
    if (memcmp(data, item->old, item->len) == 0)
        return true;
    size_t i = 0;
    while (i < item->len && (data[i] == item->now[i] || data[i] == item->old[i]))
        i++;
    return i == item->len && item->type == EM_NVS_BLOB &&
           value->entries > 2 + (item->len + 31) / 32;
}

/* Whatever is listed: consistent in itself. */
static void check_consistent(const struct em_nvs_reader *reader, bool clean)
{
    struct em_nvs_value value;
    struct em_nvs_value again;
    size_t cursor = 0;
    size_t n = 0;
    for (; em_nvs_reader_next(reader, &cursor, &value); n++) {
        free(value_bytes(reader, &value));
        bool found = em_nvs_reader_find(reader, value.ns, value.key, &again);
        CU_ASSERT_TRUE(found);
        CU_ASSERT_TRUE(found && (!clean || same_value(&value, &again)));
        CU_ASSERT_TRUE(found && strcmp(value.key, again.key) == 0 &&
                       strcmp(value.ns, again.ns) == 0);
    }
    CU_ASSERT_EQUAL(n, em_nvs_reader_counts(reader).values);
}

/* Is the content that of the model, in its order? */
static bool is_equal(const struct em_nvs_reader *reader, const struct damage *d,
                     bool *older)
{
    const struct model *model = &d->base->model;
    struct em_nvs_value value;
    size_t cursor = 0;
    size_t i = 0;
    bool equal = em_nvs_reader_counts(reader).namespaces == 2;
    for (; equal && em_nvs_reader_next(reader, &cursor, &value); i++) {
        const struct item *item = &model->items[i];
        equal = i < model->n && value.type == item->type && value.len == item->len &&
                strcmp(value.key, item->key) == 0 &&
                strcmp(value.ns, item->ns == 1 ? "first" : "second") == 0;
        if (!equal)
            break;
        uint8_t *data = value_bytes(reader, &value);
        equal = is_known(item, &value, data, d->with_old, older);
        free(data);
    }
    return equal && i == model->n;
}

struct totals {
    unsigned found, harmless, older, refused, wrong;
};

static void judge(struct em_nvs_reader *reader, struct damage *d, struct found *found,
                  struct totals *totals)
{
    uint8_t *image = need(malloc(d->len > 0 ? d->len : 1)); /* sanitizers see its end */
    bool older = false;
    memcpy(image, d->image, d->len);
    if (d->len == 0 || d->len % PAGE != 0) {
        CU_ASSERT_EQUAL(em_nvs_reader_load(reader, image, d->len, find_it, found, NULL),
                        EM_ERR_INPUT);
        totals->refused++;
        free(image);
        return;
    }
    if (d->base->crypt != NULL)
        require(em_nvs_decrypt(d->base->crypt, image, d->len, NULL) == EM_OK);
    load_image(reader, image, d->len, found);
    bool clean = found->errors + found->warnings == 0;
    check_consistent(reader, found->errors == 0);
    if (!clean)
        totals->found++;
    else if (!is_equal(reader, d, &older))
        totals->wrong++;
    else if (older)
        totals->older++;
    else
        totals->harmless++;
    free(image);
}

static unsigned setting(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    unsigned long value = text == NULL ? 0 : strtoul(text, NULL, 0);
    return value == 0 || value > UINT32_MAX ? otherwise : (unsigned)value;
}

static void test_damages(void)
{
    struct em_nvs_reader *reader = new_reader();
    struct base *bases = need(calloc(BASES, sizeof *bases));
    struct found *found = need(malloc(sizeof *found));
    uint8_t *image = need(malloc(IMAGE_MAX));
    struct totals sums[COUNT(kinds)] = {{0}};
    struct totals all = {0};
    unsigned seed = setting("EM_SEED", 20261121);
    unsigned n = setting("EM_DAMAGES", 10000);
    uint32_t state = seed;
    for (size_t i = 0; i < BASES; i++) {
        struct totals none = {0};
        make_base(&bases[i], i, &state);
        struct damage d = {bases[i].now, bases[i].len, &bases[i], &state, false};
        judge(reader, &d, found, &none); /* undamaged */
        CU_ASSERT_EQUAL(none.harmless, 1);
    }
    for (unsigned i = 0; i < n; i++) {
        size_t kind = i % COUNT(kinds);
        const struct base *base = &bases[i / COUNT(kinds) % BASES];
        struct damage d = {image, base->len, base, &state, false};
        unsigned wrong = sums[kind].wrong;
        memcpy(image, base->now, base->len);
        kinds[kind].apply(&d);
        judge(reader, &d, found, &sums[kind]);
        if (sums[kind].wrong > wrong)
            printf("\n  EM_SEED=%u: damage %u (%s) of base %zu was not noticed\n", seed,
                   i, kinds[kind].name, (size_t)(base - bases));
    }
    printf("\n  %u damages (EM_SEED=%u): found/harmless/older/refused\n ", n, seed);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const struct totals *t = &sums[i];
        printf(" %s %u/%u/%u/%u%s", kinds[i].name, t->found, t->harmless, t->older,
               t->refused, i + 1 < COUNT(kinds) ? "," : "\n");
        all.found += t->found;
        all.harmless += t->harmless;
        all.wrong += t->wrong;
    }
    printf("  in all %u found, %u harmless, %u not noticed\n", all.found, all.harmless,
           all.wrong);
    CU_ASSERT_EQUAL(all.wrong, 0);
    CU_ASSERT_TRUE(n < 1000 || (all.found > n / 3 && all.harmless > 0));
    for (size_t i = 0; i < BASES; i++)
        free_base(&bases[i]);
    free(image);
    free(found);
    free(bases);
    em_nvs_reader_free(reader);
}

static const struct em_test tests[] = {
    {"damages", test_damages},
};

EM_TEST_MAIN("nvs/reader: damages", tests)
