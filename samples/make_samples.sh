#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the data of the sample batch anew: values.csv, ca.crt and units/.
#
# Keys are new with every run, so the certificates are too; all else comes out the same.
# The key of the CA is thrown away: nothing can ever be signed with it again.
set -eu

cd "$(dirname "$0")/.."
days=14600
first=123
last=134
token_secret='espmfg sample token secret'

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

make_key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

# A hash of a text, keyed with a secret that everybody knows.
keyed_hash() {
    printf '%s' "$1" | openssl dgst -sha256 -hmac "$token_secret" -binary
}

make_ca() {
    make_key "$tmp/ca.key"
    openssl req -x509 -new -sha256 -key "$tmp/ca.key" -days "$days" \
        -subj '/O=Example Instruments/CN=Example Instruments test CA, do not trust' \
        -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' \
        -addext 'keyUsage=critical,keyCertSign,cRLSign' -out samples/ca.crt
}

# Certificate and key of the unit $1, with the number $2.
make_identity() {
    make_key "$tmp/device.key"
    openssl req -new -sha256 -key "$tmp/device.key" \
        -subj "/O=Example Instruments/CN=$1" -out "$tmp/device.csr"
    openssl x509 -req -sha256 -in "$tmp/device.csr" -CA samples/ca.crt \
        -CAkey "$tmp/ca.key" -set_serial "$2" -days "$days" -extfile "$tmp/device.ext" \
        -out "samples/units/$1/device.crt" 2>"$tmp/log" || {
        cat "$tmp/log" >&2
        exit 1
    }
    {
        echo 'Test key of a sample, for no real device.'
        cat "$tmp/device.key"
    } >"samples/units/$1/device.key"
}

# Calibration of unit $1: 2500 little-endian 16-bit corrections, a bowl with a gain and a
# noise of its own. POSIX awk cannot write the byte 0, printf can.
make_calibration() {
    printf '%b' "$(LC_ALL=C awk -v unit="$1" 'BEGIN {
        noise = unit
        for (i = 0; i < 2500; i++) {
            noise = noise * 16807 % 2147483647
            x = i - 1250
            value = int(x * x * (100 + unit % 17) / 10000) + noise % 32
            printf "\\0%03o\\0%03o", value % 256, int(value / 256) % 256
        }
    }')"
}

# The row of unit $1, number $2, as it stands in values.csv; $3 and $4 are its REPEAT cells.
make_row() {
    dir=samples/units/$1
    index=$(($2 - first))
    token=$(keyed_hash "$1" | openssl base64 -A)
    pass=$(keyed_hash "setup $1" | od -An -tx1 -N6 | tr -d ' \n')
    printf '%s,%s,"%s",' SO-20417 "PAL-0$((1 + index / 6))" 'Example Utilities, Depot North'
    printf '%s,00005e0053%02x,%d,2026-11-%02d,' "$1" $((index + 1)) $((3 + index / 8)) \
        $((16 + index / 4))
    printf '%s,%d,%s,' "$3" $(($2 * 7919 % 401 - 200)) "$dir/cal.bin"
    printf '%s,%s,%s,%s,' "$dir/device.crt" "$dir/device.key" "${3:+samples/ca.crt}" "$token"
    printf '%s,%s,%s,%s\n' "$4" "$1" "$pass" "$([ $((index % 5)) -ne 4 ] || echo retested)"
}

rm -rf samples/units
make_ca
cat >"$tmp/device.ext" <<'END'
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
END
{
    printf 'order,pallet,customer,serial,mac,hw_rev,made_on,server,cal_offset,cal,'
    printf 'device_cert,device_key,ca_cert,token,country,setup_ssid,setup_pass,remark\n'
} >samples/values.csv

# Values marked REPEAT in config.csv stand in the first row only.
server=mqtts://ingest.example.com:8883
country=CH
number=$first
while [ "$number" -le "$last" ]; do
    serial=$(printf 'EX1-%06d' "$number")
    mkdir -p "samples/units/$serial"
    make_identity "$serial" "$number"
    make_calibration "$number" >"samples/units/$serial/cal.bin"
    make_row "$serial" "$number" "$server" "$country" >>samples/values.csv
    server=
    country=
    number=$((number + 1))
done
