/* SPDX-License-Identifier: MIT */
/* Values: making, building, freeing. Invariants: depth counts the containers inside each
 * other, a container itself included, and is at most GDWS_VARIANT_DEPTH_MAX, so that recursion
 * ends; a dictionary has an even number of items; texts are UTF-8 without NUL bytes inside. Knows
 * no bytes of Godot's. */
#include "variant.h"

#include <string.h>

#include "mem.h"
#include "utf8.h"

size_t gdwsi_variant_floats_of(gdws_variant_type type)
{
    static const uint8_t floats[] = {
        [GDWS_VARIANT_VECTOR2] = 2,
        [GDWS_VARIANT_RECT2] = 4,
        [GDWS_VARIANT_VECTOR3] = 3,
        [GDWS_VARIANT_TRANSFORM2D] = 6,
        [GDWS_VARIANT_PLANE] = 4,
        [GDWS_VARIANT_QUAT] = 4,
        [GDWS_VARIANT_AABB] = 6,
        [GDWS_VARIANT_BASIS] = 9,
        [GDWS_VARIANT_TRANSFORM] = 12,
        [GDWS_VARIANT_COLOR] = 4,
        [GDWS_VARIANT_POOL_REAL_ARRAY] = 1,
        [GDWS_VARIANT_POOL_VECTOR2_ARRAY] = 2,
        [GDWS_VARIANT_POOL_VECTOR3_ARRAY] = 3,
        [GDWS_VARIANT_POOL_COLOR_ARRAY] = 4,
    };
    return (size_t)type < sizeof(floats) ? floats[type] : 0;
}

bool gdwsi_variant_is_pool(gdws_variant_type type)
{
    return type >= GDWS_VARIANT_POOL_BYTE_ARRAY && type <= GDWS_VARIANT_POOL_COLOR_ARRAY;
}

/* Freeing */

void gdwsi_variant_clear(gdws_variant *variant)
{
    if (gdwsi_variant_is_list(variant)) {
        for (uint32_t i = 0; i < variant->count; i++) {
            gdwsi_variant_clear(&variant->value.items[i]);
        }
        gdwsi_mem_free(variant->value.items);
    } else if (gdwsi_variant_is_text(variant)) {
        gdwsi_mem_free(variant->value.text);
    } else if (gdwsi_variant_floats_of(variant->type) > 0) {
        gdwsi_mem_free(variant->value.floats);
    } else if (variant->type == GDWS_VARIANT_POOL_BYTE_ARRAY) {
        gdwsi_mem_free(variant->value.bytes);
    } else if (variant->type == GDWS_VARIANT_POOL_INT_ARRAY) {
        gdwsi_mem_free(variant->value.integers);
    }
    memset(variant, 0, sizeof(*variant));
}

void gdws_variant_free(gdws_variant *variant)
{
    if (variant != NULL) {
        gdwsi_variant_clear(variant);
        gdwsi_mem_free(variant);
    }
}

/* Making */

