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
# Some of all kinds; those of 18 and 55 once showed what libwebsockets does not look at.
for seed in 9 18 55 134; do
    echo "valgrind: faults, seed $seed"
    LD_PRELOAD=$(realpath "$1/test/faults.so") GDWS_TEST_SLOW=1 timeout 600 valgrind -q --fair-sched=try \
        --leak-check=full --show-leak-kinds=definite,possible --errors-for-leak-kinds=definite,possible \
        --error-exitcode=99 "$1/test/faults" "$seed" >"$1/faults.log" 2>&1 || { cat "$1/faults.log"; exit 1; }
    tail -n 1 "$1/faults.log"
done
