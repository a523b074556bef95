#!/bin/bash
# SPDX-License-Identifier: MIT
# Run all tests and count them. Usage: check.sh BUILD
set -u
build=$1
skipped=0
logs=$build/check-logs
at_once=2
. test/checks/steps.sh

# Count what a step has said: Check's summary, a plain line of counts, or else one test.
count() {
    local log=$1 status=$2 line
    line=$(grep -oE 'Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+' "$log" | tail -n 1)
    if [ -n "$line" ]; then
        read -r -a n <<<"$(tr -c '0-9\n' ' ' <<<"$line")"
        passed=$((passed + n[0] - n[1] - n[2]))
        failed=$((failed + n[1] + n[2]))
        [ "$status" = 0 ] || [ $((n[1] + n[2])) -gt 0 ] || failed=$((failed + 1))
        return
    fi
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    if [ -n "$line" ]; then
        read -r -a n <<<"$(tr -c '0-9\n' ' ' <<<"$line")"
        passed=$((passed + n[0]))
        failed=$((failed + n[1]))
        skipped=$((skipped + ${n[2]:-0}))
        [ "$status" = 0 ] || [ "${n[1]}" -gt 0 ] || failed=$((failed + 1))
    elif [ "$status" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
}

ended() {
    local name=$1 status=$2 seconds=$3 summary
    count "$logs/$name" "$status"
    summary=$(grep -E 'Checks: |^[0-9]+ passed|skipped: |^conformance: ' "$logs/$name" | tail -n 4 | paste -sd ';' -)
    if [ "$status" = 0 ]; then
        printf 'ok    %-22s %4ds  %s\n' "$name" "$seconds" "$summary"
    else
        printf 'FAIL  %-22s %4ds  (status %s)\n' "$name" "$seconds" "$status"
        tail -n 60 "$logs/$name"
    fi
}

step() {
    local name=$1
    shift
    begin "$name" 900 "$@"
}

# With all the numbers and with the limits for a machine that has time: two at once, of which one
# mostly waits, and these first.
for suite in unit hostile integration oom adapters; do
    step "$suite" "$build/test/$suite"
done
step ledger "$build/test/ledger" 100 10 3
finish
step comeback "$build/test/comeback" 1000 1000
finish
step comeback-together "$build/test/comeback" 500 1000 together
finish

# The same again in other ways, with the numbers and limits for slow machines. They mostly wait.
at_once=4
again() {
    step "$1" env GDWS_TEST_SLOW=1 "${@:2}"
}
step interop test/interop/run.sh "$build"
again hostile-fallback GDWS_TEST_FALLBACK=1 "$build/test/hostile"
again hostile-tls GDWS_TEST_TLS=1 "$build/test/hostile"
again integration-fallback GDWS_TEST_FALLBACK=1 "$build/test/integration"
again integration-tls GDWS_TEST_TLS=1 "$build/test/integration"
again integration-compressed GDWS_TEST_COMPRESSION=1 "$build/test/integration"
again integration-in-bytes GDWS_TEST_CUT=bytes "$build/test/integration"
again integration-fragments GDWS_TEST_CUT=fragments "$build/test/integration"
for name in poll select epoll libuv uvloop libev libevent glib; do
    if "$build/test/adapters" kinds | grep -qx $name; then
        again "integration-$name" "GDWS_TEST_ADAPTER=$name" "$build/test/integration"
    else
        echo "skipped: $name is not installed"
        if [ "${INTEROP_REQUIRE:-0}" = 1 ]; then failed=$((failed + 1)); else skipped=$((skipped + 1)); fi
    fi
done
again oom-compressed GDWS_TEST_COMPRESSION=1 "$build/test/oom"
step samples test/samples/run.sh "$build"
step docs test/checks/docs.py "$build"
finish
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
