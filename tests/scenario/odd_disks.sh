#!/usr/bin/env bash
# Disks that go wrong while a backup runs: the storage's or the state's becomes read-only, a quota
# is used up, inodes run out, a sector of one document cannot be read any more. It is said clearly;
# what was published stays good, all else is stored, and on a sound disk the next run goes on.
source "$(dirname "$0")/lib.sh"
source "$tests/support/disks.sh"
((EUID == 0)) || fail "this scenario needs root: it mounts small disks"

disk store 256M
disk nightly 64M
make_shop
rm "$work/shop/documents/a.tmp"
configure "$work/store/vault"
sed -i "s|state: state|state: nightly/state|" "$work/kura.yaml"
# A source that stops half-way until somebody has done something to a disk.
cat >"$work/feed" <<'SH'
head -c 7000000 /dev/urandom
echo >half
until [ -e go ]; do sleep 0.02; done
head -c 7000000 /dev/urandom
SH
echo '  - { name: feed, command: ["bash", "feed"] }' >>"$work/kura.yaml"
: >"$work/go"
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
expect_exit 0 kura backup
cp -a "$work/shop" "$work/shop.first"
first=$(kura snapshots --json | jq -r '.[0].id')

restorable() { # SNAPSHOT COPY-OF-THE-SHOP
    rm -rf "$work/back"
    expect_exit 0 restore_with_kit "$work/back" --snapshot "$1" --source documents --source customers
    same_tree "$2/documents" "$work/back/documents"
    same_database "$2/customers.db" "$work/back/customers/customers.db"
}

# backup_meets CODE COMMAND...: the command runs when the backup has stored a part of its data.
backup_meets() {
    local wanted=$1 code=0
    shift
    rm -f "$work/half" "$work/go"
    kura backup >"$work/out" 2>"$work/err" </dev/null &
    local pid=$!
    timeout 60 bash -c "until [ -e '$work/half' ]; do sleep 0.02; done" || fail "the backup does not come to the middle"
    "$@"
    : >"$work/go"
    wait "$pid" || code=$?
    [ "$code" = "$wanted" ] || fail "backup, while $*: exit $code, not $wanted"
}

# ------------------------------------------------------------------ read-only in the middle

# As by hand: the kernel refuses while a file is open for writing.
store_read_only() {
    timeout 20 bash -c "until mount -o remount,ro '$work/store' 2>/dev/null; do sleep 0.01; done" ||
        fail "the storage does not become read-only"
}
echo new >"$work/shop/documents/new"
backup_meets 1 store_read_only
expect_text "Read-only file system"
restorable "$first" "$work/shop.first"
run 0 -c "$work/kura.yaml" check
mount -o remount,rw "$work/store"
run 0 -c "$work/kura.yaml" backup

# As the kernel does it.
backup_meets 1 disk_breaks store
grep -qE 'Read-only file system|Input/output error' "$work/err" || fail "no word of the broken storage"
disk_repair store
run 0 -c "$work/kura.yaml" check --read-data
restorable "$first" "$work/shop.first"

backup_meets 1 disk_breaks nightly
grep -qE 'Read-only file system|Input/output error|readonly database|disk I/O error' "$work/err" ||
    fail "no word of the broken state"
restorable "$first" "$work/shop.first"
expect_exit 1 kura backup # it is so still
disk_repair nightly
run 0 -c "$work/kura.yaml" backup
run 0 -c "$work/kura.yaml" check --read-data
cp -a "$work/shop" "$work/shop.latest"
restorable "$(kura snapshots --json | jq -r '.[-1].id')" "$work/shop.latest"
sed -i '/name: feed/d' "$work/kura.yaml"

# ------------------------------------------------------------------ no inodes

# Of the state: SQLite needs a file for its journal, the spool needs some.
use_inodes "$work/nightly/other"
head -c 4000000 /dev/urandom >"$work/shop/documents/many"
run 1 -c "$work/kura.yaml" backup
no_space "backup with its state on a disk without inodes"
rm -r "$work/nightly/other"
run 0 -c "$work/kura.yaml" backup
latest=$(kura snapshots --json | jq -r '.[-1].id')
rm -rf "$work/shop.latest"
cp -a "$work/shop" "$work/shop.latest"
restorable "$latest" "$work/shop.latest"

