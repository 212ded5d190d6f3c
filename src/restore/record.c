/* record: see the header. The size stands apart, since a leaf's record must agree with its content.
 */
#include "record.h"

enum status record_encode(struct buffer *out, const struct entry *entry, struct error *error)
{
    struct entry empty = *entry;
    empty.size = 0;
    enum status status = buffer_append_u64(out, entry->size, error);
    return status != STATUS_OK ? status : entry_encode(out, &empty, NULL, error);
}

enum status record_decode(struct entry *entry, const void *record, size_t size, struct error *error)
{
    struct cursor cursor = {record, size};
    struct content none = {0};
    uint64_t content_size;
    if (!cursor_u64(&cursor, &content_size)) {
        return error_set(error, STATUS_CORRUPT, 0, "%s", _("An entry's record is damaged"));
    }
    enum status status = entry_decode(entry, &none, cursor.at, cursor.left, error);
    content_free(&none);
    entry->size = status == STATUS_OK ? content_size : 0;
    return status;
}
