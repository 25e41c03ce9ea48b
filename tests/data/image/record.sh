#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Records what esptool makes of the ELF files of tests/make_elf.c, as lines
#     EXIT FILE=LENGTH=SHA256,… CHIP SHAPE OPTIONS
# usage: record.sh ESPTOOL MAKE_ELF >elf2image.txt, with the command of esptool 5.2.0
set -eu

esptool=$1
make_elf=$2
jobs=${JOBS:-2}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# One case, in a folder of its own: EXIT, the files, and what was asked.
cat >"$folder/one.sh" <<'END'
number=$1 chip=$2 shape=$3
shift 3
mkdir "$folder/$number"
cd "$folder/$number"
"$make_elf" "$chip" "$shape" in.elf
status=0
$esptool --chip "$chip" elf2image "$@" in.elf >out 2>&1 || status=$?
rm -f out in.elf
files=
for file in *; do
    [ -e "$file" ] || continue
    files="$files${files:+,}$file=$(wc -c <"$file")=$(sha256sum "$file" | cut -d' ' -f1)"
done
echo "$status ${files:--} $chip $shape${*:+ }$*" >"$folder/$number.line"
rm -rf "${folder:?}/$number"
END

cases() {
    for chip in esp32 esp32s2 esp32s3 esp32c2 esp32c3 esp32c5 esp32c6 esp32c61 esp32h2 esp32p4; do
        for shape in plain page8k page32k nopage badpage sha_used mixed empty big edges ram boot \
            flash many toomany none overlap overlap_flash one_page outside machine; do
            echo "$chip $shape"
        done
        for number in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
            echo "$chip random$number"
        done
        for number in 16 17 18 19; do
            echo "$chip random$number --use-segments"
            echo "$chip random$number --flash-mmu-page-size 32KB"
            echo "$chip random$number --ram-only-header"
            echo "$chip random$number --secure-pad-v2"
        done
        for options in '--min-rev 3' '--min-rev-full 203 --max-rev-full 399' '--min-rev-full 65535' \
            '--min-rev 2 --min-rev-full 101' '--secure-pad' '--secure-pad-v2' \
            '--secure-pad --secure-pad-v2' '--secure-pad --dont-append-digest' \
            '--elf-sha256-offset 0x400' '--elf-sha256-offset 0x100 --dont-append-digest' \
            '--elf-sha256-offset 0xb0' \
            '--elf-sha256-offset 0x90000' '--dont-append-digest' '--use-segments' \
            '--flash-mmu-page-size 64KB' '--flash-mmu-page-size 32KB' \
            '--flash-mmu-page-size 16KB' '--flash-mmu-page-size 8KB' '--pad-to-size 256KB' \
            '--pad-to-size 4KB' '--pad-to-size 1MB --secure-pad-v2' \
            '--ram-only-header' '--ram-only-header --pad-to-size 128KB' \
            '--ram-only-header --use-segments' '--ram-only-header --secure-pad-v2' \
            '-fm dio -fs 4MB' '-fm qout -fs 16MB' '-fm dout -fs 128MB' '-fs 512KB' '-ff 80m' \
            '-ff 60m' '-ff 48m' '-ff 40m' '-ff 30m' '-ff 26m' '-ff 24m' '-ff 20m' '-ff 16m' \
            '-ff 15m' '-ff 12m' '-fm dio -ff keep'; do
            echo "$chip plain $options"
        done
        for options in '--use-segments' '--ram-only-header' '--elf-sha256-offset 0x20'; do
            echo "$chip mixed $options"
            echo "$chip empty $options"
        done
        for options in '--ram-only-header' '--secure-pad' '--secure-pad-v2' \
            '--flash-mmu-page-size 16KB'; do
            echo "$chip big $options"
            echo "$chip edges $options"
            echo "$chip flash $options"
        done
        echo "$chip boot --ram-only-header"
        echo "$chip boot --secure-pad"
        echo "$chip boot --secure-pad-v2"
        echo "$chip page8k --flash-mmu-page-size 8KB"
        echo "$chip page32k --flash-mmu-page-size 64KB"
    done
    for version in '-e 1' '-e 2' '-e 3'; do
        for shape in mixed empty ram boot flash many toomany none overlap outside machine edges \
            code v2code; do
            echo "esp8266 $shape $version"
        done
        for number in 0 1 2 3; do
            echo "esp8266 random$number $version"
        done
        for options in '-fm dio -ff 26m -fs 4MB' '-fs 2MB-c1' '-fs 512KB -ff 80m' '-ff 20m -fm qout' \
            '--dont-append-digest' '--secure-pad' '--pad-to-size 256KB' \
            '--elf-sha256-offset 0x20' '--use-segments' '--min-rev-full 3' '--ram-only-header' \
            '-fs 32MB'; do
            echo "esp8266 code $options $version"
            echo "esp8266 v2code $options $version"
        done
    done
}

export folder esptool make_elf
cases | awk '{ printf "%04d %s\n", NR, $0 }' | xargs -P "$jobs" -L 1 sh "$folder/one.sh"
# Status 1: esptool itself failed.
cat "$folder"/*.line | grep -v '^1 '
