#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Plans of mfg_flash efuse: looked at, approved by their hash, refused by rules, burned once; and
# docs/efuse-rules.md and the manual have the rules that the program has.
set -u

: "${MFG_FLASH:?}" "${top_srcdir:?}"
docs=$(cd "$top_srcdir/docs" && pwd)
# shellcheck source=tests/efuse_util.sh
. "$top_srcdir/tests/efuse_util.sh"

same() {
    cmp -s e.bin before.bin || fail "$*: the eFuses have changed"
}

hash_of_plan() {
    sed -n 's/.*--approve \([0-9a-f]\{64\}\)$/\1/p' stdout
}

printf '0123456789abcdef0123456789abcdef' >key.bin
printf 'fedcba9876543210fedcba9876543210' >other.bin
chmod 600 ./*.bin

# ---- Look, approve, burn, once more: on every kind of chip ----

for chip in esp32c3 esp32s2 esp32s3 esp32c6 esp32h2 esp32p4 esp32c5; do
    rm -f e.bin
    virt="--chip $chip --virt --path-efuse-file e.bin"
    what='burn-key auto key.bin HMAC_UP burn-efuse SECURE_VERSION 1'
    # shellcheck disable=SC2086 # words
    {
        run 0 $virt --dry-run $what </dev/null
        says stdout HMAC_UP
        says stdout 'SECURE_VERSION'
        says stdout '! '
        [ -e e.bin ] && fail "$chip: a dry run has made a file"
        hash=$(hash_of_plan)
        [ ${#hash} -eq 64 ] || fail "$chip: no hash"
        run 0 $virt --dry-run $what </dev/null
        [ "$(hash_of_plan)" = "$hash" ] || fail "$chip: another hash for the same plan"
        run 0 $virt --dry-run --json $what </dev/null
        says stdout "\"hash\": \"$hash\""
        says stdout '"result": "planned"'

        # Another plan, another key, another chip state: not what was approved.
        run 0 $virt --do-not-confirm burn-bit BLOCK3 1 </dev/null
        cp e.bin before.bin
        run 2 $virt --approve "$hash" $what </dev/null
        says stderr 'not what was approved'
        same "$chip: stale hash"
        run 0 $virt --dry-run $what </dev/null
        hash=$(hash_of_plan)
        run 2 $virt --approve "$hash" burn-key auto other.bin HMAC_UP \
            burn-efuse SECURE_VERSION 1 </dev/null
        run 2 $virt --approve "$hash" burn-efuse SECURE_VERSION 1 </dev/null
        run 2 $virt --approve "$hash" --no-postpone $what </dev/null
        run 2 $virt --approve "$hash" --override flash-pins $what </dev/null
        same "$chip: another plan"

        run 0 $virt --approve "$hash" --json $what </dev/null
        says stdout "\"approved\": \"$hash\""
        says stdout '"result": "burned"'

        # The key is hidden now; the rest is there.
        cp e.bin before.bin
        run 2 $virt --do-not-confirm $what </dev/null
        says stderr 'cannot be compared'
        run 0 $virt --do-not-confirm burn-efuse SECURE_VERSION 1 KEY_PURPOSE_0 HMAC_UP </dev/null
        says stderr 'SECURE_VERSION: already burned as asked'
        says stdout 'already burned as asked'
        run 2 $virt --do-not-confirm --strict burn-efuse SECURE_VERSION 1 </dev/null
        says stderr 'already burned as asked'
        # One that is burned already is enough, and keeps the other from being burned.
        run 2 $virt --do-not-confirm --strict burn-efuse SECURE_VERSION 3 KEY_PURPOSE_0 HMAC_UP </dev/null
        says stderr 'KEY_PURPOSE_0: already burned as asked'
        same "$chip: --strict"
        run 0 $virt --dry-run burn-efuse SECURE_VERSION 1 </dev/null
        says stdout 'already burned as asked'
        same "$chip: second run"
    }
done

# A key that can be read is recognised, with auto and by name; a second one takes another block.
rm -f e.bin
virt="--chip esp32c3 --virt --path-efuse-file e.bin --do-not-confirm"
# shellcheck disable=SC2086 # words
{
    run 0 $virt burn-key auto key.bin SECURE_BOOT_DIGEST0 </dev/null
    cp e.bin before.bin
    run 0 $virt burn-key auto key.bin SECURE_BOOT_DIGEST0 </dev/null
    says stdout 'already burned as asked'
    run 0 $virt burn-key BLOCK_KEY0 key.bin SECURE_BOOT_DIGEST0 </dev/null
    says stdout 'already burned as asked'
    same 'the same digest'
    run 0 $virt burn-key auto other.bin SECURE_BOOT_DIGEST1 </dev/null
    run 0 $virt summary --format value-only KEY_PURPOSE_1 </dev/null
    says stdout SECURE_BOOT_DIGEST1
}

# ---- Rules and overrides ----

rm -f e.bin
# shellcheck disable=SC2086 # words
{
    run 0 $virt burn-bit BLOCK3 1 </dev/null
    cp e.bin before.bin
    run 2 $virt burn-efuse SPI_BOOT_CRYPT_CNT 1 </dev/null
    says stderr 'rule encryption-no-key'
    says stderr '--override encryption-no-key'
    run 0 $virt --dry-run burn-efuse SPI_BOOT_CRYPT_CNT 1 </dev/null
    says stdout 'Rule encryption-no-key refuses'
    says stdout 'rules refuse this plan'
    run 0 $virt --dry-run --json burn-efuse SPI_BOOT_CRYPT_CNT 1 </dev/null
    says stdout '"refused": true'
    run 2 $virt --override no-such-rule burn-efuse SPI_BOOT_CRYPT_CNT 1 </dev/null
    says stderr no-such-rule
    run 2 $virt --approve 12 burn-bit BLOCK3 2 </dev/null
    run 2 $virt --override usb-link burn-efuse SPI_BOOT_CRYPT_CNT 1 </dev/null
    run 2 $virt --override flash-pins burn-efuse SECURE_VERSION 1 SECURE_BOOT_EN 1 </dev/null
    says stderr 'rule secure-boot-no-digest'
    same 'refused by a rule'
    run 0 $virt --json --override encryption-no-key burn-efuse SPI_BOOT_CRYPT_CNT 1 </dev/null
    says stdout '"overridden": true'
    says stdout 'encryption-no-key (overridden)'
}
run 2 --force rules </dev/null

# ---- Only a terminal is asked ----

rm -f e.bin
run 0 --chip esp32c3 --virt --path-efuse-file e.bin --do-not-confirm burn-bit BLOCK3 1 </dev/null
cp e.bin before.bin
echo BURN >answer
run 2 --chip esp32c3 --virt --path-efuse-file e.bin burn-efuse SECURE_VERSION 1 <answer
says stderr 'nobody to confirm'
grep -qF 'Type BURN' stderr && fail 'a question without a terminal'
same 'no terminal'
ask="$MFG_FLASH efuse --chip esp32c3 --virt --path-efuse-file e.bin"
if command -v script >/dev/null && script -qec true typescript </dev/null >/dev/null 2>&1; then
    (sleep 1 && echo no) | script -qec "$ask burn-efuse SECURE_VERSION 1" typescript >said 2>&1
    says said 'Type BURN'
    same 'another word'
    (sleep 1 && echo BURN) | script -qec "$ask burn-efuse SECURE_VERSION 1" typescript >said 2>&1
    cmp -s e.bin before.bin && fail "typed BURN, and nothing was burned: $(cat said)"
else
    echo 'SKIP: no script(1), the question at a terminal is not tried'
fi

# ---- The list of rules ----

run 0 rules </dev/null
[ "$(grep -c '^  chips ' stdout)" -ge 25 ] || fail 'rules: too few'
# One section a rule, as in the guide.
awk '
    /^[a-z]/  { print "### " $1 "\n"; kind = $2 == "(refuses)" ? "Refuses." : "Warns."; print kind "\n" }
    /^  finds/   { sub(/^  finds +/, ""); print "- Finds: " $0 "." }
    /^  because/ { sub(/^  because +/, ""); print "- Because: " $0 "." }
    /^  way out/ { sub(/^  way out +/, ""); print "- Way out: " $0 "." }
    /^  chips/   { sub(/^  chips +/, ""); print "- Chips: " $0 ".\n" }
' stdout | sed '$d' >rules.md
if [ "${1-}" = --list ]; then
    cat rules.md
    exit 0
fi
sed -n '/^### /,$p' "$docs/efuse-rules.md" >guide.md
diff rules.md guide.md >differences ||
    fail "docs/efuse-rules.md is stale (tests/efuse_plan.sh --list prints it): $(cat differences)"
sed -n 's/^\([a-z][a-z0-9-]*\) (.*/\1/p' stdout >known
while read -r rule; do
    grep -q "^\.It Cm $rule" "$docs/mfg_flash-efuse.1" || fail "$rule is not in the manual"
done <known
grep -o '^\.It Cm [a-z-]*-[a-z-]*' "$docs/mfg_flash-efuse.1" | while read -r _ _ rule; do
    grep -qxF "$rule" known || echo "$rule"
done >unknown
[ -s unknown ] && fail "the manual has rules that are none: $(cat unknown)"
run 0 --chip esp32 rules </dev/null
says stdout coding-scheme
grep -q '^usb-link' stdout && fail 'the ESP32 has no USB'
run 0 --chip esp32s3 --json rules </dev/null
says stdout '"rule": "usb-jtag-both"'

echo "efuse_plan: $checks runs, $failed failures"
[ "$failed" -eq 0 ]
