# SPDX-License-Identifier: Apache-2.0
# What tests of the command line share; to be sourced. They run in a folder of their own.
# shellcheck shell=sh

: "${MFG_GEN:?}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
checks=0

fail() {
    echo "FAIL: $*"
    failed=$((failed + 1))
}

# The words between the program's name and the arguments of expect.
command_words=

# expect STATUS STREAM TEXT ARGUMENTS…: run mfg_gen; TEXT has to be in stdout or stderr (STREAM),
# "" means that the stream has to be empty.
expect() {
    wanted=$1 stream=$2 text=$3
    shift 3
    checks=$((checks + 1))
    got=0
    # shellcheck disable=SC2086 # words
    "$MFG_GEN" $command_words "$@" >stdout 2>stderr </dev/null || got=$?
    # shellcheck disable=SC2086 # words
    set -- $command_words "$@"
    [ "$got" -eq "$wanted" ] || fail "mfg_gen $*: exit status $got, wanted $wanted: $(cat stderr)"
    if [ -z "$text" ]; then
        [ ! -s "$stream" ] || fail "mfg_gen $*: $stream is not empty: $(cat "$stream")"
    else
        grep -qF -- "$text" "$stream" || fail "mfg_gen $*: no '$text' in $stream: $(cat "$stream")"
    fi
}
