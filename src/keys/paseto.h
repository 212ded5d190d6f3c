/* paseto: tokens with any footer, as the specification has them. Ours carry one key id only. */
#ifndef KURA_KEYS_PASETO_H
#define KURA_KEYS_PASETO_H

#include "kura/signed.h"

struct paseto_content {
    const void *payload;
    size_t payload_size;
    const void *footer;
    size_t footer_size; /* 0: the token has none */
    const char *implicit;
};

MUST_USE enum status paseto_compose(struct buffer *token, const struct signing_key *key,
                                    const struct paseto_content *content, struct error *error);
/* The payload of a token by this key, whatever its footer holds. */
MUST_USE enum status paseto_open(struct buffer *payload, const char *token, size_t size,
                                 const unsigned char public_key[SIGN_PUBLIC_SIZE],
                                 const char *implicit, struct error *error);

#endif
