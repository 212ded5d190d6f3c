#!/usr/bin/env bash
# The same over SFTP: an ordinary server, a write-once one, and the kit's own read-only login. And
# servers and keys that libssh2 cannot do: why, and the way out, in both languages.
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

# refused ENGLISH JAPANESE: at once, with these words.
refused() {
    run 1 -c "$work/kura.yaml" snapshots
    says err "$1"
    LANGUAGE=ja run 1 -c "$work/kura.yaml" snapshots
    says err "$2"
}

server_only_with() { # LINES ENGLISH JAPANESE
    sshd_stop "$work/ordinary"
    SSHD_EXTRA=$1 sshd_start "$work/ordinary"
    refused "$2" "$3"
}

key_of() { # WORDS-TO-SSH-KEYGEN ENGLISH JAPANESE
    rm -f "$work/odd_key"*
    # shellcheck disable=SC2086
    ssh-keygen -q $1 -f "$work/odd_key"
    cat "$work/odd_key.pub" >>"$work/ordinary/authorized_keys"
    sed -i "s|identity_file: .*|identity_file: $work/odd_key|" "$work/kura.yaml"
    refused "$2" "$3"
}

beyond_libssh2() {
    ssh-keygen -q -t rsa -b 2048 -N '' -f "$work/host_rsa"
    server_only_with "Ciphers aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com" \
        "On the server, add aes128-ctr to Ciphers" "Ciphers に aes128-ctr を追加してください"
    server_only_with "MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com" \
        "On the server, add hmac-sha2-256 to MACs" "MACs に hmac-sha2-256 を追加してください"
    server_only_with $'HostKeyAlgorithms rsa-sha2-512,rsa-sha2-256\n'"HostKey $work/host_rsa" \
        "The server has an RSA host key only" "RSA のホスト鍵しかありません"
    sshd_stop "$work/ordinary"
    sshd_start "$work/ordinary"
    cp "$work/kura.yaml" "$work/kura.yaml.good"
    key_of "-t rsa -b 2048 -N secret" "with ssh-keygen -t ed25519" "ssh-keygen -t ed25519 で使える鍵"
    for cipher in aes256-gcm chacha20-poly1305; do
        key_of "-t ed25519 -a 1 -N secret -Z $cipher@openssh.com" \
            "Encrypt it anew with ssh-keygen -p -Z aes256-ctr" "ssh-keygen -p -Z aes256-ctr"
        says err "$cipher@openssh.com で暗号化されています"
    done
    mv "$work/kura.yaml.good" "$work/kura.yaml"
}

night_over ordinary
beyond_libssh2
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
echo "sftp: ordinary, write-once, the kit's read-only login, what libssh2 cannot do, a changed host key, no server"
