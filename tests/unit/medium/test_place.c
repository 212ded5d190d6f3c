/* place: recorded shapes of real machines, each with the class that it must have. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/device_tree.h"

/* ------------------------------------------------------------------ recorded devices */

#define NVME                                                                                       \
    "pci0000:00 \n"                                                                                \
    "pci0000:00/0000:00:1d.0 :pci\n"                                                               \
    "pci0000:00/0000:00:1d.0/0000:03:00.0 :pci removable=fixed\n"                                  \
    "pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0 :nvme transport=pcie serial=S4EWNX0R123\n"    \
    "pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1 :block dev=259:0 size=1000215216 "    \
    "removable=0 diskseq=1\n"                                                                      \
    "pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1/nvme0n1p2 :block dev=259:2 "          \
    "partition=2 size=900000000\n"
#define ROOT_MOUNT                                                                                 \
    "1 1 0:2 / / rw - rootfs rootfs rw\n"                                                          \
    "22 1 0:21 / /proc rw - proc proc rw\n"                                                        \
    "27 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw\n"

#define XHCI "pci0000:00/0000:00:14.0"
#define STICK_DISK XHCI "/usb1/1-2/1-2:1.0/host2/target2:0:0/2:0:0:0/block/sdb"
#define USB_BUS XHCI " :pci\n" XHCI "/usb1 :usb idVendor=1d6b idProduct=0002 serial=0000:00:14.0\n"
#define STICK                                                                                      \
    USB_BUS XHCI "/usb1/1-2 :usb idVendor=0951 idProduct=1666 serial=60A44C413FAE "                \
                 "removable=removable\n" XHCI "/usb1/1-2/1-2:1.0 :usb\n" XHCI                      \
                 "/usb1/1-2/1-2:1.0/host2/target2:0:0/2:0:0:0 :scsi\n" STICK_DISK                  \
                 " :block dev=8:16 size=60751872 removable=1 diskseq=12\n" STICK_DISK              \
                 "/sdb1 :block dev=8:17 partition=1 size=60749824\n"
/* UAS: the disk calls itself not removable, and udev would call it ATA. */
#define USB_SSD                                                                                    \
    USB_BUS XHCI "/usb1/1-3 :usb idVendor=04e8 idProduct=61f5 serial=S5R removable=unknown\n" XHCI \
                 "/usb1/1-3/1-3:1.0 :usb\n" XHCI                                                   \
                 "/usb1/1-3/1-3:1.0/host3/target3:0:0/3:0:0:0/block/sdc :block dev=8:32 "          \
                 "size=1953525168 removable=0 diskseq=13\n" XHCI                                   \
                 "/usb1/1-3/1-3:1.0/host3/target3:0:0/3:0:0:0/block/sdc/sdc1 :block dev=8:33 "     \
                 "partition=1\n"
#define SD_CARD(type)                                                                              \
    "pci0000:00/0000:02:00.0 :pci\n"                                                               \
    "pci0000:00/0000:02:00.0/mmc_host/mmc0/mmc0:aaaa :mmc type=" type                              \
    " cid=035344534331364780a1b2c3d400f501 serial=0xa1b2c3d4\n"                                    \
    "pci0000:00/0000:02:00.0/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0 :block dev=179:0 "              \
    "size=31116288 removable=0\n"                                                                  \
    "pci0000:00/0000:02:00.0/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0/mmcblk0p1 :block dev=179:1 "    \
    "partition=1\n"
#define SATA                                                                                       \
    "pci0000:00/0000:00:17.0 :pci\n"                                                               \
    "pci0000:00/0000:00:17.0/ata2/host1/target1:0:0/1:0:0:0 :scsi "                                \
    "wwid=naa.5000c500a1b2c3d4\n"                                                                  \
    "pci0000:00/0000:00:17.0/ata2/host1/target1:0:0/1:0:0:0/block/sda :block dev=8:0 "             \
    "size=3907029168 removable=0 diskseq=5 "                                                       \
    "device@pci0000:00/0000:00:17.0/ata2/host1/target1:0:0/1:0:0:0\n"                              \
    "pci0000:00/0000:00:17.0/ata2/host1/target1:0:0/1:0:0:0/block/sda/sda1 :block dev=8:1 "        \
    "partition=1\n"
#define VIRTUAL "virtual/block/"

static const char *const luks_on_stick = VIRTUAL "dm-0 :block dev=253:0 removable=0 size=60700000 "
                                                 "slaves=sdb1 dm/name=luks diskseq=20\n";
