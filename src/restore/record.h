/* record: an entry without its content, for the temporary databases of this room. */
#ifndef RESTORE_RECORD_H
#define RESTORE_RECORD_H

#include "kura/repo.h"

MUST_USE enum status record_encode(struct buffer *out, const struct entry *entry,
                                   struct error *error);
MUST_USE enum status record_decode(struct entry *entry, const void *record, size_t size,
                                   struct error *error);

#endif
