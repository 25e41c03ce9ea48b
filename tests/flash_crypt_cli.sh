#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_gen flash-encrypt, flash-decrypt and generate-flash-key: golden figures through the command
# line, what is refused, modes, and that nothing is replaced or left behind.
set -eu

golden=$(cd "${top_srcdir:?}/tests/data/flash_encrypt" && pwd)/cases.csv
# shellcheck source=tests/cli_util.sh
. "$top_srcdir/tests/cli_util.sh"

# key LENGTH STEP FIRST, plain LENGTH: bytes of the golden figures, see their README.md.
key() {
    # shellcheck disable=SC2059 # octal escapes
    printf "$(awk -v n="$1" -v step="$2" -v first="$3" \
        'BEGIN { for (i = 0; i < n; i++) printf "\\%03o", (step * i + first) % 256 }')"
}
plain() {
    # shellcheck disable=SC2059 # octal escapes
    printf "$(awk -v n="$1" \
        'BEGIN { for (i = 0; i < n; i++) printf "\\%03o", (13 * i + 7 * int(i / 256) + 7) % 256 }')"
}
key 16 29 5 >key16
key 24 5 1 >key24
key 32 11 17 >key32
key 64 7 3 >key64

# golden SCHEME KEY-LENGTH ADDRESS CONF LENGTH: as the file says, and back.
golden() {
    sum=$(grep "^$1,$2,$3,$4,$5," "$golden" | cut -d, -f6)
    plain "$5" >in
    rm -f enc dec
    if [ "$1" = xts ]; then set -- "$@" --aes-xts; else set -- "$@" --flash_crypt_conf "$4"; fi
    file=key$2 addr=$3
    shift 5
    expect 0 stdout "===> enc" flash-encrypt in --keyfile "$file" --address "$addr" --output enc "$@"
    got=$(sha256sum enc | cut -d' ' -f1)
    [ "$got" = "$sum" ] || fail "$file at $addr $*: $got, wanted $sum"
    expect 0 stdout "===> dec" flash-decrypt "$@" -k "$file" -a "$addr" -o dec enc
    cmp -s in dec || fail "$file at $addr $*: decrypted data differ"
    [ "$(stat -c %a dec)" = 600 ] || fail "decrypted data have mode $(stat -c %a dec)"
}
umask 022
golden xts 16 0x1000 0x0 144
golden xts 32 0x8010 0x0 4096
golden xts 64 0xfffff000 0x0 4096
golden esp32 24 0x110000 0xf 4096
golden esp32 32 0xffc000 0xf 4096
golden esp32 32 0x155550 0x5 1024

# Decimal addresses, and forms with one letter.
plain 144 >in
expect 0 stdout 'Encrypted 144 bytes for address 0x1000 with XTS-AES-256' \
    flash-encrypt -xk key64 -a 4096 -o e1 in
expect 0 stdout '' flash-encrypt -x -k key64 -a 0x1000 -o e2 -q in
cmp -s e1 e2 || fail "4096 and 0x1000 are not the same"
[ "$(stat -c %a e1)" = 644 ] || fail "encrypted data have mode $(stat -c %a e1)"

# The ESP32 takes any length; what is put behind is told.
head -c 33 in >odd
expect 0 stderr '15 random bytes put behind' flash-encrypt -k key32 -a 0 -o odd.enc odd
expect 0 stdout 'Decrypted 48 bytes' flash-decrypt -k key32 -a 0 -o odd.dec odd.enc
[ "$(head -c 33 odd.dec | cmp - odd && echo same)" = same ] || fail "odd length: other data"
expect 0 stderr 'equal data have equal bytes' flash-encrypt -k key32 -a 0 -o c0 --flash-crypt-conf 0 in
expect 0 stderr 'does not count for AES-XTS' flash-encrypt -xk key32 -a 0 -o c1 --flash-crypt-conf 3 in

