/* SPDX-License-Identifier: MIT */
/* RFC 6455 by clause, for both roles. Each conversation runs whole, in single bytes, and cut in two
 * at every place; what gdws must send, and what must reach the program, is written from the RFC. A
 * few words on what the RFC leaves open: gdws answers a broken rule with a Close frame before it
 * ends the connection (7.1.7 says SHOULD), and answers a Close with the same code (5.5.1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "notation.h"
#include "rawsock.h"
#include "runtests.h"
#include "world.h"

typedef struct conversation {
    const char *clause;
    const char *said;  /* to gdws */
    const char *heard; /* from gdws; of a Close only the code counts */
    const char *taken; /* messages that reach the program */
} conversation;

#define ERROR "c1002"
#define BYE " c1000"

static const conversation conversations[] = {
    /* 5.2: the length, in all its encodings */
    {"5.2", "t'a'*125" BYE, "c1000", "t'a'*125"},
    {"5.2", "t'a'*126" BYE, "c1000", "t'a'*126"},
    {"5.2", "t'a'*127" BYE, "c1000", "t'a'*127"},
    {"5.2", "t'a'*128" BYE, "c1000", "t'a'*128"},
    {"5.2", "t'a'*65535" BYE, "c1000", "t'a'*65535"},
    {"5.2", "t'a'*65536" BYE, "c1000", "t'a'*65536"},
    {"5.2", "b'a'*124" BYE, "c1000", "b'a'*124"},
    {"5.2", "b'a'*125" BYE, "c1000", "b'a'*125"},
    {"5.2", "b'a'*126" BYE, "c1000", "b'a'*126"},
    {"5.2", "b'a'*65535" BYE, "c1000", "b'a'*65535"},
    {"5.2", "b'a'*65536" BYE, "c1000", "b'a'*65536"},
    {"5.2", "b'a'*65537" BYE, "c1000", "b'a'*65537"},
    {"5.2", "t b" BYE, "c1000", "t b"},
    /* "the minimal number of bytes MUST be used to encode the length" */
    {"5.2", "t/16", ERROR, ""},
    {"5.2", "t'a'/16", ERROR, ""},
    {"5.2", "b'a'*125/16", ERROR, ""},
    {"5.2", "t/64", ERROR, ""},
    {"5.2", "t'a'/64", ERROR, ""},
    {"5.2", "b'a'*125/64", ERROR, ""},
    {"5.2", "b'a'*126/64", ERROR, ""},
    {"5.2", "b'a'*65535/64", ERROR, ""},
    {"5.2", "i'a'/16", ERROR, ""},
    {"5.2", "o'a'/64", ERROR, ""},
    {"5.2", "c1000/16", ERROR, ""},
    {"5.2", "c1000/64", ERROR, ""},
    {"5.2", "B'a' l'b'/16", ERROR, ""},
    /* "the most significant bit MUST be 0" */
    {"5.2", "b'a'=9223372036854775808", ERROR, ""},
    {"5.2", "b'a'=18446744073709551615", ERROR, ""},
    /* What no program could take (10.4) */
    {"10.4", "b'a'=9223372036854775807", "c1009", ""},
    {"10.4", "t'a'=1048577", "c1009", ""},
    {"10.4", "b'a'=4294967296", "c1009", ""},
    {"10.4", "B'a' m'b'=1048576", "c1009", ""},
    /* 5.1: masks */
    {"5.1", "t'a'^", ERROR, ""},
    {"5.1", "b'a'^", ERROR, ""},
    {"5.1", "t^", ERROR, ""},
    {"5.1", "i'a'^", ERROR, ""},
    {"5.1", "i^", ERROR, ""},
    {"5.1", "o'a'^", ERROR, ""},
    {"5.1", "c1000^", ERROR, ""},
    {"5.1", "c^", ERROR, ""},
    {"5.1", "T'a' l'b'^", ERROR, ""},
    {"5.1", "t'a' t'b'^", ERROR, "t'a'"},
    {"5.1", "b'a'*65536^", ERROR, ""},
    /* 5.4: fragments */
    {"5.4", "T'Hel' l'lo'" BYE, "c1000", "t'Hello'"},
    {"5.4", "B'Hel' l'lo'" BYE, "c1000", "b'Hello'"},
    {"5.4", "T'H' m'e' m'l' m'l' l'o'" BYE, "c1000", "t'Hello'"},
    {"5.4", "T l" BYE, "c1000", "t"},
    {"5.4", "B l" BYE, "c1000", "b"},
    {"5.4", "T m m l" BYE, "c1000", "t"},
    {"5.4", "T m'a' l" BYE, "c1000", "t'a'"},
    {"5.4", "T'a' m l" BYE, "c1000", "t'a'"},
    {"5.4", "T l'a'" BYE, "c1000", "t'a'"},
    {"5.4", "T'a'*126 m'b'*125 l'c'*300" BYE, "c1000", "t'a'*126'b'*125'c'*300"},
    {"5.4", "T'a' l'b' B'c' l'd' t'e'" BYE, "c1000", "t'ab' b'cd' t'e'"},
    /* Control frames may come between, and do not end the message. */
    {"5.4", "T'a' i'x' l'b'" BYE, "o'x' c1000", "t'ab'"},
    {"5.4", "B'a' i i'y' m'b' i'z' l'c'" BYE, "o o'y' o'z' c1000", "b'abc'"},
    {"5.4", "T'a' o'x' l'b'" BYE, "c1000", "t'ab'"},
    {"5.4", "i'p' T'a' l'b' i'q'" BYE, "o'p' o'q' c1000", "t'ab'"},
    {"5.4", "T'a' c1000", "c1000", ""},
    {"5.4", "T'a' m'b' c1001'later'", "c1001", ""},
    /* "fragments of one message MUST NOT be interleaved" */
    {"5.4", "T'a' t'b'", ERROR, ""},
    {"5.4", "T'a' b'b'", ERROR, ""},
    {"5.4", "T'a' T'b'", ERROR, ""},
    {"5.4", "T'a' B'b'", ERROR, ""},
    {"5.4", "B'a' t'b'", ERROR, ""},
    {"5.4", "B'a' b", ERROR, ""},
    {"5.4", "B'a' m'b' B'c'", ERROR, ""},
    {"5.4", "T t", ERROR, ""},
    {"5.4", "l'a'", ERROR, ""},
    {"5.4", "m'a'", ERROR, ""},
    {"5.4", "l", ERROR, ""},
    {"5.4", "m", ERROR, ""},
    {"5.4", "t'a' l'b'", ERROR, "t'a'"},
    {"5.4", "t'a' m'b' l'c'", ERROR, "t'a'"},
    {"5.4", "T'a' l'b' l'c'", ERROR, "t'ab'"},
    {"5.4", "T'a' l'b' m'c'", ERROR, "t'ab'"},
    {"5.4", "i'a' l'b'", "o'a' c1002", ""},
    /* 5.5: control frames */
    {"5.5", "i'a'*126", ERROR, ""},
    {"5.5", "o'a'*126", ERROR, ""},
    {"5.5", "i'a'*65536", ERROR, ""},
    {"5.5", "c1000'a'*124", ERROR, ""},
    {"5.5", "c1000'a'*65536", ERROR, ""},
    {"5.5", "#09'a'", ERROR, ""},
    {"5.5", "#09", ERROR, ""},
    {"5.5", "#0a'a'", ERROR, ""},
    {"5.5", "#08<03e8>", ERROR, ""},
    {"5.5", "#08", ERROR, ""},
    {"5.5", "#09'a' l'b'", ERROR, ""},
    {"5.5", "T'a' #09'x' l'b'", ERROR, ""},
    /* 5.5.2 and 5.5.3: pings and pongs */
    {"5.5.2", "i" BYE, "o c1000", ""},
    {"5.5.2", "i'a'" BYE, "o'a' c1000", ""},
    {"5.5.2", "i<00fffe>" BYE, "o<00fffe> c1000", ""},
    {"5.5.2", "i'a'*125" BYE, "o'a'*125 c1000", ""},
    {"5.5.2", "i'1' i'2' i'3' i'4' i'5' i'6' i'7' i'8' i'9' i'10'" BYE,
     "o'1' o'2' o'3' o'4' o'5' o'6' o'7' o'8' o'9' o'10' c1000", ""},
    {"5.5.2", "t'a' i'b' t'c'" BYE, "o'b' c1000", "t'a' t'c'"},
    {"5.5.3", "o" BYE, "c1000", ""},
    {"5.5.3", "o'a'" BYE, "c1000", ""},
    {"5.5.3", "o'a'*125" BYE, "c1000", ""},
    {"5.5.3", "o'a' o'b' t'c'" BYE, "c1000", "t'c'"},
    {"5.5.3", "o<ff> t'a' o<c0> t'b'" BYE, "c1000", "t'a' t'b'"},
    /* 5.5.1: closing */
    {"5.5.1", "c", "c", ""},
    {"5.5.1", "c<03>", ERROR, ""},
    {"5.5.1", "c<00>", ERROR, ""},
    {"5.5.1", "t'a' c", "c", "t'a'"},
    {"5.5.1", "c1000'bye'", "c1000", ""},
    {"5.5.1", "c1000'a'*123", "c1000", ""},
    {"5.5.1", "c4000'b'<c3a9>", "c4000", ""},
    /* Nothing counts after a Close frame (1.4, 5.5.1). */
    {"5.5.1", "c1000 t'late'", "c1000", ""},
    {"5.5.1", "c1000 i'late'", "c1000", ""},
    {"5.5.1", "c1000 c1001", "c1000", ""},
    {"5.5.1", "c1000 #ff'late'", "c1000", ""},
    {"5.5.1", "c1000 l'late'", "c1000", ""},
    {"5.5.1", "T'a' c1000 l'b'", "c1000", ""},
    /* Nor after an error (7.1.7). */
    {"7.1.7", "#83 t'late'", ERROR, ""},
    {"7.1.7", "t<ff> t'late'", "c1007", ""},
    {"7.1.7", "l'a' i'late'", ERROR, ""},
    {"7.1.7", "l'a' c1000", ERROR, ""},
    {"7.1.7", "t'early' i'p' l'a' t'late'", "o'p' c1002", "t'early'"},
    /* 8.1: only text is text. */
    {"8.1", "b<ffc080>" BYE, "c1000", "b<ffc080>"},
    {"8.1", "B<ff> l<fe>" BYE, "c1000", "b<fffe>"},
    {"8.1", "T<c3> i<ff> l<a4>" BYE, "o<ff> c1000", "t<c3a4>"},
    {"8.1", "t<c3a4> o<c3> t<c3a4>" BYE, "c1000", "t<c3a4> t<c3a4>"},
};

