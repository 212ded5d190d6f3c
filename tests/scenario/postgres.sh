#!/usr/bin/env bash
# A PostgreSQL database with everything in it that is hard to carry over: backed up, restored as a file,
# read by pg_restore into an empty database, and the same; what was counted is what is there.
source "$(dirname "$0")/lib.sh"
source "$tests/support/postgres.sh"
source "$tests/support/sshd.sh"
source "$tests/support/relay.sh"
at_exit=("postgres_stop '$work/server' immediate")
postgres_start "$work/server"
createdb shop
psql -qX -d shop -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
CREATE EXTENSION pgcrypto;
CREATE TYPE state AS ENUM ('受付', '作業中', '完了');
CREATE DOMAIN plate AS text CHECK (value LIKE '% %');
CREATE SCHEMA "帳簿";
CREATE TABLE customers (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, "電話" text,
    kana text GENERATED ALWAYS AS (upper(name)) STORED, extra jsonb, raw json, photo bytea,
    tags text[], grid int[][], born date, seen timestamptz, "at" timestamp, took interval,
    money numeric(40, 20), ratio float8, small float4, net inet, span int4range, bits bit varying, id2 uuid);
INSERT INTO customers (name, "電話", extra, raw, photo, tags, grid, born, seen, "at", took, money, ratio, small,
    net, span, bits, id2) VALUES
    (E'山田 太郎\t\\N\n"''', NULL, '{"a": [1, 2.50, null], "名": "\u00e9"}', '{"b" :1,  "a":2}',
     decode('00ff5c78270a', 'hex'), ARRAY['a,b', NULL, '"', '\', ''], '{{1,2},{3,4}}', '4713-01-01 BC',
     '294276-12-31 23:59:59.999999+00', '4713-01-01 00:00:00 BC', '178000000 years', '-0.00000000000000000001',
     'NaN', '-Infinity', '::1/64', '[1,5)', B'10110', '00000000-0000-0000-0000-000000000000'),
    ('', '', 'null', '[]', '', '{}', NULL, 'infinity', '-infinity', 'infinity', '-1 day 00:00:00.000001',
     12345678901234567890.12345678901234567890, 1e-323, 3.4028235e38, '10.0.0.0/8', 'empty', '', NULL);
INSERT INTO customers (name, photo) SELECT 'customer ' || i, decode(repeat(md5(i::text), i % 50), 'hex')
    FROM generate_series(1, 3000) i;
CREATE TABLE "帳簿"."請求 書" (id serial, customer int REFERENCES customers, state state, plate plate, day date)
    PARTITION BY RANGE (day);
CREATE TABLE "帳簿".y2025 PARTITION OF "帳簿"."請求 書" FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE "帳簿"."その他" PARTITION OF "帳簿"."請求 書" DEFAULT;
INSERT INTO "帳簿"."請求 書" (customer, state, plate, day)
    SELECT 1 + i % 3000, '完了', '品川 ' || i, date '2024-07-01' + i FROM generate_series(1, 900) i;
CREATE UNLOGGED TABLE scratch AS SELECT 1 AS x;
CREATE TABLE nothing ();
CREATE MATERIALIZED VIEW totals AS SELECT state, count(*) FROM "帳簿"."請求 書" GROUP BY 1;
CREATE VIEW names AS SELECT name FROM customers;
CREATE FUNCTION double(x int) RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN 2 * x; END $f$;
CREATE SEQUENCE tickets START 100 INCREMENT 7;
SELECT nextval('tickets') FROM generate_series(1, 5);
SELECT lo_from_bytea(4242, decode(repeat('00ff', 5000), 'hex'));
COMMENT ON LARGE OBJECT 4242 IS '車検証';
COMMENT ON TABLE customers IS 'お客様';
CREATE ROLE seller LOGIN PASSWORD 'x';
GRANT SELECT ON customers TO seller;
SQL
mkdir shop
printf '[shop]\nhost=%s\nport=%s\nuser=shop_owner\ndbname=shop\n' "$PGHOST" "$PGPORT" >services.conf
configure_postgres() { # LINES-OF-THE-SOURCE
    cat >kura.yaml <<YAML
repository: { host_key: host.key, state: state, stores: [{ name: offsite, url: vault }] }
sources:
  - name: customers
    postgres: "${connection:-service=shop}"
$1
YAML
}
configure_postgres '    globals: yes'
run 0 key new --role manager --out manager.key --passphrase-file manager.pw
expect_exit 0 kura init --kit kit.txt --passphrase-file pw

# ------------------------------------------------------------------ there and back

night() { # by the service file alone
    env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE PGSERVICEFILE="$work/services.conf" "$KURA" -c kura.yaml "$@"
}
expect_exit 0 night backup
expect_exit 0 kura snapshots --json
json '.[0].sources[0] | .kind == "postgres" and .status == "complete" and .entries == 2'
json '.[0].sources[0].rows == {"public.customers": 3002, "public.nothing": 0, "public.scratch": 1,
    "\"帳簿\".y2025": 365, "\"帳簿\".\"その他\"": 535}'
