#!/bin/sh
# SPDX-License-Identifier: MIT
#
# examples/quickstart.sh: from a bare Debian 12 to real events in a store, in a dozen lines.
# Installs what is missing when it may, builds the library and the tool, and works in a fresh folder
# that it removes at the end. (Selling seats follows when the booking room is in the library.)
set -eu
cd "$(dirname "$0")/.."
. examples/packages.sh
tkt_need build

[ -f build/build.ninja ] || meson setup build -Dtests=disabled >/dev/null
ninja -C build examples/cli/ticketing >/dev/null

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tool="$PWD/build/examples/cli/ticketing"
store="$work/venue"
say() { printf '\n# %s\n' "$*"; }
ticketing() { "$tool" -s "$store" "$@"; }

say "980 real events into a new store, their dates moved forward by whole weeks"
ticketing import tests/data/sample.jsonl --shift-weeks auto

say "again: every event is found by its @id, nothing changes"
ticketing import tests/data/sample.jsonl --shift-weeks auto

say "what comes first?"
ticketing list --page-size 5

say "one of them"
ticketing show ext:nyp:15056-0

say "500 places on the floor, at 45 euro"
ticketing ga ext:nyp:15056-0 Floor 500
ticketing price ext:nyp:15056-0 Floor 45.00 EUR

say "a real hall of 738 seats, a section of it at 80 euro"
ticketing chart ext:nyp:15056-0 tests/data/arena-two-floors.json
ticketing price ext:nyp:15056-0 "Ground floor / Category I" 80.00 EUR

say "an unknown event is refused with its reason (exit status 1)"
ticketing show ext:nobody:0 || echo "exit status $?"

say "does everything add up?"
ticketing check
