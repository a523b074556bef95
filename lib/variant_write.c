/* SPDX-License-Identifier: MIT */
/* Variants to Godot 3's bytes: little-endian, a word with the type first, everything padded to four
 * bytes. A writer without room counts on, and so tells how much room it needs. */
#include <string.h>

#include "mem.h"
#include "variant.h"

typedef struct writer {
    uint8_t *bytes;
    size_t capacity;
    size_t length;
} writer;

static void write_bytes(writer *to, const void *bytes, size_t length)
{
    if (length > 0 && to->length <= to->capacity && length <= to->capacity - to->length) {
        memcpy(to->bytes + to->length, bytes, length);
    }
    to->length += length;
}

static void write_32(writer *to, uint32_t value)
{
    uint8_t bytes[4];
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    write_bytes(to, bytes, sizeof(bytes));
}

static void write_64(writer *to, uint64_t value)
{
    write_32(to, (uint32_t)value);
    write_32(to, (uint32_t)(value >> 32));
}

static void write_float(writer *to, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    write_32(to, bits);
}

/* Write a length, that many bytes, and zeros up to a multiple of four. */
static void write_padded(writer *to, const void *bytes, size_t length)
{
    static const uint8_t zeros[3];
    write_32(to, (uint32_t)length);
    write_bytes(to, bytes, length);
    write_bytes(to, zeros, (4 - length % 4) % 4);
}

static void write_int(writer *to, int64_t value)
{
    if (value >= INT32_MIN && value <= INT32_MAX) {
        write_32(to, GDWS_VARIANT_INT);
        write_32(to, (uint32_t)(int32_t)value);
    } else {
        write_32(to, GDWS_VARIANT_INT | GDWSI_VARIANT_FLAG_64);
        write_64(to, (uint64_t)value);
    }
}

/* As a float where nothing is lost. A NaN is unequal to itself, and so has 64 bits. */
static void write_real(writer *to, double value)
{
    float narrow = (float)value;
    if ((double)narrow == value) {
        write_32(to, GDWS_VARIANT_REAL);
        write_float(to, narrow);
    } else {
        uint64_t bits;
        memcpy(&bits, &value, sizeof(bits));
        write_32(to, GDWS_VARIANT_REAL | GDWSI_VARIANT_FLAG_64);
        write_64(to, bits);
    }
}

/* How many pieces there are between separators. */
static uint32_t count_pieces(const char *text, size_t length, char separator)
{
    uint32_t count = length > 0 ? 1 : 0;
    for (size_t i = 0; i < length; i++) {
        count += text[i] == separator ? 1 : 0;
    }
    return count;
}

static void write_pieces(writer *to, const char *text, size_t length, char separator)
{
    size_t start = 0;
    for (size_t i = 0; i <= length && length > 0; i++) {
        if (i == length || text[i] == separator) {
            write_padded(to, text + start, i - start);
            start = i + 1;
        }
    }
}

static void write_node_path(writer *to, const char *path)
{
    bool is_absolute = path[0] == '/';
    const char *names = path + (is_absolute ? 1 : 0);
    size_t names_length = strcspn(names, ":");
    const char *subnames = names + names_length;
    subnames += *subnames == ':' ? 1 : 0;
    size_t subnames_length = strlen(subnames);
    write_32(to, count_pieces(names, names_length, '/') | GDWSI_VARIANT_NODE_PATH_NEW);
    write_32(to, count_pieces(subnames, subnames_length, ':'));
    write_32(to, is_absolute ? GDWSI_VARIANT_NODE_PATH_ABSOLUTE : 0);
    write_pieces(to, names, names_length, '/');
    write_pieces(to, subnames, subnames_length, ':');
}

static void write_variant(writer *to, const gdws_variant *variant);

static void write_items(writer *to, const gdws_variant *variant)
{
    bool is_dictionary = variant->type == GDWS_VARIANT_DICTIONARY;
    write_32(to, is_dictionary ? variant->count / 2 : variant->count);
    for (uint32_t i = 0; i < variant->count; i++) {
        const gdws_variant *item = &variant->value.items[i];
        if (variant->type == GDWS_VARIANT_POOL_STRING_ARRAY) {
            /* Here Godot counts the NUL at the end. */
            write_padded(to, item->value.text, (size_t)item->count + 1);
        } else {
            write_variant(to, item);
        }
    }
}

static void write_floats(writer *to, const gdws_variant *variant)
{
    if (gdwsi_variant_is_pool(variant->type)) {
        write_32(to, variant->count / (uint32_t)gdwsi_variant_floats_of(variant->type));
    }
    for (uint32_t i = 0; i < variant->count; i++) {
        write_float(to, variant->value.floats[i]);
    }
}

static void write_ints(writer *to, const gdws_variant *variant)
{
    write_32(to, variant->count);
    for (uint32_t i = 0; i < variant->count; i++) {
        write_32(to, (uint32_t)variant->value.integers[i]);
    }
}

static void write_variant(writer *to, const gdws_variant *variant)
{
    if (variant->type == GDWS_VARIANT_INT) {
        write_int(to, variant->value.integer);
        return;
    }
    if (variant->type == GDWS_VARIANT_REAL) {
        write_real(to, variant->value.real);
        return;
    }
    write_32(to, variant->type);
    switch ((gdws_variant_type)variant->type) {
    case GDWS_VARIANT_NIL:
        break;
    case GDWS_VARIANT_BOOL:
        write_32(to, variant->value.boolean ? 1 : 0);
        break;
    case GDWS_VARIANT_STRING:
        write_padded(to, variant->value.text, variant->count);
        break;
    case GDWS_VARIANT_NODE_PATH:
        write_node_path(to, variant->value.text);
        break;
    case GDWS_VARIANT_DICTIONARY:
    case GDWS_VARIANT_ARRAY:
    case GDWS_VARIANT_POOL_STRING_ARRAY:
        write_items(to, variant);
        break;
    case GDWS_VARIANT_POOL_BYTE_ARRAY:
        write_padded(to, variant->value.bytes, variant->count);
        break;
    case GDWS_VARIANT_POOL_INT_ARRAY:
        write_ints(to, variant);
        break;
    default:
        write_floats(to, variant);
        break;
    }
}

gdws_error gdws_variant_encode(const gdws_variant *variant, void *buffer, size_t capacity,
                               size_t *length)
{
    if (length != NULL) {
        *length = 0;
    }
    if (variant == NULL || length == NULL || (buffer == NULL && capacity > 0)) {
        return GDWS_INVALID_PARAMETER;
    }
    writer to = {.bytes = buffer, .capacity = capacity};
    write_variant(&to, variant);
    *length = to.length;
    return to.length <= capacity ? GDWS_OK : GDWS_OUT_OF_MEMORY;
}

uint8_t *gdwsi_variant_encode_whole(const gdws_variant *variant, size_t *length)
{
    (void)gdws_variant_encode(variant, NULL, 0, length);
    uint8_t *bytes = gdwsi_mem_alloc(*length);
    if (bytes != NULL) {
        (void)gdws_variant_encode(variant, bytes, *length, length);
    }
    return bytes;
}
