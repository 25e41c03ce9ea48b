#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs mfg_gen on the project's golden cases.
exec "${top_builddir:?}/golden_nvs" "$top_builddir/mfg_gen" "${top_srcdir:?}/tests/data/nvs/cases"
