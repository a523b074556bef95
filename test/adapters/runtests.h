/* SPDX-License-Identifier: MIT */
#ifndef RUNTESTS_H
#define RUNTESTS_H

#include <check.h>

Suite *hosts_suite(void);
Suite *idle_suite(void);

#endif
