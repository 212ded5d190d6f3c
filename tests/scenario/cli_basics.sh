#!/usr/bin/env bash
# The command line: help, exit codes, JSON, passphrases, terminals, and init that never destroys.
source "$(dirname "$0")/lib.sh"
in_memory

make_shop
key=(--kit "$work/kit.txt" --passphrase-file "$work/pw")

# ---- help, from the tables
run 0 --version
says out "kura "
run 0 --help
for command in init "key new" "key list" "key passwd" backup snapshots ls find diff restore dump \
    check open "host add" "host revoke" "host list" "medium explain" "audit verify" "audit show" "audit export"; do
    says out "  $command"
done
while IFS= read -r command; do
    # shellcheck disable=SC2086
    run 0 $command --help
    says out "Usage: kura $command"
    says out "Exit codes: 0 done"
done < <("$KURA" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\( [a-z]*\)\?\)  .*/\1/p')
run 0 help restore
says out "--expect-head CODE"

# ---- wrong words
run 2
run 2 frobnicate
says err "there is no command frobnicate"
run 2 key
says err "kura key new"
run 2 snapshots --frobnicate
run 2 snapshots extra
run 2 ls
run 2 restore "${key[@]}"
says err "--target"
run 2 init
says err "--kit"
run 2 restore --target x --passphrase secret
says err "no option --passphrase"
run 2 -c "$work/nowhere.yaml" snapshots
says err "nowhere.yaml"
sed 's/url:/urll:/' "$work/kura.yaml" >"$work/bad.yaml"
run 2 -c "$work/bad.yaml" snapshots
says err "line 6"
says err '"urll"'

# ---- before init
run 1 -c kura.yaml snapshots
says err "kura init"

# ---- init: a weak passphrase makes nothing; a generated one goes into the named file
echo abc >weak
run 1 -c kura.yaml init --kit kit.txt --passphrase-file weak
says err "too weak"
run 2 -c kura.yaml init --kit kit.txt
says err "--passphrase-file"
[ ! -e kit.txt ] && [ ! -e host.key ] && [ ! -e vault ] || fail "a failed init left something"
run 0 -c kura.yaml init --kit kit.txt --passphrase-file pw --json
json '.repository | length == 32'
for file in kit.txt host.key pw; do
    [ "$(stat -c %a "$file")" = 600 ] || fail "$file is readable by others"
done
[ ! -e kit_login.pub ] || fail "a login for a local folder"
grep -qE '^([0-9a-z]{4}-){4}[0-9a-z]{4}$' pw || fail "no generated passphrase"

# ---- init never destroys
cp -p kit.txt kit.before
cp -p host.key host.before
run 1 -c kura.yaml init --kit kit.txt --passphrase-file pw
run 1 -c kura.yaml init --kit kit2.txt --passphrase-file pw
says err "host.key is there already"
mv host.key away.key
run 1 -c kura.yaml init --kit kit2.txt --passphrase-file pw
says err "kura host add"
[ ! -e kit2.txt ] || fail "a kit for a repository that is not ours"
mv away.key host.key
cmp kit.txt kit.before
cmp host.key host.before

# ---- an init that was interrupted after the repository was made is completed
mv host.key host.key.unfinished
mv kit.txt kit.txt.unfinished
run 0 -c kura.yaml init --kit kit.txt --passphrase-file pw
says err "interrupted"
cmp kit.txt kit.before
cmp host.key host.before

# ---- and one that was interrupted before begins again
sed 's/url: vault/url: vault2/; s/host\.key/host2.key/; s/: state/: state2/' kura.yaml >second.yaml
echo half >host2.key.unfinished
echo half >kit2.txt.unfinished
run 0 -c second.yaml init --kit kit2.txt --passphrase-file pw2
[ ! -e host2.key.unfinished ] && [ ! -e kit2.txt.unfinished ] || fail "unfinished files are left"

