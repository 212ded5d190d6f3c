#!/usr/bin/env bash
# Erasing a person where a signed policy is in force: only the data manager or a deputy can register
# it, or have everything back as it was.
source "$(dirname "$0")/lib.sh"
[ "$("$KURA" medium explain "$work" --json | jq -r .class)" = fixed ] ||
    skip "under a policy nothing could be stored or restored here"

make_shop
age-keygen -o id 2>/dev/null
age-keygen -y id >id.pub
sed -i 's|  host_key: host.key|&\n  recipients: [id.pub]|' kura.yaml
cat >>kura.yaml <<'YAML'
erasure:
  - { domain: customer, source: customers, sql: ["UPDATE customers SET name = '' WHERE id = :id"] }
policy: policy.yaml
YAML
for who in yamada sato; do
    role=staff && [ "$who" = sato ] || role=manager
    run 0 key new --role $role --sign --out $who.sign --passphrase-file $who.pw
done
expect_exit 0 kura init --kit kit.txt --passphrase-file pw --policy-key yamada.sign.pub
cat >policy.yaml <<YAML
version: 1
valid_from: 2026-01-01
shop: 山田自動車
contact: 03-0000-0000
clock_tolerance: 5m
anchor_age: 36h
limits:
  absolute_ceiling: 300
  max_persons_per_carry: 50
  max_persons_outstanding: 40
  max_persons_outstanding_shop: 100
  rolling_days: 7
  max_persons_rolling_bearer: 60
  max_persons_rolling_shop: 200
  max_documents_per_carry: 10
approval: { approvers: 1, second_above: 0, token_lifetime: 24h, carry_days: 14, overdue_grace_days: 1 }
people:
  - { id: yamada, name: 山田 太郎, roles: [data_manager], key: "$(tail -1 yamada.sign.pub)",
      recipient: $(cat id.pub), system_user: games }
  - { id: sato, name: 佐藤 次郎, roles: [staff], key: "$(tail -1 sato.sign.pub)", system_user: daemon }
hosts:
  - { name: office, key: "$(kura host list --json | jq -r '.[0].key')" }
purposes: [出張点検]
destinations:
  - { name: laptop, recipients: [$(cat id.pub)] }
field_classes:
  - { name: opaque }
data_sets:
  - name: ids
    source: customers
    sql: SELECT id FROM customers
    persons: [{ column: id, domain: customer }]
    fields: [{ column: id, class: opaque }]
    max_rows: 500
    timeout: 30s
media: []
YAML
run 0 policy sign policy.yaml --key yamada.sign --passphrase-file yamada.pw
expect_exit 0 kura backup
expect_exit 4 kura person erase 5 --reason asked
says err "[manager-key]"
expect_exit 4 kura person erase 5 --reason asked --key sato.sign --passphrase-file sato.pw
expect_exit 0 kura person erase 5 --reason asked --key yamada.sign --key-passphrase-file yamada.pw --json
json '.approved'
expect_exit 4 kura restore --identity id --target "$work/signed" --as-it-was --reason court
expect_exit 4 kura restore --identity id --target "$work/signed" --as-it-was --reason court \
    --key sato.sign --key-passphrase-file sato.pw
[ ! -e signed/customers ] || fail "a refused restore gave something back"
expect_exit 0 kura restore --identity id --target "$work/signed" --as-it-was --reason court \
    --key yamada.sign --key-passphrase-file yamada.pw
[ "$(sqlite3 signed/customers/customers.db 'SELECT name FROM customers WHERE id = 5')" = "山田 太郎 5" ] ||
    fail "--as-it-was erased all the same"
expect_exit 3 kura restore --identity id --target "$work/obeyed" # the ledger is what a command gave
says err "source ledger is what a command gave"
[ "$(sqlite3 obeyed/customers/customers.db 'SELECT name FROM customers WHERE id = 5')" = "" ] ||
    fail "the erasure was not obeyed"
# Taken back by the key that signed it, and by no other, wherever the policy has gone.
expect_exit 4 kura person keep 5 --reason mistake
expect_exit 4 kura person keep 5 --reason mistake --key sato.sign --key-passphrase-file sato.pw
sed '/^policy:/d' kura.yaml >nopolicy.yaml
run 4 -c nopolicy.yaml person keep 5 --reason mistake
says err "[manager-key]"
says err "only the same key takes it back"
run 4 -c nopolicy.yaml person keep 5 --reason mistake --key sato.sign --key-passphrase-file sato.pw
expect_exit 0 kura person keep 5 --reason mistake --key yamada.sign --key-passphrase-file yamada.pw
expect_exit 0 kura restore --identity id --target "$work/kept"
[ "$(sqlite3 kept/customers/customers.db 'SELECT name FROM customers WHERE id = 5')" = "山田 太郎 5" ] ||
    fail "who was kept did not come back"
expect_exit 0 kura audit show --event restore --json
grep -qF '"manager": "yamada"' out || grep -qF '"manager":"yamada"' out || fail "the log does not say whose key it was"
echo "person policy: the manager's signature and no other"
