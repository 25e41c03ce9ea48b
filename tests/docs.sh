#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the help of mfg_gen names stands in its manual page and in the completion of every shell,
# and nothing else does; the manual's exit statuses are the library's.
set -eu

: "${top_srcdir:?}" "${MFG_GEN:?}"
failed=0

fail() {
    echo "FAIL: $*"
    failed=1
}

manual=$top_srcdir/docs/mfg_gen.1
completions="$top_srcdir/src/completion/mfg_gen.bash $top_srcdir/src/completion/_mfg_gen
    $top_srcdir/src/completion/mfg_gen.fish"

# Options as the help lists them, at the beginnings of lines.
options_of() {
    "$MFG_GEN" "$1" --help | sed -nE 's/^  (    |-., )--([a-z_-]+).*/\2/p' | sort -u
}

# The manual's section of a command: from its .Ss to the next.
manual_of() {
    sed -n "/^\.Ss $1\$/,/^\.S[sh] /p" "$manual" | grep -oE 'Fl -[a-z_-]+' | sed 's/Fl -//' |
        sort -u
}

commands=$("$MFG_GEN" --help | sed -n '/^Commands:/,/^$/p' | awk 'NF > 1 { print $1 }')
[ -n "$commands" ] || fail "the help lists no commands"

count=0
for command in $commands; do
    for option in $(options_of "$command"); do
        count=$((count + 1))
        manual_of "$command" | grep -qx -- "$option" ||
            fail "$command --$option is not in mfg_gen(1)"
        for completion in $completions; do
            grep -qE -- "(--|-l )$option\b" "$completion" ||
                fail "--$option is not in $(basename "$completion")"
        done
    done
    for option in $(manual_of "$command"); do
        case $option in
        keyfile | input | output) continue ;; # accepted without effect: not in the help
        esac
        options_of "$command" | grep -qx -- "$option" ||
            fail "mfg_gen(1) names $command --$option, the help does not"
    done
    # shellcheck disable=SC2086 # a list of files
    grep -qE "\b$command\b" $completions || fail "$command is in no completion"
done

# The statuses of the library's table (base/error.c), and 1 of the programs.
statuses=$(sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/p' "$manual" |
    sed -nE 's/^\.It ([0-9]+)$/\1/p' | tr '\n' ' ')
[ "$statuses" = "0 1 2 3 4 5 6 7 8 " ] || fail "mfg_gen(1) lists exit statuses $statuses"

if command -v mandoc >/dev/null 2>&1; then
    for page in "$top_srcdir"/docs/*.[1-9]; do
        # The style level asks for things that only matter in OpenBSD's own tree.
        mandoc -T lint -W warning "$page" || fail "$page: see above"
    done
else
    echo "not checked: the manual pages' syntax (mandoc is missing)"
fi

[ "$failed" -eq 0 ] && echo "docs: $count options, in the manual and in three completions"
exit "$failed"
