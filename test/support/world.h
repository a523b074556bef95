/* SPDX-License-Identifier: MIT */
/* A loop with a server and a client on it that write down their signals. Tests wait for states,
 * never for time. */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <check.h>

#include "gdws/gdws.h"

#define WORLD_LOG_MAX 4096
#define WORLD_LIMIT_MS world_limit_ms()

/* What one side has been told. log has a letter for each signal: C connected, E error, d data, R
 * close request, X closed or disconnected, w drained, r reconnecting. */
typedef struct witness {
    char log[WORLD_LOG_MAX];
    size_t logged;
    int connected;
    int errors;
    int data;
    int close_requests;
    int closed;
    int drained;
    bool was_clean;
    int code;
    char reason[128];
    char end_reason[64];
    char protocol[64];
    int32_t id;
    void (*on_data)(void *world); /* instead of taking the packet; may be NULL */

    /* The client's. */
    int reconnecting;
    uint32_t attempt;
    uint32_t delay_ms;
    void (*on_end)(void *world); /* in connection_error and connection_closed; may be NULL */
    void (*on_close_request)(void *world);
    void (*on_reconnecting)(void *world);
} witness;

typedef struct world {
    gdws_loop *loop;
    gdws_server *server;
    gdws_client *client;
    witness at_server;
    witness at_client;
    bool takes_packets; /* data handlers take packets and throw them away */
    bool echoes;        /* the server sends back what it receives */
    void *extra;
} world;

/* Make the world; the server listens on a free port of 127.0.0.1. */
void world_init(world *w);

/* The same without listening, for tests that set options first. */
void world_init_idle(world *w);
void world_listen(world *w);

/* Connect the client to the server, and wait until both have been told. */
void world_connect(world *w);
void world_connect_path(world *w, const char *path);

/* Free everything, and assert that nothing is left. */
void world_free(world *w);

gdws_peer *world_server_peer(world *w);
gdws_peer *world_client_peer(world *w);

/* Whether the fallback write path is asked for by the environment. */
bool world_is_fallback(void);

/* Whether the suite is to run over TLS, by the environment, and the scheme that this makes. */
bool world_is_secure(void);
const char *world_scheme(void);

/* Whether the suite is to run with compression, by the environment. */
bool world_is_compressed(void);

/* Give a server, a client what they need for that. */
void world_prepare_server(gdws_server *server);
void world_prepare_client(gdws_client *client);

/* Whether the network cuts (cut_bytes.c), so that not all that has come is read in one pass. */
bool world_is_cut(void);

/* Whether a limit on the process' memory means something: not with a sanitizer or valgrind. */
bool world_limits_memory(void);

/* Smaller numbers under valgrind and sanitizers. */
int world_scale(int full, int reduced);

/* Fill with what no compressor makes shorter. */
void world_fill_with_noise(void *bytes, size_t length);

uint64_t world_now_ms(void);

/* The program does something else for so long, and does not poll. */
void world_stall(uint64_t time_ms);

/* How long a test waits for a state before it fails: ten seconds, unless it is made to wait in
 * vain often (test/torture). */
uint64_t world_limit_ms(void);
void world_set_limit_ms(uint64_t limit_ms);

/* How often something was closed that was not open, by anybody in this process. */
int world_vain_closes(void);

/* How often the name service of this process was asked for a name that it is slow with: such a
 * lookup takes three seconds, in vain. */
int world_slow_lookups(void);

/* How often somebody in this process has walked over all handles of a uv loop. */
int world_walks(void);

/* Poll until a condition holds; fail the test after the limit. */
#define WAIT_FOR_ON(the_loop, condition)                                                           \
    do {                                                                                           \
        uint64_t limit_ = world_now_ms() + WORLD_LIMIT_MS;                                         \
        while (!(condition)) {                                                                     \
            gdws_loop_wait((the_loop), 20);                                                        \
            ck_assert_msg(world_now_ms() < limit_, "waited in vain for: %s", #condition);          \
        }                                                                                          \
    } while (0)

#define WAIT_FOR(w, condition) WAIT_FOR_ON((w)->loop, condition)

#endif
