/* sftp_call: the requests of SFTP, one function each. What the server answers is returned; what is
 * no answer breaks the session, for after it libssh2 gives wrong answers with success. */
#include "sftp_session.h"
#include <string.h>
#include <sys/socket.h>

/* libssh2 keeps this much on the way. Over a long line all of sshd's window of about 2 MiB has to
 * be; over a short one more than a little is slower, for it leaves the processor's caches. */
#define WRITE_PIECE(session) ((size_t)((session)->distant ? 2048 : 512) * 1024)
/* It asks for four times the buffer ahead. A quarter of the rest asks for the rest and no more. */
#define READ_PIECE(session) ((size_t)((session)->distant ? 1024 : 256) * 1024)
#define READ_PIECE_LEAST ((size_t)8 * 1024)

static int answer_of(struct sftp_session *session, int result)
{
    if (session->failure != SFTP_SOUND) {
        return SFTP_BROKEN;
    }
    if (result >= 0) {
        return LIBSSH2_FX_OK;
    }
    if (result == LIBSSH2_ERROR_TIMEOUT) { /* libssh2 has a minute of its own */
        session->failure = SFTP_SILENT;
        return SFTP_BROKEN;
    }
    unsigned long answer = libssh2_sftp_last_error(session->sftp);
    if (result != LIBSSH2_ERROR_SFTP_PROTOCOL || answer == LIBSSH2_FX_OK || answer > 31 ||
        answer == LIBSSH2_FX_NO_CONNECTION || answer == LIBSSH2_FX_CONNECTION_LOST ||
        answer == LIBSSH2_FX_BAD_MESSAGE) {
        session->failure = SFTP_BAD;
        return SFTP_BROKEN;
    }
    return (int)answer;
}

static int open_any(LIBSSH2_SFTP_HANDLE **handle, struct sftp_session *session, const char *path,
                    unsigned long flags, int kind)
{
    SFTP_REPEAT_POINTER(
        session, *handle,
        libssh2_sftp_open_ex(session->sftp, path, (unsigned)strlen(path), flags, 0600, kind));
    return answer_of(session, *handle != NULL ? 0 : libssh2_session_last_errno(session->ssh));
}

int sftp_call_open(LIBSSH2_SFTP_HANDLE **handle, struct sftp_session *session, const char *path,
                   unsigned long flags)
{
    return open_any(handle, session, path, flags, LIBSSH2_SFTP_OPENFILE);
}

int sftp_call_open_folder(LIBSSH2_SFTP_HANDLE **handle, struct sftp_session *session,
                          const char *path)
{
    return open_any(handle, session, path, 0, LIBSSH2_SFTP_OPENDIR);
}

/* Only closing frees a handle and up to 2 MiB that wait in it. On a socket that is shut down that
 * takes no time. */
static void close_broken(const struct sftp_session *session, LIBSSH2_SFTP_HANDLE *handle)
{
    shutdown(session->fd, SHUT_RDWR);
    for (int tries = 0; tries < SFTP_CLOSE_TRIES; tries++) {
        if (libssh2_sftp_close_handle(handle) != LIBSSH2_ERROR_EAGAIN) {
            break;
        }
    }
}

int sftp_call_close(struct sftp_session *session, LIBSSH2_SFTP_HANDLE **handle)
{
    int result = *handle == NULL ? 0 : LIBSSH2_ERROR_EAGAIN;
    if (*handle != NULL && session->failure == SFTP_SOUND) {
        SFTP_REPEAT(session, result, libssh2_sftp_close_handle(*handle));
    }
    if (result == LIBSSH2_ERROR_EAGAIN) {
        /* The session is broken, before this or in the middle of it. */
        close_broken(session, *handle);
    }
    *handle = NULL;
    return answer_of(session, result);
}

int sftp_call_write(struct sftp_session *session, LIBSSH2_SFTP_HANDLE *handle, const void *data,
                    size_t size)
{
    const char *at = data;
    while (size > 0) {
        size_t piece = size < WRITE_PIECE(session) ? size : WRITE_PIECE(session);
        ssize_t count;
        SFTP_REPEAT(session, count, libssh2_sftp_write(handle, at, piece));
        int answer = answer_of(session, (int)count);
        if (answer != LIBSSH2_FX_OK) {
            return answer;
        }
        at += count;
        size -= (size_t)count;
    }
    return LIBSSH2_FX_OK;
}

