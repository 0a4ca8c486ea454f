#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/bench/run.sh view [--quick] [--events N] [--rounds N] [--keep DIR] [--only SIDE]… [--json FILE]
# tests/bench/run.sh queue [MEMBERS [THREADS]]
# tests/bench/run.sh booking [--quick] [--rounds N] [--seconds N] [--clients N,N…] [--only SIDE]… [--json FILE]
# tests/bench/run.sh http [--events N] [--rounds N] [--seconds N] [--connections N,N…] [--json FILE]
# tests/bench/run.sh search [--quick] [--events N] [--per-class N] [--rounds N] [--seconds N]
#                           [--only CLASSES] [--skip sqlite|lucene|xapian|figures]… [--given] [--json FILE]
#                           [--keep DIR]
#
# Runs a benchmark and its peers side by side and prints medians, percentiles and ratios as one JSON
# object, to FILE too. Installs the peers that it needs. --quick: less data and fewer rounds.
#   view     an event by its id, against a raw mdb_get of the same record, and beside SQLite, Redis 7 and PostgreSQL 15
#   queue    a waiting room of a million: joins a second, memory, how long it takes to be told one's place
#   booking  reserve and confirm, durable, beside Redis 7, PostgreSQL 15, SQLite and LMDB itself; it starts the
#            servers on 127.0.0.1 and stops them
#   http     the service's event view and search beside twins on PostgreSQL and Redis with the same HTTP library
#   search   10 M events (--quick: 100,000) beside Lucene 8, SQLite FTS5 and, up to 1 M, Xapian; what
#            was made stays in DIR and is used again, else it is removed
# What the figures were and how to read them: docs/benchmarks.md.
set -eu
cd "$(dirname "$0")/../.."
usage() { sed -n '4,21s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -gt 0 ] || usage
name=$1
shift
. examples/packages.sh
case $name in
queue) tkt_need build test ;;
search) tkt_need build test bench ;;
booking | view) tkt_need build test sale ;;
http) tkt_need build test sale wire ;;
*) usage ;;
esac
# A folder of its own: release code, no assertions of the test builds.
[ -f build-bench/build.ninja ] ||
    meson setup build-bench --buildtype=release -Dtests=enabled >/dev/null
if [ "$name" = queue ]; then
    ninja -C build-bench tests/bench/bench_queue >/dev/null
    exec build-bench/tests/bench/bench_queue "$@"
fi
meson setup --reconfigure build-bench >/dev/null # finds peers that were installed just now
case $name in
booking | http | view)
    ninja -C build-bench all >/dev/null
    exec python3 "tests/bench/$name/run.py" build-bench "$@"
    ;;
esac
out=build-bench/tests/bench/search
for part in gen dump queries ours cost overlap beside fts5; do
    ninja -C build-bench "${out#build-bench/}/bench_search_$part" >/dev/null
done
# Not by meson: the project's language is C alone.
g++ -O3 -o "$out/bench_search_xapian" tests/bench/search/xapian.cc -lxapian
exec python3 tests/bench/search/run.py build-bench "$@"
