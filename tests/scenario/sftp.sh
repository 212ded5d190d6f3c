#!/usr/bin/env bash
# The same over SFTP: an ordinary server, a write-once one, and the kit's own read-only login.
source "$(dirname "$0")/lib.sh"
in_memory
source "$tests/support/sshd.sh"

night_over() { # PROFILE
    local server=$work/$1
    rm -rf "$work"/{shop,state,host.key,kit.txt,kit_login.pub,pw,restored}
    "$scripts/sample-shop" "$work/shop"
    # Folders are made beforehand on an ordinary login; then the server is locked down.
    sshd_start "$server" ordinary
    at_exit+=("sshd_stop '$server'")
    configure "sftp://$SFTP_USER@127.0.0.1:$SFTP_PORT$server/data/vault" \
        "      identity_file: $server/user_ed25519
      known_hosts: $server/known_hosts"
    expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
    [ -s "$work/kit_login.pub" ] || fail "no public key for the kit's login"
    if [ "$1" != ordinary ]; then
        sshd_stop "$server"
        sshd_start "$server" "$1"
    fi
    expect_exit 0 kura backup
    echo more >>"$work/shop/documents/2026/佐藤太郎/受付メモ.txt"
    expect_exit 0 kura backup
    expect_exit 0 kura check --read-data
    [ -z "$(find "$server/data" -name '*.tmp*')" ] || fail "temporary files were left"

    # The bare machine: the kit's own login is read-only.
    cat "$work/kit_login.pub" >>"$server/authorized_keys"
    expect_exit 0 restore_with_kit "$work/restored"
    same_tree "$work/shop/documents" "$work/restored/documents"
    same_database "$work/shop/customers.db" "$work/restored/customers/customers.db"

    # Somebody asks to be erased: one object more, and the way back obeys it.
    printf 'erasure:\n  - { domain: customer, source: documents, paths: ["*/{id}"] }\n' >>"$work/kura.yaml"
    expect_exit 0 kura person erase 佐藤太郎 --reason asked
    expect_exit 0 kura backup
    expect_exit 0 kura check
    rm -rf "$work/without"
    expect_exit 0 restore_with_kit "$work/without"
    [ ! -e "$work/without/documents/2026/佐藤太郎" ] || fail "a folder of somebody erased came back"
    [ -e "$work/without/documents/2026" ] || fail "more is gone than was to be erased"
}

night_over ordinary
# A changed host key is refused, with what to do.
sshd_stop "$work/ordinary"
mv "$work/ordinary/host_ed25519" "$work/ordinary/old"
mv "$work/ordinary/host_ed25519.pub" "$work/ordinary/old.pub"
ssh-keygen -q -t ed25519 -N '' -f "$work/ordinary/host_ed25519"
sshd_start "$work/ordinary" ordinary
expect_exit 5 kura backup
expect_text known_hosts
# No server at all: unreachable, and soon.
sshd_stop "$work/ordinary"
expect_exit 6 timeout 120 "$KURA" -c "$work/kura.yaml" snapshots
says err "yet; trying again"

night_over write-once
# Nobody who has the login can change or remove what is there.
object=$(find "$work/write-once/data/vault/packs" -type f | head -1)
[ "$(stat -c %a "$object")" = 444 ] || [ "$(stat -c %a "$object")" = 400 ] || fail "$object can be written"
echo "sftp: ordinary, write-once, the kit's read-only login, a changed host key, no server"
