/* SPDX-License-Identifier: MIT */
/* A libwebsockets program with pages and a protocol of its own ("clock", which tells the time once
 * a second), and with a gdws server beside them ("echo"). Usage: embed_lws PORT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gdws/gdws.h>
#include <gdws/lws.h>

static volatile sig_atomic_t is_stopped;

static void stop(int number)
{
    is_stopped = number;
}

/* The program's own pages. */
static int on_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                   size_t length)
{
    static const char page[] = "<!DOCTYPE html><title>gdws</title>libwebsockets and gdws.\n";
    unsigned char buffer[LWS_PRE + 1024];
    unsigned char *text = buffer + LWS_PRE;
    unsigned char *end = buffer + sizeof(buffer) - 1;
    if (reason == LWS_CALLBACK_HTTP_WRITEABLE) {
        memcpy(text, page, sizeof(page) - 1);
        if (lws_write(wsi, text, sizeof(page) - 1, LWS_WRITE_HTTP_FINAL) < 0) {
            return -1;
        }
        return lws_http_transaction_completed(wsi);
    }
    if (reason != LWS_CALLBACK_HTTP) {
        return lws_callback_http_dummy(wsi, reason, user, in, length);
    }
    if (lws_add_http_common_headers(wsi, 200, "text/html", sizeof(page) - 1, &text, end) != 0 ||
        lws_finalize_write_http_header(wsi, buffer + LWS_PRE, &text, end) != 0) {
        return -1;
    }
    lws_callback_on_writable(wsi);
    return 0;
}

/* The program's own protocol. */
static int on_clock(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    char text[LWS_PRE + 32];
    (void)user, (void)in, (void)length;
    if (reason == LWS_CALLBACK_ESTABLISHED || reason == LWS_CALLBACK_TIMER) {
        lws_callback_on_writable(wsi);
    } else if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
        int written = snprintf(text + LWS_PRE, 32, "%lld", (long long)time(NULL));
        lws_write(wsi, (unsigned char *)text + LWS_PRE, (size_t)written, LWS_WRITE_TEXT);
        lws_set_timer_usecs(wsi, LWS_USEC_PER_SEC);
    }
    return 0;
}

static void on_data(gdws_server *server, int32_t id, void *user)
{
    const uint8_t *packet;
    size_t length;
    (void)user;
    if (gdws_server_get_peer_packet(server, id, &packet, &length) == GDWS_OK) {
        gdws_peer_put_packet(gdws_server_get_peer(server, id), packet, length);
    }
}

int main(int argc, char **argv)
{
    const gdws_server_signals signals = {.size = sizeof(signals), .data_received = on_data};
    gdws_server *server = gdws_server_new(NULL);
    gdws_server_set_signals(server, &signals);
    struct lws_protocols protocols[4] = {{.name = "http", .callback = on_http},
                                         {.name = "clock", .callback = on_clock}};
    if (gdws_server_init_lws_protocol(server, "echo", &protocols[2]) != GDWS_OK) {
        return 1;
    }
    struct lws_context_creation_info info = {.port = atoi(argc > 1 ? argv[1] : "8080"),
                                             .iface = "127.0.0.1",
                                             .options = LWS_SERVER_OPTION_DISABLE_IPV6,
                                             .protocols = protocols};
    struct lws_context *context = lws_create_context(&info);
    if (context == NULL) {
        return 1;
    }
    signal(SIGTERM, stop);
    printf("listening on %d\n",
           lws_get_vhost_listen_port(lws_get_vhost_by_name(context, "default")));
    fflush(stdout);
    while (!is_stopped && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    gdws_server_free(server);
    return 0;
}
