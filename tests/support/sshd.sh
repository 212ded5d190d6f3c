# A real sshd for scenarios: on a free port of the loopback interface, with keys of its own in DIR.
# Touches neither /etc nor ~/.ssh. Source this file.
#
#   sshd_start DIR [ordinary|write-once|read-only]   sets and exports SFTP_PORT and SFTP_USER; makes
#                                                    DIR/user_ed25519, DIR/known_hosts, DIR/data.
#                                                    Started again after sshd_stop, it has the same
#                                                    port and keys.
#   sshd_stop [DIR]                                  kills the listener and every connection
#
# Lines in SSHD_EXTRA come first in sshd_config.

sshd_free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
}

sshd_make_keys() {
  local folder=$1
  mkdir -p "$folder/data"
  ssh-keygen -q -t ed25519 -N '' -f "$folder/host_ed25519"
  ssh-keygen -q -t ed25519 -N '' -C user -f "$folder/user_ed25519"
  cp "$folder/user_ed25519.pub" "$folder/authorized_keys"
  sshd_free_port >"$folder/port"
  printf '[127.0.0.1]:%s %s\n' "$(cat "$folder/port")" \
    "$(cut -d' ' -f1,2 "$folder/host_ed25519.pub")" >"$folder/known_hosts"
}

sshd_profile() {
  local once="open,close,read,write,lstat,fstat,stat,opendir,readdir,realpath"
  case $1 in
    ordinary) ;;
    write-once) echo "ForceCommand internal-sftp -u 0222 -p $once,statvfs,fstatvfs,fsync,limits" ;;
    read-only) echo "ForceCommand internal-sftp -R" ;;
    *)
      echo "sshd_start: unknown profile $1" >&2
      return 1
      ;;
  esac
}

sshd_start() {
  local folder=$1 profile=${2:-ordinary} forced
  forced=$(sshd_profile "$profile") || return 1
  [ -e "$folder/host_ed25519" ] || sshd_make_keys "$folder" || return 1
  [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
  SFTP_PORT=$(cat "$folder/port")
  SFTP_USER=$(id -un)
  export SFTP_PORT SFTP_USER
  # Of MaxStartups alone the last value counts.
  cat >"$folder/sshd_config" <<CONFIG
MaxStartups 100:30:200
${SSHD_EXTRA:-}
ListenAddress 127.0.0.1:$SFTP_PORT
HostKey $folder/host_ed25519
AuthorizedKeysFile $folder/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel VERBOSE
Subsystem sftp internal-sftp
$forced
CONFIG
  setsid /usr/sbin/sshd -D -e -f "$folder/sshd_config" 2>>"$folder/log" </dev/null >/dev/null &
  echo $! >"$folder/pid"
  SSHD_LAST=$folder
  local try
  for try in $(seq 200); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$SFTP_PORT" && read -r -t 2 banner <&3 &&
      [ "${banner#SSH-}" != "$banner" ]) 2>/dev/null; then
      return 0
    fi
    sleep 0.02
  done
  echo "sshd does not start:" >&2
  cat "$folder/log" >&2
  return 1
}

# Every connection is a session of its own, so a process group does not reach it.
sshd_kill_below() {
  local child
  for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
    sshd_kill_below "$child"
    kill -KILL "$child" 2>/dev/null || true
  done
}

sshd_stop() {
  local folder=${1:-$SSHD_LAST} pid
  [ -s "$folder/pid" ] || return 0
  pid=$(cat "$folder/pid")
  rm -f "$folder/pid"
  kill -STOP "$pid" 2>/dev/null || true
  sshd_kill_below "$pid"
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}
