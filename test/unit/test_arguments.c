/* SPDX-License-Identifier: MIT */
/* What each public function says to arguments that are out of order (rule 8 of gdws.h): a NULL
 * object is INVALID_PARAMETER, or nothing where a question is asked; out parameters are cleared;
 * and on an error nothing has changed. Nothing here is connected. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libwebsockets.h>
#include <uv.h>

#include "gdws/gdws.h"
#include "gdws/inspector.h"
#include "gdws/lws.h"
#include "gdws/multiplayer.h"
#include "gdws/request.h"
#include "gdws/tap.h"
#include "gdws/variant.h"
#include "runtests.h"

#define SAYS(error, call) ck_assert_msg((call) == (error), "%s", #call)
#define INVALID(call) SAYS(GDWS_INVALID_PARAMETER, call)
#define OUT_OF_RANGE(call) SAYS(GDWS_PARAMETER_RANGE_ERROR, call)
#define NOTHING(call) ck_assert_msg((call) == 0, "%s", #call)
#define EMPTY(call) ck_assert_str_eq((call), "")

static gdws_loop *loop;
static gdws_server *server;
static gdws_client *client;
static gdws_multiplayer *multiplayer;

static void set_up(void)
{
    loop = gdws_loop_new();
    server = gdws_server_new(loop);
    client = gdws_client_new(loop);
    multiplayer = gdws_multiplayer_new(loop);
    ck_assert(loop != NULL && server != NULL && client != NULL && multiplayer != NULL);
    ck_assert_int_eq(gdws_server_set_bind_ip(server, "127.0.0.1"), GDWS_OK);
}

static void tear_down(void)
{
    gdws_multiplayer_free(multiplayer);
    gdws_client_free(client);
    gdws_server_free(server);
    gdws_loop_free(loop);
    assert_nothing_is_left();
}

/* Without an object */

START_TEST(setting_up_no_client_is_an_invalid_parameter)
{
    gdws_client_signals signals = {.size = sizeof(signals)};
    gdws_tap tap = {.size = sizeof(tap)};
    INVALID(gdws_client_set_signals(NULL, &signals));
    INVALID(gdws_client_set_supported_protocols(NULL, NULL, 0));
    INVALID(gdws_client_set_handshake_headers(NULL, NULL, 0));
    INVALID(gdws_client_set_buffers(NULL, 64, 64, 64, 64));
    INVALID(gdws_client_set_inbound_buffer_size(NULL, 4096));
    INVALID(gdws_client_set_outbound_buffer_size(NULL, 4096));
    INVALID(gdws_client_set_max_queued_packets(NULL, 10));
    INVALID(gdws_client_set_read_size(NULL, 4096));
    INVALID(gdws_client_set_heartbeat(NULL, 1000, 1000));
    INVALID(gdws_client_set_handshake_timeout_ms(NULL, 1000));
    INVALID(gdws_client_set_close_timeout_ms(NULL, 1000));
    INVALID(gdws_client_set_reconnect(NULL, 10, 10, 0));
    INVALID(gdws_client_set_trusted_certificate(NULL, NULL));
    INVALID(gdws_client_set_verify_tls(NULL, true));
    INVALID(gdws_client_set_compression(NULL, true));
    INVALID(gdws_client_set_certificate(NULL, NULL, NULL, NULL));
    INVALID(gdws_client_add_tap(NULL, &tap));
    INVALID(gdws_client_remove_tap(NULL, &tap));
}
END_TEST

START_TEST(asking_no_client_gives_nothing)
{
    const uint8_t *packet = (const uint8_t *)"x";
    size_t length = 1;
    INVALID(gdws_client_connect_to_url(NULL, "ws://127.0.0.1:1/"));
    INVALID(gdws_client_poll(NULL));
    INVALID(gdws_client_wait(NULL, 0));
    INVALID(gdws_client_disconnect_from_host(NULL, 1000, NULL));
    INVALID(gdws_client_get_peer_packet(NULL, 1, &packet, &length));
    ck_assert(packet == NULL && length == 0);
    ck_assert_int_eq(gdws_client_get_connection_status(NULL), GDWS_CONNECTION_DISCONNECTED);
    NOTHING(gdws_client_get_peer(NULL, 1));
    NOTHING(gdws_client_get_peer_id(NULL));
    EMPTY(gdws_client_get_connected_host(NULL));
    NOTHING(gdws_client_get_connected_port(NULL));
    INVALID(gdws_client_get_error(NULL));
    EMPTY(gdws_client_get_error_message(NULL));
    NOTHING(gdws_client_get_http_status(NULL));
    NOTHING(gdws_client_get_loop(NULL));
    gdws_client_free(NULL);
}
END_TEST

