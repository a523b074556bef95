/* SPDX-License-Identifier: MIT */
/* Somebody in a chat, who finds the server again when it goes. A thread waits for lines that are
 * typed and posts them to the loop, which waits for the network. Usage: chat_client URL NAME */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gdws/gdws.h>

static gdws_client *client; /* of the loop's thread */
static gdws_loop *loop;

static void say(gdws_loop *running, void *user)
{
    char *line = user;
    gdws_peer *server = running != NULL ? gdws_client_get_peer(client, 1) : NULL;
    if (gdws_peer_send_text(server, line) != GDWS_OK) {
        printf("not said: %s\n", line);
    }
    free(line);
}

static void leave(gdws_loop *running, void *user)
{
    (void)user;
    if (running != NULL) {
        gdws_client_disconnect_from_host(client, 1000, "goodbye");
    }
}

static void *read_lines(void *user)
{
    char line[1000];
    (void)user;
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *copy = strdup(line);
        if (copy == NULL || gdws_loop_post(loop, say, copy) != GDWS_OK) {
            free(copy);
        }
    }
    gdws_loop_post(loop, leave, NULL);
    return NULL;
}

static void on_connected(gdws_client *self, const char *protocol, void *user)
{
    char text[100];
    (void)protocol;
    printf("connected\n");
    snprintf(text, sizeof(text), "%s is here", (const char *)user);
    gdws_peer_send_text(gdws_client_get_peer(self, 1), text);
}

static void on_data(gdws_client *self, void *user)
{
    const uint8_t *packet;
    size_t length;
    (void)user;
    if (gdws_client_get_peer_packet(self, 1, &packet, &length) == GDWS_OK) {
        printf("%s\n", (const char *)packet);
    }
}

static void on_reconnecting(gdws_client *self, uint32_t attempt, uint32_t delay_ms, void *user)
{
    (void)user;
    printf("attempt %u in %u ms %s\n", attempt, delay_ms, gdws_client_get_error_message(self));
}

int main(int argc, char **argv)
{
    pthread_t reader;
    const gdws_client_signals signals = {.size = sizeof(signals),
                                         .user = argc == 3 ? argv[2] : NULL,
                                         .connected_to_host = on_connected,
                                         .data_received = on_data,
                                         .reconnecting = on_reconnecting};
    setvbuf(stdout, NULL, _IOLBF, 0);
    loop = gdws_loop_new();
    client = gdws_client_new(loop);
    gdws_client_set_signals(client, &signals);
    gdws_client_set_reconnect(client, 500, 5000, 0);
    if (argc != 3 || gdws_client_connect_to_url(client, argv[1]) != GDWS_OK) {
        fprintf(stderr, "usage: %s URL NAME\n", argv[0]);
        return 2;
    }
    pthread_create(&reader, NULL, read_lines, NULL);
    /* While the client waits for the next attempt, it is connecting. */
    while (gdws_client_get_connection_status(client) != GDWS_CONNECTION_DISCONNECTED) {
        gdws_client_wait(client, -1);
    }
    printf("the end. %s\n", gdws_client_get_error_message(client));
    pthread_cancel(reader);
    pthread_join(reader, NULL); /* so that nobody posts any more */
    gdws_client_free(client);
    gdws_loop_free(loop);
    return 0;
}
