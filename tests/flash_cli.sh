#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_flash against simulated chips in the program itself: forms of the command line, every
# command, every chip.
set -eu

# shellcheck source=tests/flash_util.sh
. "${top_srcdir:?}/tests/flash_util.sh"

random_file a.bin 20000
random_file b.bin 5000 2
port='sim:esp32c3?flash=c3.bin&mac=60:55:f9:00:00:01'

# ---- Forms ----

# No command at all is a question; help and version go to stdout.
expect 0 stdout 'usage: mfg_flash'
for words in '--help' '-h' 'help' 'write-flash --help' 'write_flash -h' 'help read-mac' \
    '-p nowhere read-mac --help' '-p nowhere --help'; do
    # shellcheck disable=SC2086 # words
    expect 0 stdout 'usage: mfg_flash' $words
    # shellcheck disable=SC2086 # words
    expect 0 stderr '' $words
done
expect 0 stdout 'mfg_flash (espmfg) ' --version
expect 0 stdout 'mfg_flash (espmfg) ' version
expect 2 stderr 'name a command' -p "$port"
expect 2 stderr "there is no command 'write'" write
expect 2 stderr "there is no command 'read-ma'" -p "$port" read-ma

# Options of the program before the command and behind it, in all forms.
expect 0 stdout 'MAC:                60:55:f9:00:00:01' -p "$port" read-mac
expect 0 stdout '60:55:f9:00:00:01' --port "$port" --baud 460800 read-mac
expect 0 stdout '60:55:f9:00:00:01' --port="$port" -b460800 -c esp32c3 read-mac
expect 0 stdout '60:55:f9:00:00:01' -c ESP32-C3 read-mac -p "$port"
expect 0 stdout '60:55:f9:00:00:01' -c auto read-mac --port "$port" --connect-att 3
expect 0 stdout '60:55:f9:00:00:01' --no-stub --port "$port" --connect-attempts -1 read-mac
expect 0 stdout '' -s -p "$port" read-mac
expect 0 stdout '' -p "$port" read-mac --quiet
expect 0 stderr '' -p "$port" read-mac
expect 2 stderr 'there is no option -z' -z read-mac
expect 2 stderr '--port needs a value' --port
expect 2 stderr '-b 0: a rate' -b 0 read-mac
expect 2 stderr 'choose default-reset' --before sideways read-mac
expect 2 stderr 'choose hard-reset' -a sideways read-mac
expect 2 stderr 'write it as vid=' --port-filter usb read-mac
expect 2 stderr '--stub and --no-stub' -p "$port" --stub x --no-stub read-mac
expect 2 stderr 'voltage' -p "$port" --override-vddsdio 1.8V read-mac
expect 2 stderr "'more' is one argument too many" -p "$port" read-mac more

# Letters in pairs, in a row, and those that mean something else behind a command.
expect 0 stdout 'Hash of data verified.' -p "$port" write-flash -es -fs 4MB -fm dio -ff 40m 0x0 a.bin
contains c3.bin 0 a.bin
expect 0 stdout "'a.bin' is in the flash already" -p "$port" write-flash -sp 0 a.bin
expect 2 stderr '-fs 5MB: choose' -p "$port" write-flash -fs 5MB 0 a.bin
expect 2 stderr '-fm fast: choose' -p "$port" write-flash -fm fast 0 a.bin
expect 2 stderr '-ff 1m: choose' -p "$port" write-flash -ff=1m 0 a.bin
expect 2 stderr '-u: --compress and --no-compress' -p "$port" write-flash -z -u 0 a.bin

# Old spellings do, and are told once.
for words in 'read_mac' '--before default_reset read-mac' '-a no_reset read-mac' \
    '--connect_attempts 3 read-mac' 'read_mac -a hard_reset'; do
    # shellcheck disable=SC2086 # words
    expect 0 stderr 'old spelling' -p "$port" $words
    [ "$(grep -c 'old spelling' stderr)" -eq 1 ] || fail "told more than once: $(cat stderr)"
done
expect 0 stderr "'write_flash' is the old spelling" -p "$port" write_flash --flash_size keep 0 a.bin
expect 0 stderr "'--flash_size' is the old spelling" -p "$port" write-flash --flash_size keep 0 a.bin
expect 0 stderr '' -q -p "$port" read_mac

# Words from files, quoted as in a shell.
printf '%s\n' "--port '$port'" '  --baud	460800 read-mac' >words
expect 0 stdout '60:55:f9:00:00:01' @words
printf 'write-flash 0x3000 "a file.bin" 0x9000 an\\ other' >words
cp b.bin 'a file.bin'
cp b.bin 'an other'
expect 0 stdout 'at 0x00009000' -p "$port" @words
printf '"\\"a\\\\b\\"" %s' "'c\"d'" >words
expect 2 stderr "there is no command '\"a\\b\"'" @words
printf 'read-mac "' >words
expect 2 stderr 'a quote is opened' @words
hinted
expect 2 stderr 'nowhere' @nowhere

