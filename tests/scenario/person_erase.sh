#!/usr/bin/env bash
# A customer asks to be erased: no way back brings the person up again, not on a bare machine, not
# after a kill, not when the storage drops or forges an entry of the register; and the ways round it
# are asked for, signed and written down.
source "$(dirname "$0")/lib.sh"
# shellcheck source=../support/kill_at.sh
source "$tests/support/kill_at.sh"

mark=KESHITE-KUDASAI # in the name of customer 451, and of nobody else
make_shop_with_person() {
    mkdir -p shop/documents/scans/451/old shop/documents/scans/4510 shop/documents/letters
    sqlite3 shop/customers.db >/dev/null <<SQL
PRAGMA journal_mode = WAL;
PRAGMA secure_delete = OFF;
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, phone TEXT);
CREATE INDEX by_name ON customers(name);
CREATE TABLE visits (customer_id INTEGER REFERENCES customers(id), note TEXT);
CREATE VIRTUAL TABLE search USING fts5(name);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
INSERT INTO customers SELECT i, '山田 太郎 ' || i, printf('090-%04d', i) FROM n;
UPDATE customers SET name = '消去 花子 $mark' WHERE id = 451;
INSERT INTO visits SELECT id, 'oil ' || name FROM customers UNION ALL SELECT id, 'tyres ' || name FROM customers;
INSERT INTO search(rowid, name) SELECT id, name FROM customers;
-- what the shop deleted itself lies in free pages
CREATE TABLE scratch AS SELECT printf('%s %0900d', '$mark', id) AS x FROM customers;
DROP TABLE scratch;
-- the samples of an ANALYZE, as SQLite keeps them where it is built so
CREATE TABLE samples (tbl, idx, neq, nlt, ndlt, sample);
INSERT INTO samples SELECT 'customers', 'by_name', 1, id, id, CAST(name AS BLOB) FROM customers WHERE id % 50 = 1;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET name = 'sqlite_stat4', tbl_name = 'sqlite_stat4', sql = replace(sql, 'samples', 'sqlite_stat4')
    WHERE name = 'samples';
SQL
    grep -q "$mark" shop/customers.db || fail "the database does not even hold the name"
    echo scan >shop/documents/scans/451/a.tif
    echo scan >shop/documents/scans/451/old/b.tif
    echo other >shop/documents/scans/4510/c.tif
    echo letter >shop/documents/letters/2026-451.pdf
    echo letter >shop/documents/letters/2026-4510.pdf
    ln shop/documents/letters/2026-451.pdf shop/documents/letters/same.pdf
}
rules=(
    "DELETE FROM visits WHERE customer_id = :id"
    "DELETE FROM search WHERE rowid = :id"
    "INSERT INTO search(search) SELECT 'optimize' WHERE :id <> ''"
    "UPDATE customers SET name = '', phone = '' WHERE id = :id"
)
more_rules() { # RULE...: kura.yaml with these beyond the usual ones
    configure
    sed -i 's|  host_key: host.key|&\n  recipients: [id.pub]|' kura.yaml
    {
        echo "persons:"
        echo "  - { domain: customer, source: customers, sql: \"SELECT id FROM customers WHERE name <> ''\" }"
        echo "retention: { daily: 7 }"
        echo "erasure:"
        echo "  - domain: customer"
        echo "    source: customers"
        echo "    sql:"
        printf '      - "%s"\n' "${rules[@]}" "$@"
        echo '  - { domain: customer, source: documents, paths: ["scans/{id}", "letters/*-{id}.pdf"] }'
    } >>kura.yaml
}
erased_here() { # FOLDER: nothing of the person is in what was restored there
    ! grep -q "$mark" "$1/customers/customers.db" || fail "the name is in a page of $1"
    [ "$(sqlite3 "$1/customers/customers.db" 'PRAGMA integrity_check; PRAGMA journal_mode')" = $'ok\nwal' ] ||
        fail "the database of $1 is not sound, or not in its mode"
    diff <(sqlite3 "$1/customers/customers.db" .dump) <(sqlite3 expected.db .dump) >diffed ||
        { cut -c1-300 diffed >&2; fail "more or less than the person is gone in $1"; }
    [ ! -e "$1/documents/scans/451" ] && [ ! -e "$1/documents/letters/2026-451.pdf" ] &&
        [ ! -e "$1/documents/letters/same.pdf" ] || fail "a document of the person came back to $1"
    [ -e "$1/documents/scans/4510/c.tif" ] && [ -e "$1/documents/letters/2026-4510.pdf" ] ||
        fail "a document of somebody else is missing in $1"
}

