#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command line of mfg_gen image: arguments, exit statuses, what is told about files that hold
# no image, what is hidden, and that a dump as CSV makes the same bytes again.
set -eu

cases=$(cd "${top_srcdir:?}/tests/data/nvs/cases" && pwd)
# shellcheck source=tests/cli_util.sh
. "$top_srcdir/tests/cli_util.sh"
command_words=image

# not_said TEXT: the last command did not say it anywhere.
not_said() {
    checks=$((checks + 1))
    if grep -qF -- "$1" stdout stderr; then
        fail "said '$1': $(cat stdout stderr)"
    fi
}

# same A B: two files have equal bytes.
same() {
    checks=$((checks + 1))
    cmp -s "$1" "$2" || fail "$1 and $2 differ"
}

# table FILE ROW…: a table of the namespace ns.
table() {
    to=$1
    shift
    printf 'key,type,encoding,value\nns,namespace,,\n' >"$to"
    printf '%s\n' "$@" >>"$to"
}

# bytes TEXT FILE [SKIP]: do the bytes of FILE begin with these hex digits?
bytes() {
    checks=$((checks + 1))
    got=$(od -An -v -tx1 -j "${3:-0}" "$2" | tr -d ' \n')
    case $got in
    "$1"*) ;;
    *) fail "$2 holds $(printf %.80s "$got"), wanted $1" ;;
    esac
}