# ---- a night, for people and for programs
run 2 -c kura.yaml backup nosuchsource
run 0 -c kura.yaml backup
says out "is complete"
[ ! -s err ] || fail "words on standard error"
run 0 -c kura.yaml backup --json
json '.id | length == 64'
json '.head_code | test("^[A-Z0-9]{4}-[A-Z0-9]{4}$")'
code=$(jq -r .head_code out)
run 0 -c kura.yaml backup -q
[ ! -s out ] && [ ! -s err ] || fail "-q is not quiet"
run 0 snapshots -c kura.yaml --json
json 'length == 3 and all(.[]; has("id") and has("time") and has("sources"))'
json '.[0].sources | map(.name) == ["customers", "documents", "ledger"]'
json '.[0].sources[0].rows == {"customers": 500, "vehicles": 500}'
json 'map(.head) == [false, false, true]'
id=$(jq -r '.[0].id' out)
run 0 -c kura.yaml snapshots
says out "Head code: "
run 0 -c kura.yaml snapshots -v
says out "$id"
says out "vehicles: 500 rows"

# ---- the host key opens nothing
run 2 -c kura.yaml ls latest
says err "--kit"

# ---- looking into snapshots
run 0 ls "${id:0:8}" "${key[@]}"
says out "customers/"
run 0 ls latest documents/2024/05/ "${key[@]}"
says out "見積 001.txt"
run 0 ls latest -R --json "${key[@]}"
json 'map(select(.path == "2024/05/scan.pdf"))[0].size == 300000'
run 0 ls latest documents/2024 --json "${key[@]}"
json 'map(.path) | index("2024/05/scan.pdf") == null'
run 1 ls latest documents/2024/nosuch "${key[@]}"
run 2 ls latest nosuch "${key[@]}"
says err "customers, documents, ledger"
run 1 ls 00000000 "${key[@]}"
run 2 ls xyz "${key[@]}"
run 0 find '*.pdf' --json "${key[@]}"
json 'length == 3'
run 0 find '*.pdf' --snapshot latest "${key[@]}"
[ "$(wc -l <out)" = 1 ] || fail "find --snapshot looks elsewhere"
run 1 find 'nosuch*' "${key[@]}"
echo new >shop/documents/new.txt
rm shop/documents/2024/nothing
run 0 -c kura.yaml backup
run 0 diff "${id:0:8}" latest "${key[@]}"
says out "+ documents/new.txt"
says out "- documents/2024/nothing"
run 0 diff "${id:0:8}" latest --json "${key[@]}"
json 'map(select(.change == "added"))[0].path == "new.txt"'
run 0 diff latest latest --json "${key[@]}"
json '. == []'

# ---- dump
run 0 dump latest ledger "${key[@]}"
[ "$(cat out)" = ledger ] || fail "dump of a command"
"$KURA" dump latest documents:2024/05/scan.pdf "${key[@]}" | cmp - shop/documents/2024/05/scan.pdf
run 2 dump latest documents:2024 "${key[@]}"
says err "--tar"
mkdir untarred
"$KURA" dump latest documents:2024 --tar "${key[@]}" | tar -x --warning=no-unknown-keyword -C untarred
[ -n "$(find untarred -name scan.pdf)" ] || fail "the tar has no scan.pdf"

# ---- restore: what is said about freshness, and expectations
run 0 restore --target r1 --json "${key[@]}"
says err "cannot prove"
json '.failed == 0 and .counts_match and (.head_proved | not)'
run 5 restore --target r2 --expect-head "$code" "${key[@]}"
[ ! -e r2 ] || fail "restored in spite of the wrong head code"
code=$("$KURA" -c kura.yaml snapshots | sed -n 's/^Head code: //p')
run 0 restore --target r2 --expect-head "${code,,}" "${key[@]}"
says err "nothing newer is hidden"
# Not into the repository, nor around it, however it is spelt; beside it is well.
ln -s vault/packs within
for target in vault "$work/vault/new/deeper" within/x within/../../vault/x "$work" .; do
    find vault | sort >before
    run 2 restore --target "$target" --source ledger "${key[@]}"
    says err "lies within the"
    find vault | sort | cmp - before || fail "the refused restore changed the repository"
done
[ ! -e ledger ] || fail "restored around the repository"
run 0 restore --target vault.beside --source ledger "${key[@]}"
run 2 restore --target r3 --source nosuch "${key[@]}"
run 1 restore --target r3 --include 'nosuch*' "${key[@]}"
says err "--include"
run 0 restore --target r3a --include '*.pdf' --json "${key[@]}"
json '.failed == 0 and (.counts_match | not)'
run 1 restore --target r3 --before 2001-01-01 "${key[@]}"
run 2 restore --target r3 --before yesterday "${key[@]}"
run 0 restore --target r4 --snapshot "$id" --source ledger "${key[@]}"
[ "$(ls r4)" = ledger ] || fail "more than the source was asked for"