START_TEST(setting_up_no_server_is_an_invalid_parameter)
{
    gdws_server_signals signals = {.size = sizeof(signals)};
    gdws_tap tap = {.size = sizeof(tap)};
    struct lws_protocols protocol;
    INVALID(gdws_server_set_signals(NULL, &signals));
    INVALID(gdws_server_set_bind_ip(NULL, "127.0.0.1"));
    INVALID(gdws_server_set_unix_mode(NULL, 0600));
    INVALID(gdws_server_set_backlog(NULL, 10));
    INVALID(gdws_server_set_shares_port(NULL, true));
    INVALID(gdws_server_set_supported_protocols(NULL, NULL, 0));
    INVALID(gdws_server_set_extra_headers(NULL, NULL, 0));
    INVALID(gdws_server_set_allowed_origins(NULL, NULL, 0));
    INVALID(gdws_server_set_admission(NULL, NULL, NULL));
    INVALID(gdws_server_set_max_peers(NULL, 1));
    INVALID(gdws_server_set_max_peers_per_address(NULL, 1));
    INVALID(gdws_server_set_max_request_size(NULL, 4096));
    INVALID(gdws_server_set_document_root(NULL, "."));
    INVALID(gdws_server_set_cross_origin_isolation(NULL, true));
    INVALID(gdws_server_set_compression(NULL, true));
    INVALID(gdws_server_set_buffers(NULL, 64, 64, 64, 64));
    INVALID(gdws_server_set_inbound_buffer_size(NULL, 4096));
    INVALID(gdws_server_set_outbound_buffer_size(NULL, 4096));
    INVALID(gdws_server_set_max_queued_packets(NULL, 10));
    INVALID(gdws_server_set_read_size(NULL, 4096));
    INVALID(gdws_server_set_heartbeat(NULL, 1000, 1000));
    INVALID(gdws_server_set_handshake_timeout_ms(NULL, 1000));
    INVALID(gdws_server_set_close_timeout_ms(NULL, 1000));
    INVALID(gdws_server_set_private_key(NULL, NULL, NULL));
    INVALID(gdws_server_set_ssl_certificate(NULL, NULL));
    INVALID(gdws_server_set_ca_chain(NULL, NULL));
    INVALID(gdws_server_set_trusted_certificate(NULL, NULL, false));
    INVALID(gdws_server_replace_certificate(NULL, "a", NULL, "b", NULL));
    INVALID(gdws_server_init_lws_protocol(NULL, "gdws", &protocol));
    INVALID(gdws_server_add_tap(NULL, &tap));
    INVALID(gdws_server_remove_tap(NULL, &tap));
    gdws_server_set_refuse_new_connections(NULL, true);
}
END_TEST

START_TEST(asking_no_server_gives_nothing)
{
    const uint8_t *packet = (const uint8_t *)"x";
    size_t length = 1;
    size_t refused = 1;
    NOTHING(gdws_server_is_refusing_new_connections(NULL));
    INVALID(gdws_server_listen(NULL, 0));
    INVALID(gdws_server_adopt_socket(NULL, 0, NULL, 0));
    INVALID(gdws_server_adopt_upgraded(NULL, 0, "GET / HTTP/1.1\r\n\r\n", NULL, 0));
    INVALID(gdws_server_poll(NULL));
    INVALID(gdws_server_wait(NULL, 0));
    INVALID(gdws_server_broadcast(NULL, "a", 1, GDWS_WRITE_MODE_TEXT, 0, &refused));
    NOTHING(refused);
    INVALID(gdws_server_disconnect_peer(NULL, 2, 1000, NULL));
    INVALID(gdws_server_get_peer_packet(NULL, 2, &packet, &length));
    ck_assert(packet == NULL && length == 0);
    NOTHING(gdws_server_is_connection_available(NULL));
    NOTHING(gdws_server_take_connection(NULL));
    NOTHING(gdws_server_is_listening(NULL));
    NOTHING(gdws_server_get_port(NULL));
    ck_assert_str_eq(gdws_server_get_bind_ip(NULL), "");
    NOTHING(gdws_server_get_handshake_timeout_ms(NULL));
    NOTHING(gdws_server_get_peer_list(NULL, NULL, 0));
    NOTHING(gdws_server_has_peer(NULL, 2));
    NOTHING(gdws_server_get_peer(NULL, 2));
    NOTHING(gdws_server_get_peer_id(NULL));
    EMPTY(gdws_server_get_peer_address(NULL, 2));
    NOTHING(gdws_server_get_peer_port(NULL, 2));
    NOTHING(gdws_server_get_loop(NULL));
    gdws_server_stop(NULL);
    gdws_server_free(NULL);
}
END_TEST

