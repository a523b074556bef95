/* SPDX-License-Identifier: MIT */
/* The inspector's life, and what it watches. Invariants: the traffic taps are on exactly while
 * there is a page, and so is the timer; a watch lives as long as its object and the inspector both
 * do. It looks at clients and servers by their public API alone. */
#include "inspector.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "mem.h"
#include "random.h"
#include "server.h"
#include "utf8.h"

#define TICK_MS 100u
#define PAYLOAD_DEFAULT ((size_t)1 << 20)
#define PAYLOAD_MAX ((size_t)16 << 20)
#define COMMAND_MAX 4096u
#define OUTBOUND_MAX (PAYLOAD_MAX + ((size_t)16 << 20))
#define CLOSE_NO_MEMORY 1011

static int64_t wall_clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t gdwsi_inspector_now(const gdws_inspector *inspector)
{
    return wall_clock_ms() - inspector->made_at_ms;
}

/* What is watched */

gdwsi_watch *gdwsi_inspector_find(const gdws_inspector *inspector, uint32_t number)
{
    gdwsi_watch *watch = inspector->watches;
    while (watch != NULL && watch->number != number) {
        watch = watch->next;
    }
    return watch;
}

size_t gdwsi_watch_list(const gdwsi_watch *watch, int32_t *ids, size_t capacity)
{
    size_t count =
        watch->server != NULL ? gdws_server_get_peer_list(watch->server, ids, capacity) : 0;
    if (gdws_client_get_peer(watch->client, 1) != NULL) {
        if (count < capacity) {
            ids[count] = 1;
        }
        count++;
    }
    return count;
}

gdws_peer *gdwsi_watch_peer(const gdwsi_watch *watch, int32_t id)
{
    return id == 1 ? gdws_client_get_peer(watch->client, id)
                   : gdws_server_get_peer(watch->server, id);
}

static gdws_error add_tap(gdwsi_watch *watch, const gdws_tap *tap)
{
    gdws_error error = watch->server != NULL ? gdws_server_add_tap(watch->server, tap) : GDWS_OK;
    if (error == GDWS_OK && watch->client != NULL) {
        error = gdws_client_add_tap(watch->client, tap);
        if (error != GDWS_OK && watch->server != NULL) {
            (void)gdws_server_remove_tap(watch->server, tap);
        }
    }
    return error;
}

static void remove_tap(gdwsi_watch *watch, const gdws_tap *tap)
{
    (void)gdws_server_remove_tap(watch->server, tap);
    (void)gdws_client_remove_tap(watch->client, tap);
}

static void forget(gdwsi_watch *watch)
{
    gdwsi_watch **place = &watch->inspector->watches;
    while (*place != watch) {
        place = &(*place)->next;
    }
    *place = watch->next;
    watch->inspector->watch_count--;
    remove_tap(watch, &watch->traffic);
    remove_tap(watch, &watch->lifeline);
    gdwsi_mem_free(watch);
}

static void on_removed(void *user)
{
    forget(user);
}

static void on_received(gdws_peer *peer, const uint8_t *packet, size_t length, bool is_text,
                        void *user)
{
    gdwsi_inspector_note(user, peer, false, packet, length, is_text);
}

static void on_sent(gdws_peer *peer, const uint8_t *packet, size_t length, bool is_text, void *user)
{
    gdwsi_inspector_note(user, peer, true, packet, length, is_text);
}

static gdwsi_watch *make_watch(gdws_inspector *inspector, const char *name)
{
    gdwsi_watch *watch = gdwsi_mem_calloc(1, sizeof(*watch));
    if (watch != NULL) {
        watch->inspector = inspector;
        watch->number = inspector->last_number + 1;
        memcpy(watch->name, name, strlen(name) + 1);
        watch->lifeline =
            (gdws_tap){.size = sizeof(watch->lifeline), .user = watch, .removed = on_removed};
        watch->traffic = (gdws_tap){.size = sizeof(watch->traffic),
                                    .user = watch,
                                    .packet_received = on_received,
                                    .packet_sent = on_sent};
    }
    return watch;
}

