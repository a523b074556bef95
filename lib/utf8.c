/* SPDX-License-Identifier: MIT */
/* UTF-8 by table 3-7 of the Unicode standard: a lead byte says how many bytes follow and between
 * which bounds the first of them lies; that excludes overlong forms, surrogates and what is above
 * U+10FFFF at the first byte that is wrong. */
#include "utf8.h"

#include <string.h>

#define CONTINUATION_LOWEST 0x80
#define CONTINUATION_HIGHEST 0xbf

/* Take a lead byte that is not ASCII. Returns false when none may begin with it. */
static bool take_lead(gdwsi_utf8 *state, uint8_t byte)
{
    state->lowest = CONTINUATION_LOWEST;
    state->highest = CONTINUATION_HIGHEST;
    if (byte >= 0xc2 && byte <= 0xdf) {
        state->missing = 1;
    } else if (byte >= 0xe0 && byte <= 0xef) {
        state->missing = 2;
        if (byte == 0xe0) {
            state->lowest = 0xa0;
        } else if (byte == 0xed) {
            state->highest = 0x9f;
        }
    } else if (byte >= 0xf0 && byte <= 0xf4) {
        state->missing = 3;
        if (byte == 0xf0) {
            state->lowest = 0x90;
        } else if (byte == 0xf4) {
            state->highest = 0x8f;
        }
    } else {
        return false;
    }
    return true;
}

static bool take_byte(gdwsi_utf8 *state, uint8_t byte)
{
    if (state->missing == 0) {
        return byte < 0x80 || take_lead(state, byte);
    }
    if (byte < state->lowest || byte > state->highest) {
        return false;
    }
    state->missing--;
    state->lowest = CONTINUATION_LOWEST;
    state->highest = CONTINUATION_HIGHEST;
    return true;
}

/* Skip what is plain ASCII, eight bytes at a time. */
static size_t skip_ascii(const uint8_t *bytes, size_t length)
{
    size_t done = 0;
    uint64_t word;
    while (length - done >= sizeof(word)) {
        memcpy(&word, bytes + done, sizeof(word));
        if ((word & 0x8080808080808080u) != 0) {
            break;
        }
        done += sizeof(word);
    }
    return done;
}

bool gdwsi_utf8_check(gdwsi_utf8 *state, const void *bytes, size_t length)
{
    const uint8_t *text = bytes;
    size_t i = 0;
    while (i < length) {
        if (state->missing == 0) {
            i += skip_ascii(text + i, length - i);
            if (i == length) {
                break;
            }
        }
        if (!take_byte(state, text[i])) {
            return false;
        }
        i++;
    }
    return true;
}

bool gdwsi_utf8_is_complete(const gdwsi_utf8 *state)
{
    return state->missing == 0;
}

bool gdwsi_utf8_is_valid(const void *bytes, size_t length)
{
    gdwsi_utf8 state = {0};
    return gdwsi_utf8_check(&state, bytes, length) && gdwsi_utf8_is_complete(&state);
}
