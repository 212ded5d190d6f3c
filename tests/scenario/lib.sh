# Shared by the scenarios: a shop with a database and documents, a configuration, and ways to fail.
# Source it; it makes $work, which is removed at the end, and goes there.
set -euo pipefail
export LC_ALL=C.UTF-8 LANGUAGE=

: "${KURA:?the program under test}"

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    if [ -s "${work:-/nonexistent}/out" ]; then sed 's/^/  out: /' "$work/out" >&2; fi
    if [ -s "${work:-/nonexistent}/err" ]; then sed 's/^/  err: /' "$work/err" >&2; fi
    exit 1
}

# run CODE ARGUMENT...: kura must end with CODE. Its output is in out and err.
run() {
    local wanted=$1 code=0
    shift
    "$KURA" "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
    [ "$code" = "$wanted" ] || fail "kura $* ended with $code, not $wanted"
}

# says FILE TEXT: the text is in out or err.
says() {
    grep -qF -- "$2" "$work/$1" || fail "$1 does not say: $2"
}

# json EXPRESSION: jq finds it true of out.
json() {
    jq -e "$1" "$work/out" >/dev/null || fail "not true of the JSON: $1"
}

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

# The shop in $work/shop and kura.yaml for a repository in $work/vault.
make_shop() {
    mkdir -p "$work/shop"
    make_database "$work/shop/customers.db"
    make_documents "$work/shop/documents"
    cat >"$work/kura.yaml" <<YAML
repository:
  host_key: host.key
  state: state
  stores:
    - name: offsite
      url: vault
sources:
  - { name: customers, sqlite: shop/customers.db }
  - { name: documents, tree: shop/documents, exclude: ["*.tmp"] }
  - { name: ledger, command: ["printf", "ledger\\\\n"] }
YAML
}

work=$(mktemp -d /tmp/kura-scenario-XXXXXX)
trap 'chmod -R u+rwX "$work" 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
