/* SPDX-License-Identifier: MIT */
/* A preloaded shim that makes system calls fail, by a seeded dice. Preloaded alone it does nothing:
 * the program arms it, so that what must not fail can be done before and after. A program finds
 * these functions as weak symbols, or with dlsym.
 *
 * The environment tells what faults_arm does:
 * FAULTS_SEED         the dice; the nth call of a function always falls alike for one seed
 * FAULTS_FAILED       of 10,000 calls so many fail with an error that the manual page lists
 * FAULTS_INTERRUPTED  … with EINTR
 * FAULTS_POSTPONED    … with EAGAIN, where that may come
 * FAULTS_SHORTENED    … move less than they were asked to, but something
 * FAULTS_ONLY         names of functions, with commas between them; all without it
 * FAULTS_RANDOMLESS   1: there are no random bytes to be had at all
 */
#ifndef SHIM_H
#define SHIM_H

#include <stddef.h>
#include <stdint.h>

/* Weak: NULL where the shim is not preloaded. */
#define FAULTS_API __attribute__((weak, visibility("default")))

#define FAULTS_FUNCTIONS 24
#define FAULTS_KINDS 16

/* What was injected into one function. errors: 0 where fewer bytes or events were given. */
typedef struct faults_count {
    const char *function; /* NULL behind the last one */
    uint64_t calls;       /* while armed */
    int errors[FAULTS_KINDS];
    uint64_t injected[FAULTS_KINDS];
} faults_count;

/* Begin, with a dice as the environment has it. log: a descriptor to which each fault is written as
 * a line; -1 for none. */
void faults_arm(int log) FAULTS_API;

/* No more faults. What a fault has broken stays broken. */
void faults_disarm(void) FAULTS_API;

/* The same for a while: nests, for the calling thread alone. */
void faults_pause(void) FAULTS_API;
void faults_resume(void) FAULTS_API;

/* All that was injected since the process began; a row for each function. */
void faults_list(faults_count rows[FAULTS_FUNCTIONS]) FAULTS_API;

#endif
