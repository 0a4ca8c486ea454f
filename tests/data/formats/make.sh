#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/data/formats/make.sh TOOL NAME: makes a small store with a row in every table and keeps it here as
# NAME.mdb.gz, with NAME.expected: what questions.sh answers about it. Run once for each format; a store that
# was kept is never made again, for later libraries must open the one that was written then.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tool=$1 name=$2
[ ! -e "$here/$name.mdb.gz" ] || { echo "$name is kept already" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
t() { "$tool" -s "$work/s" "$@" --json; }
token() { sed 's/.*"holdToken":"\([0-9a-f]*\)".*/\1/'; }
event=ext:nyp:15056-0
section="Ground floor / Category I"
head -n 40 "$here/../sample.jsonl" >"$work/lines"
t import "$work/lines" --shift-weeks auto >/dev/null
t chart $event "$here/../arena-two-floors.json" >/dev/null
t ga $event Floor 100 >/dev/null
t price $event Floor 45 EUR >/dev/null
t price $event "$section" 80 EUR >/dev/null
for how in ok paid decline pending; do
    hold=$(t reserve $event --ga Floor --quantity 2 --buyer "$how" | token)
    t confirm "$hold" --payment $how >/dev/null || true
done
hold=$(t reserve $event --seats "$section/C/3,$section/C/4" --buyer ada | token)
t confirm "$hold" --payment ok >/dev/null
t refund 1 >/dev/null
t cancel 1 >/dev/null
t cancel 2 >/dev/null
t reserve $event --seats "$section/D/1" --buyer ben --ttl 2592000 >/dev/null # 30 days; over when it is read
t ga 40 Floor 50 >/dev/null
t queue 40 --per-minute 600 >/dev/null
for buyer in ada ben cy; do t join 40 --buyer $buyer >/dev/null; done
t leave 40 --buyer cy >/dev/null
t queue 40 --new-key >/dev/null
gzip -9nc "$work/s/data.mdb" >"$here/$name.mdb.gz"
"$here/questions.sh" "$tool" "$here/$name.mdb.gz" >"$here/$name.expected"
