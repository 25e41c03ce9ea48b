#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs mfg_gen on the golden cases: those of the project, and the public ones if they are there.

runner="${top_builddir:?}/golden_nvs"
generator="$top_builddir/mfg_gen"
own="${top_srcdir:?}/tests/data/nvs/cases"
public="${EM_GOLDEN_PUBLIC:-$top_srcdir/../shared/golden/nvs/public/cases}"

# Both runs take place even if the first fails: one log shows everything.
status=0
"$runner" "$generator" "$own" || status=1
if [ -d "$public" ]; then
    "$runner" "$generator" "$public" || status=1
else
    echo "SKIPPED: public golden cases not found (EM_GOLDEN_PUBLIC)"
fi
exit "$status"
