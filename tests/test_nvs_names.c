/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of names in an image: the set of its keys, and which keys and namespaces are
 * refused. */
#include "config.h"

#include "nvs/names_int.h"

#include "tests/em_test.h"
#include "tests/test_mfg_util.h"

static bool add(struct nvs_names *set, uint8_t ns, const char *key)
{
    struct em_error err = {0};
    bool added = false;
    EM_CHECK_STATUS(nvs_names_add(set, ns, key, &added, &err), EM_OK, &err);
    return added;
}

/* 20000 pairs, so many reallocations; half of them differ in the namespace only. */
static void fill(struct nvs_names *set, bool wanted)
{
    size_t wrong = 0;
    for (unsigned i = 0; i < 20000; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "key-%u", i / 2);
        wrong += add(set, (uint8_t)(1 + i % 2), key) != wanted;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void test_many(void)
{
    struct nvs_names set = {0};
    nvs_names_reset(&set);
    fill(&set, true);
    CU_ASSERT_EQUAL(set.n, 20000);
    fill(&set, false);
    CU_ASSERT_EQUAL(set.n, 20000);
    CU_ASSERT_TRUE(add(&set, 3, "key-1"));
    nvs_names_free(&set);
    nvs_names_free(&set); /* is empty now */
    CU_ASSERT_PTR_NULL(set.names);
    CU_ASSERT_PTR_NULL(set.slots);
}

/* One byte more, one less, another one, another namespace: all different. */
static void test_equality(void)
{
    static const struct {
        uint8_t ns;
        const char *key;
        bool added;
    } steps[] = {
        {1, "", true},
        {1, "a", true},
        {1, "ab", true},
        {1, "aB", true},
        {2, "a", true},
        {254, "", true},
        {1, "123456789012345", true},
        {1, "12345678901234", true},
        {1, "123456789012346", true},
        {1, "\xFF", true},
        {1, "", false},
        {1, "a", false},
        {254, "", false},
        {1, "123456789012345", false},
        {1, "12345678901234", false},
        {1, "\xFF", false},
        {253, "", true},
    };
    struct nvs_names set = {0};
    nvs_names_reset(&set);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        CU_ASSERT_EQUAL(add(&set, steps[i].ns, steps[i].key), steps[i].added);
    nvs_names_free(&set);
}

/* One key in every namespace, whichever slots they share. */
static void test_every_namespace(void)
{
    static const char *const keys[] = {"", "k", "serial", "123456789012345"};
    struct nvs_names set = {0};
    nvs_names_reset(&set);
    for (unsigned i = 0; i < 254 * 4 * 2; i++)
        CU_ASSERT_EQUAL(add(&set, (uint8_t)(1 + i / 4 % 254), keys[i % 4]), i < 254 * 4);
    nvs_names_free(&set);
}

/* Empty after each reset, also when the number of the generation begins again at 0 and
 * when the table grows in between. */
static void test_reset(void)
{
    struct nvs_names set = {0};
    for (unsigned round = 0; round < 8; round++) {
        nvs_names_reset(&set);
        for (unsigned i = 0; i < 40 + round * 30; i++) {
            char key[16];
            (void)snprintf(key, sizeof key, "k%u", i);
            CU_ASSERT_TRUE(add(&set, 1, key));
            CU_ASSERT_FALSE(add(&set, 1, key));
        }
        if (round == 3)
            set.generation = UINT32_MAX - 1;
    }
    CU_ASSERT_TRUE(set.generation < 100); /* it did begin again */
    nvs_names_free(&set);
}

/* Marks of the very first images must not look fresh when their number comes again. */
static void test_generation_again(void)
{
    struct nvs_names set = {0};
    nvs_names_reset(&set);
    CU_ASSERT_TRUE(add(&set, 1, "a")); /* growing starts at generation 1 */
    CU_ASSERT_EQUAL(set.generation, 1);
    set.generation = UINT32_MAX;
    nvs_names_reset(&set);
    CU_ASSERT_EQUAL(set.generation, 1);
    CU_ASSERT_TRUE(add(&set, 1, "a"));
    CU_ASSERT_FALSE(add(&set, 1, "a"));
    nvs_names_free(&set);
}

struct made {
    struct em_nvs_image *image;
    uint8_t buf[0x6000];
    struct em_error err;
};

static struct made *begin(void)
{
    struct made *m = need(calloc(1, sizeof *m));
    EM_CHECK_STATUS(
        em_nvs_image_new(&m->image, m->buf, sizeof m->buf, EM_NVS_V2, &m->err), EM_OK,
        &m->err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m->image);
    return m;
}

static void end(struct made *m)
{
    em_nvs_image_free(m->image);
    free(m);
}

static void open_ns(struct made *m, const char *name)
{
    EM_CHECK_STATUS(em_nvs_image_namespace(m->image, name, &m->err), EM_OK, &m->err);
}

static void is_a_fault(const struct em_error *err, const char *what, const char *hint)
{
    CU_ASSERT_EQUAL(err->status, EM_ERR_INPUT);
    EM_CHECK_HAS(err->what, what);
    EM_CHECK_HAS(err->hint, hint);
}

static enum em_status add_any(struct made *m, unsigned kind, const char *key)
{
    switch (kind) {
    case 0:
        return em_nvs_image_add_int(m->image, key, EM_NVS_U32, 7, 0, &m->err);
    case 1:
        return em_nvs_image_add_string(m->image, key, "x", 1, &m->err);
    default:
        return em_nvs_image_add_blob(m->image, key, "x", 1, &m->err);
    }
}

static void test_bad_keys(void)
{
    for (unsigned kind = 0; kind < 3; kind++) {
        struct made *m = begin();
        open_ns(m, "ns");
        EM_CHECK_STATUS(add_any(m, kind, "1234567890123456"), EM_ERR_INPUT, &m->err);
        is_a_fault(&m->err, "key '1234567890123456' has 16 bytes, limit 15", "shorter");
        em_nvs_image_reset(m->image);
        EM_CHECK_STATUS(add_any(m, kind, "k"), EM_ERR_INPUT, &m->err);
        is_a_fault(&m->err, "key 'k' is in no namespace", "namespace first");
        /* The limit is one of bytes: these are 8 characters. */
        em_nvs_image_reset(m->image);
        open_ns(m, "n");
        EM_CHECK_STATUS(
            add_any(m, kind,
                    "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"),
            EM_ERR_INPUT, &m->err);
        is_a_fault(&m->err, "has 16 bytes, limit 15", "");
        end(m);
    }
}

/* Whatever the two types are: the device tells items apart by namespace and key only. */
static void test_key_twice(void)
{
    for (unsigned pair = 0; pair < 9; pair++) {
        struct made *m = begin();
        open_ns(m, "ns");
        EM_CHECK_STATUS(add_any(m, pair / 3, "key"), EM_OK, &m->err);
        EM_CHECK_STATUS(add_any(m, pair % 3, "kez"), EM_OK, &m->err);
        EM_CHECK_STATUS(add_any(m, pair % 3, "Key"), EM_OK, &m->err);
        open_ns(m, "other");
        EM_CHECK_STATUS(add_any(m, pair % 3, "key"), EM_OK, &m->err);
        open_ns(m, "ns");
        EM_CHECK_STATUS(add_any(m, pair % 3, "key"), EM_ERR_INPUT, &m->err);
        is_a_fault(&m->err, "key 'key' is in namespace 'ns' already", "rename or drop");
        /* A new image knows nothing of the old one's keys. */
        em_nvs_image_reset(m->image);
        open_ns(m, "ns");
        EM_CHECK_STATUS(add_any(m, pair % 3, "key"), EM_OK, &m->err);
        end(m);
    }
}

static void test_bad_namespaces(void)
{
    struct made *m = begin();
    EM_CHECK_STATUS(em_nvs_image_namespace(m->image, "", &m->err), EM_ERR_INPUT, &m->err);
    is_a_fault(&m->err, "namespace without a name", "1 to 15 bytes");
    EM_CHECK_STATUS(em_nvs_image_namespace(m->image, "1234567890123456", &m->err),
                    EM_ERR_INPUT, &m->err);
    is_a_fault(&m->err, "namespace '1234567890123456' has 16 bytes, limit 15", "shorter");
    end(m);
}

/* 254 is the last index that the device can use; all of them still open again. */
static void test_all_namespaces(void)
{
    struct made *m = begin();
    char name[16];
    for (unsigned i = 1; i <= 254; i++) {
        (void)snprintf(name, sizeof name, "n%u", i);
        open_ns(m, name);
    }
    open_ns(m, "n7");
    EM_CHECK_STATUS(em_nvs_image_add_int(m->image, "k", EM_NVS_U8, 1, 0, &m->err), EM_OK,
                    &m->err);
    open_ns(m, "n254");
    EM_CHECK_STATUS(em_nvs_image_add_int(m->image, "k", EM_NVS_U8, 1, 0, &m->err), EM_OK,
                    &m->err);
    size_t len;
    EM_CHECK_STATUS(em_nvs_image_finish(m->image, &len, &m->err), EM_OK, &m->err);
    CU_ASSERT_EQUAL(m->buf[2 * 4096 + 64 + 32 + 24], 254);
    CU_ASSERT_EQUAL(m->buf[2 * 4096 + 64 + 2 * 32], 7);
    CU_ASSERT_EQUAL(m->buf[2 * 4096 + 64 + 3 * 32], 254);
    EM_CHECK_STATUS(em_nvs_image_namespace(m->image, "n255", &m->err), EM_ERR_INPUT,
                    &m->err);
    is_a_fault(&m->err, "namespace 'n255' is number 255, the device can use 254",
               "fewer namespaces");
    end(m);
}

static const struct em_test tests[] = {
    {"many pairs", test_many},
    {"equality", test_equality},
    {"every namespace", test_every_namespace},
    {"reset", test_reset},
    {"a generation comes again", test_generation_again},
    {"keys that are refused", test_bad_keys},
    {"a key used twice", test_key_twice},
    {"namespaces that are refused", test_bad_namespaces},
    {"254 namespaces", test_all_namespaces},
};

EM_TEST_MAIN("nvs/names", tests)
