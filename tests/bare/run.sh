#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tests/bare/run.sh [FOLDER]: do the README's two commands work on a Debian 12 with nothing on it?
#
# Makes a minimal Debian 12 in FOLDER (a temporary one, removed afterwards, unless named), copies
# this checkout into it, and runs examples/quickstart.sh and then tests/run.sh inside. Needs root,
# debootstrap and leave to mount. Takes its packages from where this machine takes them.
# A FOLDER that was named is kept, and a second run starts from a fresh copy of its base system.
# Status 0 both commands worked, 77 it can't be tried here (the last line says why), 1 it failed.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)

cannot() { echo "$*"; exit 77; }
[ "$(id -u)" = 0 ] || cannot "needs root"
command -v debootstrap >/dev/null || cannot "debootstrap is not installed"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Codename: bookworm' \
    'Component: main' | head -n 1)
[ -n "$mirror" ] || cannot "apt here has no source for Debian 12 (bookworm)"

if [ $# -gt 0 ]; then
    mkdir -p "$1"
    top=$(cd "$1" && pwd) keep=1
else
    top=$(mktemp -d) keep=
fi
root=$top/root mounts=()

# shellcheck disable=SC2317 # called by the trap
clean() {
    for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
        umount "${mounts[i]}" 2>/dev/null || umount -l "${mounts[i]}" || true
    done
    # Never walk into something that is still mounted.
    if [ -z "$keep" ] && ! grep -q " $top/" /proc/mounts; then
        rm -rf --one-file-system "$top"
    fi
}
trap clean EXIT
trap 'exit 130' INT TERM

echo "== a minimal Debian 12"
if [ ! -e "$top/base/.made" ]; then
    rm -rf --one-file-system "$top/base"
    if ! debootstrap --variant=minbase bookworm "$top/base" "$mirror" >"$top/debootstrap.log" 2>&1; then
        tail -n 20 "$top/debootstrap.log"
        cannot "debootstrap failed"
    fi
    touch "$top/base/.made"
fi
if grep -q " $root/" /proc/mounts; then
    cannot "something is still mounted below $root"
fi
rm -rf --one-file-system "$root"
cp -a "$top/base" "$root"

# Where packages come from and how names resolve: as on this machine.
rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d"
for path in etc/apt/sources.list etc/apt/sources.list.d etc/apt/trusted.gpg.d etc/apt/keyrings \
    usr/share/keyrings usr/local/share/ca-certificates etc/resolv.conf etc/hosts; do
    if [ -e "/$path" ]; then
        mkdir -p "$root/$(dirname "$path")"
        cp -aLT "/$path" "$root/$path"
    fi
done
apt-config dump | grep -E '^Acquire::(http|https|ftp|Check|Allow|Retries|Languages)' \
    >"$root/etc/apt/apt.conf.d/99host" || true

mount_in() { # FOLDER, WORDS OF mount…
    local to=$root/$1
    shift
    if [ -d "${!#}" ] || [ "$1" = -t ]; then mkdir -p "$to"; else : >"$to"; fi
    mount "$@" "$to" 2>/dev/null || cannot "no leave to mount"
    mounts+=("$to")
}
mount_in proc -t proc proc
for device in null zero full random urandom tty; do
    rm -f "$root/dev/$device"
    mount_in "dev/$device" --bind "/dev/$device"
done
mount_in dev/shm -t tmpfs -o mode=1777 tmpfs

# The checkout: what git knows or would know, else all but the builds.
mkdir -p "$root/src"
if git -C "$here" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    (cd "$here" && git ls-files -z --cached --others --exclude-standard |
        while IFS= read -r -d '' file; do
            if [ -e "$file" ]; then printf '%s\0' "$file"; fi
        done | tar -c --null -T -) | tar -x -C "$root/src"
else
    tar -c -C "$here" --exclude='./build*' --exclude=./.git . | tar -x -C "$root/src"
fi

inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root CI=true \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        ${TKT_JOBS:+TKT_JOBS="$TKT_JOBS"} \
        chroot "$root" /bin/sh -c "cd /src && $1" </dev/null
}
failed=
for command in examples/quickstart.sh tests/run.sh; do
    echo
    echo "== $command"
    inside "$command" || { echo "$command: status $?"; failed=1; }
done
if [ ! -x "$root/src/build/examples/cli/ticketing" ]; then
    echo "build/examples/cli/ticketing is not there"
    failed=1
fi
echo
if [ -n "$failed" ]; then echo "bare: FAILED"; exit 1; fi
echo "bare: both commands work on a bare Debian 12"
