/* SPDX-License-Identifier: MIT */
/* Admission: whether a handshake request may come in, which subprotocol it gets, and what is
 * answered to those that may not. Knows texts only: link reads them from the request. */
#ifndef GDWSI_ADMISSION_H
#define GDWSI_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

#define GDWSI_ADMISSION_PROTOCOL_MAX 63
#define GDWSI_ADMISSION_ANSWER_MAX 1024

/* What a request says; NULL for a header that is not there. */
typedef struct gdwsi_request {
    const char *version;   /* Sec-WebSocket-Version */
    const char *key;       /* Sec-WebSocket-Key */
    const char *origin;    /* Origin */
    const char *protocols; /* Sec-WebSocket-Protocol, all of them, comma separated */
    bool is_upgrade;       /* it asks for a WebSocket at all */
} gdwsi_request;

/* Decide. Returns 0 with the chosen subprotocol ("" for none) in protocol, or the HTTP status to
 * refuse with: 400, 403, 426 or 503. */
int gdwsi_admission_decide(const gdwsi_config *config, const gdwsi_request *request,
                           char protocol[GDWSI_ADMISSION_PROTOCOL_MAX + 1]);

/* Write the whole HTTP answer for a refusal, Connection: close. origin: echoed in
 * Access-Control-Allow-Origin when the config allows it. Returns its length. */
size_t gdwsi_admission_write_refusal(const gdwsi_config *config, int status, const char *origin,
                                     char answer[GDWSI_ADMISSION_ANSWER_MAX]);

/* Write the lines that an answer to an allowed origin carries ("" for NULL or a bad origin), each
 * with its line end. Returns their length; nothing is written when they do not fit. */
size_t gdwsi_admission_write_origin(const char *origin, char *lines, size_t capacity);

#endif
