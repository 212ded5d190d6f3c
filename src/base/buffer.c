/* buffer: bytes that grow, and a cursor that never reads past their end. */
#include "kura/base.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum status buffer_reserve(struct buffer *buffer, size_t more, struct error *error)
{
    if (more <= buffer->capacity - buffer->size) {
        return STATUS_OK;
    }
    if (more > SIZE_MAX / 4 || buffer->size > SIZE_MAX / 4) {
        return error_set_memory(error);
    }
    size_t needed = buffer->size + more;
    size_t capacity = buffer->capacity + buffer->capacity / 2;
    capacity = capacity < needed ? needed : capacity;
    capacity = capacity < 64 ? 64 : capacity;
    unsigned char *data = realloc(buffer->data, capacity);
    if (data == NULL) {
        return error_set_memory(error);
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return STATUS_OK;
}

enum status buffer_append(struct buffer *buffer, const void *data, size_t size, struct error *error)
{
    if (size == 0) {
        return STATUS_OK;
    }
    enum status status = buffer_reserve(buffer, size, error);
    if (status == STATUS_OK) {
        memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
    }
    return status;
}

enum status buffer_append_text(struct buffer *buffer, const char *text, struct error *error)
{
    return buffer_append(buffer, text, strlen(text), error);
}

static enum status append_integer(struct buffer *buffer, uint64_t value, size_t size,
                                  struct error *error)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(value >> (8 * i));
    }
    return buffer_append(buffer, bytes, size, error);
}

enum status buffer_append_u8(struct buffer *buffer, uint8_t value, struct error *error)
{
    return append_integer(buffer, value, 1, error);
}

enum status buffer_append_u16(struct buffer *buffer, uint16_t value, struct error *error)
{
    return append_integer(buffer, value, 2, error);
}

enum status buffer_append_u32(struct buffer *buffer, uint32_t value, struct error *error)
{
    return append_integer(buffer, value, 4, error);
}

enum status buffer_append_u64(struct buffer *buffer, uint64_t value, struct error *error)
{
    return append_integer(buffer, value, 8, error);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
}

void buffer_wipe(struct buffer *buffer)
{
    if (buffer->data != NULL) {
        sodium_memzero(buffer->data, buffer->capacity);
    }
    buffer_free(buffer);
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

bool cursor_take(struct cursor *cursor, const unsigned char **data, size_t size)
{
    if (cursor->left < size) {
        return false;
    }
    *data = cursor->at;
    cursor->at += size;
    cursor->left -= size;
    return true;
}

bool cursor_copy(struct cursor *cursor, void *target, size_t size)
{
    const unsigned char *data;
    if (!cursor_take(cursor, &data, size)) {
        return false;
    }
    memcpy(target, data, size);
    return true;
}

static bool take_integer(struct cursor *cursor, uint64_t *value, size_t size)
{
    const unsigned char *data;
    if (!cursor_take(cursor, &data, size)) {
        return false;
    }
    *value = 0;
    for (size_t i = 0; i < size; i++) {
        *value |= (uint64_t)data[i] << (8 * i);
    }
    return true;
}

bool cursor_u8(struct cursor *cursor, uint8_t *value)
{
    return cursor_copy(cursor, value, 1);
}

bool cursor_u16(struct cursor *cursor, uint16_t *value)
{
    uint64_t wide;
    bool taken = take_integer(cursor, &wide, 2);
    if (taken) {
        *value = (uint16_t)wide;
    }
    return taken;
}

bool cursor_u32(struct cursor *cursor, uint32_t *value)
{
    uint64_t wide;
    bool taken = take_integer(cursor, &wide, 4);
    if (taken) {
        *value = (uint32_t)wide;
    }
    return taken;
}

bool cursor_u64(struct cursor *cursor, uint64_t *value)
{
    return take_integer(cursor, value, 8);
}
