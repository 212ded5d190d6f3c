#!/usr/bin/env bash
# A PostgreSQL source comes back: into a new database, an empty one, in place of a full one, one table of
# it, and as an archive for pg_restore; pgbench runs while it is backed up. What interrupts it (a kill, a
# killed backend, a full disk, a wrong count, a stranger's table) leaves what was there, and nothing else.
source "$(dirname "$0")/lib.sh"
source "$tests/support/postgres.sh"
source "$tests/support/sshd.sh"
source "$tests/support/relay.sh"

postgres_start "$work/pg"
at_exit+=("postgres_stop '$work/pg' immediate")

sql() { # DATABASE SQL
    psql -XAtq -v ON_ERROR_STOP=1 -d "$1" -c "$2"
}

# Words of pg_dump that are drawn anew each time are left out.
schema_and_rows() { # DATABASE
    pg_dump -d "$1" | grep -v '^\\\(un\)\?restrict '
}

same_databases() { # A B
    diff <(schema_and_rows "$1") <(schema_and_rows "$2") >"$work/diff" || {
        head -40 "$work/diff" >&2
        fail "$1 and $2 differ"
    }
}

hidden() { # how many databases an interrupted restore left
    sql postgres "SELECT count(*) FROM pg_database WHERE datname LIKE '%.kura-%'"
}

restore() { # CODE ARGUMENT...
    run "$1" restore --kit "$work/kit.txt" --passphrase-file "$work/pw" "${@:2}"
}

# ------------------------------------------------------------------ a shop with everything in it

make_database_of_all_kinds() {
    createdb --template template0 --encoding UTF8 --lc-collate C --lc-ctype C shop
    psql -Xq -v ON_ERROR_STOP=1 -d shop <<'SQL'
CREATE ROLE clerk;
CREATE SCHEMA "the shop";
CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, card bytea, more jsonb, tags text[],
    seen timestamptz DEFAULT '-infinity', born date);
INSERT INTO customers (name, card, more, tags, seen, born)
SELECT '山田 太郎 ' || i, decode(md5(i::text), 'hex'), jsonb_build_object('車', i, 'x', null), ARRAY['a', '"', NULL],
    CASE i % 3 WHEN 0 THEN 'infinity'::timestamptz WHEN 1 THEN '294276-12-31 23:59:59.999999+00' ELSE '4713-01-01 00:00:00+00 BC' END,
    '1950-01-01'::date + i FROM generate_series(1, 2000) i;
CREATE INDEX customers_name_idx ON customers (name);
COMMENT ON TABLE customers IS 'two
lines; COPY customers FROM stdin;';
GRANT SELECT ON customers TO clerk;
CREATE TABLE "the shop"."the vehicles" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer int REFERENCES customers, twice int GENERATED ALWAYS AS (customer * 2) STORED);
INSERT INTO "the shop"."the vehicles" (customer) SELECT id FROM customers;
CREATE TABLE visits (day date, customer int) PARTITION BY RANGE (day);
CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE visits_2027 PARTITION OF visits FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
INSERT INTO visits SELECT '2026-06-01'::date + i, i FROM generate_series(1, 400) i;
CREATE VIEW names AS SELECT name FROM customers;
CREATE MATERIALIZED VIEW initials AS SELECT DISTINCT left(name, 1) FROM customers;
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
SELECT lo_from_bytea(0, '\x00ff') \g /dev/null
ALTER DATABASE shop SET search_path = 'public', 'the shop';
SQL
    pgbench -i -q -s 1 shop >"$work/pgbench.log" 2>&1
}

make_database_of_all_kinds
configure
cat >>"$work/kura.yaml" <<YAML
  - { name: server, postgres: "dbname=shop", globals: true, large_objects: true }
YAML
cat >>"$work/kura.yaml" <<'YAML'
persons:
  - { domain: customer, source: server, sql: SELECT id FROM customers }
YAML
mkdir -p "$work/shop"
make_database "$work/shop/customers.db"
make_documents "$work/shop/documents"
expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
expect_exit 0 kura backup

# ------------------------------------------------------------------ a new database

restore 0 --source server --database "dbname=copy"
says out 'The rows of every table are as the backup counted them.'
same_databases shop copy
[ "$(sql copy "INSERT INTO customers (name) VALUES ('next') RETURNING id")" = 2001 ] || fail "the sequence does not go on"
[ "$(sql copy 'SELECT datcollate FROM pg_database WHERE datname = current_database()')" = C ] || fail "the locale is another"
[ "$(sql copy 'SHOW search_path')" = 'public, "the shop"' ] || fail "the database's settings are lost"
[ "$(hidden)" = 0 ] || fail "something is left over"

# Only one source is a PostgreSQL database: it need not be named; a service file and a URI will do.
dropdb copy
printf '[copy]\ndbname=copy\n' >"$work/pg_service.conf"
PGSERVICEFILE=$work/pg_service.conf restore 0 --database service=copy --json
json '.restored_persons == 2000 and .database == "copy" and .counts_match and .restored_rows["public.customers"] == 2000'
restore 1 --database "postgresql:///copy"
says err 'is not empty'
says err '--overwrite'

