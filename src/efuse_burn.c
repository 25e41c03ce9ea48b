/* SPDX-License-Identifier: Apache-2.0 */
/* Shows what a line of eFuse commands is going to burn, asks, and burns it. */
#include "config.h"

#include "src/efuse.h"

#include "base/error_int.h"

#include <string.h>
#include <unistd.h>

/* Is there somebody who sees the question and can answer? Published tools take the word
 * from anywhere; comparing with them needs that. */
static bool can_ask(const struct efuse_run *run)
{
    return run->flash->efuse.table_520 ||
           (isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1);
}

/* The word, read from the terminal or from what stands in its place. */
static bool read_word(struct efuse_run *run)
{
    char line[16] = "";
    (void)fflush(stdout);
    (void)fputs("This cannot be undone. Type BURN (in capitals) to go on: ", stderr);
    (void)fflush(stderr); /* a question that cannot be shown gets no answer */
    run->no_answer = fgets(line, sizeof line, stdin) == NULL;
    if (run->no_answer)
        (void)fputc('\n', stderr);
    return strcmp(line, "BURN\n") == 0 || strcmp(line, "BURN") == 0;
}

static bool confirm(void *user, const struct em_efuses_change *changes, size_t count)
{
    struct efuse_run *run = user;
    struct flash *flash = run->flash;
    bool asks = !flash->efuse.do_not_confirm && flash->efuse.approve == NULL;
    bool silent = flash->term.quiet || flash->term.json;
    term_clear(&flash->term);
    /* Who is asked has to see what for. */
    efuse_show_plan(run, !silent ? stdout : asks ? stderr : NULL, changes, count);
    if (asks && !can_ask(run))
        run->no_answer = true;
    return !asks || (!run->no_answer && read_word(run));
}

enum em_status efuse_burn(struct efuse_run *run, bool check, struct em_error *err)
{
    enum em_efuses_result result = EM_EFUSES_NOTHING;
    return efuse_burn_told(run, check, &result, err);
}

enum em_status efuse_burn_told(struct efuse_run *run, bool check,
                               enum em_efuses_result *out, struct em_error *err)
{
    static const char *const names[] = {
        [EM_EFUSES_NOTHING] = "nothing",
        [EM_EFUSES_DECLINED] = "declined",
        [EM_EFUSES_BURNED] = "burned",
        [EM_EFUSES_CUT_OFF] = "cut-off",
    };
    static const char *const told[] = {
        [EM_EFUSES_NOTHING] = "Nothing to burn: already burned as asked.",
        [EM_EFUSES_DECLINED] = "Nothing was burned: the word was not BURN.",
        [EM_EFUSES_BURNED] = "Burned and read back.",
        [EM_EFUSES_CUT_OFF] =
            "Burned. As was asked for, the chip's eFuses can no longer be read.",
    };
    struct flash *flash = run->flash;
    if (flash->efuse.dry_run)
        return efuse_dry_run(run, err);
    enum em_efuses_result result = EM_EFUSES_NOTHING;
    enum em_status status = em_efuses_burn(run->efuses, confirm, run, &result, err);
    flash_json(flash, "rules", efuse_findings(run->efuses));
    if (flash->efuse.approve != NULL)
        flash_json(flash, "approved", json_string(flash->efuse.approve));
    flash_json(flash, "result", json_string(names[result]));
    *out = result;
    if (status != EM_OK)
        return status;
    if (result == EM_EFUSES_NOTHING && run->burned) { /* by a script */
        flash_json(flash, "result", json_string(names[EM_EFUSES_BURNED]));
        return EM_OK;
    }
    if (result == EM_EFUSES_NOTHING && flash->efuse.strict)
        return em_error_set(err, EM_ERR_REFUSED, "without --strict this is no fault",
                            "nothing to burn: already burned as asked");
    if (result == EM_EFUSES_DECLINED && run->no_answer)
        return em_error_set(err, EM_ERR_REFUSED,
                            "--dry-run tells the hash for --approve; or add "
                            "--do-not-confirm, or type BURN at a terminal",
                            "there is nobody to confirm it: nothing was burned");
    flash_print(flash, "%s", told[result]);
    if (check && (result == EM_EFUSES_BURNED || result == EM_EFUSES_NOTHING))
        status = em_efuses_check_after(run->efuses, err);
    return status;
}