# poke FILE OFFSET OCTAL: set one byte.
poke() {
    # shellcheck disable=SC2059 # an octal escape
    printf "\\$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

printf 'SecretText' >secret.txt
table t.csv 'id,data,u8,7' 'sn,data,string,SecretText' 'bl,data,hex2bin,00ff10'
table t2.csv 'id,data,u8,8' 'sn,data,string,SecretText' 'more,data,i64,-1'

# ---- Help, and forms of arguments ----

for command in generate encrypt decrypt generate-key dump get check diff; do
    expect 0 stdout "usage: mfg_gen image $command" $command --help
    expect 0 stdout "usage: mfg_gen image $command" $command -h
    expect 0 stderr '' $command --help
done
for words in '--help' '-h'; do
    expect 0 stdout 'usage: mfg_gen image COMMAND' $words
done
"$MFG_GEN" help image dump | grep -q 'usage: mfg_gen image dump' || fail "help image dump"
expect 2 stderr 'name a command'
expect 2 stderr "there is no command 'image frob'" frob
expect 2 stderr "there is no command 'image verify'" verify
expect 0 stdout 'usage: mfg_gen image generate-key' generate_key --help
expect 2 stderr 'OUTPUT SIZE is missing' generate t.csv
expect 2 stderr 'SIZE is missing' generate t.csv o.bin
expect 2 stderr 'IMAGE… is missing' check
expect 2 stderr 'KEY is missing' get o.bin ns
expect 2 stderr "'x' is one argument too many" diff a b x
expect 2 stderr 'there is no option --keygen' generate t.csv o 0x3000 --keygen
expect 2 stderr 'there is no option --format' get o.bin ns id --format csv
expect 2 stderr '--format needs a value: FORMAT' dump o.bin --format
expect 2 stderr 'choose table, csv or json' dump o.bin --format xml
expect 2 stderr 'choose 1 or 2' generate t.csv o 0x3000 --version 3
expect 2 stderr "SIZE '12k' is no number" generate t.csv o 12k
expect 2 stderr "SIZE '0' is no number" generate t.csv o 0
expect 2 stderr "SIZE '-4096' is no number" generate t.csv o -4096
expect 2 stderr "SIZE 'o.bin' is no number" generate t.csv 0x3000 o.bin
expect 2 stderr 'multiple of 4096' generate t.csv o 5000
expect 2 stderr "'t.csv' does not end in .bin" generate o.bin t.csv 0x3000
[ ! -e o.bin ] || fail "a usage fault wrote o.bin"
expect 0 stdout 'Created NVS binary: ===> o.bin' generate --vers=2 t.csv o 0o30000
expect 0 stdout '' generate t.csv o 12288 -q
expect 0 stdout '"kept": true' generate t.csv o 0b11000000000000 --json

# ---- Where an image goes ----

expect 0 stdout 'Kept, equal already: ===> o.bin' generate t.csv o.bin 0x3000
same o.bin o.bin
cp o.bin before.bin
expect 5 stderr "'o.bin' is already there and holds something else" generate t2.csv o 0x3000
same o.bin before.bin
expect 0 stdout 'Created NVS binary: ===> o.bin' generate t2.csv o 0x3000 --replace
cmp -s o.bin before.bin && fail "--replace replaced nothing"
expect 0 stdout 'Created' generate t.csv o 0x3000 --replace
same o.bin before.bin
expect 2 stderr "'o.txt' does not end in .bin" generate t.csv o.txt 0x3000
expect 2 stderr 'is no name of a file' generate t.csv new/ 0x3000
expect 2 stderr 'is no name of a file' generate t.csv .. 0x3000
expect 2 stderr 'is no name of a file' generate t.csv '' 0x3000
expect 0 stdout '===> new/dir/a/o.bin' generate t.csv a/o 0x3000 --outdir new/dir
same new/dir/a/o.bin o.bin
expect 0 stdout '===> .hidden.bin' generate t.csv .hidden 0x3000
expect 0 stdout "===> $work/abs.bin" generate t.csv "$work/abs" 0x3000 --outdir unused
same abs.bin o.bin
[ ! -e unused ] || fail "an absolute OUTPUT made --outdir"
mkdir folder.bin
mkfifo pipe.bin
expect 4 stderr 'is a folder' generate t.csv folder 0x3000
expect 4 stderr 'is a folder' generate t.csv folder 0x3000 --replace
expect 4 stderr 'is a pipe' generate t.csv pipe 0x3000
[ -p pipe.bin ] || fail "a pipe was replaced"
: >file
expect 4 stderr 'is no folder' generate t.csv o 0x3000 --outdir file/below

# ---- Tables ----

expect 4 stderr 'nowhere.csv' generate nowhere.csv n 0x3000
expect 4 stderr 'is a folder' generate . n 0x3000
expect 4 stderr 'is a pipe' generate pipe.bin n 0x3000
: >empty.csv
expect 3 stderr 'empty.csv: no rows' generate empty.csv n 0x3000
printf 'key,type,value\nns,namespace,\n' >columns.csv
expect 3 stderr "columns.csv:1: the header has no column 'encoding'" generate columns.csv n 0x3000
printf 'key,type,encoding,value\nid,data,u8,7\n' >nons.csv
expect 3 stderr 'nons.csv:2:' generate nons.csv n 0x3000
table wide.csv 'id,data,u8,300' 'i,data,i16,-32769' 'x,data,blob,7'
expect 3 stderr "wide.csv:3: key 'id' = '300': does not fit u8 (0..255)" generate wide.csv n 0x3000
grep -q "wide.csv:4: key 'i'" stderr || fail "only the first fault is told: $(cat stderr)"
grep -q "wide.csv:5: key 'x': unknown encoding 'blob'" stderr || fail "third fault: $(cat stderr)"
table twice.csv 'id,data,u8,1' 'id,data,u8,2'
expect 3 stderr "twice.csv:4: key 'id'" generate twice.csv n 0x3000
expect 3 stderr "t2.csv:3: key 'id'" generate t.csv t2.csv n 0x3000
table short.csv 'id,data'
expect 3 stderr 'short.csv:3:' generate short.csv n 0x3000
table missing.csv 'f,file,string,nowhere.txt'
expect 3 stderr "missing.csv:3: key 'f' from file 'nowhere.txt'" generate missing.csv n 0x3000
table big.csv 'f,file,binary,before.bin'
expect 3 stderr 'the content takes 4 pages' generate big.csv n 0x3000
expect 3 stderr '' generate big.csv n 0x3000 --json
for name in STRING HEX2BIN BASE64 Binary blob_fil string_HEX u64x; do
    table upper.csv "k,data,$name,QUJD"
    expect 3 stderr "unknown encoding '$name'" generate upper.csv n 0x3000
done
for value in 'blob_fill(8)' 'blob_fill(8;0xf)' 'blob_fill(8; 0xff)' 'blob_fill(8;0xff)x' \
    'blob_fill(;0xff)' 'blob_fill(508001;0xff)' 'blob_sz_fill(8;ff)' 'blob_fill'; do
    table fill.csv "k,data,$value,abc"
    expect 3 stderr 'a length up to 508000 and two hex digits' generate fill.csv n 0x3000
done
table fill.csv 'k,data,blob_fill(2;0x00),abc'
expect 3 stderr '3 bytes, to be filled up to 2' generate fill.csv n 0x3000
not_said abc
table sized.csv 's,data,blob_sz_fill(508000;0x00),abc'
expect 3 stderr 'sized.csv:3:' generate sized.csv n 0x200000
[ ! -e n.bin ] || fail "a faulty table made an image"

# The columns are found by name, in any order; others are passed over.
printf 'note,value,encoding,type,key\nx,,,namespace,ns\n,7,u8,data,id\ny,SecretText,string,data,sn\nz,00ff10,hex2bin,data,bl\n' >order.csv
expect 0 stdout 'Created' generate order.csv order 0x3000
same order.bin o.bin

# Comments; i16; integers in upper case; fills; files.
cat >rules.csv <<'END'
# before the header
key,type,encoding,value
# "a quote that is never closed
   # behind blanks
  # behind blanks, too,"with a quote"
"#ns",namespace,,
#id,data,u8,1
"#id",data,U8,5
i,data,i16,-32768
j,data,I16,32767
q,data,U64,18446744073709551615
lines,data,string,"one
# two"
fill,data,blob_fill(6;0xAb),abc
none,data,blob_fill(3;0x00),
sized,data,blob_sz_fill(4;0xff),abc
file,file,blob_fill(12;0x2e),secret.txt
hex,data,string_hex,41 
hex2,data,string_hex,410d42
END
sed 's/^hex,.*/hex,data,string_hex,/' rules.csv >rules2.csv
expect 3 stderr 'rules.csv:18: key' generate rules.csv rules 0x3000
expect 0 stdout 'Created' generate rules2.csv rules 0x3000
for row in '#id 5' 'i -32768' 'j 32767' 'q 18446744073709551615' 'fill 616263ababab' \
    'none 000000' 'sized 03000000616263ff' 'file 536563726574546578742e2e'; do
    expect 0 stdout "${row#* }" get rules.bin '#ns' "${row% *}"
    [ "$(cat stdout)" = "${row#* }" ] || fail "get ${row% *}: $(cat stdout)"
done
expect 0 stdout '# two' get rules.bin '#ns' lines
expect 0 stdout '"A\rB"' dump rules.bin
expect 3 stderr 'no key' get rules.bin '#ns' id
# Several tables are one; a namespace that was named is opened again.
table more.csv 'late,data,u8,1'
expect 0 stdout 'Created' generate t.csv more.csv joined.bin 0x3000
{ cat t.csv; sed 1d more.csv; } >joined.csv
expect 0 stdout 'Created' generate joined.csv joined2 0x3000
same joined.bin joined2.bin

# ---- Keys ----

expect 0 stdout 'keys/k.bin' generate-key --keyfile k
expect 0 stdout 'keys/k2.bin' generate-key --keyfile k2 -q --json
expect 5 stderr 'keys/k.bin' generate-key --keyfile k
expect 2 stderr '--keygen or --inputkey is needed' encrypt t.csv e 0x3000
expect 2 stderr 'choose one of them' encrypt t.csv e 0x3000 --keygen --inputkey keys/k.bin
expect 4 stderr 'nokey.bin' encrypt t.csv e 0x3000 --inputkey nokey.bin
expect 4 stderr 'is a folder' encrypt t.csv e 0x3000 --inputkey keys
expect 0 stdout 'Created NVS binary: ===> e.bin' encrypt t.csv e 0x3000 --inputkey keys/k.bin
expect 0 stderr '--keyfile is ignored' \
    encrypt t.csv e 0x3000 --inputkey keys/k.bin --keyfile other
head -c 64 keys/k.bin >raw.bin
expect 0 stdout 'Kept, equal already' encrypt t.csv e 0x3000 --inputkey raw.bin
expect 0 stdout '===> new/keys/unit.bin' \
    encrypt t.csv kg 0x3000 --keygen --keyfile unit --outdir new
expect 0 stdout 'ns  ' dump new/kg.bin --inputkey new/keys/unit.bin
expect 5 stderr 'already there' encrypt t.csv kg 0x3000 --keygen --keyfile unit2 --outdir new
[ ! -e new/keys/unit2.bin ] || fail "a key was made for an image that could not be written"
expect 0 stdout 'hmac-h.bin' encrypt t.csv h 0x3000 --keygen --keyfile h --key_protect_hmac \
    --kp_hmac_keygen
expect 0 stdout '7' get h.bin ns id --kp_hmac_inputkey keys/hmac-h.bin
expect 0 stdout '7' get h.bin ns id --inputkey keys/h.bin
expect 3 stderr '32 are needed' dump h.bin --kp_hmac_inputkey raw.bin
expect 2 stderr 'name two keys' dump h.bin --kp_hmac_inputkey raw.bin --inputkey raw.bin

head -c 68 keys/k.bin >crc.bin
poke crc.bin 3 0
poke crc.bin 4 1
head -c 65 keys/k.bin >long.bin
head -c 63 keys/k.bin >less.bin
: >none.bin
for command in 'dump e.bin' 'check e.bin' 'get e.bin ns id' 'diff e.bin e.bin' \
    'encrypt t.csv bad 0x3000'; do
    # shellcheck disable=SC2086 # a list of words
    expect 3 stderr 'crc.bin: the CRC does not fit the key' $command --inputkey crc.bin
    # shellcheck disable=SC2086
    expect 3 stderr 'long.bin: 65 bytes: neither a key' $command --inputkey long.bin
    # shellcheck disable=SC2086
    expect 3 stderr 'less.bin: 63 bytes: neither a key' $command --inputkey less.bin
    # shellcheck disable=SC2086
    expect 3 stderr 'none.bin: ' $command --inputkey none.bin
done
[ ! -e bad.bin ] || fail "a bad key made an image"

# ---- Files that hold no image, or one that needs another key ----

head -c 4096 /dev/zero >zero.bin
head -c 12288 /dev/zero | tr '\000' '\377' >blank.bin
{ printf '\351'; head -c 8191 /dev/zero; } >firmware.bin
head -c 8192 /dev/zero | tr '\000' '\125' >noise.bin
head -c 5000 o.bin >cut.bin
for command in dump check; do
    expect 3 stderr 'none.bin: an empty file' $command none.bin
    expect 3 stderr 'cut.bin: 5000 bytes are no multiple of the page size 4096' $command cut.bin
    expect 3 stderr 'zero.bin: nothing but 0x00' $command zero.bin
    expect 3 stderr 'firmware.bin: no NVS image; it begins like a firmware image' \
        $command firmware.bin
    expect 3 stderr 'noise.bin: no page of it is a page of NVS' $command noise.bin
    expect 3 stderr 'keys/k.bin: a key partition, not an NVS image' $command keys/k.bin
    expect 4 stderr 'is a folder' $command folder.bin
    expect 4 stderr 'is a pipe' $command pipe.bin
    expect 4 stderr "cannot open 'nowhere.bin'" $command nowhere.bin
    expect 3 stderr 'e.bin: no entry can be read: the image is encrypted' $command e.bin
    expect 3 stderr 'o.bin: the image is not encrypted, but a key was given' \
        $command o.bin --inputkey keys/k.bin
    expect 3 stderr 'e.bin: wrong key' $command e.bin --inputkey keys/k2.bin
    expect 3 stderr 'e.bin: the CRC does not fit' $command keys/k.bin --inputkey e.bin
done
expect 0 stdout 'warning: no page is in use: the device mounts an empty store [empty]' \
    check blank.bin
expect 0 stderr 'warning: no page is in use' dump blank.bin
expect 0 stderr '' dump blank.bin -q
head -c 4096 o.bin >page.bin # one page is a whole image, to be mounted read-only
expect 0 stdout 'mounts read-only' check page.bin

# ---- decrypt ----

expect 3 stderr 'e.bin: the CRC does not fit the key' decrypt keys/k.bin e.bin d
expect 3 stderr 'wrong key' decrypt e.bin keys/k2.bin d
expect 3 stderr 'not encrypted, but a key was given' decrypt o.bin keys/k.bin d
expect 4 stderr "cannot open 'd.bin'" decrypt e.bin d.bin keys/k.bin
expect 2 stderr "'d.csv' does not end in .bin" decrypt e.bin keys/k.bin d.csv
[ ! -e d.bin ] || fail "a refused decrypt wrote"
expect 0 stdout 'Created NVS binary: ===> d.bin' decrypt e.bin keys/k.bin d
same d.bin o.bin
[ "$(stat -c %a d.bin)" = 600 ] || fail "mode of a decrypted image: $(stat -c %a d.bin)"
expect 0 stdout 'Kept' decrypt e.bin raw.bin d.bin
expect 0 stdout 'Created' decrypt h.bin keys/hmac-h.bin dh
same dh.bin o.bin
expect 5 stderr 'already there' decrypt e.bin keys/k.bin rules

# ---- What is shown, and what is hidden ----

expect 0 stdout 'SecretText' dump o.bin
for words in 'dump e.bin' 'dump e.bin --format json' 'dump e.bin --json' 'dump e.bin --raw' \
    'check e.bin' 'check e.bin --json'; do
    # shellcheck disable=SC2086 # a list of words
    expect 0 stderr '' $words --inputkey keys/k.bin
    not_said SecretText
    not_said 00ff10
done
expect 0 stdout 'SecretText' dump e.bin --inputkey keys/k.bin --show-values
expect 0 stdout '"value": "SecretText"' dump e.bin --inputkey keys/k.bin --show-values --json
expect 2 stderr 'add --show-values' dump e.bin --inputkey keys/k.bin --format csv
expect 2 stderr '--raw has no other format' dump o.bin --raw --format csv
expect 0 stdout 'sn,data,string,SecretText' \
    dump e.bin --inputkey keys/k.bin --format csv --show-values
expect 0 stdout 'entry   0  0x000040  written' dump o.bin --raw
table long.csv "l,data,string,$(printf %0100d 0)" 'c,data,string_hex,41c29b1b42'
expect 0 stdout 'Created' generate long.csv longer 0x3000
expect 0 stdout '…' dump longer.bin
expect 0 stdout '"A\xc2\x9b\x1bB"' dump longer.bin

# ---- get ----

table types.csv 'u8,data,u8,255' 'i8,data,i8,-128' 'u16,data,u16,65535' 'u32,data,u32,4294967295' \
    'i32,data,i32,-2147483648' 'i64,data,i64,-9223372036854775808' 's,data,string,Grün' \
    'e,data,string,' 'b,data,base64,QUJD' 'none,data,hex2bin,'
expect 0 stdout 'Created' generate types.csv types 0x3000
for row in u8=255 i8=-128 u16=65535 u32=4294967295 i32=-2147483648 i64=-9223372036854775808 \
    s=Grün e= b=414243 none=; do
    expect 0 stderr '' get types.bin ns "${row%%=*}"
    [ "$(cat stdout)" = "${row#*=}" ] || fail "get ${row%%=*}: $(cat stdout)"
done
expect 0 stderr '' get types.bin ns b --bytes
bytes 414243 stdout
[ "$(wc -c <stdout)" -eq 3 ] || fail "get --bytes of a blob: $(wc -c <stdout) bytes"
expect 0 stderr '' get types.bin ns s --bytes
bytes 4772c3bc6e stdout
[ "$(wc -c <stdout)" -eq 5 ] || fail "get --bytes of a string: $(wc -c <stdout) bytes"
expect 0 stderr '' get types.bin ns i32 --bytes
bytes 00000080 stdout
expect 0 stdout '' get types.bin ns e --bytes
expect 0 stdout '"value": -128' get types.bin ns i8 --json
expect 0 stdout '"hex": "414243"' get types.bin ns b --json
expect 0 stdout '"value": "18446744073709551615"' get rules.bin '#ns' q --json
expect 3 stderr "types.bin: there is no key 'x' in namespace 'ns'" get types.bin ns x
expect 3 stderr "there is no key 'u8' in namespace 'no'" get types.bin no u8
expect 0 stdout 'SecretText' get e.bin ns sn --inputkey keys/k.bin
if [ -w /dev/full ]; then
    for words in 'get types.bin ns u8' 'dump o.bin' 'dump o.bin --format csv' 'dump o.bin --json' \
        'dump o.bin --raw' 'check o.bin' 'diff o.bin t2.csv'; do
        checks=$((checks + 1))
        got=0
        # shellcheck disable=SC2086 # a list of words
        "$MFG_GEN" image $words >/dev/full 2>/dev/null || got=$?
        [ "$got" -eq 4 ] || fail "image $words to a full disk: exit status $got"
    done
fi

# ---- check ----

cp o.bin broken.bin
poke broken.bin 104 172 # in the key of entry 1 (0x40 + 32 + 8): its CRC is wrong
expect 1 stdout '[entry-crc]' check broken.bin
grep -q '^broken.bin: page 0 entry 1 (0x60): error: ' stdout || fail "place: $(cat stdout)"
expect 1 stderr '' check broken.bin
expect 1 stdout '"id": "entry-crc"' check broken.bin --json
expect 1 stdout '[entry-crc]' check -q broken.bin
expect 0 stdout '' check -q o.bin blank.bin
expect 0 stderr 'the image has 1 error; shown is what the device can read' dump broken.bin
expect 1 stdout 'o.bin: clean: 3 values in 1 namespace' check o.bin broken.bin
# What cannot be read outweighs what is found, and does not end the run.
expect 3 stdout '[entry-crc]' check cut.bin broken.bin
expect 4 stdout '[entry-crc]' check nowhere.bin broken.bin
expect 0 stdout 'clean' check e.bin --inputkey keys/k.bin
n=0
set --
while [ $n -lt 200 ]; do
    set -- "$@" o.bin
    n=$((n + 1))
done
expect 0 stdout 'clean' check "$@"
[ "$(grep -c clean stdout)" -eq 200 ] || fail "check of 200 images: $(grep -c clean stdout) told"

# ---- diff ----

expect 0 stdout '0 differences' diff o.bin d.bin
expect 0 stdout '0 differences' diff o.bin t.csv
expect 0 stdout '0 differences' diff t.csv order.csv
expect 0 stdout 'Created' generate t.csv v1 0x3000 --version 1
expect 0 stdout '0 differences' diff v1.bin o.bin
expect 1 stdout '3 differences' diff o.bin t2.csv
for line in '- ns id u8 7' '+ ns id u8 8' '- ns bl blob 00ff10' '+ ns more i64 -1'; do
    grep -qxF -- "$line" stdout || fail "diff: no line '$line': $(cat stdout)"
done
not_said SecretText
expect 1 stdout '' diff o.bin t2.csv -q
expect 1 stdout '"status": "found"' diff o.bin t2.csv --json
expect 4 stderr 'nowhere.csv' diff o.bin nowhere.csv
expect 3 stderr 'cut.bin' diff o.bin cut.bin
expect 3 stderr "wide.csv:3: key 'id'" diff o.bin wide.csv
expect 0 stdout '0 differences' diff e.bin t.csv --inputkey keys/k.bin
expect 0 stdout '0 differences' diff e.bin o.bin --inputkey keys/k.bin
expect 0 stdout '0 differences' diff o.bin e.bin --inputkey keys/k.bin
expect 1 stdout '+ ns id u8 (1 byte)' diff e.bin t2.csv --inputkey keys/k.bin
not_said 00ff10
expect 1 stdout '- ns bl blob 00ff10' diff e.bin t2.csv --inputkey keys/k.bin --show-values
expect 0 stdout '0 differences' diff e.bin h.bin --inputkey keys/k.bin \
    --kp_hmac_inputkey-b keys/hmac-h.bin
expect 0 stdout '0 differences' diff o.bin e.bin --inputkey-b keys/k.bin
expect 3 stderr 'wrong key' diff e.bin h.bin --inputkey keys/k.bin
table wifi.csv 'sta.ssid,data,string,net'
expect 0 stdout 'Created' generate wifi.csv wifi 0x3000
expect 0 stdout 'Created' generate wifi.csv plain 0x3000 --no-wifi-extras
expect 0 stdout '0 differences' diff wifi.bin wifi.csv
expect 1 stdout '3 differences' diff plain.bin wifi.csv
expect 0 stdout 'sta.ssid,data,string,net' dump plain.bin --format csv
not_said sta.pmk

# ---- What is not easy to hold for a table ----

table cr.csv 's,data,string_hex,610d62'
expect 0 stdout 'Created' generate cr.csv cr 0x3000
expect 0 stdout 's,data,string_hex,610d62' dump cr.bin --format csv
printf 'key,type,encoding,value\nempty,namespace,,\nns,namespace,,\ns,data,string,"a""b,c"\n' >quote.csv
expect 0 stdout 'Created' generate quote.csv quote 0x3000
expect 0 stdout 's,data,string,"a""b,c"' dump quote.bin --format csv
grep -q '^empty,namespace,,' stdout || fail "a namespace without values is lost: $(cat stdout)"

# ---- A dump as CSV makes the same image again ----

trips=0
for case in "$cases"/*/; do
    name=$(basename "$case")
    for image in "$case"expected/bin/*.bin; do
        [ -e "$image" ] || continue
        case $name in
        enc_given_key) key=--inputkey=$case/keys.bin ;;
        enc_*) continue ;; # their keys have other names; one is enough
        *) key= ;;
        esac
        version=2
        [ "$(od -An -tx1 -j8 -N1 "$image" | tr -d ' ')" = ff ] && version=1
        command=generate
        [ -z "$key" ] || command=encrypt
        if "$MFG_GEN" image dump "$image" --format csv --show-values ${key:+"$key"} >dump.csv &&
            "$MFG_GEN" image $command dump.csv again "$(stat -c %s "$image")" -q --replace \
                --version $version ${key:+"$key"} && cmp -s again.bin "$image"; then
            trips=$((trips + 1))
        else
            fail "$name: the dump of $image does not make it again"
        fi
    done
done
[ "$trips" -ge 80 ] || fail "only $trips golden images went through a CSV and back"

[ "$failed" -eq 0 ] && echo "image_cli: $checks checks passed, $trips images through CSV and back"
[ "$failed" -eq 0 ]
