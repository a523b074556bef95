#!/bin/bash
# SPDX-License-Identifier: MIT
# Build each fuzz target with libFuzzer and the sanitizers and run it. Usage: PACKAGES=…
# fuzz.sh BUILD SECONDS
set -eu
build=$1
flags="-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all"
total=0
targets=0
mkdir -p "$build"
make --no-print-directory -s -j2 CC=clang BUILD="$build" CFLAGS="$flags" LDFLAGS="" "$build/libgdws.a"
read -r -a packages <<<"$PACKAGES"
read -r -a libraries <<<"$(pkg-config --libs "${packages[@]}") -lpthread"
for source in test/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    clang -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined \
        -fno-sanitize-recover=all -Iinclude -Ilib "$source" "$build/libgdws.a" "${libraries[@]}" \
        -o "$build/$name"
    corpus=$(mktemp -d)
    [ ! -d "test/fuzz/corpus/$name" ] || cp "test/fuzz/corpus/$name"/* "$corpus"
    "$build/$name" -max_total_time="$2" -len_control=20 -print_final_stats=1 -artifact_prefix="$build/" \
        "$corpus" >"$build/$name.log" 2>&1 || { tail -n 40 "$build/$name.log"; exit 1; }
    runs=$(sed -n 's/stat::number_of_executed_units: *//p' "$build/$name.log")
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$build/$name.log" | tail -n 1)
    echo "fuzz: $name: $runs executions in $2 s, $edges edges"
    total=$((total + runs))
    targets=$((targets + 1))
    rm -rf "$corpus"
done
echo "fuzz: $targets targets, $total executions, no defect"
