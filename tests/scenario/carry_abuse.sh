#!/usr/bin/env bash
# Somebody tries to carry more than was approved, twice, elsewhere, or without a trace, with the
# whole program: each is refused by its rule. And an export killed at any of its writes: what may be
# on the medium is counted, and no token works twice.
#
# Two dozen kills, evenly spread. KURA_KILL_EVERY=1 tries every call.
source "$(dirname "$0")/lib.sh"
source "$tests/support/disks.sh"
((EUID == 0)) || skip "needs root to mount a medium"
[ "$("$KURA" medium explain "$work" --json | jq -r .class)" = fixed ] ||
    skip "the state folder would not be on a fixed disk"
truncate -s 1M probe.img
losetup -f --show probe.img >loop 2>/dev/null || skip "no loop devices"
losetup -d "$(cat loop)"
faketime=$(faketime -f +0d printenv LD_PRELOAD)

# ------------------------------------------------------------------ a shop, its people, its media

mkdir -p shop/documents/1
sqlite3 shop/customers.db "CREATE TABLE customers (id INTEGER, name TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
    INSERT INTO customers SELECT i, '山田 太郎 ' || i FROM n"
head -c 6000000 /dev/urandom >shop/documents/1/scan.tif
configure
printf 'policy: policy.yaml\n' >>kura.yaml
for who in yamada suzuki sato tanaka second; do # minisign's own keys; none has a passphrase
    minisign -G -f -W -p "$who.sign.pub" -s "$who.sign" >/dev/null
done
age-keygen -o reader.key 2>/dev/null
key() { tail -1 "$1.sign.pub"; }
expect_exit 0 kura init --kit kit.txt --passphrase-file pw --policy-key yamada.sign.pub

# A medium whose backing may be too small for what it promises.
mkdir thin
mount -t tmpfs -o size=12m tmpfs thin
at_exit=("umount '$work/thin'" "${at_exit[@]}")
for name in stick other thin/false; do
    truncate -s 32M "$name.img"
    mkfs.ext4 -q -m 0 -O ^has_journal -E root_owner,lazy_itable_init=1 "$name.img"
    mkdir "$name"
    disk_mount "$name"
    at_exit=("umount '$work/$name' 2>/dev/null" "${at_exit[@]}")
done
expect_exit 0 kura medium enrol --path stick --id M-001
cp out media
expect_exit 0 kura medium enrol --path thin/false --id M-003
cat out >>media
host=$(kura host list --json | jq -r '.[0].key')
reader=$(age-keygen -y reader.key)

write_policy() { # VERSION [SECOND-PERSON-OF-A-KEY]
    cat >policy.yaml <<YAML
version: $1
valid_from: 2026-01-01
shop: 山田自動車
contact: 03-0000-0000
clock_tolerance: 5m
anchor_age: 36h
limits: { absolute_ceiling: 300, max_persons_per_carry: 50, max_persons_outstanding: 60,
  max_persons_outstanding_shop: 100, rolling_days: 7, max_persons_rolling_bearer: 60,
  max_persons_rolling_shop: 200, max_documents_per_carry: 10 }
approval: { approvers: 1, second_above: 40, token_lifetime: 24h, carry_days: 14, overdue_grace_days: 1 }
people:
  - { id: yamada, name: 山田, roles: [data_manager, staff], key: "$(key yamada)", recipient: $reader }
  - { id: suzuki, name: 鈴木, roles: [deputy], key: "$(key suzuki)" }
  - { id: sato, name: 佐藤, roles: [staff], key: "$(key sato)", system_user: daemon }
  - { id: tanaka, name: 田中, roles: [staff], key: "$(key tanaka)", system_user: news }
${2:-}
hosts: [{ name: office, key: "$host" }]
purposes: [出張点検]
destinations: [{ name: laptop, recipients: [$reader] }]
field_classes: [{ name: opaque }, { name: name }, { name: scan }]
data_sets:
  - name: visits
    source: customers
    sql: SELECT id, name FROM customers WHERE id BETWEEN :from AND :to
    parameters: [{ name: from, type: integer }, { name: to, type: integer }]
    persons: [{ column: id, domain: customer }]
    fields: [{ column: id, class: opaque }, { column: name, class: name }]
    documents_source: documents
    documents_path: "{id}"
    documents_class: scan
    max_rows: 1000
    timeout: 30s
media:
$(cat media)
YAML
    minisign -S -s yamada.sign -m policy.yaml -x policy.yaml.minisig >/dev/null
}
write_policy 1
expect_exit 0 kura backup

