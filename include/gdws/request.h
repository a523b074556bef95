/* SPDX-License-Identifier: MIT */
/**
 * A request: what a client says before it is let in.
 *
 * The function given to gdws_server_set_admission gets one for each handshake that is in order. The
 * request and all that it gives are lent until that function returns; the URL and the headers of a
 * peer that was let in can be asked of the peer afterwards.
 */
#ifndef GDWS_REQUEST_H
#define GDWS_REQUEST_H

#include "gdws/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A request for a WebSocket. Opaque; lent. Since 0.1. */
typedef struct gdws_request gdws_request;

/** Give the path, byte for byte as it was sent ("/a%20b"), without the query. Source: RFC 6455
 *  section 3. Since 0.1. */
GDWS_API const char *gdws_request_get_path(const gdws_request *request);

/** Give what follows the first '?' of the request's target, as it was sent; "" when there is
 *  nothing. Since 0.1. */
GDWS_API const char *gdws_request_get_query(const gdws_request *request);

/**
 * Give the value of a header.
 *
 * name: without the colon, in any case.
 *
 * Returns NULL when the request has none of that name. Several lines of one name are given as one
 * value, joined with ", " ("; " for Cookie), as RFC 9110 section 5.3 has it; of Upgrade and
 * Connection the first line is given. Since 0.1.
 */
GDWS_API const char *gdws_request_get_header(const gdws_request *request, const char *name);

/**
 * List the subprotocols that the client offers, in its order.
 *
 * protocols: receives the list; may be NULL.
 *
 * Returns how many there are; of very long lists the first 64. Source: RFC 6455 section 4.1. Since
 * 0.1.
 */
GDWS_API size_t gdws_request_get_protocols(const gdws_request *request,
                                           const char *const **protocols);

/** Give the client's numeric address; "unix:" on a unix socket. Behind a proxy it is the proxy's:
 *  ask for the header that the proxy sets. Since 0.1. */
GDWS_API const char *gdws_request_get_address(const gdws_request *request);

/** Give the client's port; 0 on a unix socket. Since 0.1. */
GDWS_API uint16_t gdws_request_get_port(const gdws_request *request);

/** Give the subject of the certificate that the client has proved to hold; NULL without one. Since
 *  0.1. */
GDWS_API const char *gdws_request_get_certificate_subject(const gdws_request *request);

/**
 * Say what is answered when the request is not let in. Without this: 403 and a sentence.
 *
 * status: an HTTP status, 400 to 599; PARAMETER_RANGE_ERROR otherwise.
 * text: one line for the body, copied: at most 255 bytes of UTF-8 without control characters, or
 * INVALID_PARAMETER. NULL and "": a sentence of gdws'.
 *
 * It does not refuse by itself: the function's result does. Since 0.1.
 */
GDWS_API gdws_error gdws_request_set_refusal(gdws_request *request, int status, const char *text);

#ifdef __cplusplus
}
#endif

#endif
