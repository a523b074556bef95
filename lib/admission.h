/* SPDX-License-Identifier: MIT */
/* Admission: whether a handshake request may come in, and which subprotocol it gets. Knows texts
 * only: others read them from the request. */
#ifndef GDWSI_ADMISSION_H
#define GDWSI_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

#define GDWSI_ADMISSION_PROTOCOL_MAX 63

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

#endif
