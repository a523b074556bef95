#!/bin/bash
# SPDX-License-Identifier: MIT
# Run the suites under valgrind. Usage: valgrind.sh BUILD
set -eu
for suite in unit integration oom adapters; do
    [ -x "$1/test/$suite" ] || continue
    echo "valgrind: $suite"
    GDWS_TEST_VALGRIND=1 GDWS_TEST_SLOW=1 CK_FORK=no timeout 1800 valgrind -q --fair-sched=try --child-silent-after-fork=yes --leak-check=full \
        --show-leak-kinds=definite,possible --errors-for-leak-kinds=definite,possible \
        --error-exitcode=99 "$1/test/$suite"
done
