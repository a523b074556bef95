/* SPDX-License-Identifier: MIT */
/* Multiplayer backlog: what a server could not send to its members yet, who must wait for that, and
 * how long. */
#ifndef GDWSI_MULTIPLAYER_BACKLOG_H
#define GDWSI_MULTIPLAYER_BACKLOG_H

#include "multiplayer_room.h"

/* Send a message to a member, now or later. A member that is leaving gets nothing. */
gdws_error gdwsi_backlog_deliver(gdws_multiplayer *multiplayer, gdwsi_member *member,
                                 const uint8_t *message, size_t length);

/* Whether one of the targets is behind, so that a message must wait. */
bool gdwsi_backlog_must_wait(const gdws_multiplayer *multiplayer, int32_t target, int32_t from);

/* A put was refused: drained is to be signalled when one of those because of whom it was may have
 * room again, or there may be memory. */
void gdwsi_backlog_await(gdws_multiplayer *multiplayer, int32_t target);

/* Use the turns that the program has at those targets that are behind. Returns false when it has
 * none at one of them, and must wait. */
bool gdwsi_backlog_use_turns(gdws_multiplayer *multiplayer, int32_t target);

/* Signal drained for a member; the object may be freed afterwards. */
void gdwsi_backlog_signal_drained(gdws_multiplayer *multiplayer, gdwsi_member *member);

/* Send what waits in the backlog, as far as it goes. */
void gdwsi_backlog_catch_up(gdws_multiplayer *multiplayer, gdwsi_member *member);

/* The member gets nothing more, so nobody needs to wait for it. */
void gdwsi_backlog_end(gdws_multiplayer *multiplayer, gdwsi_member *member);

/* Close a member that has missed something, or is to. */
void gdwsi_backlog_give_up(gdws_multiplayer *multiplayer, gdwsi_member *member, int code,
                           const char *reason);

/* As the server's role does it. */
void gdwsi_backlog_check_time(gdws_multiplayer *multiplayer, uint64_t now);
uint64_t gdwsi_backlog_next_deadline(const gdws_multiplayer *multiplayer, uint64_t now);

#endif