# ------------------------------------------------------------------ an empty one, with what it was given

createdb --template template0 --encoding UTF8 --lc-collate C.UTF-8 --lc-ctype C.UTF-8 empty
psql -Xq -d empty <<'SQL'
ALTER DATABASE empty SET work_mem = '7MB';
ALTER DATABASE empty SET search_path = '"the shop"', 'public';
ALTER ROLE clerk IN DATABASE empty SET statement_timeout = '9s';
ALTER DATABASE empty CONNECTION LIMIT 77;
REVOKE ALL ON DATABASE empty FROM PUBLIC;
GRANT CONNECT ON DATABASE empty TO clerk WITH GRANT OPTION;
COMMENT ON DATABASE empty IS '店の''データ';
CREATE ROLE owner_of_empty;
ALTER DATABASE empty OWNER TO owner_of_empty;
SQL
given() { # what a database was given, but for its oid
    sql postgres "SELECT datdba::regrole, datacl, datconnlimit, datcollate, shobj_description(d.oid, 'pg_database'),
        array(SELECT (setrole::regrole, setconfig) FROM pg_db_role_setting s WHERE s.setdatabase = d.oid ORDER BY 1)
        FROM pg_database d WHERE datname = 'empty'"
}
given >"$work/given.before"
restore 0 --source server --database empty
given >"$work/given.after"
diff "$work/given.before" "$work/given.after" || fail "an empty database lost what it was given"
same_databases shop empty
[ "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname LIKE 'empty%'")" = 1 ] || fail "the empty one remains"

# ------------------------------------------------------------------ in place of a full one

sql empty "CREATE TABLE mine AS SELECT 1"
restore 1 --database empty
[ "$(sql empty 'SELECT count(*) FROM mine')" = 1 ] || fail "refused, and changed all the same"
restore 0 --database empty --overwrite --json
kept=$(jq -r .kept_as "$work/out")
[ "$(sql "$kept" 'SELECT count(*) FROM mine')" = 1 ] || fail "the old one is not kept"
same_databases shop empty
given | sed 's/|C|/|C.UTF-8|/' | diff "$work/given.before" - || fail "the new one was not given what the old one had"

# The name that the old one would get is taken, as by a restore within the same second: for 20 seconds on.
dropdb "$kept"
now=$(date +%s)
for ((second = now; second < now + 20; second++)); do
    date -u -d "@$second" '+CREATE DATABASE "empty.before-%Y%m%dT%H%M%SZ" TEMPLATE template0;'
done | psql -XAtq -v ON_ERROR_STOP=1 -d postgres
sql empty "CREATE TABLE mine AS SELECT 2"
restore 0 --database empty --overwrite --json
kept=$(jq -r .kept_as "$work/out")
[ "$(sql "$kept" 'SELECT count(*) FROM mine')" = 1 ] || fail "the old one is not kept"
[[ $kept = empty.before-*Z-2 ]] || fail "it is kept as $kept"
sql postgres "SELECT format('DROP DATABASE %I;', datname) FROM pg_database WHERE datname LIKE 'empty.before-%Z'" |
    psql -XAtq -v ON_ERROR_STOP=1 -d postgres

# Whoever is connected is told of before anything is loaded.
psql -Xq -d empty -c 'SELECT pg_sleep(30)' >/dev/null 2>&1 &
sleeper=$!
at_exit+=("kill $sleeper 2>/dev/null")
until [ "$(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE datname = 'empty'")" = 1 ]; do sleep 0.1; done
restore 1 --database empty --overwrite
says err 'programs are connected'
kill "$sleeper"

# ------------------------------------------------------------------ one table

sql shop "CREATE TABLE elsewhere AS SELECT 1"
createdb one
restore 0 --database one --table public.customers
diff <(pg_dump -d shop -t customers -t customers_id_seq | grep -v restrict) <(pg_dump -d one | grep -v restrict) ||
    fail "the table is not what it was"
restore 1 --database one --table customers
says err 'already exists'
sql one 'CREATE SCHEMA "the shop"'
restore 3 --database one --table "the shop.the vehicles" # its foreign key is left out, and told
says err 'left out'
[ "$(sql one 'SELECT sum(twice) FROM "the shop"."the vehicles"')" = 4002000 ] || fail "the vehicles are not whole"
restore 0 --database one --table visits
[ "$(sql one 'SELECT count(*) FROM visits')" = 400 ] || fail "the partitions did not come along"
restore 1 --database one --table nothing
says err 'has no table nothing'

# ------------------------------------------------------------------ as an archive

restore 0 --target "$work/back" --source server
createdb --template template0 by_hand
pg_restore --exit-on-error -d by_hand "$work/back/server/database.pgdump"
sql shop "DROP TABLE elsewhere"
same_databases shop by_hand
grep -q 'CREATE ROLE clerk' "$work/back/server/globals.sql" || fail "the roles are missing"

# ------------------------------------------------------------------ words that are refused

