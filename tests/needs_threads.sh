#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/needs_threads.sh PROBE PROGRAM [ARGUMENT...]: runs a program that needs threads or children, by the
# emulator of a cross build where there is one. Status 77 when the emulator can't.
probe=$1
shift
if [ -n "${MESON_EXE_WRAPPER:-}" ] && ! $MESON_EXE_WRAPPER "$probe" >/dev/null 2>&1; then
    echo "the emulator here runs neither threads nor children: $MESON_EXE_WRAPPER"
    exit 77
fi
exec ${MESON_EXE_WRAPPER:-} "$@"
