#!/usr/bin/env bash
# A writer hammers the database with transfers that keep a sum constant while backups run: each
# restored copy is sound, has the sum, and has the rows that the snapshot counted.
source "$(dirname "$0")/lib.sh"
in_memory
rounds=${KURA_LIVE_ROUNDS:-5}

mkdir -p "$work/shop/documents"
hammer() { # DATABASE: transfers until killed
    exec python3 - "$1" <<'PYTHON'
import random
import sqlite3
import sys

shop = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
while True:
    a, b, yen = random.randrange(1, 2001), random.randrange(1, 2001), random.randrange(100)
    shop.execute("BEGIN IMMEDIATE")
    shop.execute("UPDATE account SET yen = yen - ? WHERE id = ?", (yen, a))
    shop.execute("INSERT INTO transfer(a, b, yen) VALUES(?, ?, ?)", (a, b, yen))
    shop.execute("UPDATE account SET yen = yen + ? WHERE id = ?", (yen, b))
    shop.execute("COMMIT")
PYTHON
}

for mode in WAL DELETE; do
    rm -rf "$work"/{shop/customers.db*,state,host.key,kit.txt,kit_login.pub,pw,vault}
    sqlite3 "$work/shop/customers.db" >/dev/null <<SQL
PRAGMA journal_mode = $mode;
CREATE TABLE account (id INTEGER PRIMARY KEY, yen INT, note TEXT);
CREATE TABLE transfer (id INTEGER PRIMARY KEY, a INT, b INT, yen INT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO account SELECT i, 1000, hex(randomblob(500)) FROM n;
SQL
    configure
    expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
    hammer "$work/shop/customers.db" &
    writer=$!
    at_exit+=("kill $writer 2>/dev/null")
    for round in $(seq "$rounds"); do
        expect_exit 0 kura backup
        rows=$(kura snapshots --json | jq '.[-1].sources[0].rows.transfer')
        rm -rf "$work/restored"
        expect_exit 0 restore_with_kit "$work/restored" --source customers
        copy=$work/restored/customers/customers.db
        [ "$(sqlite3 "$copy" 'PRAGMA integrity_check')" = ok ] || fail "the copy is damaged"
        [ "$(sqlite3 "$copy" 'SELECT sum(yen) FROM account')" = 2000000 ] || fail "the sum is lost"
        [ "$(sqlite3 "$copy" 'SELECT count(*) FROM transfer')" = "$rows" ] || fail "the count is not the copy's: $rows"
    done
    kill -0 "$writer" || fail "the writer was disturbed"
    kill "$writer"
    wait "$writer" 2>/dev/null || true
done
echo "sqlite live: $rounds backups in each journal mode under a writer"
