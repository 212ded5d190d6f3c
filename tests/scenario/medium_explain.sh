#!/usr/bin/env bash
# kura medium explain: where a path really lands, on real mounts of this machine.
source "$(dirname "$0")/lib.sh"
[ "$("$KURA" medium explain "$work" --json | jq -r .class)" = fixed ] ||
    skip "the root file system of this machine is not on a disk that is known to be fixed"

# lands CLASS PATH: kura judges so. Its JSON is in out.
lands() {
    run 0 medium explain "$2" --json
    [ "$(jq -r .class out)" = "$1" ] || fail "$2 is not $1"
}
step() { # TEXT: one of the steps says it
    jq -e --arg text "$1" '.steps | any(contains($text))' out >/dev/null || fail "no step says: $1"
}
verdict() { # ROAD CASE WORD
    [ "$(jq -r ".roads.$1.$2" out)" = "$3" ] || fail "$1, $2: not $3"
}

# ---- words
run 0 medium explain "$work" --json
json '.steps | length >= 2'
json '.roads | keys == ["carry", "output", "staging", "store"]'
here=$(jq -r .class out) # fixed, if the root file system is on a disk of its own
run 0 medium explain "$work"
says out "How it was found:"
says out "carry export"
run 2 medium explain
run 2 medium explain a b
run 1 medium explain "$work/missing/../x"
says err "missing"
ln -s ring "$work/ring"
run 1 medium explain "$work/ring"

# ---- a path that is not there yet is where a write would make it
lands "$here" "$work/new/folder/file"
(cd / && "$KURA" medium explain "${work#/}/new" --json) >out
[ "$(jq -r .class out)" = "$here" ] || fail "a relative path lands elsewhere"

# ---- what is no disk
lands unknown /proc
lands unknown /dev/null
step "character device"
verdict output without_policy allowed-recorded
verdict staging without_policy allowed-recorded
verdict staging with_policy refused
"$KURA" medium explain /dev/stdout --json | jq -e '.class == "unknown" and (.steps[0] | contains("pipe"))' \
    >/dev/null || fail "a pipe is taken for a place"

if [ "$(id -u)" != 0 ] || ! truncate -s 1M probe.img || ! mke2fs -qF probe.img ||
    ! mkdir probe || ! mount -o loop probe.img probe 2>/dev/null; then
    skip_part "no loop devices here: words and paths alone"
    exit 0
fi
umount probe

# image NAME SIZE [OPTION...]: an ext4 in NAME.img, mounted on NAME.
image() {
    truncate -s "$2" "$1.img"
    mke2fs -qF -t ext4 "${@:3}" "$1.img"
    mkdir -p "$1"
    mount -o loop "$1.img" "$1"
    at_exit=("umount '$work/$1' 2>/dev/null" "${at_exit[@]}")
}

# ---- a file system in a file: recognised by its UUID and size, on the disk of the file
uuid=5a1b9a3e-6f7e-4c2d-8d1e-0123456789ab
image stick 2M -U "$uuid"
lands "$here" "$work/stick/new"
step "is backed by the file $work/stick.img"
json ".identity == {usb_vendor: \"\", usb_product: \"\", serial: \"\", size: 2097152, fs_type: \"ext4\", fs_uuid: \"$uuid\"}"
json ".mount_point == \"$work/stick\""
verdict carry with_policy refused
verdict carry enrolled needs-token
fingerprint=$(jq -r .fingerprint out)
[ "$fingerprint" = "$(printf 'kura-medium-1\nusb-vendor 0:\nusb-product 0:\nserial 0:\nsize 2097152\nfs-uuid 36:%s\n' \
    "$uuid" | b2sum -l 256 | cut -d' ' -f1)" ] || fail "the fingerprint is not of the documented text"
diskseq=$(jq .diskseq out)

# ---- taken out and put back it is the same medium, but not the same insertion
umount stick
mount -o loop stick.img stick
lands "$here" stick
[ "$(jq -r .fingerprint out)" = "$fingerprint" ] || fail "not recognised again"
[ "$diskseq" = 0 ] || [ "$(jq .diskseq out)" -gt "$diskseq" ] || fail "the exchange does not show"
image other 2M
lands "$here" other
[ "$(jq -r .fingerprint out)" != "$fingerprint" ] || fail "another medium has the same fingerprint"