gdws_error gdwsi_variant_reserve(gdws_variant *variant, gdws_variant_type type, size_t count)
{
    void *room = NULL;
    if (count > GDWSI_VARIANT_COUNT_MAX) {
        return GDWS_OUT_OF_MEMORY;
    }
    if (type == GDWS_VARIANT_STRING || type == GDWS_VARIANT_NODE_PATH) {
        room = variant->value.text = gdwsi_mem_alloc(count + 1);
    } else if (gdwsi_variant_floats_of(type) > 0) {
        room = variant->value.floats = gdwsi_mem_alloc(count * sizeof(float));
    } else if (type == GDWS_VARIANT_POOL_INT_ARRAY) {
        room = variant->value.integers = gdwsi_mem_alloc(count * sizeof(int32_t));
    } else {
        room = variant->value.bytes = gdwsi_mem_alloc(count);
    }
    if (room == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    variant->type = (uint8_t)type;
    variant->count = (uint32_t)count;
    return GDWS_OK;
}

static gdws_variant *make(gdws_variant_type type)
{
    gdws_variant *variant = gdwsi_mem_calloc(1, sizeof(*variant));
    if (variant != NULL) {
        variant->type = (uint8_t)type;
    }
    return variant;
}

/* Make a value with a copy of count elements of size bytes each. */
static gdws_variant *make_with(gdws_variant_type type, const void *elements, size_t count,
                               size_t size)
{
    gdws_variant *variant = elements != NULL || count == 0 ? make(GDWS_VARIANT_NIL) : NULL;
    if (variant == NULL) {
        return NULL;
    }
    if (gdwsi_variant_reserve(variant, type, count) != GDWS_OK) {
        gdwsi_mem_free(variant);
        return NULL;
    }
    if (count > 0) {
        memcpy(variant->value.bytes, elements, count * size);
    }
    return variant;
}

gdws_variant *gdws_variant_new(gdws_variant_type type)
{
    switch (type) {
    case GDWS_VARIANT_NIL:
        return make(type);
    case GDWS_VARIANT_DICTIONARY:
    case GDWS_VARIANT_ARRAY:
    case GDWS_VARIANT_POOL_STRING_ARRAY:
        break;
    default:
        return NULL;
    }
    gdws_variant *container = make(type);
    if (container != NULL) {
        container->depth = 1;
    }
    return container;
}

gdws_variant *gdws_variant_new_bool(bool value)
{
    gdws_variant *variant = make(GDWS_VARIANT_BOOL);
    if (variant != NULL) {
        variant->value.boolean = value;
    }
    return variant;
}

gdws_variant *gdws_variant_new_int(int64_t value)
{
    gdws_variant *variant = make(GDWS_VARIANT_INT);
    if (variant != NULL) {
        variant->value.integer = value;
    }
    return variant;
}

gdws_variant *gdws_variant_new_real(double value)
{
    gdws_variant *variant = make(GDWS_VARIANT_REAL);
    if (variant != NULL) {
        variant->value.real = value;
    }
    return variant;
}

static gdws_variant *make_text(gdws_variant_type type, const char *text)
{
    size_t length = strlen(text);
    gdws_variant *variant = make_with(type, text, length, 1);
    if (variant != NULL) {
        variant->value.text[length] = '\0';
    }
    return variant;
}

gdws_variant *gdws_variant_new_string(const char *text)
{
    if (text == NULL || !gdwsi_utf8_is_valid(text, strlen(text))) {
        return NULL;
    }
    return make_text(GDWS_VARIANT_STRING, text);
}

/* Whether all pieces between separators have at least one byte. */
static bool has_no_gaps(const char *text, size_t length, char separator)
{
    size_t piece = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != separator) {
            piece++;
        } else if (piece == 0) {
            return false;
        } else {
            piece = 0;
        }
    }
    return piece > 0;
}

bool gdwsi_variant_is_node_path(const char *path)
{
    size_t names = strcspn(path, ":");
    const char *subnames = path + names;
    if (!gdwsi_utf8_is_valid(path, strlen(path))) {
        return false;
    }
    if (*path == '/') {
        path++;
        names--;
    }
    return (names == 0 || has_no_gaps(path, names, '/')) &&
           (*subnames == '\0' || has_no_gaps(subnames + 1, strlen(subnames + 1), ':'));
}

gdws_variant *gdws_variant_new_node_path(const char *path)
{
    if (path == NULL || !gdwsi_variant_is_node_path(path)) {
        return NULL;
    }
    return make_text(GDWS_VARIANT_NODE_PATH, path);
}

gdws_variant *gdws_variant_new_floats(gdws_variant_type type, const float *floats, size_t count)
{
    size_t each = gdwsi_variant_floats_of(type);
    if (each == 0 || (gdwsi_variant_is_pool(type) ? count % each != 0 : count != each)) {
        return NULL;
    }
    return make_with(type, floats, count, sizeof(float));
}

gdws_variant *gdws_variant_new_bytes(const void *bytes, size_t count)
{
    return make_with(GDWS_VARIANT_POOL_BYTE_ARRAY, bytes, count, 1);
}

gdws_variant *gdws_variant_new_ints(const int32_t *integers, size_t count)
{
    return make_with(GDWS_VARIANT_POOL_INT_ARRAY, integers, count, sizeof(int32_t));
}

/* Building */