# Of the target: what was made is right, what lacks is told, and it goes on later.
disk target 64M -N 64
use_inodes "$work/target/other"
rm "$work"/target/other/{1..7} # for a folder or two of the documents, not for all that is in them
code=0
restore_with_kit "$work/target/back" --source documents --source customers >"$work/out" 2>"$work/err" \
    </dev/null || code=$?
[[ $code =~ ^[13]$ ]] || fail "restore to a disk without inodes ended with $code"
no_space "restore to a disk without inodes"
rm -r "$work/target/other"
expect_exit 0 restore_with_kit "$work/target/back" --source documents --source customers
same_tree "$work/shop/documents" "$work/target/back/documents"
same_database "$work/shop/customers.db" "$work/target/back/customers/customers.db"

# ------------------------------------------------------------------ a quota

# quota_disk NAME BYTES: a folder of that quota at $work/NAME/limited, whatever room the disk has.
quota_disk() {
    truncate -s 160M "$work/$1.img"
    mkfs.btrfs -q -m single "$work/$1.img" >/dev/null 2>&1 && mkdir "$work/$1" && disk_mount "$1" || return 1
    at_exit=("umount '$work/$1'" "${at_exit[@]}")
    btrfs quota enable "$work/$1" && btrfs subvolume create "$work/$1/limited" >/dev/null &&
        btrfs qgroup limit "$2" "$work/$1/limited"
}
quota="and a quota"
if ! grep -qw btrfs /proc/filesystems || ! command -v mkfs.btrfs >/dev/null; then
    quota="no quota: neither the kernel nor its tools know btrfs"
else
    quota_disk allotted 12M || fail "no disk with a quota"
    sed "s|store/vault|allotted/limited/vault|; s|host[.]key|host2.key|; s|nightly/state|state2|" \
        "$work/kura.yaml" >"$work/second.yaml"
    mkdir "$work/second"
    run 0 -c "$work/second.yaml" init --kit "$work/second/kit.txt" --passphrase-file "$work/second/pw"
    run 0 -c "$work/second.yaml" backup
    head -c 16000000 /dev/urandom >"$work/shop/documents/large"
    run 1 -c "$work/second.yaml" backup
    expect_text "quota"
    run 0 -c "$work/second.yaml" check --read-data
    expect_exit 0 "$KURA" restore --kit "$work/second/kit.txt" --passphrase-file "$work/second/pw" \
        --target "$work/second/back"
    same_tree "$work/shop.latest/documents" "$work/second/back/documents"
    code=0
    mkdir "$work/allotted/limited/target"
    restore_with_kit "$work/allotted/limited/target" >"$work/out" 2>"$work/err" </dev/null || code=$?
    [[ $code =~ ^[13]$ ]] || fail "restore beyond a quota ended with $code"
    expect_text "quota"
    rm -rf "$work/allotted/limited/target"
    btrfs qgroup limit none "$work/allotted/limited"
    run 0 -c "$work/second.yaml" backup
    run 0 -c "$work/second.yaml" check --read-data
    rm "$work/shop/documents/large"
fi

# ------------------------------------------------------------------ a bad sector under one document

