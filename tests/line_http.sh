#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_flash line --http: what it refuses; then in a browser, a simulated run and slots in all states, at
# four widths. Its pictures stay in live-screens/ of the build folder.
set -eu

: "${MFG_FLASH:?}" "${top_builddir:?}" "${top_srcdir:?}"
build=$(cd "$top_builddir" && pwd)
tests=$(cd "$top_srcdir/tests" && pwd)
work=$(mktemp -d)
line='' show=''
cleanup() {
    exec 9>&- || true
    for pid in $line $show; do
        kill "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
cp -R "$top_srcdir/samples" "$work/samples"
chmod -R u+w "$work/samples"
cd "$work"

fail() {
    echo "FAIL: $*"
    exit 1
}

# refused TEXT ARGUMENTS…: nothing is touched, and the message has TEXT.
refused() {
    text=$1
    shift
    if "$MFG_FLASH" line samples/job.yaml 'sim:esp32c3*1' "$@" >told 2>&1; then
        fail "$* was not refused"
    fi
    grep -q -- "$text" told || fail "$*: no '$text' in: $(cat told)"
    [ ! -e samples/batch.db ] || fail "$*: there is a ledger"
}

refused 'is no address' --http nowhere
refused 'without a token' --http 0.0.0.0:0
refused 'is for --http' --http-token-file token
echo short >token
chmod 600 token
refused 'is no token' --http 0.0.0.0:0 --http-token-file token
echo 0123456789abcdef0123456789abcdef >token
chmod 644 token
refused 'can be read by others' --http 127.0.0.1:0 --http-token-file token
refused 'no-token' --http 127.0.0.1:0 --http-token-file no-token
chmod 600 token

# shellcheck source=tests/browser_util.sh
. "$tests/browser_util.sh"
find_browser
screens=$build/live-screens
mkdir -p "$screens"

# url_in FILE: the URL that a program told there, within a minute.
url_in() {
    tries=0
    while ! grep -q 'http://' "$1"; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || fail "no URL was told: $(cat "$1")"
        sleep 0.1
    done
    url=$(sed -n 's|.*\(http://[^ ]*\).*|\1|p' "$1" | head -1)
}

# look WIDTH HEIGHT NAME: the browser finds nothing wrong, and there is a picture.
look() {
    browse "$1" "$2" --timeout=2000 --screenshot="$screens/$3.png" "$url"
    [ ! -s "$work/console" ] || fail "the browser says: $(cat "$work/console")"
    [ -s "$screens/$3.png" ] || fail "no picture"
}

# Slots in all states.
mkfifo in
"$build/live_show" 12 <in >shown 2>&1 &
show=$!
exec 9>in
url_in shown
look 320 2400 live-320
look 768 1100 live-768
look 1280 900 live-1280
look 1920 1080 live-1920
browse 1280 900 --timeout=2000 --dump-dom "$url" >dom
grep -q '✗ FAIL' dom || fail "no failed slot"
grep -q '&lt;b&gt;self test' dom || fail "a text is not shown as text"
[ "$(grep -o '<article' dom | wc -l)" -eq 12 ] || fail "not 12 slots"
exec 9>&-
wait "$show" || fail "live_show ended with $?"
show=

# A simulated run.
plan=$("$MFG_FLASH" line samples/job.yaml --check | sed -n 's/^Plan of the eFuses: //p')
"$MFG_FLASH" line samples/job.yaml 'sim:esp32c3?timing=real&clock=wall*4' --approve "$plan" \
    --http 127.0.0.1:0 >told 2>&1 &
line=$!
url_in told
look 1280 900 run-1280
browse 1280 900 --timeout=2000 --dump-dom "$url" >dom || true
kill -INT "$line" 2>/dev/null || true
wait "$line" || true
line=
grep -q 'EX1-2026-11' dom || fail "the browser did not see the line"
echo "line --http: refusals, four widths, a simulated run; see live-screens/"
