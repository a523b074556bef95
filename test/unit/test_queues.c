/* SPDX-License-Identifier: MIT */
/* pktq and outq. */
#include <stdlib.h>
#include <string.h>

#include "outq.h"
#include "pktq.h"
#include "runtests.h"

static gdws_error append(gdwsi_pktq *to, const void *bytes, size_t length)
{
    const uint8_t *added;
    gdws_error error = gdwsi_pktq_append(to, bytes, length, NULL, 0, &added);
    ck_assert(error != GDWS_OK || memcmp(added, bytes, length) == 0);
    return error;
}

static gdwsi_pktq queue;

static void put(const char *text, bool is_text)
{
    ck_assert_int_eq(gdwsi_pktq_begin(&queue, is_text), GDWS_OK);
    ck_assert_int_eq(append(&queue, text, strlen(text)), GDWS_OK);
    gdwsi_pktq_commit(&queue);
}

START_TEST(packets_come_out_as_they_went_in)
{
    const uint8_t *packet;
    size_t length;
    bool is_text;
    gdwsi_pktq_init(&queue, NULL);
    put("one", true);
    put("", false);
    put("three", false);
    ck_assert_uint_eq(gdwsi_pktq_packets(&queue), 3);
    ck_assert_uint_eq(gdwsi_pktq_bytes(&queue), 8);
    ck_assert_int_eq(gdwsi_pktq_take(&queue, &packet, &length, &is_text), GDWS_OK);
    ck_assert_str_eq((const char *)packet, "one");
    ck_assert(is_text);
    ck_assert_int_eq(gdwsi_pktq_take(&queue, &packet, &length, &is_text), GDWS_OK);
    ck_assert_uint_eq(length, 0);
    ck_assert_ptr_nonnull(packet);
    ck_assert(!is_text);
    ck_assert_int_eq(gdwsi_pktq_take(&queue, &packet, &length, NULL), GDWS_OK);
    ck_assert_str_eq((const char *)packet, "three");
    ck_assert_int_eq(gdwsi_pktq_take(&queue, &packet, &length, NULL), GDWS_UNAVAILABLE);
    ck_assert_ptr_null(packet);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(a_packet_can_be_looked_at_without_taking_it)
{
    const uint8_t *packet;
    size_t length;
    gdwsi_pktq_init(&queue, NULL);
    ck_assert_int_eq(gdwsi_pktq_peek(&queue, &packet, &length), GDWS_UNAVAILABLE);
    ck_assert_ptr_null(packet);
    put("one", false);
    put("two", false);
    ck_assert_int_eq(gdwsi_pktq_peek(&queue, &packet, &length), GDWS_OK);
    ck_assert_str_eq((const char *)packet, "one");
    ck_assert_uint_eq(length, 3);
    ck_assert_int_eq(gdwsi_pktq_take(&queue, &packet, &length, NULL), GDWS_OK);
    const uint8_t *next;
    ck_assert_int_eq(gdwsi_pktq_peek(&queue, &next, &length), GDWS_OK);
    ck_assert_str_eq((const char *)next, "two");
    /* What was taken is still lent. */
    ck_assert_str_eq((const char *)packet, "one");
    gdwsi_pktq_clear(&queue);
}
END_TEST

START_TEST(an_open_packet_is_not_there_until_it_is_committed)
{
    const uint8_t *packet;
    size_t length;
    gdwsi_pktq_init(&queue, NULL);
    ck_assert_int_eq(append(&queue, "x", 1), GDWS_BUG);
    ck_assert_int_eq(gdwsi_pktq_begin(&queue, false), GDWS_OK);
    ck_assert_int_eq(gdwsi_pktq_begin(&queue, false), GDWS_BUG);
    ck_assert_int_eq(append(&queue, "ab", 2), GDWS_OK);
    ck_assert_uint_eq(gdwsi_pktq_open_length(&queue), 2);
    ck_assert_int_eq(gdwsi_pktq_take(&queue, &packet, &length, NULL), GDWS_UNAVAILABLE);
    ck_assert_int_eq(append(&queue, "cd", 2), GDWS_OK);
    gdwsi_pktq_commit(&queue);
    ck_assert_int_eq(gdwsi_pktq_take(&queue, &packet, &length, NULL), GDWS_OK);
    ck_assert_str_eq((const char *)packet, "abcd");
    ck_assert_int_eq(gdwsi_pktq_begin(&queue, false), GDWS_OK);
    gdwsi_pktq_abort(&queue);
    ck_assert_uint_eq(gdwsi_pktq_packets(&queue), 0);
    ck_assert_str_eq((const char *)packet, "abcd");
    gdwsi_pktq_clear(&queue);
}
END_TEST

static uint32_t random_state;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

/* A packet's bytes follow from its number, so that the model needs to remember nothing else. */
static void fill(uint8_t *bytes, size_t length, uint32_t number)
{
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)(number * 31 + i);
    }
}