# Disks whose last part is gone: the kernel answers EIO for what lay there.
declare -A device
old_disk() { # NAME SIZE
    truncate -s "$2" "$work/$1.img"
    mkfs.ext4 -q -m 0 -b 4096 -O ^has_journal "$work/$1.img"
    mkdir "$work/$1"
    device[$1]=$(losetup -f --show "$work/$1.img")
    at_exit=("umount '$work/$1'" "losetup -d ${device[$1]}" "${at_exit[@]}")
    mount "${device[$1]}" "$work/$1"
}
blocks() { # FILE: the first and the last one, as the disk has them
    filefrag -v "$1" |
        awk '/^ +[0-9]+:/ { gsub(/[.:]/, " "); if (!n++) first = $4; last = $5 } END { print first, last }'
}
lose_from() { # NAME BLOCK
    umount "$work/$1"
    mount -o ro "${device[$1]}" "$work/$1"
    truncate -s $(($2 * 4096)) "$work/$1.img"
    losetup -c "${device[$1]}"
}
old_disk old 64M
old_disk older 16M
mkdir "$work/old/scans"
head -c 6000000 /dev/urandom >"$work/old/scans/before.tif"
printf 'small' >"$work/old/scans/small.txt"
sync -f "$work/old"
head -c 6000000 /dev/urandom >"$work/old/scans/victim.tif"
sync -f "$work/old"
cp "$work/old/scans/victim.tif" "$work/victim.first"
sqlite3 "$work/shop/customers.db" "VACUUM INTO '$work/older/customers.db'"
sync -f "$work/older"
sed -i "s|tree: shop/documents.*|tree: old/scans }|; s|shop/customers.db|older/customers.db|" "$work/kura.yaml"
run 0 -c "$work/kura.yaml" backup
good=$(kura snapshots --json | jq -r '.[-1].id')

printf 'changed' | dd of="$work/old/scans/victim.tif" conv=notrunc status=none
echo later >>"$work/old/scans/small.txt"
sync -f "$work/old"
read -r begin end < <(blocks "$work/old/scans/victim.tif")
for other in before.tif small.txt; do
    read -r _ last < <(blocks "$work/old/scans/$other")
    ((last < (begin + end) / 2)) || fail "$other lies behind the part that is to be lost"
done
lose_from old $(((begin + end) / 2))
read -r begin _ < <(blocks "$work/older/customers.db")
lose_from older $((begin + 1)) # its first page can still be read
cat "$work/old/scans/victim.tif" >/dev/null 2>&1 && fail "the document can still be read"
cat "$work/older/customers.db" >/dev/null 2>&1 && fail "the database can still be read"

run 3 -c "$work/kura.yaml" backup
says err "documents/victim.tif"
says err "Input/output error"
expect_text "Source customers failed"
run 0 -c "$work/kura.yaml" check --read-data
rm -rf "$work/back"
expect_exit 0 restore_with_kit "$work/back" --source documents
cmp "$work/old/scans/before.tif" "$work/back/documents/before.tif"
cmp "$work/old/scans/small.txt" "$work/back/documents/small.txt"
[ ! -e "$work/back/documents/victim.tif" ] || fail "half of a document came back as if it were whole"
rm -rf "$work/back"
expect_exit 0 restore_with_kit "$work/back" --snapshot "$good" --include victim.tif
cmp "$work/victim.first" "$work/back/documents/victim.tif"
rm -rf "$work/back"
expect_exit 0 restore_with_kit "$work/back" --source customers # of the night before, as it says
same_database "$work/shop/customers.db" "$work/back/customers/customers.db"
run 3 -c "$work/kura.yaml" backup # each night, until somebody looks
says err "documents/victim.tif"

# ------------------------------------------------------------------ unmounted in the middle

# The repository is the disk itself: below its mount point lies a folder of the same name.
disk whole 256M
rm -rf "$work"/{state,nightly/state,host.key,kit.txt,pw,back}
configure "$work/whole"
echo '  - { name: feed, command: ["bash", "feed"] }' >>"$work/kura.yaml"
: >"$work/go"
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
unplug() {
    timeout 20 bash -c "until umount '$work/whole' 2>/dev/null; do sleep 0.01; done" || fail "the disk stays"
}
nothing_below() {
    [ -z "$(find "$work/whole" -path '*statements/*' -o -path '*repository/*')" ] ||
        fail "a backup was made below the mount point"
}
for night in first second; do
    backup_meets 6 unplug
    expect_text "is not any more"
    nothing_below
    run 1 -c "$work/kura.yaml" backup
    says err "Is its disk mounted"
    nothing_below
    rm -rf "$work/whole"/*
    disk_mount whole
    expect_exit 0 kura backup
done
expect_exit 0 kura check --read-data

echo "odd disks: read-only in the middle, unmounted in the middle, no inodes, a bad sector, $quota; nothing lost"
