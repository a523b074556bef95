#!/bin/bash
# SPDX-License-Identifier: MIT
# Install into an empty place, build a program against it with pkg-config alone, and uninstall.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
build="$place/build"
make="make --no-print-directory -s BUILD=$build"

$make install PREFIX="$place/a"
export PKG_CONFIG_PATH="$place/a/lib/pkgconfig"
[ "$(pkg-config --modversion gdws)" = 0.1.0 ]
# shellcheck disable=SC2046 # lists of words
cc samples/hello_client.c -o "$place/shared" $(pkg-config --cflags --libs gdws)
LD_LIBRARY_PATH="$place/a/lib" "$place/shared" 2>/dev/null || [ $? = 2 ]
readelf -d "$place/shared" | grep -q 'libgdws.so.0'
# shellcheck disable=SC2046
cc samples/hello_client.c -o "$place/static" $(pkg-config --cflags gdws) \
    "$place/a/lib/libgdws.a" $(pkg-config --libs --static gdws | sed 's/-lgdws//')
"$place/static" 2>/dev/null || [ $? = 2 ]

# What is installed is enough for each header, those of the adapters, too.
test/checks/headers.sh "$place/a/include"

# Another PREFIX makes another .pc, and DESTDIR is not in it.
$make install PREFIX=/opt/gdws DESTDIR="$place/b"
grep -q '^prefix=/opt/gdws$' "$place/b/opt/gdws/lib/pkgconfig/gdws.pc"

$make uninstall PREFIX="$place/a"
$make uninstall PREFIX=/opt/gdws DESTDIR="$place/b"
left=$(find "$place/a" "$place/b" ! -type d)
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
echo "install: shared, static, two prefixes, uninstall"
