#!/bin/bash
# SPDX-License-Identifier: MIT
# Run each sample and see that it does what it says. Usage: run.sh BUILD
set -u
samples=$1/samples
place=$(mktemp -d)
passed=0
failed=0
pid=""
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$place"' EXIT

check() {
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
        echo "ok    $1"
    else
        failed=$((failed + 1))
        echo "FAIL  $1"
        cat "$place"/*
    fi
}

wait_for() {
    for _ in $(seq 200); do
        ! grep -q "$1" "$place/server" || return 0
        sleep 0.05
    done
    return 1
}

# Start a server sample in the background; sets pid and port.
start() {
    "$@" >"$place/server" 2>&1 &
    pid=$!
    wait_for '^listening on'
    port=$(sed -n 's/^listening on \([0-9]*\)$/\1/p' "$place/server")
}

stop() {
    local status=0
    kill -"$1" "$pid"
    wait "$pid" || status=$?
    pid=""
    return $status
}

for signal in INT TERM; do
    status=0
    start "$samples/echo_server" 0
    timeout 10 "$samples/hello_client" "ws://127.0.0.1:$port" one two >"$place/client" 2>&1 || status=1
    grep -q 'client hears: two' "$place/client" || status=1
    wait_for 'is gone, clean' || status=1
    stop $signal || status=1
    check "echo_server and hello_client, ended by SIG$signal" $status
done

status=0
start "$samples/polling_server" 0
# The first thing it hears is the welcome.
timeout 10 "$samples/hello_client" "ws://127.0.0.1:$port" hello >"$place/client" 2>&1 || status=1
grep -q 'client hears: welcome' "$place/client" || status=1
stop TERM || status=1
check "polling_server" $status

status=0
start "$samples/web_server" 0 samples
/usr/bin/python3 - "$port" >"$place/client" 2>&1 <<'END' || status=1
import sys, urllib.request
with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/echo.html", timeout=10) as page:
    assert page.headers["Content-Type"] == "text/html; charset=utf-8", page.headers
    assert page.read() == open("samples/echo.html", "rb").read()
END
timeout 10 "$samples/hello_client" "ws://127.0.0.1:$port/room" hello >>"$place/client" 2>&1 || status=1
grep -q 'client hears: hello' "$place/client" || status=1
timeout 10 "$samples/hello_client" "ws://127.0.0.1:$port/" hello >>"$place/client" 2>&1 && status=1
grep -q 'HTTP status 404' "$place/client" || status=1
stop TERM || status=1
check "web_server" $status

status=0
mkfifo "$place/typed"
"$samples/foreign_loop" 0 <"$place/typed" >"$place/server" 2>&1 &
pid=$!
exec 3>"$place/typed"
wait_for '^listening on' || status=1
port=$(sed -n 's/^listening on \([0-9]*\)$/\1/p' "$place/server")
timeout 10 "$samples/hello_client" "ws://127.0.0.1:$port" "to the loop" >"$place/client" 2>&1 &
client=$!
wait_for 'says: to the loop' || status=1
echo "typed line" >&3
wait "$client" || status=1
grep -q 'client hears: typed line' "$place/client" || status=1
exec 3>&-
wait "$pid" || status=1
pid=""
check "foreign_loop" $status

status=0
"$samples/hello_client" "not a url" >"$place/client" 2>&1 && status=1
grep -q 'a character that a URL cannot have' "$place/client" || status=1
check "hello_client says what is wrong with a URL" $status

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
