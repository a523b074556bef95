/* SPDX-License-Identifier: MIT */
/* Server and player of a multiplayer session, in C: multiplayer_server.gd and multiplayer_player.gd
 * are their likes in Godot and say what happens. Usage: multiplayer server COUNT | multiplayer
 * player URL COUNT */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gdws/gdws.h"

#define PLAYERS_MAX 16
#define BIG 60000

enum { ALL, SERVER, ONE, BUT_ONE, PLAYERS, LARGE, EMPTY, END, KINDS };

static const char *const texts[KINDS] = {"all",     "server", "one", "but one",
                                         "players", NULL,     "",    "end"};

typedef struct speaker {
    int32_t id;
    int heard[KINDS];
} speaker;

typedef struct session {
    gdws_multiplayer *mp;
    bool is_server;
    int count;
    speaker speakers[PLAYERS_MAX]; /* on a server in the order of joining */
    int present;
    int done;
    int gone;
    int left;
    bool is_over;
} session;

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
    (void)number;
    is_stopped = 1;
}

static const uint8_t *big(void)
{
    static uint8_t bytes[BIG];
    for (size_t i = 0; i < BIG; i++) {
        bytes[i] = (uint8_t)(i % 251);
    }
    return bytes;
}

static speaker *find(session *s, int32_t id)
{
    for (int i = 0; i < s->present; i++) {
        if (s->speakers[i].id == id) {
            return &s->speakers[i];
        }
    }
    return NULL;
}

static void put(session *s, int32_t target, const void *bytes, size_t length)
{
    gdws_multiplayer_set_target_peer(s->mp, target);
    gdws_error error = gdws_multiplayer_put_packet(s->mp, bytes, length);
    if (error != GDWS_OK) {
        printf("WRONG: put %s\n", gdws_error_name(error));
    }
}

static void say(session *s, int32_t target, const char *text)
{
    put(s, target, text, strlen(text));
}

static int kind_of(const uint8_t *packet, size_t length)
{
    if (length == BIG) {
        return memcmp(packet, big(), BIG) == 0 ? LARGE : -1;
    }
    for (int kind = 0; kind < KINDS; kind++) {
        if (texts[kind] != NULL && strcmp(texts[kind], (const char *)packet) == 0) {
            return kind;
        }
    }
    return -1;
}

static void check(const session *s, const speaker *one)
{
    int expected[KINDS] = {[ALL] = 1, [LARGE] = 1, [END] = 1};
    expected[SERVER] = s->is_server ? 1 : 0;
    expected[ONE] = s->is_server ? 0 : 1;
    expected[BUT_ONE] = s->is_server ? s->count - 1 : s->count - 2;
    expected[PLAYERS] = s->is_server ? 0 : 1;
    for (int kind = 0; kind < KINDS; kind++) {
        /* Godot cannot send an empty packet. */
        if (one->heard[kind] != expected[kind] && (kind != EMPTY || one->heard[kind] != 1)) {
            printf("WRONG: heard kind %d %d times\n", kind, one->heard[kind]);
        }
    }
}

/* The player */

static void speak(session *s)
{
    say(s, 0, "all");
    say(s, 1, "server");
    for (int i = 0; i < s->present; i++) {
        say(s, s->speakers[i].id, "one");
        say(s, -s->speakers[i].id, "but one");
    }
    say(s, -1, "players");
    say(s, 0, "");
    put(s, 0, big(), BIG);
    say(s, 0, "end");
}

static void obey(session *s, const char *order)
{
    if (strcmp(order, "close") == 0) {
        gdws_multiplayer_close(s->mp);
    } else if (strcmp(order, "die") == 0) {
        (void)raise(SIGKILL);
    } else if (strcmp(order, "hello") != 0) {
        printf("WRONG: order %s\n", order);
    }
}

static void hear(session *s, speaker *from, int kind)
{
    if (kind < 0) {
        printf("WRONG: heard something else\n");
        return;
    }
    from->heard[kind]++;
    if (kind == END && !s->is_server) {
        check(s, from);
        s->done++;
        if (s->done == s->count - 1) {
            say(s, 1, "done");
        }
    }
}

/* The server */

static void order(session *s)
{
    s->gone = 0;
    int32_t id = s->speakers[s->left].id;
    if (s->left < 2) {
        say(s, id, s->left == 0 ? "close" : "die");
    } else if (gdws_multiplayer_disconnect_peer(s->mp, id, 1000, NULL) != GDWS_OK) {
        printf("WRONG: kick\n");
    }
}

