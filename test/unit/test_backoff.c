/* SPDX-License-Identifier: MIT */
/* Backoff: limits, rows of attempts, and how the waits are spread; the random numbers are the
 * test's own. */
#include "backoff.h"
#include "runtests.h"

#define DAY_MS (24u * 60u * 60u * 1000u)

static uint32_t smallest(void)
{
    return 0;
}

static uint32_t largest(void)
{
    return UINT32_MAX;
}

/* Marsaglia's xorshift, always from the same seed. */
static uint32_t seeded_state;

static uint32_t seeded(void)
{
    seeded_state ^= seeded_state << 13;
    seeded_state ^= seeded_state >> 17;
    seeded_state ^= seeded_state << 5;
    return seeded_state;
}

static gdwsi_backoff make(uint32_t (*draw)(void), uint32_t first_ms, uint32_t max_ms,
                          uint32_t attempts)
{
    gdwsi_backoff backoff;
    gdwsi_backoff_init(&backoff);
    backoff.draw = draw;
    ck_assert_int_eq(gdwsi_backoff_set(&backoff, first_ms, max_ms, attempts), GDWS_OK);
    return backoff;
}

static void expect(gdwsi_backoff *backoff, uint32_t delay_ms)
{
    uint32_t delay = 0;
    ck_assert(gdwsi_backoff_next(backoff, &delay));
    ck_assert_uint_eq(delay, delay_ms);
}

START_TEST(there_are_no_attempts_unless_they_are_asked_for)
{
    gdwsi_backoff backoff;
    uint32_t delay = 5;
    gdwsi_backoff_init(&backoff);
    ck_assert(!gdwsi_backoff_next(&backoff, &delay));
    ck_assert_uint_eq(delay, 0);
    backoff = make(largest, 10, 10, 0);
    ck_assert_int_eq(gdwsi_backoff_set(&backoff, 0, 5, 5), GDWS_OK);
    ck_assert(!gdwsi_backoff_next(&backoff, &delay));
}
END_TEST

START_TEST(limits_double_up_to_the_longest)
{
    gdwsi_backoff backoff = make(largest, 1000, 30000, 0);
    expect(&backoff, 1000);
    expect(&backoff, 2000);
    expect(&backoff, 4000);
    expect(&backoff, 8000);
    expect(&backoff, 16000);
    expect(&backoff, 30000);
    expect(&backoff, 30000);
}
END_TEST

START_TEST(the_longest_limit_is_never_passed)
{
    gdwsi_backoff backoff = make(largest, DAY_MS - 1, DAY_MS, 0);
    expect(&backoff, DAY_MS - 1);
    for (int i = 0; i < 100; i++) {
        expect(&backoff, DAY_MS);
    }
    backoff.attempts = UINT32_MAX - 1;
    expect(&backoff, DAY_MS);
    expect(&backoff, DAY_MS);
    ck_assert_uint_eq(backoff.attempts, UINT32_MAX);
}
END_TEST

START_TEST(a_wait_may_be_none)
{
    gdwsi_backoff backoff = make(smallest, 1000, 30000, 0);
    for (int i = 0; i < 10; i++) {
        expect(&backoff, 0);
    }
}
END_TEST

START_TEST(attempts_are_counted_in_a_row)
{
    uint32_t delay = 0;
    gdwsi_backoff backoff = make(largest, 10, 1000, 3);
    expect(&backoff, 10);
    expect(&backoff, 20);
    /* Shorter than the wait before it: the row goes on. */
    gdwsi_backoff_note_connection(&backoff, 19);
    ck_assert_uint_eq(backoff.attempts, 2);
    expect(&backoff, 40);
    ck_assert(!gdwsi_backoff_next(&backoff, &delay));
    ck_assert_uint_eq(delay, 0);
    gdwsi_backoff_note_connection(&backoff, 40);
    expect(&backoff, 10);
    ck_assert_uint_eq(backoff.attempts, 1);
}
END_TEST

/* 5,000 clients that have lost their server at once: each tenth of the first second gets its share,
 * within six standard deviations. */
START_TEST(waits_are_spread_evenly)
{
    enum { CLIENTS = 5000, WINDOWS = 10, FAIR = CLIENTS / WINDOWS, SIX_SIGMA = 128 };
    int windows[WINDOWS + 1] = {0};
    uint32_t longest = 0;
    seeded_state = 2463534242u;
    for (int i = 0; i < CLIENTS; i++) {
        gdwsi_backoff backoff = make(seeded, 1000, 30000, 0);
        uint32_t delay = 0;
        ck_assert(gdwsi_backoff_next(&backoff, &delay));
        ck_assert_uint_le(delay, 1000);
        windows[delay / 100]++;
        longest = delay > longest ? delay : longest;
    }
    ck_assert_uint_ge(longest, 990);
    for (int i = 0; i < WINDOWS; i++) {
        ck_assert_int_gt(windows[i], FAIR - SIX_SIGMA);
        ck_assert_int_lt(windows[i], FAIR + SIX_SIGMA);
    }
}
END_TEST

/* The numbers that programs get are not the same for all. */
START_TEST(waits_are_random_by_themselves)
{
    enum { COUNT = 64 };
    uint32_t smallest_ms = UINT32_MAX;
    uint32_t largest_ms = 0;
    for (int i = 0; i < COUNT; i++) {
        gdwsi_backoff backoff;
        uint32_t delay = 0;
        gdwsi_backoff_init(&backoff);
        ck_assert_int_eq(gdwsi_backoff_set(&backoff, DAY_MS, DAY_MS, 0), GDWS_OK);
        ck_assert(gdwsi_backoff_next(&backoff, &delay));
        smallest_ms = delay < smallest_ms ? delay : smallest_ms;
        largest_ms = delay > largest_ms ? delay : largest_ms;
    }
    /* Each would be wrong once in 2^64 runs. */
    ck_assert_uint_lt(smallest_ms, DAY_MS / 2);
    ck_assert_uint_gt(largest_ms, DAY_MS / 2);
}
END_TEST

Suite *backoff_suite(void)
{
    Suite *suite = suite_create("backoff");
    TCase *tests = tcase_create("backoff");
    tcase_add_test(tests, there_are_no_attempts_unless_they_are_asked_for);
    tcase_add_test(tests, limits_double_up_to_the_longest);
    tcase_add_test(tests, the_longest_limit_is_never_passed);
    tcase_add_test(tests, a_wait_may_be_none);
    tcase_add_test(tests, attempts_are_counted_in_a_row);
    tcase_add_test(tests, waits_are_spread_evenly);
    tcase_add_test(tests, waits_are_random_by_themselves);
    suite_add_tcase(suite, tests);
    return suite;
}
