#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_flash line --http: what it refuses; then in a browser, slots in all states at three widths and by
# night, and a simulated run on a tablet. Its pictures stay in live-screens/ of the build folder.
set -eu

: "${MFG_FLASH:?}" "${top_builddir:?}" "${top_srcdir:?}"
build=$(cd "$top_builddir" && pwd)
top=$(cd "$top_srcdir" && pwd)
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
refused 'no such address' --http 192.0.2.1:0 --http-token-file token

# shellcheck source=tests/browser_util.sh
. "$top/tests/browser_util.sh"
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

# look WIDTH HEIGHT NAME OPTIONS…: the browser finds nothing wrong, and there is a picture.
look() {
    picture=$screens/$3.png
    width=$1 height=$2
    shift 3
    browse "$width" "$height" --timeout=1000 --screenshot="$picture" "$@" "$url"
    [ ! -s "$work/console" ] || fail "the browser says: $(cat "$work/console")"
    [ -s "$picture" ] || fail "no picture"
}

# still FILE: the page as the browser had it, with its style and without scripts: page_fits needs no line
# then.
still() {
    awk -v style="$top/src/line/live/live.css" '
        /<script/ { script = 1 }
        !script && /rel="stylesheet"/ {
            print "<style>"
            while ((getline line < style) > 0)
                print line
            print "</style>"
            next
        }
        !script && !/rel="icon"/
        /<\/script>/ { script = 0 }' "$1" >still.html
    grep -q '<article' still.html || fail "no slots are left"
}

# eventful: the page without its state, so that all it shows came as events. --dump-dom shows what there is
# at the load event: a frame that is only closed once events have come puts that off.
eventful() {
    awk -v base="$url" -v folder="$top/src/line/live" '
        function put(name, line) {
            while ((getline line < (folder "/" name)) > 0)
                print line
        }
        /<head>/ { $0 = $0 "<base href=\"" base "\">" }
        /rel="icon"/ || /rel="stylesheet"/ || /src="live.js"/ { next }
        /@STATE@/ { $0 = "{}" }
        /<\/body>/ {
            print "<iframe hidden></iframe><script>"
            put("live.js")
            print "const open = document.querySelector(\"iframe\").contentDocument;"
            print "open.open(); open.write(\"-\");"
            print "setInterval(() => { if (document.querySelector(\".live\")) open.close(); }, 50);"
            print "</script>"
        }
        { print }' "$top/src/line/live/live.html" >eventful.html
    browse 1280 900 --timeout=10000 --disable-web-security --dump-dom "file://$work/eventful.html" >dom
    grep -q 'class="link live"' dom || fail "no events came"
    [ "$(grep -o '<article' dom | wc -l)" -eq 12 ] || fail "not 12 slots came as events"
}

# Slots in all states.
mkfifo in
"$build/live_show" 12 <in >shown 2>&1 &
show=$!
exec 9>in
url_in shown
there=${url#http://}
refused 'something else is there' --http "${there%/}"
look 390 2400 live-390
look 768 1100 live-768
look 1280 900 live-1280
look 1280 900 live-dark --blink-settings=preferredColorScheme=0
browse 1280 900 --timeout=1000 --dump-dom "$url" >dom
grep -q '✗ FAIL' dom || fail "no failed slot"
grep -q '&lt;b&gt;self test' dom || fail "a text is not shown as text"
[ "$(grep -o '<article' dom | wc -l)" -eq 12 ] || fail "not 12 slots"
! grep -Eo '(src|href)="[^"]*//[^"]*"|https?://[^ "<]*' dom || fail "the page asks for more"
still dom
page_fits still.html 320 768 1280
eventful
exec 9>&-
wait "$show" || fail "live_show ended with $?"
show=

# A simulated run: some boards have passed, others are under way.
plan=$("$MFG_FLASH" line samples/job.yaml --check | sed -n 's/^Plan of the eFuses: //p')
"$MFG_FLASH" line samples/job.yaml 'sim:esp32c3?timing=real&clock=wall*2' --approve "$plan" \
    --http 127.0.0.1:0 >told 2>&1 &
line=$!
url_in told
tries=0
until grep -q ' PASS ' told; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || fail "no board passed: $(cat told)"
    sleep 0.1
done
look 1024 768 run-1024
browse 1024 768 --timeout=500 --dump-dom "$url" >dom
kill -INT "$line" 2>/dev/null || true
wait "$line" || true
line=
grep -q 'EX1-2026-11' dom || fail "the browser did not see the line"
grep -Eq '<b id="passed">[1-9]' dom || fail "the browser did not see that boards passed"
still dom
page_fits still.html 320 1024
echo "line --http: refusals, four windows, a simulated run; see live-screens/"
