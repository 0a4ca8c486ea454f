#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/e2e/sizes.sh TOOL DATA: stores of sizes at which lists change their form, filled in bulk and by change: each adds up,
# and what is made of its backup does.
set -eu
tool=$1 data=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

good() { "$tool" -s "$work/$1" check --json >"$work/said" || { cat "$work/said"; exit 1; }; }
gzip -dc "$data/events.jsonl.gz" >"$work/all"
for size in 1100 4000 12000; do
    head -n "$size" "$work/all" >"$work/lines"
    "$tool" -s "$work/bulk" import "$work/lines" --json >/dev/null
    good bulk
    sed 's/"name":"/&Gala /' "$work/lines" | head -n 700 >"$work/changed"
    "$tool" -s "$work/bulk" import "$work/changed" --json >/dev/null
    good bulk
    "$tool" -s "$work/bulk" backup "$work/copy" --json >/dev/null
    "$tool" -s "$work/again" restore "$work/copy" --json >/dev/null
    good again
    "$tool" -s "$work/again" reindex --json >/dev/null
    good again
    for store in bulk again; do
        "$tool" -s "$work/$store" search 'new york' --sort date --page-size 50 --json | sed 's/"micros":[0-9]*//; s/"score":[0-9.]*//g' >"$work/$store.found"
    done
    cmp "$work/bulk.found" "$work/again.found"
    grep -q '"total":[1-9]' "$work/bulk.found"
    rm -rf "$work/bulk" "$work/again" "$work/copy"
done