# Numbers.
for address in 0x4000 16384 16k 0o40000 0b100000000000000; do
    expect 0 stdout 'at 0x00004000' -p "$port" write-flash $address b.bin
done
for address in 0x 12q -1 4096x ''; do
    expect 2 stderr "'$address' is not an address" -p "$port" write-flash -- "$address" b.bin
done

# ---- Environment and settings file: the command line counts first ----

ESPTOOL_PORT=$port ESPTOOL_CHIP=esp32c3 ESPTOOL_BAUD=230400 ESPTOOL_AFTER=no_reset \
    expect 0 stdout 'Staying in the loader' read-mac
ESPTOOL_PORT=nowhere expect 0 stdout '60:55:f9:00:00:01' -p "$port" read-mac
ESPTOOL_CHIP=esp32 expect 2 stderr 'ESP32-C3, not ESP32' -p "$port" read-mac
ESPTOOL_CHIP=esp32 expect 0 stdout '60:55' -c esp32c3 -p "$port" read-mac
ESPTOOL_BAUD=fast expect 2 stderr "ESPTOOL_BAUD = 'fast'" -p "$port" read-mac
ESPTOOL_FM=fast expect 2 stderr "ESPTOOL_FM = 'fast'" -p "$port" read-mac
ESPTOOL_CONNECT_ATTEMPTS=x expect 2 stderr 'ESPTOOL_CONNECT_ATTEMPTS' -p "$port" read-mac
printf '[other]\ntimeout = x\n[esptool]\n# note\ntimeout = 2.5\nfoo=1\nbar: 2\n[more]\ntimeout=y\n' >setup.cfg
expect 0 stderr "setup.cfg: there is no setting 'foo', 'bar'" -p "$port" read-mac
printf '[esptool]\ntimeout = soon\n' >esptool.cfg
expect 2 stderr "esptool.cfg:2: 'timeout' = 'soon'" -p "$port" read-mac
hinted
printf '[esptool]\nwrite_block_attempts = 0\n' >esptool.cfg
expect 2 stderr 'write_block_attempts' -p "$port" read-mac
printf '[esptool]\ncustom_reset_sequence = Q7\n' >esptool.cfg
expect 2 stderr 'Q7' -p "$port" read-mac
printf '[esptool]\nconnect_attempts = 3\nnothing\n' >own.cfg
ESPTOOL_CFGFILE=own.cfg expect 2 stderr "own.cfg:3: 'nothing' is not a setting" -p "$port" read-mac
ESPTOOL_CFGFILE=none.cfg expect 2 stderr 'none.cfg' -p "$port" read-mac
rm -f esptool.cfg setup.cfg own.cfg
mkdir -p .config/esptool
printf '[esptool]\nfoo = 1\n' >.config/esptool/tox.ini
mkdir here
cd here
expect 0 stderr "/.config/esptool/tox.ini: there is no setting 'foo'" -p "sim:esp32c3" read-mac
cd ..
rm -rf .config here

# ---- Commands ----

expect 0 stdout 'Detecting chip type... ESP32-C3' -p "$port" read-mac
for line in 'Serial port sim:' 'Connecting...' 'Connected to ESP32-C3 on sim:' \
    'Chip type:          ESP32-C3 (QFN32) (revision v0.4)' 'Features:           Wi-Fi' \
    'Crystal frequency:  40MHz' 'MAC:                60:55:f9:00:00:01'; do
    grep -qF -- "$line" stdout || fail "read-mac: no '$line': $(cat stdout)"
done
expect 0 stdout 'Erased in' -p "$port" erase-flash
expect 0 stdout 'Flash will be erased from 0x00010000 to 0x00014fff' -p "$port" write-flash 0x10000 a.bin
grep -q '^Wrote 20000 bytes.* at 0x00010000 in .* seconds (.* kbit/s)\.$' stdout ||
    fail "write-flash: $(cat stdout)"
