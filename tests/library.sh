#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the shared library promises: the functions of the public headers, no other symbol, and no
# writable data of its own.
set -eu

library=${top_builddir:?}/.libs/libespmfg.so
headers=${top_srcdir:?}/include/espmfg
failed=0

fail() {
    echo "FAIL: $*"
    failed=1
}

exported=$(nm -D --defined-only "$library" | awk '$2 ~ /[A-Z]/ { print $3 }' | sort)
# EM_API stands before each exported function, its name before the first parenthesis.
declared=$(cat "$headers"/*.h | grep -v '^#' | tr '\n' ' ' | grep -oE 'EM_API [^;(]*\(' |
    sed 's/.*[ *]\([a-z0-9_]*\)($/\1/' | sort)

for name in $exported; do
    case $name in
    em_*) ;;
    *) fail "exported without the em_ prefix: $name" ;;
    esac
    echo "$declared" | grep -qx "$name" || fail "exported, but in no public header: $name"
done
for name in $declared; do
    echo "$exported" | grep -qx "$name" || fail "declared, but not exported: $name"
done

# A change of the interface is one that is seen.
printf '%s\n' "$exported" | LC_ALL=C sort | diff "${top_srcdir:?}/include/libespmfg.symbols" - ||
    fail "exported functions (>) are not those of include/libespmfg.symbols (<): make symbols"

# Objects in .data or .bss. Names that begin with '_' and the flag 'completed' are the C
# runtime's. A sanitizer adds its own.
writable=$(objdump -t "$library" |
    awk '($3 == "O" && ($4 == ".data" || $4 == ".bss")) { print $NF }' |
    grep -vE '^(_|completed)' | sort -u || true)
if [ -n "$writable" ] && nm -D "$library" | grep -qE '__(asan|ubsan|tsan)_'; then
    echo "built with a sanitizer: its writable data is not told from ours"
elif [ -n "$writable" ]; then
    fail "writable data:" "$writable"
fi

[ "$failed" -eq 0 ] && echo "library: $(echo "$exported" | wc -l) functions, no writable data"
exit "$failed"