START_TEST(no_peer_takes_and_gives_nothing)
{
    const uint8_t *packet = (const uint8_t *)"x";
    size_t length = 1;
    INVALID(gdws_peer_get_packet(NULL, &packet, &length));
    ck_assert(packet == NULL && length == 0);
    INVALID(gdws_peer_put_packet(NULL, "a", 1));
    INVALID(gdws_peer_send(NULL, "a", 1, GDWS_WRITE_MODE_TEXT));
    INVALID(gdws_peer_send_text(NULL, "a"));
    INVALID(gdws_peer_send_text(NULL, NULL));
    INVALID(gdws_peer_set_write_mode(NULL, GDWS_WRITE_MODE_TEXT));
    INVALID(gdws_peer_close(NULL, 1000, NULL));
    INVALID(gdws_peer_set_no_delay(NULL, true));
    ck_assert_int_eq(gdws_peer_get_write_mode(NULL), GDWS_WRITE_MODE_BINARY);
    gdws_peer_set_user(NULL, server);
    NOTHING(gdws_peer_get_user(NULL));
    ck_assert_int_eq(gdws_peer_get_ready_state(NULL), GDWS_STATE_CLOSED);
    ck_assert_int_eq(gdws_peer_get_close_code(NULL), -1);
    EMPTY(gdws_peer_get_end_reason(NULL));
    ck_assert_int_eq(gdws_peer_get_round_trip_time_ms(NULL), -1);
    NOTHING(gdws_peer_get_available_packet_count(NULL));
    NOTHING(gdws_peer_was_string_packet(NULL));
    NOTHING(gdws_peer_get_max_packet_size(NULL));
    NOTHING(gdws_peer_get_current_outbound_buffered_amount(NULL));
    NOTHING(gdws_peer_get_current_inbound_buffered_amount(NULL));
    NOTHING(gdws_peer_is_connected_to_host(NULL));
    NOTHING(gdws_peer_is_paused(NULL));
    NOTHING(gdws_peer_get_connected_port(NULL));
    NOTHING(gdws_peer_get_id(NULL));
    NOTHING(gdws_peer_get_connected_since_ms(NULL));
    NOTHING(gdws_peer_get_received_packet_count(NULL));
    NOTHING(gdws_peer_get_received_bytes(NULL));
    NOTHING(gdws_peer_get_sent_packet_count(NULL));
    NOTHING(gdws_peer_get_sent_bytes(NULL));
    NOTHING(gdws_peer_get_heartbeat_interval_ms(NULL));
    NOTHING(gdws_peer_get_inbound_buffer_size(NULL));
    NOTHING(gdws_peer_get_outbound_buffer_size(NULL));
    NOTHING(gdws_peer_get_max_queued_packets(NULL));
}
END_TEST

START_TEST(no_peer_has_no_texts)
{
    static const char *const one[] = {"x"};
    const char *const *list = one;
    EMPTY(gdws_peer_get_close_reason(NULL));
    EMPTY(gdws_peer_get_connected_host(NULL));
    EMPTY(gdws_peer_get_selected_protocol(NULL));
    EMPTY(gdws_peer_get_extensions(NULL));
    EMPTY(gdws_peer_get_requested_url(NULL));
    EMPTY(gdws_peer_get_certificate_subject(NULL));
    NOTHING(gdws_peer_get_request_header(NULL, "Host"));
    NOTHING(gdws_peer_get_supported_protocols(NULL, &list));
    ck_assert_ptr_null(list);
    list = one;
    NOTHING(gdws_peer_get_handshake_headers(NULL, &list));
    ck_assert_ptr_null(list);
    NOTHING(gdws_peer_get_supported_protocols(NULL, NULL));
    NOTHING(gdws_peer_get_handshake_headers(NULL, NULL));
}
END_TEST

START_TEST(no_request_says_nothing)
{
    static const char *const one[] = {"x"};
    const char *const *list = one;
    EMPTY(gdws_request_get_path(NULL));
    EMPTY(gdws_request_get_query(NULL));
    NOTHING(gdws_request_get_header(NULL, "Host"));
    NOTHING(gdws_request_get_protocols(NULL, &list));
    ck_assert_ptr_null(list);
    NOTHING(gdws_request_get_protocols(NULL, NULL));
    EMPTY(gdws_request_get_address(NULL));
    NOTHING(gdws_request_get_port(NULL));
    NOTHING(gdws_request_get_certificate_subject(NULL));
    INVALID(gdws_request_set_refusal(NULL, 403, NULL));
}
END_TEST

