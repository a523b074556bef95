/* SPDX-License-Identifier: MIT */
/* One process hosts a game's web build and its WebSocket: the files of a directory, and a room at
 * /room in which everybody hears what anybody says. Only its own pages may connect. Usage:
 * web_server PORT DIRECTORY */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gdws/gdws.h>

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
    (void)number;
    is_stopped = 1;
}

/* Asked before anybody comes in. */
static bool admit(gdws_server *server, gdws_request *request, void *user)
{
    (void)server;
    (void)user;
    if (strcmp(gdws_request_get_path(request), "/room") != 0) {
        gdws_request_set_refusal(request, 404, "There is only /room.");
        return false;
    }
    return true;
}

static void on_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    const char *browser =
        gdws_peer_get_request_header(gdws_server_get_peer(server, id), "User-Agent");
    (void)protocol;
    (void)user;
    printf("%d connected with %.60s\n", (int)id, browser != NULL ? browser : "no browser");
}

static void on_data(gdws_server *server, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    (void)user;
    if (gdws_server_get_peer_packet(server, id, &packet, &length) != GDWS_OK) {
        return;
    }
    if (gdws_peer_was_string_packet(gdws_server_get_peer(server, id))) {
        printf("%d says: %.200s\n", (int)id, (const char *)packet);
        gdws_server_broadcast(server, packet, length, GDWS_WRITE_MODE_TEXT, 0, NULL);
    }
}

/* Pages from elsewhere may not connect: their browsers say where they are from. */
static void allow_own_pages(gdws_server *server)
{
    char numeric[64];
    char named[64];
    const char *const origins[] = {numeric, named};
    snprintf(numeric, sizeof(numeric), "http://127.0.0.1:%d", gdws_server_get_port(server));
    snprintf(named, sizeof(named), "http://localhost:%d", gdws_server_get_port(server));
    gdws_server_set_allowed_origins(server, origins, 2);
}

int main(int argc, char **argv)
{
    const gdws_server_signals signals = {
        .size = sizeof(signals), .client_connected = on_connected, .data_received = on_data};
    if (argc != 3) {
        fprintf(stderr, "usage: %s PORT DIRECTORY\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    gdws_server *server = gdws_server_new(NULL);
    gdws_server_set_signals(server, &signals);
    gdws_server_set_bind_ip(server, "127.0.0.1");
    gdws_server_set_admission(server, admit, NULL);
    gdws_server_set_max_peers(server, 1000);
    gdws_server_set_cross_origin_isolation(server, true); /* threads in the browser */
    gdws_error error = gdws_server_set_document_root(server, argv[2]);
    if (error == GDWS_OK) {
        error = gdws_server_listen(server, (uint16_t)atoi(argv[1]));
    }
    if (error == GDWS_OK) {
        allow_own_pages(server);
        printf("listening on %d\n", gdws_server_get_port(server));
    } else {
        fprintf(stderr, "cannot serve %s: %s\n", argv[2], gdws_error_text(error));
    }
    while (error == GDWS_OK && !is_stopped) {
        gdws_server_wait(server, 500);
    }
    gdws_server_free(server);
    return error == GDWS_OK ? 0 : 1;
}
