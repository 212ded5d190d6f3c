# A tiny shop whose night, restore and check are killed at any system call, and what must hold after
# each kill. Source it after lib.sh. Needs KURA_BUILD/tests/kill_at.
# shellcheck shell=bash
#
#   kills_prepare            the shop, one published snapshot, and changes since; all kept in
#                            $work/pristine, from which every try begins
#   kills_over PROFILE       from here on over SFTP (sshd.sh has the profiles), and again prepared
#   kills_count DEED         how many calls a whole DEED makes: backup, first, init, restore,
#                            overwrite, check
#   kills_try DEED OPTION... one try, killed as kill_at's OPTIONs say; fails if anything was lost
#   kills_fill MIB           a first backup (DEED first) of so much instead: many packs
#
# $kills_done counts the kills, $kills_calls what was struck. $kills_twice is how many bytes the last
# killed backup and the one after it sent beyond what one backup sends, $kills_most the most so far.

# shellcheck source=sshd.sh
source "$tests/support/sshd.sh"
kill_at=${KURA_BUILD:?}/tests/kill_at
[ -x "$kill_at" ] || fail "$kill_at is not built"

# A kill leaves the kernel and its page cache alone, so memory serves as a disk, and a fast one.
in_memory
vault=$work/vault
kills_done=0
kills_most=0
kills_where=
# shellcheck disable=SC2016
at_exit+=('[ -z "$kills_where" ] || echo "It was: $kills_where" >&2')
# What may be under way when a backup is killed: a pack of 2 MiB, and its padding, on each of four
# connections; and the small objects that a run makes of its own.
kills_allowed=$((4 * 2400 * 1024 + 64 * 1024))
declare -A kills_calls=() kills_whole=()

# A sanitizer looks for leaks by tracing, and a process has one tracer only.
kills_run() { # KILL_AT-OPTION... -- KURA-ARGUMENT...
    local options=() code=0
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 "$kill_at" -t 60 -o "$work/struck" \
        "${options[@]}" "$KURA" -c "$work/kura.yaml" "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
    read -r kills_how kills_n kills_call <"$work/struck" || fail "kill_at says nothing ($code)"
    ((code != 124)) || fail "$* hangs"
    [ "$kills_how" = killed ] || ((code == 0)) || fail "$* ended with $code by itself"
}

kills_facts() { # SHOP-OR-TARGET NAME: what it holds, in NAME.facts and NAME.sql
    "$tests/support/tree-facts" "$work/$1/documents" >"$work/$2.facts"
    sqlite3 "file:$work/$1/${3:-}customers.db?mode=ro&immutable=1" .dump >"$work/$2.sql"
}

kills_is() { # TARGET NAME
    kills_facts "$1" now customers/ 2>/dev/null &&
        diff "$work/$2.facts" "$work/now.facts" >"$work/now.diff" 2>&1 &&
        cmp "$work/now.sql" "$work/$2.sql" >"$work/now.diff" 2>&1
}

kills_same() { # TARGET NAME
    kills_is "$1" "$2" || {
        cat "$work/now.diff" >&2
        fail "what is in $1 is not that of the $2 night"
    }
}

kills_restore() { # TARGET [OPTION...]
    local target=$1
    shift
    rm -rf "${work:?}/$target"
    expect_exit 0 kura restore --identity "$work/id" --target "$work/$target" "$@"
}

kills_shop() {
    mkdir -p "$work/shop/documents/2026/鈴木" "$work/shop/documents/empty"
    sqlite3 "$work/shop/customers.db" "CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
        INSERT INTO customers SELECT i, '顧客 ' || i FROM n"
    cd "$work/shop/documents"
    head -c 90000 /dev/urandom >2026/scan.tif
    echo 見積 >2026/鈴木/memo.txt
    echo gone >2026/gone.txt
    ln 2026/scan.tif 2026/same.tif
    ln -s ../2026/scan.tif empty/link
    setfattr -n user.note -v kept 2026/鈴木/memo.txt 2>/dev/null || : # not on every tmpfs
    chmod 640 2026/鈴木/memo.txt
    cd "$work"
    cp -a shop shop.before
}

kills_next_day() {
    head -c 70000 /dev/urandom >"$work/shop/documents/2026/new.tif"
    echo 完了 >>"$work/shop/documents/2026/鈴木/memo.txt"
    rm "$work/shop/documents/2026/gone.txt"
    sqlite3 "$work/shop/customers.db" "UPDATE customers SET name = 'x' WHERE id % 100 = 0"
}

kills_prepare() { # [URL [LINES]]
    rm -rf "${work:?}"/{shop,shop.before,state,vault,pristine,host.key,kit.txt,kit_login.pub,pw}
    [ -s "$work/id" ] || age-keygen -o "$work/id" 2>/dev/null
    age-keygen -y "$work/id" >"$work/id.pub"
    kills_shop
    configure "$@"
    sed -i 's|  host_key: host.key|&\n  recipients: [id.pub]|' "$work/kura.yaml"
    expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
    kills_keep made
    expect_exit 0 kura backup
    kills_first=$(kura snapshots --json | jq -r '.[0].id')
    kills_restore reference
    kills_facts shop first
    kills_next_day
    kills_facts shop second
    cp -a "$work/reference" "$work/reference.first"
    kills_keep night
    expect_exit 0 kura backup
    kills_whole[backup]=$(kills_stored)
    kills_restore reference
    kills_keep whole
    kills_again made
    expect_exit 0 kura backup
    kills_whole[first]=$(kills_stored)
}

kills_fill() { # MIB
    head -c "$1M" /dev/urandom >"$work/shop/documents/large.tif"
    kills_facts shop second
    kills_again made
    expect_exit 0 kura backup
    kills_whole[first]=$(kills_stored)
}

