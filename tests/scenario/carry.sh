#!/usr/bin/env bash
# Personal data on a medium, from the policy to the return: what is allowed works with other
# people's programs at the other end, and what is not is refused by its rule and written down.
source "$(dirname "$0")/lib.sh"
source "$tests/support/disks.sh"
((EUID == 0)) || skip "needs root to mount a medium"
[ "$("$KURA" medium explain "$work" --json | jq -r .class)" = fixed ] ||
    skip "the state folder would not be on a fixed disk, so nothing could be staged"
truncate -s 1M probe.img
losetup -f --show probe.img >loop 2>/dev/null || skip "no loop devices here"
losetup -d "$(cat loop)"

# ------------------------------------------------------------------ a shop, its people, its media

mkdir -p shop/documents/1 shop/documents/2/old shop/documents/90
sqlite3 shop/customers.db >/dev/null <<'SQL'
PRAGMA journal_mode = WAL;
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, phone TEXT, note TEXT, illness TEXT);
CREATE TABLE family (id INTEGER PRIMARY KEY, customer INTEGER, name TEXT);
CREATE TABLE visits (customer INTEGER, day TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90)
INSERT INTO customers SELECT i, '山田 太郎 ' || i, printf('090-%04d', i), '=1+1', 'x' FROM n;
INSERT INTO family SELECT id + 1000, id, '山田 花子 ' || id FROM customers WHERE id % 2 = 0;
INSERT INTO visits SELECT id, '2026-12-01' FROM customers UNION ALL SELECT id, '2026-12-02' FROM customers;
SQL
printf 'scan' >shop/documents/1/車検証.PDF
printf 'older scan' >shop/documents/2/old/b.jpg
printf 'not asked for' >shop/documents/90/c.pdf
configure
printf 'policy: policy.yaml\n' >>kura.yaml

person() { # NAME ROLE: signing key NAME.sign
    run 0 key new --role "$2" --sign --out "$1.sign" --passphrase-file "$1.pw"
}
person yamada manager
person suzuki deputy
person sato staff
person tanaka staff
person stranger manager
run 0 key new --role manager --out yamada.key --passphrase-file yamada.key.pw
run 0 key new --role staff --out reader.key --passphrase-file reader.pw
signed() { echo --key "$1.sign" --passphrase-file "$1.pw"; }
key() { tail -1 "$1.sign.pub"; }
recipient() { grep -v '#' "$1.key.pub"; }
expect_exit 0 kura init --kit kit.txt --passphrase-file pw --policy-key yamada.sign.pub
expect_exit 1 kura policy trust stranger.sign.pub
says err "another key signs this machine's policies already"

medium() { # NAME: a small disk at $work/NAME
    truncate -s 16M "$1.img"
    if command -v mkfs.vfat >/dev/null && grep -qw vfat /proc/filesystems; then
        mkfs.vfat "$1.img" >/dev/null
    else
        mkfs.ext4 -q -m 0 "$1.img"
    fi
    mkdir "$1"
    disk_mount "$1"
    at_exit=("umount '$work/$1' 2>/dev/null" "${at_exit[@]}")
}
medium stick
medium other
expect_exit 0 kura medium enrol --path stick --id M-001
cp out media
expect_exit 0 kura medium enrol --path other --id M-002
cat out >>media
host=$(kura host list --json | jq -r '.[0].key')

