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

if command -v openssl >/dev/null; then
    status=0
    make_certificate() {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
            -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" -keyout "$place/key" -out "$place/certificate" \
            2>/dev/null
    }
    make_certificate first || status=1
    start "$samples/wss_server" 0 "$place/certificate" "$place/key"
    SSL_CERT_FILE=$place/certificate timeout 10 "$samples/hello_client" "wss://127.0.0.1:$port" secret \
        >"$place/client" 2>&1 || status=1
    grep -q 'client hears: secret' "$place/client" || status=1
    SSL_CERT_FILE=/dev/null timeout 10 "$samples/hello_client" "wss://127.0.0.1:$port" >"$place/client" 2>&1 && status=1
    grep -q 'is self-signed and not trusted' "$place/client" || status=1
    make_certificate second || status=1
    kill -HUP "$pid"
    wait_for 'a new certificate' || status=1
    openssl s_client -connect "127.0.0.1:$port" </dev/null 2>/dev/null | grep -q 'subject=CN = second' || status=1
    stop TERM || status=1
    check "wss_server: trusted, not trusted, renewed" $status
fi

status=0
"$samples/hello_client" "not a url" >"$place/client" 2>&1 && status=1
grep -q 'a character that a URL cannot have' "$place/client" || status=1
check "hello_client says what is wrong with a URL" $status

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
