/* SPDX-License-Identifier: MIT */
/* Multiplayer as bytes: raw sockets play Godot's clients and servers. The bytes and the rules of
 * relaying are those written down from Godot 3.2.3 and from Godot 4's sources (design, section 6).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "multiplayer_host.h"
#include "party.h"
#include "runtests.h"

#define RAWS 3
#define BINARY 0x82

static party p;
static rawsock raws[RAWS];
static int32_t ids[RAWS];
static size_t raw_count;

static void set_up_3(void)
{
    raw_count = 0;
    party_init(&p, GDWS_MULTIPLAYER_GODOT_3);
}

static void set_up_4(void)
{
    raw_count = 0;
    party_init(&p, GDWS_MULTIPLAYER_GODOT_4);
}

static void tear_down(void)
{
    for (size_t i = 0; i < raw_count; i++) {
        rawsock_close(&raws[i]);
    }
    gdws_set_log_callback(NULL, NULL);
    gdws_set_log_level(GDWS_LOG_WARNING);
    party_free(&p);
}

/* Little-endian, written independently of the library. */
static uint8_t *put_int(uint8_t *target, int32_t value)
{
    uint32_t bits = (uint32_t)value;
    target[0] = (uint8_t)(bits & 0xff);
    target[1] = (uint8_t)(bits >> 8 & 0xff);
    target[2] = (uint8_t)(bits >> 16 & 0xff);
    target[3] = (uint8_t)(bits >> 24);
    return target + 4;
}

static void expect_bytes(rawsock *raw, const void *bytes, size_t size)
{
    const uint8_t *payload;
    size_t length;
    ck_assert_int_eq(rawsock_read_frame(raw, &payload, &length), BINARY);
    ck_assert_uint_eq(length, size);
    ck_assert_mem_eq(payload, bytes, size);
}

static void expect_system(rawsock *raw, uint8_t type, int32_t id)
{
    uint8_t message[13] = {type, 1, 0, 0, 0, 0, 0, 0, 0};
    put_int(message + 9, id);
    expect_bytes(raw, message, sizeof(message));
}

static void send_bytes(rawsock *raw, const void *bytes, size_t length)
{
    rawsock_send_frame(raw, BINARY, bytes, length, true);
}

/* Join as Godot 3's client does, and check what the server says. Returns the id. */
static int32_t raw_join(void)
{
    const uint8_t *payload;
    size_t length;
    rawsock *raw = &raws[raw_count];
    int before = p.host.connected;
    rawsock_connect(raw, p.loop, party_port(&p));
    rawsock_upgrade(raw);
    ck_assert_int_eq(rawsock_read_frame(raw, &payload, &length), BINARY);
    ck_assert_uint_eq(length, p.wire == GDWS_MULTIPLAYER_GODOT_3 ? 13 : 4);
    WAIT_FOR_ON(p.loop, p.host.connected == before + 1);
    int32_t id = p.host.last_id;
    uint8_t expected[13] = {3, 1, 0, 0, 0, 0, 0, 0, 0};
    put_int(expected + 9, id);
    ck_assert_mem_eq(payload, p.wire == GDWS_MULTIPLAYER_GODOT_3 ? expected : expected + 9, length);
    ids[raw_count] = id;
    raw_count++;
    return id;
}

START_TEST(joiners_bystanders_and_leavers_see_what_godot_3_shows)
{
    int32_t a = raw_join();
    expect_system(&raws[0], 1, 1);
    int32_t b = raw_join();
    expect_system(&raws[1], 1, 1);
    expect_system(&raws[1], 1, a);
    expect_system(&raws[0], 1, b);
    int32_t c = raw_join();
    expect_system(&raws[2], 1, 1);
    expect_system(&raws[2], 1, a < b ? a : b);
    expect_system(&raws[2], 1, a < b ? b : a);
    expect_system(&raws[0], 1, c);
    expect_system(&raws[1], 1, c);
    /* One leaves with a Close frame, another without a word. */
    rawsock_send_frame(&raws[0], 0x88, "\x03\xe8", 2, true);
    rawsock_expect_close(&raws[0], 1000);
    expect_system(&raws[1], 2, a);
    expect_system(&raws[2], 2, a);
    rawsock_close(&raws[0]);
    rawsock_close(&raws[2]);
    expect_system(&raws[1], 2, c);
    WAIT_FOR_ON(p.loop, p.host.disconnected == 2);
    raws[0] = raws[1];
    raw_count = 1;
}
END_TEST

/* Relaying */

/* Read until the marker that the server sends to all, and count messages that are these bytes. */
static int count_until_marker(rawsock *raw, const void *bytes, size_t size)
{
    int count = 0;
    for (;;) {
        const uint8_t *payload;
        size_t length;
        ck_assert_int_eq(rawsock_read_frame(raw, &payload, &length), BINARY);
        if (length == 15 && memcmp(payload + 9, "marker", 6) == 0) {
            return count;
        }
        ck_assert_uint_eq(length, size);
        ck_assert_mem_eq(payload, bytes, size);
        count++;
    }
}

