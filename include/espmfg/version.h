/* SPDX-License-Identifier: Apache-2.0 */
/* Which version of the library runs. */
#ifndef ESPMFG_VERSION_H
#define ESPMFG_VERSION_H

#include <espmfg/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the library that runs, which may be newer than the one a program was
 * built with: "0.1.0". Never NULL. */
EM_API const char *em_version(void);

#ifdef __cplusplus
}
#endif
#endif