static const char *const lvm_on_luks =
    VIRTUAL "dm-0 :block dev=253:0 removable=0 size=60700000 slaves=sdb1 dm/name=luks\n" VIRTUAL
            "dm-1 :block dev=253:1 removable=0 size=60000000 slaves=dm-0 dm/name=vg-data\n";
static const char *const raid = VIRTUAL "md0 :block dev=9:0 removable=0 size=60000000 "
                                        "slaves=nvme0n1p2,sdb1 md/level=raid1\n";

/* ------------------------------------------------------------------ the table */

struct machine {
    const char *name;
    const char *devices[4];
    const char *mounts;
    const char *path;
    enum place_class class;
    const char *reason; /* in one of the steps */
    const char *serial; /* NULL: none */
    uint64_t size;
};

#define SIGN "does not carry the root"
static const struct machine machines[] = {
    {"the root file system on NVMe",
     {NVME},
     ROOT_MOUNT,
     "/var/lib/kura",
     PLACE_FIXED,
     "nvme0n1 carries the root file system",
     "S4EWNX0R123",
     1000215216ULL * 512},
    {"a USB stick",
     {NVME, STICK},
     ROOT_MOUNT "36 27 8:17 / /media/x rw - vfat /dev/sdb1 rw\n",
     "/media/x/a/b",
     PLACE_REMOVABLE,
     "the medium of sdb is removable",
     "60A44C413FAE",
     60751872ULL * 512},
    {"a USB SSD behind UAS, which says removable=0",
     {NVME, USB_SSD},
     ROOT_MOUNT "36 27 8:33 / /mnt rw - ext4 /dev/sdc1 rw\n",
     "/mnt",
     PLACE_REMOVABLE,
     "sdc is attached by USB",
     "S5R",
     1953525168ULL * 512},
    {"an SD card in a slot of its own",
     {NVME, SD_CARD("SD")},
     ROOT_MOUNT "36 27 179:1 / /mnt rw - vfat /dev/mmcblk0p1 rw\n",
     "/mnt",
     PLACE_REMOVABLE,
     "mmcblk0 is a card of type SD",
     "035344534331364780a1b2c3d400f501",
     31116288ULL * 512},
    {"soldered eMMC with the root file system",
     {SD_CARD("MMC")},
     "27 1 179:1 / / rw - ext4 /dev/mmcblk0p1 rw\n",
     "/",
     PLACE_FIXED,
     "mmcblk0 carries the root",
     "035344534331364780a1b2c3d400f501",
     31116288ULL * 512},
    {"an SD card in a USB reader",
     {NVME, USB_BUS XHCI "/usb1/1-5 :usb idVendor=05e3 idProduct=0751 removable=fixed\n" XHCI
                         "/usb1/1-5/1-5:1.0/host4/target4:0:0/4:0:0:0/block/sdd :block dev=8:48 "
                         "size=62333952 removable=1\n"},
     ROOT_MOUNT "36 27 8:48 / /mnt rw - exfat /dev/sdd rw\n",
     "/mnt/f",
     PLACE_REMOVABLE,
     "the medium of sdd is removable",
     NULL,
     62333952ULL * 512},
    {"a SATA disk in a hot-plug slot",
     {NVME, SATA},
     ROOT_MOUNT "36 27 8:1 / /srv rw - ext4 /dev/sda1 rw\n",
     "/srv/backup",
     PLACE_UNKNOWN,
     SIGN,
     "naa.5000c500a1b2c3d4",
     3907029168ULL * 512},
    {"an eSATA disk, which the kernel flags",
     {NVME, "pci0000:00/0000:00:17.0/ata3/host5/target5:0:0/5:0:0:0/block/sde :block dev=8:64 "
            "removable=1\n"},
     ROOT_MOUNT "36 27 8:64 / /srv rw - ext4 /dev/sde rw\n",
     "/srv",
     PLACE_REMOVABLE,
     "the medium of sde is removable",
     NULL,
     0},
    {"an NVMe disk in a Thunderbolt box",
     {NVME,
      "pci0000:00/0000:00:07.0/0000:2c:00.0 :pci removable=removable\n"
      "pci0000:00/0000:00:07.0/0000:2c:00.0/nvme/nvme1 :nvme transport=pcie serial=T7\n"
      "pci0000:00/0000:00:07.0/0000:2c:00.0/nvme/nvme1/nvme1n1 :block dev=259:9 removable=0\n"},
     ROOT_MOUNT "36 27 259:9 / /mnt rw - ext4 /dev/nvme1n1 rw\n",
     "/mnt",
     PLACE_REMOVABLE,
     "nvme1n1 is behind a port on the outside",
     "T7",
     0},
    {"an NVMe disk of several controllers, one of them on the network",
     {NVME, "virtual/nvme-fabrics/ctl/nvme5 :nvme transport=tcp\n"
            "virtual/nvme-subsystem/nvme-subsys5 :nvme-subsystem serial=FAB5 "
            "nvme5@virtual/nvme-fabrics/ctl/nvme5\n"
            "virtual/nvme-subsystem/nvme-subsys5/nvme5n1 :block dev=259:50 removable=0\n"},
     ROOT_MOUNT "36 27 259:50 / /mnt rw - ext4 /dev/nvme5n1 rw\n",
     "/mnt",
     PLACE_NETWORK,
     "nvme5n1 is reached over the network (tcp)",
     "FAB5",
     0},
    {"a root disk of an NVMe subsystem",
     {"pci0000:00/nvme/nvme0 :nvme transport=pcie\n"
      "virtual/nvme-subsystem/nvme-subsys0 :nvme-subsystem serial=DUAL "
      "nvme0@pci0000:00/nvme/nvme0\n"
      "virtual/nvme-subsystem/nvme-subsys0/nvme0n1 :block dev=259:0 removable=0\n"},
     "27 1 259:0 / / rw - ext4 /dev/nvme0n1 rw\n",
     "/etc",
     PLACE_FIXED,
     "nvme0n1 carries the root",
     "DUAL",
     0},
    {"a FireWire disk",
     {NVME, "pci0000:00/0000:00:0a.0/fw1/fw1.0 :firewire\n"
            "pci0000:00/0000:00:0a.0/fw1/fw1.0/host6/target6:0:0/6:0:0:0/block/sdf :block "
            "dev=8:80 removable=0\n"},
     ROOT_MOUNT "36 27 8:80 / /mnt rw - ext4 /dev/sdf rw\n",
     "/mnt",
     PLACE_REMOVABLE,
     "sdf is attached by FireWire",
     NULL,
     0},
    {"a Memory Stick",
     {NVME, "pci0000:00/0000:00:0b.0/memstick0 :memstick\n"
            "pci0000:00/0000:00:0b.0/memstick0/block/mspblk0 :block dev=240:0 removable=0\n"},
     ROOT_MOUNT "36 27 240:0 / /mnt rw - vfat /dev/mspblk0 rw\n",
     "/mnt",
     PLACE_REMOVABLE,
     "mspblk0 is attached by Memory Stick",
     NULL,
     0},
    {"LUKS on a USB stick",
     {NVME, STICK, luks_on_stick},
     ROOT_MOUNT "36 27 253:0 / /mnt rw - ext4 /dev/mapper/luks rw\n",
     "/mnt",
     PLACE_REMOVABLE,
     "dm-0 lies on sdb1",
     "60A44C413FAE",
     60751872ULL * 512},
    {"LVM on LUKS on a USB stick",
     {NVME, STICK, lvm_on_luks},
     ROOT_MOUNT "36 27 253:1 / /mnt rw - ext4 /dev/mapper/vg-data rw\n",
     "/mnt",
     PLACE_REMOVABLE,
     "dm-1 lies on dm-0",
     "60A44C413FAE",
     60751872ULL * 512},
    {"LUKS under the root file system",
     {NVME, VIRTUAL "dm-0 :block dev=253:0 removable=0 slaves=nvme0n1p2\n"},
     "27 1 253:0 / / rw - ext4 /dev/mapper/root rw\n"
     "30 27 259:2 /x /boot rw - ext4 /dev/nvme0n1p2 rw\n",
     "/boot",
     PLACE_FIXED,
     "nvme0n1 carries the root",
     "S4EWNX0R123",
     1000215216ULL * 512},
    {"a mirror with one half on a USB stick",
     {NVME, STICK, raid},
     ROOT_MOUNT "36 27 9:0 / /srv rw - ext4 /dev/md0 rw\n",
     "/srv",
     PLACE_REMOVABLE,
     "md0 lies on sdb1",
     NULL,
     60000000ULL * 512},
    {"a file on a USB stick, mounted by loop",
     {NVME, STICK,
      VIRTUAL "loop0 :block dev=7:0 removable=0 size=2048 "
              "loop/backing_file=/media/x/image.img\n"},
     ROOT_MOUNT "36 27 8:17 / /media/x rw - vfat /dev/sdb1 rw\n"
                "40 27 7:0 / /mnt rw - ext4 /dev/loop0 rw\n",
     "/mnt",
     PLACE_REMOVABLE,
     "loop0 is backed by the file /media/x/image.img",
     NULL,
     2048 * 512},
    {"a file on the root disk, mounted by loop",
     {NVME, VIRTUAL "loop0 :block dev=7:0 removable=0 size=2048 "
                    "loop/backing_file=/srv/image.img\n"},
     ROOT_MOUNT "40 27 7:0 / /mnt rw - ext4 /dev/loop0 rw\n",
     "/mnt",
     PLACE_FIXED,
     "nvme0n1 carries the root",
     NULL,
     2048 * 512},
    {"a loop on a USB disk itself",
     {NVME, STICK,
      VIRTUAL "loop0 :block dev=7:0 removable=0 size=99 loop/backing_file=/dev/sdb1\n"},
     ROOT_MOUNT "40 27 7:0 / /mnt rw - ext4 /dev/loop0 rw\n",
     "/mnt",
     PLACE_REMOVABLE,
     "sdb1 is a partition of sdb",
     NULL,
     99 * 512},
    {"a loop whose file is deleted",
     {NVME, VIRTUAL "loop0 :block dev=7:0 removable=0 loop/backing_file=/srv/image~(deleted)\n"},
     ROOT_MOUNT "40 27 7:0 / /mnt rw - ext4 /dev/loop0 rw\n",
     "/mnt",
     PLACE_UNKNOWN,
     "not under its name any more",
     NULL,
     0},
    {"a loop of whose file nothing is known",
     {NVME, VIRTUAL "loop1 :block dev=7:1 removable=0 loop/offset=0\n"},
     ROOT_MOUNT "40 27 7:1 / /mnt rw - ext4 /dev/loop1 rw\n",
     "/mnt",
     PLACE_UNKNOWN,
     "the file behind loop1 is not known",
     NULL,
     0},
    {"a folder of a USB stick bound elsewhere",
     {NVME, STICK},
     ROOT_MOUNT "36 27 8:17 / /media/x rw - vfat /dev/sdb1 rw\n"
                "41 27 8:17 /folder /srv/archive rw - vfat /dev/sdb1 rw\n",
     "/srv/archive/file",
     PLACE_REMOVABLE,
     "on /srv/archive",
     "60A44C413FAE",
     60751872ULL * 512},
    {"a list of mounts in another order",
     {NVME, STICK},
     "36 27 8:17 / /media/x rw - vfat /dev/sdb1 rw\n" ROOT_MOUNT,
     "/media/x/file",
     PLACE_REMOVABLE,
     "on /media/x",
     "60A44C413FAE",
     60751872ULL * 512},
    {"a btrfs with one of two members on USB",
     {NVME, STICK,
      "/fs/btrfs/0a1b2c3d-0000-4000-8000-000000000001/devices "
      "nvme0n1p2@pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1/nvme0n1p2 "
      "sdb1@" STICK_DISK "/sdb1\n"},
     "27 1 0:30 /@ / rw - btrfs /dev/nvme0n1p2 rw,subvol=/@\n",
     "/home",
     PLACE_REMOVABLE,
     "sdb1 is a member of the btrfs",
     NULL,
     0},
    {"a btrfs on the root disk alone",
     {NVME, "/fs/btrfs/0a1b2c3d-0000-4000-8000-000000000001/devices "
            "nvme0n1p2@pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1/nvme0n1p2\n"},
     "27 1 0:30 /@ / rw - btrfs /dev/nvme0n1p2 rw,subvol=/@\n",
     "/home",
     PLACE_FIXED,
     "nvme0n1 carries the root",
     "S4EWNX0R123",
     1000215216ULL * 512},
    {"a btrfs whose members the kernel does not name",
     {NVME},
     "27 1 0:30 /@ / rw - btrfs /dev/nvme0n1p2 rw,subvol=/@\n",
     "/home",
     PLACE_UNKNOWN,
     "does not name the members",
     NULL,
     0},
    {"an XFS with its contents on a USB stick",
     {NVME, STICK},
     ROOT_MOUNT "36 27 259:2 / /srv rw - xfs /dev/nvme0n1p2 rw,rtdev=/dev/sdb1\n",
     "/srv",
     PLACE_REMOVABLE,
     "it also writes to /dev/sdb1",
     NULL,
     900000000ULL * 512},
    {"an overlay whose upper layer is on USB",
     {NVME, STICK},
     ROOT_MOUNT "36 27 8:17 / /media/x rw - ext4 /dev/sdb1 rw\n"
                "41 27 0:50 / /merged rw - overlay overlay "
                "rw,lowerdir=/usr,upperdir=/media/x/up,workdir=/media/x/work\n",
     "/merged",
     PLACE_REMOVABLE,
     "it says that it writes to /media/x/up",
     NULL,
     0},
    {"an overlay whose upper layer is on the root disk proves nothing",
     {NVME},
     ROOT_MOUNT "41 27 0:50 / /merged rw - overlay overlay "
                "rw,lowerdir=/usr,upperdir=/srv/up,workdir=/srv/work\n",
     "/merged",
     PLACE_UNKNOWN,
     "an overlay",
     NULL,
     0},
    {"a container: its root is an overlay",
     {NVME},
     "100 90 0:60 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/var/lib/d/diff\n",
     "/root",
     PLACE_UNKNOWN,
     "an overlay",
     NULL,
     0},
    {"a volume of a container: nothing there carries the root file system",
     {NVME},
     "100 90 0:60 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/var/lib/d/diff\n"
     "101 100 259:2 /volume /data rw - ext4 /dev/nvme0n1p2 rw\n",
     "/data",
     PLACE_UNKNOWN,
     SIGN,
     "S4EWNX0R123",
     1000215216ULL * 512},
    {"an optical drive",
     {NVME, "pci0000:00/0000:00:17.0/ata4/host7/target7:0:0/7:0:0:0/block/sr0 :block dev=11:0 "
            "removable=1 size=9000000\n"},
     ROOT_MOUNT "36 27 11:0 / /mnt rw - udf /dev/sr0 rw\n",
     "/mnt",
     PLACE_REMOVABLE,
     "sr0 is a drive for disks or tapes",
     NULL,
     9000000ULL * 512},
    {"a telephone by MTP",
     {NVME},
     ROOT_MOUNT "36 27 0:50 / /mnt rw - fuse.jmtpfs jmtpfs rw\n",
     "/mnt",
     PLACE_REMOVABLE,
     "a telephone, camera",
     NULL,
     0},
    {"a telephone on the desktop",
     {NVME},
     ROOT_MOUNT "36 27 0:50 / /run/user/1000/gvfs rw - fuse.gvfsd-fuse gvfsd-fuse rw\n",
     "/run/user/1000/gvfs/mtp:host=Phone/DCIM",
     PLACE_REMOVABLE,
     "a telephone, camera",
     NULL,
     0},
    {"a share on the desktop",
     {NVME},
     ROOT_MOUNT "36 27 0:50 / /run/user/1000/gvfs rw - fuse.gvfsd-fuse gvfsd-fuse rw\n",
     "/run/user/1000/gvfs/smb-share:server=nas,share=x",
     PLACE_UNKNOWN,
     "served by a program",
     NULL,
     0},
    {"an NTFS stick by ntfs-3g",
     {NVME, STICK},
     ROOT_MOUNT "36 27 8:17 / /media/x rw - fuseblk /dev/sdb1 rw\n",
     "/media/x",
     PLACE_REMOVABLE,
     "the medium of sdb is removable",
     "60A44C413FAE",
     60751872ULL * 512},
    {"an encrypted folder of a stick, served by a program",
     {NVME, STICK},
     ROOT_MOUNT "36 27 8:17 / /media/x rw - vfat /dev/sdb1 rw\n"
                "37 27 0:51 / /home/a/plain rw - fuse.gocryptfs /media/x/vault rw\n",
     "/home/a/plain",
     PLACE_REMOVABLE,
     "it says that it writes to /media/x/vault",
     NULL,
     0},
    {"a program whose folder is its own mount",
     {NVME},
     ROOT_MOUNT "37 27 0:51 / /plain rw - fuse.bindfs /plain rw\n",
     "/plain",
     PLACE_UNKNOWN,
     "leads back into itself",
     NULL,
     0},
    {"sshfs",
     {NVME},
     ROOT_MOUNT "36 27 0:50 / /mnt rw - fuse.sshfs user@host:/ rw\n",
     "/mnt",
     PLACE_UNKNOWN,
     "served by a program",
     NULL,
     0},
    {"NFS",
     {NVME},
     ROOT_MOUNT "36 27 0:50 / /mnt rw - nfs4 nas:/export rw\n",
     "/mnt",
     PLACE_NETWORK,
     "nfs4 is a file system on the network",
     NULL,
     0},
    {"NFS of this very machine",
     {NVME},
     ROOT_MOUNT "36 27 0:50 / /mnt rw - nfs4 127.0.0.1:/media/x rw\n",
     "/mnt",
     PLACE_UNKNOWN,
     "is this machine",
     NULL,
     0},
    {"CIFS",
     {NVME},
     ROOT_MOUNT "36 27 0:50 / /mnt rw - cifs //nas/share rw\n",
     "/mnt/x",
     PLACE_NETWORK,
     "cifs is a file system on the network",
     NULL,
     0},
    {"iSCSI",
     {NVME, "platform/host9/session1 iscsi_session=1\n"
            "platform/host9/session1/target9:0:0/9:0:0:0/block/sdg :block dev=8:96 removable=0\n"},
     ROOT_MOUNT "36 27 8:96 / /mnt rw - ext4 /dev/sdg rw\n",
     "/mnt",
     PLACE_NETWORK,
     "sdg is reached over the network (iSCSI)",
     NULL,
     0},
    {"nbd",
     {NVME, VIRTUAL "nbd0 :block dev=43:0 removable=0\n"},
     ROOT_MOUNT "36 27 43:0 / /mnt rw - ext4 /dev/nbd0 rw\n",
     "/mnt",
     PLACE_NETWORK,
     "nbd0 is reached over the network",
     NULL,
     0},
    {"tmpfs",
     {NVME},
     ROOT_MOUNT "36 27 0:50 / /tmp rw - tmpfs tmpfs rw\n",
     "/tmp/x",
     PLACE_UNKNOWN,
     "tmpfs lies in memory",
     NULL,
     0},
    {"zram",
     {NVME, VIRTUAL "zram0 :block dev=252:0 removable=0\n"},
     ROOT_MOUNT "36 27 252:0 / /mnt rw - ext4 /dev/zram0 rw\n",
     "/mnt",
     PLACE_UNKNOWN,
     "no disk behind it",
     NULL,
     0},
    {"a mapping without anything under it",
     {NVME, VIRTUAL "dm-7 :block dev=253:7 removable=0\n"},
     ROOT_MOUNT "36 27 253:7 / /mnt rw - ext4 /dev/mapper/odd rw\n",
     "/mnt",
     PLACE_UNKNOWN,
     "no disk behind it",
     NULL,
     0},
    {"ZFS",
     {NVME},
     ROOT_MOUNT "36 27 0:50 / /tank rw - zfs tank rw\n",
     "/tank",
     PLACE_UNKNOWN,
     "no device that the kernel names",
     NULL,
     0},
    {"a rescue system that runs from a stick",
     {NVME, STICK},
     "27 1 8:17 / / rw - ext4 /dev/sdb1 rw\n"
     "30 27 259:2 / /mnt rw - ext4 /dev/nvme0n1p2 rw\n",
     "/root",
     PLACE_REMOVABLE,
     "the medium of sdb is removable",
     "60A44C413FAE",
     60751872ULL * 512},
    {"the inner disk under a rescue system",
     {NVME, STICK},
     "27 1 8:17 / / rw - ext4 /dev/sdb1 rw\n"
     "30 27 259:2 / /mnt rw - ext4 /dev/nvme0n1p2 rw\n",
     "/mnt",
     PLACE_UNKNOWN,
     SIGN,
     "S4EWNX0R123",
     1000215216ULL * 512},
    {"no sysfs",
     {"nothing \n"},
     ROOT_MOUNT,
     "/var",
     PLACE_UNKNOWN,
     "nothing about the block device 259:2",
     NULL,
     0},
    {"a disk of which the kernel tells no flag",
     {"pci0000:00/block/sda :block dev=8:0\n"},
     "27 1 8:0 / / rw - ext4 /dev/sda rw\n",
     "/",
     PLACE_UNKNOWN,
     "removable cannot be told",
     NULL,
     0},
    {"slaves that lead in a ring",
     {NVME, VIRTUAL "dm-1 :block dev=253:1 removable=0\n" VIRTUAL
                    "dm-0 :block dev=253:0 removable=0 slaves=dm-1\n" VIRTUAL "dm-1 slaves=dm-0\n"},
     ROOT_MOUNT "36 27 253:0 / /mnt rw - ext4 /dev/mapper/ring rw\n",
     "/mnt",
     PLACE_UNKNOWN,
     "leads back into itself",
     NULL,
     0},
    {"a slave that is not there",
     {NVME, VIRTUAL "dm-0 :block dev=253:0 removable=0 slaves=sdz\n"},
     ROOT_MOUNT "36 27 253:0 / /mnt rw - ext4 /dev/mapper/x rw\n",
     "/mnt",
     PLACE_UNKNOWN,
     "nothing about sdz",
     NULL,
     0},
    {"a mountinfo that is none",
     {NVME},
     "this is\nno list of mounts\n\n7 7 7\n",
     "/mnt",
     PLACE_UNKNOWN,
     "no mount holds /mnt",
     NULL,
     0},
    {"an empty mountinfo", {NVME}, "", "/mnt", PLACE_UNKNOWN, "no mount holds /mnt", NULL, 0},
};

