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

# page_fits FILE WIDTH…: nothing is wider than windows of these widths. Windows have a least width, so the
# page stands in frames; its policy would keep the script that measures out, so the copy has none.
page_fits() {
    page_file=$1
    shift
    {
        sed '/Content-Security-Policy/d' "$page_file"
        echo "<script>parent.document.title += [' MEASURED', innerWidth," \
            "document.documentElement.scrollWidth, document.body.scrollWidth].join(' ');</script>"
    } | sed 's/&/\&amp;/g; s/"/\&quot;/g' >"$work/framed"
    {
        echo "<!DOCTYPE html><title>Widths:</title><body>"
        for frame_width in "$@"; do
            echo "<iframe style='border:0' width='$frame_width' height='900' srcdoc=\""
            cat "$work/framed"
            echo '"></iframe>'
        done
    } >"$work/measured.html"
    browse 1400 1000 --dump-dom "file://$work/measured.html" >"$work/dom"
    for frame_width in "$@"; do
        measured=$(sed -n "s|.*<title>Widths:.* MEASURED \($frame_width [0-9]* [0-9]*\).*</title>.*|\1|p" "$work/dom")
        [ -n "$measured" ] || fail "the page was not measured at $frame_width"
        # shellcheck disable=SC2086 # words
        for wide in $measured; do
            [ "$wide" -le "$frame_width" ] || fail "at $frame_width the page is $wide wide"
        done
    done
}
