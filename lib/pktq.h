/* SPDX-License-Identifier: MIT */
/* Packet queue: a FIFO of packets in one block of memory, bounded by count and by bytes. A packet
 * is written piece by piece as it comes from the network and lent out contiguous, without a copy
 * and without an allocation of its own. An empty queue that lends nothing holds no memory. */
#ifndef GDWSI_PKTQ_H
#define GDWSI_PKTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gdws/error.h"
#include "pool.h"

/* What precedes each packet in the block: its length and its kind. */
#define GDWSI_PKTQ_RECORD_SIZE (2 * sizeof(size_t))

/* Fields are private to pktq.c, but for tests. All zero plus gdwsi_pktq_init is an empty queue.
 * Invariants: head <= tail <= capacity; records of whole packets lie in [head, open), the packet
 * that is being written in [open, tail). */
typedef struct gdwsi_pktq {
    uint8_t *block;
    size_t capacity;  /* of the block */
    size_t head;      /* first record */
    size_t open;      /* where the unfinished packet's record begins */
    size_t tail;      /* where the next byte goes */
    size_t packets;   /* whole packets that have not been taken */
    size_t bytes;     /* payload bytes of those */
    bool is_open;     /* a packet is being written */
    bool is_lending;  /* the record before head is still lent */
    uint8_t *retired; /* an outgrown block that holds what is lent */
    size_t retired_capacity;
    gdwsi_pool *pool; /* where blocks come from; NULL: the allocator */
} gdwsi_pktq;

/* pool: lent; may be NULL. */
void gdwsi_pktq_init(gdwsi_pktq *queue, gdwsi_pool *pool);

/* Give all memory back; whatever was lent is gone. The queue is empty and usable again. */
void gdwsi_pktq_clear(gdwsi_pktq *queue);

/* Begin a packet. is_text is remembered with it. Returns OUT_OF_MEMORY; nothing has changed
 * then. BUG when a packet is open already. */
gdws_error gdwsi_pktq_begin(gdwsi_pktq *queue, bool is_text);

/* Add bytes to the open packet, unmasked with a key if mask is not NULL (RFC 6455 section 5.3).
 * announced: how many more are known to follow, so that room can be made for all at once. *added is
 * where the bytes lie now, lent until the next call. Returns OUT_OF_MEMORY; the packet is as it was
 * then. A packet that is lent does not move: its bytes stay where they are until the next take, so
 * growth while something is lent must keep the old block until then. */
gdws_error gdwsi_pktq_append(gdwsi_pktq *queue, const void *bytes, size_t length,
                             const uint8_t *mask, uint64_t announced, const uint8_t **added);

/* Begin, append and commit in one, and cheaper: a whole packet, or with an error nothing. Returns
 * OUT_OF_MEMORY; BUG when a packet is open. */
gdws_error gdwsi_pktq_put(gdwsi_pktq *queue, bool is_text, const void *bytes, size_t length,
                          const uint8_t *mask);

/* Finish the open packet: it can be taken from now on. Never fails. */
void gdwsi_pktq_commit(gdwsi_pktq *queue);

/* Forget the open packet, if there is one. */
void gdwsi_pktq_abort(gdwsi_pktq *queue);

/* How many bytes the open packet has so far; 0 without one. */
static inline size_t gdwsi_pktq_open_length(const gdwsi_pktq *queue)
{
    return queue->is_open ? queue->tail - queue->open - GDWSI_PKTQ_RECORD_SIZE : 0;
}

/* Take the oldest packet. It is lent until the next take or clear; one NUL byte follows it that
 * does not count. Returns UNAVAILABLE when there is none (which ends the last lending, too), with
 * *packet NULL and *length 0. is_text may be NULL. */
gdws_error gdwsi_pktq_take(gdwsi_pktq *queue, const uint8_t **packet, size_t *length,
                           bool *is_text);

/* Look at the oldest packet without taking it. The pointer is valid until the queue is changed in
 * any way. Returns UNAVAILABLE when there is none, with *packet NULL and *length 0. */
gdws_error gdwsi_pktq_peek(const gdwsi_pktq *queue, const uint8_t **packet, size_t *length);

/* Where the payload of the packet lies that was put or committed last and has this length. */
static inline const uint8_t *gdwsi_pktq_last(const gdwsi_pktq *queue, size_t length)
{
    return queue->block + queue->tail - 1 - length;
}

/* How many whole packets wait, and how many payload bytes they have together. */
static inline size_t gdwsi_pktq_packets(const gdwsi_pktq *queue)
{
    return queue->packets;
}

static inline size_t gdwsi_pktq_bytes(const gdwsi_pktq *queue)
{
    return queue->bytes;
}

#endif
