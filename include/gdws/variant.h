/* SPDX-License-Identifier: MIT */
/**
 * A variant: a value of Godot 3, as put_var and get_var send it.
 *
 * It is one of a number, a text, a vector and so on, or a tree of arrays and dictionaries. Make one
 * with gdws_variant_new_…, put values into arrays and dictionaries (which then own them), encode it
 * or put it to a peer, and free its root. What a decoded one holds is asked for by type; asking for
 * something else gives zero, "" or NULL. Objects and RIDs are never made from bytes.
 */
#ifndef GDWS_VARIANT_H
#define GDWS_VARIANT_H

#include "gdws/error.h"
#include "gdws/peer.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A value. Opaque. Source: Godot 3 Variant. Since 0.1. */
typedef struct gdws_variant gdws_variant;

/** Arrays and dictionaries may lie inside each other this deep. */
#define GDWS_VARIANT_DEPTH_MAX 64

/** What a value is. Source: Godot 3 Variant.Type, with the same numbers. Since 0.1. */
typedef enum gdws_variant_type {
    GDWS_VARIANT_NIL = 0,
    GDWS_VARIANT_BOOL = 1,
    GDWS_VARIANT_INT = 2,                 /**< 64 bits */
    GDWS_VARIANT_REAL = 3,                /**< a double */
    GDWS_VARIANT_STRING = 4,              /**< UTF-8 */
    GDWS_VARIANT_VECTOR2 = 5,             /**< 2 floats: x, y */
    GDWS_VARIANT_RECT2 = 6,               /**< 4 floats: position, size */
    GDWS_VARIANT_VECTOR3 = 7,             /**< 3 floats */
    GDWS_VARIANT_TRANSFORM2D = 8,         /**< 6 floats: x axis, y axis, origin */
    GDWS_VARIANT_PLANE = 9,               /**< 4 floats: normal, d */
    GDWS_VARIANT_QUAT = 10,               /**< 4 floats: x, y, z, w */
    GDWS_VARIANT_AABB = 11,               /**< 6 floats: position, size */
    GDWS_VARIANT_BASIS = 12,              /**< 9 floats: row by row */
    GDWS_VARIANT_TRANSFORM = 13,          /**< 12 floats: basis, origin */
    GDWS_VARIANT_COLOR = 14,              /**< 4 floats: r, g, b, a */
    GDWS_VARIANT_NODE_PATH = 15,          /**< text as in NodePath("…") */
    GDWS_VARIANT_RID = 16,                /**< refused */
    GDWS_VARIANT_OBJECT = 17,             /**< refused */
    GDWS_VARIANT_DICTIONARY = 18,         /**< keys and values in the order in which they came */
    GDWS_VARIANT_ARRAY = 19,              /**< values of any type */
    GDWS_VARIANT_POOL_BYTE_ARRAY = 20,    /**< bytes */
    GDWS_VARIANT_POOL_INT_ARRAY = 21,     /**< 32-bit integers */
    GDWS_VARIANT_POOL_REAL_ARRAY = 22,    /**< floats */
    GDWS_VARIANT_POOL_STRING_ARRAY = 23,  /**< items of type STRING */
    GDWS_VARIANT_POOL_VECTOR2_ARRAY = 24, /**< 2 floats each */
    GDWS_VARIANT_POOL_VECTOR3_ARRAY = 25, /**< 3 floats each */
    GDWS_VARIANT_POOL_COLOR_ARRAY = 26    /**< 4 floats each */
} gdws_variant_type;

/* Create: each returns NULL without memory, or where the arguments make no such value */

/** Make an empty value: NIL, an empty DICTIONARY, ARRAY or POOL_STRING_ARRAY. NULL for other types.
 *  Since 0.1. */
GDWS_API gdws_variant *gdws_variant_new(gdws_variant_type type);

/** Make a BOOL. Since 0.1. */
GDWS_API gdws_variant *gdws_variant_new_bool(bool value);

/** Make an INT. Since 0.1. */
GDWS_API gdws_variant *gdws_variant_new_int(int64_t value);

