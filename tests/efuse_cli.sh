#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command line of mfg_flash efuse: bad input with its exit status and nothing burned, lines of
# several commands, and every command over the wire to a simulated chip of each kind.
set -u

: "${MFG_FLASH:?}" "${top_srcdir:?}"
data=$(cd "$top_srcdir/tests/data/efuse" && pwd)
# shellcheck source=tests/efuse_util.sh
. "$top_srcdir/tests/efuse_util.sh"
cp "$data"/inputs/* .
chmod 600 ./*

virt="--chip esp32c3 --virt --path-efuse-file e.bin"

# refused TEXT ARGUMENTS…: status 2, the message, and the virtual file as it was.
refused() {
    text=$1
    shift
    cp e.bin before.bin
    # shellcheck disable=SC2086 # words
    run 2 $virt --do-not-confirm "$@" </dev/null
    says stderr "$text"
    cmp -s e.bin before.bin || fail "$*: the eFuses have changed"
}

# A chip with one key, one value, one protection.
rm -f e.bin
# shellcheck disable=SC2086 # words
run 0 $virt --do-not-confirm burn-key BLOCK_KEY0 key32_a.bin HMAC_UP burn-efuse SOFT_DIS_JTAG 2 \
    write-protect-efuse SECURE_BOOT_EN </dev/null
[ "$(stat -c %s e.bin)" -eq 512 ] || fail "e.bin has not 512 bytes"

# ---- Refused, and nothing is burned ----

refused 'burn-key' burn-key BLOCK_KEY1 key31.bin USER
refused '31' burn-key BLOCK_KEY1 key31.bin USER
refused 'SECURE_VERSION' burn-efuse SECURE_VERSON 1
refused 'SOFT_DIS_JTAG' burn-efuse SOFT_DIS_JTAG 8
refused 'SOFT_DIS_JTAG' burn-efuse SOFT_DIS_JTAG 1
refused 'BLOCK_KEY0' burn-key BLOCK_KEY0 key32_b.bin USER
refused 'XTS_AES_256_KEY' burn-key BLOCK_KEY1 key64.bin XTS_AES_256_KEY
refused 'BLOCK_KEY5' burn-key BLOCK_KEY5 key32_a.bin XTS_AES_128_KEY
refused 'NO_PURPOSE' burn-key BLOCK_KEY1 key32_a.bin NO_PURPOSE
refused 'SECURE_BOOT_EN' burn-efuse SECURE_BOOT_EN 1
refused 'RD_DIS' burn-efuse WR_DIS 1 read-protect-efuse RD_DIS
refused 'must stay readable' burn-key BLOCK_KEY1 key32_a.bin SECURE_BOOT_DIGEST0 \
    read-protect-efuse BLOCK_KEY1
refused 'no-such-file' burn-key BLOCK_KEY1 no-such-file USER
refused 'BLOCK99' burn-bit BLOCK99 1
refused '256' burn-bit BLOCK3 256
refused "'x'" burn-bit BLOCK3 x
refused 'named twice' burn-block-data BLOCK3 key32_a.bin BLOCK_USR_DATA key32_b.bin
refused 'named twice' burn-efuse SECURE_VERSION 1 DIS_CAN 1 DIS_TWAI 1
refused 'has no file' burn-block-data BLOCK3 key32_a.bin BLOCK_KEY1
refused 'one block' burn-block-data BLOCK3 key8.bin BLOCK_KEY1 key8.bin --offset 4
refused 'whole keys' burn-key BLOCK_KEY1 key32_a.bin
refused 'a.lua' execute_scripts a.lua
refused 'a.lua' burn-bit BLOCK3 1 execute-scripts a.lua
refused 'there is no command' burn-fuse A 1
refused 'is missing' burn-bit BLOCK3
refused 'no option' burn-bit BLOCK3 1 --no-such-option
refused 'default, split or joint' dump --format json
refused 'value-only' summary --format value-only
refused 'MACX' summary MACX
refused '--recovery' check-error --recovery burn-bit BLOCK3 1
# A fault in the second command: the first is not burned either, and the fault names it.
refused 'burn-key' burn-efuse DIS_TWAI 1 burn-key BLOCK_KEY1 key31.bin USER
cp e.bin before.bin
run 2 --chip esp99 --virt --path-efuse-file e.bin --do-not-confirm burn-bit BLOCK3 1 </dev/null
says stderr esp99
cmp -s e.bin before.bin || fail 'unknown chip: the eFuses have changed'
mkdir folder
run 2 --chip esp32c3 --virt --path-efuse-file folder --do-not-confirm burn-bit BLOCK3 1 </dev/null
says stderr folder
run 2 --path-efuse-file e.bin -p sim:esp32c3 summary </dev/null
says stderr '--virt'
run 2 --do-not-confirm burn-bit BLOCK3 1 </dev/null
says stderr '--port'

# ---- Confirming ----

# What is asked about is told with what it means.
run 0 --chip esp32c3 --virt --do-not-confirm burn-key BLOCK_KEY0 key32_a.bin HMAC_UP </dev/null
says stdout '0x0 (USER) -> 0x8 (HMAC_UP)'
says stdout 'closes KEY_PURPOSE_0 BLOCK_KEY0'

cp e.bin before.bin
# shellcheck disable=SC2086 # words
{
    run 2 $virt burn-bit BLOCK3 1 </dev/null
    says stderr '--do-not-confirm'
    echo BURN >answer # a file is no terminal, but for comparing with published tools
    run 2 $virt burn-bit BLOCK3 1 <answer
    says stderr '--approve'
    for word in burn ' BURN' 'BURN ' '' BURNED; do
        echo "$word" >answer
        run 0 $virt --table 520 burn-bit BLOCK3 1 <answer
    done
    cmp -s e.bin before.bin || fail 'not confirmed: the eFuses have changed'
    echo BURN >answer
    run 0 $virt --table 520 -q burn-bit BLOCK3 1 <answer
    cmp -s e.bin before.bin && fail 'confirmed: the eFuses have not changed'
    says stderr BLOCK_USR_DATA
}

# ---- Keys are not shown, and a file that others read is told ----

# shellcheck disable=SC2086 # words
{
    run 0 $virt --do-not-confirm --verbose burn-key BLOCK_KEY1 key32_b.bin HMAC_UP \
        --no-read-protect --no-write-protect summary dump dump --format joint </dev/null
    hex=$(od -An -tx1 -N4 key32_b.bin | tr -d ' ')
    spaced=$(od -An -tx1 -N4 key32_b.bin | sed 's/^ //')
    word=$(od -An -tx4 -N4 key32_b.bin | tr -d ' ')
    for shown in "$hex" "$spaced" "$word"; do
        cat stdout stderr | grep -qiF "$shown" && fail "a key is shown: $shown"
    done
    says stdout '??'
    run 0 $virt --show-sensitive-info summary BLOCK_KEY1 dump dump --format joint </dev/null
    says stdout "$spaced"
    says stdout "$word"
    says stdout "$hex"
    run 0 $virt dump --format joint --file-name joint.bin </dev/null
    [ "$(stat -c '%a %s' joint.bin)" = '600 336' ] || fail "joint.bin: $(stat -c '%a %s' joint.bin)"
    run 0 $virt dump --file-name split.bin </dev/null
    cmp -s split5.bin key32_b.bin || fail 'split5.bin is not the key'
    chmod 644 key32_c.bin
    run 0 $virt --do-not-confirm burn-key BLOCK_KEY2 key32_c.bin HMAC_UP </dev/null
    says stderr '0644'
    run 0 $virt --do-not-confirm burn-key auto key32_a.bin SECURE_BOOT_DIGEST0 </dev/null
    run 0 $virt summary --format value-only KEY_PURPOSE_3 </dev/null
    says stdout SECURE_BOOT_DIGEST0
}

# ---- Places of options, spellings, formats ----

cd "$work" || exit 1
rm -f e.bin
run 0 summary --virt --chip esp32c3 </dev/null
says stdout 'EFUSE_NAME'
run 0 --virt --chip esp32c3 --do_not_confirm --path_efuse_file=e.bin burn_bit BLOCK3 1 \
    burn_block_data BLOCK_KEY0 key8.bin -o 3 </dev/null
says stderr 'old spelling'
[ "$("$MFG_FLASH" --chip esp32c3 efuse --virt summary --format value_only SECURE_VERSION)" = 0 ] ||
    fail 'value_only'
run 0 --virt --chip esp32c3 summary --format json --file s.json MAC WR_DIS </dev/null
says s.json '"efuse_type": "uint:32"'
run 0 --virt --chip esp32c3 --path-efuse-file e.bin summary --active </dev/null
says stdout BLOCK_USR_DATA
grep -q FLASH_TPUW stdout && fail '--active shows what is not burned'
run 0 --virt --chip esp32c3 --json summary dump get-custom-mac </dev/null
says stdout '"fields"'
says stdout '"blocks"'
# Reads before the last burn show what was, those behind it what is.
"$MFG_FLASH" efuse --virt --chip esp32c3 --do-not-confirm summary --active burn-efuse DIS_TWAI 1 \
    summary --active >stdout 2>stderr </dev/null || fail 'two summaries'
[ "$(grep -c '^DIS_TWAI' stdout)" -eq 1 ] || fail "two summaries: $(cat stdout)"
run 0 --help </dev/null
says stdout burn-key-digest
run 0 burn-key --help </dev/null
says stdout 'HMAC_UP'

# The name of a command as the value of an option is no command.
run 0 --virt --chip esp32c3 summary --file dump dump --file-name=summary --format joint </dev/null
says dump EFUSE_NAME
[ "$(stat -c %s summary)" -eq 336 ] || fail 'a file with the name of a command'
run 2 --virt --chip esp32c3 --do-not-confirm burn-efuse summary </dev/null
says stderr 'is missing'
# Options stand before efuse too, but not before other commands.
checks=$((checks + 1))
"$MFG_FLASH" --virt --chip esp32c3 efuse summary >stdout 2>stderr </dev/null || fail '--virt efuse'
"$MFG_FLASH" --virt version >stdout 2>stderr </dev/null && fail '--virt version'
says stderr '--virt'
# What a command says is the last word of the line: nothing is done before its help.
run 0 --virt --chip esp32c3 --path-efuse-file new.bin --do-not-confirm burn-bit BLOCK3 1 dump --help \
    </dev/null
[ ! -e new.bin ] || fail 'help has made a file'

# ---- Coding errors ----

# Two errors in BLOCK3, as its register tells (byte 2 of the word at 0x1C0, from the end).
run 0 --chip esp32c3 --virt --path-efuse-file bad.bin --do-not-confirm burn-block-data BLOCK3 \
    key32_a.bin </dev/null
printf '\002' | dd of=bad.bin bs=1 seek=62 conv=notrunc 2>/dev/null
run 2 --chip esp32c3 --virt --path-efuse-file bad.bin check-error </dev/null
says stderr 'BLOCK3: 2'
bad='sim:esp32c3?efuse=bad.bin'
run 2 -p "$bad" check-error </dev/null
says stderr '--recovery'
run 2 -p "$bad" check-error --recovery </dev/null
says stderr '--do-not-confirm'
run 0 -p "$bad" --do-not-confirm check-error --recovery </dev/null
run 0 -p "$bad" check-error </dev/null

# ---- Every command over the wire, on a simulated chip of each kind ----

# Keys of flash encryption are turned round.
od -An -v -tx1 -w1 key32_a.bin | awk '{ line[NR] = $1 } END { for (i = NR; i > 0; i--) print line[i] }' |
    while read -r byte; do printf '%b' "\\0$(printf '%o' "0x$byte")"; done >reversed

for chip in esp32 esp32s2 esp32s3 esp32c2 esp32c3 esp32c5 esp32c6 esp32c61 esp32h2 esp32p4; do
    port="sim:$chip?efuse=$work/$chip.efuses"
    case $chip in
    esp32) key='burn-key BLOCK1 key32_a.bin' digest='' block=BLOCK3 data=BLOCK2 flag=JTAG_DISABLE ;;
    esp32c2)
        key='burn-key BLOCK_KEY0 key32_a.bin XTS_AES_128_KEY' digest='' block=BLOCK1 data=BLOCK3
        flag=DIS_DIRECT_BOOT
        ;;
    esp32s2)
        key='burn-key auto key32_a.bin SECURE_BOOT_DIGEST1'
        digest='burn-key-digest auto rsa3072_pub.pem SECURE_BOOT_DIGEST0' block=BLOCK_KEY4
        data=BLOCK_KEY3 flag=DIS_LEGACY_SPI_BOOT
        ;;
    *)
        key='burn-key auto key32_a.bin SECURE_BOOT_DIGEST1'
        digest='burn-key-digest auto rsa3072_pub.pem SECURE_BOOT_DIGEST0' block=BLOCK_KEY4
        data=BLOCK_KEY3 flag=DIS_DIRECT_BOOT
        ;;
    esac
    run 0 -p "$port" --do-not-confirm burn-efuse $flag 1 burn-bit $block 7 \
        burn-block-data $data key32_b.bin write-protect-efuse $flag summary </dev/null
    # shellcheck disable=SC2086 # words
    run 0 -p "sim:$chip?efuse=$work/$chip.keys" --do-not-confirm $key $digest burn-custom-mac 02:34:56:78:9A:BC summary dump \
        check-error get-custom-mac adc-info </dev/null
    says stdout '02:34:56:78:9a:bc'
    run 0 -p "$port" summary --format value-only $flag </dev/null
    # A key that is hidden later; where a PEM file is all a digest needs.
    port="sim:$chip?efuse=$work/$chip.hidden"
    hidden=BLOCK_KEY0 purpose=XTS_AES_128_KEY
    case $chip in
    esp32) hidden=BLOCK1 purpose='' ;;
    esp32c2)
        run 0 -p "sim:$chip" --do-not-confirm burn-key-digest ec_p256_pub.pem </dev/null
        ;;
    esac
    # shellcheck disable=SC2086 # words
    run 0 -p "$port" --do-not-confirm burn-key $hidden key32_a.bin $purpose --no-protect-key </dev/null
    run 0 -p "$port" --show-sensitive-info dump --format joint </dev/null
    says stdout "$(od -An -v -tx1 "$([ -n "$purpose" ] && echo reversed || echo key32_a.bin)" | tr -d ' \n')"
    run 0 -p "$port" --do-not-confirm read-protect-efuse $hidden summary --active $hidden </dev/null
    says stdout '?? ??'
    if [ "$chip" = esp32 ]; then
        run 0 -p "$port" --do-not-confirm burn-key-digest rsa3072.pem </dev/null
    fi
    case $chip in
    esp32 | esp32s2 | esp32s3)
        run 0 -p "$port" --do-not-confirm --override flash-voltage set-flash-voltage 3.3V </dev/null
        ;;
    *) run 2 -p "$port" --do-not-confirm set-flash-voltage 3.3V </dev/null ;;
    esac
done

echo "efuse_cli: $checks runs, $failed failures"
[ "$failed" -eq 0 ]
