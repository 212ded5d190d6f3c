#!/usr/bin/env bash
# A customer in PostgreSQL asks to be erased: a restored database gets its name when the person is gone
# from its rows and from its files; an archive, from which nobody can be erased, is not given.
source "$(dirname "$0")/lib.sh"
source "$tests/support/postgres.sh"

postgres_start "$work/pg"
at_exit+=("postgres_stop '$work/pg' immediate")
sql() { # DATABASE SQL
    psql -XAtq -v ON_ERROR_STOP=1 -d "$1" -c "$2"
}
restore() { # CODE ARGUMENT...
    run "$1" restore --kit "$work/kit.txt" --passphrase-file "$work/pw" "${@:2}"
}

mark=KESHITE-KUDASAI
createdb shop
sql shop "CREATE TABLE customers (id int PRIMARY KEY, name text);
    CREATE TABLE visits (customer int REFERENCES customers, note text);
    CREATE INDEX by_name ON customers (name);
    INSERT INTO customers SELECT i, 'name ' || i FROM generate_series(1, 500) i;
    UPDATE customers SET name = 'x $mark' WHERE id = 45;
    INSERT INTO visits SELECT id, name FROM customers;
    CREATE SCHEMA \"a view\";
    CREATE MATERIALIZED VIEW \"a view\".names AS SELECT id, name FROM customers;
    CREATE VIEW between AS SELECT * FROM \"a view\".names;
    CREATE MATERIALIZED VIEW again AS SELECT upper(name) AS name, name AS was FROM between;
    CREATE FUNCTION drawn() RETURNS SETOF text LANGUAGE plpgsql AS
        'BEGIN RETURN QUERY SELECT name FROM \"a view\".names; END';
    CREATE MATERIALIZED VIEW by_function AS SELECT * FROM drawn() AS name;
    CREATE MATERIALIZED VIEW aside AS SELECT * FROM again WITH NO DATA"