/* Whether a peer is to get what a sender addressed: design, section 6. sender and peer 0: the
 * server. */
static bool is_to_get(int32_t sender, int32_t peer, int32_t target)
{
    if (peer == sender || target == sender) {
        return false;
    }
    if (target > 0) {
        return peer == target;
    }
    return -(int64_t)target != peer;
}

static void check_row(int32_t sender, rawsock *from, int32_t target)
{
    uint8_t message[16] = {0};
    size_t size = from != NULL && target % 2 == 0 ? 9 : 16; /* the empty payload by turns */
    put_int(put_int(message + 1, sender), target);
    memcpy(message + 9, "payload", 7);
    int heard = p.host.packets;
    if (from != NULL) {
        send_bytes(from, message, size);
    } else {
        gdws_multiplayer_set_target_peer(p.host.mp, target);
        (void)gdws_multiplayer_put_packet(p.host.mp, "payload", 7);
    }
    /* The sender's message has arrived when the one behind it, to the server alone, has. */
    uint8_t fence[14] = {0};
    put_int(put_int(fence + 1, ids[0]), 1);
    memcpy(fence + 9, "fence", 5);
    for (size_t i = 0; i < RAWS; i++) {
        put_int(fence + 1, ids[i]);
        send_bytes(&raws[i], fence, sizeof(fence));
    }
    bool is_kept = from != NULL && is_to_get(sender, 1, target);
    WAIT_FOR_ON(p.loop, p.host.packets >= heard + RAWS + (is_kept ? 1 : 0));
    ck_assert_int_eq(p.host.packets, heard + RAWS + (is_kept ? 1 : 0));
    const uint8_t *packet;
    size_t length;
    int kept = 0;
    while (gdws_multiplayer_get_available_packet_count(p.host.mp) > 0) {
        int32_t source = gdws_multiplayer_get_packet_peer(p.host.mp);
        ck_assert_int_eq(gdws_multiplayer_get_packet(p.host.mp, &packet, &length), GDWS_OK);
        if (length == size - 9 && memcmp(packet, "payload", length) == 0) {
            ck_assert_int_eq(source, sender);
            kept++;
        } else {
            ck_assert_str_eq((const char *)packet, "fence");
        }
    }
    ck_assert_int_eq(kept, is_kept ? 1 : 0);
    gdws_multiplayer_set_target_peer(p.host.mp, 0);
    ck_assert_int_eq(gdws_multiplayer_put_packet(p.host.mp, "marker", 6), GDWS_OK);
    for (size_t i = 0; i < RAWS; i++) {
        int count = count_until_marker(&raws[i], message, size);
        ck_assert_msg(count == (is_to_get(sender, ids[i], target) ? 1 : 0),
                      "from %d to %d: peer %d got %d", (int)sender, (int)target, (int)ids[i],
                      count);
    }
}

START_TEST(every_sender_and_target_among_four)
{
    for (size_t i = 0; i < RAWS; i++) {
        raw_join();
    }
    for (size_t i = 0; i < RAWS; i++) {
        /* What was said about the others. */
        for (size_t other = 0; other < RAWS; other++) {
            const uint8_t *payload;
            size_t length;
            ck_assert_int_eq(rawsock_read_frame(&raws[i], &payload, &length), BINARY);
            ck_assert_uint_eq(payload[0], 1);
        }
    }
    int32_t targets[4 * 2 + 4] = {0, 1, -1, 12345, -12345, INT32_MIN};
    size_t count = 6;
    for (size_t i = 0; i < RAWS; i++) {
        targets[count++] = ids[i];
        targets[count++] = -ids[i];
    }
    for (size_t target = 0; target < count; target++) {
        for (size_t i = 0; i < RAWS; i++) {
            check_row(ids[i], &raws[i], targets[target]);
        }
        check_row(1, NULL, targets[target]);
    }
}
END_TEST

START_TEST(every_target_among_four_on_godot_4s_wire)
{
    const uint8_t *packet;
    size_t length;
    for (size_t i = 0; i < RAWS; i++) {
        raw_join();
    }
    int32_t targets[2 * RAWS + 1] = {0};
    for (size_t i = 0; i < RAWS; i++) {
        targets[2 * i + 1] = ids[i];
        targets[2 * i + 2] = -ids[i];
    }
    for (size_t target = 0; target < 2 * RAWS + 1; target++) {
        gdws_multiplayer_set_target_peer(p.host.mp, targets[target]);
        ck_assert_int_eq(gdws_multiplayer_put_packet(p.host.mp, "payload", 7), GDWS_OK);
        gdws_multiplayer_set_target_peer(p.host.mp, 0);
        ck_assert_int_eq(gdws_multiplayer_put_packet(p.host.mp, "end", 3), GDWS_OK);
        for (size_t i = 0; i < RAWS; i++) {
            if (is_to_get(1, ids[i], targets[target])) {
                expect_bytes(&raws[i], "payload", 7);
            }
            expect_bytes(&raws[i], "end", 3);
        }
    }
    /* Inwards there is only the server: whatever the bytes look like. */
    for (size_t i = 0; i < RAWS; i++) {
        send_bytes(&raws[i], "\x03\x01", 2);
        WAIT_FOR_ON(p.loop, p.host.packets == (int)i + 1);
        ck_assert_int_eq(gdws_multiplayer_get_packet_peer(p.host.mp), ids[i]);
        ck_assert_int_eq(gdws_multiplayer_get_packet(p.host.mp, &packet, &length), GDWS_OK);
        ck_assert_uint_eq(length, 2);
        ck_assert_mem_eq(packet, "\x03\x01", 2);
    }
}
END_TEST

