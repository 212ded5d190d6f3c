# A real PostgreSQL for scenarios and tests: of its own, in DIR, as a user who is not root (it refuses
# root), on a Unix socket in DIR and on 127.0.0.1 with TLS. Touches no other cluster. Source this file.
#
#   postgres_start DIR     makes DIR (or starts again what is there), sets and exports PGHOST (the socket's
#                          folder), PGPORT, PGUSER=shop_owner (superuser) and PGDATABASE=postgres; whoever
#                          comes by the socket is believed, by TCP a password is wanted
#   postgres_stop DIR [immediate]
#   postgres_tools         exports PATH with pgbench, initdb and so on
#
# Lines in POSTGRES_EXTRA come last in postgresql.conf.

postgres_tools() {
    local folder
    folder=$(pg_config --bindir)
    case :$PATH: in
    *":$folder:"*) ;;
    *) export PATH="$folder:$PATH" ;;
    esac
}

# As whoever the server runs as.
postgres_as() {
    if ((EUID == 0)); then
        (cd / && setpriv --reuid postgres --regid postgres --clear-groups "$@")
    else
        "$@"
    fi
}

postgres_free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

postgres_make() { # DIR
    mkdir -p "$1/data"
    chmod 755 "$1"
    if ((EUID == 0)); then
        chown postgres: "$1" "$1/data"
        chmod o+x "$(dirname "$1")"
    fi
    postgres_as initdb --pgdata "$1/data" --username shop_owner --auth-local trust \
        --auth-host scram-sha-256 --encoding UTF8 --locale C --no-sync >"$1/initdb.log" || return 1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$1/data/server.key" -out "$1/server.crt" \
        2>"$1/openssl.log" || return 1
    cp "$1/server.crt" "$1/data/server.crt"
    chmod 600 "$1/data/server.key"
    ((EUID != 0)) || chown postgres: "$1/data/server.key" "$1/data/server.crt"
    postgres_free_port >"$1/port"
    cat >>"$1/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $(cat "$1/port")
unix_socket_directories = '$1'
ssl = on
fsync = off
max_connections = 30
shared_buffers = 32MB
logging_collector = off
${POSTGRES_EXTRA:-}
CONF
}

postgres_start() { # DIR
    postgres_tools
    [ -s "$1/port" ] || postgres_make "$1" || return 1
    export PGHOST=$1 PGUSER=shop_owner PGDATABASE=postgres PGPORT
    PGPORT=$(cat "$1/port")
    postgres_as pg_ctl --pgdata "$1/data" --log "$1/data/log" --wait --timeout 60 --silent start >/dev/null || {
        cat "$1/data/log" >&2
        return 1
    }
}

postgres_stop() { # DIR [MODE]
    postgres_as pg_ctl --pgdata "$1/data" --mode "${2:-fast}" --wait --silent stop >/dev/null 2>&1 || :
}
