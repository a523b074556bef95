#!/bin/sh
# SPDX-License-Identifier: MIT
# Turn the files of the inspector's page into C. Usage: embed.sh FILE... >inspector_files.c
set -eu
echo '/* Made by lib/inspector/embed.sh. */'
echo '#include "inspector_files.h"'
number=0
for file in "$@"; do
    echo "static const uint8_t file_${number}[] = {"
    od -An -v -tx1 "$file" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
    echo '};'
    number=$((number + 1))
done
echo 'const gdwsi_inspector_file gdwsi_inspector_files[] = {'
number=0
for file in "$@"; do
    echo "    {\"$(basename "$file")\", file_$number, sizeof(file_$number)},"
    number=$((number + 1))
done
echo '    {NULL, NULL, 0},'
echo '};'
