#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The ledger's tests once more, on a PostgreSQL server of their own.
set -eu

. "${top_srcdir:-.}/tests/pg_util.sh"
tests=${top_builddir:-.}/tests
work=$(mktemp -d "${TMPDIR:-/tmp}/ledger-pg-XXXXXX")
trap 'pg_stop; rm -rf "$work"' EXIT
pg_start
EM_LEDGER_SERVER=$pg_url
export EM_LEDGER_SERVER
for program in test_mfg_ledger_claim test_mfg_ledger_stations test_mfg_ledger_kill test_mfg_ledger_pg; do
    echo "== $program"
    "$tests/$program"
done
