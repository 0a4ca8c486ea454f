#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/run.sh [--full]: sets up everything and runs every test there is.
#
#   normal build          build/        all tests
#   address + undefined   build-asan/   all tests but those of the ABI, which read the plain objects
#   thread                build-tsan/   the plain programs (Criterion 2.4.1 crashes under it)
#   --full adds: in the normal build the long forms of the tests (TKT_TEST_FULL=1), everything
#   cross-compiled for armhf in build-armhf/ with the plain programs run by an emulator, and
#   tests/bare/run.sh.
#
# Missing packages are installed when root or with sudo, else the apt line is printed (status 1).
# TKT_JOBS sets how many processes work at once (2). Status 1 when anything failed.
# The last line is always `N passed, N failed, N skipped`; each skip has said why.
set -u
cd "$(dirname "$0")/.." || exit 1

full=
for arg; do
    case $arg in
    --full) full=full ;;
    *) sed -n '4,16s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done

. examples/packages.sh
tkt_need build test $full

jobs=${TKT_JOBS:-2}
passed=0 failed=0 skipped=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

skip_stage() { # STAGE WHY
    echo "skipped  $1: $2"
    skipped=$((skipped + 1))
}

fail_stage() { # STAGE WHAT LOG
    tail -n 60 "$3"
    echo "FAILED   $1: $2"
    failed=$((failed + 1))
}

# stage NAME FOLDER "SETUP OPTIONS" [RUNNER…] -- TEST OPTIONS…
stage() {
    name=$1 folder=$2 setup=$3
    shift 3
    runner=
    while [ "$1" != -- ]; do runner="$runner $1"; shift; done
    shift
    echo
    echo "== $name ($folder)"
    start=$(date +%s)
    if [ -f "$folder/build.ninja" ]; then
        # --wipe for a folder that another meson or compiler made.
        meson setup --reconfigure "$folder" $setup >"$work/log" 2>&1 ||
            meson setup --wipe "$folder" $setup >"$work/log" 2>&1
    else
        meson setup "$folder" $setup >"$work/log" 2>&1
    fi || {
        fail_stage "$name" "meson setup" "$work/log"
        return
    }
    # With a suite chosen, `meson test` builds only what that suite needs.
    case $* in
    *--suite*) build=true ;;
    *) build="ninja -C $folder -j $jobs" ;;
    esac
    if ! $build >"$work/log" 2>&1; then
        fail_stage "$name" "build" "$work/log"
        return
    fi
    rm -f "$folder/meson-logs/run.json"
    # Each test's line as it ends; what failed or was skipped is told in full by tally.py.
    PYTHONUNBUFFERED=1 $runner meson test -C "$folder" --num-processes "$jobs" --logbase run "$@" \
        2>&1 </dev/null | tee "$work/log" | grep --line-buffered -E '^ *[0-9]+/[0-9]+ '
    if ! [ -s "$folder/meson-logs/run.json" ]; then
        fail_stage "$name" "meson test" "$work/log"
        return
    fi
    python3 tests/tally.py "$name" "$folder/meson-logs/run.json" >"$work/tally"
    sed '$d' "$work/tally"
    set -- $(tail -n 1 "$work/tally")
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
    echo "$name: $1 passed, $2 failed, $3 skipped in $(($(date +%s) - start)) s"
}

unset TKT_TEST_FULL
if [ -n "$full" ]; then
    stage normal build "-Dtests=enabled -Dexamples=enabled" env TKT_TEST_FULL=1 -- \
        --timeout-multiplier 20
else
    stage normal build "-Dtests=enabled -Dexamples=enabled" --
fi

# Sanitizers of this gcc want less random addresses than newer kernels give.
sanitizer_runner() { # SANITIZER: prints the runner to use, fails when none works
    echo 'int main(void) { return 0; }' | gcc -fsanitize="$1" -o "$work/probe" -x c - || return 1
    tries=20
    for runner in "" "setarch $(uname -m) -R"; do
        i=0
        while [ $i -lt $tries ] && $runner "$work/probe" >/dev/null 2>&1; do i=$((i + 1)); done
        [ $i = $tries ] && echo "$runner" && return 0
    done
    return 1
}

options="-Dtests=enabled -Dexamples=enabled -Ddefault_library=both -Db_lundef=false"
if runner=$(sanitizer_runner address,undefined); then
    stage address+undefined build-asan "$options -Db_sanitize=address,undefined" $runner --
else
    skip_stage address+undefined "a program built with this sanitizer does not start here"
fi
if runner=$(sanitizer_runner thread); then
    stage thread build-tsan "$options -Db_sanitize=thread" $runner -- --suite plain
else
    skip_stage thread "a program built with this sanitizer does not start here"
fi

if [ -n "$full" ]; then
    stage armhf build-armhf "--cross-file tests/armhf.ini -Dtests=enabled -Dexamples=enabled" --
    echo
    echo "== both commands on a bare Debian 12"
    tests/bare/run.sh >"$work/log" 2>&1 </dev/null
    case $? in
    0) passed=$((passed + 1)); echo "bare: passed" ;;
    77) skip_stage bare "$(tail -n 1 "$work/log")" ;;
    *) fail_stage bare "tests/bare/run.sh" "$work/log" ;;
    esac
fi

echo
status=0
[ "$failed" = 0 ] && [ "$passed" -gt 0 ] || status=1
echo "$passed passed, $failed failed, $skipped skipped"
exit $status
