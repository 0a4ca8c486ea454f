#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/load/run.sh onsale [--buyers N] [--seats N] [--threads N] [--early PERCENT] [--kills N] [--processes N] [--json FILE]
# tests/load/run.sh mix [--seconds N] [--rate N] [--threads N] [--seats N] [--processes N] [--json FILE]
#
# A crowd over HTTP, at a release build of the service; with TKT_LOAD_SANITIZE=thread at one under the thread sanitizer.
#   onsale  100,000 buyers for 20,000 seats through the waiting room, server processes killed on the way
#   mix     everything at once for an hour, 2,000 requests a second; the memory of the processes must not grow
# Prints one JSON object; status 1 when something was wrong. run.py and the programs say what is asserted.
set -eu
cd "$(dirname "$0")/../.."
case ${1:-} in onsale | mix) ;; *) sed -n '4,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;; esac
what=$1
shift
. examples/packages.sh
tkt_need build test
build=build-bench options="--buildtype=release"
[ "${TKT_LOAD_SANITIZE:-none}" = none ] || { build=build-tsan options="-Db_sanitize=$TKT_LOAD_SANITIZE -Db_lundef=false"; }
[ -f $build/build.ninja ] || meson setup $build $options -Dtests=enabled >/dev/null
ninja -C $build >/dev/null
exec python3 tests/load/run.py "$what" $build/examples/server/ticketing-server $build/examples/cli/ticketing tests/data \
    "$build/tests/load/load_$what" "$@"
