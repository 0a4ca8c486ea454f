#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/e2e/readme.sh SOURCE BUILD CC: compiles each C program of README.md and docs/ with every warning
# an error, and runs it.
set -eu
source=$1 build=$2 cc=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
# The README's program is the example.
awk '/^```c$/ { on = 1; next } /^```/ { on = 0 } on' "$source/README.md" >"$work/readme.c"
sed 1d "$source/examples/sale/sale.c" | cmp - "$work/readme.c"
for page in "$source/README.md" "$source"/docs/*.md; do
    awk -v out="$work/program" '/^```c$/ { n++; on = 1; next } /^```/ { on = 0 } on { print > (out n ".c") }' "$page"
    for program in "$work"/program*.c; do
        [ -f "$program" ] || continue
        "$cc" -std=c11 -Wall -Wextra -pedantic -Werror -I"$source/include" -I"$build/include" "$program" \
            -L"$build" -Wl,-rpath,"$build" -lticketing -o "$work/run"
        "$work/run" "$work/store$count"
        count=$((count + 1))
        rm "$program"
    done
done
[ "$count" -gt 0 ]
echo "$count programs compiled and run"