write_policy() { # VERSION
    cat >policy.yaml <<YAML
version: $1
valid_from: 2026-01-01
shop: 山田自動車
manager_title: 個人データ管理責任者
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
approval: { approvers: 1, second_above: 20, token_lifetime: 24h, carry_days: 14, overdue_grace_days: 1 }
people:
  - { id: yamada, name: 山田 太郎, roles: [data_manager], key: "$(key yamada)",
      recipient: $(recipient yamada), system_user: games }
  - { id: suzuki, name: 鈴木 花子, roles: [deputy, staff], key: "$(key suzuki)", system_user: man }
  - { id: sato, name: 佐藤 次郎, roles: [staff], key: "$(key sato)", system_user: daemon }
  - { id: tanaka, name: 田中 三郎, roles: [staff], key: "$(key tanaka)", system_user: news }
hosts:
  - { name: office, key: "$host" }
purposes: [出張点検]
destinations:
  - { name: laptop, recipients: [$(recipient reader)] }
field_classes:
  - { name: opaque }
  - { name: name }
  - { name: contact }
  - { name: health, sensitive: true }
  - { name: scan }
data_sets:
  - name: visits
    source: customers
    sql: |
      SELECT customers.id AS customer, customers.name, customers.phone, customers.note,
             family.id AS relative, family.name AS relative_name, visits.day
        FROM visits JOIN customers ON customers.id = visits.customer
                    LEFT JOIN family ON family.customer = customers.id
       WHERE customers.id BETWEEN :from AND :to ORDER BY 1, 7
    parameters: [{ name: from, type: integer }, { name: to, type: integer }]
    persons: [{ column: customer, domain: customer }, { column: relative, domain: relative }]
    fields:
      - { column: customer, class: opaque }
      - { column: name, class: name }
      - { column: phone, class: contact }
      - { column: note, class: opaque }
      - { column: relative, class: opaque }
      - { column: relative_name, class: name }
      - { column: day, class: opaque }
    documents_source: documents
    documents_path: "{customer}"
    documents_class: scan
    max_rows: 500
    timeout: 30s
  - name: files
    source: customers
    sql: SELECT id FROM customers WHERE id < 3
    persons: [{ column: id, domain: customer }]
    fields: [{ column: id, class: opaque }]
    documents_source: documents
    documents_path: "{id}"
    documents_class: health
  - name: everything
    source: customers
    sql: SELECT id, illness FROM customers
    persons: [{ column: id, domain: customer }]
    fields: [{ column: id, class: opaque }, { column: illness, class: health }]
    max_rows: 500
    timeout: 30s
  - name: unclassed
    source: customers
    sql: SELECT id, phone FROM customers
    persons: [{ column: id, domain: customer }]
    fields: [{ column: id, class: opaque }]
    max_rows: 500
    timeout: 30s
media:
$(cat media)
YAML
}
refused() { # RULE COMMAND...: it ends with 4 and names the rule
    local rule=$1
    shift
    expect_exit 4 "$@"
    says err "[$rule]"
}
due=$(date -d '+5 days' +%F)
number=0
# ask WHO FROM TO [OPTION...]: R.request, and its number in $carry.
ask() {
    local who=$1 from=$2 to=$3
    shift 3
    rm -f R.request
    kura carry request --data-set visits --param "from=$from" --param "to=$to" --purpose 出張点検 \
        --destination laptop --medium M-001 --return-by "$due" $(signed "$who") --out R.request "$@"
}
asked() {
    expect_exit 0 ask "$@" --json
    carry=$(jq -r .carry out)
}
# approved WHO [OPTION...]: R.token, or the file named by $token.
approved() {
    local who=$1
    shift
    rm -f "${token:=R.token}"
    run 0 carry approve R.request $(signed "$who") --out "$token" "$@"
}
by_deputy=(--root yamada.sign.pub)
export_it() { # TOKEN... : as sato to the stick
    kura carry export "$@" --to stick $(signed sato)
}
state() { [ "$(kura carry show "$1" --json | jq -r .state)" = "$2" ] || fail "$1 is not $2"; }
back() { # CARRY FOLDER: confirmed by the deputy
    rm -f certificate
    expect_exit 0 kura carry return "$1" --from "$2" $(signed suzuki) --out certificate
    state "$1" erased
}

# ------------------------------------------------------------------ the policy

refused policy ask sato 1 2
write_policy 1
sed 's/second_above/second_over/' policy.yaml >wrong.yaml
run 2 policy check wrong.yaml
says err "line 17: unknown key"
run 0 policy check policy.yaml
run 2 policy sign policy.yaml $(signed sato)
refused policy-unsigned ask sato 1 2
run 0 policy sign policy.yaml $(signed yamada)
minisign -V -q -p yamada.sign.pub -m policy.yaml || fail "minisign does not verify the policy"
expect_exit 0 kura policy show --json
json '.version == 1 and (.people | length == 4)'
cp policy.yaml good.yaml
sed -i 's/per_carry: 50/per_carry: 90/' policy.yaml
refused policy-changed ask sato 1 2
cp good.yaml policy.yaml

# ------------------------------------------------------------------ asking

