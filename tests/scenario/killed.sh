#!/usr/bin/env bash
# backup and restore killed with -9 at random times, again and again: earlier snapshots stay
# restorable, the repository checks clean, the next run succeeds, and nothing is lost.
source "$(dirname "$0")/lib.sh"
in_memory
rounds=${KURA_KILL_ROUNDS:-12}

"$scripts/sample-shop" "$work/shop"
head -c 60000000 /dev/urandom >"$work/shop/documents/large.tif"
configure
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
echo first >"$work/shop/documents/first.txt"
expect_exit 0 kura backup
first=$(kura snapshots --json | jq -r '.[0].id')
cp -a "$work/shop" "$work/shop.first"

killed=0
for round in $(seq "$rounds"); do
    head -c 30000000 /dev/urandom >"$work/shop/documents/new-$round.tif"
    sqlite3 "$work/shop/customers.db" "INSERT INTO customers(name) VALUES('round $round')"
    "$KURA" -c "$work/kura.yaml" backup >/dev/null 2>&1 &
    sleep "0.$((RANDOM % 60 + 10))"
    kill -9 $! 2>/dev/null && killed=$((killed + 1))
    wait $! 2>/dev/null || true
    if ((round % 4 == 0)); then
        expect_exit 0 kura check --read-data
        expect_exit 0 kura backup
    fi
done
((killed > 0)) || fail "nothing was killed"
# What a kill left unfinished is nobody's, and is told.
printf half >"$(find "$work/vault/packs" -name '?*' -type f | head -1).0123abcd.tmp"
printf half >"$work/vault/index/00.0123abcd.tmp"
expect_exit 0 kura check --json
json "[.unfinished, .unfinished_bytes] == [$(find "$work/vault" -name '*.tmp' -printf '1 %s\n' |
    awk '{ files += $1; bytes += $2 } END { print files "," bytes }')] and .problems == []"
expect_exit 0 kura check
says out "left by killed runs or being written now: "
find "$work/vault" -name '*.tmp' -delete
expect_exit 0 kura check
! grep -q "killed runs" "$work/out" || fail "unfinished files are told where none are"
expect_exit 0 kura backup
expect_exit 0 kura check --read-data --kit "$work/kit.txt" --passphrase-file "$work/pw"
[ -z "$(grep -rl 'CREATE TABLE customers' "$work/state" "$work/vault" 2>/dev/null)" ] || fail "plaintext was left"

# restore, killed and run again, goes on.
interrupted=0
while ((interrupted < 4)); do
    "$KURA" restore --kit "$work/kit.txt" --passphrase-file "$work/pw" --target "$work/restored" \
        >/dev/null 2>&1 &
    sleep "0.$((RANDOM % 40 + 10))"
    kill -9 $! 2>/dev/null || true
    if wait $! 2>/dev/null; then
        rm -rf "$work/restored" # it was faster than the kill
    else
        interrupted=$((interrupted + 1))
    fi
done
expect_exit 0 restore_with_kit "$work/restored"
same_tree "$work/shop/documents" "$work/restored/documents"
same_database "$work/shop/customers.db" "$work/restored/customers/customers.db"
expect_exit 0 restore_with_kit "$work/restored.first" --snapshot "$first"
same_tree "$work/shop.first/documents" "$work/restored.first/documents"

# Two backups at the same time, and a restore beside them.
"$KURA" -c "$work/kura.yaml" backup >"$work/one" 2>&1 &
one=$!
"$KURA" -c "$work/kura.yaml" backup >"$work/two" 2>&1 &
two=$!
expect_exit 0 restore_with_kit "$work/beside" --snapshot "$first"
wait $one || fail "one of two backups failed: $(cat "$work/one")"
wait $two || fail "one of two backups failed: $(cat "$work/two")"
expect_exit 0 kura check
echo "killed: $killed kills of backup, four of restore, and nothing lost"
