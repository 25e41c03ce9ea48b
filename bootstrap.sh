#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From a fresh Debian machine to a built, demonstrated, checked or installed espmfg.
set -eu

cd "$(dirname "$0")"
build=${EM_BUILD_DIR:-build}

usage() {
    cat <<'END'
usage: ./bootstrap.sh COMMAND

  deps      install the Debian packages that are missing (as root, or with sudo)
  tools     install what only developers need: clang, clang-format, doxygen, shellcheck,
            and chromium, in which pages are looked at
  build     deps, then configure and build in build/
  demo      build, then make the batch of samples/ with HMAC-protected keys, show and
            verify it, write a unit into a simulated chip, and run the line: 12 units on
            4 simulated boards, burned, recorded, and one read back
  check     build, then run all tests
  install   build, then install to /usr/local (PREFIX=… for another place)

Can be run again at any time; does only what is still to be done.
END
}

say() {
    printf '\n== %s\n' "$*"
}

# To build and test; what tests look at documents and completions with; and what only the
# stricter checks of .ci/run need.
packages='autoconf automake libtool make gcc libc6-dev binutils pkg-config mawk
    libssl-dev libdeflate-dev libelf-dev libjansson-dev liblua5.4-dev libserialport-dev
    libsqlite3-dev zlib1g-dev libcyaml-dev libyaml-dev libmicrohttpd-dev libpq-dev libcunit1-dev'
checkers='mandoc fish strace openssl postgresql'
tools='clang clang-format doxygen libclang-rt-14-dev shellcheck git util-linux xz-utils chromium'

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "bootstrap.sh: packages are missing; run as root, or install sudo" >&2
        exit 1
    fi
}

