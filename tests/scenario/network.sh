#!/usr/bin/env bash
# Bad lines and bad servers: backup, restore and check end in success after they came back, or in a
# clear error and the exit code that the README names, within a deadline; nothing earlier is lost,
# and the next run succeeds.
#
# KURA_NETWORK_LONG=1 strikes every command in every way at many more places.
source "$(dirname "$0")/lib.sh"
in_memory
source "$tests/support/sshd.sh"
source "$tests/support/relay.sh"
server=$work/server
retry=20
timeout=2
connections=${KURA_NETWORK_LONG:+4}
connections=${connections:-2}
# libssh2 1.10 loses memory in handshakes that fail.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
# What may pass at most: the last attempt begins before the retries are over, and it may wait in each
# of its steps; and the machine may be slow.
deadline=90

# ------------------------------------------------------------------ the shop, the server, the line

listen() {
    sshd_start "$server" ordinary
}

begin() {
    age-keygen -o "$work/id" 2>/dev/null
    age-keygen -y "$work/id" >"$work/id.pub"
    listen
    at_exit+=("sshd_stop '$server'" "relay_stop '$work/relay'")
    relay_start "$work/relay" "$SFTP_PORT"
    sed "s/:$SFTP_PORT /:$RELAY_PORT /" "$server/known_hosts" >"$work/known_hosts"
    make_database_and_documents
    configure "sftp://$SFTP_USER@127.0.0.1:$RELAY_PORT$server/data/vault" \
        "      identity_file: $server/user_ed25519
      known_hosts: known_hosts
      timeout: $timeout
      connections: $connections"
    sed -i 's|  host_key: host.key|&\n  recipients: [id.pub]|' "$work/kura.yaml"
    expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
    expect_exit 0 kura backup
    first=$(kura snapshots --json | jq -r '.[0].id')
    cp -a "$work/shop" "$work/shop.first"
}

make_database_and_documents() {
    mkdir -p "$work/shop/documents"
    make_database "$work/shop/customers.db"
    head -c 3M /dev/urandom >"$work/shop/documents/scan.tif"
}

another_day() {
    head -c 3M /dev/urandom >"$work/shop/documents/scan.tif"
}

# ends CODE COMMAND...: with this code, in time. CODE may be "0|6".
ends() {
    local wanted=$1 code=0 begin=$SECONDS
    shift
    timeout -s KILL $deadline "$KURA" -c "$work/kura.yaml" "$@" --retry $retry \
        >"$work/out" 2>"$work/err" </dev/null || code=$?
    ((code != 137)) || fail "$where: $* hangs"
    [[ $code =~ ^($wanted)$ ]] || fail "$where: $* ended with $code, not $wanted"
    ((code == 0)) || [ -s "$work/err" ] || fail "$where: $* ended with $code and without a word"
    ended=$code
    [ -z "${KURA_NETWORK_LONG:-}" ] ||
        printf '%-44s %-8s exit %d after %d s  %s\n' "$where" "$1" "$code" $((SECONDS - begin)) \
            "$(head -1 "$work/err" | cut -c-140)"
}

back_up() { # CODE
    another_day
    ends "$1" backup
}

give_back() { # CODE
    rm -rf "$work/restored"
    ends "$1" restore --identity "$work/id" --target "$work/restored"
}

# Whatever happened, on a sound line all is well, and the first snapshot is what it was.
all_is_well() {
    relay
    ends 0 backup
    give_back 0
    same_tree "$work/shop/documents" "$work/restored/documents"
    same_database "$work/shop/customers.db" "$work/restored/customers/customers.db"
}

the_first_is_there() {
    rm -rf "$work/restored"
    ends 0 restore --identity "$work/id" --target "$work/restored" --snapshot "$first"
    same_tree "$work/shop.first/documents" "$work/restored/documents"
    ends 0 check --read-data --identity "$work/id"
    says out "no problems found"
}

# ------------------------------------------------------------------ the line

# over CODE WORD...: backup, and what `each` names, over this line.
over() {
    local code=$1
    shift
    where="$*"
    relay "$@"
    back_up "$code"
    [[ $code != 6 || $* != hole* ]] || says err "silent for $timeout seconds"
    if [[ ${each:-} == *restore* ]]; then
        relay "$@"
        give_back "$code"
        same_tree "$work/shop/documents" "$work/restored/documents"
    fi
    if [[ ${each:-} == *check* ]]; then
        relay "$@"
        ends "$code" check --read-data
        says out "no problems found"
    fi
    if ((code != 0)); then
        all_is_well
    fi
}

bad_lines() {
    over 0 cut=1500000 times=5
    over 0 hole=700000 way=up times=1
    each=restore
    over 0 hole=900000 way=down times=1
    over 0 reset=300000 times=3
    over 0 corrupt=700000 times=2
    each=
    # The first pack never gets through.
    retry=1 over 6 hole=100000
    if [ -n "${KURA_NETWORK_LONG:-}" ]; then
        more_bad_lines
    fi
}