# ---- roads that lead to it: links, bind mounts, links to nothing yet
ln -s stick link
ln -s "$work/link/sub/new" dangling
mkdir stick/sub bound
mount --bind stick/sub bound
at_exit=("umount '$work/bound'" "${at_exit[@]}")
for path in link/x dangling dangling/below bound/y; do
    lands "$here" "$path"
    [ "$(jq -r .fingerprint out)" = "$fingerprint" ] || fail "$path does not lead to the medium"
done

# ---- a loop on a loop is what the lower one is; the identity is the upper one's
truncate -s 1M stick/inner.img
mke2fs -qF stick/inner.img
mkdir inner
mount -o loop stick/inner.img inner
at_exit=("umount '$work/inner' 2>/dev/null" "${at_exit[@]}")
lands "$here" inner
step "is backed by the file $work/stick/inner.img"
step "is backed by the file $work/stick.img"
json '.identity.size == 1048576'
# The way down ends where the name of the file leads to another file now,
mkdir cover
cp stick/inner.img cover/
mount --bind cover stick
at_exit=("umount '$work/stick' 2>/dev/null" "${at_exit[@]}")
lands unknown inner
step "not under its name any more"
umount stick
lands "$here" inner
# and where it leads to none.
rm stick/inner.img
lands unknown inner
step "not under its name any more"
umount inner

# ---- memory and layers
mkdir memory
mount -t tmpfs none memory
at_exit=("umount '$work/memory'" "${at_exit[@]}")
lands unknown memory/x
verdict output without_policy allowed-recorded
verdict store without_policy allowed
verdict store with_policy needs-enrolment
verdict store enrolled allowed
mkdir lower stick/upper stick/work merged
if mount -t overlay overlay -o "lowerdir=$work/lower,upperdir=$work/stick/upper,workdir=$work/stick/work" merged \
    2>/dev/null; then
    at_exit=("umount '$work/merged'" "${at_exit[@]}")
    lands unknown merged/x
    step "it says that it writes to $work/stick/upper"
    json '.fingerprint == null'
fi

# ---- a btrfs on two devices
if ! grep -qw btrfs /proc/filesystems; then
    skip_part "this kernel has no btrfs"
else
    truncate -s 160M a.img b.img
    mkdir pair
    first=$(losetup -f --show a.img)
    at_exit+=("losetup -d $first")
    second=$(losetup -f --show b.img)
    at_exit+=("losetup -d $second")
    mkfs.btrfs -q -f -m raid1 -d raid1 "$first" "$second" >"$work/err" 2>&1 || fail "no btrfs was made"
    if btrfs device scan "$first" "$second" >/dev/null 2>&1 && mount -t btrfs "$first" pair; then
        at_exit=("umount '$work/pair'" "${at_exit[@]}")
        lands "$here" pair/x
        step "$(basename "$first") is a member of the btrfs"
        step "$(basename "$second") is a member of the btrfs"
        json ".identity.fs_uuid == \"$(blkid -p -o value -s UUID "$first")\""
        btrfs subvolume create pair/sub >/dev/null
        lands "$here" pair/sub/x
        step "is a member of the btrfs"
    else
        skip_part "no btrfs on two devices can be mounted here"
    fi
fi

# ---- a mapped device, where this kernel maps any
if ! command -v dmsetup >/dev/null || ! dmsetup version >/dev/null 2>&1; then
    skip_part "no dmsetup here, or the kernel maps no devices"
else
    truncate -s 4M lower.img
    lower=$(losetup -f --show lower.img)
    at_exit+=("losetup -d $lower")
    dmsetup create "kura-test-$$" --table "0 8192 linear $lower 0"
    at_exit=("dmsetup remove 'kura-test-$$'" "${at_exit[@]}")
    mke2fs -qF "/dev/mapper/kura-test-$$"
    mkdir mapped
    mount "/dev/mapper/kura-test-$$" mapped
    at_exit=("umount '$work/mapped'" "${at_exit[@]}")
    lands "$here" mapped
    step " lies on $(basename "$lower")"
    step "is backed by the file $work/lower.img"
fi
echo "medium_explain: paths, loops, binds, layers, members"
