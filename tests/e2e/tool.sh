#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/e2e/tool.sh TOOL DATA BANK: the tool's fixed forms: one JSON object a call, exit codes, causes.
set -eu
tool=$1 data=$2 bank=$3
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
    [ -n "$test" ] || test='o["status"] and o["text"] and o["causes"] == []'
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
expect 2 '' import "$data/sample.jsonl" --threads 999
expect 2 '' reindex --memory-mib none
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
expect 2 '' import "$data"
expect 0 '[(p.get("area", p.get("section")), p["price"]) for p in o["offers"]] == [(None, 0), ("Ground floor / Category I", 8000), ("Floor", 1250)]' \
    show ext:nyp:15056-0
expect 0 'o["status"] == "done"' status ext:nyp:15056-0 cancelled
expect 0 'o["status"] == "cancelled"' show ext:nyp:15056-0
expect 0 'o["events"] == 980 and o["epoch"] == 1' stats
expect 0 'o["status"] == "done"' upgrade
expect 0 'o["journal"] == 1' stats
expect 0 'o["status"] == "done"' upgrade --journal off
expect 0 'o["journal"] == 0 and o["journalBytes"] == 0' stats
expect 0 'o["ok"]' check
expect 0 'o["status"] == "done"' upgrade --journal on
expect 0 'o["journal"] == 1' stats
expect 2 'o["status"] == "usage"' upgrade --journal perhaps

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

# ---- a sale: the second event, with a floor and the hall
e=ext:nyp:11771-0
c1="Ground floor \\/ Category I"
field() { python3 -c 'import json, sys; print(eval(sys.argv[2], {"o": json.load(open(sys.argv[1]))}))' "$work/out" "$1"; }
expect 0 'o["seats"] == 738' chart $e "$data/arena-two-floors.json"
expect 0 'o["status"] == "done"' price $e "Ground floor / Category I" 80.00 EUR
expect 0 'o["status"] == "done"' ga $e Floor 10
expect 0 'o["status"] == "done"' price $e Floor 12.50 EUR
expect 0 'o["counts"] == {"available": 748, "reserved": 0, "booked": 0, "withheld": 0} and o["seq"] > 0 and len(o["sections"]) == 6' seats $e
k=00112233445566778899aabbccddeeff
expect 0 'o["status"] == "done" and len(o["units"]) == 3 and o["total"] == {"amount": 24000, "currency": "EUR"} and isinstance(o["expiresAt"], int)' \
    reserve $e --seats "Ground floor / Category I/C/3,Ground floor / Category I/C/4,$c1/C/5" --buyer ada --key $k
hold=$(field 'o["holdToken"]')
expect 0 "o[\"status\"] == \"replayed\" and o[\"holdToken\"] == \"$hold\"" \
    reserve $e --seats "Ground floor / Category I/C/3,Ground floor / Category I/C/4,$c1/C/5" --buyer ada --key $k
expect 1 'o["status"] == "key_reused"' reserve $e --ga Floor --quantity 1 --buyer ada --key $k
expect 1 'o["status"] == "all_held" and o["causes"][0]["cause"] == "unit_held" and o["causes"][0]["unit"] > 0' \
    reserve $e --seats "Ground floor / Category I/C/5" --buyer ben
# No offer in the import and no price since: free.
expect 0 'o["status"] == "done" and o["total"] == {"amount": 0, "currency": None}' reserve $e --seats "First Floor / Category I/A/1" --buyer ben
expect 0 'o["status"] == "done"' release "$(field 'o["holdToken"]')"
expect 1 'o["status"] == "not_found"' reserve $e --seats "Nowhere/A/1" --buyer ben
expect 2 '' reserve $e --seats "C" --buyer ben
expect 2 '' reserve $e --ga Floor --quantity 0 --buyer ben
expect 2 '' reserve $e --ga Floor --quantity 1 --buyer ben --ttl yesterday
expect 2 '' reserve $e --ga Floor --quantity 1 --buyer ben --key 12
expect 0 'o["status"] == "done"' extend "$hold" --ttl 1200
expect 0 'o["counts"]["reserved"] == 3' seats $e
expect 0 'o["status"] == "done" and len(o["tickets"]) == 3 and all(len(t["code"]) == 26 for t in o["tickets"]) and o["intentId"] > 0' \
    confirm "$hold" --payment ok --key ${k%ff}0a
booking=$(field 'o["bookingId"]')
expect 0 'o["status"] == "replayed" and len(o["tickets"]) == 3' confirm "$hold" --payment ok --key ${k%ff}0a
expect 1 'o["status"] == "consumed"' confirm "$hold" --payment ok
expect 1 'o["status"] == "consumed"' release "$hold"
expect 0 'o["state"] == "confirmed" and o["captured"] == 24000' booking "$booking"
expect 1 'o["status"] == "not_found"' booking 424242

