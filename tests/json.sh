#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What --json prints, of every command and for every kind of end, against the schemas of
# docs/schema; and the checker of schemas against documents that are wrong.
set -eu

: "${MFG_GEN:?}" "${top_srcdir:?}" "${top_builddir:?}"
schemas=$(cd "$top_srcdir/docs/schema" && pwd)
checker=$(cd "$top_builddir" && pwd)/json_schema
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0
documents=0
refused=0

fail() {
    echo "FAIL: $*"
    failed=$((failed + 1))
}

# fits STATUS NAME ARGUMENTS…: run mfg_gen; its object has this exit status, this name of a status,
# and fits the schema. Nothing is on stderr.
fits() {
    wanted=$1 name=$2
    shift 2
    documents=$((documents + 1))
    got=0
    "$MFG_GEN" "$@" --json >out.json 2>stderr </dev/null || got=$?
    [ "$got" -eq "$wanted" ] || fail "mfg_gen $*: exit status $got, wanted $wanted"
    [ ! -s stderr ] || fail "mfg_gen $*: stderr: $(cat stderr)"
    grep -q "^  \"status\": \"$name\",\$" out.json || fail "mfg_gen $*: status is not $name"
    grep -q "^  \"exit\": $wanted,\$" out.json || fail "mfg_gen $*: exit is not $wanted"
    "$checker" "$schemas/mfg_gen.schema.json" out.json || fail "mfg_gen $*: see above"
}

# wrong SCHEMA DOCUMENT REASON: a document that does not fit; the reason has to be told.
wrong() {
    refused=$((refused + 1))
    got=0
    told=$("$checker" "$1" "$2") || got=$?
    [ "$got" -eq 1 ] || fail "$2: the checker ended with $got, not 1: $told"
    case $told in
    *"$3"*) ;;
    *) fail "$2: told '$told', wanted '$3'" ;;
    esac
}

# spoil EXPRESSION REASON: change the last output with sed; it may not fit any more.
spoil() {
    sed -E "$1" out.json >spoilt.json
    ! cmp -s out.json spoilt.json || fail "'$1' changes nothing"
    wrong "$schemas/mfg_gen.schema.json" spoilt.json "$2"
}

printf 'ns,namespace,\nid,data,u8\nsn,data,string\n' >c.csv
printf 'id,sn\n1,A01\n2,A02\n' >v.csv
printf 'id,sn\n1,A\n300,B\n' >wide.csv
printf 'key,type,encoding,value\nns,namespace,,\nid,data,u8,7\nbig,data,u64,18446744073709551615\n' >t.csv
printf 'neg,data,i64,-1\nsn,data,string,A01\nbl,data,base64,QUJD\n' >>t.csv
printf 'key,type,encoding,value\nns,namespace,,\nid,data,u8,300\n' >bad.csv
printf 'key,type,encoding,value\nns,namespace,,\nid,data,u8,8\n' >t2.csv
: >file

# ---- A batch ----

fits 0 ok generate c.csv v.csv Fan 0x3000 --outdir out --manifest m.json
spoil 's/"made": 2/"made": "2"/' '/made is not of type integer'
spoil 's/"made": 2/"made": -2/' '/made is too small'
spoil 's/"dry_run": false/"dry_run": null/' '/dry_run is not of type boolean'
spoil '/"kept"/d' "lacks the member 'kept'"
spoil 's/"kept": 0,/"kept": 0, "lost": 0,/' "a member 'lost' too many"
spoil 's/"status": "ok"/"status": "found"/' '/status is none of the values'
spoil 's/"messages": \[\]/"messages": [{}]/' '/messages/0 lacks the member'
spoil 's/"command": "generate"/"command": "frob"/' '/command is not the value'
spoil 's/"error": null/"error": "none"/' '/error is not of type'
fits 0 ok verify out --config c.csv --values v.csv
spoil 's/"verified": 2/"verified": "2"/' '/verified is not of type integer'
fits 0 ok verify out --manifest m.json
fits 1 found verify out --config c.csv --values wide.csv
fits 2 usage verify out
fits 4 file-system verify nowhere --manifest m.json
fits 0 ok generate c.csv v.csv Fan 0x3000 --outdir out --resume
fits 0 ok generate c.csv v.csv Fan 0x3000 --outdir dry --dry-run
fits 0 ok generate c.csv v.csv Fan 0x3000 --outdir "$(printf 'out\377')"
fits 0 ok generate c.csv v.csv Enc 0x3000 --outdir out --keygen --manifest m2.json --no-csv \
    --key_protect_hmac --kp_hmac_keygen
