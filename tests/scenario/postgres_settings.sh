#!/usr/bin/env bash
# What a database or a server is set to, and what a database does by itself (event triggers,
# subscriptions, functions that rely on names), must not make a restore fail, nor the rows other ones.
source "$(dirname "$0")/lib.sh"
source "$tests/support/postgres.sh"

in_memory
make_locales() { # es_AR writes 99,95 where C writes 99.95
    mkdir -p "$work/locales"
    localedef -i es_AR -f UTF-8 "$work/locales/es_AR.UTF-8" >"$work/localedef.log" 2>&1 || return 1
    chmod -R a+rX "$work" && chmod a+x "$work"
    export LOCPATH=$work/locales
}
locales=yes
make_locales || locales=
postgres_start "$work/pg"
unset LOCPATH # the C library forgets to free what it makes of it
at_exit+=("postgres_stop '$work/pg' immediate")

sql() { # DATABASE SQL
    psql -XAtq -v ON_ERROR_STOP=1 -d "$1" -c "$2" 2>"$work/psql.err" || {
        cat "$work/psql.err" >&2
        fail "$2"
    }
}
is() { # WHAT IS-NOT: two texts
    [ "$1" = "$2" ] || fail "it is '$1', not '$2'"
}
# A repository whose only source is the database; rules erase from the table c.
back_up() { # DATABASE [rules]
    rm -rf "$work"/{vault,state,host.key,kit.txt,pw}
    cat >"$work/kura.yaml" <<YAML
repository: { host_key: host.key, state: state, stores: [{ name: offsite, url: vault }] }
sources:
  - { name: db, postgres: "dbname=$1" }
YAML
    if [ "${2:-}" = rules ]; then
        cat >>"$work/kura.yaml" <<'YAML'
persons:
  - { domain: c, source: db, sql: SELECT id FROM c }
erasure:
  - { domain: c, source: db, sql: ["DELETE FROM c WHERE id = :id::int"] }
YAML
    fi
    expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
    expect_exit 0 kura backup
}
restore() { # CODE ARGUMENT...
    run "$1" restore --kit "$work/kit.txt" --passphrase-file "$work/pw" "${@:2}"
}
nothing_left() {
    is "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname LIKE '%.kura-%'")" 0
}

# ------------------------------------------------------------------ settings that the rows need

createdb tenant
sql tenant "CREATE TABLE c (id int, t int CHECK (t = current_setting('app.tenant')::int), a text[])"
sql tenant "SET app.tenant = '7'; INSERT INTO c VALUES (1, 7, '{NULL,x}')"
sql tenant "ALTER DATABASE tenant SET app.tenant = '7'; ALTER DATABASE tenant SET array_nulls = off;
    ALTER DATABASE tenant SET default_transaction_read_only = on; ALTER DATABASE tenant SET statement_timeout = '1min'"
back_up tenant
restore 0 --database copy
is "$(sql copy "SELECT a[1] IS NULL FROM c")" t
is "$(sql copy "SELECT current_setting('app.tenant'), current_setting('array_nulls'),
    current_setting('default_transaction_read_only'), current_setting('transform_null_equals')")" '7|off|on|off'
is "$(sql postgres "SELECT array_to_string(setconfig, ',') FROM pg_db_role_setting s
    JOIN pg_database d ON d.oid = setdatabase WHERE datname = 'copy' ORDER BY setrole")" \
    "$(sql postgres "SELECT array_to_string(setconfig, ',') FROM pg_db_role_setting s
    JOIN pg_database d ON d.oid = setdatabase WHERE datname = 'tenant'")"

# What was there keeps its own; its rows are read under those of the archive all the same.
createdb empty
sql postgres "ALTER DATABASE empty SET work_mem = '7MB'; ALTER DATABASE empty SET array_nulls = off"
sql postgres "ALTER ROLE shop_owner SET array_nulls = off"
restore 0 --database empty
is "$(sql empty "SELECT a[1] IS NULL FROM c")" t
is "$(sql empty "SELECT current_setting('work_mem'), current_setting('app.tenant', true)")" '7MB|'

