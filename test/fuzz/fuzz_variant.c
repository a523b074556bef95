/* SPDX-License-Identifier: MIT */
/* Any bytes as a variant: no crash, no leak, bounded memory, and what is accepted is stable: it
 * encodes to bytes that decode to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "gdws/variant.h"
#include "mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static uint8_t *encode(const gdws_variant *variant, size_t *length)
{
    require(gdws_variant_encode(variant, NULL, 0, length) == GDWS_OUT_OF_MEMORY);
    uint8_t *bytes = malloc(*length);
    size_t again = 0;
    require(gdws_variant_encode(variant, bytes, *length, &again) == GDWS_OK && again == *length);
    return bytes;
}

/* Ask for everything, as a program would that does not know what it got. */
static void visit(const gdws_variant *variant)
{
    size_t size = gdws_variant_get_size(variant);
    (void)gdws_variant_get_bool(variant);
    (void)gdws_variant_get_real(variant);
    require(strlen(gdws_variant_get_string(variant)) < 1u << 20);
    const float *floats = gdws_variant_get_floats(variant);
    const uint8_t *bytes = gdws_variant_get_bytes(variant);
    const int32_t *integers = gdws_variant_get_ints(variant);
    volatile int sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum += (floats != NULL && floats[i] > 0) + (bytes != NULL ? bytes[i] & 1 : 0) +
               (integers != NULL ? integers[i] & 1 : 0);
        const gdws_variant *key = gdws_variant_get_key(variant, i);
        const gdws_variant *item = gdws_variant_get_item(variant, i);
        if (key != NULL) {
            visit(key);
            (void)gdws_variant_find(variant, gdws_variant_get_string(key));
        }
        if (item != NULL) {
            visit(item);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gdws_variant *variant;
    size_t used = 0;
    gdws_error error = gdws_variant_decode(data, size, &variant, &used);
    require(error == GDWS_OK || (error == GDWS_INVALID_DATA && variant == NULL && used == 0));
    if (error == GDWS_OK) {
        gdws_variant *other;
        size_t length = 0;
        size_t other_length = 0;
        require(used <= size && used % 4 == 0);
        visit(variant);
        uint8_t *bytes = encode(variant, &length);
        require(gdws_variant_decode(bytes, length, &other, &used) == GDWS_OK && used == length);
        uint8_t *other_bytes = encode(other, &other_length);
        require(other_length == length && memcmp(bytes, other_bytes, length) == 0);
        free(other_bytes);
        gdws_variant_free(other);
        other = gdws_variant_duplicate(variant);
        other_bytes = encode(other, &other_length);
        require(other_length == length && memcmp(bytes, other_bytes, length) == 0);
        free(other_bytes);
        free(bytes);
        gdws_variant_free(other);
        gdws_variant_free(variant);
    }
    require(gdwsi_mem_live() == 0);
    return 0;
}
