/* SPDX-License-Identifier: MIT */
/* The clients of a scenario, of all kinds, on one loop, and the waiting for what they and the
 * server are told. */
#ifndef CROWD_H
#define CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stage.h"

#define CROWD_MAX 40
typedef struct guest {
    struct crowd *all;
    gdws_client *client;
    books_account account;
    size_t index;
    bool is_open;
    bool comes_back; /* by set_reconnect */
    bool is_leaving; /* it has closed the connection itself */
    unsigned connections;
    unsigned failures;
    unsigned ends;
    uint64_t failed_ms; /* last */
    uint64_t ended_ms;
    bool was_clean;
    int code;
    gdws_error error;
    char message[160];
} guest;

typedef struct crowd {
    stage *here;
    const secret *trusted;
    gdws_loop *loop;
    guest guests[CROWD_MAX];
    size_t count;
    uint64_t began_ms; /* of the timetable; 0: not yet */
    uint64_t limit_ms; /* when waiting is over */
} crowd;

/* Make the loop and the guests; every kind of connection comes by turns. */
void crowd_open(crowd *all, size_t guests);
void crowd_close(crowd *all);

/* Let one connect; all. */
void crowd_dial(guest *one);
void crowd_dial_all(crowd *all);

/* Let one close its connection, with 1000. */
void crowd_leave(guest *one);

/* Close the road, open it again. Returns the time. */
uint64_t crowd_close_road(crowd *all, bool is_closed);

/* One pass: wait a little, talk, follow the timetable of the road. Returns false when something is
 * wrong, or the limit has passed. */
bool crowd_pass(crowd *all);

/* Note what is wrong unless a condition holds. Returns the condition. */
bool crowd_require(crowd *all, bool condition, const char *what);

/* How many hold for a question. */
size_t crowd_count(const crowd *all, bool (*holds)(const guest *one));
bool guest_is_open(const guest *one);
bool guest_is_complete(const guest *one);
bool guest_is_sent(const guest *one);
bool guest_has_failed(const guest *one);
bool guest_has_ended(const guest *one);

/* Pass until so many hold, or a number of the server's has been reached. Returns false, and notes
 * what was waited for, when that takes too long. */
bool crowd_wait_for(crowd *all, bool (*holds)(const guest *one), size_t count, const char *what);
bool crowd_wait_for_server(crowd *all, const atomic_uint *number, unsigned count, const char *what);

/* Pass for some time, in which nobody's connection may end. */
bool crowd_go_on_for(crowd *all, uint32_t time_ms);

#endif
