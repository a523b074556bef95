/* SPDX-License-Identifier: MIT */
/* Request: what an admission sees, and what is kept of a request for as long as its peer lives: one
 * block of memory that holds the URL and the headers. Knows texts only. */
#ifndef GDWSI_REQUEST_H
#define GDWSI_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gdws/request.h"
#include "http.h"

#define GDWSI_REQUEST_TEXT_MAX 255
#define GDWSI_REQUEST_PROTOCOLS_MAX 64

struct gdws_request {
    const gdwsi_http_head *head;
    const char *headers; /* of the record */
    char *path;          /* a copy of the target, cut at the query */
    const char *query;
    const char *host;
    uint16_t port;
    const char *certificate_subject; /* NULL without one */
    char *offered;                   /* a copy of the offered subprotocols, cut into names */
    const char *protocols[GDWSI_REQUEST_PROTOCOLS_MAX];
    size_t protocol_count;
    int status; /* of the refusal */
    char text[GDWSI_REQUEST_TEXT_MAX + 1];
};

/* Make the record of a request: the URL as Godot 4 gives it (scheme, Host header, path and query),
 * and behind it, where *headers points to, the headers but those that only the handshake needs;
 * lines of one name joined. Returns NULL without memory. */
char *gdwsi_request_make_record(const char *scheme, const gdwsi_http_head *head,
                                const char **headers);

/* Find a header in the headers of a record; NULL when it is not there, or headers is NULL. */
const char *gdwsi_request_find(const char *headers, const char *name);

/* Prepare what an admission sees; all pointers are lent. offered: the subprotocols, comma
 * separated; NULL for none. Returns false without memory. */
bool gdwsi_request_init(gdws_request *request, const gdwsi_http_head *head, const char *headers,
                        const char *offered);

void gdwsi_request_clear(gdws_request *request);

#endif
