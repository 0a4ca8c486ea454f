#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/abi/abidiff.sh LIBRARY: the debug information of the shared library against the stored baseline
# (tests/abi/libticketing.so.1.abi, written by update-map.sh): functions with their parameters, structs with their members.
# Additions are fine, everything else is not, whatever abidiff thinks of it. Public headers are not given as a filter:
# with it a size_t that became a uint32_t would pass. First, two falsified baselines must be refused.
set -eu
here=$(dirname "$0")
base=$here/libticketing.so.1.abi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

differs() { # BASELINE
    ! abidiff --suppressions "$here/opaque.ini" --no-added-syms "$1" "$lib" >"$work/report" 2>&1
}

lib=$1
sed "0,/layout-offset-in-bits='64'/s//layout-offset-in-bits='96'/" "$base" >"$work/member.abi"
sed "/<function-decl name='tkt_event_set_status'/,/<\/function-decl>/{
    s/name='status'/name='status_'/
    /name='id'/d
}" "$base" >"$work/parameter.abi"
for control in member parameter; do
    if cmp -s "$base" "$work/$control.abi" || ! differs "$work/$control.abi"; then
        echo "a baseline with a changed $control was accepted: this test tests nothing" >&2
        exit 1
    fi
done
if differs "$base"; then
    cat "$work/report"
    echo "The binary interface is not that of tests/abi/libticketing.so.1.abi: see docs/abi.md" >&2
    exit 1
fi
