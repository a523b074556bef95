#!/bin/bash
# SPDX-License-Identifier: MIT
# Each public header compiles alone, as C99 and as C++11. An adapter's needs what its own library's
# header needs, and is left out where that is not installed. Usage: headers.sh [INCLUDEDIR]
set -eu
include=${1:-include}
count=0

# The flags for a header, in the list flags. Returns whether it can be compiled here.
find_flags() {
    local package=""
    flags=()
    case "$1" in
    gdws/adapters/libuv.h) package=libuv flags=(-D_GNU_SOURCE) ;;
    gdws/adapters/libevent.h) package=libevent_core ;;
    gdws/adapters/glib.h) package=glib-2.0 ;;
    gdws/adapters/libev.h) echo '#include <ev.h>' | gcc -E - >/dev/null 2>&1 || return 1 ;;
    esac
    if [ -n "$package" ]; then
        pkg-config --exists "$package" || return 1
        read -r -a found <<<"$(pkg-config --cflags "$package")"
        flags+=("${found[@]/#-I/-isystem}")
    fi
}

for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || { echo "skipped: $compiler is not installed"; continue; }
    for header in "$include"/gdws/*.h "$include"/gdws/adapters/*.h; do
        header=${header#"$include"/}
        find_flags "$header" || { echo "skipped: $header, its library is not installed"; continue; }
        for language in c:c99 c++:c++11; do
            "$compiler" -x "${language%:*}" -std="${language#*:}" -pedantic-errors -Wall -Wextra -Wshadow \
                -Wconversion -Werror -I"$include" "${flags[@]}" -fsyntax-only - <<<"#include \"$header\""
            count=$((count + 1))
        done
    done
done
echo "headers: $count compilations"
