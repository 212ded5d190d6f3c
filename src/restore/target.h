/* target: writing beneath one folder and nowhere else, whatever a snapshot says. Every path is
 * resolved by the kernel with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV, so neither
 * "..", nor an absolute path, nor a symbolic link that the snapshot itself brought leads out, nor a
 * medium that is mounted within the target, which nobody judged.
 *
 * A file grows in the hidden folder TARGET/.kura-restore and is renamed when it is whole. The
 * marker in that folder names the snapshot: with it, a second run knows what the first one
 * finished. */
#ifndef RESTORE_TARGET_H
#define RESTORE_TARGET_H

#include "kura/restore.h"

#define TARGET_STAGING ".kura-restore"

struct target;
struct target_options {
    const char *path;
    const unsigned char *snapshot; /* OBJECT_ID_SIZE */
    const unsigned char *rules; /* OBJECT_ID_SIZE: by what the restored is erased from, or NULL */
    const unsigned char *scope; /* OBJECT_ID_SIZE: digest of what of it is wanted; NULL: all */
    bool replace;
    bool owners;
    /* As in struct restore_options. */
    enum status (*judge)(void *context, int fd, struct error *error);
    void *judge_context;
};
MUST_USE enum status target_open(struct target **target, const struct target_options *options,
                                 struct error *error);
void target_free(struct target *target);
/* The hidden folder, for what is needed while the restore runs; borrowed. */
int target_staging(const struct target *target);
/* Everything is done: the staging folder goes, unless an interrupted run wanted more, and the
 * target is judged once more. */
MUST_USE enum status target_finish(struct target *target, struct error *error);

/* What is at the place of an entry. */
enum target_place {
    PLACE_FREE,
    PLACE_FINISHED, /* by the run that was interrupted */
    PLACE_TAKEN,    /* by something else, and not to be replaced */
};
MUST_USE enum status target_look(enum target_place *place, struct target *target,
                                 const char *source, const struct entry *entry,
                                 struct error *error);

/* Makes a folder (0700 until target_finish_folder). "" is the source's own. */
MUST_USE enum status target_make_folder(struct target *target, const char *source, const char *path,
                                        struct error *error);
MUST_USE enum status target_finish_folder(struct target *target, const char *source,
                                          const struct entry *entry, struct error *error);
/* Symbolic links, fifos, sockets, device nodes. */
MUST_USE enum status target_make_special(struct target *target, const char *source,
                                         const struct entry *entry, struct error *error);
/* Links the entry to `first`, if that is really what lies at its place: a foreign file that was
 * kept there is not. NULL: nobody knows of that file. */
MUST_USE enum status target_make_link(struct target *target, const char *source,
                                      const struct entry *entry, const struct entry *first,
                                      struct error *error);

/* A file in the making, by its number. Thread-safe between different numbers. */
MUST_USE enum status target_begin_file(struct target *target, uint64_t number, uint64_t size,
                                       struct error *error);
MUST_USE enum status target_write_file(struct target *target, uint64_t number, uint64_t offset,
                                       const void *data, size_t size, struct error *error);
MUST_USE enum status target_finish_file(struct target *target, uint64_t number, const char *source,
                                        const struct entry *entry, struct error *error);
/* Removes the -journal, -wal and -shm beside the place of a SQLite database that is to be
 * published. Unless told to replace, STATUS_EXISTS if there is one. */
MUST_USE enum status target_clear_journals(struct target *target, const char *source,
                                           const char *path, struct error *error);
/* For reading: a file in the making, or what lies at the place of an entry. */
MUST_USE enum status target_open_file(int *fd, struct target *target, uint64_t number,
                                      struct error *error);
MUST_USE enum status target_open_entry(int *fd, struct target *target, const char *source,
                                       const struct entry *entry, struct error *error);
void target_drop_file(struct target *target, uint64_t number);
/* The name of a file in the making within the hidden folder. */
#define TARGET_NAME_SIZE 32
void target_staged_name(char name[TARGET_NAME_SIZE], uint64_t number);
/* Everything that was written to it is in the file, and no descriptor of ours is left. */
void target_close_file(struct target *target, uint64_t number);

/* What was done to a source's only file makes it another size than the snapshot says: noted before
 * it gets its name, so that an interrupted run's is known again. */
MUST_USE enum status target_note_size(struct target *target, size_t source, uint64_t size,
                                      struct error *error);
/* Changes *size only if there is a note. */
void target_noted_size(uint64_t *size, const struct target *target, size_t source);

/* Gives an open file or folder its owner, mode, attributes and times, in the order that keeps them
 * (metadata.c). `owners`: set owner and group, and only then the set-id bits. What cannot be set is
 * left out: STATUS_UNSUPPORTED names the last of it. */
MUST_USE enum status metadata_apply(int fd, const struct entry *entry, bool owners,
                                    struct error *error);
/* The same for what cannot be opened: a symbolic link or a special file in the folder `parent`. */
MUST_USE enum status metadata_apply_at(int parent, const char *name, const struct entry *entry,
                                       bool owners, struct error *error);

#endif
