#!/usr/bin/env bash
# A disk that is full, out of inodes, or read-only: of the storage, of the state, of the restore's
# target. It is said clearly, what was there stays good, and with room again the next run goes on.
source "$(dirname "$0")/lib.sh"
source "$tests/support/disks.sh"
((EUID == 0)) || fail "this scenario needs root: it mounts small disks"

restorable() { # SNAPSHOT COPY-OF-THE-SHOP
    rm -rf "$work/back"
    expect_exit 0 restore_with_kit "$work/back" --snapshot "$1"
    same_tree "$2/documents" "$work/back/documents"
    same_database "$2/customers.db" "$work/back/customers/customers.db"
}

disk store 12M -N 1000
make_shop
rm "$work/shop/documents/a.tmp"
configure "$work/store/vault"
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
expect_exit 0 kura backup
first=$(kura snapshots --json | jq -r '.[0].id')
cp -a "$work/shop" "$work/shop.first"

# ------------------------------------------------------------------ the storage

head -c 16000000 /dev/urandom >"$work/shop/documents/large.tif"
run 1 -c "$work/kura.yaml" backup
no_space "backup to a full storage"
restorable "$first" "$work/shop.first"
run 0 -c "$work/kura.yaml" check --read-data
run 1 -c "$work/kura.yaml" backup # the same again, not something else
no_space "backup to a full storage, again"
disk_grow store 64M
run 0 -c "$work/kura.yaml" backup
run 0 -c "$work/kura.yaml" check --read-data
latest=$(kura snapshots --json | jq -r '.[-1].id')
cp -a "$work/shop" "$work/shop.latest"
restorable "$latest" "$work/shop.latest"
restorable "$first" "$work/shop.first"

# No inodes, though there is room.
use_inodes "$work/store/other"
head -c 1000000 /dev/urandom >"$work/shop/documents/more.tif"
run 1 -c "$work/kura.yaml" backup
no_space "backup without inodes"
restorable "$latest" "$work/shop.latest"
rm -r "$work/store/other"
run 0 -c "$work/kura.yaml" backup
run 0 -c "$work/kura.yaml" check --read-data

# Read-only, as a disk with errors becomes: nothing written, everything read.
mount -o remount,ro "$work/store"
echo changed >>"$work/shop/documents/2024/nothing"
run 1 -c "$work/kura.yaml" backup
expect_text "Read-only file system"
restorable "$first" "$work/shop.first"
run 0 -c "$work/kura.yaml" check
mount -o remount,rw "$work/store"
run 0 -c "$work/kura.yaml" backup

# ------------------------------------------------------------------ the state

disk nightly 8M
cp -a "$work/state" "$work/nightly/state"
sed -i "s|state: state|state: nightly/state|" "$work/kura.yaml"
head -c 20000000 /dev/zero >"$work/nightly/filler" 2>/dev/null || true
echo once >"$work/shop/documents/once"
run 1 -c "$work/kura.yaml" backup
no_space "backup with its state on a full disk"
restorable "$latest" "$work/shop.latest"
rm "$work/nightly/filler"
run 0 -c "$work/kura.yaml" backup
head -c 20000000 /dev/zero >"$work/nightly/filler" 2>/dev/null || true
head -c 3000000 /dev/urandom >"$work/shop/documents/twice"
run 1 -c "$work/kura.yaml" backup
no_space "backup with its state on a disk that became full"
rm "$work/nightly/filler"
run 0 -c "$work/kura.yaml" backup
run 0 -c "$work/kura.yaml" check --read-data
rm -rf "$work/back"
expect_exit 0 restore_with_kit "$work/back"
cmp "$work/shop/documents/twice" "$work/back/documents/twice"

# ------------------------------------------------------------------ the target

disk target 12M
code=0
restore_with_kit "$work/target/back" --snapshot "$latest" >"$work/out" 2>"$work/err" </dev/null || code=$?
[[ $code =~ ^[13]$ ]] || fail "restore to a full disk ended with $code"
no_space "restore to a full disk"
find "$work/target/back" -type f -path '*documents*' ! -path '*/.kura-restore/*' -printf '%P\n' >"$work/there"
while read -r name; do
    cmp "$work/shop.latest/$name" "$work/target/back/$name" || fail "$name is there, and wrong"
done <"$work/there"
disk_grow target 64M
expect_exit 0 restore_with_kit "$work/target/back" --snapshot "$latest"
same_tree "$work/shop.latest/documents" "$work/target/back/documents"
same_database "$work/shop.latest/customers.db" "$work/target/back/customers/customers.db"
echo "full disk: storage, state and target; nothing lost"
