#!/usr/bin/env bash
# Independent judges: the age program opens our snapshot objects with a manager's passphrase-encrypted
# identity, and kura opens what age made.
source "$(dirname "$0")/lib.sh"
in_memory

"$scripts/sample-shop" "$work/shop"
echo 'correct-horse-battery-7-staple' >"$work/manager.pw"
chmod 600 "$work/manager.pw"
expect_exit 0 "$KURA" key new --role manager --out "$work/manager.key" --passphrase-file "$work/manager.pw"
configure
sed -i 's|  host_key: host.key|&\n  recipients: [manager.key.pub]|' "$work/kura.yaml"
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
expect_exit 0 kura backup

# age asks at the terminal: it gets one.
with_passphrase() { # FILE-WITH-PASSPHRASE COMMAND…: standard output of the command in $work/opened
    local passphrase
    passphrase=$(cat "$1")
    shift
    PASSPHRASE=$passphrase expect -f - -- "$@" >"$work/expect.log" <<'EXPECT' || { cat "$work/expect.log" >&2; fail "$*"; }
set timeout 60
log_user 1
spawn -noecho {*}$argv
expect -re "passphrase" { send -- "$env(PASSPHRASE)\r" }
expect eof
exit [lindex [wait] 3]
EXPECT
}
snapshot=$(find "$work/vault/snapshots" -type f | head -1)
with_passphrase "$work/manager.pw" age -d -i "$work/manager.key" -o "$work/catalogue.json" "$snapshot"
jq -e '.sources | map(.name) == ["customers", "documents"]' "$work/catalogue.json" >/dev/null ||
    fail "age does not find the catalogue"
# The kit, too, is an age file in armor.
sed -n '/BEGIN AGE/,/END AGE/p' "$work/kit.txt" >"$work/kit.age"
with_passphrase "$work/pw" age -d -o "$work/kit.open" "$work/kit.age"
grep -q AGE-SECRET-KEY-1 "$work/kit.open" || fail "age does not open the kit"

# What age sealed to the manager, kura opens.
for size in 0 1 65535 65536 65537 1000000; do
    head -c "$size" /dev/urandom >"$work/plain"
    age -r "$(grep -o 'age1[0-9a-z]*' "$work/manager.key.pub" | head -1)" -o "$work/sealed.age" "$work/plain"
    expect_exit 0 "$KURA" open "$work/sealed.age" --identity "$work/manager.key" \
        --passphrase-file "$work/manager.pw" --out "$work/opened.$size"
    cmp "$work/plain" "$work/opened.$size" || fail "size $size"
done

# The manager alone, without the kit, restores.
expect_exit 0 kura restore --identity "$work/manager.key" --passphrase-file "$work/manager.pw" --target "$work/restored"
same_tree "$work/shop/documents" "$work/restored/documents"
# The host key alone opens nothing.
expect_exit 2 kura ls latest customers
expect_exit 5 kura ls latest customers --identity "$work/host.key"
echo "age: both ways"
