#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command line of mfg_gen: forms of arguments, help, exit statuses, where messages go.
set -eu

# shellcheck source=tests/cli_util.sh
. "${top_srcdir:?}/tests/cli_util.sh"

# The files below a folder, in one line.
files() {
    (cd "$1" && find . -type f | sort | tr '\n' ' ')
}

made() {
    got=$(files out)
    [ "$got" = "$1 " ] || fail "made '$got', wanted '$1 '"
    rm -rf out
}

printf 'ns,namespace,\nid,data,u8\nsn,data,string\n' >c.csv
printf 'id,sn\n1,A01\n2,A02\n' >v.csv

# Help and version go to stdout; a missing or unknown command is a usage fault on stderr.
for words in '--help' '-h' 'help' 'generate --help' 'generate -h' 'help generate' \
    'generate-key --help' 'generate_key -h' 'generate c.csv --help' 'generate --hel'; do
    # shellcheck disable=SC2086 # a list of words
    expect 0 stdout 'usage: mfg_gen' $words
    # shellcheck disable=SC2086
    expect 0 stderr '' $words
done
expect 0 stdout 'Examples:' generate --help
expect 0 stdout 'mfg_gen (espmfg) ' --version
expect 2 stderr 'name a command'
expect 2 stderr "there is no command 'gen'" gen
expect 2 stdout '' gen

# Options anywhere, with '=', by unique beginnings, '_' like '-', letters with and without blank.
expect 0 stdout '2 images made in out/bin' generate c.csv v.csv Fan 0x3000 --outdir out
made './bin/Fan-1.bin ./bin/Fan-2.bin ./csv/Fan-1.csv ./csv/Fan-2.csv'
expect 0 stdout '2 images' generate --outdir=out c.csv --fileid sn v.csv Fan --no-csv 12288
made './bin/Fan-A01.bin ./bin/Fan-A02.bin'
expect 0 stdout '2 images' generate --outd out c.csv v.csv --prefix-num 7 3 Fan 0x3000 --no_csv
made './bin/Fan-007-1.bin ./bin/Fan-008-2.bin'
expect 0 stdout '2 images' generate c.csv v.csv Fan 0x3000 --prefix_num=7 3 --no-c --outdir out -j1
made './bin/Fan-007-1.bin ./bin/Fan-008-2.bin'
expect 0 stdout '2 images' generate c.csv v.csv Fan 0x3000 --prefix_num -1 2 --no-c --outdir out -j 2
made './bin/Fan--1-1.bin ./bin/Fan-00-2.bin'
expect 0 stdout '1 image made' generate c.csv v.csv Fan 0x3000 --outdir out --rows 2 --no-csv
made './bin/Fan-2.bin'
expect 0 stdout '1 image made' generate c.csv v.csv --no-csv --shard 1/2 --outdir out -- -Fan 0x3000
made './bin/-Fan-1.bin'
expect 0 stdout '' generate c.csv v.csv Fan 0x3000 --outdir out -q --no-csv
rm -rf out
expect 0 stdout 'Fan-2.bin' generate c.csv v.csv Fan 0x3000 --outdir out -v
rm -rf out
mkdir here
cp c.csv v.csv here
cd here
expect 0 stdout '2 images made in ./bin' generate c.csv v.csv Fan 0x3000 --outdir '' --no-csv
[ -s bin/Fan-1.bin ] || fail "an empty --outdir is not the current folder"
cd ..
# Taken by the replaced tool without effect, so taken here, with a warning.
expect 0 stderr 'have no effect' generate c.csv v.csv Fan 0x3000 --outdir out --keyfile k.bin
rm -rf out

# Usage faults: status 2, the usage and one line on stderr, nothing written.
expect 2 stderr 'VALUES PREFIX SIZE is missing' generate c.csv
expect 2 stderr "'more' is one argument too many" generate c.csv v.csv Fan 0x3000 more
expect 2 stderr 'there is no option --frobnicate' generate c.csv v.csv Fan 0x3000 --frobnicate
expect 2 stderr 'there is no option -x' generate c.csv v.csv Fan 0x3000 -x
expect 2 stderr '--k could be several options' generate c.csv v.csv Fan 0x3000 --k
expect 2 stderr '--outdir needs a value: DIR' generate c.csv v.csv Fan 0x3000 --outdir
expect 2 stderr '--outdir needs a value: DIR' generate --outdir --keygen c.csv v.csv Fan 0x3000
expect 2 stderr 'START LENGTH' generate c.csv v.csv Fan 0x3000 --prefix_num 1
expect 2 stderr '--keygen takes no value' generate c.csv v.csv Fan 0x3000 --keygen=yes
expect 2 stderr 'choose 1 or 2' generate c.csv v.csv Fan 0x3000 --version 3
expect 2 stderr 'from 1 to 256' generate c.csv v.csv Fan 0x3000 --jobs 0
expect 2 stderr 'from 1 to 256' generate c.csv v.csv Fan 0x3000 --jobs 2x
expect 2 stderr 'I from 1 to N' generate c.csv v.csv Fan 0x3000 --shard 3/2
expect 2 stderr 'for example 1/4' generate c.csv v.csv Fan 0x3000 --shard 3
expect 2 stderr 'counted from 1' generate c.csv v.csv Fan 0x3000 --rows 0-1
expect 2 stderr 'counted from 1' generate c.csv v.csv Fan 0x3000 --rows 2-1
expect 2 stderr 'auto, always or never' generate c.csv v.csv Fan 0x3000 --progress sometimes
expect 2 stderr 'START has to be an integer' generate c.csv v.csv Fan 0x3000 --prefix_num one 2
expect 2 stderr 'LENGTH has to be' generate c.csv v.csv Fan 0x3000 --prefix_num 1 -2
expect 2 stderr "SIZE '12k' is no number" generate c.csv v.csv Fan 12k
expect 2 stderr "SIZE '-4096' is no number" generate c.csv v.csv Fan -4096
expect 2 stderr 'manifest.csv or manifest.json' generate c.csv v.csv Fan 0x3000 --manifest m.txt
expect 2 stderr 'multiple of 4096' generate c.csv v.csv Fan 5000 --outdir out
expect 2 stderr 'key_protect_hmac' generate c.csv v.csv Fan 0x3000 --outdir out --kp_hmac_keygen
expect 2 stderr 'inputkey' generate c.csv v.csv Fan 0x3000 --outdir out --keygen --inputkey k.bin
expect 2 stderr 'there is no option --version' generate-key --version 2
[ ! -e out ] || fail "a usage fault left out/"

