#!/bin/sh
# SPDX-License-Identifier: MIT
# consumer.sh BUILD HEADERS COMPILER: installs into a temporary folder and builds a program against
# what lies there and its .pc file: shared, with our archive, and wholly static. The program names
# every public function, so each must be there to link.
set -eu
build=$1 headers=$2 compiler=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

meson install -C "$build" --no-rebuild --destdir "$work/root" >"$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }
pc=$(find "$work/root" -name ticketing.pc)
prefix=$(sed -n 's/^prefix=//p' "$pc")
ask() {
    PKG_CONFIG_PATH=$(dirname "$pc") pkg-config \
        --define-variable=prefix="$work/root$prefix" "$@" ticketing
}

{
    echo '#include <ticketing/ticketing.h>'
    echo '#include <stdio.h>'
    echo '#include <string.h>'
    echo 'typedef void (*any)(void);'
    echo 'any const all[] = {'
    python3 "$here/contract.py" names "$headers" | sed 's/.*/    (any)&,/'
    cat <<'CODE'
};
int main(void)
{
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!all[i])
            return 1;
    if (tkt_version() != (uint32_t)TKT_VERSION_NUMBER)
        return 2;
    if (tkt_status_primary(-TKT_E_INVALID) != TKT_E_INVALID)
        return 3;
    return strcmp(tkt_status_name(TKT_DONE), "done") ? 4 : 0;
}
CODE
} >"$work/consumer.c"

make_and_run() { # NAME, LINKER WORDS…
    name=$1
    shift
    "$compiler" -std=c11 -Wall -Wextra -Werror $(ask --cflags) "$work/consumer.c" \
        -o "$work/$name" "$@"
    LD_LIBRARY_PATH="$work/root$(ask --variable=libdir | sed "s|^$work/root||")" "$work/$name" ||
        { echo "$name: status $?"; exit 1; }
}

libs=$(ask --libs)
case " $libs " in
*-llmdb*) echo "pkg-config --libs names what is ours alone: $libs"; exit 1 ;;
esac
make_and_run shared $libs
readelf -d "$work/shared" | grep -q 'NEEDED.*libticketing\.so\.1\]' ||
    { echo "the program does not ask for libticketing.so.1"; exit 1; }

static=$(ask --static --libs)
make_and_run archive $(echo " $static " | sed 's| -lticketing | -l:libticketing.a |')
if readelf -d "$work/archive" | grep -q 'libticketing\.so'; then
    echo "the program with the archive still asks for the shared library"
    exit 1
fi

# Debian's archive of yajl has a name of its own.
[ -n "$("$compiler" -print-file-name=libyajl.a | grep /)" ] ||
    static=$(echo " $static " | sed 's| -lyajl | -lyajl_s |')
make_and_run static -static $static
