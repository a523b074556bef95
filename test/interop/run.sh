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
    local protocol=$1 status=0 seen trust=() fragment
    fragment=$protocol${GDWS_COMPRESSION:+,compressed}
    start server "$build/test/interop_server" ${protocol:+"$protocol"} || status=1
    # Chromium knows the certificate by its key, since it has no file of authorities to trust.
    [ -z "$over" ] || trust+=("--ignore-certificate-errors-spki-list=$(openssl x509 -in "$GDWS_CERTIFICATE" -pubkey -noout |
        openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)")
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync "${trust[@]}" \
        --user-data-dir="$place/chromium" "file://$PWD/$here/page.html#$base:$port${fragment:+,$fragment}" \
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

browse() {
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --user-data-dir="$place/chromium-$port" "$1" >"$place/chromium.log" 2>&1 &
    started+=($!)
    for _ in $(seq 600); do
        ! grep -q 'report isolated' "$log" || return 0
        sleep 0.1
    done
    return 1
}

# A page of the document root talks to its own port, and may not talk to another server.
with_document_root() {
    local status=0 other
    start other "$build/samples/web_server" 0 "$here/web" || status=1
    other=$port
    start server "$build/samples/web_server" 0 "$here/web" || status=1
    browse "http://127.0.0.1:$port/#$other" || status=1
    grep -q 'report isolated=true wasm=42 shared=true style=rgb(0, 102, 204) missing=404 outside=404 wrong-room=closed 1006 foreign=closed 1006 foreign-file=TypeError own=true$' "$log" || status=1
    ! grep -q connected "$place/other.log" || status=1
    result "chromium, a page of the document root, isolated; a foreign one refused" $status
    end_all
    status=0
    DOCUMENT_ROOT=$here/web start server "$build/test/interop_server" || status=1
    browse "http://127.0.0.1:$port/" || status=1
    grep -q '^report isolated=false wasm=42 shared=.*Error style=rgb(0, 102, 204) .* own=true$' "$log" || status=1
    result "chromium, a page of the document root, not isolated" $status
    end_all
}

if command -v chromium >/dev/null; then with_document_root; else skip chromium; fi

# The inspector's page, used by mouse and keyboard.
with_inspector() {
    local status=0 url
    start inspected "$build/samples/inspected_server" 0 || status=1
    url=$(sed -n 's/^inspector: //p' "$log")
    timeout 300 /usr/bin/python3 "$here/inspector.py" "$port" "$url" "$build/test/crowd" \
        >"$place/inspector.log" 2>&1 || status=1
    result "chromium, the inspector's page" $status
    end_all
}

if command -v chromium >/dev/null && /usr/bin/python3 -c 'import websockets' 2>/dev/null; then
    with_inspector
else
    skip "chromium or python3-websockets"
fi
godot_script() {
    local script=$1
    shift
    GDWS_ARGUMENTS="$*" HOME=$place exec godot3-server --path "$place/project" -s "$script"
}

godot_script_for() {
    local limit=$1 script=$2
    shift 2
    GDWS_ARGUMENTS="$*" HOME=$place timeout "$limit" godot3-server --path "$place/project" -s "$script"
}

# Start the server of a multiplayer session: gdws or godot, and how many players it is for.
start_session() {
    if [ "$1" = gdws ]; then
        start session "$build/test/multiplayer" server "$2"
    else
        start session godot_script multiplayer_server.gd "$(free_port)" "$2"
    fi
}

# Wait until the session's server has said something.
wait_said() {
    for _ in $(seq 400); do
        ! grep -q "$1" "$log" || return 0
        sleep 0.05
    done
    return 1
}