make_shop_with_person
age-keygen -o id 2>/dev/null
age-keygen -y id >id.pub
more_rules
expect_exit 0 kura init --kit kit.txt --passphrase-file pw
expect_exit 0 kura backup
first=$(kura snapshots --json | jq -r '.[0].id')

# What must be left of the database: the rules, run by another program.
sqlite3 shop/customers.db ".backup expected.db"
for rule in "${rules[@]}"; do sqlite3 expected.db "${rule//:id/451}"; done
sqlite3 expected.db "DELETE FROM sqlite_stat4"
sqlite3 expected.db VACUUM # the order of tables in a dump is that of the file

# ------------------------------------------------------------------ asking for it

expect_exit 2 kura person erase 451
says err "--reason"
expect_exit 2 kura person erase 451 --reason asked --domain nobody
says err "does not say what erasing a person of the domain nobody means"
sed '/^erasure:/,/sql:/ { /domain/d; /source/d; /sql:/d }; /^      - "/d' kura.yaml >wrong.yaml
run 2 -c wrong.yaml person erase ../451 --reason asked
says err "not a file name"
sed 's/ WHERE customer_id = :id//' kura.yaml >wrong.yaml
run 2 -c wrong.yaml person erase 451 --reason asked
says err "has no parameter :id"
says err "line "
sed 's/\*-{id}/*{id}/' kura.yaml >wrong.yaml
run 2 -c wrong.yaml person erase 451 --reason asked
says err "other persons, too"
sed 's|"scans/{id}"|"../{id}"|' kura.yaml >wrong.yaml
run 2 -c wrong.yaml person erase 451 --reason asked
says err "not a path within the source"
[ -z "$(ls vault/register)" ] || fail "a refused request registered somebody"

expect_exit 0 kura person erase 451 --reason "by letter" --json
person=$(jq -r .person out)
json '.approved == false and .again == false and .carries == []'
grep -rqF -e by-letter -e '"451"' -e "$mark" vault/register state/audit && fail "the log or the register names the person"
expect_exit 0 kura audit show --event person.erase --json
grep -qF "$person" out || fail "the log does not know of the erasure"

# ------------------------------------------------------------------ every way back

expect_exit 0 restore_with_kit "$work/bare"
says err "1 erasure is registered: 5 rows were changed or removed, 4 files left out"
erased_here bare
expect_exit 0 kura restore --identity id --target "$work/again" --json
json '.erased.registered == 1 and .erased.databases == 1 and .erased.rows == 5 and .erased.files == 4'
json '.counts_match'
erased_here again

expect_exit 0 kura dump latest customers --identity id
cp out dumped.db
! grep -q "$mark" dumped.db || fail "dump gave the name"
cmp <(sqlite3 dumped.db .dump) <(sqlite3 expected.db .dump) || fail "the dump is not what it must be"
expect_exit 4 kura dump latest documents:letters/2026-451.pdf --identity id
says err "[erased]"
expect_exit 4 kura dump latest documents:letters/same.pdf --identity id
expect_exit 0 kura dump latest documents:letters/2026-4510.pdf --identity id
expect_exit 0 kura dump latest documents --tar --identity id
tar tf out >listed
! grep -q -e scans/451/ -e 2026-451.pdf -e same.pdf listed || fail "the tar has a document of the person"
grep -q scans/4510/c.tif listed || fail "the tar lacks a document of somebody else"
expect_exit 0 kura dump latest customers --tar --identity id
mkdir tarred && tar xf out -C tarred
cmp tarred/customers.db dumped.db || cmp <(sqlite3 tarred/customers.db .dump) <(sqlite3 expected.db .dump) ||
    fail "the tar has another database"
[ -z "$(find /tmp /var/tmp -maxdepth 1 -name '.kura-dump-*' 2>/dev/null)" ] || fail "dump left something behind"