/* What is dropped */

typedef struct journal {
    int dropped;
    char last[256];
} journal;

static void note_line(gdws_log_level level, const char *line, void *user)
{
    journal *notes = user;
    (void)level;
    if (strstr(line, "dropped") != NULL) {
        notes->dropped++;
        (void)snprintf(notes->last, sizeof(notes->last), "%s", line);
    }
}

static const char *words_of_id(int32_t id)
{
    static char text[32];
    (void)snprintf(text, sizeof(text), "peer %d:", (int)id);
    return text;
}

START_TEST(malformed_messages_are_dropped_with_a_line_and_the_sender_stays)
{
    journal notes = {0};
    gdws_set_log_level(GDWS_LOG_INFO);
    gdws_set_log_callback(note_line, &notes);
    int32_t a = raw_join();
    int32_t b = raw_join();
    expect_system(&raws[1], 1, 1);
    expect_system(&raws[1], 1, a);
    uint8_t good[10] = {0};
    put_int(put_int(good + 1, a), 0);
    for (int broken = 0; broken < 9; broken++) {
        uint8_t message[13] = {0};
        size_t length = 13;
        put_int(put_int(message + 1, a), b);
        switch (broken) {
        case 0:
        case 1:
        case 2: /* types that are the server's */
            message[0] = (uint8_t)(broken + 1);
            break;
        case 3: /* a type that is nobody's */
            message[0] = 0xff;
            break;
        case 4: /* somebody else's name */
            put_int(message + 1, b);
            break;
        case 5: /* the server's name */
            put_int(message + 1, 1);
            break;
        case 6: /* to itself */
            put_int(message + 5, a);
            break;
        case 7: /* to nobody */
            put_int(message + 5, a == 77 || b == 77 ? 78 : 77);
            break;
        case 8: /* too short */
            length = 8;
            break;
        }
        send_bytes(&raws[0], message, length);
        WAIT_FOR_ON(p.loop, notes.dropped == broken + 1);
        ck_assert_ptr_nonnull(strstr(notes.last, words_of_id(a)));
    }
    send_bytes(&raws[0], "", 0);
    WAIT_FOR_ON(p.loop, notes.dropped == 10);
    ck_assert_int_eq(p.host.packets, 0);
    send_bytes(&raws[0], good, sizeof(good));
    expect_bytes(&raws[1], good, sizeof(good));
    WAIT_FOR_ON(p.loop, p.host.packets == 1);
    ck_assert_int_eq(p.host.disconnected, 0);
}
END_TEST

/* Slow targets */

/* A client of gdws joins where raw ones are, which it is told of, too. */
static int32_t party_join_beside(size_t others)
{
    guest *joiner = &p.guests[p.count];
    p.count++;
    party_make(&p, joiner);
    party_connect(&p, joiner);
    WAIT_FOR_ON(p.loop, joiner->connected == (int)others + 1);
    for (size_t i = 0; i < p.count; i++) {
        WAIT_FOR_ON(p.loop, p.guests[i].connected == (int)others + 1);
    }
    return gdws_multiplayer_get_unique_id(joiner->mp);
}

/* Let a raw client join that does not read, and fill everything between it and the server. */
static void stuff(void)
{
    static const uint8_t bytes[4000];
    gdws_multiplayer_set_target_peer(p.host.mp, ids[0]);
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (gdws_multiplayer_put_packet(p.host.mp, bytes, sizeof(bytes)) == GDWS_OK) {
        ck_assert_int_eq(gdws_loop_poll(p.loop), GDWS_OK);
        ck_assert(world_now_ms() < limit);
    }
}

START_TEST(a_message_waits_for_a_slow_target_and_so_does_its_sender)
{
    ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(p.host.mp, 60000), GDWS_OK);
    raw_join();
    int32_t b = party_join_beside(raw_count);
    int32_t c = party_join_beside(raw_count + 1);
    stuff();
    party_say(&p.guests[0], 0, "to all");
    party_say(&p.guests[0], c, "to one");
    party_say(&p.guests[1], b, "others go on");
    party_expect(&p, &p.guests[0], c, "others go on");
    ck_assert_int_eq(p.host.packets, 0);
    ck_assert_uint_eq(gdws_multiplayer_get_available_packet_count(p.guests[1].mp), 0);
    /* It begins to read: everything comes, in order. */
    int told = 0;
    while (p.host.packets == 0) {
        const uint8_t *payload;
        size_t length;
        ck_assert_int_eq(rawsock_read_frame(&raws[0], &payload, &length), BINARY);
        told += payload[0] == 1 ? 1 : 0;
    }
    ck_assert_int_eq(told, 3);
    party_expect(&p, &p.host, b, "to all");
    party_expect(&p, &p.guests[1], b, "to all");
    party_expect(&p, &p.guests[1], b, "to one");
    for (;;) {
        const uint8_t *payload;
        size_t length;
        ck_assert_int_eq(rawsock_read_frame(&raws[0], &payload, &length), BINARY);
        if (length == 15 && memcmp(payload + 9, "to all", 6) == 0) {
            break;
        }
    }
    ck_assert_int_eq(p.host.disconnected, 0);
}
END_TEST

