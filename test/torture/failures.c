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

/* Allocations whose failure libwebsockets 4.1.6 does not survive, or not without leaving something
 * behind, by what it says they are for. gdws asks for as much first (gdwsi_mem_has_room), and
 * cannot do more about it. Those that crash it do not fail here; those that leave something do. */
static const struct {
    const char *reason;
    const char *after; /* only if this one was the last before it; NULL: always */
    bool crashes;
    const char *why;
} harmed[] = {
    {"fds table", NULL, true, "it runs a uv loop that it has not got yet (destroy_context1)"},
    {"lws_lookup", NULL, true, "the same"},
    {"uvh", "event pipe wsi", true,
     "it takes a pipe out of a table that it is not in: an assertion"},
    {"same vh list", NULL, true, "it does not look whether it has got it (lws_create_vhost)"},
    {"vh paths", NULL, true, "nor here: the names of a certificate on a program's own vhost"},
    {"h2n", NULL, true, "it goes on where HTTP/2 could not begin (lws_role_call_alpn_negotiated)"},
    {"context", NULL, false, "the note of the plugin that it has loaded stays"},
    {"event pipe wsi", NULL, false, "a context that is half destroyed comes back"},
    {"vhost-specific plugin table", NULL, false, "the vhost stays"},
    {"uvh", NULL, false, "a connection that is never freed, and so neither is its context"},
};

#define FAR_AWAY (SIZE_MAX / 2)

static atomic_size_t theirs;
static atomic_size_t live;
static atomic_size_t failing; /* the number of the one to fail; 0: none */
static char *failed_reason;
static _Atomic(const char *) last = "";

static bool is_harmed(const char *reason, const char *before, bool crashes)
{
    for (size_t i = 0; i < sizeof(harmed) / sizeof(harmed[0]); i++) {
        if (harmed[i].crashes == crashes && strcmp(harmed[i].reason, reason) == 0 &&
            (harmed[i].after == NULL || strcmp(harmed[i].after, before) == 0)) {
            return true;
        }
    }
    return false;
}

bool failures_may_leave(const char *reason)
{
    return is_harmed(reason, "", false);
}

static bool must_fail(const char *reason)
{
    const char *before = atomic_exchange(&last, reason);
    if (is_harmed(reason, before, true)) {
        return false;
    }
    size_t number = atomic_fetch_add(&theirs, 1) + 1;
    if (number != atomic_load(&failing)) {
        return false;
    }
    (void)snprintf(failed_reason, FAILURES_REASON_MAX, "%s", reason);
    return true;
}

static void *reallocate(void *pointer, size_t size, const char *reason)
{
    if (size == 0) {
        (void)atomic_fetch_sub(&live, pointer != NULL ? 1 : 0);
        free(pointer);
        return NULL;
    }
    if (must_fail(reason != NULL ? reason : "?")) {
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

void failures_begin(failure_kind kind, size_t nth, char *reason)
{
    failed_reason = reason;
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
    size_t left = gdwsi_mem_until_failure();
    if (kind == FAIL_THEIRS) {
        return atomic_load(&theirs);
    }
    /* A test that lets allocations fail itself has put an end to the count. */
    return left > 0 ? FAR_AWAY - left : 0;
}

size_t failures_live(failure_kind kind)
{
    return kind == FAIL_THEIRS ? atomic_load(&live) : gdwsi_mem_live();
}

void failures_print_harmed(void)
{
    for (size_t i = 0; i < sizeof(harmed) / sizeof(harmed[0]); i++) {
        printf("libwebsockets' \"%s\" %s: %s\n", harmed[i].reason,
               harmed[i].crashes ? "is spared" : "may leave something", harmed[i].why);
    }
}
