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
EM_TCP_CUT=${top_builddir:-.}/tcp_cut
export EM_LEDGER_SERVER EM_TCP_CUT
for program in claim stations kill pg lost; do
    program=test_mfg_ledger_$program
    echo "== $program"
    "$tests/$program"
done
