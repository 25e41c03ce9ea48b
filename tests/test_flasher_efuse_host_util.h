/* SPDX-License-Identifier: Apache-2.0 */
/* eFuses of a host whose chip is the silicon-like model, for tests: a bus that can lose
 * its power, and a journal of every bit that was burned. */
#ifndef TESTS_TEST_FLASHER_EFUSE_HOST_UTIL_H
#define TESTS_TEST_FLASHER_EFUSE_HOST_UTIL_H

#include "flasher/efuse/coding_int.h"
#include "flasher/efuse/efuses_int.h"
#include "flasher/efuse/model_int.h"
#include "tests/em_test.h"

enum { HOST_BITS = EM_EFUSES_BYTES * 8 };

struct host_journal {
    bool data[EM_EFUSE_BLOCKS_MAX][HOST_BITS];
    bool check[EM_EFUSE_BLOCKS_MAX][HOST_BITS];
    unsigned count;
};

struct host {
    struct em_efuse_model *model;
    const struct em_chip *chip;
    const struct em_efuse_table *table;
    struct host_journal journal;
    unsigned programs; /* program commands so far */
    unsigned cut_at;   /* the power goes during that one; 0: never */
    unsigned permille; /* so many of its bits take */
    uint64_t seed;
    bool dead;
    bool secure; /* comes back in secure download mode */
    unsigned reads;
    char log[1024]; /* messages of the library */
};

static inline void host_log(void *user, enum em_log_level level, const char *device,
                            const struct em_error *msg)
{
    struct host *host = user;
    (void)device;
    size_t len = strlen(host->log);
    if (level <= EM_LOG_NOTE)
        (void)snprintf(host->log + len, sizeof host->log - len, "%s\n", msg->what);
}

static inline void host_burned(void *user, unsigned block, unsigned bit, bool check)
{
    struct host *host = user;
    CU_ASSERT_FATAL(block < EM_EFUSE_BLOCKS_MAX && bit < HOST_BITS);
    (check ? host->journal.check : host->journal.data)[block][bit] = true;
    host->journal.count++;
}

static inline enum em_status host_read(void *user, uint32_t addr, uint32_t *out,
                                       struct em_error *err)
{
    struct host *host = user;
    host->reads++;
    if (host->dead)
        return em_error_set(err, EM_ERR_LINK, NULL, "no answer");
    *out = em_efuse_model_has(host->model, addr) ? em_efuse_model_read(host->model, addr)
                                                 : UINT32_MAX;
    return EM_OK;
}

static inline enum em_status host_write(void *user, const struct em_efuse_write *writes,
                                        size_t count, struct em_error *err)
{
    struct host *host = user;
    for (size_t i = 0; i < count && !host->dead; i++) {
        if (writes[i].mask == 0)
            continue;
        bool program = writes[i].addr == host->chip->efuse_base + host->table->regs.cmd &&
                       (writes[i].value & EM_EFUSE_CMD_PROGRAM) != 0;
        bool cut = program && ++host->programs == host->cut_at;
        if (cut)
            em_efuse_model_cut(host->model, host->permille, host->seed);
        int64_t busy_us = 0;
        em_efuse_model_write(host->model, writes[i].addr, writes[i].value, &busy_us);
        host->dead = cut;
    }
    return host->dead ? em_error_set(err, EM_ERR_LINK, NULL, "no answer") : EM_OK;
}

static inline void host_sleep(void *user, unsigned ms)
{
    (void)user;
    (void)ms;
}

static inline enum em_status host_kept(void *user, struct em_error *err)
{
    (void)user;
    (void)err;
    return EM_OK;
}

static inline enum em_status host_again(void *user, bool *secure_out,
                                        struct em_error *err)
{
    struct host *host = user;
    *secure_out = host->secure;
    return host->secure ? EM_OK : em_error_set(err, EM_ERR_LINK, NULL, "no answer");
}

static inline void host_close(void *user)
{
    (void)user; /* the model stays */
}

static inline void host_new(struct host *host, const char *chip)
{
    struct em_error err = {0};
    *host = (struct host){.chip = em_chip_find(chip)};
    CU_ASSERT_PTR_NOT_NULL_FATAL(host->chip);
    host->table = em_efuse_table_find(host->chip);
    EM_CHECK_STATUS(em_efuse_model_new(&host->model, host->chip, &err), EM_OK, &err);
    em_efuse_model_on_burn(host->model, host_burned, host);
}

/* Power on and connect. */
static inline struct em_efuses *host_open(struct host *host,
                                          const struct em_efuses_options *options)
{
    struct em_error err = {0};
    struct em_efuses *efuses = NULL;
    struct em_efuses_options with = *options;
    with.hooks = (struct em_hooks){.log = host_log, .user = host};
    host->dead = false;
    host->log[0] = '\0';
    em_efuse_model_reset(host->model);
    const struct em_efuses_source source = {
        .chip = host->chip,
        .bus = {host_read, host_write, host_sleep, host},
        .behind = {host_kept, host_again, host_close, host},
        .xtal_mhz = host->chip->xtal_mhz,
    };
    EM_CHECK_STATUS(em_efuses_open_source(&efuses, &source, &with, &err), EM_OK, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(efuses);
    return efuses;
}

static inline struct em_efuses *virtual_open(const char *chip, bool table_520)
{
    struct em_error err = {0};
    struct em_efuses *efuses = NULL;
    struct em_efuses_options options = EM_EFUSES_OPTIONS_INIT;
    options.table_520 = table_520;
    EM_CHECK_STATUS(em_efuses_open_virtual(&efuses, chip, NULL, &options, &err), EM_OK,
                    &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(efuses);
    return efuses;
}

#endif
