#!/bin/sh
# SPDX-License-Identifier: MIT
# Install what is missing. Usage: deps.sh build|interop|ci
set -eu

case "$1" in
build) packages="gcc make pkg-config libc6-dev libwebsockets-dev libwebsockets-evlib-uv libuv1-dev
    libssl-dev zlib1g-dev libcjson-dev openssl check python3 binutils libev-dev libevent-dev libglib2.0-dev
    libmicrohttpd-dev" ;;
interop) packages="godot3-server chromium python3-websockets" ;;
ci) packages="git gnuplot-nox clang clang-format pmccabe valgrind shellcheck g++ libclang-rt-14-dev
    gcc-multilib qemu-user" ;;
*)
    echo "usage: deps.sh build|interop|ci" >&2
    exit 2
    ;;
esac

if ! command -v apt-get >/dev/null; then
    cat <<'END'
No apt-get here. Install libwebsockets (4.1 or newer, with its libuv support), libuv, OpenSSL 3,
cJSON, Check, pkg-config and a C11 compiler:
  Fedora:   dnf install gcc make pkgconf libwebsockets-devel libuv-devel openssl-devel zlib-devel cjson-devel check-devel
  Arch:     pacman -S base-devel libwebsockets libuv openssl zlib cjson check
  Alpine:   apk add build-base pkgconf libwebsockets-dev libwebsockets-evlib_uv libuv-dev openssl-dev zlib-dev cjson-dev check-dev
  Homebrew: brew install pkg-config libwebsockets libuv openssl zlib cjson check
END
    [ "$1" = build ] || exit 0
    pkg-config --exists libwebsockets libuv libssl libcrypto zlib libcjson check
    exit
fi

missing=""
for package in $packages; do
    if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed'; then
        missing="$missing $package"
    fi
done
[ -n "$missing" ] || exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo"
echo "installing:$missing"
$as_root apt-get update -q
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
