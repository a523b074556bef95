/* SPDX-License-Identifier: MIT */
/* Cases of RFC 6455 that hold for both roles: what is sent to gdws, and what must come of it. */
#ifndef CASES_H
#define CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rawsock.h"
#include "world.h"

/* A literal and its length. */
#define S(text) text, sizeof(text) - 1

/* A frame of a script. */
typedef struct script_frame {
    uint8_t first; /* FIN, RSV bits and opcode; 0xff ends the script */
    const char *payload;
    size_t length;
} script_frame;

typedef struct hostile_case {
    const char *name;
    script_frame frames[8];
    int close_code; /* of the Close frame that must come; 0: none must come */
    int packets;    /* that must reach the program */
    bool is_clean;  /* was_clean at the end, when a Close comes */
    int seen_code;  /* what the program's close request says; 0: no close request */
} hostile_case;

/* Whether the case's code reaches the program as a clean 1002, because libwebsockets frames and
 * overwrites codes that may not be sent. */
bool is_hidden_code(const hostile_case *c);

extern const hostile_case hostile_cases[];
extern const int hostile_case_count;

/* Play a case on an open raw connection: send the frames cut into pieces of piece bytes (0: whole),
 * expect what the case says, and see the TCP connection end within a second. */
void play_case(const hostile_case *c, rawsock *raw, bool is_masked, size_t piece);

#endif
