#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_flash ledger: its commands, what they tell, what they refuse, and their JSON against
# the schema.
set -eu

: "${MFG_FLASH:?}" "${top_srcdir:?}" "${top_builddir:?}"
build=$(cd "$top_builddir" && pwd)
samples=$(cd "$top_srcdir/samples" && pwd)
schema=$(cd "$top_srcdir/docs/schema" && pwd)/mfg_flash.schema.json
# shellcheck source=tests/cli_util.sh
. "$(cd "$top_srcdir/tests" && pwd)/cli_util.sh"
program=$MFG_FLASH
command_words=ledger

# fits STATUS ARGUMENTS…: its object fits the schema.
fits() {
    wanted=$1
    shift
    expect "$wanted" stderr '' "$@" --json
    mv stdout out.json
    "$build/json_schema" "$schema" out.json || fail "mfg_flash ledger $*: see above"
}

expect 2 stderr 'name a command'
expect 2 stderr 'are needed' init --name EX1
expect 2 stderr 'from 1 to' init --name EX1 --chip esp32c3 --units 0
expect 2 stderr 'leave the options out' init job.yaml --units 3
cp -R "$samples" samples
chmod -R u+w samples
expect 0 stdout "batch 'EX1-2026-11': 12 units, esp32c3" init samples/job.yaml
expect 0 stdout 'EX1-EX1-000134' list --ledger samples/batch.db
expect 2 stderr 'is there already' init samples/job.yaml
expect 2 stderr 'no-job.yaml' init no-job.yaml
expect 2 stderr "cannot open ledger 'batch.db'" status
expect 0 stdout '4 units' init --name EX1 --chip esp32c3 --units 4
expect 2 stderr 'is there already' init --name EX1 --chip esp32c3 --units 4
expect 0 stdout '0.0 % done' status
expect 0 stdout 'EX1-4' list
expect 2 stderr 'no board has it' release 1 --reason x
"$build/ledger_fill" batch.db || fail "ledger_fill"

expect 0 stdout '25.0 % done' status
expect 0 stdout '1 stopped' status
expect 0 stdout 'stopped: no "answer", at all' list --stopped
expect 0 stdout '7c:df:a1:00:00:03' list --state burning
expect 0 stdout 'no such unit' list --state burned
expect 2 stderr 'choose free' list --state burnt
expect 0 stdout 'its files were destroyed' show EX1-1
expect 0 stdout 'Unit 1 (EX1-1): done' show 7C-DF-A1-00-00-01
expect 2 stderr 'is no unit and no board' show EX2-1
expect 0 stdout 'all promises hold' check

# ---- Decisions ----

expect 2 stderr '--reason is needed' retry 2
expect 2 stderr 'no reason was given' retry 2 --reason ' '
expect 2 stderr 'was not stopped' retry 1 --reason x
expect 0 stdout 'will be tried again' retry 2 --reason 'new cable'
expect 2 stderr 'may be' release EX1-3 --reason x
expect 2 stderr 'it is done' release 1 --reason x
expect 0 stdout 'parted' release 2 --reason 'other batch'
expect 0 stdout 'given up' scrap 7cdfa1000003 --reason 'burned "wrong"'
expect 0 stdout 'scrapped' show 7cdfa1000003
expect 0 stdout '1 boards scrapped' status
expect 0 stdout 'all promises hold' check

# ---- Export ----

expect 0 stdout 'number,time,station,slot,port,mac,unit,name,claim,state,step' export
lines=$(wc -l <stdout)
expect 0 stdout '"flash","outcome":"failed","failed":true,"detail":"no \"answer\", at all"' \
    export --format jsonl
[ "$(wc -l <stdout)" -eq $((lines - 1)) ] || fail "JSON lines and CSV differ in number"
expect 0 stdout '"no ""answer"", at all"' export --events
expect 0 stdout '1,EX1-1,done,7c:df:a1:00:00:01,1,1,0,0,,' export --units
expect 0 stdout "events written to 'e.csv'" export --output e.csv
[ "$(wc -l <e.csv)" -eq "$lines" ] || fail "export --output: wrong number of lines"
expect 2 stderr 'contradict' export --units --events
expect 2 stderr 'choose csv or jsonl' export --format xml
expect 2 stderr '--output is needed' export --json

# ---- Report ----

expect 0 stdout '<!DOCTYPE html>' report
expect 0 stdout 'no &quot;answer&quot;, at all' report --title 'Late <shift>'
expect 0 stdout '<h1>Late &lt;shift&gt;</h1>' report --title 'Late <shift>'
expect 0 stdout 'nothing happened' report --since 2099-01-01
expect 0 stdout '</html>' report --since 90m
expect 2 stderr 'a time in UTC' report --since yesterday
expect 2 stderr 'a time in UTC' report --since 2026-02-30
expect 0 stdout "events written to 'r.html'" report --output r.html
expect 2 stderr 'nowhere' report --output nowhere/r.html
expect 2 stderr '--output is needed' report --json
expect 2 stderr "cannot open ledger 'nowhere.db'" report --ledger nowhere.db --output n.html
[ ! -e n.html ] || fail "a report of no ledger"

# ---- JSON ----

fits 0 init --ledger 2.db --name 2 --chip esp32 --units 1
fits 2 init --ledger 2.db --name 2 --chip esp32 --units 1
fits 0 status
fits 0 status --ledger 2.db
fits 0 show 1
fits 0 show 4
fits 2 show nobody
fits 0 list
fits 2 list --ledger nowhere.db
fits 2 retry 1 --reason x
fits 0 scrap 1 --reason x
fits 0 export --output e.csv
fits 0 report --output r.html
fits 0 check

# ---- Damage ----

printf 'id,serial\n' >3.db
expect 2 stderr 'is no ledger' check --ledger 3.db
cp batch.db 4.db
# The kind of a page in the middle.
page=$(($(wc -c <4.db) / 8192))
printf '\000' | dd of=4.db bs=1 seek=$((page * 4096)) conv=notrunc 2>/dev/null
expect 1 stderr 'malformed' check --ledger 4.db
fits 1 check --ledger 4.db
expect 0 stderr 'does not keep its promises' report --ledger 4.db --output 4.html
grep -q malformed 4.html || fail "the report does not tell that the ledger is damaged"

[ "$failed" -eq 0 ] && echo "ledger: $checks checks, all as they should be"
[ "$failed" -eq 0 ]
