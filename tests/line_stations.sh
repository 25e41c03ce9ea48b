#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Two lines at one PostgreSQL server of their own: one is killed, so is the server, networks are
# cut and boards lose their power, a few times; 'make crash-stations' does it some hundred times.
# EM_SEED repeats the moments of a run, as far as the machine is as fast.
set -eu

. "${top_srcdir:-.}/tests/pg_util.sh"
tests=$(cd "${top_srcdir:?}/tests" && pwd)
build=$(cd "${top_builddir:?}" && pwd)

# Ledgers and flashes in memory, if there is room for them.
fast=/dev/shm
if [ -z "${TMPDIR:-}" ] && [ -d "$fast" ] && [ -w "$fast" ] &&
    [ "$(df -Pk "$fast" | awk 'NR == 2 { print $4 }')" -gt 500000 ]; then
    TMPDIR=$fast
fi
TMPDIR=${TMPDIR:-/tmp}
export TMPDIR
work=$(mktemp -d "$TMPDIR/line-stations-XXXXXX")
trap 'pg_stop; rm -rf "$work"' EXIT
pg_start

# What the harness kills the server with: it is there again when this ends.
cat >"$work/server" <<END
#!/bin/sh
set -eu
work='$work' pg_home='$pg_home' pg_bin='$pg_bin' pg_port=$pg_port pg_user='$pg_user'
. '$tests/pg_util.sh'
case \$1 in
kill) pg_kill ;;
*) pg_stop ;;
esac
tries=0
until pg_up; do
    tries=\$((tries + 1))
    [ "\$tries" -lt 50 ] || { cat '$work/pg.log' '$pg_home/log' >&2; exit 1; }
    sleep 0.1
done
END
chmod +x "$work/server"
status=0
"$build/line_crash" "${MFG_FLASH:?}" "${MFG_SIM:?}" "$top_srcdir/samples" "${EM_SEED:-}" \
    "${EM_BOARDS:-8}" "${EM_KILLS:-4}" "${EM_CUTS:-2}" "$pg_url" "$work/server" \
    "$build/tcp_cut" "${EM_SERVER_KILLS:-2}" "${EM_NET_CUTS:-4}" || status=$?
[ "$status" -eq 0 ] || tail -n 40 "$pg_home/log" >&2
exit "$status"