static void do_nothing(gdws_loop *posted_to, void *user)
{
    (void)posted_to;
    (void)user;
}

START_TEST(no_loop_does_nothing)
{
    INVALID(gdws_loop_poll(NULL));
    INVALID(gdws_loop_wait(NULL, 0));
    INVALID(gdws_loop_post(NULL, do_nothing, NULL));
    INVALID(gdws_loop_post(loop, NULL, NULL));
    ck_assert_int_eq(gdws_loop_get_fd(NULL), -1);
    ck_assert_int_eq(gdws_loop_get_timeout_ms(NULL), -1);
    NOTHING(gdws_loop_new_on_uv(NULL));
    gdws_loop_wakeup(NULL);
    gdws_loop_free(NULL);
}
END_TEST

START_TEST(no_multiplayer_plays_nothing)
{
    const uint8_t *packet = (const uint8_t *)"x";
    size_t length = 1;
    gdws_multiplayer_signals signals = {.size = sizeof(signals)};
    INVALID(gdws_multiplayer_set_signals(NULL, &signals));
    INVALID(gdws_multiplayer_set_wire(NULL, GDWS_MULTIPLAYER_GODOT_4));
    INVALID(gdws_multiplayer_set_inbound_buffer_size(NULL, 4096));
    INVALID(gdws_multiplayer_set_max_queued_packets(NULL, 10));
    INVALID(gdws_multiplayer_set_greeting_timeout_ms(NULL, 1000));
    INVALID(gdws_multiplayer_set_stall_timeout_ms(NULL, 1000));
    INVALID(gdws_multiplayer_set_transfer_mode(NULL, GDWS_TRANSFER_MODE_RELIABLE));
    INVALID(gdws_multiplayer_create_server(NULL, 0));
    INVALID(gdws_multiplayer_create_client(NULL, "ws://127.0.0.1:1/"));
    INVALID(gdws_multiplayer_poll(NULL));
    INVALID(gdws_multiplayer_wait(NULL, 0));
    INVALID(gdws_multiplayer_put_packet(NULL, "a", 1));
    INVALID(gdws_multiplayer_get_packet(NULL, &packet, &length));
    ck_assert(packet == NULL && length == 0);
    INVALID(gdws_multiplayer_disconnect_peer(NULL, 1, 1000, NULL));
    ck_assert_int_eq(gdws_multiplayer_get_connection_status(NULL), GDWS_CONNECTION_DISCONNECTED);
    ck_assert_int_eq(gdws_multiplayer_get_transfer_mode(NULL), GDWS_TRANSFER_MODE_RELIABLE);
    NOTHING(gdws_multiplayer_get_server(NULL));
    NOTHING(gdws_multiplayer_get_client(NULL));
    NOTHING(gdws_multiplayer_is_refusing_new_connections(NULL));
    NOTHING(gdws_multiplayer_get_available_packet_count(NULL));
    NOTHING(gdws_multiplayer_get_packet_peer(NULL));
    NOTHING(gdws_multiplayer_get_unique_id(NULL));
    NOTHING(gdws_multiplayer_get_peer_list(NULL, NULL, 0));
    NOTHING(gdws_multiplayer_get_peer(NULL, 1));
    EMPTY(gdws_multiplayer_get_peer_address(NULL, 1));
    NOTHING(gdws_multiplayer_get_peer_port(NULL, 1));
    EMPTY(gdws_multiplayer_get_error_message(NULL));
    NOTHING(gdws_multiplayer_get_loop(NULL));
    gdws_multiplayer_set_refuse_new_connections(NULL, true);
    gdws_multiplayer_set_target_peer(NULL, 1);
    gdws_multiplayer_close(NULL);
    gdws_multiplayer_free(NULL);
}
END_TEST

START_TEST(no_inspector_watches_nothing)
{
    INVALID(gdws_inspector_watch_server(NULL, server, "a"));
    INVALID(gdws_inspector_watch_client(NULL, client, "a"));
    INVALID(gdws_inspector_watch_multiplayer(NULL, multiplayer, "a"));
    INVALID(gdws_inspector_unwatch(NULL, "a"));
    INVALID(gdws_inspector_set_allow_closing(NULL, true));
    INVALID(gdws_inspector_set_payload_limit(NULL, 10));
    INVALID(gdws_inspector_set_redact(NULL, NULL, NULL));
    EMPTY(gdws_inspector_get_url(NULL));
    NOTHING(gdws_inspector_get_page_count(NULL));
    gdws_set_log_level(GDWS_LOG_NONE);
    NOTHING(gdws_inspector_new(NULL, NULL, 0));
    gdws_set_log_level(GDWS_LOG_WARNING);
    gdws_inspector_free(NULL);
}
END_TEST

