/* init_files: see cmd_init.h. */
#include "cmd_init.h"
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool exists(const char *path)
{
    struct stat information;
    return lstat(path, &information) == 0;
}

enum status init_files_name(struct init_files *files, const char *kit, const char *host_key,
                            struct error *error)
{
    files->kit = kit;
    files->host_key = host_key;
    size_t stem = strlen(kit);
    if (stem > 4 && strcmp(kit + stem - 4, ".txt") == 0) {
        stem -= 4;
    }
    if (asprintf(&files->kit_unfinished, "%s.unfinished", kit) < 0) {
        files->kit_unfinished = NULL;
        return error_set_memory(error);
    }
    if (asprintf(&files->host_unfinished, "%s.unfinished", host_key) < 0) {
        files->host_unfinished = NULL;
        return error_set_memory(error);
    }
    if (asprintf(&files->login, "%.*s_login.pub", (int)stem, kit) < 0) {
        files->login = NULL;
        return error_set_memory(error);
    }
    return STATUS_OK;
}

void init_files_free(struct init_files *files)
{
    free(files->kit_unfinished);
    free(files->host_unfinished);
    free(files->login);
    *files = (struct init_files){0};
}

bool init_files_left(const struct init_files *files)
{
    return exists(files->host_unfinished) && (exists(files->kit_unfinished) || exists(files->kit));
}

static enum status remove_left(const char *path, struct error *error)
{
    if (unlink(path) != 0 && errno != ENOENT) {
        return error_set_errno(error, errno, _("cannot remove %s"), path);
    }
    return STATUS_OK;
}

enum status init_files_begin(const struct init_files *files, struct error *error)
{
    if (exists(files->host_key)) {
        error_set(error, STATUS_EXISTS, 0, _("the host key %s is there already"), files->host_key);
        return error_set_hint(
            error, "%s",
            _("This machine belongs to a repository. For another one, use another "
              "configuration with another host_key."));
    }
    if (exists(files->kit)) {
        error_set(error, STATUS_EXISTS, 0, _("the file %s is there already"), files->kit);
        return error_set_hint(error, "%s",
                              _("A recovery kit is never overwritten. Name another file, or remove "
                                "this one if no repository needs it."));
    }
    CLEANUP(memory_free) char *copy = strdup(files->host_key);
    if (copy == NULL) {
        return error_set_memory(error);
    }
    enum status status = file_make_folders(dirname(copy), 0700, error);
    if (status == STATUS_OK) {
        status = remove_left(files->kit_unfinished, error);
    }
    return status == STATUS_OK ? remove_left(files->host_unfinished, error) : status;
}

enum status init_files_finish(const struct init_files *files, struct error *error)
{
    enum status status = STATUS_OK;
    if (exists(files->kit_unfinished)) {
        status = cli_file_rename(files->kit_unfinished, files->kit, error);
    }
    if (status == STATUS_OK) {
        status = cli_file_rename(files->host_unfinished, files->host_key, error);
    }
    if (status != STATUS_OK) {
        return error_set_hint(
            error, "%s",
            _("The repository is made. Remove what is in the way and run the same "
              "command again."));
    }
    return STATUS_OK;
}
