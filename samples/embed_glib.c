/* SPDX-License-Identifier: MIT */
/* Reminders on a GLib main loop, as a desktop program would have them: a peer that says "3 eggs" is
 * told "eggs" after three seconds. Usage: embed_glib PORT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib-unix.h>

#include <gdws/adapters/glib.h>
#include <gdws/gdws.h>

typedef struct reminder {
    gdws_server *server;
    int32_t id; /* whom to remind, who may have gone by then */
    char *text;
} reminder;

static gboolean on_due(gpointer user)
{
    const reminder *due = user;
    gdws_peer *peer = gdws_server_get_peer(due->server, due->id);
    printf("%d is reminded: %s\n", (int)due->id, due->text);
    gdws_peer_send_text(peer, due->text);
    return G_SOURCE_REMOVE;
}

static void free_reminder(gpointer user)
{
    reminder *old = user;
    g_free(old->text);
    g_free(old);
}

static void on_data(gdws_server *server, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    char *text = NULL;
    (void)user;
    if (gdws_server_get_peer_packet(server, id, &packet, &length) != GDWS_OK) {
        return;
    }
    double seconds = g_ascii_strtod((const char *)packet, &text);
    if (text == (const char *)packet || !(seconds >= 0 && seconds <= 86400)) {
        gdws_peer_send_text(gdws_server_get_peer(server, id), "how many seconds?");
        return;
    }
    reminder *made = g_new0(reminder, 1);
    made->server = server;
    made->id = id;
    made->text = g_strstrip(g_strdup(text));
    g_timeout_add_full(G_PRIORITY_DEFAULT, (guint)(seconds * 1000), on_due, made, free_reminder);
}

static gboolean on_signal(gpointer user)
{
    g_main_loop_quit(user);
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
    const gdws_server_signals signals = {.size = sizeof(signals), .data_received = on_data};
    if (argc != 2) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    GMainLoop *main_loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGINT, on_signal, main_loop);
    g_unix_signal_add(SIGTERM, on_signal, main_loop);

    gdws_loop *loop = gdws_loop_new();
    gdws_server *server = gdws_server_new(loop);
    GSource *source = gdws_glib_attach(NULL, loop);
    gdws_server_set_signals(server, &signals);
    gdws_server_set_bind_ip(server, "127.0.0.1");
    gdws_error error = gdws_server_listen(server, (uint16_t)atoi(argv[1]));
    if (error == GDWS_OK) {
        printf("listening on %d\n", gdws_server_get_port(server));
        g_main_loop_run(main_loop);
    } else {
        fprintf(stderr, "cannot listen: %s\n", gdws_error_text(error));
    }
    gdws_glib_detach(source);
    gdws_server_free(server);
    gdws_loop_free(loop);
    g_main_loop_unref(main_loop);
    return error == GDWS_OK ? 0 : 1;
}
