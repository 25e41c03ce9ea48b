#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Intermediate CSV files of the golden cases, turned into images one at a time by mfg_gen image:
# the bytes have to be those of the batch.
set -eu

: "${MFG_GEN:?}" "${top_srcdir:?}"
cases=$(cd "$top_srcdir/tests/data/nvs/cases" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
equal=0
failed=0

# The argument of an option in case.json, or nothing.
argument() {
    tr -d ' \n' <"$1/case.json" | sed -nE "s/.*\"--$2\",\"([^\"]*)\".*/\1/p; s/.*\"--$2=([^\"]*)\".*/\1/p"
}

for case in "$cases"/*/; do
    case=${case%/}
    name=$(basename "$case")
    # A row that begins with '#' is a comment to the tool for one image, and a key in a batch.
    if [ ! -d "$case/expected/csv" ] || [ ! -d "$case/expected/bin" ] ||
        grep -q '^#' "$case"/expected/csv/*.csv; then
        continue
    fi
    cd "$case"
    key=$(argument "$case" inputkey)
    hmac=$(argument "$case" kp_hmac_inputkey)
    for image in expected/bin/*.bin; do
        csv=expected/csv/$(basename "$image" .bin).csv
        out=$work/$name.bin
        version=2
        [ "$(od -An -tx1 -j8 -N1 "$image" | tr -d ' ')" = ff ] && version=1
        set -- "$csv" "$out" "$(stat -c %s "$image")" --version "$version" --outdir "$work" -q
        if [ -n "$key" ]; then
            set -- encrypt "$@" --inputkey "$key"
        elif [ -n "$hmac" ]; then
            rm -rf "$work/keys"
            set -- encrypt "$@" --keygen --key_protect_hmac --kp_hmac_inputkey "$hmac"
        else
            set -- generate "$@"
        fi
        if "$MFG_GEN" image "$@" --replace && cmp -s "$out" "$image"; then
            equal=$((equal + 1))
        else
            echo "FAIL: $name: $image differs: mfg_gen image $*"
            failed=$((failed + 1))
        fi
    done
done

echo "golden images one at a time: $equal equal, $failed not"
[ "$failed" -eq 0 ] && [ "$equal" -ge 50 ]
