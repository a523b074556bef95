/* SPDX-License-Identifier: MIT */
/* A page of an inspector, as a gdws client plays it: it reads updates as a browser does. */
#ifndef PAGE_H
#define PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "gdws/gdws.h"

typedef struct page {
    gdws_client *client;
    gdws_loop *loop;
    bool is_stalled; /* takes nothing and says nothing */
    cJSON *update;   /* the last one */
    cJSON *answer;   /* the last one */
    uint32_t updates;
    uint32_t rounds; /* that are over */
    cJSON *peers;    /* of the last round that is over */
    cJSON *round;    /* of the one that goes on */
    cJSON *packets;  /* all of them, in order */
    uint8_t *bytes;  /* the last binary message */
    size_t length;
    uint32_t shown; /* binary messages */
    double left_out;
    double passed;
} page;

/* Connect to the socket beside an inspector's URL, with an Origin header (NULL: none). */
void page_connect(page *one, gdws_loop *loop, const char *url, const char *origin);

/* Connect, and wait until the first round is over. */
void page_open(page *one, gdws_loop *loop, const char *url);

/* Read what has come. */
void page_read(page *one);

void page_say(page *one, const char *command);

void page_close(page *one);

/* Wait while the page reads. */
#define PAGE_WAIT_FOR(one, condition) WAIT_FOR_ON((one)->loop, (page_read(one), (condition)))

/* A field of a row, and how many rows a list has. */
double page_number(const cJSON *rows, int row, int field);
const char *page_text(const cJSON *rows, int row, int field);
int page_count(const cJSON *rows);

/* Fields. */
enum { WATCH_NUMBER, WATCH_KIND, WATCH_NAME, WATCH_IS_UP, WATCH_PEERS, WATCH_RECEIVED };
enum {
    PEER_WATCH,
    PEER_ID,
    PEER_HOST,
    PEER_PORT,
    PEER_STATE,
    PEER_PROTOCOL,
    PEER_SINCE,
    PEER_RECEIVED,
    PEER_BYTES_RECEIVED,
    PEER_SENT,
    PEER_BYTES_SENT,
    PEER_WAITING
};
enum {
    PACKET_NUMBER,
    PACKET_TIME,
    PACKET_WATCH,
    PACKET_PEER,
    PACKET_IS_SENT,
    PACKET_IS_TEXT,
    PACKET_LENGTH,
    PACKET_KEPT,
    PACKET_PREVIEW_IS_TEXT,
    PACKET_PREVIEW
};

#endif
