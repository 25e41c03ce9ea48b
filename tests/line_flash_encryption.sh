#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_flash line with flash encryption, end to end on simulated boards: what their flash files hold
# decrypts with the key of their unit, nothing of it is plain, foreign chips are refused, and
# faults of jobs are told.
set -eu

# shellcheck source=tests/cli_util.sh
. "${top_srcdir:?}/tests/cli_util.sh"
: "${MFG_FLASH:?}"
cp -r "$top_srcdir/samples" samples
chmod -R u+w samples

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
    [ "$got" -eq "$wanted" ] || fail "$job: exit status $got, wanted $wanted: $(cat told)"
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

# check_board FLASH UNIT KEYS NVS-KEYS-ADDRESS SCHEME…: NVS keys and NVS of the unit are there, and
# nothing plain of them.
check_board() {
    flash=$1 unit=$2 key=$3/flash-keys-$2.bin addr=$4
    shift 4
    checks=$((checks + 1))
    rm -f part nvs.key nvs.bin dump
    cut_out "$flash" "$((addr))" 4096 part
    "$MFG_GEN" flash-decrypt -q "$@" -k "$key" -a "$addr" -o nvs.key part || fail "$flash: no NVS keys"
    cut_out "$flash" $((0x9000)) $((0x6000)) nvs.bin
    "$MFG_GEN" image dump nvs.bin --inputkey nvs.key --show-values >dump 2>&1 || fail "$flash: $(cat dump)"
    grep -qF "${unit##*EX1-}" dump || fail "$flash: not the NVS of $unit: $(cat dump)"
    hex "$flash" >flash.hex
    for secret in "$(hex "$key")" "$(hex nvs.key 0 32)" "$(hex nvs.key 32 32)" \
        "$(printf %s "${unit##*EX1-}" | od -An -v -tx1 | tr -d ' \n')"; do
        if grep -qF "$secret" flash.hex; then fail "$flash holds something plain: $secret"; fi
    done
}

# unit_of SLOT N: the unit that the N th board of the slot got.
unit_of() {
    grep " $1 .* PASS " told | sed -n "$2p" | cut -d' ' -f3
}

# ---- The samples ----

for mode in development release; do
    job=samples/job_flash_$mode.yaml
    sed -i 's/keys_after: destroy/keys_after: keep/' "$job"
    line 0 "$job" 'sim:esp32c3*2' "boards-$mode" --rounds 2
    told '4 passed'
    for board in A1-1 A1-2 A2-1 A2-2; do
        unit=$(unit_of "${board%-*}" "${board#*-}")
        flash=boards-$mode/$board.flash
        key=samples/keys-$mode/flash-keys-$unit.bin
        [ "$(stat -c '%a %s' "$key")" = '600 32' ] || fail "$key: $(stat -c '%a %s' "$key")"
        check_board "$flash" "$unit" "samples/keys-$mode" 0x11000 --aes-xts
        holds "$flash" 0x8000 samples/firmware/partition-table-encrypted.bin "$key" --aes-xts
        holds "$flash" 0x20000 samples/firmware/app.bin "$key" --aes-xts
        if grep -qaF 'sample app of EX1' "$flash"; then fail "$flash: plain firmware"; fi
    done
done
# Again: what is done is known. Keys go when the job says so.
sed -i 's/keys_after: keep/keys_after: destroy/' samples/job_flash_release.yaml
line 0 samples/job_flash_release.yaml 'sim:esp32c3*2' boards-release --rounds 2
told '4 done before'
[ -z "$(ls samples/keys-release)" ] || fail "keys are left: $(ls samples/keys-release)"

# ---- All chips ----

# job CHIP KEY FILE: without a boot check, as the images are none of the chip's.
chip_job() {
    sed -e "s/^chip: .*/chip: $1/; s/key: xts128/key: $2/; s/^batch: .*/batch: $1/" \
        -e "s/batch-release/batch-$1/; s/keys-release/keys-$1/; /^boot_check/d; /bootloader/d" \
        -e 's/keys_after: destroy/keys_after: keep/; s#firmware/app.bin#data.txt#' \
        "$top_srcdir/samples/job_flash_release.yaml" >"$3"
}
printf 'Product text, 37 bytes, not a program' >samples/data.txt
for chip in esp32:aes esp32c2:xts128 esp32c5:xts128 esp32c6:xts128 esp32c61:xts128 \
    esp32h2:xts128 esp32p4:xts256 esp32s2:xts256 esp32s3:xts256; do
    key=${chip#*:} chip=${chip%:*}
    chip_job "$chip" "$key" "samples/$chip.yaml"
    line 0 "samples/$chip.yaml" "sim:$chip" "boards-$chip" --rounds 1
    told '1 passed'
    unit=$(unit_of A1 1)
    scheme=--aes-xts
    [ "$key" != aes ] || scheme='--flash-crypt-conf=0xF'
    check_board "boards-$chip/A1-1.flash" "$unit" "samples/keys-$chip" 0x11000 "$scheme"
    holds "boards-$chip/A1-1.flash" 0x20000 samples/data.txt \
        "samples/keys-$chip/flash-keys-$unit.bin" "$scheme"
done

# ---- Foreign chips ----

job=samples/foreign.yaml
sed -e 's/batch-release/batch-foreign/; s/keys-release/keys-foreign/' \
    "$top_srcdir/samples/job_flash_release.yaml" >"$job"
line 1 "$job" 'sim:esp32c3?flash-encryption=yes' boards-foreign --rounds 1
told 'flash encryption of this chip is on'
[ -z "$(tr -d '\377' <boards-foreign/A1-1.flash | head -c 1)" ] || fail "a foreign chip was written to"

# ---- Faults of jobs ----

# faulty SED-EXPRESSION STATUS TEXT
faulty() {
    sed -e "$1" "$top_srcdir/samples/job_flash_release.yaml" >samples/faulty.yaml
    program=$MFG_FLASH
    expect "$2" stderr "$3" line samples/faulty.yaml --check
    program=$MFG_GEN
}
faulty 's/mode: release, //' 2 "key 'mode' is missing"
faulty 's/mode: release/mode: produktion/' 2 'produktion'
faulty 's/key: xts128/key: aes/' 2 'has no flash encryption of kind aes'
faulty 's/key: xts128/key: xts256/' 2 'no key purpose XTS_AES_256_KEY'
faulty '/^flash_encryption/d' 2 'encryption: flash, but no flash_encryption'
faulty 's/encryption: flash/encryption: none/; /keys_dir/d' 2 'flash_encryption, but units without'
faulty 's/keys_at: nvs_keys/keys_at: nowhere/' 2 'nowhere'
faulty 's/keys_at: nvs_keys/keys_at: 0x12345/' 2 '0x1000'
faulty 's/keys_at: nvs_keys/keys_at: 0x9000/' 2 'overlap'
faulty 's/at: ota_0}/at: ota_0, encrypt: yes}/' 2 'no key yet when its flash is written'
faulty 's/^keys_after/efuses: [{burn_key: {purpose: XTS_AES_128_KEY}}]\nkeys_after/' 2 'burned twice'

[ "$failed" -eq 0 ] && echo "line_flash_encryption: $checks checks passed"
[ "$failed" -eq 0 ]
