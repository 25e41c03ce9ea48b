#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What mfg_flash prints with --json, of every command and for every kind of end, against the
# schema of docs/schema.
set -eu

# shellcheck source=tests/flash_util.sh
. "${top_srcdir:?}/tests/flash_util.sh"
schema=$top_srcdir/docs/schema/mfg_flash.schema.json
checker=${top_builddir:?}/json_schema
port='sim:esp32c3?flash=c3.bin&mac=60:55:f9:00:00:01'
random_file a.bin 20000
random_file b.bin 20000 2

# fits STATUS NAME ARGUMENTS…: the object has this exit status, this name of a status, and fits
# the schema. Nothing is on stderr.
fits() {
    wanted=$1 name=$2
    shift 2
    checks=$((checks + 1))
    got=0
    "$MFG_FLASH" "$@" --json >out.json 2>stderr </dev/null || got=$?
    [ "$got" -eq "$wanted" ] || fail "mfg_flash $*: exit status $got, wanted $wanted"
    [ ! -s stderr ] || fail "mfg_flash $*: stderr: $(cat stderr)"
    grep -q "^  \"status\": \"$name\",\$" out.json || fail "mfg_flash $*: status is not $name"
    grep -q "^  \"exit\": $wanted,\$" out.json || fail "mfg_flash $*: exit is not $wanted"
    "$checker" "$schema" out.json || fail "mfg_flash $*: see above"
}

# has TEXT…: lines of the last object.
has() {
    for text; do
        grep -qF -- "$text" out.json || fail "no '$text' in $(cat out.json)"
    done
}

# spoil EXPRESSION: change the last output with sed; it may not fit any more.
spoil() {
    checks=$((checks + 1))
    sed -E "$1" out.json >spoilt.json
    ! cmp -s out.json spoilt.json || fail "'$1' changes nothing"
    ! "$checker" "$schema" spoilt.json >told || fail "'$1' still fits"
}

