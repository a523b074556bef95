/* SPDX-License-Identifier: MIT */
/* A client that says what it is given and prints what it hears. Usage: hello_client URL [TEXT…] */
#include <stdio.h>

#include <gdws/gdws.h>

typedef struct conversation {
    char **texts;
    int count;
    int heard;
    int result;
    bool is_over;
} conversation;

static void on_connected(gdws_client *client, const char *protocol, void *user)
{
    conversation *talk = user;
    gdws_peer *server = gdws_client_get_peer(client, 0);
    (void)protocol;
    for (int i = 0; i < talk->count; i++) {
        printf("client says: %s\n", talk->texts[i]);
        gdws_peer_send_text(server, talk->texts[i]);
    }
}

static void on_data(gdws_client *client, void *user)
{
    conversation *talk = user;
    const uint8_t *packet;
    size_t length;
    if (gdws_client_get_peer_packet(client, 0, &packet, &length) != GDWS_OK) {
        return;
    }
    printf("client hears: %s\n", (const char *)packet);
    talk->heard++;
    if (talk->heard == talk->count) {
        gdws_client_disconnect_from_host(client, 1000, "goodbye");
    }
}

static void on_closed(gdws_client *client, bool was_clean, void *user)
{
    conversation *talk = user;
    (void)client;
    printf("client: closed, %s\n", was_clean ? "clean" : "not clean");
    talk->result = talk->heard >= talk->count && was_clean ? 0 : 1;
    talk->is_over = true;
}

static void on_error(gdws_client *client, void *user)
{
    conversation *talk = user;
    fprintf(stderr, "client: %s\n", gdws_client_get_error_message(client));
    talk->result = 1;
    talk->is_over = true;
}

int main(int argc, char **argv)
{
    static char text[] = "hello, world";
    char *hello[] = {text};
    conversation talk = {.texts = hello, .count = 1};
    const gdws_client_signals signals = {
        .size = sizeof(signals),
        .user = &talk,
        .connected_to_host = on_connected,
        .connection_error = on_error,
        .data_received = on_data,
        .connection_closed = on_closed,
    };
    if (argc < 2) {
        fprintf(stderr, "usage: %s URL [TEXT...]\n", argv[0]);
        return 2;
    }
    if (argc > 2) {
        talk.texts = argv + 2;
        talk.count = argc - 2;
    }
    gdws_client *client = gdws_client_new(NULL);
    gdws_client_set_signals(client, &signals);
    if (gdws_client_connect_to_url(client, argv[1]) != GDWS_OK) {
        on_error(client, &talk);
    }
    while (!talk.is_over) {
        gdws_client_wait(client, -1);
    }
    gdws_client_free(client);
    return talk.result;
}
