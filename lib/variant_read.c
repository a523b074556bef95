/* SPDX-License-Identifier: MIT */
/* Variants from Godot 3's bytes. Invariants: a reader never passes its end; what is allocated is
 * bounded by what has really been read, whatever counts are claimed. */
#include <string.h>

#include "mem.h"
#include "utf8.h"
#include "variant.h"

typedef struct reader {
    const uint8_t *next;
    size_t left;
    unsigned depth;
} reader;

static gdws_error read_32(reader *from, uint32_t *value)
{
    *value = 0;
    if (from->left < 4) {
        return GDWS_INVALID_DATA;
    }
    for (unsigned i = 0; i < 4; i++) {
        *value |= (uint32_t)from->next[i] << (8 * i);
    }
    from->next += 4;
    from->left -= 4;
    return GDWS_OK;
}

static gdws_error read_64(reader *from, uint64_t *value)
{
    uint32_t low;
    uint32_t high;
    gdws_error error = read_32(from, &low);
    if (error == GDWS_OK) {
        error = read_32(from, &high);
    }
    if (error == GDWS_OK) {
        *value = (uint64_t)high << 32 | low;
    }
    return error;
}

/* Read a length and that many bytes with their padding; lent. */
static gdws_error read_padded(reader *from, const uint8_t **bytes, size_t *length)
{
    uint32_t count;
    if (read_32(from, &count) != GDWS_OK || count > from->left) {
        return GDWS_INVALID_DATA;
    }
    size_t padded = (size_t)count + (4 - count % 4) % 4;
    if (padded > from->left) {
        return GDWS_INVALID_DATA;
    }
    *bytes = from->next;
    *length = count;
    from->next += padded;
    from->left -= padded;
    return GDWS_OK;
}

static gdws_error set_text(gdws_variant *variant, const uint8_t *bytes, size_t length)
{
    /* Text ends at a NUL, as in Godot. */
    size_t used = strnlen((const char *)bytes, length);
    if (!gdwsi_utf8_is_valid(bytes, used)) {
        return GDWS_INVALID_DATA;
    }
    gdws_error error = gdwsi_variant_reserve(variant, GDWS_VARIANT_STRING, used);
    if (error == GDWS_OK) {
        if (used > 0) {
            memcpy(variant->value.text, bytes, used);
        }
        variant->value.text[used] = '\0';
    }
    return error;
}

static gdws_error read_string(reader *from, gdws_variant *variant)
{
    const uint8_t *bytes = NULL;
    size_t length = 0;
    gdws_error error = read_padded(from, &bytes, &length);
    return error == GDWS_OK ? set_text(variant, bytes, length) : error;
}

/* Read one name of a node path; lent. */
static gdws_error read_name(reader *from, const uint8_t **name, size_t *length,
                            const char *forbidden)
{
    gdws_error error = read_padded(from, name, length);
    if (error != GDWS_OK) {
        return error;
    }
    *length = strnlen((const char *)*name, *length);
    for (size_t i = 0; i < *length; i++) {
        if (strchr(forbidden, (*name)[i]) != NULL) {
            return GDWS_INVALID_DATA;
        }
    }
    return *length > 0 ? GDWS_OK : GDWS_INVALID_DATA;
}

/* The names of a node path, as its header announces them. */
typedef struct node_path {
    uint32_t names;
    uint32_t subnames;
    bool is_absolute;
} node_path;

/* Read all names. text: receives them with their separators; NULL only measures. */
static gdws_error read_names(reader *from, const node_path *path, char *text, size_t *length)
{
    size_t end = path->is_absolute ? 1 : 0;
    for (uint32_t i = 0; i < path->names + path->subnames; i++) {
        const uint8_t *name = NULL;
        size_t size = 0;
        bool is_subname = i >= path->names;
        gdws_error error = read_name(from, &name, &size, is_subname ? ":" : "/:");
        if (error != GDWS_OK) {
            return error;
        }
        bool has_separator = is_subname || i > 0;
        if (text != NULL) {
            text[end] = is_subname ? ':' : '/';
            memcpy(text + end + (has_separator ? 1 : 0), name, size);
        }
        end += size + (has_separator ? 1 : 0);
    }
    *length = end;
    return GDWS_OK;
}

