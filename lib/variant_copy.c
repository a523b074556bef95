/* SPDX-License-Identifier: MIT */
/* Values that own nothing of what they were copied from. Invariant: a copy has at most the depth of
 * its original, so that recursion ends. */
#include <string.h>

#include "mem.h"
#include "variant.h"

static gdws_error copy(const gdws_variant *from, gdws_variant *to);

/* Copy count elements of size bytes each, or a text with the NUL behind it. */
static gdws_error copy_elements(const gdws_variant *from, gdws_variant *to, size_t size)
{
    gdws_error error = gdwsi_variant_reserve(to, from->type, from->count);
    size_t bytes = from->count * size;
    if (gdwsi_variant_is_text(from)) {
        bytes++;
    }
    if (error == GDWS_OK && bytes > 0) {
        memcpy(to->value.bytes, from->value.bytes, bytes);
    }
    return error;
}

static gdws_error copy_items(const gdws_variant *from, gdws_variant *to)
{
    gdws_error error = GDWS_OK;
    to->type = from->type;
    to->depth = 1;
    for (uint32_t i = 0; i < from->count && error == GDWS_OK; i++) {
        gdws_variant item = {0};
        error = copy(&from->value.items[i], &item);
        if (error == GDWS_OK) {
            error = gdwsi_variant_add(to, &item);
        }
        gdwsi_variant_clear(&item);
    }
    return error;
}

/* Set a NIL to a copy. On error it owns what was copied so far. */
static gdws_error copy(const gdws_variant *from, gdws_variant *to)
{
    if (gdwsi_variant_is_list(from)) {
        return copy_items(from, to);
    }
    switch (from->type) {
    case GDWS_VARIANT_NIL:
    case GDWS_VARIANT_BOOL:
    case GDWS_VARIANT_INT:
    case GDWS_VARIANT_REAL:
        *to = *from;
        return GDWS_OK;
    case GDWS_VARIANT_STRING:
    case GDWS_VARIANT_NODE_PATH:
    case GDWS_VARIANT_POOL_BYTE_ARRAY:
        return copy_elements(from, to, 1);
    default: /* integers and floats */
        return copy_elements(from, to, sizeof(float));
    }
}

gdws_variant *gdws_variant_duplicate(const gdws_variant *variant)
{
    gdws_variant *made = variant != NULL ? gdwsi_mem_calloc(1, sizeof(*made)) : NULL;
    if (made != NULL && copy(variant, made) != GDWS_OK) {
        gdws_variant_free(made);
        made = NULL;
    }
    return made;
}
