/* SPDX-License-Identifier: MIT */
/* HTTP: the head of a request or an answer (RFC 9112), parsed in place and strictly. What a head
 * means is not its business, nor where it comes from. */
#ifndef GDWSI_HTTP_H
#define GDWSI_HTTP_H

#include <stdbool.h>
#include <stddef.h>

/* The longest head that can be taken, and the most header lines. */
#define GDWSI_HTTP_HEAD_MAX 32768
#define GDWSI_HTTP_HEADERS_MAX 64

typedef struct gdwsi_http_header {
    const char *name;
    const char *value; /* without white space around it */
} gdwsi_http_header;

/* A parsed head. The texts lie in what was parsed. */
typedef struct gdwsi_http_head {
    const char *method; /* of a request */
    const char *target;
    int minor_version; /* the 1 of HTTP/1.1 */
    int status;        /* of an answer */
    size_t count;
    gdwsi_http_header headers[GDWSI_HTTP_HEADERS_MAX];
} gdwsi_http_head;

/* Find the end of a head: the blank line. known: how many bytes were looked at before. Returns the
 * length of the head with that line, 0 when it is not there yet. */
size_t gdwsi_http_find_end(const char *text, size_t length, size_t known);

/* Parse a head of length bytes, which is changed. Returns 0, or the status to answer: 400, 431 (too
 * many lines) or 505 (no HTTP/1.x). */
int gdwsi_http_parse_request(gdwsi_http_head *head, char *text, size_t length);

/* The same for an answer. Returns false when it is none. */
bool gdwsi_http_parse_answer(gdwsi_http_head *head, char *text, size_t length);

/* Get the path and query of a target: the target itself, or what follows scheme and authority in
 * one that is a whole URL (RFC 9112 section 3.2.2). Returns NULL for any other target. */
const char *gdwsi_http_path(const char *target);

/* Whether the value of a Host header is a name or an address, with or without a port (RFC 3986
 * section 3.2; of the characters of a name those that occur in names). */
bool gdwsi_http_is_host(const char *text);

/* Get the value of a header, the first of that name; any case. Returns NULL when it is not there.
 */
const char *gdwsi_http_get(const gdwsi_http_head *head, const char *name);

/* How many header lines have this name. */
size_t gdwsi_http_count(const gdwsi_http_head *head, const char *name);

/* Whether a comma separated list, over all lines of that name, has a token; any case. */
bool gdwsi_http_has_token(const gdwsi_http_head *head, const char *name, const char *token);

/* Join the lines of a list with ", ". Returns false when they do not fit; "" when there is none. */
bool gdwsi_http_join(const gdwsi_http_head *head, const char *name, char *text, size_t size);

#endif