expect_exit 0 restore_with_kit "$work/back"
grep -q "ALTER ROLE seller .*PASSWORD 'SCRAM" back/customers/globals.sql || fail "the roles are not there"
createdb copy
pg_restore --exit-on-error --dbname copy back/customers/database.pgdump
same_dump() { # DATABASE A, B
    pg_dump --dbname "$1" | grep -v 'restrict ' >a.sql # a line with a random word
    pg_dump --dbname "$2" | grep -v 'restrict ' >b.sql
    cmp a.sql b.sql || fail "$(diff a.sql b.sql | head -20)"
}
same_dump shop copy
[ "$(psql -qAtX -d copy -c "SELECT nextval('tickets'), nextval('\"帳簿\".\"請求 書_id_seq\"')")" = '135|901' ] ||
    fail "sequences do not go on"
[ "$(psql -qAtX -d copy -c 'SELECT md5(lo_get(4242)) = md5(decode(repeat('"'00ff'"', 5000), '"'hex'"'))')" = t ] ||
    fail "the large object"
dropdb copy

# What did not change is not sent again.
expect_exit 0 night backup --json
expect_exit 0 kura snapshots --json
json '.[-1].sources[0].bytes > 400000 and .[-1].stored < 50000'

# Without what is left out; over TLS, with a password file.
printf '*:*:*:seller:x\n' >pgpass
chmod 600 pgpass
psql -qX -d shop -c 'GRANT pg_read_all_data TO seller'
connection="host=localhost hostaddr=127.0.0.1 port=$PGPORT user=seller dbname=shop sslmode=verify-full
      sslrootcert=$work/server/server.crt passfile=$work/pgpass"
configure_postgres '    large_objects: no'
expect_exit 0 night backup
rm -rf back
expect_exit 0 restore_with_kit "$work/back"
[ ! -e back/customers/globals.sql ] || fail "globals that nobody asked for"
pg_restore --list back/customers/database.pgdump >list
! grep -q BLOB list || fail "large objects that nobody asked for"
! grep -rq 'PASSWORD\|pgpass' state/audit vault 2>/dev/null || fail "a password is somewhere"

# ------------------------------------------------------------------ never a short dump

snapshots() {
    expect_exit 0 kura snapshots --json
    jq length out
}
failed_night() { # WORDS...: nothing is published, and the reason is said
    local before words
    before=$(snapshots)
    expect_exit 1 night backup
    for words; do says err "$words"; done
    [ "$(snapshots)" = "$before" ] || fail "a snapshot after: $1"
}
# The line is cut: while we look, and while pg_dump writes.
relay_start "$work/relay" "$PGPORT"
at_exit=("relay_stop '$work/relay'" "${at_exit[@]}")
connection=${connection/port=$PGPORT/port=$RELAY_PORT}
configure_postgres '    large_objects: no'
for trouble in cut=2500 reset=3500; do
    relay "$trouble" way=down
    failed_night 'warning: customers: '
done
for trouble in cut=300000 reset=1000000; do
    relay "$trouble" way=down
    failed_night 'the command pg_dump ended with exit code 1'
done
relay
expect_exit 0 night backup