static bool is_name(const char *name)
{
    size_t length = name != NULL ? strlen(name) : 0;
    return length > 0 && length <= GDWS_INSPECTOR_NAME_MAX && gdwsi_utf8_is_valid(name, length);
}

static bool is_like(const gdwsi_watch *watch, const char *name, const gdws_server *server,
                    const gdws_client *client)
{
    return strcmp(watch->name, name) == 0 || (server != NULL && watch->server == server) ||
           (client != NULL && watch->client == client);
}

/* Watch a server, a client, or both. */
static gdws_error watch_objects(gdws_inspector *inspector, const char *name, gdws_server *server,
                                gdws_client *client, gdws_multiplayer *multiplayer)
{
    gdws_loop *loop = server != NULL ? gdws_server_get_loop(server) : gdws_client_get_loop(client);
    if (inspector == NULL || loop == NULL || loop != inspector->loop || !is_name(name)) {
        return GDWS_INVALID_PARAMETER;
    }
    gdwsi_watch **place = &inspector->watches;
    for (; *place != NULL; place = &(*place)->next) {
        if (is_like(*place, name, server, client)) {
            return GDWS_ALREADY_EXISTS;
        }
    }
    gdwsi_watch *watch = make_watch(inspector, name);
    if (watch == NULL) {
        return GDWS_OUT_OF_MEMORY;
    }
    watch->server = server;
    watch->client = client;
    watch->multiplayer = multiplayer;
    gdws_error error = add_tap(watch, &watch->lifeline);
    if (error == GDWS_OK && inspector->page_count > 0) {
        error = add_tap(watch, &watch->traffic);
    }
    if (error != GDWS_OK) {
        remove_tap(watch, &watch->lifeline);
        gdwsi_mem_free(watch);
        return error;
    }
    inspector->last_number++;
    inspector->watch_count++;
    *place = watch;
    return GDWS_OK;
}

gdws_error gdws_inspector_watch_server(gdws_inspector *inspector, gdws_server *server,
                                       const char *name)
{
    return watch_objects(inspector, name, server, NULL, NULL);
}

gdws_error gdws_inspector_watch_client(gdws_inspector *inspector, gdws_client *client,
                                       const char *name)
{
    return watch_objects(inspector, name, NULL, client, NULL);
}

gdws_error gdws_inspector_watch_multiplayer(gdws_inspector *inspector,
                                            gdws_multiplayer *multiplayer, const char *name)
{
    return watch_objects(inspector, name, gdws_multiplayer_get_server(multiplayer),
                         gdws_multiplayer_get_client(multiplayer), multiplayer);
}

