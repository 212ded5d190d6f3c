/* target: opening and finishing, see target.h. */
#include "target_private.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MARKER "snapshot"

int target_open_beneath(int folder, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                                      RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

/* What an interrupted run left half made is of no use: it is made again. */
static enum status clear_staging(struct target *target, bool marker, struct error *error)
{
    int fd = openat(target->staging, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    if (listing == NULL) {
        int reason = errno;
        file_close(&fd);
        return error_set_errno(error, reason, _("%s cannot be read"), TARGET_STAGING);
    }
    struct dirent *file;
    while ((file = readdir(listing)) != NULL) {
        if (file->d_name[0] != '.' && (marker || strcmp(file->d_name, MARKER) != 0)) {
            unlinkat(target->staging, file->d_name, 0);
        }
    }
    closedir(listing);
    return STATUS_OK;
}

#define BOOT_ID_SIZE 36

/* Which start of the machine this is; empty where the kernel does not say. */
static void read_boot_id(char id[BOOT_ID_SIZE + 1])
{
    struct error ignored;
    size_t got = 0;
    CLEANUP(file_close)
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || file_read_at(fd, id, BOOT_ID_SIZE, 0, &got, "boot_id", &ignored) != STATUS_OK) {
        got = 0;
    }
    id[got] = '\0';
}

/* The marker: the snapshot's id, a space, and the start of the machine in which it was begun. */
static enum status read_marker(struct target *target, const char *id, struct error *error)
{
    char text[OBJECT_ID_TEXT_SIZE + BOOT_ID_SIZE + 1] = "";
    char boot[BOOT_ID_SIZE + 1];
    CLEANUP(file_close) int fd = openat(target->staging, MARKER, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t got = 0;
    if (fd >= 0) {
        enum status status = file_read_at(fd, text, sizeof text - 1, 0, &got, MARKER, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    read_boot_id(boot);
    target->resumed = strncmp(text, id, OBJECT_ID_TEXT_SIZE - 1) == 0;
    target->rebooted = target->resumed && (got < OBJECT_ID_TEXT_SIZE || boot[0] == '\0' ||
                                           strcmp(text + OBJECT_ID_TEXT_SIZE, boot) != 0);
    return clear_staging(target, !target->resumed, error);
}

static enum status write_marker(struct target *target, const char *id, struct error *error)
{
    CLEANUP(file_close)
    int fd = openat(target->staging, MARKER, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                    0600);
    if (fd < 0) {
        return error_set_errno(error, errno, _("%s cannot be made"), TARGET_STAGING "/" MARKER);
    }
    char boot[BOOT_ID_SIZE + 1];
    read_boot_id(boot);
    enum status status = file_write_all(fd, id, strlen(id), MARKER, error);
    if (status == STATUS_OK) {
        status = file_write_all(fd, " ", 1, MARKER, error);
    }
    if (status == STATUS_OK) {
        status = file_write_all(fd, boot, strlen(boot), MARKER, error);
    }
    if (status == STATUS_OK && fsync(fd) != 0) {
        status = error_set_errno(error, errno, _("%s cannot be written"), MARKER);
    }
    return status;
}

static enum status judge_root(const struct target *target, struct error *error)
{
    return target->judge == NULL ? STATUS_OK
                                 : target->judge(target->judge_context, target->root, error);
}

static enum status open_folders(struct target *target, const struct target_options *options,
                                struct error *error)
{
    enum status status = file_make_folders(options->path, 0700, error);
    if (status != STATUS_OK) {
        return status;
    }
    target->root = open(options->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (target->root < 0) {
        return error_set_errno(error, errno, _("%s cannot be opened"), options->path);
    }
    status = judge_root(target, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (mkdirat(target->root, TARGET_STAGING, 0700) != 0 && errno != EEXIST) {
        return error_set_errno(error, errno, _("%s cannot be written to"), options->path);
    }
    target->staging = target_open_beneath(target->root, TARGET_STAGING, O_RDONLY | O_DIRECTORY);
    if (target->staging < 0) {
        return error_set_errno(error, errno, _("%s/%s cannot be opened"), options->path,
                               TARGET_STAGING);
    }
    /* Made by somebody else beforehand, it would let him exchange files before they are moved. */
    return file_shut_folder(target->staging, TARGET_STAGING, error);
}

enum status target_open(struct target **target, const struct target_options *options,
                        struct error *error)
{
    struct target *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return error_set_memory(error);
    }
    made->root = made->staging = made->folder_fd = -1;
    made->replace = options->replace;
    made->owners = options->owners;
    made->judge = options->judge;
    made->judge_context = options->judge_context;
    pthread_mutex_init(&made->lock, NULL);
    char id[OBJECT_ID_TEXT_SIZE];
    hex_encode(id, options->snapshot, OBJECT_ID_SIZE);
    enum status status = open_folders(made, options, error);
    if (status == STATUS_OK) {
        status = read_marker(made, id, error);
    }
    if (status == STATUS_OK && !made->resumed) {
        status = write_marker(made, id, error);
    }
    if (status != STATUS_OK) {
        target_free(made);
        return status;
    }
    *target = made;
    return STATUS_OK;
}

int target_staging(const struct target *target)
{
    return target->staging;
}

void target_free(struct target *target)
{
    if (target == NULL) {
        return;
    }
    for (size_t i = 0; i < OPEN_FILES; i++) {
        if (target->files[i].number != 0) {
            file_close(&target->files[i].fd);
        }
    }
    file_close(&target->folder_fd);
    file_close(&target->staging);
    file_close(&target->root);
    free(target->folder);
    pthread_mutex_destroy(&target->lock);
    free(target);
}

/* The marker goes when all else is on stable storage, or a power failure would leave files that are
 * short or empty and that no later run makes again. */
enum status target_finish(struct target *target, struct error *error)
{
    if (syncfs(target->root) != 0) {
        return error_set_errno(error, errno, "%s",
                               _("the restored files cannot be written to stable storage"));
    }
    enum status status = clear_staging(target, true, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (unlinkat(target->root, TARGET_STAGING, AT_REMOVEDIR) != 0) {
        return error_set_errno(error, errno, _("%s cannot be removed"), TARGET_STAGING);
    }
    return judge_root(target, error);
}
