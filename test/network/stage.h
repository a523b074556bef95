/* SPDX-License-Identifier: MIT */
/* One scenario and what its processes share: the one that carries the packets, the server's on one
 * end of the road, the clients' on the other. */
#ifndef STAGE_H
#define STAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "books.h"
#include "road.h"
#include "secret.h"

struct crowd;

typedef struct scenario {
    const char *name; /* a claim */
    road_surface surface;
    books_terms terms;
    size_t guests;
    uint32_t interval_ms; /* of the heartbeat of both sides; 0: none */
    uint32_t timeout_ms;
    uint32_t handshake_timeout_ms;
    uint32_t close_timeout_ms;
    uint32_t close_from_ms; /* when the road is closed, counted from the beginning of the talk */
    uint32_t close_for_ms;
    uint32_t close_every_ms; /* again and again; 0: once */
    bool (*play)(struct crowd *all);
} scenario;

typedef struct stage {
    const scenario *scene;
    road_sign sign;
    atomic_bool is_over;
    atomic_bool is_faulty;
    char fault[200]; /* written once, by whoever sets is_faulty */
    atomic_uint port;
    atomic_uint secure_port;
    atomic_int server_pid;
    atomic_bool is_server_killed;
    atomic_uint messages; /* that were right, on both sides */

    /* The server's peers. */
    atomic_uint connected;
    atomic_uint ended;
    atomic_uint clean;
    atomic_uint coded; /* a Close frame had come */
    atomic_uint complete;
    atomic_ullong first_end_ms; /* road_now_ms; 0: none yet */
    atomic_ullong last_end_ms;
    atomic_bool must_close_odd; /* the server closes those clients whose tag is odd */
} stage;

/* Note that something is wrong, unless something was already. */
void stage_fail(stage *one, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The server's process; does not return. */
void serve(stage *one, const secret *own);

#endif
