#!/bin/bash
# SPDX-License-Identifier: MIT
# Build each fuzz target with libFuzzer and the sanitizers and run it. What is found goes into
# BUILD/corpus, which the next run begins with, next to test/fuzz/corpus. Usage: PACKAGES=…
# fuzz.sh BUILD SECONDS; fuzz.sh BUILD merge: take what adds coverage into test/fuzz/corpus;
# fuzz.sh BUILD coverage: what the corpora reach in lib/.
set -eu
build=$1
flags="-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all"
link="-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all"
# For each target, in the repository.
files_max=100
bytes_max=1024
if [ "$2" = coverage ]; then
    flags="-O1 -g -fprofile-instr-generate -fcoverage-mapping"
    link="-fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping"
fi
corpora=$build/corpus
[ "$2" != coverage ] || build=$build/coverage
total=0
reached=0
targets=0
profiles=()
objects=()
logs=$build/logs
at_once=2
. test/checks/steps.sh
make --no-print-directory -s -j2 CC=clang BUILD="$build" CFLAGS="$flags" LDFLAGS="" "$build/libgdws.a"
read -r -a packages <<<"$PACKAGES"
read -r -a libraries <<<"$(pkg-config --libs "${packages[@]}") -lpthread"

# A target has run; see steps.sh.
ended() {
    local runs edges
    if [ "$2" != 0 ]; then
        failed=$((failed + 1))
        echo "fuzz: $1 failed"
        tail -n 40 "$logs/$1"
        return
    fi
    runs=$(sed -n 's/stat::number_of_executed_units: *//p' "$logs/$1")
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$logs/$1" | tail -n 1)
    echo "fuzz: $1: $runs executions in $3 s, $edges edges, corpus of $(size_of "$corpora/$1")"
    total=$((total + runs))
    reached=$((reached + edges))
}

# What targets share; each takes what it needs of it.
rm -f "$build/common.a"
for source in test/fuzz/*.c; do
    [[ $source != test/fuzz/fuzz_* ]] || continue
    object=$build/$(basename "$source" .c)-common.o
    # shellcheck disable=SC2086 # a list of words
    clang -std=c11 -D_GNU_SOURCE -O1 -g $link -Iinclude -Ilib -c "$source" -o "$object"
    ar rcs "$build/common.a" "$object"
done

size_of() {
    echo "$(find "$1" -type f | wc -l) inputs, $(find "$1" -type f -printf '%s\n' | awk '{ sum += $1 } END { print int((sum + 1023) / 1024) }') KiB"
}

for source in test/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    # shellcheck disable=SC2086 # a list of words
    clang -std=c11 -D_GNU_SOURCE -O1 -g $link -Iinclude -Ilib "$source" "$build/common.a" "$build/libgdws.a" \
        "${libraries[@]}" -o "$build/$name"
    seeds=test/fuzz/corpus/$name
    found=$corpora/$name
    mkdir -p "$found"
    targets=$((targets + 1))
    case $2 in
    merge)
        merged=$(mktemp -d)
        "$build/$name" -merge=1 -max_len=$bytes_max "$merged" "$seeds" "$found" >"$logs/$name" 2>&1
        # Those that are there stay; of the others, which are named by what is in them, the
        # smallest, as many as there is room for.
        kept=$(find "$seeds" -type f | wc -l)
        find "$merged" -type f -size -$((bytes_max + 1))c -printf '%s %p\n' | sort -n | while read -r _ file; do
            [ "$kept" -lt $files_max ] || break
            if [ ! -e "$seeds/${file##*/}" ]; then
                cp "$file" "$seeds/"
                kept=$((kept + 1))
            fi
        done
        rm -rf "$merged"
        echo "fuzz: $name: $(size_of "$seeds") in the repository"
        ;;
    coverage)
        LLVM_PROFILE_FILE=$build/$name.profraw "$build/$name" -runs=0 "$seeds" "$found" >"$logs/$name" 2>&1
        profiles+=("$build/$name.profraw")
        [ ${#objects[@]} = 0 ] || objects+=(-object)
        objects+=("$build/$name")
        ;;
    *)
        begin "$name" $(($2 + 120)) "$build/$name" -max_total_time="$2" -len_control=20 -print_final_stats=1 \
            -artifact_prefix="$build/" "$found" "$seeds"
        ;;
    esac
done
case $2 in
merge) ;;
coverage)
    llvm-profdata-14 merge -o "$build/all.profdata" "${profiles[@]}"
    llvm-cov-14 report "${objects[@]}" -instr-profile="$build/all.profdata" lib >"$build/report"
    awk '$1 ~ /^(TOTAL|[a-z_]+\.[ch])$/ { print $1, "lines", $10, "branches", $13 }' "$build/report"
    ;;
*)
    finish
    [ $failed = 0 ] || exit 1
    echo "fuzz: $targets targets, $total executions, $reached edges, no defect"
    ;;
esac
