#!/bin/bash
# SPDX-License-Identifier: MIT
# The functions in the headers, the version script and the exported symbols are the same, and each is
# used by a test or a sample. Usage: symbols.sh LIBRARY
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
grep -hA1 '^GDWS_API' include/gdws/*.h | grep -oE '\bgdws_[a-z0-9_]+\(' | tr -d '(' | sort -u >"$place/headers"
grep -oE '\bgdws_[a-z0-9_]+;' lib/gdws.map | tr -d ';' | sort -u >"$place/map"
nm -D --defined-only "$1" | awk '$2 == "T" { print $3 }' | sed 's/@.*//' | sort -u >"$place/exported"
diff "$place/headers" "$place/map" || { echo "headers and lib/gdws.map differ"; exit 1; }
diff "$place/map" "$place/exported" || { echo "lib/gdws.map and $1 differ"; exit 1; }
unused=0
while read -r name; do
    grep -rqw "$name" test samples --include='*.c' --include='*.h' || { echo "never used: $name"; unused=1; }
done <"$place/headers"
echo "symbols: $(wc -l <"$place/headers") functions"
exit $unused
