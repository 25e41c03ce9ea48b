#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_flash line with flash encryption, end to end on simulated boards: what their flash files hold
# decrypts with the key of their unit, nothing of it is plain, the key stands in the eFuses in the
# right order, boards start and go on where they were cut off, foreign chips are refused, and
# faults of jobs are told.
set -eu

case ${top_srcdir:?} in
/*) ;;
*) top_srcdir=$PWD/$top_srcdir ;;
esac
# shellcheck source=tests/flash_util.sh
. "$top_srcdir/tests/flash_util.sh"
: "${MFG_GEN:?}"
cp -r "$top_srcdir/samples" samples
chmod -R u+w samples
printf 'Product text, 37 bytes, not a program' >samples/data.txt

# plan JOB: hash of its eFuses.
plan() {
    "$MFG_FLASH" line "$1" --check | sed -n 's/^Plan of the eFuses: //p'
}

# line STATUS JOB BOARD-URL BOARDS OPTIONS…: run it.
line() {
    wanted=$1 job=$2 url=$3 boards=$4
    shift 4
    checks=$((checks + 1))
    got=0
    "$MFG_FLASH" line "$job" "$url" --boards "$boards" --approve "$(plan "$job")" "$@" \
        >told 2>&1 </dev/null || got=$?
    [ "$wanted" = any ] || [ "$got" -eq "$wanted" ] || fail "$job: exit status $got, wanted $wanted: $(cat told)"
}

# told TEXT
told() {
    checks=$((checks + 1))
    grep -qF -- "$1" told || fail "'$1' was not told: $(cat told)"
}

# hex FILE [OFFSET LENGTH]: its bytes.
hex() {
    if [ $# -eq 1 ]; then od -An -v -tx1 "$1"; else od -An -v -tx1 -j "$2" -N "$3" "$1"; fi | tr -d ' \n'
}

# turned FILE OFFSET LENGTH: its bytes, the last one first.
turned() {
    od -An -v -tx1 -w1 -j "$2" -N "$3" "$1" | awk '{ text = $1 text } END { printf "%s", text }'
}

# cut_out FILE OFFSET LENGTH TO
cut_out() {
    tail -c +$(($2 + 1)) "$1" | head -c "$3" >"$4"
}

# holds FLASH ADDRESS FILE KEY SCHEME…: what stands there decrypts to FILE.
holds() {
    flash=$1 addr=$2 plain=$3 key=$4
    shift 4
    len=$((($(wc -c <"$plain") + 15) / 16 * 16))
    checks=$((checks + 1))
    rm -f part part.plain
    cut_out "$flash" "$((addr))" "$len" part
    "$MFG_GEN" flash-decrypt -q "$@" -k "$key" -a "$addr" -o part.plain part || fail "$flash at $addr"
    head -c "$(wc -c <"$plain")" part.plain | cmp -s - "$plain" || fail "$flash at $addr is not $plain"
    if cmp -s part "$plain"; then fail "$flash at $addr is plain"; fi
}

# no_secrets FLASH UNIT KEY NVS-KEYS: nothing plain of the unit, nor of the firmware.
no_secrets() {
    checks=$((checks + 1))
    hex "$1" 0 $((0x40000)) >flash.hex # all that is written
    [ -z "$(tail -c +$((0x40001)) "$1" | tr -d '\377' | head -c 1)" ] || fail "$1: more than was meant"
    for secret in "$(hex "$3")" "$(turned "$3" 0 32)" "$(hex "$4" 0 32)" "$(hex "$4" 32 32)" \
        "$(printf %s "${2##*EX1-}" | od -An -v -tx1 | tr -d ' \n')"; do
        [ -n "$secret" ] || continue
        if grep -qF "$secret" flash.hex; then fail "$1 holds something plain: $secret"; fi
    done
    if grep -qaE 'sample app of EX1|sample boot loader|Product text|ota_0' "$1"; then
        fail "$1 holds plain firmware"
    fi
}

# check_board FLASH UNIT KEYS SCHEME…: NVS keys and NVS of the unit are there, and nothing plain.
check_board() {
    flash=$1 unit=$2 key=$3/flash-keys-$2.bin
    shift 3
    checks=$((checks + 1))
    rm -f part nvs.key nvs.bin dumped
    cut_out "$flash" $((0x11000)) 4096 part
    "$MFG_GEN" flash-decrypt -q "$@" -k "$key" -a 0x11000 -o nvs.key part || fail "$flash: no NVS keys"
    cut_out "$flash" $((0x9000)) $((0x6000)) nvs.bin
    "$MFG_GEN" image dump nvs.bin --inputkey nvs.key --show-values >dumped 2>&1 || fail "$flash: $(cat dumped)"
    grep -qF "${unit##*EX1-}" dumped || fail "$flash: not the NVS of $unit: $(cat dumped)"
    no_secrets "$flash" "$unit" "$key" nvs.key
}

# fuse CHIP BOARD FIELD WANTED: what the summary says of a field.
fuse() {
    checks=$((checks + 1))
    "$MFG_FLASH" efuse -p "sim:$1?efuse=$2.efuse" summary "$3" --format value_only >value 2>/dev/null ||
        fail "$2: no $3"
    [ "$(tail -n 1 value)" = "$4" ] || fail "$2: $3 is $(tail -n 1 value), not $4"
}

# check_fuses CHIP BOARD KEY MODE: the key with its last byte first, whose purpose and protection
# are right, and the counter. No summary shows the key any more, but the file has it.
check_fuses() {
    chip=$1 board=$2 key=$3 mode=$4
    checks=$((checks + 1))
    hex "$board.efuse" >fuses.hex
    for half in 0 32; do
        [ "$half" -lt "$(stat -c %s "$key")" ] || continue
        grep -qF "$(turned "$key" "$half" 32)" fuses.hex || fail "$board: the key is not in its eFuses"
    done
    case $chip in
    esp32)
        fuse esp32 "$board" FLASH_CRYPT_CONFIG 15
        [ "$mode" = release ] && count=127 || count=1
        fuse esp32 "$board" FLASH_CRYPT_CNT "$count"
        [ "$mode" = release ] && closed=True || closed=False
        for field in DISABLE_DL_ENCRYPT DISABLE_DL_DECRYPT DISABLE_DL_CACHE JTAG_DISABLE; do
            fuse esp32 "$board" "$field" "$closed"
        done
        return
        ;;
    esp32s2 | esp32s3 | esp32p4)
        fuse "$chip" "$board" KEY_PURPOSE_0 XTS_AES_256_KEY_1
        fuse "$chip" "$board" KEY_PURPOSE_1 XTS_AES_256_KEY_2
        ;;
    esp32c2) fuse "$chip" "$board" XTS_KEY_LENGTH_256 '256 bits key' ;;
    *) fuse "$chip" "$board" KEY_PURPOSE_0 XTS_AES_128_KEY ;;
    esac
    fuse "$chip" "$board" SPI_BOOT_CRYPT_CNT Enable
    [ "$mode" = release ] && closed=True || closed=False
    [ "$chip" != esp32c5 ] || closed=Disabled # its table has words
    fuse "$chip" "$board" DIS_DOWNLOAD_MANUAL_ENCRYPT "$closed"
}

# unit_of SLOT: the unit that its first board got.
unit_of() {
    grep " $1 .* PASS " told | head -n 1 | cut -d' ' -f3
}

# ---- The samples ----

for mode in development release; do
    job=samples/job_flash_$mode.yaml
    sed -i 's/keys_after: destroy/keys_after: keep/' "$job"
    line 0 "$job" 'sim:esp32c3*2' "boards-$mode" --rounds 1
    told '2 passed'
    told 'boot ok'
    for slot in A1 A2; do
        unit=$(unit_of "$slot")
        flash=boards-$mode/$slot-1.flash
        key=samples/keys-$mode/flash-keys-$unit.bin
        [ "$(stat -c '%a %s' "$key")" = '600 32' ] || fail "$key: $(stat -c '%a %s' "$key")"
        check_board "$flash" "$unit" "samples/keys-$mode" --aes-xts
        holds "$flash" 0x8000 samples/firmware/partition-table-encrypted.bin "$key" --aes-xts
        holds "$flash" 0x20000 samples/firmware/app.bin "$key" --aes-xts
        check_fuses esp32c3 "boards-$mode/$slot-1" "$key" "$mode"
    done
done
# Again: what is done is known. Keys go when the job says so.
sed -i 's/keys_after: keep/keys_after: destroy/' samples/job_flash_release.yaml
line 0 samples/job_flash_release.yaml 'sim:esp32c3*2' boards-release --rounds 1
told '2 done before'
[ -z "$(ls samples/keys-release)" ] || fail "keys are left: $(ls samples/keys-release)"

# ---- All chips: they start what they decrypt ----

# chip_job MODE CHIP KEY BOOTLOADER-ADDRESS: samples/CHIP-MODE.yaml, with a boot loader of the chip.
chip_job() {
    sed -e "s/^chip: .*/chip: $2/; s/key: xts128/key: $3/; s/^batch: .*/batch: $2-$1/" \
        -e "s/batch-[a-z]*\.db/$2-$1.db/; s/keys-[a-z]*/keys-$2-$1/" \
        -e "s#firmware/bootloader.bin, at: 0x0#boot-$2.bin, at: $4#; s#firmware/app.bin#data.txt#" \
        -e 's/keys_after: destroy/keys_after: keep/' \
        "$top_srcdir/samples/job_flash_$1.yaml" >"samples/$2-$1.yaml"
}

