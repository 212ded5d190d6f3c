#!/usr/bin/env bash
# "latest" when the sources lie in several snapshots: after a backup of one source, and with two hosts.
source "$(dirname "$0")/lib.sh"
in_memory

make_shop
rm shop/documents/a.tmp
expect_exit 0 kura init --kit kit.txt --passphrase-file pw
expect_exit 0 kura backup
all=$(kura snapshots --json | jq -r '.[-1].id')
expect_exit 0 kura backup customers

# Without --source: what is elsewhere is told by name, and where it is.
expect_exit 3 restore_with_kit "$work/r1"
says err "documents is not in this snapshot; the newest one that holds it is ${all:0:8}"
says err "ledger is not in this snapshot"
says err "--source documents"
if grep -q "customers is not" err; then fail "told of a source that is there"; fi
[ "$(ls r1)" = customers ] || fail "another snapshot than the latest"

# With --source: the newest snapshot that holds it.
expect_exit 0 restore_with_kit "$work/r2" --source documents
says err "${all:0:8}"
same_tree shop/documents r2/documents
expect_exit 0 restore_with_kit "$work/r3" --source customers --source ledger
[ "$(ls r3)" = "customers
ledger" ] || fail "not both sources"
expect_exit 2 restore_with_kit "$work/r4" --source nosuch
# One that is named by its id is taken as it is.
expect_exit 0 restore_with_kit "$work/r5" --snapshot "$all"

# A source that failed last night comes from the night before.
sed 's/"printf", "ledger.*"\]/"false"]/' kura.yaml >failing.yaml
run 3 -c failing.yaml backup
expect_exit 3 restore_with_kit "$work/r6"
says err "failed when it was backed up"
says err "ledger is not in this snapshot; the newest one that holds it is ${all:0:8}"
expect_exit 0 restore_with_kit "$work/r7" --source ledger
[ "$(cat r7/ledger/output)" = ledger ] || fail "another ledger"

# A second host with sources of its own.
sed 's/host\.key/host2.key/; s/: state/: state2/; /^sources:/q' kura.yaml >second.yaml
echo '  - { name: branch, tree: shop/documents/2024 }' >>second.yaml
run 0 -c second.yaml host add --kit kit.txt --passphrase-file pw
run 0 -c second.yaml backup
expect_exit 3 restore_with_kit "$work/r8"
says err "customers is not in this snapshot"
expect_exit 0 restore_with_kit "$work/r9" --source customers
same_database shop/customers.db r9/customers/customers.db
# Before the second host came, nothing of it was anywhere.
time=$(kura snapshots --json | jq -r '.[1].time')
expect_exit 3 restore_with_kit "$work/r10" --before "$time"
if grep -q "branch" err; then fail "told of what came later"; fi
expect_exit 0 restore_with_kit "$work/r11" --before "$time" --source documents
echo "several_heads: nothing is hidden behind the latest snapshot"