unset connection
configure_postgres '    lock_timeout: 1'
psql -qX -d shop -c 'BEGIN; LOCK TABLE customers; SELECT pg_sleep(60)' >/dev/null 2>&1 &
holder=$!
at_exit=("kill $holder 2>/dev/null" "${at_exit[@]}")
held() { [ "$(psql -qAtX -d shop -c "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted")" != 0 ]; }
eventually held
failed_night 'table public.customers: PostgreSQL: canceling statement due to lock timeout'
psql -qX -d postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND
    pid <> pg_backend_pid()" >/dev/null
wait "$holder" || :

# Somebody wants a table after we have it and before pg_dump has: pg_dump waits for him, and he for us. We let go.
cat >late <<'SH'
#!/bin/sh
[ "$1" = --version ] || [ -e once ] || { touch once; until [ -e go ]; do sleep 0.05; done; }
exec pg_dump "$@"
SH
chmod +x late
configure_postgres '    lock_timeout: 60
    pg_dump: ./late'
night backup >out 2>err </dev/null &
backup=$!
eventually [ -e once ]
psql -qX -d shop -c 'ALTER TABLE customers ALTER COLUMN id SET STATISTICS 100; COMMENT ON TABLE customers IS $$x$$;
    TRUNCATE nothing' &
changer=$!
waits() { [ "$(psql -qAtX -d shop -c "SELECT count(*) FROM pg_locks WHERE NOT granted")" != 0 ]; }
eventually waits
touch go
SECONDS=0
wait "$changer" || fail "the table could not be changed"
((SECONDS < 20)) || fail "the shop waited for the backup for $SECONDS s"
wait "$backup" || fail "no backup"

sed -i 's/^user=.*/user=poor/' services.conf
psql -qX -d shop -c 'CREATE ROLE poor LOGIN; GRANT SELECT ON customers TO poor'
failed_night 'table public.nothing: PostgreSQL: permission denied' 'GRANT pg_read_all_data'
sed -i 's/^user=.*/user=shop_owner/' services.conf

printf '#!/bin/sh\n[ "$1" = --version ] && echo "pg_dump (PostgreSQL) 12.0" || exec pg_dump "$@"\n' >old
chmod +x old
configure_postgres '    pg_dump: old'
failed_night 'is of PostgreSQL 12 and cannot dump a server of PostgreSQL'
# A dump that ends well in the middle of the way is ended by its exit code alone.
printf '#!/bin/sh\n[ "$1" = --version ] && exec pg_dump "$@"\npg_dump "$@" | head -c 300000; exit 1\n' >old
failed_night 'ended with exit code 1'
# The server dies while the dump is read: more of it has come than a pipe holds, so all rows are counted.
cat >old <<SH
#!/bin/bash
[ "\$1" = --version ] && exec pg_dump "\$@"
set -o pipefail
pg_dump "\$@" | { head -c 1300000; touch "$work/dumping"; while [ -e "$work/dumping" ]; do sleep 0.05; done; cat; }
SH
chmod o+w "$work" 2>/dev/null || :
(eventually test -e dumping && postgres_stop "$work/server" immediate && rm dumping) &
failed_night 'pg_dump'
wait %% 2>/dev/null || wait
failed_night 'connecting to PostgreSQL failed'
postgres_start "$work/server"
configure_postgres ''
expect_exit 0 night backup

# In one with others: theirs is published, and the night says so.
mkdir -p shop/documents && echo x >shop/documents/a
echo '  - { name: documents, tree: shop/documents }' >>kura.yaml
expect_exit 0 night backup
sed -i 's/dbname=shop/dbname=gone/' services.conf
expect_exit 3 night backup
says err 'database "gone" does not exist'
expect_exit 0 kura snapshots --json
json '.[-1].sources | map(.status) == ["failed", "complete"]'
printf 'sources: [{ name: a, postgres: "dbname=x", tree: y }]\n' | cat <(head -1 kura.yaml) - >wrong.yaml
run 2 -c wrong.yaml snapshots
sed -i 's/service=shop/dbname=shop password=x/' kura.yaml
expect_exit 3 night backup
says err 'there is a password in the connection string'
echo "postgres: all types there and back, and no trouble made a dump of less"
