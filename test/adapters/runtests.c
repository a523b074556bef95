/* SPDX-License-Identifier: MIT */
/* Table of contents of the adapters suite: what each adapter owes its host. That gdws itself works
 * under each of them is shown by the integration suite with GDWS_TEST_ADAPTER=NAME.
 * Usage: adapters [kinds]; with "kinds" it lists the adapters that it was built with. */
#include "runtests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "kinds") == 0) {
        for (size_t i = 0; host_kinds[i] != NULL; i++) {
            (void)puts(host_kinds[i]->name);
        }
        return EXIT_SUCCESS;
    }
    SRunner *runner = srunner_create(hosts_suite());
    srunner_add_suite(runner, idle_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