# Chip id (octal), kind of key and where the ROM looks for the boot loader.
for chip in esp32:000:aes:0x1000 esp32c2:014:xts128:0 esp32c3:005:xts128:0 esp32c5:027:xts128:0x2000 \
    esp32c6:015:xts128:0 esp32c61:024:xts128:0 esp32h2:020:xts128:0 esp32p4:022:xts256:0x2000 \
    esp32s2:002:xts256:0x1000 esp32s3:011:xts256:0; do
    at=${chip##*:} kind=${chip%:*} id=${chip#*:} chip=${chip%%:*}
    kind=${kind##*:} id=${id%%:*}
    image_file "samples/boot-$chip.bin" "$id"
    for mode in development release; do
        chip_job "$mode" "$chip" "$kind" "$at"
        case $mode:$chip in development:esp32 | development:esp32s3 | release:*) ;; *) continue ;; esac
        line 0 "samples/$chip-$mode.yaml" "sim:$chip" "boards-$chip-$mode" --rounds 1
        told '1 passed'
        board=boards-$chip-$mode/A1-1 keys=samples/keys-$chip-$mode unit=$(unit_of A1)
        scheme=--aes-xts
        [ "$kind" != aes ] || scheme='--flash-crypt-conf=0xF'
        check_board "$board.flash" "$unit" "$keys" "$scheme"
        holds "$board.flash" "$at" "samples/boot-$chip.bin" "$keys/flash-keys-$unit.bin" "$scheme"
        holds "$board.flash" 0x20000 samples/data.txt "$keys/flash-keys-$unit.bin" "$scheme"
        check_fuses "$chip" "$board" "$keys/flash-keys-$unit.bin" "$mode"
    done
