#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs mfg_flash efuse on the golden cases, made with the eFuse tool that it replaces.
exec "${top_builddir:?}/golden_efuse" "$top_builddir/mfg_flash" "${top_srcdir:?}/tests/data/efuse"
