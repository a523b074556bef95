/* SPDX-License-Identifier: MIT */
/* Inspector: the structs, for inspector.c (life and what is watched), inspector_gate.c (plain HTTP
 * and who may come in), inspector_page.c (what a page is told), inspector_command.c (what it says).
 */
#ifndef GDWSI_INSPECTOR_H
#define GDWSI_INSPECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "gdws/inspector.h"
#include "gdws/tap.h"
#include "inspector_json.h"
#include "inspector_store.h"
#include "loop.h"

/* 128 random bits, as text. */
#define GDWSI_INSPECTOR_TOKEN_LENGTH 32

/* A record has a bit for each page. */
#define GDWSI_INSPECTOR_PAGES 8

/* An object that is watched. */
typedef struct gdwsi_watch {
    struct gdwsi_watch *next; /* its number is larger */
    gdws_inspector *inspector;
    uint32_t number;
    char name[GDWS_INSPECTOR_NAME_MAX + 1];
    gdws_server *server;           /* NULL for a client */
    gdws_client *client;           /* NULL for a server */
    gdws_multiplayer *multiplayer; /* what both belong to; NULL for neither */
    gdws_tap lifeline;             /* tells that the object goes; always on */
    gdws_tap traffic;              /* on while there is a page */
    uint64_t packets[2];           /* received and sent, while there is a page */
    uint64_t bytes[2];
} gdwsi_watch;

/* Which packets a page wants. Zero means all. */
typedef struct gdwsi_filter {
    uint32_t watch;
    int32_t peer;
    bool has_no_received;
    bool has_no_sent;
} gdwsi_filter;

/* A page: one connection of a browser. */
typedef struct gdwsi_page {
    int32_t id; /* at the inspector's server; 0: nobody */
    gdwsi_filter filter;
    bool is_paused;
    bool wants_all;    /* it is there, not paused, and has no filter */
    uint32_t updates;  /* that were sent */
    uint32_t seen;     /* the last one that the page has shown */
    uint32_t room;     /* packets that it takes until the next update */
    uint64_t next;     /* the number of the first packet that it may not have been told of */
    uint32_t queued;   /* packets that were kept for it since */
    uint64_t left_out; /* packets that it wanted and did not get */
    uint64_t passed;   /* packets that it would have wanted but was paused */

    /* Where it is on its way through all peers. */
    uint32_t walk_watch; /* number of the object; 0: before the first */
    int32_t *walk_ids;
    size_t walk_count;
    size_t walk_at;
    uint64_t walk_due; /* loop time of the next round */
    bool is_walking;
} gdwsi_page;

struct gdws_inspector {
    gdws_loop *loop;
    gdws_server *server;
    gdwsi_watch *watches;
    uint32_t last_number;
    size_t watch_count;
    gdwsi_page pages[GDWSI_INSPECTOR_PAGES];
    size_t page_count;
    unsigned pages_end; /* behind the last one that somebody has */
    gdwsi_store store;
    gdwsi_json json;
    size_t copy_left; /* payload bytes that may be copied until the next tick */
    size_t payload_limit;
    bool allows_closing;
    gdws_inspector_redact redact;
    void *redact_user;
    int64_t made_at_ms; /* since 1970 */
    char token[GDWSI_INSPECTOR_TOKEN_LENGTH + 1];
    char url[128];
    uv_timer_t *timer; /* ticks while there is a page */
    gdwsi_task burial;
    bool is_freed;
};

/* Milliseconds since the inspector was made, as the wall's clock has it. */
int64_t gdwsi_inspector_now(const gdws_inspector *inspector);

/* Find what is watched under a number; NULL when it is gone. */
gdwsi_watch *gdwsi_inspector_find(const gdws_inspector *inspector, uint32_t number);

/* The peers of what is watched, as gdws_server_get_peer_list and gdws_server_get_peer give them. */
size_t gdwsi_watch_list(const gdwsi_watch *watch, int32_t *ids, size_t capacity);
gdws_peer *gdwsi_watch_peer(const gdwsi_watch *watch, int32_t id);

/* Note a packet for those pages that want it. */
void gdwsi_inspector_note(gdwsi_watch *watch, const gdws_peer *peer, bool is_sent,
                          const uint8_t *packet, size_t length, bool is_text);

/* A gate, whose user is the inspector. */
int gdwsi_inspector_gate(void *user, const struct gdwsi_http_head *request,
                         gdwsi_resource *resource);

/* A page has come; returns false when it cannot be had. It is told of what is there, and every
 * 100 ms of what is new. */
bool gdwsi_page_open(gdws_inspector *inspector, gdwsi_page *page, int32_t id);
void gdwsi_page_tick(gdws_inspector *inspector, gdwsi_page *page);
void gdwsi_page_close(gdwsi_page *page);

/* Send a JSON text, which has been printed, or nothing for NULL. Returns whether it was sent. */
bool gdwsi_page_say(gdws_inspector *inspector, gdwsi_page *page, const char *text);

/* A page has said something: text of this length. */
void gdwsi_page_obey(gdws_inspector *inspector, gdwsi_page *page, const char *text, size_t length);

/* How many packets a page takes until the next update, while it keeps up. */
#define GDWSI_PAGE_ROOM 200u

#endif