static gdws_error read_node_path(reader *from, gdws_variant *variant)
{
    node_path path;
    uint32_t flags;
    size_t length = 0;
    if (read_32(from, &path.names) != GDWS_OK || read_32(from, &path.subnames) != GDWS_OK ||
        read_32(from, &flags) != GDWS_OK || (path.names & GDWSI_VARIANT_NODE_PATH_NEW) == 0 ||
        (flags & ~GDWSI_VARIANT_NODE_PATH_ABSOLUTE) != 0) {
        return GDWS_INVALID_DATA;
    }
    path.names &= ~GDWSI_VARIANT_NODE_PATH_NEW;
    path.is_absolute = flags != 0;
    /* Each name takes at least eight bytes. */
    if (path.names > from->left / 8 || path.subnames > from->left / 8 - path.names) {
        return GDWS_INVALID_DATA;
    }
    reader again = *from;
    gdws_error error = read_names(from, &path, NULL, &length);
    if (error == GDWS_OK) {
        error = gdwsi_variant_reserve(variant, GDWS_VARIANT_NODE_PATH, length);
    }
    if (error != GDWS_OK) {
        return error;
    }
    char *text = variant->value.text;
    error = read_names(&again, &path, text, &length);
    if (path.is_absolute) {
        text[0] = '/';
    }
    text[length] = '\0';
    return gdwsi_variant_is_node_path(text) ? error : GDWS_INVALID_DATA;
}

static gdws_error read_variant(reader *from, gdws_variant *variant);

static gdws_error read_item(reader *from, gdws_variant *container)
{
    gdws_variant item = {0};
    gdws_error error = container->type == GDWS_VARIANT_POOL_STRING_ARRAY
                           ? read_string(from, &item)
                           : read_variant(from, &item);
    if (error == GDWS_OK) {
        error = gdwsi_variant_add(container, &item);
    }
    gdwsi_variant_clear(&item);
    return error == GDWS_PARAMETER_RANGE_ERROR ? GDWS_INVALID_DATA : error;
}

static gdws_error read_items(reader *from, gdws_variant *variant, gdws_variant_type type)
{
    uint32_t count;
    if (read_32(from, &count) != GDWS_OK) {
        return GDWS_INVALID_DATA;
    }
    if (type != GDWS_VARIANT_POOL_STRING_ARRAY) {
        count &= 0x7fffffffu; /* the highest bit once said that the container is shared */
    }
    /* Each item takes at least four bytes. */
    uint32_t items = type == GDWS_VARIANT_DICTIONARY ? 2 : 1;
    if (count > from->left / 4 / items || from->depth >= GDWS_VARIANT_DEPTH_MAX) {
        return GDWS_INVALID_DATA;
    }
    gdws_error error = GDWS_OK;
    variant->type = (uint8_t)type;
    variant->depth = 1;
    from->depth++;
    for (uint32_t i = 0; i < count * items && error == GDWS_OK; i++) {
        error = read_item(from, variant);
    }
    from->depth--;
    return error;
}

static gdws_error read_floats(reader *from, gdws_variant *variant, gdws_variant_type type)
{
    uint32_t count = 1;
    size_t each = gdwsi_variant_floats_of(type);
    if ((gdwsi_variant_is_pool(type) && read_32(from, &count) != GDWS_OK) ||
        count > from->left / 4 / each) {
        return GDWS_INVALID_DATA;
    }
    gdws_error error = gdwsi_variant_reserve(variant, type, count * each);
    for (size_t i = 0; i < count * each && error == GDWS_OK; i++) {
        uint32_t bits;
        error = read_32(from, &bits);
        memcpy(&variant->value.floats[i], &bits, sizeof(bits));
    }
    return error;
}

