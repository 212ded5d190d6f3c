#!/usr/bin/env bash
# How many people are in a backup: counted in the database's own transaction by one definition, shown,
# proved by the restore on a bare machine, and never by a definition that nobody signed.
# shellcheck disable=SC2154
source "$(dirname "$0")/lib.sh"

make_shop
sqlite3 shop/customers.db "
CREATE TABLE contacts (id INTEGER PRIMARY KEY, customer INTEGER, name TEXT);
INSERT INTO contacts SELECT id, id, '家族' FROM customers WHERE id <= 40;
CREATE TABLE visits (customer, note TEXT);
INSERT INTO visits SELECT id, 'a' FROM customers UNION ALL SELECT id, 'b' FROM customers;
INSERT INTO visits VALUES (9001, 'not in customers'), (NULL, 'walk-in'), (NULL, 'walk-in'), ('', 'too');"
sqlite3 shop/leads.db "
CREATE TABLE leads (customer); INSERT INTO leads VALUES (1), (2), ('mail-1'), ('mail-2');
CREATE TABLE empty (x);"
cat >>kura.yaml <<'YAML'
  - { name: leads, sqlite: shop/leads.db }
persons:
  - { domain: customer, source: customers, sql: SELECT id FROM customers }
  - { domain: customer, source: customers, sql: SELECT customer FROM visits }
  - { domain: contact, source: customers, sql: SELECT id FROM contacts }
  - { domain: customer, source: leads, sql: SELECT customer FROM leads }
YAML
run 0 -c kura.yaml init --kit kit.txt --passphrase-file pw
kit=(--kit "$work/kit.txt" --passphrase-file "$work/pw")

# ---- the numbers: 500 customers and one who only visited, 40 contacts, 3 visits of nobody; two of
# the four leads are customers
run 0 -c kura.yaml backup
says out "546 persons are in it."
run 0 -c kura.yaml snapshots --json
json '.[0].persons == 546 and ([.[0].sources[] | .persons] == [544, null, null, 4])'
json '.[0].sources[0].rows == {contacts: 40, customers: 500, vehicles: 500, visits: 1004}'
run 0 -c kura.yaml snapshots
grep -q '^ID .*ROWS *PERSONS *SOURCES' out || fail "no columns for rows and persons"
grep -q ' 2048  *546 ' out || fail "the rows and persons are not in the list"
run 0 -c kura.yaml snapshots -v
says out "544 persons"
run 0 -c kura.yaml ls latest "${kit[@]}"
says out "2044 rows, 544 persons"
says out "4 rows, 4 persons"
run 0 -c kura.yaml ls latest --json "${kit[@]}"
json '.[0].persons == 544 and .[3].rows == {leads: 4, empty: 0} and (.[1] | has("persons") | not)'
jq -se '.[-1]' state/audit/log >/dev/null
grep '"event":"backup"' state/audit/log | tail -1 | grep -q '"persons":546' || fail "the log does not say how many"
! grep -qE "walk-in|mail-1|SELECT" state/audit/log || fail "the log says who"

# ---- an unchanged night sends no list; a source that was not read tonight keeps its own
size_of() { du -sb vault | cut -f1; }
before=$(size_of)
run 0 -c kura.yaml backup leads --json
json '.persons == 4'
run 0 -c kura.yaml backup --json
json '.persons == 546 and .bytes_new == 0'
((before + 20000 > $(size_of))) || fail "what did not change was sent again"
run 0 -c kura.yaml check --read-data "${kit[@]}"

# ---- a bare machine: the definition comes with the backup
(cd / && run 0 restore "${kit[@]}" --target "$work/back")
says out "Rows and persons are as the backup said."
same_database shop/customers.db back/customers/customers.db
[ "$(ls -A back/customers)" = customers.db ] || fail "counting left something behind"
(cd / && run 0 restore "${kit[@]}" --target "$work/json" --json)
json '.recounted == 2 and .recount_match and .persons == 546'

# What is not what was counted is named, whoever changed it: a restore that goes on where somebody
# had the database meanwhile, with its size and its time as they were.
copy=back/customers/customers.db
tamper() { # SQL SAYS
    cp -p "$copy" tampered.db
    sqlite3 tampered.db "PRAGMA journal_mode = DELETE" "$1" >/dev/null
    [ "$(stat -c %s tampered.db)" = "$(stat -c %s shop.db.copy)" ] || fail "another size"
    cp tampered.db "$copy"
    touch -r shop.db.copy "$copy"
    mkdir -p back/.kura-restore
    printf '%s %s' "$(kura snapshots --json | jq -r '.[-1].id')" "$(cat /proc/sys/kernel/random/boot_id)" \
        >back/.kura-restore/snapshot
    touch -d @0 back/.kura-restore/snapshot # it began before all of that
    chmod 700 back/.kura-restore
    run 5 restore "${kit[@]}" --target "$work/back"
    expect_text "$2"
    says out "Rows or persons are NOT as the backup said."
    cp -p shop.db.copy "$copy"
}
cp -p "$copy" shop.db.copy
tamper "DELETE FROM vehicles WHERE id = 7" "table vehicles has 499 rows where the backup counted 500"
tamper "DELETE FROM visits WHERE customer = 9001" "543 persons are in it where the backup counted 544"
tamper "UPDATE visits SET customer = 9002 WHERE customer = 9001" "but not the same ones"
tamper "DROP TABLE visits" "3 tables are there where the backup counted 4"

