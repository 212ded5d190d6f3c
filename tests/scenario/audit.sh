#!/usr/bin/env bash
# The audit log: every command is in it, no customer's name is, another program verifies it, and
# whoever edits, cuts, deletes or exchanges it is found out.
source "$(dirname "$0")/lib.sh"
in_memory

make_shop
log=$work/state/audit
key=(--kit "$work/kit.txt" --passphrase-file "$work/pw")
echo "A passphrase of the manager 7" >mpw
expect_exit 0 kura init --kit kit.txt --passphrase-file pw
events() { jq -r '.event + (if .begun then " begun" else " \(.exit)" end)' "$log/log" | tail -"${1:-1}"; }
said() { [ "$(events "$2")" = "$1" ] || fail "the log says $(events "$2" | tr '\n' ',') and not $1"; }
fact() { tail -"${2:-1}" "$log/log" | head -1 | jq -e "$1" >/dev/null || fail "not true of $(tail -1 "$log/log"): $1"; }
judge() { "$tests/support/judge-log" log "$log" "$@" >"$work/out" 2>&1 || fail "another program finds the log wrong"; }

# ---- every command leaves its record
said "init 0" 1
fact '.repository | length == 32'
fact '.user | length > 0'
expect_exit 0 kura backup
said "backup 0" 1
id=$(kura snapshots --json | jq -r '.[0].id')
fact ".snapshot == \"$id\" and .problems == 0 and .warnings == 0"
fact '.sources | map(.name + " " + .status) == ["customers complete", "documents complete", "ledger complete"]'
expect_exit 0 kura check
said "check 0" 1
fact '.problems == 0 and (.opened | not)'
expect_exit 0 kura restore --target "$work/r1" --source documents --include '*見積*' "${key[@]}"
said $'restore begun\nrestore 0' 2
fact '.patterns == 1 and .sources == ["documents"] and .files == 1 and .failed == 0'
fact ".target == \"$work/r1\" and .snapshot == \"$id\"" 2
expect_exit 0 kura dump latest 'documents:2024/05/見積 001.txt' "${key[@]}"
said $'dump begun\ndump 0' 2
fact '.source == "documents" and (.whole_source | not)' 2
expect_exit 1 kura dump latest 'documents:2024/05/山田太郎.txt' "${key[@]}"
said $'dump begun\ndump 1' 2
expect_exit 0 kura key new --role manager --out manager.key --passphrase-file mpw
said "key.new 0" 1
fact ".role == \"manager\" and .key == \"$(grep -v '#' manager.key.pub)\""
echo "Another one for the manager 8" >mpw2
expect_exit 0 kura key passwd manager.key --passphrase-file mpw --new-passphrase-file mpw2
said "key.passwd 0" 1
fact ".key == \"$(grep -v '#' manager.key.pub)\""
age -R manager.key.pub <pw >"山田太郎.age"
expect_exit 0 kura open "山田太郎.age" --identity manager.key --passphrase-file mpw2 --out opened
said $'open begun\nopen 0' 2
expect_exit 1 kura open "山田太郎.age" --identity manager.key --passphrase-file mpw --out opened2
said "open 1" 1

# ---- failures, too
sed 's/"printf", .*/"false"] }/' kura.yaml >failing.yaml
run 3 -c failing.yaml backup
said "backup 3" 1
fact '.sources[2].status == "failed"'
run 1 -c failing.yaml backup ledger
said "backup 1" 1
fact '.asked == ["ledger"] and (has("snapshot") | not)'
run 2 -c kura.yaml restore
said "backup 1" 1 # wrong words do nothing

# ---- no name of a customer, nothing but plain lines, and another program agrees
! grep -qE '山田|見積|u5c71|u898b|2024/05' "$log/log" || fail "a customer's name is in the log"
LC_ALL=C grep -qvE '^\{[ -~]*\}$' "$log/log" && fail "a line is not plain"
own=$(kura host list --json | jq -r '.[0].key')
judge "$own"
says out "kura/$(head -1 "$log/log" | jq -r .repository)"

# ---- verify: whole, and anchored
records() { wc -l <"$log/log"; }
expect_exit 0 kura backup
expect_exit 0 kura audit verify --json
json '.whole and .compared and .anchors == 3 and .newest != null'
anchored=$(jq .anchored out)
((anchored > 10 && anchored < $(records))) || fail "anchored are $anchored of $(records)"
said "audit.verify 0" 1
mv vault vault.away
expect_exit 0 kura audit verify --no-store
says out "not compared"
expect_exit 6 kura audit verify --retry 0
says out "is whole: "
mv vault.away vault

