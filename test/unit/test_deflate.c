/* SPDX-License-Identifier: MIT */
/* permessage-deflate: what is agreed on, and what becomes of the bytes. Expectations are RFC
 * 7692's; zlib itself is the other side. */
#include "runtests.h"

#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "deflate.h"
#include "extension.h"
#include "mem.h"

#define TEXT_MAX 300000

/* What is agreed on */

typedef struct offer_case {
    const char *offer;
    const char *answer; /* NULL: the offer is not well formed */
} offer_case;

static const offer_case offers[] = {
    {"", ""},
    {"permessage-deflate", "permessage-deflate"},
    {"  permessage-deflate\t", "permessage-deflate"},
    {"Permessage-Deflate", "permessage-deflate"},
    {"permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=12"},
    {"permessage-deflate; client_max_window_bits=15",
     "permessage-deflate; client_max_window_bits=12"},
    {"permessage-deflate;client_max_window_bits=9", "permessage-deflate; client_max_window_bits=9"},
    {"permessage-deflate; client_max_window_bits = \"10\"",
     "permessage-deflate; client_max_window_bits=10"},
    {"permessage-deflate; server_max_window_bits=15",
     "permessage-deflate; server_max_window_bits=12"},
    {"permessage-deflate; server_max_window_bits=8",
     "permessage-deflate; server_max_window_bits=8"},
    {"permessage-deflate; server_no_context_takeover",
     "permessage-deflate; server_no_context_takeover"},
    {"permessage-deflate; client_no_context_takeover; server_no_context_takeover",
     "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
    {"permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate",
     "permessage-deflate; server_max_window_bits=10; client_max_window_bits=12"},
    /* What cannot be had is passed over, and the next one taken (section 5.1). */
    {"x-webkit-deflate-frame", ""},
    {"x-other; a=1; b=\"2\", permessage-deflate", "permessage-deflate"},
    {"permessage-deflate; server_max_window_bits=16", ""},
    {"permessage-deflate; server_max_window_bits=7", ""},
    {"permessage-deflate; server_max_window_bits=012", ""},
    {"permessage-deflate; server_max_window_bits=1x", ""},
    {"permessage-deflate; server_max_window_bits", ""},
    {"permessage-deflate; client_max_window_bits=16", ""},
    {"permessage-deflate; client_max_window_bits=99999999999", ""},
    {"permessage-deflate; server_no_context_takeover=1", ""},
    {"permessage-deflate; client_max_window_bits; client_max_window_bits", ""},
    {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""},
    {"permessage-deflate; unknown", ""},
    {"permessage-deflate; unknown, permessage-deflate; server_max_window_bits=9",
     "permessage-deflate; server_max_window_bits=9"},
    {"permessage-deflate2", ""},
    /* Not well formed (RFC 6455 section 9.1) */
    {",", NULL},
    {"permessage-deflate,", NULL},
    {", permessage-deflate", NULL},
    {"permessage-deflate;", NULL},
    {"permessage-deflate; =", NULL},
    {"permessage-deflate; =1", NULL},
    {"permessage-deflate; client_max_window_bits=", NULL},
    {"permessage-deflate; client_max_window_bits=\"10", NULL},
    {"permessage-deflate; client_max_window_bits=\"\"", NULL},
    {"permessage-deflate client_max_window_bits", NULL},
    {"permessage-deflate; a=b=c", NULL},
    {"permessage/deflate", NULL},
    {"\x01", NULL},
};

START_TEST(a_server_answers_an_offer)
{
    const offer_case *c = &offers[_i];
    char answer[GDWSI_EXTENSION_ANSWER_MAX];
    gdwsi_extension_terms terms;
    bool is_formed = gdwsi_extension_choose(c->offer, &terms, answer);
    ck_assert_msg(is_formed == (c->answer != NULL), "%s", c->offer);
    if (c->answer != NULL) {
        ck_assert_str_eq(answer, c->answer);
        ck_assert(terms.is_agreed == (c->answer[0] != '\0'));
        ck_assert(terms.we_forget == (strstr(answer, "server_no_context") != NULL));
        ck_assert(terms.they_forget == (strstr(answer, "client_no_context") != NULL));
    }
}
END_TEST

START_TEST(the_windows_are_what_was_agreed_on)
{
    char answer[GDWSI_EXTENSION_ANSWER_MAX];
    gdwsi_extension_terms terms;
    ck_assert(gdwsi_extension_choose(
        "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9", &terms, answer));
    ck_assert_int_eq(terms.our_bits, 10);
    ck_assert_int_eq(terms.their_bits, 9);
    /* A client that does not know the parameter may use all of the window. */
    ck_assert(gdwsi_extension_choose("permessage-deflate", &terms, answer));
    ck_assert_int_eq(terms.their_bits, 15);
}
END_TEST

typedef struct answer_case {
    const char *answer;
    bool is_fine;
    gdwsi_extension_terms terms;
} answer_case;

static const answer_case answers[] = {
    {"permessage-deflate", true, {true, false, false, 12, 15}},
    {"permessage-deflate; server_no_context_takeover", true, {true, false, true, 12, 15}},
    {"permessage-deflate; client_no_context_takeover", true, {true, true, false, 12, 15}},
    {"permessage-deflate; client_max_window_bits=10", true, {true, false, false, 10, 15}},
    {"permessage-deflate; client_max_window_bits=15", true, {true, false, false, 12, 15}},
    {"permessage-deflate; server_max_window_bits=9", true, {true, false, false, 12, 9}},
    {"permessage-deflate; server_max_window_bits=\"8\";client_max_window_bits=8",
     true,
     {true, false, false, 8, 8}},
    {"permessage-deflate; client_max_window_bits", false, {0}},
    {"permessage-deflate; server_max_window_bits", false, {0}},
    {"permessage-deflate; server_max_window_bits=16", false, {0}},
    {"permessage-deflate; server_no_context_takeover=1", false, {0}},
    {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", false, {0}},
    {"permessage-deflate; unknown", false, {0}},
    {"permessage-deflate, permessage-deflate", false, {0}},
    {"permessage-deflate, x-other", false, {0}},
    {"x-other", false, {0}},
    {"", false, {0}},
    {"permessage-deflate;", false, {0}},
};

START_TEST(a_client_judges_an_answer)
{
    const answer_case *c = &answers[_i];
    gdwsi_extension_terms terms;
    ck_assert_msg(gdwsi_extension_accept(c->answer, &terms) == c->is_fine, "%s", c->answer);
    if (c->is_fine) {
        ck_assert(terms.we_forget == c->terms.we_forget);
        ck_assert(terms.they_forget == c->terms.they_forget);
        ck_assert_int_eq(terms.our_bits, c->terms.our_bits);
        ck_assert_int_eq(terms.their_bits, c->terms.their_bits);
    }
}
END_TEST

/* What becomes of the bytes */

typedef struct collected {
    uint8_t bytes[TEXT_MAX];
    size_t length;
    size_t limit;
} collected;

static collected got;

static int collect(void *user, const uint8_t *bytes, size_t length)
{
    collected *to = user;
    if (length > to->limit - to->length) {
        return 1009;
    }
    memcpy(to->bytes + to->length, bytes, length);
    to->length += length;
    return 0;
}

static gdwsi_deflate *make(uint8_t bits, bool forgets)
{
    gdwsi_extension_terms terms = {.is_agreed = true,
                                   .we_forget = forgets,
                                   .they_forget = forgets,
                                   .our_bits = bits,
                                   .their_bits = bits};
    gdwsi_deflate *codec = gdwsi_deflate_new(&terms);
    ck_assert_ptr_nonnull(codec);
    got.length = 0;
    got.limit = sizeof(got.bytes);
    return codec;
}

/* Expand a message in pieces of piece bytes. */
static int expand(gdwsi_deflate *codec, const void *message, size_t length, size_t piece)
{
    const uint8_t *bytes = message;
    int code = 0;
    got.length = 0;
    do {
        size_t part = length < piece ? length : piece;
        code = gdwsi_deflate_expand(codec, bytes, part, part == length, collect, &got);
        bytes += part;
        length -= part;
    } while (length > 0 && code == 0);
    return code;
}

static void expect_text(gdwsi_deflate *codec, const void *message, size_t length, const char *text)
{
    ck_assert_int_eq(expand(codec, message, length, SIZE_MAX), 0);
    ck_assert_uint_eq(got.length, strlen(text));
    ck_assert(memcmp(got.bytes, text, got.length) == 0);
}

#define S(text) text, sizeof(text) - 1

/* Section 7.2.3, all five of them */
START_TEST(the_examples_of_the_rfc_expand)
{
    gdwsi_deflate *codec = make(15, false);
    expect_text(codec, S("\xf2\x48\xcd\xc9\xc9\x07\x00"), "Hello");
    expect_text(codec, S("\xf2\x00\x11\x00\x00"), "Hello");
    expect_text(codec, S("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), "Hello");
    expect_text(codec, S("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "Hello");
    /* After the end of a stream the window is still there. */
    expect_text(codec, S("\xf2\x00\x11\x00\x00"), "Hello");
    expect_text(codec, S("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), "Hello");
    expect_text(codec, S("\x00"), "");
    gdwsi_deflate_free(codec);
}
END_TEST

START_TEST(an_empty_message_may_have_no_bytes_at_all)
{
    gdwsi_deflate *codec = make(15, false);
    expect_text(codec, S(""), "");
    expect_text(codec, S("\xf2\x48\xcd\xc9\xc9\x07\x00"), "Hello");
    expect_text(codec, S(""), "");
    expect_text(codec, S("\xf2\x00\x11\x00\x00"), "Hello");
    gdwsi_deflate_free(codec);
}
END_TEST

/* Text like a game's: repeats itself, but not only. */
static void fill(uint8_t *bytes, size_t length, unsigned seed)
{
    for (size_t i = 0; i < length; i++) {
        seed = seed * 1103515245u + 12345u;
        bytes[i] =
            i % 64 < 40
                ? (uint8_t) "{\"x\":12.5,\"y\":-3.25,\"name\":\"player\",\"id\":"[i % 64 % 42]
                : (uint8_t)('0' + (seed >> 16) % 10);
    }
}

START_TEST(messages_come_back_with_every_window)
{
    static uint8_t message[TEXT_MAX];
    static uint8_t shorter[GDWSI_DEFLATE_ROOM(TEXT_MAX)];
    static const size_t lengths[] = {32, 33, 100, 257, 1000, 4096, 20000, 65536, 100, TEXT_MAX};
    uint8_t bits = (uint8_t)(9 + _i / 2);
    gdwsi_deflate *codec = make(bits, _i % 2 == 1);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        fill(message, lengths[i], (unsigned)i);
        ck_assert(gdwsi_deflate_is_worth(codec, lengths[i]));
        size_t length = gdwsi_deflate_compress(codec, message, lengths[i], shorter);
        ck_assert(length > 0 || lengths[i] < 300);
        if (length > 0) {
            ck_assert_uint_lt(length, lengths[i]);
            ck_assert_int_eq(expand(codec, shorter, length, i % 2 == 0 ? SIZE_MAX : 7), 0);
            ck_assert_uint_eq(got.length, lengths[i]);
            ck_assert(memcmp(got.bytes, message, got.length) == 0);
        }
    }
    gdwsi_deflate_free(codec);
}
END_TEST

/* With the context the second of two equal messages is a reference to the first. */
START_TEST(the_context_is_taken_over_or_not)
{
    uint8_t message[200];
    uint8_t target[GDWSI_DEFLATE_ROOM(sizeof(message))];
    for (int forgets = 0; forgets < 2; forgets++) {
        gdwsi_deflate *codec = make(12, forgets == 1);
        fill(message, sizeof(message), 1);
        size_t first = gdwsi_deflate_compress(codec, message, sizeof(message), target);
        size_t second = gdwsi_deflate_compress(codec, message, sizeof(message), target);
        ck_assert(forgets == 1 ? second == first : second < first / 4);
        gdwsi_deflate_free(codec);
    }
}
END_TEST

START_TEST(what_does_not_shrink_goes_as_it_is_and_is_not_referred_to)
{
    uint8_t noise[1000];
    uint8_t message[200];
    uint8_t target[GDWSI_DEFLATE_ROOM(sizeof(noise))];
    unsigned seed = 7;
    gdwsi_deflate *codec = make(12, false);
    for (size_t i = 0; i < sizeof(noise); i++) {
        seed = seed * 1103515245u + 12345u;
        noise[i] = (uint8_t)(seed >> 16);
    }
    ck_assert_uint_eq(gdwsi_deflate_compress(codec, noise, sizeof(noise), target), 0);
    fill(message, sizeof(message), 1);
    for (int i = 0; i < 3; i++) {
        size_t length = gdwsi_deflate_compress(codec, message, sizeof(message), target);
        ck_assert_uint_gt(length, 0);
        /* The second one was not sent. */
        if (i == 1) {
            gdwsi_deflate_forget(codec);
            continue;
        }
        ck_assert_int_eq(expand(codec, target, length, SIZE_MAX), 0);
        ck_assert_uint_eq(got.length, sizeof(message));
    }
    gdwsi_deflate_free(codec);
}
END_TEST

START_TEST(a_window_of_256_bytes_is_not_used)
{
    gdwsi_deflate *codec = make(8, false);
    ck_assert(!gdwsi_deflate_is_worth(codec, 1000));
    gdwsi_deflate_free(codec);
}
END_TEST

START_TEST(bytes_that_are_no_deflate_data_are_refused)
{
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {S("\xff")},                                 /* a reserved kind of block */
        {S("\x06")},                                 /* the same, not the last one */
        {S("\xf2\x48\xcd\xc9")},                     /* cut off inside a block */
        {S("\x00\x05\x00\xfa\xfe\x48\x65\x6c")},     /* a length that contradicts itself */
        {S("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c")}, /* cut off inside a stored block */
        {S("\xf2\x00\x11\x00\x00")},                 /* refers to what was never sent */
        {S("\xf3\x48\xcd\xc9\xc9\x07\x00")},         /* the last block, and no empty one after it */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t piece = 1; piece <= cases[i].length; piece++) {
            gdwsi_deflate *codec = make(15, false);
            ck_assert_msg(expand(codec, cases[i].bytes, cases[i].length, piece) == 1007,
                          "case %zu, in pieces of %zu", i, piece);
            gdwsi_deflate_free(codec);
        }
    }
}
END_TEST

/* A reference that goes farther back than the window that was agreed on. */
START_TEST(a_window_that_is_too_large_is_refused)
{
    static uint8_t message[2000];
    uint8_t target[4000];
    z_stream stream = {0};
    unsigned seed = 3;
    for (size_t i = 0; i < sizeof(message) / 2; i++) {
        seed = seed * 1103515245u + 12345u;
        message[i] = message[i + sizeof(message) / 2] = (uint8_t)(seed >> 16);
    }
    ck_assert_int_eq(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = message;
    stream.avail_in = sizeof(message);
    stream.next_out = target;
    stream.avail_out = sizeof(target);
    ck_assert_int_eq(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
    size_t length = sizeof(target) - stream.avail_out - 4;
    (void)deflateEnd(&stream);
    for (uint8_t bits = 9; bits <= 15; bits++) {
        gdwsi_deflate *codec = make(bits, false);
        /* Inside of one message zlib lets it go back to the bytes that it has just given out. */
        int code = expand(codec, target, length, 100);
        ck_assert(bits == 9 ? code == 1007 : code == 0);
        gdwsi_deflate_free(codec);
    }
}
END_TEST

START_TEST(the_sink_ends_a_bomb)
{
    static uint8_t target[4096];
    static const uint8_t zeros[65536];
    z_stream stream = {0};
    ck_assert_int_eq(deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    gdwsi_deflate *codec = make(15, false);
    got.limit = 200000;
    int code = 0;
    size_t sent = 0;
    while (code == 0 && sent < (size_t)64 << 20) {
        stream.next_in = zeros;
        stream.avail_in = sizeof(zeros);
        stream.next_out = target;
        stream.avail_out = sizeof(target);
        ck_assert_int_eq(deflate(&stream, Z_PARTIAL_FLUSH), Z_OK);
        sent += sizeof(zeros);
        code = gdwsi_deflate_expand(codec, target, sizeof(target) - stream.avail_out, false,
                                    collect, &got);
    }
    ck_assert_int_eq(code, 1009);
    ck_assert_uint_le(sent, 200000 + sizeof(zeros));
    (void)deflateEnd(&stream);
    gdwsi_deflate_free(codec);
}
END_TEST

START_TEST(without_memory_messages_go_as_they_are)
{
    uint8_t message[500];
    uint8_t target[GDWSI_DEFLATE_ROOM(sizeof(message))];
    bool has_failed = true;
    size_t nth = 1;
    for (; has_failed && nth < 50; nth++) {
        size_t live = gdwsi_mem_live();
        gdwsi_deflate *codec = make(12, false);
        fill(message, sizeof(message), 2);
        gdwsi_mem_fail_at(nth);
        size_t length = gdwsi_deflate_compress(codec, message, sizeof(message), target);
        int code = length > 0 ? expand(codec, target, length, SIZE_MAX) : 0;
        has_failed = gdwsi_mem_has_failed();
        gdwsi_mem_fail_at(0);
        ck_assert(code == 0 || code == 1011);
        ck_assert(has_failed || (length > 0 && code == 0 && got.length == sizeof(message)));
        ck_assert(!has_failed || length == 0 || code == 1011);
        gdwsi_deflate_free(codec);
        ck_assert_uint_eq(gdwsi_mem_live(), live);
    }
    ck_assert_uint_gt(nth, 4);
    ck_assert(!has_failed);
}
END_TEST

Suite *deflate_suite(void)
{
    Suite *suite = suite_create("deflate");
    TCase *terms = tcase_create("terms");
    tcase_add_loop_test(terms, a_server_answers_an_offer, 0,
                        (int)(sizeof(offers) / sizeof(offers[0])));
    tcase_add_test(terms, the_windows_are_what_was_agreed_on);
    tcase_add_loop_test(terms, a_client_judges_an_answer, 0,
                        (int)(sizeof(answers) / sizeof(answers[0])));
    suite_add_tcase(suite, terms);
    TCase *bytes = tcase_create("bytes");
    tcase_add_test(bytes, the_examples_of_the_rfc_expand);
    tcase_add_test(bytes, an_empty_message_may_have_no_bytes_at_all);
    tcase_add_loop_test(bytes, messages_come_back_with_every_window, 0, 14);
    tcase_add_test(bytes, the_context_is_taken_over_or_not);
    tcase_add_test(bytes, what_does_not_shrink_goes_as_it_is_and_is_not_referred_to);
    tcase_add_test(bytes, a_window_of_256_bytes_is_not_used);
    tcase_add_test(bytes, bytes_that_are_no_deflate_data_are_refused);
    tcase_add_test(bytes, a_window_that_is_too_large_is_refused);
    tcase_add_test(bytes, the_sink_ends_a_bomb);
    tcase_add_test(bytes, without_memory_messages_go_as_they_are);
    suite_add_tcase(suite, bytes);
    return suite;
}