/* What capture.py asks for. */
static void oblige(session *s, const char *wish)
{
    int number = 0;
    char text[64] = "";
    if (sscanf(wish, "please say %d %63s", &number, text) == 2) {
        say(s, number, text);
    } else if (sscanf(wish, "please kick %d", &number) == 1) {
        (void)gdws_multiplayer_disconnect_peer(s->mp, number, 1000, NULL);
    } else if (sscanf(wish, "please refuse %63s", text) == 1) {
        gdws_multiplayer_set_refuse_new_connections(s->mp, strcmp(text, "true") == 0);
        say(s, 0, "refusing");
    }
}

static void serve(session *s, speaker *from, const char *text, int kind)
{
    if (strncmp(text, "please ", 7) == 0) {
        oblige(s, text);
    } else if (strcmp(text, "done") == 0) {
        check(s, from);
        s->done++;
        if (s->done == s->count) {
            order(s);
        }
    } else if (strcmp(text, "gone") == 0) {
        s->gone++;
        if (s->gone == s->count - s->left) {
            order(s);
        }
    } else {
        hear(s, from, kind);
    }
}

/* Signals */

static void on_connected(gdws_multiplayer *mp, int32_t id, void *user)
{
    session *s = user;
    (void)mp;
    if (id == GDWS_TARGET_PEER_SERVER || s->present == PLAYERS_MAX) {
        return;
    }
    s->speakers[s->present] = (speaker){.id = id};
    s->present++;
    if (s->is_server) {
        printf("player %d joined\n", s->present);
        if (s->present == s->count) {
            say(s, 0, "hello");
        }
    } else if (s->present == s->count - 1) {
        speak(s);
    }
}

static void on_packet(gdws_multiplayer *mp, int32_t id, void *user)
{
    session *s = user;
    const uint8_t *packet;
    size_t length;
    (void)id;
    int32_t from = gdws_multiplayer_get_packet_peer(mp);
    if (gdws_multiplayer_get_packet(mp, &packet, &length) != GDWS_OK) {
        printf("WRONG: no packet\n");
        return;
    }
    speaker *one = find(s, from);
    if (s->is_server) {
        serve(s, one, (const char *)packet, kind_of(packet, length));
    } else if (from == GDWS_TARGET_PEER_SERVER) {
        obey(s, (const char *)packet);
    } else {
        hear(s, one, kind_of(packet, length));
    }
}

static void on_disconnected(gdws_multiplayer *mp, int32_t id, void *user)
{
    session *s = user;
    s->left++;
    if (s->is_server) {
        printf("player left, %d so far\n", s->left);
        if (s->left == s->count) {
            printf("all have left\n");
        }
    } else if (id != GDWS_TARGET_PEER_SERVER &&
               gdws_peer_get_ready_state(gdws_multiplayer_get_peer(mp, 1)) == GDWS_STATE_OPEN) {
        say(s, GDWS_TARGET_PEER_SERVER, "gone");
    }
}

static void on_succeeded(gdws_multiplayer *mp, void *user)
{
    (void)mp;
    (void)user;
    printf("joined\n");
}

static void on_failed(gdws_multiplayer *mp, void *user)
{
    session *s = user;
    printf("WRONG: %s\n", gdws_multiplayer_get_error_message(mp));
    s->is_over = true;
}

static void on_over(gdws_multiplayer *mp, void *user)
{
    session *s = user;
    (void)mp;
    printf("over\n");
    s->is_over = true;
}

int main(int argc, char **argv)
{
    session s = {0};
    const gdws_multiplayer_signals signals = {.size = sizeof(signals),
                                              .user = &s,
                                              .peer_connected = on_connected,
                                              .peer_disconnected = on_disconnected,
                                              .connection_succeeded = on_succeeded,
                                              .connection_failed = on_failed,
                                              .server_disconnected = on_over,
                                              .peer_packet = on_packet};
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void)signal(SIGTERM, stop);
    if (argc < 3) {
        return 2;
    }
    s.is_server = strcmp(argv[1], "server") == 0;
    s.count = atoi(argv[argc - 1]);
    s.mp = gdws_multiplayer_new(NULL);
    (void)gdws_multiplayer_set_signals(s.mp, &signals);
    if (s.is_server) {
        gdws_server *server = gdws_multiplayer_get_server(s.mp);
        (void)gdws_server_set_bind_ip(server, "127.0.0.1");
        s.is_over = gdws_multiplayer_create_server(s.mp, 0) != GDWS_OK;
        printf("listening on %d\n", gdws_server_get_port(server));
    } else {
        s.is_over = gdws_multiplayer_create_client(s.mp, argv[2]) != GDWS_OK;
    }
    while (!s.is_over && is_stopped == 0) {
        (void)gdws_multiplayer_wait(s.mp, 200);
    }
    gdws_multiplayer_free(s.mp);
    return 0;
}
