#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A line whose keys are sealed, on simulated boards: what is refused before a board is touched, that
# it opens its own envelopes again after kills, and that board, envelope and ledger have one key.
# EM_KILLS: how often it is killed.
set -eu

case ${top_srcdir:?} in
/*) ;;
*) top_srcdir=$PWD/$top_srcdir ;;
esac
# shellcheck source=tests/cli_util.sh
. "$top_srcdir/tests/cli_util.sh"
program=${MFG_FLASH:?}

if ! command -v openssl >/dev/null 2>&1; then
    echo "SKIP: the program openssl is not there (Debian: openssl)"
    exit 77
fi
for name in vault station other next; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.pem \
        -out $name.crt -subj "/CN=$name" -days 30 >openssl.log 2>&1
    chmod 600 $name.pem
    echo "unseal_key: $name.pem" >$name.yaml
done
printf 'ns,namespace,\nnum,data,u16\n' >config.csv
{
    echo num
    seq 1 40
} >values.csv
# job UNITS: a job with these keys of its units
job() {
    cat >job.yaml <<END
batch: B
chip: esp32c3
ledger: batch.db
units: {config: config.csv, values: values.csv, prefix: P, size: 0x3000, at: 0x9000, $1}
efuses:
  - burn_key: {purpose: HMAC_UP}
END
}
hmac="encryption: hmac, keys_dir: keys"
sim='sim:esp32c3*4'

# Before a board is touched.
job "seal: [vault.crt]"
expect 2 stderr "seal, but encryption is none" line job.yaml --check
job "$hmac, seal: [vault.crt, nowhere.crt]"
expect 2 stderr "nowhere.crt" line job.yaml --check
job "$hmac, seal: [vault.crt, vault.pem]"
expect 2 stderr "not a certificate" line job.yaml --check
job "$hmac, seal: [vault.crt, station.crt]"
expect 0 stdout "units.seal[1]" line job.yaml --check
plan=$(sed -n 's/^Plan of the eFuses: //p' stdout)
expect 2 stderr "could not open them again after a power cut" line job.yaml "$sim" --approve "$plan"
expect 2 stderr "belongs to none of them" line job.yaml "$sim" --approve "$plan" \
    --station other.yaml
chmod 644 station.pem
expect 2 stderr "others than its owner" line job.yaml "$sim" --approve "$plan" \
    --station station.yaml
chmod 600 station.pem
echo 'unseal_passphrase_file: pass' >no.yaml
expect 2 stderr "no unseal_key" line job.yaml "$sim" --approve "$plan" --station no.yaml
if [ -e batch.db ] || [ -e keys ]; then
    fail "something was made: $(ls)"
fi
expect 0 stdout "done" line job.yaml --simulate --rounds 1

# Killed and started again; the moments are when so many keys are on the disk.
kills=${EM_KILLS:-12}
landed=0
i=0
while [ "$i" -lt "$kills" ]; do
    i=$((i + 1))
    "$program" line job.yaml "$sim" --station station.yaml --approve "$plan" --boards boards \
        --rounds 10 >stdout 2>stderr &
    pid=$!
    while kill -0 $pid 2>/dev/null &&
        [ "$(find keys -name '*.cms' 2>/dev/null | wc -l)" -lt $((i * 38 / kills)) ]; do
        :
    done
    kill -KILL $pid 2>/dev/null && landed=$((landed + 1))
    wait $pid 2>/dev/null || :
    [ ! -s stderr ] || fail "killed $i: $(head -3 stderr)"
done
[ "$landed" -gt $((kills / 2)) ] || fail "only $landed of $kills kills met a running line"
expect 0 stdout "40/40 done" line job.yaml "$sim" --station station.yaml --approve "$plan" \
    --boards boards --rounds 10
expect 0 stdout "all promises hold" ledger check --ledger batch.db

# One key on board, in envelope and ledger; a receipt for each.
"$MFG_GEN" unseal -q --key vault.pem --outdir plain keys/*.cms || fail "unseal"
[ -z "$(find keys -type f ! -name '*.cms')" ] || fail "in keys: $(ls keys)"
"$program" ledger export --units --ledger batch.db >units
"$program" ledger export --ledger batch.db >events
vault=$(openssl x509 -in vault.crt -outform DER | sha256sum | cut -d' ' -f1)
for key in plain/*; do
    print=$(sha256sum "$key" | cut -d' ' -f1)
    grep -q "$print" units || fail "$key is not in the ledger"
    grep -q ",seal,.*$print sealed to $vault" events || fail "$key has no receipt"
    hex=$(od -An -v -tx1 "$key" | tr -d ' \n')
    n=0
    for fuses in boards/*.efuse; do
        if od -An -v -tx1 "$fuses" | tr -d ' \n' | grep -q "$hex"; then
            n=$((n + 1))
        fi
    done
    checks=$((checks + 1))
    [ "$n" -eq 1 ] || fail "$key is on $n boards"
done

# Rotation: another vault from now on; what was sealed before stays as it is. A certificate that
# expired is refused before a board is touched. A station with a new key cannot go on with boards
# that are under way, and says so; with the old one it can. Boards here never start.
sed -i 's/batch.db/turn.db/' job.yaml
sed -i 's/keys_dir: keys/keys_dir: turn/' job.yaml
turn() {
    sed -i "s/seal: .[^]]*]/seal: [$1]/" job.yaml
}
run() {
    wanted=$1 text=$2
    shift 2
    expect "$wanted" stdout "$text" line job.yaml "$sim" --approve "$plan" --boards turned "$@"
}
run 0 '4/40 done' --station station.yaml --rounds 1
turn "next.crt, station.crt"
run 0 '8/40 done' --station station.yaml --rounds 2
"$MFG_GEN" unseal -q --key next.pem --outdir plain-next turn/*.cms 2>/dev/null &&
    fail "the next vault opens what was sealed before it"
"$MFG_GEN" unseal -q --key station.pem --outdir plain-turn turn/*.cms || fail "unseal turn/"
opened=0
for key in turn/*.cms; do
    "$MFG_GEN" unseal -q --key next.pem --outdir plain-next "$key" 2>/dev/null &&
        opened=$((opened + 1))
done
[ "$opened" -eq 4 ] || fail "the next vault opens $opened of 8 keys, not 4"
openssl req -new -key vault.pem -subj /CN=vault -out vault.csr
openssl x509 -req -in vault.csr -signkey vault.pem -days -1 -out old.crt 2>openssl.log
turn "old.crt, station.crt"
expect 2 stderr "old.crt: the certificate expired on" line job.yaml "$sim" --station station.yaml \
    --approve "$plan" --boards turned --rounds 3
turn "next.crt, station.crt"
echo "boot_check: {expect: ready now, within: 1s}" >>job.yaml
run 1 'did not come' --station station.yaml --rounds 3
turn "next.crt, other.crt"
run 1 'it is sealed to 2 recipients, and the private key is of none of them' \
    --station other.yaml --rounds 3
sed -i '/boot_check/d' job.yaml
turn "next.crt, station.crt"
run 0 '12/40 done' --station station.yaml --rounds 3
expect 0 stdout 'all promises hold' ledger check --ledger turn.db

# A batch that mfg_gen sealed before.
"$MFG_GEN" generate config.csv values.csv G 0x3000 --outdir made --keygen --key_protect_hmac \
    --kp_hmac_keygen --seal station.crt --manifest made/manifest.csv >stdout
cat >made.yaml <<'END'
batch: G
chip: esp32c3
ledger: made.db
units: {manifest: made/manifest.csv, at: 0x9000}
efuses:
  - burn_key: {purpose: HMAC_UP}
END
expect 0 stdout "12/40 done" line made.yaml "$sim" --station station.yaml --approve "$plan" --rounds 3
expect 1 stdout "nothing here can open it" line made.yaml 'sim:esp32c3*1' --approve "$plan" --rounds 1 \
    --ledger other.db

echo "$checks checks of a line with sealed keys, $landed kills, $failed failed"
[ "$failed" -eq 0 ]
