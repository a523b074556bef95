/* SPDX-License-Identifier: MIT */
/* The peer's state machine, without a network. */
#include <string.h>

#include "peer.h"
#include "runtests.h"

static gdws_peer peer;
static gdwsi_config config;
static int changes;

static void note_change(gdws_peer *changed)
{
    ck_assert_ptr_eq(changed, &peer);
    changes++;
}

static gdws_error accept_no_delay(gdws_peer *changed, bool enabled)
{
    (void)changed;
    return enabled ? GDWS_OK : GDWS_FAILED;
}

static size_t send_nothing(gdws_peer *to, const gdwsi_frame *frame, const void *payload)
{
    (void)to;
    (void)frame;
    (void)payload;
    return 0;
}

static const gdwsi_peer_carrier carrier = {
    .send_at_once = send_nothing, .changed = note_change, .set_no_delay = accept_no_delay};

static void set_up(void)
{
    changes = 0;
    gdwsi_config_init_server(&config);
    config.inbound_buffer_bytes = 1000;
    config.outbound_buffer_bytes = 1000;
    config.max_queued_packets_in = 10;
    config.max_queued_packets_out = 10;
    gdwsi_peer_init(&peer, &carrier, &config, NULL, false);
}

static void set_up_open(void)
{
    set_up();
    gdwsi_peer_open(&peer);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_CONNECTED);
}

static void tear_down(void)
{
    gdwsi_peer_clear(&peer);
    assert_nothing_is_left();
}

static int receive(const char *text, bool is_final)
{
    gdwsi_piece piece = {.bytes = (const uint8_t *)text,
                         .length = strlen(text),
                         .is_text = true,
                         .is_final = is_final};
    return gdwsi_peer_receive(&peer, &piece);
}

START_TEST(nothing_goes_before_the_handshake)
{
    ck_assert_int_eq(gdws_peer_get_ready_state(&peer), GDWS_STATE_CONNECTING);
    ck_assert_int_eq(gdws_peer_send_text(&peer, "x"), GDWS_UNAVAILABLE);
    ck_assert_int_eq(gdws_peer_close(&peer, 1000, ""), GDWS_UNAVAILABLE);
    ck_assert_int_eq(gdws_peer_set_no_delay(&peer, true), GDWS_UNAVAILABLE);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_NOTHING);
    gdwsi_peer_end(&peer);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_NOTHING);
}
END_TEST

START_TEST(events_come_in_the_order_of_rule_two)
{
    const uint8_t *packet;
    size_t length;
    ck_assert_int_eq(receive("one", true), 0);
    ck_assert_int_eq(receive("two", true), 0);
    gdwsi_peer_receive_close(&peer, (const uint8_t *)"\x0f\xa0why", 5);
    gdwsi_peer_end(&peer);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_DATA);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_DATA);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_CLOSE_REQUEST);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_NOTHING);
    ck_assert_int_eq(gdws_peer_get_close_code(&peer), 4000);
    ck_assert_str_eq(gdws_peer_get_close_reason(&peer), "why");
    ck_assert_int_eq(gdws_peer_get_packet(&peer, &packet, &length), GDWS_OK);
    ck_assert(!gdwsi_peer_has_event(&peer));
    ck_assert_int_eq(gdws_peer_get_packet(&peer, &packet, &length), GDWS_OK);
    ck_assert(gdwsi_peer_has_event(&peer));
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_DISCONNECTED);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_NOTHING);
}
END_TEST

START_TEST(packets_that_were_taken_need_no_signal)
{
    const uint8_t *packet;
    size_t length;
    ck_assert_int_eq(receive("one", true), 0);
    ck_assert_int_eq(receive("two", true), 0);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_DATA);
    ck_assert_int_eq(gdws_peer_get_packet(&peer, &packet, &length), GDWS_OK);
    ck_assert_int_eq(gdws_peer_get_packet(&peer, &packet, &length), GDWS_OK);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_NOTHING);
}
END_TEST

