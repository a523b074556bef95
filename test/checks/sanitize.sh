#!/bin/bash
# SPDX-License-Identifier: MIT
# Build with a sanitizer and run the suites. Usage: sanitize.sh asan|tsan BUILD
set -eu
case "$1" in
asan) flags="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all" ;;
tsan) flags="-O1 -g -fsanitize=thread" ;;
*) exit 2 ;;
esac
build=$2
make --no-print-directory -s -j2 BUILD="$build" CFLAGS="$flags" LDFLAGS="" tests
for program in "$build"/test/unit "$build"/test/integration "$build"/test/hostile "$build"/test/oom \
    "$build"/test/adapters; do
    [ -x "$program" ] || continue
    echo "$1: $program"
    GDWS_TEST_SLOW=1 CK_FORK=no timeout 900 "$program"
done
echo "$1: integration, fallback write path"
GDWS_TEST_SLOW=1 GDWS_TEST_FALLBACK=1 CK_FORK=no timeout 900 "$build/test/integration"
echo "$1: integration, compressed"
GDWS_TEST_SLOW=1 GDWS_TEST_COMPRESSION=1 CK_FORK=no timeout 900 "$build/test/integration"
if [ "$1" = asan ]; then
    echo "asan: faults"
    GDWS_TEST_SLOW=1 timeout 900 "$build/test/faults" 1 100
fi
