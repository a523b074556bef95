#!/bin/bash
# SPDX-License-Identifier: MIT
# Each public header compiles alone, as C99 and as C++11.
set -eu
count=0
for compiler in gcc clang; do
    command -v "$compiler" >/dev/null || { echo "skipped: $compiler is not installed"; continue; }
    for header in include/gdws/*.h; do
        "$compiler" -x c -std=c99 -pedantic-errors -Wall -Wextra -Werror -Iinclude -fsyntax-only - \
            <<<"#include \"gdws/$(basename "$header")\""
        "$compiler" -x c++ -std=c++11 -pedantic-errors -Wall -Wextra -Werror -Iinclude -fsyntax-only - \
            <<<"#include \"gdws/$(basename "$header")\""
        count=$((count + 2))
    done
done
echo "headers: $count compilations"