config() { # RULE...
    configure
    sed -i '/^sources:/q' kura.yaml
    {
        echo '  - { name: server, postgres: "dbname=shop", globals: true }'
        echo 'persons:'
        echo "  - { domain: customer, source: server, sql: SELECT id FROM customers WHERE name <> '' }"
        echo 'erasure:'
        echo '  - domain: customer'
        echo '    source: server'
        echo '    sql:'
        printf '      - "%s"\n' "$@"
    } >>kura.yaml
}
config "DELETE FROM visits WHERE customer = :id" "UPDATE customers SET name = '' WHERE id = :id"
expect_exit 0 kura init --kit kit.txt --passphrase-file pw
expect_exit 0 kura backup
expect_exit 0 kura person erase 45 --reason asked
restore 0 --database copy
says err "1 erasure is registered: 2 rows were changed or removed"
[ "$(sql copy "SELECT count(*) FROM visits")" = 499 ] || fail "the visits are not what they must be"
[ "$(sql copy "SELECT name FROM customers WHERE id = 45")" = "" ] || fail "the name came back"
[ "$(sql copy "SELECT count(*) FROM customers WHERE name LIKE 'name %'")" = 499 ] || fail "others were erased"
[ "$(sql copy "SELECT (SELECT count(*) FROM \"a view\".names WHERE name = ''), (SELECT count(*) FROM again)")" = "1|500" ] ||
    fail "the materialized views are not of what is left"
! sql copy "SELECT * FROM aside" 2>/dev/null || fail "a view that had no rows has some"
sql copy CHECKPOINT
oid=$(sql postgres "SELECT oid FROM pg_database WHERE datname = 'copy'")
! grep -rq "$mark" "$work/pg/data/base/$oid" || fail "the name is in a file of the database"
grep -rq "$mark" "$work/pg/data/base" || fail "the name is not even in the shop's own database"

# A table alone, into a database that lives: the rules run there, and nothing is left in its file.
createdb living
restore 1 --database living --table customers
says err 'relation "visits" does not exist'
[ -z "$(sql living '\dt')" ] || fail "a table was restored with somebody erased in it"
sql living "CREATE TABLE visits (customer int, note text); INSERT INTO visits VALUES (45, 'a'), (46, 'b')"
restore 0 --database living --table customers
[ "$(sql living "SELECT name FROM customers WHERE id = 45")" = "" ] || fail "the name came back with the table"
[ "$(sql living "SELECT customer FROM visits")" = 46 ] || fail "the rules are not those of the database"
sql living CHECKPOINT
oid=$(sql postgres "SELECT oid FROM pg_database WHERE datname = 'living'")
! grep -rq "$mark" "$work/pg/data/base/$oid" || fail "the name is in a file of the table"

# An id that is no value of the column, by mistake or of another database, is nobody's here, and keeps
# nobody's database back.
for id in 45x 99999999999999999999 "4'5" $'4\n5'; do
    expect_exit 3 kura person erase "$id" --reason asked
    says err "no database counts a person of the domain customer with this ID now"
done
restore 0 --database others
says err "5 erasures are registered: 2 rows were changed or removed"
[ "$(sql others "SELECT count(*) FROM customers WHERE name LIKE 'name %'")" = 499 ] || fail "others were erased"

# As a file nobody can be erased from it.
restore 1 --target "$work/archive"
says err "--database NAME"
[ "$(find archive -type f -printf '%f ')" = "globals.sql " ] || fail "an archive was restored with somebody erased in it"
expect_exit 0 kura dump latest server:globals.sql --kit kit.txt --passphrase-file pw
says out "CREATE ROLE"
archive=$(kura ls latest server --kit kit.txt --passphrase-file pw --json | jq -r '.[].path' | grep -v globals)
expect_exit 1 kura dump latest "server:$archive" --kit kit.txt --passphrase-file pw
says err "asked to be erased"
[ ! -s out ] || fail "an archive was dumped with somebody erased in it"
restore 0 --database lawful --as-it-was --reason "court order"
[ "$(sql lawful "SELECT name FROM customers WHERE id = 45")" = "x $mark" ] || fail "--as-it-was erased"

# A rule that does not fit is met when somebody is registered: a reader tries it, and nothing is run.
rules=("DELETE FROM points WHERE customer = :id" "COPY (SELECT :id) TO PROGRAM 'touch $work/pg/stolen'"
    "DELETE FROM visits WHERE custmer = :id" "DELETE FROM visits WHERE customer = :id; DROP TABLE visits")
sql postgres "CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader"
registered=$(ls vault/register | wc -l)
for rule in "${rules[@]}"; do
    config "$rule"
    sed -i 's/"dbname=shop"/"dbname=shop user=reader"/' kura.yaml
    expect_exit 2 kura person erase 46 --reason asked
    says err "Nobody was registered"
done
[ "$(ls vault/register | wc -l)" = "$registered" ] || fail "somebody was registered with a rule that cannot be"
config "DELETE FROM visits WHERE customer = :id"
sed -i 's/"dbname=shop"/"dbname=shop user=reader"/' kura.yaml
expect_exit 0 kura person erase 46 --reason asked
[ "$(sql shop "SELECT count(*) FROM visits")" = 500 ] || fail "trying a rule changed the shop's database"

# A rule that fits and does not suffice is told.
restore 3 --database halfway --snapshot latest
says err "1 person who asked to be erased is still in it after the rules"
[ "$(sql halfway "SELECT count(*) FROM customers WHERE name = 'name 46'")" = 1 ] || fail "there is nothing to tell"

# When the server was away that day, it keeps the database back; what is more than a change of rows is not run.
for rule in "${rules[@]:0:2}"; do
    config "$rule"
    rm -rf vault state host.key kit.txt kit_login.pub pw
    expect_exit 0 kura init --kit kit.txt --passphrase-file pw
    expect_exit 0 kura backup
    sed -i 's/"dbname=shop"/"dbname=away"/' kura.yaml
    expect_exit 3 kura person erase 45 --reason asked
    says err "the rules could not be tried on the database"
    restore 1 --database unfit
    says err "does not fit this database"
    says err "--as-it-was"
    [ -z "$(sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'unfit%'")" ] || fail "a database was left"
done
[ ! -e pg/stolen ] || fail "a rule started a program"

# An id in another spelling than the server's is the same row for a rule, and another person for lists: told at once,
# and by restores, until both are registered.
spelt() { # TYPE ID AS-IT-STANDS
    psql -Xqd postgres -c "DROP DATABASE IF EXISTS spelt" 2>>err
    createdb spelt
    sql spelt "CREATE TABLE cards (code $1); INSERT INTO cards VALUES ('$2'), (NULL)"
    config "DELETE FROM cards WHERE code = :id"
    sed -i 's/"dbname=shop"/"dbname=spelt"/; s/sql: SELECT id FROM customers.*/sql: "SELECT code FROM cards;" }/' kura.yaml
    rm -rf vault state host.key kit.txt kit_login.pub pw
    expect_exit 0 kura init --kit kit.txt --passphrase-file pw
    expect_exit 0 kura backup
    expect_exit 3 kura person erase "$2" --reason asked
    says err "the ID of this person is \"$3\""
    restore 3 --database "spelt_$1"
    says err "1 person who is not registered as erased is gone after the rules"
    expect_exit 0 kura person erase "$3" --reason asked
    sql postgres "DROP DATABASE \"spelt_$1\""
    restore 0 --database "spelt_$1"
    [ "$(sql "spelt_$1" "SELECT count(*) FROM cards")" = 1 ] || fail "the person came back"
}
spelt "char(8)" A7 "A7      "
spelt uuid A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11 a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11
spelt int 007 7

# A trigger takes details away, as in the shop's own program; one that logs what was deleted is told, until a rule
# behind the others erases from its log.
createdb logged
sql logged "CREATE TABLE customers (id int PRIMARY KEY, name text);
    CREATE TABLE details (customer int, note text);
    CREATE TABLE log (customer int, old text);
    INSERT INTO customers SELECT i, 'name ' || i FROM generate_series(1, 50) i;
    INSERT INTO details SELECT id, name FROM customers;
    INSERT INTO log VALUES (45, 'old name 45');
    CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN DELETE FROM public.details WHERE customer = OLD.id; RETURN OLD; END';
    CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO public.log VALUES (OLD.id, OLD.name); RETURN NULL; END';
    CREATE TRIGGER first BEFORE DELETE ON customers FOR EACH ROW EXECUTE FUNCTION forget();
    CREATE TRIGGER last AFTER DELETE ON customers FOR EACH ROW EXECUTE FUNCTION log_it()"
logged() { # CODE DATABASE RULE...
    config "${@:3}"
    sed -i 's/"dbname=shop"/"dbname=logged"/' kura.yaml
    [ -e logged.made ] || {
        rm -rf vault state host.key kit.txt kit_login.pub pw
        expect_exit 0 kura init --kit kit.txt --passphrase-file pw
        expect_exit 0 kura backup
        : >logged.made
    }
    expect_exit 0 kura person erase 45 --reason asked
    restore "$1" --database "$2"
    [ "$(sql "$2" "SELECT count(*) FROM details")" = 49 ] || fail "a trigger was kept from running"
}
logged 3 logged_as_it_is "DELETE FROM customers WHERE id = :id"
says err "a trigger wrote to the table log"
logged 0 logged_wholly "DELETE FROM customers WHERE id = :id" "DELETE FROM log WHERE customer = :id"
[ "$(sql logged_wholly "SELECT count(*) FROM log")" = 0 ] || fail "the log still has what was erased"
rm logged.made
logged 3 logged_first "DELETE FROM log WHERE customer = :id" "DELETE FROM customers WHERE id = :id"
says err "a trigger wrote to the table log"
createdb logged_table
sql logged_table "CREATE TABLE details (customer int, note text); CREATE TABLE log (customer int, old text);
    CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END';
    CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO public.log VALUES (OLD.id, OLD.name); RETURN NULL; END'"
restore 3 --database logged_table --table customers
says err "a trigger wrote to the table log"

# The same person in both kinds of database is one person, and is gone from both; ids of one kind only are in no
# way of the other.
sqlite3 leads.db "CREATE TABLE leads (customer TEXT, name TEXT);
    INSERT INTO leads VALUES (45, 'x'), (46, 'y'), ('mail-1', 'z'), ('mail-2', 'z')"
config "DELETE FROM visits WHERE customer = :id" "UPDATE customers SET name = '' WHERE id = :id"
sed -i 's/^persons:/  - { name: leads, sqlite: leads.db }\n&\
  - { domain: customer, source: leads, sql: SELECT customer FROM leads }/' kura.yaml
echo '  - { domain: customer, source: leads, sql: [DELETE FROM leads WHERE customer = :id] }' >>kura.yaml
rm -rf vault state host.key kit.txt kit_login.pub pw
expect_exit 0 kura init --kit kit.txt --passphrase-file pw
expect_exit 0 kura backup --json
json '.persons == 502 and [.sources[].persons] == [500, 4]'
expect_exit 0 kura person erase 45 --reason asked
expect_exit 0 kura person erase mail-1 --reason asked
restore 0 --database both --json
json '.restored_persons == 499 and .erased.registered == 2 and .erased.rows == 2'
restore 0 --target "$work/both" --source leads
[ "$(sqlite3 both/leads/leads.db 'SELECT group_concat(customer) FROM leads')" = 46,mail-2 ] || fail "the leads are not those that remain"
expect_exit 0 kura person where 45 --kit kit.txt --passphrase-file pw --json
json '.erased and (.snapshots | length == 1)'
# An id that is compared with two types is a value of one of them; a table alone from a database in another
# encoding; and a foreign table has rows of a database that lives.
createdb --template template0 --encoding LATIN1 --locale C old
PGCLIENTENCODING=UTF8 sql old "CREATE TABLE visits (customer int, legacy text, note text);
    INSERT INTO visits VALUES (45, NULL, 'of 45'), (NULL, 'müller', '$mark'), (NULL, 'meier', 'of meier');
    CREATE EXTENSION postgres_fdw;
    CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$PGHOST', port '$PGPORT', dbname 'shop');
    CREATE USER MAPPING FOR shop_owner SERVER remote OPTIONS (password_required 'false');
    CREATE FOREIGN TABLE remote_visits (customer int, note text) SERVER remote OPTIONS (table_name 'visits')"
of_old() { # RULE...
    config "$@"
    sed -i 's/"dbname=shop", globals: true/"dbname=old"/
        s/sql: SELECT id FROM customers.*/sql: "SELECT coalesce(customer::text, legacy) FROM visits" }/' kura.yaml
    rm -rf vault state host.key kit.txt kit_login.pub pw
    expect_exit 0 kura init --kit kit.txt --passphrase-file pw
    expect_exit 0 kura backup
    expect_exit 0 kura person erase müller --reason asked
}
of_old "DELETE FROM visits WHERE customer = :id OR legacy = :id"
restore 0 --database old_again
[ "$(sql old_again "SELECT string_agg(note, ',' ORDER BY note) FROM visits")" = "of 45,of meier" ] || fail "the person came back"
createdb beside
restore 0 --database beside --table visits
[ "$(sql beside "SELECT string_agg(note, ',' ORDER BY note) FROM visits")" = "of 45,of meier" ] ||
    fail "the person came back with the table"
