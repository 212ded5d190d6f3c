/* statement_private: a statement between JSON and memory. */
#ifndef REPO_STATEMENT_PRIVATE_H
#define REPO_STATEMENT_PRIVATE_H

#include "kura/register.h"
#include "repo_private.h"
#include <jansson.h>

#define STATEMENT_DOMAIN "kura/1 statement"
#define STATEMENT_JSON_LIMIT (size_t)(7 * 1024 * 1024)        /* bytes */
#define STATEMENT_ERASURES_LIMIT (2 * (size_t)ERASURES_LIMIT) /* each may be taken back */
#define STATEMENT_SOURCES_LIMIT 10000
/* Every reader of JSON has numbers up to here exactly, and the next one never wraps. */
#define SEQUENCE_LIMIT (UINT64_C(1) << 53)

/* Parses a whole JSON object of at most `limit` bytes; a key that is there twice, a NUL or another
 * nonsense is CORRUPT. */
MUST_USE enum status json_parse(json_t **json, const void *text, size_t size, size_t limit,
                                struct error *error);
/* Members of the right type; false: missing or of another. Texts are borrowed. */
MUST_USE bool json_take_text(const char **text, const json_t *json, const char *key);
MUST_USE bool json_take_count(uint64_t *value, const json_t *json, const char *key);
MUST_USE bool json_take_hex(void *target, size_t size, const json_t *json, const char *key);
MUST_USE bool json_take_moment(struct moment *moment, const json_t *json, const char *key);
/* New references. Text that is not UTF-8 is put in its printable form. */
json_t *json_new_text(const char *text);
json_t *json_new_hex(const void *data, size_t size);
json_t *json_new_moment(struct moment moment);
/* A number of persons, null if it is -1: not counted. Missing is not counted, too. */
json_t *json_new_persons(int64_t persons);
MUST_USE bool json_take_persons(int64_t *persons, const json_t *json);
/* Reads "version", which must be there; UNSUPPORTED if it is newer. */
MUST_USE enum status json_check_version(const json_t *json, struct error *error);
/* Compact, keys sorted: the same content always has the same bytes. */
MUST_USE enum status json_print(struct buffer *text, const json_t *json, struct error *error);

/* NULL: no memory. */
json_t *statement_to_json(const struct statement *statement);
/* Fills all but id, host and standing. On failure the statement is left empty. */
MUST_USE enum status statement_from_json(struct statement *statement, const json_t *json,
                                         struct error *error);

/* The content of a statements/ object: verifies the signature of the host key that it names. The
 * standing is not judged here. `signature` is for whoever looks for repetitions. */
MUST_USE enum status statement_decode(struct statement *statement,
                                      unsigned char signature[SIGN_SIZE],
                                      const unsigned char repository[REPOSITORY_ID_SIZE],
                                      const struct buffer *content, struct error *error);
/* Repository id | JSON: what is signed. */
MUST_USE enum status statement_signed_bytes(struct buffer *bytes,
                                            const unsigned char repository[REPOSITORY_ID_SIZE],
                                            const void *json, size_t size, struct error *error);
/* The word of the root of trust on the statement's host and sequence. */
MUST_USE enum status statement_judge(struct statement *statement, const struct repo *repo,
                                     struct error *error);

#endif
