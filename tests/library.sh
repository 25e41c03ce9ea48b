#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the shared library promises: only em_ symbols, and no writable data of its own.
set -eu

library=${top_builddir:?}/.libs/libespmfg.so
failed=0

foreign=$(nm -D --defined-only "$library" | awk '$2 ~ /[A-Z]/ { print $3 }' |
    grep -v '^em_' || true)
if [ -n "$foreign" ]; then
    echo "FAIL: exported without the em_ prefix:" "$foreign"
    failed=1
fi

exported=$(nm -D --defined-only "$library" | grep -c ' em_' || true)
if [ "$exported" -lt 20 ]; then
    echo "FAIL: only $exported symbols are exported"
    failed=1
fi

# Every function of the public headers has to be there.
for name in $(sed -n 's/.*\b\(em_[a-z0-9_]*\)(.*/\1/p' "${top_srcdir:?}"/include/espmfg/*.h |
    sort -u); do
    if ! nm -D --defined-only "$library" | grep -q " T $name\$"; then
        # Mentioned in a comment, or not exported?
        if grep -qE "^(EM_API|[a-z].*EM_API| *$name\()" "${top_srcdir}"/include/espmfg/*.h &&
            grep -A3 -h 'EM_API' "${top_srcdir}"/include/espmfg/*.h | grep -q "\b$name("; then
            echo "FAIL: declared but not exported: $name"
            failed=1
        fi
    fi
done

# Objects with a size in .data or .bss. What the C runtime puts there has no type OBJECT or
# begins with two underscores or is its one flag. A sanitizer adds its own.
writable=$(objdump -t "$library" |
    awk '($4 == ".data" || $4 == ".bss") && $3 == "O" { print $NF }
         ($3 == ".data" || $3 == ".bss") && $2 ~ /O/ { print $NF }' |
    grep -vE '^(__|completed|_)' | sort -u || true)
if [ -n "$writable" ]; then
    if nm -D "$library" | grep -q __asan_; then
        echo "built with a sanitizer: its data is not told from ours"
    else
        echo "FAIL: writable data:" "$writable"
        failed=1
    fi
fi

[ "$failed" -eq 0 ] && echo "library: $exported symbols, all em_, no writable data"
exit "$failed"
