/* SPDX-License-Identifier: MIT */
/* See notation.h. */
#include "notation.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

static uint8_t first_byte(const char **at)
{
    static const struct {
        char letter;
        uint8_t first;
    } letters[] = {{'t', 0x81}, {'b', 0x82}, {'T', 0x01}, {'B', 0x02}, {'m', 0x00},
                   {'l', 0x80}, {'i', 0x89}, {'o', 0x8a}, {'c', 0x88}};
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        if (**at == letters[i].letter) {
            (*at)++;
            return letters[i].first;
        }
    }
    unsigned value = 0;
    ck_assert_msg(sscanf(*at, "#%2x", &value) == 1, "no frame: %s", *at);
    *at += 3;
    return (uint8_t)value;
}

static void add(notation_frame *frame, const void *bytes, size_t length)
{
    if (length > sizeof(frame->payload) - frame->length) {
        /* An assertion writes a line even when it holds: too much for each byte. */
        ck_abort_msg("a payload over %d bytes", NOTATION_PAYLOAD_MAX);
    }
    memcpy(frame->payload + frame->length, bytes, length);
    frame->length += length;
}

static const char *read_quoted(const char *at, notation_frame *frame)
{
    const char *end = strchr(at + 1, '\'');
    char *after;
    ck_assert_ptr_nonnull(end);
    size_t length = (size_t)(end - at - 1);
    unsigned long times = 1;
    if (end[1] == '*') {
        times = strtoul(end + 2, &after, 10);
        end = after - 1;
    }
    for (unsigned long i = 0; i < times; i++) {
        add(frame, at + 1, length);
    }
    return end + 1;
}

static const char *read_hex(const char *at, notation_frame *frame)
{
    unsigned value;
    for (at++; *at != '>'; at += 2) {
        if (sscanf(at, "%2x", &value) != 1) {
            ck_abort_msg("no hex: %s", at);
        }
        uint8_t byte = (uint8_t)value;
        add(frame, &byte, 1);
    }
    return at + 1;
}

static const char *read_mark(const char *at, notation_frame *frame)
{
    char *after = NULL;
    if (*at == '^') {
        frame->is_mask_wrong = true;
        return at + 1;
    }
    uint64_t number = strtoull(at + 1, &after, 10);
    if (*at == '/') {
        frame->length_bits = (int)number;
    } else {
        frame->has_false_length = true;
        frame->false_length = number;
    }
    return after;
}

bool notation_read(const char **at, notation_frame *frame)
{
    *at += strspn(*at, " ");
    if (**at == '\0') {
        return false;
    }
    /* All but the payload. */
    frame->length = 0;
    frame->length_bits = 0;
    frame->is_mask_wrong = false;
    frame->has_false_length = false;
    frame->first = first_byte(at);
    if (frame->first == 0x88 && isdigit((unsigned char)**at)) {
        char *after;
        unsigned long code = strtoul(*at, &after, 10);
        uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};
        add(frame, bytes, 2);
        *at = after;
    }
    while (**at != ' ' && **at != '\0') {
        if (**at == '\'') {
            *at = read_quoted(*at, frame);
        } else if (**at == '<') {
            *at = read_hex(*at, frame);
        } else {
            ck_assert_msg(strchr("/^=", **at) != NULL, "no notation: %s", *at);
            *at = read_mark(*at, frame);
        }
    }
    return true;
}

static size_t write_frame(const notation_frame *frame, bool is_masked, uint8_t *target)
{
    static const uint8_t key[4] = {0x11, 0xa2, 0x43, 0xf4};
    size_t size = 2;
    uint64_t length = frame->has_false_length ? frame->false_length : frame->length;
    int bits = frame->length_bits;
    if (bits == 0 && length > 125) {
        bits = length > UINT16_MAX ? 64 : 16;
    }
    target[0] = frame->first;
    target[1] = (uint8_t)((is_masked ? 0x80 : 0) | (bits == 64 ? 127 : bits == 16 ? 126 : length));
    for (int shift = bits - 8; shift >= 0; shift -= 8) {
        target[size] = (uint8_t)(length >> shift);
        size++;
    }
    if (is_masked) {
        memcpy(target + size, key, sizeof(key));
        size += sizeof(key);
    }
    for (size_t i = 0; i < frame->length; i++) {
        target[size + i] = frame->payload[i] ^ (is_masked ? key[i & 3] : 0);
    }
    return size + frame->length;
}

uint8_t *notation_encode(const char *text, bool is_masked, size_t *length)
{
    notation_frame *frame = malloc(sizeof(*frame));
    uint8_t *bytes = NULL;
    *length = 0;
    while (notation_read(&text, frame)) {
        bytes = realloc(bytes, *length + frame->length + 14);
        *length += write_frame(frame, is_masked != frame->is_mask_wrong, bytes + *length);
    }
    free(frame);
    return bytes;
}
