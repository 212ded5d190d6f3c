#!/usr/bin/env bash
# Nights in which rows change all over a PostgreSQL database: little more than those rows is sent, what
# comes back is every row all the same, and what was deleted stays in no chunk longer than allowed.
source "$(dirname "$0")/lib.sh"
source "$tests/support/postgres.sh"
in_memory
faketime=$(faketime -f +0d printenv LD_PRELOAD)

postgres_start "$work/pg"
at_exit+=("postgres_stop '$work/pg' immediate")
at() { # DAY COMMAND...: kura with a clock that is ahead by so many days
    # AddressSanitizer must not ask for the time within its allocator: faketime allocates to find it.
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:allocator_release_to_os_interval_ms=-1 LD_PRELOAD=$faketime FAKETIME="+$1d" \
        DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 kura "${@:2}"
}
sql() {
    psql -XAtq -v ON_ERROR_STOP=1 -d shop -c "$1"
}
stored() { # bytes
    find vault -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }'
}
rows() { # the text of a dump, but for what is another each time
    grep -v -e '^--' -e '^\\\(un\)\?restrict'
}

createdb shop
sql "SELECT setseed(0.5)" >/dev/null
sql "CREATE TABLE customers (id int PRIMARY KEY, name text, note text);
    INSERT INTO customers SELECT i, '山田 太郎 ' || i, md5(i::text) || repeat(md5('x' || i), i % 4)
        FROM generate_series(1, 30000) i;
    CREATE TABLE photos (customer int, photo bytea);
    INSERT INTO photos SELECT 1, string_agg(decode(md5(i::text), 'hex'), '') FROM generate_series(1, 20000) i"
configure
sed -i '/^sources:/q' kura.yaml
cat >>kura.yaml <<'YAML'
  - { name: server, postgres: "dbname=shop", globals: true }
  - { name: unconfined, command: [echo, faketime needs to write where a backup may not] }
persons:
  - { domain: customer, source: server, sql: SELECT id FROM customers }
retention: { daily: 30 }
YAML
expect_exit 0 kura init --kit kit.txt --passphrase-file pw

number=0
night() { # DAY EXIT
    number=$((number + 1))
    local before
    before=$(stored)
    expect_exit "$2" at "$1" backup
    sent=$(($(stored) - before))
    pg_dump shop | rows >"then.$number"
}
day() { # rows that change all over the table
    sql "UPDATE customers SET note = note || '!' WHERE id % 101 = $number;
        INSERT INTO customers SELECT 30000 * $((number + 1)) + i, 'new', md5(i::text) FROM generate_series(1, 3) i"
}
same() { # NUMBER SNAPSHOT
    rm -rf back
    run 0 restore --kit kit.txt --passphrase-file pw --untrusted --snapshot "$2" --target back
    cmp "then.$1" <(pg_restore -f - back/server/database.pgdump | rows) || fail "snapshot $1 is not as the database was"
}
remnants() { # of the last snapshot
    kura snapshots --json | jq -r 'sort_by(.sequence)[-1].sources[0].remnants // "none"'
}

night 0 0
first=$sent
[ "$(remnants)" = none ] || fail "a first backup has remnants"
day
sql "DELETE FROM customers WHERE id = 4545"
night 1 0
((sent * 8 < first)) || fail "1 % of the rows changed, and $sent bytes were sent; the first backup has $first"
begun=$(kura snapshots --json | jq -r 'sort_by(.sequence)[0].time')
[ "$(remnants)" = "$begun" ] || fail "remnants since $(remnants), not since the first backup at $begun"
day
night 2 0
((sent * 8 < first)) || fail "$sent bytes were sent in the third night"
mapfile -t ids < <(kura snapshots --json | jq -r 'sort_by(.sequence)[].id')
for i in 1 2 3; do
    same "$i" "${ids[i - 1]}"
done
run 0 dump --kit kit.txt --passphrase-file pw latest server:database.pgdump
cmp out back/server/database.pgdump || fail "the dump is not what was restored"
run 0 check --read-data --kit kit.txt --passphrase-file pw
run 0 restore --kit kit.txt --passphrase-file pw --database copy
psql -XAtq -d copy -c "SELECT count(*) FROM customers" | grep -qx 30005 || fail "rows are missing from the copy"

# Who was deleted may still be in chunks, and that is said, until they are used no more.
holding() { # EXPECTED: of each snapshot, "held" or "remnants"
    expect_exit 0 kura person where 4545 --json --kit kit.txt --passphrase-file pw
    [ "$(jq -r '.snapshots[] | if .remnants then "remnants" else "held" end' out | tr '\n' ' ')" = "$1" ] ||
        fail "the person is not where it must be: $1"
}
holding "held remnants remnants "
expect_exit 0 kura person where 4545 --kit kit.txt --passphrase-file pw
says out "perhaps: deleted before"
day
night 9 0
same 4 latest
holding "held remnants remnants "

# Nothing changed: next to nothing is sent. Then nothing is to stay: no part of a chunk is used.
night 9 0
((sent < 40000)) || fail "nothing changed, and $sent bytes were sent"
sed -i 's/globals: true/globals: true, remnant_days: 0/' kura.yaml
day
night 10 0
[ "$(remnants)" = none ] || fail "remnants, where none may be"
same 6 latest
sed -i 's/, remnant_days: 0//' kura.yaml
night 11 0
same 7 latest

# What is remembered is damaged, or a pack is lost: the night stores anew what it needs.
day
night 12 0
truncate -s 1000 state/memory-*/server.fragments
day
expect_exit 5 at 13 backup
night 13 0
same 9 latest
day
night 14 0
find vault/packs -type f -delete
day
expect_exit 5 at 15 backup
night 15 0
rm -rf back
run 0 restore --kit kit.txt --passphrase-file pw --target back
pg_dump shop | rows | cmp - <(pg_restore -f - back/server/database.pgdump | rows) || fail "not everything was stored anew"
