# Shared by the scenarios: a shop with a database and documents, a configuration, and ways to fail.
# Source it; it makes $work, which is removed at the end, and goes there.
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C.UTF-8 LANGUAGE=

: "${KURA:?the program under test}"
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scripts=$tests/../scripts
work=$(mktemp -d /tmp/kura-scenario-XXXXXX)
at_exit=() # commands that run at the end, whatever happened

leave() {
    local status=$? command
    for command in "${at_exit[@]}"; do
        eval "$command" || :
    done
    chmod -R u+rwX "$work" 2>/dev/null || :
    rm -rf "$work"
    exit "$status"
}
trap leave EXIT
cd "$work"

# in_memory: goes on there if there is room; a sync costs nothing. For scenarios with many runs in
# which nothing is special to a disk.
in_memory() {
    [ -w /dev/shm ] && (($(df --output=avail -B1M /dev/shm | tail -1) >= 1024)) || return 0
    rm -rf "$work"
    work=$(mktemp -d /dev/shm/kura-scenario-XXXXXX)
    cd "$work"
}

# eventually COMMAND...: waits until it succeeds; fails after a minute, as no slow machine needs.
eventually() {
    local end=$((SECONDS + 60))
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.02
    done
}

# ------------------------------------------------------------------ saying what must be

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    if [ -s "$work/out" ]; then tail -40 "$work/out" | sed 's/^/  out: /' >&2; fi
    if [ -s "$work/err" ]; then tail -40 "$work/err" | sed 's/^/  err: /' >&2; fi
    exit 1
}

# A test that this machine cannot run says why; scripts/test names it at its end. What the packages of
# scripts/install-packages provide is no reason: without them a test fails.
skip_part() { # REASON: and goes on
    echo "skipped: $1"
}
skip() { # REASON
    skip_part "$1"
    exit 77
}

# expect_exit CODE COMMAND...: it must end with CODE. Its output is in out and err.
expect_exit() {
    local wanted=$1 code=0
    shift
    "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
    [ "$code" = "$wanted" ] || fail "$* ended with $code, not $wanted"
}

# run CODE ARGUMENT...: kura must end with CODE.
run() {
    local wanted=$1
    shift
    expect_exit "$wanted" "$KURA" "$@"
}

# says FILE TEXT: the text is in out or err.
says() {
    grep -qF -- "$2" "$work/$1" || fail "$1 does not say: $2"
}

# expect_text TEXT: the text is in out or in err.
expect_text() {
    grep -qF -- "$1" "$work/out" "$work/err" || fail "no word of: $1"
}

# json EXPRESSION: jq finds it true of out.
json() {
    jq -e "$1" "$work/out" >/dev/null || fail "not true of the JSON: $1"
}

# same_tree A B [BYTES]: every attribute that can be seen; contents of files up to BYTES.
same_tree() {
    "$tests/support/tree-facts" "$1" ${3:+"$3"} >"$work/facts.a"
    "$tests/support/tree-facts" "$2" ${3:+"$3"} >"$work/facts.b"
    diff "$work/facts.a" "$work/facts.b" >"$work/facts.diff" || {
        head -40 "$work/facts.diff" >&2
        fail "$1 and $2 differ"
    }
}

# same_database A B: every row, and sound.
same_database() {
    cmp <(sqlite3 "$1" .dump) <(sqlite3 "$2" .dump) || fail "$1 and $2 differ"
    [ "$(sqlite3 "$2" 'PRAGMA integrity_check')" = ok ] || fail "$2 is damaged"
}

# ------------------------------------------------------------------ a shop and its repository

make_database() { # FILE
    sqlite3 "$1" >/dev/null <<'SQL'
PRAGMA journal_mode = WAL;
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, phone TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
INSERT INTO customers SELECT i, '山田 太郎 ' || i, printf('090-%04d-%04d', i, i * 7 % 10000) FROM n;
CREATE TABLE vehicles (id INTEGER PRIMARY KEY, customer INTEGER, plate TEXT);
INSERT INTO vehicles SELECT id, id, '品川 500 あ ' || id FROM customers;
SQL
}

make_documents() { # FOLDER
    mkdir -p "$1/2024/05" "$1/empty"
    printf '見積書\n' >"$1/2024/05/見積 001.txt"
    head -c 300000 /dev/urandom >"$1/2024/05/scan.pdf"
    : >"$1/2024/nothing"
    ln -s 05/scan.pdf "$1/2024/link"
    printf 'left behind' >"$1/a.tmp"
}

# configure [URL [LINES-OF-THE-STORE]]: kura.yaml over $work/shop, by default to the folder vault.
configure() {
    cat >"$work/kura.yaml" <<YAML
repository:
  host_key: host.key
  state: state
  stores:
    - name: offsite
      url: ${1:-vault}
${2:-}
sources:
  - { name: customers, sqlite: shop/customers.db }
  - { name: documents, tree: shop/documents, exclude: ["*.tmp"] }
YAML
}

# A small shop in $work/shop with a third source, a command, and kura.yaml.
make_shop() {
    mkdir -p "$work/shop"
    make_database "$work/shop/customers.db"
    make_documents "$work/shop/documents"
    configure
    echo '  - { name: ledger, command: ["printf", "ledger\\n"] }' >>"$work/kura.yaml"
}

# kura with the configuration.
kura() {
    "$KURA" -c "$work/kura.yaml" "$@"
}

# restore_with_kit TARGET [OPTION...]: as on a bare machine.
restore_with_kit() {
    local target=$1
    shift
    (cd / && "$KURA" restore --kit "$work/kit.txt" --passphrase-file "$work/pw" --target "$target" "$@")
}