# ---- origin
run 0 -c kura.yaml key new --role manager --out manager.key --passphrase-file mpw
cp vault -r moved
run 2 key new --role boss --out x.key --passphrase-file mpw
run 1 key new --role staff --out manager.key --passphrase-file mpw
says err "never overwritten"
sed 's/state: state/&\n  recipients: [manager.key.pub]/; s/url: vault/url: vault3/; s/host\.key/host3.key/; s/: state/: state3/' \
    kura.yaml >third.yaml
run 0 -c third.yaml init --kit kit3.txt --passphrase-file pw3
run 0 -c third.yaml backup
run 0 -c third.yaml key list --json
json 'length == 2 and .[0].role == "recovery"'
run 5 restore --target r5 --store "$work/vault3" --identity manager.key --passphrase-file mpw
says err "origin not proved"
run 0 restore --target r5 --store "$work/vault3" --identity manager.key --passphrase-file mpw --untrusted
run 0 -c third.yaml restore --target r6 --identity manager.key --passphrase-file mpw

# ---- passphrases
echo wrong-passphrase-here >wrong
run 1 ls latest --kit kit.txt --passphrase-file wrong
says err "the passphrase is wrong"
run 1 ls latest --identity manager.key --passphrase-file wrong -c third.yaml
says err "the passphrase is wrong"
run 1 ls latest --kit kit.txt --passphrase-file nosuchfile
run 1 ls latest --kit nosuchkit --passphrase-file pw
run 1 ls latest --kit host.key --passphrase-file pw
run 1 ls latest --kit manager.key --passphrase-file mpw
head -c -60 kit.txt >cut.txt
run 5 ls latest --kit cut.txt --passphrase-file pw
run 2 ls latest --kit kit.txt --passphrase-fd 99
says err "99"
"$KURA" ls latest --kit kit.txt --passphrase-fd 7 7<pw >/dev/null || fail "--passphrase-fd"
echo 'another Long passphrase 47' >mpw2
cp manager.key changed.key # a chosen passphrase takes its time with every use
run 0 key passwd changed.key --passphrase-file mpw --new-passphrase-file mpw2
run 1 ls latest -c third.yaml --identity changed.key --passphrase-file mpw
run 0 ls latest -c third.yaml --identity changed.key --passphrase-file mpw2
run 1 key passwd changed.key --passphrase-file mpw2 --new-passphrase-file weak
run 0 ls latest -c third.yaml --identity changed.key --passphrase-file mpw2

# A passphrase shows neither in the arguments nor in the environment of the program that has read it.
mkfifo pipe
"$KURA" dump latest documents:2024/05/scan.pdf "${key[@]}" >pipe &
pid=$!
exec 5<pipe
head -c 1 <&5 >/dev/null
for file in cmdline environ; do
    if [ -r "/proc/$pid/$file" ]; then
        tr '\0' '\n' <"/proc/$pid/$file" >seen || :
        if grep -qF "$(cat pw)" seen; then fail "the passphrase is in $file"; fi
    fi
done
cat <&5 >/dev/null
exec 5<&-
wait "$pid" || fail "the dump failed"

# ---- open: what age made, and what is not sealed to us
if command -v age >/dev/null; then
    echo 'from outside' | age -R manager.key.pub >sealed.age
    run 0 open sealed.age --identity manager.key --passphrase-file mpw
    [ "$(cat out)" = "from outside" ] || fail "open gave something else"
    run 0 open sealed.age --out opened --identity manager.key --passphrase-file mpw
    [ "$(cat opened)" = "from outside" ] || fail "open --out gave something else"
    run 1 open sealed.age --out opened --identity manager.key --passphrase-file mpw
    run 1 open sealed.age "${key[@]}"
    head -c 100 sealed.age >cut.age
    run 5 open cut.age --identity manager.key --passphrase-file mpw --out nothing
    [ ! -e nothing ] || fail "a damaged file was written"
fi