restore 2 --database "dbname=copy password=geheim"
says err 'password'
restore 2 --database "postgresql://u:geheim@localhost/copy"
! grep -q geheim "$work/err" || fail "a password was shown"
restore 2 --database "no=such=thing"
PGSERVICEFILE=$work/pg_service.conf restore 2 --database service=nope
says err 'pg_service.conf of the folder'
restore 2 --database copy --target "$work/x"
restore 2 --database copy --source documents
says err 'no PostgreSQL database'
restore 1 --database "host=$work/nowhere dbname=copy"
says err 'connecting to PostgreSQL failed'
sql postgres "CREATE ROLE weak LOGIN PASSWORD 'right'"
echo "127.0.0.1:$PGPORT:*:weak:wrong" >"$work/pgpass"
chmod 600 "$work/pgpass"
restore 1 --database "host=127.0.0.1 user=weak dbname=new passfile=$work/pgpass"
says err 'not the right one'
sed -i s/wrong/right/ "$work/pgpass"
restore 1 --database "host=127.0.0.1 user=weak dbname=new passfile=$work/pgpass"
says err 'may not make databases'
says err 'CREATEDB'
# A role with the right, but none to the owner's objects, and a role that is missing here.
sql postgres "ALTER ROLE weak CREATEDB"
restore 1 --database "host=127.0.0.1 user=weak dbname=new passfile=$work/pgpass"
says err '--no-owner'
sql postgres "SELECT 1 FROM pg_database WHERE datname LIKE 'new%'" | grep -q . && fail "half of it is there"
[ "$(hidden)" = 0 ] || fail "a failed restore left a database"

restore 2 --database template1
says err 'is a template'
[ "$(sql template1 "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")" = 0 ] || fail "all databases hold the shop from now on"

# ------------------------------------------------------------------ what interrupts it

# The count of a table is not what it was: pg_restore is another one, that adds a row at the end.
mkdir "$work/bin"
cat >"$work/bin/pg_restore" <<SH
#!/bin/sh
$(command -v pg_restore) "\$@" || exit
for word; do case \$word in *dbname=*kura-*) psql -Xq -d "\$word" -c "INSERT INTO customers (name) VALUES ('one more')";; esac; done
SH
chmod +x "$work/bin/pg_restore"
PATH=$work/bin:$PATH restore 5 --database tampered
says err 'public.customers has 2001 rows where the backup counted 2000'
[ "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname LIKE 'tampered%'")" = 0 ] || fail "what was not proved is there"
sed -i "s/INSERT INTO customers .*)\"/UPDATE customers SET id = 5000 WHERE id = 1000\"/" "$work/bin/pg_restore"
sql shop 'ALTER TABLE "the shop"."the vehicles" DROP CONSTRAINT "the vehicles_customer_fkey"'
expect_exit 0 kura backup server
PATH=$work/bin:$PATH restore 5 --database tampered # every row is there: it is given, and told
says err 'not the same ones'
[ "$(sql tampered "SELECT count(*) FROM customers")" = 2000 ] || fail "the database was kept back"

# Somebody makes a table, a function or a type while an empty one is filled: it is not replaced.
for made in "TABLE just_now ()" "FUNCTION just_now() RETURNS int LANGUAGE sql AS 'SELECT 1'" "TYPE just_now AS ENUM ('x')"; do
    psql -Xqd postgres -c "DROP DATABASE IF EXISTS raced" 2>"$work/noise"
    createdb raced
    sql raced "CREATE EXTENSION citext"
    cat >"$work/bin/pg_restore" <<SH
#!/bin/sh
$(command -v pg_restore) "\$@" || exit
for word; do case \$word in *dbname=*kura-*) psql -Xq -d raced -c "CREATE $made";; esac; done
SH
    PATH=$work/bin:$PATH restore 1 --database raced
    says err 'the database raced is not empty'
    [ "$(sql raced "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")" -le 1 ] || fail "it was replaced"
    [ "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname LIKE 'raced%'")" = 1 ] || fail "something is left over"
done
restore 1 --database raced
says err 'is not empty'
sql raced "DROP TYPE just_now"
restore 0 --database raced

# Something happens while it is half loaded. A trigger of the server would need a superuser; here pg_restore
# is another one, that lets the dump in slowly.
cat >"$work/bin/pg_restore" <<SH
#!/bin/sh
case "\$*" in
*.kura-*)
    { head -c 300000; touch "$work/halfway"; while [ -e "$work/halfway" ]; do sleep 0.1; done; cat; } |
        exec $(command -v pg_restore) "\$@" ;;
*) exec $(command -v pg_restore) "\$@" ;;
esac
SH
in_the_middle() { # COMMAND: while a restore into the database "broken" is half done; sets code
    rm -f "$work/halfway"
    PATH=$work/bin:$PATH "$KURA" restore --kit "$work/kit.txt" --passphrase-file "$work/pw" --database broken \
        >"$work/out" 2>"$work/err" </dev/null &
    victim=$!
    until [ -e "$work/halfway" ]; do
        kill -0 "$victim" 2>/dev/null || fail "the restore ended too early"
        sleep 0.1
    done
    until [ "$(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_restore'")" = 1 ]; do
        sleep 0.1
    done
    "$@"
    rm -f "$work/halfway"
    code=0
    wait "$victim" 2>/dev/null || code=$?
    [ "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname = 'broken'")" = 0 ] || fail "half of it is there"
}