/** Make a REAL. Since 0.1. */
GDWS_API gdws_variant *gdws_variant_new_real(double value);

/** Make a STRING. text: UTF-8, ends with NUL; copied. Since 0.1. */
GDWS_API gdws_variant *gdws_variant_new_string(const char *text);

/**
 * Make a NODE_PATH.
 *
 * path: names with "/" between them, one before the first for an absolute path, and ":" before each
 * subname: "/root/Player:position:x". UTF-8, no empty names; copied. Since 0.1.
 */
GDWS_API gdws_variant *gdws_variant_new_node_path(const char *path);

/**
 * Make a value that consists of floats: VECTOR2 to COLOR, POOL_REAL_ARRAY, POOL_VECTOR2_ARRAY,
 * POOL_VECTOR3_ARRAY, POOL_COLOR_ARRAY.
 *
 * floats: copied; in the order that gdws_variant_type gives.
 * count: how many floats: what the type has, or for arrays a multiple of it.
 *
 * Since 0.1.
 */
GDWS_API gdws_variant *gdws_variant_new_floats(gdws_variant_type type, const float *floats,
                                               size_t count);

/** Make a POOL_BYTE_ARRAY. bytes: count bytes, copied. Since 0.1. */
GDWS_API gdws_variant *gdws_variant_new_bytes(const void *bytes, size_t count);

/** Make a POOL_INT_ARRAY. integers: count integers, copied. Since 0.1. */
GDWS_API gdws_variant *gdws_variant_new_ints(const int32_t *integers, size_t count);

/** Make a copy, with copies of all that is in it: what get_item, get_key or find lends can be put
 *  into another container so. Source: Godot Array.duplicate(true). Since 0.1. */
GDWS_API gdws_variant *gdws_variant_duplicate(const gdws_variant *variant);

/* Build */

/**
 * Add an item to the end of an ARRAY or, if it is a STRING, of a POOL_STRING_ARRAY.
 *
 * item: belongs to the array from now on; not if an error is returned.
 *
 * Returns INVALID_PARAMETER for other types and for NULL, PARAMETER_RANGE_ERROR when it would be
 * deeper than GDWS_VARIANT_DEPTH_MAX, OUT_OF_MEMORY. Pointers to items of this array are not valid
 * any more. Source: Godot Array.append. Since 0.1.
 */
GDWS_API gdws_error gdws_variant_append(gdws_variant *array, gdws_variant *item);

/**
 * Put a value into a DICTIONARY; one that is there under the same key is replaced.
 *
 * key, value: belong to the dictionary from now on; not if an error is returned.
 *
 * Returns what gdws_variant_append returns. Source: Godot Dictionary. Since 0.1.
 */
GDWS_API gdws_error gdws_variant_set(gdws_variant *dictionary, gdws_variant *key,
                                     gdws_variant *value);

/* Ask */

/** Give the type; NIL for NULL. Source: Godot typeof. Since 0.1. */
GDWS_API gdws_variant_type gdws_variant_get_type(const gdws_variant *variant);

/** Give the value of a BOOL. Since 0.1. */
GDWS_API bool gdws_variant_get_bool(const gdws_variant *variant);

/** Give the value of an INT, or of a REAL without its fraction (what is out of range is the nearest
 *  that there is). Source: Godot int(). Since 0.1. */
GDWS_API int64_t gdws_variant_get_int(const gdws_variant *variant);

/** Give the value of a REAL or an INT. Since 0.1. */
GDWS_API double gdws_variant_get_real(const gdws_variant *variant);

/** Give the text of a STRING or NODE_PATH. Lent. Since 0.1. */
GDWS_API const char *gdws_variant_get_string(const gdws_variant *variant);

/** Tell how many there are: pairs of a DICTIONARY, items of an ARRAY or POOL_STRING_ARRAY, bytes,
 * integers, or floats (all of them, whatever they belong to). Source: Godot size. Since 0.1. */
GDWS_API size_t gdws_variant_get_size(const gdws_variant *variant);

