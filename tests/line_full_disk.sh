#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A line whose ledger and keys are on a disk that gets full, or is read-only: whatever size it
# stops at, the message says so, no board is told as passed that is not on record, and with room
# the batch is completed with every promise kept. A small file system in memory is mounted for it,
# in a mount namespace of its own.
set -eu

: "${MFG_FLASH:?}"
LC_ALL=C
export LC_ALL

if [ -z "${LINE_DISK_WORK:-}" ]; then
    # The outer call: makes the folder and finds out how mounting is permitted.
    LINE_DISK_WORK=$(mktemp -d)
    export LINE_DISK_WORK
    trap 'rm -rf "$LINE_DISK_WORK"' EXIT
    mkdir "$LINE_DISK_WORK/disk"
    cp -R "${top_srcdir:?}/samples" "$LINE_DISK_WORK/samples"
    chmod -R u+w "$LINE_DISK_WORK/samples"
    for how in -m -rm; do
        if unshare "$how" mount -t tmpfs -o size=64k line_disk "$LINE_DISK_WORK/disk" 2>/dev/null
        then
            status=0
            unshare "$how" sh "$0" || status=$?
            exit "$status"
        fi
    done
    echo "SKIPPED: NOT TESTED: lines on full disks (neither root nor a user namespace may mount here)"
    exit 77
fi

cd "$LINE_DISK_WORK"
failed=0
runs=0
stopped=0

fail() {
    echo "FAIL: $scene: $*"
    failed=$((failed + 1))
}

# The sample's job with ledger and keys on the small disk.
sed -e "s|batch.db|$LINE_DISK_WORK/disk/batch.db|" -e "s|keys_dir: keys|keys_dir: $LINE_DISK_WORK/disk/keys|" \
    samples/job.yaml >samples/disk.yaml
plan=$("$MFG_FLASH" line samples/disk.yaml --check | sed -n 's/^Plan of the eFuses: //p')

# line: run it once. Returns its exit status; what it printed is in told and faults.
line() {
    got=0
    runs=$((runs + 1))
    "$MFG_FLASH" line samples/disk.yaml 'sim:esp32c3*4' --boards boards --rounds 3 \
        --approve "$plan" >told 2>faults || got=$?
    return "$got"
}

# Boards that were told as passed are done on record.
told_is_recorded() {
    grep ' PASS ' told | awk '{ print $3 }' | while read -r unit; do
        "$MFG_FLASH" ledger show "$unit" --ledger disk/batch.db | grep -q ': done' ||
            echo "$unit"
    done >lost
    [ ! -s lost ] || fail "told as passed, and not on record: $(cat lost)"
}

# Sizes at which different things do not fit any more: the ledger itself, its log, key files.
for size in 16 64 112 160 224 320 400 480 560 640 720 800 960 1200 2000; do
    scene="disk of $size KiB"
    mount -t tmpfs -o "size=${size}k,nr_inodes=200" line_disk disk
    rm -rf boards
    mkdir boards
    if line; then
        grep -q '12/12 done' told || fail "good, and not all are done: $(tail -n 1 told)"
    else
        stopped=$((stopped + 1))
        grep -qiE 'no space|full' faults told || fail "nothing says why: $(cat faults)"
        if [ -e disk/batch.db ]; then
            mount -t tmpfs -o remount,size=16m line_disk disk
            told_is_recorded
        fi
        mount -t tmpfs -o remount,size=16m line_disk disk
        line || fail "with room: exit status $?: $(cat faults)"
        grep -q '12/12 done' told || fail "with room, not all are done: $(tail -n 1 told)"
    fi
    "$MFG_FLASH" ledger check --ledger disk/batch.db >checked 2>&1 || fail "$(cat checked)"
    keys=$(find disk/keys -name '*.bin' | wc -l)
    [ "$keys" -eq 12 ] || fail "$keys key files"
    # Bits that were burned twice would stand in a journal twice.
    twice=$(for journal in boards/*.journal; do sort "$journal" | uniq -d; done | wc -l)
    [ "$twice" -eq 0 ] || fail "$twice bits were burned twice"
    umount disk
done

scene="a ledger that cannot be written"
mount -t tmpfs -o size=16m line_disk disk
rm -rf boards
mkdir boards
line || fail "exit status $?: $(cat faults)"
mount -t tmpfs -o remount,ro line_disk disk
rm -rf boards
mkdir boards
line && fail "it ran"
grep -qi 'read-only' faults || fail "nothing says why: $(cat faults)"
[ "$(find boards -name '*.journal' -size +0 | wc -l)" -eq 0 ] || fail "something was burned"
umount disk

[ "$failed" -eq 0 ] || exit 1
[ "$stopped" -gt 3 ] || { echo "FAIL: only $stopped of the disks got full"; exit 1; }
echo "full disks under a line: $runs runs, $stopped were stopped, all were completed"
