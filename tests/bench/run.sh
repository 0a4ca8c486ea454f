#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/bench/run.sh view [--quick] [--json FILE]
#
# Runs a benchmark and its peers side by side and prints medians, percentiles and ratios as one JSON
# object, to FILE too. Installs the peers that it needs. --quick: less data and fewer rounds.
#   view   an event by its id, against a raw mdb_get of the same record
# What the figures were and how to read them: docs/benchmarks.md.
set -eu
cd "$(dirname "$0")/../.."
usage() { sed -n '4,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -gt 0 ] || usage
name=$1
shift
case $name in view | search) ;; *) usage ;; esac
. examples/packages.sh
tkt_need build test
# A folder of its own: release code, no assertions of the test builds.
[ -f build-bench/build.ninja ] ||
    meson setup build-bench --buildtype=release -Dtests=enabled -Dexamples=disabled >/dev/null
ninja -C build-bench "tests/bench/bench_$name" >/dev/null
exec "build-bench/tests/bench/bench_$name" "$@"