gdws_error gdws_inspector_unwatch(gdws_inspector *inspector, const char *name)
{
    if (inspector == NULL || name == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    gdwsi_watch *watch = inspector->watches;
    while (watch != NULL && strcmp(watch->name, name) != 0) {
        watch = watch->next;
    }
    if (watch == NULL) {
        return GDWS_DOES_NOT_EXIST;
    }
    forget(watch);
    return GDWS_OK;
}

/* Pages */

static void on_tick(uv_timer_t *timer)
{
    gdws_inspector *inspector = timer->data;
    for (size_t i = 0; i < GDWSI_INSPECTOR_PAGES; i++) {
        if (inspector->pages[i].id != 0) {
            gdwsi_page_tick(inspector, &inspector->pages[i]);
        }
    }
}

static void end_watching(gdws_inspector *inspector)
{
    for (gdwsi_watch *watch = inspector->watches; watch != NULL; watch = watch->next) {
        remove_tap(watch, &watch->traffic);
    }
    gdwsi_store_clear(&inspector->store);
    gdwsi_json_clear(&inspector->json);
    (void)uv_timer_stop(inspector->timer);
}

/* Everything is counted from now on. */
static bool begin_watching(gdws_inspector *inspector)
{
    for (gdwsi_watch *watch = inspector->watches; watch != NULL; watch = watch->next) {
        memset(watch->packets, 0, sizeof(watch->packets));
        memset(watch->bytes, 0, sizeof(watch->bytes));
        if (add_tap(watch, &watch->traffic) != GDWS_OK) {
            end_watching(inspector);
            return false;
        }
    }
    (void)uv_timer_start(inspector->timer, on_tick, TICK_MS, TICK_MS);
    gdwsi_loop_touch(inspector->loop);
    return true;
}

static void note_pages(gdws_inspector *inspector)
{
    inspector->page_count = 0;
    inspector->pages_end = 0;
    for (unsigned i = 0; i < GDWSI_INSPECTOR_PAGES; i++) {
        if (inspector->pages[i].id != 0) {
            inspector->page_count++;
            inspector->pages_end = i + 1;
        }
    }
}

static gdwsi_page *find_page(gdws_inspector *inspector, int32_t id)
{
    for (size_t i = 0; i < GDWSI_INSPECTOR_PAGES; i++) {
        if (inspector->pages[i].id == id) {
            return &inspector->pages[i];
        }
    }
    return NULL;
}

static void on_page_connected(gdws_server *server, int32_t id, const char *protocol, void *user)
{
    gdws_inspector *inspector = user;
    gdwsi_page *page = find_page(inspector, 0);
    (void)protocol;
    bool is_first = inspector->page_count == 0;
    if (page == NULL || (is_first && !begin_watching(inspector))) {
        (void)gdws_server_disconnect_peer(server, id, CLOSE_NO_MEMORY, "out of memory");
        return;
    }
    if (!gdwsi_page_open(inspector, page, id)) {
        gdwsi_page_close(page);
        if (is_first) {
            end_watching(inspector);
        }
        (void)gdws_server_disconnect_peer(server, id, CLOSE_NO_MEMORY, "out of memory");
        return;
    }
    note_pages(inspector);
}

static void on_page_data(gdws_server *server, int32_t id, void *user)
{
    gdws_inspector *inspector = user;
    gdwsi_page *page = find_page(inspector, id);
    const uint8_t *packet;
    size_t length;
    gdws_error error = gdws_server_get_peer_packet(server, id, &packet, &length);
    if (error == GDWS_OK && page != NULL) {
        gdwsi_page_obey(inspector, page, (const char *)packet, length);
    }
}

static void on_page_disconnected(gdws_server *server, int32_t id, bool was_clean, void *user)
{
    gdws_inspector *inspector = user;
    gdwsi_page *page = find_page(inspector, id);
    (void)server;
    (void)was_clean;
    if (page != NULL) {
        gdwsi_page_close(page);
        note_pages(inspector);
        if (inspector->page_count == 0) {
            end_watching(inspector);
        }
    }
}

/* Options */

gdws_error gdws_inspector_set_allow_closing(gdws_inspector *inspector, bool allow)
{
    if (inspector == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    inspector->allows_closing = allow;
    return GDWS_OK;
}

gdws_error gdws_inspector_set_payload_limit(gdws_inspector *inspector, size_t bytes)
{
    if (inspector == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    if (bytes > PAYLOAD_MAX) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    inspector->payload_limit = bytes;
    return GDWS_OK;
}

gdws_error gdws_inspector_set_redact(gdws_inspector *inspector, gdws_inspector_redact redact,
                                     void *user)
{
    if (inspector == NULL) {
        return GDWS_INVALID_PARAMETER;
    }
    inspector->redact = redact;
    inspector->redact_user = user;
    return GDWS_OK;
}

const char *gdws_inspector_get_url(const gdws_inspector *inspector)
{
    return inspector != NULL ? inspector->url : "";
}

size_t gdws_inspector_get_page_count(const gdws_inspector *inspector)
{
    return inspector != NULL ? inspector->page_count : 0;
}

/* Life */

static bool make_token(gdws_inspector *inspector)
{
    uint8_t bits[GDWSI_INSPECTOR_TOKEN_LENGTH / 2];
    if (!gdwsi_random_fill(bits, sizeof(bits))) {
        return false;
    }
    for (size_t i = 0; i < sizeof(bits); i++) {
        (void)snprintf(inspector->token + 2 * i, 3, "%02x", bits[i]);
    }
    return true;
}

/* All addresses are reached by the local one. */
static void make_url(gdws_inspector *inspector, const char *address)
{
    if (strcmp(address, "*") == 0 || strcmp(address, "0.0.0.0") == 0) {
        address = "127.0.0.1";
    }
    bool is_v6 = strchr(address, ':') != NULL;
    (void)snprintf(inspector->url, sizeof(inspector->url), "http://%s%s%s:%u/%s/", is_v6 ? "[" : "",
                   strcmp(address, "::") == 0 ? "::1" : address, is_v6 ? "]" : "",
                   gdws_server_get_port(inspector->server), inspector->token);
}

static gdws_error listen_on(gdws_inspector *inspector, const char *address, uint16_t port)
{
    const gdws_server_signals signals = {.size = sizeof(signals),
                                         .user = inspector,
                                         .client_connected = on_page_connected,
                                         .data_received = on_page_data,
                                         .client_disconnected = on_page_disconnected};
    gdws_server *server = inspector->server;
    if (strncmp(address, "unix:", 5) == 0) {
        return GDWS_INVALID_PARAMETER;
    }
    server->config.gate = gdwsi_inspector_gate;
    server->config.gate_user = inspector;
    (void)gdws_server_set_signals(server, &signals);
    (void)gdws_server_set_max_peers(server, GDWSI_INSPECTOR_PAGES);
    (void)gdws_server_set_inbound_buffer_size(server, COMMAND_MAX);
    (void)gdws_server_set_outbound_buffer_size(server, OUTBOUND_MAX);
    gdws_error error = gdws_server_set_bind_ip(server, address);
    return error == GDWS_OK ? gdws_server_listen(server, port) : error;
}

static void run_burial(gdwsi_task *task)
{
    gdwsi_mem_free((char *)task - offsetof(gdws_inspector, burial));
}

static void free_timer(uv_handle_t *timer)
{
    gdwsi_mem_free(timer);
}

gdws_inspector *gdws_inspector_new(gdws_loop *loop, const char *address, uint16_t port)
{
    gdws_inspector *inspector = gdwsi_mem_calloc(1, sizeof(*inspector));
    uv_timer_t *timer = gdwsi_mem_calloc(1, sizeof(*timer));
    gdws_server *server = loop != NULL ? gdws_server_new(loop) : NULL;
    gdws_error error = loop != NULL ? GDWS_OUT_OF_MEMORY : GDWS_INVALID_PARAMETER;
    if (inspector == NULL || timer == NULL || server == NULL) {
        goto fail;
    }
    inspector->server = server;
    inspector->payload_limit = PAYLOAD_DEFAULT;
    inspector->made_at_ms = wall_clock_ms();
    inspector->burial.run = run_burial;
    address = address != NULL ? address : "127.0.0.1";
    error = make_token(inspector) ? listen_on(inspector, address, port) : GDWS_FAILED;
    if (error != GDWS_OK) {
        goto fail;
    }
    make_url(inspector, address);
    gdwsi_loop_retain(loop);
    inspector->loop = loop;
    inspector->timer = timer;
    (void)uv_timer_init(&loop->uv, timer);
    timer->data = inspector;
    return inspector;

fail:
    gdwsi_log_write(GDWS_LOG_ERROR, "no inspector: %s", gdws_error_text(error));
    gdws_server_free(server);
    gdwsi_mem_free(timer);
    gdwsi_mem_free(inspector);
    return NULL;
}

void gdws_inspector_free(gdws_inspector *inspector)
{
    if (inspector == NULL || inspector->is_freed) {
        return;
    }
    gdws_loop *loop = inspector->loop;
    inspector->is_freed = true;
    while (inspector->watches != NULL) {
        forget(inspector->watches);
    }
    end_watching(inspector);
    for (size_t i = 0; i < GDWSI_INSPECTOR_PAGES; i++) {
        gdwsi_page_close(&inspector->pages[i]);
    }
    (void)gdws_server_set_signals(inspector->server, NULL);
    gdws_server_free(inspector->server);
    uv_close((uv_handle_t *)inspector->timer, free_timer);
    gdwsi_loop_touch(loop);
    gdwsi_loop_add_burial(loop, &inspector->burial);
    gdwsi_loop_release(loop);
}
