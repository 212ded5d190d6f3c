/* What the parts of a target share: opening it (target.c), finding places in it (target_place.c),
 * making what has no content (target_make.c), files in the making (target_file.c), and what becomes
 * of them on the disk (target_flush.c). */
#ifndef RESTORE_TARGET_PRIVATE_H
#define RESTORE_TARGET_PRIVATE_H

#include "target.h"
#include <stdatomic.h>
#include <sys/stat.h>

#define OPEN_FILES 32
#define TARGET_NOTE "size-" /* and the number of the source: a file in the staging folder */

struct open_file {
    uint64_t number; /* 0: free */
    unsigned users;
    uint64_t used; /* when, for choosing whom to close */
    int fd;
};

struct target {
    int root;
    int staging;
    bool replace;
    bool owners;
    enum status (*judge)(void *context, int fd, struct error *error);
    void *judge_context;
    bool resumed;          /* an interrupted run of the same snapshot left its marker */
    struct timespec begun; /* when it began */
    bool within;           /* and wanted more than this run does */
    bool rebooted;         /* and the machine went down since */
    pthread_mutex_t lock;
    struct open_file files[OPEN_FILES];
    uint64_t clock;
    /* The folder that was used last: files come in the order of folders. */
    char *folder;
    int folder_fd;
    struct ticker *flusher;
    int flush_fd;
    atomic_uint_fast64_t unflushed; /* bytes written since the last flush began */
};

/* From now on what was written is brought to the disk from time to time (target_flush.c). */
MUST_USE enum status target_flush_start(struct target *target, const char *path,
                                        struct error *error);
void target_flush_stop(struct target *target); /* waits for a flush under way */

/* Opens beneath a folder, through no symbolic link. -1 and errno. */
int target_open_beneath(int folder, const char *path, int flags);

/* The folder of the entry, made if it is missing, and the entry's name in it, which lies in *full.
 * The folder is borrowed until the next call, and only a handle (O_PATH). Paths longer than
 * PATH_MAX work, too. Caller holds the lock and frees *full. */
MUST_USE enum status target_find_place(int *parent, char **name, char **full, struct target *target,
                                       const char *source, const char *path, struct error *error);
/* Is what is there what the entry would become? By type, size and time. */
bool target_is_finished(const struct stat *there, const struct entry *entry);
/* Publishes what was made in the staging folder. Unless told to replace, nothing that is there
 * goes. */
MUST_USE enum status target_publish(struct target *target, const char *staged, const char *source,
                                    const struct entry *entry, struct error *error);

#endif
