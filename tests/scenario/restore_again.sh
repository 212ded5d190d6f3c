#!/usr/bin/env bash
# Restoring where something is already, and going on after an interruption: no foreign file is taken
# for a restored one, no old content is left under a restored name.
source "$(dirname "$0")/lib.sh"
in_memory
((EUID == 0)) || fail "this scenario needs root: it restores as another user, too"

mkdir -p "$work/shop/documents/folder"
sqlite3 "$work/shop/customers.db" 'CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT)'
chown nobody "$work/shop/customers.db"
cd "$work/shop/documents"
echo one >a
ln a b
ln a c
echo note >folder/read-only
setfattr -n user.note -v 1 folder/read-only
setfattr -n user.note -v 1 folder
chmod 444 folder/read-only
chmod 555 folder
cd "$work"
configure
expect_exit 0 kura init --kit kit.txt --passphrase-file pw
expect_exit 0 kura backup

# A foreign file at the first name of a hard link is kept, and nothing is linked to it.
mkdir -p taken/documents
echo foreign >taken/documents/a
expect_exit 3 restore_with_kit "$work/taken"
[ "$(cat taken/documents/a)" = foreign ] || fail "the foreign file was replaced"
[ "$(cat taken/documents/b)" = one ] && [ "$(cat taken/documents/c)" = one ] ||
    fail "a link to a foreign file counts as restored"

# Told to replace: every name has the new content, and the links are links again.
mkdir -p old/documents
echo two >old/documents/a
cp old/documents/a old/documents/b
ln old/documents/b old/documents/c
expect_exit 0 restore_with_kit "$work/old" --overwrite
same_tree shop/documents old/documents

# An interrupted run's marker does not make foreign links finished ones.
mkdir -p again/.kura-restore again/documents
id=$(kura snapshots --json | jq -r '.[0].id')
printf '%s %s' "$id" "$(cat /proc/sys/kernel/random/boot_id)" >again/.kura-restore/snapshot
echo two >again/documents/b
ln again/documents/b again/documents/c
expect_exit 0 restore_with_kit "$work/again" --overwrite
same_tree shop/documents again/documents

# Nor does it keep the links away that were still to be made to what it had finished.
mkdir -p half/.kura-restore half/documents
cp again/documents/a half/documents/a
touch -r shop/documents/a half/documents/a
printf '%s %s' "$id" "$(cat /proc/sys/kernel/random/boot_id)" >half/.kura-restore/snapshot
ln half/documents/a half/documents/b
expect_exit 0 restore_with_kit "$work/half"
[ "$(stat -c %h half/documents/c)" = 3 ] || fail "a link to a finished file is missing"

# The machine went down in between: what was finished then is made again.
mkdir -p down/.kura-restore down/documents
printf '%s %s' "$id" 00000000-0000-0000-0000-000000000000 >down/.kura-restore/snapshot
printf '\0\0\0\0' >down/documents/a
touch -r shop/documents/a down/documents/a
expect_exit 0 restore_with_kit "$work/down"
same_tree shop/documents down/documents

# A file and its links, made anew after the machine went down: the names belong together again.
mkdir -p linked/.kura-restore
chmod 700 linked/.kura-restore
printf '%s %s' "$id" 00000000-0000-0000-0000-000000000000 >linked/.kura-restore/snapshot
mkdir linked/documents
printf '\0\0\0\0' >linked/documents/a
touch -r shop/documents/a linked/documents/a
ln linked/documents/a linked/documents/b
printf '\0\0\0\0' >linked/documents/c
touch -r shop/documents/a linked/documents/c
expect_exit 0 restore_with_kit "$work/linked"
same_tree shop/documents linked/documents

# A database that the shop works with by now stays as it is: what is in its journal is nowhere else.
mkdir -p open/.kura-restore
chmod 700 open/.kura-restore
chown root shop/customers.db
sqlite3 shop/customers.db 'PRAGMA journal_mode = WAL' >mode
expect_exit 0 kura backup
printf '%s %s' "$(kura snapshots --json | jq -r '.[-1].id')" 00000000-0000-0000-0000-000000000000 >open/.kura-restore/snapshot
expect_exit 0 restore_with_kit "$work/open" --source customers
python3 - <<'PY'
import os, sqlite3
db = sqlite3.connect("open/customers/customers.db")
db.execute("PRAGMA wal_autocheckpoint = 0")
db.execute("INSERT INTO customers (name) VALUES ('new order')")
db.commit()
os._exit(0)
PY
inode=$(stat -c %i open/customers/customers.db)
expect_exit 3 restore_with_kit "$work/open"
says err "customers.db-wal"
[ "$(stat -c %i open/customers/customers.db)" = "$inode" ] || fail "a database in use was replaced"
[ "$(sqlite3 open/customers/customers.db "SELECT count(*) FROM customers WHERE name = 'new order'")" = 1 ] ||
    fail "an order is lost"
