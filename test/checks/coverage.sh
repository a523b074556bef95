#!/bin/bash
# SPDX-License-Identifier: MIT
# Build with gcov's counters, run everything, and report. Usage: coverage.sh BUILD
set -u
build=$1
logs=$build/logs
at_once=3
. test/checks/steps.sh
find "$build" -name '*.gcda' -delete
# Threads count without losing counts, and processes that leave by _exit(2) write theirs first
# (test/support/leave.h).
make --no-print-directory -s -j2 BUILD="$build" CFLAGS="-O0 -g --coverage -fprofile-update=atomic -DWITH_GCOV" \
    LDFLAGS="" tests || exit 1

run() {
    begin "$1" 900 env CK_FORK=no GDWS_TEST_SLOW=1 "${@:2}"
}

# The longest first, so that all places are always taken.
run torture TORTURE=2 TORTURE_JOBS=4 "$build/test/torture"
run hostile "$build/test/hostile"
run integration "$build/test/integration"
run integration-tls GDWS_TEST_TLS=1 "$build/test/integration"
run integration-in-bytes GDWS_TEST_CUT=bytes "$build/test/integration"
run integration-fallback GDWS_TEST_FALLBACK=1 "$build/test/integration"
run integration-compressed GDWS_TEST_COMPRESSION=1 "$build/test/integration"
run oom "$build/test/oom"
run oom-compressed GDWS_TEST_COMPRESSION=1 "$build/test/oom"
run hostile-fallback GDWS_TEST_FALLBACK=1 "$build/test/hostile"
run adapters "$build/test/adapters"
run unit "$build/test/unit"
run faults "$build/test/faults" 1 200
run ledger "$build/test/ledger" 100 10 1
finish
test/checks/coverage.py "$build" || failed=$((failed + 1))
[ $failed = 0 ]