/* 7.4: codes, and what is answered. */
static const struct {
    int from;
    int to;
    bool is_fine;
} codes[] = {
    {0, 1, false},       {998, 999, false},   {1000, 1003, true},    {1004, 1006, false},
    {1007, 1014, true},  {1015, 1016, false}, {1099, 1100, false},   {1999, 2000, false},
    {2998, 2999, false}, {3000, 3001, true},  {3999, 4000, true},    {4998, 4999, true},
    {5000, 5001, false}, {9999, 9999, false}, {32768, 32768, false}, {65535, 65535, false},
};

/* RFC 3629: the first and the last of each length, and around the surrogates. */
static const char *const good_text[] = {
    "00",       "7f",       "c280",     "dfbf",
    "e0a080",   "ed9fbf",   "ee8080",   "efb790",
    "efbfbd",   "efbfbe",   "efbfbf",   "f0908080",
    "f09fbfbe", "f3bfbfbf", "f48fbfbf", "cebae1bdb9cf83cebcceb5",
};

/* And what is no UTF-8, with how many of the bytes show it; 0: only its end does. */
static const struct {
    const char *bytes;
    size_t shown;
} bad_text[] = {
    {"80", 1},           {"bf", 1},       {"80bf", 1},     {"6180", 2},     {"c0", 1},
    {"c080", 1},         {"c1bf", 1},     {"c3", 0},       {"c341", 2},     {"c3c3", 2},
    {"e0", 0},           {"e080af", 2},   {"e09fbf", 2},   {"e0a0", 0},     {"e28041", 3},
    {"eda080", 2},       {"edafbf", 2},   {"edb080", 2},   {"edbfbf", 2},   {"eda080edb080", 2},
    {"f0", 0},           {"f08080af", 2}, {"f08fbfbf", 2}, {"f090", 0},     {"f09080", 0},
    {"f0909041", 4},     {"f4908080", 2}, {"f5808080", 1}, {"f7bfbfbf", 1}, {"f888808080", 1},
    {"fc8480808080", 1}, {"fe", 1},       {"ff", 1},       {"feff", 1},     {"c3a4ff", 3},
};

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static world w;
/* What was done, in memory that the tests' processes share. */
static struct {
    int scripts;
    int conversations;
} * tally;

