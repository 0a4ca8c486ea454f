#!/bin/sh
# SPDX-License-Identifier: MIT
#
# examples/server/serve.sh [--port P] [--processes N] [--store DIR]: a running ticket shop on 127.0.0.1.
#
# Installs and builds what is missing, fills an empty store with the sample's 980 real events (halls, prices, places), and
# serves until SIGTERM or Ctrl-C, which end it cleanly. Other settings: see README, or the environment (TICKETING_…).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
port=${TICKETING_PORT:-8080} processes=${TICKETING_PROCESSES:-2} store=${TICKETING_STORE:-"$root/build/demo-store"}
while [ $# -gt 0 ]; do
    case $1 in
    --port | --processes | --store)
        [ $# -ge 2 ] || { echo "serve.sh: $1 wants a value" >&2; exit 2; }
        case $1 in
        --port) port=$2 ;;
        --processes) processes=$2 ;;
        --store) store=$2 ;;
        esac
        shift 2 ;;
    *) sed -n '4,7s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done
case $store in /*) ;; *) store="$PWD/$store" ;; esac

cd "$root"
. examples/packages.sh
tkt_need build server >&2
[ -f build/build.ninja ] || meson setup build -Dtests=disabled >/dev/null
ninja -C build examples/cli/ticketing examples/server/ticketing-server >/dev/null || {
    # The folder was set up before the server's libraries were there.
    meson setup --reconfigure build >/dev/null
    ninja -C build examples/cli/ticketing examples/server/ticketing-server >&2
}
tool="$root/build/examples/cli/ticketing"

fill() {
    echo "filling $store" >&2
    mkdir -p "$store"
    : >"$store/filling" # a filling that was broken off is done again: every step of it repeats
    "$tool" -s "$store" import tests/data/sample.jsonl --shift-weeks auto >/dev/null
    # The next concerts of the New York Philharmonic get a hall, the next of all others places to stand.
    {
        echo ext:nyp:15056-0
        "$tool" -s "$store" search "new york philharmonic" --from "$(date -u +%Y-%m-%d)" --sort date --page-size 12 |
            sed -n 's/^ *\([0-9][0-9]*\)  .*/\1/p'
    } | while read -r event; do
        "$tool" -s "$store" chart "$event" tests/data/arena-two-floors.json
        "$tool" -s "$store" price "$event" '*' 45.00 USD
        "$tool" -s "$store" price "$event" "Ground floor / Category I" 80.00 USD
        "$tool" -s "$store" price "$event" "First Floor / Category I" 65.00 USD
    done >/dev/null
    "$tool" -s "$store" list --from "$(date -u +%Y-%m-%d)" --page-size 60 |
        sed -n 's/^ *\([0-9][0-9]*\)  .*/\1/p' | while read -r event; do
        "$tool" -s "$store" ga "$event" Standing 400
        "$tool" -s "$store" price "$event" Standing 20.00 USD
    done >/dev/null
    rm "$store/filling"
}
filled() {
    [ -f "$store/data.mdb" ] && [ ! -e "$store/filling" ] && "$tool" -s "$store" list --page-size 1 --json | grep -q '"eventId"'
}
filled || fill

secret() { od -An -tx1 -N16 /dev/urandom | tr -d ' \n'; }
[ -n "${TICKETING_STAFF_TOKEN:-}" ] || {
    TICKETING_STAFF_TOKEN=$(secret)
    echo "staff token: $TICKETING_STAFF_TOKEN" >&2
}
export TICKETING_STAFF_TOKEN
exec build/examples/server/ticketing-server --port "$port" --processes "$processes" --store "$store" \
    --web "$root/examples/server/web"
