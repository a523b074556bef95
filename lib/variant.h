/* SPDX-License-Identifier: MIT */
/* Variant: the struct, for variant.c, variant_ask.c and variant_copy.c (values), and
 * variant_write.c and variant_read.c (their bytes).
 */
#ifndef GDWSI_VARIANT_H
#define GDWSI_VARIANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gdws/variant.h"

/* A value. In arrays and dictionaries they lie side by side, in dictionaries key and value by
 * turns. All zero is NIL. */
struct gdws_variant {
    uint8_t type;
    uint8_t depth; /* how many containers lie inside each other: 1 for an empty one, else 0 */
    uint32_t capacity;
    uint32_t count; /* items (two for a pair), bytes, integers, floats, or bytes of text */
    union {
        bool boolean;
        int64_t integer;
        double real;
        char *text;
        uint8_t *bytes;
        int32_t *integers;
        float *floats;
        struct gdws_variant *items;
    } value;
};

/* What count can be: an eighth of what the type holds, so that sums do not overflow. */
#define GDWSI_VARIANT_COUNT_MAX (UINT32_MAX / 8)

/* In the word with the type: an INT or REAL of 64 bits. */
#define GDWSI_VARIANT_FLAG_64 0x10000u

/* In the count of a node path's names: the format since Godot 2.1. */
#define GDWSI_VARIANT_NODE_PATH_NEW 0x80000000u
#define GDWSI_VARIANT_NODE_PATH_ABSOLUTE 1u

/* How many floats one element of this type has; 0 for types that do not consist of floats. */
size_t gdwsi_variant_floats_of(gdws_variant_type type);

/* Whether the type is an array of any length. */
bool gdwsi_variant_is_pool(gdws_variant_type type);

/* Whether it has items. */
static inline bool gdwsi_variant_is_list(const gdws_variant *variant)
{
    return variant->type == GDWS_VARIANT_DICTIONARY || variant->type == GDWS_VARIANT_ARRAY ||
           variant->type == GDWS_VARIANT_POOL_STRING_ARRAY;
}

/* Whether it is a STRING or NODE_PATH. */
static inline bool gdwsi_variant_is_text(const gdws_variant *variant)
{
    return variant->type == GDWS_VARIANT_STRING || variant->type == GDWS_VARIANT_NODE_PATH;
}

/* Encode into memory of its own size, which the caller frees. Returns NULL without memory. */
uint8_t *gdwsi_variant_encode_whole(const gdws_variant *variant, size_t *length);

/* Set a NIL to a value of this type with room for count bytes of text (and a NUL), bytes, integers
 * or floats, not cleared. Returns OUT_OF_MEMORY. */
gdws_error gdwsi_variant_reserve(gdws_variant *variant, gdws_variant_type type, size_t count);

/* Add an item to a container; its contents move. Returns as gdws_variant_append. */
gdws_error gdwsi_variant_add(gdws_variant *container, gdws_variant *item);

/* Check the text of a node path. */
bool gdwsi_variant_is_node_path(const char *path);

/* Free what a value owns; it is NIL then. */
void gdwsi_variant_clear(gdws_variant *variant);

#endif
