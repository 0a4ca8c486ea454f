#!/bin/sh
# SPDX-License-Identifier: MIT
# order.sh COMPILER SOURCE-HEADERS INCLUDE…: the headers in any order, the umbrella has them all,
# and no struct has padding that nobody named (a hole would carry garbage over the border).
set -eu
compiler=$1 headers=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for folder; do printf -- '-I%s\n' "$folder"; done >"$work/flags"
names=$(cd "$headers" && ls | sed -n 's/\.h$//p; s/\.h\.in$//p' | sort)
flags="-std=c11 -Wall -Wextra -pedantic -Werror -Wpadded"
try() { "$compiler" $flags "@$work/flags" -c "$work/order.c" -o "$work/order.o"; }

for name in $names; do echo "#include <ticketing/$name.h>"; done >"$work/order.c"
try
for name in $(echo "$names" | sort -r); do echo "#include <ticketing/$name.h>"; done >"$work/order.c"
try

# What the umbrella brings, as the preprocessor sees it.
echo '#include <ticketing/ticketing.h>' | "$compiler" -E -x c "@$work/flags" - >"$work/umbrella"
missing=
for name in $names; do
    grep -q "ticketing/$name\.h\"" "$work/umbrella" || missing="$missing $name.h"
done
[ -z "$missing" ] || { echo "ticketing.h does not bring:$missing"; exit 1; }
