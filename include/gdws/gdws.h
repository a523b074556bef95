/* SPDX-License-Identifier: MIT */
/**
 * gdws: Godot-style WebSocket clients, servers and peers. This header includes all the others.
 *
 * The four objects: a gdws_client connects to one server, a gdws_server has many peers, a gdws_peer
 * is one connection as either of them sees it, and a gdws_loop is what clients and servers wait on.
 *
 * The rules, which hold everywhere; a function's comment says only what departs from them:
 *
 * 1. Poll. Nothing happens between polls. poll never blocks: it reads what the sockets hold,
 *    delivers signals, and hands what was queued to the kernel before it returns. wait sleeps until
 *    there is something to do, then polls. A program that does neither receives nothing.
 * 2. Signals are a struct of function pointers plus a user pointer. They run only inside poll and
 *    wait, never inside another call; the one exception is free, which delivers the disconnections
 *    that are still owed, and calls what is left of the functions that were posted to a loop,
 * before it returns. Anything may be called in a signal, freeing the object included (its memory
 * goes when the signal has returned), except poll and wait (BUSY). The order for a peer is:
 * connected, data any number of times, close request at most once, disconnected; exactly one
 * disconnected for each connected. A program may use no signals at all.
 * 3. Nothing is dropped. When a peer's inbound queue is full, its socket is no longer read and TCP
 *    slows the sender down; reading goes on when packets have been taken. A single message over the
 *    inbound limit closes the connection with 1009. put_packet on a full outbound queue returns
 *    OUT_OF_MEMORY and has queued nothing; the signal drained tells when it is empty again.
 * 4. Disconnection comes in order, after the data. Packets that arrived before the close stay
 *    readable; the peer is in state CLOSED, and disconnected fires when the last packet has been
 *    taken, or 5 s have passed, or the object is stopped. put_packet then returns UNAVAILABLE.
 * 5. Close sends what is queued, then the Close frame, then waits for the other side's (close
 *    timeout, 5 s). was_clean is true when both Close frames were seen; the close code is -1 when
 *    none came from the other side.
 * 6. Ownership by verb. new gives what only free takes back. put and set copy. get and the
 * arguments of signals lend: a packet is valid until the next get_packet on that peer or until the
 * peer has gone; a string until the object changes. A server's peer pointers are lent until its
 *    client_disconnected has returned: keep the id instead. Ids are random in 2..2147483647: no two
 *    peers of a server have the same at a time, and that one comes again later is most unlikely.
 * 7. One object, one thread. Objects on one loop share its thread. gdws_loop_post and
 *    gdws_loop_wakeup alone may be called from any thread.
 * 8. Errors. Output parameters are cleared first; on error nothing has changed. A NULL object is
 *    INVALID_PARAMETER where an error can be returned, and nothing or zero elsewhere. No input,
 * from the network or the caller, asserts, aborts or prints; log lines go to the log callback.
 * 9. Units are in the name (_ms, _bytes) or in the parameter's. Text is UTF-8 and ends with NUL.
 *    free(NULL) is fine.
 * 10. An empty packet is a packet. Text that is not UTF-8 is refused when sent (INVALID_DATA) and
 *    closes the connection with 1007 when received.
 * 11. connect_to_url never blocks, name resolution included.
 * 12. No global state of the program is touched: not SIGPIPE, no signal handler, no locale, not
 *    stdout.
 */
#ifndef GDWS_GDWS_H
#define GDWS_GDWS_H

#include "gdws/client.h"
#include "gdws/error.h"
#include "gdws/inspector.h"
#include "gdws/loop.h"
#include "gdws/multiplayer.h"
#include "gdws/peer.h"
#include "gdws/request.h"
#include "gdws/server.h"
#include "gdws/tap.h"
#include "gdws/variant.h"

#endif