in_the_middle sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg_restore'" >"$work/ended"
[ "$code" = 1 ] || fail "a killed backend ended it with $code"
says err 'pg_restore failed'
[ "$(hidden)" = 0 ] || fail "a killed backend left a database"

for signal in INT HUP; do # Ctrl-C, and a line to the terminal that is gone
    stop_on_request() { kill "-$signal" "$victim"; }
    in_the_middle stop_on_request
    [ "$code" = 1 ] || fail "SIG$signal ended it with $code"
    says err 'stopped on request'
    [ "$(hidden)" = 0 ] || fail "SIG$signal left a database"
done

enters() { # DATABASE: whether a role that was granted nothing does
    psql -XAtq -U weak -d "$1" -c 'SELECT 1' >"$work/entered" 2>&1
}
shut() { # nobody gets into a hidden database
    local name
    name=$(sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'broken.kura-%'")
    ! enters "$name" || fail "anybody can read a hidden database $1"
    grep -q 'permission denied for database' "$work/entered" || fail "the hidden database is not shut: $(cat "$work/entered")"
}
second_one() {
    restore 1 --database broken
    says err 'another restore into the database broken is running'
    shut "while it is loaded"
    kill -9 "$victim"
}
# One that came to the server by another database, and one whose lock is gone, are not taken for dead either.
sql postgres "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC"
other_ones() {
    restore 1 --database "dbname=broken user=weak"
    says err 'another restore into the database broken is running'
    sql postgres "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'" >"$work/ended"
    kill -STOP "$victim"
    restore 1 --database broken
    says err 'a restore seems to be working in the database broken.kura-'
    kill -CONT "$victim"
}
in_the_middle other_ones
[ "$code" = 1 ] || fail "without its lock it ended with $code"
[ "$(hidden)" = 0 ] || fail "a lost lock left a database"
sql postgres "GRANT CONNECT ON DATABASE postgres TO PUBLIC"

in_the_middle second_one
[ "$(hidden)" = 1 ] || fail "no hidden database after kill -9"
shut "after kill -9"
createdb broken.kura-0123456789abcdef # of somebody who has a strange taste
restore 0 --database broken
says err 'an interrupted restore had left the database broken.kura-'
same_databases shop broken
enters broken || fail "a restored database is shut: $(cat "$work/entered")"
[ -z "$(sql postgres "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'broken'")" ] || fail "it is called unfinished"
[ "$(hidden)" = 1 ] || fail "a leftover remains, or a stranger's database is gone"
sql postgres 'DROP DATABASE "broken.kura-0123456789abcdef"; ' && sql postgres 'DROP DATABASE broken'

stop_the_server() { postgres_stop "$work/pg" immediate; postgres_start "$work/pg"; }
in_the_middle stop_the_server
[ "$code" = 1 ] || fail "a dead server ended it with $code"
restore 0 --database broken
same_databases shop broken
[ "$(hidden)" = 0 ] || fail "a leftover remains"

# The line is cut while the rows go over it, into a database and into a table.
sql postgres "CREATE ROLE remote SUPERUSER LOGIN PASSWORD 'right'"
echo "127.0.0.1:*:*:remote:right" >"$work/pgpass"
relay_start "$work/relay" "$PGPORT"
at_exit=("relay_stop '$work/relay'" "${at_exit[@]}")
for trouble in cut=300000 reset=1000000; do
    relay "$trouble" way=up
    restore 1 --database "host=127.0.0.1 port=$RELAY_PORT user=remote dbname=cut passfile=$work/pgpass"
    says err 'pg_restore failed'
    [ -z "$(sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'cut%'")" ] || fail "half of it is there"
    restore 1 --database "host=127.0.0.1 port=$RELAY_PORT user=remote dbname=one passfile=$work/pgpass" \
        --table pgbench_accounts
    says err 'the server itself, is gone'
    [ -z "$(sql one "SELECT relname FROM pg_class WHERE relname LIKE 'pgbench%'")" ] || fail "half of a table is there"
done

# The server's disk is full.
if ((EUID == 0)) && mkdir "$work/small" && mount -t tmpfs -o size=20m kura-small "$work/small" 2>/dev/null; then
    at_exit+=("umount -l '$work/small'")
    mkdir "$work/small/space"
    chown postgres: "$work/small" "$work/small/space"
    sql postgres "CREATE TABLESPACE small LOCATION '$work/small/space'"
    sql postgres "CREATE DATABASE tight TEMPLATE template0 TABLESPACE small"
    restore 1 --database tight
    grep -q 'No space left' "$work/err" || fail "no word of the full disk"
    [ "$(sql tight 'SELECT count(*) FROM pg_tables WHERE schemaname = $$public$$')" = 0 ] || fail "half of it is there"
    # The server may not even be able to remove the hidden one now; when there is space, it goes.
    mount -o remount,size=200m "$work/small"
    restore 0 --database tight
    same_databases shop tight
    [ "$(hidden)" = 0 ] || fail "a leftover remains"
    sql postgres "DROP DATABASE tight"
    sql postgres "DROP TABLESPACE small"
fi

# ------------------------------------------------------------------ under load

# pgbench moves money all the time: in every copy accounts, tellers, branches and history agree.
pgbench -n -c 2 -T 600 shop >"$work/pgbench.log" 2>&1 &
writer=$!
at_exit+=("kill $writer 2>/dev/null")
for round in 1 2 3; do
    expect_exit 0 kura backup server
    restore 0 --database "load$round"
    sums=$(sql "load$round" "SELECT count(DISTINCT s) FROM (SELECT sum(abalance) s FROM pgbench_accounts UNION ALL
        SELECT sum(tbalance) FROM pgbench_tellers UNION ALL SELECT sum(bbalance) FROM pgbench_branches UNION ALL
        SELECT coalesce(sum(delta), 0) FROM pgbench_history) x")
    [ "$sums" = 1 ] || fail "the sums of the copy do not agree"
done
kill -0 "$writer" || fail "the load was disturbed"
kill "$writer"

# ------------------------------------------------------------------ other databases

# Who is a person may depend on the day, as here on the database's name, or on what a restore does not have: told, and no reason to keep it back.
createdb seen
sql seen "CREATE TABLE customers (id int); INSERT INTO customers VALUES (1), (2);
    CREATE SCHEMA far; CREATE TABLE far.away AS SELECT 7 AS id; ALTER ROLE shop_owner SET search_path = public, far"
sed -i '/^sources:/q' kura.yaml
cat >>kura.yaml <<'YAML'
  - { name: seen, postgres: "dbname=seen" }
persons:
  - { domain: customer, source: seen, sql: SELECT id FROM customers WHERE id = 1 OR current_database() = 'seen' }
YAML
expect_exit 0 kura backup --json
json '.persons == 2'
restore 5 --database seen_again --source seen
says err '1 persons are in it where the backup counted 2'
[ "$(sql seen_again "SELECT count(*) FROM customers")" = 2 ] || fail "the database was kept back"
sed -i 's/sql: SELECT.*/sql: SELECT id FROM away }/' kura.yaml
expect_exit 0 kura backup
sql postgres "ALTER ROLE shop_owner RESET search_path"
restore 3 --database seen_anew --source seen
says err 'persons cannot be counted again'
[ "$(sql seen_anew "SELECT count(*) FROM customers")" = 2 ] || fail "the database was kept back"

# A row of over 1 MiB that ends like the end of all rows, and arrives in two parts just there; the next one is SQL.
createdb notes
sql notes "CREATE TABLE notes (n int, t text);
    INSERT INTO notes VALUES (1, repeat('x', 1048600) || '\\.'),
        (2, 'CREATE TABLE public.injected (); COMMIT; BEGIN; --'), (3, 'y')"
sed -i '/^sources:/q' kura.yaml
echo '  - { name: notes, postgres: "dbname=notes" }' >>kura.yaml
expect_exit 0 kura backup
cat >"$work/bin/pg_restore" <<SH
#!/bin/sh
case "\$*" in *--section=data*) ;; *) exec $(command -v pg_restore) "\$@" ;; esac
$(command -v pg_restore) "\$@" | python3 -c '
import sys, time
data = sys.stdin.buffer.read()
at = data.index(bytes((92, 92, 46, 10))) + 1
sys.stdout.buffer.write(data[:at]); sys.stdout.buffer.flush(); time.sleep(0.5); sys.stdout.buffer.write(data[at:])'
SH
createdb living
PATH=$work/bin:$PATH restore 0 --database living --table notes --source notes
[ "$(sql living "SELECT string_agg(n || ' ' || length(t), ',' ORDER BY n) FROM notes")" = "1 1048602,2 50,3 1" ] ||
    fail "the rows are others"
