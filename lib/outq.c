/* SPDX-License-Identifier: MIT */
/* The outbound queue. Frames are encoded straight into it: one copy from the program's bytes to
 * what the kernel gets. The block grows by doubling, moves its content to the front when that makes
 * room enough, and goes when the queue is empty. Knows bytes only: no sockets, no limits. */
#include "outq.h"

#include <string.h>

#include "random.h"

void gdwsi_outq_init(gdwsi_outq *queue, gdwsi_pool *pool)
{
    memset(queue, 0, sizeof(*queue));
    queue->pool = pool;
}

void gdwsi_outq_clear(gdwsi_outq *queue)
{
    gdwsi_pool_put(queue->pool, queue->block, queue->capacity);
    gdwsi_outq_init(queue, queue->pool);
}

/* Move the frames to the front of a block, the same one or a larger one. */
static void move_to(gdwsi_outq *queue, uint8_t *block)
{
    size_t length = queue->tail - queue->head;
    if (queue->block != NULL) {
        memmove(block + GDWSI_OUTQ_HEADROOM, queue->block + queue->head, length);
    }
    queue->head = GDWSI_OUTQ_HEADROOM;
    queue->tail = GDWSI_OUTQ_HEADROOM + length;
}

static gdws_error reserve(gdwsi_outq *queue, size_t length)
{
    if (queue->capacity - queue->tail >= length && queue->block != NULL) {
        return GDWS_OK;
    }
    size_t used = queue->tail - queue->head;
    if (used > SIZE_MAX / 4 || length > SIZE_MAX / 4 - used) {
        return GDWS_OUT_OF_MEMORY;
    }
    size_t needed = GDWSI_OUTQ_HEADROOM + used + length;
    /* Moving pays only when it frees at least as much as it moves. */
    if (needed <= queue->capacity && queue->head - GDWSI_OUTQ_HEADROOM >= used) {
        move_to(queue, queue->block);
        return GDWS_OK;
    }
    size_t capacity;
    uint8_t *block = gdwsi_pool_get(queue->pool, needed, &capacity);
    if (block == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    move_to(queue, block);
    gdwsi_pool_put(queue->pool, queue->block, queue->capacity);
    queue->block = block;
    queue->capacity = capacity;
    return GDWS_OK;
}

gdws_error gdwsi_outq_reserve(gdwsi_outq *queue, size_t bytes)
{
    return reserve(queue, bytes);
}

/* Append one frame for which there is room. */
static bool write_frame(gdwsi_outq *queue, gdwsi_frame *frame, const uint8_t *payload)
{
    if (frame->masked && !gdwsi_random_fill(frame->mask, sizeof(frame->mask))) {
        return false;
    }
    size_t length = (size_t)frame->length;
    uint8_t *target = queue->block + queue->tail;
    target += gdwsi_frame_write_header(frame, target);
    if (frame->masked) {
        gdwsi_frame_mask(target, payload, length, frame->mask);
    } else if (length > 0) {
        memcpy(target, payload, length);
    }
    queue->tail = (size_t)(target - queue->block) + length;
    return true;
}

static gdws_error put_frame(gdwsi_outq *queue, gdwsi_frame *frame, const void *payload)
{
    gdws_error error = reserve(queue, gdwsi_frame_header_size(frame) + (size_t)frame->length);
    if (error != GDWS_OK) {
        return error;
    }
    return write_frame(queue, frame, payload) ? GDWS_OK : GDWS_FAILED;
}

gdws_error gdwsi_outq_put_message(gdwsi_outq *queue, gdwsi_frame frame, const void *message)
{
    gdws_error error = put_frame(queue, &frame, message);
    if (error == GDWS_OK) {
        queue->packets++;
    }
    return error;
}

gdws_error gdwsi_outq_put_rest(gdwsi_outq *queue, gdwsi_frame frame, const uint8_t *message,
                               size_t sent)
{
    size_t length = (size_t)frame.length;
    size_t header_size = gdwsi_frame_header_size(&frame);
    size_t skipped = sent > header_size ? sent - header_size : 0;
    gdws_error error = reserve(queue, header_size + length);
    if (error != GDWS_OK) {
        return error;
    }
    uint8_t *target = queue->block + queue->tail;
    target += gdwsi_frame_write_header(&frame, target);
    memcpy(target + skipped, message + skipped, length - skipped);
    queue->tail += header_size + length;
    queue->sent = sent;
    queue->packets++;
    return GDWS_OK;
}

gdws_error gdwsi_outq_put_control(gdwsi_outq *queue, gdwsi_opcode opcode, const void *payload,
                                  size_t length, bool is_masked)
{
    gdwsi_frame frame = {.opcode = opcode, .final = true, .masked = is_masked, .length = length};
    return put_frame(queue, &frame, payload);
}

gdws_error gdwsi_outq_put_encoded(gdwsi_outq *queue, const uint8_t *bytes, size_t length,
                                  size_t packets)
{
    gdws_error error = reserve(queue, length);
    if (error != GDWS_OK) {
        return error;
    }
    memcpy(queue->block + queue->tail, bytes, length);
    queue->tail += length;
    queue->packets += packets;
    return GDWS_OK;
}

/* Read the frame at an offset of the block. Returns its size, 0 at the end. */
static size_t read_frame(const gdwsi_outq *queue, size_t offset, gdwsi_outq_frame *frame)
{
    if (offset >= queue->tail) {
        return 0;
    }
    size_t header =
        gdwsi_frame_read_header(&frame->header, queue->block + offset, queue->tail - offset);
    frame->payload = queue->block + offset + header;
    frame->size = header + (size_t)frame->header.length;
    return frame->size;
}

size_t gdwsi_outq_peek(const gdwsi_outq *queue, uint8_t **bytes)
{
    size_t length = gdwsi_outq_bytes(queue);
    *bytes = length > 0 ? queue->block + queue->head + queue->sent : NULL;
    return length;
}

bool gdwsi_outq_peek_frame(const gdwsi_outq *queue, gdwsi_outq_frame *frame)
{
    return read_frame(queue, queue->head, frame) > 0;
}

void gdwsi_outq_drop_frame(gdwsi_outq *queue, const gdwsi_outq_frame *frame)
{
    queue->head += frame->size;
    if (frame->header.final && frame->header.opcode < GDWSI_OPCODE_CLOSE) {
        queue->packets--;
    }
    if (queue->head == queue->tail) {
        gdwsi_outq_clear(queue);
    }
}

void gdwsi_outq_drop(gdwsi_outq *queue, size_t length)
{
    if (length >= gdwsi_outq_bytes(queue)) {
        gdwsi_outq_clear(queue);
        return;
    }
    gdwsi_outq_frame frame;
    size_t gone = queue->sent + length;
    queue->sent = 0;
    while (gdwsi_outq_peek_frame(queue, &frame) && frame.size <= gone) {
        gone -= frame.size;
        gdwsi_outq_drop_frame(queue, &frame);
    }
    queue->sent = gone;
}
