#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_flash efuse execute-scripts: bad input with its exit status and nothing burned, what reaches
# the result, dry runs and approved ones, and the samples for 20 units on every kind of chip.
set -u

: "${MFG_FLASH:?}" "${MFG_SIM:?}" "${top_srcdir:?}"
samples=$(cd "$top_srcdir/samples/efuse" && pwd)
schema=$(cd "$top_srcdir/docs/schema" && pwd)/mfg_flash.schema.json
checker=$(cd "${top_builddir:?}" && pwd)/json_schema
# shellcheck source=tests/efuse_util.sh
. "$top_srcdir/tests/efuse_util.sh"
sim=
trap '[ -z "$sim" ] || kill "$sim"; rm -rf "$work"' EXIT
exec </dev/null

virt='--chip esp32c3 --virt --path-efuse-file e.bin --do-not-confirm'

# script TEXT: into s.lua
script() {
    printf '%s\n' "$1" >s.lua
}

# refused FIRST LINE OF THE MESSAGE, ARGUMENTS…: status 2, and the eFuses as they were.
refused() {
    text=$1
    shift
    cp e.bin before.bin
    # shellcheck disable=SC2086 # words
    run 2 $virt execute-scripts "$@"
    [ "$(grep -v ': warning: ' stderr | sed -n 1p)" = "$text" ] || fail "not '$text': $(cat stderr)"
    cmp -s e.bin before.bin || fail "$*: the eFuses have changed"
}

# ---- Bad input ----

# shellcheck disable=SC2086 # words
run 0 $virt summary
printf '[{"mac": "02:00:00:00:00:01"}]' >one.json
printf '[{"mac": "02:00:00:00:00:01",\n  }]' >bad.json
refused "none.lua: cannot open 'none.lua': No such file or directory" none.lua
script 'efuse("burn-bit BLOCK3 1")
fail("not this one")'
refused 's.lua:2: not this one' s.lua
script 'efuse("burn-bit BLOCK3 1")
error({})'
refused 's.lua:2: error() was called without a text' s.lua
script 'efuse("burn-bit BLOCK3 1")
local x = = 1'
refused "s.lua:2: unexpected symbol near '='" s.lua
script 'efuse("burn-bit BLOCK3 1")
while true do end'
refused 's.lua:2: the script takes too many instructions' s.lua
script 'efuse("burn-bit BLOCK3 1")
local mac = args.configfiles[1][args.index].mac'
refused "s.lua:2: attempt to index a nil value (field '?')" s.lua --index 2 --configfiles one.json
says stderr 'index 2'
refused "bad.json:2:3: not JSON: string or '}' expected" s.lua --index 1 --configfiles bad.json
refused "missing.json: cannot open 'missing.json': No such file or directory" s.lua --index 1 \
    --configfiles missing.json
refused "mfg_flash: execute-scripts: --index 'x' is not a number" s.lua --index x
script 'efuse("burn-bit BLOCK3 1")
efuse("burn-bit BLOCK3 999")'
refused 's.lua:2: burn-bit: BLOCK_USR_DATA has 256 bits, there is no bit 999' s.lua
script 'efuse("burn-bit BLOCK3 1") pcall(efuse, "burn-nothing 1")
efuse("burn-bit BLOCK3 2")'
refused 's.lua:1: there is no command burn-nothing' s.lua
script 'efuse("burn-efuse NONE 1")'
refused "s.lua:1: burn-efuse: ESP32-C3 has no eFuse field 'NONE'" s.lua
script 'efuse("dump --file-name out.bin")'
refused "s.lua:1: a script cannot write the file 'out.bin'" s.lua
[ ! -e out.bin ] || fail 'a script has written a file'
script 'efuse("execute-scripts s.lua")'
refused 's.lua:1: a script cannot run execute-scripts' s.lua
script 'efuse("check-error --recovery")'
refused 's.lua:1: a script cannot use --recovery' s.lua
script 'efuse("summary --help")'
refused 's.lua:1: a script cannot ask for help' s.lua
script 'efuse("summary --nonsense")'
refused "s.lua:1: summary: there is no option --nonsense" s.lua
# One of several: nothing of the others.
printf 'efuse("burn-bit BLOCK3 1")\n' >good.lua
script 'fail("second")'
refused 's.lua:1: second' good.lua s.lua
cp good.lua s.py
printf 'import x\n' >s.py
refused "s.py:1: syntax error near 'x'" s.py
says stderr 'efuse-scripts.md'

# ---- What it does ----

