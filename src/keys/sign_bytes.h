/* sign_bytes: Ed25519 over exactly the given bytes, for the formats of others, which bring a domain
 * of their own (kura/signed.h says why one key may serve them all). */
#ifndef KURA_KEYS_SIGN_BYTES_H
#define KURA_KEYS_SIGN_BYTES_H

#include "kura/keys.h"

MUST_USE enum status sign_bytes(unsigned char signature[SIGN_SIZE], const struct signing_key *key,
                                const void *data, size_t size, struct error *error);

#endif
