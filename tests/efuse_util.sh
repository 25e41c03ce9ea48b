# SPDX-License-Identifier: Apache-2.0
# What tests of mfg_flash efuse share; to be sourced.
# shellcheck shell=sh

# shellcheck source=tests/flash_util.sh
. "${top_srcdir:?}/tests/flash_util.sh"

# run STATUS ARGUMENTS…: mfg_flash efuse has to end like this; stdin is what the caller gives.
run() {
    wanted=$1
    shift
    checks=$((checks + 1))
    got=0
    "$MFG_FLASH" efuse "$@" >stdout 2>stderr || got=$?
    [ "$got" -eq "$wanted" ] || fail "$*: exit status $got, wanted $wanted: $(cat stderr)"
    if grep -q 'Sanitizer\|runtime error:' stderr; then
        fail "$*: $(cat stderr)"
    fi
}

# says STREAM TEXT: what the last one said.
says() {
    grep -qF -- "$2" "$1" || fail "no '$2' in $1: $(cat "$1")"
}
