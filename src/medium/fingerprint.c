/* fingerprint: the one short name of an identity that policy and tokens hold. The text that is
 * hashed stands in README.md. */
#include "kura/medium.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum status medium_fingerprint(char fingerprint[MEDIUM_FINGERPRINT_SIZE],
                               const struct medium_identity *identity, struct error *error)
{
    unsigned char hash[32];
    char text[512];
    if (identity->fs_uuid[0] == '\0') {
        error_set(error, STATUS_UNSUPPORTED, 0, "%s",
                  _("the medium has no file system with an identity of its own"));
        return error_set_hint(error, "%s",
                              _("Make a file system with a UUID on it (ext4, exFAT, FAT or NTFS), "
                                "mount it, and try again. Reading the UUID may need root."));
    }
    /* With its length in front no value can pass for the end of one and the start of the next. */
    int size =
        snprintf(text, sizeof text,
                 "kura-medium-1\nusb-vendor %zu:%s\nusb-product %zu:%s\nserial %zu:%s\n"
                 "size %llu\nfs-uuid %zu:%s\n",
                 strlen(identity->usb_vendor), identity->usb_vendor, strlen(identity->usb_product),
                 identity->usb_product, strlen(identity->serial), identity->serial,
                 (unsigned long long)identity->size, strlen(identity->fs_uuid), identity->fs_uuid);
    crypto_generichash(hash, sizeof hash, (const unsigned char *)text, (size_t)size, NULL, 0);
    hex_encode(fingerprint, hash, sizeof hash);
    return STATUS_OK;
}
