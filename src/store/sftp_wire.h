/* sftp_wire: integers and strings as SSH sends them: big-endian, and a string with its length in
 * front. */
#ifndef STORE_SFTP_WIRE_H
#define STORE_SFTP_WIRE_H

#include "kura/base.h"

void wire_put_u32(unsigned char target[4], uint32_t value);
MUST_USE bool wire_take_u32(struct cursor *cursor, uint32_t *value);
/* Borrows the string's bytes in place. */
MUST_USE bool wire_take_string(struct cursor *cursor, const unsigned char **data, size_t *size);

#endif