done

# ---- Cut off, and on again ----

# cut_job CHIP
cut_job() {
    sed "s/$1-release/cut/" "samples/$1-release.yaml" >samples/cut.yaml
    rm -rf samples/cut.db* samples/keys-cut boards-cut
}

# goes_on CHIP TEXT: what was begun has the key of its unit, and goes on with it.
goes_on() {
    key=samples/keys-cut/flash-keys-EX1-EX1-000123.bin
    cp "$key" key.before
    no_secrets boards-cut/A1-1.flash EX1-EX1-000123 "$key" "$key"
    line 0 samples/cut.yaml "sim:$1" boards-cut --rounds 1
    told "$2"
    told '1 passed'
    cmp -s "$key" key.before || fail "$1: another key"
    scheme=--aes-xts
    [ "$1" != esp32 ] || scheme='--flash-crypt-conf=0xF'
    check_board boards-cut/A1-1.flash EX1-EX1-000123 samples/keys-cut "$scheme"
    holds boards-cut/A1-1.flash 0x20000 samples/data.txt "$key" "$scheme"
    check_fuses "$1" boards-cut/A1-1 "$key" release
}

# Power that fails in the middle of the burn; and of what is equal nothing is written again.
for chip in esp32 esp32s3 esp32c3; do
    cut_job "$chip"
    line 1 samples/cut.yaml "sim:$chip?fault=power-cut-at=efuse-burn:1" boards-cut --rounds 1
    told 'link'
    goes_on "$chip" '0 of 5 images written'
    cut_job "$chip"
    line 1 samples/cut.yaml "sim:$chip?fault=power-cut-at=efuse-burn:1" boards-cut --rounds 1
    printf '\125' | dd of=boards-cut/A1-1.flash bs=1 seek=$((0x20004)) conv=notrunc 2>/dev/null
    goes_on "$chip" '1 of 5 images written'
    # The same later in the burn, when the key cannot be read any more: by the record it is known.
    cut_job "$chip"
    line any samples/cut.yaml "sim:$chip?fault=power-cut-at=efuse-burn:2" boards-cut --rounds 1
    told 'already burned as asked'
    line 0 samples/cut.yaml "sim:$chip" boards-cut --rounds 1
    check_fuses "$chip" boards-cut/A1-1 samples/keys-cut/flash-keys-EX1-EX1-000123.bin release
