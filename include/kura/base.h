/* base: errors, buffers, secrets, the sandbox, files, time, threads. Knows nothing of backups.
 *
 * Manners that hold in every room:
 *  - A function that can fail returns `enum status`, which must be looked at, and takes
 *    `struct error *error` (never NULL) as its last parameter. The error is filled once, where it
 *    is found; callers only add context in front.
 *  - Out-parameters come first; what comes out of one belongs to the caller. A returned pointer is
 *    borrowed. `x_free(NULL)` is silent.
 *  - Text for people goes through gettext: _("..."). Plural forms: ngettext.
 */
#ifndef KURA_BASE_H
#define KURA_BASE_H

#include <libintl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define _(text) gettext(text)
#define N_(text) text
#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define CLEANUP(function) __attribute__((cleanup(function)))
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* ------------------------------------------------------------------ errors */

/* Absent, corrupt and cannot-tell are three different answers: NOT_FOUND is said only by whoever
 * looked and saw that it is not there; CORRUPT by whoever has the bytes and they do not verify;
 * UNREACHABLE and FAILED by whoever could not look. */
enum status {
    STATUS_OK = 0,
    STATUS_FAILED,      /* anything not named below */
    STATUS_USAGE,       /* wrong words on the command line or in the configuration */
    STATUS_NOT_FOUND,   /* looked for, and not there */
    STATUS_EXISTS,      /* there already, and not to be replaced */
    STATUS_CORRUPT,     /* the bytes are there and damaged */
    STATUS_UNAUTHENTIC, /* well-formed, but not by whom it should be */
    STATUS_DENIED,      /* permission refused */
    STATUS_NO_SPACE,    /* disk full or quota reached */
    STATUS_UNREACHABLE, /* the storage does not answer */
    STATUS_UNSUPPORTED, /* a newer format, or something this build or system cannot do */
    STATUS_LOCKED,      /* somebody else holds it */
    STATUS_CANCELLED,   /* the user asked to stop */
    STATUS_REFUSED,     /* a rule of the policy or of the gate forbids it; the message names it */
};

struct error {
    enum status status;
    int os_error;       /* errno, or 0 */
    char message[1536]; /* what happened, outermost context first; one line */
    char hint[1024];    /* what to do about it; may be empty */
};

/* Fills the error and returns `status`, so that a caller can write
 *     return error_set(error, STATUS_CORRUPT, 0, _("%s is damaged"), name);
 * With os_error != 0, ": " and its description follow the message. Control characters that come in
 * by %s (a hostile file name) are shown as \ooo. */
enum status error_set(struct error *error, enum status status, int os_error, const char *format,
                      ...) PRINTF_LIKE(4, 5);

/* The same with the status that belongs to the errno: ENOENT NOT_FOUND, EEXIST EXISTS, EACCES EPERM
 * EROFS DENIED, ENOSPC EDQUOT NO_SPACE, otherwise FAILED. */
