#!/usr/bin/env bash
# Hosts come and go: a new machine takes the repository over with the kit, a stolen host key is
# revoked, a dropped or rolled-back storage is noticed, and without a root of trust a restore says so.
source "$(dirname "$0")/lib.sh"
in_memory

"$scripts/sample-shop" "$work/shop"
configure
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
expect_exit 0 kura backup
cp -a "$work/vault" "$work/vault.week-ago"
sqlite3 "$work/shop/customers.db" "INSERT INTO customers(name) VALUES('later')"
expect_exit 0 kura backup
code=$(kura snapshots | grep -oE '[A-Z2-9]{4}-[A-Z2-9]{4}' | tail -1)
[ -n "$code" ] || fail "no head code"

stolen=$(kura host list --json | jq -r '.[0].key')

# The machine died: another one takes over with the kit, under a key of its own.
mv "$work/host.key" "$work/stolen.key"
rm -rf "$work/state"
expect_exit 0 kura host add --kit "$work/kit.txt" --passphrase-file "$work/pw"
cmp -s "$work/host.key" "$work/stolen.key" && fail "the old host key came back"
expect_exit 0 kura backup
expect_exit 0 kura check

# The thief writes with the stolen key; once it is revoked its words count for nothing.
expect_exit 0 kura host revoke "$stolen" --kit "$work/kit.txt" --passphrase-file "$work/pw"
mkdir "$work/thief"
sed -e "s|host\.key|$work/stolen.key|; s|state: state|state: $work/thief/state|" "$work/kura.yaml" >"$work/thief.yaml"
"$KURA" -c "$work/thief.yaml" backup >/dev/null 2>&1 || true
count=$(kura snapshots --json 2>/dev/null | jq length)
((count == 3)) || fail "$count snapshots instead of 3 after a stolen key wrote"

# Freshness: the code matches the storage as it was, and not as it was rolled back.
expect_exit 0 restore_with_kit "$work/fresh" --source customers
mv "$work/vault" "$work/vault.now"
mv "$work/vault.week-ago" "$work/vault"
expect_exit 5 restore_with_kit "$work/stale" --expect-head "$code"
expect_exit 0 restore_with_kit "$work/stale2" --source customers
rm -rf "$work/vault"
mv "$work/vault.now" "$work/vault"

# A dropped statement is an alarm.
dropped=$(find "$work/vault/statements" -type f -printf '%T@ %p\n' | sort -n | head -1 | cut -d' ' -f2)
mv "$dropped" "$work/dropped"
expect_exit 5 kura check
mv "$work/dropped" "$dropped"

# The storage has lost what says which repository it is, and no machine is left that kept a copy: the
# kit writes it anew. Not where hosts/ is lost, too, for then nobody shows which secret is the right one.
mv "$work/host.key" "$work/host.key.lost"
rm -r "$work/state" "$work/vault/repository"
mv "$work/vault/hosts" "$work/hosts.away"
mkdir "$work/vault/hosts"
expect_exit 0 kura host add --kit "$work/kit.txt" --passphrase-file "$work/pw"
[ ! -d "$work/vault/repository" ] || fail "described without a proof of its secret"
rm -r "$work/vault/hosts" "$work/host.key"
mv "$work/hosts.away" "$work/vault/hosts"
expect_exit 0 kura host add --kit "$work/kit.txt" --passphrase-file "$work/pw"
says err "it was stored anew"
[ "$(find "$work/vault/repository" -type f | wc -l)" = 1 ] || fail "repository/ was not written anew"
expect_exit 0 kura snapshots
expect_exit 0 restore_with_kit "$work/described" --source customers
expect_exit 0 kura backup

# A damaged pack: named, and all that does not need it still comes back.
pack=$(find "$work/vault/packs" -type f -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2)
chmod u+w "$pack"
printf 'X' | dd of="$pack" bs=1 seek=5000 conv=notrunc status=none
expect_exit 5 kura check --read-data
expect_text "$(basename "$pack")"
echo "recovery: take-over, a lost description, revocation, freshness, drops, damage"
