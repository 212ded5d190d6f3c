#!/usr/bin/env bash
# backup, restore and check killed with -9 right after and right before system calls that change
# something: what was published before is still there byte for byte, the next run succeeds, nothing
# is half-written under its final name, and at most the packs under way are sent again.
#
# Some dozens of calls, evenly spread. KURA_KILL_EVERY=1 tries every one (some 1,500 kills).
source "$(dirname "$0")/lib.sh"
source "$tests/support/kill_at.sh"

spread() { # DEED KILLS
    local calls n before=$kills_done
    calls=$(kills_count "$1")
    ((calls > 20)) || fail "$1 makes $calls calls only: are they counted at all?"
    if [ -n "${KURA_KILL_EVERY:-}" ]; then
        for ((n = 1; n <= calls + 2; n++)); do
            kills_try "$1" -n "$n"
            kills_try "$1" -b -n "$n"
        done
        echo "$1: $calls calls, $((kills_done - before)) kills; sent twice at most $kills_most bytes"
        return
    fi
    for ((n = 1; n <= $2; n++)); do
        # shellcheck disable=SC2046
        kills_try "$1" $( ((n % 3)) || echo -b) -n $((n * calls / $2))
    done
}

kills_prepare
spread backup 8
spread first 2
spread restore 4
spread overwrite 2
spread init 1
# Many packs: what was stored when the kill came is not sent again.
KURA_KILL_EVERY='' kills_fill 30
KURA_KILL_EVERY='' spread first 3
((kills_most > 0)) || fail "nothing was under way at any kill: the measure is not one"
local_kills=$kills_done

# Over SFTP a kill leaves what the server had by then; on write-once storage under its final name.
kills_over write-once
spread backup 3
spread check 1
echo "killed at writes: $kills_done kills ($((kills_done - local_kills)) over SFTP), nothing lost," \
    "at most $kills_most bytes sent twice"