[ "$(sql living "SELECT count(*) FROM pg_tables WHERE tablename = 'injected'")" = 0 ] || fail "a row was run as SQL"
dropdb living

# A column whose name has a newline: its COPY has two lines. Two tables, of which one's name begins like the other's.
sql notes "CREATE TABLE \"order\" (n int); INSERT INTO \"order\" VALUES (7);
    CREATE TABLE \"order items\" (\"電話
番号\" text, \"a\"\"b\" int); INSERT INTO \"order items\" VALUES ('DROP TABLE notes;', 1)"
expect_exit 0 kura backup
createdb living
restore 0 --database living --source notes --table order
restore 0 --database living --source notes --table "order items"
[ "$(sql living "SELECT (SELECT n FROM \"order\"), (SELECT count(*) FROM \"order items\")")" = "7|1" ] || fail "the rows are others"
dropdb living

# Names in another encoding than UTF-8, owners with a blank in theirs, the same name in two schemas.
createdb --template template0 --encoding EUC_JP --locale C old
PGCLIENTENCODING=UTF8 sql old 'CREATE ROLE "the clerk"; CREATE SCHEMA "店 x"; CREATE TABLE 顧客 (番号 int, 名 text);
    INSERT INTO 顧客 VALUES (1, $$山田$$); ALTER TABLE 顧客 OWNER TO "the clerk"; CREATE TABLE "車 検" (番号 int);
    CREATE TABLE "店 x"."車 検" (番号 int); INSERT INTO "店 x"."車 検" VALUES (7); CREATE TABLE "a.b" (c int)'
echo '  - { name: old, postgres: "dbname=old" }' >>kura.yaml
expect_exit 0 kura backup
createdb living
PGCLIENTENCODING=UTF8 sql living 'CREATE SCHEMA "店 x"'
restore 0 --database living --source old --table 顧客 --table "店 x.車 検" --table a.b --json
json '.restored_rows == { "public.\"顧客\"": 1, "\"店 x\".\"車 検\"": 1, "public.\"a.b\"": 0 }'
[ "$(PGCLIENTENCODING=UTF8 sql living 'SELECT 名 || (SELECT 番号 FROM "店 x"."車 検") FROM 顧客')" = 山田7 ] || fail "the rows are others"
restore 2 --database living --source old --table "車 検"
says err 'several tables are called 車 検'
restore 1 --database living --source old --table 車
says err 'has no table 車'
restore 1 --database living --source old --table é # cannot be written in EUC_JP, or is not there
says err 'has no table é'
dropdb living

# A database whose name has a newline: pg_restore does not tell all of it, so nobody is let in.
createdb --template template0 --encoding EUC_JP --lc-collate C --lc-ctype C --owner clerk $'two\nlines'
sql $'two\nlines' "CREATE TABLE t AS SELECT 1 AS id"
sql postgres $'REVOKE CONNECT ON DATABASE "two\nlines" FROM PUBLIC'
echo '  - { name: lines, postgres: "dbname='"'two\nlines'"'" }' >>kura.yaml
expect_exit 0 kura backup lines
restore 3 --database from_lines --source lines
says err 'has more than one line'
[ "$(sql from_lines 'SELECT id FROM t')" = 1 ] || fail "the rows are others"
[ "$(sql postgres "SELECT pg_encoding_to_char(encoding), pg_get_userbyid(datdba), datacl FROM pg_database
    WHERE datname = 'from_lines'")" = 'EUC_JP|clerk|{clerk=CTc/clerk}' ] || fail "not as it was, or open to all"
restore 0 --database $'two\nlines' --source lines --overwrite
[ "$(sql $'two\nlines' 'SELECT id FROM t')" = 1 ] || fail "the rows are others"
[ "$(hidden)" = 0 ] || fail "a hidden database is left"
sed -i '/name: old/d; /name: lines/d' kura.yaml

# What belongs to a table needs what the database lacks: no fault of the words, and told.
sql notes "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER noted AFTER DELETE ON notes FOR EACH ROW EXECUTE FUNCTION noted()"
expect_exit 0 kura backup
createdb living
restore 1 --database living --source notes --table notes
says err 'function public.noted() does not exist'
says err 'Make first what the table needs'
[ -z "$(sql living '\dt')" ] || fail "half of a table is there"
dropdb living

# A time limit is called one.
cat >>kura.yaml <<'YAML'
persons:
  - { domain: customer, source: notes, sql: "SELECT set_config('statement_timeout', '50', true)" }
  - { domain: customer, source: notes, sql: SELECT pg_sleep(60)::text }
YAML
expect_exit 1 kura backup
says err 'reached a time limit (statement_timeout'
sed -i '/^persons:/,$d' kura.yaml

# ------------------------------------------------------------------ what the archive says of the database

# Restored by a role that is no superuser, is in another one by "SET ROLE" only, and belongs to the owner's role.
sql postgres "CREATE ROLE keeper; CREATE ROLE restorer CREATEDB IN ROLE keeper, pg_read_all_data;
    CREATE ROLE login LOGIN NOINHERIT IN ROLE restorer; CREATE ROLE passer LOGIN"
createdb --owner keeper granted
psql -Xq -v ON_ERROR_STOP=1 -d granted <<'SQL'
CREATE TABLE things AS SELECT 1 AS id;
ALTER TABLE things OWNER TO restorer;
REVOKE ALL ON DATABASE granted FROM PUBLIC;
GRANT CONNECT ON DATABASE granted TO clerk WITH GRANT OPTION;
ALTER DATABASE granted CONNECTION LIMIT 50;
COMMENT ON DATABASE granted IS 'ours';
SQL
said() { # DATABASE
    sql postgres "SELECT datdba::regrole, datacl, datconnlimit, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '$1'"
}
sed -i '/^sources:/q' kura.yaml
echo '  - { name: granted, postgres: "dbname=granted" }' >>kura.yaml
expect_exit 0 kura backup
said granted >"$work/said.before"
for connection in dbname=granted_again "dbname=granted_by_role user=login options='-c role=restorer'"; do
    restore 0 --source granted --database "$connection"
    said "$(jq -rn --arg c "$connection" '$c | capture("dbname=(?<n>[a-z_]+)").n')" | diff "$work/said.before" - ||
        fail "the database is not given what the archive says"
done
! psql -XAtq -U passer -d granted_again -c "SELECT 1" >"$work/entered" 2>&1 || fail "PUBLIC may connect, which was revoked"
restore 0 --source granted --database granted_free --no-owner
psql -XAtq -U passer -d granted_free -c "SELECT 1" >"$work/entered" 2>&1 || fail "a database of whoever restores is shut"
[[ $(said granted_free) == shop_owner\|*\|50\|ours ]] || fail "--no-owner gave it $(said granted_free)"

# A new machine lacks the tablespaces of the old one.
install -d -o "$(stat -c %U pg/data)" -m 700 pg/fast
createdb spaced
psql -Xq -v ON_ERROR_STOP=1 -d spaced -c "CREATE TABLESPACE fast LOCATION '$work/pg/fast'" \
    -c "CREATE TABLE plain AS SELECT 1 AS id" -c "CREATE TABLE quick TABLESPACE fast AS SELECT generate_series(1, 9) AS id"
sed -i '/^sources:/q' kura.yaml
echo '  - { name: spaced, postgres: "dbname=spaced" }' >>kura.yaml
expect_exit 0 kura backup
restore 0 --source spaced --database spaced_here
[ "$(sql spaced_here "SELECT tablespace FROM pg_tables WHERE tablename = 'quick'")" = fast ] || fail "the tablespace was not used"
dropdb spaced
dropdb spaced_here
sql postgres "DROP TABLESPACE fast"
restore 3 --source spaced --database spaced_again
says err '"fast"'
says err "All is restored into the database's own tablespace"
[ "$(sql spaced_again 'SELECT count(*) FROM quick')" = 9 ] || fail "not all rows came without the tablespace"
[ "$(hidden)" = 0 ] || fail "a second attempt left the first one's database"

# A role that may give a database away, and may do nothing to it then: who was shut out stays so.
sql postgres "CREATE ROLE kept_owner; CREATE ROLE kept_admin LOGIN CREATEDB NOINHERIT IN ROLE kept_owner; CREATE ROLE kept_passer LOGIN;
    CREATE ROLE kept_clerk"
createdb --owner kept_owner kept
sql kept "CREATE SCHEMA app AUTHORIZATION kept_admin; CREATE TABLE app.things AS SELECT 1 AS id; ALTER TABLE app.things OWNER TO kept_admin;
    REVOKE ALL ON DATABASE kept FROM PUBLIC; GRANT CONNECT ON DATABASE kept TO kept_clerk;
    COMMENT ON DATABASE kept IS 'ours'; ALTER DATABASE kept CONNECTION LIMIT 40"
sed -i '/^sources:/q' kura.yaml
echo '  - { name: kept, postgres: "dbname=kept" }' >>kura.yaml
expect_exit 0 kura backup
what_it_has() { # DATABASE
    sql postgres "SELECT datdba::regrole, datacl, datconnlimit, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '$1'"
}
restore 0 --database "dbname=kept_anew user=kept_admin" --source kept
! psql -XAtq -U kept_passer -d kept_anew -c 'SELECT 1' 2>/dev/null || fail "a database that was shut is open to all"
diff <(what_it_has kept) <(what_it_has kept_anew) || fail "a database lost what it was given"
sql kept_anew "CREATE TABLE mine AS SELECT 1"
restore 0 --database kept_anew --source kept --overwrite
diff <(what_it_has kept) <(what_it_has kept_anew) || fail "a database lost what the one before was given"

# A role that is no superuser replaces its own database; one in a tablespace that it may not use goes where it may.
sql postgres "CREATE ROLE shopadm LOGIN CREATEDB"
psql -XAtq -U shopadm -d postgres -c "CREATE DATABASE own"
psql -XAtq -U shopadm -d own -c "CREATE TABLE t AS SELECT 1 AS id"
sed -i '/^sources:/q' kura.yaml
echo '  - { name: own, postgres: "dbname=own user=shopadm" }' >>kura.yaml
expect_exit 0 kura backup
restore 0 --source own --database "dbname=own user=shopadm" --overwrite
[ "$(sql own 'SELECT count(*) FROM t')" = 1 ] || fail "the table is not there"
postgres_as mkdir "$work/pg/elsewhere"
psql -Xq -d postgres -c "CREATE TABLESPACE elsewhere LOCATION '$work/pg/elsewhere'" -c "ALTER DATABASE own SET TABLESPACE elsewhere"
sleep 1 # the name of what was there has the second
restore 3 --source own --database "dbname=own user=shopadm" --overwrite
says err "the database's tablespace could not be taken over"

# Who only is a member of the role that restores does not get in before it is published, and does then.
sql postgres "CREATE ROLE team CREATEDB; CREATE ROLE dba LOGIN IN ROLE team; CREATE ROLE colleague LOGIN IN ROLE team"
createdb -O team teams
sql teams "CREATE TABLE customers AS SELECT 45 AS id; ALTER TABLE customers OWNER TO team"
sed -i '/^sources:/q' kura.yaml
echo '  - { name: teams, postgres: "dbname=teams" }' >>kura.yaml
expect_exit 0 kura backup
cat >"$work/bin/pg_restore" <<SH
#!/bin/sh
$(command -v pg_restore) "\$@" || exit
for word; do case \$word in *dbname=*kura-*)
    psql -XAtq -U colleague -d "\$(echo "\$word" | sed "s/.*dbname='\([^']*\)'.*/\1/")" -c "SELECT * FROM customers" >"$work/peeped" 2>&1 ;;
