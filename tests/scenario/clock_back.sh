#!/usr/bin/env bash
# A clock that is wrong: set back by a week, by a year, ahead, and right again. The backup says so
# and is made all the same; the snapshots keep their order, and nothing of any of them is lost.
source "$(dirname "$0")/lib.sh"
in_memory
in_memory
faketime=$(faketime -f +0d printenv LD_PRELOAD)

# at SECONDS COMMAND...: kura with a clock that is ahead by that much.
at() {
    local shift=$1
    shift
    # AddressSanitizer must not ask for the time within its allocator: faketime allocates to find it.
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:allocator_release_to_os_interval_ms=-1 \
        LD_PRELOAD=$faketime FAKETIME=$(printf %+d "$shift")s DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 kura "$@"
}
day=86400
told="but the clock of this machine says"

make_shop
rm "$work/shop/documents/a.tmp"
age-keygen -o "$work/manager.txt" 2>/dev/null
age-keygen -y "$work/manager.txt" >"$work/manager.pub"
sed -i 's|^  state: state|&\n  recipients: [manager.pub]|' "$work/kura.yaml"
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"

# night SHIFT EXIT: something changes, and it is backed up.
nights=0
night() {
    nights=$((nights + 1))
    echo "$nights" >"$work/shop/documents/changing" # the same length each night
    echo "$nights" >"$work/shop/documents/only-$nights"
    sqlite3 "$work/shop/customers.db" "UPDATE customers SET phone = '$nights' WHERE id = $nights"
    expect_exit "$2" at "$1" backup
    rm -rf "$work/shop.$nights"
    cp -a "$work/shop" "$work/shop.$nights"
}
unwarned() {
    grep -qF "$told" "$work/err" && fail "night $nights: a word of the clock, which is right"
    return 0
}

night 0 0
unwarned
night $((-7 * day)) 3
says err "$told"
night $((-7 * day + 60)) 0 # told once, it is as the night before
unwarned
night $((-365 * day)) 3
says err "$told"
night 0 0
unwarned
night $((400 * day)) 0 # ahead: nothing shows that it is wrong
unwarned
night 0 3
says err "$told"
night 300 0
unwarned
night 0 0 # some minutes: as two machines differ
unwarned

# ------------------------------------------------------------------ in order, and whole

expect_exit 0 kura check --read-data
expect_exit 0 kura snapshots --json
json "length == $nights"
json '[.[].sequence] == ([.[].sequence] | sort | unique)'
json '[.[].time] != ([.[].time] | sort)' # the clock was wrong indeed
mapfile -t ids < <(jq -r '.[].id' "$work/out")
for number in $(seq "$nights"); do
    rm -rf "$work/back"
    expect_exit 0 kura restore -i "$work/manager.txt" --target "$work/back" --snapshot "${ids[number - 1]}"
    same_tree "$work/shop.$number/documents" "$work/back/documents"
    same_database "$work/shop.$number/customers.db" "$work/back/customers/customers.db"
done

# The latest is the last that was made, whatever the clock says now.
for shift in $((-365 * day)) 0 $((400 * day)); do
    rm -rf "$work/back"
    expect_exit 0 at "$shift" restore -i "$work/manager.txt" --target "$work/back"
    same_tree "$work/shop.$nights/documents" "$work/back/documents"
    expect_exit 0 at "$shift" snapshots
done

# A number never comes twice, also when the storage was rolled back and the clock with it.
expect_exit 0 kura snapshots --json
highest=$(jq '.[-1].sequence' "$work/out")
rm "$work/vault/statements/${ids[-1]}"
expect_exit 5 at $((-7 * day)) backup
expect_exit 0 kura snapshots --json
json ".[-1].sequence > $highest"
expect_exit 0 restore_with_kit "$work/after"
same_tree "$work/shop/documents" "$work/after/documents"
echo "clock back: $nights nights with the clock right, behind and ahead"
