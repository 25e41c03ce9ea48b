/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of calling the call-backs of the user: who is not there is not called. */
#include "config.h"

#include "base/hooks_int.h"

#include "tests/em_test.h"

struct told {
    unsigned logs;
    struct em_stage stage;
    char device[16];
};

static void on_log(void *user, enum em_log_level level, const char *device,
                   const struct em_error *msg)
{
    struct told *told = user;
    (void)level;
    (void)msg;
    told->logs++;
    (void)snprintf(told->device, sizeof told->device, "%s", device);
}

static void on_stage(void *user, const struct em_stage *stage)
{
    ((struct told *)user)->stage = *stage;
}

static void nobody(void)
{
    const struct em_hooks none = {0};
    const struct em_error msg = {0};
    CU_ASSERT_FALSE(em_hooks_wants(NULL, EM_LOG_ERROR));
    CU_ASSERT_FALSE(em_hooks_wants(&none, EM_LOG_ERROR));
    em_hooks_log(NULL, EM_LOG_ERROR, NULL, &msg);
    em_hooks_log(&none, EM_LOG_ERROR, NULL, &msg);
    em_hooks_begin(NULL, "writing", NULL);
    em_hooks_begin(&none, "writing", NULL);
    CU_ASSERT_EQUAL(em_hooks_end(NULL, "writing", NULL, EM_ERR_IO), EM_ERR_IO);
    CU_ASSERT_EQUAL(em_hooks_end(&none, "writing", NULL, EM_OK), EM_OK);
}

/* As many levels as asked for, counted from the errors on; 0 are all. */
static void levels(void)
{
    for (unsigned wanted = 0; wanted <= EM_LOG_TRACE + 1; wanted++) {
        struct told told = {0};
        const struct em_hooks hooks = {
            .log = on_log, .user = &told, .log_levels = wanted};
        const struct em_error msg = {0};
        for (int level = EM_LOG_ERROR; level <= EM_LOG_TRACE; level++)
            em_hooks_log(&hooks, (enum em_log_level)level, "x", &msg);
        CU_ASSERT_EQUAL(told.logs, wanted == 0 ? 6 : wanted);
    }
}

static void names(void)
{
    struct told told = {0};
    const struct em_hooks hooks = {.log = on_log, .user = &told, .stage = on_stage};
    const struct em_error msg = {0};
    em_hooks_log(&hooks, EM_LOG_NOTE, "port", &msg);
    CU_ASSERT_STRING_EQUAL(told.device, "port");
    em_hooks_log(&hooks, EM_LOG_NOTE, NULL, &msg);
    CU_ASSERT_STRING_EQUAL(told.device, "");
    em_hooks_begin(&hooks, "reading", "port");
    CU_ASSERT_STRING_EQUAL(told.stage.name, "reading");
    CU_ASSERT_STRING_EQUAL(told.stage.device, "port");
    CU_ASSERT_EQUAL(told.stage.ends, 0);
    CU_ASSERT_EQUAL(em_hooks_end(&hooks, "reading", NULL, EM_ERR_LINK), EM_ERR_LINK);
    CU_ASSERT_STRING_EQUAL(told.stage.device, "");
    CU_ASSERT_EQUAL(told.stage.ends, 1);
    CU_ASSERT_EQUAL(told.stage.status, EM_ERR_LINK);
}

static const struct em_test tests[] = {
    {"nobody listens", nobody},
    {"levels", levels},
    {"names and ends", names},
};

EM_TEST_MAIN("base/hooks", tests)