static rawsock raw;
static int listener;
static uint16_t port;
static int conversations_held;

/* What has reached the program, in the notation. */
typedef struct record {
    uint8_t bytes[2 * NOTATION_PAYLOAD_MAX];
    size_t length;
} record;

static record taken;
static record expected;

static void note_message(record *to, bool is_text, const uint8_t *bytes, size_t length)
{
    uint32_t size = (uint32_t)length;
    ck_assert_uint_le(length + 5, sizeof(to->bytes) - to->length);
    to->bytes[to->length] = is_text ? 't' : 'b';
    memcpy(to->bytes + to->length + 1, &size, sizeof(size));
    memcpy(to->bytes + to->length + 5, bytes, length);
    to->length += length + 5;
}

static void take_packet(gdws_peer *peer)
{
    const uint8_t *packet;
    size_t length;
    ck_assert_int_eq(gdws_peer_get_packet(peer, &packet, &length), GDWS_OK);
    note_message(&taken, gdws_peer_was_string_packet(peer), packet, length);
}

static void take_at_server(void *user)
{
    (void)user;
    take_packet(world_server_peer(&w));
}

static void take_at_client(void *user)
{
    (void)user;
    take_packet(world_client_peer(&w));
}

static void set_up(void)
{
    world_init(&w);
    w.at_server.on_data = take_at_server;
    w.at_client.on_data = take_at_client;
    listener = rawsock_listen(&port);
    conversations_held = 0;
}

