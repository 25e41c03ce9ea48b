#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The sample job with a test before it, on simulated boards that say which firmware they run: the
# test is passed before the job's own firmware comes, a board that does not pass it gets nothing,
# and a line that is killed goes on with what is not passed yet. EM_KILLS: how often.
set -eu

case ${top_srcdir:?} in
/*) ;;
*) top_srcdir=$PWD/$top_srcdir ;;
esac
# shellcheck source=tests/cli_util.sh
. "$top_srcdir/tests/cli_util.sh"
program=${MFG_FLASH:?}
cp -R "$top_srcdir/samples" samples
chmod -R u+w samples
job=samples/job_test_first.yaml
# The app's text is at the start of its only segment.
says='app-output=@0x20020'

# steps LEDGER UNIT: what is on record of it, a word an event
steps() {
    "$program" ledger export --ledger "$1" >events.csv
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        $at["name"] == name { printf "%s%s:%s", n++ ? " " : "", $at["step"], $at["outcome"] }' \
        events.csv
}

# recorded LEDGER STEPS: these are the first unit's
recorded() {
    checks=$((checks + 1))
    got=$(steps "$1" EX1-EX1-000123)
    [ "$got" = "$2" ] || fail "on record: $got"
}

expect 0 stdout 'before[0].name' line $job --check
grep -q "before\[0\].images\[2\] .*selftest.bin, SHA-256 $(sha256sum samples/firmware/selftest.bin |
    cut -c1-16)" stdout || fail "--check: $(cat stdout)"
grep -q "before\[0\].boot_check.expect self-test of EX1: passed" stdout || fail "--check: $(cat stdout)"
plan=$(sed -n 's/^Plan of the eFuses: //p' stdout)

# A rehearsal, and a board for good.
expect 0 stdout '4/12 done' line $job "sim:esp32c3?$says*4" --simulate --rounds 1
expect 0 stdout '1/12 done' line $job "sim:esp32c3?$says*1" --approve "$plan" --boards one --rounds 1
recorded samples/tested.db "claim:new key:recorded flash/self-test:ok boot/self-test:ok flash:ok \
burn:intent burn:ok boot:ok done:ok"

# The test is not passed: there is nothing of the unit in the board, and after three attempts it is
# put aside. Another test is another job.
for _ in 1 2 3; do
    expect 1 stdout "boot/self-test: 'self-test of EX1: passed' did not come" line $job \
        "sim:esp32c3?app-output=ADC: 3 of 4 good*1" --ledger bad.db --approve "$plan" \
        --boards bad --rounds 1
done
grep -q "last: 'ADC: 3 of 4 good'" stdout || fail "what it said: $(cat stdout)"
three="flash/self-test:ok boot/self-test:failed"
recorded bad.db "claim:new key:recorded $three claim:again $three claim:again $three"
expect 1 stdout 'failed 3 times' line $job "sim:esp32c3?$says*1" --ledger bad.db --boards bad --rounds 1
grep -aq 'self-test of EX1' bad/A1-1.flash || fail "the test is not in the flash"
if grep -aq 'app of EX1' bad/A1-1.flash; then
    fail "a board that is not good has the app"
fi
[ ! -s bad/A1-1.journal ] || fail "fuses were burned: $(head -3 bad/A1-1.journal)"
[ "$(dd if=bad/A1-1.flash bs=4096 skip=9 count=6 2>/dev/null | tr -d '\377' | wc -c)" -eq 0 ] ||
    fail "there is something where the unit's image goes"
sed 's/passed.,/passed now'"'"',/' $job >samples/other.yaml
expect 2 stderr 'differs from the one that ledger' line samples/other.yaml "sim:esp32c3?$says*1"

# Killed at any moment, and started again: nobody passes a test twice, or misses it.
kills=${EM_KILLS:-8}
landed=0
i=0
while [ "$i" -lt "$kills" ]; do
    i=$((i + 1))
    "$program" line $job "sim:esp32c3?$says&timing=real&clock=wall*4" --ledger killed.db \
        --approve "$plan" --boards boards --rounds 3 >stdout 2>stderr &
    pid=$!
    sleep "$(awk -v i="$i" 'BEGIN { print 0.3 + i * 0.37 % 1.5 }')"
    kill -KILL $pid 2>/dev/null && landed=$((landed + 1))
    wait $pid 2>/dev/null || :
    [ ! -s stderr ] || fail "killed $i: $(head -3 stderr)"
done
[ "$landed" -gt $((kills / 2)) ] || fail "only $landed of $kills kills met a running line"
expect 0 stdout '12/12 done' line $job "sim:esp32c3?$says*4" --ledger killed.db --approve "$plan" \
    --boards boards --rounds 3
expect 0 stdout 'all promises hold' ledger check --ledger killed.db
again=0
for unit in $(seq 123 134); do
    got=$(steps killed.db "EX1-EX1-000$unit")
    checks=$((checks + 1))
    case "$got " in
    *boot/self-test:ok*flash/self-test*) fail "$unit: written again after it was passed: $got" ;;
    *boot/self-test:ok*boot/self-test:ok*) fail "$unit: passed twice: $got" ;;
    *" boot/self-test:ok "*"flash:ok "*"burn:ok "*"done:ok "*) ;;
    *) fail "$unit: $got" ;;
    esac
    case $got in
    *claim:again*) again=$((again + 1)) ;;
    esac
done
[ "$again" -gt 0 ] || fail "no board was met by a kill"
app=$(sha256sum <samples/firmware/app.bin)
size=$(wc -c <samples/firmware/app.bin)
for flash in boards/*.flash; do
    [ "$(tail -c +$((0x20001)) "$flash" | head -c "$size" | sha256sum)" = "$app" ] ||
        fail "$flash: another app"
done

echo "$checks checks of a job with a test first, $landed kills, $again boards met, $failed failed"
[ "$failed" -eq 0 ]
