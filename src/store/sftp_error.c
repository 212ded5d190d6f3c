/* sftp_error: what the server's answers and a broken line mean for whoever reads the message. */
#include "sftp_session.h"
#include <errno.h>
#include <stdio.h>

enum status sftp_error_broken(const struct sftp_session *session, struct error *error)
{
    switch (session->failure) {
    case SFTP_SILENT:
        error_set(error, STATUS_UNREACHABLE, 0, _("the server has been silent for %u seconds"),
                  session->config->deadline_seconds);
        break;
    case SFTP_LOST:
        error_set(error, STATUS_UNREACHABLE, 0, "%s", _("the connection was lost"));
        break;
    default: {
        char *text = NULL;
        int code = libssh2_session_last_error(session->ssh, &text, NULL, 0);
        error_set(error, STATUS_UNREACHABLE, 0,
                  _("the server does not keep to the protocol (%s, libssh2 %d)"), text, code);
        break;
    }
    }
    return error_set_hint(error, "%s",
                          _("Check the network and whether the server is running; what was stored "
                            "before is not affected."));
}

static enum status status_of_answer(int answer)
{
    switch (answer) {
    case LIBSSH2_FX_NO_SUCH_FILE:
    case LIBSSH2_FX_NO_SUCH_PATH:
        return STATUS_NOT_FOUND;
    case LIBSSH2_FX_PERMISSION_DENIED:
    case LIBSSH2_FX_WRITE_PROTECT:
        return STATUS_DENIED;
    case LIBSSH2_FX_FILE_ALREADY_EXISTS:
        return STATUS_EXISTS;
    case LIBSSH2_FX_NO_SPACE_ON_FILESYSTEM:
    case LIBSSH2_FX_QUOTA_EXCEEDED:
        return STATUS_NO_SPACE;
    case LIBSSH2_FX_OP_UNSUPPORTED:
        return STATUS_UNSUPPORTED;
    default:
        return STATUS_FAILED;
    }
}

enum status sftp_error_answer(struct error *error, int answer, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    enum status status = status_of_answer(answer);
    const char *reason;
    switch (status) {
    case STATUS_NOT_FOUND:
        reason = _("it is not there");
        break;
    case STATUS_DENIED:
        reason = _("the server does not permit it");
        break;
    case STATUS_EXISTS:
        reason = _("it is there already");
        break;
    case STATUS_NO_SPACE:
        reason = _("the server's disk is full");
        break;
    case STATUS_UNSUPPORTED:
        reason = _("the server cannot do that");
        break;
    default:
        reason = _("the server refuses without a reason");
        break;
    }
    error_set(error, status, 0, "%s: %s", text, reason);
    if (answer == LIBSSH2_FX_FAILURE) {
        error->os_error = EIO; /* sftp-server's word for that, too, and it has no other */
    }
    return status;
}
