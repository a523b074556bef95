/* SPDX-License-Identifier: MIT */
#ifndef RUNTESTS_H
#define RUNTESTS_H

#include <check.h>

Suite *oom_suite(void);
Suite *multiplayer_oom_suite(void);
Suite *reconnect_oom_suite(void);
Suite *inspector_oom_suite(void);

#endif