static bool says(const struct place *place, const char *reason)
{
    for (size_t i = 0; i < place->step_count; i++) {
        if (strstr(place->steps[i], reason) != NULL) {
            return true;
        }
    }
    return false;
}

static void show(const struct place *place)
{
    for (size_t i = 0; i < place->step_count; i++) {
        print_message("  %s\n", place->steps[i]);
    }
}

static void judge(struct place *place, const struct device_tree *tree, const char *path)
{
    struct error error;
    assert_int_equal(place_judge_path(place, path, &tree->roots, &error), STATUS_OK);
}

static void test_machine(void **state)
{
    const struct machine *machine = *state;
    static struct place place;
    struct device_tree tree;
    tree_begin(&tree);
    for (size_t i = 0; i < LENGTH(machine->devices) && machine->devices[i] != NULL; i++) {
        tree_add(&tree, machine->devices[i]);
    }
    tree_mounts(&tree, machine->mounts);
    judge(&place, &tree, machine->path);
    tree_end(&tree);
    show(&place);
    assert_string_equal(place_class_name(place.class), place_class_name(machine->class));
    assert_true(says(&place, machine->reason));
    assert_string_equal(place.identity.serial, machine->serial == NULL ? "" : machine->serial);
    assert_int_equal(place.identity.size, machine->size);
}

