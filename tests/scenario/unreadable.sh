#!/usr/bin/env bash
# Objects that are there and that the storage cannot read, as with a bad sector: whatever does not
# need them is restored and backed up all the same. Over SFTP a folder in an object's place is such
# a one: it opens, and fails when it is read.
source "$(dirname "$0")/lib.sh"
in_memory
source "$tests/support/sshd.sh"

mkdir "$work/shop"
make_database "$work/shop/customers.db"
make_documents "$work/shop/documents"
sshd_start "$work/server" ordinary
at_exit+=("sshd_stop '$work/server'")
vault=$work/server/data/vault
configure "sftp://$SFTP_USER@127.0.0.1:$SFTP_PORT$vault" \
    "      identity_file: $work/server/user_ed25519
      known_hosts: $work/server/known_hosts"
age-keygen -o "$work/manager.txt" 2>/dev/null
age-keygen -y "$work/manager.txt" >"$work/manager.pub"
sed -i 's|^  state: state|&\n  recipients: [manager.pub]|' "$work/kura.yaml"
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
expect_exit 0 kura backup
before=$(ls -d "$vault"/packs/*/*)
head -c 12000000 /dev/urandom >"$work/shop/documents/alone.bin" # more than a pack
expect_exit 0 kura backup
alone=$(comm -13 <(echo "$before") <(ls -d "$vault"/packs/*/*) | xargs ls -tr | head -1)

hide() { # OBJECT...
    for object; do
        mkdir -p "$work/hidden/$(dirname "$object")"
        mv "$object" "$work/hidden/$object"
        mkdir "$object"
    done
}
show() { # OBJECT...
    rmdir "$@"
    for object; do mv "$work/hidden/$object" "$object"; done
}

# A pack: its files are missing and named, all others come.
hide "$alone"
run 3 -c "$work/kura.yaml" restore -i "$work/manager.txt" --target "$work/back"
says err "alone.bin"
[ ! -e "$work/back/documents/alone.bin" ] || fail "a file came out of nothing"
same_database "$work/shop/customers.db" "$work/back/customers/customers.db"
diff -r --exclude=a.tmp --exclude=alone.bin "$work/shop/documents" "$work/back/documents" || fail "other documents"
expect_exit 5 kura check --read-data --json
says err "packs/${alone: -67}"
json ".packs_read == .packs - 1"
show "$alone"

# An index and a statement: told, and passed over.
objects=("$(ls -t "$vault"/index/* | head -1)" "$(ls -tr "$vault"/statements/* | head -1)")
hide "${objects[@]}"
rm -rf "$work/back"
expect_exit 5 kura restore -i "$work/manager.txt" --target "$work/back"
same_database "$work/shop/customers.db" "$work/back/customers/customers.db"
expect_exit 5 kura backup
says out "is complete"
show "${objects[@]}"

# Every pack: a night stores anew what is in them.
mapfile -t packs < <(ls -d "$vault"/packs/*/*)
hide "${packs[@]}"
expect_exit 5 kura backup
says out "is complete"
rm -rf "$work/back"
expect_exit 0 kura restore -i "$work/manager.txt" --target "$work/back"
diff -r --exclude=a.tmp "$work/shop/documents" "$work/back/documents" || fail "what was stored again"
# ------------------------------------------------------------------ in a folder of this machine

rm -rf "$work"/{back,state,host.key,kit.txt,manager.txt}
age-keygen -o "$work/manager.txt" 2>/dev/null
age-keygen -y "$work/manager.txt" >"$work/manager.pub"
configure
sed -i 's|^  state: state|&\n  recipients: [manager.pub]|' "$work/kura.yaml"
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
expect_exit 0 kura backup
cp -a "$work/vault" "$work/vault.good"

# something KIND PLACE: a file, socket or link instead of what was there.
something() {
    rm -rf "$2"
    case $1 in
        file) echo x >"$2" ;;
        socket) python3 -c 'import os, socket, sys
os.chdir(os.path.dirname(sys.argv[1]))
socket.socket(socket.AF_UNIX).bind(os.path.basename(sys.argv[1]))' "$2" ;;
        link) ln -s /etc "$2" ;;
    esac
}
pack=$(find "$work/vault/packs" -type f | sort | sed -n 1p)
for place in "$pack" "${pack%/*}" "$work/vault/index" "$work/vault/repository"; do
    for kind in file socket link; do
        rm -rf "$work/vault" "$work/back"
        cp -a "$work/vault.good" "$work/vault"
        something "$kind" "$place"
        expect_exit 5 kura check
        says err "$(echo "${place#"$work/vault/"}" | cut -c1-40)"
        code=0
        kura restore -i "$work/manager.txt" --target "$work/back" >"$work/out" 2>"$work/err" || code=$?
        case $place in
            */packs/*) [[ $code =~ ^[35]$ ]] || fail "$kind at $place: restore ended with $code" ;;
            *)
                [[ $code =~ ^[05]$ ]] || fail "$kind at $place: restore ended with $code"
                same_database "$work/shop/customers.db" "$work/back/customers/customers.db"
                diff -r --exclude=a.tmp --exclude=link "$work/shop/documents" "$work/back/documents" ||
                    fail "$kind at $place: documents"
                ;;
        esac
    done
done
echo "unreadable objects: restored around, told by check, stored again by the night"
