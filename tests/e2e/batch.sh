#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/e2e/batch.sh TOOL SAMPLE: a file of queries gets one JSON object a line, whatever the lines are.
set -eu
tool=$1 sample=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$tool" -s "$work/store" init >"$work/log"
"$tool" -s "$work/store" import "$sample" >>"$work/log" 2>&1

# LINE(S) WANTED: the start of each answer, in order; lines of a kind that must not spill into the next.
printf 'music\n' >"$work/queries"
head -c 20000 /dev/zero | tr '\0' a >>"$work/queries" # longer than any buffer
printf '\nx\0y\n' >>"$work/queries"                    # a zero byte ends no query
printf 'music' >>"$work/queries"
for i in $(seq 70); do printf '\t--facets' >>"$work/queries"; done
printf '\nmusic\t--batch\tfile\nmusic\t--sort\tbogus\n\nmusic\t--page\t4000000000\nmusic\t--max-price\tabc\n' >>"$work/queries"
printf '\377\376\nmusic\r\nmusic' >>"$work/queries" # no UTF-8; lines of another system; no last newline
cat >"$work/wanted" <<'WANTED'
{"total":287,
{"status":"usage","text":"a line of queries is longer
{"status":"usage","text":"a line of queries has no zero bytes
{"status":"usage","text":"a line of queries has 64 words
{"status":"usage","text":"a line of queries can't name
{"status":"usage","text":"--sort is
{"total":980,
{"status":"limit",
{"status":"parse",
{"status":"invalid",
{"total":287,
{"total":287,
WANTED
code=0
"$tool" -s "$work/store" search --batch "$work/queries" --json >"$work/answers" 2>>"$work/log" || code=$?
[ "$code" -eq 2 ]
[ "$(wc -l <"$work/answers")" -eq "$(wc -l <"$work/wanted")" ]
paste -d '\n' "$work/wanted" "$work/answers" | while read -r wanted && read -r answer; do
    case $answer in
    "$wanted"*) ;;
    *) echo "wanted $wanted, not $answer" && exit 1 ;;
    esac
done

# What can't be read is not an empty file.
code=0
"$tool" -s "$work/store" search --batch "$work" >"$work/answers" 2>>"$work/log" || code=$?
[ "$code" -eq 2 ]
echo "$(wc -l <"$work/wanted") lines, an answer each"