done
# Killed while it writes flash; on a busy machine not at the first try.
for attempt in 1 2 3 4 5 6; do
    cut_job esp32c3
    "$MFG_FLASH" line samples/cut.yaml 'sim:esp32c3?timing=real&clock=wall' --boards boards-cut \
        --rounds 1 --approve "$(plan samples/cut.yaml)" >told 2>&1 </dev/null &
    pid=$!
    tries=0
    until [ "$tries" -ge 200 ] || {
        [ -e boards-cut/A1-1.flash ] &&
            [ -n "$(tr -d '\377' <boards-cut/A1-1.flash | head -c 1)" ]
    }; do
        sleep 0.02
        tries=$((tries + 1))
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    grep -q 'flash ok' told || break
done
! grep -q 'flash ok' told || fail "killed too late, $attempt times: $(cat told)"
goes_on esp32c3 'again EX1-EX1-000123 (claimed)'

# Firmware from somewhere else: NVS and its keys only.
sed -e 's/release, key/release, firmware: no, key/; s/batch-release/bare/; s/keys-release/keys-bare/' \
    -e '/^images/d; /- {file/d; /^boot_check/d; s/destroy/keep/' \
    "$top_srcdir/samples/job_flash_release.yaml" >samples/bare.yaml
line 0 samples/bare.yaml 'sim:esp32c3' boards-bare --rounds 1
told '2 of 2 images written'
check_board boards-bare/A1-1.flash "$(unit_of A1)" samples/keys-bare --aes-xts

# ---- What is refused: nothing is burned, nothing is written ----

# refused CHIP OPTIONS TEXT EFUSE-COMMAND…: a board that was prepared with these commands.
refused() {
    chip=$1 options=$2 text=$3 board='efuse=boards-bad/A1-1.efuse&mac=02:00:00:00:00:00'
    shift 3
    sed "s/$chip-release/bad/" "samples/$chip-release.yaml" >samples/bad.yaml
    rm -rf samples/bad.db* boards-bad
    mkdir boards-bad
    : >boards-bad/A1-1.journal
    for command; do
        # shellcheck disable=SC2086 # words
        "$MFG_FLASH" efuse -p "sim:$chip?$board" --do-not-confirm $command >told 2>&1 ||
            fail "$command: $(cat told)"
    done
    line 1 samples/bad.yaml "sim:$chip$options" boards-bad --rounds 1
    told "$text"
    told '    hint: '
    [ ! -s boards-bad/A1-1.journal ] || fail "burned: $text"
    [ -z "$(tr -d '\377' <boards-bad/A1-1.flash | head -c 1)" ] || fail "written: $text"
    rm -rf samples/keys-bad
}
head -c 32 /dev/urandom >other.key
in_use='burn-key BLOCK_KEY0 other.key USER BLOCK_KEY1 other.key USER BLOCK_KEY2 other.key USER
BLOCK_KEY3 other.key USER BLOCK_KEY4 other.key USER'
on='flash encryption of this chip is on, or was, with a key that is not its unit'
foreign='the chip has a flash encryption key already, which is not its unit'
refused esp32c3 '?flash-encryption=yes' "$on"
refused esp32 '?flash-encryption=yes' "$on"
refused esp32c3 '' "BLOCK_KEY2: $foreign" 'burn-key BLOCK_KEY2 other.key XTS_AES_128_KEY'
refused esp32 '' "BLOCK1: $foreign" 'burn-key flash_encryption other.key'
refused esp32c2 '' "BLOCK_KEY0: $foreign" 'burn-key BLOCK_KEY0 other.key USER'
refused esp32s3 '' 'no key block is free for XTS_AES_256_KEY_2' "$in_use"
refused esp32c3 '' 'no key block is free for XTS_AES_128_KEY' "$in_use" 'burn-key BLOCK_KEY5 other.key USER'
refused esp32c3 '' 'SPI_BOOT_CRYPT_CNT is write protected' \
    'write-protect-efuse SPI_BOOT_CRYPT_CNT --override write-lock-later'
