#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_flash line with the sample job on simulated boards: what it makes, asks, refuses, shows and
# how it ends; and the commands of the guide.
set -eu

case ${top_srcdir:?} in
/*) ;;
*) top_srcdir=$PWD/$top_srcdir ;;
esac
case ${top_builddir:?} in
/*) ;;
*) top_builddir=$PWD/$top_builddir ;;
esac
# shellcheck source=tests/flash_util.sh
. "$top_srcdir/tests/flash_util.sh"
schema=$top_srcdir/docs/schema/mfg_flash_line.schema.json
checker=$top_builddir/json_schema
cp -R "$top_srcdir/samples" samples
chmod -R u+w samples
job=samples/job.yaml
sim='sim:esp32c3*4'
command_words=line

# passed N: so many boards passed in what was printed last.
passed() {
    got=$(grep -c ' PASS ' stdout || true)
    [ "$got" -eq "$1" ] || fail "$got boards passed, wanted $1: $(cat stdout)"
}

# What contradicts itself, or cannot be.
expect 2 stderr 'missing' --check
expect 2 stderr 'nothing says at which ports boards are' $job
expect 2 stderr 'only one of' $job "$sim" --all
expect 2 stderr 'touches no ports' $job --simulate --all
expect 2 stderr 'BOARDS is sim:' $job /dev/ttyUSB0
expect 2 stderr 'no number of slots' $job 'sim:esp32c3*0'
expect 2 stderr 'is named twice' $job --ports /dev/null,/dev/null
expect 2 stderr 'there is no board at any of 4 slots' $job --station samples/station.yaml
expect 2 stderr "cannot" nowhere.yaml

# Approval: nothing is asked without a terminal, and nothing is touched.
expect 2 stderr 'nobody has approved the plan' $job "$sim"
hinted
expect 2 stderr 'is not the plan of this job' $job "$sim" --approve 1234
if [ -e samples/batch.db ] || [ -e samples/keys ]; then
    fail "something was made: $(ls samples)"
fi
expect 0 stdout 'Plan of the eFuses: ' $job --check
plan=$(sed -n 's/^Plan of the eFuses: //p' stdout)
[ ! -e samples/batch.db ] || fail "--check made a ledger"

# Three of them, then all the others, who get no unit twice; then all of them again.
expect 0 stdout '3/12 done' $job "$sim" --approve "$plan" --boards boards --rounds 3 --count 3
expect 0 stdout '12/12 done' $job "$sim" --boards boards --rounds 3
expect 0 stdout 'was done before' $job "$sim" --boards boards --rounds 3
passed 12
command_words=ledger
expect 0 stderr '' check --ledger samples/batch.db
command_words=line

# One line an event with --json, and one at the end.
"$MFG_FLASH" line $job --simulate --rounds 2 --json >events
checks=$((checks + 1))
lines=0
while IFS= read -r object; do
    printf '%s\n' "$object" >object
    lines=$((lines + 1))
    "$checker" "$schema" object >told || fail "event $lines: $(cat told object)"
done <events
[ "$lines" -gt 40 ] || fail "only $lines events"
tail -n 1 events | grep -q '"result":"good".*"exit":0' || fail "the end: $(tail -n 1 events)"
got=0
"$MFG_FLASH" line $job "$sim" --ledger other.db --json >object 2>stderr </dev/null || got=$?
[ "$got" -eq 2 ] || fail "exit status $got"
"$checker" "$schema" object || fail "the object of a fault: $(cat object)"

got=0
"$MFG_FLASH" line samples/no.yaml --json >object 2>stderr </dev/null || got=$?
[ "$got" -eq 2 ] || fail "exit status $got without a job"
"$checker" "$schema" object || fail "the object without a job: $(cat object)"

# Another job with this ledger.
sed 's/size: 4MB/size: 4MB, mode: dio/' $job >samples/other.yaml
expect 2 stderr 'differs from the one that ledger' samples/other.yaml "$sim"
sed 's/^batch: .*/batch: EX2/' $job >samples/other.yaml
expect 2 stderr "batch is 'EX2', was 'EX1-2026-11'" samples/other.yaml "$sim"