# at SECONDS COMMAND...: kura with a clock that is ahead by that much.
at() {
    local shift=$1
    shift
    # AddressSanitizer must not ask for the time within its allocator: faketime allocates to find it.
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:allocator_release_to_os_interval_ms=-1 \
        LD_PRELOAD=$faketime FAKETIME=$(printf %+d "$shift")s DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 kura "$@"
}
day=86400
refused() { # RULE COMMAND...: it ends with 4 and names the rule
    local rule=$1
    shift
    expect_exit 4 "$@"
    says err "[$rule]"
}
ask() { # WHO FROM TO [OPTION...]: R.request
    rm -f R.request
    kura carry request --data-set visits --param "from=$2" --param "to=$3" --purpose 出張点検 \
        --destination laptop --medium M-001 --return-by "$(date -d '+3 days' +%F)" \
        --key "$1.sign" --out R.request "${@:4}"
}
approve() { # WHO: R.token
    rm -f R.token
    kura carry approve R.request --key "$1.sign" --root yamada.sign.pub --out R.token
}
approved() { # FROM TO [OPTION...]: asked by sato, $carry
    expect_exit 0 ask sato "$@" --json
    carry=$(jq -r .carry out)
    expect_exit 0 approve yamada
}
export_it() { # [FOLDER]: by sato
    kura carry export R.token --to "${1:-stick}" --key sato.sign
}
state() { kura carry show "$1" --json | jq -r .state; }
back() {
    rm -f certificate
    expect_exit 0 kura carry return "$carry" --from stick --key suzuki.sign --out certificate
}
containers() { find stick -name '*.age*' -size +0 | wc -l; }

# ------------------------------------------------------------------ splitting

for from in 1 21 41; do
    approved "$from" $((from + 19))
    expect_exit 0 export_it
    back
done
refused rolling-bearer ask sato 61 62
says err "62, and the policy allows 60"
expect_exit 0 ask tanaka 61 62 # who has taken nothing

# ------------------------------------------------------------------ eight processes with one token

approved 1 20
for n in 1 2 3 4 5 6 7 8; do
    (export_it >"out.$n" 2>&1 && echo >"done.$n") &
