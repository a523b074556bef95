/* SPDX-License-Identifier: MIT */
#ifndef RUNTESTS_H
#define RUNTESTS_H

#include <check.h>

Suite *connect_suite(void);
Suite *packets_suite(void);
Suite *closing_suite(void);
Suite *lifetime_suite(void);
Suite *time_suite(void);
Suite *embedding_suite(void);
Suite *exhaustion_suite(void);
Suite *listening_suite(void);
Suite *threads_suite(void);
Suite *reconnect_suite(void);
Suite *adopting_suite(void);
Suite *vhost_suite(void);
Suite *crowd_suite(void);
Suite *admission_suite(void);
Suite *multiplayer_suite(void);
Suite *taps_suite(void);
Suite *inspector_suite(void);
Suite *multiplayer_wire_suite(void);
Suite *tls_suite(void);
Suite *tls_traffic_suite(void);

#endif
