#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The commands of mfg_flash that need no chip: names of outputs, forms of inputs, faults, and that
# nothing is left behind by a fault. The bytes are compared by test_flasher_image_golden.
set -eu

here=$PWD
# shellcheck source=tests/flash_util.sh
. "${top_srcdir:?}/tests/flash_util.sh"
make_elf=${top_builddir:?}/make_elf
data=$top_srcdir/tests/data/image
case $make_elf in
/*) ;;
*) make_elf=$here/$make_elf ;;
esac
case $data in
/*) ;;
*) data=$here/$data ;;
esac

# made FILE LENGTH SHA256: is it that file?
made() {
    checks=$((checks + 1))
    [ -e "$1" ] || fail "$1 was not made"
    [ "$(wc -c <"$1")" -eq "$2" ] || fail "$1 has not $2 bytes"
    [ "$(sha256sum "$1" | cut -c1-16)" = "$3" ] || fail "$1 is another"
}

# absent FILE…: a fault leaves nothing, not even a part under another name.
absent() {
    checks=$((checks + 1))
    for file; do
        [ ! -e "$file" ] || fail "$file was left"
        rm -f "$file"
    done
    ! find . -name '*partial*' -o -name '*.tmp' | grep -q . || fail "something was left"
}

# ---- elf2image ----

# Every tenth case of the list, through the command line. EXIT FILE=LENGTH=SHA256,… CHIP SHAPE OPTIONS
mkdir case
cd case
grep -vE ' (overlap|outside|none)( |$)|0x90000|-ff keep' "$data/elf2image.txt" | awk 'NR % 10 == 1' >../cases
while read -r status files chip shape options; do
    rm -f ./*
    "$make_elf" "$chip" "$shape" in.elf
    got=0
    # shellcheck disable=SC2086 # words
    "$MFG_FLASH" -q --chip "$chip" elf2image $options in.elf >../stdout 2>../stderr || got=$?
    rm in.elf
    found=
    for file in *; do
        [ ! -e "$file" ] || found=$found${found:+,}$file=$(wc -c <"$file")=$(sha256sum "$file" | cut -d' ' -f1)
    done
    checks=$((checks + 1))
    [ "$got:${found:--}" = "$status:$files" ] ||
        fail "$chip $shape $options: $got ${found:--}, wanted $status $files: $(cat ../stderr)"
done <../cases
cd ..
[ "$(wc -l <cases)" -gt 100 ] || fail "only $(wc -l <cases) cases"

"$make_elf" esp32c3 plain a.b.elf
"$make_elf" esp32 plain x.elf
"$make_elf" esp32c3 overlap overlap.elf
"$make_elf" esp32c3 outside outside.elf
"$make_elf" esp32c3 machine arm.elf
"$make_elf" esp8266 code code
expect 0 stdout "Wrote 74640 bytes to 'a.b.bin'." -c ESP32-C3 elf2image a.b.elf
made a.b.bin 74640 "$(grep ' esp32c3 plain$' "$data/elf2image.txt" | sed 's/.*=//; s/^\(.\{16\}\).*/\1/')"
expect 0 stdout "to 'code-0x00000.bin'" -c esp8266 elf2image code
expect 0 stdout "to 'v2-0x10000.bin'" -c esp8266 elf2image --output v2-0x10000.bin --version=2 code
expect 0 stdout "to './code-0x10000.bin'" -c esp8266 elf2image -e 2 ./code
expect 0 stderr 'old spelling' -c esp32c3 elf2image --use_segments --flash_mode dio -o o.bin a.b.elf
expect 0 stdout '' -q -c esp32c3 elf2image a.b.elf -fs 4MB -o a.b.bin # replaced
expect 0 stdout 'size 4MB' image-info a.b.bin
expect 0 stdout "Wrote" -c esp32c3 elf2image --force outside.elf -o forced.bin

printf '' >empty
head -c 60 a.b.elf >short.elf
head -c 6000 a.b.elf >cut.elf
while IFS='|' read -r text arguments; do
    # shellcheck disable=SC2086 # words
    expect 2 stderr "$text" elf2image -o none.bin $arguments
    absent none.bin
