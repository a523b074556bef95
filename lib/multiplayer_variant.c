/* SPDX-License-Identifier: MIT */
/* Variants as packets of a session. */
#include "gdws/multiplayer.h"
#include "mem.h"
#include "variant.h"

gdws_error gdws_multiplayer_put_var(gdws_multiplayer *multiplayer, const gdws_variant *variant)
{
    size_t length;
    if (multiplayer == NULL || variant == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    uint8_t *packet = gdwsi_variant_encode_whole(variant, &length);
    if (packet == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    gdws_error error = gdws_multiplayer_put_packet(multiplayer, packet, length);
    gdwsi_mem_free(packet);
    return error;
}

gdws_error gdws_multiplayer_get_var(gdws_multiplayer *multiplayer, gdws_variant **variant)
{
    const uint8_t *packet;
    size_t length;
    if (variant != NULL) {
        *variant = NULL;
    }
    if (multiplayer == NULL || variant == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    gdws_error error = gdws_multiplayer_get_packet(multiplayer, &packet, &length);
    return error == GDWS_OK ? gdws_variant_decode(packet, length, variant, NULL) : error;
}
