/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what Wi-Fi settings bring with them, as it stands in the images. */
#include "config.h"

#include <espmfg/batch.h>

#include "tests/em_test.h"
#include "tests/test_mfg_batch_util.h"
#include "tests/test_mfg_util.h"

#include <openssl/evp.h>

enum { LISTING = 1024 };

/*
 * The keys of an image in order, "ns key key …", by the format document: entries of 32
 * bytes from offset 64 of each page; bytes 0..2 are namespace, type and span, the key is
 * at 8. A key that was the one before (chunk and index of a blob) is not repeated.
 */
static void list_keys(char *out, const uint8_t *image, size_t len)
{
    char last[17] = "";
    out[0] = '\0';
    for (size_t page = 0; page < len; page += 4096) {
        for (size_t i = 0; i < 126; i++) {
            const uint8_t *entry = image + page + 64 + i * 32;
            char key[17];
            if ((image[page + 32 + i / 4] >> (i % 4 * 2) & 3) != 2)
                break;
            (void)snprintf(key, sizeof key, "%.16s", (const char *)entry + 8);
            if (strcmp(key, last) != 0) {
                size_t used = strlen(out);
                (void)snprintf(out + used, LISTING - used, "%s%s", used == 0 ? "" : " ",
                               key);
            }
            memcpy(last, key, sizeof last);
            if (entry[1] == 0x21 || entry[1] == 0x41 || entry[1] == 0x42)
                i += entry[2] - 1u;
        }
    }
}

/* The data of @p key in namespace @p ns and of @p type, on the first page; its length
 * stands at 24. */
static const uint8_t *find_data(const uint8_t *image, uint8_t ns, uint8_t type,
                                const char *key, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < 126; i++) {
        const uint8_t *entry = image + 64 + i * 32;
        if ((image[32 + i / 4] >> (i % 4 * 2) & 3) != 2)
            break;
        if (entry[0] == ns && entry[1] == type &&
            strncmp((const char *)entry + 8, key, 16) == 0) {
            *len = (size_t)entry[24] | (size_t)entry[25] << 8;
            return entry + 32;
        }
        if (entry[1] == 0x21 || entry[1] == 0x41 || entry[1] == 0x42)
            i += entry[2] - 1u;
    }
    return NULL;
}

