/* SPDX-License-Identifier: MIT */
/* Wire, plain HTTP: what is answered to requests that become no WebSocket. */
#ifndef GDWSI_WIRE_HTTP_H
#define GDWSI_WIRE_HTTP_H

#include <stdbool.h>

#include "config.h"
#include "http.h"
#include "link.h"

/* Refuse a request, and take no more of the connection. text: why, in one line; NULL or "" for what
 * fits the status. origin: the request's; NULL without one. */
void gdwsi_wire_refuse(gdwsi_link *link, int status, const char *text, const char *origin);

/* The same where the request's method is known, NULL where it is not: HEAD gets no body. */
void gdwsi_wire_refuse_method(gdwsi_link *link, const char *method, int status, const char *text,
                              const char *origin);

/* Answer a request that wants no WebSocket and whose head is in order. */
void gdwsi_wire_answer(gdwsi_link *link, const gdwsi_http_head *request);

/* Answer such a request with what a gate has given. */
void gdwsi_wire_answer_from_memory(gdwsi_link *link, const gdwsi_http_head *request,
                                   const gdwsi_resource *resource);

/* The connection is writeable: go on with link->answer. Returns true when it is over and the next
 * request may be taken. */
bool gdwsi_wire_go_on_answering(gdwsi_link *link);

/* Forget an answer that is under way. */
void gdwsi_wire_stop_answering(gdwsi_link *link);

#endif
