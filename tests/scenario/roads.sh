# Every road is gated: where restore, dump, open, init and backup may write, by the class of the
# place, with a policy and without. The worst day works: no configuration, only the kit, and no disk
# that is known to stay. The removable medium is a telephone, as far as the kernel can tell; sticks
# and cards are recorded in the unit tests.
# shellcheck shell=bash disable=SC2154
source "$(dirname "$0")/lib.sh"
((EUID == 0)) || skip "needs root to mount"
[ "$("$KURA" medium explain "$work" --json | jq -r .class)" = fixed ] ||
    skip "the root file system of this machine is not on a disk that is known to be fixed"

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
says err "Another disk is mounted within the target"
[ -z "$(ls -A within/documents)" ] || fail "something was written through a mount in the target"
umount within/documents
mkdir -p hidden/.kura-restore
mounted mount -t tmpfs none "$work/hidden/.kura-restore"
run 1 restore "${kit[@]}" --target hidden
[ -z "$(ls -A hidden/.kura-restore)" ] || fail "the hidden folder of a restore was another's"
umount hidden/.kura-restore

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
    -e "s,host\.key,memory.key," kura.yaml >memory.yaml
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

# ---- a policy in force
run 0 key new --role manager --sign --out yamada.sign --passphrase-file yamada.pw
run 0 key new --role manager --out yamada.key --passphrase-file yamada.key.pw
cat >policy.yaml <<YAML
version: 1
valid_from: 2026-01-01
shop: 山田自動車
contact: 03-0000-0000
clock_tolerance: 5m
anchor_age: 36h
limits: { absolute_ceiling: 300, max_persons_per_carry: 50, max_persons_outstanding: 60,
  max_persons_outstanding_shop: 100, rolling_days: 7, max_persons_rolling_bearer: 80,
  max_persons_rolling_shop: 120, max_documents_per_carry: 10 }
approval: { approvers: 1, token_lifetime: 24h, carry_days: 7, overdue_grace_days: 1 }
people:
  - { id: yamada, name: 山田 太郎, roles: [data_manager], key: "$(tail -1 yamada.sign.pub)",
      recipient: $(grep -v '#' yamada.key.pub) }
hosts: [{ name: office, key: "$("$KURA" -c kura.yaml host list --json | jq -r '.[0].key')" }]
purposes: [出張点検]
destinations: [{ name: laptop, recipients: [$(grep -v '#' yamada.key.pub)] }]
field_classes: [{ name: opaque }]
data_sets: []
media: []
YAML
run 0 policy sign policy.yaml --key yamada.sign --passphrase-file yamada.pw
{ cat kura.yaml; echo "policy: policy.yaml"; } >ruled.yaml
run 0 -c ruled.yaml policy trust yamada.sign.pub
run 0 -c ruled.yaml medium explain memory --json
json '.policy == {in_force: true, version: 1} and .roads.store.here == "needs-enrolment"'
json '.roads.staging.here == "refused" and .roads.output.here == "allowed-recorded"'
if [ "$(class_of .)" = fixed ]; then
    run 0 -c ruled.yaml backup
fi
cp -a vault memory/moved
sed "s,url: vault,url: $work/memory/moved," ruled.yaml >moved.yaml
run 4 -c moved.yaml backup
says err "[road-unknown]"
run 0 -c ruled.yaml restore "${kit[@]}" --target memory/ruled
# It stays in force for who names another configuration's folder for the state.
sed "s,^  state:.*,  state: $work/memory/other," ruled.yaml >elsewhere.yaml
run 4 -c elsewhere.yaml backup
says err "[road-unknown]"
[ "$(ls memory/other)" = audit ] || fail "a refused state folder was used"

# ---- a removable medium
if ! command -v bindfs >/dev/null || [ ! -e /dev/fuse ]; then
    echo "roads: without bindfs nothing here is removable"
    exit 0
fi
mkdir storage phone bound
bindfs -o subtype=jmtpfs storage phone
at_exit=("umount -l '$work/phone'" "${at_exit[@]}")
[ "$(class_of phone)" = removable ] || fail "a telephone is not removable"
mounted mount --bind "$work/phone" "$work/bound"
ln -s phone link
untouched() { [ -z "$(ls -A storage)" ] || fail "written to: $(ls -A storage)"; }
refused() { # RULE ARGUMENT...: and nothing was written
    local rule=$1
    shift
    run 4 "$@"
    says err "[$rule]"
    untouched
}
for path in phone phone/new bound/new link/new; do
    refused road-removable restore "${kit[@]}" --target "$path"
