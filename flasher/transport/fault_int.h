/* SPDX-License-Identifier: Apache-2.0 */
/* Why a port cannot be opened, in words that help. */
#ifndef FLASHER_TRANSPORT_FAULT_INT_H
#define FLASHER_TRANSPORT_FAULT_INT_H

#include "base/error_int.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** Who has a port open. */
struct em_port_holder {
    pid_t pid;
    char name[64];
};

/**
 * Find a process that has the device @p path open: the one that holds its lock if any
 * does, else another process than this one, else this one. false: none that can be seen.
 */
bool em_port_find_holder(struct em_port_holder *out, const char *path);

/** The system's text for @p errnum. */
void em_port_reason(char *out, size_t size, int errnum);

/** true for the number of a PTY's terminal side. */
bool em_port_is_pty(dev_t device);

/** Tell that opening @p path ended with @p errnum. EM_ERR_PORT. */
enum em_status em_port_fault(const char *path, int errnum, struct em_error *err);

/** Tell that @p path is in use. EM_ERR_PORT. */
enum em_status em_port_busy(const char *path, struct em_error *err);

#endif