done <<'END'
name the chip|a.b.elf
ELF file is for RISC-V (machine 243), the ESP32 needs Xtensa (94)|-c esp32 a.b.elf
ELF file is for Xtensa (machine 94), the ESP32-C6 needs RISC-V|-c esp32c6 x.elf
ELF file is for another processor (machine 40)|-c esp32c3 arm.elf
the piece at 0x40380100 overlaps|-c esp32c3 overlap.elf
the piece from 0x90000000 to 0x9000|-c esp32c3 outside.elf
not an ELF file|-c esp32c3 empty
not an ELF file|-c esp32c3 a.b.bin
there is no chip 'esp99'|-c esp99 a.b.elf
cut.elf: ELF: its tables end at|-c esp32c3 cut.elf
No such file|-c esp32c3 missing.elf
flash size '512KB' is not one of the ESP32-C3|-c esp32c3 -fs 512KB a.b.elf
flash frequency '60m' is not one of|-c esp32c3 -ff 60m a.b.elf
--pad-to-size 3: write it as|-c esp32c3 --pad-to-size 3 a.b.elf
--version 4: a number|-c esp8266 --version 4 code
no segment has a place for the ELF file's SHA-256|-c esp32c3 --elf-sha256-offset 0x90000 a.b.elf
the place for the ELF file's SHA-256, at 0x400 of the image, is in use|-c esp32c3 --elf-sha256-offset 0x400 a.b.elf
END
expect 2 stderr "short.elf: " -c esp32c3 elf2image -o none.bin short.elf

# ---- image-info ----

expect 0 stdout 'SHA-256 of its ELF:' image-info a.b.bin
expect 0 stdout '== At 0x0003fff0' image-info "$data/merged.hex"
expect 0 stdout 'ESP8266, version 2' image-info v2-0x10000.bin
expect 2 stderr 'made for ESP32-C3' -c esp32 image-info a.b.bin
expect 2 stderr 'not a firmware image' image-info x.elf
expect 2 stderr 'not a firmware image' image-info empty
head -c 70000 a.b.bin >cut.bin
expect 2 stderr 'cut.bin: image: segment 5 has 9032 bytes at 0x10020, the image ends at' image-info cut.bin
cp a.b.bin bad.bin
printf 'X' | dd of=bad.bin bs=1 seek=1000 conv=notrunc 2>/dev/null
expect 2 stderr 'bad.bin: image: checksum' image-info bad.bin
expect 2 stdout '(wrong, 0x' image-info bad.bin
cp a.b.bin bad.bin
printf 'X' | dd of=bad.bin bs=1 seek=74620 conv=notrunc 2>/dev/null
expect 2 stderr 'the SHA-256 at its end is not that of its bytes' image-info bad.bin

# ---- merge-bin ----

random_file a.bin 1000
random_file b.bin 9000 2
random_file big.bin 30000 3
printf 'nvs,data,nvs,0x9000,24K\napp,app,factory,,1M\n' >parts.csv
expect 0 stdout "Wrote 0x103e8 bytes to 'm.bin', for the flash at 0x0." -c esp32c3 merge-bin -o m.bin \
    0x0 a.bin 0x10000 a.bin
contains m.bin 0 a.bin
contains m.bin 65536 a.bin
expect 0 stdout 'Wrote' -c esp32c3 --partition-table parts.csv merge_bin -o p.bin -t 0x9000 nvs a.bin app b.bin
contains p.bin 0 a.bin
contains p.bin 28672 b.bin
expect 0 stdout 'Wrote' -c esp32c3 merge-bin -f hex -o m.hex 0x1000 a.bin 0x12000 b.bin
expect 0 stdout 'Wrote' -c esp32c3 merge-bin -o back.bin 0 m.hex
contains back.bin 4096 a.bin
contains back.bin 73728 b.bin
expect 0 stderr "'empty' is empty" -c esp32c3 merge-bin -o m.bin 0 empty 0x1000 a.bin
# Intel HEX is taken wherever a file is: written, verified and loaded.
port='sim:esp32c3?flash=c3.flash'
expect 0 stdout 'Hash of data verified.' -p "$port" write-flash 0 m.hex
contains c3.flash 73728 b.bin
expect 0 stdout 'Verification successful' -p "$port" verify-flash 0 m.hex
image_file ram.bin 005
expect 0 stdout 'Wrote' -c esp32c3 merge-bin -f hex -o ram.hex 0 ram.bin
expect 0 stdout "'ram.hex' is loaded and runs." -p "$port" load-ram ram.hex

