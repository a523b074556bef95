#!/bin/bash
# SPDX-License-Identifier: MIT
# Instructions per echoed message, from callgrind, against the committed baseline: over 3 % more
# fails. Usage: instructions.sh BUILD; INSTRUCTIONS_UPDATE=1 writes the baseline anew.
set -eu
build=$1
baseline=test/bench/instructions.txt
version="libwebsockets $(pkg-config --modversion libwebsockets), $($CC -dumpfullversion 2>/dev/null || echo cc) $(uname -m)"
few=200
many=1200
bad=0

count() {
    # The plain variants of memcpy and its like, whatever the processor.
    GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
        --toggle-collect=gdws_loop_poll "$build/bench/instructions" "$1" "$2" 2>&1 |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

per_message() {
    local name=$1 messages=$2 less more
    less=$(count "$name" $few)
    more=$(count "$name" $many)
    echo $(((more - less) / ((many - few) * messages)))
}

result="# $version"
for workload in burst:16 single:1 large:1 stalled:16; do
    name=${workload%:*}
    now=$(per_message "$name" "${workload#*:}")
    result="$result
$name $now"
    was=$(sed -n "s/^$name \([0-9]*\)$/\1/p" "$baseline" 2>/dev/null || true)
    printf '%-8s %6d instructions per message, baseline %s\n' "$name" "$now" "${was:-none}"
    if [ -n "$was" ] && [ $((now * 100)) -gt $((was * 103)) ]; then
        bad=1
    fi
done
if [ "${INSTRUCTIONS_UPDATE:-0}" = 1 ]; then
    echo "$result" >"$baseline"
    exit 0
fi
if ! grep -qF "# $version" "$baseline"; then
    echo "the baseline is for $(head -n 1 "$baseline" | cut -c 3-), this is $version: not compared"
    exit 0
fi
[ $bad = 0 ] || { echo "over 3 % more than the baseline"; exit 1; }
echo "instructions: within 3 % of the baseline"