START_TEST(no_variant_is_a_nil_without_anything_in_it)
{
    gdws_variant *variant = gdws_variant_new_int(7);
    gdws_variant *one = variant;
    size_t length = 1;
    INVALID(gdws_variant_append(NULL, one));
    INVALID(gdws_variant_append(one, NULL));
    INVALID(gdws_variant_set(NULL, one, one));
    INVALID(gdws_variant_encode(NULL, NULL, 0, &length));
    INVALID(gdws_variant_encode(one, NULL, 0, NULL));
    INVALID(gdws_variant_decode(NULL, 4, &variant, NULL));
    ck_assert_ptr_null(variant);
    INVALID(gdws_variant_decode("abcd", 4, NULL, NULL));
    INVALID(gdws_peer_put_var(NULL, one));
    INVALID(gdws_multiplayer_put_var(NULL, one));
    INVALID(gdws_multiplayer_put_var(multiplayer, NULL));
    SAYS(GDWS_UNAVAILABLE, gdws_multiplayer_put_var(multiplayer, one));
    INVALID(gdws_multiplayer_get_var(NULL, &variant));
    INVALID(gdws_multiplayer_get_var(multiplayer, NULL));
    SAYS(GDWS_UNAVAILABLE, gdws_multiplayer_get_var(multiplayer, &variant));
    variant = one;
    INVALID(gdws_peer_get_var(NULL, &variant));
    ck_assert_ptr_null(variant);
    INVALID(gdws_peer_get_var(NULL, NULL));
    ck_assert_int_eq(gdws_variant_get_type(NULL), GDWS_VARIANT_NIL);
    NOTHING(gdws_variant_get_bool(NULL));
    NOTHING(gdws_variant_get_int(NULL));
    ck_assert(gdws_variant_get_real(NULL) <= 0 && gdws_variant_get_real(NULL) >= 0);
    EMPTY(gdws_variant_get_string(NULL));
    NOTHING(gdws_variant_get_size(NULL));
    NOTHING(gdws_variant_get_item(NULL, 0));
    NOTHING(gdws_variant_get_key(NULL, 0));
    NOTHING(gdws_variant_find(NULL, "a"));
    NOTHING(gdws_variant_find_int(NULL, 1));
    NOTHING(gdws_variant_get_bytes(NULL));
    NOTHING(gdws_variant_get_ints(NULL));
    NOTHING(gdws_variant_get_floats(NULL));
    NOTHING(gdws_variant_new_string(NULL));
    NOTHING(gdws_variant_new_node_path(NULL));
    NOTHING(gdws_variant_new_floats(GDWS_VARIANT_VECTOR2, NULL, 2));
    NOTHING(gdws_variant_new_bytes(NULL, 1));
    NOTHING(gdws_variant_new_ints(NULL, 1));
    gdws_variant_free(NULL);
    gdws_variant_free(one);
}
END_TEST

/* With one */

START_TEST(a_client_knows_what_it_cannot_do)
{
    gdws_client_signals signals = {.size = sizeof(signals) - 1};
    gdws_tap tap = {.size = sizeof(tap) + 1};
    const uint8_t *packet = NULL;
    size_t length = 0;
    INVALID(gdws_client_set_signals(client, &signals));
    SAYS(GDWS_OK, gdws_client_set_signals(client, NULL));
    INVALID(gdws_client_set_supported_protocols(client, NULL, 1));
    INVALID(gdws_client_set_handshake_headers(client, NULL, 1));
    INVALID(gdws_client_set_certificate(client, "a", NULL, NULL));
    INVALID(gdws_client_set_certificate(client, NULL, "a", NULL));
    INVALID(gdws_client_add_tap(client, &tap));
    INVALID(gdws_client_add_tap(client, NULL));
    SAYS(GDWS_DOES_NOT_EXIST, gdws_client_remove_tap(client, &tap));
    INVALID(gdws_client_connect_to_url(client, NULL));
    INVALID(gdws_client_disconnect_from_host(client, 1006, NULL));
    SAYS(GDWS_UNAVAILABLE, gdws_client_disconnect_from_host(client, 1000, NULL));
    INVALID(gdws_client_get_peer_packet(client, 1, NULL, &length));
    INVALID(gdws_client_get_peer_packet(client, 1, &packet, NULL));
    SAYS(GDWS_UNAVAILABLE, gdws_client_get_peer_packet(client, 0, &packet, &length));
    SAYS(GDWS_DOES_NOT_EXIST, gdws_client_get_peer_packet(client, 2, &packet, &length));
    SAYS(GDWS_OK, gdws_client_poll(client));
}
END_TEST

