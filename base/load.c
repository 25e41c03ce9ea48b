/* SPDX-License-Identifier: Apache-2.0 */
/* Loading libraries at run time. */
#include "config.h"

#include "base/load_int.h"

#include "base/error_int.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static enum em_status not_there(const struct em_load *what, struct em_error *err)
{
    char hint[sizeof err->hint];
    const char *why = dlerror(); /* names library or function */
    (void)snprintf(hint, sizeof hint, "install it (Debian: apt install %s)",
                   what->package); /* fits */
    return em_error_set(err, EM_ERR_UNSUPPORTED, hint, "%s needs %s: %s", what->purpose,
                        what->library, why == NULL ? "it has another form" : why);
}

enum em_status em_load_functions(void *table, const struct em_load *what,
                                 struct em_error *err)
{
    /* Never unloaded: such libraries leave threads and exit handlers behind. */
    void *library = dlopen(what->library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL)
        return not_there(what, err);
    for (size_t i = 0; i < what->count; i++) {
        void *function = dlsym(library, what->functions[i]);
        if (function == NULL)
            return not_there(what, err);
        /* POSIX: pointers to functions have the form of those to data. */
        memcpy((uint8_t *)table + i * sizeof function, &function, sizeof function);
    }
    return EM_OK;
}