/* ------------------------------------------------------------------ further */

static void the_identity_of_a_stick(void **state)
{
    (void)state;
    static struct place place;
    struct device_tree tree;
    tree_begin(&tree);
    tree_add(&tree, NVME STICK);
    tree_mounts(&tree, ROOT_MOUNT "36 27 8:17 / /media/x rw - fuseblk /dev/sdb1 rw\n");
    judge(&place, &tree, "/media/x");
    assert_string_equal(place.identity.usb_vendor, "0951");
    assert_string_equal(place.identity.usb_product, "1666");
    assert_string_equal(place.identity.fs_uuid, "");
    assert_string_equal(place.mount_point, "/media/x");
    assert_int_equal(place.mount_id, 36);
    assert_int_equal(place.diskseq, 12);

    /* By the links in the device folder, and better by what udev wrote down. */
    char links[128];
    snprintf(links, sizeof links, "%s/disk/by-uuid", tree.devfs);
    tree_link(links, "0000-0000", "../../sda1");
    tree_link(links, "AAAA-BBBB", "../../sdb1");
    judge(&place, &tree, "/media/x");
    assert_string_equal(place.identity.fs_uuid, "AAAA-BBBB");
    tree_file(tree.udev, "b8:17", "E:ID_BUS=ata\nE:ID_FS_TYPE=ntfs\nE:ID_FS_UUID=1234\n");
    judge(&place, &tree, "/media/x");
    assert_string_equal(place.identity.fs_uuid, "1234");
    assert_string_equal(place.identity.fs_type, "ntfs");
    tree_end(&tree);
}