# One status for each class of fault; messages name place, value and limit on stderr only.
printf 'id,sn\n1,A\n300,B\n' >wide.csv
expect 3 stderr "wide.csv:3: key 'id' = '300': does not fit u8 (0..255)" \
    generate c.csv wide.csv Fan 0x3000 --outdir out
grep -q '^    hint: ' stderr || fail "no hint: $(cat stderr)"
expect 3 stdout '' generate c.csv wide.csv Fan 0x3000 --outdir out
expect 4 stderr "nowhere.csv" generate c.csv nowhere.csv Fan 0x3000 --outdir out
[ ! -e out ] || fail "a fault in the input left out/"
printf 'id,sn\n1,"A\n' >open.csv
expect 3 stderr 'open.csv:2: a quote is opened' generate c.csv open.csv Fan 0x3000 --outdir out
grep -q 'warning' stderr && fail "a warning about what could not be read: $(cat stderr)"
expect 2 stderr '--rows begins at 3, the table ends with unit 2' \
    generate c.csv v.csv Fan 0x3000 --outdir out --rows 3-4
expect 0 stdout '2 of 2 units checked, nothing written' \
    generate c.csv v.csv Fan 0x3000 --outdir out --dry-run
[ ! -e out ] || fail "--dry-run wrote"
expect 0 stdout '' generate c.csv v.csv Fan 0x3000 --outdir out -q
cp -r out before
expect 5 stderr 'is already there' generate c.csv v.csv Fan 0x3000 --outdir out
diff -r out before || fail "a refused run changed files"
expect 0 stdout '0 images made, 2 kept' generate c.csv v.csv Fan 0x3000 --outdir out --resume

# A bar only when it is asked for, as stderr is no terminal here.
expect 0 stderr '' generate c.csv v.csv Bar 0x3000 --outdir out
expect 0 stderr '2/2 units' generate c.csv v.csv Bar2 0x3000 --outdir out --progress always
expect 0 stderr '' generate c.csv v.csv Bar3 0x3000 --outdir out --progress=never

# --json: one object on stdout, also after a fault.
expect 0 stdout '"made": 2' generate c.csv v.csv Json 0x3000 --outdir out --json
expect 3 stdout '"status": "input"' generate c.csv wide.csv Json 0x3000 --outdir out2 --json
expect 3 stdout '"line": 3' generate c.csv wide.csv Json 0x3000 --outdir out2 --json
expect 3 stderr '' generate c.csv wide.csv Json 0x3000 --outdir out2 --json

# generate-key
expect 0 stdout 'out3/keys/k.bin' generate-key --keyfile k --outdir out3
[ "$(stat -c %a out3/keys out3/keys/k.bin | tr '\n' ' ')" = "700 600 " ] ||
    fail "modes of the key: $(stat -c '%a %n' out3/keys out3/keys/*)"
[ "$(stat -c %s out3/keys/k.bin)" -eq 4096 ] || fail "size of the key"
expect 5 stderr 'out3/keys/k.bin' generate-key --keyfile k.bin --outdir out3
expect 0 stdout '"key_file": "out3/keys/j.bin"' generate-key --keyfile j --outdir out3 --json
expect 2 stderr 'k.txt' generate-key --keyfile k.txt --outdir out3
expect 0 stdout 'hmac-h.bin' generate-key --keyfile h --key_protect_hmac --kp_hmac_keygen --outdir out3
[ "$(stat -c %s out3/keys/hmac-h.bin)" -eq 32 ] || fail "size of the HMAC key"

[ "$failed" -eq 0 ] && echo "cli: $checks checks passed"
[ "$failed" -eq 0 ]
