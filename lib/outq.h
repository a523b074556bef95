/* SPDX-License-Identifier: MIT */
/* Outbound queue: whole RFC 6455 frames side by side in one block of memory, ready to be handed to
 * the kernel many at once. Each message is one frame. Limits are the caller's business. An empty
 * queue holds no memory. */
#ifndef GDWSI_OUTQ_H
#define GDWSI_OUTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "gdws/error.h"
#include "pool.h"

/* Room before each frame's payload that a writer may overwrite once what lies there has been sent:
 * libwebsockets puts its own frame header there. */
#define GDWSI_OUTQ_HEADROOM 32

/* Fields are private to outq.c. Invariants: HEADROOM <= head <= tail <= capacity while there is a
 * block; frames lie in [head, tail). */
typedef struct gdwsi_outq {
    uint8_t *block;
    size_t capacity;
    size_t head;
    size_t tail;
    size_t sent;      /* bytes of the frame at head that have been removed already */
    size_t packets;   /* messages whose last frame is in the queue; control frames do not count */
    gdwsi_pool *pool; /* where blocks come from; NULL: the allocator */
} gdwsi_outq;

/* A frame at the head of the queue. */
typedef struct gdwsi_outq_frame {
    gdwsi_frame header;
    uint8_t *payload; /* HEADROOM bytes before it may be overwritten */
    size_t size;      /* of header and payload */
} gdwsi_outq_frame;

/* pool: lent; may be NULL. */
void gdwsi_outq_init(gdwsi_outq *queue, gdwsi_pool *pool);

/* Forget everything and give the memory back. */
void gdwsi_outq_clear(gdwsi_outq *queue);

/* How many bytes a message of this length takes, frame headers included. */
static inline size_t gdwsi_outq_encoded_size(size_t length, bool is_masked)
{
    gdwsi_frame frame = {.masked = is_masked, .length = length};
    return gdwsi_frame_header_size(&frame) + length;
}

/* The longest message that takes at most this many bytes, however it is sent. */
static inline size_t gdwsi_outq_message_max(size_t bytes)
{
    return bytes > GDWSI_FRAME_HEADER_MAX ? bytes - GDWSI_FRAME_HEADER_MAX : 0;
}

/* Make room for so many bytes. Returns OUT_OF_MEMORY. */
gdws_error gdwsi_outq_reserve(gdwsi_outq *queue, size_t bytes);

/* Append a message, a frame of TEXT or BINARY and its payload; the mask is chosen here. Returns
 * OUT_OF_MEMORY, or FAILED when there is no randomness for the mask; the queue is as it was then.
 */
gdws_error gdwsi_outq_put_message(gdwsi_outq *queue, gdwsi_frame frame, const void *message);

/* Append a message to the empty queue, of whose frame, unmasked, the first sent bytes have been
 * sent already, but not all of them: those are not copied. Returns OUT_OF_MEMORY, never after
 * gdwsi_outq_reserve for the whole frame. */
gdws_error gdwsi_outq_put_rest(gdwsi_outq *queue, gdwsi_frame frame, const uint8_t *message,
                               size_t sent);

/* Append a control frame of at most 125 bytes. Returns as gdwsi_outq_put_message. */
gdws_error gdwsi_outq_put_control(gdwsi_outq *queue, gdwsi_opcode opcode, const void *payload,
                                  size_t length, bool is_masked);

/* Append bytes that are whole frames already, packets messages in all. */
gdws_error gdwsi_outq_put_encoded(gdwsi_outq *queue, const uint8_t *bytes, size_t length,
                                  size_t packets);

/* Bytes and messages in the queue. */
static inline size_t gdwsi_outq_bytes(const gdwsi_outq *queue)
{
    return queue->tail - queue->head - queue->sent;
}

static inline size_t gdwsi_outq_packets(const gdwsi_outq *queue)
{
    return queue->packets;
}

/* Look at all bytes, which lie side by side. Returns how many, 0 when the queue is empty. */
size_t gdwsi_outq_peek(const gdwsi_outq *queue, uint8_t **bytes);

/* Look at the frame at the head, of which nothing has been removed. Returns false when the queue is
 * empty. */
bool gdwsi_outq_peek_frame(const gdwsi_outq *queue, gdwsi_outq_frame *frame);

/* Remove the frame at the head, which was peeked at; its bytes may have been overwritten since. */
void gdwsi_outq_drop_frame(gdwsi_outq *queue, const gdwsi_outq_frame *frame);

/* Remove length bytes from the head, whether or not they end with a frame. */
void gdwsi_outq_drop(gdwsi_outq *queue, size_t length);

#endif