START_TEST(a_server_knows_what_it_cannot_do)
{
    gdws_server_signals signals = {.size = sizeof(signals) - 1};
    gdws_tap tap = {.size = sizeof(tap) + 1};
    size_t refused = 1;
    char long_address[200];
    memset(long_address, 'a', sizeof(long_address));
    long_address[sizeof(long_address) - 1] = '\0';
    INVALID(gdws_server_set_signals(server, &signals));
    SAYS(GDWS_OK, gdws_server_set_signals(server, NULL));
    INVALID(gdws_server_set_bind_ip(server, NULL));
    INVALID(gdws_server_set_bind_ip(server, long_address));
    INVALID(gdws_server_set_bind_ip(server, "localhost"));
    ck_assert_str_eq(gdws_server_get_bind_ip(server), "127.0.0.1");
    OUT_OF_RANGE(gdws_server_set_unix_mode(server, 01000));
    SAYS(GDWS_OK, gdws_server_set_unix_mode(server, 0777));
    OUT_OF_RANGE(gdws_server_set_backlog(server, 0));
    OUT_OF_RANGE(gdws_server_set_backlog(server, 65536));
    SAYS(GDWS_OK, gdws_server_set_backlog(server, 65535));
    INVALID(gdws_server_set_allowed_origins(server, NULL, 1));
    INVALID(gdws_server_replace_certificate(server, NULL, NULL, "a", NULL));
    INVALID(gdws_server_replace_certificate(server, "a", NULL, NULL, NULL));
    INVALID(gdws_server_add_tap(server, &tap));
    SAYS(GDWS_DOES_NOT_EXIST, gdws_server_remove_tap(server, &tap));
    INVALID(gdws_server_broadcast(server, NULL, 1, GDWS_WRITE_MODE_TEXT, 0, &refused));
    INVALID(gdws_server_broadcast(server, "a", 1, (gdws_write_mode)7, 0, NULL));
    SAYS(GDWS_INVALID_DATA,
         gdws_server_broadcast(server, "\xff", 1, GDWS_WRITE_MODE_TEXT, 0, &refused));
    NOTHING(refused);
    SAYS(GDWS_OK, gdws_server_broadcast(server, NULL, 0, GDWS_WRITE_MODE_BINARY, 0, NULL));
    INVALID(gdws_server_disconnect_peer(server, 2, 1005, NULL));
    SAYS(GDWS_DOES_NOT_EXIST, gdws_server_disconnect_peer(server, 2, 1000, NULL));
    NOTHING(gdws_server_take_connection(server));
    NOTHING(gdws_server_get_peer_list(server, NULL, 5));
    gdws_server_stop(server);
    SAYS(GDWS_OK, gdws_server_poll(server));
}
END_TEST