same_tree shop/documents open/documents
sqlite3 shop/customers.db 'PRAGMA journal_mode = DELETE' >mode
chown nobody shop/customers.db
expect_exit 0 kura backup
id=$(kura snapshots --json | jq -r '.[-1].id')

# What was there before the interrupted run is not its work, whatever its size and time say.
expect_exit 0 restore_with_kit "$work/rotten"
touch -r rotten/documents/a then
printf 'rot\n' >rotten/documents/a # the names b and c, too
touch -r then rotten/documents/a
cp -a rotten kept
for folder in rotten kept; do
    mkdir -m 700 $folder/.kura-restore
    printf '%s %s' "$id" "$(cat /proc/sys/kernel/random/boot_id)" >$folder/.kura-restore/snapshot
done
expect_exit 0 restore_with_kit "$work/rotten" --overwrite
same_tree shop/documents rotten/documents
expect_exit 3 restore_with_kit "$work/kept"
says err "documents/a: a is there already and was kept"

# And a restore of a part, in between, is no end of it.
mkdir -p part/.kura-restore part/documents
printf '%s %s' "$id" 00000000-0000-0000-0000-000000000000 >part/.kura-restore/snapshot
printf '\0\0\0\0' >part/documents/a
touch -r shop/documents/a part/documents/a
expect_exit 0 restore_with_kit "$work/part" --source customers
expect_exit 0 restore_with_kit "$work/part"
same_tree shop/documents part/documents
[ ! -e part/.kura-restore ] || fail "a finished restore left its folder"

# A source whose folder cannot be made is told; the others come.
mkdir blocked
ln -s / blocked/customers
expect_exit 3 restore_with_kit "$work/blocked"
says err "customers"
same_tree shop/documents blocked/documents

# As another user: contents, modes, attributes and times come back, owners do not.
mkdir -m 777 others
chmod 755 "$work"
chmod 644 kit.txt pw
chmod -R a+rX vault
expect_exit 0 setpriv --reuid=65534 --regid=65534 --clear-groups "$KURA" restore --kit kit.txt \
    --passphrase-file pw --target "$work/others/here"
[ "$(getfattr --only-values -n user.note others/here/documents/folder/read-only)" = 1 ] ||
    fail "an attribute of a read-only file is lost"
[ "$(stat -c '%a %Y' others/here/documents/folder)" = "$(stat -c '%a %Y' shop/documents/folder)" ] ||
    fail "a read-only folder is not finished"

# The database's owner can reach it.
[ "$(stat -c %U old/customers)" = nobody ] || fail "the database's folder is not its owner's"
# Two restores into one folder would fill each other's files: the second is refused while the first runs.
mkdir -p shared/.kura-restore
chmod 700 shared/.kura-restore
exec 9<shared/.kura-restore
flock 9
expect_exit 1 restore_with_kit "$work/shared"
says err "another restore into"
[ "$(ls -A shared)" = .kura-restore ] || fail "a refused restore made something"
exec 9<&-
expect_exit 0 restore_with_kit "$work/shared"

# What another database of the name left beside it would be rolled into the restored one.
leave_journal() { # of a program that was killed: a row is in it
    python3 - <<'PY'
import os, sqlite3
db = sqlite3.connect("shared/customers/customers.db")
db.execute("PRAGMA journal_mode = WAL")
db.execute("PRAGMA wal_autocheckpoint = 0")
db.execute("INSERT INTO customers (name) VALUES ('EVIL')")
db.commit()
os._exit(0)
PY
}
evil() { sqlite3 shared/customers/customers.db "SELECT count(*) FROM customers WHERE name = 'EVIL'"; }
leave_journal
expect_exit 0 restore_with_kit "$work/shared" --overwrite
[ "$(evil)" = 0 ] || fail "the rows of another database were restored"
leave_journal
rm shared/customers/customers.db
expect_exit 3 restore_with_kit "$work/shared"
says err "customers.db-wal is there"
[ ! -e shared/customers/customers.db ] || fail "a database was put beside another one's journal"
rm shared/customers/customers.db-*
expect_exit 3 restore_with_kit "$work/shared" # the documents were there already
[ "$(evil)" = 0 ] || fail "the rows are others"

echo "restore again: foreign files, links, an interruption, another user"
