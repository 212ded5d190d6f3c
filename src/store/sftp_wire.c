/* sftp_wire: see the header. */
#include "sftp_wire.h"

void wire_put_u32(unsigned char target[4], uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        target[i] = (unsigned char)(value >> (24 - 8 * i));
    }
}

bool wire_take_u32(struct cursor *cursor, uint32_t *value)
{
    const unsigned char *bytes;
    if (!cursor_take(cursor, &bytes, 4)) {
        return false;
    }
    *value = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
             (uint32_t)bytes[3];
    return true;
}

bool wire_take_string(struct cursor *cursor, const unsigned char **data, size_t *size)
{
    uint32_t length = 0;
    if (!wire_take_u32(cursor, &length) || !cursor_take(cursor, data, length)) {
        return false;
    }
    *size = length;
    return true;
}
