#!/usr/bin/env bash
# The server as the README sets it up: a user of its own in a chroot, and what each login may do there.
# Every line below that goes through `readme` stands so in the README; only the user's name and the
# places are this test's own.
source "$(dirname "$0")/lib.sh"
source "$tests/support/sshd.sh"

((EUID == 0)) || skip "needs root to make a user and a chroot"

user=kura-t$$
root=/srv/$user
authorized=/etc/ssh/${user}_authorized_keys
server=$work/server
at_exit+=("sshd_stop '$server'" "userdel '$user' 2>/dev/null" "rm -rf '$root' '$authorized'")

# readme TEXT: the README says so; prints it with this test's user and places.
readme() {
    local line
    while IFS= read -r line; do
        grep -qxF -- "$line" "$scripts/../README.md" || fail "the README does not say: $line"
    done <<<"$1"
    sed "s|/etc/ssh/kura_authorized_keys|@KEYS@|g; s|/srv/kura|@ROOT@|g; s|\\bkura\\b|$user|g
        s|@KEYS@|$authorized|g; s|@ROOT@|$root|g" <<<"$1"
}

# ---- on the server, as root
umask 022
eval "$(readme 'useradd --system --home-dir /srv/kura --shell /usr/sbin/nologin kura
install -d -o root -g root -m 755 /srv/kura
install -d -o kura -g kura -m 700 /srv/kura/vault
touch /etc/ssh/kura_authorized_keys && chmod 644 /etc/ssh/kura_authorized_keys')"
sshd_make_keys "$server"
port=$(cat "$server/port")
mkdir -p /run/sshd
# As Debian's own configuration has it, StrictModes being sshd's default.
cat >"$server/sshd_config" <<CONF
ListenAddress 127.0.0.1:$port
HostKey $server/host_ed25519
PidFile none
UsePAM yes
KbdInteractiveAuthentication no
Subsystem sftp /usr/lib/openssh/sftp-server
$(readme 'Match User kura
    ChrootDirectory /srv/kura
    AuthorizedKeysFile /etc/ssh/kura_authorized_keys
    DisableForwarding yes
    PermitTTY no')
CONF
setsid /usr/sbin/sshd -D -e -f "$server/sshd_config" 2>"$server/log" </dev/null >/dev/null &
echo $! >"$server/pid"
eventually ssh-keyscan -p "$port" 127.0.0.1 >/dev/null 2>&1 || fail "sshd does not start"

# ---- the nightly login
mkdir keys
eval "$(readme "ssh-keygen -t ed25519 -N '' -f keys/offsite_ed25519")" >/dev/null
(
    cd keys
    # shellcheck disable=SC2016
    eval "$(readme 'echo "restrict,command=\"internal-sftp\" $(cat offsite_ed25519.pub)" >>/etc/ssh/kura_authorized_keys')"
)
make_shop
rm shop/documents/a.tmp # excluded
configure "sftp://$user@127.0.0.1:$port/vault" "      identity_file: keys/offsite_ed25519
      known_hosts: server/known_hosts"
expect_exit 0 kura init --kit kit.txt --passphrase-file pw
expect_exit 0 kura backup
eval "$(readme 'cat kit_login.pub >>/etc/ssh/kura_authorized_keys')"

# batch KEY COMMAND: the sftp program with that login; its exit code.
batch() {
    printf '%s\n' "$2" >batch
    expect_exit "$3" sftp -q -b batch -i "$1" -o IdentitiesOnly=yes -o UserKnownHostsFile="$server/known_hosts" \
        -P "$port" "$user@127.0.0.1"
}

# The kit's own login as whoever found the kit and its passphrase would use it, without kura: the
# private key in OpenSSH's format from the seed in the kit.
kit_key() { # FILE
    sed -n '/BEGIN AGE/,/END AGE/p' kit.txt >kit.age
    expect -c 'log_user 0; spawn age -d -o kit.lines kit.age; expect "passphrase"
        send -- "[exec cat pw]\r"; expect eof' >/dev/null
    python3 - "$(sed -n 's/^login-seed: //p' kit.lines)" "$(cat kit_login.pub)" >"$1" <<'PY'
import base64, struct, sys
seed = bytes.fromhex(sys.argv[1])
blob = base64.b64decode(sys.argv[2].split("ssh-ed25519 ")[1].split()[0])
public = blob[-32:]
def text(value):
    return struct.pack(">I", len(value)) + value
private = b"kurakura" + text(b"ssh-ed25519") + text(public) + text(seed + public) + text(b"")
private += bytes(range(1, 1 + -len(private) % 8))
key = b"openssh-key-v1\0" + text(b"none") * 2 + text(b"") + struct.pack(">I", 1) + text(blob) + text(private)
print("-----BEGIN OPENSSH PRIVATE KEY-----")
print(base64.encodebytes(key).decode(), end="")
print("-----END OPENSSH PRIVATE KEY-----")
PY
    chmod 600 "$1"
}

restore_with_the_kit() {
    rm -rf restored
    expect_exit 0 restore_with_kit "$work/restored"
    same_tree shop/documents restored/documents
    same_database shop/customers.db restored/customers/customers.db
}

# Everything that would change the vault, tried on an object that init made and on a pack: refused one
# by one, and nothing is another than before.
refused_changes() { # KEY
    local object commands="-rename -l /vault/$pack /vault/$made
-ln -s /vault/$pack /vault/index/link
-rmdir /vault/audit
-mkdir /vault/new
-chmod 000 /vault/packs"
    for object in "$made" "$pack"; do
        commands+="
-put rubbish /vault/$object
-reput rubbish /vault/$object
-rm /vault/$object
-rename /vault/$object /vault/index/other
-chmod 600 /vault/$object
-ln /vault/$object /vault/index/link"
    done
    (cd "$root/vault" && find . -printf '%p %i %m %s %T@\n' | sort) >vault.before
    batch "$1" "$commands
ls /vault/repository" 0
    (cd "$root/vault" && find . -printf '%p %i %m %s %T@\n' | sort) >vault.after
    diff vault.before vault.after || fail "$1 changed the vault"
}

# objects of the repository: one that init made, one pack.
made=repository/$(ls "$root/vault/repository")
pack=$(cd "$root/vault" && find packs -type f | head -1)
head -c 1000 /dev/urandom >rubbish

# ---- the kit's login reads and does not write; on an ordinary server the nightly one may
kit_key kit_key
batch kit_key "get /vault/$pack got" 0
cmp got "$root/vault/$pack"
batch kit_key "put rubbish /vault/index/new" 1
[ ! -e "$root/vault/index/new" ] || fail "the kit's login can write"
refused_changes kit_key
restore_with_the_kit
batch keys/offsite_ed25519 "put rubbish /vault/index/rubbish" 0
batch keys/offsite_ed25519 "rm /vault/index/rubbish" 0

# ---- no login is for anything but SFTP
for login in kit_key keys/offsite_ed25519; do
    said=$(ssh -n -i "$login" -o IdentitiesOnly=yes -o BatchMode=yes -p "$port" \
        -o UserKnownHostsFile="$server/known_hosts" "$user@127.0.0.1" id 2>/dev/null) || :
    [ "$said" = "This service allows sftp connections only." ] || fail "$login runs commands: $said"
done

# ---- write-once
eval "$(readme "sed -i 's/command=\"internal-sftp\"/command=\"internal-sftp -u 0222 -p open,close,read,write,lstat,fstat,stat,opendir,readdir,realpath,statvfs,fstatvfs,fsync,limits\"/' /etc/ssh/kura_authorized_keys
find /srv/kura/vault -type f -exec chmod 444 {} +")"
refused_changes keys/offsite_ed25519
echo more >>shop/documents/2024/nothing
expect_exit 0 kura backup
pack=$(cd "$root/vault" && find packs -type f -newer "$work/rubbish" | head -1)
[ -n "$pack" ] || fail "the write-once server has no new pack"
refused_changes keys/offsite_ed25519
refused_changes kit_key
expect_exit 0 kura check --read-data
restore_with_the_kit
echo "readme_server: the nightly login, write-once, the kit's login that only reads"
