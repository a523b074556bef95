/* SPDX-License-Identifier: MIT */
/* Table of contents of the unit suite: the modules without a network. */
#include "runtests.h"

#include <stdlib.h>

int main(void)
{
    SRunner *runner = srunner_create(bytes_suite());
    srunner_add_suite(runner, queues_suite());
    srunner_add_suite(runner, texts_suite());
    srunner_add_suite(runner, peer_suite());
    srunner_add_suite(runner, opening_suite());
    srunner_add_suite(runner, variant_suite());
    srunner_add_suite(runner, deflate_suite());
    srunner_add_suite(runner, backoff_suite());
    srunner_add_suite(runner, arguments_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
