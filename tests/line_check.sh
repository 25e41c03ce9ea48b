#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_flash line --check: every value with its origin, the plan with its hash; and what a bad
# job or station gets.
set -eu

: "${top_srcdir:?}" "${top_builddir:?}" "${MFG_FLASH:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
    echo "FAIL: $*"
    failed=1
}

checker=$(cd "$top_builddir" && pwd)/json_schema
schema=$(cd "$top_srcdir" && pwd)/docs/schema/mfg_flash.schema.json

# The sample is copied, so that nothing can be left in it.
cp -R "$top_srcdir/samples" "$work/samples"
chmod -R u+w "$work/samples"
cd "$work"
job=samples/job.yaml

has() {
    grep -qE -- "$1" out || {
        fail "'$1' is not in:"
        cat out
    }
}

"$MFG_FLASH" line $job --station samples/station.yaml --check >out || fail "--check of the sample: $?"
has "^  chip +esp32c3 +samples/job.yaml:$(grep -n ^chip: $job | cut -d: -f1)\$"
has '^  flash.mode +keep +default$'
has '^  units.size +0x6000 +default$'
has '^  slots\[3\] +A4: topology 1-1.4, 115200 baud +samples/station.yaml:'
has "$(sha256sum samples/firmware/app.bin | cut -c1-64)"
has 'KEY_PURPOSE_0 +.*HMAC_UP'
# The hash, from the text that mfg_job(5) tells.
plan=$(printf 'espmfg eFuse plan 1\nesp32c3\nburn-key\tblock=auto\tpurpose=HMAC_UP\tkey=unit\n' |
    sha256sum | cut -c1-64)
has "^Plan of the eFuses: $plan\$"
[ ! -e samples/batch.db ] || fail "--check made a ledger"

"$MFG_FLASH" line $job --check --json >out || fail "--check --json: $?"
has "\"plan\": *\"$plan\""
has '"key": *"ledger"'
"$checker" "$schema" out || fail "--check --json does not fit its schema"
"$MFG_FLASH" line samples/no.yaml --check --json >out && fail "--check of no file"
"$checker" "$schema" out || fail "a failing --check --json does not fit its schema"

# A fault: the status, and one message with file and line.
refused() {
    status=$1 text=$2
    shift 2
    got=0
    "$MFG_FLASH" line "$@" --check >out 2>&1 || got=$?
    [ "$got" -eq "$status" ] || fail "$* --check: status $got, not $status"
    has "$text"
}

sed 's/^images:/imagse:/' $job >samples/bad.yaml
refused 2 "samples/bad.yaml:11: unknown key 'imagse'" samples/bad.yaml
has "nearest name is 'images'"
sed 's/0x8000/0x1000/' $job >samples/bad.yaml
refused 2 'samples/bad.yaml:13: .*bootloader.bin .* and .*partition-table.bin .* overlap' samples/bad.yaml
sed 's/at: 0x8000/at: 0x8001/' $job >samples/bad.yaml
refused 2 'samples/bad.yaml:13: address 0x8001 is not a multiple' samples/bad.yaml
echo 'slots: [{name: A1}]' >samples/bad.yaml
refused 2 "samples/bad.yaml:1: slot 'A1' needs a port or a topology" $job --station samples/bad.yaml

[ "$failed" -eq 0 ] && echo "line --check: the sample and its faults"
exit "$failed"