# Bad input: told, and no output.
expect 2 stderr '--keyfile is needed' flash-encrypt -x -a 0 -o no in
expect 2 stderr '--address is needed' flash-encrypt -x -k key32 -o no in
expect 2 stderr '--output is needed' flash-decrypt -x -k key32 -a 0 in
expect 2 stderr 'INPUT is missing' flash-encrypt -x -k key32 -a 0 -o no
for addr in -1 0x100000000 x ''; do
    expect 2 stderr 'an address in flash' flash-encrypt -x -k key32 --address="$addr" -o no in
done
expect 2 stderr 'from 0 to 0xF' flash-encrypt -k key32 -a 0 -o no --flash-crypt-conf 16 in
expect 3 stderr 'key24: a key of 24 bytes' flash-encrypt -x -k key24 -a 0 -o no in
expect 3 stderr 'key16: a key of 16 bytes' flash-encrypt -k key16 -a 0 -o no in
expect 3 stderr 'key64: a key of 64 bytes' flash-decrypt -k key64 -a 0 -o no in
expect 3 stderr 'in: 144 bytes are no flash encryption key' flash-encrypt -x -k in -a 0 -o no in
head -c 32 /dev/zero >zeros
expect 3 stderr 'zeros: a key that is no key' flash-encrypt -x -k zeros -a 0 -o no in
: >empty
expect 3 stderr 'empty: a key of 0 bytes' flash-encrypt -x -k empty -a 0 -o no in
expect 3 stderr 'empty: 0 bytes' flash-encrypt -x -k key32 -a 0 -o no empty
expect 3 stderr 'odd: 33 bytes' flash-encrypt -x -k key32 -a 0 -o no odd
expect 3 stderr 'odd: 33 bytes' flash-decrypt -k key32 -a 0 -o no odd
expect 3 stderr 'address 0x8' flash-encrypt -x -k key32 -a 8 -o no in
expect 3 stderr 'beyond 0x1000000' flash-encrypt -k key32 -a 0xFFFFF0 -o no in
expect 4 stderr 'nowhere' flash-encrypt -x -k nowhere -a 0 -o no in
expect 4 stderr 'nowhere' flash-encrypt -x -k key32 -a 0 -o no nowhere
expect 4 stderr 'nowhere' flash-encrypt -x -k key32 -a 0 -o nowhere/no in
expect 2 stderr 'no name of a file' flash-encrypt -x -k key32 -a 0 -o ./ in
expect 5 stderr "'e1' is already there" flash-encrypt -x -k key64 -a 4096 -o e1 in
cmp -s e1 e2 || fail "e1 was replaced"
[ ! -e no ] || fail "an output after a fault"

# Keys.
for bits in 128 192 256 512; do
    expect 0 stdout "a flash encryption key of $bits bits" generate-flash-key -l $bits new$bits
    [ "$(stat -c '%a %s' new$bits)" = "600 $((bits / 8))" ] || fail "new$bits: $(stat -c '%a %s' new$bits)"
done
before=$(sha256sum new256)
expect 0 stdout 'of 256 bits' generate-flash-key another
cmp -s new256 another && fail "the same key twice"
expect 5 stderr 'new256' generate-flash-key new256
[ "$before" = "$(sha256sum new256)" ] || fail "a key was replaced"
expect 2 stderr 'choose 128, 192, 256 or 512' generate-flash-key --keylen 300 no
expect 2 stderr 'OUTPUT is missing' generate-flash-key
expect 2 stderr 'no name of a file' generate-flash-key ./
expect 4 stderr 'nowhere' generate-flash-key nowhere/no
expect 0 stdout "\"key_fingerprint\": \"$(sha256sum key32 | cut -d' ' -f1)\"" \
    flash-encrypt --json -xk key32 -a 0 -o j1 in
[ ! -e no ] || fail "a key after a fault"
# Nothing temporary stays.
left=$(find . -name '*.partial*' -o -name '.*' -type f)
[ -z "$left" ] || fail "left behind: $left"

[ "$failed" -eq 0 ] && echo "flash_crypt_cli: $checks checks passed"
[ "$failed" -eq 0 ]
