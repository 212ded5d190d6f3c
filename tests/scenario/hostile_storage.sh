#!/usr/bin/env bash
# The storage lies: every object damaged, cut, emptied, removed, doubled, exchanged, replayed, or
# brought in from elsewhere. check names it; a restore gives right bytes or says what is missing,
# and never writes beside its target.
# KURA_LONG=1: after every attack both snapshots are restored, and more of them with the kit.
source "$(dirname "$0")/lib.sh"

in_memory

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

# Whatever the storage serves, so much address space is enough (unlocking the kit takes 257 MiB). A
# sanitizer reserves more than any machine has.
bounded=(prlimit "--as=$((1200 * 1024 * 1024))")
if grep -qa __asan_init "$KURA"; then bounded=(); fi

fresh() { # [FOLDER]: the storage, or that part of it, as it was after the third night
    rm -rf "${work:?}/vault${1:+/$1}"
    cp -a "$work/vault.good${1:+/$1}" "$work/vault${1:+/$1}"
}

# give_back OLDEST|NEWEST: into the only folder of an own one. Its exit code is in code_of.
# The newest comes in $way: with the manager's identity, or with the kit as on a bare machine.
declare -A snapshot_of=([oldest]=${snapshots[0]} [newest]=${snapshots[2]}) code_of=() same=()
way=(-c "$work/kura.yaml" -i "$work/manager.txt")
kit=(--kit "$work/kit.txt" --passphrase-file "$work/pw")
give_back() {
    local code=0 through=("${way[@]}")
    [ "$1" = newest ] || through=(-c "$work/kura.yaml" -i "$work/manager.txt")
    rm -rf "${work:?}/$1"
    mkdir "$work/$1"
    same[$1]=
    (cd "$work/$1" && "${bounded[@]}" "$KURA" restore "${through[@]}" --target back --snapshot "${snapshot_of[$1]}" \
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
    # As at a wrong address, of a snapshot that never was, or sealed to others: the storage cannot tell.
    [ "$code" != 0 ] && [ ! -e "$work/$2/back" ] && grep -qE \
        'there is no repository at|no snapshot begins with|none of the keys given opens' "$work/err" && return
    [[ $code =~ ^[035]$ ]] || fail "$1: restore of the $2 ended with $code"
    [[ $(echo "$work/$2"/*) =~ ^"$work/$2/"(back|\*)$ ]] || fail "$1: wrote beside the target"
    if [ ! -d "$work/$2/back" ]; then
        [ "$code" = 5 ] && [ -s "$work/err" ] || fail "$1: nothing of the $2, and exit $code"
        return
    fi
    same[$2]=yes
    diff -r --no-dereference "$work/$2.true" "$work/$2/back" >"$work/diff" || same[$2]=no
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

# What is in $work beside what the judge makes there.
shopt -s dotglob
beside() {
    local GLOBIGNORE="$work/oldest:$work/newest:$work/diff"
    echo "$work"/*
}

deeper=()               # options of check besides
judged=(oldest newest) # what is restored
# judge WHAT CODES [NAME]: check ends with one of the codes (as a pattern), with 5 naming the object.
judge() {
    local code=0 before
    before=$(beside)
    "${bounded[@]}" "$KURA" -c "$work/kura.yaml" check --read-data "${deeper[@]}" >"$work/out" 2>"$work/err" \
        </dev/null || code=$?
    [[ $code =~ ^($2)$ ]] || fail "$1: check ended with $code, not $2"
    [ "$code" = 0 ] || [ -z "${3-}" ] || expect_text "$3"
    if grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$work/err"; then
        fail "$1: control characters reach the terminal"
    fi
    for which in "${judged[@]}"; do
        judge_restore "$1" "$which"
    done
    [ "$before" = "$(beside)" ] ||
        fail "$1: something was written beside the targets"
    count=$((count + 1))
}

# whole WHAT WHICH: nothing of it may lack, though something else in the storage is damaged.
whole() {
    [ "${same[$2]}" = yes ] || diff -r --no-dereference "$work/$2.true" "$work/$2/back" >"$work/diff" ||
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

by_kit='flip_middle|delete' # what is restored with the kit, whose passphrase takes its time
[ "${KURA_LONG:-}" != 1 ] || by_kit='flip_middle|delete|empty|double'

# attack HOW OBJECT
attack() {
    local name codes=5
    name=${2##*/}
    "$1" "$work/vault/$2"
    way=(-c "$work/kura.yaml" -i "$work/manager.txt")
    [ "$1" = double ] && codes=0
    case $2 in
        repository/*) [[ $1 =~ ^(delete|folder|link_away)$ ]] && name='the description of this repository is missing' ;;
        # The host sees the form alone; and of several, one that lacks is no loss to the others.
        keys/*) [[ $1 =~ ^(flip_middle|flip_last|delete|folder|link_away)$ ]] && codes='0|5' ;;
        hosts/*) [[ $1 =~ ^(delete|folder|link_away)$ ]] && name='vouches for no host' ;;
    esac
    [[ "$1 $2" =~ ^($by_kit)\ (repository|hosts|keys)/ ]] && way=("${kit[@]}")
    judge "$1 $2" "$codes" "${name%%.*}"
    case "$1 $2" in
        double*) whole "$1 $2" oldest && whole "$1 $2" newest ;;
        *\ references/* | *\ index/* | *\ repository/*) whole "$1 $2" oldest && whole "$1 $2" newest ;;
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
    [ "${KURA_LONG:-}" = 1 ] || hows=("${hows[count % 2]}")
    [ "${object%%/*}" = "$last" ] ||
        hows=(flip_middle delete shorten empty double lengthen outgrow folder link_away)
    last=${object%%/*}
    for how in "${hows[@]}"; do
        attack "$how" "$object"
    done
done
((count > 70)) || fail "only $count attacks"

# ------------------------------------------------------------------ every part of every kind of object

# parts OBJECT: "name offset" of each part of it, as FORMAT.md has them.
parts() {
    local file=$work/vault.good/$1 size line
    size=$(stat -c %s "$file")
    case $1 in
        repository/* | hosts/*)
            echo "signature 10" "signature-end 63" "brace 64" "words $((64 + (size - 64) / 2))" "last-brace $((size - 1))" ;;
        keys/* | snapshots/*)
            echo "version 5"
            grep -aboE '^(-> |[A-Za-z0-9+/]{43}$|---)' "$file" | head -20 |
                awk -F: '{ print ($2 == "---" ? "mac" : $2 == "-> " ? "stanza" : "sealed-key") " " $1 + 6 }'
            line=$(grep -abE '^--- ' "$file" | head -1 | cut -d: -f1) # "--- ", 43 digits, a line's end
            echo "payload-nonce $((line + 48 + 3))" "payload $((line + 48 + 16 + 2))" "payload-tag $((size - 5))" ;;
        packs/*)
            line=$(od -An -tu4 -j $((size - 16)) -N 4 "$file") # where the directory begins
            echo "chunk-nonce 5" "chunks $((line / 2))" "chunk-tag $((line - 3))"
            echo "directory-nonce $((line + 5))" "directory $((line + 30))" "directory-zeros $((size - 16 - 16 - 2))"
            echo "directory-tag $((size - 16 - 3))" "directory-place $((size - 16))" "directory-place-high $((size - 13))" "magic $((size - 5))" ;;
        *)
            echo "magic 3" "nonce 20" "length 36" "length-high 43" "content 50" "zeros $((size - 20))" "tag $((size - 5))" ;;
    esac | xargs -n 2
}
cut_last() { truncate -s -1 "$1"; }
one_more() { printf '\0' >>"$1"; }

# With an identity: the host alone cannot see to whom a secret is sealed; and a part that was sealed to
# the manager is the kit's to miss, if another object lets the manager in.
way=(-c "$work/kura.yaml" -i "$work/manager.txt")
[ "${KURA_LONG:-}" = 1 ] || judged=(newest)
for kind in repository hosts keys statements snapshots references index packs; do
    object=$(contents "$work/vault.good" | grep -vxFf "$work/second.list" | grep "^$kind/" | head -1 || :)
    [ -n "$object" ] || object=$(grep "^$kind/" "$work/first.list" | head -1)
    name=${object##*/}
    known=$count
    while read -r part offset; do
        flip "$work/vault/$object" "$offset"
        deeper=(-i "$work/manager.txt")
        if [[ "$kind $part" =~ ^keys\ (stanza|sealed-key)$ ]]; then
            # What was sealed to one of two now looks sealed to others; the other one notices.
            judge "$part of $object" '0|5'
            kura check -i "$work/manager.txt" >"$work/out" 2>"$work/err" || : # says so by its code
            grep -qF "$name" "$work/err" || kura check "${kit[@]}" >>"$work/out" 2>>"$work/err" || :
            expect_text "$name"
        else
            judge "$part of $object" 5 "${name%%.*}"
        fi
        [ "${#judged[@]}" = 1 ] || [[ $kind =~ ^(repository|hosts|keys)$ ]] || whole "$part of $object" oldest
        fresh "${object%/*}"
    done < <(parts "$object")
    ((count >= known + 5)) || fail "no parts of $kind"
    for how in cut_last one_more; do
        deeper=(-i "$work/manager.txt")
        $how "$work/vault/$object"
        judge "$how $object" 5 "${name%%.*}"
        fresh "${object%/*}"
    done
done
deeper=()
judged=(oldest newest)

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

# In the only copy, what was sealed to the manager or to the kit: either way he can tell.
for stanza in 1 2; do
    fresh
    read -r only others < <(cd "$work/vault/keys" && echo *)
    # shellcheck disable=SC2086
    (cd "$work/vault/keys" && rm $others)
    flip "$work/vault/keys/$only" $(($(grep -abo '^-> ' "$work/vault/keys/$only" | sed -n ${stanza}p | cut -d: -f1) + 6))
    run 5 -c "$work/kura.yaml" check -i "$work/manager.txt"
    expect_text "$only"
done

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

# ------------------------------------------------------------------ by a host that was revoked, or never added

sed 's/host\.key/host2.key/; s|: state|: state2|; /^sources:/q' "$work/kura.yaml" >"$work/thief.yaml"
echo '  - { name: documents, tree: shop/documents/三晩 }' >>"$work/thief.yaml"
fresh
contents "$work/vault" >"$work/before.list"
run 0 -c "$work/thief.yaml" host add "${kit[@]}"
added=$(contents "$work/vault" | grep -vxFf "$work/before.list")
cp -a "$work/vault" "$work/vault.added"
run 0 -c "$work/thief.yaml" backup
mkdir "$work/stolen"
for object in $(contents "$work/vault" | grep -vxFf "$work/before.list" | grep -vxF "$added"); do
    mkdir -p "$work/stolen/${object%/*}"
    cp "$work/vault/$object" "$work/stolen/$object"
done
statement=$(ls "$work/stolen/statements")
mv "$work/vault.added" "$work/vault.revoked"
rm -rf "$work/vault"
mv "$work/vault.revoked" "$work/vault"
thief=$(kura host list --json | jq -r --arg own "$(kura snapshots --json | jq -r '.[0].host')" \
    '.[] | select(.verdict == "added" and .key != $own) | .key')
expect_exit 0 kura host revoke "$thief" "${kit[@]}"
for who in revoked unknown; do
    [ $who = revoked ] || fresh
    cp -a "$work/stolen/." "$work/vault/"
    judge "statement of a host that is $who" 5 "$statement"
    whole "statement of a host that is $who" oldest
    whole "statement of a host that is $who" newest
    rm -rf "$work/oldest"
    run 5 -c "$work/kura.yaml" restore -i "$work/manager.txt" --target "$work/oldest/back" --source documents
    cmp "$work/shop/documents/third.bin" "$work/oldest/back/documents/third.bin" # not the thief's latest
    run 5 -c "$work/kura.yaml" restore -i "$work/manager.txt" --target "$work/oldest/none" --snapshot "$statement"
    [ ! -e "$work/oldest/none" ] || fail "the snapshot of a host that is $who was restored"
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

# The packs of a night are gone and its index with them; a night makes up for it; then somebody brings
# the old index back. It must not be believed.
fresh
contents "$work/vault" | grep -xFf "$work/second.list" | grep -vxFf "$work/first.list" |
    grep -E '^(packs|index)/' | (cd "$work/vault" && xargs rm)
rm -rf "$work/state"
cp -a "$work/state.good" "$work/state"
expect_exit 5 kura backup
healed=$(kura snapshots --json | jq -r '.[-1].id')
for way_in in memory anew; do
    cp -an "$work/vault.good/index/." "$work/vault/index/"
    expect_exit 5 kura check --read-data
    for pack in $(grep -vxFf "$work/first.list" "$work/second.list" | grep '^packs/'); do
        expect_text "${pack##*/}"
    done
    rm -rf "$work/newest"
    expect_exit 0 kura restore -i "$work/manager.txt" --target "$work/newest/back" --snapshot "$healed"
    whole "an old index replayed, $way_in" newest
    [ $way_in = memory ] || break
    rm -rf "$work/state" # what lies where is learned from the indexes again
    code_of[backup]=0
    kura backup >"$work/out" 2>"$work/err" </dev/null || code_of[backup]=$?
    [[ ${code_of[backup]} =~ ^[05]$ ]] || fail "a backup after the replay ended with ${code_of[backup]}"
    healed=$(kura snapshots --json | jq -r '.[-1].id')
done
rm -rf "$work/state"
cp -a "$work/state.good" "$work/state"

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
    # This machine knows better, and goes on: whole, and with a number that never was.
    for arguments in "check --read-data" snapshots backup; do
        # shellcheck disable=SC2086
        run 5 -c "$work/kura.yaml" $arguments
        expect_text "${snapshots[2]}"
    done
    kura snapshots --json 2>/dev/null >"$work/out" || :
    json '.[-1].sequence > 3'
    rm -rf "$work/newest"
    expect_exit 0 kura restore -i "$work/manager.txt" --target "$work/newest/back"
    whole "after a roll-back" newest
    rm -rf "$work/state"
    cp -a "$work/state.good" "$work/state"
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
