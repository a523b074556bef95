/* SPDX-License-Identifier: MIT */
/* Handshake: RFC 6455 section 4, both sides, on parsed heads and texts. Knows no socket. */
#ifndef GDWSI_HANDSHAKE_H
#define GDWSI_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "admission.h"
#include "config.h"
#include "extension.h"
#include "gdws/error.h"
#include "http.h"
#include "url.h"

/* A Sec-WebSocket-Key is 16 bytes in base64, a Sec-WebSocket-Accept 20. */
#define GDWSI_HANDSHAKE_KEY_SIZE 25
#define GDWSI_HANDSHAKE_ACCEPT_SIZE 29

/* The longest text that the functions below write. */
#define GDWSI_HANDSHAKE_TEXT_MAX 8192

/* The longest list of subprotocols that a server takes. */
#define GDWSI_HANDSHAKE_OFFER_MAX 2048

/* The subprotocols of a request: what is offered, comma separated, and what was chosen ("" for
 * none); and the extension that was chosen, as the answer has it ("" for none). */
typedef struct gdwsi_offer {
    char offered[GDWSI_HANDSHAKE_OFFER_MAX];
    char protocol[GDWSI_ADMISSION_PROTOCOL_MAX + 1];
    char extension[GDWSI_EXTENSION_ANSWER_MAX];
    gdwsi_extension_terms terms;
} gdwsi_offer;

/* Judge what any request must have in order, WebSocket or not (RFC 9112). Returns 0 or 400. */
int gdwsi_handshake_judge_head(const gdwsi_http_head *request);

/* Whether a request wants a WebSocket at all. */
bool gdwsi_handshake_is_wanted(const gdwsi_http_head *request);

/* Whether bytes that are no head follow a request. */
bool gdwsi_handshake_has_body(const gdwsi_http_head *request);

/* Judge a client's request, whose head is in order (RFC 6455 section 4.2.1). Returns 0, or the HTTP
 * status to refuse with. */
int gdwsi_handshake_judge_request(const gdwsi_config *config, const gdwsi_http_head *request,
                                  gdwsi_offer *offer);

/* Write the answer that lets a request in (section 4.2.2). Returns its length, 0 when it does not
 * fit or cannot be made. */
size_t gdwsi_handshake_write_answer(const gdwsi_config *config, const gdwsi_http_head *request,
                                    const gdwsi_offer *offer, char *text, size_t size);

/* Make a random key (section 4.1). Returns false when the system has no randomness to give. */
bool gdwsi_handshake_make_key(char key[GDWSI_HANDSHAKE_KEY_SIZE]);

/* Write a client's request (section 4.1). Returns its length, 0 when it does not fit. */
size_t gdwsi_handshake_write_request(const gdwsi_config *config, const char *authority,
                                     const char *path, const char *key, char *text, size_t size);

/* Judge a server's answer of status 101 (section 4.1). Returns NULL with the chosen subprotocol and
 * extension, or what is wrong with it, in words. */
const char *gdwsi_handshake_judge_answer(const gdwsi_config *config, const gdwsi_http_head *answer,
                                         const char *key, const char **protocol,
                                         gdwsi_extension_terms *terms);

#endif