asked sato 1 10
json '.persons == 15 and .rows == 20 and .documents == 0' # 10 customers and 5 relatives, twice each
first=$carry
refused persons ask sato 1 60
says err "90, and the policy allows 50"
refused parameters ask sato 1 x
refused documents ask sato 1 10 --data-set everything --documents
sed '/documents_class: health/d' policy.yaml >wrong.yaml
run 2 policy check wrong.yaml
says err "documents_class"
files=(carry request --data-set files --purpose 出張点検 --destination laptop --medium M-001
    --return-by "$due" $(signed sato) --out x.request)
refused sensitive kura "${files[@]}" --documents
refused sensitive kura carry request --data-set everything --purpose 出張点検 --destination laptop \
    --medium M-001 --return-by "$due" $(signed sato) --out x.request
refused unclassed kura carry request --data-set unclassed --purpose 出張点検 --destination laptop \
    --medium M-001 --return-by "$due" $(signed sato) --out x.request
refused purpose ask sato 1 10 --purpose 趣味
refused return-by ask sato 1 10 --return-by "$(date -d '+30 days' +%F)"
refused bearer-key ask stranger 1 10
expect_exit 2 kura carry request --data-set visits --purpose 出張点検
says err "--destination NAME is missing"
[ ! -e x.request ] || fail "a refused request left a file"

# ------------------------------------------------------------------ approving

asked sato 1 10 --documents
json '.persons == 15 and .rows == 20 and .documents == 2'
run 4 carry approve R.request $(signed stranger) --out x.token
says err "[policy-changed]"
run 4 carry approve R.request $(signed suzuki) --out x.token
says err "--root manager.sign.pub"
run 4 carry approve R.request $(signed sato) "${by_deputy[@]}" --out x.token
says err "[approver-role]"
run 4 carry approve R.request $(signed yamada) --persons-max 14 --out x.token
says err "[persons-approved] 15 persons, and 14 are approved"
text=$(cat R.request)
[ "${text:60:1}" = A ] && letter=B || letter=A
printf '%s' "${text:0:60}$letter${text:61}" >forged.request
run 4 carry approve forged.request $(signed yamada) --out x.token
[ ! -e x.token ] || fail "a refused approval left a token"
cp R.request sato.request
asked suzuki 1 4
run 4 carry approve R.request $(signed suzuki) "${by_deputy[@]}" --out x.token
says err "[self-approval]"
approved yamada
cp R.token of-suzuki.token
cp sato.request R.request
approved yamada --expires 1h
says err "佐藤 次郎 (sato)"
says err "15 persons, 20 rows, 2 documents"
says err "name: name relative_name"
says err "scan: documents/"
says err "15 of 40 persons"
rm R.token
approved yamada --json
json '.persons == 15 and .outstanding_bearer == 15 and .approver == "yamada"'
json '.fields | index("relative:opaque") != null'

# ------------------------------------------------------------------ exporting

carry=$(jq -r .carry out)
refused anchor-none kura carry export R.token --to stick $(signed sato)
expect_exit 0 kura backup
refused token-person kura carry export of-suzuki.token --to stick $(signed sato)
refused medium-other kura carry export R.token --to other $(signed sato)
echo x >stick/holiday.jpg
refused foreign-files export_it R.token
rm stick/holiday.jpg
text=$(cat R.token)
[ "${text:60:1}" = A ] && letter=B || letter=A
printf '%s' "${text:0:60}$letter${text:61}" >forged.token
refused token-forged export_it forged.token
cp "state/carry/$carry/artefact" kept
cp "state/carry/$first/artefact" "state/carry/$carry/artefact"
refused artefact export_it R.token
cp kept "state/carry/$carry/artefact"
state "$carry" requested

# Many at once: exactly one gets through.
for n in 1 2 3 4; do
    (kura carry export R.token --to stick $(signed sato) >"out.$n" 2>&1 && echo >"done.$n") &
