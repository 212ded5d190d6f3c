#!/usr/bin/env bash
# Every attribute of every kind of file comes back: names of any bytes, holes, ACLs, devices, deep
# paths; and a real system tree.
source "$(dirname "$0")/lib.sh"
((EUID == 0)) || fail "this scenario needs root: owners and device nodes"

mkdir -p "$work/shop/documents"
sqlite3 "$work/shop/customers.db" 'CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT)'
cd "$work/shop/documents"
name=$(printf 'x%.0s' {1..255})
echo long >"$name"
echo bytes >"$(printf 'not\377utf8')"
printf 'spaces' >' leading and trailing '
echo newline >"$(printf 'new\nline')"
echo dash >-rf
echo が >が            # composed
echo が >"$(printf 'か\xe3\x82\x99')" # decomposed
: >empty
mkdir empty-folder
mkfifo fifo
mknod null c 1 3
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
ln -s nowhere dangling
ln -s empty-folder link-to-folder
head -c 3000000 /dev/urandom >big
ln big big-again
mkdir -p deep/er
ln big deep/er/big-too
truncate -s 5G sparse
printf middle | dd of=sparse bs=1 seek=3000000000 conv=notrunc status=none
head -c 200000 /dev/zero >zeros
setfattr -n user.note -v '車検' big
setfattr -n user.folder -v x empty-folder
setfacl -m u:nobody:r-- -m m::r-- -- -rf
setfacl -d -m g:daemon:rwx empty-folder
chown 12345:54321 empty
chmod 0000 zeros
chmod 4755 big
chmod 2775 deep
touch -d '1965-03-04 05:06:07.123456789' empty
touch -h -d '2001-02-03 04:05:06.7' dangling
path=.
for i in {1..40}; do
    mkdir "$path/$(printf 'd%.0s' {1..120})" && path=$path/$(printf 'd%.0s' {1..120}) || break
done 2>/dev/null
cd "$work"

# A tree of many levels: what each of them costs must not grow with the square of its depth.
mkdir "$work/shop/steps"
python3 - "$work/shop/steps" <<'PYTHON'
import os, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
for number in range(2000):
    os.close(os.open(f"f{number}", os.O_WRONLY | os.O_CREAT, 0o640, dir_fd=folder))
    os.mkdir("d", dir_fd=folder)
    inner = os.open("d", os.O_RDONLY, dir_fd=folder)
    os.close(folder)
    folder = inner
PYTHON

configure
echo "  - { name: steps, tree: shop/steps }" >>"$work/kura.yaml"
sed -i "s|sources:|sources:\n  - { name: system, tree: /usr/share/zoneinfo }|" "$work/kura.yaml"
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
expect_exit 0 kura backup
expect_exit 0 restore_with_kit "$work/restored" --source documents --source system
same_tree "$work/shop/documents" "$work/restored/documents" 100000000
same_tree /usr/share/zoneinfo "$work/restored/system"
[ "$(tail -c +3000000001 "$work/restored/documents/sparse" | head -c 6)" = middle ] || fail "sparse"
expect_exit 0 timeout 60 "$KURA" restore --kit "$work/kit.txt" --passphrase-file "$work/pw" \
    --target "$work/restored" --source steps
facts='%p %m %T@ %s\n'
cmp <(cd "$work/shop/steps" && find . -printf "$facts") \
    <(cd "$work/restored/steps" && find . -printf "$facts") || fail "the deep tree differs"
expect_exit 0 prlimit --cpu=4 "$KURA" restore --kit "$work/kit.txt" --passphrase-file "$work/pw" \
    --target "$work/some" --source steps --include 'f1?99' --include '*.none'
[ "$(find "$work/some" -name 'f1?99' | wc -l)" = 10 ] || fail "a part of the deep tree"

# The second night reads nothing again, and its restore is the same, also into a folder that would
# give others access to whatever is made in it.
expect_exit 0 kura backup --json
mkdir "$work/again"
setfacl -d -m u:nobody:rwx -m g:daemon:rwx "$work/again"
expect_exit 0 restore_with_kit "$work/again" --source documents
same_tree "$work/shop/documents" "$work/again/documents" 100000000

# As tar.
kura dump latest documents:deep --tar --kit "$work/kit.txt" --passphrase-file "$work/pw" >"$work/deep.tar"
tar -tf "$work/deep.tar" >"$work/list"
grep -qx deep/er/ "$work/list" || fail "the tar lacks a folder"
echo "hostile tree: every attribute came back"
