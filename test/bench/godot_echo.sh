#!/bin/sh
# SPDX-License-Identifier: MIT
# The echo server of the benchmark, with Godot 3.
here=$(dirname "$0")
exec godot3-server --path "$here" -s godot_echo.gd
