#!/usr/bin/env bash
# While the shop works: every backup of a database under pgbench's TPC-B-like load is of one moment, in
# which the sums of accounts, tellers, branches and history agree, and the counts are those of that moment.
source "$(dirname "$0")/lib.sh"
source "$tests/support/postgres.sh"
at_exit=("postgres_stop '$work/server' immediate")
postgres_start "$work/server"
createdb shop
pgbench --initialize --quiet --scale 1 shop 2>/dev/null
cat >kura.yaml <<'YAML'
repository: { host_key: host.key, state: state, stores: [{ name: offsite, url: vault }] }
sources:
  - { name: customers, postgres: "dbname=shop" }
persons:
  - { domain: account, source: customers, sql: SELECT DISTINCT aid FROM pgbench_history }
  - { domain: visit, source: customers, sql: "SELECT tid || '/' || mtime FROM pgbench_history" }
YAML
run 0 key new --role manager --out manager.key --passphrase-file manager.pw
expect_exit 0 kura init --kit kit.txt --passphrase-file pw

pgbench --client 4 --rate 300 --time 600 --no-vacuum shop >/dev/null 2>&1 &
load=$!
at_exit=("kill $load 2>/dev/null" "${at_exit[@]}")
rows() { psql -qAtX -d "${1:-shop}" -c 'SELECT count(*) FROM pgbench_history'; }
works() { (($(rows) > 20)); }
eventually works
for _ in 1 2 3; do
    before=$(rows)
    expect_exit 0 kura backup
    after=$(rows)
    ((after > before)) || fail "nobody worked meanwhile"
    expect_exit 0 kura snapshots --json
    history=$(jq '.[-1].sources[0].rows["public.pgbench_history"]' out)
    ((history >= before && history <= after)) || fail "$history rows are not between $before and $after"
    persons=$(jq '.[-1].sources[0].persons' out)
    rm -rf back
    expect_exit 0 restore_with_kit "$work/back"
    createdb copy
    pg_restore --exit-on-error --dbname copy back/customers/database.pgdump
    [ "$(rows copy)" = "$history" ] || fail "$(rows copy) rows came back, $history were counted"
    sums=$(psql -qAtX -d copy -c "SELECT count(DISTINCT sum) FROM (SELECT sum(abalance) FROM pgbench_accounts
        UNION ALL SELECT sum(tbalance) FROM pgbench_tellers UNION ALL SELECT sum(bbalance) FROM pgbench_branches
        UNION ALL SELECT sum(delta) FROM pgbench_history) AS s (sum)")
    [ "$sums" = 1 ] || fail "the sums disagree"
    counted=$(psql -qAtX -d copy -c "SELECT count(DISTINCT aid) + count(DISTINCT (tid, mtime)) FROM pgbench_history")
    [ "$counted" = "$persons" ] || fail "$persons persons were counted, $counted came back"
    dropdb copy
done
kill "$load"
wait "$load" 2>/dev/null || :
# Nothing of ours holds the database back.
[ "$(psql -qAtX -d shop -c "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop' AND pid <> pg_backend_pid()")" = 0 ] ||
    fail "a session is left"
echo "postgres_live: three backups under load, each of one moment"