esac; done; :
SH
chmod +x "$work/bin/pg_restore"
PATH=$work/bin:$PATH restore 0 --source teams --database "dbname=teams_anew user=dba options='-c role=team'"
grep -q "permission denied for database" "$work/peeped" || fail "a colleague was in a hidden database: $(cat "$work/peeped")"
[ "$(psql -XAtq -U colleague -d teams_anew -c "SELECT id FROM customers")" = 45 ] || fail "the published database is shut"

# A tablespace that the role may not use, or that is not there, keeps neither a database nor a table back.
sql postgres "CREATE ROLE spaceadm LOGIN CREATEDB"
createdb -O spaceadm spacious
postgres_as mkdir "$work/pg/swift"
psql -Xq -d spacious -c "CREATE TABLESPACE swift LOCATION '$work/pg/swift'" -c "GRANT CREATE ON TABLESPACE swift TO spaceadm"
psql -Xq -U spaceadm -d spacious -c "CREATE TABLE plain AS SELECT 1 AS id" \
    -c "CREATE TABLE quick TABLESPACE swift AS SELECT generate_series(1, 9) AS id"
sed -i '/^sources:/q' kura.yaml
echo '  - { name: spacious, postgres: "dbname=spacious" }' >>kura.yaml
expect_exit 0 kura backup
sql postgres "REVOKE CREATE ON TABLESPACE swift FROM spaceadm"
restore 3 --source spacious --database "dbname=spacious_denied user=spaceadm"
says err "the database's own tablespace"
[ "$(sql spacious_denied 'SELECT count(*) FROM quick')" = 9 ] || fail "the rows are others"
dropdb spacious
sql postgres "DROP TABLESPACE swift"
createdb spacious_table
restore 0 --source spacious --database spacious_table --table quick

