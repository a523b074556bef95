/* SPDX-License-Identifier: MIT */
/**
 * The loop: the only thing that waits.
 *
 * A client or server that is made without a loop makes one of its own, and a program with one
 * object never meets this header. With a loop given, any number of clients and servers share one
 * thread and one descriptor. gdws/adapters/ has a small header for each of the usual event loops
 * (poll and select, epoll, libuv, libev, libevent, GLib), and gdws_loop_new_on_uv is for libuv. To
 * put gdws into any other: watch gdws_loop_get_fd for reading, sleep at most
 * gdws_loop_get_timeout_ms, then call gdws_loop_poll.
 */
#ifndef GDWS_LOOP_H
#define GDWS_LOOP_H

#include "gdws/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A loop. Opaque. Since 0.1. */
typedef struct gdws_loop gdws_loop;

/**
 * Make a loop.
 *
 * Returns NULL when there is no memory or no descriptor for it; the log says which. Since 0.1.
 */
GDWS_API gdws_loop *gdws_loop_new(void);

struct uv_loop_s; /* libuv's uv_loop_t */

/**
 * Make a loop that the program's libuv loop drives: uv_run polls it.
 *
 * Signals then run inside uv_run. Until the loop is freed it keeps uv_run(..., UV_RUN_DEFAULT) from
 * returning, as an active handle does. gdws_loop_poll and gdws_loop_wait still work, also in
 * libuv's callbacks; they are about this loop alone, so that libuv's other handles stand still
 * while gdws_loop_wait sleeps. When the loop has gone (after gdws_loop_free and after the last
 * object on it), it leaves handles of libuv's behind that are closing: uv_loop_close succeeds once
 * uv_run has run their callbacks. A program that closes all handles of its loop instead, as with
 * uv_walk, may free this one later.
 *
 * host: the program's uv_loop_t, lent until those callbacks have run, or until the program has
 *   closed all handles and the loop.
 *
 * Returns NULL for NULL and when there is no memory or no descriptor; the log says which.
 * Since 0.1.
 */
GDWS_API gdws_loop *gdws_loop_new_on_uv(struct uv_loop_s *host);

/**
 * Give a loop back.
 *
 * The clients and servers on it keep it alive: its memory goes with the last of them. Posted
 * functions that have not run are called then, without a loop; no other thread may post or wake any
 * more. May wait for a name lookup that is under way, which cannot be interrupted. Since 0.1.
 */
GDWS_API void gdws_loop_free(gdws_loop *loop);

/**
 * Poll all objects on the loop: read, deliver signals, write. Never blocks.
 *
 * Returns BUSY when called inside a signal. Source: Godot's poll. Since 0.1.
 */
GDWS_API gdws_error gdws_loop_poll(gdws_loop *loop);

/**
 * Sleep until there is something to do, then poll.
 *
 * timeout_ms: the longest sleep; 0 does not sleep, negative sleeps without a limit.
 *
 * Returns TIMEOUT when the time passed and nothing had happened, BUSY inside a signal. A POSIX
 * signal ends the sleep as an event does. Since 0.1.
 */
GDWS_API gdws_error gdws_loop_wait(gdws_loop *loop, int timeout_ms);

/**
 * End a wait, or make the descriptor readable. May be called from any thread, not from a POSIX
 * signal handler. Several calls before the next poll count as one. Since 0.1.
 */
GDWS_API void gdws_loop_wakeup(gdws_loop *loop);

/**
 * A function that was posted.
 *
 * loop: the loop in whose poll or wait it runs; NULL when the loop went before that. Then there is
 * nothing left to work on: the function only frees what it was given.
 */
typedef void (*gdws_loop_function)(gdws_loop *loop, void *user);

/**
 * Let the loop's own thread run a function, and wake it if it sleeps. May be called from any
 * thread, not from a POSIX signal handler.
 *
 * function: runs once, inside poll or wait, and like a signal: anything may be called in it except
 * poll and wait, freeing the loop included. What one thread has posted runs in the order in which
 * it was posted. What is posted while posted functions run has its turn in the next pass, after the
 * sockets.
 * user: given to the function, which may free it: it is called exactly once, without a loop if the
 * loop goes before (see gdws_loop_free).
 *
 * Returns OUT_OF_MEMORY, INVALID_PARAMETER for a NULL loop or function, UNAVAILABLE from inside a
 * function that is called because the loop goes; on error the function is not called. Since 0.1.
 */
GDWS_API gdws_error gdws_loop_post(gdws_loop *loop, gdws_loop_function function, void *user);

/**
 * Give the descriptor that becomes readable when the loop wants to be polled: when something has
 * come, after gdws_loop_wakeup, and, from the first call of this on, when something has been put,
 * closed or connected outside of a poll. Only time passes without a sign: see
 * gdws_loop_get_timeout_ms.
 *
 * It belongs to the loop: watch it, never read, write or close it. Returns -1 for NULL. Since 0.1.
 */
GDWS_API int gdws_loop_get_fd(gdws_loop *loop);

/**
 * Tell how long the program may sleep before it polls, if the descriptor stays quiet.
 *
 * Returns milliseconds; 0 when there is something to do now (packets put since the last poll are),
 * -1 for no limit. Since 0.1.
 */
GDWS_API int gdws_loop_get_timeout_ms(gdws_loop *loop);

#ifdef __cplusplus
}
#endif

#endif