START_TEST(a_hundred_thousand_operations_agree_with_a_model)
{
    static uint8_t bytes[3000];
    static size_t lengths[100000];
    uint32_t written = 0;
    uint32_t taken = 0;
    const uint8_t *lent = NULL;
    size_t lent_length = 0;
    size_t held = 0;
    random_state = 20261124u + (uint32_t)_i;
    gdwsi_pktq_init(&queue, NULL);
    for (int step = 0; step < 100000; step++) {
        bool is_write = next_random(100) < (uint32_t)(step / 5000 % 2 == 0 ? 60 : 40);
        if (is_write) {
            size_t length = next_random(next_random(10) == 0 ? 3000 : 40);
            size_t cut = length > 0 ? next_random((uint32_t)length) : 0;
            fill(bytes, length, written);
            if (next_random(2) == 0) {
                ck_assert_int_eq(gdwsi_pktq_put(&queue, written % 2 == 0, bytes, length, NULL),
                                 GDWS_OK);
                lengths[written] = length;
                held += length;
                written++;
                continue;
            }
            ck_assert_int_eq(gdwsi_pktq_begin(&queue, written % 2 == 0), GDWS_OK);
            ck_assert_int_eq(append(&queue, bytes, cut), GDWS_OK);
            ck_assert_int_eq(append(&queue, bytes + cut, length - cut), GDWS_OK);
            if (next_random(10) == 0) {
                gdwsi_pktq_abort(&queue);
            } else {
                gdwsi_pktq_commit(&queue);
                lengths[written] = length;
                held += length;
                written++;
            }
        } else {
            bool is_text = false;
            gdws_error error = gdwsi_pktq_take(&queue, &lent, &lent_length, &is_text);
            ck_assert_int_eq(error, taken < written ? GDWS_OK : GDWS_UNAVAILABLE);
            if (error == GDWS_OK) {
                ck_assert_uint_eq(lent_length, lengths[taken]);
                ck_assert(is_text == (taken % 2 == 0));
                held -= lent_length;
                taken++;
            }
        }
        if (lent != NULL) {
            fill(bytes, lent_length, taken - 1);
            ck_assert(memcmp(lent, bytes, lent_length) == 0);
            ck_assert_uint_eq(lent[lent_length], 0);
        }
        ck_assert_uint_eq(gdwsi_pktq_packets(&queue), written - taken);
        ck_assert_uint_eq(gdwsi_pktq_bytes(&queue), held);
    }
    gdwsi_pktq_clear(&queue);
}
END_TEST

