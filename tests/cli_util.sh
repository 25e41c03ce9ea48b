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

# What expect runs, and the words between it and the arguments of expect.
program=$MFG_GEN
command_words=

# expect STATUS STREAM TEXT ARGUMENTS…: run the program; TEXT has to be in stdout or stderr (STREAM),
# "" means that the stream has to be empty.
expect() {
    wanted=$1 stream=$2 text=$3
    shift 3
    checks=$((checks + 1))
    got=0
    # shellcheck disable=SC2086 # words
    "$program" $command_words "$@" >stdout 2>stderr </dev/null || got=$?
    # shellcheck disable=SC2086 # words
    set -- $command_words "$@"
    [ "$got" -eq "$wanted" ] || fail "${program##*/} $*: exit status $got, wanted $wanted: $(cat stderr)"
    if [ -z "$text" ]; then
        [ ! -s "$stream" ] || fail "${program##*/} $*: $stream is not empty: $(cat "$stream")"
    else
        grep -qF -- "$text" "$stream" || fail "${program##*/} $*: no '$text' in $stream: $(cat "$stream")"
    fi
}
