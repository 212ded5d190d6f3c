/* gate_folder: the medium, through the descriptor of its folder that the client handed over. The
 * gate may not be allowed to enter the folder, so it only asks the descriptor itself. */
#include "gate_private.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LABEL_PARTIAL "." LABEL_FILE ".partial" /* while the client writes it */

static bool ends_with(const char *name, const char *ending)
{
    size_t size = strlen(name), end = strlen(ending);
    return size >= end && strcmp(name + size - end, ending) == 0;
}

/* What a medium for carries may hold: the label, what systems leave on every medium, the files of
 * this carry, and what a client that was cut off left half-written. A name that only looks like
 * ours is foreign: a passphrase could be carried under it. */
static bool is_ours(const char *name, const char *carry)
{
    static const char *const known[] = {".", "..", LABEL_FILE, "lost+found",
                                        "System Volume Information"};
    for (size_t i = 0; i < LENGTH(known); i++) {
        if (strcmp(name, known[i]) == 0) {
            return true;
        }
    }
    if (strcmp(name, LABEL_PARTIAL) == 0 ||
        (strncmp(name, ".kura-C-", 8) == 0 && ends_with(name, ".partial"))) {
        return true;
    }
    return carry != NULL && strncmp(name, "kura-", 5) == 0 &&
           strncmp(name + 5, carry, strlen(carry)) == 0 &&
           (ends_with(name, ".tar.age") || ends_with(name, ".zip") ||
            ends_with(name, "-READ-ME.txt"));
}

/* The descriptor's position is shared with the client, so the folder is opened anew through it; the
 * kernel asks for no other right than the descriptor has where that is refused. */
static enum status open_listing(DIR **listing, int fd, struct error *error)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0 || lseek(own, 0, SEEK_SET) < 0) {
        file_close(&own);
        return error_set_errno(error, errno, "%s", _("cannot look into the medium's folder"));
    }
    *listing = fdopendir(own);
    if (*listing == NULL) {
        file_close(&own);
        return error_set_errno(error, errno, "%s", _("cannot look into the medium's folder"));
    }
    rewinddir(*listing);
    return STATUS_OK;
}

static void listing_close(DIR **listing)
{
    if (*listing != NULL) {
        closedir(*listing);
    }
}

static enum status find_foreign(struct gate_folder *folder, const char *carry, struct error *error)
{
    CLEANUP(listing_close) DIR *listing = NULL;
    enum status status = open_listing(&listing, folder->fd, error);
    if (status != STATUS_OK || listing == NULL) {
        return status;
    }
    errno = 0;
    for (struct dirent *item = readdir(listing); item != NULL; item = readdir(listing)) {
        if (!is_ours(item->d_name, carry)) {
            /* Whatever bytes it has, they must not spoil the answer. */
            text_printable(folder->foreign, sizeof folder->foreign, item->d_name);
            return STATUS_OK;
        }
        errno = 0;
    }
    return errno == 0
               ? STATUS_OK
               : error_set_errno(error, errno, "%s", _("cannot look into the medium's folder"));
}

enum status gate_folder_find(bool *found, int fd, const char *name, struct error *error)
{
    CLEANUP(listing_close) DIR *listing = NULL;
    *found = false;
    enum status status = open_listing(&listing, fd, error);
    if (status != STATUS_OK || listing == NULL) {
        return status;
    }
    errno = 0;
    for (struct dirent *item = readdir(listing); item != NULL; item = readdir(listing)) {
        if (strcmp(item->d_name, name) == 0) {
            *found = true;
            return STATUS_OK;
        }
        errno = 0;
    }
    return errno == 0
               ? STATUS_OK
               : error_set_errno(error, errno, "%s", _("cannot look into the medium's folder"));
}

enum status gate_folder_look(struct gate_folder *folder, int fd, const char *carry,
                             const struct gate *gate, struct error *error)
{
    struct statvfs space;
    struct error unknown = {0};
    *folder = (struct gate_folder){.fd = fd};
    if (fd < 0) {
        return error_set(error, STATUS_REFUSED, 0, "[medium-folder] %s",
                         _("the medium's folder was not handed over"));
    }
    enum status status = place_judge(&folder->place, fd, gate->host->roots, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (medium_fingerprint(folder->fingerprint, &folder->place.identity, &unknown) != STATUS_OK) {
        folder->fingerprint[0] = '\0'; /* then it fits no medium of the policy */
    }
    if (fstatvfs(fd, &space) != 0) {
        return error_set_errno(error, errno, "%s", _("cannot tell the free space of the medium"));
    }
    folder->space_free = (uint64_t)space.f_bavail * space.f_frsize;
    return find_foreign(folder, carry, error);
}