START_TEST(without_memory_the_packet_queue_is_as_it_was)
{
    const uint8_t *packet;
    size_t length;
    size_t nth = 1;
    bool has_failed = true;
    static uint8_t bytes[5000];
    for (; has_failed && nth < 100; nth++) {
        gdwsi_pktq_init(&queue, NULL);
        gdwsi_mem_fail_at(nth);
        gdws_error error = gdwsi_pktq_begin(&queue, false);
        if (error == GDWS_OK) {
            error = append(&queue, "abc", 3);
        }
        if (error == GDWS_OK) {
            gdwsi_pktq_commit(&queue);
            error = gdwsi_pktq_begin(&queue, false);
        }
        if (error == GDWS_OK) {
            error = append(&queue, bytes, sizeof(bytes));
        }
        if (error == GDWS_OK) {
            ck_assert_int_eq(gdwsi_pktq_put(&queue, false, bytes, 1, NULL), GDWS_BUG);
            gdwsi_pktq_abort(&queue);
            error = gdwsi_pktq_put(&queue, false, bytes, sizeof(bytes), NULL);
        }
        has_failed = gdwsi_mem_has_failed();
        ck_assert(has_failed == (error == GDWS_OUT_OF_MEMORY));
        gdwsi_mem_fail_at(0);
        gdwsi_pktq_abort(&queue);
        if (gdwsi_pktq_packets(&queue) > 0) {
            ck_assert_int_eq(gdwsi_pktq_take(&queue, &packet, &length, NULL), GDWS_OK);
            ck_assert_str_eq((const char *)packet, "abc");
        }
        gdwsi_pktq_clear(&queue);
    }
    ck_assert_uint_gt(nth, 2);
    ck_assert_uint_lt(nth, 100);
}
END_TEST

/* Put a message into a queue and read it back with a decoder of its own. */
static void round_trip(size_t length, bool is_masked)
{
    gdwsi_outq out;
    gdwsi_outq_frame frame;
    uint8_t *message = malloc(length + 1);
    size_t got = 0;
    bool is_final = false;
    fill(message, length, 5);
    gdwsi_outq_init(&out, NULL);
    ck_assert_int_eq(
        gdwsi_outq_put_message(&out, gdwsi_frame_of_message(false, length, is_masked), message),
        GDWS_OK);
    ck_assert_uint_eq(gdwsi_outq_bytes(&out), gdwsi_outq_encoded_size(length, is_masked));
    ck_assert_uint_eq(gdwsi_outq_packets(&out), 1);
    while (gdwsi_outq_peek_frame(&out, &frame)) {
        ck_assert(!is_final);
        ck_assert_int_eq((int)frame.header.opcode, got == 0 ? 2 : 0);
        ck_assert(frame.header.masked == is_masked);
        for (size_t i = 0; i < frame.header.length; i++) {
            uint8_t mask = is_masked ? frame.header.mask[i & 3] : 0;
            ck_assert_uint_eq(frame.payload[i] ^ mask, message[got + i]);
        }
        got += (size_t)frame.header.length;
        is_final = frame.header.final;
        gdwsi_outq_drop(&out, frame.size);
    }
    ck_assert(is_final);
    ck_assert_uint_eq(got, length);
    ck_assert_uint_eq(gdwsi_outq_packets(&out), 0);
    free(message);
}

START_TEST(messages_are_cut_into_whole_frames)
{
    static const size_t lengths[] = {0, 1, 125, 126, 65535, 65536, 65537, 131072, 200000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        round_trip(lengths[i], false);
        round_trip(lengths[i], true);
    }
}
END_TEST

START_TEST(a_drop_may_end_inside_a_frame)
{
    gdwsi_outq out;
    uint8_t *bytes;
    gdwsi_outq_init(&out, NULL);
    ck_assert_uint_eq(gdwsi_outq_peek(&out, &bytes), 0);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(
            gdwsi_outq_put_message(&out, gdwsi_frame_of_message(true, 8, false), "12345678"),
            GDWS_OK);
    }
    ck_assert_int_eq(gdwsi_outq_put_control(&out, GDWSI_OPCODE_PING, "p", 1, false), GDWS_OK);
    ck_assert_uint_eq(gdwsi_outq_peek(&out, &bytes), 103);
    gdwsi_outq_drop(&out, 9);
    ck_assert_uint_eq(gdwsi_outq_packets(&out), 10);
    ck_assert_uint_eq(gdwsi_outq_peek(&out, &bytes), 94);
    ck_assert_uint_eq(bytes[0], '8');
    ck_assert_uint_eq(bytes[1], 0x81);
    gdwsi_outq_drop(&out, 1);
    ck_assert_uint_eq(gdwsi_outq_packets(&out), 9);
    gdwsi_outq_drop(&out, 25);
    ck_assert_uint_eq(gdwsi_outq_packets(&out), 7);
    ck_assert_uint_eq(gdwsi_outq_peek(&out, &bytes), 68);
    ck_assert_uint_eq(bytes[0], '4');
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(
            gdwsi_outq_put_message(&out, gdwsi_frame_of_message(true, 8, false), "12345678"),
            GDWS_OK);
    }
    ck_assert_uint_eq(gdwsi_outq_peek(&out, &bytes), 1068);
    ck_assert_uint_eq(bytes[0], '4');
    for (size_t left = 1068; left > 0; left--) {
        ck_assert_uint_eq(gdwsi_outq_bytes(&out), left);
        gdwsi_outq_drop(&out, 1);
    }
    ck_assert_uint_eq(gdwsi_outq_packets(&out), 0);
    ck_assert_ptr_null(out.block);
}
END_TEST

