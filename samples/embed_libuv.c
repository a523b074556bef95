/* SPDX-License-Identifier: MIT */
/* Live reload on libuv: serves a directory and tells the pages that are open in browsers which of
 * its files have changed, by text messages. Usage: embed_libuv PORT DIRECTORY */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <gdws/gdws.h>

typedef struct program {
    uv_loop_t uv;
    uv_fs_event_t watch;
    uv_signal_t interrupted;
    uv_signal_t terminated;
    gdws_loop *loop;
    gdws_server *server;
} program;

static void on_change(uv_fs_event_t *watch, const char *name, int events, int status)
{
    program *p = watch->data;
    (void)events;
    if (status == 0 && name != NULL) {
        printf("%s has changed\n", name);
        gdws_server_broadcast(p->server, name, strlen(name), GDWS_WRITE_MODE_TEXT, 0, NULL);
    }
}

static void on_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    (void)protocol;
    (void)user;
    printf("a page is open at %s\n", gdws_server_get_peer_address(server, id));
}

/* Give everything back; uv_run returns when nothing is left to do. */
static void stop(program *p)
{
    uv_close((uv_handle_t *)&p->watch, NULL);
    uv_close((uv_handle_t *)&p->interrupted, NULL);
    uv_close((uv_handle_t *)&p->terminated, NULL);
    gdws_server_free(p->server);
    gdws_loop_free(p->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    stop(handle->data);
}

static void watch_signal(program *p, uv_signal_t *handle, int number)
{
    uv_signal_init(&p->uv, handle);
    handle->data = p;
    uv_signal_start(handle, on_signal, number);
}

int main(int argc, char **argv)
{
    static program p;
    const gdws_server_signals signals = {.size = sizeof(signals), .client_connected = on_connected};
    if (argc != 3) {
        fprintf(stderr, "usage: %s PORT DIRECTORY\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    uv_loop_init(&p.uv);
    watch_signal(&p, &p.interrupted, SIGINT);
    watch_signal(&p, &p.terminated, SIGTERM);
    uv_fs_event_init(&p.uv, &p.watch);
    p.watch.data = &p;

    p.loop = gdws_loop_new_on_uv(&p.uv);
    p.server = gdws_server_new(p.loop);
    gdws_server_set_signals(p.server, &signals);
    gdws_server_set_bind_ip(p.server, "127.0.0.1");
    gdws_error error = gdws_server_set_document_root(p.server, argv[2]);
    if (error == GDWS_OK) {
        error = gdws_server_listen(p.server, (uint16_t)atoi(argv[1]));
    }
    if (error == GDWS_OK && uv_fs_event_start(&p.watch, on_change, argv[2], 0) != 0) {
        error = GDWS_FILE_CANT_READ;
    }
    if (error == GDWS_OK) {
        printf("listening on %d\n", gdws_server_get_port(p.server));
    } else {
        fprintf(stderr, "cannot serve %s: %s\n", argv[2], gdws_error_text(error));
        stop(&p);
    }
    uv_run(&p.uv, UV_RUN_DEFAULT);
    printf("%s\n", uv_loop_close(&p.uv) == 0 ? "all handles are closed" : "some handles are left");
    return error == GDWS_OK ? 0 : 1;
}