# Under another name the source has no rule: told, whatever way is taken.
sed -i 's/name: server/name: renamed/; s/source: server/source: renamed/' kura.yaml
expect_exit 3 kura backup
restore 3 --target "$work/renamed" --source renamed
says err "1 person who asked to be erased is still in it"
run 3 dump latest renamed:database.pgdump --kit "$work/kit.txt" --passphrase-file "$work/pw"
says err "1 person who asked to be erased is still in it"
for way in "--database renamed" "--database renamed_table --table visits"; do
    [ "$way" = "--database renamed" ] || createdb renamed_table
    # shellcheck disable=SC2086
    restore 3 $way --source renamed
    says err "1 person who asked to be erased is still in it"
done
kept=$(sql shop "SELECT count(*) FROM visits")
sql old "CREATE TABLE split (customer int) PARTITION BY LIST (customer);
    CREATE FOREIGN TABLE split_44 PARTITION OF split FOR VALUES IN (44) SERVER remote OPTIONS (table_name 'visits');
    CREATE VIEW seen AS SELECT * FROM remote_visits"
for table in remote_visits split seen; do
    config "DELETE FROM $table WHERE customer = 44 AND :id <> ''"
    sed -i 's/"dbname=shop"/"dbname=old"/' kura.yaml
    expect_exit 2 kura person erase 44 --reason asked
    says err "is a foreign table"
    says err "Nobody was registered"
