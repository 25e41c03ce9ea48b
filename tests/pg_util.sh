# SPDX-License-Identifier: Apache-2.0
# A PostgreSQL server of one's own for tests: sourced. Needs $work, a folder.
# shellcheck shell=sh disable=SC2154 # $work is the caller's

# Debian keeps the server's programs out of PATH.
pg_find() {
    pg_bin=$(for folder in /usr/lib/postgresql/*/bin; do
        [ -x "$folder/initdb" ] && echo "$folder"
    done | sort -V | tail -n 1)
    if [ -z "$pg_bin" ] && command -v initdb >/dev/null 2>&1; then
        pg_bin=$(dirname "$(command -v initdb)")
    fi
    [ -n "$pg_bin" ]
}

pg_skip() {
    echo "SKIPPED: $1; install the package postgresql" >&2
    exit 77
}

# The server refuses to be root.
pg_as_user() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    else
        setpriv --reuid="$pg_user" --regid="$(id -g "$pg_user")" --clear-groups -- "$@"
    fi
}

# A database cluster under $work/pg; sets pg_port and pg_url.
pg_start() {
    pg_find || pg_skip "no PostgreSQL server here"
    pg_user=$(id -un)
    if [ "$(id -u)" -eq 0 ]; then
        pg_user=nobody
        if id postgres >/dev/null 2>&1; then pg_user=postgres; fi
        chmod 755 "$work"
    fi
    pg_home=$work/pg
    mkdir "$pg_home"
    chmod 700 "$pg_home"
    if [ "$(id -u)" -eq 0 ]; then chown "$pg_user" "$pg_home"; fi
    (cd / && pg_as_user "$pg_bin/initdb" -D "$pg_home/data" -U espmfg -A trust -E UTF8 \
        --locale=C --no-sync >"$work/initdb.log" 2>&1) || {
        cat "$work/initdb.log" >&2
        return 1
    }
    printf 'local all all trust\nhost all locked 127.0.0.1/32 scram-sha-256\n%s\n' \
        'host all all 127.0.0.1/32 trust' >"$pg_home/data/pg_hba.conf"
    # Several tests may run at a time: a port that is taken is found by trying.
    pg_tries=0
    pg_port=$((20000 + $$ % 20000))
    until pg_up; do
        pg_tries=$((pg_tries + 1))
        pg_port=$((pg_port + 37))
        if [ "$pg_tries" -ge 20 ]; then
            cat "$work/pg.log" >&2
            return 1
        fi
    done
    pg_url=postgresql://espmfg@127.0.0.1:$pg_port/postgres
}

pg_up() {
    (cd / && pg_as_user "$pg_bin/pg_ctl" -s -w -t 30 -D "$pg_home/data" -l "$pg_home/log" \
        -o "-p $pg_port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$pg_home \
        -c max_connections=200 -c autovacuum=off" start >"$work/pg.log" 2>&1)
}

pg_stop() {
    if [ -n "${pg_home:-}" ] && [ -f "$pg_home/data/postmaster.pid" ]; then
        (cd / && pg_as_user "$pg_bin/pg_ctl" -s -m immediate -D "$pg_home/data" stop) || true
    fi
}

# As if its power went: nothing is brought to an end, all of its processes are gone.
pg_kill() {
    pg_master=$(sed -n 1p "$pg_home/data/postmaster.pid")
    # Stopped it gets no more children. They would live on for a while without it, and what
    # they commit then is lost to the next server, which must not start before they are gone.
    kill -STOP "$pg_master"
    pg_all="$pg_master $(pgrep -P "$pg_master" | tr '\n' ' ')"
    # shellcheck disable=SC2086 # a list of words
    kill -9 $pg_all 2>/dev/null || true
    pg_tries=0
    for pg_one in $pg_all; do
        while grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$pg_one/status" &&
            [ "$pg_tries" -lt 100 ]; do
            sleep 0.05
            pg_tries=$((pg_tries + 1))
        done
    done
    rm -f "$pg_home/data/postmaster.pid"
}

pg_psql() {
    psql -X -q -A -t -v ON_ERROR_STOP=1 "$pg_url" "$@"
}
