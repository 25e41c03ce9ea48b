#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Records what esptool merges, as lines
#     EXIT LENGTH=SHA256 CHIP OPTIONS ADDR INPUT…
# where INPUT is a file of this folder, or bytesLENGTH: what tests/make_elf.c makes.
# usage: record_merge.sh ESPTOOL MAKE_ELF >merge.txt, with the command of esptool 5.2.0
set -eu

esptool=$1
make_elf=$2
here=$(cd "$(dirname "$0")" && pwd)
jobs=${JOBS:-2}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/one.sh" <<'END'
number=$1 chip=$2
shift 2
mkdir "$folder/$number"
cd "$folder/$number"
cp "$here"/*.bin "$here"/*.hex .
for word; do
    case $word in
    bytes*) "$make_elf" bytes "${word#bytes}" "$word" ;;
    esac
done
status=0
$esptool --chip "$chip" merge-bin -o out "$@" >/dev/null 2>&1 || status=$?
result=-
[ ! -e out ] || [ "$status" -ne 0 ] || result=$(wc -c <out)=$(sha256sum out | cut -d' ' -f1)
echo "$status $result $chip $*" >"$folder/$number.line"
rm -rf "${folder:?}/$number"
END

cases() {
    for chip in esp32 esp32s2 esp32s3 esp32c2 esp32c3 esp32c5 esp32c6 esp32c61 esp32h2 esp32p4 esp8266; do
        for format in raw hex uf2; do
            echo "$chip -f $format 0x1000 bytes1000 0x10000 bytes70001"
            echo "$chip -f $format 0x10000 bytes5 0x8000 bytes3072"
        done
        for image in esp32 esp32c2 esp32c3 esp32c6 esp8266; do
            for at in 0x0 0x1000 0x2000; do
                echo "$chip -fm dout -fs 8MB $at $image.bin 0x8000 bytes100"
            done
        done
        echo "$chip -ff 80m -fm qout 0x0 esp32c3.bin 0x1000 esp32.bin"
    done
    for options in '' '-t 0x1000' '-t 0x2000' '--pad-to-size 256KB' '--pad-to-size 1MB -t 0x800' \
        '-f hex -t 0x1000' '-f hex -t 0x2000' '-f hex --pad-to-size 256KB' \
        '-f uf2 -t 0x1000' '-f uf2 -t 0x2000' '-f uf2 --pad-to-size 256KB' '-f uf2 --md5-disable' \
        '-f uf2 --chunk-size 256' '-f uf2 --chunk-size 4' '-f uf2 --chunk-size 452' \
        '-f uf2 --chunk-size 256 --md5-disable' '-f uf2 --chunk-size 476 --md5-disable' \
        '-f uf2 --chunk-size 255'; do
        echo "esp32c3 $options 0x1000 bytes4096 0x2000 bytes33 0xf003 bytes20000"
        echo "esp32s3 $options 0xfff8 bytes8 0x10000 bytes17 0x1fff1 bytes100"
        echo "esp32 $options 0x1003 bytes600"
        echo "esp32 $options 0x0 merged.hex 0x80000 bytes10"
        echo "esp32p4 $options 0x1000 merged.hex"
    done
    for format in raw hex uf2; do
        echo "esp32c6 -f $format 0x1000 bytes100 0x1100 bytes100"
        echo "esp32c6 -f $format 0x1000 bytes100 0x1064 bytes100"
        echo "esp32c6 -f $format 0x2000 bytes100 0x1000 bytes4097"
        echo "esp32c6 -f $format 0x2000 bytes100 0x2000 bytes100"
        echo "esp32c6 -f $format 0x100 bytes1"
        echo "esp32c6 -f $format 0x8000 merged.hex 0x9000 bytes100"
        echo "esp32c6 -f $format 0x8000"
        echo "esp32c6 -f $format 0x12345000 bytes100 0x12350000 bytes3"
    done | grep -v 'raw 0x12345000'
    echo "esp32c6 -fs 512KB 0x0 esp32c6.bin"
    echo "esp32c6 -ff 60m 0x0 esp32c6.bin"
    echo "esp8266 -fs 512KB 0x0 esp8266.bin"
    echo "esp32c6 -fs 512KB 0x1000 esp32c6.bin"
}

export folder esptool make_elf here
cases | awk '{ printf "%04d %s\n", NR, $0 }' | xargs -P "$jobs" -L 1 sh "$folder/one.sh"
# Status 1: esptool itself failed.
cat "$folder"/*.line | grep -v '^1 '
