#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/crash/run.sh BUILD: records a workload, replays every crash of it, and runs the controls, which must find
# violations. TKT_TEST_FULL=1: four longer recordings and more choices of units, more than 100,000 states.
set -eu
build=$1 steps=40 seeds=1 subsets=2
[ "${TKT_TEST_FULL:-}" != 1 ] || { steps=260 seeds="1 2 3 4" subsets=8; }
work=$(mktemp -d)
[ ! -w /dev/shm ] || { rmdir "$work"; work=$(mktemp -d -p /dev/shm); }
trap 'rm -rf "$work"' EXIT
record() { # SEED STEPS
    rm -rf "$work/run" "$work/log"
    mkdir "$work/run"
    LD_PRELOAD=$build/crash_record.so TKT_CRASH_DIR=$work/run TKT_CRASH_LOG=$work/log \
        "$build/crash_workload" "$work/run" "$1" "$2"
}
replay() { # MODE UNIT SUBSETS STATES-AT-MOST SEED; 0 states: all
    rm -rf "$work/state"
    mkdir "$work/state"
    "$build/crash_replay" "$work/log" "$work/run" "$work/state" "$@"
}
for seed in $seeds; do
    record "$seed" "$steps"
    replay honest 4096 "$subsets" 0 "$seed"
    replay honest 512 "$subsets" 0 "$seed"
done
# The controls are of a small recording: they find what they find early.
record 1 30
replay no-syncs 4096 2 400 1 2>/dev/null
replay torn 4096 2 600 1 2>/dev/null