enum status error_set_errno(struct error *error, int os_error, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Says that memory ran out. */
enum status error_set_memory(struct error *error);

/* Puts "context: " in front of the message; returns error->status. */
enum status error_add_context(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

/* Replaces the hint: what the user can do. Returns error->status. */
enum status error_set_hint(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

void error_clear(struct error *error);

/* Writes `text` with control characters and invalid UTF-8 as \ooo, for a terminal or a log.
 * `target` of `size` bytes is always terminated. Returns target. */
char *text_printable(char *target, size_t size, const char *text);

/* ------------------------------------------------------------------ buffers */

/* Bytes that grow. {0} is an empty one. `data` may be borrowed until the next append. */
struct buffer {
    unsigned char *data;
    size_t size;
    size_t capacity;
};

MUST_USE enum status buffer_reserve(struct buffer *buffer, size_t more, struct error *error);
MUST_USE enum status buffer_append(struct buffer *buffer, const void *data, size_t size,
                                   struct error *error);
MUST_USE enum status buffer_append_text(struct buffer *buffer, const char *text,
                                        struct error *error);
MUST_USE enum status buffer_append_u8(struct buffer *buffer, uint8_t value, struct error *error);
MUST_USE enum status buffer_append_u16(struct buffer *buffer, uint16_t value, struct error *error);
MUST_USE enum status buffer_append_u32(struct buffer *buffer, uint32_t value, struct error *error);
MUST_USE enum status buffer_append_u64(struct buffer *buffer, uint64_t value, struct error *error);
void buffer_clear(struct buffer *buffer); /* empties, keeps the memory */
void buffer_wipe(struct buffer *buffer);  /* overwrites all of the memory, then frees */
void buffer_free(struct buffer *buffer);

/* Reads a bounded piece of memory from front to back; integers are little-endian. Every function
 * returns false, and changes nothing, when fewer bytes are left than it needs. */
struct cursor {
    const unsigned char *at;
    size_t left;
};

MUST_USE bool cursor_u8(struct cursor *cursor, uint8_t *value);
MUST_USE bool cursor_u16(struct cursor *cursor, uint16_t *value);
MUST_USE bool cursor_u32(struct cursor *cursor, uint32_t *value);
MUST_USE bool cursor_u64(struct cursor *cursor, uint64_t *value);
MUST_USE bool cursor_copy(struct cursor *cursor, void *target, size_t size);
/* Borrows `size` bytes in place. */
MUST_USE bool cursor_take(struct cursor *cursor, const unsigned char **data, size_t size);

/* ------------------------------------------------------------------ secrets */

/* Locked, guarded memory that is wiped when freed (sodium_malloc). Exits the program with a message
 * if it cannot be had. */
void *secret_new(size_t size);
void secret_free(void *secret);                     /* NULL is silent */
void secret_free_pointer(void *pointer_to_pointer); /* for CLEANUP */

/* A text in secret memory, at most `capacity` bytes without the terminator. */
struct secret_text {
    char *text; /* terminated */
    size_t size;
    size_t capacity;
};

MUST_USE enum status secret_text_new(struct secret_text *text, size_t capacity,
                                     struct error *error);
MUST_USE enum status secret_text_append(struct secret_text *text, const void *data, size_t size,
                                        struct error *error);
void secret_text_free(struct secret_text *text);

/* Turns core dumps and ptrace by others off, sets umask 077, initialises libsodium, and makes sure
 * that enough memory can be locked. Call once, first. */
MUST_USE enum status base_start(struct error *error);

/* ------------------------------------------------------------------ the sandbox */

struct sandbox_options {
    /* Folders, with all below, and files that may be written, made and removed; NULL-terminated.
     * What is not there is left out. */
    const char *const *writable;
    bool execute; /* other programs may be started; they are confined as well */
};

/* Confines the calling thread, and every thread and program that it starts from now on, for good:
 * call it while there are no other threads. Nobody gains privileges by starting a program any more.
 * STATUS_UNSUPPORTED: the system has no Landlock, and nothing is confined. */
MUST_USE enum status sandbox_enter(const struct sandbox_options *options, struct error *error);

/* ------------------------------------------------------------------ hexadecimal */

/* Hexadecimal: `target` needs 2 * size + 1 bytes. Returns target. */
char *hex_encode(char *target, const void *data, size_t size);
/* Exactly 2 * size lower-case digits, or false. */
MUST_USE bool hex_decode(void *target, size_t size, const char *text, size_t text_size);
/* To be asked before sodium_base642bin, which takes every byte beyond ASCII for a '/': two texts
 * would be one. */
MUST_USE bool text_ascii(const char *text, size_t size);

/* ------------------------------------------------------------------ files */

/* Closes *fd unless negative; for CLEANUP. */
void file_close(int *fd);
void memory_free(void *pointer_to_pointer); /* free() for CLEANUP on any owned pointer */

/* Reads at most `limit` bytes; a longer file is STATUS_CORRUPT. */
MUST_USE enum status file_read(struct buffer *content, const char *path, size_t limit,
                               struct error *error);
/* The same into secret memory. */
MUST_USE enum status file_read_secret(struct secret_text *content, const char *path, size_t limit,
                                      struct error *error);
MUST_USE enum status file_read_descriptor_secret(struct secret_text *content, int fd, size_t limit,
                                                 struct error *error);

enum file_replace { FILE_KEEP_EXISTING, FILE_REPLACE_EXISTING };

/* Temp → fsync → rename (or link, where an existing file is to be kept: STATUS_EXISTS) → fsync of
 * the folder. After any interruption there is the old file or the new one, whole. */
MUST_USE enum status file_write(const char *path, const void *data, size_t size, mode_t mode,
                                enum file_replace replace, struct error *error);

/* All of `data`, again after short writes and EINTR. */
MUST_USE enum status file_write_all(int fd, const void *data, size_t size, const char *name,
                                    struct error *error);
/* Up to `size` bytes at `offset`, fewer only at the end of the file; *got says how many. */
MUST_USE enum status file_read_at(int fd, void *target, size_t size, uint64_t offset, size_t *got,
                                  const char *name, struct error *error);

/* mkdir -p; existing folders are fine. */
MUST_USE enum status file_make_folders(const char *path, mode_t mode, struct error *error);
/* Whoever may write to a folder can put another file in the place of any in it. The open folder
 * must be this user's: then others are shut out of it (0700). STATUS_DENIED if it is somebody
 * else's. */
MUST_USE enum status file_shut_folder(int fd, const char *name, struct error *error);
/* Brings the names in a folder to stable storage. */
MUST_USE enum status file_sync_folder(const char *path, struct error *error);

/* An exclusive lock on the file, which is made if absent. With wait false, STATUS_LOCKED at once if
 * another process holds it. Closing *fd gives it back. */
MUST_USE enum status file_lock(int *fd, const char *path, bool wait, struct error *error);

/* "folder/name", or name alone when it is absolute. The result is malloc'ed. */
MUST_USE enum status path_join(char **path, const char *folder, const char *name,
                               struct error *error);

/* ------------------------------------------------------------------ time */

struct moment { /* since 1970-01-01T00:00:00Z, may be before */
    int64_t seconds;
    uint32_t nanoseconds;
};

struct moment moment_now(void);
/* Seconds of a clock that never goes back, for rates and deadlines. */
double clock_monotonic(void);
#define MOMENT_TEXT_SIZE 32
/* RFC 3339 in UTC with seconds, "2026-11-22T02:00:00Z"; returns target. */
char *moment_format(char target[MOMENT_TEXT_SIZE], struct moment moment);
/* The same in local time with offset, for people. */
char *moment_format_local(char target[MOMENT_TEXT_SIZE], struct moment moment);
/* RFC 3339 with Z or an offset; or "2026-11-22", "2026-11-22 02:00[:00]" or "2026-11-22T02:00:00"
 * in local time. */
MUST_USE bool moment_parse(struct moment *moment, const char *text);
/* <0, 0, >0. */
int moment_compare(struct moment a, struct moment b);

/* ------------------------------------------------------------------ threads */

/* Calls `tick` about five times a second on a thread of its own, with all signals blocked, until it
 * is stopped. Setting the clock changes nothing of it. */
struct ticker;
MUST_USE enum status ticker_start(struct ticker **ticker, void (*tick)(void *context),
                                  void *context, struct error *error);
void ticker_stop(struct ticker *ticker); /* waits for a tick under way; NULL is silent */

/* Starts a thread with all signals blocked: signals are the main thread's. */
MUST_USE enum status thread_start(pthread_t *thread, void *(*run)(void *), void *context,
                                  struct error *error);

#endif
