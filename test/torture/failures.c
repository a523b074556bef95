/* SPDX-License-Identifier: MIT */
/* See failures.h. */
#include "failures.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libwebsockets.h>

#include "mem.h"

/* Allocations whose failure libwebsockets 4.1.6 does not survive, by what it says they are for, and
 * why gdws cannot keep away from it. */
static const struct {
    const char *reason;
    const char *why;
} spared[] = {
    {NULL, NULL},
};

#define FAR_AWAY (SIZE_MAX / 2)

static atomic_size_t theirs;
static atomic_size_t live;
static atomic_size_t failing; /* the number of the one to fail; 0: none */
static const char *_Atomic failed_reason = "";

static bool is_spared(const char *reason)
{
    for (size_t i = 0; spared[i].reason != NULL; i++) {
        if (reason != NULL && strcmp(spared[i].reason, reason) == 0) {
            return true;
        }
    }
    return false;
}

static bool must_fail(const char *reason)
{
    if (is_spared(reason)) {
        return false;
    }
    size_t number = atomic_fetch_add(&theirs, 1) + 1;
    if (number != atomic_load(&failing)) {
        return false;
    }
    atomic_store(&failed_reason, reason != NULL ? reason : "?");
    return true;
}

static void *reallocate(void *pointer, size_t size, const char *reason)
{
    if (size == 0) {
        (void)atomic_fetch_sub(&live, pointer != NULL ? 1 : 0);
        free(pointer);
        return NULL;
    }
    if (must_fail(reason)) {
        return NULL;
    }
    void *moved = realloc(pointer, size);
    (void)atomic_fetch_add(&live, pointer == NULL && moved != NULL ? 1 : 0);
    return moved;
}

void failures_install(void)
{
    lws_set_allocator(reallocate);
}

void failures_begin(failure_kind kind, size_t nth)
{
    atomic_store(&theirs, 0);
    atomic_store(&failing, kind == FAIL_THEIRS ? nth : 0);
    gdwsi_mem_fail_at(kind == FAIL_OURS && nth > 0 ? nth : FAR_AWAY);
}

bool failures_is_reached(void)
{
    size_t number = atomic_load(&failing);
    return gdwsi_mem_has_failed() || (number > 0 && atomic_load(&theirs) >= number);
}

size_t failures_count(failure_kind kind)
{
    return kind == FAIL_THEIRS ? atomic_load(&theirs) : FAR_AWAY - gdwsi_mem_until_failure();
}

size_t failures_live(failure_kind kind)
{
    return kind == FAIL_THEIRS ? atomic_load(&live) : gdwsi_mem_live();
}

const char *failures_reason(void)
{
    return atomic_load(&failed_reason);
}

void failures_print_spared(void)
{
    for (size_t i = 0; spared[i].reason != NULL; i++) {
        printf("spared: libwebsockets' \"%s\": %s\n", spared[i].reason, spared[i].why);
    }
}
