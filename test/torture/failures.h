/* SPDX-License-Identifier: MIT */
/* Allocations that fail: gdws' own (mem.h) and libwebsockets', through lws_set_allocator. */
#ifndef FAILURES_H
#define FAILURES_H

#include <stdbool.h>
#include <stddef.h>

typedef enum failure_kind { FAIL_OURS, FAIL_THEIRS, FAIL_KINDS } failure_kind;

/* Put our allocator in libwebsockets' place. */
void failures_install(void);

/* What one of libwebsockets' that has failed was asked for with, in its own words. */
#define FAILURES_REASON_MAX 64

/* From now on count; the nth allocation of that kind fails. 0: none does. reason: receives
 * FAILURES_REASON_MAX bytes when one of libwebsockets' fails. */
void failures_begin(failure_kind kind, size_t nth, char *reason);

bool failures_is_reached(void);

/* How many there were of each kind since then; of ours, while none of ours is to fail. */
size_t failures_count(failure_kind kind);

/* How many are alive. */
size_t failures_live(failure_kind kind);

/* Whether libwebsockets leaves something behind when this one fails. */
bool failures_may_leave(const char *reason);

/* Those of libwebsockets' that do not fail, since it cannot do without them, and those that leave
 * something. */
void failures_print_harmed(void);

#endif
