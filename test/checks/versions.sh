#!/bin/bash
# SPDX-License-Identifier: MIT
# Build and test against packages that are not installed: a newer libwebsockets, and everything for
# 32-bit x86. They are unpacked below BUILD; nothing is installed, no setting of the system changes.
# Usage: versions.sh newer|32bit BUILD
set -eu
mkdir -p "$2"
build=$(cd "$2" && pwd)
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
keys=/usr/share/keyrings/debian-archive-keyring.gpg
required=${INTEROP_REQUIRE:-0}
passed=0
skipped=0

# What cannot be had is said, and counted; in CI it must be there.
skip() {
    echo "skipped: $1"
    skipped=$((skipped + 1))
    if [ "$required" = 1 ]; then
        echo "$passed passed, 1 failed, 0 skipped"
        exit 1
    fi
    echo "$passed passed, 0 failed, $skipped skipped"
    exit 0
}

# Unpack packages of a suite and an architecture into a directory, with state of apt's own.
unpack() {
    local suite=$1 architecture=$2 root=$3
    shift 3
    [ ! -f "$root.done" ] || return 0
    rm -rf "$root" "$root.apt"
    mkdir -p "$root" "$root.apt/lists/partial" "$root.apt/cache/archives/partial" "$root.apt/none"
    # The date of the last signature may be long ago where a mirror is a stored copy.
    echo "deb [signed-by=$keys check-valid-until=no] $mirror $suite main" >"$root.apt/sources.list"
    touch "$root.apt/status"
    cat >"$root.apt/apt.conf" <<CONF
Dir::State "$root.apt"; Dir::State::status "$root.apt/status"; Dir::Cache "$root.apt/cache";
Dir::Etc::sourcelist "$root.apt/sources.list"; Dir::Etc::sourceparts "$root.apt/none";
Dir::Etc::preferencesparts "$root.apt/none"; Dir::Etc::parts "$root.apt/none";
APT::Architecture "$architecture"; APT::Architectures { "$architecture"; };
APT::Sandbox::User "root"; Acquire::Languages "none";
CONF
    (
        export APT_CONFIG=$root.apt/apt.conf
        apt-get update -q && cd "$root.apt/cache" && apt-get download -q "$@"
    ) >"$root.log" 2>&1 || return 1
    for package in "$root".apt/cache/*.deb; do
        dpkg -x "$package" "$root"
    done
    touch "$root.done"
}

run() {
    local name=$1 log
    shift
    log=$build/$name.log
    if ! "$@" >"$log" 2>&1; then
        tail -n 60 "$log"
        echo "$passed passed, 1 failed, $skipped skipped"
        exit 1
    fi
    passed=$((passed + 1))
    echo "ok $name: $(grep -E 'Checks: ' "$log" | tail -n 1)"
}

case $1 in
newer)
    # Debian 13's libwebsockets with the libraries that it needs, libc among them: what is built
    # here is run by that libc's own loader.
    root=$build/trixie
    libraries=$root/usr/lib/x86_64-linux-gnu
    [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || skip "newer: only on amd64"
    unpack trixie amd64 "$root" libwebsockets-dev libwebsockets19t64 libwebsockets-evlib-uv \
        libuv1t64 libuv1-dev libssl3t64 libcap2 libc6 zlib1g libcjson1 ||
        skip "newer: the packages cannot be had"
    version=$(sed -n 's/#define LWS_LIBRARY_VERSION "\([0-9.]*\).*/\1/p' "$root/usr/include/lws_config.h")
    # The headers of libwebsockets and libuv alone; all others stay those of the compiler's libc.
    mkdir -p "$build/include" "$build/plugins"
    cp -r "$root"/usr/include/libwebsockets* "$root"/usr/include/lws_config.h \
        "$root"/usr/include/uv* "$build/include"
    # libwebsockets looks for its plugin in the directories of this variable.
    ln -sf "$libraries/libwebsockets-evlib_uv.so" "$build/plugins/"
    export LD_LIBRARY_PATH=$build/plugins GDWS_TEST_SLOW=1
    run "build-$version" make --no-print-directory -s -j2 BUILD="$build/$version" WERROR=1 \
        CPPFLAGS="-isystem $build/include" \
        LDFLAGS="-L$libraries -Wl,--dynamic-linker=$libraries/ld-linux-x86-64.so.2 \
            -Wl,-rpath,$libraries -Wl,--disable-new-dtags -Wl,--allow-shlib-undefined" \
        "$build/$version/libgdws.a" "$build/$version/test/unit" "$build/$version/test/integration"
    run "unit-$version" "$build/$version/test/unit"
    run "integration-$version" timeout 900 "$build/$version/test/integration"
    echo "versions: libwebsockets $version, $passed passed, 0 failed, $skipped skipped"
    ;;
32bit)
    root=$build/i386
    libraries=$root/usr/lib/i386-linux-gnu
    echo 'int main(void){return 0;}' >"$build/try.c"
    gcc -m32 "$build/try.c" -o "$build/try" 2>/dev/null || skip "32bit: no gcc-multilib"
    command -v qemu-i386 >/dev/null || skip "32bit: no qemu-user"
    # shellcheck disable=SC1091 # names Debian's release
    suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    unpack "$suite" i386 "$root" libwebsockets-dev libwebsockets17 libwebsockets-evlib-uv libuv1 \
        libuv1-dev libssl3 libssl-dev libcap2 zlib1g zlib1g-dev libcjson1 libcjson-dev check libsubunit0 ||
        skip "32bit: the packages cannot be had"
    cp -a "$root"/lib/i386-linux-gnu/. "$libraries/"
    ln -sf libz.so.1 "$libraries/libz.so"
    ln -sf libsubunit.so.0 "$libraries/libsubunit.so"
    for file in libwebsockets libuv libssl libcrypto zlib libcjson check; do
        mkdir -p "$build/pkgconfig"
        sed -e 's/^Requires.*//' -e 's/-lcheck_pic/& -lsubunit/' "$libraries/pkgconfig/$file.pc" >"$build/pkgconfig/$file.pc"
    done
    export PKG_CONFIG_LIBDIR=$build/pkgconfig GDWS_TEST_SLOW=1 CK_TIMEOUT_MULTIPLIER=10
    # Without the adapters for event loops that are not unpacked.
    run build-32bit make --no-print-directory -s -j2 CC="gcc -m32" BUILD="$build/32" WERROR=1 HAVE_LIBEV= LOOP_PACKAGES= \
        CPPFLAGS="-isystem $root/usr/include -isystem $root/usr/include/i386-linux-gnu" \
        LDFLAGS="-L$libraries -Wl,-rpath,$libraries -Wl,--disable-new-dtags" \
        "$build/32/libgdws.a" "$build/32/test/unit" "$build/32/test/integration"
    # Not every kernel runs 32-bit programs; the emulator also finds the plugin of libwebsockets,
    # which looks for it only where the package would have installed it.
    emulator=(qemu-i386 -L "$root")
    run unit-32bit "${emulator[@]}" "$build/32/test/unit"
    run integration-32bit timeout 1500 "${emulator[@]}" "$build/32/test/integration"
    echo "versions: 32-bit x86, $passed passed, 0 failed, $skipped skipped"
    ;;
*)
    echo "usage: versions.sh newer|32bit BUILD" >&2
    exit 2
    ;;
esac
