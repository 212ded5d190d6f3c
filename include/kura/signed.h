/* signed: signatures that other programs verify, too. Part of the room keys.
 *
 * Specifications: minisign (jedisct1/minisign, the prehashed kind only: BLAKE2b-512 under Ed25519),
 * PASETO Version4 public (paseto-standard/paseto-spec), PASERK k4.pid for key ids,
 * C2SP signed-note (Ed25519, type 0x01). All cryptography is libsodium's.
 *
 * One Ed25519 key of a person signs minisign files and PASETO tokens. No bytes signed for one can
 * serve as the other: a token's pre-image starts with a 64-bit count of pieces and "v4.public.",
 * a minisign signature is over a 64-byte hash (the legacy kind, over the data itself, is neither
 * made nor accepted), and its comment's signature starts with the point R of the first one.
 */
#ifndef KURA_SIGNED_H
#define KURA_SIGNED_H

#include "kura/keys.h"

/* ------------------------------------------------------------------ minisign */

#define MINISIGN_KEY_ID_SIZE 8
#define MINISIGN_FILE_LIMIT 8192     /* bytes of a key or signature file that are read */
#define MINISIGN_PUBLIC_TEXT_SIZE 57 /* the base64 line of a public key and its terminator */
#define MINISIGN_COMMENT_SIZE 1024   /* the longest comment that is kept, with its terminator */

struct minisign_public {
    unsigned char key_id[MINISIGN_KEY_ID_SIZE];
    unsigned char key[SIGN_PUBLIC_SIZE];
};
struct minisign_secret {
    struct minisign_public public_key;
    struct signing_key signing;
};

MUST_USE enum status minisign_generate(struct minisign_secret *secret, struct error *error);
/* Writes the pair `path` (0600, sealed with the passphrase as minisign does: scrypt) and
 * `path`.pub (0644); never over existing files, and both or neither. work_factor: log2 of scrypt's
 * N, as for age, from 10 on; minisign reads any. */
MUST_USE enum status minisign_write_pair(const char *path, const struct minisign_secret *secret,
                                         const struct secret_text *passphrase, unsigned work_factor,
                                         struct error *error);
/* The secret file alone: for another passphrase. */
MUST_USE enum status minisign_write_secret(const char *path, const struct minisign_secret *secret,
                                           const struct secret_text *passphrase,
                                           unsigned work_factor, enum file_replace replace,
                                           struct error *error);
/* Whether the file looks like one of minisign's, so that nobody is asked for its passphrase in
 * vain; false also for what cannot be read. */
MUST_USE bool minisign_is_secret(const char *path);
/* Reads a secret key made by us or by minisign, with or without passphrase (-W). A wrong
 * passphrase is STATUS_DENIED; a file that asks for more than 1 GiB of memory is refused. */
MUST_USE enum status minisign_read_secret(struct minisign_secret *secret, const char *path,
                                          const struct passphrase_source *passphrase,
                                          struct error *error);
void minisign_secret_free(struct minisign_secret *secret);

/* A public key as the base64 line alone, or a whole .pub file. */
MUST_USE enum status minisign_public_parse(struct minisign_public *key, const char *text,
                                           size_t size, struct error *error);
MUST_USE enum status minisign_public_read(struct minisign_public *key, const char *path,
                                          struct error *error);
void minisign_public_format(char text[MINISIGN_PUBLIC_TEXT_SIZE],
                            const struct minisign_public *key);

/* Appends a .minisig file's text for `data`. */
MUST_USE enum status minisign_sign(struct buffer *signature, const struct minisign_secret *secret,
                                   const void *data, size_t size, const char *trusted_comment,
                                   struct error *error);
/* Not well-formed: STATUS_CORRUPT; of the legacy kind: STATUS_UNSUPPORTED. By another key, of other
 * data, or with another comment: STATUS_UNAUTHENTIC. The trusted comment is copied unless NULL. */
MUST_USE enum status minisign_verify(char trusted_comment[MINISIGN_COMMENT_SIZE],
                                     const struct minisign_public *key, const void *signature,
                                     size_t signature_size, const void *data, size_t size,
                                     struct error *error);

/* ------------------------------------------------------------------ PASETO v4.public */

#define PASETO_SIZE_LIMIT ((size_t)1024 * 1024) /* characters of a token that are looked at */
#define PASETO_FOOTER_LIMIT 1024
#define PASERK_ID_SIZE 52 /* "k4.pid." and 44 characters, terminated */

/* The key id that a token's footer carries: PASERK k4.pid. */
void paserk_id(char id[PASERK_ID_SIZE], const unsigned char public_key[SIGN_PUBLIC_SIZE]);

/* Appends "v4.public.…" to the token: payload (a JSON text, at most PASETO_SIZE_LIMIT / 2), footer
 * {"kid":"k4.pid.…"}, and the implicit assertion, which the token does not carry. */
MUST_USE enum status paseto_sign(struct buffer *token, const struct signing_key *key,
                                 const void *payload, size_t size, const char *implicit,
                                 struct error *error);
/* The key id of a token's footer, not yet verified: whose key to verify with. A footer that holds
 * anything but one kid is STATUS_CORRUPT; another version or purpose is STATUS_UNSUPPORTED. */
MUST_USE enum status paseto_key_id(char id[PASERK_ID_SIZE], const char *token, size_t size,
                                   struct error *error);
/* The payload of a well-formed token before anything is verified. Only to find out what to verify
 * it with: nothing in it may be believed. */
MUST_USE enum status paseto_peek(struct buffer *payload, const char *token, size_t size,
                                 struct error *error);
/* Verifies and gives the payload (terminated after its size). STATUS_UNAUTHENTIC if the signature
 * is not of this key over these bytes and this implicit assertion; STATUS_CORRUPT if malformed. */
MUST_USE enum status paseto_verify(struct buffer *payload, const char *token, size_t size,
                                   const unsigned char public_key[SIGN_PUBLIC_SIZE],
                                   const char *implicit, struct error *error);

/* ------------------------------------------------------------------ signed notes */

#define NOTE_SIZE_LIMIT 65536
#define NOTE_NAME_SIZE 128 /* the longest key name, with its terminator; no space and no plus */

/* Appends the note: text (which ends in a newline), an empty line, one signature line. */
MUST_USE enum status note_sign(struct buffer *note, const char *text, const char *name,
                               const struct signing_key *key, struct error *error);
/* Whether one of the note's signatures is by this name and key; *text_size: bytes of the text,
 * which is the front of the note. Malformed: STATUS_CORRUPT; none by it: STATUS_UNAUTHENTIC. */
MUST_USE enum status note_verify(size_t *text_size, const char *note, size_t size, const char *name,
                                 const unsigned char public_key[SIGN_PUBLIC_SIZE],
                                 struct error *error);

#endif