static void a_vpd_page_gives_the_serial(void **state)
{
    (void)state;
    static struct place place;
    struct device_tree tree;
    char folder[256];
    static const char page[] = "\0\x80\0\x0c    ZDH1ABCD\377\377";
    tree_begin(&tree);
    tree_add(&tree, NVME SATA);
    tree_mounts(&tree, ROOT_MOUNT "36 27 8:1 / /srv rw - ext4 /dev/sda1 rw\n");
    snprintf(folder, sizeof folder,
             "%s/devices/pci0000:00/0000:00:17.0/ata2/host1/target1:0:0/1:0:0:0/vpd_pg80",
             tree.sysfs);
    FILE *file = fopen(folder, "w");
    assert_non_null(file);
    fwrite(page, 1, sizeof page - 1, file);
    assert_int_equal(fclose(file), 0);
    judge(&place, &tree, "/srv");
    tree_end(&tree);
    assert_string_equal(place.identity.serial, "ZDH1ABCD");
}

/* Every layer is a loop on a file of the next: too many are not followed for ever. */
static void a_long_way_ends(void **state)
{
    (void)state;
    static struct place place;
    struct device_tree tree;
    char mounts[8192] = ROOT_MOUNT;
    tree_begin(&tree);
    tree_add(&tree, NVME);
    for (int i = 0; i < 40; i++) {
        char line[256];
        snprintf(line, sizeof line,
                 VIRTUAL "loop%d :block dev=7:%d removable=0 loop/backing_file=/m%d/file\n", i, i,
                 i + 1);
        tree_add(&tree, line);
        snprintf(line, sizeof line, "%d 27 7:%d / /m%d rw - ext4 /dev/loop%d rw\n", 100 + i, i, i,
                 i);
        memcpy(mounts + strlen(mounts), line, strlen(line) + 1);
    }
    tree_mounts(&tree, mounts);
    judge(&place, &tree, "/m0");
    assert_int_equal(place.class, PLACE_UNKNOWN);
    assert_string_equal(place.steps[place.step_count - 1], "too many layers lie upon each other");
    /* A short rest of the same way is followed to its end. */
    judge(&place, &tree, "/m36");
    assert_int_equal(place.class, PLACE_FIXED);
    tree_end(&tree);
}

