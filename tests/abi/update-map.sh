#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/abi/update-map.sh: run by hand after a public header changed. Writes
#   tests/abi/symbols-X.Y.txt      names of the newest node: what no older list has
#   lib/ticketing.map              the linker's map, made of all lists
#   tests/abi/layout.lp64.txt      sizes, offsets and constants on 64-bit machines
#   tests/abi/layout.ilp32.txt     and on armhf (needs its cross compiler and qemu-arm)
#   tests/abi/libticketing.so.1.abi  functions and structs as libabigail sees them (needs abidw and a build in build/)
# Until the first tag the node 1.0 may lose names, with a line in CHANGELOG.md. A tag freezes the
# lists: create the next, empty symbols-X.Y.txt then, and only it changes from there on.
set -eu
cd "$(dirname "$0")/../.."
contract=tests/abi/contract.py
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

newest=$(ls tests/abi/symbols-*.txt 2>/dev/null | sort -V | tail -n 1)
newest=${newest:-tests/abi/symbols-1.0.txt}
touch "$newest"
python3 $contract names include/ticketing | LC_ALL=C sort >"$work/names"
for list in tests/abi/symbols-*.txt; do
    [ "$list" = "$newest" ] || cat "$list"
done | LC_ALL=C sort >"$work/frozen"
gone=$(LC_ALL=C comm -13 "$work/names" "$work/frozen")
if [ -n "$gone" ]; then
    echo "frozen names are gone from the headers: $gone" >&2
    exit 1
fi
LC_ALL=C comm -23 "$work/names" "$work/frozen" >"$work/new"
LC_ALL=C comm -13 "$work/new" "$newest" | sed "s|^|removed from $newest (say so in CHANGELOG.md): |"
LC_ALL=C comm -23 "$work/new" "$newest" | sed "s|^|added to $newest: |"
cp "$work/new" "$newest"
python3 $contract map tests/abi/symbols-*.txt >"$work/map"
cmp -s "$work/map" lib/ticketing.map || cp "$work/map" lib/ticketing.map

mkdir -p "$work/include/ticketing"
sed 's/@TKT_VERSION_STRING@/0/; s/@TKT_ABI@/1/; s/@[A-Z_]*@/0/' include/ticketing/version.h.in \
    >"$work/include/ticketing/version.h"
python3 $contract layout include/ticketing >"$work/layout.c"
${CC:-cc} -std=c11 -I include -I "$work/include" "$work/layout.c" -o "$work/layout"
"$work/layout" >tests/abi/layout.lp64.txt
if command -v arm-linux-gnueabihf-gcc >/dev/null && command -v qemu-arm >/dev/null; then
    arm-linux-gnueabihf-gcc -static -std=c11 -I include -I "$work/include" "$work/layout.c" \
        -o "$work/layout32"
    qemu-arm "$work/layout32" >tests/abi/layout.ilp32.txt
else
    echo "no armhf cross compiler with qemu-arm here: tests/abi/layout.ilp32.txt stays as it was" >&2
fi
if command -v abidw >/dev/null && [ "$(uname -m)" = x86_64 ]; then
    ninja -C build libticketing.so.1 >/dev/null
    abidw --suppressions tests/abi/opaque.ini --no-show-locs --no-corpus-path --no-comp-dir-path --exported-interfaces-only \
        --no-elf-needed build/libticketing.so.1 >tests/abi/libticketing.so.1.abi
else
    echo "no abidw, or no x86-64 machine: tests/abi/libticketing.so.1.abi stays as it was" >&2
fi