PGOPTIONS='-c array_nulls=off' restore 1 --database never
says err 'array_nulls is off for whoever restores'
nothing_left

# A table alone, into a session that is set so.
createdb one
sql postgres "ALTER DATABASE one SET app.tenant = '7'"
restore 0 --database one --table c
is "$(sql one "SELECT a[1] IS NULL FROM c")" t
sql postgres "ALTER ROLE shop_owner RESET ALL"

# ------------------------------------------------------------------ a library that is not here

cp "$(pg_config --pkglibdir)/auto_explain.so" "$work/pg/mine.so"
chmod a+r "$work/pg/mine.so"
createdb library
sql library "CREATE TABLE c (id int)"
sql postgres "ALTER DATABASE library SET work_mem = '9MB';
    ALTER DATABASE library SET session_preload_libraries = '$work/pg/mine.so'"
back_up library
rm "$work/pg/mine.so"
restore 3 --database librarycopy
says err "with the setting session_preload_libraries nobody can connect"
is "$(sql librarycopy "SELECT current_setting('work_mem')")" 9MB
nothing_left
sql postgres "CREATE ROLE maker LOGIN CREATEDB"
restore 3 --database 'dbname=made user=maker' --no-owner
says err 'Let a superuser give it'

# ------------------------------------------------------------------ event triggers

createdb trigger
psql -Xq -v ON_ERROR_STOP=1 -d trigger <<'SQL'
CREATE TABLE c (id int PRIMARY KEY);
INSERT INTO c VALUES (1), (2);
CREATE MATERIALIZED VIEW m AS SELECT id FROM c;
CREATE TABLE ddl_log (tag text);
CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO public.ddl_log VALUES (tg_tag); END';
CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS
    'BEGIN IF tg_tag LIKE ''REFRESH%'' THEN RAISE EXCEPTION ''no DDL by day''; END IF; END';
CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION note();
CREATE EVENT TRIGGER forbid ON ddl_command_start EXECUTE FUNCTION forbid();
COMMENT ON EVENT TRIGGER note IS 'two
lines; EVENT TRIGGER - x';
ALTER EVENT TRIGGER forbid ENABLE ALWAYS;
ALTER DATABASE trigger SET default_transaction_read_only = on;
SQL
back_up trigger rules
expect_exit 0 kura person erase 1 --reason asked
restore 0 --database triggercopy
is "$(sql triggercopy "SELECT array(SELECT id FROM c), array(SELECT id FROM m), (SELECT count(*) FROM ddl_log)")" \
    "{2}|{2}|$(sql trigger "SELECT count(*) FROM ddl_log")"
is "$(sql triggercopy "SELECT string_agg(evtname || evtenabled::text, ',' ORDER BY evtname) FROM pg_event_trigger")" forbidA,noteO
is "$(sql triggercopy "SELECT obj_description(oid, 'pg_event_trigger') FROM pg_event_trigger WHERE evtname = 'note'" | wc -l)" 2

# ------------------------------------------------------------------ subscriptions

createdb replica
sql replica "CREATE TABLE c (id int PRIMARY KEY)"
sql replica "INSERT INTO c VALUES (1), (2)"
psql -Xq -d replica 2>/dev/null <<'SQL'
CREATE SUBSCRIPTION sub CONNECTION 'host=127.0.0.1 dbname=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE);
COMMENT ON SUBSCRIPTION sub IS 'of the shop';
SQL
back_up replica rules
restore 3 --database replicacopy
says err 'subscriptions of logical replication are left out'
is "$(sql replicacopy "SELECT count(*) FROM c")" 2
is "$(sql postgres "SELECT count(*) FROM pg_subscription")" 1

