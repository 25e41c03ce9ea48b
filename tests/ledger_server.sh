#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A ledger on a server by the command line: made, worked with, copied, proved; and everything that
# may be wrong with a server: one message, a hint, the right status, nothing lost, no password shown.
set -eu

: "${MFG_FLASH:?}" "${top_srcdir:?}"
tests=$(cd "$top_srcdir/tests" && pwd)
samples=$(cd "$top_srcdir/samples" && pwd)
# shellcheck source=tests/cli_util.sh
. "$tests/cli_util.sh"
# shellcheck source=tests/pg_util.sh
. "$tests/pg_util.sh"
program=$MFG_FLASH
trap 'pg_stop; rm -rf "$work"' EXIT
pg_start
at=127.0.0.1:$pg_port
cp -R "$samples" samples
chmod -R u+w samples
job=samples/job.yaml
ledger="$pg_url?schema=EX1&wait=1&answer=1"

# one_fault TEXT ARGUMENTS…: status 2, one message with TEXT and a hint, and no password.
one_fault() {
    text=$1
    shift
    expect 2 stderr "$text" "$@"
    [ "$(grep -c '^mfg_flash: ' stderr)" -eq 1 ] || fail "$*: not one message: $(cat stderr)"
    grep -q 'hint: ' stderr || fail "$*: no hint: $(cat stderr)"
    no_password "$*"
    expect 2 stdout '"error"' "$@" --json
    no_password "$* --json"
}

no_password() {
    if grep -lq hidden stdout stderr; then fail "$1: shows the password"; fi
}

# ---- Not there, not let in ----

one_fault 'Connection refused' ledger status --ledger 'postgresql://u:hidden@127.0.0.1:1/x'
one_fault 'does not exist' ledger status --ledger "postgresql://espmfg:hidden@$at/nowhere"
pg_psql -c "CREATE ROLE locked LOGIN PASSWORD 'right'"
one_fault 'password authentication failed' ledger status --ledger "postgresql://locked:hidden@$at/postgres"
one_fault 'password' ledger status --ledger "postgresql://locked@$at/postgres"
one_fault 'permission denied' ledger init $job --ledger "postgresql://locked:right@$at/postgres?schema=EX1"
one_fault 'there is no ledger' ledger status --ledger "$ledger"
one_fault '%40' ledger status --ledger "postgresql://u:hid/hidden@$at/postgres"
one_fault 'not a URL' ledger status --ledger "postgresql://u:hidden@$at/postgres?colour=red"
one_fault 'files and PostgreSQL only' ledger status --ledger 'mysql://u:hidden@h/x'
expect 2 stderr 'one argument too many' ledger status 'postgresql://u:hidden@h/x'
no_password 'an argument too many'
expect 2 stderr 'choose free' ledger list --state 'postgresql://u:hidden@h/x'
no_password 'a wrong state'
expect 2 stderr '***@h/x' ledger init 'postgresql://u:hidden@h/x'
no_password 'a URL as a job'
expect 0 stdout '***@h/x' line $job --ledger 'postgresql://u:hidden@h/x' --check
no_password 'line --check'

# ---- A line whose server is stopped while it is at work ----

plan=$("$MFG_FLASH" line $job --check | sed -n 's/^Plan of the eFuses: //p')
cat >stop_server <<END
#!/bin/sh
work='$work' pg_home='$pg_home' pg_bin='$pg_bin' pg_port=$pg_port pg_user='$pg_user'
. '$tests/pg_util.sh'
pg_stop
END
chmod +x stop_server
for event in claimed flashed burned; do
    printf '%s\n' 'name: bench' 'hooks:' \
        "  - {on: $event, run: [./stop_server], within: 30s}" >station-$event.yaml
done
printf 'name: bench\n' >station.yaml

# line STATION SEED STATUS: one unit, at the board of that seed.
line() {
    station=$1 seed=$2 wanted=$3 got=0
    checks=$((checks + 1))
    "$MFG_FLASH" line $job "sim:esp32c3?seed=$seed*1" --station "$station" --boards "boards$seed" \
        --rounds 1 --ledger "postgresql://espmfg:hidden@$at/postgres?schema=EX1&wait=1&answer=1" \
        --approve "$plan" >stdout 2>stderr || got=$?
    [ "$got" -eq "$wanted" ] || fail "line $1: status $got, wanted $wanted: $(cat stdout stderr)"
    no_password "line $1"
}

done_are() {
    expect 0 stdout "  done             $1" ledger status --ledger "$ledger"
}

line station.yaml 1 0
done_are 1
seed=1
for event in claimed flashed burned; do
    seed=$((seed + 1))
    line "station-$event.yaml" "$seed" 2
    grep -q 'hint: ' stderr || fail "$event: no hint: $(cat stderr)"
    # It burns nothing while the intent cannot be recorded; what is burned then is kept.
    journal=samples/EX1-2026-11-bench.journal
    case $event in
    burned)
        grep -q "1 outcome is kept in 'samples'" stderr || fail "$event: not told: $(cat stderr)"
        [ -s "$journal" ] || fail "$event: nothing was kept"
        if grep -q hidden "$journal"; then fail "$event: a password is kept"; fi
        ;;
    *)
        [ ! -s "boards$seed/A1-1.journal" ] || fail "$event: burned without an intent on record"
        ;;
    esac
    # Down at the start.
    line station.yaml "$seed" 2
    grep -q 'is the server running' stderr || fail "$event: no hint: $(cat stderr)"
    pg_up
    line station.yaml "$seed" 0
    [ ! -s "$journal" ] || fail "$event: $journal is not empty"
    done_are "$seed"
done
expect 0 stdout '[kept 20' ledger export --ledger "$ledger"
expect 0 stdout 'all promises hold' ledger check --ledger "$ledger"
if grep -rl hidden samples boards*; then fail "a file has the password"; fi

# ---- Copies ----

pg_psql -c 'DROP ROLE locked'
expect 0 stdout '12 units' ledger copy "$ledger" copy.db
expect 2 stderr 'is there already' ledger copy "$ledger" copy.db
expect 0 stdout 'all promises hold' ledger check --ledger copy.db
expect 0 stdout '12 units' ledger copy copy.db "$pg_url?schema=back"
expect 0 stdout 'all promises hold' ledger check --ledger "$pg_url?schema=back"
"$MFG_FLASH" ledger export --ledger "$ledger" >events.server
"$MFG_FLASH" ledger export --ledger "$pg_url?schema=back" >events.back
cmp events.server events.back || fail "the copy has other events"

# ---- Another schema ----

pg_psql -c 'UPDATE back.espmfg SET schema = 7'
one_fault 'has schema 7 and was made by espmfg' ledger status --ledger "$pg_url?schema=back"
pg_psql -c 'DELETE FROM back.espmfg'
one_fault 'is no ledger' ledger status --ledger "$pg_url?schema=back"

echo "ledger_server: $checks checks, $failed failed"
[ "$failed" -eq 0 ]
