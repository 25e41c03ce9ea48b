#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_flash line --watch: boards that are plugged into a port one after the other (simulated ones,
# whose port vanishes with them), one that comes again, and Ctrl-C at the end.
set -eu

: "${MFG_FLASH:?}" "${MFG_SIM:?}"
work=$(mktemp -d)
sim='' line=''
cleanup() {
    for pid in $sim $line; do
        kill "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
cp -R "${top_srcdir:?}/samples" "$work/samples"
chmod -R u+w "$work/samples"
cd "$work"

fail() {
    echo "FAIL: $*"
    cat told
    exit 1
}

# wait_for COUNT TEXT: until so many lines have it, but not for ever.
wait_for() {
    tries=0
    while [ "$(grep -c -- "$2" told || true)" -lt "$1" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || fail "'$2' was not told $1 times within a minute"
        sleep 0.1
    done
}

# plug N: board N appears; its flash and eFuses are its own.
plug() {
    "$MFG_SIM" --chip esp32c3 --link A --mac "02:00:00:00:00:0$1" --flash "$1.flash" \
        --efuse "$1.efuse" >/dev/null &
    sim=$!
}

unplug() {
    kill "$sim"
    wait "$sim" || true
    sim=
}

plan=$("$MFG_FLASH" line samples/job.yaml --check | sed -n 's/^Plan of the eFuses: //p')
: >told
"$MFG_FLASH" line samples/job.yaml --ports A --watch --approve "$plan" >told 2>&1 &
line=$!
plug 1
wait_for 1 'EX1-EX1-000123 02:00:00:00:00:01 PASS'
unplug
wait_for 1 removed
plug 2
wait_for 1 'EX1-EX1-000124 02:00:00:00:00:02 PASS'
unplug
wait_for 2 removed
plug 1
wait_for 1 'EX1-EX1-000123 02:00:00:00:00:01 PASS .*was done before'
kill -INT "$line"
status=0
wait "$line" || status=$?
line=
[ "$status" -eq 3 ] || fail "exit status $status after Ctrl-C, not 3"
grep -q '^2/12 done' told || fail "the totals are not of two boards"
unplug
[ "$(grep -c ' PASS ' told)" -eq 3 ] || fail "a board was treated more than once"
"$MFG_FLASH" ledger check --ledger samples/batch.db
echo "line --watch: two boards, one of them again"