/* ap.pmk_info: 100 zeros and the key. */
static void check_pmk(const uint8_t *image, uint8_t ns, uint8_t type,
                      const uint8_t psk[32])
{
    static const uint8_t zeros[100];
    size_t len;
    const uint8_t *data = find_data(image, ns, type, "ap.pmk_info", &len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    CU_ASSERT_EQUAL_FATAL(len, 132);
    EM_CHECK_BYTES(data, zeros, sizeof zeros);
    EM_CHECK_BYTES(data + 100, psk, 32);
}

static struct batch *make(const char *config, const char *values,
                          enum em_nvs_version version)
{
    struct batch *b = batch_new(config, values);
    b->options.version = version;
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    return b;
}

static uint8_t *image_of(const struct batch *b, unsigned unit)
{
    char name[32];
    size_t len;
    (void)snprintf(name, sizeof name, "bin/P-%u.bin", unit);
    return need(batch_read(b, name, &len));
}

#define AP_CONFIG                                                                        \
    "ns,namespace,\nap.ssid,data,string\nap.passwd,data,string\nap.authmode,data,u8\n"

/* Vectors of IEEE 802.11i, annex H.4, and one of the reference. */
static void test_psk_vectors(void)
{
    static const struct {
        const char *ssid, *password;
        uint8_t psk[32];
    } cases[] = {
        {"IEEE", "password", {0xf4, 0x2c, 0x6f, 0xc5, 0x2d, 0xf0, 0xeb, 0xef,
                              0x9e, 0xbb, 0x4b, 0x90, 0xb3, 0x8a, 0x5f, 0x90,
                              0x2e, 0x83, 0xfe, 0x1b, 0x13, 0x5a, 0x70, 0xe2,
                              0x3a, 0xed, 0x76, 0x2e, 0x97, 0x10, 0xa1, 0x2e}},
        {"ThisIsASSID",
         "ThisIsAPassword",
         {0x0d, 0xc0, 0xd6, 0xeb, 0x90, 0x55, 0x5e, 0xd6, 0x41, 0x97, 0x56,
          0xb9, 0xa1, 0x5e, 0xc3, 0xe3, 0x20, 0x9b, 0x63, 0xdf, 0x70, 0x7d,
          0xd5, 0x08, 0xd1, 0x45, 0x81, 0xf8, 0x98, 0x27, 0x21, 0xaf}},
        {"mynet", "secret12", {0xeb, 0x1c, 0xe8, 0x81, 0xa1, 0x6a, 0x3e, 0xb1,
                               0x79, 0xa7, 0x45, 0x08, 0xd9, 0x1a, 0x04, 0x8f,
                               0x1b, 0xa1, 0x2a, 0x52, 0x53, 0x1d, 0xc5, 0x12,
                               0x95, 0xc2, 0xa7, 0x83, 0xc6, 0xc8, 0x9f, 0xea}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char values[256];
        (void)snprintf(values, sizeof values, "ap.ssid,ap.passwd,ap.authmode\n%s,%s,3\n",
                       cases[i].ssid, cases[i].password);
        struct batch *b = make(AP_CONFIG, values, EM_NVS_V2);
        uint8_t *image = image_of(b, 1);
        check_pmk(image, 1, 0x42, cases[i].psk);
        free(image);
        batch_free(b);
    }
}

/* Texts that are not ASCII count as UTF-8; both versions of the format. */
static void test_psk_utf8(void)
{
    static const char ssid[] = "r\xC3\xA9seau \xF0\x9F\x94\x91";
    static const char password[] = "cl\xC3\xA9-\xE2\x82\xAC";
    uint8_t psk[32];
    char values[256];
    require(PKCS5_PBKDF2_HMAC(password, (int)strlen(password),
                              (const unsigned char *)ssid, (int)strlen(ssid), 4096,
                              EVP_sha1(), sizeof psk, psk) == 1);
    (void)snprintf(values, sizeof values, "ap.ssid,ap.passwd,ap.authmode\n%s,%s,3\n",
                   ssid, password);
    for (int version = EM_NVS_V1; version <= EM_NVS_V2; version++) {
        struct batch *b = make(AP_CONFIG, values, (enum em_nvs_version)version);
        uint8_t *image = image_of(b, 1);
        check_pmk(image, 1, version == EM_NVS_V1 ? 0x41 : 0x42, psk);
        free(image);
        batch_free(b);
    }
}

/* Where the additional entries stand. */
static void test_order(void)
{
    /* clang-format off */
    static const struct {
        const char *config, *values, *keys;
    } cases[] = {
        {AP_CONFIG, "ap.ssid,ap.passwd,ap.authmode\nnet,password,3\n",
         "ns ap.ssid ap.passwd ap.pmk_info ap.authmode"},
        {"ns,namespace,\nap.authmode,data,u8\nx,data,u8\nap.passwd,data,string\nap.ssid,data,string\ny,data,u8\n",
         "ap.authmode,x,ap.passwd,ap.ssid,y\n3,1,password,net,2\n",
         "ns ap.authmode x ap.passwd ap.pmk_info ap.ssid y"},
        /* authmode 0 is an open network, exactly "0" that is. */
        {AP_CONFIG, "ap.ssid,ap.passwd,ap.authmode\nnet,password,0\n", "ns ap.ssid ap.passwd ap.authmode"},
        {AP_CONFIG, "ap.ssid,ap.passwd,ap.authmode\nnet,password,00\n",
         "ns ap.ssid ap.passwd ap.pmk_info ap.authmode"},
        {AP_CONFIG, "ap.ssid,ap.passwd,ap.authmode\n\"\",password,3\n", "ns ap.ssid ap.passwd ap.authmode"},
        {AP_CONFIG, "ap.ssid,ap.passwd,ap.authmode\nnet,\"\",3\n", "ns ap.ssid ap.passwd ap.authmode"},
        {"ns,namespace,\nap.ssid,data,string\nap.passwd,data,string\n",
         "ap.ssid,ap.passwd\nnet,password\n", "ns ap.ssid ap.passwd"},
        /* The name of the key counts, whatever namespace it is in. */
        {"n1,namespace,\nap.ssid,data,string\nn2,namespace,\nap.passwd,data,string\nn3,namespace,\nap.authmode,data,u8\n",
         "ap.ssid,ap.passwd,ap.authmode\nnet,password,3\n",
         "n1 ap.ssid n2 ap.passwd n3 ap.pmk_info ap.authmode"},
        /* Once all three are known, each further one of them brings the blob again. */
        {AP_CONFIG "n2,namespace,\nap.ssid,data,string\n",
         "ap.ssid,ap.passwd,ap.authmode,ap.ssid\nnet,password,3,other\n",
         "ns ap.ssid ap.passwd ap.pmk_info ap.authmode n2 ap.pmk_info ap.ssid"},
        /* A 0 is not remembered: the 3 before it stays. */
        {AP_CONFIG "n2,namespace,\nap.authmode,data,u8\n",
         "ap.ssid,ap.passwd,ap.authmode,ap.authmode\nnet,password,3,0\n",
         "ns ap.ssid ap.passwd ap.pmk_info ap.authmode n2 ap.pmk_info ap.authmode"},
        {"ns,namespace,\nx,data,u8\nsta.ssid,data,string\nsta.pswd,data,string\ny,data,u8\n",
         "x,sta.ssid,sta.pswd,y\n1,net,password,2\n",
         "ns x sta.ssid sta.apinfo sta.pmk sta.apsw sta.pswd y"},
        {"ns,namespace,\nsta.pswd,data,string\nsta.ssid,data,string\n", "sta.ssid,sta.pswd\nnet,password\n",
         "ns sta.pswd sta.apinfo sta.pmk sta.apsw sta.ssid"},
        {"n1,namespace,\nsta.ssid,data,string\nn2,namespace,\nsta.ssid,data,string\n", "sta.ssid,sta.ssid\na,b\n",
         "n1 sta.ssid sta.apinfo sta.pmk sta.apsw n2 sta.ssid"},
        {"ns,namespace,\nsta.ssid,data,string\n", "sta.ssid\n\"\"\n",
         "ns sta.ssid sta.apinfo sta.pmk sta.apsw"},
        {"ns,namespace,\nsta.ssidx,data,string\nAp.ssid,data,string\n", "sta.ssidx,Ap.ssid\na,b\n",
         "ns sta.ssidx Ap.ssid"},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int version = EM_NVS_V1; version <= EM_NVS_V2; version++) {
            char keys[LISTING];
            struct batch *b =
                make(cases[i].config, cases[i].values, (enum em_nvs_version)version);
            uint8_t *image = image_of(b, 1);
            list_keys(keys, image, 0x3000);
            CU_ASSERT_STRING_EQUAL(keys, cases[i].keys);
            if (strcmp(keys, cases[i].keys) != 0)
                printf("\n  case %zu: %s\n", i, keys);
            free(image);
            batch_free(b);
        }
    }
}

static void test_sta_blobs(void)
{
    struct batch *b =
        make("ns,namespace,\nsta.ssid,data,string\n", "sta.ssid\nnet\n", EM_NVS_V2);
    uint8_t *image = image_of(b, 1);
    uint8_t wanted[140];
    size_t len;
    const uint8_t *data = find_data(image, 1, 0x42, "sta.apinfo", &len);
    CU_ASSERT_EQUAL_FATAL(len, 140);
    memset(wanted, 0xFF, sizeof wanted);
    EM_CHECK_BYTES(data, wanted, 140);
    data = find_data(image, 1, 0x42, "sta.pmk", &len);
    CU_ASSERT_EQUAL_FATAL(len, 32);
    memset(wanted, 0, sizeof wanted);
    EM_CHECK_BYTES(data, wanted, 32);
    data = find_data(image, 1, 0x42, "sta.apsw", &len);
    CU_ASSERT_EQUAL_FATAL(len, 2);
    EM_CHECK_BYTES(data, wanted, 2);
    free(image);
    batch_free(b);
}

/* The key in n2 follows from the SSID there; the other two are those of before. */
static void test_second_network(void)
{
    struct batch *b =
        make(AP_CONFIG "n2,namespace,\nap.ssid,data,string\n",
             "ap.ssid,ap.passwd,ap.authmode,ap.ssid\nother,password,3,IEEE\n", EM_NVS_V2);
    static const uint8_t start[4] = {0xf4, 0x2c, 0x6f, 0xc5}; /* of the IEEE vector */
    uint8_t *image = image_of(b, 1);
    size_t len;
    const uint8_t *first = find_data(image, 1, 0x42, "ap.pmk_info", &len);
    const uint8_t *second = find_data(image, 2, 0x42, "ap.pmk_info", &len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    CU_ASSERT(memcmp(first + 100, second + 100, 32) != 0);
    EM_CHECK_BYTES(second + 100, start, sizeof start);
    free(image);
    batch_free(b);
}

/* Nothing is carried over from one unit to the next, whoever works on them. */
static void test_units(void)
{
    static const char config[] = AP_CONFIG "sta.ssid,data,string\n";
    static const char *const keys[] = {
        "ns ap.ssid ap.passwd ap.pmk_info ap.authmode sta.ssid sta.apinfo sta.pmk "
        "sta.apsw",
        "ns ap.ssid ap.passwd ap.authmode sta.ssid sta.apinfo sta.pmk sta.apsw",
    };
    struct batch *b = batch_new(config, "");
    FILE *file = need(fopen(b->values, "w"));
    (void)fprintf(file, "ap.ssid,ap.passwd,ap.authmode,sta.ssid\n");
    for (unsigned i = 1; i <= 24; i++) /* the cheap ones have one of the three missing */
        (void)fprintf(file, "%s,%s,%s,s\n", i % 4 == 1 ? "" : "net",
                      i % 4 == 2 ? "" : "password", i % 4 == 3 ? "0" : "3");
    require(fclose(file) == 0);
    for (unsigned jobs = 1; jobs <= 3; jobs += 2) {
        b->options.jobs = jobs;
        batch_outdir(b, jobs == 1 ? "one" : "three");
        EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
        for (unsigned i = 1; i <= 24; i++) {
            char got[LISTING];
            uint8_t *image = image_of(b, i);
            list_keys(got, image, 0x3000);
            CU_ASSERT_STRING_EQUAL(got, keys[i % 4 != 0]);
            free(image);
        }
    }
    batch_free(b);
}

/* Texts from files: their content counts, not their names. */
static void test_files(void)
{
    struct batch *b = batch_new("ns,namespace,\nap.ssid,file,string\n"
                                "ap.passwd,file,string\nap.authmode,file,u8\n",
                                "");
    static const uint8_t start[4] = {0xf4, 0x2c, 0x6f, 0xc5}; /* of the IEEE vector */
    static const char *const contents[] = {"IEEE", "password", "3\n"};
    char values[4 * PATH_LEN] = "ap.ssid,ap.passwd,ap.authmode\n";
    for (size_t i = 0; i < 3; i++) {
        char name[8];
        char path[PATH_LEN];
        (void)snprintf(name, sizeof name, "f%zu", i);
        join_path(path, b->folder, name);
        write_text(path, contents[i]);
        size_t used = strlen(values);
        (void)snprintf(values + used, sizeof values - used, "%s%s", path,
                       i < 2 ? "," : "\n");
    }
    write_text(b->values, values);
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    uint8_t *image = image_of(b, 1);
    size_t len;
    const uint8_t *data = find_data(image, 1, 0x42, "ap.pmk_info", &len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    EM_CHECK_BYTES(data + 100, start, sizeof start);
    free(image);
    /* "0" with the newline that editors add is an open network too. */
    char path[PATH_LEN];
    join_path(path, b->folder, "f2");
    write_text(path, "0\n");
    batch_outdir(b, "open");
    EM_CHECK_STATUS(batch_run(b), EM_OK, &b->err);
    image = image_of(b, 1);
    CU_ASSERT_PTR_NULL(find_data(image, 1, 0x42, "ap.pmk_info", &len));
    free(image);
    batch_free(b);
}

/* What is added counts when it is checked whether all fits and all keys differ. */
static void test_faults(void)
{
    struct batch *b =
        batch_new("ns,namespace,\nsta.ssid,data,string\nsta.pmk,data,binary\n",
                  "sta.ssid,sta.pmk\nnet,x\n");
    EM_CHECK_STATUS(batch_run(b), EM_ERR_INPUT, &b->err);
    CU_ASSERT_EQUAL_FATAL(b->told.n, 1);
    EM_CHECK_HAS(b->told.msg[0].what, "sta.pmk");
    CU_ASSERT_TRUE(batch_untouched(b));
    batch_free(b);
    /* 126 entries: namespace 1, binary 1 + n + 1, sta.ssid 2, then 7 + 3 + 3. */
    for (size_t n = 105; n <= 109; n++) {
        char text[32 * 110];
        memset(text, 'x', sizeof text);
        text[32 * n] = '\0';
        b = batch_new("ns,namespace,\nx,data,binary\nsta.ssid,data,string\n", "");
        FILE *file = need(fopen(b->values, "w"));
        (void)fprintf(file, "x,sta.ssid\n%s,net\n", text);
        require(fclose(file) == 0);
        b->options.size = 0x1000;
        /* The last entry in use is the index of sta.apsw. */
        bool fits = 1 + (1 + n + 1) + 2 + (1 + 5 + 1) + 3 + 3 <= 126;
        EM_CHECK_STATUS(batch_run(b), fits ? EM_OK : EM_ERR_FULL, &b->err);
        CU_ASSERT_EQUAL(is_there(b->folder, "out"), fits);
        batch_free(b);
    }
}

static const struct em_test tests[] = {
    {"PSK vectors", test_psk_vectors},         {"PSK of UTF-8 texts", test_psk_utf8},
    {"where blobs are added", test_order},     {"blobs of a station", test_sta_blobs},
    {"a second network", test_second_network}, {"units are separate", test_units},
    {"texts from files", test_files},          {"faults", test_faults},
};
EM_TEST_MAIN("mfg/wifi", tests)
