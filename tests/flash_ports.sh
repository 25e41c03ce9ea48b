#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_flash over real transports: a pseudo-terminal, a socket and RFC 2217, each with mfg_sim at
# the other end; a busy port, one that vanishes, and a run that is interrupted.
set -eu

# shellcheck source=tests/flash_util.sh
. "${top_srcdir:?}/tests/flash_util.sh"
: "${MFG_SIM:?}"
sims=
stop_sims() {
    for pid in $sims; do
        kill "$pid" 2>/dev/null || true
    done
    wait
    rm -rf "$work"
}
trap stop_sims EXIT

# wait_for COMMAND…: until it succeeds, ten seconds at most.
wait_for() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || return 1
        sleep 0.05
    done
}

# start_sim NAME OPTIONS…: a simulated chip in the background; $where is its port.
start_sim() {
    name=$1
    shift
    rm -f "$name.where"
    "$MFG_SIM" --chip esp32c3 "$@" >"$name.where" 2>"$name.log" &
    sims="$sims $!"
    sim=$!
    wait_for test -s "$name.where" || fail "mfg_sim $*: $(cat "$name.log")"
    where=$(cut -d' ' -f2 "$name.where")
}

random_file a.bin 20000

for kind in '--link ./c3' '--tcp 0' '--rfc2217 0'; do
    # shellcheck disable=SC2086 # words
    start_sim sim $kind --flash c3.bin --mac 60:55:f9:00:00:01
    expect 0 stdout '60:55:f9:00:00:01' -p "$where" read-mac
    expect 0 stdout 'Hash of data verified.' -p "$where" -b 921600 write-flash 0x10000 a.bin
    contains c3.bin 65536 a.bin
    expect 0 stdout 'Verification successful' -p "$where" verify-flash 0x10000 a.bin
    expect 0 stdout 'Read 20000 bytes' -p "$where" -b 460800 read-flash 0x10000 20000 r.bin
    cmp a.bin r.bin || fail "$kind: read-flash reads something else"
    expect 0 stdout 'Detected flash size: 4MB' -p "$where" flash-id
    expect 0 stdout 'Flags: 0x' -p "$where" get-security-info
    expect 0 stdout 'Erased' -p "$where" erase-region 0x10000 4k
    expect 0 stdout '0x40001000 = 0x' -p "$where" -a no-reset read-mem 0x40001000
    expect 2 stdout 'Verification failed' -p "$where" --before no-reset verify-flash 0x10000 a.bin
    kill "$sim"
    wait "$sim" || true
    rm -f c3.bin
done

# What does not answer is given up soon.
printf '[esptool]\ntimeout = 0.3\n' >esptool.cfg

# Wrong rate: the chip is left at one, and taken for being at another.
start_sim rate --rfc2217 0
expect 0 stdout 'MAC' -p "$where" -b 460800 -a no-reset read-mac
expect 2 stderr 'no answer' -p "$where" -b 9600 --before no-reset-no-sync read-mac
hinted
kill "$sim"

# A chip that never answers keeps its port busy; the run ends with SIGINT, as does a signal
# during it.
start_sim stuck --link ./stuck --fault stuck-after=1 --back-after 0
"$MFG_FLASH" -p ./stuck --connect-attempts 0 --trace=first.log read-mac >first.out 2>first.err &
first=$!
wait_for test -s first.log || fail "the first run does not start"
expect 2 stderr "in use by process $first" -p ./stuck read-mac
hinted
# Jobs of a script ignore SIGINT from the beginning; SIGTERM goes the same way.
kill -TERM "$first"
got=0
wait "$first" || got=$?
[ "$got" -eq 2 ] || fail "a run that is stopped ends with $got: $(cat first.err)"
grep -q 'stopped' first.err || fail "it is not told that it was stopped: $(cat first.err)"
kill "$sim"

# The other end goes away half-way.
start_sim gone --tcp 0 --timing real
"$MFG_FLASH" -p "$where" --trace=gone.log write-flash -u 0 a.bin >gone.out 2>gone.err &
first=$!
wait_for grep -qs ' FLASH_DATA ' gone.log || fail "writing does not begin: $(cat gone.err)"
kill -KILL "$sim"
got=0
wait "$first" || got=$?
[ "$got" -eq 1 ] || fail "a port that vanishes ends with $got: $(cat gone.err)"
grep -q '^mfg_flash: ' gone.err || fail "it is not told that the port vanished"
grep -q '^    hint: ' gone.err || fail "no hint: $(cat gone.err)"

# The power of a board fails, and comes back only when its port is opened anew.
start_sim power --link ./power --back-after 0 --stats
expect 0 stdout 'MAC:' -p "$where" read-mac
kill -USR1 "$sim"
sleep 0.1 # it has 20 ms to fail
expect 0 stdout 'Hash of data verified.' -p "$where" write-flash 0x10000 a.bin
kill -TERM "$sim"
wait "$sim" || fail "mfg_sim ends with $?"
grep -q '"faults": 1,' power.log || fail "the power did not fail: $(cat power.log)"

[ "$failed" -eq 0 ] && echo "flash_ports: $checks checks passed"
[ "$failed" -eq 0 ]
