#!/usr/bin/env bash
# What a program with secrets leaves lying about: nothing on its command line or in its environment,
# no core, no memory for others to read, and no file of its own that group or others may read.
source "$(dirname "$0")/lib.sh"
((EUID == 0)) || fail "this scenario needs root: it looks at a process as somebody else"

make_shop
# A source that goes on until it is let go: there is time to look.
mkfifo "$work/gate"
sed -i "s|\[\"printf\", .*|[\"sh\", \"-c\", \"cat $work/gate; echo ledger\"] }|" "$work/kura.yaml"
umask 0000 # the worst that a careless cron job can set
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
phrase=$(cat "$work/pw")

# look PID WHAT: the process as others see it.
look() {
    local name
    for name in cmdline environ; do
        tr '\0' '\n' <"/proc/$1/$name" >"$work/seen"
        for secret in "$phrase" "${phrase//-/}" AGE-SECRET-KEY; do
            ! grep -qF -- "$secret" "$work/seen" || fail "$2: a secret is in $name"
        done
    done
    grep -qE '^Max core file size +0 +0 ' "/proc/$1/limits" || fail "$2: a core may be written"
    # A process that may not be dumped belongs to root in /proc, whoever runs it.
    [ "$(stat -c %u "/proc/$1/mem")" = 0 ] || fail "$2: it may be dumped"
    ! "${user[@]}" head -c 1 "/proc/$1/environ" >/dev/null 2>&1 ||
        fail "$2: its own user may read its environment"
}

# As an ordinary user, whose own other programs must not read it either.
chown -R 12345:12345 "$work"
user=(setpriv --reuid 12345 --regid 12345 --clear-groups)
"${user[@]}" "$KURA" -c "$work/kura.yaml" backup >"$work/out" 2>"$work/err" </dev/null &
backup=$!
for _ in {1..100}; do
    pgrep -P "$backup" >/dev/null && break
    sleep 0.05
done
pgrep -P "$backup" >/dev/null || fail "the backup runs no command"
look "$backup" backup
echo open >"$work/gate"
wait "$backup" || fail "backup ended with $?"

# restore waits for its passphrase at a pipe, then for the reader of what it dumps.
mkfifo "$work/phrase" "$work/dumped"
chown 12345:12345 "$work/phrase" "$work/dumped"
"${user[@]}" "$KURA" restore --kit "$work/kit.txt" --passphrase-file "$work/phrase" --target "$work/restored" \
    >"$work/out" 2>"$work/err" </dev/null &
restore=$!
exec 8>"$work/phrase"
look "$restore" "restore before the passphrase"
cat "$work/pw" >&8
exec 8>&-
wait "$restore" || fail "restore ended with $?"
"${user[@]}" "$KURA" dump latest documents:2024/05/scan.pdf --kit "$work/kit.txt" --passphrase-file "$work/pw" \
    >"$work/dumped" 2>"$work/err" </dev/null &
dump=$!
exec 9<"$work/dumped"
head -c 1 <&9 >/dev/null # it has opened everything, and waits with the pipe full
look "$dump" "dump with all keys open"
cat <&9 >/dev/null
exec 9<&-
wait "$dump" || fail "dump ended with $?"

# ------------------------------------------------------------------ files

"${user[@]}" "$KURA" -c "$work/kura.yaml" key new --role manager --out "$work/manager.key" \
    --passphrase-file "$work/pw.manager" >"$work/out" 2>"$work/err" || fail "key new"
for path in state vault host.key kit.txt pw pw.manager manager.key restored; do
    [ -e "$work/$path" ] || fail "$path is not there"
done
find "$work"/{state,vault,host.key,kit.txt,pw,pw.manager,manager.key} -perm /077 >"$work/loose"
find "$work/restored" -maxdepth 0 -perm /077 >>"$work/loose"
[ ! -s "$work/loose" ] || fail "group or others may: $(tr '\n' ' ' <"$work/loose")"
[ -z "$(find "$work/state/spool" -mindepth 1)" ] || fail "something is left in the spool"

# No secret in the clear anywhere in what the nightly machine keeps or sends.
grep -rqF -e "$phrase" -e AGE-SECRET-KEY "$work/state" "$work/vault" "$work/host.key" &&
    fail "a passphrase or identity lies in the state, the repository or the host key"
grep -rqF -e '山田' -e '品川' -e 'scan.pdf' "$work/state" "$work/vault" &&
    fail "names or content in the clear"
for secret in "$phrase" AGE-SECRET-KEY; do
    ! grep -qF -- "$secret" "$work/kit.txt" || fail "the kit holds $secret in the clear"
done
echo "hygiene: command line, environment, memory, core, modes"
