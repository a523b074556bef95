#!/bin/bash
# SPDX-License-Identifier: MIT
# Build each fuzz target with libFuzzer and the sanitizers and run it. Usage: fuzz.sh BUILD SECONDS
set -eu
build=$1
mkdir -p "$build"
read -r -a libraries <<<"$(pkg-config --libs libwebsockets libuv libssl libcrypto zlib)"
for source in test/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    clang -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined \
        -fno-sanitize-recover=all -Iinclude -Ilib "$source" lib/*.c "${libraries[@]}" -lpthread \
        -o "$build/$name"
    corpus=$(mktemp -d)
    [ ! -d "test/fuzz/corpus/$name" ] || cp "test/fuzz/corpus/$name"/* "$corpus"
    echo "fuzz: $name for $2 s"
    "$build/$name" -max_total_time="$2" -print_final_stats=1 -artifact_prefix="$build/" \
        "$corpus" >"$build/$name.log" 2>&1 || { tail -n 40 "$build/$name.log"; exit 1; }
    grep -E 'stat::number_of_executed_units|cov:' "$build/$name.log" | tail -n 2
    rm -rf "$corpus"
done
