/* SPDX-License-Identifier: Apache-2.0 */
/* The URL of a ledger on a server: what of it is the server's, and what is ours. */
#ifndef MFG_LEDGER_URL_INT_H
#define MFG_LEDGER_URL_INT_H

#include "base/error_int.h"

#include <stdbool.h>

struct em_ledger_url {
    char *server; /**< without our own parameters; holds the password, if there is one */
    char *shown;  /**< all of it, without the password */
    char schema[64];
    unsigned wait_ms;   /**< for a server that is away */
    unsigned answer_ms; /**< for one answer of it */
};

/** Of a server, not a file? */
bool em_ledger_is_url(const char *url);

/** EM_ERR_USAGE, …_NOMEM. Freed by em_ledger_url_free(), also after a fault. */
enum em_status em_ledger_url_parse(struct em_ledger_url *out, const char *url,
                                   struct em_error *err);
void em_ledger_url_free(struct em_ledger_url *url);

#endif
