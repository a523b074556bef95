/* SPDX-License-Identifier: MIT */
/* The gdws side of conversations with other implementations, as a client of an echo server: 1,000
 * messages of 1 B to 60 KB, text and binary by turns, then a close from either side. Usage:
 * interop_client URL SUBPROTOCOL|- mine|theirs; for wss the environment variable GDWS_TRUSTED names
 * the certificate to trust; with GDWS_COMPRESSION the messages are compressed, must be, and some
 * have up to 10 MB. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gdws/gdws.h"

#define MESSAGES 1000
#define WINDOW 8
#define SIZE_MAX_BYTES 60000
#define BIG_MAX_BYTES 10000000

typedef struct conversation {
    int sent;
    int heard;
    int wrong;
    bool is_over;
    bool is_theirs; /* the other side is asked to close */
    bool was_clean;
    int code;
    char reason[128];
    char protocol[64];
    char extensions[64];
} conversation;

static bool is_compressed;

static size_t size_of(int number)
{
    static const size_t big[] = {0, 31, 32, 65535, 65536, 1000000, BIG_MAX_BYTES};
    const int first = MESSAGES - (int)(sizeof(big) / sizeof(big[0]));
    if (is_compressed && number >= first) {
        return big[number - first];
    }
    return number < 10 ? (size_t)number + 1 : (size_t)number * 7919 % SIZE_MAX_BYTES + 1;
}

static const uint8_t *content_of(int number)
{
    static uint8_t bytes[BIG_MAX_BYTES];
    uint32_t noise = (uint32_t)number;
    for (size_t i = 0; i < size_of(number); i++) {
        noise = noise * 1103515245u + 12345u;
        bytes[i] = (uint8_t)('a' + (i + (size_t)number + (i % 5 == 0 ? noise >> 16 : 0)) % 26);
    }
    return bytes;
}

static gdws_write_mode mode_of(int number)
{
    return number % 2 == 0 ? GDWS_WRITE_MODE_TEXT : GDWS_WRITE_MODE_BINARY;
}

static void send_more(gdws_client *client, conversation *talk)
{
    gdws_peer *peer = gdws_client_get_peer(client, 1);
    while (talk->sent < MESSAGES && talk->sent - talk->heard < WINDOW) {
        if (gdws_peer_send(peer, content_of(talk->sent), size_of(talk->sent),
                           mode_of(talk->sent)) != GDWS_OK) {
            talk->wrong++;
        }
        talk->sent++;
    }
}

static void on_connected(gdws_client *client, const char *protocol, void *user)
{
    conversation *talk = user;
    (void)snprintf(talk->protocol, sizeof(talk->protocol), "%s", protocol);
    (void)snprintf(talk->extensions, sizeof(talk->extensions), "%s",
                   gdws_peer_get_extensions(gdws_client_get_peer(client, 1)));
    send_more(client, talk);
}

static void on_data(gdws_client *client, void *user)
{
    conversation *talk = user;
    const uint8_t *packet;
    size_t length;
    gdws_peer *peer = gdws_client_get_peer(client, 1);
    if (gdws_peer_get_packet(peer, &packet, &length) != GDWS_OK || length != size_of(talk->heard) ||
        memcmp(packet, content_of(talk->heard), length) != 0 ||
        gdws_peer_was_string_packet(peer) != (mode_of(talk->heard) == GDWS_WRITE_MODE_TEXT)) {
        talk->wrong++;
    }
    talk->heard++;
    if (talk->heard < MESSAGES) {
        send_more(client, talk);
    } else if (talk->is_theirs) {
        (void)gdws_peer_send_text(peer, "close me");
    } else {
        (void)gdws_peer_close(peer, 4001, "goodbye");
    }
}

static void on_close_request(gdws_client *client, int code, const char *reason, void *user)
{
    conversation *talk = user;
    (void)client;
    talk->code = code;
    (void)snprintf(talk->reason, sizeof(talk->reason), "%s", reason);
}

static void on_closed(gdws_client *client, bool was_clean, void *user)
{
    conversation *talk = user;
    (void)client;
    talk->was_clean = was_clean;
    talk->is_over = true;
}

static void on_error(gdws_client *client, void *user)
{
    conversation *talk = user;
    printf("error: %s\n", gdws_client_get_error_message(client));
    talk->is_over = true;
}

static bool is_right(const conversation *talk, const char *protocol)
{
    int code = talk->is_theirs ? 4002 : 4001;
    const char *reason = talk->is_theirs ? "as you asked" : "goodbye";
    return talk->heard == MESSAGES && talk->wrong == 0 && talk->code == code &&
           strcmp(talk->reason, reason) == 0 && talk->was_clean &&
           strcmp(talk->protocol, protocol) == 0 &&
           strcmp(talk->extensions, is_compressed ? "permessage-deflate" : "") == 0;
}

static void compress_if_asked(gdws_client *client)
{
    is_compressed = getenv("GDWS_COMPRESSION") != NULL;
    if (is_compressed) {
        (void)gdws_client_set_compression(client, true);
        (void)gdws_client_set_inbound_buffer_size(client, BIG_MAX_BYTES);
        (void)gdws_client_set_outbound_buffer_size(client, 2 * BIG_MAX_BYTES);
    }
}

int main(int argc, char **argv)
{
    conversation talk = {0};
    const gdws_client_signals signals = {.size = sizeof(signals),
                                         .user = &talk,
                                         .connected_to_host = on_connected,
                                         .connection_error = on_error,
                                         .data_received = on_data,
                                         .server_close_request = on_close_request,
                                         .connection_closed = on_closed};
    if (argc != 4) {
        return 2;
    }
    const char *protocol = strcmp(argv[2], "-") == 0 ? "" : argv[2];
    talk.is_theirs = strcmp(argv[3], "theirs") == 0;
    gdws_client *client = gdws_client_new(NULL);
    (void)gdws_client_set_signals(client, &signals);
    if (protocol[0] != '\0') {
        (void)gdws_client_set_supported_protocols(client, (const char *const *)&protocol, 1);
    }
    (void)gdws_client_set_trusted_certificate(client, getenv("GDWS_TRUSTED"));
    compress_if_asked(client);
    if (gdws_client_connect_to_url(client, argv[1]) != GDWS_OK) {
        talk.is_over = true;
    }
    while (!talk.is_over) {
        (void)gdws_client_wait(client, -1);
    }
    gdws_client_free(client);
    printf("heard=%d wrong=%d code=%d reason=%s clean=%d protocol=%s extensions=%s\n", talk.heard,
           talk.wrong, talk.code, talk.reason, talk.was_clean, talk.protocol, talk.extensions);
    return is_right(&talk, protocol) ? 0 : 1;
}
