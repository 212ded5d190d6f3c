/* postgres_format: names and texts become part of SQL only as the server itself would quote them.
 */
#include "postgres.h"
#include <string.h>

static enum status append_quoted(struct buffer *text, const struct postgres *postgres, char kind,
                                 const char *value, struct error *error)
{
    size_t size = strlen(value);
    char *quoted = kind == 'I' ? PQescapeIdentifier(postgres->connection, value, size)
                               : PQescapeLiteral(postgres->connection, value, size);
    enum status status = quoted == NULL ? postgres_error(error, postgres->connection, NULL)
                                        : buffer_append_text(text, quoted, error);
    PQfreemem(quoted);
    return status;
}

enum status postgres_format(char **sql, const struct postgres *postgres, const char *pattern,
                            const char *const *values, struct error *error)
{
    CLEANUP(buffer_free) struct buffer text = {0};
    enum status status = STATUS_OK;
    for (const char *at = pattern; status == STATUS_OK && *at != '\0'; at++) {
        bool mark = at[0] == '%' && (at[1] == 'I' || at[1] == 'L');
        if (mark && *values == NULL) {
            return error_set(error, STATUS_FAILED, 0, _("a value is missing in: %s"), pattern);
        }
        status = mark ? append_quoted(&text, postgres, at[1], *values++, error)
                      : buffer_append_u8(&text, (uint8_t)*at, error);
        at += mark;
    }
    if (status == STATUS_OK) {
        status = buffer_append_u8(&text, '\0', error);
    }
    if (status == STATUS_OK) {
        *sql = (char *)text.data;
        text.data = NULL;
    }
    return status;
}
