/* SPDX-License-Identifier: Apache-2.0 */
/* Which version of the library this is. */
#include "config.h"

#include <espmfg/version.h>

const char *em_version(void)
{
    return PACKAGE_VERSION;
}
