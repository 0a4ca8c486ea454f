#!/bin/sh
# SPDX-License-Identifier: MIT
#
# serve.sh ROOT: the commands of examples/server/README as a user gives them: the shop comes up on an empty store, its curl
# lines work, SIGTERM ends it cleanly and leaves a store that checks clean; a second start finds the store as it was.
set -eu
root=$1
work=$(mktemp -d)
server=
# The store is there and empty, and an earlier start was broken off while it filled it.
"$root/build/examples/cli/ticketing" -s "$work/store" init >/dev/null
head -n 300 "$root/tests/data/sample.jsonl" | "$root/build/examples/cli/ticketing" -s "$work/store" import - --no-index >/dev/null
: >"$work/store/filling"
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT

start() {
    : >"$work/out"
    "$root/examples/server/serve.sh" --port 0 --processes 2 --store "$work/store" >"$work/out" 2>"$work/err" &
    server=$!
    i=0
    until grep -q '^serving on ' "$work/out"; do
        i=$((i + 1))
        [ $i -lt 600 ] && kill -0 "$server" 2>/dev/null || { cat "$work/err"; exit 1; }
        sleep 0.1
    done
    url=$(sed -n 's/^serving on \(.*\)\/$/\1/p' "$work/out")
    python3 - "$url" <<'PY'
import sys, time, urllib.request
for _ in range(100):
    try:
        urllib.request.urlopen(sys.argv[1] + "/ready", timeout=5)
        break
    except OSError:
        time.sleep(0.1)
else:
    sys.exit("never ready")
PY
}

stop() {
    kill -TERM "$server"
    wait "$server"
    server=
}

start
grep -q '^staff token: [0-9a-f]\{32\}$' "$work/err"
# Each curl line of the README, to the address that it got; curl itself is not asked for.
sed -n 's/^    curl //p' "$root/examples/server/README" >"$work/lines"
python3 - "$url" "$work/lines" <<'PY'
import json, shlex, sys, urllib.request
base, lines = sys.argv[1], open(sys.argv[2], encoding="utf-8").read().splitlines()
assert len(lines) >= 4, lines
for line in lines:
    words = shlex.split(line)
    target = next(w for w in words if w.startswith("http://127.0.0.1:8080/")).replace("http://127.0.0.1:8080", base)
    data = words[words.index("-d") + 1].encode() if "-d" in words else None
    with urllib.request.urlopen(urllib.request.Request(target, data), timeout=10) as answer:
        assert answer.status in (200, 201), (line, answer.status)
        first = answer.read(20) if "-N" in words else answer.read()
        assert first, line
        if data:
            assert json.loads(first)["tickets"], first
PY
stop
"$root/build/examples/cli/ticketing" -s "$work/store" check
start
grep -q filling "$work/err" && { echo "it filled a store that was not empty"; exit 1; }
stop
if "$root/examples/server/serve.sh" --nonsense 1 >/dev/null 2>&1; then exit 1; fi
echo "serve: done"
