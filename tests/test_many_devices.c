/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen devices in sixteen threads of one process: written, verified and asked who they
 * are, with bytes that all of them share. To be run under a thread sanitizer too. */
#include "tests/em_test.h"

#include <espmfg/flash.h>

#include <pthread.h>

enum { DEVICES = 16, ROUNDS = 2, SHARED_LEN = 50000, OWN_LEN = 5000 };

static const char *const chips[] = {"esp32",   "esp32c3", "esp32s3", "esp32c6",
                                    "esp32h2", "esp32s2", "esp32c2", "esp32p4"};

struct worker {
    pthread_t thread;
    unsigned number;
    const uint8_t *image;                 /* of all of them */
    const struct em_flash_shared *shared; /* the same */
    uint8_t own[OWN_LEN];                 /* nobody else's */
    unsigned told, ended;                 /* calls of the hooks */
    bool other;                           /* a call was about another device */
    enum em_status status;
    struct em_error err;
    uint8_t mac[6];
    bool good;
    char port[96];
};

static int on_progress(void *user, const struct em_progress *progress)
{
    struct worker *w = user;
    w->told++;
    w->other = w->other || strcmp(progress->device, w->port) != 0;
    return 0;
}

static void on_stage(void *user, const struct em_stage *stage)
{
    struct worker *w = user;
    w->ended += stage->ends != 0;
    w->other = w->other || strcmp(stage->device, w->port) != 0;
}

static enum em_status treat(struct worker *w, struct em_device *device)
{
    const struct em_flash_piece pieces[] = {
        {.addr = 0x10000, .data = w->image, .len = SHARED_LEN, .shared = w->shared},
        {.addr = 0x40000, .data = w->own, .len = OWN_LEN},
    };
    const struct em_flash_write write = {.pieces = pieces, .count = 2};
    const struct em_device_info *info = NULL;
    uint8_t back[OWN_LEN];
    bool equal[2] = {false, false};
    enum em_status status = em_device_info(device, &info, &w->err);
    if (status == EM_OK) {
        memcpy(w->mac, info->mac, sizeof w->mac);
        status = em_flash_write(device, &write, NULL, &w->err);
    }
    if (status == EM_OK)
        status = em_flash_verify(device, NULL, pieces, 2, equal, NULL, NULL, &w->err);
    if (status == EM_OK)
        status = em_flash_read_into(device, NULL, 0x40000, OWN_LEN, back, &w->err);
    w->good =
        status == EM_OK && equal[0] && equal[1] && memcmp(back, w->own, OWN_LEN) == 0;
    return status;
}

static void *work(void *user)
{
    struct worker *w = user;
    struct em_device_options options = EM_DEVICE_OPTIONS_INIT;
    options.baud = 921600;
    options.hooks =
        (struct em_hooks){.progress = on_progress, .stage = on_stage, .user = w};
    for (int i = 0; i < ROUNDS && w->status == EM_OK; i++) {
        struct em_device *device = NULL;
        w->good = false;
        w->status = em_device_open(&device, w->port, &options, &w->err);
        if (w->status == EM_OK)
            w->status = treat(w, device);
        em_device_close(device);
    }
    return NULL;
}

static void start(struct worker *w, unsigned number, const uint8_t *image,
                  const struct em_flash_shared *shared)
{
    w->number = number;
    w->image = image;
    w->shared = shared;
    memset(w->own, (int)number + 1, sizeof w->own);
    (void)snprintf(w->port, sizeof w->port, "sim:%s?mac=60:55:f9:00:00:%02x",
                   chips[number % (sizeof chips / sizeof chips[0])], number);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&w->thread, NULL, work, w), 0);
}

static void many(void)
{
    static struct worker workers[DEVICES];
    static uint8_t image[SHARED_LEN];
    struct em_flash_shared *shared = NULL;
    struct em_error err;
    for (size_t i = 0; i < SHARED_LEN; i++)
        image[i] = (uint8_t)(i * i >> 7);
    EM_CHECK_STATUS(em_flash_share(&shared, image, SHARED_LEN, &err), EM_OK, &err);
    for (unsigned i = 0; i < DEVICES; i++)
        start(&workers[i], i, image, shared);
    for (unsigned i = 0; i < DEVICES; i++) {
        struct worker *w = &workers[i];
        CU_ASSERT_EQUAL(pthread_join(w->thread, NULL), 0);
        EM_CHECK_STATUS(w->status, EM_OK, &w->err);
        CU_ASSERT_TRUE(w->good);
        CU_ASSERT_EQUAL(w->mac[5], i);
        CU_ASSERT_FALSE(w->other);
        CU_ASSERT(w->told > 0);
        CU_ASSERT_EQUAL(w->ended,
                        ROUNDS * 4); /* connecting, writing, verifying, reading */
    }
    em_flash_share_free(shared);
}

static const struct em_test tests[] = {{"sixteen devices in sixteen threads", many}};

EM_TEST_MAIN("many devices", tests)
