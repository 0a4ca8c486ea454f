#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/e2e/backup.sh TOOL DATA: a backup and an export of a store that goes on selling, and stores made of them: what
# was acknowledged before the copy began is there, the whole adds up, numbers do not come twice; and what is refused.
set -eu
tool=$1 data=$2
work=$(mktemp -d)
trap 'kill $seller 2>/dev/null || true; rm -rf "$work"' EXIT
seller=
t() { store=$1; shift; "$tool" -s "$work/$store" "$@" --json; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
refused() { # STATUS-NAME EXIT COMMAND…
    name=$1 want=$2 code=0
    shift 2
    out=$("$@" 2>/dev/null) || code=$?
    [ "$code" = "$want" ] && [ "$(echo "$out" | field status)" = "$name" ] || { echo "$* answered $code: $out"; exit 1; }
}

head -n 60 "$data/sample.jsonl" >"$work/lines"
t live import "$work/lines" >/dev/null
event=$(t live list --page-size 1 | python3 -c 'import json, sys; print(json.load(sys.stdin)["events"][0]["eventId"])')
t live ga "$event" Floor 400 >/dev/null
t live price "$event" Floor 10 EUR >/dev/null
sell() { # one booking; its id
    hold=$(t live reserve "$event" --ga Floor --quantity 2 --buyer someone | field holdToken)
    t live confirm "$hold" --payment paid | field bookingId
}
for n in 1 2 3; do sell >>"$work/before"; done
(while :; do sell >>"$work/later"; done) &
seller=$!
while ! [ -s "$work/later" ]; do sleep 0.1; done
t live backup "$work/copy" >/dev/null
t live backup "$work/small" --compact >/dev/null
t live export "$work/rows" >/dev/null
kill $seller
wait $seller 2>/dev/null || true
sell >"$work/after"

# A byte that changed anywhere in a copy, its end too, is told before anything follows it; and leaves nothing behind.
for copy in copy small; do
    size=$(wc -c <"$work/$copy")
    for at in 18 485 4114 9000 $((size / 2)) $((size - 23)) $((size - 1)); do
        cp "$work/$copy" "$work/damaged"
        byte=$(od -An -tu1 -j "$at" -N 1 "$work/damaged" | tr -d ' ')
        printf "\\$(printf %o $(((byte + 1) % 256)))" | dd of="$work/damaged" bs=1 seek="$at" conv=notrunc 2>/dev/null
        refused corrupt 3 t of-damaged restore "$work/damaged"
        [ ! -e "$work/of-damaged" ]
    done
    for size in $((size - 24)) $((size - 24 - 512)) $((size - 24 - 4096)); do
        head -c "$size" "$work/$copy" >"$work/damaged"
        refused short_file 3 t of-damaged restore "$work/damaged"
        [ ! -e "$work/of-damaged" ]
    done
done

for copy in copy small rows; do
    [ "$(t "of-$copy" restore "$work/$copy" | field epoch)" -gt 1 ]
    [ "$(t "of-$copy" check | field ok)" = True ]
    while read -r id; do t "of-$copy" booking "$id" >/dev/null; done <"$work/before"
    refused not_found 1 t "of-$copy" booking "$(cat "$work/after")"
    [ "$(t "of-$copy" search concert | field total)" = "$(t live search concert | field total)" ]
    [ "$(t "of-$copy" stats | field events)" = 60 ]
    hold=$(t "of-$copy" reserve "$event" --ga Floor --quantity 1 --buyer else | field holdToken)
    id=$(t "of-$copy" confirm "$hold" --payment paid | field bookingId)
    [ "$id" -gt "$(cat "$work/after")" ] # never a number that the lost store gave out
    refused already_open 3 t "of-$copy" restore "$work/$copy"
done

# One copy restored twice is two stores with two histories; ids that nobody had at the copy are skipped all the same.
t first import "$data/sample.jsonl" --no-index >/dev/null
t first ga 5 Floor 9 >/dev/null
t first backup "$work/unsold" >/dev/null
once=$(t once restore "$work/unsold" | field epoch)
twice=$(t twice restore "$work/unsold" | field epoch)
[ "$once" != "$twice" ] && [ "$once" -lt 9007199254740992 ]
for store in first once; do
    hold=$(t $store reserve 5 --ga Floor --quantity 1 --buyer x | field holdToken)
    t $store confirm "$hold" --payment paid | field bookingId >>"$work/numbers"
done
[ "$(sort -u "$work/numbers" | wc -l)" = 2 ]

refused io 3 t live backup "$work/copy"
refused io 3 t live export "$work/rows"
refused io 3 t live backup "$work/nowhere/copy"
refused not_a_store 3 t none restore "$data/README.md"
refused io 3 t none restore "$work/nowhere"
head -c 3000 "$work/rows" >"$work/cut"
refused corrupt 3 t none restore "$work/cut"
python3 - "$work/rows" "$work/changed" <<'PY'
import sys
rows = bytearray(open(sys.argv[1], "rb").read())
rows[len(rows) // 2] ^= 1
open(sys.argv[2], "wb").write(rows)
PY
refused corrupt 3 t none restore "$work/changed"
head -c 20000 "$work/copy" >"$work/short"
refused short_file 3 t none restore "$work/short"
[ -z "$(ls -A "$work/none")" ] # nothing is left of what was refused
ls "$work" | grep -q copy- && exit 1
# What a restore that was killed leaves goes with the next open.
mkdir "$work/live/.restore-999999" && cp "$work/copy" "$work/live/.restore-999999/data.mdb"
t live stats >/dev/null
[ ! -e "$work/live/.restore-999999" ] || { echo "a leftover of a restore stays"; exit 1; }
echo "three copies of a store in use were restored and add up"
