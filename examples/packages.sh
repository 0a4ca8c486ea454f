# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# The one list of Debian packages that building and testing need. To be sourced:
#
#   . examples/packages.sh
#   tkt_need build           gcc, meson and the libraries: enough for examples/quickstart.sh
#   tkt_need build server    and what examples/server/serve.sh adds
#   tkt_need build server cache and what examples/server/cdn.sh adds (Debian starts nginx on port 80 with it)
#   tkt_need build test      and what tests/run.sh adds
#   tkt_need build test bench and what tests/bench/run.sh search compares with
#   tkt_need build test sale  and what tests/bench/run.sh booking compares with
#   tkt_need build test sale wire and what tests/bench/run.sh http asks with
#   tkt_need build test full and what tests/run.sh --full adds (cross compiler, emulator)
#
# tkt_need looks for each thing itself, not for its package, so a compiler or meson from elsewhere
# will do. It installs what is missing when it may (root, or sudo), else it prints the one apt line
# and ends the calling script with status 1.
#
# A line is: group, package, how to see that it is there (cmd:PROGRAM, inc:HEADER, deb:PACKAGE).

tkt_packages() {
    cat <<'LIST'
build gcc                        cmd:gcc
build libc6-dev                  inc:stdio.h
build meson                      cmd:meson
build ninja-build                cmd:ninja
build pkg-config                 cmd:pkg-config
build liblmdb-dev                inc:lmdb.h
build libxxhash-dev              inc:xxhash.h
build libyajl-dev                inc:yajl/yajl_parse.h
build libutf8proc-dev            inc:utf8proc.h
build libstemmer-dev             inc:libstemmer.h
build libsodium-dev              inc:sodium.h
server libmicrohttpd-dev         inc:microhttpd.h
server libqrencode-dev           inc:qrencode.h
test  libmicrohttpd-dev          inc:microhttpd.h
test  libqrencode-dev            inc:qrencode.h
test  libcurl4-openssl-dev       deb:libcurl4-openssl-dev
test  chromium                   cmd:chromium
test  chromium-driver            cmd:chromedriver
cache nginx-light                cmd:nginx
test  python3-jsonschema         deb:python3-jsonschema
test  g++                        cmd:g++
test  python3                    cmd:python3
test  binutils                   cmd:readelf
test  abigail-tools              cmd:abidiff
test  libcriterion-dev           inc:criterion/criterion.h
fuzz  clang                      cmd:clang
fuzz  libclang-rt-14-dev         deb:libclang-rt-14-dev
bench openjdk-17-jdk-headless     cmd:javac
bench liblucene8-java            deb:liblucene8-java
bench libsqlite3-dev             inc:sqlite3.h
bench libxapian-dev              deb:libxapian-dev
sale  libsqlite3-dev             inc:sqlite3.h
sale  redis-server               cmd:redis-server
sale  redis-tools                cmd:redis-cli
sale  libhiredis-dev             inc:hiredis/hiredis.h
sale  postgresql                 deb:postgresql
sale  postgresql-client          cmd:psql
sale  libpq-dev                  deb:libpq-dev
wire  wrk                        cmd:wrk
full  gcc-arm-linux-gnueabihf    cmd:arm-linux-gnueabihf-gcc
full  libc6-dev-armhf-cross      deb:libc6-dev-armhf-cross
full  liblmdb-dev:armhf          deb:liblmdb-dev:armhf
full  libxxhash-dev:armhf        deb:libxxhash-dev:armhf
full  libyajl-dev:armhf          deb:libyajl-dev:armhf
full  libutf8proc-dev:armhf      deb:libutf8proc-dev:armhf
full  libstemmer-dev:armhf       deb:libstemmer-dev:armhf
full  libsodium-dev:armhf        deb:libsodium-dev:armhf
full  qemu-user                  cmd:qemu-arm
full  debootstrap                cmd:debootstrap
LIST
}

tkt_there() { # cmd:PROGRAM | inc:HEADER | deb:PACKAGE
    case $1 in
    cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
    inc:*) command -v gcc >/dev/null 2>&1 &&
        echo "#include <${1#inc:}>" | gcc -E -x c - >/dev/null 2>&1 ;;
    deb:*) dpkg-query -W -f '${Status}' "${1#deb:}" 2>/dev/null | grep -q 'ok installed' ;;
    esac
}

tkt_missing() { # GROUP…: the packages whose things are not there, on one line
    tkt_packages | while read -r tkt_group tkt_package tkt_probe; do
        case " $* " in *" $tkt_group "*) ;; *) continue ;; esac
        tkt_there "$tkt_probe" </dev/null || printf ' %s' "$tkt_package"
    done
}

tkt_need() { # GROUP…
    tkt_wanted=$(tkt_missing "$@")
    [ -n "$tkt_wanted" ] || return 0
    tkt_line="apt-get update; apt-get install -y --no-install-recommends$tkt_wanted"
    case $tkt_wanted in
    *:armhf*) dpkg --print-foreign-architectures 2>/dev/null | grep -qx armhf ||
        tkt_line="dpkg --add-architecture armhf && $tkt_line" ;;
    esac
    if [ "$(id -u)" = 0 ]; then
        tkt_as=
    elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        tkt_as=sudo
    else
        tkt_as=none
    fi
    if [ "$tkt_as" = none ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "Missing:$tkt_wanted" >&2
        echo "On Debian 12, as root:" >&2
        echo "    $tkt_line" >&2
        exit 1
    fi
    echo "installing:$tkt_wanted"
    # One lock for all package work of this machine: wait for it rather than fail.
    if ! $tkt_as sh -c "export DEBIAN_FRONTEND=noninteractive
        $(echo "$tkt_line" | sed 's/apt-get /apt-get -qq -o DPkg::Lock::Timeout=300 /g')" \
        </dev/null >"${TMPDIR:-/tmp}/tkt-apt.$$" 2>&1; then
        cat "${TMPDIR:-/tmp}/tkt-apt.$$" >&2
        rm -f "${TMPDIR:-/tmp}/tkt-apt.$$"
        echo "apt could not install what is missing. As root:" >&2
        echo "    $tkt_line" >&2
        exit 1
    fi
    rm -f "${TMPDIR:-/tmp}/tkt-apt.$$"
}
