/* SPDX-License-Identifier: MIT */
/* What happens in a scenario, told from the clients' side. Each returns whether all was right;
 * otherwise the stage says what was not. */
#ifndef PLAYS_H
#define PLAYS_H

#include "crowd.h"

/* All talk, whatever the road does: everything arrives, nobody is lost, all ends are clean. */
bool play_talk(crowd *all);

/* The road is closed for longer than the heartbeat's deadline: both sides say so in time, and half
 * of the clients come back once the road is open. */
bool play_notice(crowd *all);

/* Connecting while the road is closed ends at the handshake timeout, or goes on when it is opened
 * before that. */
bool play_dial_in_vain(crowd *all);

/* Closing while the road is closed ends at the close timeout. */
bool play_close_in_vain(crowd *all);

/* Whoever has put much and closes at once has it delivered first. */
bool play_linger(crowd *all);

/* One side's process is killed while the road is closed: the other notices, by the heartbeat, or
 * without one when the road is open again. */
bool play_clients_killed(crowd *all);
bool play_server_killed(crowd *all);

#endif
