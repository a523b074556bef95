/* SPDX-License-Identifier: MIT */
/* A random program: the bytes of an input, which are taken as steps one after the other, from
 * inside of signals, too, and what the programs of all targets need beside them. */
#ifndef FUZZ_PROGRAM_H
#define FUZZ_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gdws/gdws.h"

enum { PROGRAM_URL_MAX = 64 };

void require(bool condition);

/* Begin with an input. step: what the program does next, also inside of signals. */
void program_begin(const uint8_t *data, size_t size, void (*step)(void));

/* The next byte; 0 at the end. */
uint8_t program_take(void);
bool program_has_more(void);

/* Up to length of the next bytes at once. */
const uint8_t *program_take_bytes(size_t length, size_t *taken);

/* Nothing more is to be done, neither by the program nor inside of signals. */
void program_end(void);

/* Inside of a signal: go on, for a step or two. Returns whether the object whose signal it is shall
 * be freed. */
bool program_go_on(void);
bool program_is_in_signal(void);

/* One loop for all inputs: to make one takes longer than most of them. */
gdws_loop *program_loop(void);

/* Poll now and then sleep a little; inside of signals make sure that this is refused. */
void program_poll(void);

/* A loopback address of this process alone, so that nobody else's servers get its ports. */
const char *program_address(void);

/* by_name: the address is written in a way that has to be looked up. */
void program_write_url(char *url, uint16_t port, bool by_name);

/* Whether all memory is given back, but for what is kept for reuse: what has been let go ends in
 * the background, soon. */
void program_require_nothing_left(void);

#endif