# ---- a definition that cannot be used loses its own source only, and says which
sed 's/SELECT id FROM contacts/SELECT id FROM kontakte/' kura.yaml >wrong.yaml
run 3 -c wrong.yaml backup --json
json '.failed_sources == 1 and .sources[0].status == "failed" and .persons == 4'
says err 'counting persons of domain "contact"'
says err "no such table: kontakte"
sed 's/SELECT id FROM contacts/DELETE FROM contacts/' kura.yaml >wrong.yaml
run 3 -c wrong.yaml backup
says err "not authorized"
[ "$(sqlite3 shop/customers.db 'SELECT count(*) FROM contacts')" = 40 ] || fail "counting changed the database"
sed 's/source: leads, sql/source: documents, sql/' kura.yaml >wrong.yaml
run 2 -c wrong.yaml backup
says err 'line 17: "persons[3].source": the source "documents" is not a database'

# ---- the signed policy's word counts, not the configuration's
[ "$(kura medium explain "$work" --json | jq -r .class)" = fixed ] ||
    skip "with a policy nothing could be stored here, for the disk is not known to be fixed"
run 0 key new --role manager --sign --out yamada.sign --passphrase-file yamada.pw
run 0 key new --role manager --out yamada.key --passphrase-file yamada.key.pw
cat >policy.yaml <<YAML
version: 1
valid_from: 2026-01-01
shop: 山田自動車
contact: 03-0000-0000
clock_tolerance: 5m
anchor_age: 36h
limits: { absolute_ceiling: 300, max_persons_per_carry: 50, max_persons_outstanding: 60,
  max_persons_outstanding_shop: 100, rolling_days: 7, max_persons_rolling_bearer: 80,
  max_persons_rolling_shop: 120, max_documents_per_carry: 10 }
approval: { approvers: 1, token_lifetime: 24h, carry_days: 7, overdue_grace_days: 1 }
people:
  - { id: yamada, name: 山田 太郎, roles: [data_manager], key: "$(tail -1 yamada.sign.pub)",
      recipient: $(grep -v '#' yamada.key.pub) }
hosts: [{ name: office, key: "$(kura host list --json | jq -r '.[0].key')" }]
purposes: [出張点検]
destinations: [{ name: laptop, recipients: [$(grep -v '#' yamada.key.pub)] }]
field_classes: [{ name: opaque }]
persons:
  - { domain: customer, source: customers, sql: SELECT id FROM customers WHERE id <= 100 }
  - { domain: customer, source: elsewhere, sql: SELECT id FROM customers }
data_sets: []
media: []
YAML
{ cat kura.yaml && echo "policy: policy.yaml"; } >ruled.yaml
run 0 policy sign policy.yaml --key yamada.sign --passphrase-file yamada.pw
uncounted() { # SAYS
    run 3 -c ruled.yaml backup --json
    says err "persons are not counted in this backup: $1"
    json '(has("persons") | not) and .failed_sources == 0 and .sources[0].status == "complete"'
}
uncounted "" # before the data manager's key is known
run 0 -c ruled.yaml policy trust yamada.sign.pub
run 0 -c ruled.yaml policy show
says out "customer (customers): SELECT id FROM customers WHERE id <= 100"
run 0 -c ruled.yaml policy show --json
json '[.persons[].source] == ["customers", "elsewhere"]'
run 0 -c ruled.yaml backup
says out "100 persons are in it."
says out "In source leads persons were not counted."
(cd / && run 0 restore "${kit[@]}" --target "$work/ruled" --json)
json '.recounted == 2 and .recount_match and .persons == 100'

# Changed, and rolled back: the backup runs, and counts nobody rather than by a word that is not signed.
cp policy.yaml signed.yaml
cp policy.yaml.minisig signed.yaml.minisig
sed -i 's/id <= 100/id <= 1/' policy.yaml
uncounted "[policy-changed]"
sed -i 's/^version: 1/version: 2/' policy.yaml
run 0 policy sign policy.yaml --key yamada.sign --passphrase-file yamada.pw
run 0 -c ruled.yaml backup
says out "1 person is in it."
mv signed.yaml policy.yaml
mv signed.yaml.minisig policy.yaml.minisig
uncounted "[policy-rolled-back]"
(cd / && run 0 restore "${kit[@]}" --target "$work/uncounted")
says out "Rows are as the backup said; persons were not counted then."
run 0 -c kura.yaml check --read-data "${kit[@]}"
echo "persons: counted, shown, proved by a restore, by the signed definition"