# What a database in another encoding than UTF-8 says of itself.
createdb --template template0 --encoding EUC_JP --locale C euc
sql euc "CREATE TABLE t AS SELECT 1 AS id"
PGCLIENTENCODING=UTF8 sql postgres "CREATE ROLE euc_clerk; CREATE ROLE euc_passer; COMMENT ON DATABASE euc IS '顧客データ; 店''s';
    REVOKE ALL ON DATABASE euc FROM PUBLIC; GRANT CONNECT ON DATABASE euc TO euc_clerk; ALTER DATABASE euc SET search_path = '顧客', public"
PGCLIENTENCODING=UTF8 sql euc "COMMENT ON DATABASE euc IS '顧客データ; 店''s'"
sed -i '/^sources:/q' kura.yaml
echo '  - { name: euc, postgres: "dbname=euc" }' >>kura.yaml
expect_exit 0 kura backup
restore 0 --source euc --database 顧客の
[ "$(PGCLIENTENCODING=UTF8 sql postgres "SELECT shobj_description(d.oid, 'pg_database') || setconfig::text FROM pg_database d
    JOIN pg_db_role_setting s ON s.setdatabase = d.oid WHERE datname = '顧客の'")" = "顧客データ; 店's{\"search_path=\\\"顧客\\\", public\"}" ] ||
    fail "a database in EUC_JP lost what it was given"
