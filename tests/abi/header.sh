#!/bin/sh
# SPDX-License-Identifier: MIT
# header.sh COMPILER LANGUAGE STANDARD HEADER INCLUDE…: one public header, alone and twice over,
# with every warning an error.
set -eu
compiler=$1 language=$2 standard=$3 header=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for folder; do printf -- '-I%s\n' "$folder"; done >"$work/flags"
cat >"$work/alone" <<CODE
#include <ticketing/$header>
#include <ticketing/$header>
int main(void);
int main(void) { return 0; }
CODE
"$compiler" -x "$language" -std="$standard" -Wall -Wextra -pedantic -Werror \
    -Wundef -Wshadow -Wconversion "@$work/flags" -c "$work/alone" -o "$work/alone.o"