START_TEST(the_rest_of_a_message_follows_what_was_sent)
{
    static uint8_t message[300];
    for (size_t sent = 1; sent < 304; sent++) {
        gdwsi_outq whole;
        gdwsi_outq rest;
        uint8_t *expected;
        uint8_t *bytes;
        fill(message, sizeof(message), 7);
        gdwsi_outq_init(&whole, NULL);
        gdwsi_outq_init(&rest, NULL);
        ck_assert_int_eq(gdwsi_outq_put_message(
                             &whole, gdwsi_frame_of_message(true, sizeof(message), false), message),
                         GDWS_OK);
        ck_assert_int_eq(gdwsi_outq_put_rest(&rest,
                                             gdwsi_frame_of_message(true, sizeof(message), false),
                                             message, sent),
                         GDWS_OK);
        gdwsi_outq_drop(&whole, sent);
        ck_assert_int_eq(
            gdwsi_outq_put_message(&whole, gdwsi_frame_of_message(true, 1, false), "x"), GDWS_OK);
        ck_assert_int_eq(gdwsi_outq_put_message(&rest, gdwsi_frame_of_message(true, 1, false), "x"),
                         GDWS_OK);
        size_t length = gdwsi_outq_peek(&whole, &expected);
        ck_assert_uint_eq(gdwsi_outq_peek(&rest, &bytes), length);
        ck_assert(memcmp(bytes, expected, length) == 0);
        gdwsi_outq_drop(&rest, 304 - sent);
        ck_assert_uint_eq(gdwsi_outq_packets(&rest), 1);
        gdwsi_outq_clear(&whole);
        gdwsi_outq_clear(&rest);
    }
}
END_TEST

START_TEST(the_largest_message_fits_and_no_other)
{
    for (size_t limit = 128; limit < 500000; limit += limit / 3 + 1) {
        size_t max = gdwsi_outq_message_max(limit);
        ck_assert_uint_le(gdwsi_outq_encoded_size(max, true), limit);
        ck_assert_uint_ge(gdwsi_outq_encoded_size(max + 28 * (limit / 65536 + 1), true), limit);
    }
}
END_TEST

START_TEST(without_memory_the_outbound_queue_is_as_it_was)
{
    static uint8_t bytes[3000];
    size_t nth = 1;
    bool has_failed = true;
    for (; has_failed && nth < 100; nth++) {
        gdwsi_outq out;
        size_t count = 0;
        gdwsi_outq_init(&out, NULL);
        gdwsi_mem_fail_at(nth);
        for (int i = 0; i < 4; i++) {
            size_t before = gdwsi_outq_bytes(&out);
            gdws_error error = gdwsi_outq_put_message(
                &out, gdwsi_frame_of_message(false, sizeof(bytes), true), bytes);
            ck_assert(error == GDWS_OK || error == GDWS_OUT_OF_MEMORY);
            count += error == GDWS_OK ? 1 : 0;
            ck_assert(error == GDWS_OK || gdwsi_outq_bytes(&out) == before);
        }
        has_failed = gdwsi_mem_has_failed();
        ck_assert_uint_eq(count, has_failed ? 3 : 4);
        ck_assert_uint_eq(gdwsi_outq_packets(&out), count);
        gdwsi_outq_clear(&out);
    }
    ck_assert_uint_gt(nth, 2);
    ck_assert_uint_lt(nth, 100);
}
END_TEST

