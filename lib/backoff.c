/* SPDX-License-Identifier: MIT */
/* Exponential backoff with full jitter. Invariant: a delay is never longer than max_delay_ms. */
#include "backoff.h"

#include "random.h"

#define DELAY_MIN_MS 10u
#define DELAY_MAX_MS (24u * 60u * 60u * 1000u)

/* Without randomness the wait is the longest one. */
static uint32_t draw_random(void)
{
    uint32_t number = UINT32_MAX;
    return gdwsi_random_fill(&number, sizeof(number)) ? number : UINT32_MAX;
}

void gdwsi_backoff_init(gdwsi_backoff *backoff)
{
    *backoff = (gdwsi_backoff){.draw = draw_random};
}

gdws_error gdwsi_backoff_set(gdwsi_backoff *backoff, uint32_t first_delay_ms, uint32_t max_delay_ms,
                             uint32_t max_attempts)
{
    bool is_off = first_delay_ms == 0;
    if (!is_off && (first_delay_ms < DELAY_MIN_MS || max_delay_ms > DELAY_MAX_MS ||
                    max_delay_ms < first_delay_ms)) {
        return GDWS_PARAMETER_RANGE_ERROR;
    }
    backoff->first_delay_ms = first_delay_ms;
    backoff->max_delay_ms = is_off ? 0 : max_delay_ms;
    backoff->max_attempts = is_off ? 0 : max_attempts;
    return GDWS_OK;
}

/* The limit on the wait before the attempt that was counted last. */
static uint32_t limit_ms(const gdwsi_backoff *backoff)
{
    uint32_t limit = backoff->first_delay_ms;
    for (uint32_t i = 1; i < backoff->attempts && limit < backoff->max_delay_ms; i++) {
        limit *= 2; /* of at most a day: there is room */
    }
    return limit < backoff->max_delay_ms ? limit : backoff->max_delay_ms;
}

bool gdwsi_backoff_next(gdwsi_backoff *backoff, uint32_t *delay_ms)
{
    *delay_ms = 0;
    if (backoff->first_delay_ms == 0 ||
        (backoff->max_attempts != 0 && backoff->attempts >= backoff->max_attempts)) {
        return false;
    }
    backoff->attempts += backoff->attempts < UINT32_MAX ? 1 : 0;
    *delay_ms = (uint32_t)(((uint64_t)limit_ms(backoff) + 1) * backoff->draw() >> 32);
    return true;
}

void gdwsi_backoff_note_connection(gdwsi_backoff *backoff, uint64_t lasted_ms)
{
    if (lasted_ms >= limit_ms(backoff)) {
        backoff->attempts = 0;
    }
}
