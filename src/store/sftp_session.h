/* sftp_session: one SSH connection with its SFTP channel, and the calls that go over it.
 *
 * libssh2 runs non-blocking here, and the waiting is our own: so a wait ends after the deadline
 * without progress and not before (its own time-out counts a whole call), a signal handler does no
 * harm, and a slow line is not taken for a dead one. After any failed wait or protocol error the
 * session counts as broken and has to be closed: libssh2 would go on and answer wrongly.
 */
#ifndef STORE_SFTP_SESSION_H
#define STORE_SFTP_SESSION_H

#include "sftp_config.h"
#include "sftp_process.h"
#include <libssh2.h>
#include <libssh2_sftp.h>

enum sftp_failure {
    SFTP_SOUND,
    SFTP_SILENT, /* the deadline passed without progress */
    SFTP_LOST,   /* the connection ended */
    SFTP_BAD,    /* the server does not keep to the protocol */
};

#define SFTP_HEARD_LIMIT 8192
/* On a socket that is shut down nothing blocks; libssh2 needs a few calls to see that. */
#define SFTP_CLOSE_TRIES 1000

struct sftp_session {
    const struct sftp_config *config;
    struct sftp_process jump; /* ssh -W, or pid -1 */
    int fd;
    LIBSSH2_SESSION *ssh;
    LIBSSH2_SFTP *sftp;
    enum sftp_failure failure;
    bool distant; /* a round trip takes so long that much has to be on the way */
    /* Progress: bytes moved in this call, as of the last time the deadline was put off. */
    uint64_t moved;
    uint64_t seen;
    double deadline;
    /* The first bytes of the server, in clear: its banner and what it offers. */
    unsigned char heard[SFTP_HEARD_LIMIT];
    size_t heard_size;
};

/* Connects, verifies the host, logs in and opens the SFTP channel. STATUS_UNREACHABLE for what may
 * go better the next time. */
MUST_USE enum status sftp_session_open(struct sftp_session **session,
                                       const struct sftp_config *config, struct error *error);
void sftp_session_close(struct sftp_session *session);

/* The server's key as "type base64"; malloc'ed. */
MUST_USE enum status sftp_session_host_key(char **line, const struct sftp_session *session,
                                           struct error *error);

/* A call of libssh2 begins: the deadline counts from here. */
void sftp_session_begin(struct sftp_session *session);
/* Waits until libssh2 can go on; false when the session broke. */
bool sftp_session_wait(struct sftp_session *session);

/* Repeats a call of libssh2 until it is done or the session broke. */
#define SFTP_REPEAT(session, result, call)                                                         \
    do {                                                                                           \
        sftp_session_begin(session);                                                               \
        do {                                                                                       \
            (result) = (call);                                                                     \
        } while ((result) == LIBSSH2_ERROR_EAGAIN && sftp_session_wait(session));                  \
    } while (0)

/* The same for a call that returns a pointer. */
#define SFTP_REPEAT_POINTER(session, result, call)                                                 \
    do {                                                                                           \
        sftp_session_begin(session);                                                               \
        do {                                                                                       \
            (result) = (call);                                                                     \
        } while ((result) == NULL &&                                                               \
                 libssh2_session_last_errno((session)->ssh) == LIBSSH2_ERROR_EAGAIN &&             \
                 sftp_session_wait(session));                                                      \
    } while (0)

/* ---- sftp_connect.c */

/* TCP, or through ssh -W with a ProxyJump; the socket is non-blocking. */
MUST_USE enum status sftp_connect(int *fd, struct sftp_process *jump,
                                  const struct sftp_config *config, struct error *error);

/* ---- sftp_known_hosts.c */

struct sftp_known_hosts;

/* Reads what is known of the host: the pinned key, or else the known_hosts files. */
MUST_USE enum status sftp_known_hosts_new(struct sftp_known_hosts **known, LIBSSH2_SESSION *ssh,
                                          const struct sftp_config *config, struct error *error);
void sftp_known_hosts_free(struct sftp_known_hosts *known);
/* The value for LIBSSH2_METHOD_HOSTKEY: the known types first. */
void sftp_known_hosts_preference(char *target, size_t size, const struct sftp_known_hosts *known);
/* Accepts the server's key or says what to do. */
MUST_USE enum status sftp_known_hosts_check(const struct sftp_known_hosts *known,
                                            const unsigned char *key, size_t size,
                                            struct error *error);

/* ---- sftp_login.c */

MUST_USE enum status sftp_login(struct sftp_session *session, struct error *error);

/* ---- sftp_methods.c */

/* Sets what we are willing to speak; fails if libssh2 knows none of a list. */
MUST_USE enum status sftp_methods_set(LIBSSH2_SESSION *ssh, const char *host_keys,
                                      struct error *error);
/* After a failed handshake: compares what the server offered with what libssh2 can, and names the
 * part without a common method. STATUS_OK, and no error, when that was not the cause. */
MUST_USE enum status sftp_methods_diagnose(const unsigned char *heard, size_t size,
                                           struct error *error);

/* ---- sftp_keystream.c */

/* Before the first session: makes AES-CTR cheap for libssh2's calls of one block each. */
void sftp_keystream_prefer(void);

/* ---- sftp_error.c */

/* Fills the error for a broken session; STATUS_UNREACHABLE. */
enum status sftp_error_broken(const struct sftp_session *session, struct error *error);
/* Fills the error for an answer LIBSSH2_FX_… of the server: the sentence, ": ", and the reason. */
enum status sftp_error_answer(struct error *error, int answer, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* ---- sftp_call.c: the requests of SFTP. Each returns the server's answer, 0 (LIBSSH2_FX_OK) or
 * LIBSSH2_FX_…, or SFTP_BROKEN after which only sftp_session_close may follow. */

#define SFTP_BROKEN (-1)

int sftp_call_open(LIBSSH2_SFTP_HANDLE **handle, struct sftp_session *session, const char *path,
                   unsigned long flags);
int sftp_call_open_folder(LIBSSH2_SFTP_HANDLE **handle, struct sftp_session *session,
                          const char *path);
/* *handle becomes NULL in any case. */
int sftp_call_close(struct sftp_session *session, LIBSSH2_SFTP_HANDLE **handle);
int sftp_call_write(struct sftp_session *session, LIBSSH2_SFTP_HANDLE *handle, const void *data,
                    size_t size);
int sftp_call_read(size_t *got, struct sftp_session *session, LIBSSH2_SFTP_HANDLE *handle,
                   void *target, size_t size);
/* The next name of a folder; "" for one that is malformed. */
int sftp_call_next(bool *end, struct sftp_session *session, LIBSSH2_SFTP_HANDLE *handle, char *name,
                   size_t size, LIBSSH2_SFTP_ATTRIBUTES *attributes);
int sftp_call_sync(struct sftp_session *session, LIBSSH2_SFTP_HANDLE *handle);
int sftp_call_size(uint64_t *size, struct sftp_session *session, LIBSSH2_SFTP_HANDLE *handle);
int sftp_call_look(LIBSSH2_SFTP_ATTRIBUTES *attributes, struct sftp_session *session,
                   const char *path);
int sftp_call_rename(struct sftp_session *session, const char *from, const char *to);
int sftp_call_remove(struct sftp_session *session, const char *path);
int sftp_call_make_folder(struct sftp_session *session, const char *path);
int sftp_call_space(uint64_t *bytes, struct sftp_session *session, const char *path);

#endif
