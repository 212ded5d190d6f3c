#!/usr/bin/env bash
# Losses between two nights: the night that meets them publishes a whole snapshot and says what is
# lost. Who joins later can read, who is revoked sends nothing, and what vanishes is missed.
source "$(dirname "$0")/lib.sh"
in_memory

mkdir vault
make_shop
for table in $(seq 40); do # enough of one kind of text for a dictionary
    sqlite3 "$work/shop/customers.db" "INSERT INTO customers(name, phone) SELECT name, phone FROM customers LIMIT 500"
done
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"

# Stores an index by somebody who has the host key: packs, as lines "id size" say, with a chunk in each.
plant_index() {
    python3 -c '
import ctypes, ctypes.util, hashlib, os, re, struct, sys
sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
sodium.sodium_init()
words = open("host.key").read()
secret, repository = (bytes.fromhex(re.search(name + r": (\w+)", words)[1]) for name in ("secret", "repository"))
packs = [line.split() for line in sys.stdin]
body = struct.pack("<I", len(packs))
for id, size in packs:
    body += bytes.fromhex(id) + struct.pack("<QI", int(size), 1) + os.urandom(16) + struct.pack("<II", 0, 100)
plain = struct.pack("<Q", len(body)) + body
size = 1 << (len(plain) + 52).bit_length()
plain += bytes(size - 52 - len(plain))
key = hashlib.blake2b(b"kura/1 seal index", key=secret, digest_size=32).digest()
nonce, data = os.urandom(24), b"kura/1 index\n" + repository
sealed, length = ctypes.create_string_buffer(len(plain) + 16), ctypes.c_ulonglong()
sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, ctypes.byref(length), plain,
    ctypes.c_ulonglong(len(plain)), data, ctypes.c_ulonglong(len(data)), None, nonce, key)
lie = b"kura/1 seal\n" + nonce + sealed.raw
name = hashlib.blake2b(lie, digest_size=32).hexdigest()
open("vault/index/" + name, "wb").write(lie)
print(name)'
}

# The newest snapshot, whole.
restores() { # AFTER WHAT [EXIT CODE]
    rm -rf "$work/back"
    expect_exit "${2:-0}" restore_with_kit "$work/back"
    same_database "$work/shop/customers.db" "$work/back/customers/customers.db"
    diff -r --exclude=a.tmp "$work/shop/documents" "$work/back/documents" || fail "$1: documents"
}

for night in 1 2 3; do
    head -c 1500000 /dev/urandom >"$work/shop/documents/$night"
    sqlite3 "$work/shop/customers.db" "UPDATE customers SET phone = '$night' WHERE id % 50 = $night"
    expect_exit 0 kura backup
done

# Every index vanishes. What they said stands in the packs as well: old snapshots are whole, and the
# next night's index says it again, with nothing sent twice.
oldest=$(kura snapshots --json | jq -r '.[0].id')
restore_oldest() { # AFTER WHAT [EXIT CODE]
    rm -rf "$work/old"
    expect_exit "${2:-0}" restore_with_kit "$work/old" --snapshot "$oldest"
    cmp "$work/shop/documents/1" "$work/old/documents/1" || fail "$1: the oldest snapshot"
}
rm "$work"/vault/index/*
restore_oldest "lost indexes"
expect_exit 5 kura check --json --kit "$work/kit.txt" --passphrase-file "$work/pw"
json '.found_packs == .packs and .unused_packs == 0 and all(.problems[]; .object | startswith("index/"))'
says err "in the packs' own directories"
before=$(du -sb "$work/vault/packs" | cut -f1)
expect_exit 5 kura backup
says err "An index that was stored is missing"
says out "is complete"
after=$(du -sb "$work/vault/packs" | cut -f1)
((after - before < 100000)) || fail "lost indexes: $((after - before)) bytes were sent again"
restores "lost indexes"
expect_exit 5 kura check --json
json '.found_packs == 0 and all(.problems[]; .object | startswith("index/"))'
# Damaged in place: the same, by whoever reads it.
damaged=$(ls "$work"/vault/index/*)
chmod u+w "$damaged"
printf 'garbage' | dd of="$damaged" bs=1 seek=100 conv=notrunc status=none
restore_oldest "a damaged index"
expect_exit 5 kura backup
says out "is complete"
restores "a damaged index"
restore_oldest "a damaged index, later"

# And if somebody who has the host key says of each pack something else, too.
cp -a "$work/vault" "$work/vault.good"
rm "$work"/vault/index/*
for pack in vault/packs/*/*; do
    echo "$(basename "$pack" | cut -c-64) $(stat -c %s "$pack")"
