/* target: opening and finishing, see target.h. */
#include "target_private.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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
        bool known = strcmp(file->d_name, MARKER) == 0 ||
                     strncmp(file->d_name, TARGET_NOTE, sizeof TARGET_NOTE - 1) == 0;
        if (file->d_name[0] != '.' && (marker || !known)) {
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

/* The marker: the snapshot's id, the start of the machine in which it was begun, and by what the
 * restored is erased from, and what of the snapshot was wanted; a space between each. */
struct marker {
    char snapshot[OBJECT_ID_TEXT_SIZE];
    char boot[BOOT_ID_SIZE + 1];
    char rules[OBJECT_ID_TEXT_SIZE];
    char scope[OBJECT_ID_TEXT_SIZE];
};
#define MARKER_SIZE (sizeof(struct marker) + 8)

/* Zeros in a marker of before there was this field. */
static void take_digest(char digest[OBJECT_ID_TEXT_SIZE], char **rest)
{
    const char *field = *rest == NULL ? NULL : strsep(rest, " ");
    memset(digest, '0', OBJECT_ID_TEXT_SIZE - 1);
    digest[OBJECT_ID_TEXT_SIZE - 1] = '\0';
    if (field != NULL && strlen(field) == OBJECT_ID_TEXT_SIZE - 1) {
        memcpy(digest, field, OBJECT_ID_TEXT_SIZE);
    }
}

static enum status read_marker(struct marker *marker, const struct target *target,
                               struct error *error)
{
    char text[MARKER_SIZE] = "";
    size_t got = 0;
    *marker = (struct marker){0};
    CLEANUP(file_close) int fd = openat(target->staging, MARKER, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum status status =
        fd < 0 ? STATUS_OK : file_read_at(fd, text, sizeof text - 1, 0, &got, MARKER, error);
    if (status == STATUS_OK) {
        char *rest = text;
        snprintf(marker->snapshot, sizeof marker->snapshot, "%s", strsep(&rest, " "));
        snprintf(marker->boot, sizeof marker->boot, "%s", rest == NULL ? "" : strsep(&rest, " "));
        take_digest(marker->rules, &rest);
        take_digest(marker->scope, &rest);
    }
    return status;
}

static enum status write_marker(const struct target *target, const struct marker *marker,
                                struct error *error)
{
    char text[MARKER_SIZE];
    int size = snprintf(text, sizeof text, "%s %s %s %s", marker->snapshot, marker->boot,
                        marker->rules, marker->scope);
    CLEANUP(file_close)
    int fd = openat(target->staging, MARKER, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                    0600);
    if (fd < 0) {
        return error_set_errno(error, errno, _("%s cannot be made"), TARGET_STAGING "/" MARKER);
    }
    enum status status = file_write_all(fd, text, (size_t)size, MARKER, error);
    if (status == STATUS_OK && fsync(fd) != 0) {
        status = error_set_errno(error, errno, _("%s cannot be written"), MARKER);
    }
    return status;
}

static void write_digest(char text[OBJECT_ID_TEXT_SIZE], const unsigned char *digest)
{
    static const unsigned char none[OBJECT_ID_SIZE];
    hex_encode(text, digest == NULL ? none : digest, OBJECT_ID_SIZE);
}

/* Takes up what an interrupted run of the same snapshot left. What that run gave back by other
 * rules, as somebody was erased since, must not stay. */
static enum status begin(struct target *target, const struct target_options *options,
                         struct error *error)
{
    struct marker left, own;
    hex_encode(own.snapshot, options->snapshot, OBJECT_ID_SIZE);
    write_digest(own.rules, options->rules);
    write_digest(own.scope, options->scope);
    read_boot_id(own.boot);
    enum status status = read_marker(&left, target, error);
    if (status != STATUS_OK) {
        return status;
    }
    target->resumed = strcmp(left.snapshot, own.snapshot) == 0;
    struct stat marker;
    if (target->resumed && fstatat(target->staging, MARKER, &marker, AT_SYMLINK_NOFOLLOW) == 0) {
        target->begun = marker.st_mtim;
    }
    target->within =
        target->resumed && options->scope != NULL && strcmp(left.scope, own.scope) != 0;
    target->rebooted = target->resumed && (own.boot[0] == '\0' || strcmp(left.boot, own.boot) != 0);
    if (target->resumed && strcmp(left.rules, own.rules) != 0) {
        error_set(error, STATUS_EXISTS, 0,
                  _("the restore into %s that was interrupted obeyed another register of erasures"),
                  options->path);
        return error_set_hint(error, "%s", _("Remove what it made there and restore anew."));
    }
    status = clear_staging(target, !target->resumed, error);
    return status != STATUS_OK || target->resumed ? status : write_marker(target, &own, error);
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
    /* Two at once would fill each other's files. */
    if (flock(target->staging, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        error_set(error, STATUS_LOCKED, 0, _("another restore into %s is running"), options->path);
        return error_set_hint(error, "%s", _("Wait for it, or end it."));
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
    made->root = made->staging = made->folder_fd = made->flush_fd = -1;
    made->replace = options->replace;
    made->owners = options->owners;
    made->judge = options->judge;
    made->judge_context = options->judge_context;
    pthread_mutex_init(&made->lock, NULL);
    enum status status = open_folders(made, options, error);
    if (status == STATUS_OK) {
        status = begin(made, options, error);
    }
    if (status == STATUS_OK) {
        status = target_flush_start(made, options->path, error);
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
    target_flush_stop(target);
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
 * short or empty and that no later run makes again. That of an interrupted run which wanted more
 * stays: for that one, nothing is finished. */
enum status target_finish(struct target *target, struct error *error)
{
    target_flush_stop(target);
    if (syncfs(target->root) != 0) {
        return error_set_errno(error, errno, "%s",
                               _("the restored files cannot be written to stable storage"));
    }
    enum status status = clear_staging(target, !target->within, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!target->within && unlinkat(target->root, TARGET_STAGING, AT_REMOVEDIR) != 0) {
        return error_set_errno(error, errno, _("%s cannot be removed"), TARGET_STAGING);
    }
    return judge_root(target, error);
}
