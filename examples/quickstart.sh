#!/bin/sh
# SPDX-License-Identifier: MIT
#
# examples/quickstart.sh: from a bare Debian 12 to real events, seats taken, paid and ticketed.
# Installs what is missing when it may, builds the library and the tool, and works in a fresh folder
# that it removes at the end.
set -eu
cd "$(dirname "$0")/.."
. examples/packages.sh
tkt_need build

[ -f build/build.ninja ] || meson setup build -Dtests=disabled >/dev/null
ninja -C build examples/cli/ticketing examples/bank/bank >/dev/null

work=$(mktemp -d)
bank=
trap '[ -z "$bank" ] || kill $bank; rm -rf "$work"' EXIT
tool="$PWD/build/examples/cli/ticketing"
store="$work/venue"
say() { printf '\n# %s\n' "$*"; }
event=ext:nyp:15056-0
section="Ground floor / Category I"
keep() { "$@" >"$work/answer" && cat "$work/answer"; }
kept() { sed -n "s/^$1 *\([0-9a-f]*\).*/\1/p" "$work/answer"; } # what follows a word at the start of a line
ticketing() { "$tool" -s "$store" "$@"; }

say "980 real events into a new store, their dates moved forward by whole weeks"
ticketing import tests/data/sample.jsonl --shift-weeks auto

say "again: every event is found by its @id, nothing changes"
ticketing import tests/data/sample.jsonl --shift-weeks auto

say "what comes first?"
ticketing list --page-size 5

say "which concerts have Mahler, played in New York?"
ticketing search "mahler philharmonic" --country US --sort date --page-size 5

say "a slip of the finger, and which months have most"
ticketing search "symphny" --facets --page-size 3

say "within 30 km of Toronto's town hall, what is nearest?"
ticketing search "" --near 43.6534,-79.3839 --radius-km 30 --sort distance --page-size 5

say "what begins with \"ber\"?"
ticketing suggest ber

say "one of them"
ticketing show $event

say "a real hall of 738 seats, one section of it at 80 euro"
ticketing chart $event tests/data/arena-two-floors.json
ticketing price $event "$section" 80.00 EUR

say "Ada takes three seats next to each other, for ten minutes"
keep ticketing reserve $event --seats "$section/C/3,$section/C/4,$section/C/5" --buyer ada
ada=$(kept hold)
ticketing seats $event | sed -n 1,6p

say "Ben wants one of them: refused, with the reason (exit status 1)"
ticketing reserve $event --seats "$section/C/5,$section/C/6" --buyer ben || echo "exit status $?"

say "Ada pays: the bank is a process of its own"
build/examples/bank/bank "$work/bank" &
bank=$!
while ! [ -S "$work/bank" ]; do sleep 0.1; done
keep ticketing confirm "$ada" --payment "unix:$work/bank:card"
kill $bank
bank=

say "her tickets"
ticketing booking "$(kept booking)"

say "Ben holds a seat for one second and thinks too long: the next one gets it"
keep ticketing reserve $event --seats "$section/D/1" --buyer ben --ttl 1
ben=$(kept hold)
sleep 2
ticketing confirm "$ben" --payment ok || echo "exit status $?"
ticketing reserve $event --seats "$section/D/1" --buyer cleo

say "does everything add up?"
ticketing check
