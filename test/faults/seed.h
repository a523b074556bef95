/* SPDX-License-Identifier: MIT */
/* One seed: what is played, and what came of it. */
#ifndef SEED_H
#define SEED_H

#include <stdbool.h>
#include <stdint.h>

#include "certs.h"
#include "gdws/gdws.h"
#include "shim.h"

/* How hard the dice is. */
typedef enum harm {
    HARM_GENTLE, /* interrupted, postponed, cut short, very often: nothing may be lost */
    HARM_RARE,   /* something breaks now and then */
    HARM_OFTEN,
    HARM_RANDOM, /* there are no random bytes */
    HARM_KINDS
} harm;

/* How connections come to the server. */
typedef enum way { WAY_TCP, WAY_UNIX, WAY_ADOPTED, WAY_KINDS } way;

typedef struct plan {
    uint64_t seed;
    harm harm;
    way way;
    bool is_party; /* multiplayer, by TCP */
    bool is_secure;
    bool is_compressed;
    bool is_fallback;
    bool is_named; /* "localhost" instead of 127.0.0.1 */
    bool is_early; /* armed before the loop is made */
    bool reconnects;
    bool has_heartbeat;
    bool is_narrow; /* small queues */
    int clients;
    uint32_t goal; /* messages that each side of each connection sends */
    int ending;    /* who closes, and how */
} plan;

typedef struct outcome {
    uint64_t connections;
    uint64_t lost;     /* ended, and not clean */
    uint64_t refused;  /* attempts that failed */
    uint64_t received; /* messages */
    uint64_t turns;
    faults_count faults[FAULTS_FUNCTIONS];
    bool is_right;
} outcome;

/* Numbers for the scenario; the shim has a dice of its own. */
uint32_t seed_draw(uint64_t *state, uint32_t below);

/* Waiting longer than this for anything is a hang, in ms. */
uint64_t seed_patience_ms(void);
uint64_t seed_now_ms(void);

/* Say what is wrong; the seed has failed. */
void seed_fail(outcome *result, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Play with a loop, clean up but for the loop. The faults are on, and off at the end. */
void peers_play(const plan *all, gdws_loop *loop, outcome *result);
void party_play(const plan *all, gdws_loop *loop, outcome *result);

/* Play a seed, all of it. */
void seed_play(uint64_t seed, outcome *result);

#endif