# In the server's version, in the exchange of keys, in the login, and in packs.
more_bad_lines() {
    local deed at
    over 0 delay=0.005 rate=4000000
    over 0 drop=3
    retry=1 over 6 cut=900
    each="restore check"
    for deed in cut reset hole corrupt; do
        for at in 5 60 900 2500 4000 60000 400000 1500000; do
            over 0 $deed=$at times=2
        done
    done
    each=
}

# ------------------------------------------------------------------ the server

# during COMMAND...: a night on a line so slow that the command falls into the middle of it.
during() {
    another_day
    relay rate=1500000
    timeout -s KILL $deadline "$KURA" -c "$work/kura.yaml" backup --retry $retry \
        >"$work/out" 2>"$work/err" </dev/null &
    local night=$!
    until [ -n "$(find "$server/data/vault/packs" -name '*.tmp' -newer "$work/shop/documents/scan.tif" \
        -size +200k)" ]; do
        kill -0 $night 2>/dev/null || fail "$where: the night was over too soon"
        sleep 0.05
    done
    "$@"
    ended=0
    wait $night || ended=$?
    ((ended != 137)) || fail "$where: the night hangs"
    relay
}

expect_ended() {
    ((ended == $1)) || fail "$where: the night ended with $ended, not $1"
}

restart() {
    sshd_stop "$server"
    sleep 1
    listen
}

# Every process below sshd whose name begins with the word.
kill_below() { # PID NAME
    local child
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
        kill_below "$child" "$2"
        if [[ $(cat "/proc/$child/comm" 2>/dev/null) == $2* ]]; then
            kill -KILL "$child" 2>/dev/null || :
            below_killed=$((below_killed + 1))
        fi
    done
}

kill_sessions() { # NAME
    below_killed=0
    kill_below "$(cat "$server/pid")" "$1"
    ((below_killed > 0)) || fail "no $1 is there to be killed"
}

new_host_key() {
    sshd_stop "$server"
    mkdir "$work/old"
    mv "$server"/host_ed25519* "$work/old/"
    ssh-keygen -q -t ed25519 -N '' -f "$server/host_ed25519"
    listen
}

revoke_login() {
    mv "$server/authorized_keys" "$work/authorized_keys"
    : >"$server/authorized_keys"
    kill_sessions sshd
}

bad_servers() {
    where="sshd killed, and back after a second"
    during restart
    expect_ended 0
    where="sshd killed for good"
    retry=1 during sshd_stop "$server"
    expect_ended 6
    SSHD_EXTRA="ForceCommand /usr/lib/openssh/sftp-server" listen

    where="sftp-server killed, sshd lives"
    during kill_sessions sftp-server
    expect_ended 0
    sshd_stop "$server"

    # An answer that says so, not a bad line: it is not tried again.
    where="no SFTP"
    SSHD_EXTRA="ForceCommand echo not available" listen
    ends 1 snapshots
    says err "does not offer SFTP"
    sshd_stop "$server"
    listen

    where="host key changed"
    during new_host_key
    expect_ended 5
    says err "the host key of [127.0.0.1]:$RELAY_PORT has changed"
    says err "ssh-keygen -f $work/known_hosts -R"
    sshd_stop "$server"
    mv "$work"/old/host_ed25519* "$server/"
    listen
    all_is_well

    where="login revoked"
    during revoke_login
    expect_ended 1
    says err "authorized_keys"
    mv "$work/authorized_keys" "$server/authorized_keys"
    all_is_well
}

# Someone who connects and does not log in; sshd then drops everybody else.
hold_startup() { # SECONDS
    rm -f "$work/held"
    (
        until exec 3<>"/dev/tcp/127.0.0.1/$SFTP_PORT" && read -r -t 2 banner <&3 &&
            [[ $banner == SSH-* ]]; do
            sleep 0.1
        done
        touch "$work/held"
        exec sleep "$1"
    ) 2>/dev/null >&2 &
    holder=$!
    eventually [ -e "$work/held" ] || fail "sshd takes nobody"
}

few_startups() {
    sshd_stop "$server"
    SSHD_EXTRA=$'MaxStartups 1:100:1\nLoginGraceTime 60' listen
    if [ -n "${KURA_NETWORK_LONG:-}" ]; then
        where="MaxStartups reached for two seconds"
        hold_startup 2
        back_up 0
    fi
    where="MaxStartups reached for ever"
    hold_startup 60
    retry=1 back_up 6
    kill $holder
    wait $holder 2>/dev/null || :
    sshd_stop "$server"
    listen
    all_is_well
}

no_ssh() {
    local role
    for role in ${KURA_NETWORK_LONG:+silent garbage line drip http} banner trickle; do
        where="a server that is none: $role"
        relay play=$role
        deadline=30 retry=1 ends 6 snapshots
        says err "no connection to 127.0.0.1 port $RELAY_PORT"
    done
    relay
}

begin
bad_lines
bad_servers
few_startups
no_ssh
where="at the end"
all_is_well
the_first_is_there
echo "network: bad lines, bad servers, and nothing lost ($SECONDS s)"