# ---- check
run 0 -c kura.yaml check --json
json '.problems == [] and (.opened | not) and .snapshots == 4'
run 0 -c kura.yaml check --read-data=50
run 0 check --read-data --json "${key[@]}"
json '.opened and .chunks_opened > 0'
pack=$(find vault/packs -type f -printf '%s %p\n' | sort -n | tail -1 | cut -d' ' -f2)
chmod u+w "$pack"
printf 'X' | dd of="$pack" bs=1 seek=100 conv=notrunc status=none
run 5 -c kura.yaml check --read-data --json
json '.problems | length > 0'
says err "$(basename "$pack")"
rm "$pack"
run 5 -c kura.yaml check
run 5 restore --target r7 "${key[@]}"

# ---- a source that fails, and a file that cannot be read, are warnings
sed 's/"printf", "ledger.*"\]/"false"]/' third.yaml >fourth.yaml
run 3 -c fourth.yaml backup
says err "ledger"
run 3 -c fourth.yaml backup --json
json '.failed_sources == 1'
run 1 -c fourth.yaml backup ledger
run 3 restore --target r8 --snapshot latest --identity manager.key --passphrase-file mpw -c fourth.yaml
says err "failed when it was backed up"
if grep -q 'as the backup said' out; then fail "a restore without a source is called whole"; fi
run 3 restore --target r9 --json --identity manager.key --passphrase-file mpw -c fourth.yaml
json '(.counts_match | not)'

# ---- standard output that takes nothing is an error
for words in "snapshots --json" snapshots "key list"; do
    code=0
    # shellcheck disable=SC2086
    "$KURA" -c third.yaml $words >/dev/full 2>err || code=$?
    [ "$code" = 1 ] || fail "kura $words to a full disk ended with $code"
    says err "standard output"
done

# ---- storage that is not there
sed 's|url: vault3|url: sftp://nobody@127.0.0.1:9/vault|' third.yaml >fifth.yaml
run 6 -c fifth.yaml snapshots --retry 0
run 6 -c fifth.yaml backup --retry 8
says err "no connection to sftp://nobody@127.0.0.1:9/vault yet; trying again"
[ "$(grep -c "trying again" err)" = 1 ] || fail "not told once that there is no connection"
# A folder that is gone is a disk that is not mounted; an empty one has no repository.
sed 's|url: vault3|url: mnt/vault3|' third.yaml >sixth.yaml
for command in snapshots backup check; do
    run 6 -c sixth.yaml "$command"
    says err "mounted"
done
mkdir -p mnt/vault3
run 1 -c sixth.yaml snapshots
run 1 -c sixth.yaml backup

# ---- on a terminal: progress, prompts without echo, no control characters
if command -v script >/dev/null; then
    sed 's/"printf", "ledger.*"\]/"sh", "-c", "head -c 3000000 \/dev\/zero; sleep 1"]/' third.yaml >slow.yaml
    script -qec "'$KURA' -c slow.yaml backup" typescript </dev/null >/dev/null
    grep -q $'\r.*MiB.*/s.*\033\[K' typescript || fail "no progress on a terminal"
    run 0 -c slow.yaml backup
    if grep -q $'[\r\033]' out err; then fail "progress without a terminal"; fi
    PW=$(cat mpw) expect -c 'set timeout 60; spawn $env(KURA) -c third.yaml ls latest --identity manager.key
        expect -re "Passphrase of.*:"; send "$env(PW)\r"; expect eof' >typescript
    grep -q 'Passphrase of' typescript || fail "no prompt"
    grep -q customers/ typescript || fail "the passphrase from the terminal does not open"
    if grep -qF "$(cat mpw)" typescript; then fail "the passphrase was echoed"; fi
    code=0
    script -qec "'$KURA' -c third.yaml dump latest documents:2024/05/scan.pdf --identity manager.key --passphrase-file mpw" \
        typescript </dev/null >/dev/null || code=$?
    [ "$code" = 2 ] || fail "a binary went to the terminal: $code"
    script -qec "'$KURA' -c third.yaml dump latest 'documents:2024/05/見積 001.txt' --identity manager.key --passphrase-file mpw" \
        typescript </dev/null >/dev/null
    grep -q 見積書 typescript || fail "a text did not go to the terminal"
    script -qec "'$KURA' key new --role staff --out t.key" typescript </dev/null >/dev/null
    grep -qE '([0-9a-z]{4}-){4}[0-9a-z]{4}' typescript || fail "the new passphrase was not shown"
fi
echo "cli_basics: words, codes, JSON, passphrases, terminals"
