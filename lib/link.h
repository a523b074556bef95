/* SPDX-License-Identifier: MIT */
/* Link: one connection's peer, its libwebsockets instance (wsi) and its timer. It moves bytes
 * between the two and decides when the connection has lasted too long. endpoint feeds it with
 * libwebsockets' events; client and server own it and deliver its signals. */
#ifndef GDWSI_LINK_H
#define GDWSI_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "config.h"
#include "decoder.h"
#include "loop.h"
#include "peer.h"

struct lws;

typedef struct gdwsi_link gdwsi_link;

/* Called as a signal task: the peer has events, or the link has failed. */
typedef void (*gdwsi_link_deliver)(void *owner, gdwsi_link *link);

struct gdwsi_opening;
struct gdwsi_wire_answer;
struct gdwsi_tls;

/* How the bytes travel: wire or wsrole. */
typedef struct gdwsi_link_transport {
    /* Write what is queued, as far as it goes, and a ping that is due. Returns false when the
     * connection is broken. */
    bool (*write)(gdwsi_link *link);
    /* A pass of writing is over. */
    void (*wrote)(gdwsi_link *link);
    /* As the peer's carrier; may be NULL. Called only where frames may be written. */
    size_t (*send_at_once)(gdwsi_link *link, const gdwsi_frame *frame, const void *payload);
    /* The peer has room again. */
    void (*resume)(gdwsi_link *link);
    /* Use what was given to the link before anything is read. Only called when there is some. */
    void (*take_given)(gdwsi_link *link);
    /* The link goes: free what is the transport's. */
    void (*finish)(gdwsi_link *link);
} gdwsi_link_transport;

typedef enum gdwsi_link_timer {
    GDWSI_LINK_TIMER_NONE,
    GDWSI_LINK_TIMER_HANDSHAKE,
    GDWSI_LINK_TIMER_HEARTBEAT,
    GDWSI_LINK_TIMER_CLOSE, /* the connection ends hard */
    GDWSI_LINK_TIMER_LINGER /* packets that nobody takes are given up */
} gdwsi_link_timer;

struct gdwsi_link {
    gdws_peer peer; /* first: a peer's address is its link's */
    gdws_loop *loop;
    const gdwsi_link_transport *transport;
    void *endpoint;                 /* endpoint's, with the next one */
    void (*gone)(gdwsi_link *link); /* called when the link is freed; may be NULL */
    struct lws *wsi; /* NULL before it is made and after libwebsockets has freed it */

    void *owner;                /* NULL once it has let go */
    const gdwsi_config *config; /* the owner's; NULL like it */
    gdwsi_link_deliver deliver;
    gdwsi_task signal;
    gdwsi_task flush;

    uv_timer_t timer;
    gdwsi_link_timer timer_purpose;
    uint32_t handshake_timeout_ms;
    uint32_t connect_timeout_ms; /* a client's: for TCP alone, with this one address */
    uint64_t handshake_deadline; /* a client's: loop time, for all addresses together */
    uint32_t close_timeout_ms;
    uint32_t heartbeat_timeout_ms;
    uint64_t pinged_at;        /* loop time */
    uint64_t unanswered_since; /* loop time of the first ping since anything was heard; 0: none */
    uint64_t ping_token;       /* payload of the last ping: a time in ns */
    size_t left_to_close;      /* bytes that waited before or with our Close frame when last seen */
    uint64_t arrived;          /* bytes that had arrived at the other side when the timer was set */
    uint64_t looked_in; /* the loop's pass in which the time was up, before it read; 0: not yet */

    bool is_established;
    bool is_dropped; /* the connection is being closed: nothing may be queued or written */
    bool is_killed;  /* the connection was told to end hard */
    bool is_choked;  /* the kernel's buffer is full; libwebsockets will say when it is not */
    bool must_ask;   /* it has said so, and forgets on its way back what it was asked meanwhile */
    bool is_reading; /* what libwebsockets was told last */
    bool is_ping_due;
    bool is_read_over; /* the other side has ended its half, of TCP or of TLS: no more comes */

    /* For wire. */
    gdwsi_decoder decoder;
    uint8_t
        *held; /* received, not yet decoded: part of a head, or more than the peer has room for */
    size_t held_length;
    uint8_t *given; /* read by somebody else before the link had the socket; NULL once used */
    size_t given_length;
    bool is_answered; /* somebody else has answered the request that was given */
    char *unsent;     /* of the handshake's text */
    size_t unsent_length;
    struct gdwsi_opening *opening;
    struct gdwsi_wire_answer *answer; /* plain HTTP that is being sent; nothing is read meanwhile */
    struct gdwsi_tls *tls;            /* NULL: not secured */
    bool is_tls_begun;                /* the first byte has come */

