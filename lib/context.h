/* SPDX-License-Identifier: MIT */
/* Context: libwebsockets' context on a uv loop, made and destroyed without leaving traces in the
 * process, on any number of threads at once. */
#ifndef GDWSI_CONTEXT_H
#define GDWSI_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

struct lws;
struct lws_context;

/* Init a uv loop, if the process has the descriptors that it and its context need. Returns libuv's
 * error. */
int gdwsi_context_init_uv(uv_loop_t *uv);

/* What libwebsockets wakes a context with: an eventfd. Before 4.3.4 it closes it twice, and never
 * since then. */
typedef struct gdwsi_context_pipe {
    int *place;     /* before: where the wsi keeps the number; or NULL */
    int descriptor; /* since: the number, or -1 */
    int twin;       /* of the same eventfd, while the context is destroyed; or -1 */
} gdwsi_context_pipe;

/* Clients' wsis that are gone, or going, without having been connected. libwebsockets forgets
 * libuv's handle where the system refused the connection (no route, nobody listens), and the loop
 * would never close. To find it takes a walk over all handles, so that is done for many at once.
 * Invariant: no wsi that lives is in it. */
#define GDWSI_CONTEXT_LOST_MAX 256
typedef struct gdwsi_context_lost {
    const struct lws *wsis[GDWSI_CONTEXT_LOST_MAX]; /* known by their addresses alone */
    size_t count;
} gdwsi_context_lost;

/* Make a context on a uv loop that polls nothing else yet; it reads at most read_bytes at once.
 * *pipe: filled in, for gdwsi_context_destroy. *descriptors: it has
 * room for numbers below this one alone, whatever the limit of the process is later. Returns NULL
 * when it cannot be made. */
struct lws_context *gdwsi_context_new(uv_loop_t *uv, size_t read_bytes, gdwsi_context_pipe *pipe,
                                      int *descriptors);

/* A client's wsi goes without having been connected. */
void gdwsi_context_note_lost(uv_loop_t *uv, gdwsi_context_lost *lost, const struct lws *wsi);

/* libwebsockets has just made a wsi, perhaps where a lost one was, and polls its socket. */
void gdwsi_context_note_new(uv_loop_t *uv, gdwsi_context_lost *lost, const struct lws *wsi);

/* Close the handles of those that are lost. Returns whether there were some. */
bool gdwsi_context_sweep(uv_loop_t *uv, gdwsi_context_lost *lost);

/* Destroy it, in two calls, between which libuv has to close its handles. */
void gdwsi_context_destroy(struct lws_context *context, gdwsi_context_pipe *pipe);

/* After the second call, when libuv has closed its handles: close what is left of the pipe. */
void gdwsi_context_bury(gdwsi_context_pipe *pipe);

#endif