# One session: the server's kind, then those of the players in the order of joining. The first one
# closes, the second one dies, the third one is kicked.
multiplayer_session() {
    local status=0 number=0 kind server=$1
    shift
    start_session "$server" $# || status=1
    for kind in "$@"; do
        number=$((number + 1))
        if [ "$kind" = gdws ]; then
            "$build/test/multiplayer" player "ws://127.0.0.1:$port" $# >"$place/player$number.log" 2>&1 &
        else
            godot_script multiplayer_player.gd "ws://127.0.0.1:$port" $# >"$place/player$number.log" 2>&1 &
        fi
        started+=($!)
        wait_said "player $number joined" || status=1
    done
    wait_said "all have left" || status=1
    ! grep -H WRONG "$log" "$place"/player*.log || status=1
    grep -q over "$place/player1.log" && grep -q over "$place/player3.log" || status=1
    ! grep -q over "$place/player2.log" || status=1
    result "multiplayer: $server server, players $*" $status
    end_all
    rm -f "$place"/player*.log
}

# What clients see of a gdws server is what they see of a Godot server, message for message.
multiplayer_capture() {
    local status=0 server
    for server in gdws godot; do
        start_session $server 0 || status=1
        timeout 60 /usr/bin/python3 "$here/capture.py" "$port" >"$place/capture.$server" 2>&1 || status=1
        end_all
    done
    diff "$place/capture.gdws" "$place/capture.godot" >"$place/capture.log" || status=1
    [ "$(wc -l <"$place/capture.gdws")" -ge 175 ] || status=1
    result "multiplayer: $(wc -l <"$place/capture.gdws") lines of what clients see, from both servers" $status
    rm -f "$place"/capture.*
}

with_variants() {
    local status=0
    start server "$build/test/variants" || status=1
    godot_script_for 60 variants.gd "ws://127.0.0.1:$port" >"$place/godot.log" 2>&1 || status=1
    grep -q 'variants: 600 values of 25 types, 0 wrong' "$place/godot.log" || status=1
    ! grep -q WRONG "$log" || status=1
    result "variants: 600 values of 25 types from Godot and back" $status
    end_all
}

with_multiplayer() {
    mkdir -p "$place/project"
    echo 'config_version=4' >"$place/project/project.godot"
    cp "$here"/*.gd "$place/project/"
    with_variants
    multiplayer_capture
    multiplayer_session gdws godot gdws godot
    multiplayer_session gdws gdws godot godot
    multiplayer_session gdws godot godot gdws
    multiplayer_session godot gdws gdws godot
    multiplayer_session godot gdws godot gdws
    multiplayer_session godot godot gdws gdws
}

if [ -x "$build/test/multiplayer" ] && command -v godot3-server >/dev/null; then
    with_multiplayer
else
    skip godot3-server
fi

all() {
    local protocol=$1
    if /usr/bin/python3 -c 'import websockets' 2>/dev/null; then with_python "$protocol"; else skip python3-websockets; fi
    if command -v godot3-server >/dev/null; then with_godot "$protocol"; else skip godot3-server; fi
    if command -v chromium >/dev/null; then with_chromium "$protocol"; else skip chromium; fi
}

all ""
all chat

# Compression, as the others like it; the gdws side is the same each time.
export GDWS_MESSAGE_MAX=10000000
for GDWS_COMPRESSION in usual no-context small-windows odd-windows; do
    export GDWS_COMPRESSION
    over=", compressed: $GDWS_COMPRESSION"
    if /usr/bin/python3 -c 'import websockets' 2>/dev/null; then with_python ""; else skip python3-websockets; fi
done
export GDWS_COMPRESSION=usual
over=", compressed"
if command -v chromium >/dev/null; then with_chromium ""; else skip chromium; fi
unset GDWS_MESSAGE_MAX
status=0
start server "$build/test/interop_server" || status=1
timeout 60 /usr/bin/python3 "$here/python_bomb.py" "$port" "${started[-1]}" >"$place/bomb.log" 2>&1 || status=1
cat "$place/bomb.log"
result "a bomb of 1 GB" $status
end_all
unset GDWS_COMPRESSION
over=""

if command -v openssl >/dev/null && secure; then
    all ""
    all chat
else
    skip openssl
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
