/* age_private: the parts of which age's writer and reader are made. C2SP age.md. */
#ifndef KURA_KEYS_AGE_PRIVATE_H
#define KURA_KEYS_AGE_PRIVATE_H

#include "kura/keys.h"

#define AGE_CHUNK_SIZE 65536
#define AGE_TAG_SIZE 16
#define AGE_NONCE_SIZE 16
#define AGE_MAC_SIZE 32
#define AGE_BODY_SIZE (AGE_FILE_KEY_SIZE + AGE_TAG_SIZE) /* of the stanzas that we know */
#define AGE_ARMOR_BEGIN "-----BEGIN AGE ENCRYPTED FILE-----"
#define AGE_ARMOR_END "-----END AGE ENCRYPTED FILE-----"
#define AGE_LINE_LENGTH 64 /* base64 characters in a full line of a body or of armor */
#define AGE_LINE_SIZE 48   /* bytes that such a line holds */

/* ------------------------------------------------------------------ input */

/* The bytes of a supply, out of their armor if they are in one. */
struct age_input {
    struct age_supply supply;
    unsigned char raw[8 * 1024];
    size_t raw_at;
    size_t raw_size;
    bool raw_ended;
    bool armored;
    bool armor_ended; /* the last line was seen */
    unsigned char line[AGE_LINE_SIZE];
    size_t line_at;
    size_t line_size;
};

MUST_USE enum status age_input_open(struct age_input *input, struct age_supply supply,
                                    struct error *error);
/* Fills the target; *got < size only at the end. */
MUST_USE enum status age_input_read(struct age_input *input, void *target, size_t size, size_t *got,
                                    struct error *error);
/* The next byte as it is in the supply, or -1 at its end. */
MUST_USE enum status age_input_raw_byte(struct age_input *input, int *byte, struct error *error);

/* Skips white space and the first line of the armor. */
MUST_USE enum status age_armor_begin(struct age_input *input, struct error *error);
/* Decodes the next line into input->line, or sets armor_ended. */
MUST_USE enum status age_armor_next(struct age_input *input, struct error *error);

/* Canonical base64 without padding of exactly `size` bytes. */
MUST_USE bool age_base64_decode(unsigned char *target, size_t size, const char *text,
                                size_t text_size);
/* Appends base64 without padding; at most 48 bytes. */
MUST_USE enum status age_base64_append(struct buffer *text, const unsigned char *data, size_t size,
                                       struct error *error);

/* ------------------------------------------------------------------ header */

/* One "-> TYPE ARGUMENT …" with its body. The arguments are borrowed from the header's text. */
struct age_stanza {
    const char *arguments; /* separated by single spaces */
    size_t arguments_size;
    size_t argument_count;
    unsigned char body[AGE_BODY_SIZE]; /* the first bytes of it */
    size_t body_size;                  /* of all of it */
};

struct age_header {
    struct age_stanza stanzas[AGE_STANZAS_LIMIT];
    size_t count;
    size_t covered; /* bytes under the MAC: up to and with "---" */
    unsigned char mac[AGE_MAC_SIZE];
    size_t size;
};

/* Reads the text of a header, no byte more, without judging it. */
MUST_USE enum status age_header_collect(struct buffer *text, struct age_input *input,
                                        struct error *error);
/* Judges the header at the start of `text`; the payload may follow it. */
MUST_USE enum status age_header_parse(struct age_header *header, const void *text, size_t size,
                                      struct error *error);
/* The argument with this index (0: the type); false if there is none. */
MUST_USE bool age_stanza_argument(const struct age_stanza *stanza, size_t index,
                                  const char **argument, size_t *size);
MUST_USE bool age_stanza_is(const struct age_stanza *stanza, const char *type);
/* STATUS_CORRUPT with the reason. */
enum status age_header_bad(struct error *error, const char *reason);