/* AddressSanitizer has to see each use of a freed block: nothing is kept then. */
#if defined(__SANITIZE_ADDRESS__)
#define KEEPS 0u
#else
#define KEEPS 1u
#endif

START_TEST(the_pool_gives_back_what_is_not_needed)
{
    gdwsi_pool pool = {0};
    void *blocks[8];
    size_t capacity = 0;
    for (size_t i = 0; i < 8; i++) {
        blocks[i] = gdwsi_pool_get(&pool, 100000, &capacity);
        ck_assert_uint_eq(capacity, 131072);
    }
    for (size_t i = 0; i < 8; i++) {
        gdwsi_pool_put(&pool, blocks[i], capacity);
    }
    ck_assert_uint_eq(gdwsi_pool_kept(&pool), 8 * KEEPS);
    /* All eight were needed, since the first look. Then two are, at the same time. */
    gdwsi_pool_trim(&pool);
    ck_assert_uint_eq(gdwsi_pool_kept(&pool), 8 * KEEPS);
    blocks[0] = gdwsi_pool_get(&pool, 100000, &capacity);
    blocks[1] = gdwsi_pool_get(&pool, 100000, &capacity);
    gdwsi_pool_put(&pool, blocks[0], capacity);
    gdwsi_pool_put(&pool, blocks[1], capacity);
    gdwsi_pool_trim(&pool);
    ck_assert_uint_eq(gdwsi_pool_kept(&pool), 2 * KEEPS);
    ck_assert_uint_eq(gdwsi_mem_live(), 2 * KEEPS);
    gdwsi_pool_trim(&pool);
    ck_assert_uint_eq(gdwsi_pool_kept(&pool), 0);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}
END_TEST

START_TEST(what_is_kept_has_a_limit)
{
    gdwsi_pool pool = {0};
    static void *blocks[1000];
    size_t capacity = 0;
    for (size_t i = 0; i < 1000; i++) {
        blocks[i] = gdwsi_pool_get(&pool, 1u << 20, &capacity);
        ck_assert_ptr_nonnull(blocks[i]);
    }
    for (size_t i = 0; i < 1000; i++) {
        gdwsi_pool_put(&pool, blocks[i], capacity);
    }
    ck_assert_uint_eq(gdwsi_pool_kept(&pool), 256 * KEEPS);
    ck_assert_uint_eq(gdwsi_mem_live(), 256 * KEEPS);
    ck_assert(gdwsi_pool_keeps(&pool, 1000000) == (KEEPS == 1));
    ck_assert(!gdwsi_pool_keeps(&pool, 1000));
    ck_assert(!gdwsi_pool_keeps(&pool, SIZE_MAX));
    gdwsi_pool_clear(&pool);
}
END_TEST

Suite *queues_suite(void)
{
    Suite *suite = suite_create("queues");
    TCase *tests = tcase_create("queues");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, begin, assert_nothing_is_left);
    tcase_add_test(tests, packets_come_out_as_they_went_in);
    tcase_add_test(tests, a_packet_can_be_looked_at_without_taking_it);
    tcase_add_test(tests, an_open_packet_is_not_there_until_it_is_committed);
    tcase_add_loop_test(tests, a_hundred_thousand_operations_agree_with_a_model, 0, 3);
    tcase_add_test(tests, without_memory_the_packet_queue_is_as_it_was);
    tcase_add_test(tests, messages_are_cut_into_whole_frames);
    tcase_add_test(tests, a_drop_may_end_inside_a_frame);
    tcase_add_test(tests, the_rest_of_a_message_follows_what_was_sent);
    tcase_add_test(tests, the_largest_message_fits_and_no_other);
    tcase_add_test(tests, without_memory_the_outbound_queue_is_as_it_was);
    tcase_add_test(tests, the_pool_gives_back_what_is_not_needed);
    tcase_add_test(tests, what_is_kept_has_a_limit);
    suite_add_tcase(suite, tests);
    return suite;
}
