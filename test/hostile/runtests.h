/* SPDX-License-Identifier: MIT */
#ifndef RUNTESTS_H
#define RUNTESTS_H

#include <check.h>

Suite *at_server_suite(void);
Suite *at_client_suite(void);
Suite *opening_suite(void);
Suite *handshakes_suite(void);
Suite *files_suite(void);
Suite *tls_bytes_suite(void);
Suite *compressed_suite(void);
Suite *conformance_suite(void);

/* Print what the suite has done, in whichever processes. */
void conformance_print_tally(void);

#endif
