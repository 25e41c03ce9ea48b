#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_gen verify as a program: exit statuses, summary, JSON, and that nothing is written.
set -eu

: "${MFG_GEN:?}"
work=$(mktemp -d "${TMPDIR:-/tmp}/espmfg-verify-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0
count=0

# check NAME STATUS PATTERN ARG...: run verify, compare the exit status, look for a line.
check() {
    name=$1
    status=$2
    pattern=$3
    shift 3
    got=0
    "$MFG_GEN" verify "$@" >told 2>&1 || got=$?
    count=$((count + 1))
    if [ "$got" -ne "$status" ] || ! grep -qE -- "$pattern" told; then
        echo "FAIL: $name: exit status $got, wanted $status and '$pattern' in:"
        sed 's/^/    /' told
        failed=1
    fi
}

printf 'ns,namespace,\nnum,data,u16\ntext,data,string\n' >config.csv
{
    echo num,text
    i=1
    while [ "$i" -le 50 ]; do
        echo "$i,text of $i"
        i=$((i + 1))
    done
} >values.csv
"$MFG_GEN" generate config.csv values.csv Fan 0x4000 --outdir out --keygen \
    --manifest out/manifest.json -q
tables='--config config.csv --values values.csv'
chmod -R a-w out # nothing is written; root could, so names are compared as well
find out | sort >before

# shellcheck disable=SC2086 # options
{
    check 'tables' 0 '^50 units verified: all files are there, every value equals' out $tables
    check 'manifest' 0 '^50 units verified: .* as the manifest lists' out \
        --manifest out/manifest.json
    check 'both' 0 '^50 units verified' out/ $tables --manifest out/manifest.json -j 3
    check 'rows' 0 '^11 units verified' out $tables --rows 40-50
    check 'JSON' 0 '"verified": 50' out $tables --json
    check 'bar' 0 'verifying' out $tables --progress always
    "$MFG_GEN" verify out $tables -q >told 2>&1 || failed=1
    [ ! -s told ] || { echo 'FAIL: -q says something' && failed=1; }
    check 'no arguments' 2 'OUTDIR is missing'
    check 'nothing to compare with' 2 'nothing says' out
    check 'no folder' 4 'elsewhere/bin' elsewhere $tables
    check 'no table' 4 'none.csv' out --config config.csv --values none.csv
    check 'help' 0 '--kp_hmac_inputkey FILE' --help

    find out | sort >after
    cmp -s before after || { echo 'FAIL: something was written' && failed=1; }
    chmod -R u+w out
    rm out/bin/Fan-7.bin
    check 'missing' 1 '^1 fault in 1 of 50 units$' out $tables
    check 'missing, quiet' 1 'image of unit 7 is missing' out $tables -q
    check 'missing, JSON' 1 '"status": "found"' out $tables --json
    touch out/csv/old
    check 'foreign' 1 '^2 faults in 1 of 50 units$' out $tables
    printf 'num,text\n1,"open\n' >values.csv
    check 'table that cannot be read' 3 'values.csv' out $tables --prefix Fan
}

[ "$failed" -eq 0 ] && echo "verify: $count checks passed"
exit "$failed"
