#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sealed keys of a batch: what is refused, what OpenSSL's own program makes of the envelopes, and
# runs that are killed and resumed. EM_KILLS: how often.
set -eu

. "${top_srcdir:?}/tests/cli_util.sh"

if ! command -v openssl >/dev/null 2>&1; then
    echo "SKIP: the program openssl is not there (Debian: openssl)"
    exit 77
fi

# cert NAME ARGUMENTS…: NAME.crt and NAME.pem
cert() {
    name=$1
    shift
    openssl req -x509 -nodes -keyout "$name.pem" -out "$name.crt" -subj "/CN=$name" \
        "$@" >openssl.log 2>&1 || fail "openssl req: $(cat openssl.log)"
    chmod 600 "$name.pem"
}
rsa="-newkey rsa:2048 -days 30"
ec="-newkey ec -days 30 -pkeyopt ec_paramgen_curve:"
# shellcheck disable=SC2086 # words
{
    cert rsa $rsa -addext keyUsage=keyEncipherment
    cert p256 ${ec}P-256 -addext keyUsage=keyAgreement
    cert p384 ${ec}P-384
    cert other $rsa
    cert weak -newkey rsa:1024 -days 30
    cert weakec ${ec}prime192v1
    cert signer $rsa -addext keyUsage=digitalSignature
    cert ecsigner ${ec}P-256 -addext keyUsage=digitalSignature
    cert ed -newkey ed25519 -days 30
    openssl x509 -in rsa.crt -outform DER -out rsa.der
}
printf 'ns,namespace,\nnum,data,u16\n' >config.csv
{
    echo num
    seq 1 60
} >values.csv

generate() {
    "$program" generate config.csv values.csv P 0x3000 --outdir out --keygen --key_protect_hmac \
        --kp_hmac_keygen --no-csv -j 2 "$@"
}
args="generate config.csv values.csv P 0x3000 --outdir out --keygen"

# Who may not be sealed to: one message each, and nothing is written.
refused() {
    # shellcheck disable=SC2086 # words
    expect "$1" stderr "$2" $args --seal "$3"
    [ ! -e out ] || fail "$3: something was written"
}
refused 3 "weak key (RSA of 1024 bits)" weak.crt
refused 3 "weak key (EC of 192 bits)" weakec.crt
refused 3 "lacks keyEncipherment" signer.crt
refused 3 "lacks keyAgreement" ecsigner.crt
refused 3 "kind of key" ed.crt
refused 3 "not a certificate" values.csv
refused 4 "cannot open" missing.crt
# shellcheck disable=SC2086 # words
expect 3 stderr "given twice" $args --seal rsa.crt --seal rsa.der
expect 2 stderr "no key files would be made" generate config.csv values.csv P 0x3000 --outdir out \
    --seal rsa.crt
refused 3 "a private key, not a certificate" rsa.pem
# Of yesterday and of a later century.
openssl req -new -key rsa.pem -subj /CN=old -out old.csr
openssl x509 -req -in old.csr -signkey rsa.pem -days -1 -out old.crt 2>openssl.log
mkdir ca
: >ca/index
echo 01 >ca/serial
cat >ca.cnf <<'END'
[ca]
default_ca = c
[c]
new_certs_dir = ca
database = ca/index
serial = ca/serial
default_md = sha256
policy = p
[p]
commonName = supplied
END
openssl ca -batch -config ca.cnf -selfsign -keyfile rsa.pem -in old.csr -out new.crt -notext \
    -startdate 20990101000000Z -enddate 20991231000000Z >openssl.log 2>&1
refused 3 "the certificate expired on" old.crt
refused 3 "the certificate is not valid before 2099-01-01 00:00 UTC" new.crt