refused esp32 '' 'FLASH_CRYPT_CNT is write protected' \
    'write-protect-efuse FLASH_CRYPT_CNT --override write-lock-later'
for length in 31 64; do
    mkdir -m 700 samples/keys-bad
    head -c "$length" /dev/urandom >samples/keys-bad/flash-keys-EX1-EX1-000123.bin
    chmod 600 samples/keys-bad/*
    refused esp32c3 '' "EX1-EX1-000123.bin: key of $length bytes, 32 are needed"
done

# ---- Faults of jobs ----

# faulty SED-EXPRESSION TEXT
faulty() {
    sed -e "$1" "$top_srcdir/samples/job_flash_release.yaml" >samples/faulty.yaml
    expect 2 stderr "$2" line samples/faulty.yaml --check
    hinted
}
faulty 's/mode: release, //' "key 'mode' is missing"
faulty 's/mode: release/mode: produktion/' 'produktion'
faulty 's/key: xts128/key: aes/' 'has no flash encryption of kind aes'
for chip in c2 c3 c5 c6 c61 h2; do
    faulty "s/key: xts128/key: xts256/; s/esp32c3/esp32$chip/; /bootloader/d; s#firmware/app.bin#data.txt#" \
        'no key purpose XTS_AES_256_KEY'
done
faulty '/^flash_encryption/d' 'encryption: flash, but no flash_encryption'
faulty 's/encryption: flash/encryption: none/; /keys_dir/d' 'flash_encryption, but units without'
faulty 's/keys_at: nvs_keys/keys_at: nowhere/' 'nowhere'
faulty 's/keys_at: nvs_keys/keys_at: 0x12345/' '0x1000'
faulty 's/keys_at: nvs_keys/keys_at: 0x9000/' 'overlap'
faulty 's/at: 0x8000/at: 0x8010/' 'address 0x8010 is not a multiple of 0x1000'
faulty 's/at: ota_0}/at: ota_0, encrypt: yes}/' 'no key yet when its flash is written'
faulty 's/size: 4MB/size: detect/' 'before there is anything to detect'
faulty 's/release, key/release, firmware: no, key/' 'the chip would decrypt what is not encrypted'

# steps LIST TEXT: with steps of its own.
steps() {
    faulty "s/^keys_after/efuses: [$1]\\nkeys_after/" "$2"
}
printf '%32s' 'a key file of thirty-two bytes..' >samples/fixed.key
chmod 600 samples/fixed.key
twice='burns the key of flash encryption, and so does line'
steps '{burn_key: {purpose: XTS_AES_128_KEY}}' "$twice"
steps '{burn_key: {purpose: XTS_AES_128_KEY, file: fixed.key}}' "$twice"
steps '{burn_efuse: {field: SPI_BOOT_CRYPT_CNT, value: 1}}' 'flash_encryption burns SPI_BOOT_CRYPT_CNT'
# A key for the memory beside is another one.
sed -e 's/esp32c3/esp32c5/; /bootloader/d; s#firmware/app.bin#data.txt#' \
    -e 's/^keys_after/efuses: [{burn_key: {purpose: XTS_AES_128_PSRAM_KEY, file: fixed.key}}]\n&/' \
    "$top_srcdir/samples/job_flash_release.yaml" >samples/psram.yaml
expect 0 stdout 'XTS_AES_128_PSRAM_KEY' line samples/psram.yaml --check
sed -e 's/esp32c3/esp32e22/; /bootloader/d; s#firmware/app.bin#data.txt#' \
    "$top_srcdir/samples/job_flash_release.yaml" >samples/faulty.yaml
expect 2 stderr 'is not known' line samples/faulty.yaml --check

[ "$failed" -eq 0 ] && echo "line_flash_encryption: $checks checks passed"
[ "$failed" -eq 0 ]
