# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Looking at pages in headless Chromium. Sourced; needs $work, a folder for what it writes.
: "${work:?}"

# Its name; or a loud skip (77).
find_browser() {
    browser=$(command -v chromium || command -v chromium-browser || true)
    if [ -z "$browser" ]; then
        echo "SKIPPED: no chromium; ./bootstrap.sh tools installs it. The page was NOT looked at."
        exit 77
    fi
}

# browse WIDTH HEIGHT ARGUMENTS…: what the page logs stands in $work/console.
browse() {
    size=$1,$2
    shift 2
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
        --hide-scrollbars --no-first-run --disable-extensions --enable-logging=stderr \
        --user-data-dir="$work/profile" --window-size="$size" "$@" 2>"$work/log"
    grep CONSOLE "$work/log" >"$work/console" || true
}

# page_fits WIDTH FILE: nothing is wider than the window. Windows have a least width, so the page
# stands in a frame; its policy would keep the script that measures out, so the copy has none.
page_fits() {
    {
        echo "<!DOCTYPE html><body><iframe style='border:0' width='$1' height='900' srcdoc=\""
        {
            sed '/Content-Security-Policy/d' "$2"
            echo "<script>parent.document.title = ['MEASURED', innerWidth," \
                "document.documentElement.scrollWidth, document.body.scrollWidth].join(' ');</script>"
        } | sed 's/&/\&amp;/g; s/"/\&quot;/g'
        echo '"></iframe>'
    } >"$work/measured.html"
    browse 1400 1000 --dump-dom "file://$work/measured.html" >"$work/dom"
    # shellcheck disable=SC2046 # words
    set -- "$1" $(sed -n 's|.*<title>MEASURED \([0-9 ]*\)</title>.*|\1|p' "$work/dom")
    [ $# -eq 4 ] || fail "the page was not measured"
    [ "$2" -eq "$1" ] || fail "window of $2, not $1"
    if [ "$3" -gt "$1" ] || [ "$4" -gt "$1" ]; then
        fail "at $1 the page is $3 ($4) wide"
    fi
}
