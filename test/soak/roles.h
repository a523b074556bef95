/* SPDX-License-Identifier: MIT */
/* The processes of the soak. Each of these functions is one, from after its fork to its end. */
#ifndef SOAK_ROLES_H
#define SOAK_ROLES_H

#include <stddef.h>
#include <stdint.h>

#include "book.h"
#include "certs.h"

/* The server. channel: where it says, by one byte, that it listens. Returns the exit status. */
int house_run(book *ledger, const cert *own, int channel);

/* How clients wait. */
typedef enum drive { DRIVE_WAIT, DRIVE_POLL, DRIVE_EPOLL, DRIVE_UV, DRIVES } drive;

typedef struct crowd_plan {
    uint16_t owner; /* the process's number in the book */
    size_t clients;
    drive way;
    uint64_t seed;
} crowd_plan;

/* Clients that come, talk, stall and go, until the book says to settle. */
int crowd_run(book *ledger, const char *authority, const crowd_plan *plan);

/* Raw sockets that misbehave. */
int pests_run(book *ledger, uint16_t owner, size_t pests, uint64_t seed);

#endif