done | plant_index >/dev/null
restore_oldest "lost indexes and a lie"
rm -rf "$work/vault"
mv "$work/vault.good" "$work/vault"

# The machine is gone, and hosts/ with it: nothing proves the origin, and the data come all the same.
mv "$work/vault/hosts" "$work/hosts.away"
rm -rf "$work/old"
expect_exit 5 restore_with_kit "$work/old"
says err "with --untrusted"
expect_exit 5 restore_with_kit "$work/old" --untrusted
same_database "$work/shop/customers.db" "$work/old/customers/customers.db"
mv "$work/hosts.away" "$work/vault/hosts"

# What only `init` and the recovery key could make is kept here, too. Without its description the
# repository still opens for a kit; without keys/ nobody but this machine can put that right.
for folder in repository hosts keys; do
    expect_exit 0 kura backup
    rm -r "$work/vault/$folder"
    [ "$folder" != repository ] || restore_oldest "lost repository/" 5
    expect_exit 5 kura backup
    says err "problem: $folder/"
    says out "is complete"
    restores "lost $folder/"
    expect_exit 0 kura backup
done
# Without the description many statements of nobody, and a secret that somebody made up, keep nobody out.
cp -a "$work/vault" "$work/vault.good"
cp -a "$work/state" "$work/state.good"
description=$(ls "$work"/vault/repository/*)
repository=$(tail -c +65 "$description" | jq -r .repository)
mapfile -t recipients < <(tail -c +65 "$description" | jq -r '.recipients[]')
plant() {
    python3 - "$repository" "${recipients[@]}" <<'PY'
import ctypes, ctypes.util, hashlib, os, struct, subprocess, sys
sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
sodium.sodium_init()
for i in range(40):
    junk = os.urandom(200)
    open("vault/statements/" + hashlib.blake2b(junk, digest_size=32).hexdigest(), "wb").write(junk)
secret = os.urandom(32)
key = hashlib.blake2b(b"kura/1 seal statement", key=secret, digest_size=32).digest()
body = b"x" * 300
plain = struct.pack("<Q", len(body)) + body + bytes(700)
nonce, data = os.urandom(24), b"kura/1 statement\n" + bytes.fromhex(sys.argv[1])
sealed = ctypes.create_string_buffer(len(plain) + 16)
size = ctypes.c_ulonglong()
sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, ctypes.byref(size), plain, ctypes.c_ulonglong(len(plain)),
    data, ctypes.c_ulonglong(len(data)), None, nonce, key)
made = b"kura/1 seal\n" + nonce + sealed.raw
open("vault/statements/" + hashlib.blake2b(made, digest_size=32).hexdigest(), "wb").write(made)
to = [word for recipient in sys.argv[2:] for word in ("-r", recipient)]
subprocess.run(["age", *to, "-o", "vault/keys/" + "0" * 32], input=secret, check=True)
PY
}
rm -r "$work/vault/repository"
plant
restores "a made-up secret" 5
expect_exit 5 kura backup
says out "is complete"
restores "a made-up secret, healed" 5
rm -rf "$work/vault" "$work/state"
mv "$work/vault.good" "$work/vault"
mv "$work/state.good" "$work/state"

object=$(ls "$work"/vault/keys/*)
chmod u+w "$object"
printf 'garbage' | dd of="$object" bs=1 seek=300 conv=notrunc status=none
expect_exit 5 kura backup
says err "sealed secret"
restores "damaged keys/" 5
rm -f "$object"
expect_exit 0 kura backup

# All packs vanish, the dictionary's among them.
find "$work/vault/packs" -type f -delete
expect_exit 5 kura backup
says err "problem: packs/"
says out "is complete"
restores "lost packs"
expect_exit 0 kura backup
restores "the night after"

# Only the pack in which the dictionary is, while the database is written anew.
newest=$(ls -t "$work/vault/snapshots" | head -1)
key=$(kura open "$work/vault/snapshots/$newest" --kit "$work/kit.txt" --passphrase-file "$work/pw" |
    jq -r '.sources[] | select(.name == "customers").dictionaries[0].key')
pack=$(sqlite3 "$work/state/state.db" "SELECT lower(hex(pack.id)) FROM chunk JOIN pack ON pack.no = chunk.pack
    WHERE lower(hex(chunk.key)) = '$key'")
rm "$work/vault/packs/${pack:0:2}/$pack"*
sqlite3 "$work/shop/customers.db" "UPDATE customers SET phone = phone || 'x' WHERE id % 3 = 0; VACUUM"
expect_exit 5 kura backup
restores "lost dictionary"

# Half of every pack is garbage of the same length.
find "$work/vault/packs" -type f | while read -r pack; do
    chmod u+w "$pack"
    size=$(stat -c %s "$pack")
    head -c $((size / 2)) /dev/urandom | dd of="$pack" conv=notrunc status=none
done
expect_exit 5 kura backup
restores "damaged packs"

# What is remembered on this machine is damaged: told, and everything read anew.
expect_exit 0 kura backup
memory=$(find "$work/state" -maxdepth 1 -name 'memory-*')
printf 'garbage' | dd of="$memory/documents.hashes" bs=1 seek=40 conv=notrunc status=none
expect_exit 5 kura backup
restores "damaged memory"
expect_exit 0 kura backup

# A damaged state leaves no copy of its keys.
printf 'garbage' | dd of="$work/state/state.db" bs=1 seek=0 conv=notrunc status=none
expect_exit 5 kura backup
[ -z "$(find "$work/state" -name '*damaged*')" ] || fail "the damaged state is still there"
restores "damaged state"
expect_exit 0 kura backup

# So is one whose header names a format that SQLite would read and never write, as no night could be
# recorded in it, or one of the schema that it does not know.
for byte in 18 47; do
    printf '\377' | dd of="$work/state/state.db" bs=1 seek=$byte conv=notrunc status=none
    expect_exit 5 kura backup
    says err "state.db: The state is begun anew"
    expect_exit 0 kura backup
done

# A manager who joins now can read with nothing but his own key.
expect_exit 0 kura key new --role manager --out "$work/manager.key" --passphrase-file "$work/pw"
sed "s|^  state: state|&\n  recipients: [manager.key.pub]|" "$work/kura.yaml" >"$work/new.yaml"
mv "$work/new.yaml" "$work/kura.yaml"
expect_exit 0 kura backup
expect_exit 0 "$KURA" restore --identity "$work/manager.key" --passphrase-file "$work/pw" \
    --store "$work/vault" --untrusted --target "$work/managers" --source documents
diff -r --exclude=a.tmp "$work/shop/documents" "$work/managers/documents" || fail "the manager's restore"

# The newest snapshot is taken out of the storage: this machine knows better.
newest=$(kura snapshots --json 2>/dev/null | jq -r '.[-1].id')
mv "$work/vault/statements/$newest" "$work/taken"
expect_exit 5 kura snapshots
says err "$newest: the newest snapshot that this machine published is not in the storage"
expect_exit 5 kura check
says err "$newest: the newest snapshot that this machine published is not in the storage"
expect_exit 5 kura backup
says err "$newest"
restores "a dropped snapshot"

# What is gone for good is told every night, until it is accepted; what goes next is told again.
rm "$work/vault/statements/$oldest"
for night in 1 2; do
    expect_exit 5 kura backup
    says err "$oldest: missing"
done
rm "$damaged" # what is there and wrong cannot be accepted, but removed by who runs the storage
expect_exit 2 kura check --accept-losses
says err "needs a reason"
expect_exit 0 kura check --accept-losses --reason "the disk of 2026"
says err "accepted"
expect_exit 0 kura check
says err "that were accepted are not told again"
expect_exit 0 kura backup
expect_exit 0 kura snapshots
expect_exit 0 kura audit show --json
grep -q "statements/$oldest" "$work/out" || fail "the log does not say what was accepted"
# What came back is no accepted loss any more; a folder is none ever; and what this machine still has is
# stored again, so that no later snapshot needs what was accepted.
expect_exit 0 kura check
next=$(kura snapshots --json 2>/dev/null | jq -r '.[1].id')
mv "$work/vault/statements/$next" "$work/taken"
expect_exit 0 kura check --accept-losses --reason mistake
mv "$work/taken" "$work/vault/statements/$next"
expect_exit 5 kura check # what only this snapshot named and is gone is wanted again
expect_exit 0 kura check --accept-losses --reason "as before"
mv "$work/vault/statements/$next" "$work/taken"
expect_exit 5 kura check
says err "$next: missing"
mv "$work/taken" "$work/vault/statements/$next"
rm -r "$work/vault/repository"
expect_exit 5 kura check --accept-losses --reason mistake
expect_exit 5 kura backup
head -c 3000000 /dev/urandom >"$work/shop/documents/wanted"
before=$(find "$work/vault/packs" -type f | sort)
expect_exit 0 kura backup
comm -13 <(echo "$before") <(find "$work/vault/packs" -type f | sort) | sed -n 1p | xargs rm
expect_exit 0 kura check --accept-losses --reason "the disk again"
kura backup >"$work/out" 2>"$work/err" || true
rm -rf "$work/back"
expect_exit 5 restore_with_kit "$work/back" # a bare machine accepts nothing
cmp "$work/shop/documents/wanted" "$work/back/documents/wanted" || fail "an accepted loss hides what a night could heal"
mv "$work/vault/statements/$next" "$work/taken"
expect_exit 5 kura backup
says err "$next: missing"
! grep -q "$oldest" "$work/err" || fail "what was accepted is told again"
mv "$work/taken" "$work/vault/statements/$next"

# However much is lost, it is accepted at once; and it stays accepted where more is wrong than is told.
accepted=$work/state/accepted-losses
expect_exit 0 kura check
seq 1500 | while read -r number; do printf 'fade%060d 1000\n' "$number"; done | plant_index >"$work/index"
expect_exit 5 kura check
says err "more problems"
expect_exit 0 kura check --accept-losses --reason "a whole disk"
expect_exit 0 kura check
[ "$(grep -c ^packs/fa/fade "$accepted")" = 1500 ] || fail "not all losses were accepted"
sort "$accepted" >"$work/accepted"
printf 'beef%060d 1000\n' 1 | plant_index >"$work/another"
expect_exit 5 kura check
says err "problem: packs/be/beef"
rm "vault/index/$(cat "$work/another")"
for number in $(seq 1100); do printf garbage >"$(printf 'vault/statements/%064d' "$number")"; done
expect_exit 5 kura check
says err "and 100 more problems"
sort "$accepted" | cmp - "$work/accepted" || fail "losses were forgotten among many problems"
rm vault/statements/00000000*

# Whoever may not write into the state folder checks all the same, also what came back; who may not read
# it does not know what was accepted.
visitor() {
    setpriv --reuid 12345 --regid 12345 --clear-groups "$KURA" -c "$work/kura.yaml" "$@"
}
chmod -R a+rX "$work"
chmod 600 host.key
chown 12345 host.key
for _ in "all is gone" "some came back"; do
    expect_exit 3 visitor check # for it cannot be recorded
    says out "no problems found"
    rm -f "vault/index/$(cat "$work/index")"
done
sort "$accepted" | cmp - "$work/accepted" || fail "the visitor changed the state"
chmod 700 "$work/state"
expect_exit 5 visitor check
says err "$oldest: missing"
chown root host.key
expect_exit 0 kura check
! grep -q fade "$accepted" || fail "what came back is still accepted as lost"

# A revoked host is told before it sends anything.
own=$(kura host list --json | jq -r '.[] | select(.verdict == "added") | .key' | head -1)
expect_exit 0 kura host revoke "$own" --kit "$work/kit.txt" --passphrase-file "$work/pw"
head -c 3000000 /dev/urandom >"$work/shop/documents/more"
before=$(du -sb "$work/vault" | cut -f1)
expect_exit 5 kura backup
says err "This machine may not back up"
says err "${own:0:16}"
after=$(du -sb "$work/vault" | cut -f1)
((after == before)) || fail "a revoked host sent $((after - before)) bytes"
echo "healing: lost, cut and damaged packs, memory and state; joining, dropping, revoking"