    /* Why the connection could not be made. */
    bool is_tcp_connected; /* a client's */
    gdws_error error;
    int http_status;
    char message[192];

    /* For the server. */
    gdwsi_link *next; /* on its list of all links */
    gdwsi_link *previous;
    int32_t id;
    bool is_untaken;
    bool is_counted; /* it was let in */
    gdwsi_link *next_untaken;
    gdwsi_link *previous_untaken;
};

/* Make a link without a connection, in the hands of its owner. config is lent like owner. Returns
 * NULL without memory. */
gdwsi_link *gdwsi_link_new(gdws_loop *loop, const gdwsi_config *config, bool is_client, void *owner,
                           gdwsi_link_deliver deliver);

/* Give a new link what somebody else has read of its connection, all of it or the next part;
 * copied, and used by the next poll before anything else is read. Returns OUT_OF_MEMORY. */
gdws_error gdwsi_link_give(gdwsi_link *link, const void *bytes, size_t length);

/* The owner lets go: no more signals; the link goes when its connection has gone. */
void gdwsi_link_release(gdwsi_link *link);

/* Close with a code after what is queued, without waiting for anything: the peer is CLOSED at once
 * and its disconnected is due; the connection goes on in the background for a moment. */
void gdwsi_link_shut(gdwsi_link *link, int code);

/* End the connection hard, soon. */
void gdwsi_link_kill(gdwsi_link *link);

/* Note why the connection could not be made, unless that is known already. */
void gdwsi_link_note_error(gdwsi_link *link, gdws_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For the transports. */

/* How long a connection may last after its end, so that the other side hears why. */
#define GDWSI_LINK_BROKEN_TIMEOUT_MS 500u

/* A client that takes nothing of its HTTP answer for so long is given up. */
#define GDWSI_LINK_STALL_TIMEOUT_MS 10000u

/* Whether frames may be written. */
bool gdwsi_link_can_write(const gdwsi_link *link);

/* Tell libwebsockets whether to read, by the room that the peer has. */
void gdwsi_link_update_reading(gdwsi_link *link);

/* In link_time. */
void gdwsi_link_set_timer(gdwsi_link *link, gdwsi_link_timer purpose, uint64_t timeout_ms);
void gdwsi_link_stop_timer(gdwsi_link *link);

/* Set the timer for the next ping, or for the end of the wait for the last one's pong. */
void gdwsi_link_arm_heartbeat(gdwsi_link *link);

void gdwsi_link_owe_signal(gdwsi_link *link);

/* The connection begins to be made, or was accepted. */
void gdwsi_link_start_handshake(gdwsi_link *link, struct lws *wsi);

/* A client's TCP connection is made: the rest of the time is for this address alone. */
void gdwsi_link_tcp_connected(gdwsi_link *link);

/* The handshake is done. */
void gdwsi_link_established(gdwsi_link *link);

/* Our Close frame is queued: wait for the other side's, but not for ever. */
void gdwsi_link_await_close(gdwsi_link *link);

/* Something came from the other side, so it lives. */
void gdwsi_link_note_heard(gdwsi_link *link);

/* The kernel has room again: packets that wait go on their way to it, and the ping behind them
 * cannot have been answered yet. */
void gdwsi_link_note_taken(gdwsi_link *link);

/* The link that has this peer as its first member. */
static inline gdwsi_link *gdwsi_link_of_peer(gdws_peer *peer)
{
    return (gdwsi_link *)(void *)peer;
}

/* The socket; -1 when there is none. */
int gdwsi_link_descriptor(const gdwsi_link *link);

/* The other side broke a rule: close with a code. fault: what it was, in words; may be "". */
void gdwsi_link_fail(gdwsi_link *link, int code, const char *fault);

/* All has been said: the connection is closed by the other side soon, or by us. */
void gdwsi_link_leave(gdwsi_link *link);

/* No more bytes move. */
void gdwsi_link_ended(gdwsi_link *link);

/* libwebsockets has freed the wsi. */
void gdwsi_link_destroyed(gdwsi_link *link);

/* After a write pass: what it means for closing and for drained. */
void gdwsi_link_conclude_flush(gdwsi_link *link);

#endif