done
config "DELETE FROM remote_visits WHERE customer = 44 AND :id <> ''"
sed -i 's/"dbname=shop", globals: true/"dbname=old"/; s/sql: SELECT id FROM customers.*/sql: "SELECT customer FROM visits" }/' kura.yaml
rm -rf vault state host.key kit.txt kit_login.pub pw
expect_exit 0 kura init --kit kit.txt --passphrase-file pw
expect_exit 0 kura backup
sed -i 's/"dbname=old"/"dbname=away"/' kura.yaml
expect_exit 3 kura person erase 44 --reason asked
restore 1 --database old_foreign
says err "remote_visits is a foreign table"
says err "kura person keep ID"
[ "$(sql shop "SELECT count(*) FROM visits")" = "$kept" ] || fail "a restore erased from a database that lives"

# ------------------------------------------------------------------ a table alone, where names mean other tables

anew() { # SED-SCRIPT RULE...: the configuration, the vault and the backup anew
    config "${@:2}"
    sed -i "$1" kura.yaml
    rm -rf vault state host.key kit.txt kit_login.pub pw
    expect_exit 0 kura init --kit kit.txt --passphrase-file pw
    expect_exit 0 kura backup
}
# The source finds "customers" in a schema where the living database does not look.
createdb schemas
sql schemas "ALTER DATABASE schemas SET search_path = app, public; CREATE SCHEMA app;
    CREATE TABLE app.customers (id int PRIMARY KEY, name text);
    INSERT INTO app.customers SELECT i, 'name ' || i FROM generate_series(1, 50) i"
