/* entry_codec: one entry and its content as bytes, as FORMAT.md draws them. What is decoded was
 * checked field by field: a hostile record can neither escape its own bytes nor bring a path that
 * must not be written. */
#include "node.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define FLAG_INLINE 1u

void content_free(struct content *content)
{
    buffer_free(&content->data);
    *content = (struct content){0};
}

/* ------------------------------------------------------------------ encoding */

static enum status append_text(struct buffer *out, const char *text, unsigned width,
                               struct error *error)
{
    size_t size = text == NULL ? 0 : strlen(text);
    size_t limit = width == 1 ? UINT8_MAX : UINT16_MAX;
    if (size > limit) {
        return error_set(error, STATUS_UNSUPPORTED, 0,
                         _("A name is too long for the repository format"));
    }
    enum status status = width == 1 ? buffer_append_u8(out, (uint8_t)size, error)
                                    : buffer_append_u16(out, (uint16_t)size, error);
    return status != STATUS_OK ? status : buffer_append(out, text, size, error);
}

/* The owner's number is kept in any case; a name that does not fit is left out. */
static enum status append_owner(struct buffer *out, const char *name, struct error *error)
{
    return append_text(out, name != NULL && strlen(name) > UINT8_MAX ? NULL : name, 1, error);
}

static enum status append_fixed(struct buffer *out, const struct entry *entry,
                                const struct content *content, struct error *error)
{
    bool inlined = content == NULL || content->inlined;
    uint64_t size = content == NULL ? entry->size : content->size;
    enum status status = buffer_append_u8(out, (uint8_t)entry->type, error);
    status = status ? status : buffer_append_u8(out, inlined ? FLAG_INLINE : 0, error);
    status = status ? status : buffer_append_u16(out, (uint16_t)entry->mode, error);
    status = status ? status : buffer_append_u32(out, entry->uid, error);
    status = status ? status : buffer_append_u32(out, entry->gid, error);
    status = status ? status : buffer_append_u64(out, (uint64_t)entry->modified.seconds, error);
    status = status ? status : buffer_append_u32(out, entry->modified.nanoseconds, error);
    status = status ? status : buffer_append_u64(out, size, error);
    status = status ? status : buffer_append_u64(out, entry->device_number, error);
    return status ? status : buffer_append_u32(out, content == NULL ? 0 : content->rotation, error);
}

static enum status append_attributes(struct buffer *out, const struct entry *entry,
                                     struct error *error)
{
    if (entry->attribute_count > ENTRY_ATTRIBUTES_MAX) {
        return error_set(error, STATUS_UNSUPPORTED, 0, _("Too many extended attributes"));
    }
    enum status status = buffer_append_u16(out, (uint16_t)entry->attribute_count, error);
    for (size_t i = 0; status == STATUS_OK && i < entry->attribute_count; i++) {
        const struct entry_attribute *attribute = &entry->attributes[i];
        if (attribute->size > ENTRY_ATTRIBUTE_MAX) {
            return error_set(error, STATUS_UNSUPPORTED, 0, _("An extended attribute is too long"));
        }
        status = append_text(out, attribute->name, 2, error);
        status = status ? status : buffer_append_u32(out, (uint32_t)attribute->size, error);
        status = status ? status : buffer_append(out, attribute->value, attribute->size, error);
    }
    return status;
}

static enum status append_content(struct buffer *out, const struct content *content,
                                  struct error *error)
{
    if (content == NULL) {
        return buffer_append_u32(out, 0, error);
    }
    if (!content->inlined) {
        return buffer_append(out, content->data.data, content->data.size, error);
    }
    enum status status = buffer_append_u32(out, (uint32_t)content->data.size, error);
    return status ? status : buffer_append(out, content->data.data, content->data.size, error);
}

