#!/bin/bash
# SPDX-License-Identifier: MIT
# Format, size and complexity of the code, and the scripts.
set -eu
bad=0
mapfile -t code < <(git ls-files '*.c' '*.h')
mapfile -t scripts < <(git ls-files '*.sh' .ci/run)

clang-format --dry-run -Werror "${code[@]}" || bad=1

# pmccabe: complexity, traditional complexity, statements, first line, lines, file(line): name
pmccabe "${code[@]}" | awk -F '\t' '
    $1 > 15 { print $6 ": complexity " $1; bad = 1 }
    $5 > 60 { print $6 ": " $5 " lines"; bad = 1 }
    END { exit bad }' || bad=1

for file in "${code[@]}"; do
    case "$file" in
    lib/* | include/* | samples/*)
        [ "$(wc -l <"$file")" -le 500 ] || { echo "$file: over 500 lines"; bad=1; } ;;
    esac
    case "$file" in
    samples/*) [ "$(wc -l <"$file")" -le 100 ] || { echo "$file: over 100 lines"; bad=1; } ;;
    esac
done
for file in "${code[@]}" "${scripts[@]}"; do
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || { echo "$file: no licence line"; bad=1; }
done
! git grep -nIE '[[:space:]]+$' -- '*.c' '*.h' '*.sh' '*.py' '*.gd' '*.md' Makefile || bad=1
shellcheck -S warning "${scripts[@]}" || bad=1
echo "style: ${#code[@]} files of C, ${#scripts[@]} scripts"
exit $bad