/* What is set while a server listens or a client connects is refused, or counts from then on. */
START_TEST(options_stay_while_they_are_in_use)
{
    SAYS(GDWS_OK, gdws_server_listen(server, 0));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_listen(server, 0));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_bind_ip(server, "127.0.0.1"));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_unix_mode(server, 0600));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_backlog(server, 10));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_shares_port(server, true));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_supported_protocols(server, NULL, 0));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_extra_headers(server, NULL, 0));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_buffers(server, 64, 64, 64, 64));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_inbound_buffer_size(server, 4096));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_outbound_buffer_size(server, 4096));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_max_queued_packets(server, 10));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_read_size(server, 4096));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_heartbeat(server, 1000, 1000));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_handshake_timeout_ms(server, 1000));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_close_timeout_ms(server, 1000));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_private_key(server, NULL, NULL));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_ssl_certificate(server, NULL));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_ca_chain(server, NULL));
    SAYS(GDWS_ALREADY_IN_USE, gdws_server_set_trusted_certificate(server, NULL, true));
    SAYS(GDWS_UNCONFIGURED, gdws_server_replace_certificate(server, "a", NULL, "b", NULL));
    SAYS(GDWS_OK, gdws_client_connect_to_url(client, "ws://127.0.0.1:1/"));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_connect_to_url(client, "ws://127.0.0.1:1/"));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_supported_protocols(client, NULL, 0));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_handshake_headers(client, NULL, 0));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_compression(client, true));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_buffers(client, 64, 64, 64, 64));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_inbound_buffer_size(client, 4096));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_outbound_buffer_size(client, 4096));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_max_queued_packets(client, 10));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_read_size(client, 4096));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_heartbeat(client, 1000, 1000));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_handshake_timeout_ms(client, 1000));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_close_timeout_ms(client, 1000));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_verify_tls(client, true));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_trusted_certificate(client, NULL));
    SAYS(GDWS_ALREADY_IN_USE, gdws_client_set_certificate(client, NULL, NULL, NULL));
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
    OUT_OF_RANGE(gdws_server_set_inbound_buffer_size(server, 127));
    OUT_OF_RANGE(gdws_server_set_outbound_buffer_size(server, ((size_t)1 << 30) + 1));
    OUT_OF_RANGE(gdws_server_set_max_queued_packets(server, 0));
    OUT_OF_RANGE(gdws_server_set_buffers(server, 0, 1, 1, 1));
    OUT_OF_RANGE(gdws_server_set_buffers(server, 1, 0, 1, 1));
    OUT_OF_RANGE(gdws_server_set_buffers(server, 1, 1, 0, 1));
    OUT_OF_RANGE(gdws_server_set_buffers(server, 1, 1, 1, 0));
    OUT_OF_RANGE(gdws_server_set_buffers(server, SIZE_MAX, 1, 1, 1));
    OUT_OF_RANGE(gdws_server_set_buffers(server, 1, SIZE_MAX, 1, 1));
    OUT_OF_RANGE(gdws_server_set_buffers(server, 1, 1, SIZE_MAX, 1));
    OUT_OF_RANGE(gdws_server_set_buffers(server, 1, 1, 1, SIZE_MAX));
    OUT_OF_RANGE(gdws_server_set_read_size(server, 127));
    OUT_OF_RANGE(gdws_server_set_read_size(server, ((size_t)1 << 20) + 1));
    OUT_OF_RANGE(gdws_server_set_heartbeat(server, 9, 100));
    OUT_OF_RANGE(gdws_server_set_heartbeat(server, 100, 9));
    OUT_OF_RANGE(gdws_server_set_heartbeat(server, 86400001, 100));
    OUT_OF_RANGE(gdws_server_set_heartbeat(server, 100, 86400001));
    SAYS(GDWS_OK, gdws_server_set_heartbeat(server, 0, 0));
    OUT_OF_RANGE(gdws_server_set_handshake_timeout_ms(server, 9));
    ck_assert_uint_eq(gdws_server_get_handshake_timeout_ms(server), 3000);
    SAYS(GDWS_OK, gdws_server_set_handshake_timeout_ms(server, 10));
    ck_assert_uint_eq(gdws_server_get_handshake_timeout_ms(server), 10);
    OUT_OF_RANGE(gdws_server_set_close_timeout_ms(server, 86400001));
    OUT_OF_RANGE(gdws_server_set_max_request_size(server, 255));
    OUT_OF_RANGE(gdws_multiplayer_set_inbound_buffer_size(multiplayer, 127));
    OUT_OF_RANGE(gdws_multiplayer_set_inbound_buffer_size(multiplayer, ((size_t)1 << 30) + 1));
    OUT_OF_RANGE(gdws_multiplayer_set_max_queued_packets(multiplayer, 0));
    OUT_OF_RANGE(gdws_multiplayer_set_max_queued_packets(multiplayer, 1048577));
    OUT_OF_RANGE(gdws_multiplayer_set_greeting_timeout_ms(multiplayer, 9));
    OUT_OF_RANGE(gdws_multiplayer_set_greeting_timeout_ms(multiplayer, 86400001));
    OUT_OF_RANGE(gdws_multiplayer_set_stall_timeout_ms(multiplayer, 9));
    OUT_OF_RANGE(gdws_multiplayer_set_stall_timeout_ms(multiplayer, 86400001));
    OUT_OF_RANGE(gdws_multiplayer_put_packet(multiplayer, "a", ((size_t)1 << 30) + 1));
}
END_TEST

