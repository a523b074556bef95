/* SPDX-License-Identifier: MIT */
/* Table of contents of the hostile suite: scripted bytes from a raw socket, and what gdws answers.
 */
#include "runtests.h"

#include <stdlib.h>

#include "world.h"

int main(void)
{
    SRunner *runner = srunner_create(at_server_suite());
    srunner_add_suite(runner, at_client_suite());
    srunner_add_suite(runner, opening_suite());
    srunner_add_suite(runner, handshakes_suite());
    srunner_add_suite(runner, files_suite());
    srunner_add_suite(runner, tls_bytes_suite());
    if (!world_is_fallback()) {
        /* libwebsockets' own framing does not compress, and does not keep to the RFC everywhere. */
        srunner_add_suite(runner, compressed_suite());
        srunner_add_suite(runner, conformance_suite());
    }
    srunner_run_all(runner, CK_ENV);
    if (!world_is_fallback()) {
        conformance_print_tally();
    }
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