START_TEST(whoever_holds_the_others_up_is_disconnected_in_the_end)
{
    ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(p.host.mp, 100), GDWS_OK);
    raw_join();
    int32_t b = party_join_beside(raw_count);
    party_join_beside(raw_count + 1);
    stuff();
    party_say(&p.guests[0], 0, "to all");
    party_expect(&p, &p.guests[1], b, "to all");
    party_expect(&p, &p.host, b, "to all");
    gdws_multiplayer_set_target_peer(p.host.mp, ids[0]);
    ck_assert_int_eq(gdws_multiplayer_put_packet(p.host.mp, "x", 1), GDWS_OK);
    rawsock_close(&raws[0]);
    raw_count = 0;
    WAIT_FOR_ON(p.loop, p.host.disconnected == 1 && p.guests[1].disconnected == 1);
}
END_TEST

/* The loop's clock stands still between polls. */
START_TEST(a_long_frame_is_not_the_time_that_somebody_holds_others_up)
{
    static const uint8_t bytes[8000];
    raw_join();
    gdws_peer *peer = gdws_multiplayer_get_peer(p.host.mp, ids[0]);
    size_t room = gdws_peer_get_outbound_buffer_size(peer);
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    gdws_multiplayer_set_target_peer(p.host.mp, ids[0]);
    while (gdws_peer_get_current_outbound_buffered_amount(peer) + sizeof(bytes) < room) {
        ck_assert_int_eq(gdws_multiplayer_put_packet(p.host.mp, bytes, 4000), GDWS_OK);
        ck_assert_int_eq(gdws_loop_poll(p.loop), GDWS_OK);
        ck_assert(world_now_ms() < limit);
    }
    ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(p.host.mp, 300), GDWS_OK);
    world_stall(400);
    ck_assert_int_eq(gdws_multiplayer_put_packet(p.host.mp, bytes, sizeof(bytes)), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_put_packet(p.host.mp, "", 0), GDWS_OUT_OF_MEMORY);
    ck_assert_int_eq(gdws_loop_poll(p.loop), GDWS_OK);
    ck_assert_int_eq(gdws_peer_get_ready_state(peer), GDWS_STATE_OPEN);
    /* It does hold them up. */
    WAIT_FOR_ON(p.loop, gdws_peer_get_ready_state(peer) == GDWS_STATE_CLOSING);
    rawsock_close(&raws[0]);
    raw_count = 0;
    WAIT_FOR_ON(p.loop, p.host.disconnected == 1);
}
END_TEST

START_TEST(what_a_leaver_said_last_comes_before_its_leaving)
{
    ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(p.host.mp, 60000), GDWS_OK);
    raw_join();
    int32_t b = party_join_beside(raw_count);
    stuff();
    party_say(&p.guests[0], ids[0], "last words");
    gdws_multiplayer_close(p.guests[0].mp);
    WAIT_FOR_ON(p.loop, p.guests[0].over == 1 && p.host.disconnected == 1);
    bool is_said = false;
    for (;;) {
        const uint8_t *payload;
        size_t length;
        ck_assert_int_eq(rawsock_read_frame(&raws[0], &payload, &length), BINARY);
        if (payload[0] == 0 && length == 19 && memcmp(payload + 9, "last words", 10) == 0) {
            is_said = true;
        }
        if (payload[0] == 2) {
            uint8_t expected[13] = {2, 1};
            put_int(expected + 9, b);
            ck_assert_mem_eq(payload, expected, 13);
            break;
        }
    }
    ck_assert(is_said);
}
END_TEST

/* Say ten times which one it is. */
static void say_often(size_t sender, int32_t target)
{
    char text[2] = {(char)('0' + sender), 0};
    for (int i = 0; i < 10; i++) {
        party_say(&p.guests[sender], target, text);
    }
}

/* Begin again, with room for one message in the queue of each connection. */
static void listen_with_room_for_one(void)
{
    gdws_multiplayer_close(p.host.mp);
    ck_assert_int_eq(gdws_server_set_max_queued_packets(gdws_multiplayer_get_server(p.host.mp), 1),
                     GDWS_OK);
    party_listen(&p);
}

