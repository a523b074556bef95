/* SPDX-License-Identifier: MIT */
#ifndef RUNTESTS_H
#define RUNTESTS_H

#include <check.h>

#include "mem.h"

Suite *bytes_suite(void);
Suite *queues_suite(void);
Suite *texts_suite(void);
Suite *peer_suite(void);
Suite *opening_suite(void);
Suite *variant_suite(void);
Suite *deflate_suite(void);
Suite *backoff_suite(void);
Suite *arguments_suite(void);

/* After each test: nothing may be left. */
static inline void assert_nothing_is_left(void)
{
    gdwsi_mem_fail_at(0);
    ck_assert_uint_eq(gdwsi_mem_live(), 0);
}

static inline void begin(void)
{
}

#endif
