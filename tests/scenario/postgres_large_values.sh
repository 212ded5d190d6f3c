#!/usr/bin/env bash
# Values near PostgreSQL's limit of 1 GB come back byte for byte; a value that pg_dump cannot write makes
# the source fail, never a dump that is short.
source "$(dirname "$0")/lib.sh"
source "$tests/support/postgres.sh"

# pg_dump and the server each hold a row of the dump twice or three times.
(($(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) > 7000000)) ||
    skip "needs 7 GB of free memory"
(($(df --output=avail -BM /tmp | tail -1 | tr -d 'M ') > 6000)) ||
    skip "needs 6 GB of free disk"
# Its checks of every access would take minutes for what a plain run shows as well.
if grep -qa __asan_init "$KURA"; then skip "not with sanitizers"; fi

postgres_start "$work/pg"
at_exit+=("postgres_stop '$work/pg' immediate")

sql() { # DATABASE SQL
    psql -XAtq -v ON_ERROR_STOP=1 -d "$1" -c "$2"
}
digests() { # DATABASE
    sql "$1" "SELECT id, length(words), md5(words), length(bytes), md5(bytes) FROM large ORDER BY id"
}

# In the archive a byte of a bytea takes two, so less of it can be dumped.
createdb shop
sql shop "CREATE TABLE large (id int PRIMARY KEY, words text, bytes bytea);
    ALTER TABLE large ALTER words SET STORAGE EXTERNAL, ALTER bytes SET STORAGE EXTERNAL;
    INSERT INTO large VALUES (1, '見積書', '\x00ff'), (3, 'last', NULL);
    INSERT INTO large SELECT 2, repeat(string_agg(md5(i::text) || '日本語', ''), 240), NULL
        FROM generate_series(1, 104000) i;
    INSERT INTO large SELECT 4, NULL, decode(repeat(string_agg(md5(i::text), ''), 1500), 'hex')
        FROM generate_series(1, 10000) i"
before=$(digests shop)
largest=$(sql shop "SELECT max(octet_length(words)) FROM large")
((largest > 1000000000)) || fail "the largest value has only $largest bytes"

mkdir -p shop/documents
echo 見積 >shop/documents/a
configure
sed -i '/customers.db/d' kura.yaml
echo '  - { name: shop, postgres: "dbname=shop" }' >>kura.yaml
expect_exit 0 kura init --kit kit.txt --passphrase-file pw
expect_exit 0 kura backup
createdb back --template template0
expect_exit 0 kura restore --kit kit.txt --passphrase-file pw --source shop --database back
[ "$(digests back)" = "$before" ] || fail "the values came back otherwise"
dropdb back

# ------------------------------------------------------------------ more than pg_dump can write

sql shop "UPDATE large SET bytes = bytes || bytes || bytes WHERE id = 4"
expect_exit 3 kura backup
says err "invalid memory alloc request size"
kura snapshots --json >out
json 'last.sources[] | select(.name == "shop") | .status == "failed"'
sql shop "DELETE FROM large WHERE id = 4"
expect_exit 0 kura backup
kura snapshots --json >out
json 'last.sources[] | select(.name == "shop") | .status == "complete"'

echo "large values: a text of $largest bytes came back; what cannot be dumped is a failed source"
