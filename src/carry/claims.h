/* claims: a struct as the JSON object that is signed, and strictly back. A table says which member
 * is which claim; an unknown, missing, duplicate or mistyped one is refused. */
#ifndef KURA_CARRY_CLAIMS_H
#define KURA_CARRY_CLAIMS_H

#include "kura/carry.h"

enum claim_kind {
    CLAIM_ARRAY,  /* char[size], terminated */
    CLAIM_TEXT,   /* char *, owned */
    CLAIM_LIST,   /* char **, NULL-terminated, owned */
    CLAIM_BYTES,  /* unsigned char[size], as hexadecimal */
    CLAIM_NUMBER, /* uint64_t */
    CLAIM_MOMENT, /* struct moment, RFC 3339 in UTC, whole seconds */
    CLAIM_BUFFER, /* struct buffer, a text */
    CLAIM_ITEMS,  /* an array of structs of `size` bytes by `items`; its count is at count_offset */
};
struct claim {
    const char *name; /* NULL: end of the table */
    enum claim_kind kind;
    size_t offset, size;
    bool optional; /* may lack: NULL or empty */
    const struct claim *items;
    size_t count_offset;
};

#define CLAIM_LIST_LIMIT 256
#define CLAIM_TEXT_LIMIT 65536

/* For tables. */
#define CLAIM_CHARS(type, name, member)                                                            \
    {                                                                                              \
        name, CLAIM_ARRAY, offsetof(type, member), sizeof(((type *)0)->member), false, NULL, 0     \
    }
#define CLAIM_HEX(type, name, member)                                                              \
    {                                                                                              \
        name, CLAIM_BYTES, offsetof(type, member), sizeof(((type *)0)->member), false, NULL, 0     \
    }
#define CLAIM_MEMBER(type, kind, name, member)                                                     \
    {                                                                                              \
        name, kind, offsetof(type, member), 0, false, NULL, 0                                      \
    }
#define CLAIM_MAYBE(type, kind, name, member)                                                      \
    {                                                                                              \
        name, kind, offsetof(type, member), sizeof(((type *)0)->member), true, NULL, 0             \
    }

/* Appends the JSON text. */
MUST_USE enum status claims_encode(struct buffer *json, const void *from, const struct claim *table,
                                   struct error *error);
/* Fills the zeroed struct. STATUS_REFUSED [claims]; what was filled then is freed. */
MUST_USE enum status claims_decode(void *into, const struct claim *table, const void *json,
                                   size_t size, struct error *error);
/* Frees what the members own and zeroes them. */
void claims_free(void *of, const struct claim *table);

#endif