enum status entry_encode(struct buffer *out, const struct entry *entry,
                         const struct content *content, struct error *error)
{
    size_t start = out->size;
    enum status status = append_fixed(out, entry, content, error);
    status = status ? status : append_text(out, entry->path, 2, error);
    status = status ? status : append_text(out, entry->link, 2, error);
    status = status ? status : append_owner(out, entry->user, error);
    status = status ? status : append_owner(out, entry->group, error);
    status = status ? status : append_attributes(out, entry, error);
    status = status ? status : append_content(out, content, error);
    if (status == STATUS_OK && out->size - start > ENTRY_RECORD_LIMIT) {
        status = error_set(error, STATUS_UNSUPPORTED, 0,
                           _("The extended attributes are too long together"));
    }
    if (status != STATUS_OK) {
        out->size = start;
        return error_add_context(error, "%s", entry->path);
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ decoding */

/* A text without zero bytes; absent if empty and `absent` allows it. False: malformed. */
static bool take_text(char **text, struct cursor *cursor, unsigned width, bool absent)
{
    uint8_t narrow = 0;
    uint16_t size = 0;
    bool taken = width == 1 ? cursor_u8(cursor, &narrow) : cursor_u16(cursor, &size);
    size = width == 1 ? narrow : size;
    const unsigned char *data;
    if (!taken || !cursor_take(cursor, &data, size) || memchr(data, '\0', size) != NULL) {
        return false;
    }
    if (size == 0 && absent) {
        return true;
    }
    *text = strndup((const char *)data, size);
    return *text != NULL;
}

static bool take_fixed(struct entry *entry, struct content *content, struct cursor *cursor)
{
    uint8_t type;
    uint8_t flags;
    uint16_t mode;
    uint64_t seconds;
    if (!cursor_u8(cursor, &type) || !cursor_u8(cursor, &flags) || !cursor_u16(cursor, &mode) ||
        !cursor_u32(cursor, &entry->uid) || !cursor_u32(cursor, &entry->gid) ||
        !cursor_u64(cursor, &seconds) || !cursor_u32(cursor, &entry->modified.nanoseconds) ||
        !cursor_u64(cursor, &entry->size) || !cursor_u64(cursor, &entry->device_number) ||
        !cursor_u32(cursor, &content->rotation)) {
        return false;
    }
    entry->type = (enum entry_type)type;
    entry->mode = mode;
    entry->modified.seconds = (int64_t)seconds;
    content->inlined = (flags & FLAG_INLINE) != 0;
    content->size = type == ENTRY_FILE ? entry->size : 0;
    return type >= ENTRY_FILE && type <= ENTRY_HARD_LINK && flags <= FLAG_INLINE && mode <= 07777 &&
           entry->modified.nanoseconds < 1000000000 &&
           (content->rotation == 0 || content->rotation < content->size);
}

static bool take_names(struct entry *entry, struct cursor *cursor)
{
    if (!take_text(&entry->path, cursor, 2, false) || !entry_path_valid(entry->path) ||
        !take_text(&entry->link, cursor, 2, true) || !take_text(&entry->user, cursor, 1, true) ||
        !take_text(&entry->group, cursor, 1, true)) {
        return false;
    }
    if (entry->type == ENTRY_HARD_LINK) {
        return entry->link != NULL && entry_path_valid(entry->link);
    }
    return (entry->type == ENTRY_SYMLINK) == (entry->link != NULL);
}

static bool take_attributes(struct entry *entry, struct cursor *cursor)
{
    uint16_t count;
    if (!cursor_u16(cursor, &count) || count > ENTRY_ATTRIBUTES_MAX) {
        return false;
    }
    entry->attributes = calloc(count + 1u, sizeof *entry->attributes);
    if (entry->attributes == NULL) {
        return false;
    }
    for (uint16_t i = 0; i < count; i++) {
        struct entry_attribute *attribute = &entry->attributes[i];
        entry->attribute_count = i + 1u;
        uint32_t size;
        const unsigned char *value;
        if (!take_text(&attribute->name, cursor, 2, false) || attribute->name[0] == '\0' ||
            !cursor_u32(cursor, &size) || size > ENTRY_ATTRIBUTE_MAX ||
            !cursor_take(cursor, &value, size)) {
            return false;
        }
        attribute->value = malloc(size + 1u);
        if (attribute->value == NULL) {
            return false;
        }
        memcpy(attribute->value, value, size);
        attribute->size = size;
    }
    return true;
}

/* Level and references: everything must add up to the file's size, or a restore would believe a
 * list that leaves bytes out. */
static bool check_list(struct content *content, struct cursor cursor)
{
    if (!cursor_u8(&cursor, &content->level) || !cursor_u32(&cursor, &content->count) ||
        content->level >= NODE_LEVELS) {
        return false;
    }
    struct list_names names;
    names.count = 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < content->count; i++) {
        struct list_item item;
        if (!list_item_read(&item, &cursor, content->level, &names) ||
            item.bytes > content->size - sum) {
            return false;
        }
        sum += item.bytes;
    }
    return cursor.left == 0 && sum == content->size;
}

static bool take_content(struct entry *entry, struct content *content, struct cursor *cursor,
                         struct error *error)
{
    uint32_t size = (uint32_t)cursor->left;
    if (content->inlined) {
        uint64_t expected = entry->type == ENTRY_FILE ? content->size : 0;
        if (!cursor_u32(cursor, &size) || size != cursor->left || size != expected) {
            return false;
        }
    } else if (entry->type != ENTRY_FILE || !check_list(content, *cursor)) {
        return false;
    }
    const unsigned char *data;
    return cursor_take(cursor, &data, size) &&
           buffer_append(&content->data, data, size, error) == STATUS_OK;
}

enum status entry_decode(struct entry *entry, struct content *content, const void *record,
                         size_t size, struct error *error)
{
    struct cursor cursor = {.at = record, .left = size};
    *entry = (struct entry){0};
    *content = (struct content){0};
    bool good = size <= ENTRY_RECORD_LIMIT && take_fixed(entry, content, &cursor) &&
                take_names(entry, &cursor) && take_attributes(entry, &cursor) &&
                take_content(entry, content, &cursor, error);
    if (!good) {
        entry_free(entry);
        content_free(content);
        return error_set(error, STATUS_CORRUPT, 0, _("An entry's record is damaged"));
    }
    return STATUS_OK;
}
