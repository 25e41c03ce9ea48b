# SPDX-License-Identifier: Apache-2.0
# Makes a manual page of section 3 of a public header: its declarations, in their order, each with
# the comment that stands before it.
#
#     awk -v name=espmfg_flash -v header=espmfg/flash.h -v date="November 21, 2026" -f man3.awk FILE

function escape(text)
{
    gsub(/\\/, "\\e", text)
    gsub(/…/, "...", text)
    return text
}

# One line of running text; no macro may begin by chance.
function say(line)
{
    line = escape(line)
    while (match(line, /@[pc] [A-Za-z0-9_.]*[A-Za-z0-9_]/)) {
        font = substr(line, RSTART + 1, 1) == "p" ? "\\fI" : "\\fB"
        line = substr(line, 1, RSTART - 1) font substr(line, RSTART + 3, RLENGTH - 3) "\\fP" \
            substr(line, RSTART + RLENGTH)
    }
    # A sentence begins a line, as mdoc wants it.
    while (match(line, /[^. ]\. +[^ ]/)) {
        put(substr(line, 1, RSTART + 1))
        line = substr(line, RSTART + RLENGTH - 1)
    }
    put(line)
}

function put(line)
{
    print (line ~ /^[.']/ ? "\\&" : "") line
}

# A comment, line by line: without its stars. Empty lines part paragraphs.
function tell(text,    lines, n, i, line)
{
    n = split(text, lines, "\n")
    for (i = 1; i <= n; i++) {
        line = lines[i]
        sub(/^[ ]*\/\*+/, "", line)
        sub(/\*\/[ ]*$/, "", line)
        sub(/^ \*/, "", line)
        sub(/^[ ]+/, "", line)
        sub(/[ ]+$/, "", line)
        if (line != "")
            said = 1
        else if (said && i < n)
            pending = 1
        if (line != "" && pending) {
            print ".Pp"
            pending = 0
        }
        if (line != "")
            say(line)
    }
    said = pending = 0
}

# A declaration as it is written, without the marks for the compiler.
function show(text,    lines, n, i, cut, all)
{
    n = split(text, lines, "\n")
    cut = 0
    if (match(lines[1], /^(EM_API )?(EM_USE_RESULT )?/))
        cut = RLENGTH
    print ".Bd -literal"
    all = ""
    for (i = 1; i <= n; i++) {
        if (i == 1)
            lines[i] = substr(lines[i], cut + 1)
        else if (cut > 0 && match(lines[i], /^ +/))
            lines[i] = substr(lines[i], (RLENGTH < cut ? RLENGTH : cut) + 1)
        sub(/[ ]+\\$/, " \\", lines[i])
        lines[i] = escape(lines[i])
        gsub(/@[pc] /, "", lines[i])
        sub(/\/\*\*</, "/*", lines[i])
        put(lines[i])
    }
    print ".Ed"
}

function flush_comment()
{
    if (comment != "") {
        print ".Pp"
        tell(comment)
    }
    comment = ""
}

function begin_page(text,    first)
{
    print ".\\\" SPDX-License-Identifier: Apache-2.0"
    print ".\\\" Made of " header " by man3.awk"
    print ".Dd " date
    print ".Dt " toupper(name) " 3"
    print ".Os espmfg"
    print ".Sh NAME"
    print ".Nm " name
    first = text
    gsub(/\n[ ]*\*?[ ]*/, " ", first)
    sub(/^[ ]*\/\*+[ ]*/, "", first)
    sub(/[ ]*\*\/.*$/, "", first)
    sub(/\.( .*)?$/, "", first)
    sub(/: .*$/, "", first)
    if (first ~ /^.[^A-Z]/) # not of abbreviations
        first = tolower(substr(first, 1, 1)) substr(first, 2)
    print ".Nd " first
    print ".Sh SYNOPSIS"
    print ".In " header
    print ".Pp"
    print ".Ic cc FILE.c $(pkg-config --cflags --libs espmfg)"
    print ".Sh DESCRIPTION"
    tell(text)
}

NR == 1 { next } # the licence
skipping { if (/^#endif/) skipping = 0; next }

# Comments at the left edge.
in_comment || /^\/\*/ {
    text = in_comment ? text "\n" $0 : $0
    in_comment = !/\*\/[ ]*$/
    if (in_comment)
        next
    if (!begun) {
        begin_page(text)
        begun = 1
    } else if (text ~ /^\/\* ---- /) {
        flush_comment()
        gsub(/^\/\* -+ | -+ \*\/$/, "", text)
        print ".Ss " escape(text)
    } else {
        flush_comment()
        comment = text
    }
    next
}

# A declaration that goes on.
in_code {
    code = code "\n" $0
    in_code = is_macro ? /\\$/ : !(/;[ ]*$/ && /^[^ ]/) && !(one_line && /;[ ]*$/)
    if (!in_code) {
        show(code)
        flush_comment()
    }
    next
}

/^#else/ { skipping = 1; next }
/^#define [A-Z]+_[A-Z_]+_H$/ { next }
/^#(if|endif|include)/ || /^extern "C"/ || /^}$/ { next }
/^[ ]*$/ {
    # A comment that stands alone is about all that follows.
    flush_comment()
    next
}

{
    code = $0
    is_macro = /^#define/
    one_line = !/\{[ ]*$/ # no body in braces
    in_code = is_macro ? /\\$/ : !/;[ ]*(\/\*.*\*\/)?[ ]*$/
    if (!in_code) {
        show(code)
        flush_comment()
    }
}

END {
    print ".Sh SEE ALSO"
    print ".Xr libespmfg 3"
}