sed '2s/..$/00/' m.hex >sum.hex
{
    grep -v '^:00000001FF' m.hex
    cat m.hex
} >twice.hex
rm -f none.bin
while IFS='|' read -r text arguments; do
    # shellcheck disable=SC2086 # words
    expect 2 stderr "$text" merge-bin -o none.bin $arguments
    absent none.bin
done <<'END'
name the chip|0 a.bin
'0x1000' has no file|-c esp32c3 0 a.bin 0x1000
files overlap: one ends at 0x13e8, the next begins at 0x1800|-c esp32c3 0x1000 a.bin 0x1800 b.bin
before the target offset 0x2000|-c esp32c3 -t 0x2000 0x1000 a.bin
sum.hex:2: record with checksum 00|-c esp32c3 0 sum.hex
twice.hex: the byte at 0x1000 is given twice|-c esp32c3 0 twice.hex
end beyond 4 GiB|-c esp32c3 0xffffff00 a.bin
-f elf: choose raw, hex or uf2|-c esp32c3 -f elf 0 a.bin
--chunk-size 255: a multiple of 4|-c esp32c3 -f uf2 --chunk-size 255 0 a.bin
chunk size 476 is not|-c esp32c3 -f uf2 --chunk-size 476 0 a.bin
flash size '512KB'|-c esp32c3 -fs 512KB 0 a.b.bin
partition ends at 0xf000|-c esp32c3 --partition-table parts.csv nvs big.bin
END
expect 2 stderr 'name --output' -c esp32c3 merge-bin 0 a.bin
printf 'kept' >kept.bin
expect 2 stderr 'overlap' -c esp32c3 merge-bin -o kept.bin 0 a.bin 0 a.bin
[ "$(cat kept.bin)" = kept ] || fail "a fault changed what was there"

# ---- partition-table ----

expect 0 stdout 'nvs,data,nvs,0x9000,24K,' partition-table parts.csv
expect 0 stdout "Wrote 3072 bytes to 'parts.bin'" partition-table parts.csv parts.bin
expect 0 stdout 'app,app,factory,0x10000,1M,' partition-table parts.bin
expect 0 stdout "Wrote" partition-table parts.bin again.csv
expect 0 stdout "Wrote" partition-table again.csv again.bin
cmp -s parts.bin again.bin || fail "a table is another after a round trip"
expect 0 stdout 'Wrote' partition-table --disable-md5sum parts.csv plain.bin
expect 0 stdout 'app,app,factory' partition-table plain.bin
printf 'nvs,data,nvs,,24K\napp,app,ota_3,,1M,encrypted\n' >free.csv
expect 0 stdout 'nvs,data,nvs,0x11000,24K,' partition-table --offset 0x10000 free.csv
expect 0 stdout 'app,app,ota_3,0x20000,1M,encrypted' partition-table --offset 0x10000 free.csv
head -c 64 plain.bin >noend.bin
cp parts.bin damaged.bin
printf 'x' | dd of=damaged.bin bs=1 seek=12 conv=notrunc 2>/dev/null
cp plain.bin odd.bin
printf '\020\001' | dd of=odd.bin bs=1 seek=37 conv=notrunc 2>/dev/null
printf 'a,data,nvs,0x9000,24K\nb,data,nvs,0xa000,4K\n' >overlap.csv
printf 'a,app,factory,0x11000,64K\n' >unaligned.csv
printf 'a234567890123456x,data,nvs,0x9000,24K\n' >long.csv
printf 'a,data,nvs,0x8000,24K\n' >table.csv
rm -f none.bin
while IFS='|' read -r text arguments; do
    # shellcheck disable=SC2086 # words
    expect 2 stderr "$text" partition-table $arguments none.bin
    absent none.bin
done <<'END'
noend.bin: partition table: 64 bytes without an end|noend.bin
damaged.bin: partition table: its MD5 is not that of its entries|damaged.bin
odd.bin: offset 0x11000 of partition 'app' is not a multiple of 0x10000|odd.bin
overlap.csv:2: partition 'b' at 0xa000|overlap.csv
unaligned.csv:1: offset 0x11000|unaligned.csv
long.csv:1: name of a partition has 17 bytes, limit 16|long.csv
table.csv:1: partition 'a' at 0x8000 overlaps the table itself|table.csv
parts.csv:2: partition 'app' ends at 0x110000, the flash at 0x100000|--flash-size 1MB parts.csv
--offset 5: a multiple of 4096|--offset 5 parts.csv
END

echo "flash_image: $checks checks, $failed failed"
[ "$failed" -eq 0 ]