START_TEST(a_multiplayer_without_a_session_plays_nothing)
{
    const uint8_t *packet = (const uint8_t *)"x";
    size_t length = 1;
    gdws_multiplayer_signals signals = {.size = sizeof(signals) + 1};
    INVALID(gdws_multiplayer_set_signals(multiplayer, &signals));
    SAYS(GDWS_OK, gdws_multiplayer_set_signals(multiplayer, NULL));
    INVALID(gdws_multiplayer_set_wire(multiplayer, (gdws_multiplayer_wire)9));
    INVALID(gdws_multiplayer_set_transfer_mode(multiplayer, (gdws_transfer_mode)9));
    SAYS(GDWS_OK, gdws_multiplayer_set_transfer_mode(multiplayer, GDWS_TRANSFER_MODE_UNRELIABLE));
    SAYS(GDWS_OK,
         gdws_multiplayer_set_transfer_mode(multiplayer, GDWS_TRANSFER_MODE_UNRELIABLE_ORDERED));
    INVALID(gdws_multiplayer_create_client(multiplayer, "ftp://a"));
    ck_assert_str_ne(gdws_multiplayer_get_error_message(multiplayer), "");
    INVALID(gdws_multiplayer_put_packet(multiplayer, NULL, 1));
    SAYS(GDWS_UNAVAILABLE, gdws_multiplayer_put_packet(multiplayer, "a", 1));
    SAYS(GDWS_UNAVAILABLE, gdws_multiplayer_get_packet(multiplayer, &packet, &length));
    ck_assert(packet == NULL && length == 0);
    INVALID(gdws_multiplayer_get_packet(multiplayer, NULL, &length));
    INVALID(gdws_multiplayer_get_packet(multiplayer, &packet, NULL));
    NOTHING(gdws_multiplayer_get_packet_peer(multiplayer));
    NOTHING(gdws_multiplayer_get_unique_id(multiplayer));
    NOTHING(gdws_multiplayer_get_peer(multiplayer, 1));
    NOTHING(gdws_multiplayer_get_peer_list(multiplayer, NULL, 3));
    SAYS(GDWS_DOES_NOT_EXIST, gdws_multiplayer_disconnect_peer(multiplayer, 1, 1000, NULL));
    gdws_multiplayer_close(multiplayer);
    SAYS(GDWS_OK, gdws_multiplayer_create_server(multiplayer, 0));
    SAYS(GDWS_ALREADY_IN_USE, gdws_multiplayer_create_server(multiplayer, 0));
    SAYS(GDWS_ALREADY_IN_USE, gdws_multiplayer_create_client(multiplayer, "ws://127.0.0.1:1/"));
    SAYS(GDWS_ALREADY_IN_USE, gdws_multiplayer_set_wire(multiplayer, GDWS_MULTIPLAYER_GODOT_4));
    NOTHING(gdws_multiplayer_get_peer(multiplayer, 2));
    gdws_multiplayer_set_refuse_new_connections(multiplayer, true);
    ck_assert(gdws_multiplayer_is_refusing_new_connections(multiplayer));
    gdws_multiplayer_close(multiplayer);
}
END_TEST

START_TEST(each_error_has_a_name_and_a_text)
{
    static const struct {
        gdws_error error;
        const char *name;
        const char *text;
    } table[] = {
#define ROW(name, number, text) {(gdws_error)number, #name, text},
        GDWS_ERROR_MAP(ROW)
#undef ROW
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        ck_assert_str_eq(gdws_error_name(table[i].error), table[i].name);
        ck_assert_str_eq(gdws_error_text(table[i].error), table[i].text);
    }
    ck_assert_str_eq(gdws_error_name((gdws_error)4711), "UNKNOWN");
    ck_assert_str_eq(gdws_error_text((gdws_error)4711), "unknown error");
    ck_assert_str_eq(gdws_version(), GDWS_VERSION);
}
END_TEST

Suite *arguments_suite(void)
{
    Suite *suite = suite_create("arguments");
    TCase *tests = tcase_create("arguments");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, setting_up_no_client_is_an_invalid_parameter);
    tcase_add_test(tests, asking_no_client_gives_nothing);
    tcase_add_test(tests, setting_up_no_server_is_an_invalid_parameter);
    tcase_add_test(tests, asking_no_server_gives_nothing);
    tcase_add_test(tests, no_peer_takes_and_gives_nothing);
    tcase_add_test(tests, no_peer_has_no_texts);
    tcase_add_test(tests, no_request_says_nothing);
    tcase_add_test(tests, no_loop_does_nothing);
    tcase_add_test(tests, no_multiplayer_plays_nothing);
    tcase_add_test(tests, no_inspector_watches_nothing);
    tcase_add_test(tests, no_variant_is_a_nil_without_anything_in_it);
    tcase_add_test(tests, a_client_knows_what_it_cannot_do);
    tcase_add_test(tests, a_server_knows_what_it_cannot_do);
    tcase_add_test(tests, options_stay_while_they_are_in_use);
    tcase_add_test(tests, options_out_of_range_are_refused);
    tcase_add_test(tests, a_multiplayer_without_a_session_plays_nothing);
    tcase_add_test(tests, each_error_has_a_name_and_a_text);
    suite_add_tcase(suite, tests);
    return suite;
}
