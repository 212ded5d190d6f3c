#!/usr/bin/env bash
# The storage lies: every object damaged, cut, emptied, removed, doubled, exchanged, replayed, or
# brought in from elsewhere. check names it; a restore gives right bytes or says what is missing,
# and never writes beside its target.
source "$(dirname "$0")/lib.sh"

# Hundreds of restores: in memory, where a sync costs nothing.
if [ -w /dev/shm ]; then
    rm -rf "$work"
    work=$(mktemp -d /dev/shm/kura-scenario-XXXXXX)
    cd "$work" || exit
fi

# ------------------------------------------------------------------ three nights

make_shop
age-keygen -o "$work/manager.txt" 2>/dev/null
age-keygen -y "$work/manager.txt" >"$work/manager.pub"
sed -i 's|^  state: state|&\n  recipients: [manager.pub]|' "$work/kura.yaml"
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
expect_exit 0 kura backup
contents() { (cd "$1" && find . -type f -printf '%P\n' | sort); }
contents "$work/vault" >"$work/first.list"
head -c 500000 /dev/urandom >"$work/shop/documents/second.bin"
expect_exit 0 kura backup
head -c 400000 /dev/urandom >"$work/shop/documents/third.bin"
contents "$work/vault" >"$work/second.list"
mkdir "$work/shop/documents/三晩"
seq 20000 >"$work/shop/documents/三晩/numbers"
expect_exit 0 kura backup
mapfile -t snapshots < <(kura snapshots --json | jq -r '.[].id')
code=$(kura snapshots | grep -oE '[A-Z2-9]{4}-[A-Z2-9]{4}' | tail -1)
((${#snapshots[@]} == 3)) || fail "not three snapshots"
mv "$work/vault" "$work/vault.good"
mv "$work/state" "$work/state.good"

cp -a "$work/vault.good" "$work/vault"
cp -a "$work/state.good" "$work/state"

fresh() { # [FOLDER]: the storage, or that part of it, as it was after the third night
    rm -rf "${work:?}/vault${1:+/$1}"
    cp -a "$work/vault.good${1:+/$1}" "$work/vault${1:+/$1}"
}

# give_back OLDEST|NEWEST: into the only folder of an own one. Its exit code is in code_of.
# The newest comes in $way: with the manager's identity, or with the kit as on a bare machine.
declare -A snapshot_of=([oldest]=${snapshots[0]} [newest]=${snapshots[2]}) code_of=()
way=(-c "$work/kura.yaml" -i "$work/manager.txt")
kit=(--kit "$work/kit.txt" --passphrase-file "$work/pw")
give_back() {
    local code=0 through=("${way[@]}")
    [ "$1" = newest ] || through=(-c "$work/kura.yaml" -i "$work/manager.txt")
    rm -rf "${work:?}/$1"
    mkdir "$work/$1"
    (cd "$work/$1" && "$KURA" restore "${through[@]}" --target back --snapshot "${snapshot_of[$1]}" \
        >"$work/out" 2>"$work/err" </dev/null) || code=$?
    code_of[$1]=$code
}

for which in oldest newest; do
    give_back "$which"
    [ "${code_of[$which]}" = 0 ] || fail "the $which does not come back from a good storage"
    mv "$work/$which/back" "$work/$which.true"
done
rm "$work/shop/documents/a.tmp"
touch -r "$work/newest.true/documents" "$work/shop/documents"
same_tree "$work/shop/documents" "$work/newest.true/documents"
same_database "$work/shop/customers.db" "$work/newest.true/customers/customers.db"

# ------------------------------------------------------------------ what must hold, whatever was done

# judge_restore WHAT WHICH: right bytes or a word about what lacks, and nothing beside the target.
judge_restore() {
    local code line missing
    give_back "$2"
    code=${code_of[$2]}
    # As at a wrong address, or of a snapshot that never was: the storage alone cannot tell.
    grep -qE 'there is no repository at|no snapshot begins with' "$work/err" && [ "$code" != 0 ] &&
        [ ! -e "$work/$2/back" ] && return
    [[ $code =~ ^[035]$ ]] || fail "$1: restore of the $2 ended with $code"
    [ -z "$(find "$work/$2" -mindepth 1 -maxdepth 1 ! -name back)" ] || fail "$1: wrote beside the target"
    if [ ! -d "$work/$2/back" ]; then
        [ "$code" = 5 ] && [ -s "$work/err" ] || fail "$1: nothing of the $2, and exit $code"
        return
    fi
    diff -r --no-dereference "$work/$2.true" "$work/$2/back" >"$work/diff" || :
    while IFS= read -r line; do
        [[ $line == "Only in $work/$2.true"* ]] || fail "$1: the $2 came back wrong: $line"
        missing=$(sed -E 's|^Only in ([^:]*): |\1/|' <<<"$line")
        missing=${missing#"$work/$2.true/"}
        [ "$code" != 0 ] || fail "$1: $missing lacks in the $2, and restore says that all is well"
        while ! grep -qF -- "$missing" "$work/err"; do # it, or the folder or source that it is in
            [[ $missing == */* ]] || fail "$1: no word of $missing, which lacks in the $2"
            missing=${missing%/*}
        done
    done <"$work/diff"
}

# judge WHAT CODES [NAME]: check ends with one of the codes (as a pattern), with 5 naming the object.
judge() {
    local code=0 before
    before=$(find "$work" -maxdepth 1 ! -name oldest ! -name newest ! -name diff | sort)
    kura check --read-data >"$work/out" 2>"$work/err" </dev/null || code=$?
    [[ $code =~ ^($2)$ ]] || fail "$1: check ended with $code, not $2"
    [ "$code" = 0 ] || [ -z "${3-}" ] || expect_text "$3"
    if grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$work/err"; then
        fail "$1: control characters reach the terminal"
    fi
    judge_restore "$1" oldest
    judge_restore "$1" newest
    [ "$before" = "$(find "$work" -maxdepth 1 ! -name oldest ! -name newest ! -name diff | sort)" ] ||
        fail "$1: something was written beside the targets"
    count=$((count + 1))
}

# whole WHAT WHICH: nothing of it may lack, though something else in the storage is damaged.
whole() {
    diff -r --no-dereference "$work/$2.true" "$work/$2/back" >"$work/diff" ||
        fail "$1: the $2 does not need what was damaged, and did not come back whole"
}

# ------------------------------------------------------------------ one object

count=0
flip() { # FILE OFFSET
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059
    printf "$(printf '\\%03o' $((byte ^ 65)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
flip_first() { flip "$1" 0; }
flip_middle() { flip "$1" $(($(stat -c %s "$1") / 2)); }
flip_last() { flip "$1" $(($(stat -c %s "$1") - 1)); }
shorten() { truncate -s $(($(stat -c %s "$1") * 2 / 3)) "$1"; }
lengthen() { head -c 1000 /dev/urandom >>"$1"; }
empty() { : >"$1"; }
outgrow() { truncate -s 3G "$1"; }
delete() { rm "$1"; }
folder() { rm "$1" && mkdir "$1"; }
link_away() { rm "$1" && ln -s /etc/passwd "$1"; }
double() {
    case $1 in
        */repository/* | */hosts/* | */keys/*) cp "$1" "${1%/*}/$random" ;;
        */snapshots/*) cp "$1" "${1%.*}.$random" ;;
        *) cp "$1" "$1.$random" ;;
    esac
}
random=00112233445566778899aabbccddeeff

# attack HOW OBJECT
attack() {
    local name codes=5
    name=${2##*/}
    "$1" "$work/vault/$2"
    way=(-c "$work/kura.yaml" -i "$work/manager.txt")
    [ "$1" = double ] && codes=0
    case $2 in
        repository/*) [[ $1 =~ ^(delete|folder|link_away)$ ]] && name='there is no repository' codes=1 ;;
        # The host sees the form alone; and of several, one that lacks is no loss to the others.
        keys/*) [[ $1 =~ ^(flip_middle|flip_last|delete|folder|link_away)$ ]] && codes='0|5' ;;
        hosts/*) [[ $1 =~ ^(delete|folder|link_away)$ ]] && name='vouches for no host' ;;
    esac
    [[ "$1 $2" =~ ^(flip_middle|delete|empty|double)\ (repository|hosts|keys)/ ]] && way=("${kit[@]}")
    judge "$1 $2" "$codes" "${name%%.*}"
    case "$1 $2" in
        double*) whole "$1 $2" oldest && whole "$1 $2" newest ;;
        *\ references/*) whole "$1 $2" oldest && whole "$1 $2" newest ;;
        *\ statements/* | *\ snapshots/*) grep -qxF "$2" "$work/second.list" && whole "$1 $2" newest ;;
    esac
    case $2 in
        keys/*) ;;
        repository/* | hosts/*) [ "$1" = double ] || [ "${code_of[newest]}" != 0 ] ||
            fail "$1 $2: the kit opens what is damaged" ;;
        *) grep -qxF "$2" "$work/first.list" || whole "$1 $2" oldest ;;
    esac
    fresh "${2%/*}"
}

# Those of the first night and of the third; the rarer attacks on the first of each kind.
mapfile -t objects < <({ cat "$work/first.list"; contents "$work/vault.good" | grep -vxFf "$work/second.list"; })
last=
for object in "${objects[@]}"; do
    hows=(flip_middle delete)
    [ "${object%%/*}" = "$last" ] ||
        hows+=(shorten flip_first flip_last empty double lengthen outgrow folder link_away)
    last=${object%%/*}
    for how in "${hows[@]}"; do
        attack "$how" "$object"
    done
done
((count > 80)) || fail "only $count attacks"

# The sealed secret, in all its copies: without it the kit opens nothing, so it must be missed at once.
way=("${kit[@]}")
fresh
rm "$work"/vault/keys/*
judge "no sealed secret" 5 keys
[ "${code_of[newest]}" = 5 ] || fail "restored without the secret"
fresh
for object in "$work"/vault/keys/*; do
    flip_last "$object"
done
run 5 -c "$work/kura.yaml" check "${kit[@]}"
expect_text "$(cd "$work/vault/keys" && ls | head -1)"
run 5 -c "$work/kura.yaml" check -i "$work/manager.txt"

# ------------------------------------------------------------------ two objects, and foreign ones

way=(-c "$work/kura.yaml" -i "$work/manager.txt")
for kind in statements snapshots references index packs; do
    fresh
    mapfile -t two < <(cd "$work/vault" && find $kind -type f | sort | head -2)
    cp "$work/vault.good/${two[0]}" "$work/vault/${two[1]}"
    cp "$work/vault.good/${two[1]}" "$work/vault/${two[0]}"
    name=${two[0]##*/}
    judge "exchanged $kind" 5 "${name%%.*}"
done

# Whoever can write there knows the recipients; keys to sign he has none.
mkdir "$work/foreign"
strings -n 8 "$work"/vault.good/repository/* | grep -oE 'age1[a-z0-9]+' >"$work/foreign/known.pub"
[ "$(wc -l <"$work/foreign/known.pub")" = 2 ] || fail "the recipients are not two"
sed "s|manager.pub|known.pub|; s|shop/|$work/shop/|" "$work/kura.yaml" >"$work/foreign/kura.yaml"
echo forged >"$work/shop/documents/forged"
for arguments in "init --kit $work/foreign/kit.txt --passphrase-file $work/foreign/pw" backup; do
    # shellcheck disable=SC2086
    expect_exit 0 "$KURA" -c "$work/foreign/kura.yaml" $arguments
done
rm "$work/shop/documents/forged"
for object in $(contents "$work/foreign/vault"); do
    fresh
    mkdir -p "$work/vault/${object%/*}"
    cp "$work/foreign/vault/$object" "$work/vault/$object"
    codes=5
    # What nothing refers to is left alone; and to whom a secret is sealed only the kit sees.
    [[ $object =~ ^(packs|references|snapshots|keys)/ ]] && codes=0
    judge "foreign $object" $codes "${object##*/}"
    whole "foreign $object" oldest
    whole "foreign $object" newest
done

for folder in repository hosts keys statements snapshots references index packs/00; do
    fresh
    : >"$work/vault/$folder/$(printf 'x\033]0;owned\a\033[2J\ny')"
    : >"$work/vault/$folder/$(printf 'n%.0s' {1..255})"
    : >"$work/vault/$folder/$(printf '\377\376')"
    : >"$work/vault/$folder/-rf"
    codes=5
    [ $folder = references ] && codes=0 # never listed: statements name what is read
    judge "names in $folder" $codes "$folder/-rf"
    whole "names in $folder" oldest
    whole "names in $folder" newest
done

# ------------------------------------------------------------------ older and other wholes

# A statement that was taken away comes back: under a retry's name it is itself, elsewhere nothing.
for number in 0 2; do
    fresh
    mv "$work/vault/statements/${snapshots[$number]}" "$work/vault/statements/${snapshots[$number]}.$random"
    judge "statement under a retry's name" 0
    mv "$work/vault/statements/${snapshots[$number]}.$random" \
        "$work/vault/statements/${snapshots[$number]:1}${snapshots[$number]:0:1}"
    judge "statement under another id" 5 "${snapshots[$number]}"
done

# Rolled back as a whole: what is there still opens, the code that was written down tells.
for list in first second; do
    fresh
    contents "$work/vault" | grep -vxFf "$work/$list.list" | (cd "$work/vault" && xargs rm)
    run 5 restore "${kit[@]}" --target "$work/stale" --expect-head "$code"
    [ ! -e "$work/stale" ] || fail "a stale snapshot was restored"
    give_back oldest
    [ "${code_of[oldest]}" = 0 ] || fail "the oldest is there, and does not come back"
    whole "rolled back" oldest
    give_back newest
    [ "${code_of[newest]}" != 0 ] && [ ! -e "$work/newest/back" ] || fail "the newest came from nowhere"
done

# Forged as a whole, for the known recipients.
rm -rf "$work/vault"
cp -a "$work/foreign/vault" "$work/vault"
run 5 restore "${kit[@]}" --target "$work/forged"
run 5 -c "$work/kura.yaml" restore -i "$work/manager.txt" --target "$work/forged"
run 5 restore -i "$work/manager.txt" --store "$work/vault" --target "$work/forged"
run 5 dump latest ledger "${kit[@]}"
[ ! -s "$work/out" ] || fail "forged content was written out"
run 5 -c "$work/kura.yaml" check
run 5 -c "$work/kura.yaml" backup
[ ! -e "$work/forged" ] || fail "something forged was restored"
diff -r "$work/foreign/vault" "$work/vault" >"$work/diff" || fail "the host wrote into a forged repository"
echo "hostile storage: $count attacks, no wrong byte"
