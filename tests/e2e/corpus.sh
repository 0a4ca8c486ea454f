#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/e2e/corpus.sh TOOL DATA: queries on all 47,122 real events. corpus.tsv has one a line: the total, the
# "@id"s of the first events, then the query as for --batch. Totals and ids were found with other tools: a script
# over the JSON lines that knows nothing of this library (words by regular expressions, distances and edits by
# the textbook), and then read by eye.
set -eu
tool=$1 data=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$tool" -s "$work/store" init >"$work/log"
gzip -dc "$data/events.jsonl.gz" | "$tool" -s "$work/store" import - --json >"$work/import" 2>>"$work/log"
cut -f 3- "$here/corpus.tsv" >"$work/queries"
"$tool" -s "$work/store" search --batch "$work/queries" >"$work/answers"
"$tool" -s "$work/store" check >>"$work/log"
python3 - "$work/import" "$here/corpus.tsv" "$work/answers" <<'PY'
import json, sys
imported, wanted, answers = (open(name).read().splitlines() for name in sys.argv[1:])
assert json.loads(imported[0])["events_added"] == 47122, imported
assert len(wanted) == len(answers) >= 30
for line, answer in zip(wanted, answers):
    total, ids, *query = line.split("\t")
    o, ids = json.loads(answer), ids.split()
    got = [e["externalId"] for e in o["events"]]
    assert o["total"] == int(total) and got[: len(ids)] == ids and (ids or not got), (query, total, ids, o)
print(f"{len(wanted)} queries on 47,122 events")
PY
