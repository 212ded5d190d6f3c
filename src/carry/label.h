/* label: the host's signed word on a medium, a file on it. It changes with every carry, so that a
 * copy of the medium, or the medium put back to an earlier state, is noticed. */
#ifndef KURA_CARRY_LABEL_H
#define KURA_CARRY_LABEL_H

#include "kura/signed.h"

#define LABEL_FILE "kura-label.txt"
#define LABEL_SIZE_LIMIT 4096
#define LABEL_NONCE_SIZE 33 /* 128 random bits in hexadecimal, terminated */

/* Appends the file's text with a fresh nonce. */
MUST_USE enum status label_make(struct buffer *text, char nonce[LABEL_NONCE_SIZE],
                                const char *medium, const struct host_key *host,
                                struct error *error);
/* The nonce of a label that this host wrote for this medium. Anything else: STATUS_UNAUTHENTIC or
 * STATUS_CORRUPT. */
MUST_USE enum status label_read(char nonce[LABEL_NONCE_SIZE], const char *text, size_t size,
                                const char *medium, const struct host_key *host,
                                struct error *error);

#endif