/* Make room for more items. */
static gdws_error reserve_items(gdws_variant *container, uint32_t more)
{
    if (container->capacity - container->count >= more) {
        return GDWS_OK;
    }
    if (container->count > GDWSI_VARIANT_COUNT_MAX - more) {
        return GDWS_OUT_OF_MEMORY;
    }
    uint32_t capacity = container->capacity > 0 ? container->capacity * 2 : 2;
    gdws_variant *items =
        gdwsi_mem_realloc(container->value.items, (size_t)capacity * sizeof(*items));
    if (items == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    container->value.items = items;
    container->capacity = capacity;
    return GDWS_OK;
}

static bool is_too_deep(const gdws_variant *item)
{
    return item->depth >= GDWS_VARIANT_DEPTH_MAX;
}

static void note_depth(gdws_variant *container, const gdws_variant *item)
{
    if (item->depth >= container->depth) {
        container->depth = (uint8_t)(item->depth + 1);
    }
}

/* Move an item in. There is room. */
static void move_in(gdws_variant *container, gdws_variant *item)
{
    note_depth(container, item);
    container->value.items[container->count] = *item;
    container->count++;
    memset(item, 0, sizeof(*item));
}

gdws_error gdwsi_variant_add(gdws_variant *container, gdws_variant *item)
{
    if (is_too_deep(item)) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    gdws_error error = reserve_items(container, 1);
    if (error == GDWS_OK) {
        move_in(container, item);
    }
    return error;
}

gdws_error gdws_variant_append(gdws_variant *array, gdws_variant *item)
{
    if (array == NULL || item == NULL || item == array) {
        return GDWS_INVALID_PARAMETER;
    }
    bool takes_it =
        array->type == GDWS_VARIANT_ARRAY ||
        (array->type == GDWS_VARIANT_POOL_STRING_ARRAY && item->type == GDWS_VARIANT_STRING);
    if (!takes_it) {
        return GDWS_INVALID_PARAMETER;
    }
    gdws_error error = gdwsi_variant_add(array, item);
    if (error == GDWS_OK) {
        gdwsi_mem_free(item);
    }
    return error;
}

static bool is_equal(const gdws_variant *one, const gdws_variant *other)
{
    if (one->type != other->type || one->count != other->count) {
        return false;
    }
    if (gdwsi_variant_is_list(one)) {
        uint32_t i = 0;
        while (i < one->count && is_equal(&one->value.items[i], &other->value.items[i])) {
            i++;
        }
        return i == one->count;
    }
    switch ((gdws_variant_type)one->type) {
    case GDWS_VARIANT_NIL:
        return true;
    case GDWS_VARIANT_BOOL:
        return one->value.boolean == other->value.boolean;
    case GDWS_VARIANT_INT:
        return one->value.integer == other->value.integer;
    case GDWS_VARIANT_REAL:
        return memcmp(&one->value.real, &other->value.real, sizeof(double)) == 0;
    default:
        break;
    }
    bool is_narrow = gdwsi_variant_is_text(one) || one->type == GDWS_VARIANT_POOL_BYTE_ARRAY;
    return memcmp(one->value.bytes, other->value.bytes, one->count * (is_narrow ? 1u : 4u)) == 0;
}

/* Move a value into the place of an old one. If that was the deepest, the depth is what is left. */
static void replace(gdws_variant *dictionary, gdws_variant *old, const gdws_variant *value)
{
    bool was_deepest = old->depth > 0 && old->depth + 1 == dictionary->depth;
    gdwsi_variant_clear(old);
    *old = *value;
    note_depth(dictionary, value);
    if (was_deepest) {
        dictionary->depth = 1;
        for (uint32_t i = 0; i < dictionary->count; i++) {
            note_depth(dictionary, &dictionary->value.items[i]);
        }
    }
}

gdws_error gdws_variant_set(gdws_variant *dictionary, gdws_variant *key, gdws_variant *value)
{
    if (dictionary == NULL || key == NULL || value == NULL || key == value || key == dictionary ||
        value == dictionary || dictionary->type != GDWS_VARIANT_DICTIONARY) {
        return GDWS_INVALID_PARAMETER;
    }
    if (is_too_deep(key) || is_too_deep(value)) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    gdws_error error = reserve_items(dictionary, 2);
    if (error != GDWS_OK) {
        return error;
    }
    /* From behind, as find does: bytes may have a key twice. */
    uint32_t i = dictionary->count;
    while (i > 0 && !is_equal(&dictionary->value.items[i - 2], key)) {
        i -= 2;
    }
    if (i > 0) {
        replace(dictionary, &dictionary->value.items[i - 1], value);
        gdws_variant_free(key);
        gdwsi_mem_free(value);
    } else {
        move_in(dictionary, key);
        move_in(dictionary, value);
        gdwsi_mem_free(key);
        gdwsi_mem_free(value);
    }
    return GDWS_OK;
}