has_package() {
    dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

# Install what is missing of the packages named.
install_packages() {
    missing=
    for package in "$@"; do
        has_package "$package" || missing="$missing $package"
    done
    if [ -z "$missing" ]; then
        return 0
    fi
    say "installing$missing"
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        $missing >/dev/null 2>&1 && return 0
    # The list of packages may be old or absent.
    as_root apt-get update -q
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        $missing
}

newer() {
    [ -n "$(find "$1" -newer "$2")" ]
}

deps() {
    # shellcheck disable=SC2086 # a list of words
    install_packages $packages
    say "all packages are there"
}

build() {
    deps
    if [ ! -x configure ] || newer configure.ac configure; then
        say "making configure"
        autoreconf -fi
    fi
    mkdir -p "$build"
    if [ ! -f "$build/Makefile" ] || newer configure "$build/config.status"; then
        say "configuring in $build/"
        (cd "$build" && "$OLDPWD/configure" -q ${PREFIX:+--prefix="$PREFIX"})
    fi
    say "building"
    make -s -C "$build" -j"$(nproc)"
}

demo() {
    build
    out=$build/demo
    rm -rf "$out"
    say "one command: 12 units of samples/, each with its own HMAC-protected key"
    set -- generate samples/config.csv samples/values.csv EX1 0x6000 --outdir "$out" \
        --fileid serial --keygen --key_protect_hmac --kp_hmac_keygen \
        --manifest "$out/manifest.csv"
    echo "mfg_gen $*"
    "$build/mfg_gen" "$@"
    say "what it made"
    echo "mode   size  file"
    for folder in bin csv keys; do
        find "$out/$folder" -type f -printf '%m %7s  %p\n' | sort -k 3 | sed -n '1,4p'
        echo "            … $(find "$out/$folder" -type f | wc -l) files"
    done
    say "the manifest: unit, file id, size, SHA-256 of the image, fingerprint of the key"
    cut -d, -f1,2,7,8,9 "$out/manifest.csv" | cut -c1-120
    say "the first unit's intermediate CSV (mode 0600: it holds the unit's values)"
    cut -c1-88 "$out/csv/EX1-EX1-000123.csv" | sed -n '1,12p'
    unit=EX1-EX1-000123
    set -- --inputkey "$out/keys/keys-$unit.bin"
    say "is the first image what a device can use? (its key is needed)"
    echo "mfg_gen image check $out/bin/$unit.bin $*"
    "$build/mfg_gen" image check "$out/bin/$unit.bin" "$@"
    say "what is in it (--show-values would show the values too)"
    echo "mfg_gen image dump $out/bin/$unit.bin $*"
    "$build/mfg_gen" image dump "$out/bin/$unit.bin" "$@"
    say "the whole batch against its tables and its manifest"
    set -- verify "$out" --config samples/config.csv --values samples/values.csv \
        --fileid serial --manifest "$out/manifest.csv"
    echo "mfg_gen $*"
    "$build/mfg_gen" "$@"
    flash_demo "$out" "$unit"
    line_demo "$out/line"
    say "done: all of it is in $out; docs/guide.md goes through it step by step"
}

# The whole batch on four simulated boards at a time, in three rounds: each unit's image made,
# written, its HMAC key burned, and recorded. Then one board's flash is decrypted to its row.
line_demo() {
    mkdir -p "$1"
    cp -R samples "$1/samples"
    tools=$(cd "$build" && pwd)
    (
        cd "$1"
        say "the line: what is going to be burned, and its hash"
        echo "mfg_flash line samples/job.yaml --check"
        "$tools/mfg_flash" line samples/job.yaml --check >check.txt
        sed -n '/^eFuses/,$p' check.txt
        plan=$(sed -n 's/^Plan of the eFuses: //p' check.txt)
        set -- line samples/job.yaml 'sim:esp32c3*4' --boards boards --rounds 3 --approve "$plan"
        say "12 units on 4 boards at a time"
        echo "mfg_flash $*"
        "$tools/mfg_flash" "$@"
        say "who got what"
        for command in status list check; do
            echo "mfg_flash ledger $command --ledger samples/batch.db"
            "$tools/mfg_flash" ledger $command --ledger samples/batch.db
        done
        decrypt_demo
    )
}

# What the first board (its MAC is the simulator's first) holds at 0x9000 is its unit's image.
decrypt_demo() {
    say "the NVS partition of the first board, decrypted with its unit's HMAC key"
    unit=$("$tools/mfg_flash" ledger show 02:00:00:00:00:00 --ledger samples/batch.db --json |
        sed -nE 's/^    "name": "(.*)",$/\1/p' | head -n 1)
    tail -c +36865 boards/A1-1.flash | head -c 24576 >nvs.bin # 0x9000, 0x6000
    set -- image dump nvs.bin --kp_hmac_inputkey "samples/keys/hmac-keys-$unit.bin" --show-values
    echo "mfg_gen $*"
    "$tools/mfg_gen" "$@"
    say "and the row of $unit in the spreadsheet"
    sed -n "1p;/${unit#EX1-}/p" samples/values.csv
}

# Write a unit's image into a simulated chip, compare it, and ask the chip who it is.
flash_demo() {
    port=$1/chip
    say "a simulated chip, and the first unit's image in its flash"
    echo "mfg_sim --chip esp32c3 --link $port --flash $1/chip.bin"
    "$build/mfg_sim" --chip esp32c3 --link "$port" --flash "$1/chip.bin" &
    chip=$!
    tries=0
    while [ ! -e "$port" ] && [ "$tries" -lt 50 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    result=0
    flash_step write-flash 0x9000 "$1/bin/$2.bin" && flash_step verify-flash 0x9000 \
        "$1/bin/$2.bin" && flash_step --quiet read-mac --json || result=$?
    kill "$chip"
    wait "$chip" || result=$?
    return "$result"
}

# One command of mfg_flash with the chip of flash_demo().
flash_step() {
    echo "mfg_flash --port $port $*"
    "$build/mfg_flash" --port "$port" "$@" 2>&1
}

check() {
    # shellcheck disable=SC2086 # a list of words
    install_packages $checkers
    build
    say "running all tests"
    make -C "$build" -j"$(($(nproc) * 2))" check # many of them wait most of the time
}

case "${1:-}" in
deps) deps ;;
tools)
    # shellcheck disable=SC2086 # a list of words
    install_packages $tools
    ;;
build) build ;;
demo) demo ;;
check) check ;;
install)
    build
    say "installing"
    as_root make -s -C "$build" install
    ;;
-h | --help | help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
