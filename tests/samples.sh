#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The samples against an installed library: headers, pkg-config and a simulated chip are all that
# they get.
set -eu

: "${top_srcdir:?}" "${top_builddir:?}" "${CC:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
samples=$(cd "$top_srcdir/samples" && pwd)
checks=0
failed=0

fail() {
    echo "FAIL: $*"
    failed=1
}

# is TEXT: a line that stdout has.
is() {
    checks=$((checks + 1))
    grep -qxF -- "$1" "$work/out" || {
        fail "$sample: no line '$1' in:"
        cat "$work/out"
    }
}

run() {
    sample=$1
    shift
    checks=$((checks + 1))
    (cd "$work" && "./$sample" "$@") >"$work/out" 2>&1 || {
        fail "$sample: exit status $?"
        cat "$work/out"
    }
}

refused() {
    sample=$1
    shift
    checks=$((checks + 1))
    if (cd "$work" && "./$sample" "$@") >"$work/out" 2>&1; then
        fail "$sample: does not fail"
    fi
}

# Not all of it: the programs are no concern of the samples. Flags of the make above are neither.
(
    unset MAKEFLAGS MFLAGS MAKELEVEL
    make -s -C "$top_builddir" DESTDIR="$work/root" install-libLTLIBRARIES \
        install-espmfgincludeHEADERS install-pkgconfigDATA >"$work/log" 2>&1
) || {
    cat "$work/log"
    fail "the library cannot be installed"
    exit 1
}
pc=$(find "$work/root" -name espmfg.pc)
prefix=$work/root$(sed -n 's/^prefix=//p' "$pc")
libdir=$(dirname "$(find "$work/root" -name 'libespmfg.*' | head -n 1)")
PKG_CONFIG_PATH=$(dirname "$pc")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
static=
[ -e "$libdir/libespmfg.so" ] || static=--static
# shellcheck disable=SC2046,SC2086 # words
set -- $(pkg-config --define-variable=prefix="$prefix" $static --cflags --libs espmfg)
LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

count=0
for source in "$samples"/*.c; do
    name=$(basename "$source" .c)
    count=$((count + 1))
    # shellcheck disable=SC2086 # CC and CFLAGS are words
    $CC ${CFLAGS:-} -std=c11 -Wall -Wextra -Werror -pthread -D_POSIX_C_SOURCE=200809L \
        "$source" "$@" -o "$work/$name" || fail "$name cannot be built"
done
[ "$failed" -eq 0 ] || exit 1

# Two files, with a progress call-back; one of them Intel HEX at an address of its own.
seq 1 20000 | head -c 70000 >"$work/one.bin"
printf ':020000040002F8\n:02000000AABB99\n:00000001FF\n' >"$work/two.hex"
run flash_two "sim:esp32c3?flash=$work/flash" 0x30000 "$work/one.bin" 0 "$work/two.hex"
tr '\r' '\n' <"$work/out" >"$work/lines" && mv "$work/lines" "$work/out"
is "$work/one.bin: 70000 bytes at 0x30000 verified"
is "$work/two.hex: 2 bytes at 0x20000 verified"
is "writing: 100 %"
is "writing: all is well"
tail -c +196609 "$work/flash" | head -c 70000 | cmp -s - "$work/one.bin" ||
    fail "flash_two: the flash holds something else"
refused flash_two sim:esp32c3 0x30000 "$work/one.bin" 0x31000 "$work/one.bin"
grep -q 'share a sector' "$work/out" || fail "flash_two: $(cat "$work/out")"

# Block by block, from a pipe.
sample=flash_blocks
head -c 5000 "$work/one.bin" | (cd "$work" && ./flash_blocks sim:esp32 0x10000 5000) \
    >"$work/out" 2>&1 || fail "flash_blocks: exit status $?"
is "$(head -c 5000 "$work/one.bin" | md5sum | cut -d ' ' -f 1)  5000 bytes at 0x10000"

# A logger and a bar of one's own.
run log_and_bar 'sim:esp32s3?seed=2' "$work/session.log"
is "window: 'reading: done', bar at 100 %, drawn often"
grep -qxF 'STAGE   sim:esp32s3?seed=2: reading ok' "$work/session.log" ||
    fail "log_and_bar: the log lacks the stage: $(cat "$work/session.log")"
refused log_and_bar sim:esp99 "$work/session.log"
grep -q "^ERROR   sim:esp99: .*esp99" "$work/session.log" ||
    fail "log_and_bar: no fault in the log: $(cat "$work/session.log")"

# Who is there: three ports at the same time, and one that has nobody.
run who_is_there 'sim:esp32c3?mac=60:55:f9:00:00:01' \
    'sim:esp32?mac=60:55:f9:00:00:02&flash-size=8MB' 'sim:esp32h2?mac=60:55:f9:00:00:03'
checks=$((checks + 3))
for line in 'ESP32-C3 60:55:f9:00:00:01 flash .*, 4096 KiB' \
    'ESP32 60:55:f9:00:00:02 flash .*, 8192 KiB' 'ESP32-H2 60:55:f9:00:00:03 flash '; do
    grep -q ": $line" "$work/out" || fail "who_is_there: no $line in $(cat "$work/out")"
done

# An NVS image that never was in a file, read back by mfg_gen.
run nvs_to_flash "sim:esp32c6?flash=$work/nvs.flash" EX1-000777
tail -c +36865 "$work/nvs.flash" | head -c 24576 >"$work/nvs.bin"
"${MFG_GEN:?}" image dump "$work/nvs.bin" --show-values >"$work/out" 2>&1 ||
    fail "nvs_to_flash: mfg_gen cannot read it"
grep -q 'EX1-000777' "$work/out" || fail "nvs_to_flash: no serial number in the image"

run one_image "$work/image.bin"
is "an image of 12288 bytes"

[ "$failed" -eq 0 ] && echo "samples: $count programs built from the installed library, $checks checks"
exit "$failed"
