#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Proof that sealed keys stay in memory: no system call that writes, of mfg_gen generate --seal and of
# a line that seals, carries 16 bytes of a plain key in a row, and no file that is left has them.
# What a line sends to a board is the key itself, so its boards are simulated in its own process.
set -eu

case ${top_srcdir:?} in
/*) ;;
*) top_srcdir=$PWD/$top_srcdir ;;
esac
# shellcheck source=tests/cli_util.sh
. "$top_srcdir/tests/cli_util.sh"
: "${MFG_FLASH:?}"

for tool in strace openssl od; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "SKIP: the program $tool is not there: nothing was proven (Debian: $tool)"
        exit 77
    fi
done
if ! strace -o probe true 2>/dev/null; then
    echo "SKIP: strace may not trace here: nothing was proven"
    exit 77
fi
# A sanitizer cannot look for leaks in a program that is traced.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
TMPDIR=$work/tmp
mkdir tmp
export ASAN_OPTIONS TMPDIR

openssl req -x509 -newkey rsa:2048 -nodes -keyout vault.pem -out vault.crt -subj /CN=vault -days 30 \
    >openssl.log 2>&1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout station.pem \
    -out station.crt -subj /CN=station -days 30 >openssl.log 2>&1
chmod 600 vault.pem station.pem

# traced LOG PROGRAM…: run it; all that it writes, in whatever way, goes to LOG.
traced() {
    log=$1
    shift
    strace -f -qq -xx -s 16777216 -o "$log" \
        -e trace=write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg,copy_file_range,sendfile,splice,process_vm_writev \
        "$@" >stdout 2>stderr || fail "$*: $(head -3 stderr)"
}

# windows FOLDER: each 16 bytes in a row of the keys there, as hex digits. A key partition begins
# with its 64 bytes; what is behind them is no secret.
windows() {
    for key in "$1"/*; do
        od -An -v -tx1 -N 64 "$key" | tr -d ' \n' |
            awk '{ for (i = 1; i + 31 <= length($0); i += 2) print substr($0, i, 32) }'
    done | sort -u
}

# found HEX PATTERNS: how many lines of HEX have one of them
found() {
    grep -cFf "$2" "$1" || :
}

# log_hex LOG: its data as hex digits, a line a call
log_hex() {
    sed 's/\\x//g' "$1"
}

# files_hex FOLDER…: each file as a line of hex digits
files_hex() {
    find "$@" -type f | while IFS= read -r file; do
        od -An -v -tx1 "$file" | tr -d ' \n'
        echo
    done
}

printf 'ns,namespace,\nnum,data,u16\n' >config.csv
{
    echo num
    seq 1 20
} >values.csv
set -- config.csv values.csv P 0x3000 --keygen --key_protect_hmac --kp_hmac_keygen -j 2

# First that keys are found at all: those of a run that does not seal.
traced open.log "$MFG_GEN" generate "$@" --outdir open
windows open/keys >open.windows
log_hex open.log >open.hex
[ "$(found open.hex open.windows)" -ge 40 ] || fail "the keys of a plain run were not found"
files_hex open >open.files
[ "$(found open.files open.windows)" -ge 40 ] || fail "the key files of a plain run were not found"

# A batch, in folders of its own and in folders that are there, and one that is resumed.
mkdir -p direct/keys direct/bin
chmod 700 direct/keys
for out in sealed direct; do
    traced $out.log "$MFG_GEN" generate "$@" --outdir $out --seal vault.crt --manifest $out/m.json
    rm $out/bin/P-7.bin $out/keys/*keys-P-7.bin.cms $out/m.json
    traced $out.again "$MFG_GEN" generate "$@" --outdir $out --seal vault.crt --manifest $out/m.json \
        --resume
    files_hex $out tmp >$out.files
    "$MFG_GEN" unseal -q --key vault.pem --outdir plain-$out $out/keys/*.cms || fail "unseal $out"
    windows plain-$out >$out.windows
    [ "$(wc -l <$out.windows)" -gt 1000 ] || fail "too few windows"
    cat $out.log $out.again >$out.both
    log_hex $out.both >$out.hex
    [ "$(grep -c . $out.hex)" -gt 60 ] || fail "strace has seen too little"
    checks=$((checks + 2))
    [ "$(found $out.hex $out.windows)" -eq 0 ] || fail "$out: a plain key was written"
    [ "$(found $out.files $out.windows)" -eq 0 ] || fail "$out: a plain key is in a file"
done

# A line.
cat >job.yaml <<'END'
batch: B
chip: esp32c3
ledger: batch.db
units: {config: config.csv, values: values.csv, prefix: P, size: 0x3000, at: 0x9000,
  encryption: hmac, keys_dir: line/keys, seal: [vault.crt, station.crt]}
efuses:
  - burn_key: {purpose: HMAC_UP}
END
echo 'unseal_key: station.pem' >station.yaml
"$MFG_FLASH" line job.yaml --check >stdout 2>stderr || fail "--check: $(cat stderr)"
plan=$(sed -n 's/^Plan of the eFuses: //p' stdout)
traced line.log "$MFG_FLASH" line job.yaml 'sim:esp32c3*4' --station station.yaml --approve "$plan" \
    --rounds 5
grep -q '20/20 done' stdout || fail "the line: $(tail -3 stdout)"
files_hex line batch.db* tmp >line.files
"$MFG_GEN" unseal -q --key vault.pem --outdir plain-line line/keys/*.cms || fail "unseal line"
windows plain-line >line.windows
[ "$(wc -l <line.windows)" -eq 340 ] || fail "not 17 windows of each of 20 keys"
log_hex line.log >line.hex
checks=$((checks + 2))
[ "$(found line.hex line.windows)" -eq 0 ] || fail "line: a plain key was written"
[ "$(found line.files line.windows)" -eq 0 ] || fail "line: a plain key is in a file"

echo "$checks proofs: $(cat ./*.hex | wc -l) system calls, $(cat ./*.windows | wc -l) windows, $failed failed"
[ "$failed" -eq 0 ]
