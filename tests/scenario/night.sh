#!/usr/bin/env bash
# The main job: a night, another night after a day's work, and everything back on a bare machine.
source "$(dirname "$0")/lib.sh"
in_memory

"$scripts/sample-shop" "$work/shop"
configure
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
[ "$(stat -c %a "$work/host.key")" = 600 ] || fail "the host key is readable by others"
expect_exit 0 kura backup
first=$(kura snapshots --json | jq -r '.[0].id')
kura snapshots --json | jq -e '.[0].sources | map(.name) == ["customers", "documents"]' >/dev/null ||
    fail "the sources are not listed"
cp -a "$work/shop" "$work/shop.first"

# A day's work: new rows, a changed, a renamed, a removed and a new document.
sqlite3 "$work/shop/customers.db" "UPDATE customers SET phone = '03-1111-2222' WHERE id % 9 = 0"
cd "$work/shop/documents/2026"
echo 追記 >>佐藤太郎/受付メモ.txt
mv 鈴木花子 鈴木華子
rm -r 高橋健一
echo secret >ignored.tmp
printf 'x' >'名前に
改行'
expect_exit 0 kura backup
kura snapshots --json | jq -e 'length == 2' >/dev/null || fail "not two snapshots"

expect_exit 0 restore_with_kit "$work/restored"
same_database "$work/shop/customers.db" "$work/restored/customers/customers.db"
rm "$work/shop/documents/2026/ignored.tmp"
touch -d @0 "$work/shop/documents/2026" "$work/restored/documents/2026"
same_tree "$work/shop/documents" "$work/restored/documents"

# The night before is still there, whole.
expect_exit 0 restore_with_kit "$work/restored.first" --snapshot "$first"
same_database "$work/shop.first/customers.db" "$work/restored.first/customers/customers.db"
same_tree "$work/shop.first/documents" "$work/restored.first/documents"

# One source, one folder, one file.
expect_exit 0 restore_with_kit "$work/part" --source documents --include '2026/佐藤太郎'
[ -f "$work/part/documents/2026/佐藤太郎/受付メモ.txt" ] || fail "the folder is not restored"
[ ! -e "$work/part/documents/2026/田中美咲" ] && [ ! -e "$work/part/customers" ] ||
    fail "more than asked was restored"

# Never over existing files unless told.
echo mine >"$work/part/documents/2026/佐藤太郎/受付メモ.txt"
expect_exit 3 restore_with_kit "$work/part" --source documents --include '2026/佐藤太郎'
[ "$(cat "$work/part/documents/2026/佐藤太郎/受付メモ.txt")" = mine ] || fail "an existing file was replaced"
expect_exit 0 restore_with_kit "$work/part" --source documents --include '2026/佐藤太郎' --overwrite
cmp "$work/part/documents/2026/佐藤太郎/受付メモ.txt" "$work/shop/documents/2026/佐藤太郎/受付メモ.txt"

# An unchanged night ships next to nothing.
before=$(du -sb "$work/vault" | cut -f1)
expect_exit 0 kura backup
after=$(du -sb "$work/vault" | cut -f1)
((after - before < 200000)) || fail "an unchanged night shipped $((after - before)) bytes"

# A tree that holds the repository and the state does not feed on them, and keeps the audit log.
mkdir -p "$work/all/shop"
cp "$work/shop/documents/2026/佐藤太郎/受付メモ.txt" "$work/all/shop/note.txt"
cat >"$work/all.yaml" <<YAML
repository:
  host_key: all.key
  state: all/state
  stores: [{ name: disk, url: all/vault }]
sources: [{ name: machine, tree: all }]
YAML
expect_exit 0 kura -c "$work/all.yaml" init --kit "$work/all-kit.txt" --passphrase-file "$work/pw"
for night in 1 2 3; do
    expect_exit 0 kura -c "$work/all.yaml" backup
    says err "machine/vault: the repository of kura itself"
    says err "machine/state: the state of kura itself"
done
kura -c "$work/all.yaml" ls --kit "$work/all-kit.txt" --passphrase-file "$work/pw" -R latest machine \
    >"$work/out" 2>"$work/err" || fail "the whole machine cannot be listed"
says out shop/note.txt
says out state/audit/
says out vault
! grep -qE 'vault/|state/(spool|memory|state\.db)' "$work/out" || fail "the backup holds itself"
sed -i 's|tree: all|tree: all/vault|' "$work/all.yaml"
expect_exit 1 kura -c "$work/all.yaml" backup
says err "is the repository of kura itself"

expect_exit 0 kura check --read-data
expect_text "chunks not opened"
expect_exit 0 kura check --read-data --kit "$work/kit.txt" --passphrase-file "$work/pw"

# The operator without any key: every pack proves itself by its name.
find "$work/vault/packs" -type f | while read -r pack; do
    [ "$(b2sum -l 256 "$pack" | cut -d' ' -f1)" = "$(basename "$pack" | cut -c1-64)" ] ||
        fail "$pack is not what its name says"
done
# A source that never succeeded is not there, and nothing is damaged.
cp "$work/kura.yaml" "$work/kura.yaml.before"
echo '  - { name: never, command: ["false"] }' >>"$work/kura.yaml"
for night in 1 2 3; do
    expect_exit 3 kura backup
    ! grep -q damaged "$work/err" || fail "night $night after a failed source: damaged"
done
mv "$work/kura.yaml.before" "$work/kura.yaml"

# A folder that is suddenly empty is most likely a disk that is not mounted.
mv "$work/shop/documents" "$work/shop/away"
mkdir "$work/shop/documents"
for night in 1 2; do
    expect_exit 3 kura backup
    says err "documents: the folder is empty, and was not"
done
rmdir "$work/shop/documents"
mv "$work/shop/away" "$work/shop/documents"
expect_exit 0 kura backup

# More names of tables than a statement has room for: everything is published all the same.
long=$(printf 't%.0s' {1..2000})
{ echo "BEGIN;"; printf "CREATE TABLE x%04d$long (id);\n" {1..1100}; echo "COMMIT;"; } | sqlite3 "$work/shop/many.db"
cp "$work/kura.yaml" "$work/kura.yaml.before"
echo '  - { name: many, sqlite: shop/many.db }' >>"$work/kura.yaml"
expect_exit 3 kura backup
says err "many: its 1100 tables have more names than a snapshot can swear to"
expect_exit 0 kura snapshots --json
json '.[-1].sources | map({key: .name, value: [.status, (.rows | length)]}) | from_entries |
    .many == ["warnings", 0] and .customers[0] == "complete" and .customers[1] > 0'
expect_exit 0 restore_with_kit "$work/with-many"
cmp <(sqlite3 "$work/shop/many.db" .dump) <(sqlite3 "$work/with-many/many/many.db" .dump) || fail "the many tables came back otherwise"
mv "$work/kura.yaml.before" "$work/kura.yaml"
echo "night: two nights and all ways back"
