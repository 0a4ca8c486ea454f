#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/e2e/formats.sh TOOL FORMATS: every store that was ever kept opens, and answers as it did when it was
# written.
set -eu
tool=$1 formats=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
for kept in "$formats"/*.mdb.gz; do
    name=$(basename "$kept" .mdb.gz)
    "$formats/questions.sh" "$tool" "$kept" >"$work/answers"
    diff -u "$formats/$name.expected" "$work/answers" | cut -c1-400
    cmp "$formats/$name.expected" "$work/answers"
    count=$((count + 1))
done
[ "$count" -gt 0 ]
echo "$count kept stores open and answer as they did"
