/* SPDX-License-Identifier: MIT */
/* The packet queue. A record is a header, the payload and one NUL byte, at any alignment; records
 * lie side by side. A packet that is lent must stay where it is, so a block that is outgrown
 * meanwhile is kept as retired until the next take. Knows bytes only. */
#include "pktq.h"

#include <string.h>

#include "frame.h"

/* An announced length up to this is believed at once. */
#define ANNOUNCED_TRUST (1u << 20)

typedef struct record {
    size_t length;
    bool is_text;
} record;

_Static_assert(sizeof(record) == GDWSI_PKTQ_RECORD_SIZE, "as the header says");

void gdwsi_pktq_init(gdwsi_pktq *queue, gdwsi_pool *pool)
{
    memset(queue, 0, sizeof(*queue));
    queue->pool = pool;
}

static void drop_retired(gdwsi_pktq *queue)
{
    gdwsi_pool_put(queue->pool, queue->retired, queue->retired_capacity);
    queue->retired = NULL;
}

void gdwsi_pktq_clear(gdwsi_pktq *queue)
{
    gdwsi_pool_put(queue->pool, queue->block, queue->capacity);
    drop_retired(queue);
    gdwsi_pktq_init(queue, queue->pool);
}

/* Move what has not been taken to the front of a block. */
static void move_to(gdwsi_pktq *queue, uint8_t *block)
{
    if (queue->block != NULL) {
        memmove(block, queue->block + queue->head, queue->tail - queue->head);
    }
    queue->open -= queue->head;
    queue->tail -= queue->head;
    queue->head = 0;
}

static void replace_block(gdwsi_pktq *queue, uint8_t *block, size_t capacity)
{
    move_to(queue, block);
    if (queue->is_lending && queue->retired == NULL) {
        queue->retired = queue->block;
        queue->retired_capacity = queue->capacity;
    } else {
        gdwsi_pool_put(queue->pool, queue->block, queue->capacity);
    }
    queue->block = block;
    queue->capacity = capacity;
}

