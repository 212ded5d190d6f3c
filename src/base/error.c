/* error: what went wrong, filled once where it is found. */
#include "kura/base.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status status_of_errno(int os_error)
{
    switch (os_error) {
    case ENOENT:
        return STATUS_NOT_FOUND;
    case EEXIST:
        return STATUS_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return STATUS_DENIED;
    case ENOSPC:
    case EDQUOT:
        return STATUS_NO_SPACE;
    default:
        return STATUS_FAILED;
    }
}

__attribute__((format(printf, 4, 0))) static enum status
fill(struct error *error, enum status status, int os_error, const char *format, va_list arguments)
{
    char text[sizeof error->message];
    vsnprintf(text, sizeof text, format, arguments);
    if (os_error != 0) {
        size_t used = strlen(text);
        char description[128];
        snprintf(text + used, sizeof text - used, ": %s",
                 strerror_r(os_error, description, sizeof description));
    }
    error->status = status;
    error->os_error = os_error;
    error->hint[0] = '\0';
    text_printable(error->message, sizeof error->message, text);
    return status;
}

enum status error_set(struct error *error, enum status status, int os_error, const char *format,
                      ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, status, os_error, format, arguments);
    va_end(arguments);
    return status;
}

enum status error_set_errno(struct error *error, int os_error, const char *format, ...)
{
    enum status status = status_of_errno(os_error);
    va_list arguments;
    va_start(arguments, format);
    fill(error, status, os_error, format, arguments);
    va_end(arguments);
    return status;
}

enum status error_set_memory(struct error *error)
{
    return error_set(error, STATUS_FAILED, ENOMEM, "%s", _("no memory left"));
}

enum status error_add_context(struct error *error, const char *format, ...)
{
    char context[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context, sizeof context, format, arguments);
    va_end(arguments);
    char text[2 * sizeof error->message + 2];
    snprintf(text, sizeof text, "%s: %s", context, error->message);
    text_printable(error->message, sizeof error->message, text);
    return error->status;
}

enum status error_set_hint(struct error *error, const char *format, ...)
{
    char text[sizeof error->hint];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    text_printable(error->hint, sizeof error->hint, text);
    return error->status;
}

void error_clear(struct error *error)
{
    *error = (struct error){0};
}
