#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The rules of the house that a compiler does not know: rooms, names, forbidden calls, sizes.
set -eu

cd "${top_srcdir:?}"
failed=0

fail() {
    echo "FAIL: $1"
    failed=1
}

# Matches of a pattern are a fault, which $1 names.
none() {
    what=$1
    shift
    hits=$(grep -nP "$@" || true)
    if [ -n "$hits" ]; then
        fail "$what"
        printf '%s\n' "$hits" | sed 's/^/    /'
    fi
}

for file in base/*.[ch] nvs/*.[ch] mfg/*.[ch] mfg/*/*.[ch] flasher/*/*.[ch] src/*.[ch] include/espmfg/*.h tests/*.[ch] \
    tests/*/*.c samples/*.c; do
    [ -e "$file" ] || continue
    head -1 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || fail "$file: no SPDX line"
    [ "$(wc -l <"$file")" -lt 900 ] || fail "$file: 900 lines or more"
    case $file in
    base/*_int.h | nvs/*_int.h | mfg/*_int.h | flasher/*_int.h | include/* | src/*.h | tests/*.h) ;;
    *.h) fail "$file: headers of the library that are not public end in _int.h" ;;
    esac
done

# Arrows go down only: base <- nvs <- mfg <- src; samples see the public headers.
none "base/ includes a room above it" '#include "(nvs|mfg|flasher|src|tests)/' base/*.[ch]
none "nvs/ includes a room above it" '#include "(mfg|flasher|src|tests)/' nvs/*.[ch]
none "mfg/ includes a room above or beside it" '#include "(flasher|src|tests)/' mfg/*.[ch] mfg/*/*.[ch]
none "flasher/ includes a room above or beside it" '#include "(nvs|mfg|src|tests)/' flasher/*/*.[ch]

# Inside flasher/ as well: a room, and the headers of its sisters that it may see.
while read -r room below; do
    none "flasher/$room/ includes a room that is not below it" \
        "#include \"flasher/(?!$room/|$below)" "flasher/$room"/*.[ch]
done <<'EOF'
chip -
crypt -
transport -
image chip/
rom (chip|transport|image)/
flash (rom|image)/
efuse (chip|rom)/
sim (chip|efuse)/|rom/(slip|proto)_int|transport/(telnet|tty)_int
EOF

none "mfg/ or src/ includes a private header of nvs/" '#include "nvs/' mfg/*.[ch] mfg/*/*.[ch] src/*.[ch]
none "a sample includes more than public headers" '#include "' samples/*.c
none "a public header includes an internal one" '#include "' include/espmfg/*.h
none "nvs/ works in memory, without files" '#include <(fcntl|unistd|sys/stat)\.h>|\bFILE\b' \
    nvs/*.[ch]

# The library never prints, ends the program or asks the environment.
none "the library prints, exits or reads the environment" \
    '\b(f?printf|f?puts|putchar|perror|exit|_exit|abort|getenv|setlocale|signal|sigaction) ?\(' \
    base/*.[ch] nvs/*.[ch] mfg/*.[ch] mfg/*/*.[ch] flasher/*/*.[ch]
none "a function that style forbids" \
    '\b(strcpy|strcat|sprintf|vsprintf|atoi|atol|gets|alloca|strtok|rand|srand) ?\(' \
    base/*.[ch] nvs/*.[ch] mfg/*.[ch] mfg/*/*.[ch] flasher/*/*.[ch] src/*.[ch]
none "a mark of unfinished work" '\b(TO[D]O|FIX[M]E|X[X]X)\b' \
    base/*.[ch] nvs/*.[ch] mfg/*.[ch] mfg/*/*.[ch] flasher/*/*.[ch] src/*.[ch] include/espmfg/*.h samples/*.c

# A test that nobody runs is none.
for file in tests/test_*.c; do
    grep -qE "^\s+${file%.c}( |\$)" tests/local.mk || fail "$file is not in tests/local.mk"
done

[ "$failed" -eq 0 ] && echo "style: the rules hold"
exit "$failed"