# What the storage and the host know, now.
kills_keep() { # NAME
    mkdir -p "$work/pristine/$1" "$work/state" # init alone makes no state
    cp -a "$work/state" "$work/host.key" "$work/pristine/$1/"
    cp -a "$vault" "$work/pristine/$1/vault"
}

kills_again() { # NAME
    rm -rf "${work:?}/state" "${vault:?}" "$work"/{restored,old,new}
    cp -a "$work/pristine/$1/state" "$work/pristine/$1/host.key" "$work/"
    cp -a "$work/pristine/$1/vault" "$vault"
}

kills_over() { # PROFILE
    local server=$work/server-$1
    sshd_start "$server" ordinary
    at_exit+=("sshd_stop '$server'")
    vault=$server/data/vault
    kills_prepare "sftp://$SFTP_USER@127.0.0.1:$SFTP_PORT$vault" \
        "      identity_file: $server/user_ed25519
      known_hosts: $server/known_hosts"
    sshd_stop "$server"
    sshd_start "$server" "$1"
}

# All bytes that are there, also those of a temporary file that a kill left behind.
kills_stored() {
    find "$vault" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }'
}

kills_arguments() { # DEED
    case $1 in
        init) echo "init --kit $work/kit.again --passphrase-file $work/pw" ;;
        backup | first) echo "backup" ;;
        restore) echo "restore --identity $work/id --target $work/restored" ;;
        overwrite) echo "restore --identity $work/id --target $work/restored --overwrite" ;;
        check) echo "check --read-data --identity $work/id" ;;
    esac
}

kills_begin() { # DEED
    case $1 in
        init)
            rm -rf "${work:?}/state" "${vault:?}" "$work"/{host.key,kit_login.pub,kit.again}
            mkdir -p "$vault"
            ;;
        first) kills_again made ;;
        backup) kills_again night ;;
        restore) rm -rf "$work/restored" ;;
        overwrite)
            rm -rf "$work/restored"
            cp -a "$work/reference.first" "$work/restored"
            rm "$work/restored/documents/2026/gone.txt" # not in the new snapshot: it would stay
            ;;
        check) kills_again whole ;;
    esac
}

kills_count() { # DEED
    kills_begin "$1"
    # shellcheck disable=SC2046
    kills_run -- $(kills_arguments "$1")
    echo "$kills_n"
}

# ------------------------------------------------------------------ what must hold afterwards

# The snapshot of the first night is there whole; the next night succeeds and gets everything.
kills_after_backup() { # first|backup
    if [ "$1" = backup ]; then
        kills_restore old --snapshot "$kills_first"
        kills_same old first
    fi
    expect_exit 0 kura backup --json
    json '.warnings == 0 and .problems == 0 and .failed_sources == 0'
    expect_exit 0 kura check --read-data --identity "$work/id"
    says out "no problems found"
    kills_restore new
    kills_same new second
    kills_twice=$(($(kills_stored) - kills_whole[$1]))
    ((kills_twice <= kills_allowed)) ||
        fail "$kills_twice bytes were sent twice: more than the packs under way"
    ((kills_twice <= kills_most)) || kills_most=$kills_twice
}

# Under a final name is the whole content and nothing else: the new one, or what was there before.
kills_after_restore() { # [FOLDER-WITH-THE-OLD]
    local name
    while IFS= read -r -d '' name; do
        cmp -s "$work/restored/$name" "$work/reference/$name" ||
            { [ -n "${1:-}" ] && cmp -s "$work/restored/$name" "$1/$name"; } ||
            fail "half a file is left under its final name: $name"
    done < <(cd "$work/restored" 2>/dev/null && find . -name .kura-restore -prune -o -type f -print0)
    # Without its marker a restore was over and the process had not ended, or it had not begun.
    if [ -e "$work/restored/.kura-restore/snapshot" ] || ! kills_is restored second; then
        # shellcheck disable=SC2046
        expect_exit 0 kura $(kills_arguments "$kills_deed")
        [ ! -e "$work/restored/.kura-restore" ] || fail "the restore left its folder"
    fi
    rm -rf "$work/restored/.kura-restore"
    kills_same restored second
}

# A half-made repository: init says so or finishes it; it never lets a backup go into half of one.
kills_after_init() {
    local code=0
    kura init --kit "$work/kit.again" --passphrase-file "$work/pw" >"$work/out" 2>"$work/err" || code=$?
    if ((code != 0)); then
        [ -s "$work/err" ] || fail "init ended with $code and without a word"
        rm -rf "${work:?}/state" "${vault:?}" "$work"/{host.key,kit_login.pub,kit.again}
        mkdir -p "$vault"
        expect_exit 0 kura init --kit "$work/kit.again" --passphrase-file "$work/pw"
    fi
    expect_exit 0 kura backup
    kills_restore new
    kills_same new second
}

kills_try() { # DEED KILL_AT-OPTION...
    kills_deed=$1
    shift
    kills_begin "$kills_deed"
    # shellcheck disable=SC2046
    kills_run "$@" -- $(kills_arguments "$kills_deed")
    if [ "$kills_how" = ended ]; then
        return
    fi
    kills_done=$((kills_done + 1))
    kills_calls[$kills_call]=$((${kills_calls[$kills_call]:-0} + 1))
    kills_where="$kills_deed killed at call $kills_n ($kills_call) with $*"
    case $kills_deed in
        init) kills_after_init ;;
        first | backup) kills_after_backup "$kills_deed" ;;
        restore) kills_after_restore "" ;;
        overwrite) kills_after_restore "$work/reference.first" ;;
        check) expect_exit 0 kura check --read-data --identity "$work/id" ;;
    esac
    kills_where=
}
