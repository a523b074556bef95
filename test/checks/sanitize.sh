#!/bin/bash
# SPDX-License-Identifier: MIT
# Build with a sanitizer and run the suites. Usage: sanitize.sh asan|tsan BUILD
set -u
case "$1" in
asan) flags="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all" ;;
tsan) flags="-O1 -g -fsanitize=thread" ;;
*) exit 2 ;;
esac
build=$2
logs=$build/logs
at_once=3
. test/checks/steps.sh

suite() {
    begin "$1" 1200 env CK_FORK=no GDWS_TEST_SLOW=1 "${@:2}"
}

make --no-print-directory -s -j2 BUILD="$build" CFLAGS="$flags" LDFLAGS="" tests || exit 1
# The longest first.
suite hostile "$build/test/hostile"
suite integration "$build/test/integration"
suite integration-fallback GDWS_TEST_FALLBACK=1 "$build/test/integration"
suite integration-compressed GDWS_TEST_COMPRESSION=1 "$build/test/integration"
suite unit "$build/test/unit"
suite oom "$build/test/oom"
suite adapters "$build/test/adapters"
[ "$1" != asan ] || suite faults "$build/test/faults" 1 100
finish
echo "$1: $passed passed, $failed failed"
[ $failed = 0 ]