static gdws_error read_ints(reader *from, gdws_variant *variant)
{
    uint32_t count;
    if (read_32(from, &count) != GDWS_OK || count > from->left / 4) {
        return GDWS_INVALID_DATA;
    }
    gdws_error error = gdwsi_variant_reserve(variant, GDWS_VARIANT_POOL_INT_ARRAY, count);
    for (uint32_t i = 0; i < count && error == GDWS_OK; i++) {
        uint32_t bits;
        error = read_32(from, &bits);
        variant->value.integers[i] = (int32_t)bits;
    }
    return error;
}

static gdws_error read_bytes(reader *from, gdws_variant *variant)
{
    const uint8_t *bytes = NULL;
    size_t length = 0;
    gdws_error error = read_padded(from, &bytes, &length);
    if (error == GDWS_OK) {
        error = gdwsi_variant_reserve(variant, GDWS_VARIANT_POOL_BYTE_ARRAY, length);
    }
    if (error == GDWS_OK && length > 0) {
        memcpy(variant->value.bytes, bytes, length);
    }
    return error;
}

/* Read a BOOL, INT or REAL, of 64 bits or 32. */
static gdws_error read_number(reader *from, gdws_variant *variant, gdws_variant_type type,
                              bool is_64)
{
    uint64_t bits = 0;
    uint32_t narrow = 0;
    float single;
    gdws_error error = is_64 ? read_64(from, &bits) : read_32(from, &narrow);
    variant->type = (uint8_t)type;
    if (type == GDWS_VARIANT_BOOL) {
        variant->value.boolean = narrow != 0;
    } else if (type == GDWS_VARIANT_INT) {
        variant->value.integer = is_64 ? (int64_t)bits : (int32_t)narrow;
    } else if (is_64) {
        memcpy(&variant->value.real, &bits, sizeof(bits));
    } else {
        memcpy(&single, &narrow, sizeof(single));
        variant->value.real = (double)single;
    }
    return error;
}

static gdws_error read_variant(reader *from, gdws_variant *variant)
{
    uint32_t word;
    gdws_error error = read_32(from, &word);
    bool is_64 = (word & GDWSI_VARIANT_FLAG_64) != 0;
    gdws_variant_type type = (gdws_variant_type)(word & ~GDWSI_VARIANT_FLAG_64);
    if (error != GDWS_OK || (is_64 && type != GDWS_VARIANT_INT && type != GDWS_VARIANT_REAL)) {
        return GDWS_INVALID_DATA;
    }
    switch (type) {
    case GDWS_VARIANT_NIL:
        return GDWS_OK;
    case GDWS_VARIANT_BOOL:
    case GDWS_VARIANT_INT:
    case GDWS_VARIANT_REAL:
        return read_number(from, variant, type, is_64);
    case GDWS_VARIANT_STRING:
        return read_string(from, variant);
    case GDWS_VARIANT_NODE_PATH:
        return read_node_path(from, variant);
    case GDWS_VARIANT_DICTIONARY:
    case GDWS_VARIANT_ARRAY:
    case GDWS_VARIANT_POOL_STRING_ARRAY:
        return read_items(from, variant, type);
    case GDWS_VARIANT_POOL_BYTE_ARRAY:
        return read_bytes(from, variant);
    case GDWS_VARIANT_POOL_INT_ARRAY:
        return read_ints(from, variant);
    default:
        return gdwsi_variant_floats_of(type) > 0 ? read_floats(from, variant, type)
                                                 : GDWS_INVALID_DATA;
    }
}

gdws_error gdws_variant_decode(const void *bytes, size_t length, gdws_variant **variant,
                               size_t *used)
{
    if (variant != NULL) {
        *variant = NULL;
    }
    if (used != NULL) {
        *used = 0;
    }
    if (variant == NULL || (bytes == NULL && length > 0)) {
        return GDWS_INVALID_PARAMETER;
    }
    gdws_variant *root = gdwsi_mem_calloc(1, sizeof(*root));
    if (root == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    reader from = {.next = bytes, .left = length};
    gdws_error error = read_variant(&from, root);
    if (error != GDWS_OK) {
        gdws_variant_free(root);
        return error;
    }
    *variant = root;
    if (used != NULL) {
        *used = length - from.left;
    }
    return GDWS_OK;
}