# For lawful needs: asked for, reasoned, recorded.
expect_exit 2 kura restore --identity id --target "$work/lawful" --as-it-was
says err "--reason"
expect_exit 0 kura restore --identity id --target "$work/lawful" --as-it-was --reason "court order 7"
grep -q "$mark" lawful/customers/customers.db || fail "--as-it-was erased all the same"
[ -e lawful/documents/scans/451/a.tif ] || fail "--as-it-was left a document out"
expect_exit 0 kura audit show --event restore --json
grep -qF "court order 7" out || fail "the reason is not in the log"
expect_exit 0 restore_with_kit "$work/lawful2" --as-it-was --reason "court order 7"

# ------------------------------------------------------------------ the nights after

expect_exit 3 kura backup
says err "1 person who asked to be erased is still in a database"
expect_exit 0 kura person where 451 --identity id --json
json '.erased and (.snapshots | length == 2) and .until != null and .carries == []'
for rule in "${rules[@]}"; do sqlite3 shop/customers.db "${rule//:id/451}"; done
rm -r shop/documents/scans/451 shop/documents/letters/2026-451.pdf shop/documents/letters/same.pdf
expect_exit 0 kura backup
expect_exit 0 kura person where 451 --identity id
says out "2 of 3 snapshots hold the person"
says out "registered as erased"
expect_exit 0 kura person where 4510 --identity id --json
json '.snapshots == [] and (.erased | not)'

# ------------------------------------------------------------------ a storage that resurrects