/* Each time that it has read, there is room for two messages: one in its queue, one behind it. */
START_TEST(those_who_wait_for_a_slow_target_take_turns)
{
    int said[4] = {0};
    ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(p.host.mp, 60000), GDWS_OK);
    listen_with_room_for_one();
    raw_join();
    for (size_t i = 0; i < 4; i++) {
        (void)party_join_beside(raw_count + i);
    }
    stuff();
    for (size_t i = 0; i < 4; i++) {
        say_often(i, ids[0]);
    }
    while (said[0] + said[1] + said[2] + said[3] < 40) {
        const uint8_t *payload;
        size_t length;
        ck_assert_int_eq(rawsock_read_frame(&raws[0], &payload, &length), BINARY);
        if (payload[0] == 0 && length == 10) {
            said[payload[9] - '0']++;
        }
        for (int i = 0; i < 4; i++) {
            ck_assert_int_le(said[i], said[(i + 1) % 4] + 3);
        }
    }
}
END_TEST

static void sleep_for_long(guest *one)
{
    one->on_peer_connected = NULL;
    world_stall(400);
}

/* What a newcomer is to be told does not fit into its queue, and goes out by and by. */
START_TEST(a_newcomer_is_not_slow_because_the_server_has_slept)
{
    ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(p.host.mp, 300), GDWS_OK);
    listen_with_room_for_one();
    for (size_t i = 0; i < 4; i++) {
        (void)party_join_beside(raw_count + i);
    }
    p.host.on_peer_connected = sleep_for_long;
    raw_join();
    expect_system(&raws[0], 1, 1);
    ck_assert_uint_eq(gdws_multiplayer_get_peer_list(p.host.mp, NULL, 0), 5);
    for (int i = 0; i < 4; i++) {
        const uint8_t *payload;
        size_t length;
        ck_assert_int_eq(rawsock_read_frame(&raws[0], &payload, &length), BINARY);
        ck_assert_uint_eq(payload[0], 1);
    }
}
END_TEST

/* The program puts when it has polled: then those who wait have filled the queue again. */
START_TEST(the_server_has_its_turn_at_a_slow_target_that_another_floods)
{
    static const uint8_t large[1024 * 1024 + 1] = "h";
    int turns = 0;
    int said = 0;
    int heard = 0;
    ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(p.host.mp, 60000), GDWS_OK);
    listen_with_room_for_one();
    raw_join();
    (void)party_join_beside(raw_count);
    stuff();
    gdws_multiplayer *host = p.host.mp;
    for (int i = 0; i < 20; i++) {
        party_say(&p.guests[0], ids[0], "g");
    }
    ck_assert_int_eq(gdws_multiplayer_put_packet(host, "h", 1), GDWS_OUT_OF_MEMORY);
    uint64_t limit = world_now_ms() + WORLD_LIMIT_MS;
    while (heard < 20 || said < 3) {
        const uint8_t *payload;
        size_t length;
        int before = p.host.drained;
        ck_assert_int_eq(p.host.disconnected, 0);
        ck_assert(world_now_ms() < limit);
        ck_assert_int_eq(rawsock_read_frame(&raws[0], &payload, &length), BINARY);
        heard += payload[0] == 0 && length == 10 && payload[9] == 'g' ? 1 : 0;
        said += payload[0] == 0 && length == 10 && payload[9] == 'h' ? 1 : 0;
        if (p.host.drained > before) {
            /* The first turn is used for what never fits. */
            ck_assert_int_eq(
                gdws_multiplayer_put_packet(host, large, turns == 0 ? sizeof(large) : 1),
                turns == 0 ? GDWS_PARAMETER_RANGE_ERROR : GDWS_OK);
            turns++;
            while (gdws_multiplayer_put_packet(host, "h", 1) == GDWS_OK) {
                /* Until it has to wait again, which is soon, unless that one is being closed. */
                ck_assert(world_now_ms() < limit);
            }
        }
    }
}
END_TEST

/* Whoever waits for drained is told, too, when there is nobody to wait for any more. */
static void wait_for_drained_and_leave(bool is_given_up)
{
    ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(p.host.mp, is_given_up ? 100 : 60000),
                     GDWS_OK);
    raw_join();
    stuff();
    int before = p.host.drained;
    gdws_multiplayer_set_target_peer(p.host.mp, 0);
    ck_assert_int_eq(gdws_multiplayer_put_packet(p.host.mp, "all", 3), GDWS_OUT_OF_MEMORY);
    if (!is_given_up) {
        rawsock_close(&raws[0]);
    }
    WAIT_FOR_ON(p.loop, p.host.drained == before + 1);
    ck_assert_int_eq(p.host.disconnected, is_given_up ? 0 : 1);
    ck_assert_int_eq(gdws_multiplayer_put_packet(p.host.mp, "all", 3), GDWS_OK);
    rawsock_close(&raws[0]);
    raw_count = 0;
    WAIT_FOR_ON(p.loop, p.host.disconnected == 1);
    ck_assert_int_eq(p.host.drained, before + 1);
}

START_TEST(drained_comes_when_the_slow_one_is_given_up)
{
    wait_for_drained_and_leave(true);
}
END_TEST

START_TEST(drained_comes_when_the_slow_one_has_gone)
{
    wait_for_drained_and_leave(false);
}
END_TEST

