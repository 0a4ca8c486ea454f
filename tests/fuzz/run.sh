#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/fuzz/run.sh NAME SECONDS: fuzzes one target (analyse, api, query, block) with clang's libFuzzer under the
# address and undefined sanitizers. Starts from the kept corpus (tests/fuzz/corpus) and keeps what it finds new in
# build-fuzz/NAME/; an input that fails is build-fuzz/NAME/crash-… . Not part of tests/run.sh, which replays
# the kept corpus. A process that is stopped for a minute loses its snapshot, which looks like a find.
set -eu
cd "$(dirname "$0")/../.."
name=${1:?NAME: analyse, api, query or block} seconds=${2:?SECONDS}
[ -f "tests/fuzz/$name.c" ] || { echo "there is no target $name" >&2; exit 2; }
. examples/packages.sh
tkt_need build fuzz
if ! [ -f build-fuzz/build.ninja ]; then
    CC=clang meson setup build-fuzz -Dtests=disabled -Dexamples=disabled -Ddefault_library=static \
        -Db_sanitize=address,undefined -Db_lundef=false -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=all' >/dev/null
fi
ninja -C build-fuzz >/dev/null
clang -std=c11 -g -O1 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    -I include -I build-fuzz/include -I lib "tests/fuzz/$name.c" build-fuzz/libticketing.a \
    -llmdb -lxxhash -lyajl -lutf8proc -lstemmer -lsodium -lm -pthread -o "build-fuzz/fuzz_$name"
mkdir -p "build-fuzz/$name"
gzip -dc "tests/fuzz/corpus/$name.tar.gz" | tar -xf - -C "build-fuzz/$name"
exec "build-fuzz/fuzz_$name" -max_total_time="$seconds" -artifact_prefix="build-fuzz/$name/" -print_final_stats=1 \
    -max_len=4096 "build-fuzz/$name" "tests/fuzz/corpus/$name"
