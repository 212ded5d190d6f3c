/* key_lines: "name: value" lines in secret memory, read strictly in a fixed order. */
#ifndef KURA_KEYS_KEY_LINES_H
#define KURA_KEYS_KEY_LINES_H

#include "kura/base.h"

/* What is left to read. Borrows the text. */
struct key_lines {
    const char *at;
    size_t left;
};

/* The next line if it starts with "name: ", or with name NULL any line; each must end with a
 * newline. False, and the line is still the next, otherwise. */
MUST_USE bool key_lines_take(struct key_lines *lines, const char *name, const char **value,
                             size_t *size);
/* The next line as `size` bytes in hexadecimal. */
MUST_USE bool key_lines_take_hex(struct key_lines *lines, const char *name, void *target,
                                 size_t size);
MUST_USE bool key_lines_ended(const struct key_lines *lines);

/* Judges a first line "KIND VERSION": STATUS_UNSUPPORTED for another version than 1, CORRUPT for
 * another kind. */
MUST_USE enum status key_lines_version(struct key_lines *lines, const char *kind,
                                       struct error *error);

MUST_USE enum status key_lines_add(struct secret_text *text, const char *name, const char *value,
                                   size_t size, struct error *error);
MUST_USE enum status key_lines_add_hex(struct secret_text *text, const char *name, const void *data,
                                       size_t size, struct error *error);

#endif