/* Make room for length more bytes at the tail. */
static gdws_error reserve(gdwsi_pktq *queue, size_t length)
{
    if (queue->capacity - queue->tail >= length) {
        return GDWS_OK;
    }
    size_t used = queue->tail - queue->head;
    if (used > SIZE_MAX / 4 || length > SIZE_MAX / 4 - used) {
        return GDWS_OUT_OF_MEMORY;
    }
    /* What is lent lies before head: moving would overwrite it, unless it is in a retired block. */
    bool may_move = !queue->is_lending || queue->retired != NULL;
    if (may_move && used + length <= queue->capacity && queue->head >= used) {
        move_to(queue, queue->block);
        return GDWS_OK;
    }
    if (queue->head == 0 && !queue->is_lending) {
        uint8_t *grown =
            gdwsi_pool_grow(queue->pool, queue->block, used, used + length, &queue->capacity);
        if (grown == NULL) {
            return GDWS_OUT_OF_MEMORY;
        }
        queue->block = grown;
        return GDWS_OK;
    }
    size_t capacity;
    uint8_t *block = gdwsi_pool_get(queue->pool, used + length, &capacity);
    if (block == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    replace_block(queue, block, capacity);
    return GDWS_OK;
}

gdws_error gdwsi_pktq_begin(gdwsi_pktq *queue, bool is_text)
{
    if (queue->is_open) {
        return GDWS_BUG;
    }
    gdws_error error = reserve(queue, sizeof(record) + 1);
    if (error != GDWS_OK) {
        return error;
    }
    record header = {.length = 0, .is_text = is_text};
    queue->open = queue->tail;
    memcpy(queue->block + queue->open, &header, sizeof(header));
    queue->tail += sizeof(header);
    queue->is_open = true;
    return GDWS_OK;
}

/* Room for what is announced, but never for much more than has really come, unless that costs no
 * memory. */
static size_t expected_room(const gdwsi_pktq *queue, size_t length, uint64_t announced)
{
    uint64_t trusted = ANNOUNCED_TRUST + 3 * (uint64_t)gdwsi_pktq_open_length(queue);
    if (announced <= SIZE_MAX / 4 &&
        gdwsi_pool_keeps(queue->pool, queue->tail - queue->head + length + (size_t)announced)) {
        trusted = announced;
    }
    return (size_t)(announced < trusted ? announced : trusted);
}

static void copy_in(uint8_t *target, const void *bytes, size_t length, const uint8_t *mask)
{
    if (mask != NULL) {
        gdwsi_frame_mask(target, bytes, length, mask);
    } else if (length > 0) {
        memcpy(target, bytes, length);
    }
}

gdws_error gdwsi_pktq_put(gdwsi_pktq *queue, bool is_text, const void *bytes, size_t length,
                          const uint8_t *mask)
{
    record header = {.length = length, .is_text = is_text};
    if (queue->is_open) {
        return GDWS_BUG;
    }
    if (length > SIZE_MAX / 4) {
        return GDWS_OUT_OF_MEMORY;
    }
    size_t size = sizeof(header) + length + 1;
    gdws_error error = reserve(queue, size);
    if (error != GDWS_OK) {
        return error;
    }
    uint8_t *target = queue->block + queue->tail;
    memcpy(target, &header, sizeof(header));
    copy_in(target + sizeof(header), bytes, length, mask);
    target[size - 1] = '\0';
    queue->tail += size;
    queue->open = queue->tail;
    queue->packets++;
    queue->bytes += length;
    return GDWS_OK;
}

gdws_error gdwsi_pktq_append(gdwsi_pktq *queue, const void *bytes, size_t length,
                             const uint8_t *mask, uint64_t announced, const uint8_t **added)
{
    gdws_error error = GDWS_OK;
    *added = NULL;
    if (!queue->is_open) {
        return GDWS_BUG;
    }
    if (length > SIZE_MAX / 4) {
        return GDWS_OUT_OF_MEMORY;
    }
    if (queue->capacity - queue->tail < length + 1) {
        error = reserve(queue, length + 1 + expected_room(queue, length + 1, announced));
        if (error != GDWS_OK && announced > 0) {
            error = reserve(queue, length + 1);
        }
    }
    if (error != GDWS_OK) {
        return error;
    }
    uint8_t *target = queue->block + queue->tail;
    copy_in(target, bytes, length, mask);
    queue->tail += length;
    *added = target;
    return GDWS_OK;
}

void gdwsi_pktq_commit(gdwsi_pktq *queue)
{
    if (!queue->is_open) {
        return;
    }
    record header;
    memcpy(&header, queue->block + queue->open, sizeof(header));
    header.length = gdwsi_pktq_open_length(queue);
    memcpy(queue->block + queue->open, &header, sizeof(header));
    /* begin and append have left room for it. */
    queue->block[queue->tail] = '\0';
    queue->tail++;
    queue->open = queue->tail;
    queue->is_open = false;
    queue->packets++;
    queue->bytes += header.length;
}

static void release_if_idle(gdwsi_pktq *queue)
{
    if (queue->packets == 0 && !queue->is_open && !queue->is_lending) {
        gdwsi_pktq_clear(queue);
    }
}

void gdwsi_pktq_abort(gdwsi_pktq *queue)
{
    if (queue->is_open) {
        queue->tail = queue->open;
        queue->is_open = false;
        release_if_idle(queue);
    }
}

gdws_error gdwsi_pktq_take(gdwsi_pktq *queue, const uint8_t **packet, size_t *length, bool *is_text)
{
    *packet = NULL;
    *length = 0;
    drop_retired(queue);
    queue->is_lending = false;
    if (queue->packets == 0) {
        release_if_idle(queue);
        return GDWS_UNAVAILABLE;
    }
    record header;
    memcpy(&header, queue->block + queue->head, sizeof(header));
    *packet = queue->block + queue->head + sizeof(header);
    *length = header.length;
    if (is_text != NULL) {
        *is_text = header.is_text;
    }
    queue->head += sizeof(header) + header.length + 1;
    queue->packets--;
    queue->bytes -= header.length;
    queue->is_lending = true;
    return GDWS_OK;
}

gdws_error gdwsi_pktq_peek(const gdwsi_pktq *queue, const uint8_t **packet, size_t *length)
{
    record header;
    *packet = NULL;
    *length = 0;
    if (queue->packets == 0) {
        return GDWS_UNAVAILABLE;
    }
    memcpy(&header, queue->block + queue->head, sizeof(header));
    *packet = queue->block + queue->head + sizeof(header);
    *length = header.length;
    return GDWS_OK;
}
