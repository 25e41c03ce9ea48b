#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bad input for mfg_flash, and chips and ports that go wrong: one message with what to try, the
# right exit status, and nothing half-done left behind.
set -eu

# shellcheck source=tests/flash_util.sh
. "${top_srcdir:?}/tests/flash_util.sh"

random_file a.bin 20000

# refused STATUS TEXT ARGUMENTS…: told on stderr with a hint.
refused() {
    wanted=$1 text=$2
    shift 2
    expect "$wanted" stderr "$text" "$@"
    hinted
    [ "$(grep -c '^mfg_flash: ' stderr)" -eq 1 ] || fail "more than one message: $(cat stderr)"
}

# A chip whose flash holds something, to see that nothing of it changes.
port='sim:esp32c3?flash=c3.bin'
expect 0 stdout 'Hash of data verified.' -p "$port" write-flash 0x1000 a.bin
cp c3.bin before.bin

# ---- Ports ----

refused 2 "there is no port 'nowhere'" -p nowhere read-mac
refused 2 'refused' -p socket://127.0.0.1:1 read-mac
refused 2 'refused' -p rfc2217://127.0.0.1:1 read-mac
refused 2 'unknown kind of port' -p foo://x read-mac
refused 2 'there is no serial port that the filters leave' --port-filter serial=nobody-has-this read-mac
refused 2 "no option 'foo'" -p 'sim:esp32c3?foo=1' read-mac
refused 1 'the cable was cut' -p 'sim:esp32c3?fault=cut-after=300' read-mac
# While connecting, the port is open already.
refused 1 'the cable was cut' -p 'sim:esp32c3?fault=cut-after=20' --before no-reset read-mac
refused 1 'the cable was cut' -q -p 'sim:esp32c3?fault=cut-after=20' --before no-reset read-mac
# A file is no port, and stays as it is.
cp a.bin file
expect 2 stderr 'file' -p ./file read-mac
cmp a.bin file || fail "a file that is no port was changed"

# ---- Chips ----

refused 2 'ESP32-C3, not ESP32-S3' -p "$port" -c esp32s3 read-mac
refused 2 "unknown chip 'esp33'" -p "$port" -c esp33 read-mac
refused 2 'no answer' -p 'sim:esp32c3?fault=stuck-after=3' read-mac
refused 2 'sim:esp32c3?fault=stuck-after=30' -p 'sim:esp32c3?fault=stuck-after=30' write-flash 0 a.bin
expect 2 stderr 'written 3 times' -p 'sim:esp32c3?fault=bad-md5=1' write-flash 0x1000 a.bin
hinted
refused 2 'secure download mode' -p 'sim:esp32c3?secure-download=1' read-mac
expect 2 stderr 'secure download mode' -p 'sim:esp32c3?secure-download=1' read-flash 0 4k r.bin
[ ! -e r.bin ] || fail "a refused read left a file"
expect 0 stdout 'Secure download mode                     yes' \
    -p 'sim:esp32c3?secure-download=1' get-security-info
expect 0 stdout 'in secure download mode' -p 'sim:esp32c3?secure-download=1' write-flash 0x1000 a.bin

# ---- What is written, and where ----

image_file s3.bin 011
refused 2 'made for ESP32-S3, the chip is an ESP32-C3' -p "$port" write-flash 0x0 s3.bin
refused 2 'ends at 0x403e20, the flash at 0x400000' -p "$port" write-flash 0x3ff000 a.bin
refused 2 'share a sector' -p "$port" write-flash 0x1000 a.bin 0x5000 a.bin
refused 2 'ends at 0x401000' -p "$port" read-flash 0x3ff000 8k r.bin
[ ! -e r.bin ] || fail "a refused read left a file"
refused 2 'multiples of 4096' -p "$port" erase-region 0x1001 4k
refused 2 'multiples of 4096' -p "$port" erase-region 0x1000 4097
expect 2 stderr 'not a multiple of 16' -p "$port" write-flash --encrypt 0x1001 a.bin
refused 2 'no key for flash encryption' -p "$port" write-flash --encrypt 0x1000 a.bin
for chip in $chips; do
    [ "$chip" = esp32 ] || # its ROM cannot do it at all
        refused 2 'no key for flash encryption' -p "sim:$chip" -c "$chip" write-flash --encrypt 0x1000 a.bin
done
encrypted='sim:esp32c3?flash=c3.bin&flash-encryption=1'
refused 2 'plain data, but flash encryption is on' -p "$encrypted&secure-download=1" write-flash 0x1000 a.bin
refused 2 'flash encryption is on' -p "$encrypted" erase-flash
refused 2 'flash encryption is on' -p "$encrypted" erase-region 0 4k
refused 2 'secure boot is on' -p 'sim:esp32c3?flash=c3.bin&secure-boot=1' erase-flash
cmp c3.bin before.bin || fail "what was refused changed the flash"
# The flash is written nevertheless when the chip allows it, with a warning.
expect 0 stderr 'warning: a.bin' -p 'sim:esp32c3?flash-encryption=1' write-flash 0x1000 a.bin
expect 0 stdout 'Erased' -p 'sim:esp32c3?flash-encryption=1' erase-flash --force