done
refused road-removable -c kura.yaml open sealed.age --identity key.txt --out phone/opened
places '.[0] | .class == "removable" and .allowed == false'
refused road-removable -c kura.yaml open sealed.age --identity key.txt --out link/opened
code=0
"$KURA" -c kura.yaml dump latest ledger "${kit[@]}" >phone/ledger 2>err || code=$?
[ $code = 4 ] && [ ! -s storage/ledger ] || fail "dumped onto a telephone ($code)"
code=0
"$KURA" -c kura.yaml open sealed.age --identity key.txt >phone/ledger 2>err || code=$?
[ $code = 4 ] && [ ! -s storage/ledger ] || fail "opened onto a telephone ($code)"
rm phone/ledger

sed -e "s,url: vault,url: $work/phone/vault," -e "s,host\.key,phone.key," -e "s,state: state,state: phone-state," \
    kura.yaml >phone.yaml
refused road-removable -c phone.yaml init --kit phone.kit --passphrase-file phone.pw
[ ! -e phone.kit ] && [ ! -e phone.key ] || fail "a refused init left files"
sed "s,url: vault,url: $work/link/vault," kura.yaml >phone.yaml
cp -r vault storage/
ls -R storage >before
run 4 -c phone.yaml backup
says err "[road-removable]"
ls -R storage | cmp - before || fail "a refused backup wrote"
rm -r storage/vault
sed "s,^  state:.*,  state: $work/phone/state," kura.yaml >phone.yaml
run 4 -c phone.yaml backup
says err "[road-removable]"
[ "$(ls storage/state 2>/dev/null)" = audit ] || fail "a refused state folder was used"
rm -r storage/state
# Temporary files do not go there either.
SQLITE_TMPDIR=$work/phone run 0 -c kura.yaml diff latest latest "${kit[@]}"

# The reason: recorded before the first byte; never with a policy that allows nobody.
refused road-persons -c ruled.yaml restore "${kit[@]}" --target phone/back --onto-removable "火災のため"
cp strict.yaml here.yaml
sed -i "s,state: .*,state: $work/strict-state," here.yaml
refused road-policy -c here.yaml restore --kit memory.kit --passphrase-file memory.pw --target phone/back \
    --onto-removable "火災のため"
run 2 -c kura.yaml restore "${kit[@]}" --target phone/back --onto-removable ""
untouched
run 0 -c kura.yaml restore "${kit[@]}" --target phone/back --onto-removable "火災のため"
same_tree shop/documents/2024/05 storage/back/documents/2024/05
places '.[0] | .class == "removable" and .allowed and .reason == "火災のため"'
jq -se '.[-2].begun and .[-2].places[0].reason == "火災のため"' state/audit/log >/dev/null ||
    fail "the reason is not recorded before the first byte"
# A file system that only knows the plain rename: what is there stays there.
echo mine >storage/back/ledger/output
run 3 -c kura.yaml restore "${kit[@]}" --target phone/back --onto-removable "火災のため"
[ "$(cat storage/back/ledger/output)" = mine ] || fail "a file that was there was replaced"
rm -r storage/back
# With a number it is the number of persons that counts, and who was not counted does not go.
amend() { # VERSION SED-EXPRESSION
    sed -i "s/^version: .*/version: $1/; $2" policy.yaml
    run 0 policy sign policy.yaml --key yamada.sign --passphrase-file yamada.pw
}
amend 2 's/max_documents_per_carry: 10/max_documents_per_carry: 10, max_persons_restore: 499/'
refused road-persons -c ruled.yaml restore "${kit[@]}" --target phone/back --onto-removable "火災のため"
says err "not counted in every database"
echo 'persons: [{ domain: customer, source: customers, sql: SELECT id FROM customers }]' >>policy.yaml
amend 3 ''
run 0 -c ruled.yaml backup
refused road-persons -c ruled.yaml restore "${kit[@]}" --target phone/back --onto-removable "火災のため"
says err "500 persons would go onto the removable medium, and the policy allows 499"
[ ! -e storage/back ] || fail "a refused restore made its target"
amend 4 's/max_persons_restore: 499/max_persons_restore: 500/'
run 0 -c ruled.yaml restore "${kit[@]}" --target phone/back --onto-removable "火災のため"
places '.[0].policy == 4'
rm -r storage/back
refused road-identity -c ruled.yaml open sealed.age --identity key.txt --out phone/opened --onto-removable "出張"
run 0 -c kura.yaml open sealed.age --identity key.txt --out phone/opened --onto-removable "出張"
[ "$(cat storage/opened)" = secret ] || fail "another secret"
echo "roads: the worst day, mounts in the target, redirected output, policies, a telephone"
