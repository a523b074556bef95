/* SPDX-License-Identifier: MIT */
/* See tls_room.h. */
#include "tls_room.h"

#include <string.h>

#include "mem.h"

/* At first, for what is encrypted at once; a handshake with long chains makes it grow. */
#define OUT_FIRST ((size_t)68 << 10)

gdwsi_tls_room *gdwsi_tls_room_enter(gdwsi_tls_room **place)
{
    if (*place == NULL) {
        gdwsi_tls_room *room = gdwsi_mem_alloc(sizeof(*room));
        uint8_t *out = gdwsi_mem_alloc(OUT_FIRST);
        if (room == NULL || out == NULL) {
            gdwsi_mem_free(room);
            gdwsi_mem_free(out);
            return NULL;
        }
        room->references = 0;
        room->owner = NULL;
        room->out = out;
        room->out_length = 0;
        room->out_capacity = OUT_FIRST;
        room->fault[0] = '\0';
        *place = room;
    }
    (*place)->references++;
    return *place;
}

void gdwsi_tls_room_leave(gdwsi_tls_room **place)
{
    gdwsi_tls_room *room = *place;
    room->references--;
    if (room->references == 0) {
        gdwsi_mem_free(room->out);
        gdwsi_mem_free(room);
        *place = NULL;
    }
}

size_t gdwsi_tls_room_length(const gdwsi_tls_room *room, const void *owner)
{
    return room->owner == owner ? room->out_length : 0;
}

bool gdwsi_tls_room_append(gdwsi_tls_room *room, const void *owner, const void *bytes,
                           size_t length)
{
    room->out_length = gdwsi_tls_room_length(room, owner);
    room->owner = owner;
    if (length > room->out_capacity - room->out_length) {
        size_t capacity = (room->out_length + length) * 2;
        uint8_t *out = gdwsi_mem_realloc(room->out, capacity);
        if (out == NULL) {
            return false;
        }
        room->out = out;
        room->out_capacity = capacity;
    }
    memcpy(room->out + room->out_length, bytes, length);
    room->out_length += length;
    return true;
}