# Sealed to three, opened by each, here and by OpenSSL's own program.
generate --seal rsa.crt --seal p256.crt --seal p384.crt --manifest out/manifest.csv >stdout
[ "$(find out/keys -name '*.bin.cms' | wc -l)" -eq 120 ] || fail "not 120 envelopes"
[ -z "$(find out/keys -name '*.bin')" ] || fail "plain keys in out/keys"
[ -z "$(find out -type f -name '*.cms' ! -perm 600)" ] || fail "envelopes that others may read"
for key in rsa p256 p384; do
    expect 0 stdout "60 units verified" verify out --config config.csv --values values.csv \
        --manifest out/manifest.csv --unseal-key $key.pem
    expect 0 stdout "120 key files" unseal --key $key.pem --outdir plain-$key out/keys/*.cms
    openssl cms -decrypt -inform DER -in out/keys/hmac-keys-P-7.bin.cms -recip $key.crt \
        -inkey $key.pem -out theirs 2>openssl.log || fail "openssl cms: $(cat openssl.log)"
    cmp theirs plain-$key/hmac-keys-P-7.bin || fail "$key: another key"
    diff -r plain-rsa plain-$key >diffs || fail "$key: $(head -3 diffs)"
done
[ "$(stat -c %a plain-rsa plain-rsa/keys-P-1.bin | tr '\n' ' ')" = "700 600 " ] || fail "modes"
# The fingerprints of the manifest are those of the keys and of the certificates.
print=$(sha256sum plain-rsa/hmac-keys-P-7.bin | cut -d' ' -f1)
grep -q "hmac-keys-P-7.bin.cms.*,$print," out/manifest.csv || fail "no fingerprint of the key"
for key in rsa p256 p384; do
    print=$(openssl x509 -in $key.crt -outform DER | sha256sum | cut -d' ' -f1)
    [ "$(grep -c "$print" out/manifest.csv)" -eq 60 ] || fail "no fingerprint of $key.crt"
done

# Unsealing: whole or not at all, never over something, never without the key.
expect 3 stderr "is of none of them" unseal --key other.pem --outdir p2 out/keys/*.cms
[ ! -e p2 ] || fail "p2 was made"
mkdir -m 700 p3
echo mine >p3/keys-P-9.bin
expect 5 stderr "already there" unseal --key rsa.pem --outdir p3 out/keys/*.cms
[ "$(ls p3):$(cat p3/keys-P-9.bin)" = keys-P-9.bin:mine ] || fail "p3: $(ls p3)"
chmod 644 other.pem
expect 3 stderr "others than its owner" unseal --key other.pem --outdir p2 out/keys/keys-P-1.bin.cms
expect 3 stderr "does not end in .cms" unseal --key rsa.pem --outdir p2 values.csv
head -c 500 out/keys/keys-P-1.bin.cms >cut.cms
expect 3 stderr "not the whole of it" unseal --key rsa.pem --outdir p2 cut.cms
# bad MESSAGE KEY ENVELOPE: status 3, and nothing is made
bad() {
    expect 3 stderr "$1" unseal --key "$2" --outdir p2 "$3"
    [ ! -e p2 ] || fail "$1: p2 was made"
}
bad "a certificate, not a private key" rsa.crt out/keys/keys-P-1.bin.cms
openssl pkey -in rsa.pem -outform DER -out key.der
head -c 900 rsa.pem >half.pem
chmod 600 key.der half.pem
bad "not a private key in PEM form" key.der out/keys/keys-P-1.bin.cms
bad "not a whole private key" half.pem out/keys/keys-P-1.bin.cms
bad "another kind of private key than RSA or EC" ed.pem out/keys/keys-P-1.bin.cms
openssl cms -sign -binary -signer rsa.crt -inkey rsa.pem -in values.csv -outform DER -out signed.cms
cp values.csv text.cms
: >empty.cms
for name in signed text empty; do
    bad "no sealed key" rsa.pem $name.cms
done
mkdir -m 755 open
expect 3 stderr "others can look into the folder 'open'" unseal --key rsa.pem --outdir open \
    out/keys/keys-P-1.bin.cms
[ -z "$(ls open)" ] || fail "in open: $(ls open)"
openssl pkey -in rsa.pem -aes256 -passout pass:secret -out locked.pem
chmod 600 locked.pem
echo secret >pass
echo wrong >nopass
expect 3 stderr "protected by a passphrase" unseal --key locked.pem --outdir p2 \
    out/keys/keys-P-1.bin.cms
expect 3 stderr "does not open" unseal --key locked.pem --passphrase-file nopass --outdir p2 \
    out/keys/keys-P-1.bin.cms
expect 0 stdout "1 key file" unseal --key locked.pem --passphrase-file pass --outdir p4 \
    out/keys/keys-P-1.bin.cms
"$program" unseal --key locked.pem --passphrase-fd 3 --outdir p5 out/keys/keys-P-1.bin.cms 3<pass \
    >stdout || fail "--passphrase-fd"
cmp p4/keys-P-1.bin p5/keys-P-1.bin
# Every envelope with one bit changed is either refused or still holds its key.
for at in 40 200 600 900; do
    { head -c $at out/keys/hmac-keys-P-1.bin.cms; printf '\377'; tail -c +$((at + 2)) \
        out/keys/hmac-keys-P-1.bin.cms; } >bent.cms
    rm -rf p6
    if "$program" unseal --key rsa.pem --outdir p6 bent.cms >stdout 2>stderr; then
        cmp p6/bent plain-rsa/hmac-keys-P-1.bin || fail "a changed key at byte $at"
    fi
done

# Sealed keys need a private key to be verified, and are not taken for plain ones.
expect 1 stderr "the key is sealed" verify out --config config.csv --values values.csv
expect 1 stderr "is of none of them" verify out --manifest out/manifest.csv --unseal-key signer.pem

# What belongs together stays together.
three="--seal rsa.crt --seal p256.crt --seal p384.crt"
resume() {
    # shellcheck disable=SC2086 # words
    expect "$1" "$2" "$3" generate config.csv values.csv P 0x3000 --outdir out --keygen \
        --key_protect_hmac --kp_hmac_keygen --no-csv --resume --manifest out/manifest.csv $4
}
resume 0 stdout "0 images made, 60 kept" "$three"
resume 5 stderr "sealed to others" "--seal rsa.crt"
mv out/bin/P-3.bin aside
resume 5 stderr "the unit's image is missing" "$three"
mv aside out/bin/P-3.bin
mv out/keys/keys-P-3.bin.cms aside
resume 5 stderr "its sealed key is missing" "$three"
mv aside out/keys/keys-P-3.bin.cms.partial # as if killed before it got its name
resume 0 stdout "0 images made, 60 kept" "$three"
expect 0 stdout "60 units verified" verify out --config config.csv --values values.csv \
    --manifest out/manifest.csv --unseal-key p256.pem

# Killed at any moment, in folders of a whole run and in folders that are there already: the moments
# are when so many units are on the disk.
{
    echo num
    seq 1 300
} >values.csv
kills=${EM_KILLS:-8}
landed=0
for direct in no yes; do
    rm -rf out
    [ $direct = no ] || mkdir -p out/bin out/keys
    [ $direct = no ] || chmod 700 out/keys
    i=0
    while [ "$i" -lt "$kills" ]; do
        i=$((i + 1))
        "$program" generate config.csv values.csv P 0x3000 --outdir out --keygen \
            --key_protect_hmac --kp_hmac_keygen --no-csv --resume -q -j 2 --seal rsa.crt \
            --manifest out/manifest.csv >stdout 2>stderr &
        pid=$!
        while kill -0 $pid 2>/dev/null &&
            [ "$(find out -name '*.bin' 2>/dev/null | wc -l)" -lt $((i * 280 / kills)) ]; do
            :
        done
        kill -KILL $pid 2>/dev/null && landed=$((landed + 1))
        wait $pid 2>/dev/null || :
        [ ! -s stderr ] || fail "killed $i ($direct): $(head -3 stderr)"
    done
    generate --resume --seal rsa.crt --manifest out/manifest.csv >stdout || fail "resuming $direct"
    expect 0 stdout "300 units verified" verify out --config config.csv --values values.csv \
        --manifest out/manifest.csv --unseal-key rsa.pem
    [ -z "$(find out -name '*.partial')" ] || fail "left: $(find out -name '*.partial')"
done
[ "$landed" -gt "$kills" ] || fail "only $landed of $((2 * kills)) kills met a running program"

echo "$checks checks of sealed batches, $landed kills, $failed failed"
[ "$failed" -eq 0 ]
