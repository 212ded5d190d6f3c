#!/usr/bin/env bash
# What stands between kura and a PostgreSQL database: settings of roles and databases, a connection pooler, a
# pg_dump that is something else, tables of extensions, a server that hangs. Nothing of it makes a dump of less
# or of something else.
source "$(dirname "$0")/lib.sh"
source "$tests/support/postgres.sh"
in_memory
at_exit=("postgres_stop '$work/server' immediate")
postgres_start "$work/server"
sql() { # DATABASE SQL
    psql -XAtq -v ON_ERROR_STOP=1 -d "$1" -c "$2"
}
configure_postgres() { # CONNECTION [LINES-OF-THE-SOURCE]
    cat >kura.yaml <<YAML
repository: { host_key: host.key, state: state, stores: [{ name: offsite, url: vault }] }
sources:
  - name: customers
    postgres: "$1"
${2:-}
YAML
}
restore_into() { # CONNECTION
    (cd / && "$KURA" restore --kit "$work/kit.txt" --passphrase-file "$work/pw" --database "$1")
}
run 0 key new --role manager --out manager.key --passphrase-file manager.pw
configure_postgres dbname=shop
expect_exit 0 kura init --kit kit.txt --passphrase-file pw

# ------------------------------------------------------------------ settings

# Letters that come back otherwise, or not at all, from the encoding that programs are to be given; names and
# arrays that a role has otherwise.
createdb shop
sql shop "CREATE TABLE letters (id int, word text, many text[]);
    INSERT INTO letters VALUES (1, '10:00〜12:00', '{NULL,a}'), (2, '価格¥9', '{}'), (3, 'C:¥temp', NULL);
    ALTER DATABASE shop SET client_encoding = 'SJIS';
    CREATE ROLE odd LOGIN SUPERUSER; ALTER ROLE odd SET quote_all_identifiers = on"
configure_postgres 'dbname=shop user=odd' '    globals: yes'
PGCLIENTENCODING=SJIS expect_exit 0 kura backup
expect_exit 0 kura snapshots --json
json '.[0].sources[0].rows == {"public.letters": 3}'
expect_exit 0 restore_into "dbname=copy user=odd"
letters="SELECT id, word, array_to_string(many, ',', 'nothing') FROM letters ORDER BY 1"
[ "$(PGCLIENTENCODING=UTF8 sql copy "$letters")" = "$(PGCLIENTENCODING=UTF8 sql shop "$letters")" ] ||
    fail "letters changed: $(PGCLIENTENCODING=UTF8 sql copy "$letters")"
sql copy 'DROP TABLE letters; ALTER ROLE odd SET array_nulls = off'
expect_exit 0 "$KURA" restore --kit kit.txt --passphrase-file pw --database "dbname=copy user=odd" --table letters
[ "$(PGCLIENTENCODING=UTF8 sql copy "$letters")" = "$(PGCLIENTENCODING=UTF8 sql shop "$letters")" ] ||
    fail "letters of a table changed: $(PGCLIENTENCODING=UTF8 sql copy "$letters")"

# ------------------------------------------------------------------ words

for words in " postgresql://u:secret@h/x" "Postgresql://u:secret@h/x"; do
    configure_postgres "$words"
    expect_exit 1 kura backup
    ! grep -q secret err || fail "a password is shown"
    says err 'connection string'
done
createdb a=b
configure_postgres "dbname='a=b'" '    globals: yes'
expect_exit 0 kura backup

# ------------------------------------------------------------------ a pooler

sql shop "CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader; ALTER TABLE letters ENABLE ROW LEVEL SECURITY;
    CREATE POLICY first ON letters USING (id = 1)"
mkdir pooler
pooler_port=$(postgres_free_port)
cat >pooler/pooler.ini <<INI
[databases]
shop = host=$PGHOST port=$PGPORT user=reader
* = host=$PGHOST port=$PGPORT user=shop_owner
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pooler_port
unix_socket_dir =
auth_type = any
auth_file = $work/pooler/users
pool_mode = transaction
pidfile = $work/pooler/pid
logfile = $work/pooler/log
ignore_startup_parameters = extra_float_digits,options
INI
echo '"reader" ""' >pooler/users
chmod -R a+rwX pooler
chmod o+x .
postgres_as "$(command -v pgbouncer || echo /usr/sbin/pgbouncer)" -q -d "$work/pooler/pooler.ini"
at_exit=("kill \$(cat '$work/pooler/pid')" "${at_exit[@]}")
through="host=127.0.0.1 port=$pooler_port dbname=shop user=reader"
eventually psql -XAtqc 'SELECT 1' "$through" >/dev/null 2>&1
configure_postgres "$through"
expect_exit 1 kura backup
says err 'there is a connection pooler'
[ "$(psql -XAtqc 'SELECT count(*) FROM letters' "$through")" = 1 ] || fail "the shop's sessions have our settings"
expect_exit 1 restore_into "${through/dbname=shop/dbname=copy2}"
says err 'there is a connection pooler'

# ------------------------------------------------------------------ a script in place of pg_dump

