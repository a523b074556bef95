/* SPDX-License-Identifier: MIT */
/* Multiplayer wire: the messages of Godot 3 and 4 as bytes, little-endian. Knows no connection. */
#ifndef GDWSI_MULTIPLAYER_WIRE_H
#define GDWSI_MULTIPLAYER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Godot 3: type, from and to stand before the payload. */
#define GDWSI_MULTIPLAYER_WIRE_HEADER 9

/* What the server tells about peers: a header and one id. */
#define GDWSI_MULTIPLAYER_WIRE_SYSTEM 13

/* Godot 4: the greeting is the id alone. */
#define GDWSI_MULTIPLAYER_WIRE_GREETING 4

typedef enum gdwsi_multiplayer_type {
    GDWSI_MULTIPLAYER_PAYLOAD = 0,
    GDWSI_MULTIPLAYER_ADD = 1,
    GDWSI_MULTIPLAYER_REMOVE = 2,
    GDWSI_MULTIPLAYER_ID = 3
} gdwsi_multiplayer_type;

/* The header of a Godot 3 message. */
typedef struct gdwsi_multiplayer_header {
    uint8_t type;
    int32_t from;
    int32_t to;
} gdwsi_multiplayer_header;

void gdwsi_multiplayer_wire_put_id(uint8_t *target, int32_t id);
int32_t gdwsi_multiplayer_wire_get_id(const uint8_t *bytes);

/* Write a payload's header: GDWSI_MULTIPLAYER_WIRE_HEADER bytes. */
void gdwsi_multiplayer_wire_put_header(uint8_t *target, int32_t from, int32_t to);

/* Write a system message, from the server to whoever gets it: GDWSI_MULTIPLAYER_WIRE_SYSTEM bytes.
 */
void gdwsi_multiplayer_wire_put_system(uint8_t *target, gdwsi_multiplayer_type type, int32_t id);

/* Read a header. Returns false when the message is too short for one. */
bool gdwsi_multiplayer_wire_read(const uint8_t *message, size_t length,
                                 gdwsi_multiplayer_header *header);

/* Whether a target means this peer: its id, everybody, or everybody but another one. */
bool gdwsi_multiplayer_wire_is_for(int32_t target, int32_t id);

#endif
