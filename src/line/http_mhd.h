/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd, which is loaded for those who ask for a view. */
#ifndef SRC_LINE_HTTP_MHD_H
#define SRC_LINE_HTTP_MHD_H

#include "base/load_int.h"

#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <microhttpd.h>

/** What is used of it. */
/* clang-format off */
#define HTTP_MHD_FUNCTIONS(X)                                                                 \
    X(MHD_add_response_header) X(MHD_create_response_from_buffer)                        \
    X(MHD_create_response_from_callback) X(MHD_destroy_response)                         \
    X(MHD_get_daemon_info) X(MHD_lookup_connection_value) X(MHD_queue_response)          \
    X(MHD_resume_connection) X(MHD_start_daemon) X(MHD_stop_daemon)                      \
    X(MHD_suspend_connection)
/* clang-format on */

struct http_mhd {
    HTTP_MHD_FUNCTIONS(EM_LOAD_MEMBER)
};

/** EM_ERR_UNSUPPORTED: it is not installed. */
enum em_status http_mhd_load(struct http_mhd *out, struct em_error *err);

#endif
