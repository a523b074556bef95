#!/bin/bash
# SPDX-License-Identifier: MIT
# Steps that run side by side, and are counted: for scripts to source, which set logs, the directory
# for what each step prints, and at_once, how many run at the same time.
: "${logs:?}" "${at_once:?}"
passed=0
failed=0
running=()
mkdir -p "$logs"

# Start a step as soon as there is room for it. Usage: begin NAME SECONDS COMMAND…; after SECONDS
# it is stopped, and has failed.
begin() {
    local name=$1 limit=$2
    shift 2
    while [ ${#running[@]} -ge "$at_once" ]; do
        wait_for_one
    done
    rm -f "$logs/$name.end"
    {
        status=0
        start=$SECONDS
        timeout "$limit" "$@" >"$logs/$name" 2>&1 || status=$?
        echo "$status $((SECONDS - start))" >"$logs/$name.end"
    } &
    running+=("$name")
}

# Called as each step ends, in the script's own shell; a script may have its own. Usage:
# ended NAME STATUS SECONDS.
ended() {
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
        printf 'ok    %-24s %4ds  %s\n' "$1" "$3" "$(tail -n 1 "$logs/$1")"
    else
        failed=$((failed + 1))
        printf 'FAIL  %-24s %4ds  (status %s)\n' "$1" "$3" "$2"
        tail -n 80 "$logs/$1"
    fi
}

# Wait until at least one more process of ours has gone, and tell of all steps that have ended.
wait_for_one() {
    local name status seconds still=() are_gone=false
    wait -n || [ $? != 127 ] || are_gone=true
    for name in "${running[@]}"; do
        if [ -e "$logs/$name.end" ]; then
            read -r status seconds <"$logs/$name.end"
            ended "$name" "$status" "$seconds"
        elif $are_gone; then
            ended "$name" 1 0
        else
            still+=("$name")
        fi
    done
    running=("${still[@]}")
}

# Wait for all of them.
finish() {
    while [ ${#running[@]} -gt 0 ]; do
        wait_for_one
    done
}
