#!/bin/bash
# SPDX-License-Identifier: MIT
# Run the suites under valgrind. Usage: valgrind.sh BUILD
set -u
logs=$1/valgrind-logs
at_once=2
. test/checks/steps.sh
valgrind=(valgrind -q --fair-sched=try --leak-check=full "--show-leak-kinds=definite,possible"
    "--errors-for-leak-kinds=definite,possible" --error-exitcode=99)

for suite in integration unit oom adapters; do
    begin "$suite" 1800 env GDWS_TEST_VALGRIND=1 GDWS_TEST_SLOW=1 CK_FORK=no \
        "${valgrind[@]}" --child-silent-after-fork=yes "$1/test/$suite"
done
# Some of all kinds; those of 18 and 55 once showed what libwebsockets does not look at.
for seed in 9 18 55 134; do
    begin "faults-$seed" 600 env LD_PRELOAD="$(realpath "$1/test/faults.so")" GDWS_TEST_SLOW=1 \
        "${valgrind[@]}" "$1/test/faults" "$seed"
done
finish
echo "valgrind: $passed passed, $failed failed"
[ $failed = 0 ]
