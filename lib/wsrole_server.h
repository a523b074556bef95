/* SPDX-License-Identifier: MIT */
/* Wsrole, a server's opening: who comes in, and what the others are told. */
#ifndef GDWSI_WSROLE_SERVER_H
#define GDWSI_WSROLE_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include <libwebsockets.h>

#include "link.h"

/* The longest header that is looked at. */
#define GDWSI_WSROLE_HEADER_MAX 1024

/* Copy a header; NULL when it is not there or too long (then *is_too_long is set). */
const char *gdwsi_wsrole_copy_header(struct lws *wsi, enum lws_token_indexes token, char *text,
                                     size_t size, bool *is_too_long);

/* Append the extra headers of a config where there is room. */
bool gdwsi_wsrole_append_headers(const gdwsi_config *config, char **position, const char *end);

/* libwebsockets' events: what these return is what the callback must return. */
int gdwsi_wsrole_confirm_upgrade(gdwsi_link *link, struct lws *wsi, const char *upgrade);
/* The same after libwebsockets has chosen an entry, of this name, of a table of protocols. The link
 * has no wsi yet; it may have been let go when this returns -1. */
int gdwsi_wsrole_filter(gdwsi_link *link, struct lws *wsi, const char *name);
int gdwsi_wsrole_answer_plain_http(gdwsi_link *link, struct lws *wsi);
int gdwsi_wsrole_add_headers(gdwsi_link *link, struct lws *wsi, struct lws_process_html_args *args);

#endif