MUST_USE enum status age_header_start(struct buffer *text, struct error *error);
/* Appends "-> ARGUMENTS", and the body of AGE_BODY_SIZE bytes. */
MUST_USE enum status age_header_append_stanza(struct buffer *text, const char *arguments,
                                              const unsigned char body[AGE_BODY_SIZE],
                                              struct error *error);
/* Appends the line with the MAC under the file key. */
MUST_USE enum status age_header_finish(struct buffer *text, const unsigned char *file_key,
                                       struct error *error);
/* Whether the header's MAC is by the file key. */
MUST_USE bool age_header_verify(const struct age_header *header, const void *text,
                                const unsigned char *file_key);

/* ------------------------------------------------------------------ stanzas */

MUST_USE enum status age_recipient_wrap(struct buffer *header,
                                        const struct age_recipient *recipient,
                                        const unsigned char *file_key, struct error *error);
/* *opened tells whether the X25519 stanza is for this identity. */
MUST_USE enum status age_recipient_unwrap(unsigned char *file_key, bool *opened,
                                          const struct age_stanza *stanza,
                                          const struct age_identity *identity, struct error *error);

MUST_USE enum status age_scrypt_wrap(struct buffer *header, const struct secret_text *passphrase,
                                     unsigned work_factor, const unsigned char *file_key,
                                     struct error *error);
/* Judges an scrypt stanza before anyone is asked for a passphrase or memory is spent. */
MUST_USE enum status age_scrypt_check(const struct age_stanza *stanza, struct error *error);
/* *opened tells whether it is this passphrase. */
MUST_USE enum status age_scrypt_unwrap(unsigned char *file_key, bool *opened,
                                       const struct age_stanza *stanza,
                                       const struct secret_text *passphrase, struct error *error);

/* ------------------------------------------------------------------ payload */

/* The payload is a nonce and chunks, each sealed with ChaCha20-Poly1305 under the payload key:
 *
 *     nonce (16) | 64 KiB + tag (16) | 64 KiB + tag | … | at most 64 KiB + tag
 *
 * The AEAD's nonce is the chunk's number, 11 bytes big-endian, and 1 for the last, else 0. */
struct age_stream {
    unsigned char *key; /* secret memory */
    unsigned char nonce[12];
};

void age_stream_start(struct age_stream *stream, const unsigned char *file_key,
                      const unsigned char nonce[AGE_NONCE_SIZE]);
void age_stream_free(struct age_stream *stream);
/* `target` takes size + AGE_TAG_SIZE. */
void age_stream_seal(struct age_stream *stream, unsigned char *target, const unsigned char *chunk,
                     size_t size, bool last);
/* False, and the stream where it was, unless the chunk is authentic. `size` with its tag. */
MUST_USE bool age_stream_open(struct age_stream *stream, unsigned char *target,
                              const unsigned char *sealed, size_t size, bool last);

/* ------------------------------------------------------------------ whole files */

/* What may open a file. */
struct age_keys {
    const struct age_identity *identities;
    size_t count;
    const struct passphrase_source *passphrase; /* or NULL */
    const char *what_for;                       /* names the file to whoever is asked */
};
MUST_USE enum status age_reader_open_keys(struct age_reader **reader, struct age_supply supply,
                                          const struct age_keys *keys, struct error *error);

/* The file key, AGE_FILE_KEY_SIZE bytes in secret memory; borrowed. Tests look where else it is. */
const unsigned char *age_reader_file_key(const struct age_reader *reader);

/* Opens a file with keys or identities in it: what comes out stays in secret memory. */
MUST_USE enum status age_open_secret(struct secret_text *opened, const void *sealed, size_t size,
                                     const struct age_keys *keys, struct error *error);
/* Seals with a passphrase and appends the armored form. */
MUST_USE enum status age_seal_armored(struct buffer *text, const struct secret_text *content,
                                      const struct secret_text *passphrase, unsigned work_factor,
                                      struct error *error);
/* The first armored file of a text, wherever it is; false if there is none. */
MUST_USE bool age_armor_find(const char **armor, size_t *armor_size, const char *text, size_t size);

#endif
