# A bad line for scenarios (relay.py says what it can do). Source after sshd.sh.
# shellcheck shell=bash
#
#   relay_start DIR PORT     sets RELAY_PORT, which leads to PORT
#   relay WORD...            what happens from now on; without words the line is sound
#   relay_stop DIR

relay_start() {
    local folder=$1
    mkdir -p "$folder"
    RELAY_PORT=$(sshd_free_port)
    RELAY_CONTROL=$folder/control
    : >"$RELAY_CONTROL"
    setsid "$tests/support/relay.py" --listen "$RELAY_PORT" --to "$2" --control "$RELAY_CONTROL" \
        >"$folder/ready" 2>"$folder/log" </dev/null &
    echo $! >"$folder/pid"
    eventually [ -s "$folder/ready" ] || fail "the relay does not start: $(cat "$folder/log")"
}

# Renamed into place: the relay never sees half of it. Until the relay has, the former words hold.
relay() {
    relay_round=$((${relay_round:-0} + 1))
    echo "$* round=$relay_round" >"$RELAY_CONTROL.new"
    mv "$RELAY_CONTROL.new" "$RELAY_CONTROL"
    eventually cmp -s "$RELAY_CONTROL" "$RELAY_CONTROL.seen" || fail "the relay does not obey"
}

relay_stop() {
    local pid
    pid=$(cat "$1/pid" 2>/dev/null) || return 0
    kill -KILL "$pid" 2>/dev/null || :
    wait "$pid" 2>/dev/null || :
}