# What an interrupted restore of an older program left has one.
cut_off() { # a restore that is killed while it loads
    mkdir -p "$work/bin"
    printf '#!/bin/sh\ncase "$*" in *--dbname*) kill -KILL $PPID; exit 1 ;; esac\nexec %s "$@"\n' "$(command -v pg_restore)" >"$work/bin/pg_restore"
    chmod +x "$work/bin/pg_restore"
    PATH=$work/bin:$PATH "$KURA" restore --kit "$work/kit.txt" --passphrase-file "$work/pw" --database "$1" \
        >"$work/out" 2>"$work/err" </dev/null || :
}
cut_off left 2>/dev/null
hidden=$(sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'left.kura-%'")
psql -Xq -d "$hidden" 2>/dev/null -c "CREATE SUBSCRIPTION sub CONNECTION 'host=127.0.0.1 dbname=nowhere'
    PUBLICATION p WITH (connect = false, slot_name = NONE)"
restore 3 --database left
says err "had left the database $hidden"
nothing_left

# ------------------------------------------------------------------ money

if [ -n "$locales" ]; then
    createdb wages
    sql wages "CREATE TABLE other (id int, note text)"
    sql wages 'CREATE TABLE "the pay" (id int, twice int GENERATED ALWAYS AS (id * 2) STORED, "an amount" money)'
    sql wages "INSERT INTO \"the pay\" VALUES (1, DEFAULT, NULL), (2, DEFAULT, 99.95::numeric::money)"
    back_up wages
    restore 0 --database wagescopy
    sql postgres "ALTER ROLE shop_owner SET lc_monetary = 'es_AR.UTF-8'"
    restore 1 --database wagescopy2
    says err 'amounts of money such as $99.95 would become others here'
    createdb alone
    restore 1 --database alone --table 'the pay'
    says err 'another lc_monetary than es_AR.UTF-8'
    nothing_left
    sql postgres "ALTER ROLE shop_owner RESET ALL"
fi

if [ -n "$locales" ]; then # the database's own currency, wherever it goes
    sql postgres "ALTER DATABASE wages SET lc_monetary = 'es_AR.UTF-8'"
    back_up wages
    restore 0 --database wagescopy3
    is "$(sql wagescopy3 'SELECT "an amount", "an amount"::numeric FROM "the pay" WHERE id = 2')" '$ 99,95|99.95'
    createdb wagesempty
    restore 0 --database wagesempty
    is "$(sql wagesempty 'SELECT "an amount" FROM "the pay" WHERE id = 2')" '$99.95'
    restore 0 --database alone --table 'the pay'
    is "$(sql alone 'SELECT "an amount" FROM "the pay" WHERE id = 2')" '$99.95'
fi
[ -n "$locales" ] || skip_part "no locale es_AR can be made: amounts of money"

# ------------------------------------------------------------------ names that the session quotes

createdb quoted
sql quoted "CREATE TABLE c (id int PRIMARY KEY)"
sql quoted "INSERT INTO c VALUES (1), (2)"
back_up quoted rules
sql postgres "ALTER ROLE shop_owner SET quote_all_identifiers = on"
restore 0 --database quotedcopy
createdb quotedone
restore 0 --database quotedone --table c
sql postgres "ALTER ROLE shop_owner RESET ALL"

# ------------------------------------------------------------------ default privileges of what was empty

createdb given
sql given "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC"
restore 3 --database given
says err 'the empty database given has default privileges'

# ------------------------------------------------------------------ what is said when it cannot be

createdb names
psql -Xq -v ON_ERROR_STOP=1 -d names <<'SQL'
CREATE TABLE cfg (v int);
CREATE TABLE t (i int);
INSERT INTO t VALUES (1);
CREATE FUNCTION f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 + (SELECT max(v) FROM cfg); END';
CREATE INDEX ON t (f(i));
SQL
back_up names
restore 1 --database namescopy
says err 'ALTER FUNCTION … SET search_path'

createdb prefix
sql prefix "CREATE TABLE c (id int PRIMARY KEY)"
sql prefix "INSERT INTO c VALUES (1)"
back_up prefix rules
sed -i 's/:id::int/substr(:id, 2)::int/; s/SELECT id FROM/SELECT '"'C'"' || id FROM/' "$work/kura.yaml"
expect_exit 0 kura backup
expect_exit 3 kura person erase CX --reason asked
restore 1 --database prefixcopy
says err 'kura person keep'
nothing_left

echo "postgres settings: rows that need settings, a library that is gone, event triggers, subscriptions, money, names, hints ($SECONDS s)"