# ---- Files ----

refused 2 "cannot open 'nowhere.bin'" -p "$port" write-flash 0x1000 nowhere.bin
refused 2 "'.' is a folder" -p "$port" write-flash 0x1000 .
refused 2 'nowhere' -p "$port" read-flash 0 4k nowhere/r.bin
refused 2 "'.' is a folder" -p "$port" read-flash 0 4k .
# What cannot be written is told before the chip is asked.
for name in '' new/ "$(printf '%0300d' 1)"; do
    refused 2 'name' -p nowhere read-flash 0 4k "$name"
    refused 2 'name' -p nowhere dump-mem 0x40000000 4k "$name"
done
refused 2 'Not a directory' -p "$port" write-flash 0x1000 a.bin/x
truncate -s 5G huge.bin
refused 2 "'huge.bin' has 5368709120 bytes, limit" -p "$port" write-flash 0x1000 huge.bin
rm huge.bin
expect 2 stderr "'0x2000' has no file" -p "$port" write-flash 0x1000 a.bin 0x2000
expect 2 stderr 'name an address and a file' -p "$port" write-flash
refused 2 'not a firmware image' -p "$port" load-ram a.bin
refused 2 'nowhere.json' -p "$port" --stub nowhere.json read-mac
printf '{' >stub.json
expect 2 stderr 'stub.json:1: stub: no JSON' -p "$port" --stub stub.json read-mac
hinted
printf '{"entry": 1}' >stub.json
expect 2 stderr 'stub.json: stub: ' -p "$port" --stub stub.json read-mac
hinted
if [ "$(id -u)" -ne 0 ]; then
    cp a.bin secret.bin
    chmod 0 secret.bin
    refused 2 "cannot open 'secret.bin'" -p "$port" write-flash 0x1000 secret.bin
else
    echo "not checked: files without permission (root has all)"
fi

# A read that fails half-way leaves what was there.
cp a.bin r.bin
expect 1 stderr 'the cable was cut' -p 'sim:esp32c3?fault=cut-after=60000' read-flash 0 1M r.bin
cmp a.bin r.bin || fail "a failed read changed its output"
[ -z "$(find . -name '*.partial' -o -name '.*tmp*')" ] || fail "something is left: $(ls -a)"
# Links and devices are followed.
ln -s r.bin link
expect 0 stdout 'Read 4096 bytes' -p "$port" read-flash 0x1000 4k link
[ -L link ] || fail "a link was replaced"
head -c 4096 a.bin | cmp - r.bin || fail "a link was not followed"
expect 0 stdout 'Read 4096 bytes' -p "$port" read-flash 0 4k /dev/null

# Faults on the wire end in a verified write or in a message, never in a false success.
verified=0
for fault in drop=0.00005 garble=0.00005 dup=0.00005 delay=0.0001:50 cut-after=20000; do
    for seed in 1 2 3; do
        checks=$((checks + 1))
        rm -f faulty.bin
        got=0
        "$MFG_FLASH" -p "sim:esp32c3?flash=faulty.bin&seed=$seed&fault=$fault" write-flash 0x1000 a.bin \
            >stdout 2>stderr || got=$?
        if [ "$got" -eq 0 ]; then
            verified=$((verified + 1))
            grep -q 'Hash of data verified.' stdout || fail "$fault, seed $seed: not verified"
            contains faulty.bin 4096 a.bin
        elif ! grep -q '^mfg_flash: ' stderr; then
            fail "$fault, seed $seed: ends with $got and no message"
        fi
    done
done
[ "$verified" -ge 12 ] || fail "only $verified of 15 writes with faults came through"

# The chip is left as --after says also when the command failed.
expect 2 stdout '' -q -p "$port" --trace=t.log verify-flash 0x0 a.bin
tail -4 t.log | grep -q ' lines ' || fail "no reset after a failed command: $(tail -4 t.log)"

# What is opened does not take the place of a closed stream, and get what is printed.
got=0
"$MFG_FLASH" -p "$port" --trace=t.log read-mac 2>stderr >&- || got=$?
[ "$got" -eq 2 ] || fail "a closed stdout ends with $got"
[ "$(grep -vc '^ *[0-9]*\.[0-9]* ' t.log)" -eq 0 ] || fail "the trace got what is printed: $(tail -3 t.log)"

# Output that cannot be written.
if [ -c /dev/full ]; then
    got=0
    "$MFG_FLASH" -p "$port" read-mac >/dev/full 2>stderr || got=$?
    [ "$got" -eq 2 ] || fail "a full disk behind stdout ends with $got"
    got=0
    "$MFG_FLASH" -p "$port" read-mac --json >/dev/full 2>stderr || got=$?
    [ "$got" -eq 2 ] || fail "a full disk behind stdout with --json ends with $got"
    refused 2 'trace' -p "$port" --trace=/dev/full read-mac
    refused 2 'cannot write' -p "$port" read-flash 0 4k /dev/full
fi

[ "$failed" -eq 0 ] && echo "flash_faults: $checks checks passed"
[ "$failed" -eq 0 ]
