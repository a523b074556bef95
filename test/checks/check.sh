#!/bin/bash
# SPDX-License-Identifier: MIT
# Run all tests and count them. Usage: check.sh BUILD
set -u
build=$1
passed=0
failed=0
skipped=0
logs=$build/check-logs
mkdir -p "$logs"

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

# A step in two halves, of which the first may run in the background.
begin() {
    local log=$logs/$1.log start=$SECONDS status=0
    shift
    rm -f "$log.end"
    timeout 600 "$@" >"$log" 2>&1 || status=$?
    echo "$status $((SECONDS - start))" >"$log.end"
}

finish() {
    local name=$1 log=$logs/$1.log status seconds summary
    read -r status seconds <"$log.end"
    count "$log" "$status"
    summary=$(grep -E 'Checks: |^[0-9]+ passed|skipped: ' "$log" | tail -n 4 | paste -sd ';' -)
    if [ "$status" = 0 ]; then
        printf 'ok    %-22s %4ds  %s\n' "$name" "$seconds" "$summary"
    else
        printf 'FAIL  %-22s %4ds  (status %s)\n' "$name" "$seconds" "$status"
        tail -n 60 "$log"
    fi
}

step() {
    begin "$@"
    finish "$1"
}

for suite in unit integration hostile oom; do
    [ -x "$build/test/$suite" ] && step "$suite" "$build/test/$suite"
done
# The same again in other ways. These mostly wait, so two of them run side by side, with the numbers
# and limits for slow machines.
names=()
declare -A again
later() {
    names+=("$1")
    again[$1]="${*:2}"
}

later integration-fallback GDWS_TEST_FALLBACK=1 "$build/test/integration"
later hostile-fallback GDWS_TEST_FALLBACK=1 "$build/test/hostile"
later integration-tls GDWS_TEST_TLS=1 "$build/test/integration"
later hostile-tls GDWS_TEST_TLS=1 "$build/test/hostile"
later integration-compressed GDWS_TEST_COMPRESSION=1 "$build/test/integration"
later oom-compressed GDWS_TEST_COMPRESSION=1 "$build/test/oom"
later integration-in-bytes GDWS_TEST_CUT=bytes "$build/test/integration"
later integration-fragments GDWS_TEST_CUT=fragments "$build/test/integration"
for name in poll select epoll libuv uvloop libev libevent glib; do
    if "$build/test/adapters" kinds | grep -qx $name; then
        later "integration-$name" "GDWS_TEST_ADAPTER=$name" "$build/test/integration"
    else
        echo "skipped: $name is not installed"
        if [ "${INTEROP_REQUIRE:-0}" = 1 ]; then failed=$((failed + 1)); else skipped=$((skipped + 1)); fi
    fi
done
for ((i = 0; i < ${#names[@]}; i += 2)); do
    for name in "${names[@]:i:2}"; do
        # shellcheck disable=SC2086 # a list of words
        begin "$name" env GDWS_TEST_SLOW=1 ${again[$name]} &
    done
    wait
    for name in "${names[@]:i:2}"; do
        finish "$name"
    done
done

step adapters "$build/test/adapters"
step ledger "$build/test/ledger" 100 10 3
step comeback "$build/test/comeback" 1000 1000
step comeback-together "$build/test/comeback" 500 1000 together
step samples test/samples/run.sh "$build"
step docs test/checks/docs.py "$build"
step interop test/interop/run.sh "$build"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
