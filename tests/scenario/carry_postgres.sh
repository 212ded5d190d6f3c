#!/usr/bin/env bash
# A carry whose data set lies in PostgreSQL: asked for, counted, approved, exported and opened; and only with
# a role that can do nothing but read.
source "$(dirname "$0")/lib.sh"
source "$tests/support/disks.sh"
source "$tests/support/postgres.sh"
((EUID == 0)) || skip "needs root to mount a medium"
[ "$("$KURA" medium explain "$work" --json | jq -r .class)" = fixed ] ||
    skip "the state folder would not be on a fixed disk"
truncate -s 16M stick.img
losetup -f --show stick.img >loop 2>/dev/null || skip "no loop devices here"
losetup -d "$(cat loop)"
at_exit=("postgres_stop '$work/server' immediate")
postgres_start "$work/server"
createdb shop
psql -qX -d shop -v ON_ERROR_STOP=1 <<'SQL'
CREATE TABLE customers (id int PRIMARY KEY, name text, born date, photo bytea);
CREATE TABLE visits (customer int REFERENCES customers, day date, yen numeric);
INSERT INTO customers SELECT i, '山田 太郎 ' || i, date '1960-01-01' + i, '\x00ff' FROM generate_series(1, 60) i;
INSERT INTO visits SELECT 1 + i % 60, date '2026-12-01' + i / 60, i * 1.10 FROM generate_series(0, 119) i;
CREATE FUNCTION forget(int) RETURNS int LANGUAGE sql AS 'DELETE FROM visits WHERE customer = $1 RETURNING 1';
CREATE ROLE reader LOGIN;
GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA public TO reader;
SQL
cat >kura.yaml <<'YAML'
repository: { host_key: host.key, state: state, stores: [{ name: offsite, url: vault }] }
policy: policy.yaml
sources:
  - { name: customers, postgres: "dbname=shop user=reader" }
YAML
for person in yamada:manager suzuki:deputy sato:staff; do
    run 0 key new --role "${person#*:}" --sign --out "${person%:*}.sign" --passphrase-file "${person%:*}.pw"
done
run 0 key new --role staff --out reader.key --passphrase-file reader.pw
signed() { echo --key "$1.sign" --passphrase-file "$1.pw"; }
expect_exit 0 kura init --kit kit.txt --passphrase-file pw --policy-key yamada.sign.pub
mkfs.ext4 -q -m 0 stick.img
mkdir stick
disk_mount stick
at_exit=("umount '$work/stick' 2>/dev/null" "${at_exit[@]}")
expect_exit 0 kura medium enrol --path stick --id M-001
cp out media

data_set() { # NAME SQL
    cat <<YAML
  - name: $1
    source: customers
    sql: $2
    parameters: [{ name: from, type: integer }, { name: day, type: date }]
    persons: [{ column: customer, domain: customer }]
    fields: [$(printf '{ column: %s, class: opaque }, ' customer name born photo day yen)]
    max_rows: 100
    timeout: 2s
YAML
}
where="WHERE c.id >= :from AND v.day = :day::date"
cat >policy.yaml <<YAML
version: 1
valid_from: 2026-01-01
shop: 山田自動車
manager_title: 個人データ管理責任者
contact: 03-0000-0000
clock_tolerance: 5m
anchor_age: 36h
limits: { absolute_ceiling: 300, max_persons_per_carry: 40, max_persons_outstanding: 40, rolling_days: 7,
  max_persons_outstanding_shop: 100, max_persons_rolling_bearer: 60, max_persons_rolling_shop: 200,
  max_documents_per_carry: 10 }
approval: { approvers: 1, second_above: 40, token_lifetime: 24h, carry_days: 14, overdue_grace_days: 1 }
people:
  - { id: yamada, name: 山田 太郎, roles: [data_manager], key: "$(tail -1 yamada.sign.pub)",
      recipient: $(grep -v '#' reader.key.pub) }
  - { id: suzuki, name: 鈴木 花子, roles: [deputy], key: "$(tail -1 suzuki.sign.pub)" }
  - { id: sato, name: 佐藤 次郎, roles: [staff], key: "$(tail -1 sato.sign.pub)" }
hosts: [{ name: office, key: "$(kura host list --json | jq -r '.[0].key')" }]
purposes: [出張点検]
destinations: [{ name: laptop, recipients: [$(grep -v '#' reader.key.pub)] }]
field_classes: [{ name: opaque }]
media:
$(cat media)
data_sets:
$(data_set visits "'SELECT c.id AS customer, c.name, c.born, c.photo, v.day, v.yen FROM visits v JOIN customers c ON c.id = v.customer $where ORDER BY 1'")
$(data_set slow "'SELECT c.id AS customer, pg_sleep(10)::text AS name FROM customers c, visits v $where'")
$(data_set erase "'SELECT forget(:from) AS customer, :day::text AS name'")
YAML
run 0 policy sign policy.yaml $(signed yamada)

ask() { # DATA-SET FROM
    rm -f R.request
    kura carry request --data-set "$1" --param "from=$2" --param day=2026-12-01 --purpose 出張点検 --destination laptop \
        --medium M-001 --return-by "$(date -d '+5 days' +%F)" $(signed sato) --out R.request --json
}
expect_exit 0 ask visits 41
json '.persons == 20 and .rows == 20'
expect_exit 4 ask visits 11 # 50 persons, and 40 are allowed
says err '[persons] persons in one carry: 50'
expect_exit 4 ask slow 1
says err '[timeout]'
expect_exit 2 ask erase 1
says err 'read-only transaction'
[ "$(psql -qAtX -d shop -c 'SELECT count(*) FROM visits')" = 120 ] || fail "a request wrote to the database"
psql -qX -d shop -c 'ALTER ROLE reader SUPERUSER'
expect_exit 2 ask visits 41
says err 'may do more than read'
psql -qX -d shop -c 'ALTER ROLE reader NOSUPERUSER'

expect_exit 0 kura backup # the anchor of the log
expect_exit 0 ask visits 41
carry=$(jq -r .carry out)
run 0 carry approve R.request $(signed yamada) --out R.token
expect_exit 0 kura carry export R.token --to stick $(signed sato)
run 0 open "stick/kura-$carry.tar.age" --identity reader.key --passphrase-file reader.pw --out opened
python3 - <<'PY' || fail "the table is not what was asked for"
import csv
rows = list(csv.DictReader(open("opened/data.csv", encoding="utf-8-sig", newline="")))
assert [int(row["customer"]) for row in rows] == list(range(41, 61)), rows
assert rows[0]["name"] == "山田 太郎 41" and rows[0]["born"] == "1960-02-11" and rows[0]["day"] == "2026-12-01"
assert rows[0]["yen"] == "44.00", rows[0]
PY
echo "carry_postgres: read by a role that can only read, counted, carried"
