#!/usr/bin/env bash
# Databases and documents of one moment: a program of the shop writes a row and a document all the time, in
# both databases the same number; between the hooks it waits. Each snapshot has as many rows in both as it
# has documents. Hooks that fail, hang, or are stopped are told, and "after" runs in every case.
source "$(dirname "$0")/lib.sh"
source "$tests/support/postgres.sh"

postgres_start "$work/pg"
at_exit+=("postgres_stop '$work/pg' immediate")
createdb shop
psql -Xq -d shop -c 'CREATE TABLE visits (id int)'
mkdir -p "$work/shop/documents"
sqlite3 "$work/shop/customers.db" 'PRAGMA journal_mode = WAL; CREATE TABLE visits (id int)' >/dev/null

# The shop's program: number by number, and not while it is in maintenance.
cat >"$work/program" <<PYTHON
import os, sqlite3, subprocess, sys, time
shop = sqlite3.connect("$work/shop/customers.db", timeout=60, isolation_level=None)
server = subprocess.Popen(["psql", "-Xq", "-d", "shop"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
number = 0
while True:
    while os.path.exists("$work/maintenance"):
        open("$work/waits", "w").close()
        time.sleep(0.002)
    if os.path.exists("$work/waits"):
        os.remove("$work/waits")
    number += 1
    open(f"$work/shop/documents/{number}", "w").close()
    shop.execute("INSERT INTO visits VALUES (?)", (number,))
    server.stdin.write(f"INSERT INTO visits VALUES ({number}); SELECT 1;\n")
    server.stdin.flush()
    server.stdout.readline()
    while server.stdout.readline() != "\n":
        pass
PYTHON
cat >"$work/hook" <<SH
#!/bin/sh
echo "\$1" >>"$work/hooks"
case \$1 in
before)
    touch "$work/maintenance"
    while ! [ -e "$work/waits" ]; do sleep 0.01; done
    ;;
after) rm -f "$work/maintenance" ;;
fail) echo "the disk of the snapshot is full" >&2; exit 9 ;;
hang) sleep 60 ;;
esac
SH
chmod +x "$work/hook"

configure_together() { # BEFORE AFTER [LINE]
    configure
    cat >>"$work/kura.yaml" <<YAML
  - { name: server, postgres: "dbname=shop" }
  - { name: ledger, command: ["printf", "1"] }
together:
  sources: [documents, server, customers]
  before: ["$work/hook", $1]
  after: ["$work/hook", $2]
  ${3:-}
YAML
    rm -f "$work/hooks"
}
hooks() { # WORD...: just these ran, in this order
    [ "$(tr '\n' ' ' <"$work/hooks")" = "$* " ] || fail "hooks: $(cat "$work/hooks"), not $*"
}

configure_together before after
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
python3 "$work/program" &
program=$!
at_exit=("kill $program 2>/dev/null" "${at_exit[@]}")
for round in 1 2 3; do
    eventually test -e "$work/shop/documents/$((round * 20))"
    rm -f "$work/hooks"
    expect_exit 0 kura backup
    hooks before after
    run 0 -c kura.yaml snapshots --json
    json '.[-1] | [.sources[] | select(.together)] | length == 3'
    json '.[-1] | [.sources[] | select(.together) | .together] | unique | length == 1 and .[0].began <= .[0].ended'
    json '.[-1] | [.sources[] | .name] == ["customers", "documents", "server", "ledger"]'
    rows=$(jq '.[-1].sources[] | select(.name == "server").rows["public.visits"]' "$work/out")
    [ "$rows" = "$(jq '.[-1].sources[] | select(.name == "customers").rows.visits' "$work/out")" ] || fail "the databases differ"
    [ "$rows" = "$(jq '.[-1].sources[] | select(.name == "documents").entries - 1' "$work/out")" ] || fail "documents and rows differ"
    [ "$rows" -gt 0 ] || fail "the program does not work"
done
kill -0 "$program" || fail "the program was disturbed"
run 0 -c kura.yaml snapshots -v
says out 'taken together with others between'

# One source of the group alone: the hooks run; none of it: they do not.
rm -f "$work/hooks"
expect_exit 0 kura backup customers
hooks before after
rm -f "$work/hooks"
expect_exit 0 kura backup ledger
[ ! -e "$work/hooks" ] || fail "hooks without a source of the group"

# "before" fails: nothing of the group is taken, the rest is; "after" runs all the same.
configure_together fail after
expect_exit 3 kura backup
says err 'ended with exit code 9: the disk of the snapshot is full'
hooks fail after
run 0 -c kura.yaml snapshots --json
json '.[-1].sources | map(select(.status == "failed").name) == ["customers", "documents", "server"]'
json '.[-1].sources | all(.together == null)'

# It hangs: ended after the time-out.
configure_together hang after 'timeout: 1'
expect_exit 3 kura backup
says err 'took longer than 1 s'
hooks hang after

# "after" fails: everything is there, and it is told.
configure_together before fail
expect_exit 3 kura backup
says err '"after" of the sources'
rm -f "$work/maintenance"
run 0 -c kura.yaml snapshots --json
json '[.[-1].sources[] | select(.together) | .status] == ["warnings", "warnings", "warnings"]'

# A database that fails does not keep the others from being of one moment.
configure_together before after
sed -i 's/dbname=shop/dbname=nowhere/' "$work/kura.yaml"
expect_exit 3 kura backup
hooks before after
run 0 -c kura.yaml snapshots --json
json '[.[-1].sources[] | select(.together).name] == ["customers", "documents"]'

# Stopped while "before" works: "after" still runs.
configure_together hang after
"$KURA" -c kura.yaml backup >"$work/out" 2>"$work/err" </dev/null &
victim=$!
eventually grep -qs hang "$work/hooks"
kill -INT "$victim"
code=0
wait "$victim" || code=$?
[ "$code" = 1 ] || fail "stopped, it ended with $code"
hooks hang after

# What cannot be right is said before anything is done.
configure_together before after
sed -i 's|tree: shop/documents|tree: shop|' "$work/kura.yaml"
expect_exit 2 kura backup
says err 'they cannot be taken together'
configure_together before after
sed -i 's/sources: \[documents, server/sources: [documents, servers/' "$work/kura.yaml"
expect_exit 2 kura backup
says err 'there is no source "servers"'
echo "together: rows and documents of one moment, hooks that fail, hang and are stopped"
