#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Disks that are full, out of inodes or read-only: the message helps, nothing half-made has a
# final name, and --resume completes the batch when there is room. Small file systems in memory
# are mounted for it, in a mount namespace of its own.
set -eu

: "${MFG_GEN:?}"
LC_ALL=C
export LC_ALL

if [ -z "${FULL_DISK_WORK:-}" ]; then
    # The outer call: makes the folder and finds out how mounting is permitted.
    FULL_DISK_WORK=$(mktemp -d)
    export FULL_DISK_WORK
    trap 'chmod -R u+w "$FULL_DISK_WORK"; rm -rf "$FULL_DISK_WORK"' EXIT
    mkdir "$FULL_DISK_WORK/disk"
    for how in -m -rm; do
        if unshare "$how" mount -t tmpfs -o size=64k full_disk "$FULL_DISK_WORK/disk" 2>/dev/null
        then
            status=0
            unshare "$how" sh "$0" || status=$?
            exit "$status"
        fi
    done
    echo "SKIPPED: NOT TESTED: full disks (neither root nor a user namespace may mount here)"
    exit 77
fi

cd "$FULL_DISK_WORK"
failed=0
checks=0
units=300

fail() {
    echo "FAIL: $scene: $*"
    failed=$((failed + 1))
}

# An empty disk: disk SIZE INODES.
disk() {
    if mountpoint -q disk; then
        umount disk
    fi
    mount -t tmpfs -o "size=$1,nr_inodes=$2" full_disk disk
}

# With type and source, or mount would repeat options that a user namespace does not permit.
remount() {
    mount -t tmpfs -o "remount,$1" full_disk disk
}

enlarge() {
    remount size=64m,nr_inodes=10000
}

# run STATUS ARGUMENTS…: mfg_gen has to end so.
run() {
    wanted=$1
    shift
    checks=$((checks + 1))
    got=0
    "$MFG_GEN" "$@" >stdout 2>stderr </dev/null || got=$?
    [ "$got" -eq "$wanted" ] ||
        fail "mfg_gen $*: exit status $got, wanted $wanted: $(cat stderr)"
}

generate() {
    wanted=$1
    shift
    run "$wanted" generate config.csv values.csv P 0x3000 "$@"
}

# The message of the last run has to hold all of these.
says() {
    for text in "$@"; do
        grep -qF -- "$text" stderr || fail "no '$text' in: $(cat stderr)"
    done
}

no_space='No space left on device'

# What has to be equal in the files under final names: facts FOLDER REFERENCE. Of random keys, and
# images encrypted with them, only sizes can be compared.
facts() {
    for kind in bin csv keys; do
        [ -d "$1/$kind" ] || continue
        case $2-$kind in
        ref_random-bin | ref_random-keys)
            (cd "$1" && find "$kind" -type f -exec wc -c {} +) |
                awk '$2 != "total" { print $1, $2 }' ;;
        *)
            (cd "$1" && find "$kind" -type f -exec cksum {} +) ;;
        esac
    done | sort
}

# Every file under a final name has to be that of the batch made elsewhere: whole FOLDER REFERENCE.
whole() {
    facts "$1" "$2" >have
    facts "$2" "$2" >want
    wrong=$(comm -23 have want)
    [ -z "$wrong" ] || fail "short or wrong: $wrong"
}

# Exactly the files of the reference: completed FOLDER REFERENCE.
completed() {
    (cd "$1" && find . | sort) >have
    (cd "$2" && find . | sort) >want
    cmp -s have want || fail "other files than expected: $(diff want have | head -5)"
    whole "$1" "$2"
}

# A batch that does not fit, then more room and --resume: overflow SIZE INODES REFERENCE OPTIONS….
overflow() {
    size=$1 inodes=$2 reference=$3
    shift 3
    disk "$size" "$inodes"
    case $scene in
    *'existing folders'*) mkdir -p disk/out/bin disk/out/csv disk/out/keys ;;
    esac
    generate 4 --outdir disk/out "$@"
    says "$no_space" disk/out hint: "$advice"
    whole disk/out "$reference"
    # Still no room: the same once more, and nothing is lost by it.
    find disk/out -type f -name 'keys-*' -size 4096c -exec cksum {} + | sort >before
    generate 4 --outdir disk/out --resume "$@"
    says "$no_space" "$advice"
    whole disk/out "$reference"
    enlarge
    generate 0 --outdir disk/out --resume "$@"
    completed disk/out "$reference"
    sed 's/keys\.partial/keys/' before | sort >want
    find disk/out -type f -name 'keys-*' -exec cksum {} + | sort | comm -13 - want >have
    [ ! -s have ] || fail "made anew: $(cat have)"
}

scene=inputs
printf 'factory,namespace,\nserial,data,string\nno,data,u16\nnote,data,string\n' >config.csv
awk -v n=$units 'BEGIN { print "serial,no,note"
    for (i = 1; i <= n; i++) printf "U%05d,%d,\"some, text\"\n", i, i * 7 }' >values.csv
generate 0 --outdir ref
generate 0 --outdir ref_random --keygen
generate 0 --outdir ref_rows --rows 11-290 --no-csv --manifest rows.csv
cp -r ref ref_folders
mkdir ref_folders/keys