anew 's/"dbname=shop", globals: true/"dbname=schemas"/' "DELETE FROM customers WHERE id = :id"
expect_exit 0 kura person erase 45 --reason asked
createdb other_names
sql other_names "CREATE SCHEMA app; CREATE TABLE customers (id int, name text); INSERT INTO customers VALUES (45, 'living')"
restore 1 --database other_names --table app.customers
says err "the rule means the table customers, which is in the database already, and not app.customers"
[ "$(sql other_names "SELECT to_regclass('app.customers'), (SELECT count(*) FROM customers)")" = "|1" ] ||
    fail "the person came back with the table, or another table was erased from"
sql other_names "ALTER DATABASE other_names SET search_path = app, public"
restore 0 --database other_names --table app.customers
[ "$(sql other_names "SELECT count(*) FROM app.customers WHERE id = 45")" = 0 ] || fail "the person came back"

# Who is in a table alone is told by each definition that can be asked in the database, and which cannot; and who is
# gone without being registered.
createdb two
sql two "CREATE TABLE customers (id int PRIMARY KEY, name text); CREATE TABLE visits (customer int);
    INSERT INTO customers SELECT i, 'name ' || i FROM generate_series(1, 50) i; INSERT INTO visits SELECT id FROM customers"
anew 's/"dbname=shop", globals: true/"dbname=two"/
    s/^erasure:/  - { domain: customer, source: server, sql: SELECT customer FROM visits }\n&/' \
    "UPDATE customers SET name = 'x' WHERE id = :id"
