/* minisign_text: the lines of which minisign's files consist. */
#ifndef KURA_KEYS_MINISIGN_TEXT_H
#define KURA_KEYS_MINISIGN_TEXT_H

#include "kura/signed.h"

#define MINISIGN_ALGORITHM "Ed"        /* in keys, and in signatures over the data itself */
#define MINISIGN_ALGORITHM_HASHED "ED" /* in signatures over the data's BLAKE2b-512 */
#define MINISIGN_ALGORITHM_SIZE 2
#define MINISIGN_COMMENT_START "untrusted comment: "
#define MINISIGN_TRUSTED_START "trusted comment: "

/* Takes the next line if it starts so, and gives what follows; false, and nothing is taken,
 * otherwise. */
bool minisign_take_comment(struct cursor *text, const char *start, const char **comment,
                           size_t *size);
/* Takes the next line as the canonical base64 of exactly `size` bytes. */
MUST_USE bool minisign_take_base64(struct cursor *text, void *target, size_t size);
/* Appends "start" "rest" and a newline. */
MUST_USE enum status minisign_append_line(struct buffer *text, const char *start, const char *rest,
                                          struct error *error);

/* The text of a .pub file. */
MUST_USE enum status minisign_public_compose(struct buffer *text, const struct minisign_public *key,
                                             struct error *error);

#endif