grep -qx 'Hash of data verified.' stdout || fail "write-flash: $(cat stdout)"
contains c3.bin 65536 a.bin
head -c 40000 /dev/zero >zero.bin
expect 0 stdout ' compressed) at 0x00020000' -p "$port" write-flash 0x20000 zero.bin
expect 0 stdout 'Wrote 40000 bytes at 0x00020000' -p "$port" write-flash -u 0x20000 zero.bin
expect 0 stdout 'Verification successful (digest matched).' -p "$port" verify-flash 0x10000 a.bin
expect 0 stdout "Read 20000 bytes from 0x00010000" -p "$port" read-flash 0x10000 20000 r.bin
cmp a.bin r.bin || fail "read-flash reads something else"
expect 0 stdout "to 'r.bin'." -p "$port" read-flash -p 0x10000 4k r.bin
head -c 4096 a.bin | cmp - r.bin || fail "read-flash does not replace"
expect 0 stdout 'Read 4096 bytes' -p "$port" read-flash 0x3ff000 all r.bin
expect 0 stdout 'Erased in' -p "$port" erase-region 0x10000 4k
expect 2 stdout 'Verification failed (digest mismatch).' -p "$port" verify-flash 0x10000 a.bin
expect 2 stderr "the flash holds something else than 'a.bin'" -p "$port" verify-flash 0x10000 a.bin
hinted
printf 'abc' >abc
printf 'aXc' >axc
expect 0 stdout 'Hash of data verified.' -p "$port" write-flash 0x30000 abc
expect 2 stdout '1 differences, first at 0x00030001:' -p "$port" verify-flash --diff 0x30000 axc
grep -qx '   00030001 62 58' stdout || fail "verify-flash --diff: $(cat stdout)"
: >empty
expect 0 stderr 'empty' -p "$port" write-flash 0x30000 empty
expect 0 stdout 'Detected flash size: 4MB' -p "$port" flash-id
grep -qx 'Manufacturer: ef' stdout || fail "flash-id: $(cat stdout)"
grep -qx 'Device: 4016' stdout || fail "flash-id: $(cat stdout)"
expect 0 stdout 'Flash memory status: 0x0000' -p "$port" read-flash-status
expect 0 stdout 'Flash memory status: 0x00' -p "$port" read-flash-status --bytes 1
expect 0 stdout 'Flash memory status: 0x000000' -p "$port" read-flash-status --bytes 3
expect 2 stderr '1, 2 or 3' -p "$port" read-flash-status --bytes 4
expect 0 stdout 'Flash memory status after: 0x0200' -p "$port" write-flash-status 0x200 --non-volatile
expect 2 stderr 'not a number of 1 bytes' -p "$port" write-flash-status 0x200 --bytes 1
expect 0 stdout 'SFDP[0..3]: 0x53 0x46 0x44 0x50' -p "$port" read-flash-sfdp 0 4
expect 2 stderr 'is not 1 to 4' -p "$port" read-flash-sfdp 0 5
expect 0 stdout '0x40001000 = 0x' -p "$port" read-mem 0x40001000
expect 2 stderr 'not a number of 32 bits' -p "$port" read-mem 0x100000000
expect 0 stdout 'Wrote 0x00000001 with mask 0x0000000f to 0x3fc80000' \
    -p "$port" write-mem 0x3fc80000 1 0xf
expect 0 stdout "Read 64 bytes of memory from 0x3fc80000 to 'm.bin'." -p "$port" dump-mem 0x3fc80000 67 m.bin
[ "$(stat -c %s m.bin)" -eq 64 ] || fail "size of a memory dump"
expect 0 stdout 'MAC:' -p "$port" chip-id
expect 0 stderr 'ESP32-C3 has no chip id' -p "$port" chip-id
expect 0 stdout 'Chip ID: 0x00' -p sim:esp8266 chip-id
expect 0 stdout 'Flags: 0x00000000' -p "$port" get-security-info
image_file ram.bin 005
expect 0 stdout "'ram.bin' is loaded and runs." -p "$port" load-ram ram.bin
grep -q 'reset' stdout && fail "load-ram resets: $(cat stdout)"
expect 0 stdout 'The program in flash runs.' -p "$port" run
expect 0 stdout 'Resetting the chip by its reset line' -p "$port" reset
expect 0 stdout 'Resetting the chip by its watchdog' -p "$port" reset -a watchdog-reset
expect 0 stdout '' --quiet ports

# --diff-with sends only what differs.
expect 0 stdout 'Hash of data verified.' -p "$port" write-flash 0x10000 a.bin
cp a.bin changed.bin
printf 'x' | dd of=changed.bin bs=1 seek=9000 conv=notrunc 2>/dev/null
expect 0 stdout 'Hash of data verified.' -p "$port" write-flash 0x10000 changed.bin --diff-with a.bin
contains c3.bin 65536 changed.bin
expect 0 stdout 'Hash of data verified.' -p "$port" write-flash 0x10000 a.bin 0x20000 b.bin \
    --diff-with changed.bin skip
expect 2 stderr '--diff-with names 2 files for 1' -p "$port" write-flash 0x10000 a.bin --diff-with b.bin b.bin
expect 2 stderr '--no-diff-verify needs --diff-with' -p "$port" write-flash 0x10000 a.bin --no-diff-verify

