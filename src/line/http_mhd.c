/* SPDX-License-Identifier: Apache-2.0 */
/* Loading libmicrohttpd. */
#include "config.h"

#include "src/line/http_mhd.h"

enum em_status http_mhd_load(struct http_mhd *out, struct em_error *err)
{
    static const char *const names[] = {HTTP_MHD_FUNCTIONS(EM_LOAD_NAME)};
    static const struct em_load mhd = {
        .library = "libmicrohttpd.so.12",
        .package = "libmicrohttpd12",
        .purpose = "--http",
        .functions = names,
        .count = sizeof names / sizeof names[0],
    };
    return em_load_functions(out, &mhd, err);
}