# Each way to pay.
take() { # BUYER: one place on the floor; its token in $hold
    expect 0 'o["status"] == "done"' reserve $e --ga Floor --quantity 1 --buyer "$1" ${2:-}
    hold=$(field 'o["holdToken"]')
}
take b1; expect 0 'o["status"] == "done"' confirm "$hold" --payment paid
take b2; expect 1 'o["status"] == "declined" and o["causes"][0]["cause"] == "payment_declined"' confirm "$hold" --payment decline
expect 0 'o["status"] == "done"' release "$hold"
expect 1 'o["status"] == "released"' release "$hold"
take b3; expect 0 'o["status"] == "pending" and o["tickets"] == [] and o["bookingId"] > 0 and o["intentId"] > 0' confirm "$hold" --payment pending
intent=$(field 'o["intentId"]')
expect 1 'o["status"] == "in_payment"' release "$hold"
expect 0 'o["settled"] == 0 and [d["intentId"] for d in o["inDoubt"]] == ['"$intent"']' recover
expect 0 'len(o["tickets"]) == 1' payment-news "$intent" approved
expect 0 'o["settled"] == 0 and o["inDoubt"] == []' recover
take b4; expect 0 'o["status"] == "pending"' confirm "$hold" --payment pending:approve:1
take b5; expect 0 'o["status"] == "pending"' confirm "$hold" --payment error
sleep 1.1
expect 0 'o["settled"] == 2 and o["inDoubt"] == []' recover
expect 0 'o["counts"]["booked"] == 6 and o["counts"]["reserved"] == 1' seats $e # b5: the bank never saw it
expect 2 '' confirm "$hold" --payment gold
expect 2 '' confirm nonsense --payment ok
expect 0 'o["status"] == "pending"' confirm "$hold" --payment "unix:$work/nobody" # nobody answers: in doubt

# A provider in a process of its own.
"$bank" "$work/bank" >"$work/bank.out" & bank_pid=$!
trap 'kill $bank_pid 2>/dev/null || true; rm -rf "$work"' EXIT
while ! [ -S "$work/bank" ]; do sleep 0.05; done
take b6; expect 0 'len(o["tickets"]) == 1' confirm "$hold" --payment "unix:$work/bank:card"
paid=$(field 'o["bookingId"]')
take b7; expect 1 'o["status"] == "declined"' confirm "$hold" --payment "unix:$work/bank:decline"
expect 0 'o["status"] == "done" and o["refunded"] == 1250' refund "$paid" --payment "unix:$work/bank"
expect 1 'o["status"] == "nothing_due"' refund "$paid" --payment "unix:$work/bank"
[ "$(grep -c '^bank:' "$work/bank.out")" = 3 ]
expect 0 'o["settled"] == 1 and o["inDoubt"] == []' recover --payment "unix:$work/bank" # it never saw b5's either
kill $bank_pid

# The waiting room, where the build has it.
if ! "$tool" -s "$work/s" queue $e --per-minute 600 2>&1 | grep -q unavailable; then
    expect 0 'o["mode"] == "runs" and o["joined"] == 0 and len(o["commitment"]) == 64' queue $e
    expect 1 'o["status"] == "not_admitted"' reserve $e --ga Floor --quantity 1 --buyer q1
    expect 1 'o["status"] == "not_found"' place $e --buyer q1
    expect 0 'o["state"] == "admitted" and o["number"] == 0' join $e --buyer q1
    expect 0 'o["state"] == "admitted" and o["number"] == 0' join $e --buyer q1
    admission=$(field 'o["admission"]')
    expect 1 'o["status"] == "not_admitted"' reserve $e --ga Floor --quantity 1 --buyer q2 --admission "$admission"
    expect 2 '' reserve $e --ga Floor --quantity 1 --buyer q1 --admission 01
    take q1 "--admission $admission"
    expect 0 'o["status"] == "done"' release "$hold"
    expect 0 'o["state"] == "over"' leave $e --buyer q1
    expect 2 '' queue $e --mode never
    expect 2 '' join $e
    expect 0 'o["mode"] == "closed"' queue $e --mode closed
    expect 1 'o["status"] == "not_admitted"' join $e --buyer q3
    expect 0 'o["mode"] == "closed"' queue $e --remove --dry-run
    expect 0 'o == {"status": "done"}' queue $e --remove
    expect 1 'o["status"] == "not_found"' queue $e
fi

# Cancel, refund, a hold that runs out.
expect 0 'o["status"] == "done"' cancel "$booking"
expect 1 'o["status"] == "cancelled"' cancel "$booking"
expect 0 'o["refunded"] == 24000' refund "$booking"
take b8 "--ttl 1"
sleep 2
expect 1 'o["status"] == "expired" and o["causes"][0]["cause"] == "hold_expired"' confirm "$hold" --payment ok
expect 0 'o == {"ok": True, "problems": []}' check

# Words with signs, in phrases too; places without a name.
s="$work/other"
for name in "C++ days" "C days" "C# night" "A night of C++ days"; do
    echo "{\"@id\":\"$name\",\"name\":\"$name\",\"startDate\":\"2027-06-01T20:00:00Z\",\"location\":{\"address\":{\"addressCountry\":\"MA\"}}}"
done >"$work/signs"
for degrees in 1.5 -2.25; do
    echo "{\"@id\":\"at $degrees\",\"name\":\"somewhere\",\"startDate\":\"2027-06-01\",\"location\":{\"geo\":{\"latitude\":$degrees,\"longitude\":7}}}"
done >>"$work/signs"
expect 0 'o["events_added"] == 6 and o["venues_added"] == 3' import "$work/signs"
found() {
    expect 0 "o[\"total\"] == $1" search "$2" --prefix off
}
found 2 'c++'
found 2 '"c++"'
found 1 '"of c++ days"'
found 0 '"c# days"'
found 3 '"c days"'
found 4 '-"c++"'
expect 0 'o["total"] == 4' search "" --country MA
expect 0 'o["total"] == 1 and o["events"][0]["externalId"] == "at -2.25"' search "" --near -2.25,7 --radius-km 5
expect 0 'o["areaId"] == 1' ga "ext:C days" Hall 100
expect 0 'o["dryRun"] is True and "holdToken" not in o' reserve "ext:C days" --ga Hall --quantity 1 --buyer a --dry-run
echo "the tool keeps its forms"
