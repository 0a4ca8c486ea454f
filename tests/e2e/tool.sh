#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/e2e/tool.sh TOOL DATA: the tool's fixed forms: one JSON object a call, exit codes, causes.
set -eu
tool=$1 data=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
s="$work/s"

# expect EXIT 'python expression over the object o' ARGUMENT...
expect() {
    want=$1 test=$2 code=0
    shift 2
    "$tool" -s "$s" "$@" --json >"$work/out" 2>"$work/err" || code=$?
    if [ "$code" != "$want" ]; then
        echo "ticketing $*: exit $code, not $want"
        cat "$work/out" "$work/err"
        exit 1
    fi
    [ "$want" != 2 ] || return 0
    python3 - "$work/out" "$test" <<'PY' || { echo "ticketing $*: $test"; cat "$work/out"; exit 1; }
import json, sys
lines = open(sys.argv[1]).read().splitlines()
assert len(lines) == 1
o = json.loads(lines[0])
assert eval(sys.argv[2]), o
PY
}

expect 3 'o["status"] == "no_store"' check
expect 0 'o["created"] is True' init
expect 0 'o["created"] is False' init
expect 0 'o["events_added"] == 980 and o["lines_refused"] == 0' import "$data/sample.jsonl"
expect 0 'o["events_added"] == 0 and o["events_unchanged"] == 980' import "$data/sample.jsonl"
expect 0 'o["startDate"] == "2024-09-25T19:00:00-04:00" and o["venue"]["name"] == "Café Boulud" and len(o["performers"]) == 4 and o["offers"][0]["price"] == 0 and o["status"] == "scheduled"' \
    show ext:nyp:15056-0
expect 0 'o["startDate"] == "2025-02-19"' \
    show ext:ofb:uefa.cl-2024-25-2025-02-19-real-madrid-cf-esp-manchester-city-fc-eng
expect 1 'o["status"] == "not_found" and isinstance(o["causes"], list)' show ext:none
expect 1 'o["status"] == "not_found"' show 999999
expect 2 '' show nothing
expect 2 '' show
expect 2 '' list --from yesterday
expect 2 '' list --bogus 1
expect 2 '' import /does/not/exist
expect 2 '' list --from 2025-01-02 --to 2025-01-01
expect 0 'o["status"] == "done"' ga ext:nyp:15056-0 Floor 500
expect 0 'o["status"] == "done"' price ext:nyp:15056-0 Floor 12.50 EUR
expect 2 '' price ext:nyp:15056-0 Floor 12.505 EUR
expect 1 'o["status"] == "not_found"' price ext:nyp:15056-0 Balcony 1 EUR
expect 0 'o["seats"] == 738' chart ext:nyp:15056-0 "$data/arena-two-floors.json"
expect 0 'o["status"] == "done"' price ext:nyp:15056-0 "Ground floor / Category I" 80 EUR
expect 2 '' chart ext:nyp:15056-0 "$data/README.md"
expect 0 'o["status"] == "done"' status ext:nyp:15056-0 cancelled
expect 0 'o["status"] == "cancelled"' show ext:nyp:15056-0
expect 0 'o["events"] == 980 and o["epoch"] == 1' stats
expect 0 'o["status"] == "done"' upgrade

# Every event once, page by page, in order of its start.
python3 - "$tool" "$s" <<'PY'
import json, subprocess, sys
seen, cursor = [], None
while True:
    words = [sys.argv[1], "-s", sys.argv[2], "list", "--page-size", "77", "--json"]
    if cursor:
        words += ["--cursor", cursor]
    page = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    seen += [e["eventId"] for e in page["events"]]
    cursor = page["next"]
    if cursor is None:
        break
assert len(seen) == len(set(seen)) == 980, len(seen)
PY
expect 0 'o == {"ok": True, "problems": []}' check
echo "the tool keeps its forms"
