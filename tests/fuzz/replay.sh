#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/fuzz/replay.sh PROGRAM NAME: runs a target over the kept corpus: the inputs of corpus/NAME, which have names,
# and those of corpus/NAME.tar.gz, which hours of fuzzing found.
set -eu
program=$1 corpus=$(cd "$(dirname "$0")" && pwd)/corpus/$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" "$corpus"
gzip -dc "$corpus.tar.gz" | tar -xf - -C "$work"
"$program" "$work"
