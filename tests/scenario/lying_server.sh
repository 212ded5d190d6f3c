#!/usr/bin/env bash
# A real sshd that lies. In its listings: names that lead out of the folder or hold control characters, very
# many names, listings without end. What is asked for is still found or the lie is told; memory is
# bounded, nothing is written elsewhere, and no run hangs. And about what it keeps of what it was sent.
# KURA_LONG=1: endless listings of every folder.
source "$(dirname "$0")/lib.sh"
in_memory
source "$tests/support/sshd.sh"

server=$work/server
serve() { # [MODE [FOLDER]]: from now on; nothing: honest
    sshd_stop "$server"
    SSHD_EXTRA=${1:+"ForceCommand $tests/support/lying-sftp-server $*"} sshd_start "$server" ordinary
}
make_shop
rm "$work/shop/documents/a.tmp"
age-keygen -o "$work/manager.txt" 2>/dev/null
age-keygen -y "$work/manager.txt" >"$work/manager.pub"
sshd_start "$server" ordinary
at_exit+=("sshd_stop '$server'")
configure "sftp://$SFTP_USER@127.0.0.1:$SFTP_PORT$server/data/vault" \
    "      identity_file: $server/user_ed25519
      known_hosts: $server/known_hosts"
sed -i 's|^  state: state|&\n  recipients: [manager.pub]|' "$work/kura.yaml"
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
expect_exit 0 kura backup

bounded=(prlimit "--as=$((1200 * 1024 * 1024))")
if grep -qa __asan_init "$KURA"; then bounded=(); fi

# meets CODES COMMAND...: kura ends with one of them, soon, and says nothing that moves a cursor.
meets() {
    local codes=$1 code=0
    shift
    timeout 300 "${bounded[@]}" "$KURA" -c "$work/kura.yaml" "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
    [[ $code =~ ^($codes)$ ]] || fail "$* ended with $code, not $codes"
    if grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$work/err" "$work/out"; then fail "control characters reach the terminal"; fi
}
gives_back() { # CODES
    rm -rf "$work/area"
    mkdir -p "$work/area/a/b"
    meets "$1" restore -i "$work/manager.txt" --target "$work/area/a/b/back"
    [ "$(cd "$work/area" && echo ./* a/* a/b/*)" = "./a a/b a/b/back" ] || fail "something beside the target"
    same_tree "$work/shop/documents" "$work/area/a/b/back/documents"
    same_database "$work/shop/customers.db" "$work/area/a/b/back/customers/customers.db"
}

# ------------------------------------------------------------------ names

serve names
gives_back '0|5'
meets '0|5' check --read-data
echo again >>"$work/shop/documents/2024/nothing"
meets '0|5' backup
gives_back '0|5'
[ ! -e /tmp/kura-was-here ] || fail "a file where a name pointed"
[ "$(cd "$server/data" && echo *)" = vault ] || fail "something beside the repository"

# ------------------------------------------------------------------ 200,000 names

serve junk /statements
gives_back '0|5'
meets 5 check
expect_text "statements/junk-"
expect_text "and 199" # as many problems are not kept, only counted

# ------------------------------------------------------------------ without end

folders=(statements)
if [ "${KURA_LONG:-}" = 1 ]; then
    folders=(repository hosts keys statements index packs/00)
fi
for folder in "${folders[@]}"; do
    serve endless "/$folder"
    meets '1|5' check --read-data
    too_many="the storage lists more objects in ${folder%%/*} than|$folder has more than 10000000 entries"
    grep -qE "$too_many" "$work/err" || fail "no word of the listing of $folder"
    rm -rf "$work/area"
    mkdir "$work/area"
    meets '[015]' restore -i "$work/manager.txt" --target "$work/area/back"
    grep -qE "$too_many" "$work/err" ||
        same_tree "$work/shop/documents" "$work/area/back/documents"
    [ "${KURA_LONG:-}" != 1 ] || meets '[015]' backup
done

# ------------------------------------------------------------------ acknowledged, and not kept

serve lossy
head -c 300000 /dev/urandom >"$work/shop/documents/scan.tif"
meets 1 backup
says err "the server acknowledged"
[ -z "$(find "$server/data/vault/packs" -name '*.tmp')" ] || fail "half a pack was left"

# ------------------------------------------------------------------ and honest again

serve
meets 0 backup
meets 0 check --read-data
gives_back 0
echo "lying server: names, 200,000 of them, listings without end, and lost bytes"