# Names of partitions, and their sizes.
cat >parts.csv <<'END'
# Name, Type, SubType, Offset, Size
nvs,     data, nvs,     0x9000,  0x6000
factory, app,  factory, 0x10000, 1M
END
printf "%s\n" "-p '$port' --partition-table parts.csv" >parts
expect 0 stdout 'at 0x00009000' @parts write-flash nvs a.bin
contains c3.bin 36864 a.bin
expect 0 stdout 'Read 24576 bytes from 0x00009000' @parts read-flash nvs all n.bin
expect 0 stdout 'Verification successful' @parts verify-flash nvs a.bin
expect 0 stdout 'Erased' @parts erase-region nvs all
expect 2 stderr "partition 'nvs' has 24576 bytes, not 28672" @parts erase-region nvs 28k
expect 2 stderr "'ota_0' is no address" @parts write-flash ota_0 a.bin
grep -q 'hint: nvs, factory' stderr || fail "names are not told: $(cat stderr)"
expect 2 stderr "'nvs' is not an address" -p "$port" write-flash nvs a.bin
hinted
random_file big.bin 24577
expect 2 stderr 'big.bin' @parts write-flash nvs big.bin
expect 2 stderr 'big.bin' @parts write-flash 0x9000 big.bin
# A name may begin with a digit; what is a number stays one.
printf '1st,data,nvs,0x20000,0x1000\n0x10,data,nvs,0x30000,0x1000\n' >digits.csv
expect 0 stdout 'Read 4096 bytes from 0x00020000' -p "$port" --partition-table digits.csv read-flash 1st all r.bin
expect 2 stderr "partition '1st' has 4096 bytes, not 8192" \
    -p "$port" --partition-table digits.csv erase-region 1st 8k
expect 0 stdout 'Read 4096 bytes from 0x00000010' -p "$port" --partition-table digits.csv read-flash 0x10 4k r.bin
expect 2 stderr 'nowhere.csv' -p "$port" --partition-table nowhere.csv write-flash 0 a.bin

# Intel HEX: its own addresses.
printf ':020000040001F9\n:0400000041424344F2\n:00000001FF\n' >h.hex
printf 'ABCD' >abcd
expect 0 stdout 'at 0x00010000' -p "$port" write-flash 0x5000 h.hex
contains c3.bin 65536 abcd
expect 0 stdout 'Verification successful' -p "$port" verify-flash 0 h.hex
printf ':0400000041424344F3\n:00000001FF\n' >h.hex
expect 2 stderr 'h.hex' -p "$port" write-flash 0x5000 h.hex

# A trace.
expect 0 stderr 'SYNC' -t -p "$port" read-mac
expect 0 stderr 'SYNC' --trace -p "$port" read-mac
expect 0 stderr 'SYNC' -p "$port" --trace read-mac
for form in '--trace=t.log' '--trace t.log'; do
    # shellcheck disable=SC2086 # words
    expect 0 stderr '' $form -p "$port" read-mac
    grep -q '^     0\.000000 ' t.log || fail "$form: $(head -1 t.log)"
    grep -q ' command SYNC  07 07 12 20 55' t.log || fail "$form: no SYNC"
    rm -f t.log
done
expect 2 stderr 'nowhere/t.log' --trace=nowhere/t.log -p "$port" read-mac

# ---- Every chip ----

for chip in $chips; do
    p="sim:$chip?flash=$chip.bin"
    expect 0 stdout 'Hash of data verified.' -p "$p" -c "$chip" write-flash 0x10000 a.bin
    contains "$chip.bin" 65536 a.bin
    expect 0 stdout 'Verification successful' -p "$p" verify-flash 0x10000 a.bin
    expect 0 stdout 'Read 20000 bytes' -p "$p" read-flash 0x10000 20000 r.bin
    cmp a.bin r.bin || fail "$chip: read-flash reads something else"
    expect 0 stdout 'Detected flash size: 4MB' -p "$p" flash-id
    expect 0 stdout 'MAC:                ' -p "$p" read-mac
    expect 0 stdout 'Erased' -p "$p" erase-region 0x10000 0x5000
    expect 2 stdout 'Verification failed' -p "$p" verify-flash 0x10000 a.bin
    if [ "$chip" = esp32 ]; then
        expect 2 stderr 'no security information' -p "$p" get-security-info
    else
        expect 0 stdout 'Flash encryption: off' -p "$p" get-security-info
    fi
done

[ "$failed" -eq 0 ] && echo "flash_cli: $checks checks passed"
[ "$failed" -eq 0 ]
