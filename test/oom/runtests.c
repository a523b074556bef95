/* SPDX-License-Identifier: MIT */
/* The suite in which each allocation fails once. */
#include "runtests.h"

#include <stdlib.h>

int main(void)
{
    SRunner *runner = srunner_create(oom_suite());
    srunner_add_suite(runner, multiplayer_oom_suite());
    srunner_add_suite(runner, reconnect_oom_suite());
    srunner_add_suite(runner, inspector_oom_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