START_TEST(abandoned_packets_do_not_hold_disconnected_up)
{
    ck_assert_int_eq(receive("one", true), 0);
    gdwsi_peer_end(&peer);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_DATA);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_NOTHING);
    gdwsi_peer_abandon(&peer);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_DISCONNECTED);
    ck_assert(!gdwsi_peer_was_clean(&peer));
}
END_TEST

START_TEST(a_full_queue_pauses_until_it_is_half_empty)
{
    const uint8_t *packet;
    size_t length;
    for (int i = 0; i < 10; i++) {
        ck_assert(!gdwsi_peer_update_paused(&peer));
        ck_assert_int_eq(receive("x", true), 0);
    }
    ck_assert(gdwsi_peer_update_paused(&peer));
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(gdws_peer_get_packet(&peer, &packet, &length), GDWS_OK);
        ck_assert(gdwsi_peer_update_paused(&peer));
    }
    ck_assert_int_eq(changes, 0);
    ck_assert_int_eq(gdws_peer_get_packet(&peer, &packet, &length), GDWS_OK);
    ck_assert_int_eq(changes, 1);
    ck_assert(!gdwsi_peer_update_paused(&peer));
}
END_TEST

START_TEST(a_message_over_the_limit_is_1009_at_its_announcement)
{
    gdwsi_piece piece = {.bytes = (const uint8_t *)"x", .length = 1, .remaining = 999};
    ck_assert_int_eq(gdwsi_peer_receive(&peer, &piece), 0);
    ck_assert_int_eq(gdwsi_peer_receive(&peer, &piece), 1009);
    piece.remaining = UINT64_MAX;
    ck_assert_int_eq(gdwsi_peer_receive(&peer, &piece), 1009);
    ck_assert_uint_eq(gdws_peer_get_available_packet_count(&peer), 0);
}
END_TEST

START_TEST(text_is_1007_at_its_first_bad_byte)
{
    ck_assert_int_eq(receive("gr\xc3", false), 0);
    ck_assert_int_eq(receive("\xbc\xc3", false), 0);
    ck_assert_int_eq(receive("\x9f", true), 0);
    ck_assert_int_eq(receive("a\xc3", false), 0);
    ck_assert_int_eq(receive("a", false), 1007);
    ck_assert_int_eq(receive("a\xc3", true), 1007);
    gdwsi_piece piece = {.bytes = (const uint8_t *)"\xff", .length = 1, .is_final = true};
    ck_assert_int_eq(gdwsi_peer_receive(&peer, &piece), 0);
    ck_assert_uint_eq(gdws_peer_get_available_packet_count(&peer), 2);
}
END_TEST

START_TEST(a_full_outbound_queue_refuses_and_drains)
{
    uint8_t *bytes;
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(gdws_peer_put_packet(&peer, "x", 1), GDWS_OK);
    }
    ck_assert_int_eq(gdws_peer_put_packet(&peer, "x", 1), GDWS_OUT_OF_MEMORY);
    ck_assert_uint_eq(gdws_peer_get_current_outbound_buffered_amount(&peer), 30);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_NOTHING);
    gdwsi_outq_drop(&peer.out, gdwsi_outq_peek(&peer.out, &bytes));
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_DRAINED);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_NOTHING);
    ck_assert_uint_eq(gdws_peer_get_max_packet_size(&peer), 986);
    static const uint8_t big[1000];
    ck_assert_int_eq(gdws_peer_put_packet(&peer, big, 987), GDWS_PARAMETER_RANGE_ERROR);
    ck_assert_int_eq(gdws_peer_put_packet(&peer, big, 986), GDWS_OK);
    ck_assert_int_eq(gdws_peer_put_packet(&peer, big, 986), GDWS_OUT_OF_MEMORY);
}
END_TEST