static void tear_down(void)
{
    (void)close(listener);
    world_free(&w);
}

static void begin(bool is_server)
{
    taken.length = 0;
    if (is_server) {
        rawsock_connect(&raw, w.loop, gdws_server_get_port(w.server));
        rawsock_upgrade(&raw);
        WAIT_FOR(&w, w.at_server.connected == conversations_held + 1);
    } else {
        char url[64];
        (void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", world_scheme(), port);
        ck_assert_int_eq(gdws_client_connect_to_url(w.client, url), GDWS_OK);
        rawsock_accept(&raw, w.loop, listener);
        rawsock_answer_upgrade(&raw, "");
        WAIT_FOR(&w, w.at_client.connected == conversations_held + 1);
    }
}

static void expect_frames(const conversation *talk, bool is_server)
{
    static notation_frame frame;
    const char *at = talk->heard;
    const uint8_t *payload;
    size_t length;
    while (notation_read(&at, &frame)) {
        int first = rawsock_read_frame(&raw, &payload, &length);
        ck_assert_msg(first == frame.first, "%s: %s: frame %02x, not %02x", talk->clause,
                      talk->said, (unsigned)first, frame.first);
        /* Of a Close the code counts. */
        size_t known = first == 0x88 && length > 2 ? 2 : length;
        ck_assert_msg(known == frame.length && memcmp(payload, frame.payload, known) == 0,
                      "%s: %s: the payload of frame %02x", talk->clause, talk->said,
                      (unsigned)first);
    }
    if (!is_server) {
        /* The server closes TCP first; a client waits for that (7.1.1). */
        rawsock_end(&raw);
    }
    rawsock_wait_for_end(&raw, (uint64_t)world_scale(2000, 8000));
    ck_assert_msg(raw.length == 0, "%s: %s: %zu bytes more", talk->clause, talk->said, raw.length);
}

static void expect_messages(const conversation *talk)
{
    static notation_frame frame;
    const char *at = talk->taken;
    expected.length = 0;
    while (notation_read(&at, &frame)) {
        note_message(&expected, frame.first == 0x81, frame.payload, frame.length);
    }
    ck_assert_msg(taken.length == expected.length &&
                      memcmp(taken.bytes, expected.bytes, taken.length) == 0,
                  "%s: %s: what reached the program", talk->clause, talk->said);
}

/* Where there is little time: not cut in two. */
static bool is_reduced(void)
{
    return world_is_secure() || world_scale(0, 1) == 1;
}

/* Hold a conversation: the first bytes, up to cut, apart from the others; piece: 0, or the size of
 * the pieces. */
static void hold(const conversation *talk, bool is_server, const uint8_t *bytes, size_t length,
                 size_t cut, size_t piece)
{
    begin(is_server);
    rawsock_send(&raw, bytes, cut, piece);
    (void)gdws_loop_poll(w.loop);
    rawsock_send(&raw, bytes + cut, length - cut, piece);
    expect_frames(talk, is_server);
    rawsock_close(&raw);
    conversations_held++;
    WAIT_FOR(&w, (is_server ? w.at_server.closed : w.at_client.closed) == conversations_held);
    expect_messages(talk);
    tally->conversations++;
}

/* Whole, in single bytes, and cut in two; where there are very many places, at the first ones, at
 * the last ones and at some between. */
static void hold_in_all_ways(const conversation *talk, bool is_server)
{
    size_t length;
    uint8_t *bytes = notation_encode(talk->said, is_server, &length);
    size_t between = length > 200 ? length / 40 : 1;
    hold(talk, is_server, bytes, length, 0, 0);
    hold(talk, is_server, bytes, length, 0, length > 1000 ? 999 : 1);
    for (size_t cut = 1; cut < length && !is_reduced(); cut++) {
        if (cut < 20 || length - cut < 20 || cut % between == 0) {
            hold(talk, is_server, bytes, length, cut, 0);
        }
    }
    free(bytes);
}

static void hold_with_both(const conversation *talk)
{
    hold_in_all_ways(talk, true);
    conversations_held = 0;
    hold_in_all_ways(talk, false);
    conversations_held = 0;
    w.at_server.connected = 0;
    w.at_server.closed = 0;
    w.at_client.connected = 0;
    w.at_client.closed = 0;
    tally->scripts++;
}

START_TEST(a_conversation_goes_as_the_rfc_says)
{
    hold_with_both(&conversations[_i]);
}
END_TEST

/* 5.2: each of the reserved bits, and all of them, on each kind of frame */
START_TEST(a_reserved_bit_is_an_error)
{
    static const unsigned bits[] = {0x40, 0x20, 0x10, 0x70};
    static const unsigned kinds[] = {0x81, 0x82, 0x01, 0x80, 0x88, 0x89, 0x8a};
    char said[32];
    (void)snprintf(said, sizeof(said), "#%02x%s", bits[_i / 2 % 4] | kinds[_i / 8],
                   _i % 2 == 0 ? "'a'" : "");
    const conversation talk = {"5.2", said, ERROR, ""};
    hold_with_both(&talk);
}
END_TEST

START_TEST(a_reserved_opcode_is_an_error)
{
    static const unsigned opcodes[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
    static const char *const before[] = {"", "", "t'a' ", "T'a' "};
    static const char *const after[] = {"'a'", "", "'b'", "'b'"};
    char said[32];
    unsigned first = opcodes[_i / 8] | (_i % 2 == 0 ? 0x80 : 0);
    (void)snprintf(said, sizeof(said), "%s#%02x%s", before[_i / 2 % 4], first, after[_i / 2 % 4]);
    const conversation talk = {"5.2", said, ERROR, _i / 2 % 4 == 2 ? "t'a'" : ""};
    hold_with_both(&talk);
}
END_TEST

START_TEST(a_close_code_is_answered)
{
    for (int code = codes[_i].from; code <= codes[_i].to; code++) {
        for (int reason = 0; reason < 2; reason++) {
            char said[32];
            char heard[32];
            (void)snprintf(said, sizeof(said), "c%d%s", code, reason == 0 ? "" : "'why'");
            (void)snprintf(heard, sizeof(heard), "c%d", codes[_i].is_fine ? code : 1002);
            const conversation talk = {"7.4", said, heard, ""};
            hold_with_both(&talk);
        }
    }
}
END_TEST

/* Whole; each byte in a fragment of its own; in a reason. */
START_TEST(text_is_taken)
{
    const char *text = good_text[_i];
    char said[256];
    char message[64];
    char heard[] = "c1000";
    (void)snprintf(message, sizeof(message), "t<%s>", text);
    (void)snprintf(said, sizeof(said), "%s c1000<%s>", message, text);
    const conversation whole = {"8.1", said, heard, message};
    hold_with_both(&whole);
    size_t at = (size_t)snprintf(said, sizeof(said), "T");
    for (size_t i = 0; text[i] != '\0'; i += 2) {
        at += (size_t)snprintf(said + at, sizeof(said) - at, " m<%.2s>", text + i);
    }
    (void)snprintf(said + at, sizeof(said) - at, " l c1000");
    const conversation fragments = {"8.1", said, heard, message};
    hold_with_both(&fragments);
}
END_TEST

/* Whole; in the second fragment; in a reason; and at once, before the rest of the frame comes. */
START_TEST(text_that_is_none_is_refused)
{
    const char *text = bad_text[_i].bytes;
    static const char *const before[] = {"t", "T'ok' l", "c1000", "t'a'"};
    char said[64];
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        (void)snprintf(said, sizeof(said), "%s<%s>", before[i], text);
        const conversation talk = {"8.1", said, "c1007", ""};
        hold_with_both(&talk);
    }
    if (bad_text[_i].shown > 0) {
        (void)snprintf(said, sizeof(said), "t<%.*s>=100", (int)bad_text[_i].shown * 2, text);
        const conversation talk = {"8.1", said, "c1007", ""};
        hold_with_both(&talk);
    }
}
END_TEST

/* The same bytes in one message, cut into two fragments at every place. */
START_TEST(text_may_be_cut_anywhere)
{
    static const char text[] = "7fc280dfbfe0a080ed9fbfee8080efbfbff0908080f48fbfbf";
    char message[80];
    char said[160];
    (void)snprintf(message, sizeof(message), "t<%s>", text);
    (void)snprintf(said, sizeof(said), "T<%.*s> l<%s> c1000", _i * 2, text, text + (size_t)_i * 2);
    const conversation talk = {"8.1", said, "c1000", message};
    size_t length;
    for (int role = 0; role < 2; role++) {
        uint8_t *bytes = notation_encode(said, role == 0, &length);
        conversations_held = 0;
        hold(&talk, role == 0, bytes, length, 0, 0);
        hold(&talk, role == 0, bytes, length, 0, 1);
        free(bytes);
    }
    tally->scripts++;
}
END_TEST

void conformance_print_tally(void)
{
    if (tally->scripts > 0) {
        (void)printf("conformance: %d scripts for both roles, %d conversations: whole, in single "
                     "bytes%s\n",
                     tally->scripts, tally->conversations, is_reduced() ? "" : ", cut in two");
    }
}

Suite *conformance_suite(void)
{
    Suite *suite = suite_create("conformance");
    tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tally == MAP_FAILED) {
        perror("mmap");
        exit(EXIT_FAILURE);
    }
    TCase *tests = tcase_create("conformance");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_conversation_goes_as_the_rfc_says, 0, COUNT(conversations));
    tcase_add_loop_test(tests, a_reserved_bit_is_an_error, 0, 2 * 4 * 7);
    tcase_add_loop_test(tests, a_reserved_opcode_is_an_error, 0, 8 * 10);
    tcase_add_loop_test(tests, a_close_code_is_answered, 0, COUNT(codes));
    tcase_add_loop_test(tests, text_is_taken, 0, COUNT(good_text));
    tcase_add_loop_test(tests, text_that_is_none_is_refused, 0, COUNT(bad_text));
    tcase_add_loop_test(tests, text_may_be_cut_anywhere, 0, 26);
    suite_add_tcase(suite, tests);
    return suite;
}
