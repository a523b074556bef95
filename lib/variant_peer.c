/* SPDX-License-Identifier: MIT */
/* Variants as packets of a peer. */
#include "gdws/peer.h"
#include "gdws/variant.h"
#include "mem.h"
#include "variant.h"

gdws_error gdws_peer_put_var(gdws_peer *peer, const gdws_variant *variant)
{
    size_t length;
    if (peer == NULL || variant == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    uint8_t *packet = gdwsi_variant_encode_whole(variant, &length);
    if (packet == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    gdws_error error = gdws_peer_send(peer, packet, length, GDWS_WRITE_MODE_BINARY);
    gdwsi_mem_free(packet);
    return error;
}

gdws_error gdws_peer_get_var(gdws_peer *peer, gdws_variant **variant)
{
    const uint8_t *packet;
    size_t length;
    if (variant != NULL) {
        *variant = NULL;
    }
    if (peer == NULL || variant == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    gdws_error error = gdws_peer_get_packet(peer, &packet, &length);
    return error == GDWS_OK ? gdws_variant_decode(packet, length, variant, NULL) : error;
}