static void free_host(gdws_multiplayer *multiplayer, int32_t id, void *user)
{
    (void)id;
    (void)user;
    gdws_multiplayer_free(multiplayer);
    p.host.mp = NULL;
}

/* By the look at the clock, and before the peer is signalled as disconnected. */
START_TEST(a_server_may_be_freed_when_a_put_may_be_tried_again)
{
    for (int is_given_up = 0; is_given_up < 2; is_given_up++) {
        gdws_multiplayer_signals signals = p.host.mp->signals;
        signals.drained = free_host;
        ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(p.host.mp, 60000), GDWS_OK);
        raw_join();
        stuff();
        ck_assert_int_eq(gdws_multiplayer_set_signals(p.host.mp, &signals), GDWS_OK);
        if (is_given_up == 1) {
            ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(p.host.mp, 10), GDWS_OK);
        } else {
            rawsock_close(&raws[0]);
        }
        WAIT_FOR_ON(p.loop, p.host.mp == NULL);
        ck_assert_int_eq(p.host.disconnected, 1);
        tear_down();
        set_up_3();
    }
}
END_TEST

static int times_asked;

static bool count_turn(gdws_multiplayer *multiplayer, gdwsi_member *member)
{
    times_asked++;
    return gdwsi_multiplayer_host.handle(multiplayer, member);
}

START_TEST(whoever_must_wait_is_asked_once_however_much_another_says)
{
    const uint8_t *packet;
    size_t length;
    gdwsi_multiplayer_role counting = gdwsi_multiplayer_host;
    counting.handle = count_turn;
    ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(p.host.mp, 60000), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_set_max_queued_packets(p.host.mp, 50), GDWS_OK);
    raw_join();
    int32_t id = 0;
    for (size_t i = 0; i < 4; i++) {
        id = party_join_beside(raw_count + i);
    }
    stuff();
    for (size_t i = 0; i < 3; i++) {
        party_say(&p.guests[i], ids[0], "to the slow one");
    }
    for (int i = 0; i < 100; i++) {
        party_say(&p.guests[3], 1, "to the server");
    }
    gdws_peer *talker = gdws_multiplayer_get_peer(p.host.mp, id);
    WAIT_FOR_ON(p.loop, p.host.packets == 50 && gdws_peer_get_available_packet_count(talker) == 50);
    while (gdws_multiplayer_get_packet(p.host.mp, &packet, &length) == GDWS_OK) {
        /* Make room for the other half. */
    }
    times_asked = 0;
    p.host.mp->role = &counting;
    ck_assert_int_eq(gdws_loop_poll(p.loop), GDWS_OK);
    p.host.mp->role = &gdwsi_multiplayer_host;
    ck_assert_int_eq(p.host.packets, 100);
    ck_assert_int_eq(times_asked, 53);
}
END_TEST

static int lost_lines;

static void count_lost(gdws_log_level level, const char *line, void *user)
{
    (void)user;
    lost_lines +=
        level == GDWS_LOG_WARNING && strstr(line, "has left with a message of") != NULL ? 1 : 0;
}

static uint64_t packets_of(int32_t id)
{
    return gdws_peer_get_received_packet_count(gdws_multiplayer_get_peer(p.host.mp, id));
}

/* The host's queue is full by then; so much again is kept of those who leave, and no more. */
START_TEST(what_leavers_said_last_is_kept_though_the_queue_is_full)
{
    ck_assert_int_eq(gdws_multiplayer_set_stall_timeout_ms(p.host.mp, 60000), GDWS_OK);
    ck_assert_int_eq(gdws_multiplayer_set_max_queued_packets(p.host.mp, 1), GDWS_OK);
    raw_join();
    int32_t talker = party_join_beside(raw_count);
    int32_t first = party_join_beside(raw_count + 1);
    int32_t second = party_join_beside(raw_count + 2);
    stuff();
    /* These wait for the raw one, and that one fills the queue. */
    party_say(&p.guests[1], 0, "first");
    party_say(&p.guests[2], 0, "second");
    WAIT_FOR_ON(p.loop, packets_of(first) == 1 && packets_of(second) == 1);
    party_say(&p.guests[0], 1, "talk");
    WAIT_FOR_ON(p.loop, p.host.packets == 1);
    lost_lines = 0;
    gdws_set_log_callback(count_lost, NULL);
    gdws_multiplayer_close(p.guests[1].mp);
    WAIT_FOR_ON(p.loop, p.host.disconnected == 1);
    ck_assert_int_eq(p.host.packets, 2);
    ck_assert_int_eq(lost_lines, 0);
    gdws_multiplayer_close(p.guests[2].mp);
    WAIT_FOR_ON(p.loop, p.host.disconnected == 2);
    gdws_set_log_callback(NULL, NULL);
    ck_assert_int_eq(lost_lines, 1);
    /* A signal for each that is there, and none for the other. */
    ck_assert_int_eq(p.host.packets, 2);
    ck_assert_uint_eq(gdws_multiplayer_get_available_packet_count(p.host.mp), 2);
    party_expect(&p, &p.host, talker, "talk");
    party_expect(&p, &p.host, first, "first");
}
END_TEST

