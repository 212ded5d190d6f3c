#!/usr/bin/env bash
# Signing keys of people: minisign signs with those that kura makes and kura takes those that minisign
# makes; nothing is overwritten, and a hostile key file costs nothing.
source "$(dirname "$0")/lib.sh"
in_memory

# minisign asks at the terminal: it gets one. with_passphrase PASSPHRASE COMMAND…
with_passphrase() {
    local passphrase=$1
    shift
    PASSPHRASE=$passphrase expect -f - -- "$@" >"$work/expect.log" <<'EXPECT'
set timeout 120
spawn -noecho {*}$argv
expect {
    -re "Password.*: " { send -- "$env(PASSPHRASE)\r"; exp_continue }
    timeout { exit 99 }
    eof
}
exit [lindex [wait] 3]
EXPECT
}

# signs KEY PASSPHRASE PUBLIC: minisign signs with the key, and verifies with the public key.
signs() {
    rm -f letter letter.minisig
    echo "policy of $1" >letter
    with_passphrase "$2" minisign -S -s "$1" -m letter -t "by $1" || fail "minisign does not sign with $1"
    expect_exit 0 minisign -V -H -m letter -p "$3"
    says out "Trusted comment: by $1"
    echo changed >>letter
    expect_exit 1 minisign -V -m letter -p "$3"
}

# ------------------------------------------------------------------ made by kura

run 0 key new --role staff --sign --out sato.sign --passphrase-file sato.pw
line=$(tail -1 sato.sign.pub)
says out "$line"
[ "$(stat -c %a sato.sign)/$(stat -c %a sato.sign.pub)" = 600/644 ] || fail "modes"
[ "$(stat -c %a sato.pw)" = 600 ] || fail "mode of the passphrase"
[ "$(wc -l <sato.sign)/$(wc -l <sato.sign.pub)" = 2/2 ] || fail "two lines each"
grep -qE '^[0-9a-z]{4}(-[0-9a-z]{4}){4}$' sato.pw || fail "the passphrase was not generated"
signs sato.sign "$(cat sato.pw)" sato.sign.pub
if with_passphrase wrong minisign -S -s sato.sign -m letter; then fail "minisign takes a wrong passphrase"; fi
# The public key comes out of the secret one again.
with_passphrase "$(cat sato.pw)" minisign -R -s sato.sign -p again.pub || fail "minisign -R"
cmp sato.sign.pub again.pub || fail "another public key"

echo 'correct-horse-battery-7-staple' >chosen.pw
for role in manager deputy; do
    run 0 key new --role $role --sign --out $role.sign --passphrase-file chosen.pw --json
    json ".role == \"$role\" and .signing_key == \"$role.sign\" and .public_key_file == \"$role.sign.pub\""
    [ "$(jq -r .public_key out)" = "$(tail -1 $role.sign.pub)" ] || fail "the public key of $role"
done
signs manager.sign "$(cat chosen.pw)" manager.sign.pub
if cmp -s manager.sign.pub deputy.sign.pub; then fail "two people, one key"; fi

# ------------------------------------------------------------------ refused

cp sato.sign kept
run 1 key new --role staff --sign --out sato.sign --passphrase-file other.pw
says err "is there already"
cmp sato.sign kept || fail "the key was overwritten"
mv sato.sign moved
run 1 key new --role staff --sign --out sato.sign --passphrase-file other.pw
says err "sato.sign.pub is there already"
mv moved sato.sign
[ ! -e other.pw ] || fail "a passphrase without a key"
run 2 key new --role boss --sign --out x.sign --passphrase-file other.pw
run 2 key new --sign --out x.sign --passphrase-file other.pw
run 2 key new --role staff --sign --passphrase-file other.pw
echo 12345 >weak.pw
run 1 key new --role staff --sign --out x.sign --passphrase-file weak.pw
says err "too weak"
run 1 key new --role staff --sign --out nowhere/x.sign --passphrase-file other.pw
for file in x.sign x.sign.pub nowhere; do [ ! -e $file ] || fail "$file was left"; done

# ------------------------------------------------------------------ another passphrase

echo 'another-horse-battery-8-staple' >new.pw
run 1 key passwd sato.sign --passphrase-file chosen.pw --new-passphrase-file new.pw
says err "the passphrase is wrong"
cmp sato.sign kept || fail "a wrong passphrase changed the key"
run 0 key passwd sato.sign --passphrase-file sato.pw --new-passphrase-file new.pw
[ "$(stat -c %a sato.sign)" = 600 ] || fail "the mode after passwd"
signs sato.sign "$(cat new.pw)" sato.sign.pub
# An age identity is still one.
run 0 key new --role staff --out sato.key --passphrase-file chosen.pw
run 0 key passwd sato.key --passphrase-file chosen.pw --new-passphrase-file new.pw

# ------------------------------------------------------------------ made by minisign

# With a passphrase: it asks for 1 GiB of memory, which is the most that is given.
with_passphrase minisign-made-1 minisign -G -s real.sign -p real.pub || fail "minisign -G"
echo minisign-made-1 >real.pw
run 0 key passwd real.sign --passphrase-file real.pw --new-passphrase-file new.pw
signs real.sign "$(cat new.pw)" real.pub
# Without one: nobody is asked, and afterwards it has one.
expect_exit 0 minisign -G -W -s bare.sign -p bare.pub
run 0 key passwd bare.sign --new-passphrase-file new.pw
signs bare.sign "$(cat new.pw)" bare.pub

# ------------------------------------------------------------------ hostile files

# One that asks for 2 GiB, or for years, is refused before anybody is asked for the passphrase.
tail -1 sato.sign | base64 -d >raw
hostile() { # OFFSET: 2^62 as the little-endian number there
    echo "untrusted comment: x"
    { head -c "$1" raw; printf '\0\0\0\0\0\0\0\100'; tail -c +$(($1 + 9)) raw; } | base64 -w0
    echo
}
for offset in 38 46; do
    hostile $offset >hostile.sign
    run 1 key passwd hostile.sign --new-passphrase-file new.pw
    says err "asks for more work on its passphrase than is allowed"
done
printf 'untrusted comment: x\nnot base64\n' >hostile.sign
run 5 key passwd hostile.sign --new-passphrase-file new.pw
says err "this is not a minisign secret key"
echo "signing keys: both ways"