entry=$(ls vault/register)
mv "vault/register/$entry" kept
expect_exit 5 kura check
says err "an erasure is missing"
expect_exit 5 restore_with_kit "$work/dropped"
says err "lacks 1 entry"
[ ! -e dropped/customers ] || fail "something was restored without the register"
expect_exit 5 kura dump latest customers --identity id
[ ! -s out ] || fail "something was dumped without the register"
mv state/register own
expect_exit 5 kura backup # a night later it is still demanded
expect_exit 5 restore_with_kit "$work/dropped"
mv own state/register
expect_exit 5 kura backup # and stored again by whoever made it
expect_exit 0 kura check
cmp kept vault/register/* || fail "the entry did not come back as it was"
entry=$(ls vault/register)
printf X | dd of="vault/register/$entry" bs=1 seek=300 conv=notrunc status=none
expect_exit 5 restore_with_kit "$work/spoilt"
[ ! -e spoilt/customers ] || fail "something was restored with a damaged register"
mv kept "vault/register/$entry"

# Whatever it puts there: of more than a register can hold nobody obeys a part, and the nights go on.
put_there() { # FIRST LAST
    seq -f "vault/register/%032.0f" "$1" "$2" | xargs touch
}
put_there 1 10001
expect_exit 0 restore_with_kit "$work/many"
erased_here many
put_there 10002 200001
nights=$(ls vault/statements | wc -l)
expect_exit 5 kura backup
says err "more objects in register than a repository can have"
[ "$(ls vault/statements | wc -l)" = $((nights + 1)) ] || fail "a flooded register kept the night from being published"
expect_exit 5 kura check
says err "more objects in register"
expect_exit 5 restore_with_kit "$work/flooded"
says err "could not be read whole"
[ ! -e flooded/customers ] || fail "something was restored with a part of the register"
expect_exit 5 kura dump latest customers --identity id
[ ! -s out ] || fail "something was dumped with a part of the register"
expect_exit 5 kura person erase 3 --reason asked
says err "could not be read whole"
[ "$(find vault/register -type f -size +0 | wc -l)" = 1 ] || fail "a register that is not known was written to"
find vault/register -type f -size 0 -delete

# ------------------------------------------------------------------ killed on the way

restore_killed() {
    rm -rf killed
    kills_run "$@" -- restore --identity id --target "$work/killed" --snapshot "$first"
}
restore_killed
calls=$kills_n
((calls > 30)) || fail "a restore makes $calls calls only: are they counted at all?"
for ((i = 1; i <= 24; i++)); do
    # shellcheck disable=SC2046
    restore_killed $( ((i % 2)) || echo -b) -n $((i * calls / 24))
    if [ -e killed/customers/customers.db ]; then
        ! grep -q "$mark" killed/customers/customers.db ||
            fail "killed at call $kills_n ($kills_call): the person is in a published database"
    fi
    if [ "$kills_how" = killed ] && [ -e killed/.kura-restore/snapshot ]; then
        expect_exit 0 kura restore --identity id --target "$work/killed" --snapshot "$first"
        erased_here killed
    fi
done

# Somebody else asked in between: what was given back before is not gone on with.
restore_killed -n $((calls / 2))
[ -e killed/.kura-restore/snapshot ] || fail "the restore was over already"
expect_exit 0 kura person erase 7 --reason asked
expect_exit 1 kura restore --identity id --target "$work/killed" --snapshot "$first"
says err "another register of erasures"

# ------------------------------------------------------------------ taken back

name_of() { sqlite3 "$1/customers/customers.db" "SELECT name FROM customers WHERE id = $2"; }
expect_exit 0 kura restore --identity id --target "$work/with-seven" --snapshot "$first"
[ -z "$(name_of with-seven 7)" ] || fail "the second one was not erased"
expect_exit 2 kura person keep 7
expect_exit 1 kura person keep 8 --reason "wrong number"
says err "is not registered as erased"
before=$(ls vault/register)
expect_exit 0 kura person keep 7 --reason "wrong number" --json
json '.withdrawn | length == 1'
withdrawal=$(comm -13 <(echo "$before") <(ls vault/register))
! grep -rq "wrong number" vault || fail "the reason lies open in the storage"
expect_exit 0 kura audit show --event person.keep --json
json '.[-1].exit == 0 and (.[-1].withdrawn | length == 1) and (.[-1] | has("reason") | not)'
restore_with_kit "$work/kept" --snapshot "$first" >out 2>err || fail "no restore after an entry was taken back"
[ "$(name_of kept 7)" = "山田 太郎 7" ] || fail "who was registered by mistake did not come back"
[ -z "$(name_of kept 451)" ] || fail "who was not taken back came back"
expect_exit 0 kura restore --identity id --target "$work/told" --source documents --snapshot "$first" --verbose
says err "took it back"
expect_exit 0 kura backup # nobody warns of who may be in the shop's database
mv "vault/register/$withdrawal" withdrawal
expect_exit 5 kura restore --identity id --target "$work/dropped" --snapshot "$first"
says err "lacks 1 entry"
mv withdrawal "vault/register/$withdrawal"

# ------------------------------------------------------------------ a rule that does not fit

sqlite3 shop/customers.db "CREATE TABLE points (customer_id INTEGER, points INTEGER)"
more_rules "DELETE FROM points WHERE customer_id = :id"
expect_exit 0 kura person erase 8 --reason asked
expect_exit 1 kura restore --identity id --target "$work/unfit" --snapshot "$first"
says err "no such table: points"
says err "--as-it-was"
[ ! -e unfit/customers/customers.db ] || fail "a database was restored with somebody erased in it"
[ -e unfit/documents/scans/4510/c.tif ] || fail "the rest was not restored"
expect_exit 1 kura dump "${first:0:8}" customers --identity id
[ ! -s out ] || fail "a database was dumped with somebody erased in it"
expect_exit 0 kura restore --identity id --target "$work/fits" --source documents --snapshot "$first"
registered=$(ls vault/register | wc -l)
for rule in "ATTACH '$work/stolen.db' AS other -- :id" "DELETE FROM poins WHERE customer_id = :id"; do
    more_rules "$rule"
    expect_exit 2 kura person erase 9 --reason asked
    says err "a rule cannot be applied"
done
[ "$(ls vault/register | wc -l)" = "$registered" ] || fail "somebody was registered with a rule that cannot be"
[ ! -e stolen.db ] || fail "a rule reached another file"

# A source without a rule gives back whom it counts: told when somebody is registered, and with every restore.
more_rules
sed -i 's|^sources:|&\n  - { name: leads, sqlite: leads.db }|
    s|^persons:|&\n  - { domain: customer, source: leads, sql: SELECT id FROM leads }|' kura.yaml
sqlite3 leads.db "CREATE TABLE leads (id); INSERT INTO leads VALUES (15)"
expect_exit 3 kura backup
expect_exit 3 kura person erase 15 --reason asked
says err "source leads counts persons of the domain customer, and no rule erases them"
expect_exit 3 kura restore --identity id --target "$work/without" --source leads
says err "1 person who asked to be erased is still in it"
rm leads.db

# A rule that runs and erases nobody (the column has no type, so the text '11' is not the number 11): it is told.
more_rules
sed -i 's|^sources:|&\n  - { name: leads, sqlite: leads.db }|
    s|^persons:|&\n  - { domain: customer, source: leads, sql: SELECT id FROM leads }|
    s|^erasure:|&\n  - { domain: customer, source: leads, sql: [DELETE FROM leads WHERE id = :id] }|' kura.yaml
sqlite3 leads.db "CREATE TABLE leads (id); INSERT INTO leads VALUES (11), ('12'), (13), ('a/14')"
expect_exit 3 kura backup # those of above are still in the shop's database
for id in 11 12; do expect_exit 0 kura person erase $id --reason asked; done
expect_exit 3 kura person erase a/14 --reason asked # its rows, for no file can have the name
says err "not a file name"
expect_exit 3 kura restore --identity id --target "$work/silent" --source leads
says err "1 person who asked to be erased is still in it after the rules"
[ "$(sqlite3 silent/leads/leads.db 'SELECT group_concat(id) FROM leads')" = 11,13 ] || fail "the leads are not those that remain"

# A trigger takes details away, as in the shop's own program; one that logs what was deleted is told, until a rule
# behind the others erases from its log. What a full-text index writes for what is deleted is no log.
rm leads.db
sqlite3 leads.db "CREATE TABLE leads (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE details (lead INTEGER, note TEXT);
    CREATE TABLE log (lead INTEGER, old TEXT); CREATE VIRTUAL TABLE words USING fts5(name);
    INSERT INTO leads VALUES (21, 'a'), (22, 'b'); INSERT INTO details VALUES (21, 'x'), (22, 'y');
    INSERT INTO log VALUES (21, 'before'); INSERT INTO words(rowid, name) SELECT id, name FROM leads;
    CREATE TRIGGER first BEFORE DELETE ON leads BEGIN DELETE FROM details WHERE lead = OLD.id; END;
    CREATE TRIGGER last AFTER DELETE ON leads BEGIN INSERT INTO log VALUES (OLD.id, OLD.name); END"
logged() { # CODE RULE...: SQL in single quotes
    local rules=${*:2}
    more_rules
    sed -i "s|^sources:|&\n  - { name: leads, sqlite: leads.db }|
        s|^persons:|&\n  - { domain: lead, source: leads, sql: SELECT id FROM leads }|
        s|^erasure:|&\n  - { domain: lead, source: leads, sql: [$rules] }|" kura.yaml
    [ -e logged.made ] || expect_exit "${night:-3}" kura backup
    : >logged.made
    expect_exit 0 kura person erase 21 --domain lead --reason asked
    rm -rf logged
    expect_exit "$1" kura restore --identity id --target "$work/logged" --source leads
    [ "$(sqlite3 logged/leads/leads.db 'SELECT group_concat(note) FROM details')" = y ] || fail "a trigger was kept from running"
}
logged 3 "DELETE FROM words WHERE rowid = :id, DELETE FROM leads WHERE id = :id"
says err "a trigger wrote to the table log"
expect_exit 3 kura dump latest leads --identity id
says err "a trigger wrote to the table log"
logged 0 "DELETE FROM leads WHERE id = :id, DELETE FROM log WHERE lead = :id"
[ "$(sqlite3 logged/leads/leads.db 'SELECT count(*) FROM log')" = 0 ] || fail "the log still has what was erased"

# Logs that a trigger writes by UPDATE, and in a table without row ids, of whose rows SQLite tells nothing; what a
# foreign key updates is no log.
rm leads.db
sqlite3 leads.db "CREATE TABLE leads (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE details (lead INTEGER, note TEXT);
    CREATE TABLE asked (lead INTEGER REFERENCES leads ON DELETE SET NULL);
    CREATE TABLE notes (topic TEXT PRIMARY KEY, old TEXT); CREATE TABLE silent (lead INTEGER PRIMARY KEY, old TEXT) WITHOUT ROWID;
    INSERT INTO leads VALUES (21, 'a'), (22, 'b'); INSERT INTO details VALUES (22, 'y');
    INSERT INTO asked VALUES (21); INSERT INTO notes VALUES ('leads', '');
    CREATE TRIGGER note AFTER DELETE ON leads BEGIN UPDATE notes SET old = old || OLD.name; END;
    CREATE TRIGGER log AFTER DELETE ON leads BEGIN INSERT INTO silent VALUES (OLD.id, OLD.name); END"
other_log() { # CODE RULE...
    rm -rf logged.made vault state host.key kit.txt kit_login.pub pw
    more_rules
    expect_exit 0 kura init --kit kit.txt --passphrase-file pw
    night=0 logged "$@"
}
other_log 3 "DELETE FROM leads WHERE id = :id, DELETE FROM silent WHERE lead = :id"
says err "a trigger wrote to the table notes"
other_log 3 "DELETE FROM leads WHERE id = :id, DELETE FROM notes WHERE :id > 0"
says err "a trigger wrote to the table silent"
other_log 0 "DELETE FROM leads WHERE id = :id, DELETE FROM notes WHERE :id > 0, DELETE FROM silent WHERE lead = :id"

# ------------------------------------------------------------------ a thief of the host key

rm -rf vault state host.key kit.txt kit_login.pub pw
more_rules
expect_exit 0 kura init --kit kit.txt --passphrase-file pw
expect_exit 0 kura backup
expect_exit 0 kura person erase 3 --reason asked

# Another spelling than the database's is the same row for a rule, and another person for lists: told at once, and by
# restores, until both are registered. Of an id that nobody has it is told, too.
expect_exit 3 kura person erase 0005 --reason asked
says err 'the ID of this person is "5"'
expect_exit 3 restore_with_kit "$work/spelt"
says err "1 person who is not registered as erased is gone after the rules"
expect_exit 0 kura person erase 5 --reason asked
expect_exit 0 kura person erase 0005 --reason asked
expect_exit 0 restore_with_kit "$work/both-spelt"
expect_exit 3 kura person erase 50000 --reason asked
says err "no database counts a person of the domain customer with this ID now"

expect_exit 3 kura backup # still in the database
stolen=$(kura host list --json | jq -r '.[0].key')
mv host.key stolen.key
rm -rf state
expect_exit 0 kura host add --kit kit.txt --passphrase-file pw
expect_exit 0 kura host revoke "$stolen" --kit kit.txt --passphrase-file pw
sed -e "s|host\.key|$work/stolen.key|; s|state: state|state: $work/thief|" kura.yaml >thief.yaml
run 0 -c thief.yaml person erase 4 --reason mischief
expect_exit 5 restore_with_kit "$work/forged"
says err "it is not obeyed"
[ "$(sqlite3 forged/customers/customers.db 'SELECT name FROM customers WHERE id = 4')" = "山田 太郎 4" ] ||
    fail "an erasure by a revoked host was obeyed"
[ "$(sqlite3 forged/customers/customers.db 'SELECT name FROM customers WHERE id = 3')" = "" ] ||
    fail "an erasure of before the revocation is forgotten"

# ------------------------------------------------------------------ what a command gives

rm -rf vault state host.key kit.txt kit_login.pub pw
more_rules
sed -i '/name: documents, tree/a\  - { name: listing, command: [sqlite3, shop/customers.db, "SELECT * FROM customers"] }' kura.yaml
expect_exit 0 kura init --kit kit.txt --passphrase-file pw
expect_exit 0 kura backup
expect_exit 0 restore_with_kit "$work/nobody-asked"
expect_exit 0 kura person erase 8 --reason asked
says err "Nobody is erased from source listing"
expect_exit 3 restore_with_kit "$work/with-listing"
says err "source listing is what a command gave"
expect_exit 3 kura dump latest listing --identity id
says err "source listing is what a command gave"
expect_exit 0 restore_with_kit "$work/not-listed" --source customers

# Another host, whose source of the same name is another database.
sqlite3 shop/other.db "CREATE TABLE leads (id INTEGER PRIMARY KEY); INSERT INTO leads VALUES (9)"
sed -e 's|host\.key|host2.key|; s|state: state|state: state2|; s|shop/customers\.db|shop/other.db|' \
    -e '/name: listing/d; /^persons:/,$d' kura.yaml >other.yaml
run 0 -c other.yaml host add --kit kit.txt --passphrase-file pw
run 0 -c other.yaml backup
theirs=$(kura snapshots --json | jq -r '.[-1].id')
expect_exit 0 kura person erase 9 --reason asked
says err "Another host has a source customers in this repository"
expect_exit 1 restore_with_kit "$work/of-another-host" --snapshot "$theirs"
says err "which may have another database of this name"
says err "kura person keep ID"
expect_exit 1 kura dump "$theirs" customers --identity id
says err "which may have another database of this name"
expect_exit 3 restore_with_kit "$work/of-this-host" --snapshot "$(kura snapshots --json | jq -r '.[-2].id')"

echo "person erase: gone from tables, indexes and pages; drops, forgeries and rules that do not fit are told"