/* As a client of a server that is not gdws */

static rawsock server_side;
static int listener = -1;

static guest *connect_to_raw_within(uint32_t timeout_ms)
{
    uint16_t port;
    char url[64];
    guest *one = &p.guests[0];
    party_make(&p, one);
    ck_assert_int_eq(gdws_multiplayer_set_greeting_timeout_ms(one->mp, timeout_ms), GDWS_OK);
    listener = rawsock_listen(&port);
    (void)snprintf(url, sizeof(url), "ws://127.0.0.1:%u/", port);
    ck_assert_int_eq(gdws_multiplayer_create_client(one->mp, url), GDWS_OK);
    rawsock_accept(&server_side, p.loop, listener);
    rawsock_answer_upgrade(&server_side, "");
    return one;
}

static guest *connect_to_raw(void)
{
    return connect_to_raw_within(5000);
}

static void end_raw(void)
{
    rawsock_close(&server_side);
    (void)close(listener);
}

static void say(const void *bytes, size_t length)
{
    rawsock_send_frame(&server_side, BINARY, bytes, length, false);
}

static void say_system(uint8_t type, int32_t id)
{
    uint8_t message[13] = {type, 1};
    put_int(message + 9, id);
    say(message, sizeof(message));
}

START_TEST(a_client_speaks_as_godot_3s_client)
{
    static const int32_t targets[] = {0, 1, -1, 77, -77};
    guest *one = connect_to_raw();
    say_system(3, 0x11223344);
    ck_assert_int_eq(gdws_multiplayer_put_packet(one->mp, "hi", 2), GDWS_UNAVAILABLE);
    say_system(1, 1);
    WAIT_FOR_ON(p.loop, one->succeeded == 1);
    ck_assert_int_eq(gdws_multiplayer_get_unique_id(one->mp), 0x11223344);
    for (size_t i = 0; i < 5; i++) {
        uint8_t expected[11] = {0x00, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0, 0x68, 0x69};
        put_int(expected + 5, targets[i]);
        gdws_multiplayer_set_target_peer(one->mp, targets[i]);
        ck_assert_int_eq(gdws_multiplayer_put_packet(one->mp, "hi", 2), GDWS_OK);
        expect_bytes(&server_side, expected, sizeof(expected));
    }
    /* What it must bear: unknown types, wrong lengths, peers that cannot be. */
    say("\x07", 1);
    say("\x09\x01\0\0\0\0\0\0\0\0\0\0\0", 13);
    say("\x01\x01\0\0\0\0\0\0\0\x05\0\0", 12);
    say_system(1, 0);
    say_system(1, -5);
    say_system(1, 1);
    say_system(1, 0x11223344);
    say_system(2, 99);
    say_system(2, 1);
    say_system(3, 12);
    say_system(1, 50);
    say("\0\x32\0\0\0\x44\x33\x22\x11"
        "empty next",
        19);
    say("\0\x32\0\0\0\x44\x33\x22\x11", 9);
    say_system(2, 50);
    WAIT_FOR_ON(p.loop, one->disconnected == 1);
    ck_assert_str_eq(one->log, "+1 ok +50 p50 p50 -50 ");
    party_expect(&p, one, 50, "empty next");
    party_expect(&p, one, 50, "");
    rawsock_close(&server_side);
    WAIT_FOR_ON(p.loop, one->over == 1);
    ck_assert_int_eq(one->failed, 0);
    (void)close(listener);
}
END_TEST

START_TEST(a_server_that_never_gives_an_id_is_given_up)
{
    guest *one = connect_to_raw_within(100);
    rawsock_expect_close(&server_side, 1002);
    rawsock_send_frame(&server_side, 0x88, "\x03\xea", 2, false);
    WAIT_FOR_ON(p.loop, one->failed == 1);
    ck_assert_ptr_nonnull(strstr(gdws_multiplayer_get_error_message(one->mp), "no id in time"));
    ck_assert_str_eq(one->log, "fail ");
    end_raw();
}
END_TEST

START_TEST(a_wait_for_an_id_that_has_begun_can_be_cut_short)
{
    guest *one = connect_to_raw_within(60 * 60 * 1000);
    gdws_client *client = gdws_multiplayer_get_client(one->mp);
    WAIT_FOR_ON(p.loop, gdws_client_get_connection_status(client) == GDWS_CONNECTION_CONNECTED);
    ck_assert_int_eq(gdws_multiplayer_set_greeting_timeout_ms(one->mp, 100), GDWS_OK);
    rawsock_expect_close(&server_side, 1002);
    end_raw();
    WAIT_FOR_ON(p.loop, one->failed == 1);
}
END_TEST

