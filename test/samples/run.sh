#!/bin/bash
# SPDX-License-Identifier: MIT
# Run each sample and see that it does what it says. Usage: run.sh BUILD
set -u
samples=$1/samples
place=$(mktemp -d)
passed=0
failed=0
skipped=0
pid=""
others=()
trap 'kill $pid "${others[@]}" 2>/dev/null; rm -rf "$place"' EXIT

check() {
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
        echo "ok    $1"
    else
        failed=$((failed + 1))
        echo "FAIL  $1"
        find "$place" -maxdepth 1 -type f -exec cat {} + # not the pipes
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
start "$samples/inspected_server" 0
url=$(sed -n 's/^inspector: \(http:.*\)$/\1/p' "$place/server")
/usr/bin/python3 - "$url" >"$place/client" 2>&1 <<'END' || status=1
import sys, urllib.error, urllib.request
url = sys.argv[1]
with urllib.request.urlopen(url, timeout=10) as page:
    assert b"<title>gdws inspector</title>" in page.read()
with urllib.request.urlopen(url + "inspector.js", timeout=10) as script:
    assert script.read() == open("lib/inspector/inspector.js", "rb").read()
try:
    urllib.request.urlopen(url[:url.index("/", 8) + 1], timeout=10)
    sys.exit("let in without a token")
except urllib.error.HTTPError as error:
    assert error.code == 401, error
END
timeout 10 "$samples/hello_client" "ws://127.0.0.1:$port" hello >>"$place/client" 2>&1 || status=1
grep -q 'client hears: hello' "$place/client" || status=1
stop TERM || status=1
check "inspected_server" $status

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

# A sample that was not built lacks its library.
skip() {
    echo "skipped: $1 was not built"
    if [ "${INTEROP_REQUIRE:-0}" = 1 ]; then failed=$((failed + 1)); else skipped=$((skipped + 1)); fi
}

# Whether a line stands in what each of the chatters has printed, so often.
all_print() {
    local chatter seen
    for _ in $(seq 300); do
        seen=0
        for chatter in "$place"/chatter*; do
            [ "$(grep -c "$2" "$chatter")" -lt "$1" ] || seen=$((seen + 1))
        done
        [ "$seen" != 16 ] || return 0
        sleep 0.05
    done
    return 1
}

# Sixteen chatters, so that each thread has some. What one of them says all hear, across threads. The
# server is killed, and they find the next one.
status=0
mkfifo "$place/lines"
start "$samples/threads_server" 0 2
for name in $(seq 16); do
    timeout 60 "$samples/chat_client" "ws://127.0.0.1:$port" "guest $name" <"$place/lines" \
        >"$place/chatter$name" 2>&1 &
    others+=($!)
done
exec 4>"$place/lines"
all_print 1 '^connected$' || status=1
for thread in 0 1; do
    wait_for "^thread $thread hears: guest" || status=1
done
echo "one says" >&4
all_print 1 '^one says$' || status=1
kill -KILL "$pid"
wait "$pid" 2>/dev/null
all_print 1 '^attempt 1 in' || status=1
start "$samples/threads_server" "$port" 2 4>&-
all_print 2 '^connected$' || status=1
echo "one says again" >&4
all_print 1 '^one says again$' || status=1
exec 4>&-
for name in "${others[@]}"; do
    wait "$name" || status=1
done
others=()
all_print 1 '^the end\.' || status=1
stop TERM || status=1
check "threads_server, killed and started again, and 16 chat_clients" $status
rm -f "$place"/chatter* "$place/lines"

# Datagrams are counted, and told by the host's timer.
status=0
start "$samples/embed_epoll" 0
for name in login logout login; do
    echo -n "$name" >"/dev/udp/127.0.0.1/$port"
done
timeout 10 "$samples/hello_client" "ws://127.0.0.1:$port" "one" "and another" >"$place/client" 2>&1 || status=1
grep -q 'client hears: login 2' "$place/client" || status=1
grep -q 'client hears: logout 1' "$place/client" || status=1
stop TERM || status=1
check "embed_epoll" $status

status=0
mkdir "$place/site"
echo '<title>first</title>' >"$place/site/index.html"
start "$samples/embed_libuv" 0 "$place/site"
timeout 10 "$samples/hello_client" "ws://127.0.0.1:$port" "tell me" >"$place/client" 2>&1 &
client=$!
wait_for 'a page is open' || status=1
echo '<title>second</title>' >"$place/site/index.html"
wait "$client" || status=1
grep -q 'client hears: index.html' "$place/client" || status=1
stop TERM || status=1
wait_for 'all handles are closed' || status=1
rm -r "$place/site"
check "embed_libuv: the page is told, uv_loop_close finds nothing left" $status

if [ -x "$samples/embed_glib" ]; then
    status=0
    start "$samples/embed_glib" 0
    timeout 10 "$samples/hello_client" "ws://127.0.0.1:$port" "0.3 eggs" "0.1 tea" >"$place/client" 2>&1 || status=1
    [ "$(grep 'client hears' "$place/client" | paste -sd ';')" = "client hears: tea;client hears: eggs" ] || status=1
    stop INT || status=1
    check "embed_glib" $status
else
    skip embed_glib
fi

if [ -x "$samples/embed_httpd" ]; then
    status=0
    "$samples/embed_httpd" 0 <"$place/typed" >"$place/server" 2>&1 &
    pid=$!
    exec 3>"$place/typed"
    wait_for '^listening on' || status=1
    port=$(sed -n 's/^listening on \([0-9]*\)$/\1/p' "$place/server")
    timeout 10 "$samples/hello_client" "ws://127.0.0.1:$port/room?a=1" hello >"$place/client" 2>&1 || status=1
    grep -q 'client hears: hello' "$place/client" || status=1
    timeout 60 /usr/bin/python3 test/samples/hand_over.py "$port" 1000 >"$place/client" 2>&1 || status=1
    exec 3>&-
    wait "$pid" || status=1
    pid=""
    check "embed_httpd: $(tail -n 1 "$place/client")" $status
else
    skip embed_httpd
fi

status=0
start "$samples/embed_lws" 0
timeout 30 /usr/bin/python3 test/samples/beside.py "$port" >"$place/client" 2>&1 || status=1
stop TERM || status=1
check "embed_lws: $(tail -n 1 "$place/client")" $status

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

# Two bots meet in the lobby.
status=0
start "$samples/lobby_server" 0
timeout 20 "$samples/bot_client" "ws://127.0.0.1:$port" 2 >"$place/bot1" 2>&1 &
others+=($!)
timeout 20 "$samples/bot_client" "ws://127.0.0.1:$port" 2 >"$place/bot2" 2>&1 &
others+=($!)
wait "${others[@]}" || status=1
for bot in "$place/bot1" "$place/bot2"; do
    grep -q 'says: welcome to the lobby' "$bot" || status=1
    grep -q 'says: hello from the bot' "$bot" || status=1
done
wait_for '^players:$' || status=1
stop TERM || status=1
others=()
check "lobby_server and two bot_clients" $status

# Two Godot games call each other's functions through the lobby; a bot is there, too.
lobby_with_godot() {
    local status=0 name
    rm -f "$place"/*
    start "$samples/lobby_server" 0
    timeout 20 "$samples/bot_client" "ws://127.0.0.1:$port" 8 >"$place/bot" 2>&1 &
    others+=($!)
    wait_for 'joins from' || status=1
    cp -r samples/godot3 "$place/godot3"
    for name in anna bert; do
        GDWS_NAME=$name GDWS_URL="ws://127.0.0.1:$port" HOME=$place timeout 30 \
            godot3-server --path "$place/godot3" >"$place/$name" 2>&1 &
        others+=($!)
    done
    wait "${others[1]}" || status=1
    wait "${others[2]}" || status=1
    wait "${others[0]}" || status=1
    others=()
    stop TERM || status=1
    grep -q 'anna: is asked by bert for 6 times 7' "$place/anna" || status=1
    grep -q 'anna: hears from bert: 42' "$place/anna" || status=1
    grep -q 'bert: is asked by anna for 6 times 7' "$place/bert" || status=1
    grep -q 'bert: hears from anna: 42' "$place/bert" || status=1
    grep -q 'packet: welcome to the lobby' "$place/anna" || status=1
    grep -q 'packet: hello from the bot' "$place/bert" || status=1
    [ "$(grep -c 'bot: loses' "$place/bot")" = 3 ] || status=1
    rm -rf "$place/godot3"
    check "lobby_server: RPC between two Godot games, and a bot_client" $status
}

if command -v godot3-server >/dev/null; then
    lobby_with_godot
else
    echo "skipped: godot3-server is not installed"
    if [ "${INTEROP_REQUIRE:-0}" = 1 ]; then failed=$((failed + 1)); else skipped=$((skipped + 1)); fi
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