# Boards that fail: the link is cut. Failures in a row stop the line.
expect 1 stdout 'FAIL' $job 'sim:esp32c3?fault=cut-after=3000*1' --simulate --rounds 1
expect 3 stdout 'in a row failed' $job 'sim:esp32c3?fault=cut-after=3000*1' --simulate
expect 3 stderr 'the line was stopped' $job 'sim:esp32c3?fault=cut-after=3000*1' --simulate
hinted

# A rehearsal leaves nothing behind, and touches nothing of the batch.
before=$(cksum samples/batch.db)
TMPDIR=$work/tmp
export TMPDIR
mkdir tmp
expect 0 stdout '12/12 done' $job --simulate --rounds 3
[ -z "$(ls tmp)" ] || fail "a rehearsal has left $(ls tmp)"
[ "$before" = "$(cksum samples/batch.db)" ] || fail "a rehearsal has changed the ledger"

# Stopped by a signal, at a slow board: between two steps, or at once.
# stopped SIGNALS: how it ends after so many signals.
stopped() {
    checks=$((checks + 1))
    "$MFG_FLASH" line $job 'sim:esp32c3?timing=real&clock=wall*1' --simulate >stdout 2>stderr &
    pid=$!
    tries=0
    while ! grep -q ' claim ok' stdout && [ "$tries" -lt 200 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    i=0
    while [ "$i" -lt "$1" ]; do
        kill -INT "$pid" 2>/dev/null || true # it may have ended
        sleep 0.2
        i=$((i + 1))
    done
    got=0
    wait "$pid" || got=$?
    [ "$got" -eq 3 ] || fail "after $1 signals: exit status $got: $(cat stdout stderr)"
    # None, unless this machine was too busy to send the signal in time.
    grep -q 'the line was stopped with [0-9] of 12' stderr || fail "after $1 signals: $(cat stderr)"
}
stopped 1
stopped 2

# A terminal.
command -v script >/dev/null 2>&1 || echo "not checked: a terminal (script is missing)"
if command -v script >/dev/null 2>&1; then
    checks=$((checks + 1))
    TERM=xterm LANG=C script -qec "stty cols 60 rows 12; '$MFG_FLASH' line $job --simulate --rounds 1" \
        shown >/dev/null </dev/null || fail "on a terminal: $(cat shown)"
    tr -d '\r' <shown | grep -q '4/12 done  4 passed  yield 100.0 %' || fail "table: $(cat shown)"
    # The word is asked for where there is a terminal.
    printf 'no\n' | script -qec "'$MFG_FLASH' line $job '$sim' --ledger typed.db" shown \
        >/dev/null && fail "another word was taken"
    [ ! -e typed.db ] || fail "a ledger was made without the word"
    { sleep 1; echo BURN; } | script -qec \
        "'$MFG_FLASH' line $job '$sim' --ledger typed.db --rounds 1" shown >/dev/null ||
        fail "the word was not taken: $(cat shown)"
    expect 0 stdout '8/12 done' $job "$sim" --ledger typed.db --rounds 1
fi

# The guide.
{
    echo 'set -eu'
    echo 'out=guide'
    # shellcheck disable=SC2016 # of the guide
    sed -n '/^```sh$/,/^```$/p' "$top_srcdir/docs/guide.md" | grep -v '^```'
} >guide.sh
mkdir guide bin
ln -s "$MFG_FLASH" bin/mfg_flash
ln -s "$MFG_GEN" bin/mfg_gen
rm -rf samples/keys
checks=$((checks + 1))
if ! command -v openssl >/dev/null 2>&1; then
    echo "not checked: sealed keys of the guide (the program openssl is missing)"
    sed -i '/^openssl/,$d' guide.sh
fi
PATH=$work/bin:$PATH sh guide.sh >stdout 2>stderr </dev/null || fail "guide: $(cat stdout stderr)"
grep -q '12 done before' stdout || fail "guide: $(tail stdout)"

[ "$failed" -eq 0 ] && echo "line_cli: $checks checks passed"
[ "$failed" -eq 0 ]
