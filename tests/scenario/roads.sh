# Every road is gated: where restore, dump, open, init and backup may write, by the class of the
# place, with a policy and without. The worst day works: no configuration, only the kit, and no disk
# that is known to stay. Nothing here is a removable medium; test_roads.c has recorded ones.
# shellcheck shell=bash disable=SC2154
source "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || exit 77

make_shop
run 0 -c kura.yaml init --kit kit.txt --passphrase-file pw
run 0 -c kura.yaml backup
kit=(--kit "$work/kit.txt" --passphrase-file "$work/pw")

mounted() { # COMMAND..., and umount at the end
    "$@"
    at_exit=("umount -l '${*: -1}' 2>/dev/null" "${at_exit[@]}")
}
class_of() { "$KURA" medium explain "$1" --json | jq -r .class; }
# places FILTER: true of the places of the newest record in the log.
places() {
    jq -se ".[-1].places | $1" "$work/state/audit/log" >/dev/null ||
        fail "the log does not say: $1: $(tail -1 "$work/state/audit/log")"
}

# ---- the worst day: memory, a second disk, layers
mkdir memory second layers under
mounted mount -t tmpfs none "$work/memory"
truncate -s 64M second.img
mke2fs -qF second.img
mounted mount -o loop second.img "$work/second"
[ "$(class_of memory)" = unknown ] || fail "memory is no fixed disk"
for place in memory second; do
    (cd / && run 0 restore "${kit[@]}" --target "$work/$place/back" --verbose)
    case $(class_of $place) in
    unknown) says err "unknown: it cannot be told" ;;
    fixed) says err "fixed disk" ;;
    esac
    same_tree shop/documents/2024 $place/back/documents/2024
    [ ! -e $place/back/.kura-restore ] || fail "the restore left its folder"
done
mkdir under/upper under/work under/lower
if mount -t overlay overlay -o "lowerdir=$work/under/lower,upperdir=$work/under/upper,workdir=$work/under/work" \
    layers 2>/dev/null; then
    at_exit=("umount -l '$work/layers'" "${at_exit[@]}")
    (cd / && run 0 restore "${kit[@]}" --target "$work/layers/back" --verbose)
    says err "unknown: it cannot be told"
    same_tree shop/documents/2024 layers/back/documents/2024
    (cd / && run 0 restore "${kit[@]}" --target "$work/layers/back" --overwrite)
    "$KURA" dump latest ledger "${kit[@]}" >layers/ledger || fail "no dump into a layer"
    [ "$(cat layers/ledger)" = ledger ] || fail "another ledger came out"
fi

# ---- a system without a disk: all of it in memory
if unshare -m true 2>/dev/null; then
    mkdir memory/root
    cat >worst.sh <<SH
set -eu
mount --make-rprivate /
mount -t tmpfs none "$work/memory/root"
cd "$work/memory/root"
mkdir bin etc usr lib lib64 proc tmp kura work dev sys
for folder in bin etc usr lib lib64; do mount --rbind /\$folder \$folder; done
mount --rbind /proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount --bind "$(dirname "$KURA")" kura
mount --bind "$work" work
chroot . /kura/$(basename "$KURA") restore --kit /work/kit.txt --passphrase-file /work/pw --store /work/vault \
    --target /back --verbose
cat back/ledger/ledger 2>/dev/null || find back -type f | head
SH
    expect_exit 0 unshare -m bash worst.sh
    says err "unknown: it cannot be told"
    says out "restored"
fi

# ---- what is mounted within the target was judged by nobody: nothing gets there
mkdir -p within/documents
mounted mount -t tmpfs none "$work/within/documents"
run 3 restore "${kit[@]}" --target within
[ -z "$(ls -A within/documents)" ] || fail "something was written through a mount in the target"
umount within/documents
mkdir -p hidden/.kura-restore
mounted mount -t tmpfs none "$work/hidden/.kura-restore"
run 1 restore "${kit[@]}" --target hidden
[ -z "$(ls -A hidden/.kura-restore)" ] || fail "the hidden folder of a restore was another's"
umount hidden/.kura-restore

# ---- temporary files lie in the target, and leave nothing
mkdir traced
if command -v strace >/dev/null; then
    (cd / && strace -f -e trace=open,openat,openat2 -o "$work/trace" "$KURA" restore "${kit[@]}" \
        --target "$work/traced/back" >"$work/out" 2>"$work/err") || fail "no restore under strace"
    if grep -E '"/(var/|usr/)?tmp/etilqs' trace; then fail "a plan went to a folder for temporary files"; fi
fi

# ---- standard output: a file is judged, a pipe passes; both are recorded
"$KURA" -c kura.yaml dump latest ledger "${kit[@]}" >memory/ledger || fail "no dump to a file"
places '.[0].class == "unknown" and .[0].road == "output" and (.[0] | has("mount_point"))'
jq -se '.[-2].begun and .[-2].places[0].class == "unknown"' state/audit/log >/dev/null ||
    fail "not recorded before the first byte"
"$KURA" -c kura.yaml dump latest ledger "${kit[@]}" | cat >piped
places '.[0].stream == "pipe"'
age-keygen -o key.txt 2>/dev/null
echo secret | age -r "$(age-keygen -y key.txt)" >sealed.age
run 0 -c kura.yaml open sealed.age --identity key.txt --out memory/opened
[ "$(cat memory/opened)" = secret ] || fail "another secret"
places '.[0].class == "unknown"'
if grep -q opened state/audit/log; then fail "a file's name is in the log"; fi

# ---- state and store in memory: without a policy they may lie there, recorded
sed -e "s,^  state:.*,  state: $work/memory/state," -e "s,url: vault,url: $work/memory/vault," \
    -e "s,host.key,memory.key," kura.yaml >memory.yaml
run 0 -c memory.yaml init --kit memory.kit --passphrase-file memory.pw
run 0 -c memory.yaml backup
jq -se '.[-1].places | map(.road + " " + .class) | sort == ["staging unknown", "store unknown"]' \
    memory/state/audit/log >/dev/null || fail "the places of a backup are not recorded"

# ---- a policy that cannot be verified is as strict as one, and enrols nothing
{ cat memory.yaml; echo "policy: policy.yaml"; } >strict.yaml
run 4 -c strict.yaml backup
says err "[road-unknown]"
says err "cannot be verified"
sed "s,state: .*,state: $work/strict-state," strict.yaml >store.yaml
run 4 -c store.yaml backup
says err "[road-unknown]"
says err "$work/memory/vault"
tail -1 strict-state/audit/log | jq -e '.exit == 4 and (.places | any(.allowed == false))' >/dev/null ||
    fail "the refusal is not recorded"
run 0 -c strict.yaml medium explain memory --json
json '.policy.in_force == false and .roads.store.here == "needs-enrolment" and .roads.staging.here == "refused"'
run 0 -c memory.yaml medium explain memory --json
json '.policy == null and .roads.store.here == "allowed" and .roads.staging.here == "allowed-recorded"'
# What is restored goes on all the same: the worst day comes with any policy.
run 0 -c strict.yaml restore --kit memory.kit --passphrase-file memory.pw --target memory/again
run 2 restore "${kit[@]}" --onto-removable
echo "roads: the worst day, mounts in the target, redirected output, policies that cannot be verified"
