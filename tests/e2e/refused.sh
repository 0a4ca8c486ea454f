#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/e2e/refused.sh TOOL DATA: what was refused or only tried has changed nothing, however large it is.
set -eu
tool=$1 data=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
t() { store=$1; shift; "$tool" -s "$work/$store" "$@" --json 2>"$work/complaint"; }
fails() { # EXIT COMMAND…
    want=$1 code=0
    shift
    "$@" >"$work/said" || code=$?
    [ "$code" = "$want" ] || { echo "$* answered $code: $(cat "$work/said")"; exit 1; }
}

# Input that is not there makes no store.
fails 2 t none import "$work/nothing"
[ ! -e "$work/none" ]

# A first import that stops at a bad line, or at the file's end, leaves a store that can be searched.
{ head -n 2 "$data/sample.jsonl"; echo bad; } >"$work/lines"
t shop init >/dev/null
t shop search x | grep -q '"total":0'
fails 2 t shop import "$work/lines" --bad stop
t shop search x >/dev/null

# Two at once into one new store: both say that all is there.
for n in 1 2; do
    t both import "$data/sample.jsonl" >"$work/import.$n" &
    eval "pid$n=$!"
done
wait "$pid1"
wait "$pid2"
cat "$work"/import.? | python3 -c '
import json, sys
answers = [json.loads(line) for line in sys.stdin]
assert sum(a["events_added"] for a in answers) == 980 and all(a["events_added"] + a["events_unchanged"] == 980 for a in answers), answers'
t both check | grep -q '"ok":true'

# What can't be tried says so.
t shop import "$data/sample.jsonl" >/dev/null
before=$(t shop stats | tr ',' '\n' | grep commits)
t shop backup "$work/copy" >/dev/null
for command in "import $data/sample.jsonl" "chart 4 $data/arena-two-floors.json" "reindex" "backup $work/other" "export $work/other" "upgrade --journal off" "tick" "join 4 --buyer a" \
    "payment-news 1 approved" "recover"; do
    # shellcheck disable=SC2086 # words of a command
    fails 2 t shop $command --dry-run
done
fails 2 t again restore "$work/copy" --dry-run
fails 2 t new import "$work"
[ ! -e "$work/new" ]
[ ! -e "$work/again" ]
[ ! -e "$work/other" ]
t shop ga 4 Floor 5 --dry-run >/dev/null
[ "$(t shop stats | tr ',' '\n' | grep commits)" = "$before" ]

# An answer that can't be written is no success, and what has no place for one does not begin.
for command in stats "feed" "list" "search x"; do
    code=0
    # shellcheck disable=SC2086 # words of a command
    "$tool" -s "$work/shop" $command --json >/dev/full 2>"$work/complaint" || code=$?
    [ "$code" = 3 ]
    grep -q 'could not be written' "$work/complaint"
done
code=0
"$tool" -s "$work/shop" ga 4 Closed 5 >&- 2>"$work/complaint" || code=$?
[ "$code" = 3 ]
grep -q 'standard output is closed' "$work/complaint"
for command in "import -" "search --batch -"; do
    code=0
    # shellcheck disable=SC2086 # words of a command
    "$tool" -s "$work/shop" $command <&- >/dev/null 2>"$work/complaint" || code=$?
    [ "$code" = 3 ]
    grep -q 'standard input is closed' "$work/complaint"
done
[ "$(t shop stats | tr ',' '\n' | grep commits)" = "$before" ]

# A copy that was cut makes no store, and leaves no folder.
head -c 100000 "$work/copy" >"$work/cut"
fails 3 t again restore "$work/cut"
[ ! -e "$work/again" ]
