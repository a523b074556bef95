/* SPDX-License-Identifier: MIT */
/* Godot's multiplayer messages: encoding, decoding, and what a target means. */
#include "multiplayer_wire.h"

void gdwsi_multiplayer_wire_put_id(uint8_t *target, int32_t id)
{
    uint32_t value = (uint32_t)id;
    for (unsigned i = 0; i < 4; i++) {
        target[i] = (uint8_t)(value >> (8 * i));
    }
}

int32_t gdwsi_multiplayer_wire_get_id(const uint8_t *bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) {
        value |= (uint32_t)bytes[i] << (8 * i);
    }
    return (int32_t)value;
}

static void put_any_header(uint8_t *target, gdwsi_multiplayer_type type, int32_t from, int32_t to)
{
    target[0] = (uint8_t)type;
    gdwsi_multiplayer_wire_put_id(target + 1, from);
    gdwsi_multiplayer_wire_put_id(target + 5, to);
}

void gdwsi_multiplayer_wire_put_header(uint8_t *target, int32_t from, int32_t to)
{
    put_any_header(target, GDWSI_MULTIPLAYER_PAYLOAD, from, to);
}

void gdwsi_multiplayer_wire_put_system(uint8_t *target, gdwsi_multiplayer_type type, int32_t id)
{
    put_any_header(target, type, 1, 0);
    gdwsi_multiplayer_wire_put_id(target + GDWSI_MULTIPLAYER_WIRE_HEADER, id);
}

bool gdwsi_multiplayer_wire_read(const uint8_t *message, size_t length,
                                 gdwsi_multiplayer_header *header)
{
    if (length < GDWSI_MULTIPLAYER_WIRE_HEADER) {
        return false;
    }
    header->type = message[0];
    header->from = gdwsi_multiplayer_wire_get_id(message + 1);
    header->to = gdwsi_multiplayer_wire_get_id(message + 5);
    return true;
}

bool gdwsi_multiplayer_wire_is_for(int32_t target, int32_t id)
{
    if (target > 0) {
        return target == id;
    }
    /* The most negative number is nobody's: as 64 bits it has an opposite. */
    return -(int64_t)target != id;
}