int sftp_call_read(size_t *got, struct sftp_session *session, LIBSSH2_SFTP_HANDLE *handle,
                   void *target, size_t size)
{
    char *at = target;
    *got = 0;
    while (*got < size) {
        size_t rest = size - *got;
        size_t piece = rest / 4 > READ_PIECE_LEAST ? rest / 4 : READ_PIECE_LEAST;
        piece = piece < rest ? piece : rest;
        piece = piece < READ_PIECE(session) ? piece : READ_PIECE(session);
        ssize_t count;
        SFTP_REPEAT(session, count, libssh2_sftp_read(handle, at + *got, piece));
        int answer = answer_of(session, (int)count);
        if (answer != LIBSSH2_FX_OK || count == 0) {
            return answer;
        }
        *got += (size_t)count;
    }
    return LIBSSH2_FX_OK;
}

int sftp_call_next(bool *end, struct sftp_session *session, LIBSSH2_SFTP_HANDLE *handle, char *name,
                   size_t size, LIBSSH2_SFTP_ATTRIBUTES *attributes)
{
    int result;
    SFTP_REPEAT(session, result, libssh2_sftp_readdir_ex(handle, name, size, NULL, 0, attributes));
    *end = result == 0;
    if (result == LIBSSH2_ERROR_BUFFER_TOO_SMALL) {
        name[0] = '\0';
        return answer_of(session, 0);
    }
    if (result > 0 && memchr(name, '\0', (size_t)result) != NULL) {
        name[0] = '\0'; /* a zero byte within a name would show another one */
    }
    return answer_of(session, result);
}

int sftp_call_sync(struct sftp_session *session, LIBSSH2_SFTP_HANDLE *handle)
{
    int result;
    SFTP_REPEAT(session, result, libssh2_sftp_fsync(handle));
    return answer_of(session, result);
}

int sftp_call_size(uint64_t *size, struct sftp_session *session, LIBSSH2_SFTP_HANDLE *handle)
{
    LIBSSH2_SFTP_ATTRIBUTES attributes = {0};
    int result;
    SFTP_REPEAT(session, result, libssh2_sftp_fstat_ex(handle, &attributes, 0));
    *size = (attributes.flags & LIBSSH2_SFTP_ATTR_SIZE) != 0 ? attributes.filesize : UINT64_MAX;
    return answer_of(session, result);
}

int sftp_call_look(LIBSSH2_SFTP_ATTRIBUTES *attributes, struct sftp_session *session,
                   const char *path)
{
    int result;
    SFTP_REPEAT(session, result,
                libssh2_sftp_stat_ex(session->sftp, path, (unsigned)strlen(path),
                                     LIBSSH2_SFTP_LSTAT, attributes));
    return answer_of(session, result);
}

int sftp_call_rename(struct sftp_session *session, const char *from, const char *to)
{
    int result;
    SFTP_REPEAT(session, result,
                libssh2_sftp_rename_ex(session->sftp, from, (unsigned)strlen(from), to,
                                       (unsigned)strlen(to), 0));
    return answer_of(session, result);
}

int sftp_call_remove(struct sftp_session *session, const char *path)
{
    int result;
    SFTP_REPEAT(session, result,
                libssh2_sftp_unlink_ex(session->sftp, path, (unsigned)strlen(path)));
    return answer_of(session, result);
}

int sftp_call_make_folder(struct sftp_session *session, const char *path)
{
    int result;
    SFTP_REPEAT(session, result,
                libssh2_sftp_mkdir_ex(session->sftp, path, (unsigned)strlen(path), 0700));
    return answer_of(session, result);
}

int sftp_call_space(uint64_t *bytes, struct sftp_session *session, const char *path)
{
    LIBSSH2_SFTP_STATVFS information = {0};
    int result;
    SFTP_REPEAT(session, result,
                libssh2_sftp_statvfs(session->sftp, path, strlen(path), &information));
    if (__builtin_mul_overflow(information.f_bavail, information.f_frsize, bytes)) {
        *bytes = UINT64_MAX;
    }
    return answer_of(session, result);
}