# ---- show and export
expect_exit 0 kura audit show --event 'key.*'
[ "$(grep -c 'key\.' out)" = 2 ] || fail "show --event"
grep -q 'key.passwd' out || fail "key.passwd is not shown"
says out "DETAILS"
! grep -q '^NO' out || fail "numbers without --verbose"
expect_exit 0 kura audit show -v
grep -q '^NO  *TIME' out && grep -q '^0 ' out || fail "no numbers with --verbose"
expect_exit 0 kura audit show --json --event backup
json 'length == 4 and all(.[]; .event == "backup")'
expect_exit 0 kura audit show --json --since 2001-01-01 --until 2001-02-01
json '. == []'
expect_exit 2 kura audit show --since yesterday
TZ=Asia/Tokyo LANGUAGE=ja "$KURA" -c kura.yaml audit show >out || fail "show in Japanese"
says out "+0900"
says out "日時"
expect_exit 0 kura audit export --csv --out log.csv
expect_exit 1 kura audit export --csv --out log.csv
expect_exit 2 kura audit export --out other
expect_exit 2 kura audit export --csv --json --out other
[ "$(head -c 3 log.csv | od -An -tx1)" = " ef bb bf" ] || fail "no byte order mark"
python3 - log.csv "$log/log" <<'PY' || fail "the table is not the log"
import csv, json, sys
rows = list(csv.reader(open(sys.argv[1], encoding="utf-8-sig", newline="")))
lines = [json.loads(line) for line in open(sys.argv[2])][:len(rows) - 1]
assert rows[0] == ["NO", "TIME", "EVENT", "USER", "EXIT", "DETAILS"], rows[0]
for row, line in zip(rows[1:], lines):
    assert len(row) == 6 and row[0] == str(line["n"]) and row[2] == line["event"], row
PY
expect_exit 0 kura audit export --json --out log.json
cmp <(jq -cS '.[]' log.json) <(head -"$(jq length log.json)" "$log/log" | jq -cS .) || fail "export --json"

# ---- what somebody does to it
cp -a state state.good
cp -a state.good/audit audit.good
again() { rm -rf "$log" && cp -a "$work/audit.good" "$log"; }

found() { # WORDS WHAT: verify, check, backup find it; the work is done all the same
    expect_exit 5 kura audit verify
    says err "$1"
    expect_exit 5 kura audit show
    expect_exit 5 kura check
    says err "$1"
    expect_exit 5 kura backup
    says err "$1"
    says out "is complete"
    rm -rf "$work/again"
    expect_exit 5 kura restore --target "$work/again" --source customers "${key[@]}"
    says err "$1"
    same_database shop/customers.db again/customers/customers.db
    again
}
sed -i '3s/"exit":0/"exit":1/' "$log/log"
found "at least one of them was changed" edited
sed -i 4d "$log/log"
found "where record 3 should be, stands number 4" removed
sed -i '$d' "$log/log"
found "cut off" truncated
tail -1 "$log/log" >>"$log/log"
found "something behind record" added
rm "$log/log"
found "the log is gone" deleted
sed -i '2s/.*/3/' "$log/checkpoint"
found "signature" "another size in the checkpoint"

# Everything is exchanged for an old copy, or is gone: only the storage knows better.
expect_exit 0 kura backup
rm -rf audit.good
cp -a "$log" audit.good
for _ in 1 2; do expect_exit 0 kura backup; done
again
expect_exit 5 kura audit verify
says err "was cut off, deleted, or restored from an old copy"
expect_exit 5 kura audit verify --json
json '(.whole | not) and .wrong_size > .records'
expect_exit 0 kura audit verify --no-store
expect_exit 5 kura backup
says err "restored from an old copy"
says out "is complete"
rm -rf "$log"
expect_exit 1 kura audit verify --no-store
expect_exit 5 kura audit verify
says err "the audit log has 0 records"

# The same number of records, but other ones.
for _ in $(seq 40); do expect_exit 1 kura open nothing --kit nothing; done
expect_exit 5 kura audit verify
says err "are not what they were then"

# ---- a new host key begins a new log, and keeps the old one
mv host.key host.old
expect_exit 0 kura host add "${key[@]}"
says err "audit log of the earlier host key is kept"
said "host.add 0" 1
[ "$(records)" = 1 ] && [ "$(wc -l <state/audit-until-*/log)" -ge 40 ] || fail "the logs were not kept apart"
expect_exit 0 kura backup
expect_exit 0 kura audit verify
expect_exit 0 kura host revoke "$own" "${key[@]}"
said "host.revoke 0" 1
fact ".host == \"$own\" and .from_sequence > 0"

# A checkpoint by another key.
cp -a "$log" audit.new
cp state/audit-until-*/checkpoint "$log/checkpoint"
expect_exit 5 kura audit verify --no-store
rm -rf "$log" && mv audit.new "$log"

# ---- a log that cannot be written stops nothing, and is told
rm -rf audit.good && mv "$log" audit.good
echo "in the way" >"$log"
expect_exit 3 kura backup
says err "this is not recorded"
says out "is complete"
rm "$log" && mv audit.good "$log"

# ---- a bare machine has none, and says so when asked
expect_exit 0 restore_with_kit "$work/bare"
! grep -q "audit" err || fail "a bare machine speaks of its audit log"
expect_exit 0 restore_with_kit "$work/bare2" --verbose
says err "Nothing is recorded in an audit log"

# ---- many at once
before=$(records)
for n in $(seq 8); do
    "$KURA" -c kura.yaml open nothing --kit nothing >/dev/null 2>"err.$n" &
done
wait
(($(records) == before + 8)) || fail "$(records) records, not $((before + 8)): $(cat err.*)"
expect_exit 0 kura audit verify
judge
echo "audit: recorded, anonymous, verified by another program, and every change found"