# What it writes is cut, and its exit code is another program's: in the contents, in the data, before the last block.
createdb cut
sql cut "CREATE TABLE a AS SELECT i, 'row ' || i FROM generate_series(1, 2000) i; CREATE TABLE b AS TABLE a;
    SELECT lo_from_bytea(0, decode(repeat('00ff', 5000), 'hex'))" >/dev/null
configure_postgres dbname=cut '    pg_dump: ./cut'
snapshots() {
    expect_exit 0 kura snapshots --json
    jq length out
}
before=$(snapshots)
size=$(pg_dump --format=custom --compress=0 cut | wc -c)
for bytes in 0 4 700 "$((size / 2))" "$((size - 5))" "$((size - 10020))"; do
    printf '#!/bin/sh\n[ "$1" = --version ] && exec pg_dump "$@"\npg_dump "$@" | head -c %d\n' "$bytes" >cut
    chmod +x cut
    expect_exit 1 kura backup
    says err 'is no complete archive of pg_dump'
done
[ "$(snapshots)" = "$before" ] || fail "a snapshot of less"
printf '#!/bin/sh\n[ "$1" = --version ] && exec pg_dump "$@"\npg_dump "$@" | cat\n' >cut
expect_exit 0 kura backup

# ------------------------------------------------------------------ tables of extensions

# One that names tables for a dump, one with a condition, and has another with rows of its script's.
extensions=$(pg_config --sharedir)/extension
extension=kura_test_$$
test_extensions() {
    cat >"$extensions/$extension.control" <<<"default_version = '1'"
    at_exit=("rm -f '$extensions/$extension'*" "${at_exit[@]}")
    cat >"$extensions/$extension--1.sql" <<'SQL'
CREATE TABLE zones (id int, name text);
CREATE TABLE persons (id int PRIMARY KEY, name text);
CREATE TABLE units (id int);
INSERT INTO persons VALUES (0, 'system');
INSERT INTO units VALUES (1);
SELECT pg_catalog.pg_extension_config_dump('zones', '');
SELECT pg_catalog.pg_extension_config_dump('persons', 'WHERE id > 0');
SQL
    createdb extended
    sql extended "CREATE EXTENSION $extension; INSERT INTO zones VALUES (1, 'a'), (2, 'b');
        INSERT INTO persons VALUES (7, 'x'), (8, 'y'); CREATE TABLE customers (id int); INSERT INTO customers VALUES (1)"
    # Somebody would empty one after the snapshot was taken: he waits.
    cat >emptier <<'SH'
#!/bin/sh
[ "$1" = --version ] || psql -qXd extended -c "SET lock_timeout = '300ms'; TRUNCATE zones" -v ON_ERROR_STOP=1 2>/dev/null && echo emptied >&2
exec pg_dump "$@"
SH
    chmod +x emptier
    configure_postgres dbname=extended '    pg_dump: ./emptier'
    expect_exit 0 kura backup
    says err 'the rows of table public.units are not in the dump'
    expect_exit 0 kura snapshots --json
    json '.[-1].sources[0].rows == {"public.customers": 1, "public.persons": 2, "public.zones": 2}'
    expect_exit 0 restore_into dbname=extended2
    [ "$(sql extended2 'SELECT count(*) FROM persons')$(sql extended2 'SELECT count(*) FROM zones')" = 32 ] ||
        fail "rows of the extension"
    # A table that somebody put into it.
    sql extended "ALTER EXTENSION $extension ADD TABLE customers"
    expect_exit 3 kura backup
    says err 'the rows of table public.customers are not in the dump'
    sql extended "ALTER EXTENSION $extension DROP TABLE customers"
    expect_exit 0 kura backup
}
if [ -w "$extensions" ]; then
    test_extensions
else
    skip_part "no right to install an extension"
fi

# ------------------------------------------------------------------ a server that hangs

configure_postgres 'dbname=shop user=shop_owner'
echo 'persons: [{ domain: customer, source: customers, sql: "SELECT id FROM letters, pg_sleep(60)" }]' >>kura.yaml
processes() { # of the server
    local process
    for process in $(pgrep -x postgres); do
        [ "$(readlink "/proc/$process/cwd")" != "$work/server/data" ] || echo "$process"
    done
}
"$KURA" -c kura.yaml backup >out 2>err </dev/null &
backup=$!
counting() { [ "$(sql shop "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND wait_event = 'PgSleep'")" = 1 ]; }
eventually counting || fail "nobody was counted"
mapfile -t hanging < <(processes)
at_exit=("kill -CONT ${hanging[*]} 2>/dev/null" "${at_exit[@]}")
kill -STOP "${hanging[@]}"
kill -TERM "$backup"
for ((i = 0; i < 100; i++)); do
    kill -0 "$backup" 2>/dev/null || break
    sleep 0.1
done
((i < 100)) || { kill -KILL "$backup" && fail "a backup cannot be ended while the server hangs"; }
wait "$backup" && fail "a backup was made while the server hung"
kill -CONT "${hanging[@]}"
eventually sql shop 'SELECT 1' >/dev/null 2>&1
idle() { ! counting; }
eventually idle || fail "the server goes on counting for nobody"

echo "postgres_session: nothing between kura and the database made a dump of less"
