#!/bin/bash
# SPDX-License-Identifier: MIT
# Conversations with other implementations, in both roles. Usage: run.sh BUILD. Peers that are not
# installed are skipped, and counted; with INTEROP_REQUIRE=1 that is a failure.
set -u
build=$1
here=test/interop
place=$(mktemp -d)
started=()
passed=0
failed=0
skipped=0

end_all() {
    local pid
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    started=()
}
trap 'end_all; rm -rf "$place"' EXIT

# Start a program in the background and wait until it has said where it listens; sets port and log.
start() {
    log=$place/$1.log
    shift
    "$@" >"$log" 2>&1 &
    started+=($!)
    port=""
    for _ in $(seq 200); do
        port=$(sed -n 's/.*listening on \([0-9]*\).*/\1/p' "$log" | head -n 1)
        [ -z "$port" ] || return 0
        sleep 0.05
    done
    echo "$1 does not listen"
    cat "$log"
    return 1
}

result() {
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
        echo "ok    $1"
    else
        failed=$((failed + 1))
        echo "FAIL  $1"
        tail -n 20 "$place"/*.log
    fi
}

skip() {
    echo "skipped: $1 is not installed"
    if [ "${INTEROP_REQUIRE:-0}" = 1 ]; then
        failed=$((failed + 1))
    else
        skipped=$((skipped + 1))
    fi
}

# What the server must have been told in a conversation with a client that closes with 4001.
told() {
    grep -q "close_request code=4001 reason=goodbye" "$log" && ! grep -qE 'WRONG|refused' "$log" &&
        grep -q "$1" "$log"
}

# A free port, for servers that cannot choose one themselves.
free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# From here on over TLS: an authority, and a server's certificate that it has signed.
secure() {
    local tls=$place/tls
    mkdir -p "$tls"
    {
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=gdws interop authority" \
            -keyout "$tls/authority.key" -out "$tls/authority.crt"
        openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" \
            -keyout "$tls/server.key" -out "$tls/server.csr"
        openssl x509 -req -in "$tls/server.csr" -CA "$tls/authority.crt" -CAkey "$tls/authority.key" \
            -CAcreateserial -days 2 -out "$tls/server.crt" \
            -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1")
    } 2>"$tls/openssl.log" || { cat "$tls/openssl.log"; return 1; }
    export GDWS_KEY=$tls/server.key GDWS_CERTIFICATE=$tls/server.crt GDWS_TRUSTED=$tls/authority.crt
    base=wss://localhost
    over=", TLS"
}
base=ws://127.0.0.1
over=""

with_python() {
    local protocol=$1 status=0
    start server "$build/test/interop_server" ${protocol:+"$protocol"} || status=1
    timeout 90 /usr/bin/python3 "$here/python_client.py" "$base:$port" ${protocol:+"$protocol"} \
        >"$place/python.log" 2>&1 || status=1
    told "report python 1003 messages echoed" || status=1
    result "python client, gdws server, subprotocol '$protocol'$over" $status
    end_all
    for who in mine theirs; do
        status=0
        start python_server /usr/bin/python3 "$here/python_server.py" ${protocol:+"$protocol"} || status=1
        timeout 60 "$build/test/interop_client" "$base:$port/x?y" "${protocol:--}" $who \
            >"$place/client.log" 2>&1 || status=1
        result "gdws client, python server, subprotocol '$protocol', close $who$over" $status
        end_all
    done
}

with_godot() {
    local protocol=$1 status=0
    mkdir -p "$place/project"
    echo 'config_version=4' >"$place/project/project.godot"
    cp "$here"/*.gd "$place/project/"
    start server "$build/test/interop_server" ${protocol:+"$protocol"} || status=1
    GDWS_ARGUMENTS="$base:$port $protocol" HOME=$place timeout 90 \
        godot3-server --path "$place/project" -s godot_client.gd >"$place/godot.log" 2>&1 || status=1
    told "report godot 1000 messages echoed, 0 wrong, 1 empty" || status=1
    result "godot client, gdws server, subprotocol '$protocol'$over" $status
    end_all
    for who in mine theirs; do
        status=0
        GDWS_ARGUMENTS="$(free_port) $protocol" HOME=$place \
            start godot_server godot3-server --path "$place/project" -s godot_server.gd || status=1
        timeout 90 "$build/test/interop_client" "$base:$port" "${protocol:--}" $who \
            >"$place/client.log" 2>&1 || status=1
        result "gdws client, godot server, subprotocol '$protocol', close $who$over" $status
        end_all
    done
}

with_chromium() {
    local protocol=$1 status=0 seen trust=()
    start server "$build/test/interop_server" ${protocol:+"$protocol"} || status=1
    # Chromium knows the certificate by its key, since it has no file of authorities to trust.
    [ -z "$over" ] || trust+=("--ignore-certificate-errors-spki-list=$(openssl x509 -in "$GDWS_CERTIFICATE" -pubkey -noout |
        openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)")
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync "${trust[@]}" \
        --user-data-dir="$place/chromium" "file://$PWD/$here/page.html#$base:$port${protocol:+,$protocol}" \
        >"$place/chromium.log" 2>&1 &
    started+=($!)
    for _ in $(seq 900); do
        seen=$(grep -c '^report chromium' "$log")
        [ "$seen" = 0 ] || break
        sleep 0.1
    done
    told "report chromium 1000 messages echoed, 0 wrong, 1 empty, closed 4001 and 4002: all right" || status=1
    result "chromium, gdws server, subprotocol '$protocol'$over" $status
    end_all
}

all() {
    local protocol=$1
    if /usr/bin/python3 -c 'import websockets' 2>/dev/null; then with_python "$protocol"; else skip python3-websockets; fi
    if command -v godot3-server >/dev/null; then with_godot "$protocol"; else skip godot3-server; fi
    if command -v chromium >/dev/null; then with_chromium "$protocol"; else skip chromium; fi
}

all ""
all chat
if command -v openssl >/dev/null && secure; then
    all ""
    all chat
else
    skip openssl
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
