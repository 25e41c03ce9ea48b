# SPDX-License-Identifier: Apache-2.0
# What tests of mfg_flash share; to be sourced. They run in a folder of their own, which is
# their home folder too.
# shellcheck shell=sh

# shellcheck source=tests/cli_util.sh
. "${top_srcdir:?}/tests/cli_util.sh"
program=${MFG_FLASH:?}
HOME=$work
export HOME
for variable in $(env | sed -n 's/^\(ESPTOOL_[A-Z_]*\)=.*/\1/p'); do
    unset "$variable"
done

# A file of $2 bytes that does not compress and is always the same ($3: another one).
random_file() {
    awk -v n="$2" -v seed="${3:-1}" 'BEGIN {
        srand(seed)
        for (i = 0; i < n; i++)
            printf "%c", 33 + int(rand() * 90)
    }' | tr '!-z' '\001-\132' >"$1"
    [ "$(stat -c %s "$1")" -eq "$2" ] || fail "size of $1"
}

# The header of a firmware image for the chip with id $2 (octal), and 64 bytes of one segment.
image_file() {
    {
        printf '\351\001\002\040\000\000\310\077\356\000\000\000'
        printf '%b\000' "\\0$2"
        printf '\000\000\000\377\377\000\000\000\000\000'
        printf '\000\000\310\077\100\000\000\000'
        head -c 79 /dev/zero
        printf '\357'
    } >"$1"
}

# contains FILE OFFSET CONTENT: does a flash hold it there?
contains() {
    checks=$((checks + 1))
    tail -c +$(($2 + 1)) "$1" | head -c "$(stat -c %s "$3")" | cmp -s - "$3" ||
        fail "$1 does not hold $3 at $2"
}

# A hint follows the last message.
hinted() {
    grep -q '^    hint: ' stderr || fail "no hint: $(cat stderr)"
}

# shellcheck disable=SC2034 # used by those who source this
chips='esp32 esp32s2 esp32s3 esp32c2 esp32c3 esp32c5 esp32c6 esp32c61 esp32h2 esp32p4'