# What one burns twice is burned once; a second run finds it done.
script 'efuse("burn-bit BLOCK3 3") efuse("burn-bit BLOCK3 3") efuses:burn_all()
efuse("burn-bit BLOCK3 3") efuses:burn_all()
print(efuses.BLOCK_USR_DATA:get():sub(1, 2), "done")'
# shellcheck disable=SC2086 # words
run 0 $virt execute-scripts s.lua
says stdout "08	done"
cp e.bin before.bin
# shellcheck disable=SC2086 # words
run 0 $virt execute-scripts s.lua
cmp -s e.bin before.bin || fail 'a second run has burned'
# A fault after burn_all() keeps what was burned, and burns nothing of the rest.
script 'efuse("burn-efuse DIS_FORCE_DOWNLOAD 1") efuses:burn_all()
efuse("burn-efuse DIS_DIRECT_BOOT 1") fail("later")'
# shellcheck disable=SC2086 # words
run 2 $virt execute-scripts s.lua
says stderr 'burned before stays burned'
script 'print(efuses.DIS_FORCE_DOWNLOAD:get(), efuses.DIS_DIRECT_BOOT:get())'
# shellcheck disable=SC2086 # words
run 0 $virt execute-scripts s.lua
says stdout 'true	false'
# Text goes to the output, and into the result.
script 'print("a text") efuse("get-custom-mac") efuse("summary MAC")'
# shellcheck disable=SC2086 # words
run 0 $virt execute-scripts s.lua
says stdout 'a text'
says stdout 'No custom MAC'
says stdout 'MAC address from the factory'
checks=$((checks + 1))
# shellcheck disable=SC2086 # words
"$MFG_FLASH" --json efuse $virt execute-scripts s.lua >stdout 2>stderr || fail '--json'
says stdout '"text": "a text"'
says stdout '"custom_mac": null'
says stdout '"command": "summary"'
"$checker" "$schema" stdout || fail 'the result does not fit its schema'

# A dry run ends at burn_all(), and burns nothing; its hash lets just this be burned.
script 'efuse("burn-efuse DIS_DIRECT_BOOT 1") efuses:burn_all() print("behind")'
cp e.bin before.bin
run 0 --chip esp32c3 --virt --path-efuse-file e.bin --dry-run execute-scripts s.lua
says stdout 'To be burned'
says stderr 'burn_all()'
grep -q behind stdout && fail 'a dry run has gone on'
cmp -s e.bin before.bin || fail 'a dry run has burned'
hash=$(sed -n 's/.*--approve //p' stdout)
run 2 --chip esp32c3 --virt --path-efuse-file e.bin --approve "$(printf '%064d' 0)" \
    execute-scripts s.lua
cmp -s e.bin before.bin || fail 'another hash has burned'
run 0 --chip esp32c3 --virt --path-efuse-file e.bin --approve "$hash" execute-scripts s.lua
says stdout behind

# ---- The samples, 20 units each ----

mkdir keys
for index in $(seq 1 20); do
    for kind in hmac flash; do
        head -c 32 /dev/urandom >"$(printf 'keys/%s_%04d.bin' $kind "$index")"
    done
done
chmod 600 keys/*

hmac_chips='esp32s2 esp32s3 esp32c3 esp32c5 esp32c6 esp32h2 esp32p4'
all_chips="$hmac_chips esp32 esp32c2 esp32c61"
chips_of() {
    case $1 in
    key_and_fields | lock_hmac_nvs) echo "$hmac_chips" ;;
    mac_and_id) echo "$hmac_chips esp32 esp32c61" ;;
    *) echo "$all_chips" ;;
    esac
}

for name in key_and_fields mac_and_id mac_from_base unit lock_hmac_nvs lock_flash_encryption; do
    for chip in $(chips_of "$name"); do
        for index in $(seq 1 20); do
            # All units of one chip, and three of the others.
            [ "$chip" = esp32c3 ] || [ "$chip" = esp32 ] || [ $((index % 9)) -eq 1 ] || continue
            run 0 -p "sim:$chip" --do-not-confirm execute-scripts "$samples/$name.lua" \
                --index "$index" --configfiles "$samples/macs.json" "$samples/ids.json"
        done
    done
done
run 2 -p sim:esp32c61 --do-not-confirm execute-scripts "$samples/lock_hmac_nvs.lua" --index 1
says stderr 'no HMAC peripheral'
run 2 -p sim:esp32c3 --do-not-confirm execute-scripts "$samples/mac_and_id.lua" --index 21 \
    --configfiles "$samples/macs.json" "$samples/ids.json"
says stderr 'index 21'
run 2 -p sim:esp32c3 --do-not-confirm execute-scripts "$samples/mac_from_base.lua"
says stderr 'mac_from_base.lua:8: --index has to be'

# Over the wire of mfg_sim: a lock-down is planned, approved and burned.
"$MFG_SIM" --chip esp32c3 --link "$work/port" --timing none --efuse sim.efuses >sim.log 2>&1 &
sim=$!
tries=0
while [ ! -e "$work/port" ] && [ $tries -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
run 0 -p "$work/port" --dry-run execute-scripts "$samples/lock_hmac_nvs.lua" --index 7
hash=$(sed -n 's/.*--approve //p' stdout)
run 0 -p "$work/port" --approve "$hash" execute-scripts "$samples/lock_hmac_nvs.lua" --index 7
says stdout 'can no longer be read'

echo "efuse_scripts: $checks runs, $failed failures"
[ "$failed" -eq 0 ]
