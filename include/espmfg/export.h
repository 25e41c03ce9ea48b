/* SPDX-License-Identifier: Apache-2.0 */
/* Marks what libespmfg exports, and the few compiler hints used in its headers. */
#ifndef ESPMFG_EXPORT_H
#define ESPMFG_EXPORT_H

#if defined(__GNUC__)
#define EM_API          __attribute__((visibility("default")))
#define EM_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define EM_USE_RESULT   __attribute__((warn_unused_result))
#else
#define EM_API
#define EM_PRINTF(f, a)
#define EM_USE_RESULT
#endif

#endif