advice=--resume
scene='whole batch'
overflow 2m 5000 ref
scene='whole batch, one thread'
overflow 1999k 5000 ref -j 1
scene='whole batch, keys'
overflow 3m 5000 ref_random --keygen
scene='existing folders'
overflow 2m 5000 ref_folders
scene='some rows'
overflow 2m 5000 ref_rows --rows 11-290 --no-csv
scene='out of inodes'
overflow 64m 203 ref
scene='out of inodes, keys'
overflow 64m 204 ref_random --keygen
scene='existing folders, out of inodes'
overflow 64m 200 ref_folders
advice='try again' # nothing was made that --resume would be needed for
scene='room for the first folder only'
overflow 64m 3 ref
scene='no room for a folder'
overflow 64m 2 ref

scene='image that is larger than the disk'
disk 8k 100
generate 4 --outdir disk/out
says "$no_space" '(12288 bytes)' --resume
[ -z "$(find disk/out -type f -size -12288c)" ] || [ ! -d disk/out/bin ] || fail 'a short file'

scene='dry run'
disk 4k 2
dd if=/dev/zero of=disk/filler bs=4k count=1 2>dd.log
generate 0 --outdir disk/out --dry-run
[ "$(ls -A disk)" = filler ] || fail "left: $(ls -A disk)"

# Files fit, their list does not.
for list in units.csv units.json; do
    scene="manifest $list"
    generate 0 --outdir "ref_$list" --manifest "$list"
    disk 4k 100
    dd if=/dev/zero of=disk/filler bs=4k count=1 2>dd.log
    generate 4 --outdir "out_$list" --manifest "disk/$list"
    says "$no_space" "disk/$list" --resume
    [ "$(ls -A disk)" = filler ] || fail "left: $(ls -A disk)"
    whole "out_$list" "ref_$list"
    enlarge
    generate 0 --outdir "out_$list" --manifest "disk/$list" --resume
    completed "out_$list" "ref_$list"
    sed "s/out_$list/ref_$list/g" "disk/$list" | cmp -s - "$list" || fail "disk/$list is wrong"
done

scene='manifest beside the files'
disk 64m 5000
generate 0 --outdir disk/out --manifest disk/out/list.csv
used=$(df -Pk disk | awk 'NR == 2 { print $3 }')
cp -r disk/out ref_list
disk "$((used - 8))k" 5000
generate 4 --outdir disk/out --manifest disk/out/list.csv
says "$no_space" --resume
[ ! -e disk/out/list.csv ] || fail 'a short list'
whole disk/out ref_list
enlarge
generate 0 --outdir disk/out --manifest disk/out/list.csv --resume
completed disk/out ref_list
cmp -s disk/out/list.csv ref_list/list.csv || fail 'the list is wrong'

hmac='--key_protect_hmac --kp_hmac_keygen'
# A disk without room for any file, for the folder, for the file in it, for the second file.
while read -r filler size inodes options; do
    scene="generate-key $options on $size with $inodes inodes, $filler"
    disk "$size" "$inodes"
    [ "$filler" = empty ] || dd if=/dev/zero of=disk/filler bs=4k count=1 2>dd.log
    # shellcheck disable=SC2086 # several words
    run 4 generate-key --keyfile one --outdir disk $options
    says "$no_space" disk/keys
    left=$(ls -A disk)
    [ "$left" = filler ] || [ -z "$left" ] || fail "left: $(find disk)"
done <<END
filled 4k 10
empty 64k 1
empty 64k 2
filled 4k 10 $hmac
empty 4k 10 $hmac
empty 64k 3 $hmac
END

scene='read-only file system'
disk 64m 5000
generate 0 --outdir disk/out --rows 1-100
remount ro
generate 4 --outdir disk/new
says 'Read-only file system' disk/new
generate 4 --outdir disk/out --rows 101-200
says 'Read-only file system' disk/out --resume
generate 4 --outdir disk/out --resume
says 'Read-only file system' disk/out --resume
generate 4 --outdir elsewhere --manifest disk/list.csv
says 'Read-only file system' disk/list.csv
run 4 generate-key --keyfile one --outdir disk
says 'Read-only file system'
[ "$(find disk -type f | wc -l)" -eq 200 ] || fail 'a file was made'
remount rw
generate 0 --outdir disk/out --resume
completed disk/out ref
umount disk

# A folder without permission to write: root has to give up its right to do so nevertheless.
scene='read-only folder'
humble='setpriv --inh-caps=-all --bounding-set=-all'
mkdir -p closed/out/bin closed/out/csv
chmod 555 closed closed/out closed/out/bin
if $humble "$MFG_GEN" --version >stdout 2>&1 && ! $humble touch closed/x 2>stderr; then
    for folder in closed/new closed/out; do
        got=0
        $humble "$MFG_GEN" generate config.csv values.csv P 0x3000 --outdir "$folder" \
            >stdout 2>stderr || got=$?
        [ "$got" -eq 4 ] || fail "$folder: exit status $got: $(cat stderr)"
        says 'Permission denied' "$folder" hint:
        checks=$((checks + 1))
    done
    [ -z "$(find closed -type f -path '*/bin/*')" ] || fail "left: $(find closed -type f)"
else
    echo "NOT TESTED: folders without permission to write (setpriv does not do it here)"
fi
chmod -R u+w closed

[ "$failed" -eq 0 ] && echo "full disks: $checks runs, no short file, all completed by --resume"
[ "$failed" -eq 0 ]
