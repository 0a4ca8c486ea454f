#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/data/formats/questions.sh TOOL STORE.mdb.gz: opens a kept store (upgrading it where that is needed)
# and prints what can be asked about it and does not depend on the time of day.
set -eu
tool=$1 kept=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -m 700 "$work/s"
gzip -dc "$kept" >"$work/s/data.mdb"
chmod 600 "$work/s/data.mdb"
t() { "$tool" -s "$work/s" "$@" --json || echo "exit $?"; }
t upgrade | sed 's/,"indexed":[a-z]*//'
t check
for event in ext:nyp:15056-0 ext:nyp:11771-0 5 40; do t show $event; done
t list --page-size 12
t stats | sed 's/.*\("events":[0-9]*,"venues":[0-9]*,"performers":[0-9]*\).*/\1/'
for booking in 1 2 3 4 5; do t booking $booking; done
t queue 40
t import "$(dirname "$0")/../sample.jsonl" --shift-weeks auto | sed 's/,"seconds.*//'
t check