done
wait
[ "$(ls done.* | wc -l)" = 1 ] || fail "$(ls done.* | wc -l) of 8 exports succeeded"
[ "$(cat out.? | grep -c 'token-spent')" = 7 ] || fail "not all others are told why"
[ "$(containers)" = 1 ] || fail "$(containers) containers are on the medium"
[ "$(jq -c "select(.event == \"carry.reserve\" and .carry == \"$carry\")" state/audit/log | wc -l)" = 1 ]

# ------------------------------------------------------------------ overdue, and clocks

day_after=$((5 * day))
expect_exit 0 at "$day_after" carry list --json
json ".carries[] | select(.id == \"$carry\").overdue"
json "[.carries[] | select(.overdue)] | length == 1"
back
approved 1 20
refused clock at -7200 carry export R.token --to stick --key sato.sign
refused clock at -7200 carry request --data-set visits --param from=1 --param to=2 --purpose 出張点検 \
    --destination laptop --medium M-001 --return-by "$(date -d '+3 days' +%F)" --key sato.sign --out x.request
refused anchor-old at $((2 * day)) carry export R.token --to stick --key sato.sign
# That was written down with the time of then; the right time is behind it now.
refused clock export_it
[ "$(containers)" = 0 ] || fail "something was written"
# The data manager says what time it is: not a member of staff, and not another time.
refused role kura audit clock "$(date '+%F %T')" --key sato.sign
refused clock kura audit clock "$(date -d '+2 days' '+%F %T')" --key yamada.sign
expect_exit 0 kura audit clock "$(date '+%F %H:%M')" --key yamada.sign --note "電池切れ"
refused clock kura audit clock "$(date '+%F %T')" --key yamada.sign # there is nothing to accept
refused clock at -7200 carry export R.token --to stick --key sato.sign
[ "$(state "$carry")" = requested ] || fail "$carry is not requested"

# ------------------------------------------------------------------ the log is put back, cut and edited

rm -rf state vault host.key kit.txt kit_login.pub pw
expect_exit 0 kura init --kit kit.txt --passphrase-file pw --policy-key yamada.sign.pub
host=$(kura host list --json | jq -r '.[0].key')
expect_exit 0 kura medium enrol --path stick --id M-001
expect_exit 0 kura medium enrol --path thin/false --id M-003
write_policy 2
cp policy.yaml two.yaml
expect_exit 0 kura backup
approved 1 20
cp -a state state.approved
cp -a stick/kura-label.txt label.approved
expect_exit 0 export_it
back
expect_exit 0 kura backup
cp -a state state.whole
rm -rf state && cp -a state.approved state
cp label.approved stick/kura-label.txt
refused anchor-ahead export_it # the token was not spent, says the state
[ "$(containers)" = 0 ] || fail "a token was used twice"
for edit in '$d' '2d' 's/"persons":20/"persons":2/' '2p' '1h;1d;2G'; do
    rm -rf state && cp -a state.whole state
    sed -i "$edit" state/audit/log
    expect_exit 5 kura audit verify
    refused log ask sato 1 2
    refused log kura carry return "$carry" --from stick --key suzuki.sign
done
rm -rf state && mv state.whole state
expect_exit 0 kura medium label --path stick --id M-001
expect_exit 0 kura audit verify

# ------------------------------------------------------------------ oneself as somebody else

expect_exit 0 ask yamada 1 2
refused self-approval approve yamada
refused approver-role approve second # a second key of the same person is nobody's
# In the policy it would need a second person; one key for two is refused there.
write_policy 3 "  - { id: yamada2, name: 山田, roles: [deputy], key: \"$(key yamada)\" }"
expect_exit 2 kura policy check policy.yaml
expect_exit 4 ask yamada 1 2
cp two.yaml policy.yaml
minisign -S -s yamada.sign -m policy.yaml -x policy.yaml.minisig >/dev/null
# An older or foreign policy beside a true request: the request is not the signed one any more.
expect_exit 0 ask sato 1 2
payload=$(cut -d. -f3 R.request)
for claim in persons policy; do
    python3 - "$payload" "$claim" >forged.request <<'PY'
import base64, json, sys
raw = base64.urlsafe_b64decode(sys.argv[1] + "==")
claims = json.loads(raw[:-64])
if sys.argv[2] == "persons":
    inner = claims["attestation"].split(".")
    sworn = base64.urlsafe_b64decode(inner[2] + "==")
    said = json.loads(sworn[:-64])
    said["persons"] = 1
    inner[2] = base64.urlsafe_b64encode(json.dumps(said).encode() + sworn[-64:]).decode().rstrip("=")
    claims["attestation"] = ".".join(inner)
else:
    claims["policy"] = claims["policy"].replace("max_persons_per_carry: 50", "max_persons_per_carry: 900")
print("v4.public." + base64.urlsafe_b64encode(json.dumps(claims).encode() + raw[-64:]).decode().rstrip("="))
PY
    printf '.%s' "$(cut -d. -f4 R.request)" >>forged.request
    tr -d '\n' <forged.request >one-line && mv one-line forged.request
    expect_exit 4 kura carry approve forged.request --key yamada.sign --out forged.token
done
[ ! -e forged.token ] || fail "a forged request was approved"

# ------------------------------------------------------------------ another user's files

approved 1 2
chmod 755 "$work" && chmod 644 kura.yaml
echo "gate: gate.sock" >>kura.yaml
"$KURA" -c kura.yaml gate serve 2>gate.err &
gate=$!
at_exit=("kill $gate 2>/dev/null" "${at_exit[@]}")
eventually [ -S gate.sock ] || fail "the gate does not open"
chmod 666 gate.sock && chmod 777 stick
mkdir desk && cp tanaka.sign desk && chown -R news desk
as_tanaka() {
    (cd desk && setpriv --reuid news --regid nogroup --clear-groups "$KURA" -c "$work/kura.yaml" "$@")
}
# The service could read them all; it is given contents by whoever may read them, never names.
chmod 600 R.token R.request sato.sign
expect_exit 1 as_tanaka carry export "$work/R.token" --to "$work/stick" --key tanaka.sign
expect_exit 1 as_tanaka carry export "$work/state/carry/$carry/attestation" --to "$work/stick" --key tanaka.sign
chmod 644 R.token
expect_exit 1 as_tanaka carry export "$work/R.token" --to "$work/stick" --key "$work/sato.sign"
refused other-bearer as_tanaka carry export "$work/R.token" --to "$work/stick" --key tanaka.sign
expect_exit 1 as_tanaka carry lost "$carry" --out "$work/state/report"
[ ! -e state/report ] || fail "the service wrote a file for somebody"
chmod 755 stick
expect_exit 1 as_tanaka carry request --data-set visits --param from=1 --param to=2 --purpose 出張点検 \
    --destination laptop --medium M-001 --return-by "$(date -d '+3 days' +%F)" --key tanaka.sign --out "$work/state/x"
kill "$gate" && wait "$gate"
sed -i '/^gate:/d' kura.yaml
[ "$(state "$carry")" = requested ] || fail "$carry is not requested"

# ------------------------------------------------------------------ links to the medium, media that fail

expect_exit 0 ask sato 1 2 --medium M-001
expect_exit 0 approve yamada
carry=$(jq -r 'select(.event == "carry.request").carry' state/audit/log | tail -1)
ln -s stick linked
mkdir bound && mount --bind other bound
at_exit=("umount '$work/bound'" "${at_exit[@]}")
refused medium-other export_it bound
refused medium-other export_it other
expect_exit 0 export_it linked # where it leads is what counts
back
# Full before: told so, and the token is as good as before.
approved 1 1 --documents
head -c 30000000 /dev/zero >stick/.kura-C-full.partial 2>/dev/null || :
refused medium-full export_it
rm stick/.kura-C-full.partial
[ "$(state "$carry")" = requested ] || fail "$carry is not requested"
expect_exit 0 export_it
back
# It promises more than it holds, and says so when it is to keep it.
head -c 9000000 /dev/urandom >thin/rest
expect_exit 0 ask sato 1 1 --documents --medium M-003 --json
carry=$(jq -r .carry out)
expect_exit 0 approve yamada
expect_exit 1 export_it thin/false
expect_text "counts in full"
[ "$(state "$carry")" = interrupted ] || fail "$carry is $(state "$carry")"
umount thin/false && rm thin/rest && disk_mount thin/false
refused token-spent export_it thin/false

# ------------------------------------------------------------------ killed at every write

kill_at=${KURA_BUILD:?}/tests/kill_at
approved 1 5
rm -rf pristine && mkdir pristine
cp -a state pristine/state
cp -a stick/kura-label.txt pristine
put_back() {
    rm -rf state && cp -a pristine/state state
    find stick -mindepth 1 -name '*kura*' -delete
    cp -a pristine/kura-label.txt stick
}
killed() { # KILL_AT-OPTION...: the export under it; $how, $calls and $call are what came of it
    local code=0
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 "$kill_at" -t 60 -o struck "$@" "$KURA" -c kura.yaml \
        carry export R.token --to stick --key sato.sign >out 2>err </dev/null || code=$?
    read -r how calls call <struck || fail "kill_at says nothing ($code)"
    ((code != 124)) || fail "the export hangs"
}
kills=0
counted=0
try() {
    local now on_medium
    put_back
    killed "$@"
    [ "$how" = killed ] || return 0
    kills=$((kills + 1))
    on_medium=$(containers)
    kura carry list --json >list 2>err || fail "after a kill at $calls ($call), $*: no list"
    now=$(jq -r ".carries[] | select(.id == \"$carry\").state" list)
    case $now in
        requested | approved)
            [ "$on_medium" = 0 ] || fail "killed at $calls ($call): a copy is on the medium and not counted"
            expect_exit 0 export_it
            ;;
        interrupted | out)
            counted=$((counted + 1))
            jq -e ".carries[] | select(.id == \"$carry\") | .outstanding and .persons == 5" list >/dev/null ||
                fail "killed at $calls ($call): not counted in full"
            refused token-spent export_it
            back
            [ "$(containers)" = 0 ] || fail "killed at $calls ($call): a copy stays after the return"
            ;;
        *) fail "killed at $calls ($call): it is $now" ;;
    esac
    expect_exit 0 kura audit verify
}
killed
[ "$how" = ended ] || fail "the export cannot be counted"
all=$calls
((all > 20)) || fail "an export makes $all calls only: are they counted at all?"
if [ -n "${KURA_KILL_EVERY:-}" ]; then
    for ((n = 1; n <= all + 1; n++)); do
        try -n "$n"
        try -b -n "$n"
    done
else
    for ((n = 1; n <= 24; n++)); do
        # shellcheck disable=SC2046
        try $( ((n % 2)) || echo -b) -n $((n * all / 24))
    done
fi
((counted > 0 && counted < kills)) || fail "of $kills kills $counted came after the reservation"
echo "carry_abuse: every abuse refused by its rule; an export killed at $kills of $all calls," \
    "$counted times after the reservation, and never a copy uncounted"
