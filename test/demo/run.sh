#!/bin/bash
# SPDX-License-Identifier: MIT
# The main job, shown: one echo server in C, and a client in C, Python, Godot and a browser. Ends by
# itself, with an error if an echo differs. Usage: run.sh BUILD
set -u
build=$1
place=$(mktemp -d)
failed=0
skipped=""
started=()

end_all() {
    local pid
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$place"
}
trap end_all EXIT

"$build/samples/echo_server" 0 >"$place/server" 2>&1 &
started+=($!)
for _ in $(seq 100); do
    port=$(sed -n 's/^listening on \([0-9]*\)$/\1/p' "$place/server")
    [ -z "$port" ] || break
    sleep 0.05
done
[ -n "$port" ] || { echo "the server does not listen"; exit 1; }
url="ws://127.0.0.1:$port"
echo "server: listening on $port"

timeout 10 "$build/samples/hello_client" "$url" "hello from C" "and once more" || failed=1

if /usr/bin/python3 -c 'import websockets' 2>/dev/null; then
    timeout 20 /usr/bin/python3 test/demo/hello.py "$url" "hello from Python" || failed=1
else
    skipped="$skipped python3-websockets"
fi

if command -v godot3-server >/dev/null; then
    mkdir "$place/project"
    echo 'config_version=4' >"$place/project/project.godot"
    cp test/demo/hello.gd "$place/project/"
    GDWS_URL=$url HOME=$place timeout 20 godot3-server --path "$place/project" -s hello.gd \
        >"$place/godot" 2>&1 || failed=1
    grep '^godot' "$place/godot"
    grep -q '^godot hears: hello from Godot$' "$place/godot" || failed=1
else
    skipped="$skipped godot3-server"
fi

if command -v chromium >/dev/null; then
    echo "browser says: hello from Chromium"
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --user-data-dir="$place/chromium" \
        "file://$PWD/samples/echo.html#$port,hello%20from%20Chromium" >"$place/browser" 2>&1 &
    started+=($!)
    # The page closes with this reason when it has heard its own words.
    for _ in $(seq 200); do
        ! grep -q 'page heard its echo' "$place/server" || break
        sleep 0.1
    done
    if grep -q 'page heard its echo' "$place/server"; then
        echo "browser hears: hello from Chromium"
    else
        echo "browser heard nothing"
        failed=1
    fi
else
    skipped="$skipped chromium"
fi

echo "--- what the server saw ---"
cat "$place/server"
[ -z "$skipped" ] || echo "skipped, not installed:$skipped (make deps-interop installs them)"
[ "$failed" = 0 ] && echo "demo: all echoes are right" || echo "demo: FAILED"
exit $failed
