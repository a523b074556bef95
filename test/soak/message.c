/* SPDX-License-Identifier: MIT */
/* See message.h. A message's bytes are cut out of one of two long patterns, at a place of its own:
 * noise, or text with characters of one to four bytes. */
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dice.h"

#define PATTERN ((size_t)1024 * 1024)

static uint64_t base;
static uint8_t noise[PATTERN + MESSAGE_MAX];
static uint8_t text[PATTERN + MESSAGE_MAX];

void message_seed(uint64_t seed)
{
    static const char groups[8][5] = {
        "the ",   "wine", "dark", " sea", "\xc3\xa4\xc3\xb6", "\xe2\x82\xac ", "\xf0\x9f\x8c\x8a",
        "\"\\/\t"};
    uint64_t dice = seed;
    base = dice_roll(&dice);
    for (size_t i = 0; i < sizeof(noise); i += 4) {
        uint64_t roll = dice_roll(&dice);
        memcpy(noise + i, &roll, 4);
        memcpy(text + i, groups[roll >> 61], 4);
    }
}

static uint64_t fate(speaker who, uint32_t connection, uint32_t number)
{
    uint64_t dice = base ^ dice_mix((uint64_t)connection << 32 | number) ^ (uint64_t)who << 48;
    return dice_roll(&dice);
}

/* Most are small, as a game's are; some are large, and some are empty. */
static size_t length_of(uint64_t dice, speaker who, uint32_t limit)
{
    static const struct {
        unsigned share; /* per thousand */
        size_t most;
    } sizes[] = {{50, 0}, {250, MESSAGE_HEADER - 1}, {450, 500}, {190, 4096}, {52, 32768}};
    uint64_t roll = dice_roll(&dice) % 1000;
    size_t most = limit;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (roll < sizes[i].share) {
            most = sizes[i].most;
            break;
        }
        roll -= sizes[i].share;
    }
    most = most < limit ? most : limit;
    size_t length = dice_between(&dice, 0, most);
    return who == SPEAKER_ALL && length < MESSAGE_HEADER ? MESSAGE_HEADER : length;
}

speaker message_client(uint32_t connection, uint32_t number, uint32_t limit)
{
    uint64_t dice = fate(SPEAKER_CLIENT, connection, number);
    bool is_echo = dice % 4 == 0 && length_of(dice, SPEAKER_CLIENT, limit) >= MESSAGE_HEADER;
    return is_echo ? SPEAKER_ECHO : SPEAKER_CLIENT;
}

message message_make(speaker who, uint32_t connection, uint32_t number, uint32_t place,
                     uint32_t limit)
{
    static uint8_t buffer[MESSAGE_MAX + 1];
    uint64_t dice = fate(who == SPEAKER_ECHO ? SPEAKER_CLIENT : who, connection, number);
    message made = {.bytes = buffer, .length = length_of(dice, who, limit)};
    made.is_text = dice_one_in(&dice, 2);
    size_t whole = made.length & ~(size_t)3; /* where the text may be cut */
    size_t start = dice_roll(&dice) % PATTERN & ~(size_t)3;
    memcpy(buffer, (made.is_text ? text : noise) + start, made.length);
    if (made.is_text) {
        memset(buffer + whole, '.', made.length - whole);
    }
    if (made.length >= MESSAGE_HEADER) {
        char header[MESSAGE_HEADER + 1];
        (void)snprintf(header, sizeof(header), "%c %08x %08x %08x %08x...", (int)who, connection,
                       number, (unsigned)made.length, place);
        memcpy(buffer, header, MESSAGE_HEADER);
    }
    return made;
}

speaker message_speaker(const uint8_t *bytes, size_t length)
{
    if (length >= MESSAGE_HEADER && bytes[1] == ' ') {
        switch (bytes[0]) {
        case SPEAKER_ALL:
            return SPEAKER_ALL;
        case SPEAKER_ECHO:
            return SPEAKER_ECHO;
        default:
            break;
        }
    }
    return SPEAKER_SERVER;
}

uint32_t message_number(const uint8_t *bytes)
{
    char digits[9] = "";
    memcpy(digits, bytes + 11, 8);
    return (uint32_t)strtoul(digits, NULL, 16);
}

bool message_is(const message *expected, const uint8_t *bytes, size_t length, bool is_text)
{
    return length == expected->length && is_text == expected->is_text &&
           memcmp(bytes, expected->bytes, length) == 0;
}