done
wait
[ "$(ls done.* | wc -l)" = 1 ] || fail "$(ls done.* | wc -l) of 4 exports succeeded"
state "$carry" out
refused token-spent export_it R.token
expect_exit 0 kura carry list --json
json ".carries | map(select(.state == \"out\")) | length == 1 and .[0].id == \"$carry\" and .[0].persons == 15
    and .[0].approvers == [\"yamada\"] and .[0].outstanding and (.[0].overdue | not)"
json '.media[0].out and .media[0].labelled'
says out "$carry"
expect_exit 0 kura carry list
says out "$carry"
# Who is on the medium is known by pseudonym: customers 1 to 10.
where() { kura person where "$1" --domain customer --kit kit.txt --passphrase-file pw --json; }
expect_exit 0 where 5
json ".carries | length == 1 and .[0].carry == \"$carry\" and .[0].medium == \"M-001\" and .[0].certain"
expect_exit 0 where 11
json '.carries == []'
grep -q "03-0000-0000" "stick/kura-$carry-READ-ME.txt" || fail "no notice for the finder"
! grep -rqE '山田 太郎|090-' stick state/audit || fail "a customer shows"

# ------------------------------------------------------------------ at the other end

sealed=stick/kura-$carry.tar.age
cat >answer.exp <<'TCL'
set timeout 60
log_user 0
spawn {*}$argv
expect -re "assphrase.*:"
send "$env(PW)\r"
expect eof
lassign [wait] - - - code
exit $code
TCL
pass() { # PASSPHRASE-FILE COMMAND...: answers the passphrase
    PW=$(cat "$1") expect answer.exp "${@:2}" || fail "${*:2}"
}
pass reader.pw age -d -i reader.key -o plain.tar "$sealed"
pass yamada.key.pw age -d -i yamada.key -o plain2.tar "$sealed"
cmp plain.tar plain2.tar
mkdir plain
tar xf plain.tar -C plain
python3 - plain <<'PY' || fail "the table is not what was asked for"
import csv, sys, os
folder = sys.argv[1]
assert open(folder + "/data.csv", "rb").read(3) == b"\xef\xbb\xbf"
rows = list(csv.DictReader(open(folder + "/data.csv", encoding="utf-8-sig", newline="")))
assert len(rows) == 20
assert {r["customer"] for r in rows} == {str(i) for i in range(1, 11)}
assert {r["relative"] for r in rows} - {""} == {str(1000 + i) for i in range(2, 11, 2)}
assert all(r["note"] == "'=1+1" for r in rows)
names = sorted(os.listdir(folder + "/documents"))
assert names == ["000001.pdf", "000002.jpg"], names
assert open(folder + "/documents/000001.pdf").read() == "scan"
PY
run 0 open "$sealed" --identity reader.key --passphrase-file reader.pw --out opened
diff -r plain opened || fail "kura open and tar differ"
run 1 open "$sealed" --identity reader.key --passphrase-file reader.pw --out opened
# Somebody in it is erased: the machine that made it opens it no more, whatever it is called, and
# whoever registered it.
cp "$sealed" copy.age
kept() { kura open copy.age --identity reader.key --passphrase-file reader.pw "$@"; }
printf 'erasure:\n  - { domain: customer, source: customers, sql: ["UPDATE customers SET name = NULL WHERE id = :id"] }\n' |
    cat kura.yaml - >erasing.yaml
# shellcheck disable=SC2046
erase() { run 0 -c erasing.yaml person erase "$1" --domain customer --reason letter $(signed yamada); }
erase 11
expect_exit 0 kept --out others
! grep -q "could not be found out" err || fail "warned of nothing"
not_opened() { # [OPTION...]
    expect_exit 4 kept --out erased "$@"
    says err "[erased]"
    [ ! -e erased ] || fail "a carry with somebody erased was opened"
}
# Nobody knows any more who is in it, and somebody has asked since.
mv "state/carry/$carry/persons" set.persons
not_opened
says err "who is in it is not known any more"
mv set.persons "state/carry/$carry/persons"
# What cannot be asked is told, and keeps nobody out; nor can it be recorded in a damaged log.
mv vault vault.away
expect_exit 0 kept --out others-vault
says err "could not be found out"
mv vault.away vault
cp state/audit/log whole.log
sed -i '2s/./x/20' state/audit/log
expect_exit 5 kept --out others-log
says err "could not be found out"
[ -d others-log ] || fail "a damaged log kept a file closed"
cat whole.log >state/audit/log
# An entry that a statement swears to is gone from the storage.
kura backup >out 2>err || (($? == 3)) || fail "no backup"
mv vault/register register.away
mkdir vault/register
expect_exit 5 kept --out others-register
says err "the register of erasures lacks 1 entry"
rmdir vault/register
mv register.away vault/register
# Another machine registers it.
sed '/^policy:/d; s/host\.key/host2.key/; s/: state/: state2/' erasing.yaml >second.yaml
run 0 -c second.yaml host add --kit kit.txt --passphrase-file pw
run 0 -c second.yaml person erase 4 --domain customer --reason letter
not_opened
run 0 -c second.yaml person keep 4 --domain customer --reason mistake
expect_exit 0 kept --out others-kept
erase 5
not_opened
# shellcheck disable=SC2046
run 0 -c erasing.yaml person keep 5 --domain customer --reason mistake $(signed yamada)
mv vault vault.away
expect_exit 0 kept --out others-kept-here
mv vault.away vault
erase 5
not_opened
expect_exit 2 kept --out erased --as-it-was
expect_exit 4 kept --out erased --as-it-was --reason lawsuit
says err "[manager-key]"
expect_exit 0 kept --out erased --as-it-was --reason lawsuit --key yamada.sign --key-passphrase-file yamada.pw
diff -r plain erased || fail "as it was is another"
run 0 -c /nonexistent open copy.age --identity reader.key --passphrase-file reader.pw --out elsewhere
head -c 2000 "$sealed" >cut.tar.age
run 5 open cut.tar.age --identity reader.key --passphrase-file reader.pw --out cut
[ -z "$(ls -d cut cut.?????? 2>/dev/null)" ] || fail "a cut container left something"
# Containers that no carry makes: a way out of the folder, a link, another kind of file.
mkdir evil evil/documents
echo x | tee evil/data.csv evil/documents/1.pdf evil/documents/.x >/dev/null
ln -s /etc/passwd evil/documents.csv
for member in '--transform=s,data,../data, data.csv' documents.csv documents/.x documents data.csv; do
    tar cf evil.tar -C evil data.csv
    # shellcheck disable=SC2086
    tar rPf evil.tar -C evil $member
    age -R reader.key.pub -o evil.age evil.tar
    run 5 open evil.age --identity reader.key --passphrase-file reader.pw --out evil-out
    [ -z "$(ls -d evil-out evil-out.?????? 2>/dev/null)" ] || fail "$member left something"
    rm -f evil.age
done
tar cf evil.tar -C evil data.csv documents/1.pdf
age -R reader.key.pub -o evil.age evil.tar
run 0 open evil.age --identity reader.key --passphrase-file reader.pw --out evil-out
cmp evil/documents/1.pdf evil-out/documents/1.pdf

# ------------------------------------------------------------------ coming back

mv R.token spent.token
first=$carry
asked sato 1 4
approved yamada
refused medium-out export_it R.token
carry=$first
refused self-confirm kura carry return "$carry" --from stick $(signed sato)
refused medium-other kura carry return "$carry" --from other $(signed suzuki)
refused role kura carry return "$carry" --destroyed --note burnt $(signed tanaka)
[ -e "$sealed" ] || fail "a refused return erased the container"
back "$carry" stick
grep -q "$carry" certificate && grep -q "鈴木 花子" certificate || fail "the certificate"
[ "$(ls stick | grep -v lost+found)" = kura-label.txt ] || fail "the medium still holds $(ls stick)"
refused carry-state kura carry return "$carry" --from stick $(signed suzuki)

# ------------------------------------------------------------------ two approvers, and quotas

asked sato 1 16 # 24 persons
approved yamada
refused second-approver export_it R.token
cp R.token one.token
approved yamada
refused second-approver export_it one.token R.token
token=two.token approved suzuki "${by_deputy[@]}"
expect_exit 0 export_it one.token two.token
kura carry show "$carry" --json >out
json '.approvers == ["yamada", "suzuki"]'
refused quota-bearer ask sato 21 40 --medium M-002 # 30 others
says err "54, and the policy allows 40"
back "$carry" stick
asked sato 21 40 # what is back counts in the window alone: 24 and 30 are 54 of 60
refused rolling-bearer ask sato 41 65 # 37 and the first 24
says err "61, and the policy allows 60"

# ------------------------------------------------------------------ no, after all

asked sato 1 2
run 0 carry deny R.request $(signed yamada) --note "not now" --out no.word
expect_exit 0 kura carry deny no.word
state "$carry" denied
[ ! -e "state/carry/$carry/artefact" ] || fail "what was denied is still staged"
asked sato 1 2
approved yamada
expect_exit 0 kura carry revoke R.token $(signed yamada)
state "$carry" revoked
refused token-spent export_it R.token
asked sato 1 2
refused role kura carry deny "$carry" $(signed tanaka)
expect_exit 0 kura carry deny "$carry" $(signed suzuki)
state "$carry" denied

# ------------------------------------------------------------------ a zip for Windows desks

asked sato 1 4 --documents --zip
approved yamada
refused passphrase-place kura carry export R.token --to stick $(signed sato) --passphrase-out stick/kura-pw
code=0
kura carry export R.token --to stick $(signed sato) >stick/.kura-C-pw.partial 2>err || code=$?
[ "$code" = 4 ] && [ ! -s stick/.kura-C-pw.partial ] || fail "the passphrase could go onto the medium ($code)"
says err "[passphrase-place]"
rm stick/.kura-C-pw.partial
expect_exit 0 kura carry export R.token --to stick $(signed sato) --passphrase-out zip.pw.age
[ ! -e stick/kura-pw ] || fail "the passphrase is on the medium"
run 0 open zip.pw.age --identity reader.key --passphrase-file reader.pw
7z x -y "-p$(cat out)" -ozip "stick/kura-$carry.zip" >zip.log || fail "7z does not open the zip"
tar tf "zip/$carry.tar" >names
grep -qx documents/000001.pdf names || fail "the zip's contents"
7z l "stick/kura-$carry.zip" >names
! grep -qE 'csv|documents' names || fail "names of files show"

# ------------------------------------------------------------------ lost, found, a copy of the medium

refused carry-state kura carry lost "$first"
says err "the loss is NOT recorded"
expect_exit 0 kura carry lost "$carry" --note 電車に置き忘れた --out report
grep -q 調査中 report && grep -q "佐藤 次郎" report && grep -q "6 人" report || fail "the report"
state "$carry" lost
expect_exit 0 kura carry found "$carry"
# Also where no carry is allowed, because the policy cannot be used; and with a key, too.
echo "# edited" >>policy.yaml
expect_exit 0 kura carry lost "$carry" $(signed sato)
says out "個人情報保護法"
expect_text "the login says who it was"
cp good.yaml policy.yaml
state "$carry" lost
expect_exit 0 kura carry found "$carry"
expect_exit 0 kura carry lost "$carry"
says out "個人情報保護法"
state "$carry" lost
expect_exit 0 kura carry return "$carry" --destroyed --note 破砕した $(signed yamada)
says out "破砕した"
state "$carry" erased
rm -f stick/kura-C-*
asked sato 1 2
approved yamada
umount stick && cp stick.img clone.img && disk_mount stick
expect_exit 0 export_it R.token
back "$carry" stick
asked sato 1 2
approved yamada
umount stick && cp clone.img stick.img && disk_mount stick
refused medium-label export_it R.token
expect_exit 0 kura medium label --path stick --id M-001
expect_exit 0 export_it R.token
refused medium-out kura medium label --path stick --id M-001
back "$carry" stick

# ------------------------------------------------------------------ the gate as a service

asked sato 1 2
approved yamada
cp R.token waiting.token
cp kura.yaml served.yaml
echo "gate: gate.sock" >>served.yaml
"$KURA" -c served.yaml gate serve 2>gate.err &
gate=$!
at_exit=("kill $gate 2>/dev/null" "${at_exit[@]}")
eventually [ -S gate.sock ] || fail "the gate does not open"
chmod 755 "$work" && chmod 666 gate.sock && chmod 777 stick
[ "$(stat -c %a gate.sock)" = 666 ]
as() { # USER ARGUMENT...: a login of the policy, with its own copies of what it needs
    local user=$1
    shift
    (cd "desk-$user" && setpriv --reuid "$user" --regid nogroup --clear-groups \
        "$KURA" -c "$work/served.yaml" "$@")
}
for user in daemon news backup; do
    mkdir "desk-$user"
    cp sato.sign sato.pw tanaka.sign tanaka.pw suzuki.sign suzuki.pw waiting.token "desk-$user"
    chown -R "$user:" "desk-$user"
done
chmod 644 served.yaml
request=(carry request --data-set visits --param from=1 --param to=2 --purpose 出張点検
    --destination laptop --medium M-002 --return-by "$due" --out R.request)
expect_exit 4 as backup "${request[@]}" $(signed sato)
says err "[caller]"
expect_exit 4 as news "${request[@]}" $(signed sato)
says err "[other-bearer]"
expect_exit 0 as news "${request[@]}" $(signed tanaka)
expect_exit 4 as news carry export waiting.token --to "$work/stick" $(signed tanaka)
says err "[other-bearer]"
expect_exit 4 as news medium enrol --path "$work/other" --id M-003
says err "[role]"
expect_exit 0 as daemon carry export waiting.token --to "$work/stick" $(signed sato)
expect_exit 0 as daemon carry list --json
json '[.carries[] | select(.state == "out")] | length == 1'
carry=$(jq -r '.carries[] | select(.state == "out").id' out)
expect_exit 0 as daemon carry lost "$carry"
says out 調査中
kill "$gate"
wait "$gate" || fail "the gate did not end well: $(cat gate.err)"
jq -e 'select(.event == "carry.lost") | .by' state/audit/log | tail -1 | grep -qx '"sato"' || fail "who lost it"
expect_exit 0 kura carry found "$carry"
back "$carry" stick

# ------------------------------------------------------------------ asked for on a terminal

rm -f R.request
PW=$(cat sato.pw) expect -c 'set timeout 60; log_user 1
    spawn $env(KURA) -c kura.yaml carry request --key sato.sign --medium M-002
    expect "Data set"; send "1\r"; expect "from (a whole number)"; send "one\r"
    expect "from (a whole number)"; send "1\r"; expect "to (a whole number)"; send "2\r"
    expect "documents, too"; send "y\r"; expect "Purpose"; send "\r"; expect "Destination"; send "laptop\r"; expect "Back by"; send "\r"
    expect "File for the request"; send "R.request\r"; expect -re "assphrase.*:"; send "$env(PW)\r"
    expect eof; lassign [wait] - - - code; exit $code' >out || fail "the questions"
says out "3 persons in 4 rows, 2 documents"
rm -f R.token
PW=$(cat yamada.pw) expect -c 'set timeout 60
    spawn $env(KURA) carry approve R.request --out R.token
    expect "File of your signing key"; send "yamada.sign\r"
    expect -re "assphrase.*:"; send "$env(PW)\r"; expect "Approve this?"; send "n\r"
    expect eof; lassign [wait] - - - code; exit $code' >out && fail "no was taken for yes"
[ ! -e R.token ] || fail "no was taken for yes"

# ------------------------------------------------------------------ a newer policy, and an older one

asked sato 1 2
approved yamada
write_policy 2
run 0 policy sign policy.yaml $(signed yamada)
refused token-policy export_it R.token
cp good.yaml policy.yaml
run 0 policy sign policy.yaml $(signed yamada)
refused policy-rolled-back ask sato 1 2
write_policy 2
run 0 policy sign policy.yaml $(signed yamada)
expect_exit 0 kura medium retire M-002
expect_exit 0 kura medium list --json
json '.[] | select(.id == "M-002").status == "retired"'

# ------------------------------------------------------------------ the books

expect_exit 0 kura audit verify
refusals=$(kura audit show --json --event carry.refuse | jq length)
((refusals > 25)) || fail "only $refusals refusals are in the log"
! grep -qE '山田 太郎|花子 [0-9]|090-' state/audit/log || fail "a customer's name is in the log"
for event in policy.root policy medium.enrol carry.request carry.approve carry.reserve carry.write \
    carry.out carry.return carry.erase carry.lost carry.found carry.deny carry.revoke medium.label medium.retire; do
    grep -q "\"event\":\"$event\"" state/audit/log || fail "$event is not in the log"
done
cp -a state state.old
asked sato 1 2
expect_exit 0 kura backup
mv state state.new && cp -a state.old state # spent tokens would be fresh again
asked sato 1 2
approved yamada
refused anchor-ahead export_it R.token
rm -rf state && mv state.new state
sed -i 's/^anchor_age: 36h/anchor_age: 1s/; s/^version: 2/version: 3/' policy.yaml
run 0 policy sign policy.yaml $(signed yamada)
asked sato 1 2
approved yamada
sleep 2.1 # of whole seconds, more than one
refused anchor-old export_it R.token
write_policy 4
run 0 policy sign policy.yaml $(signed yamada)
expect_exit 0 kura backup
mv vault vault.away
asked sato 1 2
approved yamada
expect_exit 0 export_it R.token # the log itself knows how old the newest anchor is
echo "carry: asked, approved, carried, opened, brought back; and refused by its rule what must be"