START_TEST(an_id_that_came_in_time_counts_after_a_long_frame)
{
    uint8_t frame[16];
    guest *one = connect_to_raw_within(300);
    gdws_client *client = gdws_multiplayer_get_client(one->mp);
    WAIT_FOR_ON(p.loop, gdws_client_get_connection_status(client) == GDWS_CONNECTION_CONNECTED);
    size_t size = rawsock_frame(frame, BINARY, "\x02\0\0\0", 4, false);
    ck_assert_int_gt(rawsock_try_send(&server_side, frame, size), 0);
    world_stall(400);
    WAIT_FOR_ON(p.loop, one->succeeded == 1 || one->failed == 1);
    ck_assert_str_eq(one->log, "+1 ok ");
    end_raw();
    WAIT_FOR_ON(p.loop, one->over == 1);
}
END_TEST

START_TEST(godot_4s_greeting_must_be_an_id)
{
    static const char *const wrong[] = {"\x01\0\0\0",   "\0\0\0\0", "\0\0\0\x80",
                                        "\x05\0\0\0\0", "",         "\x07\0\0"};
    static const size_t lengths[] = {4, 4, 4, 5, 0, 3};
    for (size_t i = 0; i < 6; i++) {
        guest *one = connect_to_raw();
        say(wrong[i], lengths[i]);
        say("more", 4);
        rawsock_expect_close(&server_side, 1002);
        rawsock_send_frame(&server_side, 0x88, "\x03\xea", 2, false);
        WAIT_FOR_ON(p.loop, one->failed == 1);
        ck_assert_str_eq(one->log, "fail ");
        ck_assert_ptr_nonnull(strstr(gdws_multiplayer_get_error_message(one->mp), "is no id"));
        ck_assert_uint_eq(gdws_multiplayer_get_available_packet_count(one->mp), 0);
        gdws_multiplayer_free(one->mp);
        one->mp = NULL;
        end_raw();
    }
    guest *one = connect_to_raw();
    say("\x02\0\0\0", 4);
    say("\x03\0\0\0", 4);
    WAIT_FOR_ON(p.loop, one->packets == 1);
    ck_assert_str_eq(one->log, "+1 ok p1 ");
    ck_assert_int_eq(gdws_multiplayer_get_unique_id(one->mp), 2);
    gdws_multiplayer_set_target_peer(one->mp, -1);
    ck_assert_int_eq(gdws_multiplayer_put_packet(one->mp, "hi", 2), GDWS_OK);
    expect_bytes(&server_side, "hi", 2);
    end_raw();
    WAIT_FOR_ON(p.loop, one->over == 1);
}
END_TEST

Suite *multiplayer_wire_suite(void)
{
    Suite *suite = suite_create("multiplayer wire");
    TCase *three = tcase_create("godot 3");
    tcase_add_checked_fixture(three, set_up_3, tear_down);
    tcase_set_timeout(three, 60);
    tcase_add_test(three, joiners_bystanders_and_leavers_see_what_godot_3_shows);
    tcase_add_test(three, every_sender_and_target_among_four);
    tcase_add_test(three, malformed_messages_are_dropped_with_a_line_and_the_sender_stays);
    tcase_add_test(three, a_message_waits_for_a_slow_target_and_so_does_its_sender);
    tcase_add_test(three, whoever_holds_the_others_up_is_disconnected_in_the_end);
    /* libwebsockets takes one message in a pass, so that the queue is full before the network. */
    if (!world_is_cut() && !world_is_fallback()) {
        tcase_add_test(three, a_long_frame_is_not_the_time_that_somebody_holds_others_up);
    }
    tcase_add_test(three, what_a_leaver_said_last_comes_before_its_leaving);
    tcase_add_test(three, those_who_wait_for_a_slow_target_take_turns);
    if (!world_is_cut()) {
        /* Or nothing of it goes out in the first pass after the sleep. */
        tcase_add_test(three, a_newcomer_is_not_slow_because_the_server_has_slept);
    }
    tcase_add_test(three, the_server_has_its_turn_at_a_slow_target_that_another_floods);
    tcase_add_test(three, drained_comes_when_the_slow_one_is_given_up);
    tcase_add_test(three, drained_comes_when_the_slow_one_has_gone);
    tcase_add_test(three, a_server_may_be_freed_when_a_put_may_be_tried_again);
    tcase_add_test(three, whoever_must_wait_is_asked_once_however_much_another_says);
    tcase_add_test(three, what_leavers_said_last_is_kept_though_the_queue_is_full);
    tcase_add_test(three, a_client_speaks_as_godot_3s_client);
    tcase_add_test(three, a_server_that_never_gives_an_id_is_given_up);
    tcase_add_test(three, a_wait_for_an_id_that_has_begun_can_be_cut_short);
    suite_add_tcase(suite, three);
    TCase *four = tcase_create("godot 4");
    tcase_add_checked_fixture(four, set_up_4, tear_down);
    tcase_set_timeout(four, 60);
    tcase_add_test(four, every_target_among_four_on_godot_4s_wire);
    if (!world_is_cut()) {
        tcase_add_test(four, an_id_that_came_in_time_counts_after_a_long_frame);
    }
    tcase_add_test(four, godot_4s_greeting_must_be_an_id);
    suite_add_tcase(suite, four);
    return suite;
}