fits 5 exists generate c.csv v.csv Fan 0x3000 --outdir out
fits 3 input generate c.csv wide.csv Fan 0x3000 --outdir out3
spoil 's/"level": "error"/"level": "fatal"/' '/level is none of the values'
fits 4 file-system generate c.csv nowhere.csv Fan 0x3000 --outdir out3
fits 4 file-system generate c.csv v.csv Fan 0x3000 --outdir file
fits 2 usage generate c.csv v.csv Fan 5000 --outdir out3
fits 3 input generate c.csv v.csv Fan 0x3000 --outdir out3 --fileid nowhere

for manifest in m.json m2.json; do
    documents=$((documents + 1))
    "$checker" "$schemas/manifest.schema.json" $manifest || fail "$manifest: see above"
done
sed 's/"version":1/"version":2/' m.json >m3.json
wrong "$schemas/manifest.schema.json" m3.json '/version is not the value'
sed 's/"unit":1,/"unit":0,/' m.json >m3.json
wrong "$schemas/manifest.schema.json" m3.json '/units/0/unit is too small'
wrong "$schemas/manifest.schema.json" out.json 'out.json: '

# ---- Keys ----

fits 0 ok generate-key --keyfile k --outdir out
fits 5 exists generate-key --keyfile k --outdir out
fits 0 ok image generate-key --keyfile h --outdir out --key_protect_hmac --kp_hmac_keygen
fits 2 usage generate-key --key_protect_hmac --outdir out
fits 4 file-system generate-key --outdir file
fits 2 usage generate-key --keyfile k.txt

# ---- Flash encryption ----

head -c 64 t.csv >data
fits 0 ok generate-flash-key f.key
fits 5 exists generate-flash-key f.key
spoil 's/"key_file": null/"key_file": 1/' '/key_file is of none of the types'
fits 0 ok flash-encrypt -x -k f.key -a 0x1000 -o f.enc data
spoil 's/"scheme": "aes-xts"/"scheme": "aes"/' '/scheme is none of the values'
spoil 's/"bytes": 64/"bytes": 0/' '/bytes is too small'
fits 0 ok flash-decrypt -x -k f.key -a 0x1000 -o f.dec f.enc
fits 0 ok flash-encrypt --flash-crypt-conf 0 -k f.key -a 0x1000 -o f.esp32 data
fits 5 exists flash-encrypt -x -k f.key -a 0x1000 -o f.enc data
fits 3 input flash-encrypt -x -k file -a 0x1000 -o f2.enc data
fits 3 input flash-encrypt -x -k f.key -a 8 -o f2.enc data
fits 4 file-system flash-encrypt -x -k nowhere -a 0 -o f2.enc data

# ---- Making one image ----

fits 0 ok image generate t.csv o 0x3000
fits 0 ok image generate t.csv o 0x3000
spoil 's/"kept": true/"kept": 1/' '/kept is not of type boolean'
fits 5 exists image generate t2.csv o 0x3000
fits 3 input image generate bad.csv n 0x3000
head -c 9000 /dev/zero | tr "\000" x >x.txt
printf "key,type,encoding,value\nns,namespace,,\nf,file,binary,x.txt\n" >big.csv
fits 3 full image generate big.csv n 0x3000
fits 2 usage image generate t.csv o.txt 0x3000
fits 4 file-system image generate nowhere.csv n 0x3000
fits 0 ok image encrypt t.csv e 0x3000 --keygen --keyfile e --key_protect_hmac --kp_hmac_keygen
fits 2 usage image encrypt t.csv n 0x3000
fits 3 input image encrypt t.csv n 0x3000 --inputkey file
fits 0 ok image decrypt e.bin keys/e.bin d
fits 3 input image decrypt o.bin keys/e.bin n

