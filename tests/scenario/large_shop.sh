#!/usr/bin/env bash
# Many and large: 100,000 documents in one folder, and a file of 20 GB that is nearly all holes. The
# night in which nothing changed sends next to nothing, and memory stays flat.
# KURA_LARGE=1: a million documents besides; prints time, memory and bytes.
source "$(dirname "$0")/lib.sh"
[ "${KURA_LARGE:-}" = 1 ] || in_memory

sanitized=false
if grep -qa __asan_init "$KURA"; then sanitized=true; fi
count=100000
if $sanitized; then count=10000; fi

# make_many FOLDER COUNT: so many small files, each of its own content.
make_many() {
    mkdir -p "$1"
    python3 - "$1" "$2" <<'PY'
import os, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
for number in range(int(sys.argv[2])):
    file = os.open(f"見積書 {number:07}.txt", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=folder)
    os.write(file, f"お見積り {number}: {number * 7919 % 1000003} 円\n".encode() * (1 + number % 4))
    os.close(file)
PY
}

# measured WHAT COMMAND...: it must succeed; $seconds, $kilobytes of resident memory.
measured() {
    local what=$1 code=0
    shift
    command time -f '%e %M' -o "$work/time" "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
    [ "$code" = 0 ] || fail "$what ended with $code"
    read -r seconds kilobytes < <(tail -1 "$work/time")
    printf '%-32s %7.1f s %6d MiB\n' "$what" "$seconds" $((kilobytes / 1024))
}
stored() { du -sb "$work/vault" | cut -f1; }

# many COUNT KILOBYTES: the limit of memory of every command.
many() {
    rm -rf "$work"/{vault,state,host.key,kit.txt,pw,manager.txt,shop,back}
    make_many "$work/shop/documents/2026" "$1"
    sleep 3 # what was changed just before it is read is read again the next night
    sqlite3 "$work/shop/customers.db" 'CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT)'
    age-keygen -o "$work/manager.txt" 2>/dev/null
    age-keygen -y "$work/manager.txt" >"$work/manager.pub"
    configure
    sed -i 's|^  state: state|&\n  recipients: [manager.pub]|' "$work/kura.yaml"
    expect_exit 0 kura init --kit "$work/kit.txt" --passphrase-file "$work/pw"
    local before largest=0 sent changed commands=("$KURA" -c "$work/kura.yaml")
    measured "$1 documents: first" "${commands[@]}" backup
    largest=$kilobytes
    before=$(stored)
    measured "$1 documents: unchanged" "${commands[@]}" backup --json
    json ".files_unchanged == $1 and .bytes_new == 0"
    ((kilobytes < largest)) || largest=$kilobytes
    sent=$(($(stored) - before))
    echo changed >>"$work/shop/documents/2026/見積書 0004711.txt"
    rm "$work/shop/documents/2026/見積書 0000815.txt"
    before=$(stored)
    measured "$1 documents: one changed" "${commands[@]}" backup
    ((kilobytes < largest)) || largest=$kilobytes
    changed=$(($(stored) - before))
    measured "$1 documents: check" "${commands[@]}" check --read-data -i "$work/manager.txt"
    ((kilobytes < largest)) || largest=$kilobytes
    measured "$1 documents: restore" "${commands[@]}" restore -i "$work/manager.txt" --target "$work/back"
    ((kilobytes < largest)) || largest=$kilobytes
    diff -r "$work/shop/documents" "$work/back/documents" >"$work/diff" || fail "the documents came back otherwise"
    echo "unchanged: $sent bytes sent; one changed, one removed: $changed; repository: $(stored)"
    ((sent < 30000)) || fail "an unchanged night sends $sent bytes"
    ((changed < 600000)) || fail "one changed document sends $changed bytes"
    $sanitized || ((largest < $2)) || fail "$largest KiB of memory"
}

# ------------------------------------------------------------------ many

many "$count" 60000
if [ "${KURA_LARGE:-}" = 1 ]; then
    many 1000000 100000
fi

# ------------------------------------------------------------------ large, and nearly all holes

rm -rf "$work/shop/documents" "$work/back"
mkdir "$work/shop/documents"
large=$work/shop/documents/disk.img
truncate -s 20G "$large"
for at in 0 4294967295 4294967296 12345678912 21474836000; do # around 4 GiB, in the middle, at the end
    printf 'data at %s' "$at" | dd of="$large" bs=1 seek="$at" conv=notrunc status=none
done
fallocate -l 1M -o 8G -n "$large" # room without data
measured "20 GB of holes: first" "$KURA" -c "$work/kura.yaml" backup --json
json '.bytes_read < 10000000'
measured "20 GB of holes: unchanged" "$KURA" -c "$work/kura.yaml" backup --json
json '.bytes_new == 0'
measured "20 GB of holes: restore" "$KURA" -c "$work/kura.yaml" restore -i "$work/manager.txt" --target "$work/back"
back=$work/back/documents/disk.img
[ "$(stat -c %s "$back")" = "$(stat -c %s "$large")" ] || fail "another size"
# What lies where there is data, on either side, is the same; and data is only where it was.
python3 - "$large" "$back" <<'PY' || fail "the holes or the data came back otherwise"
import errno, os, sys

def data(file):
    at, end, spans = 0, os.fstat(file).st_size, []
    while at < end:
        try:
            begin = os.lseek(file, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            break
        at = os.lseek(file, begin, os.SEEK_HOLE)
        spans.append((begin, at))
    return spans

true, back = (os.open(path, os.O_RDONLY) for path in sys.argv[1:])
for begin, end in data(true) + data(back):
    if os.pread(true, end - begin, begin) != os.pread(back, end - begin, begin):
        sys.exit(f"the bytes from {begin} to {end} differ")
def beyond(spans, others):
    return [s for s in spans if not any(b <= s[0] and s[1] <= e for b, e in others)]
if beyond(data(back), data(true)) or len(data(back)) < 4:
    sys.exit(f"data at {data(back)}, not at {data(true)}")
PY
(($(du -k "$back" | cut -f1) <= $(du -k "$large" | cut -f1))) || fail "it takes more room than before"
echo "large shop: $count documents in a folder, 20 GB of holes"
