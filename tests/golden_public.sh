#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs mfg_gen on golden cases that hold data files of others, which are not part of the project.
cases="${EM_GOLDEN_PUBLIC:-${top_srcdir:?}/../shared/golden/nvs/public/cases}"
if [ ! -d "$cases" ]; then
    echo "SKIPPED: the public golden cases are not here (EM_GOLDEN_PUBLIC names their folder)"
    exit 77
fi
exec "${top_builddir:?}/golden_nvs" "$top_builddir/mfg_gen" "$cases"
