#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mfg_flash ledger report in a browser: at three widths, on paper, without network, script or faults.
# Its pictures stay in report-screens/ of the build folder.
set -eu

: "${MFG_FLASH:?}" "${top_builddir:?}" "${top_srcdir:?}"
build=$(cd "$top_builddir" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAIL: $*"
    exit 1
}

# shellcheck source=tests/browser_util.sh
. "$top_srcdir/tests/browser_util.sh"
find_browser
"$build/ledger_many" "$work/b.db" 120
page=$work/report.html
"$MFG_FLASH" ledger report --ledger "$work/b.db" --output "$page"
! grep -E 'https?:|url\(|@import|<script|src=' "$page" || fail "the page asks for more"
mkdir -p "$build/report-screens"
page_fits "$page" 320 768 1280
sed 's/<details>/<details open>/' "$page" >"$work/open.html"
page_fits "$work/open.html" 320 768 1280
for width in 320 768 1280; do
    browse "$width" 3000 --screenshot="$build/report-screens/report-$width.png" "file://$page"
    [ ! -s "$work/console" ] || fail "the browser says: $(cat "$work/console")"
    [ -s "$build/report-screens/report-$width.png" ] || fail "no picture"
done
browse 1280 900 --no-pdf-header-footer --print-to-pdf="$build/report-screens/report.pdf" \
    "file://$page"
[ "$(head -c 5 "$build/report-screens/report.pdf")" = %PDF- ] || fail "not printed"
# Names that would be markup, and a ledger without events.
"$MFG_FLASH" ledger init --ledger "$work/e.db" --name '<script>x</script>' --chip esp32 \
    --units 1 -q
"$MFG_FLASH" ledger report --ledger "$work/e.db" --title "\"'&<i>" >"$work/empty.html"
! grep -E '<script|<i>' "$work/empty.html" || fail "a name became markup"
page_fits "$work/empty.html" 320
echo "ledger report: three widths and paper, nothing overflows; see report-screens/"