case $checker in
/*) ;;
*) checker=$OLDPWD/$checker ;;
esac
make_elf=${top_builddir:?}/make_elf
case $make_elf in
/*) ;;
*) make_elf=$OLDPWD/$make_elf ;;
esac
case $schema in
/*) ;;
*) schema=$OLDPWD/$schema ;;
esac

fits 0 ok -p "$port" write-flash 0x1000 a.bin 0x10000 b.bin
has '"file": "a.bin"' '"address": 65536' '"verified": true' '"id": "esp32c3"' \
    '"mac": "60:55:f9:00:00:01"' '"revision": 4' '"crystal_mhz": 40'
spoil 's/"verified": true/"verified": 1/'
spoil 's/"status": "ok"/"status": "found"/'
spoil 's/"command": "write-flash"/"command": "write"/'
spoil '/"retries"/d'
spoil 's/"id": "esp32c3"/"ids": "esp32c3"/'
fits 0 ok -p "$port" write_flash 0x1000 a.bin
has '"level": "note"'
fits 0 ok -p "$port" read-flash 0x1000 20000 r.bin
has '"bytes": 20000' '"address": 4096'
fits 0 ok -p "$port" read-flash 0x3ff000 all r.bin
has '"size": null'
fits 0 ok -p "$port" verify-flash 0x1000 a.bin
has '"equal": true' '"differences": null'
fits 2 verify -p "$port" verify-flash --diff 0x1000 b.bin
has '"equal": false' '"differences": '
fits 0 ok -p "$port" erase-region 0x1000 4k
fits 0 ok -p "$port" erase-flash
fits 0 ok -p "$port" flash-id
has '"manufacturer": 239' '"size": 4194304'
fits 0 ok -p "$port" read-flash-status
fits 0 ok -p "$port" write-flash-status 0
fits 0 ok -p "$port" read-flash-sfdp 0 4
has '"hex": "53464450"'
"$make_elf" esp32c3 plain app.elf
fits 0 ok -c esp32c3 elf2image app.elf
has '"file": "app.bin"' '"bytes": 74640'
fits 0 ok image-info app.bin
has '"chip": "esp32c3"' '"checksum_valid": true' '"project": "make_elf"' '"memory": "IROM"' \
    '"bootloader": null'
spoil '/"sha256"/d'
"$make_elf" esp32p4 boot boot.elf
fits 0 ok -c esp32p4 elf2image boot.elf
fits 0 ok image-info boot.bin
has '"application": null' '"compiled": "Jan  2 2025 12:34:56"'
"$make_elf" esp8266 code old.elf
fits 0 ok -c esp8266 elf2image old.elf
has '"file": "old.elf-0x10000.bin"'
fits 0 ok image-info old.elf-0x00000.bin
has '"header": null' '"sha256": null'
fits 2 input image-info a.bin
fits 2 input -c esp32 elf2image app.elf
fits 0 ok -c esp32c3 merge-bin -o all.bin 0 app.bin 0x20000 a.bin
has '"file": "all.bin"' '"bytes": 151072'
fits 2 usage -c esp32c3 merge-bin -o all.bin 0 app.bin 0x10000 a.bin
printf 'nvs,data,nvs,,24K\nx,0x40,1,,4K,readonly\n' >table.csv
fits 0 ok partition-table table.csv table.bin
has '"file": "table.bin"' '"subtype": "nvs"' '"type": "0x40"' '"readonly": true' '"offset": 61440'
fits 0 ok partition-table table.bin
has '"file": null'
fits 2 full partition-table --flash-size 256KB --offset 0x3f000 table.csv
fits 0 ok -p "$port" read-mac
has '"mac": "60:55:f9:00:00:01"'
fits 0 ok -p sim:esp32c6 read-mac
fits 0 ok -p "$port" chip-id
fits 0 ok -p sim:esp8266 chip-id
fits 0 ok -p "$port" get-security-info
spoil 's/"secure_boot": false/"secure_boot": 0/'
fits 0 ok -p 'sim:esp32c3?secure-download=1' get-security-info
has '"description": null' '"secure_download": true'
fits 0 ok -p sim:esp32s2 get-security-info
fits 0 ok -p "$port" read-mem 0x40001000
fits 0 ok -p "$port" write-mem 0x3fc80000 1 2
fits 0 ok -p "$port" dump-mem 0x3fc80000 64 m.bin
image_file ram.bin 005
fits 0 ok -p "$port" load-ram ram.bin
fits 0 ok -p "$port" run
fits 0 ok -p "$port" reset
fits 0 ok ports
fits 0 ok --port-filter name=nobody-has-this ports
fits 0 ok version

# A line of eFuse commands.
fits 0 ok efuse --virt --chip esp32c3 summary dump get-custom-mac adc-info check-error
has '"command": "efuse"' '"efuse_type": "bytes:32"' '"custom_mac": null' '"port": null'
spoil 's/"readable": true/"readable": 1/'
fits 0 ok -p "$port" efuse --do-not-confirm burn-efuse SECURE_VERSION 1 summary SECURE_VERSION
has '"result": "burned"' '"field": "SECURE_VERSION"' '"value": 1' '"id": "esp32c3"'
spoil 's/"postponed": false/"postpone": false/'
fits 0 ok efuse --virt --chip esp32 --do-not-confirm write-protect-efuse RD_DIS
has '"protects": true'
fits 0 ok efuse --virt --chip esp32c3 --dry-run burn-efuse SPI_BOOT_CRYPT_CNT 1
has '"hash": "' '"refused": true' '"rule": "encryption-no-key"' '"for_ever": true'
fits 0 ok efuse --virt --chip esp32c3 --do-not-confirm --override encryption-no-key burn-efuse SPI_BOOT_CRYPT_CNT 1
has '"overridden": true'
fits 2 refused efuse --virt --chip esp32c3 --do-not-confirm burn-efuse SPI_BOOT_CRYPT_CNT 1
fits 0 ok efuse --chip esp32c3 rules
has '"known_rules": ['
fits 2 usage efuse --virt --chip esp32c3 burn-efuse NO_SUCH_FIELD 1
fits 2 usage efuse burn-bit BLOCK3 1

# Every kind of end.
fits 2 port -p nowhere read-mac
has '"port": "nowhere"' '"hint": "'
fits 2 chip -p "$port" -c esp32 read-mac
fits 2 link -p 'sim:esp32c3?fault=stuck-after=3' read-mac
fits 2 file-system -p "$port" write-flash 0 nowhere.bin
fits 2 usage -p "$port" write-flash 0 a.bin 0x1000 b.bin
fits 2 usage -p "$port" write-flash nvs a.bin
fits 2 full -p "$port" write-flash 0x3ff000 a.bin
fits 2 input -p "$port" --stub a.bin read-mac
fits 2 unsupported -p sim:esp32 get-security-info
fits 2 refused -p 'sim:esp32c3?flash-encryption=1' erase-flash
fits 2 verify -p 'sim:esp32c3?fault=bad-md5=1' write-flash 0 a.bin
fits 2 port --port-filter name=nobody-has-this read-mac
has '"port": null'
fits 2 input -p "$port" load-ram a.bin
fits 2 file-system -p "$port" read-flash 0 4k nowhere/r.bin

[ "$failed" -eq 0 ] && echo "flash_json: $checks checks passed"
[ "$failed" -eq 0 ]
