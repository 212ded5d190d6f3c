/* writer_memory: the folders in which the journey keeps what it remembers of a backup. The state
 * names the one that counts; every other is left over from an interruption. */
#include "writer_private.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "memory-"
#define DEPTH_LIMIT 8

/* Best effort: what stays is tried again by the next run. */
static void remove_tree(int parent, const char *name, unsigned depth)
{
    if (unlinkat(parent, name, 0) == 0 || depth == DEPTH_LIMIT) {
        return;
    }
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        file_close(&fd);
        return;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            remove_tree(dirfd(folder), entry->d_name, depth + 1);
        }
    }
    closedir(folder);
    (void)unlinkat(parent, name, AT_REMOVEDIR);
}

enum status memory_sweep(const struct writer *writer, const char *keep, struct error *error)
{
    DIR *folder = opendir(writer->folder);
    if (folder == NULL) {
        return error_set_errno(error, errno, _("cannot read %s"), writer->folder);
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 &&
            strcmp(entry->d_name, keep) != 0) {
            remove_tree(dirfd(folder), entry->d_name, 0);
        }
    }
    closedir(folder);
    return STATUS_OK;
}

static bool is_folder(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

/* Without the folder the uses cannot be counted on from the last backup: then from zero. */
static enum status open_old(struct writer *writer, struct error *error)
{
    if (!writer->base.present) {
        return STATUS_OK;
    }
    enum status status = path_join(&writer->memory, writer->folder, writer->base.memory, error);
    if (status != STATUS_OK || (writer->base.memory[0] != '\0' && is_folder(writer->memory))) {
        return status;
    }
    memory_free(&writer->memory);
    writer->memory = NULL;
    status = state_forget_base(writer->state, error);
    return status ? status : state_get_base(writer->state, &writer->base, error);
}

enum status memory_open(struct writer *writer, struct error *error)
{
    enum status status = open_old(writer, error);
    status = status ? status : memory_sweep(writer, writer->base.memory, error);
    if (status != STATUS_OK) {
        return status;
    }
    unsigned char random[16];
    char digits[2 * sizeof random + 1];
    randombytes_buf(random, sizeof random);
    snprintf(writer->new_memory_name, sizeof writer->new_memory_name, PREFIX "%s",
             hex_encode(digits, random, sizeof random));
    status = path_join(&writer->new_memory, writer->folder, writer->new_memory_name, error);
    return status ? status : file_make_folders(writer->new_memory, 0700, error);
}