# ---- Looking into images ----

fits 0 ok image dump o.bin
spoil 's/"nvs_version": 2/"nvs_version": 3/' '/nvs_version is none of the values'
spoil 's/"type": "u8"/"type": "U8"/' '/values/0/type is none of the values'
spoil 's/"index": 1/"index": 255/' '/namespaces/0/index is too large'
spoil 's/"size": 12288/"size": 1.5/' '/size is not of type integer'
spoil 's/"value": 7$/"value": true/' '/values/0/value is of none of the types'
fits 0 ok image dump e.bin --inputkey keys/e.bin
fits 0 ok image dump e.bin --inputkey keys/e.bin --show-values
fits 3 input image dump e.bin
fits 4 file-system image dump nowhere.bin
for key in id big neg sn bl; do
    fits 0 ok image get o.bin ns $key
done
spoil 's/"hex": "414243"/"hex": "414243", "value": 1/' 'fits 2 forms'
spoil '/"hex": "414243"/d' "lacks the member 'hex'"
fits 3 input image get o.bin ns nothing
fits 3 input image get file ns id
fits 0 ok image check o.bin d.bin
head -c 12288 /dev/zero | tr '\000' '\377' >blank.bin
fits 0 ok image check blank.bin
cp o.bin broken.bin
printf '\254' | dd of=broken.bin bs=1 seek=104 conv=notrunc 2>/dev/null
fits 1 found image check broken.bin
spoil 's/"severity": "error"/"severity": "bad"/' '/images/0/findings/0/severity is none'
spoil 's/"entry": 1/"entry": 126/' '/images/0/findings/0/entry is too large'
fits 3 input image check broken.bin file o.bin
fits 4 file-system image check nowhere.bin
fits 0 ok image diff o.bin t.csv
fits 1 found image diff o.bin t2.csv
spoil 's/"value": 8$/"value": null/' '/differences/0/b/value is of none of the types'
fits 1 found image diff e.bin t2.csv --inputkey keys/e.bin
fits 3 input image diff o.bin e.bin
fits 4 file-system image diff o.bin nowhere.csv

# ---- The checker itself ----

printf '{"oneOf":[{"type":"integer"},{"type":"number"},{"const":"x"}]}' >s.json
printf '1.5' >d1.json
"$checker" s.json d1.json || fail "oneOf: 1.5 fits one form"
printf '[1]' >d1.json
wrong s.json d1.json 'the document is not the value'
printf '1' >d1.json
wrong s.json d1.json 'fits 2 forms'
printf '{"anyOf":[{"type":"integer"},{"type":"number"}]}' >s.json
"$checker" s.json d1.json || fail "anyOf: 1 fits two forms"
printf '"1"' >d1.json
wrong s.json d1.json 'is not of type'
printf '{"a":1,"a":1}' >d1.json
wrong s.json d1.json 'duplicate'
printf '{"a":' >d1.json
wrong s.json d1.json 'd1.json:1'
# shellcheck disable=SC2016 # no variables of the shell
for schema in '{"maxLength":3}' '{"$ref":"#/$defs/no"}' '{"$ref":"other.json"}' '{'; do
    printf '%s' "$schema" >s.json
    printf '{}' >d1.json
    got=0
    "$checker" s.json d1.json >told || got=$?
    [ "$got" -eq 2 ] || fail "schema $schema: the checker ended with $got, not 2"
done

[ "$failed" -eq 0 ] && echo "json: $documents outputs fit their schemas, $refused wrong ones do not"
[ "$failed" -eq 0 ]
