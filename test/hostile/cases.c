/* SPDX-License-Identifier: MIT */
/* The table, by clause of RFC 6455, and how a case is played. Expectations are the RFC's. */
#include "cases.h"

#include <stdlib.h>
#include <string.h>

#define TEXT 0x81
#define BINARY 0x82
#define CLOSE 0x88
#define PING 0x89
#define PONG 0x8a
#define FIRST_TEXT 0x01
#define FIRST_BINARY 0x02
#define MORE 0x00
#define LAST 0x80
#define END                                                                                        \
    {                                                                                              \
        0xff, NULL, 0                                                                              \
    }
/* Ends a connection in order, so that a case without an error comes to an end. */
#define BYE                                                                                        \
    {                                                                                              \
        CLOSE, S("\x03\xe8")                                                                       \
    }
#define LONG_REASON                                                                                \
    "123456789012345678901234567890123456789012345678901234567890"                                 \
    "123456789012345678901234567890123456789012345678901234567890123"

const hostile_case hostile_cases[] = {
    /* 5.2, 5.4, 5.6: messages in order */
    {"empty text", {{TEXT, S("")}, BYE, END}, 1000, 1, true, 1000},
    {"empty binary", {{BINARY, S("")}, BYE, END}, 1000, 1, true, 1000},
    {"text", {{TEXT, S("hello")}, BYE, END}, 1000, 1, true, 1000},
    {"two fragments", {{FIRST_TEXT, S("he")}, {LAST, S("llo")}, BYE, END}, 1000, 1, true, 1000},
    {"five fragments",
     {{FIRST_BINARY, S("a")},
      {MORE, S("b")},
      {MORE, S("")},
      {MORE, S("c")},
      {LAST, S("d")},
      BYE,
      END},
     1000,
     1,
     true,
     1000},
    {"empty fragments",
     {{FIRST_TEXT, S("")}, {MORE, S("")}, {LAST, S("")}, BYE, END},
     1000,
     1,
     true,
     1000},
    {"pong between fragments",
     {{FIRST_TEXT, S("he")}, {PONG, S("x")}, {LAST, S("llo")}, BYE, END},
     1000,
     1,
     true,
     1000},
    {"unasked pong",
     {{PONG, S("")}, {PONG, S("abc")}, {TEXT, S("a")}, BYE, END},
     1000,
     1,
     true,
     1000},
    /* 5.4: fragmentation errors */
    {"continuation of nothing", {{LAST, S("x")}, END}, 1002, 0, false, 0},
    {"unfinished continuation of nothing", {{MORE, S("x")}, END}, 1002, 0, false, 0},
    {"text inside a message", {{FIRST_TEXT, S("a")}, {TEXT, S("b")}, END}, 1002, 0, false, 0},
    {"binary inside a message", {{FIRST_TEXT, S("a")}, {BINARY, S("b")}, END}, 1002, 0, false, 0},
    {"continuation after the end", {{TEXT, S("a")}, {LAST, S("b")}, END}, 1002, 1, false, 0},
    /* 5.2: reserved bits and opcodes */
    {"RSV1", {{TEXT | 0x40, S("a")}, END}, 1002, 0, false, 0},
    {"RSV2", {{TEXT | 0x20, S("a")}, END}, 1002, 0, false, 0},
    {"RSV3", {{BINARY | 0x10, S("a")}, END}, 1002, 0, false, 0},
    {"RSV on a ping", {{PING | 0x40, S("a")}, END}, 1002, 0, false, 0},
    {"opcode 3", {{0x83, S("a")}, END}, 1002, 0, false, 0},
    {"opcode 4", {{0x84, S("a")}, END}, 1002, 0, false, 0},
    {"opcode 5", {{0x85, S("a")}, END}, 1002, 0, false, 0},
    {"opcode 6", {{0x86, S("a")}, END}, 1002, 0, false, 0},
    {"opcode 7", {{0x87, S("a")}, END}, 1002, 0, false, 0},
    {"opcode 11", {{0x8b, S("")}, END}, 1002, 0, false, 0},
    {"opcode 12", {{0x8c, S("")}, END}, 1002, 0, false, 0},
    {"opcode 13", {{0x8d, S("")}, END}, 1002, 0, false, 0},
    {"opcode 14", {{0x8e, S("")}, END}, 1002, 0, false, 0},
    {"opcode 15", {{0x8f, S("")}, END}, 1002, 0, false, 0},
    /* 5.5: control frames */
    {"fragmented ping", {{0x09, S("a")}, END}, 1002, 0, false, 0},
    {"fragmented pong", {{0x0a, S("a")}, END}, 1002, 0, false, 0},
    {"fragmented close", {{0x08, S("\x03\xe8")}, END}, 1002, 0, false, 0},
    {"ping of 126 bytes", {{PING, LONG_REASON "123", 126}, END}, 1002, 0, false, 0},
    {"close of 126 bytes", {{CLOSE, "\x03\xe8" LONG_REASON "1", 126}, END}, 1002, 0, false, 0},
    /* 8.1: text is UTF-8 */
    {"umlaut", {{TEXT, S("\xc3\xa4")}, BYE, END}, 1000, 1, true, 1000},
    {"umlaut over two fragments",
     {{FIRST_TEXT, S("\xc3")}, {LAST, S("\xa4")}, BYE, END},
     1000,
     1,
     true,
     1000},
    {"four bytes one by one",
     {{FIRST_TEXT, S("\xf0")}, {MORE, S("\x9f")}, {MORE, S("\x98")}, {LAST, S("\x80")}, BYE, END},
     1000,
     1,
     true,
     1000},
    {"bad first byte", {{TEXT, S("\xff")}, END}, 1007, 0, false, 0},
    {"overlong", {{TEXT, S("\xc0\x80")}, END}, 1007, 0, false, 0},
    {"surrogate", {{TEXT, S("\xed\xa0\x80")}, END}, 1007, 0, false, 0},
    {"above U+10FFFF", {{TEXT, S("\xf4\x90\x80\x80")}, END}, 1007, 0, false, 0},
    {"cut at the end", {{TEXT, S("a\xc3")}, END}, 1007, 0, false, 0},
    {"cut, then an empty last fragment",
     {{FIRST_TEXT, S("a\xc3")}, {LAST, S("")}, END},
     1007,
     0,
     false,
     0},
    {"bad in an unfinished message", {{FIRST_TEXT, S("ab\xff")}, END}, 1007, 0, false, 0},
    {"bad in the second fragment",
     {{FIRST_TEXT, S("ok")}, {MORE, S("\x80")}, END},
     1007,
     0,
     false,
     0},
    {"bytes in a binary message", {{BINARY, S("\xff\xc0\x80")}, BYE, END}, 1000, 1, true, 1000},
    {"binary pong after text",
     {{TEXT, S("a")}, {PONG, S("\xff\xfe")}, {TEXT, S("b")}, BYE, END},
     1000,
     2,
     true,
     1000},
    {"binary pong inside text",
     {{FIRST_TEXT, S("\xc3")}, {PONG, S("\xff\xfe")}, {LAST, S("\xa4")}, BYE, END},
     1000,
     1,
     true,
     1000},
    /* 5.5.1, 7.4: closing */
    {"close without a code", {{CLOSE, S("")}, END}, 1005, 0, true, 1005},
    {"close 1000", {{CLOSE, S("\x03\xe8")}, END}, 1000, 0, true, 1000},
    {"close 1001", {{CLOSE, S("\x03\xe9")}, END}, 1001, 0, true, 1001},
    {"close 1003", {{CLOSE, S("\x03\xeb")}, END}, 1003, 0, true, 1003},
    {"close 1007", {{CLOSE, S("\x03\xef")}, END}, 1007, 0, true, 1007},
    {"close 1011", {{CLOSE, S("\x03\xf3")}, END}, 1011, 0, true, 1011},
    {"close 3000", {{CLOSE, S("\x0b\xb8")}, END}, 3000, 0, true, 3000},
    {"close 4999", {{CLOSE, S("\x13\x87")}, END}, 4999, 0, true, 4999},
    {"close with a reason",
     {{CLOSE, S("\x0f\xa0"
                "b\xc3\xa9")},
      END},
     4000,
     0,
     true,
     4000},
    {"close with 123 bytes", {{CLOSE, S("\x03\xe8" LONG_REASON)}, END}, 1000, 0, true, 1000},
    {"close of one byte", {{CLOSE, S("\x03")}, END}, 1002, 0, false, 1005},
    {"close 999", {{CLOSE, S("\x03\xe7")}, END}, 1002, 0, false, 999},
    {"close 1004", {{CLOSE, S("\x03\xec")}, END}, 1002, 0, false, 1004},
    {"close 1005", {{CLOSE, S("\x03\xed")}, END}, 1002, 0, false, 1005},
    {"close 1006", {{CLOSE, S("\x03\xee")}, END}, 1002, 0, false, 1006},
    {"close 1015", {{CLOSE, S("\x03\xf7")}, END}, 1002, 0, false, 1015},
    {"close 2999", {{CLOSE, S("\x0b\xb7")}, END}, 1002, 0, false, 2999},
    {"close 5000", {{CLOSE, S("\x13\x88")}, END}, 1002, 0, false, 5000},
    {"close 65535", {{CLOSE, S("\xff\xff")}, END}, 1002, 0, false, 65535},
    {"close with a bad reason", {{CLOSE, S("\x03\xe8\xff")}, END}, 1007, 0, false, 1000},
    {"close with a cut reason",
     {{CLOSE, S("\x03\xe8"
                "a\xc3")},
      END},
     1007,
     0,
     false,
     1000},
    {"data after the close", {BYE, {TEXT, S("late")}, END}, 1000, 0, true, 1000},
    {"two closes", {BYE, {CLOSE, S("\x03\xe9")}, END}, 1000, 0, true, 1000},
};

const int hostile_case_count = (int)(sizeof(hostile_cases) / sizeof(hostile_cases[0]));

/* Encode all frames of a script. */
static uint8_t *encode(const hostile_case *c, bool is_masked, size_t *length)
{
    uint8_t *bytes = malloc(4096);
    *length = 0;
    for (const script_frame *frame = c->frames; frame->first != 0xff; frame++) {
        *length +=
            rawsock_frame(bytes + *length, frame->first, frame->payload, frame->length, is_masked);
    }
    return bytes;
}

bool is_hidden_code(const hostile_case *c)
{
    return world_is_fallback() && c->close_code == 1002 && c->seen_code > 0 &&
           c->seen_code < 5000 && c->frames[0].length == 2;
}

void play_case(const hostile_case *c, rawsock *raw, bool is_masked, size_t piece)
{
    size_t length = 0;
    uint8_t *bytes = encode(c, is_masked, &length);
    rawsock_send(raw, bytes, length, piece);
    free(bytes);
    rawsock_expect_close(raw, c->close_code);
    rawsock_wait_for_end(raw, (uint64_t)world_scale(1000, 6000));
    ck_assert_msg(raw->length == 0, "%s: %zu bytes after the Close frame", c->name, raw->length);
}
