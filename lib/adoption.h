/* SPDX-License-Identifier: MIT */
/* Adoption: a descriptor from elsewhere, judged and taken over, or left as it was. Knows nothing of
 * WebSockets. */
#ifndef GDWSI_ADOPTION_H
#define GDWSI_ADOPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "gdws/error.h"
#include "listener.h"

typedef struct gdwsi_adoption {
    int given; /* the caller's */
    int flags; /* that it had */
    int copy;  /* for whoever takes it over */
    uint16_t port;
    char host[GDWSI_LISTENER_TEXT]; /* of the other end, with port, as a listener tells it */
} gdwsi_adoption;

/* Begin to take over a descriptor. Returns INVALID_PARAMETER for what is no stream socket of IP or
 * of the unix kind and for one that listens, CONNECTION_ERROR for one that has no other end,
 * CANT_ACQUIRE_RESOURCE when there is no descriptor for a copy. */
gdws_error gdwsi_adoption_begin(gdwsi_adoption *adoption, int descriptor);

/* End it: the copy has been taken over, and the caller's descriptor is closed; or it has not, and
 * the caller's is as it was before. The copy belongs to neither. */
void gdwsi_adoption_end(const gdwsi_adoption *adoption, bool is_taken);

#endif