/** Give an item of an ARRAY or POOL_STRING_ARRAY, or the value of a DICTIONARY's pair. Lent. NULL
 *  when there is no such index. Since 0.1. */
GDWS_API const gdws_variant *gdws_variant_get_item(const gdws_variant *variant, size_t index);

/** Give the key of a DICTIONARY's pair. Lent. NULL when there is no such index. Since 0.1. */
GDWS_API const gdws_variant *gdws_variant_get_key(const gdws_variant *dictionary, size_t index);

/** Find the value that a DICTIONARY has under a key that is a STRING. Lent; NULL when there is
 * none. Source: Godot Dictionary.get. Since 0.1. */
GDWS_API const gdws_variant *gdws_variant_find(const gdws_variant *dictionary, const char *key);

/** Find the value that a DICTIONARY has under a key that is an INT. Lent; NULL when there is none.
 *  Source: Godot Dictionary.get. Since 0.1. */
GDWS_API const gdws_variant *gdws_variant_find_int(const gdws_variant *dictionary, int64_t key);

/** Give the bytes of a POOL_BYTE_ARRAY, gdws_variant_get_size of them. Lent. Since 0.1. */
GDWS_API const uint8_t *gdws_variant_get_bytes(const gdws_variant *variant);

/** Give the integers of a POOL_INT_ARRAY, gdws_variant_get_size of them. Lent. Since 0.1. */
GDWS_API const int32_t *gdws_variant_get_ints(const gdws_variant *variant);

/** Give the floats of whatever consists of floats, gdws_variant_get_size of them. Lent. Since 0.1.
 */
GDWS_API const float *gdws_variant_get_floats(const gdws_variant *variant);

/* Bytes */

/**
 * Encode a value as Godot 3 does.
 *
 * buffer: receives the bytes, up to capacity of them; may be NULL when capacity is 0.
 * length: receives how many bytes the value takes, also when they are too many.
 *
 * Returns OUT_OF_MEMORY when capacity is too small, as it is where only the length is asked for.
 * Source: Godot 3 var2bytes, encode_variant.
 * Since 0.1.
 */
GDWS_API gdws_error gdws_variant_encode(const gdws_variant *variant, void *buffer, size_t capacity,
                                        size_t *length);

/**
 * Decode a value.
 *
 * bytes, length: what came.
 * variant: receives the value, which the caller frees; NULL on error.
 * used: receives how many bytes belonged to it; may be NULL.
 *
 * A value takes at most about 20 times the memory of its bytes (an array of nothings; numbers and
 * texts take much less), and length bounds it.
 *
 * Returns INVALID_DATA for anything that Godot 3 does not encode, for objects and RIDs, for text
 * that is not UTF-8 and for more depth than GDWS_VARIANT_DEPTH_MAX; OUT_OF_MEMORY. Source: Godot 3
 * bytes2var, decode_variant. Since 0.1.
 */
GDWS_API gdws_error gdws_variant_decode(const void *bytes, size_t length, gdws_variant **variant,
                                        size_t *used);

/**
 * Send a value as one binary packet.
 *
 * Returns what gdws_peer_send returns. Source: Godot 3 PacketPeer.put_var. Since 0.1.
 */
GDWS_API gdws_error gdws_peer_put_var(gdws_peer *peer, const gdws_variant *variant);

/**
 * Take the oldest packet and decode it.
 *
 * variant: receives the value, which the caller frees; NULL on error.
 *
 * Returns UNAVAILABLE when no packet has arrived; INVALID_DATA or OUT_OF_MEMORY, as
 * gdws_variant_decode does: the packet is taken nevertheless. Bytes behind the value are ignored,
 * as Godot does. Source: Godot 3 PacketPeer.get_var. Since 0.1.
 */
GDWS_API gdws_error gdws_peer_get_var(gdws_peer *peer, gdws_variant **variant);

/* Destroy */

/** Free a value that nothing owns, with all that it owns. NULL is fine. Since 0.1. */
GDWS_API void gdws_variant_free(gdws_variant *variant);

#ifdef __cplusplus
}
#endif

#endif