expect_exit 0 kura person erase 45 --reason asked
createdb two_alone
restore 3 --database two_alone --table customers
says err "1 person who asked to be erased is still in it"
says err "persons cannot be counted again"
sed -i "s/UPDATE customers .*:id/DELETE FROM customers WHERE id IN (:id, 46)/" kura.yaml
expect_exit 0 kura person erase 45 --reason asked
createdb two_gone
sql two_gone "CREATE TABLE visits (customer int)"
restore 3 --database two_gone --table customers
says err "1 person who is not registered as erased is gone after the rules"
! grep -q "cannot be counted" err || fail "a definition that can be asked was not"

# Logs of other kinds: one that triggers write by UPDATE, at the end of the transaction, or for another person than the
# one whose rule erases from it; and one whose name is a part of another word of the rule.
createdb logs
sql logs "CREATE TABLE customers (id int PRIMARY KEY, name text, audit text);
    CREATE TABLE parts (customer int, day int REFERENCES customers ON DELETE SET NULL) PARTITION BY LIST (customer);
    CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
    CREATE TABLE log (customer int, old text);
    CREATE TABLE audit (tab text PRIMARY KEY, history text);
    INSERT INTO customers SELECT i, 'name ' || i FROM generate_series(1, 50) i;
    INSERT INTO parts SELECT id, id FROM customers;
    INSERT INTO audit VALUES ('customers', '');
    CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN UPDATE public.audit SET history = history || OLD.name; RETURN NEW; END';
    CREATE TRIGGER note AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION note_it();
    CREATE FUNCTION log_it() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO public.log VALUES (OLD.id, OLD.name); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER late AFTER DELETE ON customers DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (OLD.id <= 40) EXECUTE FUNCTION log_it();
    CREATE TRIGGER log AFTER DELETE ON customers FOR EACH ROW WHEN (OLD.id > 40) EXECUTE FUNCTION log_it();
    CREATE MATERIALIZED VIEW logged_names AS SELECT old FROM log;
    CREATE VIEW all_customers AS SELECT * FROM customers"
logs() { # CODE DATABASE IDS RULE...
    anew 's/"dbname=shop", globals: true/"dbname=logs"/; /SELECT/s/ WHERE name.*/ }/' "${@:4}"
    for id in $3; do expect_exit 0 kura person erase "$id" --reason asked; done
    restore "$1" --database "$2" --source server
}
logs 3 logs_update 45 "UPDATE customers SET name = '', audit = '' WHERE id = :id"
says err "a trigger wrote to the table audit"
says err "still in it"
logs 0 logs_parts 45 "UPDATE parts SET day = NULL WHERE customer = :id" \
    "UPDATE audit SET history = '' WHERE :id <> ''" "WITH x AS (SELECT 1) DELETE FROM all_customers WHERE id = :id" \
    "DELETE FROM log WHERE customer = :id"
logs 3 logs_late 35 "DELETE FROM customers WHERE id = :id" "DELETE FROM log WHERE customer = :id"
says err "a trigger wrote to the table log"
[ "$(sql logs_late "SELECT old FROM logged_names")" = "name 35" ] || fail "a view was computed before a deferred trigger wrote"
logs 3 logs_other "45 46" "DELETE FROM customers WHERE id = :id"
says err "a trigger wrote to the table log"
sed -i 's/sql:$/sql: ["DELETE FROM customers WHERE id = :id", "DELETE FROM log WHERE customer = :id"]/; /^      - /d' kura.yaml
expect_exit 0 kura person erase 47 --reason asked
restore 3 --database logs_others
says err "a trigger wrote to the table log"
logs 3 logs_part 45 "WITH gone AS (DELETE FROM customers WHERE id = :id RETURNING id) INSERT INTO parts SELECT id FROM gone WHERE 'log' = ''"
says err "a trigger wrote to the table log"
sql postgres "ALTER DATABASE logs SET track_counts = off"
logs 3 logs_uncounted 45 "DELETE FROM customers WHERE id = :id"
says err "a trigger wrote to the table log"

