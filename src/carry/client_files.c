/* client_files: the files on the medium. Everything beneath the descriptor of its folder; no name
 * leads elsewhere, and no symbolic link is followed. */
#include "client_private.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIECE_SIZE 65536

static int open_beneath(int folder, const char *name, int flags, mode_t mode)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
                           .mode = mode,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
    return (int)syscall(SYS_openat2, folder, name, &how, sizeof how);
}

enum status client_check_name(const char *name, struct error *error)
{
    bool good = name != NULL && strchr(name, '/') == NULL &&
                (strncmp(name, "kura-", 5) == 0 || strncmp(name, ".kura-", 6) == 0);
    return good ? STATUS_OK
                : error_set(error, STATUS_CORRUPT, 0, "%s",
                            _("the gate names a file that is not ours"));
}

void client_show_file(int fd)
{
    (void)!fchmod(fd, 0644);
}

enum status client_write_file(int folder, const char *name, const char *text, size_t size,
                              struct error *error)
{
    char temporary[128];
    snprintf(temporary, sizeof temporary, ".%s.partial", name);
    CLEANUP(file_close)
    int fd = open_beneath(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) {
        return error_set_errno(error, errno, _("cannot write %s on the medium"), name);
    }
    client_show_file(fd);
    enum status status = file_write_all(fd, text, size, name, error);
    if (status == STATUS_OK &&
        (fsync(fd) != 0 || renameat(folder, temporary, folder, name) != 0 || fsync(folder) != 0)) {
        status = error_set_errno(error, errno, _("cannot write %s on the medium"), name);
    }
    if (status != STATUS_OK) {
        unlinkat(folder, temporary, 0);
    }
    return status;
}

enum status client_read_label(char **text, int folder, struct error *error)
{
    *text = NULL;
    CLEANUP(file_close) int fd = open_beneath(folder, LABEL_FILE, O_RDONLY, 0);
    if (fd < 0 && errno == ENOENT) {
        return STATUS_OK;
    }
    if (fd < 0) {
        return error_set_errno(error, errno, "%s", _("cannot read the label on the medium"));
    }
    char label[LABEL_SIZE_LIMIT + 1];
    size_t got = 0;
    enum status status = file_read_at(fd, label, LABEL_SIZE_LIMIT, 0, &got, LABEL_FILE, error);
    if (status == STATUS_OK) {
        *text = strndup(label, got);
        status = *text == NULL ? error_set_memory(error) : STATUS_OK;
    }
    return status;
}

/* On flash this proves nothing, and the certificate says so; what protects is the sealing. */
static enum status overwrite(int fd, const char *name, struct error *error)
{
    unsigned char piece[PIECE_SIZE];
    struct stat facts;
    if (fstat(fd, &facts) != 0) {
        return error_set_errno(error, errno, _("cannot look at %s"), name);
    }
    enum status status = STATUS_OK;
    for (off_t left = facts.st_size; left > 0 && status == STATUS_OK;) {
        size_t part = left > PIECE_SIZE ? PIECE_SIZE : (size_t)left;
        randombytes_buf(piece, part);
        status = file_write_all(fd, piece, part, name, error);
        left -= (off_t)part;
    }
    if (status == STATUS_OK && fsync(fd) != 0) {
        status = error_set_errno(error, errno, _("cannot overwrite %s"), name);
    }
    return status;
}

enum status client_erase_file(int folder, const char *name, struct error *error)
{
    CLEANUP(file_close) int fd = open_beneath(folder, name, O_WRONLY, 0);
    if (fd < 0 && errno == ENOENT) {
        return STATUS_OK;
    }
    enum status status = fd < 0 ? error_set_errno(error, errno, _("cannot overwrite %s"), name)
                                : overwrite(fd, name, error);
    if (status == STATUS_DENIED) {
        error_set_hint(
            error, "%s",
            _("Plug the medium in under the login of whoever confirms, or run it again as "
              "root."));
    }
    if (status == STATUS_OK && (unlinkat(folder, name, 0) != 0 || fsync(folder) != 0)) {
        status = error_set_errno(error, errno, _("cannot remove %s"), name);
    }
    return status;
}