START_TEST(our_close_is_the_last_frame)
{
    gdwsi_outq_frame frame;
    ck_assert_int_eq(gdws_peer_put_packet(&peer, "x", 1), GDWS_OK);
    ck_assert_int_eq(gdws_peer_close(&peer, 3000, "done"), GDWS_OK);
    ck_assert_int_eq(gdws_peer_get_ready_state(&peer), GDWS_STATE_CLOSING);
    ck_assert(gdws_peer_is_connected_to_host(&peer));
    ck_assert_int_eq(gdws_peer_put_packet(&peer, "x", 1), GDWS_UNAVAILABLE);
    gdwsi_peer_receive_close(&peer, (const uint8_t *)"\x0b\xb8", 2);
    ck_assert(gdwsi_outq_peek_frame(&peer.out, &frame));
    gdwsi_outq_drop(&peer.out, frame.size);
    ck_assert(gdwsi_outq_peek_frame(&peer.out, &frame));
    ck_assert_int_eq((int)frame.header.opcode, GDWSI_OPCODE_CLOSE);
    ck_assert(memcmp(frame.payload,
                     "\x0b\xb8"
                     "done",
                     6) == 0);
    gdwsi_outq_drop(&peer.out, frame.size);
    ck_assert(!gdwsi_outq_peek_frame(&peer.out, &frame));
    /* Both sides' Close frames: ours counts when it has gone. */
    ck_assert(!gdwsi_peer_was_clean(&peer));
    peer.close_flushed = true;
    ck_assert(gdwsi_peer_was_clean(&peer));
}
END_TEST

START_TEST(a_failed_connection_takes_no_more_data)
{
    gdwsi_peer_fail(&peer, 1009, "too big");
    ck_assert_int_eq(receive("late", true), 0);
    ck_assert_uint_eq(gdws_peer_get_available_packet_count(&peer), 0);
    ck_assert(!gdwsi_peer_update_paused(&peer));
    gdwsi_peer_receive_close(&peer, (const uint8_t *)"\x03\xf1", 2);
    ck_assert(!gdwsi_peer_was_clean(&peer));
    ck_assert_int_eq(gdws_peer_get_close_code(&peer), 1009);
}
END_TEST

START_TEST(a_shut_peer_is_closed_and_still_sends)
{
    ck_assert_int_eq(gdws_peer_put_packet(&peer, "x", 1), GDWS_OK);
    gdwsi_peer_shut(&peer, 1001);
    ck_assert_int_eq(gdws_peer_get_ready_state(&peer), GDWS_STATE_CLOSED);
    ck_assert_uint_eq(gdwsi_outq_bytes(&peer.out), 3 + 4);
    gdwsi_peer_note_flushed(&peer);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_DISCONNECTED);
    gdwsi_outq_clear(&peer.out);
    ck_assert_int_eq(gdwsi_peer_next_event(&peer), GDWSI_PEER_NOTHING);
}
END_TEST

Suite *peer_suite(void)
{
    Suite *suite = suite_create("peer");
    TCase *connecting = tcase_create("connecting");
    tcase_add_checked_fixture(connecting, set_up, tear_down);
    tcase_add_test(connecting, nothing_goes_before_the_handshake);
    suite_add_tcase(suite, connecting);
    TCase *open = tcase_create("open");
    tcase_add_checked_fixture(open, set_up_open, tear_down);
    tcase_add_test(open, events_come_in_the_order_of_rule_two);
    tcase_add_test(open, packets_that_were_taken_need_no_signal);
    tcase_add_test(open, abandoned_packets_do_not_hold_disconnected_up);
    tcase_add_test(open, a_full_queue_pauses_until_it_is_half_empty);
    tcase_add_test(open, a_message_over_the_limit_is_1009_at_its_announcement);
    tcase_add_test(open, text_is_1007_at_its_first_bad_byte);
    tcase_add_test(open, a_full_outbound_queue_refuses_and_drains);
    tcase_add_test(open, our_close_is_the_last_frame);
    tcase_add_test(open, a_failed_connection_takes_no_more_data);
    tcase_add_test(open, a_shut_peer_is_closed_and_still_sends);
    suite_add_tcase(suite, open);
    return suite;
}
