/* SPDX-License-Identifier: MIT */
/* Table of contents of the integration suite: real clients and servers on real sockets. */
#include "runtests.h"

#include <stdlib.h>

#include "world.h"

int main(void)
{
    SRunner *runner = srunner_create(connect_suite());
    srunner_add_suite(runner, packets_suite());
    srunner_add_suite(runner, closing_suite());
    srunner_add_suite(runner, lifetime_suite());
    srunner_add_suite(runner, time_suite());
    srunner_add_suite(runner, embedding_suite());
    srunner_add_suite(runner, admission_suite());
    srunner_add_suite(runner, threads_suite());
    srunner_add_suite(runner, reconnect_suite());
    srunner_add_suite(runner, crowd_suite());
    srunner_add_suite(runner, multiplayer_suite());
    srunner_add_suite(runner, taps_suite());
    srunner_add_suite(runner, inspector_suite());
    /* These make their connections themselves, without TLS. */
    if (!world_is_secure()) {
        srunner_add_suite(runner, listening_suite());
        /* What is adopted is never framed by libwebsockets, and what is on a vhost always. */
        if (!world_is_fallback()) {
            srunner_add_suite(runner, adopting_suite());
            /* A context that drives a loop is one host; an adapter would be another. */
            if (getenv("GDWS_TEST_ADAPTER") == NULL) {
                srunner_add_suite(runner, vhost_suite());
            }
        }
        srunner_add_suite(runner, multiplayer_wire_suite());
    }
    srunner_add_suite(runner, exhaustion_suite());
    srunner_add_suite(runner, tls_suite());
    srunner_add_suite(runner, tls_traffic_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
