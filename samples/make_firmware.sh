#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes samples/firmware/ anew: boot loader, partition table, app and self-test for an
# ESP32-C3, in the right form, but with text where code would be. All of it comes out the
# same every time.
set -eu

cd "$(dirname "$0")/.."
out=samples/firmware
esp32c3=5

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# Numbers as bytes, the lowest first: each word is WIDTH:NUMBER. POSIX awk cannot write the
# byte 0, printf can.
put() {
    for word; do
        width=${word%%:*} number=$((${word#*:}))
        while [ "$width" -gt 0 ]; do
            # shellcheck disable=SC2059 # the format is the byte
            printf "\\$(printf '%03o' $((number % 256)))"
            number=$((number / 256)) width=$((width - 1))
        done
    done
}

size_of() {
    wc -c <"$1" | tr -d ' '
}

# The image $1 of one segment: the file $2, at address $3, which is the entry too.
make_image() {
    length=$(size_of "$2")
    [ $((length % 4)) -eq 0 ]
    {
        # Magic, segments, mode DIO, 4 MB at 40 MHz, entry; then the extended header with
        # the chip, any revision, and "a digest follows". Then the segment.
        put 1:0xE9 1:1 1:2 1:0x20 "4:$3"
        put 1:0xEE 3:0 "2:$esp32c3" 1:0 2:0 2:65535 4:0 1:1
        put "4:$3" "4:$length"
        cat "$2"
        # Filled up so that the checksum, an exclusive or of the data, ends a row of 16.
        put "$(((31 - (24 + 8 + length) % 16) % 16)):0"
        sum=$((0xEF))
        for byte in $(od -An -v -tu4 -w4 "$2" | LC_ALL=C awk '{
            for (i = 0; i < 4; i++) { n[$1 % 256]++; $1 = int($1 / 256) }
        } END { for (b in n) if (n[b] % 2) print b }'); do
            sum=$((sum ^ byte))
        done
        put "1:$sum"
    } >"$tmp/image"
    openssl dgst -sha256 -binary "$tmp/image" >"$tmp/digest"
    cat "$tmp/image" "$tmp/digest" >"$1"
}

# Text of $1 lines that say $2, filled up to words.
make_text() {
    LC_ALL=C awk -v lines="$1" -v text="$2" 'BEGIN {
        for (i = 1; i <= lines; i++) {
            line = sprintf("%s, line %d of a made-up program\n", text, i * 7919 % 10007)
            printf "%s", line
            length_ += length(line)
        }
        while (length_++ % 4)
            printf "\n"
    }'
}

# An entry of the partition table: name, type, subtype, offset, size, and flags if any.
entry() {
    put 1:0xAA 1:0x50 "1:$2" "1:$3" "4:$4" "4:$5"
    printf '%s' "$1"
    put "$((16 - ${#1})):0" "4:${6:-0}"
}

fill() {
    i=0
    while [ "$i" -lt "$1" ]; do
        printf '\377'
        i=$((i + 1))
    done
}

# A partition table in its binary form, with its MD5: the entries from the standard input.
make_table() {
    cat >"$tmp/table"
    cat "$tmp/table"
    put 1:0xEB 1:0xEB
    fill 14
    openssl dgst -md5 -binary "$tmp/table"
    fill $((0xC00 - $(size_of "$tmp/table") - 32))
}

# What samples/partitions.csv has; with "encrypted", samples/partitions_encrypted.csv.
entries() {
    encrypted=1
    entry nvs 1 2 0x9000 0x6000
    entry otadata 1 0 0xf000 0x2000
    if [ $# -gt 0 ]; then
        entry nvs_keys 1 4 0x11000 0x1000 "$encrypted"
    fi
    entry ota_0 0 0x10 0x20000 0x100000
    entry ota_1 0 0x11 0x120000 0x100000
}

mkdir -p "$out"
make_text 200 'sample boot loader' >"$tmp/text"
make_image "$out/bootloader.bin" "$tmp/text" 0x403cc700
make_text 1500 'sample app of EX1' >"$tmp/text"
make_image "$out/app.bin" "$tmp/text" 0x40380000
make_text 100 'sample self-test of EX1: passed' >"$tmp/text"
make_image "$out/selftest.bin" "$tmp/text" 0x40380000
entries | make_table >"$out/partition-table.bin"
entries encrypted | make_table >"$out/partition-table-encrypted.bin"