/* A wide one: more members than are looked at, the only stick among them at the end. */
static void many_members_are_not_taken_for_few(void **state)
{
    (void)state;
    static struct place place;
    struct device_tree tree;
    char slaves[4096] = VIRTUAL "dm-0 :block dev=253:0 removable=0 slaves=nvme0n1";
    tree_begin(&tree);
    tree_add(&tree, NVME);
    for (int i = 0; i < 80; i++) {
        char line[256];
        snprintf(line, sizeof line, "pci0000:00/x%d/block/sd%d :block dev=8:%d removable=0\n", i, i,
                 i + 16);
        tree_add(&tree, line);
        snprintf(slaves + strlen(slaves), sizeof slaves - strlen(slaves), ",sd%d", i);
    }
    tree_add(&tree, slaves);
    tree_mounts(&tree, "27 1 253:0 / / rw - ext4 /dev/mapper/x rw\n");
    judge(&place, &tree, "/");
    tree_end(&tree);
    assert_int_equal(place.class, PLACE_UNKNOWN);
    assert_int_equal(place.step_count, PLACE_STEPS);
}

static void text_of_a_device_is_harmless(void **state)
{
    (void)state;
    static struct place place;
    struct device_tree tree;
    tree_begin(&tree);
    tree_add(&tree, NVME USB_BUS XHCI
             "/usb1/1-2 :usb idVendor=0951\033[2J idProduct=1666 serial=\033]0;x\007\n" XHCI
             "/usb1/1-2/block/sdb :block dev=8:16 removable=1\n");
    tree_mounts(&tree, ROOT_MOUNT "36 27 8:16 / /media/\\033[2Jx rw - vfat /dev/sdb rw\n");
    judge(&place, &tree, "/media/\033[2Jx");
    tree_end(&tree);
    assert_int_equal(place.class, PLACE_REMOVABLE);
    for (size_t i = 0; i < place.step_count; i++) {
        assert_null(strchr(place.steps[i], '\033'));
    }
    assert_string_equal(place.identity.serial, "\\033]0;x\\007");
    assert_string_equal(place.identity.usb_vendor, "0951"); /* no longer than an id is */
}

int main(void)
{
    static struct CMUnitTest tests[LENGTH(machines) + 8] = {
        cmocka_unit_test(the_identity_of_a_stick),
        cmocka_unit_test(a_vpd_page_gives_the_serial),
        cmocka_unit_test(a_long_way_ends),
        cmocka_unit_test(many_members_are_not_taken_for_few),
        cmocka_unit_test(text_of_a_device_is_harmless),
    };
    size_t count = 0;
    while (tests[count].name != NULL) {
        count++;
    }
    for (size_t i = 0; i < LENGTH(machines); i++) {
        tests[count++] = (struct CMUnitTest){
            .name = machines[i].name,
            .test_func = test_machine,
            .initial_state = (void *)(uintptr_t)&machines[i],
        };
    }
    return _cmocka_run_group_tests("machines", tests, count, NULL, NULL);
}
