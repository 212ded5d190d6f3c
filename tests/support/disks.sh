# Small real disks for scenarios, as root: loop devices with file systems. Source it after lib.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154 # work, at_exit: of lib.sh

# disk NAME SIZE [OPTION-OF-MKFS...]: an ext4 of that size at $work/NAME.
disk() {
    truncate -s "$2" "$work/$1.img"
    mkfs.ext4 -q -m 0 -E root_owner "${@:3}" "$work/$1.img"
    mkdir "$work/$1"
    disk_mount "$1"
    at_exit=("umount '$work/$1'" "${at_exit[@]}")
}

disk_mount() { # NAME
    mount -o loop "$work/$1.img" "$work/$1"
}

# disk_grow NAME SIZE: more room, and the file system is sound.
disk_grow() {
    umount "$work/$1"
    truncate -s "$2" "$work/$1.img"
    e2fsck -fp "$work/$1.img" >/dev/null 2>&1 || true
    resize2fs "$work/$1.img" >/dev/null 2>&1
    disk_mount "$1"
}

# disk_breaks NAME: from now on read-only, as when the kernel meets an error in it.
disk_breaks() {
    mount -o remount,abort "$work/$1"
}

# disk_repair NAME: taken out, checked, put back.
disk_repair() {
    local code=0
    umount "$work/$1"
    e2fsck -fy "$work/$1.img" >"$work/fsck" 2>&1 || code=$?
    ((code < 4)) || fail "e2fsck could not mend the disk $1"
    disk_mount "$1"
}

# use_inodes FOLDER: not one more file can be made in that file system.
use_inodes() {
    mkdir "$1"
    local number=0
    while : 2>/dev/null >"$1/$number"; do
        number=$((number + 1))
    done 2>/dev/null
}

no_space() { # WHAT: the last command said that there is no room
    grep -qiE 'no space left|disk is full|no room' "$work/err" || fail "$1: no word of the full disk"
}
