/* SPDX-License-Identifier: MIT */
/* What can be asked of a value: thin, nothing changes. */
#include <string.h>

#include "variant.h"

gdws_variant_type gdws_variant_get_type(const gdws_variant *variant)
{
    return variant != NULL ? (gdws_variant_type)variant->type : GDWS_VARIANT_NIL;
}

bool gdws_variant_get_bool(const gdws_variant *variant)
{
    return gdws_variant_get_type(variant) == GDWS_VARIANT_BOOL && variant->value.boolean;
}

/* Without its fraction; the nearest integer that there is, 0 for what is no number. */
static int64_t cut(double real)
{
    /* 2 to the power of 63, which a double holds, and an int64_t does not. */
    const double limit = 9223372036854775808.0;
    if (real >= limit) {
        return INT64_MAX;
    }
    if (real < -limit) {
        return INT64_MIN;
    }
    return real == real ? (int64_t)real : 0;
}

int64_t gdws_variant_get_int(const gdws_variant *variant)
{
    switch (gdws_variant_get_type(variant)) {
    case GDWS_VARIANT_INT:
        return variant->value.integer;
    case GDWS_VARIANT_REAL:
        return cut(variant->value.real);
    default:
        return 0;
    }
}

double gdws_variant_get_real(const gdws_variant *variant)
{
    switch (gdws_variant_get_type(variant)) {
    case GDWS_VARIANT_INT:
        return (double)variant->value.integer;
    case GDWS_VARIANT_REAL:
        return variant->value.real;
    default:
        return 0;
    }
}

const char *gdws_variant_get_string(const gdws_variant *variant)
{
    return variant != NULL && gdwsi_variant_is_text(variant) ? variant->value.text : "";
}

size_t gdws_variant_get_size(const gdws_variant *variant)
{
    gdws_variant_type type = gdws_variant_get_type(variant);
    if (variant == NULL || gdwsi_variant_is_text(variant)) {
        return 0;
    }
    return type == GDWS_VARIANT_DICTIONARY ? variant->count / 2 : variant->count;
}

const gdws_variant *gdws_variant_get_item(const gdws_variant *variant, size_t index)
{
    if (variant == NULL || !gdwsi_variant_is_list(variant) ||
        index >= gdws_variant_get_size(variant)) {
        return NULL;
    }
    return variant->type == GDWS_VARIANT_DICTIONARY ? &variant->value.items[2 * index + 1]
                                                    : &variant->value.items[index];
}

const gdws_variant *gdws_variant_get_key(const gdws_variant *dictionary, size_t index)
{
    if (gdws_variant_get_type(dictionary) != GDWS_VARIANT_DICTIONARY ||
        index >= gdws_variant_get_size(dictionary)) {
        return NULL;
    }
    return &dictionary->value.items[2 * index];
}

const gdws_variant *gdws_variant_find_int(const gdws_variant *dictionary, int64_t key)
{
    if (gdws_variant_get_type(dictionary) != GDWS_VARIANT_DICTIONARY) {
        return NULL;
    }
    for (uint32_t i = dictionary->count; i > 0; i -= 2) {
        const gdws_variant *one = &dictionary->value.items[i - 2];
        if (one->type == GDWS_VARIANT_INT && one->value.integer == key) {
            return one + 1;
        }
    }
    return NULL;
}

const gdws_variant *gdws_variant_find(const gdws_variant *dictionary, const char *key)
{
    if (gdws_variant_get_type(dictionary) != GDWS_VARIANT_DICTIONARY || key == NULL) {
        return NULL;
    }
    /* Where bytes have a key twice, the last one counts, as in Godot. */
    for (uint32_t i = dictionary->count; i > 0; i -= 2) {
        const gdws_variant *one = &dictionary->value.items[i - 2];
        if (one->type == GDWS_VARIANT_STRING && strcmp(one->value.text, key) == 0) {
            return one + 1;
        }
    }
    return NULL;
}

const uint8_t *gdws_variant_get_bytes(const gdws_variant *variant)
{
    return gdws_variant_get_type(variant) == GDWS_VARIANT_POOL_BYTE_ARRAY ? variant->value.bytes
                                                                          : NULL;
}

const int32_t *gdws_variant_get_ints(const gdws_variant *variant)
{
    return gdws_variant_get_type(variant) == GDWS_VARIANT_POOL_INT_ARRAY ? variant->value.integers
                                                                         : NULL;
}

const float *gdws_variant_get_floats(const gdws_variant *variant)
{
    return gdwsi_variant_floats_of(gdws_variant_get_type(variant)) > 0 ? variant->value.floats
                                                                       : NULL;
}
