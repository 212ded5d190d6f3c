/* cli_sandbox: what each command may write to and start, so that nothing that comes out of a
 * hostile storage or a hostile file can make it do more. Entered when configuration and keys are
 * read, and before the storage says its first word. */
#include "cli_road.h"
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATHS_LIMIT 256

static bool unconfined;

void cli_stay_unconfined(void)
{
    unconfined = true;
}

/* The paths that may be written to; those in `owned` are to be freed. */
struct paths {
    const char *items[PATHS_LIMIT + 1];
    char *owned[PATHS_LIMIT];
    size_t count;
    bool overflowed;
};

static void paths_free(struct paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        free(paths->owned[i]);
    }
}

static void add(struct paths *paths, const char *path)
{
    char *copy = path == NULL || path[0] == '\0' ? NULL : strdup(path);
    if (copy == NULL) {
        return;
    }
    if (paths->count == PATHS_LIMIT) {
        paths->overflowed = true;
        free(copy);
        return;
    }
    paths->owned[paths->count] = copy;
    paths->items[paths->count++] = copy;
}

static bool exists(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0;
}

/* What is not there is still to be made in what is. */
static void add_nearest(struct paths *paths, const char *path)
{
    CLEANUP(memory_free) char *nearest = cli_nearest_existing(path);
    add(paths, nearest);
}

static void add_folder_of(struct paths *paths, const char *path)
{
    /* SQLite resolves links, and makes its journals beside the file itself. */
    CLEANUP(memory_free) char *real = realpath(path, NULL);
    char *slash = real == NULL ? NULL : strrchr(real, '/');
    if (slash != NULL && slash != real) {
        *slash = '\0';
        add(paths, real);
    }
}

/* Where libraries put what does not fit into memory. */
static void add_temporary(struct paths *paths)
{
    add(paths, getenv("SQLITE_TMPDIR"));
    add(paths, getenv("TMPDIR"));
    add(paths, "/var/tmp");
    add(paths, "/usr/tmp");
    add(paths, "/tmp");
    add(paths, "/dev/null");
    add(paths, "/dev/tty");
}

/* OpenSSH, which is asked for its configuration and is the way through a ProxyJump, keeps host keys
 * and control sockets. */
static void add_ssh(struct paths *paths)
{
    const struct passwd *user = getpwuid(getuid());
    CLEANUP(memory_free) char *folder = NULL;
    struct error ignored;
    if (user != NULL && path_join(&folder, user->pw_dir, ".ssh", &ignored) == STATUS_OK) {
        add(paths, folder);
    }
    add(paths, getenv("XDG_RUNTIME_DIR"));
}

static void add_backup(struct paths *paths, const struct cli_access *access, const char *store)
{
    const struct config *config = &access->config;
    add_nearest(paths, config->state);
    add(paths, store);
    for (size_t i = 0; i < config->source_count; i++) {
        if (config->sources[i].kind == SOURCE_SQLITE) {
            add_folder_of(paths, config->sources[i].path);
        }
    }
}

static bool reads(const struct cli_access *access, enum source_kind kind)
{
    bool found = false;
    for (size_t i = 0; access->work == CLI_WORK_BACKUP && i < access->config.source_count; i++) {
        found |= access->config.sources[i].kind == kind;
    }
    return found;
}

static bool may_be_confined(const struct cli_access *access, const char *store)
{
    /* A user's own command may need anything: other users' rights, other programs, other folders.
     */
    const struct config_together *together = &access->config.together;
    bool commands =
        reads(access, SOURCE_COMMAND) ||
        (access->work == CLI_WORK_BACKUP && (together->before != NULL || together->after != NULL));
    /* A folder that is not there yet may be that of a disk which is still to be mounted. */
    return !unconfined && !commands && access->work != CLI_WORK_OTHER &&
           (store == NULL || exists(store));
}

void cli_sandbox_enter(struct cli_access *access, const struct cli_arguments *arguments)
{
    CLEANUP(paths_free) struct paths paths = {0};
    const char *url = access->access.store.url;
    const char *store = url == NULL ? NULL : cli_road_store_folder(url);
    if (url == NULL || !may_be_confined(access, store)) {
        return;
    }
    switch (access->work) {
    case CLI_WORK_BACKUP:
        add_backup(&paths, access, store);
        break;
    case CLI_WORK_RESTORE:
        if (arguments->target != NULL) {
            add_nearest(&paths, arguments->target);
        }
        break;
    case CLI_WORK_CHECK:
        add(&paths, access->has_config ? access->config.state : NULL);
        break;
    case CLI_WORK_OTHER:
        break;
    }
    if (access->log_folder != NULL) {
        add_nearest(&paths, access->log_folder);
    }
    add_temporary(&paths);
    if (store == NULL) {
        add_ssh(&paths);
    }
    /* ssh; pg_dump, which writes to its standard output alone; pg_restore, which writes to the
     * server. */
    bool starts = store == NULL || reads(access, SOURCE_POSTGRES) || arguments->database != NULL;
    const struct sandbox_options options = {.writable = paths.items, .execute = starts};
    struct error error = {0};
    enum status status = paths.overflowed ? STATUS_OK : sandbox_enter(&options, &error);
    /* Nothing that anybody must do something about tonight. */
    if (status != STATUS_OK && arguments->verbose) {
        cli_report_warning(&error);
    }
}
