#!/usr/bin/env bash
# What a program with secrets leaves lying about: nothing on its command line or in its environment,
# no core, no memory for others to read or for the swap space, and no file of its own that group or
# others may read. And what it does not trust: files and folders that others could have put there;
# nor itself, for where the kernel can, it confines itself to what it has to write.
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
    # AddressSanitizer takes locking for a way to run out of memory, and does nothing.
    grep -qa __asan_init "$KURA" ||
        awk '/^VmLck:/ { exit !($2 '"${3:->}"' 0) }' "/proc/$1/status" || fail "$2: locked memory"
}

# As an ordinary user, whose own other programs must not read it either.
chown -R 12345:12345 "$work"
user=(setpriv --reuid 12345 --regid 12345 --clear-groups)
"${user[@]}" "$KURA" -c "$work/kura.yaml" backup >"$work/out" 2>"$work/err" </dev/null &
backup=$!
eventually pgrep -P "$backup" >/dev/null || fail "the backup runs no command"
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
look "$restore" "restore before the passphrase" ">="
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
"${user[@]}" "$KURA" open "$(find "$work/vault/keys" -type f -print -quit)" --kit "$work/kit.txt" --passphrase-file "$work/pw" \
    --out "$work/opened" >"$work/out" 2>"$work/err" || fail "open"
for path in opened state vault host.key kit.txt pw pw.manager manager.key restored; do
    [ -e "$work/$path" ] || fail "$path is not there"
done
find "$work"/{opened,state,vault,host.key,kit.txt,pw,pw.manager,manager.key} -perm /077 >"$work/loose"
find "$work/restored" -maxdepth 0 -perm /077 >>"$work/loose"
same_tree "$work/shop/documents/2024" "$work/restored/documents/2024" # with their own modes
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

# ------------------------------------------------------------------ what others may have put there

# refuses TEXT COMMAND...: it fails, and says why.
refuses() {
    local text=$1
    shift
    expect_exit 1 "$@"
    expect_text "$text"
}
chmod 777 "$work/state"
"${user[@]}" "$KURA" -c "$work/kura.yaml" backup documents >"$work/out" 2>"$work/err" || fail "backup"
[ "$(stat -c %a "$work/state")" = 700 ] || fail "the state folder stays open to others"
chown 54321 "$work/host.key"
refuses "belongs to another user" "$KURA" -c "$work/kura.yaml" backup documents
chown 0 "$work/host.key"
chown 54321 "$work/state"
refuses "belongs to another user" "$KURA" -c "$work/kura.yaml" backup documents
mkdir -p "$work/trap/.kura-restore"
chown -R 54321 "$work/trap"
refuses "belongs to another user" restore_with_kit "$work/trap"
chown -R 12345 "$work/state" "$work/host.key"

# Keys that could reach the swap space are not used; half a MiB is enough.
refuses "ulimit -l" bash -c 'ulimit -l 64 && exec "$@"' - "${user[@]}" "$KURA" -c "$work/kura.yaml" backup documents
expect_exit 0 bash -c 'ulimit -l 512 && exec "$@"' - "${user[@]}" "$KURA" -c "$work/kura.yaml" backup documents
expect_exit 0 bash -c 'ulimit -l 512 && exec "$@"' - "${user[@]}" "$KURA" restore --kit "$work/kit.txt" \
    --passphrase-file "$work/pw" --target "$work/restored.again" --source documents

# ------------------------------------------------------------------ the sandbox

# confined WANTED COMMAND...: whether it says of itself that nothing it starts gains privileges,
# which comes with the sandbox and stays; seen while it waits at the lock of another backup.
confined() {
    local wanted=$1 waiting
    exec 7>"$work/state/lock"
    flock 7
    : >"$work/err"
    "${user[@]}" "$KURA" -c "$work/kura.yaml" -v backup documents >"$work/out" 2>"$work/err" 7>&- </dev/null &
    waiting=$!
    eventually grep -q 'Another backup is running' "$work/err" || fail "the backup does not wait"
    grep -qE "^NoNewPrivs:[[:space:]]+$wanted" "/proc/$waiting/status" || fail "confined is not $wanted"
    exec 7>&-
    wait "$waiting" || fail "backup ended with $?"
}
# Whoever waits can be told to stop: once, for a second signal ends it at once.
exec 7>"$work/state/lock"
flock 7
timeout --foreground --preserve-status -s TERM 2 "${user[@]}" "$KURA" -c "$work/kura.yaml" backup documents \
    >"$work/out" 2>"$work/err" 7>&- </dev/null && fail "a backup went past the lock of another one"
says err "stopped on request"
exec 7>&-
confined 0 # a command is among the sources: it may need anything
sed -i '/name: ledger/d' "$work/kura.yaml"
if "${user[@]}" "$KURA" -c "$work/kura.yaml" -v check 2>&1 | grep -q 'has no Landlock'; then
    echo "hygiene: this kernel has no Landlock; kura says so and goes on"
    confined 0
else
    confined 1
fi
for command in backup "check --read-data" "restore --kit $work/kit.txt --passphrase-file $work/pw --target $work/again --source documents"; do
    # shellcheck disable=SC2086
    expect_exit 0 "${user[@]}" "$KURA" -c "$work/kura.yaml" -v $command
    ! grep -q warning "$work/err" || fail "$command warns"
done
same_tree "$work/shop/documents/2024" "$work/again/documents/2024"
echo "hygiene: command line, environment, memory, core, modes, owners, sandbox"