[ "$(sql postgres "SELECT has_database_privilege('euc_passer', oid, 'CONNECT') FROM pg_database WHERE datname = '顧客の'")" = f ] ||
    fail "a database in EUC_JP is open"

# Schemas whose names are words of the archive's list.
createdb words
sql words 'CREATE SCHEMA "DATA"; CREATE TABLE "DATA".customers (id int PRIMARY KEY); INSERT INTO "DATA".customers VALUES (1);
    CREATE SCHEMA "ATTACH"; CREATE TABLE "ATTACH".a AS SELECT 2 AS id; CREATE TABLE public.customers AS SELECT generate_series(1, 3) AS id'
sed -i '/^sources:/q' kura.yaml
echo '  - { name: words, postgres: "dbname=words" }' >>kura.yaml
expect_exit 0 kura backup
createdb words_alone
sql words_alone 'CREATE SCHEMA "DATA"; CREATE SCHEMA "ATTACH"'
restore 0 --source words --database words_alone --table DATA.customers --table ATTACH.a --json
json '.restored_rows == { "\"DATA\".customers": 1, "\"ATTACH\".a": 1 }'
restore 2 --source words --database words_alone --table customers
says err "several tables are called customers"

# A source that is a template: what is restored is none.
createdb moulded
sql moulded "CREATE TABLE t AS SELECT 1 AS id; ALTER DATABASE moulded IS_TEMPLATE = true"
sed -i '/^sources:/q' kura.yaml
echo '  - { name: moulded, postgres: "dbname=moulded" }' >>kura.yaml
expect_exit 0 kura backup
restore 3 --source moulded --database moulded_anew
says err "is a template for other databases; what is restored is none"
[ "$(sql postgres "SELECT datistemplate FROM pg_database WHERE datname = 'moulded_anew'")" = f ] || fail "a restored database is a template"

echo "postgres restore: new, empty, replaced, one table, archive, shut until it is published, interrupted in seven ways, under load ($SECONDS s)"