# What a deferred constraint forbids is found in the erasure that offends it.
createdb late
sql late "CREATE TABLE customers (id int PRIMARY KEY, name text);
    CREATE TABLE visits (customer int REFERENCES customers DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO customers SELECT i, 'name ' || i FROM generate_series(1, 50) i; INSERT INTO visits VALUES (45), (46)"
anew 's/"dbname=shop", globals: true/"dbname=late"/' "DELETE FROM customers WHERE id = :id"
expect_exit 0 kura person erase 45 --reason asked
restore 1 --database late_again
says err "does not fit this database"
says err "--as-it-was"
anew 's/"dbname=shop", globals: true/"dbname=late"/' "DELETE FROM customers WHERE id = :id" "DELETE FROM visits WHERE customer = :id"
for id in 45 46; do expect_exit 0 kura person erase $id --reason asked; done
restore 0 --database late_again

# A database that runs no triggers of its own (session_replication_role) would keep what hangs on the erased.
createdb replica
sql replica "CREATE TABLE customers (id int PRIMARY KEY, name text);
    CREATE TABLE visits (customer int REFERENCES customers ON DELETE CASCADE, note text);
    INSERT INTO customers SELECT i, 'name ' || i FROM generate_series(1, 50) i; INSERT INTO visits SELECT id, name FROM customers;
    ALTER DATABASE replica SET session_replication_role = replica"
anew 's/"dbname=shop", globals: true/"dbname=replica"/' "DELETE FROM customers WHERE id = :id"
expect_exit 0 kura person erase 45 --reason asked
restore 0 --database replica_again
[ "$(sql replica_again "SELECT count(*) FROM visits WHERE customer = 45")" = 0 ] || fail "what hangs on the erased came back"
[ "$(sql replica_again "SHOW session_replication_role")" = replica ] || fail "the database lost a setting"

# A large object is no part of the row that names it: told, until a rule removes it.
createdb photos
sql photos "CREATE TABLE customers (id int PRIMARY KEY, \"the %photo\" oid);
    INSERT INTO customers SELECT i, lo_from_bytea(0, ('photo of ' || i)::bytea) FROM generate_series(1, 5) i;
    INSERT INTO customers VALUES (6, NULL)" >/dev/null
photos() { # CODE DATABASE RULE
    anew 's/"dbname=shop", globals: true/"dbname=photos", large_objects: true/; /SELECT/s/ WHERE name.*/ }/' "$3"
    for id in 3 6; do expect_exit 0 kura person erase $id --reason asked; done
    restore "$1" --database "$2"
}
photos 3 photos_left "DELETE FROM customers WHERE id = :id"
says err "large objects to which only erased rows led are still in it: 1"
photos 0 photos_gone 'WITH gone AS (DELETE FROM customers WHERE id = :id RETURNING \"the %photo\" AS o) SELECT lo_unlink(o) FROM gone WHERE o > 0'
[ "$(sql photos_gone "SELECT count(*) FROM pg_largeobject_metadata")" = 4 ] || fail "the photo came back"

# From what a command gives nobody is erased, which is told.
anew '/name: server/a\  - { name: archive, command: [pg_dump, -Fc, -Z0, shop] }' "DELETE FROM visits WHERE customer = :id" \
    "UPDATE customers SET name = '' WHERE id = :id"
expect_exit 0 kura person erase 45 --reason asked
says err "Nobody is erased from source archive"
restore 3 --database from_command --source archive
says err "source archive is what a command gave"

echo "person postgres: gone from rows and files; archives are kept back"
